"""The files of a new key: what they are called, and why they are not written."""

import contextlib
import itertools
import os
import re
from collections.abc import Iterator, Sequence
from typing import Final

from qsjwt.errors import KeyUnavailable
from qsjwt.io.read import os_error_reason, user_path
from qsjwt.redaction import quoted

PROTECTIONS: Final = {"dpapi": False, "dpapi-machine": True}
"""How Windows encrypts a new private key, and whether every account of the machine can decrypt it."""

_KEY_FILES: Final = {"private_key": "privatekey.pem", "public_key": "publickey.pem", "certificate": "publickey.cer"}
"""What a new key's three files hold, to the end of their names, which is that of qs-jwt."""

_PROTECTED: Final = {**_KEY_FILES, "private_key": "privatekey.dpapi"}

_PLAIN: Final = re.compile(r"[\w./\\:~-]+")
"""What every shell takes as it is."""


def new_key_files(prefix: str, protection: str | None = None) -> dict[str, str]:
    """Return what a new key's three files hold, to their paths.

    :param protection: one of :data:`PROTECTIONS`, or None.
    """
    return {content: f"{prefix}{name}" for content, name in (_PROTECTED if protection else _KEY_FILES).items()}


@contextlib.contextmanager
def told_if_not_written(paths: Sequence[str], prefix: str) -> Iterator[None]:
    """Say of a file that is not written why, and that none is.

    :param prefix: that of *paths*, as the user gave it.
    """
    try:
        yield
    except (OSError, ValueError) as cause:
        raise _not_written(getattr(cause, "filename", None) or paths[0], prefix, cause) from cause


def _not_written(path: str, prefix: str, cause: OSError | ValueError) -> KeyUnavailable:
    if isinstance(cause, FileNotFoundError):
        return KeyUnavailable(f"the folder of the new key file {quoted(path)} does not exist", hint="make it first")
    hint = getattr(cause, "hint", "")
    if isinstance(cause, FileExistsError):
        free = _free_prefix(prefix)
        example = f", such as {free}" if _PLAIN.fullmatch(free) else ""
        hint = f"use another --cert-file-prefix{example}; --cert-overwrite replaces what is there"
    return KeyUnavailable(f"the new key file {quoted(path)} {os_error_reason(cause)}, so nothing is written", hint=hint)


def _free_prefix(prefix: str) -> str:
    """Return a prefix like *prefix* under which there are no files yet: ``qlik2_`` for ``qlik_``."""
    bare = prefix.rstrip("_-")
    start, tail = bare.rstrip("0123456789"), prefix[len(bare) :] or "_"
    number = bare[len(start) :]
    if not number and start[-1:] in ("", "/", "\\"):
        start += "key"
    return next(
        found
        for count in itertools.count(int(number or 1) + 1)
        if not any(map(os.path.lexists, new_key_files(user_path(found := f"{start}{count}{tail}")).values()))
    )
