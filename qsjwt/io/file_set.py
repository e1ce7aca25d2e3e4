"""Several files as one: all of them are written or what was there stays, even if the program is killed in between."""

import contextlib
import hashlib
import logging
import os
import stat
import time
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from qsjwt.io.ending import held_together
from qsjwt.io.folder import PRIVATE, Folder, require_name
from qsjwt.io.kept_files import tell_if_it_ends
from qsjwt.io.read import FileRefused
from qsjwt.redaction import quoted

WAIT_SECONDS: Final = 10.0
"""For another run that writes the same files."""

_LOOK_SECONDS: Final = 0.02
_LOCK: Final = "lock"
_UNDO: Final = "undo"

_LOG = logging.getLogger("qsjwt.io")


class NewFile(NamedTuple):
    """A file to be written: its path, its bytes and its permission bits."""

    path: str
    data: bytes
    mode: int = PRIVATE

    def __repr__(self) -> str:
        return f"NewFile({self.path!r}, {len(self.data)} bytes, {self.mode:#o})"


def write_files(files: Sequence[NewFile], *, overwrite: bool = False) -> None:
    """Write all *files*, or none of them and leave what was there.

    All are in one folder. Each is on the disk under another name before the first gets its own; the first of *files*
    gets it last. What a run leaves that is killed in between, the next run with the same first file undoes.

    :param overwrite: replace files that exist; otherwise one that exists is an error.
    :raises ValueError: if they are in different folders.
    :raises OSError: FileExistsError, FileRefused, or whatever stopped the writing; ``filename`` is the file concerned.
    """
    with _staging([file.path for file in files]) as staging:
        staging.require_free(overwrite)
        staging.write(files)
        staging.place()
        tell_if_it_ends(file.path for file in files)


def require_free(paths: Sequence[str], *, overwrite: bool = False) -> None:
    """Find out whether :func:`write_files` could write to *paths*, before what goes there is made.

    :raises OSError: as :func:`write_files`.
    """
    with _staging(paths) as staging:
        staging.require_free(overwrite)


@contextlib.contextmanager
def _staging(paths: Sequence[str]) -> Iterator["_Staging"]:
    if len({os.path.dirname(path) for path in paths}) != 1:
        raise ValueError("the files are not in one folder")
    with _about(paths[0], *paths[1:]), Folder(os.path.dirname(paths[0])) as folder:
        staging = _Staging(folder, paths)
        try:
            staging.claim()
            yield staging
        finally:
            with held_together():
                staging.give_back()


@contextlib.contextmanager
def _about(path: str, *others: str) -> Iterator[None]:
    """Let an error be about *path*, unless it is about one of *others*: the user knows no other names."""
    try:
        yield
    except OSError as cause:
        if cause.filename not in others:
            cause.filename = path
        raise


class _Staging:
    """The folder beside the files in which new ones wait, and what undoes their placing.

    Its name follows from that of the first file. It holds ``lock``, for the run that is at work, and for each file its
    number with ``.new`` and ``.old``. While there is ``undo``, which lists the inodes and names of the new files, the
    old ones are what counts.
    """

    def __init__(self, folder: Folder, paths: Sequence[str]) -> None:
        self._folder = folder
        self._paths = paths
        self._names = [os.path.basename(path) for path in paths]
        self._name = f".qsjwt-{hashlib.sha256(os.fsencode(self._names[0])).hexdigest()[:16]}"
        self._own: Folder | None = None
        self._lock: int | None = None

    @property
    def _inside(self) -> Folder:
        if self._own is None:
            raise ValueError("nothing is claimed")
        return self._own

    def claim(self) -> None:
        """Wait for other runs, and undo what one has left that was killed."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not self._is_claimed():
            if time.monotonic() > deadline:
                raise FileRefused("is being written by another process", hint="try again when that has finished")
            time.sleep(_LOOK_SECONDS)
        if self._inside.lstat(_UNDO):
            self._undo()
            _LOG.warning(
                "an earlier run was killed while writing %s; what was there before has been restored", self._shown()
            )
        elif set(self._inside.names()) - {_LOCK}:
            _LOG.warning(
                "an earlier run was killed before writing %s; its temporary files have been removed", self._shown()
            )
        self._clear()

    def _is_claimed(self) -> bool:
        with held_together(), contextlib.suppress(FileNotFoundError):  # its owner removes it at this moment
            self._own = self._folder.child(self._name)
            try:
                self._lock = self._own.lock(_LOCK)
            finally:
                if self._lock is None:
                    self._own.close()
        return self._lock is not None

    def require_free(self, overwrite: bool) -> None:
        """Find out whether each name is free, or a file that may be replaced."""
        for name, path in zip(self._names, self._paths, strict=True):
            with _about(path):
                require_name(path)
                status = self._folder.lstat(name)
                if status is None:
                    continue
                if not overwrite:
                    raise FileExistsError
                if stat.S_ISDIR(status.st_mode):
                    raise IsADirectoryError
                if stat.S_ISLNK(status.st_mode):
                    raise FileRefused("is a symbolic link", hint="remove the link, or name the file that it leads to")
                if not stat.S_ISREG(status.st_mode):
                    raise FileRefused("is not a regular file", hint="use another name")

    def write(self, files: Sequence[NewFile]) -> None:
        """Write the new files, under their numbers."""
        for number, file in enumerate(files):
            with _about(file.path):
                self._write(f"{number}.new", file.data, file.mode)

    def _write(self, name: str, data: bytes, mode: int = PRIVATE) -> None:
        with contextlib.ExitStack() as opened:
            with held_together():  # a file that is left open cannot be removed on Windows
                stream = opened.enter_context(self._inside.new(name, mode))
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())

    def place(self) -> None:
        """Give each its own name."""
        entries = []
        for number, (name, path) in enumerate(zip(self._names, self._paths, strict=True)):
            with _about(path):
                self._keep(name, f"{number}.old")
                new = self._inside.lstat(f"{number}.new")
                entries.append(b"%d %s" % (new.st_ino if new else 0, os.fsencode(name)))
        self._write("list", b"\0".join(entries))
        self._inside.replace("list", self._inside, _UNDO)
        self._inside.flush()
        for number, name in reversed(list(enumerate(self._names))):
            with _about(self._paths[number]):
                self._place(f"{number}.new", name, is_free=not self._inside.lstat(f"{number}.old"))
        self._folder.flush()
        self._inside.unlink(_UNDO)
        self._inside.flush()

    def _keep(self, name: str, old: str) -> None:
        status = self._folder.lstat(name)
        if status is not None:
            try:
                self._folder.link(name, self._inside, old)
            except OSError:  # no hard links here, or none to another user's file
                self._write(old, self._folder.read(name), stat.S_IMODE(status.st_mode))

    def _place(self, new: str, name: str, *, is_free: bool) -> None:
        if is_free:
            try:
                self._inside.link(new, self._folder, name)
                return
            except FileExistsError:
                raise
            except OSError:
                # No hard links here (FAT, some network shares): take the name first, then move onto it.
                self._folder.new(name, PRIVATE).close()
        self._inside.replace(new, self._folder, name)

    def _undo(self) -> None:
        """Put back what was there, unless somebody has done so already, or put another file there."""
        for number, entry in enumerate(self._inside.read(_UNDO).split(b"\0")):
            inode, _, encoded = entry.partition(b" ")
            name = os.fsdecode(encoded)
            there = self._folder.lstat(name)
            old = self._inside.lstat(f"{number}.old")
            if there is None or (there.st_ino != int(inode) and (old or there.st_size)):
                continue
            if old:
                self._inside.replace(f"{number}.old", self._folder, name)
            else:
                self._folder.unlink(name)
        self._folder.flush()
        self._inside.unlink(_UNDO)

    def give_back(self) -> None:
        """Undo what is not complete, and remove the folder; what cannot be removed changes no outcome."""
        if self._own is None or self._lock is None:
            return
        left = "what was there before %s could not be restored (%s); the next run will try again"
        try:
            if self._own.lstat(_UNDO):
                self._undo()
            left = "the temporary files next to %s could not be removed (%s)"
            self._clear()
            self._own.unlock(_LOCK, self._lock)
            self._folder.rmdir(self._name)
        except OSError as cause:
            _LOG.warning(left, self._shown(), (cause.strerror or "no reason given").lower())
        finally:
            self._own.close()

    def _clear(self) -> None:
        for name in self._inside.names():
            if name != _LOCK:
                self._inside.unlink(name)

    def _shown(self) -> str:
        return ", ".join(map(quoted, self._paths))
