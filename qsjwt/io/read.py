"""Read what a user points at: a file, standard input once, an environment variable; in shells' encodings."""

import codecs
import errno
import os
import re
import sys
import weakref
from typing import BinaryIO, Final, TextIO

from qsjwt.errors import InputError, QsJwtError
from qsjwt.redaction import holds_secret, quoted

_MAX_DIGITS: Final = 9
MAX_BYTES: Final = 1 << 20
"""Bytes; no key, token or set of claims comes near it, and ``/dev/zero`` must end somewhere."""

_FILENAME_EXCED_RANGE: Final = 206
"""Windows' number for a path of more than 260 characters."""

_VARIABLE: Final = r"[A-Za-z_][A-Za-z0-9_]*"
_stdin_readers: weakref.WeakKeyDictionary[TextIO, str] = weakref.WeakKeyDictionary()
"""Stream to who read it: it can be read once."""


class FileRefused(OSError):
    """A file that is not written here, for a reason that the system would not give.

    :ivar strerror: the end of the sentence "the file 'x' …".
    :ivar hint: the way out.
    """

    def __init__(self, reason: str, *, hint: str, path: str | None = None) -> None:
        super().__init__(None, reason, path)
        self.hint = hint


def user_path(path: str) -> str:
    """Return *path* with a leading ``~/`` as the home folder: shells leave it alone behind ``file:`` and ``=``."""
    return os.path.expanduser(path) if path.startswith(("~/", "~\\")) else path


def read_file(path: str, what: str, *, error: type[QsJwtError] = InputError, show: bool = True) -> bytes:
    """Return the bytes of the file *path*.

    :param path: as the user gave it, see :func:`user_path`.
    :param what: what the file is for, such as "private key file".
    :param error: the class to raise when the file cannot be read.
    :param show: False if *path* may be a secret that was given in the wrong place.
    :raises InputError: if *path* is empty, or is the content instead of a name.
    """
    if not path:
        raise InputError(f"the name of the {what} is empty")
    name = f"the {what} {quoted(path)}" if show else f"the {what}"
    try:
        with open(user_path(path), "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as cause:
        if holds_secret(path) or path.startswith("{"):
            raise InputError(
                f"expected the name of the {what}, got its content", hint="name a file that contains it"
            ) from None
        raise error(f"{name} {os_error_reason(cause)}") from cause
    if len(data) > MAX_BYTES:
        raise error(f"{name} is larger than 1 MiB")
    return data


def os_error_reason(cause: OSError | ValueError) -> str:
    """Return the end of the sentence "the file 'x' …" for what went wrong with it."""
    if isinstance(cause, PermissionError) and cause.filename and os.path.isdir(cause.filename):
        cause = IsADirectoryError()  # which Windows has no code for
    if getattr(cause, "winerror", None) == _FILENAME_EXCED_RANGE:
        cause = OSError(errno.ENAMETOOLONG, "file name too long")  # Python calls it a file that is not found
    match cause:
        case FileRefused(strerror=str(refusal)):
            reason = refusal
        case FileNotFoundError() | NotADirectoryError():
            reason = "does not exist"
        case IsADirectoryError():
            reason = "is a folder"
        case FileExistsError():
            reason = "exists already"
        case PermissionError():
            reason = "is not accessible: permission denied"
        case OSError(errno=errno.EINVAL, filename=str()):  # Windows and FAT have fewer names
            reason = "is not a valid file name"
        case OSError(strerror=str(said)):
            reason = f"is not accessible: {said.lower()}"
        case _:
            reason = "is not a valid file name"
    return reason


def read_standard_input(reader: str) -> bytes:
    """Return all bytes of standard input.

    :param reader: the option that reads it, such as ``--key stdin:``; it names both sides of a conflict.
    :raises InputError: if it is closed, larger than 1 MiB, or was read before: it can be read once.
    """
    try:
        data = standard_input_stream(reader).read(MAX_BYTES + 1)
    except (OSError, ValueError) as cause:
        raise InputError(f"{reader} cannot read standard input") from cause
    if len(data) > MAX_BYTES:
        raise InputError(f"{reader} got more than 1 MiB from standard input")
    return data


def standard_input_stream(reader: str) -> BinaryIO:
    """Return standard input itself, for *reader* alone, which may read more than fits into memory.

    :raises InputError: if it is closed, or was read before.
    """
    stream = sys.stdin
    if stream is None:
        raise InputError(f"{reader} reads standard input, but it is closed")
    if stream in _stdin_readers:
        raise InputError(
            f"{_stdin_readers[stream]} and {reader} both read standard input, which can be read once",
            hint="give one of them as a file",
        )
    _stdin_readers[stream] = reader
    return stream.buffer


def read_variable(name: str, what: str, *, error: type[QsJwtError], show: bool = True) -> bytes:
    """Return the value of the environment variable *name*, as the bytes that it was set to.

    :param what: what it is for, such as "private key".
    :param error: the class to raise when the variable is not set or empty.
    :param show: False if *name* may be a secret that was given in the wrong place.
    :raises InputError: if *name* cannot be a variable's name; it is not shown, since it may be the value.
    """
    if not re.fullmatch(_VARIABLE, name, re.ASCII):
        raise InputError(
            f"invalid name for the environment variable that holds the {what}",
            hint="give the name of the variable, not its value",
        )
    value = os.environ.get(name)
    shown = (
        f"the environment variable {quoted(name)} for the {what}"
        if show
        else f"the environment variable for the {what}"
    )
    if value is None:
        raise error(f"{shown} is not set", hint="give the name of the variable, not its value")
    if not value.strip():
        raise error(f"{shown} is empty")
    return os.fsencode(value)


def decode_text(data: bytes) -> str:
    """Return the text of *data*: UTF-8 with or without BOM, or UTF-16 as PowerShell 5.1 writes it.

    :raises UnicodeDecodeError: if it is none of these.
    """
    return data.decode(encoding_of(data))


def encoding_of(data: bytes) -> str:
    """Return the name of the codec for text that begins with *data*: two bytes tell, if there are so many."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    # Without a BOM, ASCII text in UTF-16 has a zero in every other byte, and UTF-8 text has none.
    if data[1:2] == b"\0":
        return "utf-16-le"
    if data[:1] == b"\0":
        return "utf-16-be"
    return "utf-8-sig"


def read_text(path: str, what: str, option: str) -> str:
    """Return the text of the file *path*, or of standard input for ``-``.

    :param what: what the file is for, such as "claims file".
    :param option: the option that named it, such as ``--claims-file``.
    :raises InputError: if it cannot be read or is not text.
    """
    data = read_standard_input(f"{option} -") if path == "-" else read_file(path, what)
    try:
        return decode_text(data)
    except UnicodeDecodeError as cause:
        raise InputError(f"{source_of(path, what)} is neither UTF-8 nor UTF-16 text") from cause


def whole_number(text: str, what: str, among: range = range(10**9)) -> int:
    """Return the number that *text* writes in decimal digits and nothing else.

    :param what: what it is, such as "size of a new key in bits".
    :raises InputError: if it is none, or not in *among*.
    """
    if not (text.isascii() and text.isdigit()):
        raise InputError(f"the {what} must be a whole number, not {quoted(text)}")
    if len(text) > _MAX_DIGITS:
        raise InputError(f"the {what} is too large: {quoted(text)}")
    if int(text) not in among:
        raise InputError(f"the {what} must be between {among.start} and {among.stop - 1}, not {int(text)}")
    return int(text)


def source_of(path: str, what: str) -> str:
    """Return how a message calls what :func:`read_text` reads."""
    return "standard input" if path == "-" else f"the {what} {quoted(path)}"
