"""Requests to end: raised once, held back, made again if they are lost, each in a process of its own."""

import signal
import subprocess
import sys

import pytest

from tests.conftest import interruptible, posix

pytestmark = posix("signals from other processes")

_HEAD = """
import os, signal, sys, time
from qsjwt.errors import Terminated
from qsjwt.io import ending
from qsjwt.io.ending import held_together

def ask(name="SIGTERM"):
    os.kill(os.getpid(), getattr(signal, name))

def say(*words):
    print(*words, flush=True)

ending.end_by_exception()
"""


def _ended(code: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-c", _HEAD + code],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        preexec_fn=interruptible,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_second_signal_of_the_same_kind_ends_the_process_at_once(name: str) -> None:
    code = f"""
try:
    ask({name!r})
    time.sleep(60)
except Terminated as stop:
    say(stop.exit_code)
    ask({name!r})
    time.sleep(60)
"""
    number = getattr(signal, name)
    assert _ended(code) == (-number, f"{128 + number}\n", "")


def test_a_signal_of_another_kind_does_not_cut_the_cleaning_up_in_two() -> None:
    code = """
try:
    ask("SIGTERM")
    time.sleep(60)
except Terminated as stop:
    ask("SIGHUP")
    time.sleep(0.1)
    say("cleaned up", stop.exit_code)
"""
    assert _ended(code) == (0, "cleaned up 143\n", "")


def test_a_request_waits_for_the_end_of_what_is_held_together() -> None:
    code = """
try:
    with held_together():
        with held_together():
            ask()
            time.sleep(0.1)
            say("inner")
        say("outer")
    say("never")
except Terminated as stop:
    say(stop.exit_code)
"""
    assert _ended(code) == (0, "inner\nouter\n143\n", "")


def test_what_is_held_together_in_another_thread_does_not_hold_the_program() -> None:
    code = """
import threading
inside, over = threading.Event(), threading.Event()

def work():
    with held_together():
        inside.set()
        over.wait(60)

threading.Thread(target=work, daemon=True).start()
inside.wait(60)
try:
    ask()
    time.sleep(60)
except Terminated as stop:
    say(stop.exit_code)
"""
    assert _ended(code) == (0, "143\n", "")


@pytest.mark.parametrize(
    "lose",
    [
        "class Thing:\n    def __del__(self): ask()\nthing = Thing(); del thing",
        "import weakref\nclass Thing: pass\nthing = Thing(); r = weakref.ref(thing, lambda _: ask()); del thing",
    ],
)
def test_a_request_that_a_destructor_loses_is_made_again(lose: str) -> None:
    code = f"""
try:
{"".join(f"    {line}{chr(10)}" for line in lose.splitlines())}
    say("lost")
    time.sleep(60)
except Terminated as stop:
    say(stop.exit_code)
"""
    assert _ended(code) == (0, "lost\n143\n", "")


def test_another_error_in_a_destructor_is_told_as_ever() -> None:
    code = """
class Thing:
    def __del__(self): raise LookupError("what went wrong")
thing = Thing()
del thing
"""
    exit_code, stdout, stderr = _ended(code)
    assert (exit_code, stdout) == (0, "")
    assert "LookupError: what went wrong" in stderr


def test_what_was_ignored_at_the_start_stays_ignored() -> None:
    code = """
signal.signal(signal.SIGTERM, signal.SIG_DFL)
signal.signal(signal.SIGHUP, signal.SIG_IGN)
ending.end_by_exception()
ask("SIGHUP")
time.sleep(0.1)
say("still here")
"""
    assert _ended(code) == (0, "still here\n", "")


def test_when_the_work_is_done_a_request_ends_the_process_by_the_system() -> None:
    assert _ended("ending.end_at_once(); ask(); time.sleep(60)") == (-signal.SIGTERM, "", "")
