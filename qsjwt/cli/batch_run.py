"""The run of ``--batch``: rows in, records out, bad rows by their lines on stderr."""

import contextlib
import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import BinaryIO, Final

from qsjwt.batch.engine import RowResult, create_all, default_jobs
from qsjwt.batch.options import CSV
from qsjwt.batch.prepared import PreparedRequest
from qsjwt.batch.rows import Row, RowReader, form_of
from qsjwt.cli import progress
from qsjwt.cli.output import as_csv_line, as_json_line, private_output, stdout_is_terminal, write_stdout
from qsjwt.errors import InputError
from qsjwt.io import read
from qsjwt.keys.reference import opened
from qsjwt.options import key as key_options
from qsjwt.redaction import printable, quoted
from qsjwt.tokens.create import CreatedToken
from qsjwt.tokens.request import Options

_LIST_SEPARATOR: Final = ";"
MAX_REMARKS: Final = 20
"""Different warnings that are told; ten thousand rows may be warned of the same."""

_LOG = logging.getLogger("qsjwt.batch")


def run_batch(prepare: Callable[..., PreparedRequest], options: Options, reference: str) -> None:
    """Create a token for each row, and write them where *options* say.

    :param prepare: prepares the request for the rows; takes the separator of a list that is one string.
    :param reference: the key's.
    :raises InputError: if the file cannot be read, a column is none, or a row was bad; the others are written.
    """
    with contextlib.ExitStack() as held:
        stream, source, size = _opened(options.batch, held)
        _require_another(options.output, stream)
        reader = RowReader(stream, source, options.batch_format or form_of(options.batch))
        prepared = prepare(separator=_LIST_SEPARATOR if reader.form == CSV else "")
        known = prepared.columns
        known.require_known(reader.columns or ())
        named = known.identifying if reader.columns is None else reader.columns
        identity = [name for name in named if name in known.identifying]
        shown = _CsvRecords(identity) if options.format == CSV else _JsonRecords(identity)
        wanted = prepared.creator.algorithms(options.algorithm)
        signer = held.enter_context(opened(reference, key_options.key_secrets(options), wanted))
        results = create_all(prepared, reader, signer, reference, options.jobs or default_jobs())
        tally = _Tally(options.fail_fast)
        to_stdout = options.output is None or options.output == "-"
        write = _to_stdout() if to_stdout else _writer(held.enter_context(private_output(options.output)))
        advance = held.enter_context(progress.bar(size, stdout_is_busy=to_stdout))
        write(shown.head)
        for result in held.enter_context(contextlib.closing(results)):
            tally.add(result)
            if result.token is not None:
                # By itself: whoever ends the program while the reader of a pipe is slow leaves no half of it there.
                write(shown.record(result.row, result.token))
            advance(result.row.end, tally.tokens, tally.failed)
    tally.finish()


def _opened(path: str, held: contextlib.ExitStack) -> tuple[BinaryIO, str, int | None]:
    """Return the stream to a batch, what messages call it, and its bytes if that is known."""
    source = read.source_of(path, "batch file")
    if path == "-":
        return read.standard_input_stream("--batch -"), source, None
    if not path:
        raise InputError("the name of the batch file is empty")
    try:
        stream = open(read.user_path(path), "rb")  # noqa: SIM115 - closed by *held*
        return held.enter_context(stream), source, os.fstat(stream.fileno()).st_size or None
    except (OSError, ValueError) as cause:
        raise InputError(f"{source} {read.os_error_reason(cause)}") from cause


def _require_another(output: str | None, batch: BinaryIO) -> None:
    """Return if *output* is not the batch itself, which would be replaced by its tokens."""
    with contextlib.suppress(OSError, ValueError):  # one of them is no file, or not there yet
        if output is not None and os.path.samestat(os.stat(read.user_path(output)), os.fstat(batch.fileno())):
            raise InputError(f"--output {quoted(output)} is the batch file itself", hint="name another file")


def _to_stdout() -> Callable[[str], None]:
    if not stdout_is_terminal():
        return write_stdout
    # No name in a row may move the cursor.
    return lambda text: write_stdout("\n".join(map(printable, text.split("\n"))))


def _writer(stream: BinaryIO) -> Callable[[str], None]:
    def write(text: str) -> None:
        stream.write(text.encode("utf-8", "backslashreplace"))

    return write


class _JsonRecords:
    """JSON Lines: the row's number, the columns that say who the token is for, the token, and its end."""

    head = ""

    def __init__(self, identity: Sequence[str]) -> None:
        self._identity = identity

    def record(self, row: Row, token: CreatedToken) -> str:
        who = {name: row.values[name] for name in self._identity if name in row.values}
        return as_json_line({"row": row.number, **who, "token": token.compact, "expires_at": token.expires_at})


class _CsvRecords:
    """CSV (RFC 4180) with the same members."""

    def __init__(self, identity: Sequence[str]) -> None:
        self._identity = identity
        self.head = as_csv_line(["row", *identity, "token", "expires_at"])

    def record(self, row: Row, token: CreatedToken) -> str:
        who = (row.values.get(name, "") for name in self._identity)
        return as_csv_line([row.number, *who, token.compact, token.expires_at or ""])


class _Tally:
    """Counts rows, and tells of those that are bad or doubtful."""

    def __init__(self, fail_fast: bool) -> None:
        self.tokens = 0
        self.failed = 0
        self._fail_fast = fail_fast
        self._remarks: Counter[str] = Counter()
        self._untold = 0
        self._start = time.monotonic()

    def add(self, result: RowResult) -> None:
        """Count *result*.

        :raises InputError: if it is bad, and nothing is to come after it.
        """
        if result.error is not None:
            place = result.row.place
            if self._fail_fast:
                raise InputError(f"{place}: {result.error.message}", hint=result.error.hint) from result.error
            self.failed += 1
            hint = f" ({result.error.hint})" if result.error.hint else ""
            _LOG.error("%s: %s%s", place, result.error.message, hint)
        elif result.token is not None:
            self.tokens += 1
            for remark in result.token.remarks:
                self._remark(result.row.place, remark)

    def _remark(self, place: str, remark: str) -> None:
        if remark in self._remarks or len(self._remarks) < MAX_REMARKS:
            if not self._remarks[remark]:
                _LOG.warning("%s: %s", place, remark)
            self._remarks[remark] += 1
        else:
            self._untold += 1

    def finish(self) -> None:
        """Tell how it went.

        :raises InputError: if a row was bad.
        """
        for remark, count in self._remarks.items():
            if count > 1:
                _LOG.warning("the same applies to %d more rows: %s", count - 1, remark)
        if self._untold:
            _LOG.warning("%d more warnings of other kinds", self._untold)
        rows = self.tokens + self.failed
        progress.tell(self.tokens, self.failed, time.monotonic() - self._start)
        if not rows:
            _LOG.warning("the batch has no rows, so there are no tokens")
        if self.failed:
            raise InputError(
                f"{self.failed} of {rows} rows got no token",
                hint="the failed rows are listed above; the others got theirs",
            )
