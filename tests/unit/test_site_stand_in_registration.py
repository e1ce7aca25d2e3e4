"""The stand-in for Qlik's servers: what an administrator registers there, with Qlik Cloud and with the repository."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.site_stand_in import Certificates, Cloud, Qseow
from tests.site_stand_in.certificates import signing_certificate
from tests.site_stand_in.client import XRF, XRFKEY, Client, Response, bearer, cloud_token, qseow_token

SA_API = {**XRF, "X-Qlik-User": "UserDirectory=INTERNAL; UserId=sa_api"}


@pytest.fixture
def client(site_certificates: Certificates) -> Client:
    return Client(site_certificates)


@pytest.fixture
def administrator(site_certificates: Certificates, qseow_site: Qseow) -> Callable[..., Response]:
    """Call the repository with the client certificate."""
    client = Client(site_certificates, with_certificate=True)

    def call(method: str, path: str, body: object = None) -> Response:
        mark = "&" if "?" in path else "?"
        return client.call(method, f"{qseow_site.repository_url}/qrs/{path}{mark}Xrfkey={XRFKEY}", SA_API, body)

    return call


PROVIDER: dict[str, Any] = {
    "protocol": "jwtAuth",
    "provider": "external",
    "description": "mine",
    "options": {"issuer": "https://idp", "staticKeys": [{"kid": "k1", "pem": signing_certificate().replace("\n", "")}]},
}


def test_an_identity_provider_is_made_read_described_and_deleted(client: Client, cloud_site: Cloud) -> None:
    url, admin = f"{cloud_site.url}/api/v1/identity-providers", bearer(cloud_site.api_key)
    made = client.call("POST", url, admin, PROVIDER)
    assert (made.status, "qlik-idp-popts" in made.headers) == (201, True)
    assert made.json["options"] == PROVIDER["options"]
    assert (made.json["active"], made.json["clockToleranceSec"]) == (True, 5)
    assert client.call("POST", f"{cloud_site.url}/login/jwt-session", bearer(cloud_token())).status == 200
    one = f"{url}/{made.json['id']}"
    patch = [{"op": "replace", "path": "/description", "value": "ours"}]
    assert client.call("PATCH", one, admin, patch).status == 204
    assert client.call("GET", one, admin).json["description"] == "ours"
    assert client.call("PATCH", one, admin, [{**patch[0], "path": "/options/issuer"}]).status == 400
    assert [client.call("DELETE", one, admin).status for _ in range(2)] == [204, 404]
    assert client.call("POST", f"{cloud_site.url}/login/jwt-session", bearer(cloud_token())).status == 401


def test_a_list_comes_in_pages(client: Client, cloud_site: Cloud) -> None:
    for number in range(3):
        cloud_site.register(key_id=f"k{number}")
    cloud_site.tenant.page_size = 2
    first = client.call("GET", f"{cloud_site.url}/api/v1/identity-providers", bearer(cloud_site.api_key)).json
    second = client.call("GET", first["links"]["next"]["href"], bearer(cloud_site.api_key)).json
    assert [one["options"]["staticKeys"][0]["kid"] for one in first["data"] + second["data"]] == ["k0", "k1", "k2"]
    assert "next" not in second["links"]


@pytest.mark.parametrize(
    ("pointer", "changes"),
    [
        ("/description", {"description": "x" * 129}),
        ("/clockToleranceSec", {"clockToleranceSec": 7201}),
        ("/protocol", {"protocol": "OIDC"}),
        ("/options/staticKeys", {"options": {"issuer": "i", "staticKeys": []}}),
        ("/options/staticKeys/0/pem", {"options": {"issuer": "i", "staticKeys": [{"kid": "k", "pem": "no"}]}}),
    ],
)
def test_what_breaks_the_definition_of_an_identity_provider_is_pointed_at(
    client: Client, cloud_site: Cloud, pointer: str, changes: dict[str, Any]
) -> None:
    url = f"{cloud_site.url}/api/v1/identity-providers"
    answer = client.call("POST", url, bearer(cloud_site.api_key), {**PROVIDER, **changes})
    assert (answer.status, answer.error["source"]) == (400, {"pointer": pointer})


def test_only_an_administrator_registers_and_only_for_this_tenant(client: Client, cloud_site: Cloud) -> None:
    url = f"{cloud_site.url}/api/v1/identity-providers"
    other = {**PROVIDER, "tenantIds": ["another"]}
    calls = [({}, PROVIDER), (bearer(cloud_site.plain_api_key), PROVIDER), (bearer(cloud_site.api_key), other)]
    assert [client.call("POST", url, headers, body).status for headers, body in calls] == [401, 403, 403]
    assert not cloud_site.tenant.identity_providers


BODY: dict[str, Any] = {
    "prefix": "mine",
    "description": "JWT mine",
    "sessionCookieHeaderName": "X-Qlik-Session-mine",
    "sessionInactivityTimeout": 30,
    "defaultVirtualProxy": False,
    "authenticationMethod": 4,
    "jwtPublicKeyCertificate": signing_certificate(),
    "jwtAttributeUserId": "userId",
    "jwtAttributeUserDirectory": "userDirectory",
}


def test_a_virtual_proxy_is_made_linked_and_used(
    client: Client, qseow_site: Qseow, administrator: Callable[..., Response]
) -> None:
    (node,) = administrator("GET", "servernodeconfiguration?filter=isCentral%20eq%20true").json
    made = administrator("POST", "virtualproxyconfig", {**BODY, "loadBalancingServerNodes": [{"id": node["id"]}]})
    assert made.status == 201
    assert administrator("GET", f"virtualproxyconfig/{made.json['id']}").json == made.json
    (found,) = administrator("GET", "VirtualProxyConfig/full?filter=Prefix%20eq%20'mine'").json
    assert found == made.json
    for one in administrator("GET", "proxyservice").json:
        proxy = administrator("GET", f"proxyservice/{one['id']}").json
        proxy["settings"]["virtualProxies"].append({"id": made.json["id"]})
        assert administrator("PUT", f"proxyservice/{one['id']}", proxy).status == 200
    assert client.call("GET", f"{qseow_site.prefix_url('mine')}/qps/csrftoken", bearer(qseow_token())).status == 204


def test_what_somebody_else_saved_meanwhile_is_a_conflict(
    qseow_site: Qseow, administrator: Callable[..., Response]
) -> None:
    path = f"proxyservice/{qseow_site.repository.central['id']}"
    proxy = administrator("GET", path).json
    qseow_site.repository.conflicts = 1
    assert administrator("PUT", path, proxy).status == 409
    assert administrator("PUT", path, administrator("GET", path).json).status == 200
    assert administrator("PUT", path, {"id": proxy["id"], "modifiedDate": "9999", "settings": {}}).status == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"defaultVirtualProxy": None},
        {"prefix": "x" * 101},
        {"description": "x" * 501},
        {"jwtAudience": "x" * 256},
        {"sessionCookieHeaderName": ""},
        {"sessionInactivityTimeout": 0},
        {"loadBalancingServerNodes": [{"id": "no-such-node"}]},
        {"jwtAttributeMap": [{"jwtAttribute": "name"}]},
        {"prefix": ""},
    ],
)
def test_a_virtual_proxy_that_breaks_the_definition_is_400(
    administrator: Callable[..., Response], qseow_site: Qseow, changes: dict[str, Any]
) -> None:
    before = len(qseow_site.repository.virtual_proxies)
    answer = administrator("POST", "virtualproxyconfig", {**BODY, **changes})
    assert (answer.status, answer.body[:10]) == (400, b"STAND-IN-1")
    assert len(qseow_site.repository.virtual_proxies) == before


def test_the_repository_asks_for_certificate_user_and_xrfkey(
    client: Client, qseow_site: Qseow, site_certificates: Certificates
) -> None:
    url = f"{qseow_site.repository_url}/qrs/about?Xrfkey={XRFKEY}"
    own = Client(site_certificates, with_certificate=True)
    answers = [client.call("GET", url, SA_API), own.call("GET", url, XRF), own.call("GET", url, SA_API)]
    assert [answer.status for answer in answers] == [403, 403, 200]
    assert qseow_site.refusals == ["there is no client certificate", "X-Qlik-User names nobody"]
