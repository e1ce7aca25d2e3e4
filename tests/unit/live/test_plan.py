"""What a server has is compared with what is wanted."""

from typing import Any

import pytest

from qsjwt.live.plan import differences, merged

PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
SAME: list[tuple[Any, Any]] = [
    ("x", "x"),
    ("", None),
    (PEM, PEM.replace("\n", "\r\n")),
    (PEM.replace("\n", ""), PEM),
    ([1, 2], [2, 1]),
    ([{"a": 1}], [{"a": 1, "id": "7"}]),
    ({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}, "d": 3}),
]
OTHER: list[tuple[Any, Any, str]] = [
    ("x", "y", "'m' is 'y', not 'x'"),
    ("x", None, "'m' is null, not 'x'"),
    (False, 0, "'m' is 0, not false"),
    (1, True, "'m' is true, not 1"),
    (["a"], ["a", "b"], "'m' also has 'b'"),
    (["a", "a"], ["a"], "'m' lacks 'a'"),
    ({"a": 1}, [], "'m' is '[]', not '{\"a\": 1}'"),
    ({"a": {"b": 1}}, {"a": {"b": 2}}, "'m.a.b' is 2, not 1"),
    ([{"a": 1, "b": 2}, {"a": 3}], [{"a": 3}, {"a": 1, "b": 5}], "'m[].b' is 5, not 2"),
    (PEM, PEM.replace("MIIB", "MIIC"), "'m' is another one"),
]


@pytest.mark.parametrize(("wanted", "found"), SAME)
def test_what_says_the_same_is_no_difference(wanted: object, found: object) -> None:
    assert differences({"m": wanted}, {"m": found, "more": 1}) == []


@pytest.mark.parametrize(("wanted", "found", "words"), OTHER)
def test_a_difference_is_told_by_the_name_of_the_member_that_has_it(wanted: object, found: object, words: str) -> None:
    assert [str(each) for each in differences({"m": wanted, "n": 1}, {"m": found, "n": 1})] == [words]


def test_only_what_differs_is_changed() -> None:
    found = {"id": "7", "rows": [{"id": "8", "a": 1}], "text": "old"}
    assert merged(found, {"rows": [{"a": 1}], "text": "new"}) == {**found, "text": "new"}
