"""Run another program: what it prints comes in bounded, and when its time is over it is ended with all it started."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from threading import Thread
from typing import IO, Final, cast

from qsjwt.io.ending import held_together
from qsjwt.io.threads import start
from qsjwt.io.windows import command_line, is_windows

_LOOK_SECONDS: Final = 0.1
_GRACE_SECONDS: Final = 1.0
"""For what has to end when it is told to."""


@dataclass(frozen=True, repr=False)
class Ended:
    """What came of a program.

    :ivar code: its exit code, or the signal that ended it as a negative number; None if it was ended here.
    :ivar output: what it printed; longer than the limit if that is why it was ended.
    :ivar errors: the end of its standard error.
    """

    code: int | None
    output: bytes
    errors: bytes


def run_program(command: Sequence[str], seconds: float, limit: int, tail: int) -> Ended:
    """Run *command*, without a shell and without standard input, in a session of its own: it has no terminal to ask at.

    :param seconds: until it is ended, with all that it started.
    :param limit: bytes of output; with more it is ended at once.
    :param tail: bytes of standard error that are kept.
    :raises OSError, ValueError: if it cannot be started.
    """
    process: subprocess.Popen[bytes] | None = None
    output, errors, readers = bytearray(), bytearray(), list[Thread]()
    try:
        with held_together():  # no program is started that nobody knows of
            process = _started(command)
        readers.append(start(partial(_read, cast(IO[bytes], process.stdout), output, limit)))
        readers.append(start(partial(_read_tail, cast(IO[bytes], process.stderr), errors, tail)))
        _wait(process, readers, lambda: len(output) > limit, seconds)
        return Ended(process.returncode, bytes(output), bytes(errors))
    finally:
        if process is not None and process.returncode is None:
            _end(process, readers)


def _started(command: Sequence[str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603 - the user's own command
        command_line(command) if is_windows() else command,
        bufsize=0,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
    )


def _read(pipe: IO[bytes], kept: bytearray, limit: int) -> None:
    """Read *pipe* to its end, or until *kept* is too large."""
    with pipe:
        while len(kept) <= limit and (chunk := pipe.read(65536)):
            kept += chunk


def _read_tail(pipe: IO[bytes], kept: bytearray, length: int) -> None:
    """Read *pipe* to its end, and keep the last of it."""
    with pipe:
        while chunk := pipe.read(65536):
            kept += chunk
            del kept[:-length]


def _wait(
    process: "subprocess.Popen[bytes]", readers: Sequence[Thread], is_enough: Callable[[], bool], seconds: float
) -> None:
    """Return when the program has ended and all is read, when that is more than enough, or when its time is over."""
    deadline = time.monotonic() + seconds
    while readers[0].is_alive() and process.poll() is None and time.monotonic() < deadline:
        readers[0].join(_LOOK_SECONDS)
    if is_enough():
        return
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(max(0.0, deadline - time.monotonic()))
        for reader in readers:
            # What it leaves in the background, such as an agent, may hold the pipes open for good.
            reader.join(_GRACE_SECONDS)


def _end(process: "subprocess.Popen[bytes]", readers: Sequence[Thread]) -> None:
    """End the program and what it has started: ask first, and leave no zombie."""
    try:
        _signal(process, "SIGTERM")
        for reader in filter(Thread.is_alive, readers):
            # Both come to an end when the last process that could write to them is gone.
            reader.join(_GRACE_SECONDS)
    finally:
        # The program is not waited for before this, so its number cannot have become that of another group.
        _signal(process, "SIGKILL")
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_SECONDS)


def _signal(process: "subprocess.Popen[bytes]", name: str) -> None:
    if not is_windows():
        with contextlib.suppress(OSError):
            os.killpg(process.pid, getattr(signal, name))
        return
    taskkill = os.path.join(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "taskkill.exe")
    command = [taskkill, "/T", "/F", "/PID", str(process.pid)]
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run(command, capture_output=True, timeout=_GRACE_SECONDS, check=False)  # noqa: S603 - all from here
    with contextlib.suppress(OSError):
        process.kill()
