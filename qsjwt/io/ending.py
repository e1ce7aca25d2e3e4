"""Requests to end: Ctrl-C, SIGTERM and SIGHUP become an exception, which waits while a step is not to be cut in two."""

import contextlib
import signal
import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Final

from qsjwt.errors import INTERRUPTED, Terminated

_NAMES: Final = ("SIGINT", "SIGTERM", "SIGHUP")
_AGAIN_SECONDS: Final = 0.02
"""Until a request that was lost is made again: the destructor that lost it is over by then."""


class _State:
    """How many blocks are being held together, and what was asked.

    :ivar waiting: the signal that waits for the end of those blocks.
    :ivar asked: whether the program is ending.
    """

    depth = 0
    waiting: int | None = None
    asked = False


def end_by_exception() -> None:
    """Let a request to end unwind the program, so that files are cleaned up; an ignored signal stays ignored."""
    for name in _NAMES:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _terminate)
    sys.unraisablehook = _ask_again


def end_at_once() -> None:
    """Let a request to end do what it does by default: the work is done, and nothing is left to be cleaned up."""
    for name in _NAMES:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is _terminate:
            signal.signal(number, signal.SIG_DFL)


class held_together(contextlib.AbstractContextManager[None]):  # noqa: N801 - it reads as a statement
    """Hold a request to end back until the block has ended: for short steps that would leave a thread or file astray.

    It is raised then. In threads other than the main one it does nothing: signals do not reach them.

    :raises Terminated: at the end of the block, if a request came within it.
    """

    def __enter__(self) -> None:
        if threading.current_thread() is threading.main_thread():
            _State.depth += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if threading.current_thread() is threading.main_thread():
            _State.depth -= 1
            if not _State.depth and _State.waiting is not None:
                number, _State.waiting = _State.waiting, None
                raise Terminated(number)


def exit_code_of(raised: BaseException | None) -> int | None:
    """Return the exit code for a request to end, if *raised* is one or the consequence of one; None otherwise.

    What goes wrong while a request unwinds the program is nobody's fault.
    """
    while raised is not None:
        if isinstance(raised, KeyboardInterrupt):
            return raised.exit_code if isinstance(raised, Terminated) else INTERRUPTED
        raised = raised.__cause__ or raised.__context__
    return None


def _terminate(number: int, _frame: object) -> None:
    # The second one ends the process at once; one of another kind does not: systemd may send SIGHUP after SIGTERM.
    signal.signal(number, signal.SIG_DFL)
    if _State.asked:
        return
    _State.asked = True
    if _State.depth:
        _State.waiting = number
    else:
        raise Terminated(number)


def _ask_again(
    lost: "sys.UnraisableHookArgs", tell: Callable[["sys.UnraisableHookArgs"], object] = sys.unraisablehook
) -> None:
    """Make a request again that was lost, since it came while a destructor ran or the callback of a weak reference."""
    if not isinstance(lost.exc_value, Terminated):
        tell(lost)
        return
    number = lost.exc_value.number
    _State.asked = False
    signal.signal(number, _terminate)
    again = threading.Timer(_AGAIN_SECONDS, _send, (number,))
    again.daemon = True
    again.start()


def _send(number: int) -> None:
    main = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main is not None:
        signal.pthread_kill(main, number)  # any other thread would not end what the main one waits for
    else:
        signal.raise_signal(number)
