"""Qlik Cloud OAuth: the client assertion of private_key_jwt (RFC 7523, section 2.2) for ``POST /oauth/token``."""

import json
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from qsjwt.api import (
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
    fitted_time_claims,
    format_duration,
    quoted,
    registered_key,
)

if TYPE_CHECKING:
    from qsjwt.api import Exchange, Explanation, JsonObject, Presentation, Registration, Site, Survey

MAX_CLIENT_NAME: Final = 512
"""Characters of an OAuth client's name: qlik.dev/apis/rest/oauth-clients."""

_CLIENT_FORM: Final = "client"
WINDOW: Final = 300
"""Seconds that exp may lie after iat."""

_TENANT: Final = re.compile(r"https://(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*", re.ASCII)
_ENDPOINT: Final = "/oauth/token"
_PAGE: Final = "qlik.dev/authenticate/oauth/oauth-private-key-jwt-reference"
_CLIENT: Final = "invalid client"


def _endpoint(tenant: str) -> str:
    """Return the token endpoint of a tenant, the value of ``--tenant``."""
    address = tenant.removesuffix("/").lower()
    if not _TENANT.fullmatch(address):
        raise InputError(
            f"{quoted(tenant)} is not the address of a tenant",
            hint="write https://TENANT.REGION.qlikcloud.com and no more: no path, no port",
        )
    return f"{address}{_ENDPOINT}"


def _like_the_issuer(case: Case) -> Iterable[Problem]:
    if not checks.is_string(case.claims.get("iss")) or case.claims["sub"] == case.claims["iss"]:
        return ()
    return [Broken("the claims iss and sub differ, and both are the client ID")]


def _of_a_tenant(case: Case) -> Iterable[Problem]:
    audience = case.claims["aud"]
    tenant, end, rest = audience.partition(_ENDPOINT)
    if _TENANT.fullmatch(tenant) and end and not rest:
        return ()
    return [Broken(f"the claim 'aud' must be https://TENANT{_ENDPOINT}, not {quoted(audience)}")]


def _uuid(case: Case) -> Iterable[Problem]:
    try:
        uuid.UUID(case.claims["jti"])
    except ValueError:
        return [
            Unknown("the claim 'jti' is not a UUID, as Qlik asks for, but nothing says that it is refused for that")
        ]
    return ()


_SUBJECT: Final = checks.in_turn(checks.string("sub"), _like_the_issuer)
_AUDIENCE: Final = checks.in_turn(checks.string("aud"), _of_a_tenant)
_IDENTIFIER: Final = checks.in_turn(checks.string("jti"), _uuid)


class QscloudOauth(Platform):
    """An OAuth client of Qlik Cloud that proves who it is by a token of its own; the key is found by ``kid``."""

    summary = "Qlik Cloud OAuth"
    product = "Qlik Cloud"
    algorithms = ("RS256", "RS512", "ES384")
    key_id_required = True
    example = (
        "qsjwt create-qscloud-oauth --client-id 0123456789abcdef --tenant https://mytenant.eu.qlikcloud.com "
        "--keyid thumbprint --expires 5m --key file:privatekey.pem"
    )
    administrators = ("api-key",)
    registration_forms = ("jwk", _CLIENT_FORM)
    rules = (
        Rule("algorithm", "the algorithm is RS256, RS512 or ES384", _PAGE, checks.algorithm(algorithms)),
        Rule("kid", "the key ID (kid) is that of the registered key", _PAGE, checks.key_id(), option="--keyid"),
        Rule("iss", "the issuer (iss) is the client ID", _PAGE, checks.string("iss"), _CLIENT, option="--client-id"),
        Rule("sub", "the subject (sub) is the client ID, too", _PAGE, _SUBJECT, _CLIENT, option="--client-id"),
        Rule("aud", "aud is /oauth/token of the tenant", _PAGE, _AUDIENCE, "invalid audience", option="--tenant"),
        Rule("jti", "the token has an identifier (jti), a UUID to be used once", _PAGE, _IDENTIFIER),
        Rule("iat", "iat is a whole number of seconds, and in the past", _PAGE, checks.time("iat")),
        Rule("exp", "exp is in the future", _PAGE, checks.time("exp")),
        Rule("window", f"exp is at most {format_duration(WINDOW)} after iat", _PAGE, checks.window("iat", WINDOW)),
        Rule("nbf", "there is no nbf", _PAGE, checks.absent("nbf")),
        Rule("groups", "there are no groups", _PAGE, checks.absent("groups")),
        *registered_key(algorithms, _PAGE, "signature validation failed"),
    )

    def add_options(self, options: OptionGroup) -> None:
        """Add nothing: the token is for the client itself."""

    def add_shared_options(self, options: OptionGroup) -> None:
        """Add the client and its tenant."""
        options.add("--client-id", required=True, metavar="ID", help="client ID of the OAuth client: iss and sub")
        options.add(
            "--tenant",
            type=_endpoint,
            required=True,
            metavar="URL",
            help="https://TENANT.REGION.qlikcloud.com; aud is its /oauth/token",
        )

    def add_registration_options(self, options: OptionGroup) -> None:
        """Add the name of the client."""
        options.add(
            "--client-name",
            default="qsjwt",
            longest=MAX_CLIENT_NAME,
            metavar="NAME",
            help="name of the OAuth client, if there is none with --client-id; default %(default)s",
        )

    def build(self, request: TokenRequest, now: int) -> Token:
        """Return the token; ``exp`` is cut to the window if the clock skew alone would break it."""
        client, endpoint = request.options.client_id, request.options.tenant
        times, remarks = fitted_time_claims(request, now, WINDOW, self.product)
        del times["nbf"]
        claims = {"iss": client, "sub": client, "aud": endpoint, "jti": str(uuid.uuid4()), **times}
        return Token({}, claims, remarks=remarks)

    def registration(self, request: TokenRequest, public: PublicKey) -> Mapping[str, Any]:
        """Return the JWK (RFC 7517) for the OAuth client, with all members that Qlik wants, or the whole client."""
        if request.options.get("format") == _CLIENT_FORM:
            return self._client(request, public)
        return self._key(request, public)

    @staticmethod
    def _key(request: TokenRequest, public: PublicKey) -> Mapping[str, Any]:
        return {"kid": request.key_id, "alg": request.algorithm, "use": "sig", **public.members}

    def read_registration(self, entity: "JsonObject") -> "Registration":
        """Return what an OAuth client says, ``GET /api/v1/oauth-clients/{id}``, or its JWK alone."""
        from qsjwt.api import RegisteredKey, Registration  # for check alone

        keys = [entity] if "kty" in entity else entity.objects("publicKeys")
        if not keys:
            raise InputError(
                f"{entity.source} is neither an OAuth client with 'publicKeys' nor a JWK",
                hint="export it with GET /api/v1/oauth-clients/ID, or use what registration qscloud-oauth prints",
            )
        client = entity.text("clientId")
        claims = {"iss": client, "sub": client} if client else {}
        return Registration([RegisteredKey(json.dumps(dict(key))) for key in keys], claims)

    def audience_at(self, url: str) -> str:
        """Return the address of the tenant's tokens."""
        return f"{url}{_ENDPOINT}"

    def present(self, presented: "Presentation") -> "Exchange":
        """See :mod:`qsjwt_platforms.qscloud_oauth_session`, which a token alone does not need."""
        from qsjwt_platforms import qscloud_oauth_session

        return qscloud_oauth_session.present(presented)

    def explanations(self) -> "Sequence[Explanation]":
        """Return what is known of refusals."""
        from qsjwt_platforms import qscloud_oauth_session

        return qscloud_oauth_session.EXPLANATIONS

    def _client(self, request: TokenRequest, public: PublicKey) -> Mapping[str, Any]:
        """Return the body for ``POST /api/v1/oauth-clients``: a client that acts for itself, with this key."""
        return {
            "appType": "web",
            "clientName": request.options.client_name,
            "publicKeys": [self._key(request, public)],
            "allowedAuthMethods": ["private_key_jwt"],
            "allowedGrantTypes": ["client_credentials"],
            "allowedScopes": ["user_default"],
            "connectionConfig": {"consentMethod": "trusted"},
        }

    def register(self, request: TokenRequest, public: PublicKey, site: "Site") -> "Survey":
        """See :mod:`qsjwt_platforms.qscloud_administration`."""
        from qsjwt_platforms import qscloud_administration

        return qscloud_administration.register_client(self._client(request, public), request.options.client_id, site)

    def register_explanations(self) -> "Sequence[Explanation]":
        """Return what is known of the tenant's refusals."""
        from qsjwt_platforms import qscloud_administration

        return qscloud_administration.EXPLANATIONS
