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
        from qsjwt.cli import startup

        startup.postpone_imports()
        if not sys.warnoptions:
            warnings.simplefilter("ignore")
        for stream in (sys.stdout, sys.stderr):
            if stream is not None and hasattr(stream, "reconfigure"):
                stream.reconfigure(encoding="utf-8", errors="backslashreplace", newline="\n")
        _end_by_exception()
        from qsjwt.cli.app import main

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
    sys.unraisablehook = _not_lost


_CLEANING_UP = 1.0
"""Seconds after a request to end, in which another one does not disturb the cleaning up."""

_SOON = 0.02
"""Seconds until it is asked again."""

_asked = -_CLEANING_UP


def _terminate(number: int, _frame: object) -> None:
    global _asked
    from qsjwt.errors import Terminated

    now = time.monotonic()
    if now - _asked >= _CLEANING_UP:
        _asked = now
        raise Terminated(number)


def _not_lost(unraisable: "sys.UnraisableHookArgs") -> None:
    """Ask once more if the request to end came while a destructor or a callback ran, where exceptions are lost."""
    global _asked
    from qsjwt.errors import Terminated

    if not isinstance(unraisable.exc_value, Terminated):
        sys.__unraisablehook__(unraisable)
        return
    import threading

    _asked = -_CLEANING_UP
    number = unraisable.exc_value.number
    if os.name == "nt":
        import _thread

        threading.Timer(_SOON, _thread.interrupt_main, (number,)).start()
    else:
        threading.Timer(_SOON, os.kill, (os.getpid(), number)).start()


def _leave_no_output_behind() -> None:
    """Keep the interpreter from writing to a closed pipe or a full disk once more, and complaining, at its end."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    program()
