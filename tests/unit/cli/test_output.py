"""The formats of a record and of rows."""

import csv
import io
import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qsjwt.cli import output
from qsjwt.errors import InputError
from tests.conftest import posix

RECORD = {"a": {"b": "ö", "c": ["x", 1]}, "empty": {}, "d": True, "e": None}


def test_nested_members_get_dotted_names() -> None:
    assert output.flattened(RECORD) == [("a.b", "ö"), ("a.c", ["x", 1]), ("empty", {}), ("d", True), ("e", None)]


def test_a_dotted_name_hides_no_nested_member() -> None:
    assert output.flattened({"a.b": 1, "a": {"b": 2}}) == [("a.b", 1), ("a.b", 2)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("value", 'ö\n["x", 1]\n{}\ntrue\nnull\n'),
        ("shell", "a_b='ö'\na_c='[\"x\", 1]'\nempty='{}'\nd=true\ne=null\n"),
        ("yaml", "a:\n  b: ö\n  c:\n  - x\n  - 1\nempty: {}\nd: true\ne: null\n"),
    ],
)
def test_a_record_keeps_its_unicode(name: str, text: str) -> None:
    assert output.RECORD_FORMATS[name](RECORD) == text


def test_csv_quotes_what_needs_it() -> None:
    assert output.as_csv(("a", "b"), [("x,y", 1), ('"', None)]) == 'a,b\n"x,y",1\n"""",null\n'


@pytest.mark.parametrize("cell", ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", " =1", "a\u2028b"])
def test_csv_quotes_formulas_and_their_text_stays_as_it_is(cell: str) -> None:
    line = output.as_csv_line([cell, "x"])
    assert line == f'"{cell}",x\n'
    assert next(csv.reader(io.StringIO(line, newline=""))) == [cell, "x"]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2))
def test_csv_is_read_as_it_was_given(cells: list[str]) -> None:
    assert next(csv.reader(io.StringIO(output.as_csv_line(cells), newline=""), strict=True)) == cells


HOSTILE = (
    "a\x00\x07\x1b[2J\x7f\x85\x9b\xa0\xad\u061c\u200b\u200f\u2028\u2029\u202a\u202e\u2066\u2069\ufeff\U000e0041\r\nb"
)


@given(st.dictionaries(st.text(), st.recursive(st.text() | st.integers() | st.none(), st.lists)))
@example({HOSTILE: HOSTILE, "list": [HOSTILE]})
@settings(max_examples=50, deadline=None)
@pytest.mark.parametrize("name", output.RECORD_FORMATS)
def test_no_form_lets_a_record_move_the_cursor(name: str, record: dict[str, object]) -> None:
    try:
        shown = output.RECORD_FORMATS[name](record)
    except InputError:
        assert name == "shell"  # which has fewer names
        return
    assert [character for character in shown if not character.isprintable() and character != "\n"] == []
    if name in ("value", "shell"):
        assert shown.count("\n") == len(record)
    if name in ("json", "yaml"):
        assert (json.loads(shown) if name == "json" else yaml.safe_load(shown)) == record


@posix("shell with the quotes of POSIX")
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
@example(HOSTILE.replace("\0", ""))
@example("$(touch pwned)`touch pwned`'\"\\\n'; touch pwned #\x7f")
@settings(max_examples=30, deadline=None)
def test_a_shell_gets_the_value_as_it_is(value: str) -> None:
    script = f'{output.as_shell([("a.b", value)])}printf %s "$a_b"'
    assert subprocess.run(["bash", "-c", script], capture_output=True, check=True).stdout == value.encode()
    assert not Path("pwned").exists()


def test_a_zero_does_not_make_one_value_of_a_shell_into_another() -> None:
    assert output.as_shell([("sub", "admin\0x")]) == "sub=$'admin\\1340x'\n"


@pytest.mark.parametrize(("one", "other"), [("sub", "SUB"), ("a.b", "a_b"), ("a b", "a-b"), ("ä", "ö"), ("x", "x")])
def test_two_names_never_become_one_variable(one: str, other: str) -> None:
    with pytest.raises(InputError, match="make the same shell variable") as caught:
        output.as_shell([(one, "1"), (other, "2")])
    assert caught.value.hint == "use -f json"


def test_a_name_is_not_repeated_for_each_of_its_members_however_long_it_is() -> None:
    flat = output.flattened({"a" * 1000: {"b" * 1000: {f"c{i}": i for i in range(10)}}})
    assert {len(name) for name, _ in flat} == {output.MAX_NAME_CHARACTERS + 1}
    assert [value for _, value in flat] == list(range(10))


def test_what_threads_print_at_once_is_kept_from_stdout_and_the_result_is_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    barrier = threading.Barrier(4)

    def work(number: int) -> None:
        barrier.wait()
        print(f"chatter {number}\n", end="")
        output.write_stdout(f"result {number}\n")
        barrier.wait()

    before = sys.stdout
    with output.results_only(), ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert sys.stdout is before
    print("afterwards")
    captured = capsys.readouterr()
    assert sorted(captured.out.splitlines()) == ["afterwards", *(f"result {n}" for n in range(4))]
    assert sorted(captured.err.splitlines()) == [f"chatter {n}" for n in range(4)]
