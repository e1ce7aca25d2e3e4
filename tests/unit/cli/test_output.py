"""The formats of a record and of rows."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from qsjwt.cli import output

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
