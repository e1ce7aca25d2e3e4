"""A progress bar on stderr while a batch runs, with the rate and the time left, if somebody is there to look."""

import contextlib
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Final

from qsjwt.cli.output import stdout_is_terminal

Advance = Callable[[int, int, int], None]
"""Takes the bytes of the batch that are done, the tokens that are made, and the rows that are bad."""

_LOG: Final = logging.getLogger("qsjwt")
_EVERY: Final = 64
"""Rows between two updates; the bar itself is drawn ten times a second."""


@contextlib.contextmanager
def bar(size: int | None, *, stdout_is_busy: bool) -> Iterator[Advance]:
    """Give what moves the bar; there is none unless stderr is a terminal and nothing else goes there.

    :param size: bytes of the batch; None if nobody knows.
    :param stdout_is_busy: whether the result goes to stdout, which may be the same terminal.
    """
    if not _wanted(stdout_is_busy):
        yield lambda _bytes, _tokens, _failed: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

    columns = (
        SpinnerColumn(),
        BarColumn(),
        TextColumn("{task.fields[tokens]} tokens, {task.fields[failed]} bad, {task.fields[rate]:.0f}/s"),
        TimeRemainingColumn(),
    )
    console = Console(file=sys.stderr, soft_wrap=True)  # a sentence is wrapped by the terminal
    with Progress(*columns, console=console, transient=True, redirect_stdout=False) as shown:
        task = shown.add_task("", total=size, tokens=0, failed=0, rate=0.0)

        def advance(bytes_done: int, tokens: int, failed: int) -> None:
            if (tokens + failed) % _EVERY == 0 or bytes_done == size:
                elapsed = shown.tasks[0].elapsed or 0
                rate = tokens / elapsed if elapsed else 0
                shown.update(task, completed=bytes_done, tokens=tokens, failed=failed, rate=rate)

        yield advance


def _wanted(stdout_is_busy: bool) -> bool:
    if stdout_is_busy and stdout_is_terminal():
        return False
    return sys.stderr is not None and sys.stderr.isatty() and _LOG.isEnabledFor(logging.WARNING)
