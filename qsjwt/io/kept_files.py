"""Files that are written and stay, though what they were written for comes to nothing: whoever ends says so."""

import contextlib
import logging
from collections.abc import Iterable, Iterator
from contextvars import ContextVar

from qsjwt.errors import QsJwtError
from qsjwt.redaction import quoted

_LOG = logging.getLogger("qsjwt.io")
_written: ContextVar[list[str] | None] = ContextVar("written", default=None)


def tell_if_it_ends(paths: Iterable[str]) -> None:
    """Have the block of :func:`kept_files_told`, if there is one, say that the files *paths* are kept."""
    written = _written.get()
    if written is not None:
        written += paths


@contextlib.contextmanager
def kept_files_told() -> Iterator[None]:
    """Let what ends the block too early say which files were written in it: they stay."""
    written: list[str] = []
    token = _written.set(written)
    try:
        yield
    except BaseException as error:
        kept = f"already written, and kept: {', '.join(map(quoted, written))}"
        if written and isinstance(error, QsJwtError):
            error.hint = f"{error.hint}; {kept}" if error.hint else kept
        elif written:  # of a closed pipe and of a request to end nothing else is said
            _LOG.warning("%s", kept)
        raise
    finally:
        _written.reset(token)
