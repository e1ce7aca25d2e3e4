"""Create many tokens: one key that is opened once, threads around it, and results in the order of the rows."""

import functools
import itertools
import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from qsjwt.batch.columns import Columns, owned
from qsjwt.batch.options import checked_jobs
from qsjwt.batch.rows import Row
from qsjwt.errors import InputError, QsJwtError
from qsjwt.keys.reference import Secrets, opened
from qsjwt.options.parser import Parser
from qsjwt.options.request import RequestOptions
from qsjwt.tokens.create import CreatedToken, Creator, load_platform
from qsjwt.tokens.jwt import Token
from qsjwt.tokens.platform import PLATFORMS, command_of

# Whoever imports qsjwt.api gets here, and one token needs no threads: they are imported where they are used.
if TYPE_CHECKING:
    from qsjwt.io.threads import Outcome

MAX_DEFAULT_JOBS: Final = 64
"""Threads, if nobody says how many."""

TASKS_AHEAD: Final = 2
MAX_ROWS_PER_TASK: Final = 32
"""For each thread, tasks that are at work or wait for their turn; with the rows of a task they bound the memory."""

SECONDS_PER_TASK: Final = 0.02
GRACE_SECONDS: Final = 1.0
"""For signatures that are begun when the batch is left early."""

_Task = Callable[[], list["RowResult"]]
_Sign = Callable[[Token], CreatedToken]


@dataclass(frozen=True)
class RowResult:
    """What became of one row: a token, or an error.

    :ivar row: the row.
    :ivar token: the token; None if there is an error.
    :ivar error: why there is none; its ``message`` and ``hint`` are for people.
    """

    row: Row = field(repr=False)
    token: CreatedToken | None = None
    error: QsJwtError | None = None


def default_jobs() -> int:
    """Return how many threads sign if nobody says: as many as there are cores for this process."""
    if hasattr(os, "sched_getaffinity"):
        return min(len(os.sched_getaffinity(0)), MAX_DEFAULT_JOBS)
    return min(os.cpu_count() or 1, MAX_DEFAULT_JOBS)


def create_all(
    creator: Creator, columns: Columns, rows: Iterable[Row | None], sign: _Sign, jobs: int
) -> Generator[RowResult, None, None]:
    """Yield the result of each of *rows*, in their order, while later ones are at work.

    :param rows: may have None among them, where the next may take a while: what is begun is finished then.
    :param sign: what :meth:`qsjwt.tokens.create.Creator.signing` gave; it is called by *jobs* threads at once.
    """
    pace = _Pace()
    with _workers(jobs) as submit:
        window: deque[Outcome[list[RowResult]]] = deque()
        chunk: list[Row] = []

        def begin() -> None:
            if chunk:
                task = functools.partial(_made_all, creator, columns, tuple(chunk), sign, pace)
                window.append(submit(task))
                chunk.clear()

        for row in rows:
            if row is not None:
                chunk.append(row)
            if row is None or len(chunk) >= pace.rows:
                begin()
            while window and (row is None or len(window) > jobs * TASKS_AHEAD or window[0].is_known()):
                yield from window.popleft().wait()
        begin()
        while window:
            yield from window.popleft().wait()


class _Pace:
    """How many rows a thread is given at once, as handing one over costs more than what is done for it in Python."""

    rows = 1

    def measured(self, seconds: float) -> None:
        """Choose a number, when a signature took so long; one that waits for a service is handed over alone."""
        self.rows = max(1, min(MAX_ROWS_PER_TASK, int(SECONDS_PER_TASK / max(seconds, 1e-6))))


def _made_all(creator: Creator, columns: Columns, rows: Sequence[Row], sign: _Sign, pace: _Pace) -> list[RowResult]:
    start = time.perf_counter()
    results = [_made(creator, columns, row, sign) for row in rows]
    pace.measured((time.perf_counter() - start) / len(rows))
    return results


def _made(creator: Creator, columns: Columns, row: Row, sign: _Sign) -> RowResult:
    try:
        if row.problem:
            raise InputError(row.problem)
        with PLATFORMS.guard(creator.name, "read its options"):
            request = columns.request(row.values)
        token = creator.build(request, int(time.time()))
        return RowResult(row, sign(token))
    except QsJwtError as error:
        return RowResult(row, error=error)


@contextmanager
def _workers(jobs: int) -> "Iterator[Callable[[_Task], Outcome[list[RowResult]]]]":
    """Give what has a task done by one of *jobs* threads; none of them keeps the program from ending.

    The threads of ``concurrent.futures`` would: at its end, the interpreter waits for them, and they for a service.
    """
    from queue import Empty, SimpleQueue

    from qsjwt.io.threads import Outcome, start

    tasks: SimpleQueue[tuple[_Task, Outcome[list[RowResult]]] | None] = SimpleQueue()
    left: SimpleQueue[None] = SimpleQueue()
    is_over = False

    def work() -> None:
        while (item := tasks.get()) is not None and not is_over:
            task, outcome = item
            outcome.of(task)
        left.put(None)

    def submit(task: _Task) -> Outcome[list[RowResult]]:
        outcome: Outcome[list[RowResult]] = Outcome()
        tasks.put((task, outcome))
        return outcome

    started = 0
    try:
        for _ in range(jobs):
            start(work)
            started += 1
        yield submit
    finally:
        is_over = True
        for _ in range(started):
            tasks.put(None)
        # Whoever leaves early closes the key next: signatures that are begun may end first, if they end soon.
        deadline = time.monotonic() + GRACE_SECONDS
        with suppress(Empty):
            for _ in range(started):
                left.get(timeout=max(0.0, deadline - time.monotonic()))


def create_token(
    platform: str,
    *,
    key: str,
    algorithm: str | None = None,
    secrets: Secrets = Secrets(),  # noqa: B008 - frozen
    claims: Mapping[str, Any] | None = None,
    check: bool = True,
    **options: Any,
) -> CreatedToken:
    """Return a token for *platform*, as ``create-PLATFORM`` makes it.

    ``create_token("qseow", key="file:key.pem", userdir="LAB", userid="anna", expires="5m")``

    :param platform: its name, such as ``qscloud``.
    :param key: the key's reference, as ``--key`` takes it.
    :param algorithm: a JWA name (RFC 7518, section 3.1); None for the platform's first that the key can do.
    :param secrets: where a passphrase or PIN is; by default the variable QSJWT_KEY_PASSPHRASE.
    :param claims: further claims, name to what JSON can hold.
    :param check: False signs even if a rule of the platform is broken.
    :param options: those of the command, with underscores for dashes; a value is a text as on the command line, a
        number, True, False, or a list; None is as good as nothing.
    :raises InputError: if an option is unknown, missing or wrong, or the token breaks a rule.
    :raises KeyUnavailable: if the key cannot be opened.
    :raises SigningFailed: if a service refuses, or the signature does not verify.
    :raises PluginError: if platform or key provider are missing or broken.
    """
    creator, columns = _prepared(platform, algorithm, claims, check, options)
    with PLATFORMS.guard(platform, "read its options"):
        request = columns.request(None)
    token = creator.build(request, int(time.time()))
    with opened(key, secrets, creator.algorithms(algorithm)) as signer:
        return creator.signing(signer, key, algorithm)(token)


def create_tokens(
    platform: str,
    rows: Iterable[Mapping[str, Any]],
    *,
    key: str,
    algorithm: str | None = None,
    secrets: Secrets = Secrets(),  # noqa: B008 - frozen
    claims: Mapping[str, Any] | None = None,
    check: bool = True,
    jobs: int | None = None,
    **options: Any,
) -> Generator[RowResult, None, None]:
    """Return a generator of a result for each of *rows*, in their order.

    The key is opened once, when the first result is asked for, and closed with the generator.

    ``create_tokens("qseow", [{"userid": "anna"}, {"userid": "bo"}], key="file:key.pem", userdir="LAB", expires="5m")``

    :param rows: column to value: options without dashes in front, ``claim.NAME``, as in a file for ``--batch``. They
        may be a generator, and more than fit into memory.
    :param jobs: threads that sign; None for the number of cores. For a service it is the number of calls in flight.
    :param options: what rows have in common, and may override.

    Other parameters and errors are those of :func:`create_token`; what is wrong with one row is in its result.
    """
    creator, columns = _prepared(platform, algorithm, claims, check, options)
    threads = default_jobs() if jobs is None else checked_jobs(jobs)

    def results() -> Generator[RowResult, None, None]:
        with opened(key, secrets, creator.algorithms(algorithm)) as signer:
            sign = creator.signing(signer, key, algorithm)
            yield from create_all(creator, columns, map(_row, itertools.count(1), rows), sign, threads)

    return results()


def _row(number: int, values: Any) -> Row:
    if not isinstance(values, Mapping):
        return Row(number, 0, {}, f"it must be a mapping of columns to values, not a {type(values).__name__}")
    try:
        # Some callers fill one mapping again and again, and its lists.
        return Row(number, 0, {_column(name): owned(value) for name, value in values.items()})
    except InputError as error:
        return Row(number, 0, {}, error.message)
    except Exception as cause:  # the mapping's own
        return Row(number, 0, {}, f"it cannot be read: {type(cause).__name__}")


def _column(name: Any) -> str:
    if not isinstance(name, str):
        raise InputError("the name of a column must be a string")
    return str.__str__(name)


def _prepared(
    platform: str, algorithm: str | None, claims: Mapping[str, Any] | None, check: bool, options: Mapping[str, Any]
) -> tuple[Creator, Columns]:
    creator = Creator(platform, load_platform(platform))
    creator.algorithms(algorithm)
    if not all(isinstance(name, str) for name in claims or ()):
        raise InputError("the name of a claim must be a string")
    parser = Parser(command_of(platform), "")
    with PLATFORMS.guard(platform, "add its options"):
        known = RequestOptions(parser, creator.platform)
        known.add_key_id(parser.group("key"))
    make = functools.partial(known.request, algorithm=algorithm, check=check)
    columns = Columns(parser.declared, known, make, parser.defaults(), claims or {})
    with PLATFORMS.guard(platform, "read its options"):
        names = {name: name if name in known.columns else name.replace("_", "-") for name in options}
        return creator, columns.over({names[name]: value for name, value in options.items()})
