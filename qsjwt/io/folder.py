"""A folder and the files in it, by the folder's handle where the system has such: nobody can swap it in between.

What POSIX and Windows have different of that is chosen here, and nowhere else.
"""

import contextlib
import errno
import os
import re
import stat
from types import TracebackType
from typing import BinaryIO, Final, Self

from qsjwt.io import windows
from qsjwt.io.read import FileRefused

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

PRIVATE: Final = 0o600
"""Owner only. Windows has no such bits: there a new file gets an access list that says the same."""

PUBLIC: Final = 0o644
"""Readable by all, less the umask."""

_TEMPORARY: Final = re.compile(r"\.qsjwt-[0-9a-f]{16}\.tmp")
BY_HANDLE: Final = os.open in os.supports_dir_fd
_NOT_THROUGH_LINKS: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_FOLDER: Final = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
_GONE_WITH_ITS_HANDLE: Final = getattr(os, "O_TEMPORARY", 0)
_LINKS_ITSELF: Final = {"follow_symlinks": False} if os.link in os.supports_follow_symlinks else {}


class Folder:
    """A folder that exists; names are those of its entries, and a symbolic link among them is never followed.

    :ivar path: may lead through symbolic links, once.
    :ivar handle: its descriptor; None where folders have none.
    :raises OSError: here and in all methods, as the functions of :mod:`os` do.
    """

    def __init__(self, path: str, handle: int | None = None) -> None:
        self.path = path or os.curdir
        self.handle = os.open(self.path, _FOLDER) if BY_HANDLE and handle is None else handle
        if self.handle is None and not os.path.isdir(self.path):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give back the handle."""
        if self.handle is not None:
            os.close(self.handle)
            self.handle = None

    def at(self, name: str) -> str:
        """Return *name* as the functions of :mod:`os` take it beside the handle."""
        return name if self.handle is not None else os.path.join(self.path, name)

    def child(self, name: str) -> "Folder":
        """Return the folder *name* in this one, which is made for its owner alone if it is not there.

        :raises FileRefused: if it is not the caller's own, or not a folder.
        """
        with contextlib.suppress(FileExistsError):
            os.mkdir(self.at(name), 0o700, dir_fd=self.handle)
        status = os.stat(self.at(name), dir_fd=self.handle, follow_symlinks=False)
        if not _is_own(status):
            raise FileRefused(
                f"cannot be written because something else in its folder is called {name}", hint="remove that"
            )
        if status.st_mode & stat.S_IRWXU != stat.S_IRWXU:
            self.rmdir(name)
            raise _denied_by_umask()
        handle = os.open(name, _FOLDER | _NOT_THROUGH_LINKS, dir_fd=self.handle) if BY_HANDLE else None
        return Folder(os.path.join(self.path, name), handle)

    def lstat(self, name: str) -> os.stat_result | None:
        """Return the status of *name* itself; None if there is no such entry."""
        with contextlib.suppress(FileNotFoundError):
            return os.stat(self.at(name), dir_fd=self.handle, follow_symlinks=False)
        return None

    def new(self, name: str, mode: int) -> BinaryIO:
        """Return a stream to the new file *name*.

        :param mode: its permission bits, less the umask.
        :raises FileRefused: if the umask takes away what the owner needs.
        """
        if windows.is_windows() and mode == PRIVATE:
            return open(windows.create_private(self.at(name)), "w+b")
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | _NOT_THROUGH_LINKS
        descriptor = os.open(self.at(name), flags, mode, dir_fd=self.handle)
        if os.fstat(descriptor).st_mode & PRIVATE != PRIVATE:
            os.close(descriptor)
            self.unlink(name)
            raise _denied_by_umask()
        return open(descriptor, "w+b")

    def temporary(self) -> tuple[str, BinaryIO]:
        """Return name and stream of a new private file that :meth:`remove_abandoned` leaves alone while it is open."""
        while True:
            name = f".qsjwt-{os.urandom(8).hex()}.tmp"
            stream = self.new(name, PRIVATE)
            with contextlib.ExitStack() as undo:
                undo.callback(self.unlink, name)
                undo.callback(stream.close)
                if _lock(stream.fileno()) is not False and self._is(name, stream.fileno()):
                    undo.pop_all()
                    return name, stream
                # Another run took it for abandoned, before it was locked.

    def remove_abandoned(self) -> bool:
        """Remove what :meth:`temporary` made in runs that were killed; return whether there was anything."""
        return any([self._is_removed(name) for name in filter(_TEMPORARY.fullmatch, self.names())])

    def _is_removed(self, name: str) -> bool:
        with contextlib.suppress(OSError):
            if fcntl is None:
                os.unlink(self.at(name))  # fails if a process has it open
                return True
            flags = os.O_RDWR | getattr(os, "O_NONBLOCK", 0) | _NOT_THROUGH_LINKS
            with open(os.open(name, flags, dir_fd=self.handle), "rb") as file:
                if _lock(file.fileno()) and stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    self.unlink(name)
                    return True
        return False

    def read(self, name: str) -> bytes:
        """Return what the file *name* holds."""
        with open(os.open(self.at(name), os.O_RDONLY | _NOT_THROUGH_LINKS, dir_fd=self.handle), "rb") as file:
            return file.read()

    def names(self) -> list[str]:
        """Return the names of all entries."""
        return os.listdir(self.path if self.handle is None else self.handle)

    def link(self, name: str, other: "Folder", new: str) -> None:
        """Give the file *name* a second name in *other*, which nothing there may have."""
        os.link(self.at(name), other.at(new), src_dir_fd=self.handle, dst_dir_fd=other.handle, **_LINKS_ITSELF)

    def replace(self, name: str, other: "Folder", new: str) -> None:
        """Move the file *name* to *other*, in the place of what may have that name there.

        :raises FileRefused: if that is a mount point.
        """
        try:
            os.replace(self.at(name), other.at(new), src_dir_fd=self.handle, dst_dir_fd=other.handle)
        except OSError as cause:
            if cause.errno != errno.EBUSY:
                raise
            raise FileRefused(
                "cannot be replaced, because it is mounted as a single file",
                hint="mount its folder instead, or write to standard output",
            ) from cause

    def unlink(self, name: str) -> None:
        """Remove the file *name*, if it is there."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.at(name), dir_fd=self.handle)

    def rmdir(self, name: str) -> None:
        """Remove the folder *name*, if it is there and nothing is in it."""
        try:
            os.rmdir(self.at(name), dir_fd=self.handle)
        except OSError as cause:
            if cause.errno not in (errno.ENOENT, errno.ENOTEMPTY, errno.EEXIST):
                raise

    def flush(self) -> None:
        """See that the names are on the disk."""
        if self.handle is not None:
            os.fsync(self.handle)

    def lock(self, name: str) -> int | None:
        """Return a descriptor of the file *name*, which no other process has locked; None if one has.

        The system takes the lock back when the descriptor is closed, also by the end of the process.
        """
        flags = os.O_RDWR | os.O_CREAT | _NOT_THROUGH_LINKS
        if fcntl is None:
            try:
                return os.open(self.at(name), flags | os.O_EXCL | _GONE_WITH_ITS_HANDLE, PRIVATE)
            except (FileExistsError, PermissionError):
                return None
        descriptor = os.open(self.at(name), flags, PRIVATE, dir_fd=self.handle)
        if _lock(descriptor) is not False and self._is(name, descriptor):
            return descriptor
        os.close(descriptor)
        return None

    def _is(self, name: str, descriptor: int) -> bool:
        status = self.lstat(name)
        return status is not None and os.path.samestat(status, os.fstat(descriptor))

    def unlock(self, name: str, descriptor: int) -> None:
        """Remove the file *name*, and give back its lock with the *descriptor* that :meth:`lock` returned."""
        try:
            if not _GONE_WITH_ITS_HANDLE:
                self.unlink(name)
        finally:
            os.close(descriptor)


def _lock(descriptor: int) -> bool | None:
    """Lock an open file until it is closed; False if another process has it locked, None if there are no locks here."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as cause:
        if cause.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.EINVAL):
            raise
        return None  # some network file systems
    return True


def require_name(path: str) -> None:
    """Find out whether *path* can be the name of a file.

    :raises FileRefused: if Windows keeps it for a device, or takes it for that of a stream within a file.
    :raises OSError: if it is too long for Windows, which says instead that it is not there.
    """
    if windows.is_windows() and windows.is_reserved(path):
        raise FileRefused("is a name that Windows keeps for a device", hint="use another name")
    if windows.is_windows() and windows.names_stream(path):
        raise FileRefused("has a colon in its name, which Windows does not allow", hint="use another name")
    if windows.is_windows() and len(os.path.basename(path)) > windows.MAX_NAME_CHARACTERS:
        raise OSError(errno.ENAMETOOLONG, "file name too long", path)


def _denied_by_umask() -> FileRefused:
    return FileRefused(
        "would not be accessible to its owner under this umask", hint="umask 077 is enough to keep others out"
    )


def _is_own(status: os.stat_result) -> bool:
    """Tell whether it is a folder into which nobody else can have put anything."""
    if not stat.S_ISDIR(status.st_mode):
        return False
    return not BY_HANDLE or (status.st_uid == os.geteuid() and not status.st_mode & 0o022)
