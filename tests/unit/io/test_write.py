"""Writing files: whole or not there, all or none."""

import errno
import os
import resource
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qsjwt.io.write import PUBLIC, NewFile, private_file, write_files


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _files(folder: Path) -> list[NewFile]:
    return [NewFile(str(folder / "a"), b"new a"), NewFile(str(folder / "b"), b"new b", PUBLIC)]


def _write_private(path: str, data: bytes) -> None:
    with private_file(path) as stream:
        stream.write(data)


def test_all_files_are_written_with_their_permissions(tmp_path: Path) -> None:
    write_files(_files(tmp_path))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b"]
    assert (tmp_path / "a").read_bytes() == b"new a"
    assert _mode(tmp_path / "a") == 0o600
    assert _mode(tmp_path / "b") == 0o644


@pytest.mark.parametrize("taken", ["a", "b"])
def test_a_file_that_exists_stops_them_all_and_is_untouched(tmp_path: Path, taken: str) -> None:
    (tmp_path / taken).write_bytes(b"old")
    with pytest.raises(FileExistsError) as refusal:
        write_files(_files(tmp_path))
    assert refusal.value.filename == str(tmp_path / taken)
    assert [p.name for p in tmp_path.iterdir()] == [taken]
    assert (tmp_path / taken).read_bytes() == b"old"


def test_a_dangling_link_counts_as_a_file_that_exists(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        write_files(_files(tmp_path))
    assert not (tmp_path / "elsewhere").exists()


def test_overwriting_replaces_them_all(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "a").chmod(0o644)
    write_files(_files(tmp_path), overwrite=True)
    assert (tmp_path / "a").read_bytes() == b"new a"
    assert _mode(tmp_path / "a") == 0o600
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b"]


def test_overwriting_that_fails_half_way_puts_the_old_files_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_bytes(b"old a")
    replace = os.replace

    def failing(source: str, target: str) -> None:
        if target.endswith("b"):
            raise OSError(errno.EIO, "Input/output error")
        replace(source, target)

    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises(OSError, match="Input/output"):
        write_files(_files(tmp_path), overwrite=True)
    assert [p.name for p in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old a"


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_disk_that_is_full_leaves_what_was_there(tmp_path: Path, overwrite: bool) -> None:
    if overwrite:
        (tmp_path / "a").write_bytes(b"old a")
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    large = [NewFile(str(tmp_path / "a"), b"x"), NewFile(str(tmp_path / "b"), b"x" * 100_000)]
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError, match="too large") as failure:
            write_files(large, overwrite=overwrite)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert failure.value.filename == str(tmp_path / "b")
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_ctrl_c_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_files(_files(tmp_path))
    assert list(tmp_path.iterdir()) == []


def _without_links(*_arguments: object) -> None:
    raise OSError(errno.EPERM, "Operation not permitted")


def test_a_file_system_without_hard_links_is_served_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "link", _without_links)
    write_files(_files(tmp_path))
    assert (tmp_path / "a").read_bytes() == b"new a"
    with pytest.raises(FileExistsError):
        write_files(_files(tmp_path))
    write_files([NewFile(str(tmp_path / "a"), b"newer a")], overwrite=True)
    assert (tmp_path / "a").read_bytes() == b"newer a"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b"]


def test_windows_takes_a_free_name_by_renaming(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A stand-in for Windows: only its branch is taken, on a POSIX file system.
    monkeypatch.setattr("qsjwt.io.write.os.name", "nt")
    real: Callable[..., Any] = os.rename
    monkeypatch.setattr(os, "link", _without_links)
    monkeypatch.setattr(os, "rename", real)
    target = tmp_path / "a"
    try:
        write_files([NewFile(os.fspath(target), b"new a")])
    finally:
        monkeypatch.undo()
    assert target.read_bytes() == b"new a"


def test_the_repr_of_a_new_file_shows_no_content() -> None:
    assert "secret" not in repr(NewFile("a", b"secret"))


def test_a_private_file_replaces_one_that_is_there(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_bytes(b"old")
    path.chmod(0o644)
    _write_private(str(path), b"new")
    assert path.read_bytes() == b"new"
    assert _mode(path) == 0o600


def test_a_private_file_behind_a_link_is_replaced_and_the_link_stays(tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"old")
    (tmp_path / "link").symlink_to("target")
    _write_private(str(tmp_path / "link"), b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == b"new"


def test_a_device_stays_a_device() -> None:
    _write_private("/dev/null", b"gone")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@pytest.mark.parametrize(
    "content",
    [
        b"-----BEGIN PRIVATE KEY-----\n",
        "-----BEGIN PRIVATE KEY-----\n".encode("utf-16"),
        b"some text\n-----BEGIN PUBLIC KEY-----\n",
        b"-----BEGIN CERTIFICATE-----\n",
        b"LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0t",
        b"\x30\x82\x04\xbe\x02\x01",
        b'{"kty": "RSA"}',
    ],
)
def test_a_key_in_any_shape_is_not_replaced_by_anything_else(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(content)
    with pytest.raises(FileExistsError):
        _write_private(str(path), b"token")
    assert path.read_bytes() == content


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("call", range(1, 13))
def test_a_signal_at_any_moment_leaves_all_files_or_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: int, overwrite: bool
) -> None:
    if overwrite:
        (tmp_path / "a").write_bytes(b"old a")
        (tmp_path / "b").write_bytes(b"old b")
    calls = 0

    def interrupting(real: Callable[..., Any]) -> Callable[..., Any]:
        def operation(*arguments: Any, **settings: Any) -> Any:
            nonlocal calls
            result = real(*arguments, **settings)
            calls += 1
            if calls == call:
                raise KeyboardInterrupt
            return result

        return operation

    with monkeypatch.context() as patch:
        for name in ("open", "link", "replace", "fsync"):
            patch.setattr(os, name, interrupting(getattr(os, name)))
        interrupted = False
        try:
            write_files(_files(tmp_path), overwrite=overwrite)
        except KeyboardInterrupt:
            interrupted = True
    assert interrupted == (calls >= call)
    before = {"a": b"old a", "b": b"old b"} if overwrite else {}
    expected = before if interrupted else {"a": b"new a", "b": b"new b"}
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == expected
