"""The benchmark's parts that take no time: what it compares with, and what it writes of its figures."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final
from xml.etree import ElementTree

import jwt as pyjwt
import pytest

from tests.bench.commands import BENCH, RSA_2048, Batch
from tests.bench.measure import peak_memory
from tests.bench.page import DATA, OURS, PAGE, PLOT, calculated, in_words, page_with, plot, tables
from tests.conftest import Run
from tests.programs import run_program

ROWS: Final = "userid,username,groups\n" + "".join(f"user{n},User {n},sales;dev\n" for n in range(250))


def _checked(text: str, key: Any, algorithm: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return each record without its token, and the verified claims of that, without times."""
    found = []
    for line in text.splitlines():
        record = json.loads(line)
        claims = pyjwt.decode(record["token"], key, [algorithm])
        assert 3600 <= claims["exp"] - claims["iat"] <= 3630
        found.append(
            (
                {name: record[name] for name in ("userid", "username")},
                {name: value for name, value in claims.items() if name not in ("iat", "nbf", "exp")},
            )
        )
    return found


@pytest.fixture
def expected(run: Run, keys: SimpleNamespace, tmp_path: Path) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    path = tmp_path / "users.csv"
    path.write_text(ROWS, encoding="ascii")
    made = run(
        *("create-qseow", "--userdir", "LAB", "--expires", "60m"),
        *("--key", str(keys.files["rsa"]), "--batch", str(path)),
    )
    return _checked(made.stdout, keys.rsa.public_key(), "RS256")


@pytest.mark.parametrize("more", [(), ("--processes", "2")])
def test_the_script_with_pyjwt_makes_the_tokens_of_a_batch_in_its_order(
    keys: SimpleNamespace, expected: Sequence[Any], more: tuple[str, ...]
) -> None:
    done = run_program(sys.executable, BENCH / "pyjwt_script.py", "--key", keys.files["rsa"], *more, input=ROWS)
    assert _checked(done.stdout, keys.rsa.public_key(), "RS256") == expected


@pytest.mark.parametrize(("name", "algorithm"), [("rsa", "RS256"), ("p384", "ES384")])
def test_the_bare_loop_makes_a_signature_for_each_row(keys: SimpleNamespace, name: str, algorithm: str) -> None:
    command = (sys.executable, BENCH / "bare_loop.py", "--key", keys.files[name], "--algorithm", algorithm)
    assert run_program(*command, input=ROWS).stdout == "250 signatures\n"
    assert run_program(*command, "--verify", input=ROWS).stdout == "250 signatures\n"


@pytest.mark.needs("npm")
def test_the_script_with_jsonwebtoken_makes_the_tokens_of_a_batch_in_its_order(
    keys: SimpleNamespace, expected: Sequence[Any], node_modules: Path
) -> None:
    script = BENCH / "jsonwebtoken_script.mjs"
    done = run_program("node", script, keys.files["rsa"], input=ROWS, cwd=node_modules)
    assert _checked(done.stdout, keys.rsa.public_key(), "RS256") == expected


FIGURES: Final = {
    "machine": {"processor": "one of 4 cores", "Python": "CPython 3.13.0"},
    "rounds": {"one_token": 31, "batches": 3},
    "one_token": [["python -c pass", 10.0, 1.0], ["qsjwt create-qseow", 65.04, 6.504]],
    "batches": [
        {"key": "RSA 2048", "rows": 10_000, "cores": 1, "rates": {"openssl speed": [1500.4, 1.0], OURS: [1350, 0.9]}},
        {"key": "RSA 2048", "rows": 10_000, "cores": 4, "rates": {"openssl speed": [6000, 1.0], OURS: [4725, 0.7875]}},
        {"key": "P-384", "rows": 1_000, "cores": 1, "rates": {OURS: [700, 0.7], "a <script>": [800, 0.8]}},
    ],
    "memory": [{"rows": 10_000, "processes": 5, "first": 40.4, "others": 35.6}],
}


def test_the_tables_tell_the_figures_and_their_shares_of_openssl() -> None:
    told = tables(FIGURES)
    assert "| `qsjwt create-qseow` | 65.0 | 6.50 |\n" in told
    assert "| RSA 2048, 10,000 rows | 1 core | 4 cores |\n" in told
    assert f"| openssl speed | 1,500 | 6,000 |\n| {OURS} | 1,350 (0.90) | 4,725 (0.79) |\n" in told
    assert "| a <script> | 800 (0.80) | – |\n" in told
    assert "| 10,000 | 5 | 40 | 36 |\n" in told
    assert "- processor: one of 4 cores\n" in told


def test_a_rate_beyond_what_was_measured_is_by_amdahls_law() -> None:
    assert calculated({1: 100.0, 4: 400.0}, 16) == 1600
    assert calculated({1: 100.0, 2: 210.0}, 16) == 1600  # nothing is faster than in proportion
    assert calculated({1: 100.0, 2: 90.0}, 16) == 100  # nor slower
    assert calculated({1: 1350.0, 4: 4725.0}, 4) == pytest.approx(4725)
    assert calculated({1: 100.0}, 8) == 800


def test_the_plot_draws_what_is_measured_otherwise_than_what_is_calculated_and_says_both_in_words() -> None:
    drawn = plot(FIGURES)
    root = ElementTree.fromstring(drawn)  # noqa: S314 - made here
    svg = "{http://www.w3.org/2000/svg}"
    assert len(root.findall(f"{svg}circle")) == 4
    paths = [path.get("class", "") for path in root.findall(f"{svg}path")]
    assert [path.endswith("dashed") for path in paths] == [False, True, False, True]
    title = root.findtext(f"{svg}title")
    assert title == root.get("aria-label") == in_words(FIGURES)
    assert f"{OURS} 1,350 with one core and 4,725 with 4, {calculated({1: 1350, 4: 4725}, 16):,.0f} with 16" in title
    assert "prefers-color-scheme:dark" in drawn


def test_writing_the_figures_anew_leaves_the_rest_of_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    once = page_with(FIGURES, page)
    assert tables(FIGURES) in once
    assert page_with(FIGURES, once) == once
    assert page.partition("<!--")[0] == once.partition("<!--")[0]
    assert page.rpartition("-->")[2] == once.rpartition("-->")[2]


def test_the_page_and_its_plot_are_what_the_benchmark_writes_of_its_figures() -> None:
    figures = json.loads(DATA.read_text(encoding="utf-8"))
    page = PAGE.read_text(encoding="utf-8")
    assert page_with(figures, page) == page
    assert plot(figures) == PLOT.read_text(encoding="utf-8")


def test_the_peak_memory_of_each_process_is_told(tmp_path: Path) -> None:
    child = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(1)'])"
    (tmp_path / "rows").touch()
    batch = Batch("two processes", RSA_2048, 0, 2, [sys.executable, "-c", child], tmp_path / "rows")
    if Path("/proc/self/task").exists():
        peaks = peak_memory(batch)
        assert len(peaks) == 2
        assert all(1 < peak < 100 for peak in peaks)
