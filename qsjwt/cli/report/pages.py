"""What the reports of ``check`` and ``decode`` say, and in which order: the verdict, why, and then the token."""

import itertools
import json
import operator
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final
from xml.etree.ElementTree import Element

from qsjwt import __version__
from qsjwt.cli import findings, token_page
from qsjwt.cli.findings import MARKS, by_status
from qsjwt.cli.look import Mark
from qsjwt.cli.report.lifetime import bar
from qsjwt.cli.report.markup import Child, document, element
from qsjwt.cli.token_page import TIMES
from qsjwt.errors import VerificationFailed
from qsjwt.redaction import redacted
from qsjwt.times import to_the_minute
from qsjwt.tokens.dates import is_time, life_of
from qsjwt.tokens.facts import told_time
from qsjwt.tokens.jwt import Token
from qsjwt.tokens.sources import linked

_MAX_VALUE_CHARACTERS: Final = 1_000
"""Of a value that is shown whole at once."""

_START_CHARACTERS: Final = 200
"""Of a longer value, before it is opened."""

_OPTION: Final = re.compile(r"(--[a-z][a-z-]{1,26})(?![a-z-])")
"""Not longer than a line on a phone."""


def check_report(record: Mapping[str, Any], product: str, token: Token | None, now: float) -> str:
    """Return the report of ``check`` as HTML.

    :param record: as ``check -f json`` prints it.
    :param product: what the platform is called.
    :param token: the token; None if it cannot be read.
    :param now: the time to judge by, as a NumericDate.
    """
    broken, unknown, kept = by_status(record["rules"])
    main = [
        *_section("Broken rules", "broken", map(_rule, broken)),
        *_section("Undecided rules", "unknown", map(_rule, unknown)),
        *_token(token, now),
        *_section("Kept rules", "kept", map(_rule, kept)),
    ]
    said = MARKS[record["verdict"]], findings.verdict(product, broken, unknown, kept)
    return _report(f"qsjwt check {record['platform']}", said, main, token, now)


def decode_report(token: Token, failures: Sequence[VerificationFailed], *, has_key: bool, now: float) -> str:
    """Return the report of ``decode`` as HTML; its parameters are those of :func:`qsjwt.cli.token_page.token_page`."""
    doubts = token_page.reasons(failures, has_key=has_key)
    main = [*_section("Why", "why", itertools.starmap(_reason, doubts)), *_token(token, now)]
    return _report("qsjwt decode", token_page.verdict(failures, has_key=has_key), main, token, now)


def _report(kind: str, said: tuple[Mark, str], main: Iterable[Element], token: Token | None, now: float) -> str:
    life = [element("p", "As of ", to_the_minute(now))] if token is None else _life(token, now)
    header = element(
        "header", element("p", kind, class_="kind"), element("h1", *_marked(*said), class_=_look(said[0])), *life
    )
    held = (
        "This file holds the header and the claims of the token, which may say who somebody is, but neither the token "
        "nor its signature: nobody can log in with it. What looks like a key, a token or a password is left out."
    )
    footer = element(
        "footer",
        element("p", held if token else "This file holds nothing of the token, which cannot be read."),
        element("p", f"Written by qsjwt {__version__}. The file loads nothing and runs nothing."),
    )
    return document(f"{said[1]} - {kind}", header, element("main", *main), footer)


def _look(mark: Mark) -> str:
    """Return the class of what has *mark*, for the style sheet."""
    return mark.style


def _marked(mark: Mark, *text: Child) -> tuple[Child, ...]:
    return element("span", mark.sign, class_="mark", aria_hidden="true"), " ", *text


def _section(title: str, name: str, items: Iterable[Element]) -> Iterator[Element]:
    """Yield a section with a list of *items*, unless there are none."""
    listed = list(items)
    if listed:
        heading = element("h2", f"{title} ({len(listed)})", id=name)
        yield element("section", heading, element("ul", *listed, class_="rules"), aria_labelledby=name)


def _rule(rule: Mapping[str, str]) -> Element:
    mark, source = MARKS[rule["status"]], rule["source"]
    lines = [
        element("h3", *_marked(mark, rule["rule"])),
        element("p", *_with_options(rule["message"])),
        *_way_out(mark, rule["hint"]),
        *([element("p", "The response is ", rule["answer"])] if rule["answer"] else []),
        *([element("p", "Source: ", *map(_link, linked(source)), class_="source")] if source else []),
    ]
    return element("li", *lines, class_=_look(mark))


def _reason(mark: Mark, message: str, hint: str) -> Element:
    said = element("p", *_marked(mark, *_with_options(message)))
    return element("li", said, *_way_out(mark, hint), class_=_look(mark))


def _way_out(mark: Mark, hint: str) -> Iterator[Element]:
    if hint:
        title = "To decide it: " if mark is Mark.OPEN else "Way out: "
        yield element("p", title, *_with_options(hint), class_="way")


def _with_options(text: str) -> Iterator[Child]:
    """Yield the pieces of *text*, options as code, which no end of a line breaks."""
    for number, piece in enumerate(_OPTION.split(redacted(text))):  # first, as a secret may hold what looks like one
        yield element("code", piece, class_="option") if number % 2 else piece


def _link(piece: tuple[str, str]) -> Child:
    text, address = piece
    return element("a", text, href=address, rel="noreferrer noopener") if address else text


def _life(token: Token, now: float) -> Iterator[Element]:
    """Yield the bar, if there is a span of time, and below it what it shows, in the order of time."""
    places = [(now, "now", to_the_minute(now))]
    for name in TIMES:
        if is_time(value := token.claims.get(name)):
            places.append((value, name, told_time(name, value, now)))
    places.sort(key=operator.itemgetter(0))
    if life := life_of(token.claims):
        yield bar(*life, now, "; ".join(f"{name}: {text}" for _, name, text in places))
    pairs = (element("div", element("dt", name), element("dd", text)) for _, name, text in places)
    yield element("dl", *pairs, class_="times")


def _token(token: Token | None, now: float) -> Iterator[Element]:
    if token is not None:
        header, claims = token_page.meanings(token)
        yield _members("Claims", "claims", token.claims, claims, now)
        yield _members("Header", "header", token.header, header, now)


def _members(title: str, name: str, members: Mapping[str, Any], known: Mapping[str, str], now: float) -> Element:
    pairs = (element("div", element("dt", key), _value(key, value, known, now)) for key, value in members.items())
    heading = element("h2", title, id=name)
    shown = element("dl", *pairs, class_="pairs") if members else element("p", "None.")
    return element("section", heading, shown, aria_labelledby=name)


def _value(name: str, value: Any, known: Mapping[str, str], now: float) -> Element:
    text = redacted(json.dumps(value, ensure_ascii=False))  # quotes tell "true" from true; half a key looks like none
    shown = element("code", text)
    if len(text) > _MAX_VALUE_CHARACTERS:
        start = element("summary", f"{len(text):,} characters: ", element("code", f"{text[:_START_CHARACTERS]}…"))
        shown = element("details", start, shown)
    said = token_page.told(name, value, known, now)
    return element("dd", shown, *([element("div", said, class_="note")] if said else []))
