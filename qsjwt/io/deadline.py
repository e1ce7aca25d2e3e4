"""Calls that may hang: other people's libraries limit an attempt or a read, and not the whole."""

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def within(seconds: float, call: Callable[[], T]) -> T:
    """Return what *call* returns; it is left alone, in a thread that keeps no program from ending, when time is over.

    :param seconds: for all of it.
    :raises TimeoutError: if it takes longer than that, or raises one.
    """
    from contextvars import copy_context  # qsjwt.api is imported for one token too, which needs no threads

    from qsjwt.io.threads import Outcome, start

    outcome: Outcome[T] = Outcome()
    context = copy_context()
    start(lambda: context.run(outcome.of, call))
    return outcome.wait(seconds)
