"""The look of text for people: marks, colours by meaning, lines that break at words, columns, tables.

Import it where such a text is made, and not before: rich is behind it.
"""

import enum
import io
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from rich.cells import cell_len
from rich.text import Text

from qsjwt.cli.output import stdout
from qsjwt.cli.screen import Screen, screen_of
from qsjwt.redaction import printable

STYLES: Final[Mapping[str, str]] = {
    "": "",
    "good": "green",
    "bad": "red",
    "open": "yellow",
    "verdict good": "bold green",
    "verdict bad": "bold red",
    "verdict open": "bold yellow",
    "title": "bold",
    "name": "bold",
    "way": "cyan",
    "faint": "dim",
}
"""What a piece of text is to its reader, to how it looks; no meaning is told by its colour alone."""

Piece: TypeAlias = str | tuple[str, str]
"""Text, alone or with one of :data:`STYLES`; whatever it holds, it is shown as it is, and moves no cursor."""

_GAP: Final = 2
"""Columns between two columns of a table."""

_NAMES: Final = 3
"""Names in front of values take at most a third of the line."""

_VALUES: Final = 6
"""Values in front of what is said of them have a column of a sixth of the line; longer ones go beyond it."""


class Mark(enum.Enum):
    """What stands in front of a verdict.

    :ivar sign: what it is in Unicode.
    :ivar plain: what it is in ASCII.
    :ivar style: what it means, of :data:`STYLES`.
    """

    GOOD = ("✓", "+", "good")
    BAD = ("✗", "x", "bad")
    OPEN = ("?", "?", "open")

    def __init__(self, sign: str, plain: str, style: str) -> None:
        self.sign, self.plain, self.style = sign, plain, style


class Page:
    """Text for people that grows from top to bottom, as wide as the screen; ``str()`` is what to write.

    :ivar screen: where it is to be read.
    """

    def __init__(self, screen: Screen | None = None) -> None:
        """Begin a page.

        :param screen: by default that behind standard output.
        """
        self.screen = screen_of(stdout()) if screen is None else screen
        self._lines: list[Text] = []

    def __str__(self) -> str:
        """Return the page, with colours if the screen has any."""
        if not self.screen.is_coloured:
            return "".join(f"{line.plain}\n" for line in self._lines)
        from rich.console import Console

        console = Console(
            file=io.StringIO(),
            color_system="standard",  # the colours that the user has chosen
            force_terminal=True,
            force_jupyter=False,
            no_color=False,
            legacy_windows=False,
            width=self.screen.columns,
        )
        with console.capture() as captured:
            console.print(Text("\n").join(self._lines), soft_wrap=True)
        return captured.get()

    def verdict(self, mark: Mark, text: str) -> None:
        """Add the first line: what it all comes to."""
        style = f"verdict {mark.style}"
        self.line((f"{self.sign(mark)} ", style), (text, style), hang=2)

    def section(self, title: str) -> None:
        """Begin a section, below an empty line."""
        self.gap()
        self.line((title, "title"))

    def gap(self) -> None:
        """Add an empty line, unless the page has just begun."""
        if self._lines:
            self._lines.append(Text())

    def line(self, *pieces: Piece, indent: int = 0, hang: int = 0) -> None:
        """Add *pieces* as one line, or as several if it is too long.

        :param indent: columns that are left free.
        :param hang: as many more from the second line on.
        """
        self._lines += self._set(_joined(pieces), indent, hang)

    def marked(self, mark: Mark, name: str, *pieces: Piece, indent: int = 0) -> None:
        """Add what is found of *name*, which may be empty, behind a mark."""
        style = mark.style
        named: tuple[Piece, ...] = ((name, f"verdict {style}"), "  ") if name else ()
        self.line((f"{self.sign(mark)} ", style), *named, *pieces, indent=indent, hang=2)

    def way_out(self, text: str, indent: int = 0) -> None:
        """Add what to do about what is said above."""
        arrow = "→" if self.screen.is_unicode else "->"
        self.line((f"{arrow} ", "way"), (text, "way"), indent=indent, hang=len(arrow) + 1)

    def fields(self, rows: Iterable[tuple[str, Piece | list[Piece]]], indent: int = 2) -> None:
        """Add names and their values in two columns.

        :param rows: of a value that is a list, the first is the value, and what follows is said of it: in a third
            column if there is room, or else below.
        """
        known = [
            (
                Text(printable(name), STYLES["name"]),
                [_joined([each]) for each in (value if isinstance(value, list) else [value])],
            )
            for name, value in rows
        ]
        width = self._widest((name for name, _ in known), _NAMES)
        stop = self._widest((parts[0] for _, parts in known if len(parts) > 1), _VALUES)
        start = indent + width + _GAP
        for name, parts in known:
            beside = parts[0].copy()
            for part in parts[1:]:
                beside.append(" " * (max(stop - beside.cell_len, 0) + _GAP)).append_text(part)
            lines = [beside]
            if name.cell_len > width or start + beside.cell_len > self.screen.columns:
                lines = [line for part in parts for line in _wrapped(part, self.screen.columns - start)]
            heads = [name]
            if name.cell_len > width or start + lines[0].cell_len > self.screen.columns:
                self._lines.append(Text(" " * indent).append_text(name))
                heads = []
            for head, line in itertools.zip_longest(heads, lines, fillvalue=Text()):
                whole = Text(" " * indent).append_text(head) if head else Text()
                whole.append(" " * (self._start(line, start) - whole.cell_len)).append_text(line)
                whole.rstrip()
                self._lines.append(whole)

    def table(self, head: Sequence[str], rows: Iterable[Sequence[Piece]]) -> None:
        """Add *rows* under *head*; where a line has no room for the longest words, the cells stand below each other."""
        cells = [[_joined([cell]) for cell in row] for row in rows]
        title = [Text(printable(name), STYLES["title"]) for name in head]
        columns = list(zip(*[title, *cells], strict=True))
        natural = [max(cell.cell_len for cell in column) for column in columns]
        least = [max(map(cell_len, " ".join(cell.plain for cell in column).split()), default=0) for column in columns]
        room = self.screen.columns - _GAP * (len(head) - 1)
        if sum(least) > room:
            for row in cells:
                self.gap()
                self._lines += [line for pair in zip(title, row, strict=True) for line in self._stacked(*pair)]
            return
        widths = _shared(natural, least, room)
        for line in [title, *cells]:
            self._lines += _side_by_side(line, widths)

    def sign(self, mark: Mark) -> str:
        """Return the sign that *mark* is on this screen."""
        return mark.sign if self.screen.is_unicode else mark.plain

    def _widest(self, texts: Iterable[Text], share: int) -> int:
        """Return the columns of the widest of *texts* that takes no more than that share of the line."""
        return max((text.cell_len for text in texts if text.cell_len <= self.screen.columns // share), default=0)

    def _stacked(self, name: Text, cell: Text) -> list[Text]:
        return self._set(Text.assemble(name, ": ", cell), 0, _GAP)

    def _set(self, text: Text, indent: int, hang: int = 0) -> list[Text]:
        lines = _wrapped(text, self.screen.columns - indent, self.screen.columns - indent - hang)
        starts = (self._start(line, indent + (hang if number else 0)) for number, line in enumerate(lines))
        return [Text(" " * start).append_text(line) for start, line in zip(starts, lines, strict=True)]

    def _start(self, line: Text, usual: int) -> int:
        """Return in which column *line* begins: one that is a long word, further to the left, so that it is whole."""
        return min(usual, max(self.screen.columns - line.cell_len, 0))


def _joined(pieces: Iterable[Piece]) -> Text:
    joined = Text()
    for piece in pieces:
        text, style = (piece, "") if isinstance(piece, str) else piece
        joined.append(printable(text), STYLES[style])
    return joined


def _wrapped(text: Text, width: int, others: int | None = None) -> list[Text]:
    """Return *text* in lines of at most *width* columns, broken between words; a longer word has its line to itself.

    rich itself would tear such a word, which might be a command or an address that somebody copies.

    :param others: the width of all lines but the first, if it is another.
    """
    breaks, used, room = [], 0, width
    for word in re.finditer(r"\S+\s*", text.plain):
        if used and used + cell_len(word[0].rstrip()) > room:
            breaks.append(word.start())
            used, room = 0, width if others is None else others
        used += cell_len(word[0])
    lines = list(text.divide(breaks))
    for line in lines:
        line.rstrip()
    return lines


def _side_by_side(cells: Sequence[Text], widths: Sequence[int]) -> list[Text]:
    """Return the lines of one row of a table."""
    parts = [_wrapped(cell, width) for cell, width in zip(cells, widths, strict=True)]
    lines = [Text() for _ in range(max(map(len, parts)))]
    start = 0
    for part, width in zip(parts, widths, strict=True):
        for line, piece in zip(lines, part, strict=False):
            line.append(" " * (start - line.cell_len)).append_text(piece)
        start += width + _GAP
    return lines


def _shared(natural: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """Return how wide columns are that have *room* together: what they need, or as much of it as is fair."""
    widths, spare = list(least), room - sum(least)
    by_need = sorted(range(len(widths)), key=lambda column: natural[column] - least[column])
    for number, column in enumerate(by_need):
        more = min(natural[column] - least[column], spare // (len(widths) - number))
        widths[column] += more
        spare -= more
    return widths
