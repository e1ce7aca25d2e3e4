"""``exec:COMMAND``: a private key that a helper program prints, started without a shell."""

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import Future
from threading import Thread
from typing import IO, Final

from qsjwt.api import (
    InputError,
    KeyProvider,
    KeyUnavailable,
    Secrets,
    Signer,
    UnsuitableKey,
    local_signer,
    quoted,
    user_path,
    whole_number,
)

_TIMEOUT_VARIABLE: Final = "QSJWT_EXEC_TIMEOUT"
_TIMEOUT: Final = 30
_LONGEST_TIMEOUT: Final = 3600
"""Seconds."""

_LARGEST: Final = 1 << 20
"""Bytes of output; no key comes near it."""

_TAIL: Final = 8192
"""Bytes of what the helper wrote to its standard error that are kept, and looked through for secrets."""

_LINES: Final = 5
"""Of these, lines that are shown, each cut by ``quoted``."""

_SHORTEST_ARGUMENT: Final = 4
"""Characters; a shorter argument stands in every other word."""

_LONGEST_NAME: Final = 20
"""Characters of a piece of an argument; a longer one may be a secret, even without a digit."""

_SEPARATORS: Final = re.compile(r"[\s=:@/,;&?\"']+")

_SLICE: Final = 0.1
_GRACE: Final = 1.0
"""Seconds between two looks at the helper, and for what has to end when it is told to."""

_REUSED: Final = 10.0
"""Seconds."""

_other_kind: dict[str, tuple[float, bytes]] = {}
"""Command to when it ran, and its output: a key is opened again when it turns out to be of another kind."""


class ExecProvider(KeyProvider):
    """``exec:COMMAND``, a program and its arguments, such as ``exec:vault kv get -field=key secret/qlik``.

    There is no shell: quotes hold a word together, and nothing is expanded but a leading ``~/`` of the program.
    The user who runs qsjwt must be allowed to run the program, and it must not ask: its standard input is closed.
    It has 30 seconds, or as many as the environment variable QSJWT_EXEC_TIMEOUT says, from 1 to 3600. What it
    writes to standard error is shown if it fails, without its arguments.
    """

    summary = "exec:COMMAND     a private key that a helper program prints"

    def open(self, reference: str, algorithm: str, secrets: Secrets) -> Signer:
        """Run the helper and read its output.

        :raises InputError: if there is no command, a quote is not closed, or the time-out is out of range.
        :raises KeyUnavailable: if the helper cannot be started, fails, does not end in time, or prints no private
            key that can be decrypted.
        """
        command = _words(reference)
        name = quoted(os.path.basename(command[0]))
        when, data = _other_kind.pop(reference, (0.0, b""))
        if not data or time.monotonic() - when > _REUSED:
            data = _output_of(command, name, _timeout())
        try:
            return local_signer(data, f"the output of the helper {name}", algorithm, secrets)
        except UnsuitableKey:
            _other_kind[reference] = time.monotonic(), data
            raise


def _words(command: str) -> list[str]:
    """Split *command* as a POSIX shell would, but for the backslash on Windows, which is part of a path there."""
    lexer = shlex.shlex(command, posix=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    if _on_windows():
        lexer.escape = ""
    try:
        words = list(lexer)
    except ValueError as cause:
        reason = "a quote in it is not closed" if "quotation" in str(cause) else "it ends in a backslash"
        raise InputError(f"the command of the key reference exec: cannot be split into words: {reason}") from cause
    if not words or not words[0]:
        raise InputError(
            "the key reference exec: names no program",
            hint="write the command behind the colon, as in --key 'exec:pass show qlik'",
        )
    return [user_path(words[0]), *words[1:]]


def _timeout() -> int:
    """Return the helper's time in seconds.

    :raises InputError: if the variable holds no whole number from 1 to 3600.
    """
    what = f"time-out in the environment variable {_TIMEOUT_VARIABLE}"
    seconds = whole_number(os.environ.get(_TIMEOUT_VARIABLE) or str(_TIMEOUT), what)
    if not 1 <= seconds <= _LONGEST_TIMEOUT:
        raise InputError(f"the {what} is {seconds}, and must be from 1 to {_LONGEST_TIMEOUT} seconds")
    return seconds


def _output_of(command: list[str], name: str, seconds: int) -> bytes:
    """Run *command* and return what it printed.

    :param name: what messages call it.
    :raises KeyUnavailable: if it does not end well and in time, or prints nothing, or more than 1 MiB.
    """
    starting: Future[subprocess.Popen[bytes]] = Future()
    output, errors, readers = bytearray(), bytearray(), list[Thread]()
    try:
        # Ctrl-C reaches the main thread alone: no helper is started that nobody knows of.
        Thread(target=_start, args=(command, starting), daemon=True).start()
        process = starting.result()
        readers.append(Thread(target=_read, args=(process.stdout, output), daemon=True))
        readers.append(Thread(target=_read_end, args=(process.stderr, errors), daemon=True))
        for reader in readers:
            reader.start()
        _wait(process, readers, output, seconds)
        ended = process.returncode is not None
    except (OSError, ValueError) as cause:
        raise _not_started(command[0], name, cause) from cause
    finally:
        if starting.exception(_TIMEOUT) is None and starting.result().returncode is None:
            _end(starting.result(), readers)
    if len(output) > _LARGEST:
        raise KeyUnavailable(f"the output of the helper {name} is larger than 1 MiB")
    said = _said(bytes(errors), command[1:])
    if not ended:
        raise KeyUnavailable(
            f"the helper {name} did not end within {seconds} s, and was ended{said}",
            hint=f"it can ask nothing, so unlock or log in first; {_TIMEOUT_VARIABLE} gives it more seconds",
        )
    if process.returncode:
        raise KeyUnavailable(f"the helper {name} {_how_it_ended(process.returncode)}{said}")
    if not output.strip():
        raise KeyUnavailable(f"the helper {name} printed nothing{said}")
    return bytes(output)


def _start(command: list[str], starting: "Future[subprocess.Popen[bytes]]") -> None:
    # A session of its own has no terminal to ask at, and can be ended with all that it started.
    try:
        process = subprocess.Popen(  # noqa: S603 - the user's own command, and no shell
            command,
            bufsize=0,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
    except BaseException as cause:
        starting.set_exception(cause)
    else:
        starting.set_result(process)


def _not_started(program: str, name: str, cause: OSError | ValueError) -> KeyUnavailable:
    if isinstance(cause, FileNotFoundError) and shutil.which(program):
        return KeyUnavailable(f"the helper {name} names in its first line an interpreter that is not there")
    if isinstance(cause, FileNotFoundError):
        return KeyUnavailable(
            f"the helper {name} is not found", hint="the first word is a program on the path, or the path of one"
        )
    if isinstance(cause, PermissionError):
        return KeyUnavailable(f"the helper {name} is not executable", hint="see its permissions (chmod +x)")
    reason = getattr(cause, "strerror", None) or "its command holds a character that no command can"
    return KeyUnavailable(
        f"the helper {name} cannot be started: {reason.lower()}", hint="a script needs a first line like #!/bin/sh"
    )


def _read(pipe: IO[bytes], kept: bytearray) -> None:
    """Read *pipe* to its end, or until *kept* is too large."""
    with pipe:
        while len(kept) <= _LARGEST and (chunk := pipe.read(65536)):
            kept += chunk


def _read_end(pipe: IO[bytes], kept: bytearray) -> None:
    """Read *pipe* to its end, and keep the last of it."""
    with pipe:
        while chunk := pipe.read(65536):
            kept += chunk
            del kept[:-_TAIL]


def _wait(process: "subprocess.Popen[bytes]", readers: list[Thread], output: bytearray, seconds: int) -> None:
    """Return when the helper has ended and all is read, when its output is too large, or when its time is over."""
    deadline = time.monotonic() + seconds
    while readers[0].is_alive() and process.poll() is None and time.monotonic() < deadline:
        readers[0].join(_SLICE)
    if len(output) > _LARGEST:
        return
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(max(0.0, deadline - time.monotonic()))
        for reader in readers:
            # What it leaves in the background, such as an agent, may hold the pipes open for good.
            reader.join(_GRACE)


def _end(process: "subprocess.Popen[bytes]", readers: list[Thread]) -> None:
    """End the helper and what it has started: ask first, and leave no zombie."""
    try:
        _signal(process, "SIGTERM")
        for reader in filter(Thread.is_alive, readers):
            # Both come to an end when the last process that could write to them is gone.
            reader.join(_GRACE)
    finally:
        # The helper is not waited for before this, so its number cannot have become that of another group.
        _signal(process, "SIGKILL")
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)


def _signal(process: "subprocess.Popen[bytes]", name: str) -> None:
    if not _on_windows():
        with contextlib.suppress(OSError):
            os.killpg(process.pid, getattr(signal, name))
        return
    taskkill = os.path.join(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "taskkill.exe")
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run(  # noqa: S603 - all of it is from here
            [taskkill, "/T", "/F", "/PID", str(process.pid)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_GRACE,
            check=False,
        )
    with contextlib.suppress(OSError):
        process.kill()


def _on_windows() -> bool:
    return os.name == "nt"


def _how_it_ended(code: int) -> str:
    if code > 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by the signal {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by the signal {-code}"


def _parts(argument: str) -> Iterator[str]:
    """Yield what of *argument* is not repeated: all of it, a value behind =, and what may be a password or a token."""
    for part in (argument, argument.partition("=")[2]):
        if len(part) >= _SHORTEST_ARGUMENT:
            yield part
    for piece in _SEPARATORS.split(argument):
        # Names of vaults and entries help whoever reads the error; few of them have digits, few secrets have none.
        if len(piece) >= _SHORTEST_ARGUMENT and (any(map(str.isdigit, piece)) or len(piece) >= _LONGEST_NAME):
            yield piece


def _said(errors: bytes, arguments: list[str]) -> str:
    """Return the end of a sentence: the last lines of *errors*, without secrets and without *arguments*.

    A helper that fails likes to repeat its arguments, and a token may be among them.
    """
    text = errors.decode("utf-8", "replace")
    # A secret may reach over several lines, so all of them are looked at together, and the end of a key is as
    # much of a secret as its beginning; what quoted() hides has no quotes.
    if not (whole := quoted(text.replace("-----END ", "-----BEGIN "))).startswith("'"):
        return f": {whole}"
    for part in sorted({part for word in arguments for part in _parts(word)}, key=len, reverse=True):
        text = text.replace(part, "…")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return f": {', '.join(map(quoted, lines[-_LINES:]))}" if lines else ""
