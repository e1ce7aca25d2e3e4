"""NumericDates: what is none, and how to make one of it."""

import pytest

from qsjwt.tokens.dates import fault_of

_EXAMPLE = "write the seconds since 1970 in UTC, such as 1767225600 for 2026-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("1795461156", "leave out the quotes"),
        (" 1795461156.5 ", "leave out the quotes"),
        ("2026-08-07T09:35:59Z", "write 1786095359, the seconds since 1970 of that time in UTC"),
        ("2026-08-07 11:35:59+02:00", "write 1786095359, the seconds since 1970 of that time in UTC"),
        ("2026-08-07", "write 1786060800, the seconds since 1970 of that time in UTC"),
        ("07/08/2026 09:35:59", _EXAMPLE),
        ("Fri, 07 Aug 2026 09:35:59 GMT", _EXAMPLE),
        ("now", _EXAMPLE),
        ("", _EXAMPLE),
        (None, _EXAMPLE),
        ({"$date": 1}, _EXAMPLE),
        (True, _EXAMPLE),
    ],
)
def test_the_hint_says_what_is_wanted_for_what_is_no_number(value: object, hint: str) -> None:
    fault = fault_of("iat", value)
    assert fault is not None
    assert fault.message.startswith("the claim 'iat' must be a number of seconds, not ")
    assert fault.hint == hint


@pytest.mark.parametrize(
    ("value", "message", "hint"),
    [
        (1_795_461_156_000, "is after the year 9999: it must be in seconds, not milliseconds", "divide it by 1000"),
        (1_795_461_156_000_000, "it must be in seconds, not microseconds", "divide it by 1000000"),
        (1_795_461_156_000_000_000, "it must be in seconds, not nanoseconds", "divide it by 1000000000"),
        (253_402_300_800, "it must be in seconds, not milliseconds", "divide it by 1000"),
        (10**300, "is after the year 9999", _EXAMPLE),
        (1e300, "is after the year 9999", _EXAMPLE),
        (-62_135_596_801, "is before the year 1", _EXAMPLE),
        (-1e300, "is before the year 1", _EXAMPLE),
    ],
)
def test_a_number_that_no_calendar_has_is_none(value: float, message: str, hint: str) -> None:
    fault = fault_of("exp", value)
    assert fault is not None
    assert message in fault.message
    assert fault.hint == hint


@pytest.mark.parametrize("value", [0, -1, 1_795_461_156, 253_402_300_799, -62_135_596_800, 0.5])
def test_what_a_calendar_has_is_one(value: float) -> None:
    assert fault_of("exp", value) is None


def test_a_fraction_is_none_where_seconds_are_whole() -> None:
    assert fault_of("exp", 0.5, whole=True) == ("the claim 'exp' must be a whole number of seconds, not a fraction", "")
    assert fault_of("exp", 1.0, whole=True) is None
