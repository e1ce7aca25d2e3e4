"""Time spans as people type them, and points in time: NumericDate (RFC 7519, section 2) to ISO 8601 and back."""

import re
from typing import Final

from qsjwt.errors import InputError
from qsjwt.redaction import quoted

LAST_SECOND: Final = 253_402_300_799
"""9999-12-31T23:59:59Z: the last time of ISO 8601 with four digits of year, and of X.509 (RFC 5280, 4.1.2.5)."""

FIRST_SECOND: Final = -62_135_596_800
"""0001-01-01T00:00:00Z: the first time of Python's calendar."""

# A year is 365.25 days, as in qs-jwt (its library "ms"), so that "5y" keeps its meaning.
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800, "y": 31_557_600}
_DURATION: Final = re.compile(r"(-?)(\d{1,15}(?:\.\d{1,9})?)([smhdwy])", re.ASCII)
_EXAMPLES: Final = "write a number and s, m, h, d, w or y, such as 60m, 48h, 365d or 5y"


def parse_duration(text: str) -> int:
    """Return the seconds that *text* stands for, zero or more; errors continue "invalid value for --option:".

    :param text: a number and a unit: s, m, h, d (86,400 s), w or y (365.25 days).
    :raises InputError: if it has no unit, is negative or is not a duration at all.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        if re.fullmatch(r"-?[\d.]+", text.strip(), re.ASCII):
            raise InputError(f"{quoted(text)} (must have a unit)", hint=_EXAMPLES)
        raise InputError(f"{quoted(text)} (must be a number and a unit)", hint=_EXAMPLES)
    sign, number, unit = match.groups()
    seconds = round(float(number) * _SECONDS[unit]) if "." in number else int(number) * _SECONDS[unit]
    if sign:
        raise InputError(f"{quoted(text)} (must not be negative)", hint=_EXAMPLES)
    return seconds


def parse_lifetime(text: str) -> int:
    """Return the seconds that *text* stands for, at least one.

    :raises InputError: as :func:`parse_duration`, and for less than a second.
    """
    seconds = parse_duration(text)
    if seconds == 0:
        raise InputError(f"{quoted(text)} (must be longer than zero)", hint=_EXAMPLES)
    return seconds


def format_duration(seconds: int) -> str:
    """Return *seconds* in the unit that people would use, as "60 min", "48 h" or "365 d"."""
    for size, name, least in ((86_400, "d", 3), (3_600, "h", 2), (60, "min", 1)):
        if seconds % size == 0 and seconds >= least * size:
            return f"{seconds // size} {name}"
    return f"{seconds} s"


# Eight digits are a date: 20261123.
_NUMERIC_DATE: Final = re.compile(r"(?!\d{8}$)\d{1,12}(\.\d{1,6})?", re.ASCII)


def iso_time(seconds: object) -> str | None:
    """Return a NumericDate (RFC 7519, section 2) in ISO 8601, UTC; None if it is no number that a calendar has."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    from datetime import UTC, datetime, timedelta  # 3 ms that a token without one does not pay

    try:
        # Not fromtimestamp(), which on Windows knows no time before 1970.
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    except (OverflowError, ValueError):
        return None
    return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds").replace("+00:00", "Z")


def parse_time(text: str) -> float:
    """Return the NumericDate that *text* stands for.

    :param text: ISO 8601 (UTC if it names no zone) or seconds since 1970.
    :raises InputError: if it is neither.
    """
    from datetime import UTC, datetime

    try:
        if _NUMERIC_DATE.fullmatch(text):
            return float(text)
        moment = datetime.fromisoformat(text.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except ValueError:
        raise InputError(
            f"{quoted(text)} (must be a point in time)",
            hint="write ISO 8601, such as 2026-11-23T19:00:00Z, or seconds since 1970",
        ) from None
