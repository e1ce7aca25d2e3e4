"""The benchmark's parts that take no time: what it compares with, and what it writes of its figures."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import jwt as pyjwt
import pytest

import tests.bench
from tests.conftest import Run
from tests.programs import run_program

BENCH: Final = Path(tests.bench.__file__).parent
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


@pytest.mark.needs("npm")
def test_the_script_with_jsonwebtoken_makes_the_tokens_of_a_batch_in_its_order(
    keys: SimpleNamespace, expected: Sequence[Any], node_modules: Path
) -> None:
    script = BENCH / "jsonwebtoken_script.mjs"
    done = run_program("node", script, keys.files["rsa"], input=ROWS, cwd=node_modules)
    assert _checked(done.stdout, keys.rsa.public_key(), "RS256") == expected
