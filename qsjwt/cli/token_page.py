"""A token for people, as ``decode`` shows it: verdict, header and claims with what they mean, and its life as a bar."""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from qsjwt.cli.look import Mark, Page, Piece
from qsjwt.errors import VerificationFailed
from qsjwt.redaction import redacted
from qsjwt.times import local_time
from qsjwt.tokens.dates import is_time, life_of
from qsjwt.tokens.facts import told_time
from qsjwt.tokens.jwt import Token
from qsjwt.tokens.rules import KEY_OPTION

_FAMILIES: Final = {"RS": "RSA (PKCS #1 v1.5)", "PS": "RSA (PSS)", "ES": "elliptic curve", "HS": "shared secret, HMAC"}
_HEADER: Final = {"typ": "kind of token", "kid": "key ID: Qlik Cloud finds the key by it"}
_CLAIMS: Final = {
    "iss": "issuer: Qlik Cloud finds the identity provider by it",
    "sub": "subject: Qlik Cloud knows the user by it",
    "aud": "audience: whom the token is for",
    "subType": "kind of subject, for Qlik Cloud",
    "jti": "identifier: Qlik Cloud takes each once",
    "userId": "user ID, for Qlik Sense",
    "userDirectory": "user directory, for Qlik Sense",
    "name": "the user's name",
    "email": "the user's email address",
    "email_verified": "whether the address is known to be the user's",
    "groups": "the user's groups, for Qlik Cloud",
    "group": "the user's groups, for Qlik Sense",
    "domain": "the user's domain, for NPrinting",
}
"""What members mean at Qlik, under the names that they have unless an administrator has chosen others."""

TIMES: Final = ("iat", "nbf", "exp")
"""Claims that are points in time (RFC 7519, section 4.1)."""

_MAX_BAR: Final = 72
"""Columns: a longer one says no more."""


def token_page(token: Token, failures: Sequence[VerificationFailed], *, has_key: bool, now: float) -> Page:
    """Return what ``decode`` found.

    :param failures: why the token is not valid.
    :param has_key: whether there was a key to verify the signature with.
    :param now: the time to judge by, as a NumericDate.
    """
    page = Page()
    page.verdict(*verdict(failures, has_key=has_key))
    doubts = [*reasons(failures, has_key=has_key)]
    if doubts:
        page.gap()
    for mark, message, hint in doubts:
        page.marked(mark, "", redacted(message))
        if hint:
            page.way_out(redacted(hint), indent=2)
    header, claims = meanings(token)
    _members(page, "Header", token.header, header, now)
    _members(page, "Claims", token.claims, claims, now)
    if life := life_of(token.claims):
        page.gap()
        _bar(page, "nbf" if "nbf" in token.claims else "iat", *life, now)
    return page


def verdict(failures: Sequence[VerificationFailed], *, has_key: bool) -> tuple[Mark, str]:
    """Return what it comes to; the parameters are those of :func:`token_page`."""
    if failures:
        faults = "1 fault" if len(failures) == 1 else f"{len(failures)} faults"
        return Mark.BAD, f"The token is not valid: {faults}"
    return (Mark.GOOD, "The token is valid") if has_key else (Mark.OPEN, "The token is not verified")


def reasons(failures: Sequence[VerificationFailed], *, has_key: bool) -> Iterator[tuple[Mark, str, str]]:
    """Yield why it comes to that: a mark, what there is to say, and the way out, if there is one."""
    for failure in failures:
        yield Mark.BAD, failure.message, failure.hint
    if not has_key:
        yield Mark.OPEN, "there is no key to verify the signature with", f"use {KEY_OPTION}"


def meanings(token: Token) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Return what members of the header, and claims, mean at Qlik, by their names."""
    return {**_HEADER, "alg": _algorithm(token.header)}, _CLAIMS


def told(name: str, value: Any, known: Mapping[str, str], now: float) -> str:
    """Return what a member comes to, if it is a time, or else what it means; empty if there is nothing to say.

    :param known: of :func:`meanings`.
    """
    return told_time(name, value, now) if name in TIMES and is_time(value) else known.get(name, "")


def _algorithm(header: Mapping[str, Any]) -> str:
    name = str(header.get("alg", ""))
    family = _FAMILIES.get(name[:2])
    return f"{family} and SHA-{name[2:]}" if family else ""


def _members(page: Page, title: str, members: Mapping[str, Any], known: Mapping[str, str], now: float) -> None:
    page.section(title)
    page.fields([(name, _value(page, name, value, known, now)) for name, value in members.items()])


def _value(page: Page, name: str, value: Any, known: Mapping[str, str], now: float) -> list[Piece]:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    said = told(name, value, known, now)
    if name in TIMES and is_time(value):
        local = local_time(value) if page.screen.is_terminal else ""
        return [text, said + (f", {local} here" if local else "")]
    return [text, *([(said, "faint")] if said else [])]


def _bar(page: Page, start_name: str, start: float, end: float, now: float) -> None:
    """Add a bar from *start* to *end* with the present on it, and below it what its places are."""
    first, last = min(start, now), max(end, now)
    width = min(page.screen.columns - 4, _MAX_BAR)
    left, right, present = (round((time - first) / (last - first) * (width - 1)) for time in (start, end, now))
    signs = {"now": "●", "spent": "─", "left": "━", "out": "·"}
    if not page.screen.is_unicode:
        signs = {"now": "|", "spent": "-", "left": "=", "out": "."}
    styles = {"now": "name", "spent": "faint", "left": "good", "out": "faint"}

    def place(at: int) -> str:
        if at == present:
            return "now"
        return ("spent" if at < present else "left") if left <= at <= right else "out"

    runs = ((kind, len([*run])) for kind, run in itertools.groupby(map(place, range(width))))
    page.line(*((signs[kind] * count, styles[kind]) for kind, count in runs), indent=2)
    for line in _labels([(present, "now"), (left, start_name), (right, "exp")], width):
        page.line(line, indent=2)


def _labels(labels: Sequence[tuple[int, str]], width: int) -> Iterator[str]:
    """Yield lines with each of *labels* below its place; one that would touch another is a line further down."""
    lines: list[str] = []
    for place, label in sorted(labels):
        begin = min(max(place - len(label) // 2, 0), width - len(label))
        free = next((number for number, line in enumerate(lines) if len(line) < begin), len(lines))
        lines[free:] = [(lines[free] if free < len(lines) else "").ljust(begin) + label, *lines[free + 1 :]]
    yield from lines
