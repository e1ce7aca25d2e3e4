"""The process: what only a program may do to its interpreter, around ``app.main``."""

import gc
import os
import signal
import sys
import time
import warnings
from typing import NoReturn


def program() -> NoReturn:
    """Run qsjwt and end the process with its exit code."""
    # Nothing that is imported becomes garbage: collecting among it costs a tenth of the time of one token.
    gc.disable()
    try:
        from qsjwt import startup

        startup.postpone_imports()
        if not sys.warnoptions:
            warnings.simplefilter("ignore")
        for stream in (sys.stdout, sys.stderr):
            if stream is not None and hasattr(stream, "reconfigure"):
                stream.reconfigure(encoding="utf-8", errors="backslashreplace", newline="\n")
        _end_by_exception()
        from qsjwt.app import main

        gc.freeze()
        gc.enable()
        code = main()
    except KeyboardInterrupt as stop:
        code = getattr(stop, "exit_code", 130)
    _leave_no_output_behind()
    gc.freeze()
    sys.exit(code)


def _end_by_exception() -> None:
    """Let a request to end unwind the program, so that files are cleaned up; an ignored signal stays ignored."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _terminate)


_CLEANING_UP = 1.0
"""Seconds after a request to end, in which another one does not disturb the cleaning up."""

_asked = -_CLEANING_UP


def _terminate(number: int, _frame: object) -> None:
    global _asked
    from qsjwt.errors import Terminated

    now = time.monotonic()
    if now - _asked >= _CLEANING_UP:
        _asked = now
        raise Terminated(number)


def _leave_no_output_behind() -> None:
    """Keep the interpreter from writing to a closed pipe or a full disk once more, and complaining, at its end."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    program()
