"""Qlik NPrinting: JWT authentication of its API."""

from collections.abc import Iterable, Mapping
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
    checks,
    registered_key,
    time_claims,
)

if TYPE_CHECKING:
    from qsjwt.api import JsonObject, Registration

CLAIM_NAMES: Final = {"useremail": "email", "domain": "domain", "username": "name"}
"""Option to the claim that carries it, unless ``--OPTION-claim`` says another name."""

_FIELDS: Final = {"useremail": "emailAttribute", "domain": "domainAttribute", "username": "nameAttribute"}
_LIMIT: Final = "help.qlik.com, Repository Service API, proxy service: maxHeaderLineBytes 8192 (said of Qlik Sense)"
_HELP: Final = "help.qlik.com, NPrinting, JWT authentication"
_WAYS: Final = "a user is known by email address, or by domain and name"


def _lacking(case: Case) -> list[str]:
    """Return the options whose claims are to blame if the token names no user: what is misspelled, or half a pair."""
    there = [option for option in CLAIM_NAMES if case.name(option) in case.claims]
    if "useremail" in there or {"domain", "username"} <= {*there}:
        return []
    rest = [option for option in CLAIM_NAMES if option not in there]
    misspelled = [option for option in rest if checks.similar(case.claims, case.name(option))]
    return misspelled or [option for option in rest if there and option != "useremail"]


@checks.reading()
def _user(case: Case) -> Iterable[Problem]:
    if any(case.name(option) in case.claims for option in CLAIM_NAMES) or _lacking(case):
        return ()
    if case.registered:
        option = next(option for option in CLAIM_NAMES if case.name(option))
        return checks.lacking(case, option, others=[CLAIM_NAMES[option]])
    hint = checks.lacking(case, "useremail")[0].hint
    return [Broken(f"the token names no user: {_WAYS}", f"{hint}, or --domain-claim and --username-claim")]


def _known_by(case: Case) -> str:
    return f"the user is known by {'email address' if case.name('useremail') in case.claims else 'domain and name'}"


def _part(option: str) -> Check:
    """Check that the claim is a string, if present, and present, if the user is not known without."""

    @checks.reading()
    def check(case: Case) -> Iterable[Problem]:
        return checks.lacking(case, option) if option in _lacking(case) else ()

    return checks.in_turn(checks.string(option, required=False), check)


class Nprinting(Platform):
    """Qlik NPrinting; its administrator chose whether it knows users by email address or by domain and name."""

    summary = "Qlik NPrinting"
    product = "NPrinting"
    algorithms = ("RS256", "RS384", "RS512")
    claim_names = CLAIM_NAMES
    example = "qsjwt create-nprinting --useremail anna@example.com --expires 60m --key file:privatekey.pem"
    rules = (
        Rule("algorithm", "the algorithm is RS256, RS384 or RS512", _HELP, checks.algorithm(algorithms)),
        Rule("user", _WAYS, _HELP, _user, fact=_known_by),
        Rule("email", "the claim for the email address, if present, is a string", _HELP, _part("useremail")),
        Rule("domain", "the claim for the domain, if present, is a string", _HELP, _part("domain")),
        Rule("name", "the claim for the user's name, if present, is a string", _HELP, _part("username")),
        Rule("nbf", "nbf, if present, is in the past", _HELP, checks.time("nbf", required=False, whole=False)),
        Rule("exp", "exp, if present, is in the future", _HELP, checks.time("exp", required=False, whole=False)),
        Rule("size", "a header has room for the token", _LIMIT, checks.size(8_000)),
        *registered_key(algorithms, _HELP, certificate=_HELP),
    )

    def add_options(self, options: OptionGroup) -> None:
        """Add who the user is."""
        options.add("--useremail", metavar="EMAIL", help="user's email address, or:")
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

    def registration(self, request: TokenRequest, public: PublicKey) -> Mapping[str, Any]:
        """Return the values for the form; users are matched by email address unless options speak of the domain."""
        options, names = request.options, request.claim_names
        _require_pair(options)
        renamed = {option for option in CLAIM_NAMES if names[option] != CLAIM_NAMES[option]}
        by_domain = options.useremail is None and (options.domain is not None or renamed == {"domain", "username"})
        fields: dict[str, Any] = {"jwtEnabled": True, "certificate": public.require_certificate_pem(self.product)}
        if not by_domain:
            return {**fields, "matchUsersBy": "email", _FIELDS["useremail"]: names["useremail"]}
        pair = {_FIELDS[option]: names[option] for option in ("domain", "username")}
        return {**fields, "matchUsersBy": "domain\\name", **pair}

    def read_registration(self, entity: "JsonObject") -> "Registration":
        """Return what the form says, as :meth:`registration` prints it; NPrinting itself exports nothing."""
        from qsjwt.api import RegisteredKey, Registration  # for check alone

        fields = {option: entity.text(field) for option, field in _FIELDS.items()}
        if not fields["useremail"] and not (fields["domain"] and fields["username"]):
            raise InputError(
                f"{entity.source} has neither 'emailAttribute' nor 'domainAttribute' and 'nameAttribute'",
                hint="use what registration nprinting prints",
            )
        return Registration([RegisteredKey(entity.required_text("certificate"))], claim_names=fields)


def _require_pair(options: Mapping[str, Any]) -> None:
    if (options["domain"] is None) != (options["username"] is None):
        raise InputError("--domain and --username go together", hint="give both, or --useremail")
