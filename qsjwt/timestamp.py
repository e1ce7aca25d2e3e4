"""Points in time: NumericDate (RFC 7519, section 2) to ISO 8601 and back."""

import re
from datetime import UTC, datetime
from typing import Final

from qsjwt.errors import InputError
from qsjwt.redaction import quoted

# Eight digits are a date: 20261123.
_SECONDS: Final = re.compile(r"(?!\d{8}$)\d{1,12}(\.\d{1,6})?", re.ASCII)


def iso_time(seconds: object) -> str | None:
    """Return a NumericDate (RFC 7519, section 2) in ISO 8601, UTC; None if it is no number that a calendar has."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None
    return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds").replace("+00:00", "Z")


def parse_time(text: str) -> float:
    """Return the NumericDate that *text* stands for.

    :param text: ISO 8601 (UTC if it names no zone) or seconds since 1970.
    :raises InputError: if it is neither.
    """
    try:
        if _SECONDS.fullmatch(text):
            return float(text)
        moment = datetime.fromisoformat(text.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except ValueError:
        raise InputError(
            f"{quoted(text)} is not a time", hint="write ISO 8601, such as 2026-11-23T19:00:00Z, or seconds since 1970"
        ) from None
