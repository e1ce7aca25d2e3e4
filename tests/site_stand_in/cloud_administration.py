"""Qlik Cloud: what its administrator registers, identity providers and OAuth clients."""

import re
import secrets
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from tests.site_stand_in.messages import UNDOCUMENTED, Answer, Request, Route, Unreadable
from tests.site_stand_in.tenant import Tenant
from tests.site_stand_in.verification import public_key, public_key_of_jwk

CLIENT_PATHS = (
    *("/allowedOrigins", "/clientName", "/clientUri", "/description", "/logoUri", "/redirectUris", "/allowedScopes"),
    *("/allowedGrantTypes", "/publicKeys", "/allowedAuthMethods", "/jwksUri"),
)
_PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "k"}


class Invalid(Exception):
    """A body breaks the definition at a JSON Pointer."""

    def __init__(self, pointer: str, detail: str) -> None:
        super().__init__(detail)
        self.pointer = pointer


class Administration:
    """Identity providers and OAuth clients of *tenant*."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        guarded: list[Route] = [
            ("GET", "/api/v1/identity-providers", self._list_providers),
            ("POST", "/api/v1/identity-providers", self._create_provider),
            ("GET", "/api/v1/identity-providers/([^/]+)", self._get_provider),
            ("PATCH", "/api/v1/identity-providers/([^/]+)", self._patch_provider),
            ("DELETE", "/api/v1/identity-providers/([^/]+)", self._delete_provider),
            ("GET", "/api/v1/oauth-clients", self._list_clients),
            ("POST", "/api/v1/oauth-clients", self._create_client),
            ("GET", "/api/v1/oauth-clients/([^/]+)", self._get_client),
            ("PATCH", "/api/v1/oauth-clients/([^/]+)", self._patch_client),
            ("DELETE", "/api/v1/oauth-clients/([^/]+)", self._delete_client),
        ]
        self.routes: list[Route] = [(method, path, self._guard(answer)) for method, path, answer in guarded]

    def _guard(self, answer: Callable[..., Answer]) -> Callable[..., Answer]:
        """Let administrators through, and say what is wrong with a body in the shape of these APIs."""

        def guarded(request: Request, *ids: str) -> Answer:
            refusal = self._tenant.administrator(request)
            if refusal:
                return refusal
            try:
                return answer(request, *ids)
            except (Invalid, Unreadable) as error:
                pointer = error.pointer if isinstance(error, Invalid) else "/"
                item = {"code": UNDOCUMENTED, "title": "Invalid request", "detail": str(error), "status": 400}
                return Answer.of(400, {"errors": [{**item, "source": {"pointer": pointer}}]})

        return guarded

    def add_provider(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Register the identity provider that *body* describes; raise :class:`Invalid`."""
        _check_provider(body)
        provider = {
            **body,
            "id": secrets.token_hex(12),
            "active": body.get("active", True),
            "interactive": False,
            "clockToleranceSec": body.get("clockToleranceSec", 5),
            "tenantIds": body.get("tenantIds") or [self._tenant.id],
            "created": self._tenant.time(),
            "lastUpdated": self._tenant.time(),
        }
        self._tenant.identity_providers[provider["id"]] = provider
        return provider

    def add_client(self, body: Mapping[str, Any], client_id: str | None = None) -> dict[str, Any]:
        """Register the OAuth client that *body* describes, whose ID is given or new; raise :class:`Invalid`."""
        _check_client(body)
        client = {
            **body,
            "clientId": client_id or uuid.uuid4().hex,
            "createdAt": self._tenant.time(),
            "createdByType": "user",
        }
        self._tenant.oauth_clients[client["clientId"]] = client
        return client

    def _list_providers(self, request: Request) -> Answer:
        providers = list(self._tenant.identity_providers.values())
        if "active" in request.query:
            providers = [one for one in providers if one["active"] == (request.query["active"] == "true")]
        return self._tenant.page(request, providers)

    def _create_provider(self, request: Request) -> Answer:
        body = request.json()
        if isinstance(body, dict) and any(one != self._tenant.id for one in body.get("tenantIds") or ()):
            return Answer.undocumented(403, "Forbidden")
        return Answer.of(201, self.add_provider(body), ("QLIK-IDP-POPTS", "stand-in"))

    def _get_provider(self, _: Request, provider_id: str) -> Answer:
        provider = self._tenant.identity_providers.get(provider_id)
        return Answer.of(200, provider) if provider else _not_found()

    def _patch_provider(self, request: Request, provider_id: str) -> Answer:
        provider = self._tenant.identity_providers.get(provider_id)
        if provider is None:
            return _not_found()
        for path, value in _replacements(request, ("/description",)):
            _require_text(value, path, 128)
            provider["description"] = value
        provider["lastUpdated"] = self._tenant.time()
        return Answer.empty(204)

    def _delete_provider(self, _: Request, provider_id: str) -> Answer:
        return Answer.empty(204) if self._tenant.identity_providers.pop(provider_id, None) else _not_found()

    def _list_clients(self, request: Request) -> Answer:
        clients = list(self._tenant.oauth_clients.values())
        if "filter" in request.query:
            match = re.fullmatch(r'(clientId|clientName|appType) eq "([^"]*)"', request.query["filter"])
            if match is None:
                raise Invalid("/filter", 'the stand-in knows only: clientName eq "..."')
            clients = [one for one in clients if one.get(match[1]) == match[2]]
        return self._tenant.page(request, clients)

    def _create_client(self, request: Request) -> Answer:
        return Answer.of(201, {**self.add_client(request.json()), "clientSecret": secrets.token_urlsafe(32)})

    def _get_client(self, _: Request, client_id: str) -> Answer:
        client = self._tenant.oauth_clients.get(client_id)
        return Answer.of(200, client) if client else _not_found()

    def _patch_client(self, request: Request, client_id: str) -> Answer:
        client = self._tenant.oauth_clients.get(client_id)
        if client is None:
            return _not_found()
        changed = {**client, **{path[1:]: value for path, value in _replacements(request, CLIENT_PATHS)}}
        _check_client(changed)
        client.update(changed, updatedAt=self._tenant.time())
        return Answer.empty(204)

    def _delete_client(self, _: Request, client_id: str) -> Answer:
        return Answer.empty(204) if self._tenant.oauth_clients.pop(client_id, None) else _not_found()


def _not_found() -> Answer:
    return Answer.undocumented(404, "Not found")


def _replacements(request: Request, paths: tuple[str, ...]) -> list[tuple[str, Any]]:
    """Return path and value of each operation of a JSON Patch that replaces what *paths* allow."""
    operations = request.json()
    if not isinstance(operations, list):
        raise Invalid("/", "a JSON Patch is an array")
    for number, operation in enumerate(operations):
        if not isinstance(operation, dict) or operation.get("op") not in ("replace", "add"):
            raise Invalid(f"/{number}/op", "must be replace")
        if operation.get("path") not in paths:
            raise Invalid(f"/{number}/path", f"must be one of {', '.join(paths)}")
    return [(operation["path"], operation.get("value")) for operation in operations]


def _require_text(value: object, pointer: str, longest: int | None = None) -> str:
    if not isinstance(value, str) or not value:
        raise Invalid(pointer, "must be a string that is not empty")
    if longest is not None and len(value) > longest:
        raise Invalid(pointer, f"must NOT have more than {longest} characters")
    return value


def _require_object(value: object, pointer: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Invalid(pointer, "must be an object")
    return value


def _check_provider(body: object) -> None:
    provider = _require_object(body, "/")
    for name, expected in (("protocol", "jwtAuth"), ("provider", "external")):
        if provider.get(name) != expected:
            raise Invalid(f"/{name}", f"must be {expected}")
    options = _require_object(provider.get("options"), "/options")
    _require_text(options.get("issuer"), "/options/issuer")
    keys = options.get("staticKeys")
    if not isinstance(keys, list) or len(keys) != 1:
        raise Invalid("/options/staticKeys", "must have one key")
    key = _require_object(keys[0], "/options/staticKeys/0")
    _require_text(key.get("kid"), "/options/staticKeys/0/kid")
    try:
        public_key(_require_text(key.get("pem"), "/options/staticKeys/0/pem"))
    except ValueError as error:
        raise Invalid("/options/staticKeys/0/pem", "must be a certificate or a public key in PEM") from error
    if provider.get("description") is not None and provider["description"] != "":
        _require_text(provider["description"], "/description", 128)
    tolerance = provider.get("clockToleranceSec", 5)
    if isinstance(tolerance, bool) or not isinstance(tolerance, int) or not 0 <= tolerance <= 7200:
        raise Invalid("/clockToleranceSec", "must be an integer from 0 to 7200")


def _check_client(body: object) -> None:
    client = _require_object(body, "/")
    if client.get("appType") not in ("web", "native", "spa", "anonymous-embed"):
        raise Invalid("/appType", "must be web, native, spa or anonymous-embed")
    _require_text(client.get("clientName"), "/clientName", 512)
    if len(client.get("description") or "") > 4096:
        raise Invalid("/description", "must NOT have more than 4096 characters")
    keys = client.get("publicKeys") or []
    if "private_key_jwt" in client.get("allowedAuthMethods", ()) and not (keys or client.get("jwksUri")):
        raise Invalid("/publicKeys", "is required when using private_key_jwt")
    for number, key in enumerate(keys):
        _check_jwk(_require_object(key, f"/publicKeys/{number}"), f"/publicKeys/{number}")


def _check_jwk(jwk: Mapping[str, Any], pointer: str) -> None:
    _require_text(jwk.get("kid"), f"{pointer}/kid")
    if jwk.get("use") != "sig":
        raise Invalid(f"{pointer}/use", "must be sig")
    allowed = {"RSA": ("RS256", "RS512"), "EC": ("ES384",)}
    if jwk.get("alg") not in allowed.get(str(jwk.get("kty")), ()):
        raise Invalid(f"{pointer}/alg", "must be RS256, RS512 or ES384, after kty")
    if _PRIVATE_MEMBERS & set(jwk):
        raise Invalid(pointer, "must not hold a private key")
    try:
        public_key_of_jwk(jwk)
    except ValueError as error:
        raise Invalid(pointer, "must be a public key") from error
