"""Client-managed Qlik Sense (QSEoW): a virtual proxy with JWT authentication."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from qsjwt.api import (
    REGISTERED_CLAIMS,
    Finding,
    InputError,
    OptionGroup,
    Options,
    Platform,
    PublicKey,
    Rule,
    Token,
    TokenRequest,
    quoted,
    rules,
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

_WHO: Final = "Qlik Sense"
_HELP: Final = "help.qlik.com, Sense admin, JWT authentication"
_SETUP: Final = "community.qlik.com, Qlik Support 1716226"
_TICKETS: Final = "help.qlik.com, Proxy Service API, Ticket: Add (said of tickets)"
_REPORTED: Final = "github.com/bintocher/qlik-sense-mcp, AUTH_JWT.md (a report)"
_QRS: Final = "github.com/Informatiqal/qlik-repo-api, interfaces.ts (a report)"
_REFUSED: Final = "401, as users report"

_ALGORITHM: Final = Rule("algorithm", "the algorithm is RS256, RS384 or RS512", _HELP)
_USER_ID: Final = Rule(
    "user-id", "the claim for the user ID has the name and the form that are needed", _SETUP, _REFUSED
)
_USER_DIRECTORY: Final = Rule(
    "user-directory", "the claim for the user directory has the name and the form that are needed", _SETUP, _REFUSED
)
_MAPPED: Final = {
    "username": Rule("username", "the claim for the user's name, if there is one, is a text or several", _HELP),
    "useremail": Rule("useremail", "the claim for the e-mail address, if there is one, is a text or several", _HELP),
    "groups": Rule("groups", "the claim for the groups, if there is one, is a text or several", _HELP),
}
"""Options whose claims reach Qlik only through a row of the attribute mapping."""

_ISS: Final = Rule("iss", "the issuer (iss), if there is one, is a text", _HELP)
_AUD: Final = Rule("aud", "the audience (aud) is that of the virtual proxy, if it has one", _QRS, option="--audience")
_IAT: Final = Rule("iat", "the time of issue (iat), if there is one, is not in the future", _REPORTED, _REFUSED)
_NBF: Final = Rule("nbf", "the token is valid already (nbf), if it says from when on", _HELP, _REFUSED)
_EXP: Final = Rule("exp", "the token has not expired (exp), if it ever does", _HELP, _REFUSED)
_SIGNATURE: Final = Rule(
    "signature",
    "the key of the virtual proxy's certificate made the signature",
    _SETUP,
    _REFUSED,
    option="--cert-publickey-file",
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
    f"{_SETUP}; RFC 5280, section 4.1.2.5",
    option="--cert-publickey-file",
)


class Qseow(Platform):
    """Qlik Sense Enterprise on Windows.

    Which claim holds the user ID and the user directory is what the virtual proxy's administrator typed; any
    further claim reaches Qlik only through a row of its attribute mapping.
    """

    summary = "client-managed Qlik Sense (QSEoW)"
    algorithms = ("RS256", "RS384", "RS512")
    claim_names = CLAIM_NAMES
    user_claims = _USERS
    example = "qsjwt create-qseow --userdir LAB --userid anna --expires 48h --key file:privatekey.pem"
    rules = (
        *(_ALGORITHM, _USER_ID, _USER_DIRECTORY, *_MAPPED.values(), _ISS, _AUD, _IAT, _NBF, _EXP),
        *(_SIGNATURE, _KEY, _CERTIFICATE),
    )

    def add_options(self, options: OptionGroup) -> None:
        """Add who the user is."""
        options.add("--userdir", required=True, metavar="DIRECTORY", help="user directory")
        options.add("--userid", required=True, metavar="ID", help="user ID")
        options.add("--username", metavar="NAME", help="user's name")
        options.add("--useremail", metavar="EMAIL", help="user's e-mail address")
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
            "userid": options.userid.strip() or options.userid,
            "userdir": options.userdir.strip() or options.userdir,
            "username": options.username,
            "useremail": options.useremail,
            "groups": options.groups,
        }
        claims = {names[option]: value for option, value in values.items() if value is not None}
        remarks = [
            f"blanks around the value of --{option} are left out"
            for option in _USERS
            if values[option] != options[option]
        ]
        claims |= self.expected(options)
        return Token({}, {**claims, **time_claims(request, now)}, remarks=remarks)

    def expected(self, options: Options) -> Mapping[str, Any]:
        """Return the issuer and the audience."""
        given = (("iss", options.issuer), ("aud", options.audience))
        return {claim: value for claim, value in given if value is not None}

    def check(self, token: Token, now: float) -> Iterable[Finding]:
        """Yield the rules that *token* breaks."""
        names = {**CLAIM_NAMES, **token.claim_names}
        claims = token.claims
        yield from rules.algorithm(_ALGORITHM, token, self.algorithms, _WHO)
        yield from _check_user(_USER_ID, "the user ID", claims, names, "userid")
        yield from _check_user(_USER_DIRECTORY, "the user directory", claims, names, "userdir")
        for option, rule in _MAPPED.items():
            yield from rules.attribute(rule, claims, names[option], _WHO)
            yield from _check_name(rule, claims, names, option)
        if "iss" in claims:
            yield from rules.text(_ISS, claims, "iss", _WHO)
        yield from _check_audience(claims)
        for rule in (_NBF, _EXP):
            yield from rules.time(rule, claims, rule.name, now, _WHO, required=False, whole=False)
        yield from _check_issue(claims, now)

    def registration(self, request: TokenRequest, public: PublicKey) -> Mapping[str, Any]:
        """Return the body for ``POST /qrs/virtualproxyconfig``; a row maps each attribute that the options name.

        If they name none, there is a row for each of name, e-mail and groups.
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


def _check_user(
    rule: Rule, title: str, claims: Mapping[str, Any], names: Mapping[str, str], option: str
) -> Iterator[Finding]:
    name = names[option]
    value = claims.get(name)
    if isinstance(value, str) and "\\" in value:
        yield Finding(
            rule.name,
            f"{title} (claim {quoted(name)}) has a backslash in it, {quoted(value)}, and {_WHO} takes none there",
            "give the directory with --userdir and the user with --userid",
            _TICKETS,
        )
    else:
        hint = f"if the virtual proxy has another name for it, say --{option}-claim NAME"
        yield from rules.text(rule, claims, name, _WHO, hint="" if name in claims else hint, title=title)


def _check_name(rule: Rule, claims: Mapping[str, Any], names: Mapping[str, str], option: str) -> Iterator[Finding]:
    """Names are free, so one that is nearly the expected one may be meant; only the virtual proxy knows."""
    name = names[option]
    if name in claims:
        return
    usual = CLAIM_NAMES[option]
    other = rules.similar(claims, name) or rules.similar(claims, f"{usual}s") or rules.similar(claims, usual)
    if other is not None and other not in names.values():
        yield rule.unknown(
            f"there is a claim {quoted(other)} and no {quoted(name)}, and a virtual proxy maps the very name it has",
            f"if it is told that one, use --{option}-claim {quoted(other)}",
        )


def _check_audience(claims: Mapping[str, Any]) -> Iterator[Finding]:
    if "aud" not in claims:
        return
    value = claims["aud"]
    if not all(map(rules.is_text, value if isinstance(value, list) and value else [value])):
        yield _AUD.broken("the claim 'aud' is empty, or neither a text nor a list of texts (RFC 7519, section 4.1.3)")


def _check_issue(claims: Mapping[str, Any], now: float) -> Iterator[Finding]:
    sound = yield from rules.number(_IAT, claims, "iat", _WHO, required=False, whole=False)
    if sound and "iat" in claims and claims["iat"] > now:
        yield _IAT.broken("the token was issued in the future (iat)", "set the clock, or use a larger --clock-skew")
