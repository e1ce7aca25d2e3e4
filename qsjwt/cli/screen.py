"""What the reader of a stream can see: how many columns, colours or none, marks in Unicode or in ASCII."""

import codecs
import locale
import os
from collections.abc import Mapping
from typing import Final, NamedTuple, TextIO

COLUMNS: Final = 80
"""Where there is no terminal, and ``COLUMNS`` does not say otherwise: the text is the same wherever it is made."""

MIN_COLUMNS: Final = 40
MAX_COLUMNS: Final = 200

_ASCII: Final = ("C", "POSIX")
_COERCED: Final = ("C.UTF-8", "C.utf8", "UTF-8")
"""What Python makes of ``LC_CTYPE`` in one of :data:`_ASCII` (PEP 538)."""


class Screen(NamedTuple):
    """What text for people may be like; by default, that for a pipe or a file.

    :ivar columns: characters of a line.
    :ivar is_coloured: whether there may be escape sequences (ECMA-48); without them, nothing but characters that can be
        printed, and line ends.
    :ivar is_unicode: whether marks and lines may be other than ASCII; text from elsewhere is in UTF-8 either way.
    :ivar is_terminal: whether somebody looks on, whose time zone counts.
    """

    columns: int = COLUMNS
    is_coloured: bool = False
    is_unicode: bool = True
    is_terminal: bool = False


def screen_of(stream: TextIO | None, environment: Mapping[str, str] = os.environ) -> Screen:
    """Return what may be written to *stream*, None if it is closed.

    ``NO_COLOR`` forbids colours, ``FORCE_COLOR`` wants them everywhere, ``TERM=dumb`` has none; the first of them that
    is set counts, as in Python itself. A console of Windows without escape sequences shows plain ASCII.
    """
    is_terminal = stream is not None and stream.isatty()
    is_legacy = is_terminal and os.name == "nt" and _is_legacy_console()
    return Screen(
        _columns(environment) - is_legacy,  # a full line would be followed by an empty one there
        _is_coloured(environment, is_terminal and not is_legacy),
        not is_legacy and (os.name == "nt" or not is_terminal or _is_utf_8(environment)),
        is_terminal,
    )


def _columns(environment: Mapping[str, str]) -> int:
    import shutil  # 5 ms

    wanted = environment.get("COLUMNS", "")
    columns = int(wanted) if wanted.isdecimal() and int(wanted) else shutil.get_terminal_size((COLUMNS, 0)).columns
    return max(MIN_COLUMNS, min(columns, MAX_COLUMNS))


def _is_coloured(environment: Mapping[str, str], is_able: bool) -> bool:
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR"):
        return True
    return is_able and environment.get("TERM") != "dumb"


def _is_utf_8(environment: Mapping[str, str]) -> bool:
    """Tell whether the terminal is one for UTF-8; LANG=C is taken at its word, although Python makes UTF-8 of it."""
    character_type = environment.get("LC_CTYPE", "")
    named = environment.get("LC_ALL") or ("" if character_type in _COERCED else character_type)
    if (named or environment.get("LANG")) in _ASCII:
        return False
    try:
        return codecs.lookup(locale.getencoding()).name == "utf-8"
    except LookupError:
        return False


def _is_legacy_console() -> bool:
    from rich.console import detect_legacy_windows

    return detect_legacy_windows()
