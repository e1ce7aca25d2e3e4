"""Claims whose names an administrator chooses: the options that say them, ``--userid-claim`` and its kin."""

import argparse
from collections.abc import Collection, Mapping
from typing import Any, Final

from qsjwt.errors import InputError
from qsjwt.redaction import quoted

REGISTERED_CLAIMS: Final = ("iss", "sub", "aud", "exp", "nbf", "iat", "jti")
"""RFC 7519, section 4.1; they cannot be attributes (Qlik Support, 1716226)."""


def add_claim_name_options(group: Any, names: Mapping[str, str]) -> None:
    """Add ``--OPTION-claim`` for each of *names*.

    :param group: an :mod:`argparse` argument group.
    :param names: option, such as "userid", to the claim's name if the administrator chose no other.
    """
    for option, claim in names.items():
        group.add_argument(
            f"--{option}-claim",
            default=claim,
            metavar="CLAIM",
            help=f"claim's name for --{option}; default %(default)s",
        )


def claim_names(options: argparse.Namespace, names: Mapping[str, str], always: Collection[str] = ()) -> dict[str, str]:
    """Return the names that *options* say, by option, as :attr:`qsjwt.tokens.jwt.Token.claim_names` has them.

    :param names: as in :func:`add_claim_name_options`.
    :param always: the options whose claims every token has.
    :raises InputError: if one is empty, reserved by RFC 7519, or meant for two claims.
    """
    chosen: dict[str, str] = {option: getattr(options, f"{option}_claim") for option in names}
    for option, name in chosen.items():
        if not name.strip():
            raise InputError(f"--{option}-claim is empty, and a claim has a name")
        if name in REGISTERED_CLAIMS:
            raise InputError(
                f"--{option}-claim is {name}, which RFC 7519 reserves and Qlik refuses as an attribute",
                hint=f"use the name that the administrator typed; the default is {names[option]}",
            )
    # A default gives way: an attribute called email may well be the user ID, if there is no other use for it.
    meant = [
        option
        for option in names
        if option in always or chosen[option] != names[option] or getattr(options, option, None) is not None
    ]
    if len({chosen[option] for option in meant}) == len(meant):
        return chosen
    for name in dict.fromkeys(chosen.values()):
        if len(same := [f"--{option}-claim" for option in meant if chosen[option] == name]) > 1:
            raise InputError(
                f"{' and '.join(same)} give the same claim name, {quoted(name)}", hint="give each claim its own name"
            )
    return chosen
