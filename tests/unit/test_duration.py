"""Time spans as people type them."""

import pytest

from qsjwt.errors import InputError
from qsjwt.times import format_duration, parse_duration, parse_lifetime


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
    ],
)
def test_a_number_and_a_unit_are_seconds(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "banana", "60 m", "60M", "1h30m", "m", "1e3s", "٣d", "--5m", "60min", "9" * 5000 + "d"]
)
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InputError) as refusal:
        parse_duration(text)
    assert "60m" in refusal.value.hint


def test_a_bare_number_is_refused_for_its_lack_of_a_unit() -> None:
    with pytest.raises(InputError, match="has no unit"):
        parse_duration("3600")


def test_a_negative_time_is_refused_as_negative() -> None:
    with pytest.raises(InputError, match="negative"):
        parse_duration("-60m")


def test_a_lifetime_lasts_at_least_a_second() -> None:
    assert parse_lifetime("1s") == 1
    with pytest.raises(InputError, match="expire at once"):
        parse_lifetime("0d")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(45, "45 s"), (60, "1 min"), (3600, "60 min"), (3630, "3630 s"), (172_800, "48 h"), (31_536_000, "365 d")],
)
def test_messages_use_the_unit_that_people_would(seconds: int, text: str) -> None:
    assert format_duration(seconds) == text
