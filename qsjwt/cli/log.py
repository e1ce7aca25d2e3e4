"""Diagnostics on stderr: one logger, ``qsjwt``; other libraries' records stay off, and secrets out."""

import logging
import sys
from typing import Final, TextIO

from qsjwt.redaction import redacted

VERBOSE: Final = 15
"""Between INFO and DEBUG, as qs-jwt has it."""

LEVELS: Final = {
    "error": logging.ERROR,
    "warn": logging.WARNING,
    "warning": logging.WARNING,
    "info": logging.INFO,
    "verbose": VERBOSE,
    "debug": logging.DEBUG,
}

_root = logging.getLogger("qsjwt")


class _OneLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return f"qsjwt: {record.levelname.lower()}: {redacted(record.getMessage())}"


class _ToStderr(logging.StreamHandler[TextIO]):
    """Writes to stderr as it is at that moment: a progress bar takes its place for a while."""

    @property
    def stream(self) -> TextIO:
        return sys.stderr

    @stream.setter
    def stream(self, _stream: TextIO) -> None:
        return


def configure(level: int) -> None:
    """Send the records of ``qsjwt`` and its children, from *level* on, to stderr."""
    logging.addLevelName(VERBOSE, "VERBOSE")
    handler = _ToStderr()
    handler.setFormatter(_OneLine())
    _root.handlers = [handler]
    _root.propagate = False
    _root.setLevel(level)
    # Without a handler on the root, logging's last resort would print other libraries' warnings.
    if not logging.getLogger().handlers:
        logging.getLogger().addHandler(logging.NullHandler())
