"""Writing one file: whole or not there, private, and never in the place of a key."""

import errno
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from qsjwt.io import folder
from qsjwt.io.read import FileRefused
from qsjwt.io.write import private_file
from tests.conftest import is_private, posix


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _write_private(path: str, data: bytes) -> None:
    with private_file(path) as stream:
        stream.write(data)


def test_a_private_file_replaces_one_that_is_there(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_bytes(b"old")
    path.chmod(0o644)
    _write_private(str(path), b"new")
    assert path.read_bytes() == b"new"
    assert is_private(path)


@posix("symbolic links without a privilege")
def test_a_private_file_behind_a_link_is_replaced_and_the_link_stays(tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"old")
    (tmp_path / "link").symlink_to("target")
    _write_private(str(tmp_path / "link"), b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == b"new"


def test_a_device_stays_a_device() -> None:
    _write_private(os.devnull, b"gone")
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


@pytest.mark.parametrize(
    "content",
    [
        b"-----BEGIN PRIVATE KEY-----\n",
        "-----BEGIN PRIVATE KEY-----\n".encode("utf-16"),
        b"some text\n-----BEGIN PUBLIC KEY-----\n",
        b"-----BEGIN CERTIFICATE-----\n",
        b"LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0t",
        b"\x30\x82\x04\xbe\x02\x01",
        b'{"kty": "RSA", "n": "AQAB", "d": "AQAB"}',
        ' [{"kty": "oct", "k": "AQAB"}]'.encode("utf-16"),
        b'\xef\xbb\xbf{"key": "-----BEGIN PRIVATE KEY-----\\n"}',
    ],
)
def test_a_key_in_any_shape_is_not_replaced_by_anything_else(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(content)
    with pytest.raises(FileRefused, match="holds a key"):
        _write_private(str(path), b"token")
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    "content",
    [
        b'{"kty": "RSA", "n": "AQAB", "e": "AQAB"}',
        b'{"options": {"staticKeys": [{"pem": "-----BEGIN CERTIFICATE-----"}]}}',
    ],
)
def test_a_registration_can_be_written_again(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "registration.json").write_bytes(content)
    _write_private(str(tmp_path / "registration.json"), b"new")
    assert (tmp_path / "registration.json").read_bytes() == b"new"


def test_ctrl_c_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), private_file(str(tmp_path / "token")) as stream:
        stream.write(b"new")
        raise KeyboardInterrupt
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"token": b"old"}


def test_what_a_killed_run_left_is_removed_by_the_next_one_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    code = "import os\nfrom qsjwt.io.write import private_file\nwith private_file('token'): os.kill(os.getpid(), 9)"
    killed = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False)
    assert abs(killed.returncode) == 9
    assert len(list(tmp_path.iterdir())) == 1
    _write_private(str(tmp_path / "other"), b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["other"]
    (warning,) = caplog.messages
    assert f"killed while writing to the folder of '{tmp_path / 'other'}'" in warning
    assert ".qsjwt" not in warning


def test_what_a_run_is_writing_is_left_alone_by_others(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with private_file(str(tmp_path / "slow")) as stream:
        stream.write(b"begun")
        _write_private(str(tmp_path / "fast"), b"new")
        stream.write(b" and done")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"slow": b"begun and done", "fast": b"new"}
    assert caplog.messages == []


@posix("symbolic links without a privilege")
def test_what_only_looks_like_a_temporary_file_of_ours_stays(tmp_path: Path) -> None:
    names = [".qsjwt-0123456789abcdef.tmp", ".qsjwt-0123456789abcdee.tmp", ".qsjwt-notes.tmp"]
    (tmp_path / names[0]).mkdir()
    (tmp_path / names[1]).symlink_to("elsewhere")
    (tmp_path / names[2]).write_bytes(b"mine")
    _write_private(str(tmp_path / "token"), b"new")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*names, "token"])


@posix("way to remove an open file")
def test_a_temporary_file_that_another_run_takes_for_abandoned_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = folder.Folder.new
    taken: list[str] = []

    def new(self: folder.Folder, name: str, mode: int) -> Any:
        stream = real(self, name, mode)
        if not taken:
            taken.append(name)
            assert folder.Folder(str(tmp_path)).remove_abandoned()
        return stream

    monkeypatch.setattr(folder.Folder, "new", new)
    _write_private(str(tmp_path / "token"), b"new")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"token": b"new"}


def test_where_nothing_can_be_locked_a_file_is_written_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "BY_HANDLE", False)
    monkeypatch.setattr(folder, "fcntl", None)
    (tmp_path / ".qsjwt-0123456789abcdef.tmp").write_bytes(b"left")
    _write_private(str(tmp_path / "token"), b"new")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"token": b"new"}


@posix("module fcntl")
@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOTSUP])
def test_a_file_system_without_locks_is_served_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def no_locks(*_arguments: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", no_locks)
    (tmp_path / ".qsjwt-0123456789abcdef.tmp").write_bytes(b"perhaps at work")
    _write_private(str(tmp_path / "token"), b"new")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".qsjwt-0123456789abcdef.tmp", "token"]


@posix("module fcntl")
def test_a_lock_that_fails_for_another_reason_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("fcntl.flock", broken)
    with pytest.raises(OSError, match="Input/output"):
        _write_private(str(tmp_path / "token"), b"new")
    assert list(tmp_path.iterdir()) == []


@posix("FIFOs")
def test_a_pipe_without_a_reader_is_an_error(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileRefused, match="is a pipe without a reader"):
        _write_private(str(tmp_path / "pipe"), b"token")


@posix("FIFOs")
def test_a_pipe_with_a_reader_is_written_to_and_stays_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    keeper = os.open(tmp_path / "pipe", os.O_RDWR)  # a reader alone would see the end before the writer comes
    data = b"x" * 200_000  # more than a pipe holds: the writer has to wait
    got: list[bytes] = []

    def read() -> None:
        with open(tmp_path / "pipe", "rb") as stream:
            got.append(stream.read(len(data)))

    thread = threading.Thread(target=read)
    thread.start()
    _write_private(str(tmp_path / "pipe"), data)
    thread.join(30)
    os.close(keeper)
    assert got == [data]
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


@posix("sockets among files")
def test_a_socket_is_no_place_for_a_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        with pytest.raises(OSError, match="No such device"):
            _write_private("socket", b"token")


@posix("FIFOs")
def test_a_device_that_becomes_a_file_in_between_is_not_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "pipe")
    real = os.open

    def swapped(path: Any, *arguments: Any, **settings: Any) -> int:
        if str(path).endswith("pipe"):
            os.replace(tmp_path / "precious", path)
        return real(path, *arguments, **settings)

    (tmp_path / "precious").write_bytes(b"precious")
    monkeypatch.setattr(os, "open", swapped)
    with pytest.raises(FileRefused, match="by another process"):
        _write_private(str(tmp_path / "pipe"), b"token")
    assert (tmp_path / "pipe").read_bytes() == b"precious"


@posix("symbolic links without a privilege")
def test_a_link_that_is_turned_elsewhere_in_between_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "one").write_bytes(b"one")
    (tmp_path / "two").write_bytes(b"two")
    (tmp_path / "link").symlink_to("one")
    real = os.path.realpath

    def turned(path: str) -> str:
        (tmp_path / "link").unlink()
        (tmp_path / "link").symlink_to("two")
        return real(path)

    monkeypatch.setattr(os.path, "realpath", turned)
    with pytest.raises(FileRefused, match="by another process"):
        _write_private(str(tmp_path / "link"), b"token")
    assert (tmp_path / "two").read_bytes() == b"two"


def test_a_mount_point_is_named_with_a_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # What rename(2) says of a file that a container mounts.
    def busy(*_arguments: object, **_settings: object) -> None:
        raise OSError(errno.EBUSY, "Device or resource busy")

    (tmp_path / "token").write_bytes(b"old")
    monkeypatch.setattr(os, "replace", busy)
    with pytest.raises(FileRefused, match="mounted as a single file") as refusal:
        _write_private(str(tmp_path / "token"), b"new")
    assert "mount its folder" in refusal.value.hint
    assert [path.name for path in tmp_path.iterdir()] == ["token"]


@posix("umask")
@pytest.mark.parametrize("umask", [0o777, 0o600])
def test_a_umask_that_denies_the_owner_is_an_error(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        with pytest.raises(FileRefused, match="would not be accessible to its owner"):
            _write_private(str(tmp_path / "token"), b"new")
    finally:
        os.umask(before)
    assert list(tmp_path.iterdir()) == []


def test_a_temporary_file_that_cannot_be_removed_hides_no_outcome(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def denied(*_arguments: object, **_settings: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted", ".qsjwt-something")

    monkeypatch.setattr(os, "unlink", denied)
    with pytest.raises(LookupError, match="the reason"), private_file(str(tmp_path / "token")):
        raise LookupError("the reason")
    assert caplog.messages == [
        f"a temporary file next to '{tmp_path / 'token'}' could not be removed (operation not permitted)"
    ]
