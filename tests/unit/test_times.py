"""Time spans as people type them, and points in time."""

import pytest

from qsjwt.errors import InputError
from qsjwt.times import (
    FIRST_SECOND,
    LAST_SECOND,
    PointInTime,
    format_duration,
    iso_time,
    parse_duration,
    parse_expiry,
    parse_lifetime,
    parse_time,
    rounded_duration,
    to_the_minute,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("45s", 45),
        ("60m", 3600),
        ("48h", 172_800),
        ("365d", 31_536_000),
        ("2w", 1_209_600),
        ("5y", 157_788_000),
        ("1.5h", 5400),
        (" 60m ", 3600),
        ("0s", 0),
        ("60M", 3600),
        ("1h30m", 5400),
        ("1Y2w3D4h5m6s", 31_557_600 + 1_209_600 + 3 * 86_400 + 4 * 3600 + 306),
        ("1.5h30m", 7200),
        ("0h0m", 0),
    ],
)
def test_numbers_and_units_are_seconds(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "banana", "60 m", "30m1h", "1h1h", "1h30", "h30m", "m", "-", "1e3s", "٣d", "--5m", "60min", "9" * 5000 + "d"],
)
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InputError) as refusal:
        parse_duration(text)
    assert "60m" in refusal.value.hint


def test_a_bare_number_is_refused_for_its_lack_of_a_unit() -> None:
    with pytest.raises(InputError, match="must have a unit"):
        parse_duration("3600")


def test_a_negative_time_is_refused_as_negative() -> None:
    with pytest.raises(InputError, match="must not be negative"):
        parse_duration("-60m")


def test_a_lifetime_lasts_at_least_a_second() -> None:
    assert parse_lifetime("1s") == 1
    with pytest.raises(InputError, match="must be longer than zero"):
        parse_lifetime("0d")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(45, "45 s"), (60, "1 min"), (3600, "60 min"), (3630, "3630 s"), (172_800, "48 h"), (31_536_000, "365 d")],
)
def test_messages_use_the_unit_that_people_would(seconds: int, text: str) -> None:
    assert format_duration(seconds) == text


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
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="must be a point in time"):
        parse_time(text)


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2026-12-01", "2026-12-01T00:00:00Z"),
        ("2027-01-01", "2027-01-01T00:00:00Z"),
        ("2026-12-31T23:59:59Z", "2026-12-31T23:59:59Z"),
        ("2026-12-31T23:30:00-01:00", "2027-01-01T00:30:00Z"),
        ("2026-12-01T08:00Z", "2026-12-01T08:00:00Z"),
        ("2026-12-01T08:00", "2026-12-01T08:00:00Z"),
        (" 2026-12-01 08:00:00.75 ", "2026-12-01T08:00:00Z"),
        ("2028-02-29", "2028-02-29T00:00:00Z"),
        ("2026-07-01T08:00+02:00", "2026-07-01T06:00:00Z"),
    ],
)
def test_an_expiry_may_be_a_date_or_a_time_and_is_utc_without_a_zone(text: str, iso: str) -> None:
    expiry = parse_expiry(text)
    assert isinstance(expiry, PointInTime)
    assert iso_time(expiry.seconds) == iso


@pytest.mark.parametrize(
    "text",
    [
        *("2026-02-30", "2027-02-29", "2026-13-01", "2026-12", "2026-12-01T25:00", "2026-12-01T08:00 CET"),
        *("2026-10-25T02:30 Europe/Berlin", "2026-12-01T08:00CEST", "2026-12-01T08:00+25:00", "2026-12-01T"),
    ],
)
def test_a_day_or_zone_that_is_not_in_iso_8601_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InputError, match="that the calendar has") as refusal:
        parse_expiry(text)
    assert "+01:00" in refusal.value.hint


def test_an_expiry_is_a_duration_otherwise_and_the_hint_knows_both() -> None:
    assert parse_expiry("1h30m") == 5400
    for text, rule in (("1796083200", "must have a unit"), ("0s", "longer than zero"), ("-1h", "not be negative")):
        with pytest.raises(InputError, match=rule) as refusal:
            parse_expiry(text)
        assert "60m" in refusal.value.hint
        assert "2026-12-01" in refusal.value.hint
    with pytest.raises(InputError, match="a duration or a point in time"):
        parse_expiry("01.12.2026")


def test_no_zone_makes_a_point_in_time_overflow() -> None:
    assert parse_expiry("9999-12-31T23:59:59-01:00") == PointInTime(LAST_SECOND + 3600)
    assert parse_expiry("0001-01-01T00:00+01:00") == PointInTime(FIRST_SECOND - 3600)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.9, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (90, "1 min 30 s"),
        (3_600, "1 h"),
        (3_659, "1 h"),
        (28_680, "7 h 58 min"),
        (86_400, "1 d"),
        (86_460, "1 d"),
        (31_535_999, "364 d 23 h"),
    ],
)
def test_a_span_is_told_in_its_two_largest_units(seconds: float, text: str) -> None:
    assert rounded_duration(seconds) == text


def test_a_time_is_told_to_the_minute_if_a_calendar_has_it() -> None:
    assert to_the_minute(1_795_824_799.9) == "2026-11-28 00:13 UTC"
    assert to_the_minute(1e20) == ""
