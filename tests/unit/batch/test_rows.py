"""Rows of a batch, as shells and spreadsheets write them, and as they arrive when something went wrong."""

import codecs
import io
import os
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qsjwt.batch.rows import Row, RowReader, form_of
from qsjwt.errors import InputError

ANNA = {"userid": "anna", "groups": "a;ö"}


def _reader(data: bytes, form: str | None = None) -> RowReader:
    return RowReader(io.BytesIO(data), "the batch", form)


def _rows(data: bytes, form: str | None = None) -> list[Row]:
    return [row for row in _reader(data, form) if row is not None]


def _read(data: bytes, form: str | None = None) -> list[Row]:
    """Return the rows, wherever they end."""
    return [row._replace(end=0) for row in _rows(data, form)]


def _problems(data: bytes, form: str | None = None) -> dict[int, str]:
    return {row.line: row.problem for row in _rows(data, form) if row.problem}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", ["", "end"])
def test_csv_is_read_in_the_encodings_and_line_ends_of_shells(encoding: str, end: str, last: str) -> None:
    text = end.join(["userid,groups", "anna,a;ö", "", '"bo ""B""","x,y"']) + (end if last else "")
    assert _read(text.encode(encoding)) == [Row(1, 2, ANNA), Row(2, 4, {"userid": 'bo "B"', "groups": "x,y"})]


def test_utf_16_with_a_mark_in_the_other_order_is_read() -> None:
    assert _rows(codecs.BOM_UTF16_BE + "userid,groups\nanna,a;ö".encode("utf-16-be"))[0].values == ANNA


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_spreadsheets_of_other_countries_have_other_delimiters(delimiter: str) -> None:
    text = f'userid{delimiter}groups\nanna{delimiter}"a;ö"\n'
    assert _read(text.encode()) == [Row(1, 2, ANNA)]


def test_an_empty_cell_is_left_out_and_so_is_null_and_an_empty_text_of_json() -> None:
    assert _rows(b"userid,groups\nanna,\n")[0].values == {"userid": "anna"}
    assert _rows(b'{"userid":"anna","groups":null,"username":""}')[0].values == {"userid": "anna"}
    assert _rows(b'{"userid":"anna","claim.n":0,"claim.f":false}')[0].values == {
        "userid": "anna",
        "claim.n": 0,
        "claim.f": False,
    }


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_json_lines_keep_their_types(end: str) -> None:
    data = end.join(['{"userid":"anna","groups":["a"],"claim.n":1.5}', "", '{"userid":true}']).encode()
    assert _read(data) == [Row(1, 1, {"userid": "anna", "groups": ["a"], "claim.n": 1.5}), Row(2, 3, {"userid": True})]


def test_the_first_character_tells_the_format_where_nobody_does() -> None:
    assert _reader(b'\n {"userid":"anna"}').form == "jsonl"
    assert _reader(b"userid\n").form == "csv"
    assert form_of("a/B.CSV") == "csv"
    assert form_of("x.ndjson") == form_of("x.jsonl") == "jsonl"
    assert form_of("users.txt") is form_of("users.json") is None


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"\r\n \r\n", "is empty"),
        (codecs.BOM_UTF8, "is empty"),
        (b"userid,,groups\n", "the column 2 of the batch has no name"),
        (b"userid,groups,userid\n", "has the column 'userid' twice"),
        (b"user\xffid\n", "has no readable header"),
        (b"sep=;\nuser\xffid\n", "has no readable header"),
        (b"sep=,\n" + b"x" * (1 << 20) + b"yy\n", "has no readable header"),
        (b"sep=,\n", "is empty"),
        (b'"userid\n', "the header of the batch cannot be read: a quoted cell is not closed"),
        (b"x" * (1 << 20) + b"yy\n", "has no readable header"),
    ],
)
def test_a_header_that_is_none_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words):
        _reader(data)


@pytest.mark.parametrize("rest", [",", ", ,\t", '"",""', ",,,,,", '"\n",'])
def test_a_row_of_empty_cells_is_none_and_counts_as_none(rest: str) -> None:
    rows = _rows(f"userid,groups\n{rest}\nanna,\n{rest}\n{rest}\nbo, \n{rest}".encode())
    assert [(row.number, row.values) for row in rows] == [(1, {"userid": "anna"}), (2, {"userid": "bo"})]


def test_a_cell_that_is_too_long_is_named_in_a_sentence() -> None:
    data = f"userid,groups\nanna,{'x' * 131_073}\nbo,y\n".encode()
    assert _problems(data) == {2: "a cell has more than 131,072 characters"}
    assert [row.number for row in _rows(data)] == [1, 2]


def test_a_bad_line_of_csv_does_not_concern_the_next() -> None:
    data = b'userid,groups\nanna,a\n"bo,b\ncut\nd,e,f\nzo\xc3,x\nev\xff,y\n"a"b,c\n\xc3\xa5sa,z\n'
    assert _problems(data) == {
        3: "a quoted cell is not closed",
        4: "it has 1 cells, but the header has 2",
        5: "it has 3 cells, but the header has 2",
        6: "it contains bytes that are not valid in the encoding of the file, such as UTF-8",
        7: "it contains bytes that are not valid in the encoding of the file, such as UTF-8",
        8: "a quoted cell goes on after its closing quote",
    }
    assert [row.values.get("userid") for row in _rows(data) if not row.problem] == ["anna", "åsa"]


def test_spreadsheets_may_say_their_delimiter_and_quote_their_header() -> None:
    assert _read(b"sep=;\n\nuserid;groups\nanna;a,b\n") == [Row(1, 4, {"userid": "anna", "groups": "a,b"})]
    assert _read(b"sep=;\r\nuserid;groups\r\nanna;a,b\r\n") == [Row(1, 3, {"userid": "anna", "groups": "a,b"})]
    assert _rows(b'"claim.a,b";userid\nx;anna\n')[0].values == {"claim.a,b": "x", "userid": "anna"}


def test_a_quote_that_is_lost_is_looked_for_within_limits() -> None:
    lines = b"".join(b"user%d,x\n" % n for n in range(120_000))
    rows = _rows(b'userid,groups\n"cut\n' + lines)
    assert len(rows) == 120_001
    assert [row.line for row in rows if row.problem] == [2]


def test_a_first_line_without_an_end_is_refused_before_all_is_read() -> None:
    class Zeros(io.RawIOBase):
        def read1(self, size: int) -> bytes:
            return bytes(size)

    with pytest.raises(InputError, match="no readable header"):
        RowReader(Zeros(), "the batch")  # type: ignore[arg-type]


def test_the_place_of_a_row_in_its_file_is_known() -> None:
    data = b"userid\n" + b"".join(b"u%04d\n" % n for n in range(1000))
    ends = [row.end for row in _rows(data)]
    assert ends == sorted(ends)
    assert ends[-1] == len(data)
    assert [row.end for row in _rows(data.decode().encode("utf-16-le"))][-1] == 2 * len(data)


def test_a_bad_line_of_json_does_not_concern_the_next() -> None:
    data = b'{"userid":"anna"}\n{"userid":\n[1]\n{"a":1,"a":2}\n{"a":NaN}\n{"userid":"\xff"}\n{"userid":"bo"}\n'
    problems = _problems(data)
    assert list(problems) == [2, 3, 4, 5, 6]
    assert problems[2] == "it is not JSON: expecting value at column 11"
    assert problems[3] == "it is not a JSON object"
    assert "twice" in problems[4]
    assert "NaN" in problems[5]
    assert "not valid in the encoding" in problems[6]


@pytest.mark.parametrize("tail", [b"a", b"a\x00b", b"\x00\xd8a\x00"])
def test_utf_16_that_is_cut_off_spoils_its_last_line_only(tail: bytes) -> None:
    data = "userid\nanna\n".encode("utf-16") + tail
    rows = _rows(data)
    assert rows[0].values == {"userid": "anna"}
    assert [row.problem[:11] for row in rows[1:]] == ["it contains"]


def test_a_line_without_an_end_is_not_kept_in_memory() -> None:
    class Endless(io.RawIOBase):
        """A row, and then 64 MiB without a line end, and another row."""

        def __init__(self) -> None:
            self.parts: Iterator[bytes] = iter([b"userid\nanna\n", *[b"x" * (1 << 16)] * 1024, b"\nbo\n"])

        def read1(self, _size: int) -> bytes:
            return next(self.parts, b"")

    rows = list(RowReader(Endless(), "the batch"))  # type: ignore[arg-type]
    assert [(row.line, row.values.get("userid"), row.problem) for row in rows if row] == [
        (2, "anna", ""),
        (3, None, "it is longer than a million characters"),
        (4, "bo", ""),
    ]


def test_rows_of_a_pipe_come_before_it_ends() -> None:
    inner, outer = os.pipe()
    with open(inner, "rb") as stream, open(outer, "wb", buffering=0) as writer:
        writer.write(b"userid\nanna\n")
        rows = iter(RowReader(stream, "the batch"))
        assert next(rows) == Row(1, 2, {"userid": "anna"}, end=12)
        assert next(rows) is None  # time to give out what is done
        threading.Timer(0.05, lambda: writer.write(b"bo\n")).start()
        assert next(rows) == Row(2, 3, {"userid": "bo"}, end=15)


@settings(max_examples=300, derandomize=True, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), min_size=1), min_size=1))
def test_whatever_python_writes_as_csv_is_read_again(cells: list[str]) -> None:
    import csv

    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(["userid", "note"])
    writer.writerows([cell, "n"] for cell in cells)
    assert [row.values["userid"] for row in _rows(stream.getvalue().encode(), "csv")] == cells


@settings(max_examples=300, derandomize=True, deadline=None)
@given(st.binary(max_size=300))
def test_odd_bytes_are_rows_or_problems_and_nothing_else(data: bytes) -> None:
    try:
        rows = _rows(data)
    except InputError as refusal:
        assert refusal.message.isprintable()
    else:
        assert all(row.problem or row.values is not None for row in rows)


def test_lines_after_a_quote_that_is_not_closed_are_rows_of_their_own_also_if_they_open_one() -> None:
    data = b'userid\nx","\nanna\ny","\nbo\n"c\nd"\n'
    assert [*_problems(data)] == [2, 4]
    assert [row.values["userid"] for row in _rows(data) if not row.problem] == ["anna", "bo", "c\nd"]
