"""Call libraries that read what a user gave: whatever they raise, it is the input that is bad."""

import contextlib
from collections.abc import Iterator

from qsjwt.errors import KeyUnavailable, QsJwtError

_RUST_PANIC = "pyo3_runtime"
"""The module of what cryptography raises when its own code fails; it is no Exception."""


@contextlib.contextmanager
def reading(message: str, hint: str = "") -> Iterator[None]:
    """Run a library's parser.

    :raises KeyUnavailable: with *message* and *hint* for whatever it raises: no list of its exceptions is complete.
    """
    try:
        yield
    except QsJwtError:
        raise
    except BaseException as cause:
        if not isinstance(cause, Exception) and type(cause).__module__ != _RUST_PANIC:
            raise
        raise KeyUnavailable(message, hint=hint) from cause
