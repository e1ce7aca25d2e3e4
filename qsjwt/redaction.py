"""Keep secrets and control characters out of everything that is shown to people."""

import re
from typing import Final

_LONGEST_QUOTE: Final = 200

# What people paste where a name belongs: PEM, the base64 of DER or of PEM, a JWK's private part, a token.
_SECRETS: Final = (
    (
        re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)", re.DOTALL),
        "(a private key)",
    ),
    (re.compile(r"(?:LS0tLS1CRUdJ|MI[A-Z]|MH[a-zA-Z])[A-Za-z0-9+/\s]{60,}=*"), "(key material)"),
    (
        re.compile(r"""["'\\]*\b(?:d|p|q|dp|dq|qi|k)\b["'\\]*\s*:\s*["'\\]*[A-Za-z0-9_-]{8,}"""),
        "(private part of a JWK)",
    ),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*)*"), "(a token)"),
)
_RUN: Final = re.compile(r"[A-Za-z0-9+/_-]{48,}={0,2}")
"""As long as a line of PEM, and longer than a thumbprint, which is public."""


def redacted(text: str) -> str:
    """Return *text* on one line, with secrets and control characters made harmless.

    :param text: a message that is about to reach stderr or a log.
    """
    return printable(without_secrets(text))


def without_secrets(text: str) -> str:
    """Return *text* with keys and tokens replaced by a word about them; its lines stay."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return _RUN.sub(lambda run: "(key material)" if _is_random(run[0]) else run[0], text)


def _is_random(run: str) -> bool:
    """Tell base64 from a path or a long name, which has more marks in it and fewer kinds of letters."""
    marks = sum(run.count(mark) for mark in "/-_")
    kinds = (str.isupper, str.islower, str.isdigit)
    return marks * 10 <= len(run) and all(any(map(kind, run)) for kind in kinds)


def printable(text: str) -> str:
    """Return *text* with every character that could move a cursor or break a line written as an escape."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def holds_secret(text: str) -> bool:
    """Tell whether *text* looks like a key or a token rather than a name."""
    return without_secrets(text) != text


def quoted(value: str) -> str:
    """Return *value* in quotes for a message, shortened, or a word about it if it looks like a secret.

    :param value: text from a user, a file or a service.
    """
    if holds_secret(value):
        return "(hidden, as it looks like a key or a token)"
    shown = value if len(value) <= _LONGEST_QUOTE else value[:_LONGEST_QUOTE] + "…"
    return f"'{printable(shown)}'"
