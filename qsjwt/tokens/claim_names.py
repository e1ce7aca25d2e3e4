"""Claims whose names an administrator chooses, as the options ``--userid-claim`` and similar ones say them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from qsjwt.errors import InputError
from qsjwt.redaction import quoted
from qsjwt.tokens.platform import Platform
from qsjwt.tokens.request import Options

REGISTERED_CLAIMS: Final = ("iss", "sub", "aud", "exp", "nbf", "iat", "jti")
"""RFC 7519, section 4.1; they cannot be attributes (Qlik Support, 1716226)."""


class ClaimNames:
    """The names of a platform's claims, in one request after another: they are found out where options differ."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._options = [f"{option}_claim" for option in platform.claim_names]
        self._others = [option for option in platform.claim_names if option not in platform.user_claims]
        self._last: tuple[list[Any], Mapping[str, str]] = [None], {}

    def of(self, options: Options) -> Mapping[str, str]:
        """Return what :func:`claim_names` does; the same object for the same names, which nobody can change."""
        values = vars(options)
        asked = [*map(values.get, self._options), *[values.get(option) is None for option in self._others]]
        last = self._last
        if asked != last[0]:
            last = self._last = asked, MappingProxyType(claim_names(self._platform, options))
        return last[1]


def claim_names(platform: Platform, options: Options) -> dict[str, str]:
    """Return the names that *options* say for the claims of *platform*, by option.

    :raises InputError: if one is empty, reserved by RFC 7519, or meant for two claims.
    """
    names = platform.claim_names
    chosen: dict[str, str] = {option: options[f"{option}_claim"] for option in names}
    for option, name in chosen.items():
        if not name.strip():
            raise InputError(f"--{option}-claim is empty, but a claim has a name")
        if name in REGISTERED_CLAIMS:
            raise InputError(
                f"--{option}-claim is {name}, which RFC 7519 reserves and Qlik refuses as an attribute",
                hint=f"use the name that the administrator typed; the default is {names[option]}",
            )
    # A default gives way: an attribute called email may well be the user ID, if there is no other use for it.
    meant = [
        option
        for option in names
        if option in platform.user_claims
        or chosen[option] != names[option]
        or (option in options and options[option] is not None)
    ]
    if len({chosen[option] for option in meant}) == len(meant):
        return chosen
    for name in dict.fromkeys(chosen.values()):
        if len(same := [f"--{option}-claim" for option in meant if chosen[option] == name]) > 1:
            raise InputError(
                f"{' and '.join(same)} give the same claim name, {quoted(name)}", hint="give each claim its own name"
            )
    return chosen
