"""Qlik Cloud OAuth: how a client assertion becomes an access token, and what its refusals mean."""

from typing import Final
from urllib.parse import urlencode

from qsjwt.api import Exchange, Explanation, Presentation, Request, Session

_PAGE: Final = "qlik.dev/authenticate/oauth/oauth-private-key-jwt-reference"
_DEFINITION: Final = "qlik.dev/apis/rest/oauth"
_LIMITS: Final = "qlik.dev, rate limiting"
_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_KEY: Final = "register the JWK that registration qscloud-oauth prints with the client, and create tokens with its kid"
_CLIENT: Final = "look at --client-id, and whether the client's method is Private Key JWT and its consent Trusted"

EXPLANATIONS: Final = (
    Explanation(
        0,
        "no public key of the client has the token's key ID and made its signature",
        _KEY,
        _PAGE,
        text="signature validation failed",
    ),
    Explanation(0, "aud is not /oauth/token of this tenant", "use --tenant", _PAGE, text="invalid audience"),
    Explanation(0, "the tenant does not know the client", _CLIENT, _PAGE, text="invalid_client"),
    Explanation(0, "the client may not use this grant", _CLIENT, _PAGE, text="unauthorized_client"),
    Explanation(
        0,
        "the client does not authenticate by private_key_jwt",
        _CLIENT,
        _PAGE,
        text="unsupported_client_assertion_type",
    ),
    *(
        Explanation(
            status,
            "the tenant has given an access token, but does not tell whose it is",
            "let the client have the scope user_default",
            "qlik.dev, Manage OAuth tokens",
            path="/api/v1/",
            token=False,
        )
        for status in (401, 403)
    ),
    Explanation(400, "the request lacks something, or the client may not make it", _CLIENT, _DEFINITION),
    Explanation(
        401,
        "no public key of the client has the token's key ID and made its signature",
        _KEY,
        _PAGE,
        rules=("kid", "signature"),
    ),
    Explanation(401, "the tenant does not know the client", _CLIENT, _PAGE, rules=("iss", "sub")),
    Explanation(401, "aud is not /oauth/token of this tenant", "use --tenant", _PAGE, rules=("aud",)),
    Explanation(401, "the token was used before: its jti is good for once", "create another one", _PAGE),
    Explanation(
        401,
        "the clocks differ, or the token has expired",
        "set this machine's clock, and create another token",
        _PAGE,
        rules=("iat", "exp"),
    ),
    Explanation(
        403,
        "the client is disabled, its consent is not Trusted, or it has as many access tokens as it may",
        "look at the client in the administration console, OAuth",
        _DEFINITION,
    ),
    Explanation(
        429, "too many access tokens are asked for", "keep one until it expires", _LIMITS, code="HTTP-429", token=False
    ),
)


def present(presented: Presentation) -> Exchange:
    """Get an access token for the client, and ask who that is."""
    form = {
        "grant_type": "client_credentials",
        "client_id": str(presented.claims.get("sub", "")),
        "client_assertion_type": _ASSERTION,
        "client_assertion": presented.token,
        "scope": "user_default",
    }
    answer = yield Request(
        "POST",
        f"{presented.url}/oauth/token",
        {"Content-Type": "application/x-www-form-urlencoded"},
        urlencode(form).encode("ascii"),
    )
    granted = answer.expect_object(200, member="access_token")
    seconds = granted.get("expires_in")
    bearer = {"Authorization": f"Bearer {granted['access_token']}"}
    user = (yield Request("GET", f"{presented.url}/api/v1/users/me", bearer)).expect_object(200)
    return Session(
        {name: user[name] for name in ("clientId", "id", "subject", "name", "status") if name in user},
        {"clientId": "sub"},
        headers=bearer,
        lifetime=seconds if isinstance(seconds, int) else None,
    )
