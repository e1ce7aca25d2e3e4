"""NumericDates in a token (RFC 7519, section 2): what is wrong with one, and how messages show it."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple, TypeGuard

from qsjwt.errors import InputError
from qsjwt.redaction import quoted
from qsjwt.times import FIRST_SECOND, LAST_SECOND, iso_time, parse_time
from qsjwt.tokens.rules import Broken, Problem, Unknown
from qsjwt.tokens.wording import kind

_WANTED: Final = "write the seconds since 1970 in UTC, such as 1767225600 for 2026-01-01T00:00:00Z"
_UNITS: Final = {1_000: "milliseconds", 1_000_000: "microseconds", 1_000_000_000: "nanoseconds"}


class Fault(NamedTuple):
    """Why a value is no NumericDate.

    :ivar message: one sentence that names the claim.
    :ivar hint: the way out.
    """

    message: str
    hint: str


def fault_of(name: str, value: object, *, whole: bool = False) -> Fault | None:
    """Return why *value*, the claim *name*, is no NumericDate that a calendar has; None if it is one.

    :param whole: refuse fractions of seconds too.
    """
    wanted = "a whole number of seconds" if whole else "a number of seconds"
    if isinstance(value, bool) or not isinstance(value, int | float):
        hint = _written(value) if isinstance(value, str) else _WANTED
        return Fault(f"the claim {quoted(name)} must be {wanted}, not {kind(value)}", hint)
    if whole and value % 1:
        return Fault(f"the claim {quoted(name)} must be {wanted}, not a fraction", "")
    if FIRST_SECOND <= value <= LAST_SECOND:
        return None
    if value < 0:
        return Fault(f"the claim {quoted(name)} is before the year 1, which no calendar has", _WANTED)
    message = f"the claim {quoted(name)} is after the year 9999"
    divisor = next((divisor for divisor in _UNITS if value / divisor <= LAST_SECOND), None)
    if divisor is None:
        return Fault(message, _WANTED)
    return Fault(f"{message}: it must be in seconds, not {_UNITS[divisor]}", f"divide it by {divisor}")


def moment(seconds: float) -> str:
    """Return a NumericDate for a message: in ISO 8601, or in seconds if no calendar has it."""
    return iso_time(seconds) or f"{float(seconds):g} s after 1970"


def is_time(value: object) -> TypeGuard[int | float]:
    """Tell whether *value* is a number that a calendar has as a time, or nearly so."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LAST_SECOND


def life_of(claims: Mapping[str, Any]) -> tuple[float, float] | None:
    """Return from when to when a token is valid, by nbf or else iat, and exp; None if that is not a span of time."""
    start = next((claims[name] for name in ("nbf", "iat") if name in claims), None)
    end = claims.get("exp")
    return (start, end) if is_time(start) and is_time(end) and start < end else None


def _written(text: str) -> str:
    """Return how to write what *text* says as a NumericDate."""
    if re.fullmatch(r"-?[0-9]+(?:\.[0-9]+)?", text.strip()):
        return "leave out the quotes"
    try:
        return f"write {int(parse_time(text))}, the seconds since 1970 of that time in UTC"
    except InputError:
        return _WANTED


def _refuse_past(_name: str, value: float, now: float) -> Iterable[Problem]:
    return [Broken(f"the token expired at {moment(value)}", "create a new one")] if value <= now else ()


def refuse_future(name: str, value: float, now: float) -> Iterable[Problem]:
    """Return the problem that the time *value* of the claim *name* is after *now*, if it is."""
    if value <= now:
        return ()
    message = "is not valid before" if name == "nbf" else f"is from the future: {name} is"
    return [Broken(f"the token {message} {moment(value)}", "wait, or create one with a larger --clock-skew")]


def _doubt_future(name: str, value: float, now: float) -> Iterable[Problem]:
    return [Unknown(f"the token is from the future ({name}); no document says what follows")] if value > now else ()


COMPARISONS: Final = {"exp": _refuse_past, "nbf": refuse_future, "iat": _doubt_future}
"""Claim to the problems of its time, beside what it is *now*."""
