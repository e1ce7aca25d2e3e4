"""The virtual proxy of client-managed Qlik Sense: what is registered, and how it is read again."""

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from qsjwt.api import REGISTERED_CLAIMS, Case, InputError, Missing, Problem, PublicKey, Rule, TokenRequest, quoted

if TYPE_CHECKING:
    from qsjwt.api import JsonObject, Registration

CLAIM_NAMES: Final = {
    "userid": "userId",
    "userdir": "userDirectory",
    "username": "name",
    "useremail": "email",
    "groups": "group",
}
"""Option to the claim that carries it, unless ``--OPTION-claim`` says another name; also what Qlik calls it."""

USERS: Final = ("userid", "userdir")
"""Options whose claims say who the user is."""

_JWT: Final = 4
"""``authenticationMethod`` of a virtual proxy that takes tokens."""

# The definition VirtualProxyConfig of the Repository Service API, 38.22.0; the names are those of claims and audience.
MAX_PREFIX: Final = 100
MAX_DESCRIPTION: Final = 500
MAX_NAME: Final = 255
MAX_CERTIFICATE: Final = 100_000

_PREFIX: Final = re.compile(r"(?!\.+$)[a-z0-9._~-]+", re.ASCII)
"""help.qlik.com, Sense admin, Creating a virtual proxy."""

_HOST: Final = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?", re.ASCII)

_MAPPED: Final = ("username", "useremail", "groups")
"""Options whose claims reach Qlik only through a row of the attribute mapping."""

_HELP: Final = "help.qlik.com, Sense admin, JWT authentication"
_REFUSED: Final = "401, as users report"


def node_id(text: str) -> str:
    """Return the ID of a node, the value of ``--node-id``, as Qlik writes it: a UUID, here also in braces.

    :raises InputError: if it is none.
    """
    import uuid  # 2 ms that a token does not pay

    try:
        return str(uuid.UUID(text))
    except ValueError:
        hint = "GET /qrs/servernodeconfiguration tells the IDs, such as 8d4f1a8e-7d4c-4a53-8e9f-9e1d6a3c2b10"
        raise InputError(f"{quoted(text)} (must be a UUID)", hint=hint) from None


def virtual_proxy(request: TokenRequest, public: PublicKey) -> Mapping[str, Any]:
    """Return the body for ``POST /qrs/virtualproxyconfig``; a row maps each attribute that the options name.

    If they name none, there is a row for each of name, email address and groups.
    """
    options, names = request.options, request.claim_names
    if not _PREFIX.fullmatch(options.prefix):
        raise InputError(
            f"--prefix {quoted(options.prefix)}: a prefix is made of a to z, 0 to 9 and - . _ ~",
            hint="leave out the slashes, and use small letters",
        )
    for option in USERS:
        if len(names[option]) > MAX_NAME:
            raise InputError(f"--{option}-claim has {len(names[option])} characters (must have at most {MAX_NAME})")
    for host in options.allowed_host or ():
        if not _HOST.fullmatch(host):
            raise InputError(
                f"--allowed-host {quoted(host)} is not the name of a host",
                hint="write the name alone: no https://, no port, no path, no IP address",
            )
    if options.audience is not None and not options.audience.strip():
        raise InputError("--audience is empty", hint="leave it out if the virtual proxy has none")
    certificate = public.require_certificate_pem("a virtual proxy")
    if len(certificate) > MAX_CERTIFICATE:
        raise InputError(f"the certificate has {len(certificate)} characters (must have at most {MAX_CERTIFICATE})")
    mapped = _attributes(request)
    body: dict[str, Any] = {
        "prefix": options.prefix,
        "description": options.description or f"JWT {options.prefix}",
        "defaultVirtualProxy": False,
        "sessionCookieHeaderName": f"X-Qlik-Session-{options.prefix}",
        "authenticationMethod": _JWT,
        "headerAuthenticationMode": 0,
        "anonymousAccessMode": 0,
        "windowsAuthenticationEnabledDevicePattern": "Windows",
        "sessionInactivityTimeout": 30,
        "jwtPublicKeyCertificate": certificate,
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


def read_virtual_proxy(entity: "JsonObject") -> "Registration":
    """Return what a virtual proxy says: ``GET /qrs/virtualproxyconfig/{id}``.

    :raises InputError: if it is no virtual proxy with JWT authentication.
    """
    from qsjwt.api import RegisteredKey, Registration  # for check alone

    if entity.get("authenticationMethod") != _JWT:
        raise InputError(
            f"{entity.source} is not a virtual proxy with JWT authentication: its 'authenticationMethod' is not {_JWT}",
            hint="export it with GET /qrs/virtualproxyconfig/ID, or use what registration qseow prints",
        )
    rows = entity.objects("jwtAttributeMap")
    mapped = {row.required_text("senseAttribute"): row.required_text("jwtAttribute") for row in rows}
    names = {
        "userid": entity.required_text("jwtAttributeUserId"),
        "userdir": entity.required_text("jwtAttributeUserDirectory"),
        **{option: mapped.get(CLAIM_NAMES[option], "") for option in _MAPPED},
    }
    audience = entity.text("jwtAudience")
    mandatory = [row.required_text("jwtAttribute") for row in rows if row.get("isMandatory") is True]
    return Registration(
        [RegisteredKey(entity.required_text("jwtPublicKeyCertificate"))],
        {"aud": audience} if audience else {},
        names,
        [_mandatory(mandatory)] if mandatory else [],
    )


def _mandatory(claims: list[str]) -> Rule:
    """Return the rule of the claims whose rows in the attribute mapping are marked as mandatory."""

    def check(case: Case) -> Iterable[Problem]:
        hint = "add it with --claim or its own option, or make its row in the attribute mapping optional"
        return [
            Missing(f"the claim {quoted(claim)} is missing, and the virtual proxy maps it as mandatory", hint)
            for claim in claims
            if claim not in case.claims
        ]

    return Rule("mandatory", "the claims that the virtual proxy maps as mandatory are there", _HELP, check, _REFUSED)


def _attributes(request: TokenRequest) -> dict[str, str]:
    """Return the rows of the attribute mapping: claim to attribute.

    :raises InputError: if two claims would become the same attribute.
    """
    names = request.claim_names
    chosen = [option for option in _MAPPED if request.options[option] is not None] or _MAPPED
    users = [names[option] for option in USERS]
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
