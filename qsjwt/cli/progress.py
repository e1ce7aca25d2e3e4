"""What somebody at a terminal sees of a batch, on stderr: how far it is while it runs, and how it went."""

import contextlib
import logging
import sys
import time
from collections.abc import Callable, Iterator
from typing import Final

from qsjwt.cli.output import stdout_is_terminal
from qsjwt.cli.screen import screen_of
from qsjwt.times import rounded_duration

Advance = Callable[[int, int, int], None]
"""Takes the bytes of the batch that are done, the tokens that are made, and the rows that failed."""

_LOG: Final = logging.getLogger("qsjwt")
_SECONDS: Final = 0.1
"""Between two updates, which take longer than many a row; the bar itself is drawn as often."""

_BAR_CHARACTERS: Final = 20
_COLUMNS_WITH_BAR: Final = 72
"""Of a line that has room for a bar as well."""

_MINUTE: Final = 60


@contextlib.contextmanager
def bar(size: int | None, *, stdout_is_busy: bool) -> Iterator[Advance]:
    """Give what moves the bar; there is none unless stderr is a terminal and nothing else goes there.

    How many rows there are is not known before the last one is read, so that what is done is a share of the bytes.

    :param size: bytes of the batch; None if nobody knows.
    :param stdout_is_busy: whether the result goes to stdout, which may be the same terminal.
    """
    if not is_watched() or (stdout_is_busy and stdout_is_terminal()):
        yield lambda _bytes, _tokens, _failed: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        ProgressColumn,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(file=sys.stderr, soft_wrap=True)  # a sentence is wrapped by the terminal
    is_unicode = screen_of(sys.stderr).is_unicode
    counts = TextColumn("{task.description}")
    columns: list[ProgressColumn] = [SpinnerColumn("dots" if is_unicode else "line"), counts, TimeElapsedColumn()]
    if size is not None:
        columns = [TextColumn("{task.percentage:3.0f}%"), counts, TimeRemainingColumn(), TextColumn("left")]
        if is_unicode and console.width >= _COLUMNS_WITH_BAR:
            columns.insert(1, BarColumn(_BAR_CHARACTERS))
    with Progress(*columns, console=console, transient=True, redirect_stdout=False) as shown:
        task = shown.add_task(_counts(0, 0, 0), total=size)
        start = last = time.monotonic()

        def advance(bytes_done: int, tokens: int, failed: int) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last >= _SECONDS or bytes_done == size:
                last = now
                shown.update(task, completed=bytes_done, description=_counts(tokens, failed, now - start))

        yield advance


def is_watched() -> bool:
    """Tell whether stderr is a terminal, and somebody there has not asked for quiet."""
    return sys.stderr is not None and sys.stderr.isatty() and _LOG.isEnabledFor(logging.WARNING)


def tell(tokens: int, failed: int, seconds: float) -> None:
    """Say how it went, as :func:`summary` has it; where there is no terminal, with ``-v``."""
    said = summary(tokens, failed, seconds)
    if is_watched():
        print(said, file=sys.stderr, flush=True)
    else:
        _LOG.info("%s", said)


def summary(tokens: int, failed: int, seconds: float) -> str:
    """Return how many *tokens* were made, how long it took, and how many rows *failed*."""
    span = f"{seconds:.1f} s" if seconds < _MINUTE else rounded_duration(seconds)
    rows = f", {failed:,} {'row' if failed == 1 else 'rows'} failed" if failed else ""
    return f"{_tokens(tokens)} in {span}{_rate(tokens, seconds)}{rows}"


def _counts(tokens: int, failed: int, seconds: float) -> str:
    return f"{_tokens(tokens)}{f', {failed:,} failed' if failed else ''}{_rate(tokens, seconds)}"


def _tokens(count: int) -> str:
    return f"{count:,} {'token' if count == 1 else 'tokens'}"


def _rate(tokens: int, seconds: float) -> str:
    return f" ({tokens / seconds:,.0f}/s)" if tokens and seconds else ""
