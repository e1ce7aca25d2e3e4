"""Qlik NPrinting: JWT authentication of its API."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from qsjwt.api import (
    Finding,
    InputError,
    OptionGroup,
    Platform,
    PublicKey,
    Rule,
    Token,
    TokenRequest,
    rules,
    time_claims,
)

CLAIM_NAMES: Final = {"useremail": "email", "domain": "domain", "username": "name"}
"""Option to the claim that carries it, unless ``--OPTION-claim`` says another name."""

_WHO: Final = "NPrinting"
_HELP: Final = "help.qlik.com, NPrinting, JWT authentication"
_WAYS: Final = "a user is known by e-mail address, or by domain and name"
_OTHER_NAMES: Final = (
    "if it has other names for the claims, say --useremail-claim NAME, or --domain-claim and --username-claim"
)

_ALGORITHM: Final = Rule("algorithm", "the algorithm is RS256, RS384 or RS512", _HELP)
_USER: Final = Rule("user", _WAYS, _HELP)
_TEXTS: Final = {
    "useremail": Rule("email", "the claim for the e-mail address, if there is one, is a text", _HELP),
    "domain": Rule("domain", "the claim for the domain, if there is one, is a text", _HELP),
    "username": Rule("name", "the claim for the user's name, if there is one, is a text", _HELP),
}
_NBF: Final = Rule("nbf", "the token is valid already (nbf), if it says from when on", _HELP)
_EXP: Final = Rule("exp", "the token has not expired (exp), if it ever does", _HELP)
_SIGNATURE: Final = Rule(
    "signature", "the key of the registered certificate made the signature", _HELP, option="--cert-publickey-file"
)
_KEY: Final = Rule(
    "key",
    "the key is one for RSA of 2048 bits or more",
    "RFC 7518, section 3.3",
    option="--cert-publickey-file",
)
_CERTIFICATE: Final = Rule(
    "certificate",
    "the certificate is of the key, and valid",
    f"{_HELP}; RFC 5280, section 4.1.2.5",
    option="--cert-publickey-file",
)


class Nprinting(Platform):
    """Qlik NPrinting; its administrator chose whether it knows users by e-mail address or by domain and name."""

    summary = "Qlik NPrinting"
    algorithms = ("RS256", "RS384", "RS512")
    claim_names = CLAIM_NAMES
    example = "qsjwt create-nprinting --useremail anna@example.com --expires 60m --key file:privatekey.pem"
    rules = (_ALGORITHM, _USER, *_TEXTS.values(), _NBF, _EXP, _SIGNATURE, _KEY, _CERTIFICATE)

    def add_options(self, options: OptionGroup) -> None:
        """Add who the user is."""
        options.add("--useremail", metavar="EMAIL", help="user's e-mail address, or:")
        options.add("--domain", metavar="DOMAIN", help="user's domain; needs --username")
        options.add("--username", metavar="NAME", help="user's name; needs --domain")

    def build(self, request: TokenRequest, now: int) -> Token:
        """Return the token."""
        options = request.options
        _require_pair(options)
        if options.domain is None and options.useremail is None:
            raise InputError("no user is given", hint="use --useremail, or --domain and --username")
        given = {option: value for option in CLAIM_NAMES if (value := options[option]) is not None}
        claims = {request.claim_names[option]: value for option, value in given.items()}
        return Token({}, {**claims, **time_claims(request, now)})

    def check(self, token: Token, now: float) -> Iterable[Finding]:
        """Yield the rules that *token* breaks."""
        names = {**CLAIM_NAMES, **token.claim_names}
        claims = token.claims
        yield from rules.algorithm(_ALGORITHM, token, self.algorithms, _WHO)
        yield from _check_user(claims, names)
        for option, rule in _TEXTS.items():
            if names[option] in claims:
                yield from rules.text(rule, claims, names[option], _WHO)
        for rule in (_NBF, _EXP):
            yield from rules.time(rule, claims, rule.name, now, _WHO, required=False, whole=False)

    def registration(self, request: TokenRequest, public: PublicKey) -> Mapping[str, Any]:
        """Return the values for the form; users are matched by e-mail address unless options speak of the domain."""
        options, names = request.options, request.claim_names
        _require_pair(options)
        renamed = {option for option in CLAIM_NAMES if names[option] != CLAIM_NAMES[option]}
        by_domain = options.useremail is None and (options.domain is not None or renamed == {"domain", "username"})
        fields: dict[str, Any] = {
            "jwtEnabled": True,
            "certificate": public.require_certificate_pem(_WHO),
        }
        if not by_domain:
            return {**fields, "matchUsersBy": "email", "emailAttribute": names["useremail"]}
        return {
            **fields,
            "matchUsersBy": "domain\\name",
            "domainAttribute": names["domain"],
            "nameAttribute": names["username"],
        }


def _require_pair(options: Mapping[str, Any]) -> None:
    if (options["domain"] is None) != (options["username"] is None):
        raise InputError("--domain and --username go together", hint="give both, or --useremail")


def _check_user(claims: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[Finding]:
    """Yield what is missing: of domain and name the other one, if one of them is there."""
    there = {option for option in CLAIM_NAMES if names[option] in claims}
    if "useremail" in there or {"domain", "username"} <= there:
        return
    absent = [option for option in CLAIM_NAMES if option not in there]
    misnamed = [option for option in absent if rules.similar(claims, names[option])]
    if misnamed:
        for option in misnamed:
            yield from rules.missing(_TEXTS[option], claims, names[option], _WHO)
    elif there:
        for option in set(absent) - {"useremail"}:
            yield from rules.missing(_TEXTS[option], claims, names[option], _WHO, hint=_WAYS)
    else:
        yield _USER.broken(f"the token names no user: {_WAYS}", _OTHER_NAMES)
