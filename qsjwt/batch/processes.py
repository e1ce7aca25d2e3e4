"""Processes that make tokens beside the threads of a batch: started, asked for tokens, and ended, from this side.

What each is told goes through a pipe, the key too, and never over a command line, an environment or a disk.
"""

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from typing import IO, Any, Final

from qsjwt.batch import frozen
from qsjwt.batch.prepared import PreparedRequest
from qsjwt.batch.rows import Row
from qsjwt.batch.worker import READY
from qsjwt.errors import QsJwtError
from qsjwt.io.threads import start
from qsjwt.keys.signer import Signer
from qsjwt.tokens.create import CreatedToken

END_SECONDS: Final = 5

_INTERPRETERS: Final = ("python", "pypy")
CODE: Final = (
    "import pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer);"
    "from qsjwt import startup; startup.begin();"
    "from qsjwt.batch.worker import main; main(sys.stdin.buffer)"
)
"""What Python runs in a process; where modules are comes through the pipe, before anything of qsjwt is imported."""


def sendable(prepared: PreparedRequest, copy: Callable[[], Signer], reference: str) -> bytes | None:
    """Return what a process has to know, the key with it; None if it cannot be sent, or no process would be faster.

    :param copy: as :meth:`Signer.copy_for_process` returns it.
    :param reference: the key's, for messages.
    """
    if _command() is None or not _has_lock():
        return None
    try:
        return pickle.dumps(sys.path) + pickle.dumps((prepared, copy, reference))
    except Exception:  # a platform may have options whose values are anything
        return None


def _has_lock() -> bool:
    """Tell whether threads wait for each other, as they do but in free-threaded Python."""
    is_enabled: Callable[[], bool] = getattr(sys, "_is_gil_enabled", lambda: True)
    return is_enabled()


def _command() -> list[str] | None:
    """Return what starts a process; None if none can be started: a program with Python in it is not Python."""
    if getattr(sys, "frozen", False):
        return frozen.command
    if not os.path.basename(sys.executable or "").lower().startswith(_INTERPRETERS):
        return None
    # Isolated: nothing is imported from the current folder, nor what variables name, but from where this process does.
    return [sys.executable, "-I", *(["-B"] if sys.dont_write_bytecode else []), "-c", CODE]


class WorkerProcess:
    """A process that makes tokens for one thread. It ends with this one, also if that is killed: its pipe is closed.

    :ivar is_ready: whether it can be asked; None as long as it is being started.
    """

    def __init__(self, work: bytes) -> None:
        """Begin to start it; that takes a while, in which nobody has to wait.

        :param work: as :func:`sendable` returns it.
        """
        self._process: subprocess.Popen[bytes] | None = None
        self.is_ready: bool | None = None
        self._is_over = False
        self._lock = threading.Lock()
        self._starter = start(lambda: self._start(work))

    def _start(self, work: bytes) -> None:
        try:
            with self._lock:
                command = _command()
                if self._is_over or command is None:
                    self.is_ready = False
                    return
                # Ctrl-C of a terminal is for this process, which ends that one; and it has nothing to say to anybody.
                apart: dict[str, Any] = {"process_group": 0}
                if sys.platform == "win32":
                    apart = {"creationflags": subprocess.CREATE_NO_WINDOW}
                streams: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
                self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL, **streams, **apart)  # noqa: S603 - this Python
            requests, answers = self._pipes(self._process)
            requests.write(work)
            requests.flush()
            self.is_ready = pickle.load(answers) == READY  # noqa: S301 - of a process of our own
        except Exception:
            self.is_ready = False  # without it, the thread goes on alone
        finally:
            if self._is_over:
                self._close_pipes()

    @property
    def pid(self) -> int | None:
        """Its number; None if there is none."""
        return None if self._process is None else self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How it has ended; None if it has not."""
        return None if self._process is None else self._process.poll()

    @staticmethod
    def _pipes(process: "subprocess.Popen[bytes]") -> tuple[IO[bytes], IO[bytes]]:
        if process.stdin is None or process.stdout is None:
            raise ValueError("both are asked for above")
        return process.stdin, process.stdout

    def outcomes(self, rows: Sequence[Row]) -> list[CreatedToken | QsJwtError] | None:
        """Return the token of each of *rows*, or why there is none; None if they have to be made here.

        :raises QsJwtError: if the process has ended before it has made them.
        """
        if not self.is_ready or self._process is None:
            return None
        try:
            data = pickle.dumps(rows)
        except Exception:  # values of a caller's own
            return None
        requests, answers = self._pipes(self._process)
        try:
            requests.write(data)
            requests.flush()
            made: list[CreatedToken | QsJwtError] | QsJwtError = pickle.load(answers)  # noqa: S301 - as above
        except (OSError, EOFError, ValueError, pickle.UnpicklingError) as cause:
            raise QsJwtError(
                "a process that makes tokens for this batch has ended before its time",
                hint="something has ended it, perhaps a lack of memory; --jobs 1 starts none",
            ) from cause
        if isinstance(made, QsJwtError):
            raise made
        return made

    def close(self) -> None:
        """End the process, whatever it is at."""
        with self._lock:
            self._is_over, self.is_ready = True, False
            process = self._process
        if process is not None:
            process.kill()
            process.wait(END_SECONDS)
        self._starter.join(END_SECONDS)
        if not self._starter.is_alive():  # or else it waits at a pipe, and whoever closed that would wait as well
            self._close_pipes()

    def _close_pipes(self) -> None:
        for pipe in self._pipes(self._process) if self._process is not None else ():
            try:
                pipe.close()
            except OSError:  # what was not sent any more
                continue
