"""Read the rows of a batch: CSV (RFC 4180) or JSON Lines, a line each, in shells' encodings, as a stream."""

import codecs
import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from qsjwt.errors import InputError
from qsjwt.inputs import encoding_of, parse_json
from qsjwt.redaction import quoted

CSV: Final = "csv"
JSON_LINES: Final = "jsonl"
FORMATS: Final = (CSV, JSON_LINES)

_ENDINGS: Final = {".csv": CSV, ".jsonl": JSON_LINES, ".ndjson": JSON_LINES}
_CHUNK: Final = 1 << 16
"""Bytes."""

_LONGEST: Final = 1 << 20
"""Characters of a line, about; no row comes near it, and what is no text at all must not fill the memory."""

_DELIMITERS: Final = (",", ";", "\t")
"""Of cells: a header without a comma may be one of a country where that is in numbers."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a batch.

    :ivar number: counts rows from 1.
    :ivar line: counts lines from 1; 0 if the row comes from no file.
    :ivar values: column to what is in it; a column that is empty in CSV, or null in JSON, is left out.
    :ivar problem: why it cannot be read; empty if it can.
    """

    number: int
    line: int
    values: Mapping[str, Any]
    problem: str = ""

    @property
    def place(self) -> str:
        """What a message calls it."""
        return f"line {self.line}" if self.line else f"row {self.number}"


class RowReader:
    """The rows in a stream of bytes; iterate over it once.

    :ivar columns: those of a CSV file, in their order; None for JSON Lines, where each row has its own.
    :ivar bytes_read: how far it is, for a progress bar.
    """

    def __init__(self, stream: BinaryIO, source: str, form: str | None = None) -> None:
        """Read the header.

        :param source: what messages call it, such as "the batch file 'users.csv'".
        :param form: ``csv`` or ``jsonl``; None if the first character is to decide.
        :raises InputError: if there is no header, or it has a column twice or without a name.
        """
        self.bytes_read = 0
        self.columns: Sequence[str] | None = None
        self._source = source
        self._delimiter = _DELIMITERS[0]
        self._lines = self._numbered(stream)
        self._first = next(((number, line) for number, line in self._lines if line is None or line.strip()), None)
        if self._first is None:
            raise InputError(f"{source} is empty", hint="CSV begins with the names of its columns, such as userid")
        start = (self._first[1] or "").lstrip()[:1]
        if form is None and start == "[":
            raise InputError(
                f"{source} is neither CSV nor JSON Lines: it begins as an array of JSON does",
                hint="write one object on each line, as jq -c '.[]' does",
            )
        self.form = form or (JSON_LINES if start == "{" else CSV)
        if self.form == CSV:
            self.columns = self._header(self._first[1])
            self._first = None

    def _header(self, line: str | None) -> list[str]:
        if line is None or not _is_text(line):
            raise InputError(f"{self._source} has no header that can be read: its first line is not UTF-8 or UTF-16")
        self._delimiter = next((mark for mark in _DELIMITERS if mark in line), _DELIMITERS[0])
        try:
            names = [name.strip() for name in _cells(line, self._delimiter)]
        except ValueError as cause:
            raise InputError(f"the header of {self._source} cannot be read: {cause}") from cause
        for place, name in enumerate(names, 1):
            if not name:
                raise InputError(f"the column {place} of {self._source} has no name in the header")
            if names.count(name) > 1:
                raise InputError(f"{self._source} has the column {quoted(name)} twice", hint="leave one of them out")
        return names

    def __iter__(self) -> Iterator[Row]:
        """Yield all rows; one that cannot be read has a problem, and the next is not concerned."""
        read = self._from_json if self.columns is None else self._from_csv
        number = 0
        if self._first is not None:
            number = 1
            yield self._row(1, *self._first, read)
        for place, line in self._lines:
            if line is None or line.strip():
                number += 1
                yield self._row(number, place, line, read)

    def _row(self, number: int, place: int, line: str | None, read: Any) -> Row:
        if line is None:
            return Row(number, place, {}, "it is longer than a million characters")
        if not _is_text(line):
            return Row(number, place, {}, "it has bytes that are not text in the encoding of the file, such as UTF-8")
        try:
            return Row(number, place, read(line))
        except ValueError as cause:
            return Row(number, place, {}, str(cause))

    def _from_csv(self, line: str) -> dict[str, str]:
        columns = self.columns or ()
        cells = _cells(line, self._delimiter)
        if len(cells) != len(columns):
            raise ValueError(f"the number of its cells is {len(cells)}, and that of the header's is {len(columns)}")
        return {name: cell for name, cell in zip(columns, cells, strict=True) if cell}

    @staticmethod
    def _from_json(line: str) -> dict[str, Any]:
        try:
            value = parse_json(line)
        except ValueError as cause:
            raise ValueError(str(cause).replace("at line 1, column", "at column")) from None
        if not isinstance(value, dict):
            raise ValueError("it is not a JSON object")
        return {name: cell for name, cell in value.items() if cell is not None}

    def _numbered(self, stream: BinaryIO) -> Iterator[tuple[int, str | None]]:
        """Yield each line with its number, without its end; None for one that is too long.

        Bytes that are no text become lone surrogates, so that they spoil their own line only.
        """
        chunks = self._texts(stream)
        pending, number, too_long = next(chunks, ""), 0, False
        end = "\r" if "\r" in pending and "\n" not in pending else "\n"  # as old Macs have it
        while True:
            *whole, pending = pending.split(end)
            for line in whole:
                number += 1
                yield number, None if too_long or len(line) > _LONGEST else line.strip("\r\n")
                too_long = False
            if too_long := too_long or len(pending) > _LONGEST:
                pending = ""
            chunk = next(chunks, None)
            if chunk is None:
                break
            pending += chunk
        if pending or too_long:
            yield number + 1, None if too_long else pending.strip("\r\n")

    def _texts(self, stream: BinaryIO) -> Iterator[str]:
        head = self._read(stream)
        while len(head) == 1 and (more := self._read(stream)):
            head += more
        encoding = encoding_of(head)
        errors = "surrogateescape" if encoding.startswith("utf-8") else "surrogatepass"
        decoder = codecs.getincrementaldecoder(encoding)(errors)
        while head:
            yield decoder.decode(head)
            head = self._read(stream)
        try:
            yield decoder.decode(b"", final=True)
        except UnicodeDecodeError:  # half a character at the end of UTF-16
            yield "\udcff"

    def _read(self, stream: BinaryIO) -> bytes:
        # Not read(): rows of a pipe are to be worked on as they come.
        try:
            data: bytes = stream.read1(_CHUNK)  # type: ignore[attr-defined]
        except (OSError, ValueError) as cause:
            raise InputError(f"{self._source} cannot be read to its end") from cause
        self.bytes_read += len(data)
        return data


def form_of(path: str) -> str | None:
    """Return the format that the ending of *path* stands for; None if it stands for none."""
    return next((form for ending, form in _ENDINGS.items() if path.lower().endswith(ending)), None)


def _cells(line: str, delimiter: str) -> list[str]:
    """Return the cells of one line: no value of an option has a line end in it, so no quoted cell goes on."""
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error as cause:
        if "unexpected end" in str(cause):
            raise ValueError("a quoted cell does not end on its line; line ends in cells need JSON Lines") from cause
        raise ValueError(f"it is not CSV: {cause}") from cause


def _is_text(line: str) -> bool:
    if line.isascii():
        return True
    try:
        line.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
