"""How help is set: paragraphs and columns as wide as the terminal, and commands over several lines."""

import os
import re
import textwrap
from collections.abc import Mapping
from typing import Final

from qsjwt.redaction import printable

MAX_COLUMNS: Final = 100
MIN_COLUMNS: Final = 40
_CONTINUATION: Final = " `" if os.name == "nt" else " \\"
_WORD: Final = r"""(?:\\.|'[^']*'|"(?:\\.|[^"\\])*"|\S)+"""  # compiled for a help alone


def terminal_columns() -> int:
    """Return how many columns help may take: those of the terminal, within bounds."""
    import shutil  # 5 ms

    return max(MIN_COLUMNS, min(shutil.get_terminal_size().columns - 2, MAX_COLUMNS))


def wrap(text: str, width: int, indent: str = "") -> str:
    """Return *text* in lines of at most *width* characters, all but the first indented; no option is torn apart."""
    return textwrap.fill(text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def two_columns(rows: Mapping[str, str], width: int) -> str:
    """Return *rows*, name to what it is, as lines below each other of at most *width* characters."""
    widest = max(map(len, rows), default=0)
    return "".join(
        f"{wrap(f'  {name:{widest}}  {printable(text)}', width, ' ' * (widest + 4))}\n" for name, text in rows.items()
    )


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
