"""Time spans as people type them, and points in time: NumericDate (RFC 7519, section 2) to ISO 8601 and back."""

import functools
import re
from typing import Final, NamedTuple

from qsjwt.errors import InputError
from qsjwt.redaction import quoted

LAST_SECOND: Final = 253_402_300_799
"""9999-12-31T23:59:59Z: the last time of ISO 8601 with four digits of year, and of X.509 (RFC 5280, 4.1.2.5)."""

FIRST_SECOND: Final = -62_135_596_800
"""0001-01-01T00:00:00Z: the first time of Python's calendar."""

# A year is 365.25 days, as in qs-jwt (its library "ms"), so that "5y" keeps its meaning.
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800, "y": 31_557_600}
_PART: Final = r"(?:(\d{1,15}(?:\.\d{1,9})?)%s)?"
_DURATION: Final = "(-?)" + "".join(_PART % unit for unit in reversed(_SECONDS))
_EXAMPLES: Final = "write numbers and s, m, h, d, w or y, such as 60m, 1h30m, 365d or 5y"
_EXAMPLE_TIMES: Final = "2026-12-01 or 2026-12-01T08:00Z"
_DATE: Final = r"\d{4}-\d"
"""What begins like this is meant as a point in time."""


class PointInTime(NamedTuple):
    """A point in time where a duration could stand.

    :ivar seconds: a NumericDate (RFC 7519, section 2).
    """

    seconds: int


def parse_duration(text: str) -> int:
    """Return the seconds that *text* stands for, zero or more; errors continue "invalid value for --option:".

    :param text: numbers and units, the longest first and each once: y (365.25 days), w, d (86,400 s), h, m and s, in
        upper or lower case.
    :raises InputError: if it has no unit, is negative or is not a duration at all.
    """
    return _seconds(text, "must be a number and a unit", _EXAMPLES)


def _seconds(text: str, rule: str, hint: str) -> int:
    match = re.fullmatch(_DURATION, text.strip(), re.ASCII | re.IGNORECASE)
    if match is None or not any(match.groups()[1:]):
        if re.fullmatch(r"-?\d+(\.\d+)?", text.strip(), re.ASCII):
            rule = "must have a unit"
        raise InputError(f"{quoted(text)} ({rule})", hint=hint)
    sign, *numbers = match.groups()
    if sign:
        raise InputError(f"{quoted(text)} (must not be negative)", hint=hint)
    return sum(
        round(float(number) * size) if "." in number else int(number) * size
        for number, size in zip(numbers, reversed(_SECONDS.values()), strict=True)
        if number
    )


def parse_lifetime(text: str) -> int:
    """Return the seconds that *text* stands for, at least one.

    :raises InputError: as :func:`parse_duration`, and for less than a second.
    """
    return _above_zero(parse_duration(text), text, _EXAMPLES)


def _above_zero(seconds: int, text: str, hint: str) -> int:
    if seconds == 0:
        raise InputError(f"{quoted(text)} (must be longer than zero)", hint=hint)
    return seconds


def parse_expiry(text: str) -> int | PointInTime:
    """Return the seconds that *text* stands for, at least one, or a point in time.

    :param text: as for :func:`parse_lifetime`, or a date or date and time in ISO 8601 (UTC if it names no zone; a date
        alone is its beginning).
    :raises InputError: if it is neither.
    """
    hint = f"{_EXAMPLES}, or a point in time, such as {_EXAMPLE_TIMES}"
    if re.match(_DATE, text.strip(), re.ASCII):
        try:
            return PointInTime(int(_numeric_date(text)))
        except ValueError:
            raise InputError(
                f"{quoted(text)} (must be a date, or a date and a time, that the calendar has)",
                hint=f"write {_EXAMPLE_TIMES}; a zone is Z or an offset, such as +01:00",
            ) from None
    return _above_zero(_seconds(text, "must be a duration or a point in time", hint), text, hint)


def format_duration(seconds: int) -> str:
    """Return *seconds* in the unit that people would use, as "60 min", "48 h" or "365 d"."""
    for size, name, least in ((86_400, "d", 3), (3_600, "h", 2), (60, "min", 1)):
        if seconds % size == 0 and seconds >= least * size:
            return f"{seconds // size} {name}"
    return f"{seconds} s"


_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def rounded_duration(seconds: float) -> str:
    """Return *seconds*, zero or more, in their two largest units, rounded down, as "7 h 58 min"."""
    left, parts = int(seconds), []
    for size, name in _UNITS:
        number, left = divmod(left, size)
        parts.append(f"{number} {name}" if number else "")
    first = next((place for place, part in enumerate(parts) if part), len(parts))
    return " ".join(filter(None, parts[first : first + 2])) or "0 s"


def to_the_minute(seconds: float) -> str:
    """Return a NumericDate (RFC 7519, section 2) for people, as "2026-11-28 00:13 UTC"; empty if no calendar has it."""
    return text[:16].replace("T", " ") + " UTC" if (text := iso_time(seconds)) else ""


def local_time(seconds: float) -> str:
    """Return a NumericDate in the time zone of this machine, as "01:13", with the date if that is not the one in UTC.

    :return: empty where the zone is UTC, or its calendar lacks that time.
    """
    from datetime import UTC, datetime, timedelta

    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
        local = moment.astimezone()
    except (OSError, OverflowError, ValueError):
        return ""
    if not local.utcoffset():
        return ""
    return f"{local:%H:%M}" if local.date() == moment.date() else f"{local:%Y-%m-%d %H:%M}"


# Eight digits are a date: 20261123.
_NUMERIC_DATE: Final = r"(?!\d{8}$)\d{1,12}(\.\d{1,6})?"


def iso_time(seconds: object) -> str | None:
    """Return a NumericDate (RFC 7519, section 2) in ISO 8601, UTC; None if it is no number that a calendar has."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    return _iso_time(seconds)


@functools.lru_cache(maxsize=16)
def _iso_time(seconds: float) -> str | None:
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
    try:
        return float(text) if re.fullmatch(_NUMERIC_DATE, text, re.ASCII) else _numeric_date(text)
    except ValueError:
        raise InputError(
            f"{quoted(text)} (must be a point in time)",
            hint="write ISO 8601, such as 2026-11-23T19:00:00Z, or seconds since 1970",
        ) from None


def _numeric_date(text: str) -> float:
    """Return the NumericDate of a time in ISO 8601, in UTC if it names no zone.

    :raises ValueError: if it is none.
    """
    from datetime import UTC, datetime

    moment = datetime.fromisoformat(text.strip())
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
