"""What somebody may have meant who typed a command that there is not."""

from collections.abc import Collection, Sequence
from typing import Final

from qsjwt.errors import nearest
from qsjwt.tokens.platform import command_of
from qsjwt.tokens.wording import either

_CREATE: Final = "create"

_MAKES_TOKEN: Final = ("token", "sign", "encode", "issue", "generate", "new", "make")
_ELSEWHERE: Final = {
    **dict.fromkeys(("verify", "inspect", "parse", "read", "print"), "decode"),
    **dict.fromkeys(("validate", "lint", "explain"), "check"),
    **dict.fromkeys(("keygen", "genkey", "gen-key", "new-key", "generate-key", "make-key"), "create-key"),
    **dict.fromkeys(("key", "keys", "certificate", "cert", "thumbprint", "fingerprint"), "show-key"),
    **dict.fromkeys(("plugins", "plugin", "platforms", "providers", "list"), "list-plugins"),
    **dict.fromkeys(("login", "session", "cookie", "cookies"), "exchange"),
    **dict.fromkeys(("test", "present"), "try"),
    "show": "decode, or show-key",
    "version": "--version",
}
"""What other programs call something that there is here under another name."""


def suggestion(words: Sequence[str], commands: Collection[str], platforms: Sequence[str]) -> str:
    """Return a hint for *words*, whose first is no command; empty if nobody can tell.

    :param platforms: the names of those that are installed.
    """
    name = words[0].lower()
    rest = words[1].lower() if len(words) > 1 else ""
    first, _, last = name.partition("-")
    meant = ""
    if f"{name}-{rest}" in commands:
        meant = f"{name}-{rest}"
    elif first in commands and last in platforms:
        meant = f"{first} {last}"
    elif name in platforms:
        meant = either(
            [command_of(name), *(f"{command} {name}" for command in ("check", "try") if command in commands)]
        )
    elif name == _CREATE:
        meant = either(sorted(command for command in commands if command.startswith(f"{_CREATE}-")))
    elif name in _MAKES_TOKEN:
        meant = either([*map(command_of, platforms)])
    elif name in _ELSEWHERE:
        meant = _ELSEWHERE[name]
    return f"did you mean {meant}?" if meant else nearest(words[0], commands)
