"""Write one file that is whole or not there: atomic, private, and never in the place of a key."""

import contextlib
import logging
import os
import stat
from collections.abc import Iterator
from typing import BinaryIO, Final

from qsjwt.io.ending import held_together
from qsjwt.io.folder import Folder, require_name
from qsjwt.io.read import FileRefused
from qsjwt.redaction import quoted

_AT_ONCE: Final = getattr(os, "O_NONBLOCK", 0)

_BLANK: Final = b" \t\r\n\xef\xbb\xbf\xff\xfe"
"""What may stand before JSON, a byte order mark among it."""

_LOG = logging.getLogger("qsjwt.io")


@contextlib.contextmanager
def private_file(path: str) -> Iterator[BinaryIO]:
    """Give a stream whose content is *path*, 0600, once the block has ended well, in place of a file that may be there.

    Until then it grows under another name, which is gone if the block is left by an exception; what a run leaves that
    is killed, the next one in the same folder removes. A device or a pipe (``/dev/stdout``, ``/dev/null``) is written
    to as it is.

    :raises FileRefused: as :func:`replaceable`, or if it is a pipe without a reader.
    :raises OSError: whatever stopped the writing; the file that was there is then unchanged.
    """
    before = replaceable(path)
    if before is not None and not stat.S_ISREG(before.st_mode):
        with _device(path) as stream:
            yield stream
        return
    place = os.path.realpath(path)
    name = os.path.basename(place)
    with Folder(os.path.dirname(place)) as folder:
        there = folder.lstat(name)
        if there is not None and (before is None or not os.path.samestat(before, there)):
            raise FileRefused("is being replaced by another process", hint="try again")
        if folder.remove_abandoned():
            _LOG.warning(
                "an earlier run was killed while writing to the folder of %s; its temporary files have been removed",
                quoted(path),
            )
        temporary = ""
        try:
            with held_together():
                temporary, stream = folder.temporary()
            with stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            folder.replace(temporary, folder, name)
            folder.flush()
        finally:
            with held_together():
                _remove(folder, temporary, path)


def replaceable(path: str) -> os.stat_result | None:
    """Return the status of what :func:`private_file` would replace or write to; None if nothing is there.

    :raises FileRefused: if it holds a key or a certificate, which is surely a slip, has the name of a device, or would
        be in a folder that is not there or not to be written to.
    :raises OSError: if it cannot be looked at; the system may forbid to follow a symbolic link.
    """
    require_name(path)
    try:
        status = os.stat(path)
    except FileNotFoundError:
        _require_folder(os.path.dirname(os.path.realpath(path)))
        return None
    if stat.S_ISREG(status.st_mode) and _holds_key(path):
        raise FileRefused("holds a key or a certificate", hint="name another file")
    return status


def _require_folder(folder: str) -> None:
    if not os.path.isdir(folder):
        raise FileRefused("is in a folder that does not exist", hint="create the folder first")
    if not os.access(folder, os.W_OK):
        raise FileRefused("is in a folder that you may not write to", hint="name a file in another folder")


def _holds_key(path: str) -> bool:
    """Tell whether the file is PEM, PEM in base64, DER or PKCS#12, or JSON with a private or symmetric key.

    JSON with a public key or a certificate is what ``registration`` has made, and makes again.
    """
    try:
        with open(path, "rb") as file:
            head = file.read(1 << 16)
    except PermissionError:
        return False
    text = head.replace(b"\0", b"")  # UTF-16
    if text.lstrip(_BLANK)[:1] in (b"{", b"["):
        return b"PRIVATE KEY-----" in text or (b'"kty"' in text and (b'"d"' in text or b'"k"' in text))
    is_der = head[:1] == b"\x30" and head[1:2] >= b"\x80"
    return is_der or any(mark in text for mark in (b"-----BEGIN ", b"LS0tLS1CRUdJTi"))


def _device(path: str) -> BinaryIO:
    """Open what is no regular file; one that has taken its place by now is not written to."""
    try:
        descriptor = os.open(path, os.O_WRONLY | _AT_ONCE | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0))
    except OSError as cause:
        if not stat.S_ISFIFO(os.stat(path).st_mode) or isinstance(cause, PermissionError):
            raise
        raise FileRefused("is a pipe without a reader", hint="start the reader first") from cause
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileRefused("is being replaced by another process", hint="try again")
    if _AT_ONCE:
        os.set_blocking(descriptor, True)
    return open(descriptor, "wb")


def _remove(folder: Folder, temporary: str, path: str) -> None:
    try:
        if temporary:
            folder.unlink(temporary)
    except OSError as cause:
        _LOG.warning(
            "a temporary file next to %s could not be removed (%s)", quoted(path), (cause.strerror or "").lower()
        )
