"""The files of a new key beside a result that is written or not: what a message states is what is there."""

import errno
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.conftest import Run, pem, posix

NEW_FILES = ("privatekey.pem", "publickey.pem", "publickey.cer")
NEW_KEYS = (
    ("create-qseow", "--userdir", "LAB", "--userid", "anna", "--expires", "5m", "--key", "create:?size=2048"),
    ("create-key", "--kind", "ec"),
    ("registration", "qscloud", "--issuer", "i", "--keyid", "k", "--key", "create:?size=2048"),
)


@posix("/dev/full, and no shell with the quotes of POSIX")
@pytest.mark.parametrize("command", NEW_KEYS)
@pytest.mark.parametrize(("shell", "exit_code"), [('"$@" >/dev/full', 2), ('"$@" | true; exit ${PIPESTATUS[0]}', 141)])
def test_where_a_new_key_is_saved_is_told_when_the_result_cannot_be_written(
    tmp_path: Path, command: tuple[str, ...], shell: str, exit_code: int
) -> None:
    words = [sys.executable, "-m", "qsjwt", *command]
    done = subprocess.run(["bash", "-c", shell, "bash", *words], capture_output=True, text=True, check=False)
    assert done.returncode == exit_code
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(NEW_FILES)
    for name in NEW_FILES:
        assert repr(name) in done.stderr


def test_an_output_that_cannot_be_written_names_the_new_key(
    qseow: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.replace

    def busy(name: str, new: str, **where: int | None) -> None:
        if os.path.basename(new) == "token":
            raise OSError(errno.EBUSY, "Device or resource busy")
        real(name, new, **where)

    monkeypatch.setattr(os, "replace", busy)
    result = qseow("--key", "create:?size=2048", "--output", "token")
    result.refused(2, "'token' cannot be replaced", "mount its folder", "'publickey.cer'")
    assert ".qsjwt" not in result.stderr


@pytest.mark.parametrize("name", ["new_privatekey.pem", "./new_publickey.pem", "folder/../new_publickey.cer"])
@pytest.mark.parametrize("how", ["options", "reference"])
def test_an_output_that_is_a_file_of_the_new_key_is_found_before_that_is_made(
    qseow: Run, tmp_path: Path, name: str, how: str
) -> None:
    (tmp_path / "folder").mkdir()
    options = ("--cert-create", "--cert-file-prefix", "new_") if how == "options" else ("--key", "create:new_")
    qseow(*options, "--output", name).refused(2, "is one of the files of the new key", "name another file")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_an_output_that_is_a_key_is_found_before_another_is_made(
    qseow: Run, keys: SimpleNamespace, tmp_path: Path
) -> None:
    (tmp_path / "token").write_bytes(pem(keys.rsa))
    qseow("--cert-create", "--output", "token").refused(2, "holds a key or a certificate", "name another file")
    assert [path.name for path in tmp_path.iterdir()] == ["token"]


@posix("symbolic links without a privilege")
@pytest.mark.parametrize("taken", NEW_FILES)
def test_a_new_key_is_not_written_through_a_symbolic_link(qseow: Run, tmp_path: Path, taken: str) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / taken).symlink_to("precious")
    qseow("--cert-create", "--cert-overwrite").refused(3, repr(taken), "is a symbolic link", "nothing is written")
    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert len(list(tmp_path.iterdir())) == 2


@posix("FIFOs")
def test_an_output_that_is_a_pipe_without_a_reader_is_an_error(
    qseow: Run, keys: SimpleNamespace, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    qseow("--key", keys.files["rsa"], "--output", "pipe").refused(2, "is a pipe without a reader")


@posix("umask")
def test_under_a_umask_that_denies_the_owner_nothing_is_written(
    qseow: Run, keys: SimpleNamespace, tmp_path: Path
) -> None:
    before = os.umask(0o777)
    try:
        qseow("--key", keys.files["rsa"], "--output", "token").refused(2, "'token'", "accessible to its owner")
        qseow("--cert-create").refused(3, "'privatekey.pem'", "accessible to its owner", "umask")
    finally:
        os.umask(before)
    assert list(tmp_path.iterdir()) == []
