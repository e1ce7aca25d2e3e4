"""Undo what shells, editors, mail and CI systems do to the text of a key."""

import base64
import binascii
import contextlib
import html
import re
from typing import Final
from urllib.parse import unquote, unquote_plus

from qsjwt.io.read import decode_text
from qsjwt.keys.der import is_der

_URL_ENCODED: Final = re.compile(r"%(?:0[AD]|2[025BDF]|3D|7B)", re.IGNORECASE)
_JSON_ESCAPE: Final = re.compile(r"(?<!\\)\\+u00([0-9a-fA-F]{2})")
# Secrets stores and .env files spell line ends out; PEM has no backslash and no backtick of its own.
_SPELLED_OUT: Final = re.compile(r"(?<![\\`])[\\`]+[rnt]")
_INVISIBLE: Final = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_ODD_BLANK: Final = re.compile(r"[^\S \t\r\n]")
_DASHES: Final = "-\u2010-\u2015\u2212"
_ODD_ARMOUR: Final = re.compile(f"[{_DASHES}]{{1,5}}(BEGIN|END) ([A-Z0-9 ]{{1,64}}?)[{_DASHES}]{{1,5}}")
_QUOTED_LINE: Final = re.compile(r"^[ \t]*(?:[>|#]+[ \t]*)+", re.MULTILINE)
_CONTINUED_LINE: Final = re.compile(
    r"(?:(?<![ \t])[ \t]+|(?<![ \t\\`^]))[\\`^]+[ \t]*\r?$",  # a match begins where its blanks or its marks begin
    re.MULTILINE,
)
_JOINED_STRINGS: Final = re.compile(
    r"([\"'])(?:[ \t]*\+)?[ \t]*(?:(?:\r\n?|\n)(?:[ \t]*\+)?[ \t]*)?\1"  # no two repetitions of the same side by side
)
_BASE64URL: Final = str.maketrans("-_", "+/")  # RFC 4648, section 5
_DATA_URL: Final = re.compile(r"\A\s*data:[^,]{0,100};base64,", re.IGNORECASE)
_MAX_LAYERS: Final = 3
"""Of an encoding on top of itself: base64 of base64 has been seen; nobody means more."""


def repaired(text: str) -> str:
    """Return *text* with line ends, blanks and dashes as a PEM text has them; JSON without PEM in it is left alone."""
    for _layer in range(_MAX_LAYERS):
        if text.lstrip("\ufeff \t\r\n\"'").startswith("{") or not _URL_ENCODED.search(text):
            break
        text = unquote_plus(text) if "BEGIN+" in text or "+" not in text else unquote(text)
    if "BEGIN" not in text:
        return text
    if "&" in text:
        with contextlib.suppress(ValueError):  # a number of more digits than Python converts
            text = html.unescape(text)
    if "\\" in text or "`" in text:
        text = _JSON_ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
        text = _SPELLED_OUT.sub("\n", text)
        text = _CONTINUED_LINE.sub("", text)
    if not text.isascii():
        text = _ODD_BLANK.sub(" ", _INVISIBLE.sub("", text))
        text = _ODD_ARMOUR.sub(r"-----\1 \2-----", text)
    return _JOINED_STRINGS.sub("", _QUOTED_LINE.sub("", text))


def from_base64(text: str) -> bytes | None:
    """Return the DER, PEM or JSON that *text* is the base64 of, in up to three layers; None if it is not that."""
    for _layer in range(_MAX_LAYERS):
        plain = "".join(_SPELLED_OUT.sub("", _DATA_URL.sub("", text, count=1)).split()).strip("\"'")
        plain = plain.translate(_BASE64URL)
        try:
            inner = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
            if is_der(inner):
                return inner
            text = decode_text(inner)
        except (binascii.Error, ValueError):
            return None
        if "-----BEGIN" in repaired(text) or text.lstrip().startswith("{"):
            return inner
    return None
