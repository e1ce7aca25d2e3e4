"""Write what the answers of Qlik's servers mean, by what a reader has in front of them: a status, a code, a text."""

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, TypeAlias, TypeVar

from markdown_text import as_markdown, source_as_markdown, table

from qsjwt.api import Explanation
from qsjwt.live.explain import EVERYWHERE
from qsjwt.tokens.create import load_platform

_PLATFORMS: Final = {"qseow": "Qlik Sense", "qscloud": "Qlik Cloud", "qscloud-oauth": "Qlik Cloud, OAuth client"}
_ANYWHERE: Final = "Any server"
_HEAD: Final = ("cause", "way out", "source")

K = TypeVar("K", int, str)
_Known: TypeAlias = Mapping[str, Sequence[Explanation]]
"""Whose server answers so, and what that may mean, the likeliest first."""


def by_status() -> str:
    """Return a section for each status whose answers say no more, one for all that mean the same."""
    found = sorted(_grouped(lambda row: 0 if row.code or row.text else row.status).items())
    parts = []
    for _, same in itertools.groupby(found, key=lambda item: _without_status(item[1])):
        statuses, (rows, *_) = zip(*same, strict=True)
        targets = "\n".join(f"(status-{status})=" for status in statuses)
        parts.append(f"{targets}\n### {', '.join(map(str, statuses))}\n\n{_tables(rows)}")
    return "\n".join(parts)


def by_code() -> str:
    """Return a section for each code of an error of Qlik Cloud."""
    found = _grouped(lambda row: row.code)
    numbered = sorted(found.items(), key=lambda item: [(len(part), part) for part in item[0].split("-")])
    return "\n".join(f"### {code}\n\n{_items(rows)}" for code, rows in numbered)


def by_text() -> str:
    """Return a section for each text that tells what is wrong."""
    found = _grouped(lambda row: row.text)
    ordered = sorted(found.items(), key=lambda item: item[0].strip('"').casefold())
    return "\n".join(f"### `{text}`\n\n{_items(rows)}" for text, rows in ordered)


def when_registering() -> str:
    """Return a table for each platform whose keys ``register`` registers."""
    known = {
        title: sorted(load_platform(name).register_explanations(), key=lambda row: row.status)
        for name, title in _PLATFORMS.items()
    }
    return _tables(known, with_status=True)


def _grouped(key: Callable[[Explanation], K]) -> dict[K, dict[str, list[Explanation]]]:
    """Return what is known, by what *key* finds in a row, if it finds anything."""
    found: dict[K, dict[str, list[Explanation]]] = defaultdict(lambda: defaultdict(list))
    known = {title: load_platform(name).explanations() for name, title in _PLATFORMS.items()}
    for title, rows in {**known, _ANYWHERE: EVERYWHERE}.items():
        for row in rows:
            if key(row):
                found[key(row)][title].append(row)
    return found


def _without_status(known: _Known) -> list[tuple[str, Sequence[Explanation]]]:
    return [(title, [row._replace(status=0) for row in rows]) for title, rows in known.items()]


def _items(known: _Known) -> str:
    return "".join(
        f"- **{title}, {row.status or 'any status'}**: {_cause(row)}. *Way out:* {as_markdown(row.hint)}. *Source:* "
        f"{source_as_markdown(row.source)}.\n"
        for title, rows in known.items()
        for row in rows
    )


def _tables(known: _Known, *, with_status: bool = False) -> str:
    head = ("status", *_HEAD) if with_status else _HEAD
    return "\n".join(f"**{title}**\n\n{table(head, _rows(rows, with_status))}" for title, rows in known.items() if rows)


def _rows(rows: Iterable[Explanation], with_status: bool) -> Iterable[tuple[str, ...]]:
    for row in rows:
        status = (str(row.status),) if with_status else ()
        yield (*status, _cause(row), as_markdown(row.hint), source_as_markdown(row.source))


def _cause(row: Explanation) -> str:
    return as_markdown(f"{row.reason} (at {row.path}…)" if row.path else row.reason)
