"""Claims whose names an administrator chooses, as the options ``--userid-claim`` and similar ones say them."""

from typing import Final

from qsjwt.errors import InputError
from qsjwt.redaction import quoted
from qsjwt.tokens.platform import Platform
from qsjwt.tokens.request import Options

REGISTERED_CLAIMS: Final = ("iss", "sub", "aud", "exp", "nbf", "iat", "jti")
"""RFC 7519, section 4.1; they cannot be attributes (Qlik Support, 1716226)."""


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
