"""The stand-in for Qlik Cloud: OAuth clients, and what their assertions become."""

import time
import uuid
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest

from tests.site_stand_in import Certificates, Cloud
from tests.site_stand_in.client import Client, bearer

FORM = "application/x-www-form-urlencoded"
NOW = int(time.time())
DAY = 86_400  # seconds, longer than the tests run after NOW


@pytest.fixture
def client(site_certificates: Certificates) -> Client:
    return Client(site_certificates)


def jwk(key: Any, algorithm: str, key_id: str = "k1") -> dict[str, Any]:
    made = jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key(), as_dict=True)
    made.pop("key_ops", None)
    return {**made, "kid": key_id, "alg": algorithm, "use": "sig"}


def assertion(site: Cloud, client_id: str, key: Any, algorithm: str, **changes: Any) -> dict[str, str]:
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": client_id,
        "sub": client_id,
        "aud": f"{site.url}/oauth/token",
        "jti": str(uuid.uuid4()),
    }
    claims |= {"iat": now, "exp": now + 300, **changes}
    return {
        "grant_type": "client_credentials",
        "client_id": client_id,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": jwt.encode(claims, key, algorithm, headers={"kid": "k1"}),
        "scope": "user_default",
    }


@pytest.mark.parametrize("algorithm", ["RS256", "RS512", "ES384"])
def test_an_assertion_becomes_an_access_token(client: Client, cloud_site: Cloud, keys: Any, algorithm: str) -> None:
    key = keys.p384 if algorithm == "ES384" else keys.rsa
    body: dict[str, Any] = {"appType": "web", "clientName": "bot", "publicKeys": [jwk(key, algorithm)]}
    body |= {"allowedAuthMethods": ["private_key_jwt"], "connectionConfig": {"consentMethod": "trusted"}}
    made = client.call("POST", f"{cloud_site.url}/api/v1/oauth-clients", bearer(cloud_site.api_key), body)
    assert made.status == 201
    client_id, url = made.json["clientId"], f"{cloud_site.url}/oauth/token"
    json_type = {"Content-Type": "application/json"}
    seen = set()
    for cloud_site.oauth.manner in ("tutorial", "guide", "definition"):
        answer = client.call("POST", url, json_type, assertion(cloud_site, client_id, key, algorithm))
        assert answer.status == 200, cloud_site.refusals
        seen.add((answer.json["token_type"], "expires_in" in answer.json, "expires_at" in answer.json))
    assert seen == {("Bearer", True, False), ("bearer", True, True), ("bearer", False, True)}
    access = bearer(answer.json["access_token"])
    me = client.call("GET", f"{cloud_site.url}/api/v1/users/me", access)
    user = client.call("GET", cloud_site.url + me.headers["location"], access).json
    assert (user["clientId"], user["subject"], user["name"]) == (client_id, f"qlikbot\\{client_id}", "bot")


@pytest.mark.parametrize(
    ("cause", "changes"),
    [
        ("aud is another", {"aud": "https://localhost/oauth/token/"}),
        ("five minutes", {"exp": NOW + DAY}),
        ("jti", {"jti": None}),
        ("iss and sub", {"iss": "another"}),
        ("exp has passed", {"iat": NOW - 200, "exp": NOW - 100}),
    ],
)
def test_an_assertion_that_breaks_a_rule_gets_401(
    client: Client, cloud_site: Cloud, keys: Any, cause: str, changes: dict[str, Any]
) -> None:
    client_id = cloud_site.register_client(jwk(keys.rsa, "RS256"))
    form = assertion(cloud_site, client_id, keys.rsa, "RS256", **changes)
    answer = client.call("POST", f"{cloud_site.url}/oauth/token", {"Content-Type": FORM}, urlencode(form).encode())
    assert (answer.status, answer.error["code"]) == (401, "STAND-IN-1")
    assert cause in cloud_site.refusals[0]


def test_an_oauth_client_takes_another_key_by_patch_but_no_private_one(
    client: Client, cloud_site: Cloud, keys: Any
) -> None:
    client_id = cloud_site.register_client(jwk(keys.rsa, "RS256"))
    url, admin = f"{cloud_site.url}/api/v1/oauth-clients/{client_id}", bearer(cloud_site.api_key)
    new = {"op": "replace", "path": "/publicKeys", "value": [jwk(keys.p384, "ES384")]}
    assert client.call("PATCH", url, admin, [new]).status == 204
    assert client.call("GET", url, admin).json["publicKeys"] == new["value"]
    private = {**jwk(keys.rsa, "RS256"), "d": "AQAB"}
    assert client.call("PATCH", url, admin, [{**new, "value": [private]}]).status == 400
