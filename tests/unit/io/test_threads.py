"""Threads and what they come to, also when a request to end interrupts the wait."""

import signal
import threading

import pytest

from qsjwt.io.deadline import within
from qsjwt.io.threads import Outcome, start
from tests.conftest import posix


def test_an_outcome_is_what_the_call_returns_or_raises() -> None:
    outcome: Outcome[int] = Outcome()
    assert not outcome.is_known()
    start(lambda: outcome.of(lambda: 5))
    assert outcome.wait() == 5
    outcome.of(lambda: 1 // 0)
    assert outcome.is_known()
    with pytest.raises(ZeroDivisionError):
        outcome.wait()


def test_a_wait_has_an_end() -> None:
    with pytest.raises(TimeoutError):
        Outcome[int]().wait(0.01)


def test_a_wait_without_an_end_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qsjwt.io.threads._POLL_SECONDS", 0.001)
    outcome: Outcome[int] = Outcome()
    gate = threading.Event()
    start(lambda: outcome.of(lambda: 6 if gate.wait(30) else 0))
    threading.Timer(0.05, gate.set).start()
    assert outcome.wait() == 6


@posix("signals to threads")
def test_a_wait_that_is_interrupted_disturbs_neither_thread() -> None:
    outcome: Outcome[str] = Outcome()
    waiting, interrupted = threading.Event(), threading.Event()

    def call() -> str:
        waiting.wait(30)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        interrupted.wait(30)
        return "made all the same"

    thread = start(lambda: outcome.of(call))

    def wait() -> str:
        waiting.set()
        return outcome.wait()

    with pytest.raises(KeyboardInterrupt):
        wait()
    interrupted.set()
    assert outcome.wait() == "made all the same"
    thread.join(30)
    assert not thread.is_alive()


def test_what_takes_too_long_is_left_alone() -> None:
    gate = threading.Event()
    with pytest.raises(TimeoutError):
        within(0.01, gate.wait)
    gate.set()
    assert within(30, lambda: "in time") == "in time"
