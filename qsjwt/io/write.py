"""Write files that are whole or not there: exclusive, atomic, private by default, all of a set or none."""

import contextlib
import os
import stat
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final, NamedTuple

PRIVATE: Final = 0o600
"""Owner only. Windows has no such bits: there a new file takes the access list of its folder."""

PUBLIC: Final = 0o644
"""Readable by all, less the umask."""


class NewFile(NamedTuple):
    """A file to be written: its path, its bytes and its permission bits."""

    path: str
    data: bytes
    mode: int = PRIVATE

    def __repr__(self) -> str:
        return f"NewFile({self.path!r}, {len(self.data)} bytes, {self.mode:#o})"


def write_files(files: Sequence[NewFile], *, overwrite: bool = False) -> None:
    """Write all *files*, or none of them and leave what was there.

    Each is written under another name in the same folder, flushed to the disk, and only then given its own
    name, so that a full disk or a crash leaves no half file.

    :param overwrite: replace files that exist; otherwise one that exists is an error.
    :raises OSError: FileExistsError, or whatever stopped the writing; ``filename`` is the file concerned.
    """
    with contextlib.ExitStack() as cleanup, contextlib.ExitStack() as rollback:
        staged = [(_stage(file, cleanup), file.path) for file in files]
        for temporary, path in staged:
            try:
                if overwrite:
                    _replace(temporary, os.path.realpath(path), cleanup, rollback)
                else:
                    _place(temporary, path, rollback)
            except OSError as cause:
                cause.filename = path
                raise
        for folder in {os.path.dirname(os.path.realpath(path)) for _, path in staged}:
            _flush_folder(folder)
        rollback.pop_all()


@contextlib.contextmanager
def private_file(path: str) -> Iterator[BinaryIO]:
    """Give a stream whose content is *path*, 0600, once the block has ended well, in place of a file that may be there.

    Until then it grows under another name, which is gone if the block is left by an exception. A device or a pipe
    (``/dev/stdout``, ``/dev/null``) is written to as it is.

    :raises FileExistsError: if a key or a certificate is there: that is surely a slip.
    :raises OSError: whatever stopped the writing; the file that was there is then unchanged.
    """
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISREG(os.stat(path).st_mode):
            with open(path, "wb") as device:
                yield device
            return
        if _holds_key(path):
            raise FileExistsError(None, "it holds a key or a certificate", path)
    with contextlib.ExitStack() as cleanup, contextlib.ExitStack() as rollback:
        place = os.path.realpath(path)
        with _temporary(place, PRIVATE, cleanup) as stream:
            yield stream
        _replace(stream.name, place, cleanup, rollback)
        _flush_folder(os.path.dirname(place))
        rollback.pop_all()


def _holds_key(path: str) -> bool:
    """Tell whether the file is PEM, PEM in base64, DER or PKCS#12, or a JWK."""
    try:
        with open(path, "rb") as file:
            head = file.read(1 << 16)
    except PermissionError:
        return False
    text = head.replace(b"\0", b"")  # UTF-16
    is_der = head[:1] == b"\x30" and head[1:2] >= b"\x80"
    return is_der or any(mark in text for mark in (b"-----BEGIN ", b"LS0tLS1CRUdJTi", b'"kty"'))


def _stage(file: NewFile, cleanup: contextlib.ExitStack) -> str:
    try:
        with _temporary(os.path.realpath(file.path), file.mode, cleanup) as stream:
            stream.write(file.data)
    except OSError as cause:
        cause.filename = file.path
        raise
    return stream.name


@contextlib.contextmanager
def _temporary(path: str, mode: int, cleanup: contextlib.ExitStack) -> Iterator[BinaryIO]:
    """Give a stream to a new file beside *path*; what is written is on the disk when the block has ended well."""
    name = os.path.join(os.path.dirname(path), f".qsjwt-{os.urandom(8).hex()}.tmp")
    # What undoes a step is registered before the step, since a signal may come between the two.
    cleanup.callback(_unlink_if_there, name)
    with open(name, "xb", opener=lambda place, flags: os.open(place, flags, mode)) as stream:
        yield stream
        stream.flush()
        os.fsync(stream.fileno())


def _place(temporary: str, path: str, rollback: contextlib.ExitStack) -> None:
    """Give *temporary* the name *path*, which nothing may have."""
    written = os.stat(temporary)
    rollback.callback(_unlink_if_same, path, written)
    if os.name == "nt":
        os.rename(temporary, path)  # fails there if the name is taken, unlike on POSIX
        return
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:
        # No hard links here (FAT, some network shares): take the name first, then move onto it.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
        rollback.callback(_unlink_if_same, path, os.fstat(descriptor))
        os.close(descriptor)
        os.replace(temporary, path)


def _replace(temporary: str, path: str, cleanup: contextlib.ExitStack, rollback: contextlib.ExitStack) -> None:
    written = os.stat(temporary)
    if os.path.exists(path):
        kept = f"{temporary}.old"
        cleanup.callback(_unlink_if_there, kept)
        try:
            os.link(path, kept)
        except OSError:
            import shutil

            shutil.copy2(path, kept)
        rollback.callback(os.replace, kept, path)
    else:
        rollback.callback(_unlink_if_same, path, written)
    os.replace(temporary, path)


def _unlink_if_same(path: str, written: os.stat_result) -> None:
    """Remove *path* if it is the file that was written, and not one that somebody else put there."""
    with contextlib.suppress(FileNotFoundError):
        if os.path.samestat(os.lstat(path), written):
            os.unlink(path)


def _unlink_if_there(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def _flush_folder(folder: str) -> None:
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
