"""Show a record or rows in the format that was asked for: for people, for scripts, for a shell."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from qsjwt.redaction import printable


def as_json(value: Any) -> str:
    """Return *value* as JSON (RFC 8259), indented, in Unicode."""
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def as_yaml(value: Any) -> str:
    """Return *value* as YAML, in Unicode and in its own order."""
    import yaml

    text: str = yaml.safe_dump(value, allow_unicode=True, sort_keys=False, default_flow_style=False)
    return text


def as_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return *rows* under *head* for people, each on one line."""
    from prettytable import PrettyTable

    table = PrettyTable(list(head), align="l")
    table.add_rows([[_cell(value) for value in row] for row in rows])
    return f"{table.get_string()}\n"


def as_values(rows: Sequence[Sequence[object]]) -> str:
    """Return the values of *rows*, a line each, with blanks between them."""
    return "".join(" ".join(map(_cell, row)) + "\n" for row in rows)


def as_shell(record: Mapping[str, object]) -> str:
    """Return *record* as assignments for a POSIX shell; values are quoted, so that ``eval`` runs none of them."""
    import re
    import shlex

    lines = []
    for name, value in record.items():
        variable = re.sub(r"[^a-zA-Z0-9_]", "_", name).lower()
        lines.append(f"{variable}={shlex.quote(_plain(value))}\n")
    return "".join(lines)


def as_csv(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return *rows* under *head* as CSV (RFC 4180)."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([[_plain(value) for value in row] for row in rows])
    return stream.getvalue()


def flattened(record: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return *record* with the members of nested objects under dotted names."""
    flat: dict[str, Any] = {}
    for name, value in record.items():
        if isinstance(value, dict) and value:
            flat.update(flattened(value, f"{prefix}{name}."))
        else:
            flat[f"{prefix}{name}"] = value
    return flat


RECORD_FORMATS: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "table": lambda record: as_table(("field", "value"), list(flattened(record).items())),
    "json": as_json,
    "yaml": as_yaml,
    "value": lambda record: as_values([[value] for value in flattened(record).values()]),
    "shell": lambda record: as_shell(flattened(record)),
}
"""Name for ``-f`` to what shows one record."""

ROW_FORMATS: Final[Mapping[str, Callable[[Sequence[str], Sequence[Sequence[object]]], str]]] = {
    "table": as_table,
    "json": lambda head, rows: as_json([dict(zip(head, row, strict=True)) for row in rows]),
    "yaml": lambda head, rows: as_yaml([dict(zip(head, row, strict=True)) for row in rows]),
    "value": lambda _head, rows: as_values(rows),
    "csv": as_csv,
}
"""Name for ``-f`` to what shows rows."""


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _cell(value: object) -> str:
    # A token may come from anywhere: nothing in it may move the cursor or colour the screen.
    return printable(_plain(value))
