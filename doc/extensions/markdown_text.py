"""Text of the program as Markdown that shows it as it is."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from qsjwt.tokens.sources import linked

_OPTION: Final = re.compile(r"((?<![\w-])--?[a-z][a-z-]*)")
_ESCAPED: Final = re.compile(r"([\\`*_{}\[\]<>#|~$])")


def as_markdown(text: str) -> str:
    """Return *text* as Markdown that shows it as it is, and options in it as code."""
    return "".join(
        f"`{part}`" if _OPTION.fullmatch(part) else _ESCAPED.sub(r"\\\1", part) for part in _OPTION.split(text)
    )


def source_as_markdown(source: str) -> str:
    """Return where something is written, with links where there are pages to link to."""
    return "".join(f"[{as_markdown(text)}]({url})" if url else as_markdown(text) for text, url in linked(source))


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a table of cells that are Markdown."""
    return "\n".join(_lines(head, rows)) + "\n"


def _lines(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield f"| {' | '.join(row)} |"
