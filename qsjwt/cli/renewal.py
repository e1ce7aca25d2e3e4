"""``--unless-valid-for``: whether the file of ``--output`` already holds the token that would be made."""

import contextlib
import logging
import os
import time
from collections.abc import Callable

from qsjwt.errors import InputError
from qsjwt.io.read import read_text, user_path
from qsjwt.options.token import compact_of
from qsjwt.redaction import quoted
from qsjwt.times import format_duration
from qsjwt.tokens.create import CreatedToken, Signing
from qsjwt.tokens.jwt import Token, time_failures
from qsjwt.tokens.request import Options

_LOG = logging.getLogger("qsjwt.command")


def is_kept(token: Token, sign: Signing, options: Options, show: Callable[[CreatedToken], str]) -> bool:
    """Tell whether the file holds *token* already, and that one is valid for long enough.

    :param sign: what would sign it.
    :param show: makes of a token what is in the file.
    """
    now, least = time.time(), options.unless_valid_for
    if not _lasts(token, now, least):
        _LOG.warning("the new token is itself valid for less than --unless-valid-for %s", format_duration(least))
    text = _text(options.output)
    if text is None:
        return False
    with contextlib.suppress(InputError):
        earlier = sign.earlier(compact_of(text, "the file", lambda _remark: None), token)
        if earlier is not None and show(earlier) == text and _lasts(Token(earlier.header, earlier.claims), now, least):
            _LOG.info("%s holds such a token, which expires at %s", quoted(options.output), earlier.expires_at)
            return True
    return False


def _lasts(token: Token, now: float, seconds: int) -> bool:
    return not any(failure for at in (now, now + seconds) for failure in time_failures(token, at))


def _text(path: str) -> str | None:
    """Return what is in the file *path*; None if it is none that can be read."""
    if os.path.isfile(user_path(path)):
        with contextlib.suppress(InputError):
            return read_text(path, "token file", "--output")
    return None
