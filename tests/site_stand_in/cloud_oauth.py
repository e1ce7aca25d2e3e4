"""Qlik Cloud: a client assertion becomes an access token (``/oauth/token``, private_key_jwt)."""

import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from tests.site_stand_in.messages import Answer, Request, Route, Unreadable
from tests.site_stand_in.tenant import Tenant, User
from tests.site_stand_in.verification import (
    Refused,
    Unverified,
    check_times,
    iso,
    public_key_of_jwk,
    read,
    seconds,
    verify,
)

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS = ("RS256", "RS512", "ES384")
MAX_LIFETIME_SECONDS = 300
EXPIRES_IN_SECONDS = 21600


class OAuth:
    """Gives access tokens to OAuth clients of *tenant*.

    :ivar manner: how the answer looks: Qlik's pages differ, so a client must read ``tutorial`` (Bearer, expires_in),
        ``guide`` (bearer, expires_at and expires_in) and ``definition`` (bearer, expires_at).
    """

    def __init__(self, tenant: Tenant, refusals: list[str]) -> None:
        self._tenant = tenant
        self._refusals = refusals
        self.manner = "tutorial"
        self.routes: list[Route] = [
            ("POST", "/oauth/token", self._token),
            ("GET", "/.well-known/oauth-authorization-server", self._metadata),
        ]

    def _metadata(self, request: Request) -> Answer:
        base = f"https://{request.headers['host']}"
        return Answer.of(
            200,
            {
                "issuer": base,
                "token_endpoint": f"{base}/oauth/token",
                "grant_types_supported": ["client_credentials"],
                "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
                "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
            },
        )

    def _token(self, request: Request) -> Answer:
        try:
            form = _form(request)
        except Unreadable:
            return Answer.undocumented(400, "Invalid request parameters.")
        expected = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE}
        if any(form.get(name) != value for name, value in expected.items()) or not form.get("client_assertion"):
            return Answer.undocumented(400, "Invalid request parameters.")
        try:
            token = read(form["client_assertion"])
            client = self._verified(token, form)
            self._check(token.claims, client, f"https://{request.headers['host']}/oauth/token")
        except Refused as refused:
            self._refusals.append(str(refused))
            return Answer.undocumented(401, "Invalid client credentials")
        if client.get("disableTag") or client.get("connectionConfig", {}).get("consentMethod") != "trusted":
            self._refusals.append("the client is disabled, or its consent is not trusted")
            return Answer.undocumented(403, "Forbidden")
        return self._given(client, form.get("scope", "user_default"))

    def _verified(self, token: Unverified, form: Mapping[str, str]) -> Mapping[str, Any]:
        client = self._tenant.oauth_clients.get(form.get("client_id", str(token.claims.get("sub"))))
        if client is None:
            raise Refused("no client has this ID")
        if "private_key_jwt" not in client.get("allowedAuthMethods", ()):
            raise Refused("the client has another method of authentication")
        for jwk in client.get("publicKeys", ()):
            if jwk["kid"] == token.header.get("kid"):
                verify(token, public_key_of_jwk(jwk), ALGORITHMS)
                if token.header["alg"] != jwk["alg"]:
                    raise Refused("alg is not the registered key's")
                return client
        raise Refused("no public key of the client has its key ID")

    def _check(self, claims: Mapping[str, Any], client: Mapping[str, Any], audience: str) -> None:
        if not claims.get("iss") == claims.get("sub") == client["clientId"]:
            raise Refused("iss and sub are not the client's ID")
        if claims.get("aud") != audience:
            raise Refused("aud is another")
        iat, exp = seconds(claims, "iat"), seconds(claims, "exp")
        if iat is None or exp is None or exp - iat > MAX_LIFETIME_SECONDS:
            raise Refused("exp is not within five minutes of iat")
        check_times(claims, self._tenant.now())
        if not claims.get("jti") or claims["jti"] in self._tenant.used_token_ids:
            raise Refused("jti is missing, or was used before")
        self._tenant.used_token_ids.add(claims["jti"])

    def _given(self, client: Mapping[str, Any], scope: str) -> Answer:
        client_id = client["clientId"]
        user = next((one for one in self._tenant.users if one.client_id == client_id), None)
        if user is None:
            user = User(f"qlikbot\\{client_id}", client["clientName"], client_id=client_id)
            self._tenant.users.append(user)
        access_token = f"eyJ{secrets.token_urlsafe(30)}"
        self._tenant.bearers[access_token] = user
        until = {"expires_at": iso(self._tenant.now() + EXPIRES_IN_SECONDS)}
        how: dict[str, dict[str, object]] = {
            "tutorial": {"token_type": "Bearer", "expires_in": EXPIRES_IN_SECONDS},
            "guide": {"token_type": "bearer", **until, "expires_in": EXPIRES_IN_SECONDS},
            "definition": {"token_type": "bearer", **until},
        }
        return Answer.of(200, {"access_token": access_token, "scope": scope, **how[self.manner]})


def _form(request: Request) -> dict[str, str]:
    """Return the parameters, which come as a form or as JSON."""
    if "json" not in request.headers.get("content-type", ""):
        return dict(parse_qsl(request.body.decode("ascii", "replace")))
    value = request.json()
    if not isinstance(value, dict):
        raise Unreadable("the body is not an object")
    return {name: text for name, text in value.items() if isinstance(text, str)}
