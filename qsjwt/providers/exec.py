"""``exec:COMMAND``: a private key that a helper program prints, started without a shell."""

import os
import re
import shlex
import shutil
import signal
from collections.abc import Iterator, Sequence
from typing import Final

from qsjwt.api import InputError, KeyProvider, KeyUnavailable, Secrets, Signer, local_signer, quoted
from qsjwt.io.program import run_program
from qsjwt.io.read import user_path, whole_number
from qsjwt.io.windows import COMMANDS_OF_CMD, is_windows

_TIMEOUT_VARIABLE: Final = "QSJWT_EXEC_TIMEOUT"
_TIMEOUT: Final = "30"
_TIMEOUTS: Final = range(1, 3601)
"""Seconds that the variable may say."""

_MAX_OUTPUT_BYTES: Final = 1 << 20
"""Bytes; no key comes near it."""

_MAX_ERROR_BYTES: Final = 8192
_MAX_ERROR_LINES: Final = 5
"""Bytes of the helper's standard error that are looked through for secrets, and lines of them that are shown."""

_MIN_ARGUMENT_CHARACTERS: Final = 4
"""Characters; a shorter argument stands in every other word."""

_MAX_NAME_CHARACTERS: Final = 20
"""Characters of a piece of an argument; a longer one may be a secret, even without a digit."""

_SCRIPTS: Final = "begin with the program that runs the script, as in exec:powershell -File key.ps1"
"""What Windows lacks: a first line that says so."""

_SEPARATORS: Final = re.compile(r"[\s=:@/,;&?\"']+")


class ExecProvider(KeyProvider):
    """``exec:COMMAND``, a program and its arguments, such as ``exec:vault kv get -field=key secret/qlik``.

    There is no shell: quotes hold a word together, and nothing is expanded but a leading ``~/`` of the program.
    The user who runs qsjwt must be allowed to run the program, and it must not ask: its standard input is closed.
    It has 30 seconds, or as many as the environment variable QSJWT_EXEC_TIMEOUT says, from 1 to 3600. What it
    writes to standard error is shown if it fails, without its arguments.
    """

    summary = "exec:COMMAND     a private key that a helper program prints"

    def open(self, reference: str, secrets: Secrets) -> Signer:
        """Run the helper and read its output.

        :raises InputError: if there is no command, a quote is not closed, or the timeout is out of range.
        :raises KeyUnavailable: if the helper cannot be started, fails, does not end in time, or prints no private
            key that can be decrypted.
        """
        command = _words(reference)
        name = quoted(os.path.basename(command[0]))
        what = f"timeout in the environment variable {_TIMEOUT_VARIABLE}"
        seconds = whole_number(os.environ.get(_TIMEOUT_VARIABLE) or _TIMEOUT, what, _TIMEOUTS)
        return local_signer(_output_of(command, name, seconds), f"the output of the helper {name}", secrets)


def _words(command: str) -> list[str]:
    """Split *command* as a POSIX shell would, but for the backslash on Windows, which is part of a path there."""
    lexer = shlex.shlex(command, posix=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    if is_windows():
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


def _output_of(command: Sequence[str], name: str, seconds: int) -> bytes:
    """Run *command* and return what it printed.

    :param name: what messages call it.
    :raises KeyUnavailable: if it does not end well and in time, or prints nothing, or more than 1 MiB.
    """
    try:
        ended = run_program(command, seconds, _MAX_OUTPUT_BYTES, _MAX_ERROR_BYTES)
    except (OSError, ValueError) as cause:
        does, hint = _why_not_started(command[0], cause)
        raise KeyUnavailable(f"the helper {name} {does}", hint=hint) from cause
    if len(ended.output) > _MAX_OUTPUT_BYTES:
        raise KeyUnavailable(f"the output of the helper {name} is larger than 1 MiB")
    said = _said(ended.errors, command[1:])
    if ended.code is None:
        raise KeyUnavailable(
            f"the helper {name} did not end within {seconds} s, and was ended{said}",
            hint=f"it can ask nothing, so unlock or log in first; {_TIMEOUT_VARIABLE} gives it more seconds",
        )
    if ended.code:
        raise KeyUnavailable(f"the helper {name} {_how_it_ended(ended.code)}{said}")
    if not ended.output.strip():
        raise KeyUnavailable(f"the helper {name} printed nothing{said}")
    return ended.output


def _why_not_started(program: str, cause: OSError | ValueError) -> tuple[str, str]:
    match cause:
        case FileNotFoundError() if shutil.which(program):
            return "names in its first line an interpreter that is not there", ""
        case FileNotFoundError() if is_windows() and program.lower() in COMMANDS_OF_CMD:
            return "is no program but a command of cmd", f"write exec:cmd /c {program} …"
        case FileNotFoundError():
            return "is not found", "the first word is a program on the path, or the path of one"
        case PermissionError():
            return "is not executable", _SCRIPTS if is_windows() else "see its permissions (chmod +x)"
        case OSError(strerror=str(reason)):
            hint = _SCRIPTS if is_windows() else "a script needs a first line like #!/bin/sh"
            return f"cannot be started: {reason.lower()}", hint
        case _:
            return "cannot be started: its command holds a character that no command can", ""


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
        if len(part) >= _MIN_ARGUMENT_CHARACTERS:
            yield part
    for piece in _SEPARATORS.split(argument):
        # Names of vaults and entries help whoever reads the error; few of them have digits, few secrets have none.
        if len(piece) >= _MIN_ARGUMENT_CHARACTERS and (
            any(map(str.isdigit, piece)) or len(piece) >= _MAX_NAME_CHARACTERS
        ):
            yield piece


def _said(errors: bytes, arguments: Sequence[str]) -> str:
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
    return f": {', '.join(map(quoted, lines[-_MAX_ERROR_LINES:]))}" if lines else ""
