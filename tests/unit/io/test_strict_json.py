"""JSON, strictly."""

import pytest

from qsjwt.io.strict_json import parse_json


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('{"a": 1, "a": 2}', "appears twice"),
        ('{"a": {"b": 1, "b": 1}}', "appears twice"),
        ("NaN", "not JSON"),
        ("-Infinity", "not JSON"),
        ("1e999", "too large"),
        ("[" * 100_000, "too deeply"),
        ("{'a': 1}", "at column 2"),
        ("", "at column 1"),
        ("9" * 5000, "too large"),
        ("9" * 309, "too large"),
        ("[" * 65 + "]" * 65, "too deeply"),
    ],
)
def test_json_is_read_strictly_and_faults_are_named(text: str, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        parse_json(text)


def test_a_fault_in_json_shows_nothing_of_its_content() -> None:
    with pytest.raises(ValueError, match="column") as fault:
        parse_json('{"d": "secret" "n"}')
    assert "secret" not in str(fault.value)
