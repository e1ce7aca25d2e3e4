"""A client for the tests of the site, on the standard library, and tokens by PyJWT: it follows and keeps nothing."""

import http.client
import json
import ssl
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import jwt

from tests.site_stand_in.certificates import Certificates, signing_key

XRFKEY = "0123456789abcdef"
XRF = {"X-Qlik-Xrfkey": XRFKEY}


@dataclass(frozen=True)
class Response:
    """An answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    cookies: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def error(self) -> Mapping[str, Any]:
        """The first error of an answer in the shape of Qlik Cloud."""
        error: Mapping[str, Any] = self.json["errors"][0]
        return error

    @property
    def cookie_header(self) -> dict[str, str]:
        """The cookies as the header of the next request."""
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}


class Client:
    """Calls sites whose certificate *certificates* issued."""

    def __init__(self, certificates: Certificates, *, with_certificate: bool = False) -> None:
        self._context = ssl.create_default_context(cafile=certificates.ca_file)
        if with_certificate:
            self._context.load_cert_chain(certificates.client_cert, certificates.client_key)

    def call(self, method: str, url: str, headers: Mapping[str, str] | None = None, body: object = None) -> Response:
        """Return the answer; *body* goes out as JSON, bytes as they are."""
        parts = urlsplit(url)
        connection = http.client.HTTPSConnection(str(parts.hostname), parts.port, timeout=5, context=self._context)
        data = body if body is None or isinstance(body, bytes) else json.dumps(body)
        try:
            connection.request(method, url.partition(parts.netloc)[2], data, dict(headers or {}))
            answer = connection.getresponse()
            lines = answer.headers.get_all("Set-Cookie") or []
            cookies = dict(line.partition(";")[0].split("=", 1) for line in lines)
            names = {name.lower(): value for name, value in answer.headers.items()}
            return Response(answer.status, names, cookies, answer.read())
        finally:
            connection.close()


def bearer(token: str) -> dict[str, str]:
    """Return the header that presents *token*."""
    return {"Authorization": f"Bearer {token}"}


def cloud_token(key_id: str = "k1", key: Any = None, without: str = "", **changes: Any) -> str:
    """Return a token that the tenant takes after ``Cloud.register()``, but for *changes* and the claim *without*."""
    now = int(time.time())
    claims = {
        "iss": "https://idp",
        "aud": "qlik.api/login/jwt-session",
        "sub": "anna",
        "subType": "user",
        "name": "Anna",
        "email": "anna@example.com",
        "email_verified": True,
        "jti": str(uuid.uuid4()),
        "iat": now,
        "nbf": now,
        "exp": now + 60,
        **changes,
    }
    claims.pop(without, None)
    return jwt.encode(claims, key or signing_key(), "RS256", headers={"kid": key_id})


def qseow_token(key: Any = None, without: str = "", algorithm: str = "RS256", **changes: Any) -> str:
    """Return a token that a virtual proxy takes after ``Qseow.register()``, but for *changes* and *without*."""
    now = int(time.time())
    claims = {"userId": "anna", "userDirectory": "LAB", "name": "Anna", "iat": now - 5, "exp": now + 60, **changes}
    claims.pop(without, None)
    return jwt.encode(claims, key or signing_key(), algorithm)
