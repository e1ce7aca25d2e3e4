"""Client-managed Qlik Sense (QSEoW): a virtual proxy with JWT authentication."""

import argparse
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from qsjwt.api import Finding, InputError, Platform, Token, quoted, time_claims

_HELP_PAGE: Final = "help.qlik.com, Sense admin, JWT authentication"
_SETUP: Final = "Qlik Support, How to set up JWT authentication (1716226)"
_TICKETS: Final = "help.qlik.com, Proxy Service API, Ticket: Add (said of tickets)"

CLAIM_NAMES: Final = {
    "userid": "userId",
    "userdir": "userDirectory",
    "username": "name",
    "useremail": "email",
    "groups": "group",
}
"""Option to the claim that carries it, unless ``--OPTION-claim`` says another name."""

_REGISTERED: Final = ("iss", "sub", "aud", "exp", "nbf", "iat", "jti")
"""RFC 7519, section 4.1; a virtual proxy cannot use them as attributes (1716226)."""


class Qseow(Platform):
    """Qlik Sense Enterprise on Windows.

    Which claim holds the user ID and the user directory is what the virtual proxy's administrator typed; any
    further claim reaches Qlik only through a row of its attribute mapping.
    """

    summary = "client-managed Qlik Sense (QSEoW)"
    algorithms = ("RS256", "RS384", "RS512")
    example = "qsjwt create-qseow --userdir LAB --userid anna --expires 48h \\\n    --key file:privatekey.pem"

    def add_options(self, group: Any) -> None:
        """Add who the user is, and how the virtual proxy calls each claim."""
        group.add_argument("--userdir", required=True, metavar="DIRECTORY", help="user directory")
        group.add_argument("--userid", required=True, metavar="ID", help="user ID")
        group.add_argument("--username", metavar="NAME", help="user's name")
        group.add_argument("--useremail", metavar="EMAIL", help="user's e-mail address")
        group.add_argument(
            "--groups", nargs="+", action="extend", metavar="GROUP", help="groups of the user; repeatable"
        )
        group.add_argument("--audience", metavar="AUDIENCE", help="aud, if the virtual proxy has one")
        group.add_argument("--issuer", metavar="ISSUER", help="iss")
        for option, claim in CLAIM_NAMES.items():
            group.add_argument(
                f"--{option}-claim", default=claim, metavar="CLAIM", help="claim's name; default %(default)s"
            )

    def build(self, options: argparse.Namespace, now: int) -> Token:
        """Return the token; each claim has the name that the options give it."""
        names = {option: getattr(options, f"{option}_claim") for option in CLAIM_NAMES}
        _require_usable(names)
        values = {
            "userid": options.userid.strip() or options.userid,
            "userdir": options.userdir.strip() or options.userdir,
            "username": options.username,
            "useremail": options.useremail,
            "groups": options.groups,
        }
        claims = {names[option]: value for option, value in values.items() if value is not None}
        for claim, value in (("iss", options.issuer), ("aud", options.audience)):
            if value is not None:
                claims[claim] = value
        remarks = [
            f"blanks around the value of --{option} are left out"
            for option in ("userid", "userdir")
            if values[option] != getattr(options, option)
        ]
        return Token({}, {**claims, **time_claims(options, now)}, names, remarks)

    def check(self, token: Token, now: int) -> Iterable[Finding]:
        """Yield the rules that *token* breaks, in the order in which Qlik would notice."""
        names = {**CLAIM_NAMES, **token.claim_names}
        if token.header.get("alg") not in self.algorithms:
            yield Finding(
                "algorithm",
                f"the algorithm is {quoted(str(token.header.get('alg')))}, and Qlik Sense takes RS256, RS384 and RS512",
                source=_HELP_PAGE,
            )
        yield from _check_times(token.claims, now)
        yield from _check_user(token.claims, names["userid"], "user ID")
        yield from _check_user(token.claims, names["userdir"], "user directory")
        for option in ("username", "useremail"):
            yield from _check_text(token.claims, names[option], option)
        yield from _check_groups(token.claims, names["groups"])
        for claim in ("iss", "aud"):
            yield from _check_text(token.claims, claim, claim)


def _require_usable(names: Mapping[str, str]) -> None:
    for option, name in names.items():
        if not name.strip():
            raise InputError(f"--{option}-claim is empty, and a claim has a name")
        if name in _REGISTERED:
            raise InputError(
                f"--{option}-claim is {name}, which RFC 7519 reserves and a virtual proxy refuses as an attribute",
                hint=f"use the name in the virtual proxy's form; the default is {CLAIM_NAMES[option]}",
            )
    if len(set(names.values())) < len(names):
        raise InputError("two of the --…-claim options give the same claim name", hint="give each claim its own name")


def _check_times(claims: Mapping[str, Any], now: int) -> Iterator[Finding]:
    expiry = claims.get("exp")
    if isinstance(expiry, int | float) and expiry <= now:
        yield Finding("exp", "the token has expired: exp is in the past", "create a new one", _HELP_PAGE)


def _check_user(claims: Mapping[str, Any], name: str, what: str) -> Iterator[Finding]:
    value = claims.get(name)
    rule = what.replace(" ", "-").lower()
    if not isinstance(value, str) or not value.strip():
        yield Finding(
            rule,
            f"the {what} (claim {quoted(name)}) is {'empty' if isinstance(value, str) else 'no text'}, "
            "and Qlik Sense needs one",
            source=_SETUP,
        )
    elif "\\" in value:
        yield Finding(
            rule,
            f"the {what} {quoted(value)} has a backslash in it, and Qlik Sense takes none there",
            "give the directory with --userdir and the user with --userid",
            _TICKETS,
        )


def _check_text(claims: Mapping[str, Any], name: str, rule: str) -> Iterator[Finding]:
    value = claims.get(name)
    if name in claims and not (isinstance(value, str) and value.strip()):
        yield Finding(
            rule,
            f"the claim {quoted(name)} is empty or no text",
            "leave its option out, or give it a value",
            _HELP_PAGE,
        )


def _check_groups(claims: Mapping[str, Any], name: str) -> Iterator[Finding]:
    value = claims.get(name, [])
    groups = value if isinstance(value, list) else [value]
    if not all(isinstance(group, str) and group.strip() for group in groups):
        yield Finding(
            "groups", f"the claim {quoted(name)} has a group without a name", "give every group a name", _HELP_PAGE
        )
