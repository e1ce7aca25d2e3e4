"""Keep secrets and control characters out of everything that is shown to people."""

import json
import re
from itertools import pairwise
from typing import Final

_MAX_QUOTE_CHARACTERS: Final = 200

# What people paste where a name belongs: PEM, a JWK's private part (also URL-encoded), a token, DER in hexadecimal.
_SECRETS: Final = (
    (
        re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)", re.DOTALL),
        "(a private key)",
    ),
    (
        re.compile(
            r"""(?:[{,"'\\]|%7B|%2C|%22)\s{0,4}(?:["'\\]|%22){0,4}(?:d|p|q|dp|dq|qi|k)(?:["'\\]|%22){0,4}\s{0,4}(?::|%3A)\s{0,4}"""
            r"""(?:\\?["']|%22)?[A-Za-z0-9_-]{20,}""",
            re.IGNORECASE,
        ),
        "(private part of a JWK)",
    ),
    (re.compile(r"(?<![A-Za-z0-9])eyJ[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*)*"), "(a token)"),
    (re.compile(r"(?<![0-9A-Za-z])(?:[0-9a-f]{65,}|[0-9A-F]{65,})"), "(key material)"),
)
# Base64 as long as a line of PEM, with the lines that follow it, or the short last line with its padding. A
# thumbprint has 43 characters and is public.
_BASE64: Final = re.compile(
    r"[A-Za-z0-9+/_-]{48,}={0,2}(?:(?:\s|\\[rn])+[A-Za-z0-9+/_-]{4,}={0,2})*"
    r"|(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{20,}={1,2}(?![A-Za-z0-9=])"
)
_CHANGES: Final = 0.38
"""Share of neighbours that differ in kind (capital, small letter, digit): 0.62 in base64, about 0.3 in names."""

_START: Final = re.compile(r"MI[A-Z]|MH[a-zA-Z]|LS0tLS1CRUdJ")
_CHANGES_AT_START: Final = 0.25


def redacted(text: str) -> str:
    """Return *text* on one line, with secrets and control characters made harmless.

    :param text: a message that is about to reach stderr or a log.
    """
    return printable(without_secrets(text))


def without_secrets(text: str) -> str:
    """Return *text* with keys and tokens replaced by a word about them; its lines stay."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return _BASE64.sub(lambda run: "(key material)" if _is_random(run[0]) else run[0], text)


def _is_random(run: str) -> bool:
    """Tell base64 from a path or a long name, which has more marks in it, and whole words."""
    line = run.split(maxsplit=1)[0]
    letters = [character for character in line if character.isalnum()]
    one_case = line == line.upper() or line == line.lower()
    if one_case or sum(map(line.count, "/-_")) * 10 > len(line):
        return False
    kinds = [(character.isupper(), character.isdigit()) for character in letters]
    changes = sum(one != other for one, other in pairwise(kinds))
    # The beginning of DER, and of base64 of PEM, is the same for every key, and mostly capitals.
    return changes >= (_CHANGES_AT_START if _START.match(line) else _CHANGES) * (len(letters) - 1)


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
    return _harmless(value, "'")


def shown(value: object) -> str:
    """Return the value of a claim for a message: a number, true, false and null as JSON has it, the rest in quotes."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return _harmless(text, "'" if isinstance(value, str | list | tuple | dict) else "")


def _harmless(value: str, mark: str) -> str:
    text = printable(value[: _MAX_QUOTE_CHARACTERS + 1])
    text = (
        f"{mark}{text}{mark}" if len(text) <= _MAX_QUOTE_CHARACTERS else f"{mark}{text[:_MAX_QUOTE_CHARACTERS]}…{mark}"
    )
    # What is shown may look like a key where the value does not: a key with a long tail that is cut off.
    if holds_secret(value) or holds_secret(text):
        return "(hidden, as it looks like a key or a token)"
    return text
