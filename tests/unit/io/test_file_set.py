"""Several files as one: all or none, alone at it, never through a link, and undone if the program is killed."""

import contextlib
import errno
import itertools
import json
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from qsjwt.io import ending, file_set, folder
from qsjwt.io.file_set import NewFile, require_free, write_files
from qsjwt.io.folder import PUBLIC
from qsjwt.io.read import FileRefused
from tests.conftest import is_private, posix
from tests.programs import run_program


@pytest.fixture(params=["by handle", "by path"])
def _both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the test once as where folders have handles and files locks, and once as on Windows, which has neither."""
    if request.param == "by path":
        monkeypatch.setattr(folder, "BY_HANDLE", False)
        monkeypatch.setattr(folder, "fcntl", None)


both_ways = pytest.mark.usefixtures("_both_ways")


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _files(folder: Path) -> list[NewFile]:
    return [NewFile(str(folder / "a"), b"new a"), NewFile(str(folder / "b"), b"new b", PUBLIC)]


def _content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@both_ways
def test_all_files_are_written_with_their_permissions(tmp_path: Path) -> None:
    write_files(_files(tmp_path))
    assert _content(tmp_path) == {"a": b"new a", "b": b"new b"}
    assert is_private(tmp_path / "a")
    assert os.name == "nt" or _mode(tmp_path / "b") == 0o644


@both_ways
@pytest.mark.parametrize("taken", ["a", "b"])
def test_a_file_that_exists_stops_them_all_and_is_untouched(tmp_path: Path, taken: str) -> None:
    (tmp_path / taken).write_bytes(b"old")
    with pytest.raises(FileExistsError) as refusal:
        write_files(_files(tmp_path))
    assert refusal.value.filename == str(tmp_path / taken)
    assert _content(tmp_path) == {taken: b"old"}


@both_ways
def test_overwriting_replaces_them_all(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "a").chmod(0o644)
    write_files(_files(tmp_path), overwrite=True)
    assert _content(tmp_path) == {"a": b"new a", "b": b"new b"}
    assert is_private(tmp_path / "a")


@posix("symbolic links without a privilege")
@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("target", ["elsewhere", "missing"])
def test_no_file_is_ever_written_through_a_symbolic_link(tmp_path: Path, overwrite: bool, target: str) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "elsewhere").write_bytes(b"precious")
    (tmp_path / "b").symlink_to(tmp_path / "other" / target)
    with pytest.raises(FileRefused if overwrite else FileExistsError) as refusal:
        write_files(_files(tmp_path), overwrite=overwrite)
    assert refusal.value.filename == str(tmp_path / "b")
    assert _content(tmp_path / "other") == {"elsewhere": b"precious"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "other"]


@posix("symbolic links without a privilege")
def test_a_link_that_is_planted_at_the_last_moment_is_replaced_and_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").write_bytes(b"precious")
    (tmp_path / "a").write_bytes(b"old a")
    keep = folder.Folder.replace

    def planting(self: folder.Folder, name: str, other: folder.Folder, new: str) -> None:
        if new == "a":
            (tmp_path / "a").unlink()
            (tmp_path / "a").symlink_to("elsewhere")
        keep(self, name, other, new)

    monkeypatch.setattr(folder.Folder, "replace", planting)
    write_files(_files(tmp_path), overwrite=True)
    assert _content(tmp_path) == {"a": b"new a", "b": b"new b", "elsewhere": b"precious"}
    assert not (tmp_path / "a").is_symlink()


@posix("FIFOs")
def test_what_is_neither_file_nor_link_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "b")
    with pytest.raises(FileRefused, match="not a regular file"):
        write_files(_files(tmp_path), overwrite=True)
    (tmp_path / "b").unlink()
    (tmp_path / "b").mkdir()
    with pytest.raises(IsADirectoryError):
        write_files(_files(tmp_path), overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


@both_ways
def test_a_folder_that_is_not_there_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for name in ("no", "file"):
        with pytest.raises((FileNotFoundError, NotADirectoryError)):
            require_free([str(tmp_path / name / "a")])


def test_files_of_several_folders_are_not_one(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not in one folder"):
        write_files([NewFile("a", b""), NewFile(str(tmp_path / "b"), b"")])


def test_whether_names_are_free_is_found_out_without_writing(tmp_path: Path) -> None:
    require_free([str(tmp_path / "a"), str(tmp_path / "b")])
    (tmp_path / "b").write_bytes(b"old")
    require_free([str(tmp_path / "a"), str(tmp_path / "b")], overwrite=True)
    with pytest.raises(FileExistsError):
        require_free([str(tmp_path / "a"), str(tmp_path / "b")])
    assert _content(tmp_path) == {"b": b"old"}


@posix("limit for the size of a file")
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_disk_that_is_full_leaves_what_was_there(tmp_path: Path, overwrite: bool) -> None:
    if overwrite:
        (tmp_path / "a").write_bytes(b"old a")
    before = _content(tmp_path)
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    large = [NewFile(str(tmp_path / "a"), b"x"), NewFile(str(tmp_path / "b"), b"x" * 100_000)]
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError, match="too large") as failure:
            write_files(large, overwrite=overwrite)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert failure.value.filename == str(tmp_path / "b")
    assert _content(tmp_path) == before


@both_ways
@pytest.mark.parametrize("failing", ["a", "b"])
@pytest.mark.parametrize("before", [{}, {"a": b"old a"}, {"b": b"old b"}, {"a": b"old a", "b": b"old b"}])
def test_placing_that_fails_half_way_puts_the_old_files_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: dict[str, bytes], failing: str
) -> None:
    for name, data in before.items():
        (tmp_path / name).write_bytes(data)
    real = file_set._Staging._place  # noqa: SLF001 - where a disk may fail

    def place(self: Any, new: str, name: str, *, is_free: bool) -> None:
        if name == failing:
            raise OSError(errno.EIO, "Input/output error", ".qsjwt-something")
        real(self, new, name, is_free=is_free)

    monkeypatch.setattr(file_set._Staging, "_place", place)  # noqa: SLF001
    with pytest.raises(OSError, match="Input/output") as failure:
        write_files(_files(tmp_path), overwrite=True)
    assert failure.value.filename == str(tmp_path / failing)
    assert _content(tmp_path) == before


def _without_links(*_arguments: object, **_settings: object) -> None:
    raise OSError(errno.EPERM, "Operation not permitted")


@both_ways
def test_a_file_system_without_hard_links_is_served_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "link", _without_links)
    write_files(_files(tmp_path))
    assert (tmp_path / "a").read_bytes() == b"new a"
    with pytest.raises(FileExistsError):
        write_files(_files(tmp_path))
    write_files([NewFile(str(tmp_path / "a"), b"newer a")], overwrite=True)
    assert _content(tmp_path) == {"a": b"newer a", "b": b"new b"}


def test_a_name_that_is_taken_at_the_last_moment_stays_with_its_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = folder.Folder.link

    def late(self: folder.Folder, name: str, other: folder.Folder, new: str) -> None:
        (tmp_path / "a").write_bytes(b"somebody else's")
        real(self, name, other, new)

    monkeypatch.setattr(folder.Folder, "link", late)
    with pytest.raises(FileExistsError):
        write_files(_files(tmp_path))
    assert _content(tmp_path) == {"a": b"somebody else's"}


def test_the_repr_of_a_new_file_shows_no_content() -> None:
    assert "secret" not in repr(NewFile("a", b"secret"))


@posix("umask")
@pytest.mark.parametrize("umask", [0o777, 0o400, 0o200])
def test_a_umask_that_denies_the_owner_is_an_error(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        with pytest.raises(FileRefused, match="would not be accessible to its owner"):
            write_files(_files(tmp_path))
    finally:
        os.umask(before)
    assert list(tmp_path.iterdir()) == []


@posix("symbolic links without a privilege and no permission bits")
@pytest.mark.parametrize("kind", ["file", "link", "open to others"])
def test_what_somebody_has_put_where_files_wait_is_not_used(tmp_path: Path, kind: str) -> None:
    with file_set._staging([str(tmp_path / "a")]):  # noqa: SLF001 - to learn its name
        (staging,) = tmp_path.iterdir()
    if kind == "file":
        staging.write_bytes(b"")
    elif kind == "link":
        (tmp_path / "trap").mkdir()
        staging.symlink_to("trap")
    else:
        staging.mkdir()
        staging.chmod(0o777)
    with pytest.raises(FileRefused, match=staging.name):
        write_files(_files(tmp_path))
    assert not (tmp_path / "a").exists()
    assert kind != "link" or list((tmp_path / "trap").iterdir()) == []


@both_ways
def test_a_second_run_waits_for_the_first(tmp_path: Path) -> None:
    paths = [str(tmp_path / "a"), str(tmp_path / "b")]
    written = threading.Event()

    def second() -> None:
        write_files([NewFile(path, b"second") for path in paths], overwrite=True)
        written.set()

    with file_set._staging(paths) as first:  # noqa: SLF001 - a run that takes its time
        thread = threading.Thread(target=second)
        thread.start()
        assert not written.wait(0.2)
        first.write([NewFile(path, b"first") for path in paths])
        first.place()
    thread.join(30)
    assert _content(tmp_path) == {"a": b"second", "b": b"second"}


@both_ways
def test_a_run_that_does_not_end_is_not_waited_for_in_vain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_set, "WAIT_SECONDS", 0.05)
    with file_set._staging([str(tmp_path / "a")]), pytest.raises(FileRefused, match="by another process"):  # noqa: SLF001
        write_files(_files(tmp_path))


@posix("folder that can be listed while another process removes it")
def test_eight_runs_at_once_leave_the_files_of_one(tmp_path: Path) -> None:
    code = "import sys\nfrom qsjwt.io.file_set import *\n" + (
        "for _ in range(20): write_files([NewFile(n, sys.argv[1].encode()) for n in 'abc'], overwrite=True)"
    )
    runs = [subprocess.Popen([sys.executable, "-c", code, str(n)], cwd=tmp_path) for n in range(8)]
    assert [run.wait(120) for run in runs] == [0] * 8
    content = _content(tmp_path)
    assert sorted(content) == ["a", "b", "c"]
    assert len(set(content.values())) == 1


# Forks a run for each moment, ends it there as kill -9 would, and says what the next run finds and says.
KILLED = """
import itertools, json, logging, os, sys
from qsjwt.io.file_set import *
before, way = json.loads(sys.argv[1]), sys.argv[2]
said = []
handler = logging.Handler()
handler.emit = lambda record: said.append(record.getMessage())
logging.getLogger("qsjwt").addHandler(handler)

def no_link(*_, **__):
    raise PermissionError

if way == "no links":
    os.link = no_link
for moment in itertools.count(1):
    place = str(moment)
    os.mkdir(place)
    os.chdir(place)
    for name, text in before.items():
        with open(name, "w") as file:
            file.write(text)
    child = os.fork()
    if not child:
        left = moment
        def counting(real):
            def operation(*arguments, **settings):
                global left
                left -= 1
                if not left:
                    os._exit(9)
                return real(*arguments, **settings)
            return operation
        for name in ("open", "link", "replace", "fsync", "unlink", "mkdir", "rmdir"):
            setattr(os, name, counting(getattr(os, name)))
        write_files([NewFile(n, f"new {n}".encode()) for n in "abc"], overwrite=True)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    said.clear()
    require_free(["a", "b", "c"], overwrite=True)
    content = {name: open(name).read() for name in os.listdir()}
    print(json.dumps([code, content, said]))
    os.chdir("..")
    if not code:
        break
"""


@posix("fork")
@pytest.mark.parametrize("way", ["links", "no links"])
@pytest.mark.parametrize("old", ["", "a", "bc", "abc"])
def test_killed_at_any_moment_what_was_there_is_back_with_the_next_run(tmp_path: Path, old: str, way: str) -> None:
    before = {name: f"old {name}" for name in old}
    after = {name: f"new {name}" for name in "abc"}
    done = run_program(sys.executable, "-W", "error", "-c", KILLED, json.dumps(before), way, cwd=tmp_path)
    runs = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(runs) > 20
    assert [code for code, _, _ in runs] == [9] * (len(runs) - 1) + [0]
    assert [content for _, content, _ in runs if content not in (before, after)] == []
    assert runs[-1] == [0, after, []]
    told = {said[0].split("; ")[1] for _, _, said in runs if said}
    assert told == {"what was there before has been restored", "its temporary files have been removed"}


def test_what_somebody_has_mended_by_hand_after_a_kill_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_bytes(b"old a")
    write_files([NewFile(str(tmp_path / name), b"made") for name in "bc"])
    with file_set._staging([str(tmp_path / name) for name in "abc"]) as staging:  # noqa: SLF001
        staging.write(_files(tmp_path))
        with contextlib.suppress(ZeroDivisionError):
            monkeypatch.setattr(staging, "_place", lambda *_, **__: 1 // 0)
            staging.place()
        (tmp_path / "a").write_bytes(b"by hand")
    assert (tmp_path / "a").read_bytes() == b"by hand"


def test_temporary_files_that_cannot_be_removed_change_no_outcome(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def denied(*_arguments: object, **_settings: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted", ".qsjwt-something")

    with monkeypatch.context() as patch:
        patch.setattr(os, "rmdir", denied)
        write_files(_files(tmp_path))
    assert (tmp_path / "a").read_bytes() == b"new a"
    (warning,) = caplog.messages
    assert warning.startswith(f"the temporary files next to '{tmp_path / 'a'}'")
    assert warning.endswith("could not be removed (operation not permitted)")
    assert ".qsjwt" not in warning


@pytest.fixture
def _signals() -> Iterator[None]:
    """Let a signal end by exception, and make that undone."""
    hook, before = sys.unraisablehook, signal.signal(signal.SIGINT, signal.default_int_handler)
    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]  # Windows has no second one
    terminate = {getattr(signal, name): signal.getsignal(getattr(signal, name)) for name in names}
    yield
    sys.unraisablehook = hook
    for number, handler in {signal.SIGINT: before, **terminate}.items():
        signal.signal(number, handler)
    ending._State.asked = False  # noqa: SLF001


@pytest.mark.usefixtures("_signals")
@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("call", range(1, 40))
def test_a_signal_at_any_moment_leaves_all_files_or_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: int, overwrite: bool
) -> None:
    before = {"a": b"old a", "b": b"old b"} if overwrite else {}
    for name, data in before.items():
        (tmp_path / name).write_bytes(data)
    calls = itertools.count(1)

    def interrupting(real: Callable[..., Any]) -> Callable[..., Any]:
        def operation(*arguments: Any, **settings: Any) -> Any:
            result = real(*arguments, **settings)
            if next(calls) == call:
                signal.raise_signal(signal.SIGINT)
            return result

        return operation

    ending.end_by_exception()
    with monkeypatch.context() as patch, contextlib.suppress(KeyboardInterrupt):
        for name in ("mkdir", "open", "link", "replace", "fsync", "unlink"):
            patch.setattr(os, name, interrupting(getattr(os, name)))
        write_files(_files(tmp_path), overwrite=overwrite)
    assert _content(tmp_path) in (before, {"a": b"new a", "b": b"new b"})
