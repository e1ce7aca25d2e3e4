"""How help is set: paragraphs and columns as wide as the terminal, and commands over several lines."""

import os
import re
from collections.abc import Iterable
from typing import Final

from qsjwt.redaction import printable

MAX_COLUMNS: Final = 100
MIN_COLUMNS: Final = 40
MAX_NAME_COLUMNS: Final = 30
"""Of what stands left of the text; what is longer has a line to itself."""

_CONTINUATION: Final = " `" if os.name == "nt" else " \\"
_WORD: Final = r"""(?:\\.|'[^']*'|"(?:\\.|[^"\\])*"|\S)+"""  # compiled for a help alone


def terminal_columns() -> int:
    """Return how many columns help may take: those of the terminal, within bounds."""
    import shutil  # 5 ms

    return max(MIN_COLUMNS, min(shutil.get_terminal_size().columns - 2, MAX_COLUMNS))


def wrap(text: str, width: int, indent: str = "") -> str:
    """Return *text* in lines of at most *width* characters, all but the first indented; no option is torn apart."""
    import textwrap

    return textwrap.fill(text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def paragraphs(text: str, width: int) -> str:
    """Return *text*, whose paragraphs an empty line parts, in lines of at most *width* characters.

    A paragraph with a line that begins with a blank is left as it is.
    """
    return "\n\n".join(part if "\n " in part else wrap(part, width) for part in text.split("\n\n"))


def two_columns(rows: Iterable[tuple[str, str]], left: int, width: int) -> str:
    """Return *rows*, a name and what it is, as lines below each other of at most *width* characters.

    :param left: where what it is begins, see :func:`text_column`.
    """
    return "".join(f"{_row(name, printable(text), left, width)}\n" for name, text in rows)


def text_column(names: Iterable[str]) -> int:
    """Return how far the text is indented that stands beside *names* in :func:`two_columns`."""
    return min(max(map(len, names), default=0) + 4, MAX_NAME_COLUMNS)


def _row(name: str, text: str, left: int, width: int) -> str:
    if not text:
        return f"  {name}"
    if len(name) + 4 <= left:
        return wrap(f"  {name:{left - 2}}{text}", width, " " * left)
    # textwrap counts what it indents with, too.
    return f"  {name}\n{' ' * left}{wrap(' ' * left + text, width, ' ' * left)[left:]}"


def continued(command: str, width: int) -> str:
    """Return *command* over as many lines as it takes, as the system's usual shell continues them.

    :param width: of the longest line, in characters; an option and its values stay together even if they are longer.
    """
    first, *parts = _parts(command)
    lines = [f"  {first}"]
    for part in parts:
        if len(lines[-1]) + 1 + len(part) + len(_CONTINUATION) <= width:
            lines[-1] += f" {part}"
        else:
            lines[-1] += _CONTINUATION
            lines.append(f"    {part}")
    return "\n".join(lines)


def _parts(command: str) -> list[str]:
    """Return the command, and each option with its values."""
    parts: list[str] = []
    for word in re.findall(_WORD, command):
        if parts and not word.startswith("-"):
            parts[-1] += f" {word}"
        else:
            parts.append(word)
    return parts
