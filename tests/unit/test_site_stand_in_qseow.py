"""The stand-in for client-managed Qlik Sense: what is documented or was seen of it, by other clients."""

import json
import ssl
import time
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.site_stand_in import Certificates, Qseow
from tests.site_stand_in.client import XRF, XRFKEY, Client, Response, bearer, qseow_token

SA_API = {**XRF, "X-Qlik-User": "UserDirectory=INTERNAL; UserId=sa_api"}


@pytest.fixture
def client(site_certificates: Certificates) -> Client:
    return Client(site_certificates)


def open_session(client: Client, site: Qseow, compact: str) -> Response:
    return client.call("GET", f"{site.prefix_url()}/qps/csrftoken", bearer(compact))


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512"])
def test_a_token_opens_a_session_that_ends_when_its_user_logs_out(
    client: Client, qseow_site: Qseow, algorithm: str
) -> None:
    qseow_site.register()
    session = open_session(client, qseow_site, qseow_token(algorithm=algorithm))
    assert (session.status, session.body, list(session.cookies)) == (204, b"", ["X-Qlik-Session-jwt"])
    assert session.headers["qlik-csrf-token"]
    url, headers = f"{qseow_site.prefix_url()}/qps/user?xrfkey={XRFKEY}", {**XRF, **session.cookie_header}
    user = client.call("GET", url, headers).json
    assert (user["userDirectory"], user["userId"], user["userName"]) == ("LAB", "anna", "Anna")
    assert [one.user for one in qseow_site.open_sessions] == ["LAB\\anna"]
    assert client.call("DELETE", url, headers).status == 200
    assert client.call("GET", url, headers).json == {"session": "inactive"}
    assert not qseow_site.open_sessions


@pytest.mark.parametrize("path", ["qrs/about", "qps/user"])
@pytest.mark.parametrize(
    ("query", "headers"),
    [("", {}), (f"?xrfkey={XRFKEY}", {}), ("", XRF), ("?xrfkey=fedcba9876543210", XRF), ("?xrfkey=short", XRF)],
)
def test_without_the_same_xrfkey_in_both_places_it_is_403(
    client: Client, qseow_site: Qseow, path: str, query: str, headers: dict[str, str]
) -> None:
    qseow_site.register()
    answer = client.call("GET", f"{qseow_site.prefix_url()}/{path}{query}", {**headers, **bearer(qseow_token())})
    assert (answer.status, answer.body) == (403, b"XSRF prevention check failed. Possible XSRF discovered.")


def test_about_is_for_everybody_and_the_rest_for_administrators(client: Client, qseow_site: Qseow) -> None:
    qseow_site.register()
    base, headers = f"{qseow_site.prefix_url()}/qrs", {**XRF, **bearer(qseow_token())}
    about = client.call("GET", f"{base}/about?Xrfkey={XRFKEY}", headers)
    assert (about.status, about.json["schemaPath"]) == (200, "About")
    proxies = f"{base}/virtualproxyconfig?Xrfkey={XRFKEY}"
    assert client.call("GET", proxies, headers).status == 403
    qseow_site.repository.administrators.add("LAB\\anna")
    assert client.call("GET", proxies, headers).status == 200


NOW = int(time.time())
DAY = 86_400  # seconds, longer than the tests run after NOW


@pytest.mark.parametrize(
    ("cause", "changes"),
    [
        ("the signature", {"key": rsa.generate_private_key(65537, 2048)}),
        ("claim userId is missing", {"without": "userId", "userid": "anna"}),
        ("exp has passed", {"exp": NOW - 60}),
        ("nbf is in the future", {"nbf": NOW + DAY}),
        ("iat is in the future", {"iat": NOW + DAY}),
        ("alg is PS256", {"algorithm": "PS256"}),
        ("aud is another", {"aud": "mine"}),
        ("mandatory claim group", {}),
        ("disabled", {"userId": "zoe", "group": "a", "aud": "ours"}),
    ],
)
def test_a_token_that_breaks_a_rule_is_401_and_the_cause_is_not_told(
    client: Client, qseow_site: Qseow, cause: str, changes: dict[str, Any]
) -> None:
    row = {"jwtAttribute": "group", "senseAttribute": "group", "isMandatory": cause.startswith("mandatory")}
    qseow_site.register(jwtAudience="ours" if "aud" in changes else "", jwtAttributeMap=[row])
    qseow_site.switches.disabled.add("LAB\\zoe")
    answer = open_session(client, qseow_site, qseow_token(**changes))
    assert (answer.status, answer.cookies) == (401, {})
    assert cause in qseow_site.refusals[0]
    assert cause not in answer.body.decode()


def test_a_prefix_that_is_not_there_or_not_linked_gets_a_long_page(client: Client, qseow_site: Qseow) -> None:
    qseow_site.register(link=False)
    for prefix in ("jwt", "other"):
        answer = client.call("GET", f"{qseow_site.url}/{prefix}/qps/csrftoken", bearer(qseow_token()))
        assert answer.status == 400
        assert b"The http request header is incorrect" in answer.body
        assert 80_000 < len(answer.body) < 96_000


def test_a_host_that_is_not_in_the_allow_list_is_403(client: Client, qseow_site: Qseow) -> None:
    qseow_site.register()
    assert client.call("GET", f"{qseow_site.other_url}/jwt/qps/csrftoken", bearer(qseow_token())).status == 403
    qseow_site.switches.own_names.clear()
    assert open_session(client, qseow_site, qseow_token()).status == 403
    qseow_site.register("listed", websocketCrossOriginWhiteList=["localhost"])
    assert client.call("GET", f"{qseow_site.prefix_url('listed')}/qps/csrftoken", bearer(qseow_token())).status == 204


def test_a_token_that_does_not_fit_the_header_is_refused(client: Client, qseow_site: Qseow) -> None:
    qseow_site.register()
    assert open_session(client, qseow_site, qseow_token(group="x" * 5_000)).status == 204
    assert open_session(client, qseow_site, qseow_token(group="x" * 6_100)).status == 400


def test_an_older_site_has_no_csrf_token(client: Client, qseow_site: Qseow) -> None:
    qseow_site.register()
    qseow_site.switches.older = True
    answer = open_session(client, qseow_site, qseow_token())
    assert (answer.status, list(answer.cookies)) == (404, ["X-Qlik-Session-jwt"])


def test_nobody_is_403_and_the_default_virtual_proxy_leads_to_its_own_login(client: Client, qseow_site: Qseow) -> None:
    qseow_site.register()
    assert client.call("GET", f"{qseow_site.prefix_url()}/qps/csrftoken").status == 403
    assert client.call("GET", f"{qseow_site.url}/qps/csrftoken", bearer(qseow_token())).status == 302


def test_a_session_is_kept_for_its_user_and_another_user_gets_another(client: Client, qseow_site: Qseow) -> None:
    qseow_site.register()
    first = open_session(client, qseow_site, qseow_token())
    url = f"{qseow_site.prefix_url()}/qlik-embed/main.js"
    again = client.call("GET", url, {**first.cookie_header, **bearer(qseow_token())})
    assert (again.status, again.cookies) == (200, {})
    other = client.call("GET", url, {**first.cookie_header, **bearer(qseow_token(userId="ben"))})
    assert other.cookies["X-Qlik-Session-jwt"] != first.cookies["X-Qlik-Session-jwt"]
    assert len(qseow_site.open_sessions) == 2
    qseow_site.clock_offset = 31 * 60
    assert not qseow_site.open_sessions


Frames = list[dict[str, Any]]


@pytest.fixture
def engine(site_certificates: Certificates, qseow_site: Qseow) -> Callable[..., Frames]:
    """Open a websocket with a session, and return the first two frames."""
    context = ssl.create_default_context(cafile=site_certificates.ca_file)

    def frames(
        session: Response, *, origin: str | None = "https://localhost", csrf: str | None = None, **more: str
    ) -> Frames:
        csrf = csrf if csrf is not None else session.headers["qlik-csrf-token"]
        url = f"wss://localhost:{qseow_site.port}/jwt/app/some-app?qlik-csrf-token={csrf}"
        headers = {**session.cookie_header, **more}
        with connect(url, ssl=context, origin=origin, additional_headers=headers, proxy=None) as socket:  # type: ignore[arg-type]
            received = [json.loads(socket.recv(5)) for _ in range(2)]
            if received[1]["method"] == "OnConnected":
                socket.send(
                    json.dumps({"jsonrpc": "2.0", "id": 1, "method": "EngineVersion", "handle": -1, "params": []})
                )
                assert json.loads(socket.recv(5))["result"]["qVersion"]
            return received

    return frames


def test_a_websocket_opens_with_cookie_csrf_token_and_origin(
    client: Client, qseow_site: Qseow, engine: Callable[..., Frames]
) -> None:
    qseow_site.register()
    frames = engine(open_session(client, qseow_site, qseow_token()))
    assert [frame["method"] for frame in frames] == ["OnAuthenticationInformation", "OnConnected"]


@pytest.mark.parametrize("changes", [{"csrf": "x"}, {"origin": "https://evil.example"}, {"Authorization": "Bearer x"}])
def test_a_websocket_that_another_site_could_have_opened_is_403(
    client: Client, qseow_site: Qseow, engine: Callable[..., Frames], changes: dict[str, Any]
) -> None:
    qseow_site.register()
    with pytest.raises(InvalidStatus) as refused:
        engine(open_session(client, qseow_site, qseow_token()), **changes)
    assert refused.value.response.status_code == 403
    assert b"(CSWSH) discovered" in refused.value.response.body


def test_a_websocket_without_an_origin_is_for_the_site_to_take(
    client: Client, qseow_site: Qseow, engine: Callable[..., Frames]
) -> None:
    qseow_site.register()
    session = open_session(client, qseow_site, qseow_token())
    assert engine(session, origin=None)[1]["method"] == "OnConnected"
    qseow_site.switches.origin_required = True
    with pytest.raises(InvalidStatus):
        engine(session, origin=None)


def test_a_virtual_proxy_without_nodes_cannot_route(
    client: Client, qseow_site: Qseow, engine: Callable[..., Frames]
) -> None:
    qseow_site.register(loadBalancingServerNodes=[])
    with pytest.raises(InvalidStatus) as refused:
        engine(open_session(client, qseow_site, qseow_token()))
    assert (refused.value.response.status_code, refused.value.response.body[:15]) == (500, b"Unable to route")


def test_six_sessions_of_a_user_or_no_access_pass_end_the_websocket(
    client: Client, qseow_site: Qseow, engine: Callable[..., Frames]
) -> None:
    qseow_site.register()
    sessions = [open_session(client, qseow_site, qseow_token()) for _ in range(5)]
    assert engine(sessions[0])[1]["method"] == "OnConnected"
    assert engine(open_session(client, qseow_site, qseow_token()))[1]["method"] == "OnMaxParallelSessionsExceeded"
    qseow_site.switches.without_access.add("LAB\\ben")
    assert engine(open_session(client, qseow_site, qseow_token(userId="ben")))[1]["method"] == "OnLicenseAccessDenied"
