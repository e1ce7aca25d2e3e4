"""Read the rows of a batch: CSV (RFC 4180), JSON or JSON Lines, in shells' encodings, as a stream."""

import csv
import itertools
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO, Final, NamedTuple

from qsjwt.batch.json_text import objects
from qsjwt.batch.options import CSV, JSON, JSON_LINES
from qsjwt.batch.text_stream import TextStream
from qsjwt.errors import InputError
from qsjwt.io.strict_json import parse_json
from qsjwt.redaction import quoted

_ENDINGS: Final = {".csv": CSV, ".jsonl": JSON_LINES, ".ndjson": JSON_LINES}
_LINE_END: Final = re.compile("[\r\n]")

MAX_LINE_CHARACTERS: Final = 1 << 20
"""Letters of a line; no row comes near it, and what is no text at all must not fill the memory."""

_NO_TEXT: Final = re.compile("[\ud800-\udfff]")
_SAID_DELIMITER: Final = re.compile(r'"?sep=([,;\t])"?')
_CSV_ERRORS: Final = {
    "unexpected end of data": "a quoted cell is not closed",
    "new-line character": "an unquoted cell contains a line break",
    "larger than field limit": f"a cell has more than {csv.field_size_limit():,} characters",
    "expected after": "a quoted cell goes on after its closing quote",
}
"""What the library says to what people understand."""

_DELIMITERS: Final = (",", ";", "\t")
"""Of cells: a header without a comma may be one of a country where that is in numbers."""


class Row(NamedTuple):
    """One row of a batch.

    :ivar number: counts rows from 1.
    :ivar line: counts lines from 1, the first if it has several; 0 if the row comes from no file.
    :ivar values: column to what is in it; a column that is empty, or null in JSON, is left out.
    :ivar problem: why it cannot be read; empty if it can.
    :ivar end: about how many bytes of the file end with it.
    """

    number: int
    line: int
    values: Mapping[str, Any]
    problem: str = ""
    end: int = 0

    @property
    def place(self) -> str:
        """What a message calls it."""
        return f"line {self.line}" if self.line else f"row {self.number}"


class _Line(NamedTuple):
    """A line without its end: text, or None if it is too long; *number* 0 if the next is not there yet."""

    number: int
    text: str | None
    end: int = 0


_NOT_YET: Final = _Line(0, "")


class RowReader:
    """The rows in a stream of bytes; iterate over it once.

    :ivar columns: those of a CSV file, in their order; None for JSON, where each row has its own.
    :ivar form: ``csv``, ``json`` or ``jsonl``.
    """

    def __init__(self, stream: BinaryIO, source: str, form: str | None = None) -> None:
        """Read the header.

        :param source: what messages call it, such as "the batch file 'users.csv'".
        :param form: ``csv``, ``json`` or ``jsonl``; None if the first line is to decide.
        :raises InputError: if there is no header, or it has a column twice or without a name.
        """
        self.columns: Sequence[str] | None = None
        self._source = source
        self._text = TextStream(stream, source)
        head, pieces = _peeked(iter(self._text))
        self.form = form or (JSON_LINES if head.startswith("{") else CSV)
        if form != CSV and _is_document(head):
            self.form = JSON
        self._values = objects(pieces, MAX_LINE_CHARACTERS) if self.form == JSON else iter(())
        self._lines = self._numbered(pieces)
        self._ahead: deque[_Line] = deque()
        self._not_closed = (0, "")
        if self.form == CSV:
            self.columns = self._header(self._first_line().text)
        elif not head:
            raise self._empty()

    def _empty(self) -> InputError:
        return InputError(f"{self._source} is empty", hint="CSV begins with the names of its columns, such as userid")

    def _first_line(self) -> _Line:
        """Return the next line that is not blank."""
        for line in self._lines:
            if line.number and (line.text is None or line.text.strip()):
                return line
        raise self._empty()

    def _header(self, line: str | None) -> list[str]:
        if (line or "").startswith("#TYPE "):  # Export-Csv of Windows PowerShell writes it
            line = self._first_line().text
        if said := _SAID_DELIMITER.fullmatch(line or ""):  # spreadsheets write it, and read it
            line = self._first_line().text
        if line is None or not _is_text(line):
            raise InputError(f"{self._source} has no readable header: the line that has to be it is not text")
        names_alone = re.sub(r'"[^"]*"', "", line)
        likely = next((mark for mark in _DELIMITERS if mark in names_alone), _DELIMITERS[0])
        self._delimiter = said[1] if said else likely
        try:
            names = [name.strip() for name in self._cells([line])]
        except ValueError as cause:
            raise InputError(f"the header of {self._source} cannot be read: {cause}") from cause
        known: set[str] = set()
        for place, name in enumerate(names, 1):
            if not name:
                raise InputError(f"the column {place} of {self._source} has no name in the header")
            if name in known:
                raise InputError(f"{self._source} has the column {quoted(name)} twice", hint="leave one of them out")
            known.add(name)
        return names

    def __iter__(self) -> Iterator[Row | None]:
        """Yield all rows, and None where the next is not there yet: what is done can be given out meanwhile.

        A row that cannot be read has a problem, and the next is not concerned. One of CSV whose cells are all empty,
        as spreadsheets leave behind, is none.
        """
        if self.form == JSON:
            yield from self._rows_of_json()
            return
        number = 0
        while (line := self._next_line()) is not None:
            if not line.number:
                yield None
            elif line.text is None or line.text.strip():
                row = self._row(number + 1, line)
                if row.values or row.problem or self.columns is None:
                    number += 1
                    yield row

    def _rows_of_json(self) -> Iterator[Row | None]:
        number = 0
        for value in self._values:
            number += bool(value.line)
            line = _Line(value.line, value.text, value.letters * self._text.bytes_per_letter)
            if not value.line:
                yield None
            elif value.problem:
                yield Row(number, line.number, {}, value.problem, line.end)
            else:
                yield self._row(number, line)

    def _next_line(self) -> _Line | None:
        return self._ahead.popleft() if self._ahead else next(self._lines, None)

    def _row(self, number: int, line: _Line) -> Row:
        try:
            values = self._from_json(line) if self.columns is None else self._from_csv(line)
        except ValueError as cause:
            return Row(number, line.number, {}, str(cause), line.end)
        return Row(number, line.number, values, end=line.end)

    def _from_csv(self, line: _Line) -> dict[str, str]:
        columns = self.columns or ()
        text = _text_of(line)
        cells = self._cells_of_several(line.number, text) if '"' in text else self._cells([text])
        if not any(map(str.strip, cells)):
            return {}
        if len(cells) != len(columns):
            raise ValueError(f"it has {len(cells)} cells, but the header has {len(columns)}")
        return {name: cell for name, cell in zip(columns, cells, strict=True) if cell.strip()}

    def _cells_of_several(self, number: int, first: str) -> list[str]:
        """Return the cells of the record that begins with *first*, the line *number*.

        A quoted cell may have line ends in it. If the quote is not closed well, the line was cut off, and the lines
        after it are rows of their own. They never are if it is: whoever can write a line end into a name could have
        another user's token signed.
        """
        taken: list[_Line] = []

        def lines() -> Iterator[str]:
            yield f"{first}\n"
            if number < self._not_closed[0]:  # an earlier record has come from here to the same end: read none again
                raise ValueError(self._not_closed[1])
            size = 0
            while size < MAX_LINE_CHARACTERS and (line := self._next_line()) is not None:
                taken.append(line)
                if not line.number:
                    continue
                if line.text is None or not _is_text(line.text):
                    return
                size += len(line.text)
                yield f"{line.text}\n"

        try:
            return self._cells(lines())
        except ValueError as cause:
            if taken:
                self._not_closed = (max(line.number for line in taken), str(cause))
            self._ahead.extendleft(reversed(taken))
            raise

    def _cells(self, lines: Iterable[str]) -> list[str]:
        try:
            return next(csv.reader(lines, delimiter=self._delimiter, strict=True), [])
        except csv.Error as cause:
            for words, said in _CSV_ERRORS.items():
                if words in str(cause):
                    raise ValueError(said) from cause
            raise ValueError(f"it is not CSV: {cause}") from cause

    @staticmethod
    def _from_json(line: _Line) -> dict[str, Any]:
        value = parse_json(_text_of(line))
        if not isinstance(value, dict):
            raise ValueError("it is not a JSON object")
        return {name: cell for name, cell in value.items() if cell not in (None, "")}

    def _numbered(self, chunks: Iterator[str]) -> Iterator[_Line]:
        """Yield each line; one that is too long as soon as that is known.

        Bytes that are no text become lone surrogates, so that they spoil their own line only.
        """
        pending, number, letters, skipping = next(chunks, ""), 0, 0, False
        end = "\r" if "\r" in pending and "\n" not in pending else "\n"  # as old Macs have it
        while True:
            *whole, pending = pending.split(end)
            for line in whole:
                number += 1
                letters += len(line) + 1
                if not skipping:
                    text = None if len(line) > MAX_LINE_CHARACTERS else line.strip("\r\n")
                    yield _Line(number, text, letters * self._text.bytes_per_letter)
                skipping = False
            if len(pending) > MAX_LINE_CHARACTERS:
                if not skipping:
                    yield _Line(number + 1, None, letters * self._text.bytes_per_letter)
                letters, pending, skipping = letters + len(pending), "", True
            chunk = next(chunks, None)
            if chunk is None:
                break
            if not chunk:
                yield _NOT_YET
            pending += chunk
        if pending and not skipping:
            yield _Line(number + 1, pending.strip("\r\n"), letters * self._text.bytes_per_letter)


def _peeked(pieces: Iterator[str]) -> tuple[str, Iterator[str]]:
    """Return the first line of *pieces* that is not blank, or enough of it to tell what it is; and all of *pieces*."""
    head, taken, size = "", [], 0
    for piece in pieces:
        taken.append(piece)
        size += len(piece)
        more = piece if head else piece.lstrip()
        head += more
        if head.startswith("[") or _LINE_END.search(more) or size > MAX_LINE_CHARACTERS:
            break
    return _LINE_END.split(head, maxsplit=1)[0].rstrip(), itertools.chain(taken, pieces)


def _is_document(head: str) -> bool:
    """Tell whether what begins with the line *head* is JSON over several lines, or an array, and not JSON Lines."""
    return head.startswith("[") or head == "{"


def form_of(path: str) -> str | None:
    """Return the format that the ending of *path* stands for; None if it stands for none."""
    return next((form for ending, form in _ENDINGS.items() if path.lower().endswith(ending)), None)


def _text_of(line: _Line) -> str:
    if line.text is None:
        raise ValueError("it is longer than a million characters")
    if not _is_text(line.text):
        raise ValueError("it contains bytes that are not valid in the encoding of the file, such as UTF-8")
    return line.text


def _is_text(line: str) -> bool:
    return line.isascii() or _NO_TEXT.search(line) is None
