"""The exceptions that become an exit code and one sentence on stderr.

QsJwtError 1 ─┬─ InputError 2   ├─ KeyUnavailable 3   ├─ SigningFailed 4
              ├─ PluginError 5  ├─ VerificationFailed 6  └─ ServerUnavailable 7
"""

from collections.abc import Iterable
from typing import ClassVar, Final

INTERRUPTED: Final = 130
"""Exit code after Ctrl-C: 128 + SIGINT, as shells have it."""

BROKEN_PIPE: Final = 141
"""Exit code when the reader of stdout is gone: 128 + SIGPIPE."""


class Terminated(KeyboardInterrupt):
    """A signal, Ctrl-C too, asks the program to end: files are cleaned up first.

    :param number: the signal's number.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number
        self.exit_code = 128 + number


class HelpWanted(Exception):
    """What was asked for is a text, help or the version, and nothing else is done.

    :param text: what goes to stdout.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class QsJwtError(Exception):
    """An unexpected failure, which is a bug.

    The expected ones are its subclasses.

    :param message: one sentence without a full stop; it names the thing and the rule, and never holds
        a secret: foreign text goes through :func:`qsjwt.redaction.quoted` first.
    :param hint: the way out, where there is one.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InputError(QsJwtError):
    """The command line or an input file is wrong, a rule of the platform is broken, or the result cannot be written."""

    exit_code = 2


class KeyUnavailable(QsJwtError):
    """A key is missing, unreadable, locked, of the wrong kind or too short, or a new one cannot be written."""

    exit_code = 3


class SigningFailed(QsJwtError):
    """The signer refused or timed out, or its signature does not verify."""

    exit_code = 4


class PluginError(QsJwtError):
    """A plugin is missing, broken, of the wrong kind, or claimed by two packages."""

    exit_code = 5


class VerificationFailed(QsJwtError):
    """The token is malformed, or its signature, algorithm, times or expected values say no."""

    exit_code = 6


class ServerUnavailable(QsJwtError):
    """A Qlik server cannot be reached, or refuses for another reason than the token."""

    exit_code = 7


def nearest(name: str, candidates: Iterable[str]) -> str:
    """Return a hint with the one of *candidates* that *name* begins or resembles; empty if there is none."""
    import difflib  # 5 ms that only an error pays

    if not name:
        return ""
    known = {candidate.lower(): candidate for candidate in sorted(candidates)}
    wanted = name.lower()
    close = [candidate for candidate in known if candidate.startswith(wanted)] or difflib.get_close_matches(
        wanted, known
    )
    return f"did you mean {known[close[0]]}?" if close else ""
