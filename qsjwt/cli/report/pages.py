"""What the reports of ``check`` and ``decode`` say, and in which order: the verdict, why, and then the token."""

import json
import operator
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from xml.etree.ElementTree import Element

from qsjwt import __version__
from qsjwt.cli.findings import MARKS, by_status, verdict
from qsjwt.cli.report.lifetime import bar
from qsjwt.cli.report.markup import Child, document, element
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

_TIMES: Final = ("iat", "nbf", "exp")
_STATUS: Final = {"valid": "ok", "invalid": "broken", "not verified": "unknown"}
"""The verdict of ``decode`` to what looks the same in ``check``."""


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
    said = verdict(product, broken, unknown, kept)
    return _report(f"qsjwt check {record['platform']}", record["verdict"], said, main, now=now, token=token)


def decode_report(record: Mapping[str, Any], token: Token, now: float) -> str:
    """Return the report of ``decode`` as HTML; its parameters are as those of :func:`check_report`."""
    status, said, main = _STATUS[record["verdict"]], f"The token is {record['verdict']}", _token(token, now)
    return _report("qsjwt decode", status, said, main, now=now, token=token, why=record["reasons"])


def _report(
    kind: str,
    status: str,
    said: str,
    main: Iterable[Element],
    *,
    now: float,
    token: Token | None,
    why: Iterable[str] = (),
) -> str:
    life = [element("p", "As of ", to_the_minute(now))] if token is None else _life(token, now)
    header = element(
        "header",
        element("p", kind, class_="kind"),
        element("h1", *_marked(status, said), class_=status),
        *(element("p", reason, class_="way") for reason in why),
        *life,
    )
    footer = element(
        "footer",
        element(
            "p",
            "This file holds the header and the claims of the token, which may say who somebody is, but neither the ",
            "token nor its signature: nobody can log in with it. ",
            "What looks like a key, a token or a password is left out.",
        ),
        element("p", f"Written by qsjwt {__version__}. The file loads nothing and runs nothing."),
    )
    return document(f"{said} - {kind}", header, element("main", *main), footer)


def _marked(status: str, text: str) -> tuple[Child, ...]:
    return element("span", MARKS[status].value[0], class_="mark", aria_hidden="true"), " ", text


def _section(title: str, name: str, items: Iterable[Element]) -> Iterator[Element]:
    """Yield a section with a list of *items*, unless there are none."""
    listed = list(items)
    if listed:
        heading = element("h2", f"{title} ({len(listed)})", id=name)
        yield element("section", heading, element("ul", *listed, class_="rules"), aria_labelledby=name)


def _rule(rule: Mapping[str, str]) -> Element:
    status = rule["status"]
    way = "To decide it: " if status == "unknown" else "Way out: "
    lines = [
        element("h3", *_marked(status, rule["rule"])),
        element("p", *_with_options(rule["message"])),
        *([element("p", way, *_with_options(rule["hint"]), class_="way")] if rule["hint"] else []),
        *([element("p", "The response is ", rule["answer"])] if rule["answer"] else []),
        *([element("p", "Source: ", *map(_link, linked(rule["source"])), class_="source")] if rule["source"] else []),
    ]
    return element("li", *lines, class_=status)


def _with_options(text: str) -> Iterator[Child]:
    """Yield the pieces of *text*, options as code, which no end of a line breaks."""
    for number, piece in enumerate(_OPTION.split(text)):
        yield element("code", piece, class_="option") if number % 2 else piece


def _link(piece: tuple[str, str]) -> Child:
    text, address = piece
    return element("a", text, href=address, rel="noreferrer noopener") if address else text


def _life(token: Token, now: float) -> Iterator[Element]:
    """Yield the bar, if there is a span of time, and below it what it shows, in the order of time."""
    told = [(now, "now", to_the_minute(now))]
    for name in _TIMES:
        if text := _told(name, token.claims.get(name), now):
            told.append((token.claims[name], name, text))
    told.sort(key=operator.itemgetter(0))
    if span := life_of(token.claims):
        yield bar(*span, now, "; ".join(f"{name}: {text}" for _, name, text in told))
    pairs = (element("div", element("dt", name), element("dd", text)) for _, name, text in told)
    yield element("dl", *pairs, class_="times")


def _told(name: str, value: Any, now: float) -> str:
    """Return what a time claim comes to; empty if it is no time."""
    return told_time(name, value, now) if is_time(value) else ""


def _token(token: Token | None, now: float) -> Iterator[Element]:
    if token is not None:
        yield _members("Claims", "claims", token.claims, now)
        yield _members("Header", "header", token.header, now)


def _members(title: str, name: str, members: Mapping[str, Any], now: float) -> Element:
    pairs = (element("div", element("dt", key), _value(key, value, now)) for key, value in members.items())
    heading = element("h2", title, id=name)
    shown = element("dl", *pairs, class_="pairs") if members else element("p", "None.")
    return element("section", heading, shown, aria_labelledby=name)


def _value(name: str, value: Any, now: float) -> Element:
    text = redacted(json.dumps(value, ensure_ascii=False))  # quotes tell "true" from true; half a key looks like none
    if len(text) > _MAX_VALUE_CHARACTERS:
        start = element("summary", f"{len(text):,} characters: ", element("code", f"{text[:_START_CHARACTERS]}…"))
        return element("dd", element("details", start, element("code", text)))
    told = _told(name, value, now) if name in _TIMES else ""
    return element("dd", element("code", text), *([element("div", told, class_="note")] if told else []))
