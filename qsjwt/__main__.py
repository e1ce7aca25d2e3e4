"""The process: what only a program may do to its interpreter, around ``app.main``."""

import gc
import os
import sys
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
        from qsjwt.app import main

        gc.freeze()
        gc.enable()
        code = main()
    except KeyboardInterrupt:
        from qsjwt.errors import INTERRUPTED

        code = INTERRUPTED
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


if __name__ == "__main__":
    program()
