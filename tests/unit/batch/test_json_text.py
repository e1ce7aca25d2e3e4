"""Rows in JSON that is no JSON Lines: an array on one line or over many, and objects one after the other."""

import codecs
import io
import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsjwt.batch.json_text import objects
from qsjwt.batch.rows import Row, RowReader

USERS = [{"userid": "anna", "groups": ["Sales", "a]b"]}, {"userid": 'b"o\\', "claim.level": {"x": [1, {"y": 2}]}}]


def _rows(data: bytes, form: str | None = None) -> list[Row]:
    return [row for row in RowReader(io.BytesIO(data), "the batch", form) if row]


@pytest.mark.parametrize(
    "write",
    [
        lambda rows: json.dumps(rows, separators=(",", ":")),
        lambda rows: json.dumps(rows, indent=2),
        lambda rows: json.dumps(rows, indent=4).replace("\n", "\r\n"),
        lambda rows: "\n".join(json.dumps(row, indent=2) for row in rows),
        lambda rows: "\n\n  " + json.dumps(rows, indent=1) + "\n\n",
        lambda rows: "\n".join(json.dumps([row], indent=2) for row in rows),
    ],
    ids=["compressed", "pretty", "CRLF", "an object each", "blank lines around", "an array each"],
)
@pytest.mark.parametrize(
    "encode",
    [lambda text: text.encode(), lambda text: codecs.BOM_UTF8 + text.encode(), lambda text: text.encode("utf-16")],
    ids=["UTF-8", "UTF-8 with BOM", "UTF-16"],
)
@pytest.mark.parametrize("form", [None, "json", "jsonl"])
def test_rows_are_read_however_a_program_writes_them(
    write: Callable[[object], str], encode: Callable[[str], bytes], form: str | None
) -> None:
    rows = _rows(encode(write(USERS)), form)
    assert [(row.number, row.problem, row.values) for row in rows] == [(1, "", USERS[0]), (2, "", USERS[1])]


def test_one_object_is_one_row_and_an_empty_array_is_none() -> None:
    assert [row.values for row in _rows(json.dumps(USERS[0], indent=2).encode())] == [USERS[0]]
    assert [row.values for row in _rows(json.dumps(USERS[0]).encode(), "json")] == [USERS[0]]
    assert _rows(b"[ ]\n") == _rows(b"[]") == []


def test_json_lines_are_read_as_json_too() -> None:
    assert [row.values for row in _rows(b'{"a": 1}\n{"a": 2}\n', "json")] == [{"a": 1}, {"a": 2}]


def test_a_row_says_where_it_begins() -> None:
    rows = _rows(b'\n[\n  {\n    "a": 1\n  },\n\n  {"a": 2}, {"a":\n 3}\n]\n')
    assert [row.line for row in rows] == [3, 7, 7]


def test_a_bad_row_does_not_concern_the_next() -> None:
    data = b'[{"a": 1}, 7, {"a": x}, [{"a": 2}], "]", , {"b": 3, "b": 4}, {"a": 5}, null, {"a": 6}]'
    rows = _rows(data)
    assert [row.values for row in rows if not row.problem] == [{"a": 1}, {"a": 5}, {"a": 6}]
    assert [row.number for row in rows if row.problem] == [2, 3, 4, 5, 6, 7, 9]
    assert rows[1].problem == rows[3].problem == "it is not a JSON object"


@pytest.mark.parametrize("data", [b'[{"a": 1}', b'[{"a": 1},', b'[{"a": 1}, {"a', b'[{"a": 1}, {"a": 2}\n', b"["])
def test_an_array_that_was_cut_off_is_told(data: bytes) -> None:
    *rows, last = _rows(data)
    assert all(not row.problem for row in rows)
    assert last.problem == "the array that the rows are in does not end"


def test_what_follows_an_array_and_a_comma_before_its_end_are_told() -> None:
    assert [bool(row.problem) for row in _rows(b'[{"a": 1}] x')] == [False, True]
    assert [bool(row.problem) for row in _rows(b'[{"a": 1},]')] == [False, True]
    assert [bool(row.problem) for row in _rows(b'[{"a": 1}]]')] == [False, True]


def test_a_row_that_is_too_long_is_told_and_the_next_is_read() -> None:
    data = b'[{"a": "' + b"x" * (1 << 20) + b'"}, {"a": 1}]'
    assert [(row.number, row.problem) for row in _rows(data)] == [
        (1, "it is longer than a million characters"),
        (2, ""),
    ]


def test_the_compressed_array_of_many_users_may_be_longer_than_any_row() -> None:
    users = [{"userid": f"user-{number}", "groups": ["Sales"]} for number in range(40_000)]
    data = json.dumps(users).encode()
    rows = _rows(data)
    assert (len(rows), rows[-1].values, rows[-1].problem) == (40_000, users[-1], "")
    assert rows[-1].end == len(data)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda some: st.lists(some) | st.dictionaries(st.text(), some),
)


@given(st.lists(st.dictionaries(st.text(), _JSON)), st.sampled_from([None, 1]), st.integers(1, 7))
def test_however_the_text_is_cut_into_pieces_the_values_are_the_same(
    values: list[object], indent: int | None, size: int
) -> None:
    text = json.dumps(values, indent=indent, ensure_ascii=False)
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    assert [json.loads(value.text or "") for value in objects(iter(pieces), 1 << 20)] == values
