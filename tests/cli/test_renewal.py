"""``--unless-valid-for``: a token in a file is made anew when it has to be, and not before."""

import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jwt as pyjwt
import pytest

from tests.conftest import Run, public_pem

OUTPUT = ("--output", "token.txt", "--unless-valid-for", "1h")


@pytest.fixture
def renewed(run: Run, keys: SimpleNamespace, tmp_path: Path) -> Any:
    """Tell whether the program makes the token in ``token.txt`` anew: ``renewed("--groups", "g")``."""
    base = ("create-qseow", "--userdir", "LAB", "--userid", "anna", "--expires", "8h", "--key", keys.files["rsa"])

    def tell(*options: object) -> bool:
        path = tmp_path / "token.txt"
        before = path.read_bytes() if path.exists() else None
        stamp = _stamp(path) if path.exists() else None
        result = run(*base, *OUTPUT, *options)
        assert (result.exit_code, result.stdout) == (0, ""), result.stderr
        is_new = _stamp(path) != stamp
        assert is_new or path.read_bytes() == before
        return is_new

    return tell


def _stamp(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_ino, found.st_mtime_ns


def _age(path: Path, keys: SimpleNamespace, **changed: Any) -> None:
    """Put the token in *path* as it would be with *changed* claims."""
    token = path.read_text(encoding="ascii").strip()
    claims = {**pyjwt.decode(token, options={"verify_signature": False}), **changed}
    header = {"alg": "RS256", "typ": "JWT"}
    path.write_text(f"{pyjwt.encode(claims, keys.rsa, 'RS256', headers=header)}\n", encoding="ascii", newline="\n")


def test_a_token_that_is_still_good_is_left_alone_without_a_word(
    renewed: Any, run: Run, keys: SimpleNamespace, tmp_path: Path
) -> None:
    assert renewed()
    assert not renewed()
    base = ("create-qseow", "--userdir", "LAB", "--userid", "anna", "--expires", "8h", "--key", keys.files["rsa"])
    assert run(*base, *OUTPUT).stderr == ""
    told = run("-v", *base, *OUTPUT).stderr
    assert told.startswith("qsjwt: info: 'token.txt' holds such a token, which expires at 20")
    assert told.count("\n") == 1


@pytest.mark.parametrize(
    ("left", "is_made"),
    [(3600 + 600, False), (3600 - 600, True), (-600, True)],
    ids=["enough", "too little", "expired"],
)
def test_what_counts_is_how_long_it_is_valid_yet(
    renewed: Any, keys: SimpleNamespace, tmp_path: Path, left: int, is_made: bool
) -> None:
    assert renewed()
    now = int(time.time())
    _age(tmp_path / "token.txt", keys, iat=now - 30_000, nbf=now - 30_000, exp=now + left)
    assert renewed() is is_made


def test_one_that_is_not_valid_yet_is_made_anew(renewed: Any, keys: SimpleNamespace, tmp_path: Path) -> None:
    assert renewed()
    _age(tmp_path / "token.txt", keys, nbf=int(time.time()) + 600)
    assert renewed()


@pytest.mark.parametrize(
    "options",
    [
        ("--userid", "bo"),
        ("--groups", "g"),
        ("--claim", "a=b"),
        ("--keyid", "k"),
        ("--algorithm", "RS512"),
        ("-f", "header"),
        ("-f", "json"),
    ],
)
def test_another_token_takes_its_place_and_is_kept_then(renewed: Any, options: tuple[str, ...]) -> None:
    assert renewed()
    assert renewed(*options)
    assert not renewed(*options)
    assert renewed()


def test_another_key_takes_its_place(renewed: Any, keys: SimpleNamespace, tmp_path: Path) -> None:
    assert renewed()
    (tmp_path / "other.pem").write_bytes(keys.files["rsa"].read_bytes())
    token = (tmp_path / "token.txt").read_text(encoding="ascii")
    claims = pyjwt.decode(token.strip(), options={"verify_signature": False})
    forged = pyjwt.encode(claims, keys.other, "RS256", headers={"alg": "RS256", "typ": "JWT"})
    (tmp_path / "token.txt").write_text(f"{forged}\n", encoding="ascii", newline="\n")
    assert renewed()
    new = (tmp_path / "token.txt").read_text(encoding="ascii").strip()
    assert pyjwt.decode(new, public_pem(keys.rsa), ["RS256"])["userId"] == "anna"


@pytest.mark.parametrize(
    "content", [b"", b"hello\n", b"a.b.c\n", b"\xff\xfe\x00", b"{}", b'{"token": 7}', b"x" * (1 << 21)]
)
def test_whatever_else_is_in_the_file_is_replaced(renewed: Any, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "token.txt").write_bytes(content)
    assert renewed()
    assert not renewed()


def test_what_is_new_in_each_token_does_not_count(run: Run, keys: SimpleNamespace, tmp_path: Path) -> None:
    base = ("create-qscloud", "--issuer", "i", "--keyid", "k", "--subject", "s", "--expires", "5m")
    options = (*base, "--key", keys.files["rsa"], "--output", "token.txt", "--unless-valid-for", "1m")
    assert run(*options, "-f", "json").exit_code == 0
    first = json.loads((tmp_path / "token.txt").read_text(encoding="utf-8"))
    assert first["claims"]["jti"]
    assert run(*options, "-f", "json").exit_code == 0
    assert json.loads((tmp_path / "token.txt").read_text(encoding="utf-8")) == first


def test_a_lifetime_that_can_never_be_kept_is_said(run: Run, keys: SimpleNamespace) -> None:
    base = ("create-qseow", "--userdir", "LAB", "--userid", "anna", "--key", keys.files["rsa"], *OUTPUT)
    result = run(*base, "--expires", "30m")
    assert result.exit_code == 0
    assert "valid for less than --unless-valid-for 60 min" in result.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "--unless-valid-for is about the token in a file"),
        (("--output", "-"), "--unless-valid-for is about the token in a file"),
        (("--output", "t", "--batch", "b.csv"), "--unless-valid-for is about the token in a file"),
        (("--output", "t", "--unless-valid-for", "0s"), "must be longer than zero"),
        (("--output", "t", "--unless-valid-for", "2100-01-01"), "must be a number and a unit"),
    ],
)
def test_it_needs_a_file_and_a_duration(
    qseow: Run, keys: SimpleNamespace, options: tuple[str, ...], words: str
) -> None:
    qseow("--key", keys.files["rsa"], "--unless-valid-for", "1h", *options).refused(2, words)


def test_a_key_that_is_new_each_time_keeps_no_token(qseow: Run, tmp_path: Path) -> None:
    for options in (("--cert-create",), ("--key", "create:k_")):
        qseow(*options, *OUTPUT).refused(2, "an existing key is needed")
    assert list(tmp_path.iterdir()) == []
