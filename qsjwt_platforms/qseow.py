"""Client-managed Qlik Sense (QSEoW): a virtual proxy with JWT authentication."""

import functools
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from qsjwt.api import (
    REGISTERED_CLAIMS,
    Broken,
    Case,
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
    quoted,
    registered_key,
    time_claims,
)

CLAIM_NAMES: Final = {
    "userid": "userId",
    "userdir": "userDirectory",
    "username": "name",
    "useremail": "email",
    "groups": "group",
}
"""Option to the claim that carries it, unless ``--OPTION-claim`` says another name; also what Qlik calls it."""

_USERS: Final = ("userid", "userdir")
"""Options whose claims say who the user is."""

_PREFIX: Final = re.compile(r"(?!\.+$)[a-z0-9._~-]+", re.ASCII)
"""help.qlik.com, Sense admin, Creating a virtual proxy."""

_HOST: Final = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?", re.ASCII)

_MAPPED: Final = ("username", "useremail", "groups")
"""Options whose claims reach Qlik only through a row of the attribute mapping."""

_HELP: Final = "help.qlik.com, Sense admin, JWT authentication"
_SETUP: Final = "community.qlik.com, Qlik Support 1716226"
_TICKETS: Final = "help.qlik.com, Proxy Service API, Ticket: Add (said of tickets)"
_REPORTED: Final = "github.com/bintocher/qlik-sense-mcp, AUTH_JWT.md (a report)"
_QRS: Final = "github.com/Informatiqal/qlik-repo-api, interfaces.ts (a report)"
_REFUSED: Final = "401, as users report"

_time: Final = functools.partial(checks.time, required=False, whole=False)


def _user(name: str, option: str, title: str) -> Rule:
    """Return the rule of a claim that says who the user is: a string that does not name the directory as well."""

    def check(case: Case) -> Iterable[Problem]:
        claim = case.name(option)
        value = case.claims[claim]
        if "\\" not in value:
            return ()
        message = f"{title} (claim {quoted(claim)}) must not contain a backslash, as {quoted(value)} does"
        return [Broken(message, "give the directory with --userdir and the user with --userid", "", _TICKETS)]

    requirement = f"the claim for {title} has the required name and form"
    return Rule(name, requirement, _SETUP, checks.in_turn(checks.string(option, title=title), check), _REFUSED)


def _attribute(option: str, title: str) -> Rule:
    """Return the rule of a claim that reaches Qlik only if the virtual proxy maps it.

    Names are free, so one that is nearly the expected one may be the right one: only the virtual proxy knows.
    """

    def check(case: Case) -> Iterable[Problem]:
        name, usual = case.name(option), CLAIM_NAMES[option]
        if name in case.claims:
            return ()
        other = (
            checks.similar(case.claims, name)
            or checks.similar(case.claims, f"{usual}s")
            or checks.similar(case.claims, usual)
        )
        if other is None or other in case.names.values():
            return ()
        message = f"there is a claim {quoted(other)} but no {quoted(name)}, and a virtual proxy maps names exactly"
        return [Unknown(message, f"if it maps {quoted(other)}, use --{option}-claim {quoted(other)}")]

    requirement = f"the claim for {title}, if present, is a string or an array of strings"
    return Rule(option, requirement, _HELP, checks.in_turn(checks.string_or_strings(option, required=False), check))


def _not_empty(case: Case) -> Iterable[Problem]:
    return [Broken("the claim 'aud' is an empty array")] if case.claims.get("aud") == [] else ()


_AUDIENCE: Final = checks.in_turn(checks.string_or_strings("aud", required=False), _not_empty)


class Qseow(Platform):
    """Qlik Sense Enterprise on Windows.

    Which claim holds the user ID and the user directory is what the virtual proxy's administrator typed; any
    further claim reaches Qlik only through a row of its attribute mapping.
    """

    summary = "client-managed Qlik Sense (QSEoW)"
    product = "Qlik Sense"
    algorithms = ("RS256", "RS384", "RS512")
    claim_names = CLAIM_NAMES
    user_claims = _USERS
    example = "qsjwt create-qseow --userdir LAB --userid anna --expires 48h --key file:privatekey.pem"
    rules = (
        Rule("algorithm", "the algorithm is RS256, RS384 or RS512", _HELP, checks.algorithm(algorithms)),
        _user("user-id", "userid", "the user ID"),
        _user("user-directory", "userdir", "the user directory"),
        _attribute("username", "the user's name"),
        _attribute("useremail", "the email address"),
        _attribute("groups", "the groups"),
        Rule("iss", "the issuer (iss), if present, is a string", _HELP, checks.string("iss", required=False)),
        Rule("aud", "the audience (aud) is that of the virtual proxy, if any", _QRS, _AUDIENCE, option="--audience"),
        Rule("iat", "iat, if present, is in the past", _REPORTED, _time("iat", past=True), _REFUSED),
        Rule("nbf", "nbf, if present, is in the past", _HELP, _time("nbf"), _REFUSED),
        Rule("exp", "exp, if present, is in the future", _HELP, _time("exp"), _REFUSED),
        *registered_key(algorithms, _SETUP, _REFUSED, certificate=_SETUP),
    )

    def add_options(self, options: OptionGroup) -> None:
        """Add who the user is."""
        options.add("--userdir", required=True, metavar="DIRECTORY", help="user directory")
        options.add("--userid", required=True, metavar="ID", help="user ID")
        options.add("--username", metavar="NAME", help="user's name")
        options.add("--useremail", metavar="EMAIL", help="user's email address")
        options.add("--groups", nargs="+", action="extend", metavar="GROUP", help="groups of the user; repeatable")

    def add_shared_options(self, options: OptionGroup) -> None:
        """Add the audience that the virtual proxy wants, and an issuer."""
        options.add("--audience", metavar="AUDIENCE", help="aud, if the virtual proxy has one")
        options.add("--issuer", metavar="ISSUER", help="iss")

    def add_registration_options(self, options: OptionGroup) -> None:
        """Add what a virtual proxy has beside the key and the claims' names."""
        options.add("--prefix", default="jwt", metavar="PREFIX", help="path of the virtual proxy; default %(default)s")
        options.add("--description", metavar="TEXT", help="its description; default: JWT and the prefix")
        options.add(
            "--node-id",
            action="append",
            metavar="ID",
            help="engine node that it balances load to, without one it answers 500; repeatable",
        )
        options.add(
            "--allowed-host", action="append", metavar="HOST", help="name that clients may call it by; repeatable"
        )

    def build(self, request: TokenRequest, now: int) -> Token:
        """Return the token; each claim has the name that the options give it."""
        options, names = request.options, request.claim_names
        values = {
            "userid": options.userid,
            "userdir": options.userdir,
            "username": options.username,
            "useremail": options.useremail,
            "groups": options.groups,
        }
        claims = {names[option]: value for option, value in values.items() if value is not None}
        given = {"iss": options.issuer, "aud": options.audience}
        claims |= {name: value for name, value in given.items() if value is not None}
        return Token({}, {**claims, **time_claims(request, now)})

    def registration(self, request: TokenRequest, public: PublicKey) -> Mapping[str, Any]:
        """Return the body for ``POST /qrs/virtualproxyconfig``; a row maps each attribute that the options name.

        If they name none, there is a row for each of name, email address and groups.
        """
        options, names = request.options, request.claim_names
        if not _PREFIX.fullmatch(options.prefix):
            raise InputError(
                f"--prefix {quoted(options.prefix)}: a prefix is made of a to z, 0 to 9 and - . _ ~",
                hint="leave out the slashes, and use small letters",
            )
        for node in options.node_id or ():
            if not node.strip():
                raise InputError("--node-id is empty", hint="GET /qrs/servernodeconfiguration tells the IDs")
        for host in options.allowed_host or ():
            if not _HOST.fullmatch(host):
                raise InputError(
                    f"--allowed-host {quoted(host)} is not the name of a host",
                    hint="write the name alone: no https://, no port, no path, no IP address",
                )
        if options.audience is not None and not options.audience.strip():
            raise InputError("--audience is empty", hint="leave it out if the virtual proxy has none")
        mapped = _attributes(request)
        body: dict[str, Any] = {
            "prefix": options.prefix,
            "description": options.description or f"JWT {options.prefix}",
            "sessionCookieHeaderName": f"X-Qlik-Session-{options.prefix}",
            "authenticationMethod": 4,
            "headerAuthenticationMode": 0,
            "anonymousAccessMode": 0,
            "windowsAuthenticationEnabledDevicePattern": "Windows",
            "sessionInactivityTimeout": 30,
            "jwtPublicKeyCertificate": public.require_certificate_pem("a virtual proxy"),
            "jwtAttributeUserId": names["userid"],
            "jwtAttributeUserDirectory": names["userdir"],
            "jwtAttributeMap": [
                {"jwtAttribute": claim, "senseAttribute": attribute, "isMandatory": False}
                for claim, attribute in mapped.items()
            ],
            "loadBalancingServerNodes": [{"id": node} for node in options.node_id or ()],
            "websocketCrossOriginWhiteList": list(options.allowed_host or ()),
        }
        if options.audience is not None:
            body["jwtAudience"] = options.audience
        return body


def _attributes(request: TokenRequest) -> dict[str, str]:
    """Return the rows of the attribute mapping: claim to attribute.

    :raises InputError: if two claims would become the same attribute.
    """
    names = request.claim_names
    chosen = [option for option in _MAPPED if request.options[option] is not None] or _MAPPED
    users = [names[option] for option in _USERS]
    mapped = {names[option]: CLAIM_NAMES[option] for option in chosen if names[option] not in users}
    for claim in request.claims:
        if claim in mapped.values() and claim not in mapped:
            raise InputError(
                f"the claim {quoted(claim)} would become the attribute {quoted(claim)}, which another claim is already",
                hint="give the claim another name",
            )
        if claim not in (*REGISTERED_CLAIMS, *users):
            mapped.setdefault(claim, claim)
    return mapped
