"""Rules that several platforms have: each function yields a finding if a token breaks its rule.

``sound = yield from …`` tells the caller whether there was none.
"""

import functools
import math
from collections.abc import Collection, Generator, Mapping
from typing import Any, Final, TypeAlias, TypeGuard

from qsjwt.redaction import quoted
from qsjwt.times import LAST_SECOND, format_duration
from qsjwt.tokens.jwt import Token, moment
from qsjwt.tokens.platform import Finding, Rule

_DAY: Final = 86_400

Verdict: TypeAlias = Generator[Finding, None, bool]
"""Yields findings, and returns whether there was none."""


def algorithm(rule: Rule, token: Token, accepted: Collection[str], who: str) -> Verdict:
    """``alg`` is one of *accepted* (RFC 7515, section 4.1.1)."""
    found = token.header.get("alg")
    if found in accepted:
        return True
    yield rule.broken(
        f"the algorithm is {quoted(str(found))}, and {who} takes {' and '.join(accepted)}",
        f"use --algorithm {next(iter(accepted))}",
    )
    return False


def key_id(rule: Rule, token: Token, who: str) -> Verdict:
    """``kid`` is in the header and not empty (RFC 7515, section 4.1.4)."""
    if is_text(token.header.get("kid")):
        return True
    if "kid" in token.header:
        state = "the key ID in the header (kid) is empty or no text"
    elif "kid" in token.claims:
        state = "the key ID (kid) is among the claims, and its place is the header"
    elif other := similar(token.header, "kid"):
        state = f"the header's key ID is called {quoted(other)} instead of kid"
    else:
        state = "the header has no key ID (kid)"
    yield rule.broken(f"{state}, by which {who} finds the key", "use --keyid")
    return False


def text(
    rule: Rule,
    claims: Mapping[str, Any],
    name: str,
    who: str,
    *,
    required: bool = True,
    hint: str = "",
    title: str = "",
) -> Verdict:
    """The claim *name* is a text that is not empty.

    :param title: what the claim holds, if its name does not say so, such as "the user ID".
    """
    if is_text(value := claims.get(name)):
        return True
    called = f"{title} (claim {quoted(name)})" if title else f"the claim {quoted(name)}"
    if name not in claims:
        return (yield from missing(rule, claims, name, who, required=required, hint=hint, called=called))
    if isinstance(value, str):
        yield rule.broken(f"{called} is empty", hint)
    else:
        yield rule.broken(f"{called} is {kind(value)}, and {who} wants a text", hint)
    return False


def missing(
    rule: Rule,
    claims: Mapping[str, Any],
    name: str,
    who: str,
    *,
    required: bool = True,
    hint: str = "",
    called: str = "",
) -> Verdict:
    """The claim *name*, which is not there, is not there under a similar name either, and is not *required*.

    :param called: how the message calls it; default by its name.
    """
    if other := similar(claims, name):
        message = f"the claim {quoted(other)} is not the {quoted(name)} that {who} reads: each letter of a name counts"
        yield rule.absent(message, hint) if required else rule.broken(message, hint, answer="")
    elif required:
        yield rule.absent(f"{called or f'the claim {quoted(name)}'} is missing, and {who} needs it", hint)
    else:
        return True
    return False


def number(
    rule: Rule, claims: Mapping[str, Any], name: str, who: str, *, required: bool = True, whole: bool = True
) -> Verdict:
    """The claim *name* is a NumericDate (RFC 7519, section 2) that a calendar has.

    :param whole: refuse fractions of seconds too.
    """
    if name not in claims:
        return (yield from missing(rule, claims, name, who, required=required))
    value = claims[name]
    if not is_number(value) or (whole and value % 1):
        wanted = "a whole number of seconds" if whole else "a number of seconds"
        yield rule.broken(
            f"the claim {name} is {kind(value)}, and {who} wants {wanted}",
            "leave out the quotes" if isinstance(value, str) else "",
            answer="",
        )
    elif value > LAST_SECOND:
        yield rule.broken(
            f"the claim {name} lies beyond the year 9999, as milliseconds do, and {who} wants seconds",
            "divide it by 1000",
            answer="",
        )
    else:
        return True
    return False


def time(
    rule: Rule,
    claims: Mapping[str, Any],
    name: str,
    now: float,
    who: str,
    *,
    required: bool = True,
    whole: bool = True,
) -> Verdict:
    """The claim *name* is as :func:`number` says; ``exp`` is to come, ``nbf`` is past, and ``iat`` may well be.

    :param whole: refuse fractions of seconds too.
    """
    sound = yield from number(rule, claims, name, who, required=required, whole=whole)
    if not sound or name not in claims:
        return sound
    value = claims[name]
    if name == "exp" and value <= now:
        yield rule.broken(f"the token expired at {moment(value)}", "create a new one")
    elif name == "nbf" and value > now:
        yield rule.broken(
            f"the token is not valid before {moment(value)}", "wait, or create one with a larger --clock-skew"
        )
    elif name == "iat" and value > now:
        yield rule.unknown("the token was issued in the future (iat), of which no document says what comes of it")
    else:
        return True
    return False


def window(rule: Rule, claims: Mapping[str, Any], start: str, longest: int, who: str) -> Verdict:
    """``exp`` lies at most *longest* seconds after the claim *start*, as far as both are times."""
    first, last = claims.get(start), claims.get("exp")
    if not _is_time(first) or not _is_time(last) or last - first <= longest:
        return True
    yield rule.broken(
        f"the token would be valid for {_span(last - first)}, but {who} accepts at most "
        f"{format_duration(longest)} between {start} and exp",
        f"use --expires {longest // 60}m or less, and a --clock-skew that is far below it",
    )
    return False


def groups(rule: Rule, claims: Mapping[str, Any], name: str, who: str) -> Verdict:
    """The claim *name*, if it is there, is a list of texts that are not empty."""
    value = claims.get(name, [])
    if not isinstance(value, list):
        yield rule.broken(f"the claim {quoted(name)} is {kind(value)}, and {who} wants a list of texts")
        return False
    return (yield from _texts(rule, name, value))


def attribute(rule: Rule, claims: Mapping[str, Any], name: str, who: str) -> Verdict:
    """The claim *name*, if it is there, is a text that is not empty, or a list of such texts."""
    value = claims.get(name)
    if isinstance(value, list):
        return (yield from _texts(rule, name, value))
    return (yield from text(rule, claims, name, who)) if name in claims else True


def _texts(rule: Rule, name: str, values: list[Any]) -> Verdict:
    for value in values:
        if not is_text(value):
            state = "an empty text" if isinstance(value, str) else kind(value)
            yield rule.broken(f"the claim {quoted(name)} has {state} in its list of texts", "leave that out")
            return False
    return True


def is_text(value: object) -> TypeGuard[str]:
    """Tell whether *value* is a text that is not empty."""
    return isinstance(value, str) and bool(value.strip())


def is_number(value: object) -> TypeGuard[int | float]:
    """Tell whether *value* is a number of JSON; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def kind(value: object) -> str:
    """Return what *value* is, in the words of JSON (RFC 8259, section 3)."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number with a fraction" if value % 1 else "a number"
        case str():
            return "a text"
        case list():
            return "a list"
        case _:
            return "an object"


def similar(part: Mapping[str, Any], name: str) -> str | None:
    """Return the member that is *name* but for upper and lower case, dashes and underscores, if there is one."""
    plain = _plain(name)
    return next((other for other in part if _plain(other) == plain), None)


@functools.lru_cache(256)
def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").casefold()


def _is_time(value: object) -> TypeGuard[int | float]:
    return is_number(value) and abs(value) <= LAST_SECOND


def _span(seconds: float) -> str:
    if seconds > 2 * _DAY and seconds % _DAY:
        return f"more than {int(seconds // _DAY)} d"
    return format_duration(math.ceil(seconds))
