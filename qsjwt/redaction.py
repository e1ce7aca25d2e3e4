"""Keep secrets and control characters out of everything that is shown to people."""

import json
import operator
import re
from collections.abc import Sequence
from typing import Final

_MAX_QUOTE_CHARACTERS: Final = 200

_PRIVATE_MEMBERS: Final = "(?:d|p|q|dp|dq|qi|k)"
"""Of a JWK (RFC 7518, section 6)."""

# Patterns are text here, which re compiles when it is first used: that takes 6 ms, and few texts have any of the marks
# without which a pattern finds nothing.
# What people paste where a name belongs: PEM, a JWK's private part (also URL-encoded), a token.
_SECRETS: Final = (
    (
        ("-----BEGIN",),
        r"(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)",
        "(a private key)",
    ),
    (
        (":", "%3A", "%3a"),
        rf"""(?i)(?:[{{,"'\\]|%7B|%2C|%22)\s{{0,4}}(?:["'\\]|%22){{0,4}}{_PRIVATE_MEMBERS}(?:["'\\]|%22){{0,4}}"""
        r"""\s{0,4}(?::|%3A)\s{0,4}(?:\\?["']|%22)?[A-Za-z0-9_-]{20,}""",
        "(private part of a JWK)",
    ),
    (("eyJ",), r"(?<![A-Za-z0-9])eyJ[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*)*", "(a token)"),
)

# Longer than a fingerprint, which is public: digits on end, in lines, in pairs as openssl and debuggers write them, or
# after what says that they are private. An elliptic-curve key has no more digits than one, which has no 0x.
_HEXADECIMAL: Final = (
    r"(?i)(?<![0-9A-Za-z])(?:"
    r"(?:0x)?[0-9a-f]{8,}(?:(?:\s|\\[rn]){1,4}(?:0x)?[0-9a-f]{2,}(?![0-9A-Za-z]))*+"
    r"|(?:(?:0x)?[0-9a-f]{2}(?:[\s:,]|\\[rn]){1,8}){32,}+(?:(?:0x)?[0-9a-f]{2})?"
    r"|priv(?:ateExponent)?:(?:[\s:]|\\[rn]){0,16}[0-9a-f]{2}(?:(?:[\s:]|\\[rn]){1,8}[0-9a-f]{2})++"
    r")"
)
_MAX_FINGERPRINT: Final = 64
"""Hexadecimal digits: SHA-256."""

_MIN_CURVE: Final = 48
"""Hexadecimal digits of a private number: P-192."""

_ONE_MEMBER: Final = rf"(?<![0-9A-Za-z_]){_PRIVATE_MEMBERS}\s{{0,4}}(?:=>?|:|%3D)\s{{0,4}}([A-Za-z0-9+/_-]{{20,}}=*)"

# Base64 in pieces: lines of any width, with what shells, mail and URLs make of their ends.
_PIECES: Final = (
    r"(?i)(?P<end>(?:[\s\\\"'>|]|(?<=\\)[rnt]|%0[AD])++)"
    r"|(?P<piece>[A-Za-z0-9+/_-]+(?:%2[BF][A-Za-z0-9+/_-]*)*(?:=|%3D){0,2})"
)
_MIN_PIECE: Final = 8
_MIN_KEY: Final = 48
"""Characters of base64; a thumbprint has 43 and is public."""

_MIN_PADDED: Final = 20
"""Characters of base64 that ends with its padding: the last line of a key."""

_KINDS: Final[dict[int, str | None]] = {
    **{ord(c): "A" if c.isupper() else "a" if c.islower() else "0" for c in map(chr, range(128)) if c.isalnum()},
    **dict.fromkeys(map(ord, "+/-_=%")),
}
"""For :meth:`str.translate`: letters and digits to their kind, all other characters of base64 to nothing."""

_CHANGES: Final = 0.38
"""Share of neighbours that differ in kind (capital, small letter, digit): 0.62 in base64, about 0.3 in names."""

_START: Final = r"MI[A-Z]|MH[a-zA-Z]|LS0tLS1CRUdJ"
_CHANGES_AT_START: Final = 0.25

_SECRET_SETTING: Final = (  # "token" alone is a label, in a PKCS#11 URI
    r"(?:(?<![A-Za-z0-9])|(?<=%3F)|(?<=%26))"  # noqa: S105 - names of settings
    r"(?:pass(?:phrase|word|wd)|pwd|pin(?:-value)?|(?:client[-_]?)?secret|access[-_]?token|api[-_]?key)"
)
# The user information of a URI (RFC 3986, section 3.2.1); an address of mail and a file's name have none.
_LOGIN: Final = (
    r"(?<![\w.+%~-])(?!(?:mailto|acct|file|pkcs12|\d+):)([\w.+%~-]{2,64}:)[^\s'\"/\\]{1,200}@(?=[\w\[])"
    r"|(//[^\s'\"/@:]{0,64}:)(?!\d+/)[^\s'\"]{1,200}@"
)


def redacted(text: str) -> str:
    """Return *text* on one line, with secrets and control characters made harmless.

    :param text: a message that is about to reach stderr or a log.
    """
    return printable(without_secrets(text))


def without_secrets(text: str) -> str:
    """Return *text* with keys, tokens and passwords replaced by a word about them; its lines stay."""
    return _without_passwords(_without_keys(text))


def _without_keys(text: str) -> str:
    for marks, pattern, replacement in _SECRETS:
        if _has(marks, text):
            text = re.sub(pattern, replacement, text)
    if _has(("=", ":", "%3D"), text):
        text = re.sub(_ONE_MEMBER, lambda found: "(private part of a JWK)" if _is_mixed(found[1]) else found[0], text)
    if len(text) >= _MIN_CURVE or _has(("priv:", "privateexponent:"), text.lower()):
        text = re.sub(_HEXADECIMAL, _shown_digits, text)
    return _without_base64(text) if len(text) >= _MIN_KEY or _has(("=", "%3d"), text.lower()) else text


def _has(marks: Sequence[str], text: str) -> bool:
    return any(mark in text for mark in marks)


def _shown_digits(found: re.Match[str]) -> str:
    digits = sum(map(str.isalnum, found[0].lower().replace("0x", "")))
    private = found[0][:4].lower() == "priv" or (found[0][:2].lower() == "0x" and digits >= _MIN_CURVE)
    return "(key material)" if private or digits > _MAX_FINGERPRINT else found[0]


def _without_passwords(text: str, *, whole: bool = False) -> str:
    if _has(("=", "%3", "'", '"'), text):
        text = re.sub(_settings(whole), lambda found: f"{found[1] or found[2]}(hidden)", text)
    return re.sub(_LOGIN, lambda found: f"{found[1] or found[2]}(hidden)@", text) if "@" in text else text


def _settings(whole: bool) -> str:
    """Return the pattern of settings with a secret.

    :param whole: whether a value ends where the next begins; within a sentence it ends at a space, too.
    """
    value = "[^&]+" if whole else r"[^\s&'\"]+"
    member = rf"([\"']{_SECRET_SETTING}[\"']\s{{0,4}}:\s{{0,4}}[\"'])[^\"']+"
    return rf"(?i)({_SECRET_SETTING}(?:=|%3D)){value}|{member}"


def _without_base64(text: str) -> str:
    shown: list[str] = []
    done = 0
    run: list[re.Match[str]] = []

    def close(last: int) -> None:
        nonlocal done
        if run and _is_key("".join(found["piece"] for found in run)):
            shown.extend((text[done : run[0].start()], "(key material)"))
            done = last
        run.clear()

    at = 0
    for found in re.finditer(_PIECES, text):
        if found.start() != at:
            close(run[-1].end() if run else at)
        at = found.end()
        if found["piece"] is None:
            continue
        size = len(found["piece"])
        if size >= _MIN_PIECE and (_is_mixed(found["piece"]) or (run and size == len(run[-1]["piece"]))):
            run.append(found)
        else:
            close(at)  # the last line of a key may be too short to tell
    close(run[-1].end() if run else at)
    return "".join([*shown, text[done:]])


def _is_mixed(piece: str, share: float = _CHANGES_AT_START) -> bool:
    """Tell whether in *piece* capitals, small letters and digits take turns so often that it is hardly words."""
    kinds = piece.translate(_KINDS)
    changes: int = sum(map(operator.ne, kinds, kinds[1:]))
    return changes >= share * (len(kinds) - 1)


def _is_key(run: str) -> bool:
    """Tell base64 from a path or a long name, which has more marks in it, and whole words."""
    if len(run) < (_MIN_PADDED if run.endswith(("=", "%3D")) else _MIN_KEY):
        return False
    one_case = run == run.upper() or run == run.lower()
    if one_case or sum(map(run.count, "/-_")) * 10 > len(run):
        return False
    # The beginning of DER, and of base64 of PEM, is the same for every key, and mostly capitals.
    return _is_mixed(run, _CHANGES_AT_START if re.match(_START, run) else _CHANGES)


def printable(text: str) -> str:
    """Return *text* with every character that could move a cursor or break a line written as an escape."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def holds_secret(text: str) -> bool:
    """Tell whether *text* looks like a key or a token rather than a name."""
    return _without_keys(text) != text


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
    value = _without_passwords(value, whole=True)
    text = printable(value[: _MAX_QUOTE_CHARACTERS + 1])
    text = (
        f"{mark}{text}{mark}" if len(text) <= _MAX_QUOTE_CHARACTERS else f"{mark}{text[:_MAX_QUOTE_CHARACTERS]}…{mark}"
    )
    # What is shown may look like a key where the value does not: a key with a long tail that is cut off.
    if holds_secret(value) or holds_secret(text):
        return "(hidden, as it looks like a key or a token)"
    return text
