"""The stand-in for Qlik Cloud: what Qlik documents of it, seen by a client of the standard library."""

import time
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.site_stand_in import Certificates, Cloud
from tests.site_stand_in.client import Client, Response, bearer, cloud_token


@pytest.fixture
def client(site_certificates: Certificates) -> Client:
    return Client(site_certificates)


def log_in(client: Client, site: Cloud, compact: str) -> Response:
    return client.call("POST", f"{site.url}/login/jwt-session", bearer(compact))


def test_a_token_opens_a_session_and_the_session_knows_its_user(client: Client, cloud_site: Cloud) -> None:
    cloud_site.register()
    session = log_in(client, cloud_site, cloud_token(groups=["sales"]))
    assert (session.status, session.json) == (200, {})
    assert set(session.cookies) == {"eas.sid", "eas.sid.sig", "_csrfToken", "_csrfToken.sig"}
    me = client.call("GET", f"{cloud_site.url}/api/v1/users/me", session.cookie_header)
    assert (me.status, me.headers["content-type"]) == (301, "text/html; charset=utf-8")
    user = client.call("GET", cloud_site.url + me.headers["location"], session.cookie_header).json
    assert (user["subject"], user["name"], user["email"], user["status"]) == (
        *("anna", "Anna", "anna@example.com"),
        "active",
    )
    assert [group["name"] for group in user["assignedGroups"]] == ["sales"]
    csrf = client.call("GET", f"{cloud_site.url}/api/v1/csrf-token", session.cookie_header)
    assert (csrf.status, csrf.body) == (204, b"")
    assert csrf.headers["qlik-csrf-token"] == session.cookies["_csrfToken"]
    assert len(cloud_site.open_sessions) == 1
    assert [(one.method, one.path, one.status) for one in cloud_site.requests[:2]] == [
        ("POST", "/login/jwt-session", 200),
        ("GET", "/api/v1/users/me", 301),
    ]


def test_a_session_is_its_cookie_and_the_signature_of_it(client: Client, cloud_site: Cloud) -> None:
    cloud_site.register()
    cookies = log_in(client, cloud_site, cloud_token()).cookies
    sid, signature = (f"{name}={cookies[name]}" for name in ("eas.sid", "eas.sid.sig"))
    headers = [f"{sid}; {signature}", sid, signature, f"{sid}; {signature}x"]
    answers = [client.call("GET", f"{cloud_site.url}/api/v1/users/me", {"Cookie": header}) for header in headers]
    assert [answer.status for answer in answers] == [301, 401, 401, 401]


@pytest.mark.parametrize("claim", ["iss", "aud", "sub", "subType", "jti", "iat", "nbf", "exp"])
def test_a_missing_claim_is_named(client: Client, cloud_site: Cloud, claim: str) -> None:
    cloud_site.register()
    answer = log_in(client, cloud_site, cloud_token(without=claim))
    assert (answer.status, answer.error["code"], answer.error["title"]) == (
        *(400, "INTERNAL-TOKEN-1"),
        "Invalid token request",
    )
    assert answer.error["detail"] == f"JWT_LOGIN_VALIDATIONS Missing required claim: {claim}"


NOW = int(time.time())
DAY = 86_400  # seconds, longer than the tests run after NOW


@pytest.mark.parametrize(
    ("cause", "changes"),
    [
        ("no identity provider", {"iss": "https://another"}),
        ("no identity provider", {"key_id": "k2"}),
        ("the signature", {"key": rsa.generate_private_key(65537, 2048)}),
        ("aud is another", {"aud": "qlik.api"}),
        ("subType", {"subType": "userID"}),
        ("exp has passed", {"nbf": NOW - 90, "exp": NOW - 30}),
        ("nbf is in the future", {"nbf": NOW + DAY, "exp": NOW + DAY + 60}),
        ("more than an hour", {"exp": NOW + DAY}),
    ],
)
def test_other_refusals_are_401_with_a_code_of_its_own_since_theirs_is_not_documented(
    client: Client, cloud_site: Cloud, cause: str, changes: dict[str, Any]
) -> None:
    cloud_site.register()
    answer = log_in(client, cloud_site, cloud_token(**changes))
    assert (answer.status, answer.error["code"]) == (401, "STAND-IN-1")
    assert cause in cloud_site.refusals[0]
    assert cause not in answer.body.decode()
    assert not cloud_site.open_sessions


def test_a_token_is_taken_once(client: Client, cloud_site: Cloud) -> None:
    cloud_site.register()
    compact = cloud_token()
    assert [log_in(client, cloud_site, compact).status for _ in range(2)] == [200, 401]
    assert cloud_site.refusals == ["jti was used before"]


@pytest.mark.parametrize(("tolerance", "status"), [(0, 401), (5, 401), (60, 200)])
def test_a_clock_that_is_behind_is_tolerated_as_registered(
    client: Client, cloud_site: Cloud, tolerance: int, status: int
) -> None:
    cloud_site.register(clockToleranceSec=tolerance)
    cloud_site.clock_offset = -30
    assert log_in(client, cloud_site, cloud_token()).status == status


def test_a_host_without_a_tenant_says_so(client: Client, cloud_site: Cloud) -> None:
    answer = client.call("POST", f"{cloud_site.other_url}/login/jwt-session", bearer(cloud_token()))
    assert (answer.status, answer.error["code"], answer.error["title"]) == (
        *(401, "LOGIN-2"),
        "No authentication configured for this hostname",
    )


def test_users_whom_the_tenant_does_not_take_are_told_why(client: Client, cloud_site: Cloud) -> None:
    cloud_site.register()
    cloud_site.tenant.strangers.add("anna")
    cloud_site.add_user("ben", "Ben", "ben@example.com", status="invited", invitation_expired=True)
    cloud_site.add_user("c1", "Cleo", "cleo@example.com")
    cloud_site.add_user("c2", "Cleo", "cleo@example.com")
    answers = [
        log_in(client, cloud_site, cloud_token(sub=subject, email=email))
        for subject, email in (("anna", ""), ("ben", "ben@example.com"), ("c3", "cleo@example.com"))
    ]
    assert [(answer.status, answer.error["code"]) for answer in answers] == [
        (403, "AUTH-5"),
        (403, "USER_INVITE_EXPIRED"),
        (400, "LOGIN-12"),
    ]


def test_a_user_stays_the_same_by_a_verified_address_and_by_no_other(client: Client, cloud_site: Cloud) -> None:
    cloud_site.register()
    before = len(cloud_site.tenant.users)
    for changes in ({}, {"sub": "anna2"}, {"sub": "anna3", "email_verified": "true"}):
        assert log_in(client, cloud_site, cloud_token(**changes)).status == 200
    assert [user.subject for user in cloud_site.tenant.users[before:]] == ["anna2", "anna3"]


def test_a_csrf_token_is_for_sessions_that_have_one(client: Client, cloud_site: Cloud) -> None:
    cloud_site.register()
    url = f"{cloud_site.url}/api/v1/csrf-token"
    cloud_site.tenant.csrf_tokens = False
    session = log_in(client, cloud_site, cloud_token())
    answers = [client.call("GET", url, headers) for headers in (session.cookie_header, bearer(cloud_site.api_key), {})]
    assert [(answer.status, answer.error["code"]) for answer in answers] == [
        (404, "CSRF-TOKEN-3"),
        (400, "CSRF-TOKEN-4"),
        (401, "STAND-IN-1"),
    ]
