"""Show a record or rows in the format that was asked for: for people, for scripts, for a shell."""

import contextlib
import csv
import io
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO, Final, TextIO

from qsjwt.errors import InputError
from qsjwt.io.read import os_error_reason, user_path
from qsjwt.options.group import OptionGroup
from qsjwt.redaction import printable, quoted

_kept: Final[list[TextIO | None]] = []
"""Standard output as it was before each :func:`results_only`; the last one counts."""

_replacements: Final[list[TextIO]] = []
"""What plugins put into :mod:`sys`; when it is thrown away it closes what it wraps, which is stderr."""


@contextlib.contextmanager
def results_only() -> Iterator[None]:
    """Keep standard output for the result: what anybody prints goes to stderr for the length of the block."""
    _kept.append(sys.stdout)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            try:
                yield
            finally:
                _replacements.append(sys.stdout)
    finally:
        _kept.pop()


def stdout() -> TextIO | None:
    """Return where the result goes, also while it is kept for it; None if it is closed."""
    return _kept[-1] if _kept else sys.stdout


def stdout_is_terminal() -> bool:
    """Tell whether somebody looks at what is written to standard output."""
    stream = stdout()
    return stream is not None and stream.isatty()


def write_stdout(text: str) -> None:
    """Write the result, and see that it arrives.

    :raises InputError: if stdout is closed or cannot be written to.
    :raises BrokenPipeError: if its reader is gone.
    """
    stream = stdout()
    if stream is None:
        raise InputError("standard output is closed, so the result cannot be written")
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as cause:
        raise InputError(f"standard output {os_error_reason(cause)}, so the result is not written") from cause


@contextlib.contextmanager
def private_output(path: str) -> Iterator[BinaryIO]:
    """Give a stream to the file *path* of ``--output``, as :func:`qsjwt.io.write.private_file` does.

    :raises InputError: if it cannot be written.
    """
    from qsjwt.io.write import private_file

    try:
        with contextlib.ExitStack() as held:
            try:
                stream = held.enter_context(private_file(user_path(path)))
            except ValueError as cause:
                raise InputError(f"--output {quoted(path)} {os_error_reason(cause)}") from cause
            yield stream
    except FileExistsError as cause:
        raise InputError(
            f"--output {quoted(path)} is not written: {cause.strerror}", hint="name another file"
        ) from cause
    except BrokenPipeError:
        raise
    except OSError as cause:
        raise InputError(f"--output {quoted(path)} {os_error_reason(cause)}, so the result is not written") from cause


def as_json(value: Any) -> str:
    """Return *value* as JSON (RFC 8259), indented, in Unicode."""
    return _harmless(json.dumps(value, ensure_ascii=False, allow_nan=False, indent=2)) + "\n"


def as_json_line(value: Any) -> str:
    """Return *value* as a line of JSON Lines, in Unicode."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return f"{text if text.isprintable() else _harmless(text)}\n"


def _harmless(text: str) -> str:
    # What could move a cursor is only ever within strings, where an escape says the same.
    return "".join(c if c == "\n" or c.isprintable() else json.dumps(c)[1:-1] for c in text)


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
    """Return the values of *rows*, a line each, with spaces between them."""
    return "".join(" ".join(map(_cell, row)) + "\n" for row in rows)


def as_shell(pairs: Sequence[tuple[str, object]]) -> str:
    """Return *pairs* as assignments for a POSIX shell; values are quoted, so that ``eval`` runs none of them."""
    import re
    import shlex

    lines = []
    for name, value in pairs:
        variable = re.sub(r"[^a-zA-Z0-9_]", "_", name).lower()
        lines.append(f"{variable}={shlex.quote(_plain(value))}\n")
    return "".join(lines)


def as_csv(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return *rows* under *head* as CSV (RFC 4180)."""
    return "".join(as_csv_line(row) for row in (head, *rows))


def as_csv_line(cells: Sequence[object]) -> str:
    """Return *cells* as a record of CSV (RFC 4180)."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerow(map(_plain, cells))
    return stream.getvalue()


def flattened(record: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Return the members of *record*, those of nested objects under dotted names; two may have the same name."""
    flat: list[tuple[str, Any]] = []
    for name, value in record.items():
        if isinstance(value, dict) and value:
            flat += flattened(value, f"{prefix}{name}.")
        else:
            flat.append((f"{prefix}{name}", value))
    return flat


RECORD_FORMATS: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "table": lambda record: as_table(("field", "value"), flattened(record)),
    "json": as_json,
    "yaml": as_yaml,
    "value": lambda record: as_values([[value] for _, value in flattened(record)]),
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


def shown_record(record: Mapping[str, Any], form: str | None) -> str:
    """Return *record* in the form that is asked for: None is a table on a terminal, JSON otherwise."""
    return RECORD_FORMATS[form or ("table" if stdout_is_terminal() else "json")](record)


def add_format_option(group: OptionGroup, formats: Iterable[str], default: str | None = None, said: str = "") -> None:
    """Add ``-f``.

    :param default: None for what :func:`shown_record` does without a form.
    :param said: what the help says of the default, if that depends.
    """
    names = tuple(formats)
    group.add(
        "-f",
        "--format",
        choices=names,
        default=default,
        metavar="FORMAT",
        help=f"{', '.join(names)}; default {said or default or 'table on a terminal, json otherwise'}",
    )


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _cell(value: object) -> str:
    # A token may come from anywhere: nothing in it may move the cursor or colour the screen.
    return printable(_plain(value))
