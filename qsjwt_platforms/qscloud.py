"""Qlik Cloud: a JWT identity provider and ``POST /login/jwt-session``."""

import base64
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from qsjwt.api import (
    Finding,
    InputError,
    OptionGroup,
    Options,
    Platform,
    PublicKey,
    Rule,
    Token,
    TokenRequest,
    fitted_time_claims,
    quoted,
    rules,
)

AUDIENCE: Final = "qlik.api/login/jwt-session"
WINDOW: Final = 3600
"""Seconds that exp may lie after nbf."""

_WHO: Final = "Qlik Cloud"
_LOGIN: Final = "qlik.dev/apis/rest/login"
_SIGNED: Final = "qlik.dev/authenticate/jwt/create-signed-tokens-for-jwt-authorization"
_IDP: Final = "qlik.dev/apis/rest/identity-providers"
_VERIFIED: Final = "community.qlik.com, Qlik Support 1774052"


def _claim(name: str, demand: str, answer: str = "", option: str = "") -> Rule:
    missing = f'400 INTERNAL-TOKEN-1 "JWT_LOGIN_VALIDATIONS Missing required claim: {name}"'
    return Rule(name, demand, f"{_LOGIN}; community.qlik.com, Qlik Support 2435784", answer, missing, option)


_ALGORITHM: Final = Rule("algorithm", "the algorithm is RS256", _SIGNED)
_KID: Final = Rule("kid", "the header has the key ID (kid) of the identity provider", _LOGIN, "401", option="--keyid")
_ISS: Final = _claim("iss", "the issuer (iss) is that of the identity provider", "401", "--issuer")
_AUD: Final = _claim("aud", f"the audience (aud) is {AUDIENCE}", "401")
_SUB: Final = _claim("sub", "the subject (sub), the user's lasting identifier, is a text")
_SUB_TYPE: Final = _claim("subType", "the type of subject (subType) is user")
_NAME: Final = Rule("name", "the user's name (name) is a text", _LOGIN)
_EMAIL: Final = Rule("email", "the e-mail address (email) is a text", _LOGIN)
_EMAIL_VERIFIED: Final = Rule(
    "email_verified", "email_verified, if it is there, is true or false, without quotes", f"{_LOGIN}; {_VERIFIED}"
)
_GROUPS: Final = Rule("groups", "the groups, if there are any, are a list of names called groups", _LOGIN)
_JTI: Final = _claim("jti", "the token has an identifier (jti), to be used once")
_IAT: Final = _claim("iat", "the time of issue (iat) is a whole number of seconds")
_NBF: Final = _claim("nbf", "the token is valid already (nbf)", "401")
_EXP: Final = _claim("exp", "the token has not expired (exp)", "401")
_WINDOW: Final = Rule("window", "exp, if both are there, lies at most 60 min after nbf", _LOGIN)
_SIGNATURE: Final = Rule(
    "signature", "the key of the identity provider made the signature", _LOGIN, "401", option="--cert-publickey-file"
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
    f"{_SIGNED}; RFC 5280, section 4.1.2.5",
    option="--cert-publickey-file",
)


class Qscloud(Platform):
    """Qlik Cloud; the identity provider is found by ``iss``, its key by ``kid``."""

    summary = "Qlik Cloud"
    algorithms = ("RS256",)
    key_id_required = True
    example = (
        "qsjwt create-qscloud --issuer https://idp.example.com --keyid my-key --subject anna --username Anna "
        "--useremail anna@example.com --useremail-verified true --expires 60m --key env:QLIK_PRIVATE_KEY"
    )
    rules = (
        *(_ALGORITHM, _KID, _ISS, _AUD, _SUB, _SUB_TYPE, _NAME, _EMAIL, _EMAIL_VERIFIED, _GROUPS),
        *(_JTI, _IAT, _NBF, _EXP, _WINDOW, _SIGNATURE, _KEY, _CERTIFICATE),
    )

    def add_options(self, options: OptionGroup) -> None:
        """Add who the user is."""
        options.add("--subject", metavar="SUBJECT", help="sub, the user's lasting identifier; default a random one")
        options.add("--username", metavar="NAME", help="user's name")
        options.add("--useremail", metavar="EMAIL", help="user's e-mail address; needs --useremail-verified")
        options.add(
            "--useremail-verified",
            choices=("true", "false"),
            metavar="true|false",
            help="whether the address is known to be the user's",
        )
        options.add("--groups", nargs="+", action="extend", metavar="GROUP", help="groups of the user; repeatable")

    def add_shared_options(self, options: OptionGroup) -> None:
        """Add which identity provider vouches for the user."""
        options.add("--issuer", required=True, metavar="ISSUER", help="iss, as registered with the identity provider")

    def add_registration_options(self, options: OptionGroup) -> None:
        """Add what an identity provider has beside its issuer and its key."""
        options.add(
            "--tenant-id", action="append", metavar="ID", help="tenant that the identity provider is for; repeatable"
        )
        options.add("--description", metavar="TEXT", help="its description")

    def build(self, request: TokenRequest, now: int) -> Token:
        """Return the token; ``exp`` is cut to Qlik's window if the clock skew alone would break it."""
        options = request.options
        if (options.useremail is None) != (options.useremail_verified is None):
            raise InputError("--useremail and --useremail-verified go together", hint="give both, or neither")
        times, remarks = fitted_time_claims(request, now, WINDOW, _WHO)
        if options.subject is None and options.useremail_verified != "true":
            remarks.append(
                "without --subject and a verified e-mail address each token makes another user in Qlik Cloud"
            )
        claims: dict[str, Any] = {
            **self.expected(options),
            "aud": AUDIENCE,
            "sub": _random() if options.subject is None else options.subject,
            "subType": "user",
        }
        if options.username is not None:
            claims["name"] = options.username
        if options.useremail is not None:
            claims["email"] = options.useremail
            claims["email_verified"] = options.useremail_verified == "true"
        if options.groups is not None:
            claims["groups"] = options.groups
        return Token({}, {**claims, "jti": _random(), **times}, remarks=remarks)

    def expected(self, options: Options) -> Mapping[str, Any]:
        """Return the issuer."""
        return {} if options.issuer is None else {"iss": options.issuer}

    def check(self, token: Token, now: float) -> Iterable[Finding]:
        """Yield the rules that *token* breaks, and what Qlik's documents leave open."""
        claims = token.claims
        yield from rules.algorithm(_ALGORITHM, token, self.algorithms, _WHO)
        yield from rules.key_id(_KID, token, _WHO)
        for rule in (_ISS, _SUB):
            yield from rules.text(rule, claims, rule.name, _WHO)
        for rule, value in ((_AUD, AUDIENCE), (_SUB_TYPE, "user")):
            yield from _check_constant(rule, claims, value)
        yield from _check_user(claims)
        yield from _check_groups(claims)
        yield from _check_identifier(claims)
        for rule in (_IAT, _NBF, _EXP):
            yield from rules.time(rule, claims, rule.name, now, _WHO)
        yield from rules.window(_WINDOW, claims, "nbf", WINDOW, _WHO)

    def registration(self, request: TokenRequest, public: PublicKey) -> Mapping[str, Any]:
        """Return the body for ``POST /api/v1/identity-providers``; the PEM is on one line, as Qlik's form wants it."""
        options = request.options
        for option, value in (("issuer", options.issuer), ("keyid", request.key_id)):
            if not rules.is_text(value):
                raise InputError(
                    f"--{option} is not given, and an identity provider has one",
                    hint="give what the tokens are made with; --keyid thumbprint takes the key's own",
                )
        pem = public.certificate_pem or public.pem
        body: dict[str, Any] = {
            "provider": "external",
            "protocol": "jwtAuth",
            "interactive": False,
            "active": True,
            "options": {
                "jwtLoginEnabled": True,
                "issuer": options.issuer,
                "staticKeys": [{"kid": request.key_id, "pem": pem.replace("\n", "")}],
            },
        }
        if options.description is not None:
            body["description"] = options.description
        if options.tenant_id is not None:
            body["tenantIds"] = options.tenant_id
        return body


def _random() -> str:
    """Return 144 random bits: nobody will see the same twice."""
    return base64.urlsafe_b64encode(os.urandom(18)).decode("ascii")


def _check_constant(rule: Rule, claims: Mapping[str, Any], value: str) -> Iterator[Finding]:
    if rule.name not in claims:
        yield from rules.missing(rule, claims, rule.name, _WHO)
    elif claims[rule.name] != value:
        yield rule.broken(f"the claim {rule.name} is not {quoted(value)}, the only value that {_WHO} takes")


def _check_user(claims: Mapping[str, Any]) -> Iterator[Finding]:
    for rule, option in ((_NAME, "--username"), (_EMAIL, "--useremail")):
        name = rule.name
        sound = yield from rules.text(rule, claims, name, _WHO, required=False, hint=f"use {option}")
        if sound and name not in claims:
            yield rule.unknown(
                f"the token has no {name}, which Qlik lists among the claims without saying that it is a must",
                f"use {option}",
            )
    if "email_verified" in claims:
        verified = claims["email_verified"]
        if not isinstance(verified, bool):
            yield _EMAIL_VERIFIED.broken(
                f"the claim email_verified is {rules.kind(verified)}, and {_WHO} wants true or false without quotes",
                "use --useremail-verified true or false",
            )
        return
    sound = yield from rules.missing(_EMAIL_VERIFIED, claims, "email_verified", _WHO, required=False)
    if sound and "email" in claims:
        yield _EMAIL_VERIFIED.unknown(
            f"the token has email but not email_verified, without which {_WHO} does not go by the address",
            "use --useremail-verified",
        )


def _check_groups(claims: Mapping[str, Any]) -> Iterator[Finding]:
    if "groups" in claims:
        yield from rules.groups(_GROUPS, claims, "groups", _WHO)
    elif other := rules.similar(claims, "group"):
        yield _GROUPS.broken(f"the claim is called {quoted(other)}, and {_WHO} reads groups only", "use --groups")
    else:
        yield from rules.missing(_GROUPS, claims, "groups", _WHO, required=False)


def _check_identifier(claims: Mapping[str, Any]) -> Iterator[Finding]:
    value = claims.get("jti")
    if isinstance(value, bool | list | dict):
        yield _JTI.broken(f"the claim jti is {rules.kind(value)}, and {_WHO} wants a text")
    elif not rules.is_number(value):  # a sample of Qlik's own has one (2435784)
        yield from rules.text(_JTI, claims, "jti", _WHO)
