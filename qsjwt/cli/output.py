"""Show a record or rows in the format that was asked for: for people, for scripts, for a shell."""

import contextlib
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO, Final, TextIO

from qsjwt.errors import InputError
from qsjwt.io.read import os_error_reason, user_path
from qsjwt.io.windows import is_reader_gone
from qsjwt.options.group import OptionGroup
from qsjwt.redaction import printable, quoted

MAX_NAME_CHARACTERS: Final = 200
"""Of the dotted name of a nested member."""

_FORMULA_STARTS: Final = ("=", "+", "-", "@")
"""What a spreadsheet takes for the beginning of a formula."""

_LINE: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False)

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
        if is_reader_gone(cause):
            raise BrokenPipeError from cause
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
                raise _not_written(path, cause) from cause
            yield stream
    except BrokenPipeError:
        raise
    except OSError as cause:
        raise _not_written(path, cause) from cause


def require_output(path: str) -> None:
    """Find out before there is a result that :func:`private_output` would not write it to *path*.

    :raises InputError: if so.
    """
    from qsjwt.io.write import replaceable

    try:
        replaceable(user_path(path))
    except (OSError, ValueError) as cause:
        raise _not_written(path, cause) from cause


def _not_written(path: str, cause: OSError | ValueError) -> InputError:
    return InputError(
        f"--output {quoted(path)} {os_error_reason(cause)}, so the result is not written",
        hint=getattr(cause, "hint", ""),
    )


def as_json(value: Any) -> str:
    """Return *value* as JSON (RFC 8259), indented, in Unicode."""
    return _harmless(json.dumps(value, ensure_ascii=False, allow_nan=False, indent=2)) + "\n"


def as_json_line(value: Any) -> str:
    """Return *value* as a line of JSON Lines, in Unicode."""
    text = _LINE.encode(value)
    # Below a space, JSON itself has escapes; of ASCII, that leaves one character that could move a cursor.
    is_harmless = "\x7f" not in text if text.isascii() else text.isprintable()
    return f"{text if is_harmless else _harmless(text)}\n"


def _harmless(text: str) -> str:
    # What could move a cursor is only ever within strings, where an escape says the same.
    return "".join(c if c == "\n" or c.isprintable() else json.dumps(c)[1:-1] for c in text)


def as_yaml(value: Any) -> str:
    """Return *value* as YAML, in Unicode and in its own order."""
    import yaml

    def text_node(dumper: yaml.representer.SafeRepresenter, text: str) -> yaml.ScalarNode:
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, None if text.isprintable() else '"')

    def dumped(base: type) -> str:
        dumper = type("Dumper", (base,), {"ignore_aliases": lambda *_unused: True})
        dumper.add_representer(str, text_node)  # type: ignore[attr-defined]
        text: str = yaml.dump(value, None, dumper, allow_unicode=True, sort_keys=False, default_flow_style=False)
        return text

    try:
        text = dumped(getattr(yaml, "CSafeDumper", yaml.SafeDumper))  # half the time, where it is built in
    except UnicodeEncodeError:  # half a character, which libyaml does not have
        text = dumped(yaml.SafeDumper)
    # It leaves some of what could move a cursor as it is, in quotes, where an escape says the same.
    return "\n".join(line if line.isprintable() else _escaped(line) for line in text.split("\n"))


def _escaped(line: str) -> str:
    return "".join(
        c if c.isprintable() else f"\\u{ord(c):04x}" if ord(c) < 1 << 16 else f"\\U{ord(c):08x}" for c in line
    )


def as_values(rows: Sequence[Sequence[object]]) -> str:
    """Return the values of *rows*, a line each, with spaces between them."""
    return "".join(" ".join(map(_cell, row)) + "\n" for row in rows)


def as_shell(pairs: Sequence[tuple[str, object]]) -> str:
    """Return *pairs* as assignments, a line each; values are quoted, so that ``eval`` runs none of them.

    A value with control characters is written as bash, ksh and zsh have it, ``$'...'`` (POSIX.1-2024, section 2.2.4).

    :raises InputError: if two names make the same variable: nobody could tell whose value it is.
    """
    import shlex

    variables: dict[str, str] = {}
    for name, value in pairs:
        variable, text = re.sub(r"[^a-zA-Z0-9_]", "_", name).lower(), _plain(value)
        if variable in variables:
            raise InputError(
                f"{quoted(name)} and another name make the same shell variable, {quoted(variable)}", hint="use -f json"
            )
        variables[variable] = shlex.quote(text) if text.isprintable() else f"$'{_octal(text)}'"
    return "".join(f"{variable}={text}\n" for variable, text in variables.items())


def _octal(text: str) -> str:
    # No shell can hold a zero: some would end the value there, and some leave it out.
    encoded = text.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode("latin-1")
    return "".join(c if c.isascii() and c.isprintable() and c not in "'\\" else f"\\{ord(c):03o}" for c in encoded)


def as_csv(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return *rows* under *head* as CSV (RFC 4180)."""
    return "".join(as_csv_line(row) for row in (head, *rows))


def as_csv_line(cells: Sequence[object]) -> str:
    """Return *cells* as a record of CSV (RFC 4180); what a spreadsheet would take for a formula is in quotes."""
    return ",".join(map(_csv_cell, map(_plain, cells))) + "\n"


def _csv_cell(text: str) -> str:
    plain = text.isprintable() and not text.startswith(_FORMULA_STARTS) and text.strip() == text
    return text if plain and '"' not in text and "," not in text else '"' + text.replace('"', '""') + '"'


def flattened(record: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Return the members of *record*, those of nested objects under dotted names; two may have the same name.

    A name that is longer than any claim's is cut short: otherwise it would be repeated for each member within.
    """
    flat: list[tuple[str, Any]] = []
    for name, value in record.items():
        path = f"{prefix}{name}"
        if len(path) > MAX_NAME_CHARACTERS:
            path = f"{path[:MAX_NAME_CHARACTERS]}…"
        if isinstance(value, dict) and value:
            flat += flattened(value, f"{path}.")
        else:
            flat.append((path, value))
    return flat


RECORD_FORMATS: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "json": as_json,
    "yaml": as_yaml,
    "value": lambda record: as_values([[value] for _, value in flattened(record)]),
    "shell": lambda record: as_shell(flattened(record)),
}
"""Name for ``-f`` to what shows one record to programs."""

RECORD_FORMS: Final = ("table", *RECORD_FORMATS)
"""The names for ``-f`` where there is one record."""

ROW_FORMATS: Final[Mapping[str, Callable[[Sequence[str], Sequence[Sequence[object]]], str]]] = {
    "json": lambda head, rows: as_json([dict(zip(head, row, strict=True)) for row in rows]),
    "yaml": lambda head, rows: as_yaml([dict(zip(head, row, strict=True)) for row in rows]),
    "value": lambda _head, rows: as_values(rows),
    "csv": as_csv,
}
"""Name for ``-f`` to what shows rows."""


def shown_record(record: Mapping[str, Any], form: str | None, page: Callable[[], object]) -> str:
    """Return *record* in the form that is asked for; None is a table on a terminal, JSON otherwise.

    :param page: makes what people read, the form "table".
    """
    form = form or ("table" if stdout_is_terminal() else "json")
    return str(page()) if form == "table" else RECORD_FORMATS[form](record)


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
