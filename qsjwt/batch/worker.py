"""What runs in a process that :mod:`qsjwt.batch.processes` starts: rows in, tokens out, until its pipe is closed."""

import os
import pickle
import sys
from collections.abc import Sequence
from typing import BinaryIO, Final, NoReturn

from qsjwt import startup
from qsjwt.batch.prepared import PreparedRequest, Sign
from qsjwt.batch.rows import Row
from qsjwt.errors import QsJwtError
from qsjwt.tokens.create import CreatedToken

READY: Final = "ready"
"""What a process says when it can be asked."""


def main(requests: BinaryIO) -> NoReturn:
    """Answer *requests* on what is standard output so far; then end at once, and silently whatever happens."""
    try:
        answers = os.fdopen(os.dup(1), "wb")
        # What a plugin prints is no answer.
        os.dup2(2, 1)
        _serve(requests, answers)
    except BaseException:  # the other side is gone, or learns of it as this one ends
        os._exit(1)
    os._exit(0)


def main_of_frozen() -> NoReturn:
    """Do what :func:`main` does, where modules are found in the program itself, and not where this was told."""
    pickle.load(sys.stdin.buffer)  # noqa: S301 - of the process that started this one
    main(sys.stdin.buffer)


def _serve(requests: BinaryIO, answers: BinaryIO) -> None:
    prepared, copy, reference = pickle.load(requests)  # noqa: S301 - of the process that started this one
    with copy() as signer:
        sign = prepared.creator.signing(signer, reference, prepared.algorithm)
        startup.imported()
        _send(answers, READY)
        while True:
            try:
                rows = pickle.load(requests)  # noqa: S301 - as above
            except EOFError:
                return
            _send(answers, _made(prepared, rows, sign))


def _made(prepared: PreparedRequest, rows: Sequence[Row], sign: Sign) -> list[CreatedToken | QsJwtError] | QsJwtError:
    try:
        return [*map(_plain, prepared.outcomes(rows, sign))]
    except Exception as cause:
        return QsJwtError(f"unexpected {type(cause).__name__} while tokens were made")


def _plain(outcome: CreatedToken | QsJwtError) -> CreatedToken | QsJwtError:
    """Return an error as one of ours, which the other side can read: a plugin's own may be of any form."""
    if isinstance(outcome, CreatedToken):
        return outcome
    ours = next(kind for kind in type(outcome).__mro__ if kind.__module__ == QsJwtError.__module__)
    error: QsJwtError = ours(outcome.message, hint=outcome.hint)
    return error


def _send(answers: BinaryIO, what: object) -> None:
    answers.write(pickle.dumps(what))
    answers.flush()
