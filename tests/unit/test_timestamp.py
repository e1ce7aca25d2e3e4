"""Points in time."""

import pytest

from qsjwt.errors import InputError
from qsjwt.times import iso_time, parse_time


def test_a_numeric_date_is_shown_in_utc() -> None:
    assert iso_time(1_795_461_156) == "2026-11-23T19:12:36Z"
    assert iso_time(0.25) == "1970-01-01T00:00:00.250Z"


@pytest.mark.parametrize("seconds", [1e300, -1e300, float("inf"), float("nan"), True, None, "1795461156", []])
def test_what_is_no_date_is_none(seconds: object) -> None:
    assert iso_time(seconds) is None


@pytest.mark.parametrize(
    "text", ["2026-11-23T19:12:36Z", "2026-11-23T20:12:36+01:00", "2026-11-23 19:12:36", "1795461156", "1795461156.0"]
)
def test_a_time_is_iso_8601_or_seconds_and_utc_without_a_zone(text: str) -> None:
    assert parse_time(text) == 1_795_461_156


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-13-01", "-5", "9" * 400])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is not a time"):
        parse_time(text)
