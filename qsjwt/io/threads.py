"""Threads that keep no program from ending, and what they come to."""

from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Final, Generic, TypeVar

from qsjwt.io.ending import held_together

T = TypeVar("T")

_POLL_SECONDS: Final = 0.5
"""On Windows, Ctrl-C does not end a wait."""


class Outcome(Generic[T]):
    """What a call in another thread comes to.

    A queue in C, whose steps are not cut in two: a request to end that interrupts the wait on a
    ``concurrent.futures.Future`` leaves its lock in a state in which neither thread can go on.
    """

    def __init__(self) -> None:
        self._box: SimpleQueue[tuple[T, None] | tuple[None, BaseException]] = SimpleQueue()

    def of(self, call: Callable[[], T]) -> None:
        """Do *call*, here; whatever it returns or raises is the outcome."""
        try:
            result = call()
        except BaseException as error:
            self._box.put((None, error))
        else:
            self._box.put((result, None))

    def is_known(self) -> bool:
        """Tell whether the call has ended, and nobody has asked for its outcome yet."""
        return not self._box.empty()

    def wait(self, seconds: float | None = None) -> T:
        """Return what the call returns, or raise what it raises; to be asked for once.

        :param seconds: None for as long as it takes.
        :raises TimeoutError: if it takes longer than that.
        """
        while True:
            try:
                result, error = self._box.get(timeout=_POLL_SECONDS if seconds is None else seconds)
            except Empty:
                if seconds is not None:
                    raise TimeoutError from None
                continue
            if error is not None:
                raise error
            return result  # type: ignore[return-value]


def start(call: Callable[[], object]) -> Thread:
    """Do *call* in a thread of its own, and return that; the interpreter does not wait for it at its end."""
    thread = Thread(target=call, daemon=True)
    with held_together():
        thread.start()
    return thread
