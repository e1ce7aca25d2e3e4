"""Create many tokens: one key that is opened once, threads around it, and results in the order of the rows."""

import functools
import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from qsjwt.batch.prepared import PreparedRequest, Sign
from qsjwt.batch.rows import Row
from qsjwt.errors import QsJwtError
from qsjwt.keys.signer import Signer
from qsjwt.tokens.create import CreatedToken

# Whoever imports qsjwt.api gets here, and one token needs no threads: they are imported where they are used.
if TYPE_CHECKING:
    from qsjwt.batch.processes import WorkerProcess
    from qsjwt.io.threads import Outcome

    Submit = Callable[[Sequence[Row]], Outcome[list["RowResult"]]]
    """Has the tokens of some rows made."""

MAX_DEFAULT_JOBS: Final = 64
"""Threads or processes, if nobody says how many."""

TASKS_AHEAD: Final = 2
MAX_ROWS_PER_TASK: Final = 64
"""For each thread, tasks that are at work or wait for their turn; with the rows of a task they bound the memory."""

SECONDS_PER_TASK: Final = 0.02
SECONDS_PER_REQUEST: Final = 0.1
"""Of a process, which waits from one to the next, the longer the more the machine has to do."""

GRACE_SECONDS: Final = 1.0
"""For signatures that are begun when the batch is left early."""

SECONDS_BEFORE_PROCESS: Final = 0.2
"""That a thread works before it gets a process: twice what it costs to start one, which no small batch gains."""


class RowResult(NamedTuple):
    """What became of one row: a token, or an error.

    :ivar row: the row.
    :ivar token: the token; None if there is an error.
    :ivar error: why there is none; its ``message`` and ``hint`` are for people.
    """

    row: Row
    token: CreatedToken | None = None
    error: QsJwtError | None = None

    def __repr__(self) -> str:
        """Show no values of the row, and no token."""
        return f"<RowResult of {self.row.place}: {self.error or 'a token'}>"


def default_jobs() -> int:
    """Return how many threads or processes sign if nobody says: as many as there are cores for this process."""
    if hasattr(os, "sched_getaffinity"):
        return min(len(os.sched_getaffinity(0)), MAX_DEFAULT_JOBS)
    return min(os.cpu_count() or 1, MAX_DEFAULT_JOBS)


def create_all(
    prepared: PreparedRequest, rows: Iterable[Row | None], signer: Signer, reference: str, jobs: int
) -> Generator[RowResult, None, None]:
    """Return a generator of the result of each of *rows*, in their order, while later ones are at work.

    :param rows: may have None among them, where the next may take a while: what is begun is finished then.
    :param signer: is used by *jobs* threads at once, or copied to as many processes.
    :param reference: the key's, for messages.
    :raises KeyUnavailable: if the key can sign with none of the algorithms.
    """
    pace = _Pace()
    copy = signer.copy_for_process()
    work = None
    if jobs > 1 and copy is not None:
        from qsjwt.batch.processes import sendable  # a key at a service needs no processes

        work = sendable(prepared, copy, reference)
    sign = prepared.creator.signing(signer, reference, prepared.algorithm)
    makers = [_Maker(prepared, sign, pace, work) for _ in range(jobs)]
    # A key that is here is used in the caller's own thread, if one is enough; to wait for a service, another is better.
    return _results(rows, jobs, _here(makers[0]) if jobs == 1 and copy is not None else _workers(makers), pace)


def _results(
    rows: Iterable[Row | None], jobs: int, makers: AbstractContextManager["Submit"], pace: "_Pace"
) -> Generator[RowResult, None, None]:
    with makers as submit:
        window: deque[Outcome[list[RowResult]]] = deque()
        chunk: list[Row] = []

        def begin() -> None:
            if chunk:
                window.append(submit(tuple(chunk)))
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


class _Maker:
    """Makes the tokens of rows for one thread: in this process at first, and in one of its own where that pays."""

    def __init__(self, prepared: PreparedRequest, sign: Sign, pace: "_Pace", work: bytes | None) -> None:
        self._prepared = prepared
        self._sign = sign
        self._pace = pace
        self._work = work
        self._busy = 0.0
        self._process: WorkerProcess | None = None

    def made(self, rows: Sequence[Row]) -> list[RowResult]:
        """Return the result of each of *rows*.

        :raises QsJwtError: if the process has ended.
        """
        start = time.perf_counter()
        outcomes, longest = None, SECONDS_PER_TASK
        if self._process is not None:
            outcomes, longest = self._process.outcomes(rows), SECONDS_PER_REQUEST
        if outcomes is None:
            outcomes = self._prepared.outcomes(rows, self._sign)
        seconds = time.perf_counter() - start
        self._pace.measured(seconds / len(rows), longest)
        self._busy += seconds
        if self._process is None and self._work is not None and self._busy > SECONDS_BEFORE_PROCESS:
            from qsjwt.batch.processes import WorkerProcess

            self._process = WorkerProcess(self._work)
        return [
            RowResult(row, error=outcome) if isinstance(outcome, QsJwtError) else RowResult(row, outcome)
            for row, outcome in zip(rows, outcomes, strict=True)
        ]

    def close(self) -> None:
        """End the process, if there is one."""
        if self._process is not None:
            self._process.close()


class _Pace:
    """How many rows a thread is given at once, as handing one over costs more than what is done for it in Python."""

    rows = 1

    def measured(self, seconds: float, longest: float) -> None:
        """Choose a number, when a signature took so long; one that waits for a service is handed over alone.

        :param longest: seconds that all of them may take.
        """
        self.rows = max(1, min(MAX_ROWS_PER_TASK, int(longest / max(seconds, 1e-6))))


@contextmanager
def _here(maker: _Maker) -> "Iterator[Submit]":
    """Give what has rows made at once, in this thread."""
    from qsjwt.io.threads import Outcome

    def submit(rows: Sequence[Row]) -> Outcome[list[RowResult]]:
        outcome: Outcome[list[RowResult]] = Outcome()
        outcome.of(functools.partial(maker.made, rows))
        return outcome

    yield submit


@contextmanager
def _workers(makers: Sequence[_Maker]) -> "Iterator[Submit]":
    """Give what has rows made in one of as many threads as *makers*; none of them keeps the program from ending.

    The threads of ``concurrent.futures`` would: at its end, the interpreter waits for them, and they for a service.
    """
    from queue import Empty, SimpleQueue

    from qsjwt.io.threads import Outcome, start

    tasks: SimpleQueue[tuple[Sequence[Row], Outcome[list[RowResult]]] | None] = SimpleQueue()
    left: SimpleQueue[None] = SimpleQueue()
    is_over = False

    def work(maker: _Maker) -> None:
        while (item := tasks.get()) is not None and not is_over:
            rows, outcome = item
            outcome.of(functools.partial(maker.made, rows))
        left.put(None)

    def submit(rows: Sequence[Row]) -> Outcome[list[RowResult]]:
        outcome: Outcome[list[RowResult]] = Outcome()
        tasks.put((rows, outcome))
        return outcome

    started = 0
    try:
        for each in makers:
            start(functools.partial(work, each))
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
        for each in makers:
            each.close()
