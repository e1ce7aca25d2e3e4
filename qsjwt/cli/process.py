"""The process: what only a program may do to its interpreter, around ``app.main``."""

import gc
import os
import sys
from typing import NoReturn

from qsjwt import startup
from qsjwt.io.ending import end_at_once, end_by_exception, exit_code_of


def program() -> NoReturn:
    """Run qsjwt and end the process with its exit code."""
    try:
        end_by_exception()
        startup.begin()
        for stream in (sys.stdout, sys.stderr):
            if stream is not None and hasattr(stream, "reconfigure"):
                stream.reconfigure(encoding="utf-8", errors="backslashreplace", newline="\n")
        from qsjwt.cli.app import main

        startup.imported()
        code = main()
        end_at_once()
    except BaseException as raised:
        end_at_once()
        requested = exit_code_of(raised)
        if requested is None:
            raise
        code = requested
    _leave_no_output_behind()
    gc.freeze()
    sys.exit(code)


def _leave_no_output_behind() -> None:
    """Keep the interpreter from writing to a closed pipe or a full disk once more, and complaining, at its end."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
