"""The text of a stream of bytes, in pieces as they come: of a pipe, before it is closed."""

import codecs
from collections.abc import Iterator
from typing import BinaryIO, Final

from qsjwt.errors import InputError
from qsjwt.io.read import encoding_of
from qsjwt.io.windows import is_pipe_empty, is_windows

_CHUNK_BYTES: Final = 1 << 16
"""Bytes."""


class TextStream:
    """The text of *stream* in pieces, an empty one if the next may take a while; iterate over it once.

    Bytes that are no text become lone surrogates, so that they spoil no more than where they are.

    :ivar bytes_per_letter: about how many bytes a letter takes.
    """

    def __init__(self, stream: BinaryIO, source: str) -> None:
        """Take *stream*, which messages call *source*."""
        self.bytes_per_letter = 1
        self._stream = stream
        self._source = source

    def __iter__(self) -> Iterator[str]:
        """Yield the pieces.

        :raises InputError: if the stream cannot be read to its end.
        """
        head = self._read()
        while len(head) == 1 and (more := self._read()):
            head += more
        encoding = encoding_of(head)
        wide = not encoding.startswith("utf-8")
        self.bytes_per_letter = 2 if wide else 1
        decoder = codecs.getincrementaldecoder(encoding)("surrogatepass" if wide else "surrogateescape")
        while head:
            yield decoder.decode(head)
            if _would_wait(self._stream):
                yield ""
            head = self._read()
        try:
            yield decoder.decode(b"", final=True)
        except UnicodeDecodeError:  # half a letter at the end of UTF-16
            yield "\udcff"

    def _read(self) -> bytes:
        # Not read(): rows of a pipe are to be worked on as they come.
        try:
            data: bytes = self._stream.read1(_CHUNK_BYTES)  # type: ignore[attr-defined]  # BinaryIO is without it
        except (OSError, ValueError) as cause:
            raise InputError(f"{self._source} cannot be read to the end") from cause
        return data


def _would_wait(stream: BinaryIO) -> bool:
    """Tell whether the next read waits for whoever writes to a pipe."""
    import select

    try:
        if is_windows():
            return is_pipe_empty(stream.fileno())
        return not select.select([stream.fileno()], [], [], 0)[0]
    except (OSError, ValueError):  # no descriptor, or more of them than select knows
        return False
