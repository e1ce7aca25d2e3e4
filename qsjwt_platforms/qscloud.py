"""Qlik Cloud: a JWT identity provider and ``POST /login/jwt-session``."""

import base64
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from qsjwt.api import (
    Broken,
    Case,
    Check,
    InputError,
    OptionGroup,
    Platform,
    Problem,
    PublicKey,
    Rule,
    Token,
    TokenRequest,
    Unknown,
    checks,
    fitted_time_claims,
    format_duration,
    quoted,
    registered_key,
)

if TYPE_CHECKING:
    from qsjwt.api import Exchange, Explanation, JsonObject, Presentation, Registration, Site, Survey

AUDIENCE: Final = "qlik.api/login/jwt-session"
WINDOW: Final = 3600
"""Seconds that exp may lie after nbf."""

_PROTOCOL: Final = "jwtAuth"
MAX_DESCRIPTION: Final = 128
"""Characters of an identity provider's description: qlik.dev/apis/rest/identity-providers."""

MAX_CLOCK_TOLERANCE: Final = 7200
"""Seconds."""

_LIMIT: Final = "help.qlik.com, Repository Service API, proxy service: maxHeaderLineBytes 8192 (said of Qlik Sense)"
_LOGIN: Final = "qlik.dev/apis/rest/login"
_SIGNED: Final = "qlik.dev/authenticate/jwt/create-signed-tokens-for-jwt-authorization"
_REQUIRED: Final = f"{_LOGIN}; community.qlik.com, Qlik Support 2435784"
_VERIFIED: Final = f"{_LOGIN}; community.qlik.com, Qlik Support 1774052"


def _claim(name: str, requirement: str, check: Check, response: str = "", option: str = "") -> Rule:
    """Return the rule of a claim without which Qlik Cloud says that it is missing."""
    missing = f'400 INTERNAL-TOKEN-1 "JWT_LOGIN_VALIDATIONS Missing required claim: {name}"'
    return Rule(name, requirement, _REQUIRED, check, response, missing, option)


def _listed(name: str, option: str) -> Check:
    """Check that the claim is a string, if it is present; Qlik lists it without saying that it is required."""
    hint = f"use {option}"

    @checks.reading()
    def check(case: Case) -> Iterable[Problem]:
        if name in case.claims:
            return ()
        return [Unknown(f"the token has no {name}, which Qlik lists among the claims but does not call required", hint)]

    return checks.in_turn(checks.spelled(name, hint=hint), checks.string(name, required=False, hint=hint), check)


@checks.reading()
def _verified(case: Case) -> Iterable[Problem]:
    if "email" not in case.claims or "email_verified" in case.claims:
        return ()
    message = f"the token has email but not email_verified, without which {case.product} does not go by the address"
    return [Unknown(message, "use --useremail-verified")]


_EMAIL_VERIFIED: Final = checks.in_turn(
    checks.spelled("email_verified"),
    checks.boolean("email_verified", required=False, hint="use --useremail-verified true or false"),
    _verified,
)
_GROUPS: Final = checks.in_turn(
    checks.spelled("groups", "group", hint="use --groups"), checks.strings("groups", required=False)
)
_TEXT: Final = checks.string("jti")


@checks.reading("jti")
def _identifier(case: Case) -> Iterable[Problem]:
    # A sample of Qlik's own (2435784) has a number.
    return () if checks.is_number(case.claims.get("jti")) else _TEXT(case)


_INACTIVE: Final = Rule(
    "active",
    "the identity provider is active",
    "qlik.dev/apis/rest/identity-providers",
    lambda _case: [Broken("the identity provider is not active", "activate it, or register another one")],
)


class Qscloud(Platform):
    """Qlik Cloud; the identity provider is found by ``iss``, its key by ``kid``."""

    summary = "Qlik Cloud"
    product = "Qlik Cloud"
    algorithms = ("RS256",)
    key_id_required = True
    example = (
        "qsjwt create-qscloud --issuer https://idp.example.com --keyid my-key --subject anna --username Anna "
        "--useremail anna@example.com --useremail-verified true --expires 5m --key env:QLIK_PRIVATE_KEY"
    )
    administrators = ("api-key",)
    rules = (
        Rule("algorithm", "the algorithm is RS256", _SIGNED, checks.algorithm(algorithms)),
        Rule("kid", "the key ID (kid) is the identity provider's", _LOGIN, checks.key_id(), "401", option="--keyid"),
        _claim("iss", "the issuer (iss) is the identity provider's", checks.string("iss"), "401", "--issuer"),
        _claim("aud", f"the audience (aud) is {AUDIENCE}", checks.exactly("aud", AUDIENCE), "401"),
        _claim("sub", "the subject (sub), the user's lasting identifier, is a string", checks.string("sub")),
        _claim("subType", "the type of subject (subType) is user", checks.exactly("subType", "user")),
        Rule("name", "the user's name (name) is a string", _LOGIN, _listed("name", "--username")),
        Rule("email", "the email address (email) is a string", _LOGIN, _listed("email", "--useremail")),
        Rule("email_verified", "email_verified, if present, is true or false", _VERIFIED, _EMAIL_VERIFIED),
        Rule("groups", "groups, if present, is an array of strings", _LOGIN, _GROUPS),
        _claim("jti", "the token has an identifier (jti), to be used once", _identifier),
        _claim("iat", "the time of issue (iat) is a whole number of seconds", checks.time("iat")),
        _claim("nbf", "nbf is in the past", checks.time("nbf"), "401"),
        _claim("exp", "exp is in the future", checks.time("exp"), "401"),
        Rule("window", f"exp is at most {format_duration(WINDOW)} after nbf", _LOGIN, checks.window("nbf", WINDOW)),
        Rule("size", "a header has room for the token", _LIMIT, checks.size(8_000)),
        *registered_key(algorithms, _LOGIN, "401", certificate=_SIGNED),
    )

    def add_options(self, options: OptionGroup) -> None:
        """Add who the user is."""
        options.add("--subject", metavar="SUBJECT", help="sub, the user's lasting ID; default a random one")
        options.add("--username", metavar="NAME", help="user's name")
        options.add("--useremail", metavar="EMAIL", help="user's email address; needs --useremail-verified")
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
        options.add("--description", metavar="TEXT", advanced=True, help="its description", longest=MAX_DESCRIPTION)
        options.add(
            "--clock-tolerance",
            type=_clock_tolerance,
            metavar="SECONDS",
            help="how far clocks may differ, from 0 to 7200; Qlik's default is 5",
        )

    def build(self, request: TokenRequest, now: int) -> Token:
        """Return the token; ``exp`` is cut to Qlik's window if the clock skew alone would break it."""
        options = request.options
        if (options.useremail is None) != (options.useremail_verified is None):
            raise InputError("--useremail and --useremail-verified go together", hint="give both, or neither")
        times, remarks = fitted_time_claims(request, now, WINDOW, self.product)
        if options.subject is None and options.useremail_verified != "true":
            remarks.append(
                "without --subject and a verified email address each token creates another user in Qlik Cloud"
            )
        claims: dict[str, Any] = {
            "iss": options.issuer,
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

    def registration(self, request: TokenRequest, public: PublicKey) -> Mapping[str, Any]:
        """Return the body for ``POST /api/v1/identity-providers``; the PEM is on one line, as Qlik's form requires."""
        options = request.options
        if not checks.is_string(options.issuer):
            raise InputError("--issuer is missing, and an identity provider has one", hint="use that of the tokens")
        pem = public.certificate_pem or public.pem
        body: dict[str, Any] = {
            "provider": "external",
            "protocol": _PROTOCOL,
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
        if options.clock_tolerance is not None:
            body["clockToleranceSec"] = options.clock_tolerance
        return body

    def read_registration(self, entity: "JsonObject") -> "Registration":
        """Return what an identity provider says: ``GET /api/v1/identity-providers/{id}``."""
        from qsjwt.api import RegisteredKey, Registration  # for check alone

        if entity.text("protocol") != _PROTOCOL:
            raise InputError(
                f"{entity.source} is not a JWT identity provider: its 'protocol' is not '{_PROTOCOL}'",
                hint="export it with GET /api/v1/identity-providers/ID, or use what registration qscloud prints",
            )
        options = entity.object("options")
        keys = options.objects("staticKeys")
        return Registration(
            [RegisteredKey(key.required_text("pem"), key.required_text("kid")) for key in keys],
            {"iss": options.required_text("issuer")},
            rules=[] if entity.get("active") is not False else [_INACTIVE],
        )

    def present(self, presented: "Presentation") -> "Exchange":
        """See :mod:`qsjwt_platforms.qscloud_session`, which a token alone does not need."""
        from qsjwt_platforms import qscloud_session

        return qscloud_session.present(presented)

    def explanations(self) -> "Sequence[Explanation]":
        """Return what is known of refusals."""
        from qsjwt_platforms import qscloud_session

        return qscloud_session.EXPLANATIONS

    def register(self, request: TokenRequest, public: PublicKey, site: "Site") -> "Survey":
        """See :mod:`qsjwt_platforms.qscloud_administration`."""
        from qsjwt_platforms import qscloud_administration

        return qscloud_administration.register_provider(self.registration(request, public), site)

    def register_explanations(self) -> "Sequence[Explanation]":
        """Return what is known of the tenant's refusals."""
        from qsjwt_platforms import qscloud_administration

        return qscloud_administration.EXPLANATIONS


def _clock_tolerance(text: str) -> int:
    """Return the value of ``--clock-tolerance``: qlik.dev/apis/rest/identity-providers, clockToleranceSec."""
    if not (text.isascii() and text.isdigit()) or len(text) > 4 or int(text) > MAX_CLOCK_TOLERANCE:  # noqa: PLR2004
        raise InputError(f"{quoted(text)} (must be a whole number of seconds, from 0 to {MAX_CLOCK_TOLERANCE})")
    return int(text)


def _random() -> str:
    """Return 144 random bits: nobody will see the same twice."""
    return base64.urlsafe_b64encode(os.urandom(18)).decode("ascii")
