"""Calls that may hang: other people's libraries limit an attempt or a read, and not the whole."""

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def within(seconds: float, call: Callable[[], T]) -> T:
    """Return what *call* returns; it is left alone, in a thread that keeps no program from ending, when time is over.

    :param seconds: for all of it.
    :raises TimeoutError: if it takes longer than that, or raises one.
    """
    from concurrent.futures import Future  # qsjwt.api is imported for one token too, which needs no threads
    from contextvars import copy_context
    from threading import Thread

    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(call())
        except BaseException as error:
            outcome.set_exception(error)

    Thread(target=copy_context().run, args=(run,), daemon=True).start()
    return outcome.result(seconds)
