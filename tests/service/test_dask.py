"""The example for a Dask cluster does what it promises, on real clusters of this machine."""

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jwt as pyjwt
import pytest

from qsjwt.api import create_token
from tests.conftest import pem
from tests.pages import CLUSTER, DOC, RUN_IN, Page, add_installers, reader_environment

EXAMPLE = DOC / "examples" / "dask_tokens.py"
ROWS = 250
BAD = (7, 205)

# Standard input is a pipe: when the test ends, however it does, so does the cluster.
START_CLUSTER = """
import sys
from distributed import LocalCluster
with LocalCluster(n_workers=1, threads_per_worker=2, dashboard_address=None) as cluster:
    print(cluster.scheduler_address, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def users(tmp_path: Path) -> Path:
    """A file with a byte order mark, a user in each row but the bad ones, and two groups."""
    path = tmp_path / "users.csv"
    names = ["" if number in BAD else f"Jürgen {number}" for number in range(1, ROWS + 1)]
    text = "userid,groups,email\n" + "".join(f"{name},Sales; Nord,\n" for name in names)
    path.write_text(text, encoding="utf-8-sig")
    return path


@pytest.fixture
def cluster_with_key(keys: SimpleNamespace) -> Iterator[str]:
    """The address of a cluster whose workers have a key in a variable."""
    with subprocess.Popen(
        [sys.executable, "-c", START_CLUSTER],
        env={**os.environ, "WORKERS_KEY": pem(keys.rsa).decode()},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.communicate()


def _run(users: Path, folder: Path, *more: object) -> Any:
    command = [sys.executable, EXAMPLE, users, folder, "--userdir", "LAB", "--expires", "48h", "--chunk", 100, *more]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, timeout=120)


def _signed(folder: Path) -> list[dict[str, Any]]:
    parts = sorted(folder.iterdir())
    assert [path.name for path in parts] == ["part-00001.jsonl", "part-00002.jsonl", "part-00003.jsonl"]
    return [json.loads(line) for path in parts for line in path.read_text(encoding="utf-8").splitlines()]


def _assert_all_but_the_bad_verify(folder: Path, keys: SimpleNamespace, result: Any) -> None:
    """Assert that the tokens are right and in order, and that *result* shows neither one of them nor the key."""
    secret = pem(keys.rsa).decode().splitlines()[1]
    assert secret not in result.stdout + result.stderr
    records = _signed(folder)
    assert [record["row"] for record in records] == [number for number in range(1, ROWS + 1) if number not in BAD]
    for record in records:
        assert record["token"] not in result.stdout + result.stderr
        claims = pyjwt.decode(record["token"], keys.rsa.public_key(), ["RS256"])
        assert (claims["userId"], claims["userDirectory"]) == (f"Jürgen {record['row']}", "LAB")
        assert claims["group"] == ["Sales", "Nord"]


def test_chunks_of_a_csv_are_signed_on_a_cluster_and_bad_rows_are_named(
    users: Path, keys: SimpleNamespace, tmp_path: Path
) -> None:
    folder = tmp_path / "tokens"
    result = _run(users, folder, "--key", f"file:{keys.files['rsa']}", "--workers", 2)
    assert (result.returncode, result.stdout) == (2, "")
    *bad, summary = result.stderr.splitlines()
    assert sorted(bad) == [f"row {number}: --userid is missing" for number in sorted(BAD, key=str)]
    assert summary == "250 rows: 248 tokens, 2 bad"
    _assert_all_but_the_bad_verify(folder, keys, result)
    key, groups = f"file:{keys.files['rsa']}", ["Sales", "Nord"]
    alone = create_token("qseow", key=key, userid="Jürgen 1", groups=groups, userdir="LAB", expires="48h")
    token = _signed(folder)[0]["token"]
    assert pyjwt.get_unverified_header(token) == alone.header
    assert [*pyjwt.decode(token, keys.rsa.public_key(), ["RS256"])] == [*alone.claims]
    if os.name != "nt":
        assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    again = _run(users, folder, "--key", f"file:{keys.files['rsa']}")
    assert (again.returncode, "the tokens of another run" in again.stderr) == (2, True)


@pytest.mark.parametrize("run_in", RUN_IN)
@pytest.mark.parametrize("name", CLUSTER)
def test_the_commands_of_its_page_run(
    name: str, run_in: Any, users: Path, keys: SimpleNamespace, tmp_path: Path
) -> None:
    (tmp_path / "qlik_privatekey.pem").write_bytes(pem(keys.rsa))
    users.write_text("userid\nanna\nbo\n", encoding="utf-8")
    shutil.copy(EXAMPLE, tmp_path)
    add_installers(tmp_path / "programs")
    run_in(Page(name), tmp_path, reader_environment(tmp_path / "programs"), quiet=False)
    records = (tmp_path / "tokens" / "part-00001.jsonl").read_text(encoding="utf-8").splitlines()
    tokens = [json.loads(record)["token"] for record in records]
    assert [pyjwt.decode(token, keys.rsa.public_key(), ["RS256"])["userId"] for token in tokens] == ["anna", "bo"]


def test_the_key_is_that_of_the_workers_and_the_program_that_sends_rows_never_has_it(
    users: Path, keys: SimpleNamespace, tmp_path: Path, cluster_with_key: str
) -> None:
    assert "WORKERS_KEY" not in os.environ
    result = _run(users, tmp_path / "tokens", "--key", "env:WORKERS_KEY", "--scheduler", cluster_with_key)
    assert result.returncode == 2, result.stderr
    _assert_all_but_the_bad_verify(tmp_path / "tokens", keys, result)


def test_a_key_that_no_worker_has_is_one_sentence_and_no_tokens(users: Path, tmp_path: Path) -> None:
    result = _run(users, tmp_path / "tokens", "--key", "file:none.pem", "--workers", 1)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "error: the private key file 'none.pem' does not exist\n"
    assert list((tmp_path / "tokens").iterdir()) == []


@pytest.mark.parametrize("scheme", ["inline", "stdin", "create"])
def test_a_key_that_is_no_reference_is_refused_before_anything_is_sent(
    users: Path, keys: SimpleNamespace, tmp_path: Path, scheme: str
) -> None:
    text = pem(keys.rsa).decode() if scheme == "inline" else ""
    # Nobody listens at port 1: the program that asked there would not get as far as to say this.
    result = _run(users, tmp_path / "tokens", "--key", f"{scheme}:{text}", "--scheduler", "tcp://127.0.0.1:1")
    assert result.returncode == 2
    assert "--key: this is not a reference" in result.stderr
    assert "PRIVATE KEY" not in result.stderr
