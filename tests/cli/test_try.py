"""``try NAME``: whom the server sees, why it refuses, and what is left behind: nothing."""

import email.utils
import json
import re
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwcrypto.jwk import JWK

from qsjwt.live import presenting
from tests.conftest import InstallPlugin, Result, Run, posix, run_process, self_signed
from tests.site_stand_in import Answer, Certificates, Cloud, Elsewhere, Qseow
from tests.site_stand_in.certificates import signing_certificate, signing_key
from tests.site_stand_in.client import cloud_token, qseow_token

Try = Callable[..., Result]
NOW = int(time.time())
DAY = 86_400
OTHER_KEY = rsa.generate_private_key(65537, 2048)


@pytest.fixture
def try_qseow(run: Run, qseow_site: Qseow, site_certificates: Certificates) -> Try:
    """Run ``try qseow`` against the site, which has a virtual proxy unless there is one; without a token of its own."""

    def tried(*words: object, url: str = "", command: str = "try", before: tuple[str, ...] = (), **how: Any) -> Result:
        if not any(one["prefix"] for one in qseow_site.repository.virtual_proxies.values()):
            qseow_site.register()
        server = ("--url", url or qseow_site.prefix_url(), "--ca-file", site_certificates.ca_file)
        return run(*before, command, "qseow", *server, *words, **how)

    return tried


@pytest.fixture
def try_qscloud(run: Run, cloud_site: Cloud, site_certificates: Certificates) -> Try:
    """Run ``try qscloud`` against the tenant, which has an identity provider unless there is one."""

    def tried(*words: object, url: str = "", command: str = "try", before: tuple[str, ...] = (), **how: Any) -> Result:
        if not cloud_site.tenant.identity_providers:
            cloud_site.register()
        server = ("--url", url or cloud_site.url, "--ca-file", site_certificates.ca_file)
        return run(*before, command, "qscloud", *server, *words, **how)

    return tried


def record(result: Result, exit_code: int = 0) -> Any:
    assert result.exit_code == exit_code, result.stderr
    return json.loads(result.stdout)


def test_it_says_whom_qlik_sense_sees_and_ends_the_session(try_qseow: Try, qseow_site: Qseow) -> None:
    result = try_qseow("--jwt", qseow_token())
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith(
        f"✓ accepted by {qseow_site.prefix_url()}\n\n  userDirectory  LAB\n  userId         anna\n"
    )
    assert "  200  DELETE /jwt/qps/user\n" in result.stdout
    assert result.stdout.endswith("The session has been ended.\n")
    assert not qseow_site.open_sessions


@pytest.mark.parametrize("command", ["try", "exchange"])
def test_the_token_or_its_file_may_stand_without_an_option(try_qseow: Try, tmp_path: Path, command: str) -> None:
    token = qseow_token()
    (tmp_path / "token.txt").write_text(f"{token}\n", encoding="ascii")
    for given in (token, "token.txt"):
        assert record(try_qseow(given, "-f", "json", command=command))["user"]["userId"] == "anna"
    try_qseow(token, "--jwt", token, command=command).refused(2, "more than once")
    try_qseow(token, "--userid", "anna", command=command).refused(2, "--userid is for a new token, but one is given")


def test_json_has_each_step_the_user_and_the_differences(try_qseow: Try, qseow_site: Qseow) -> None:
    qseow_site.register(jwtAttributeMap=[])
    found = record(try_qseow("--jwt", qseow_token(), "-f", "json"))
    assert found == {
        "platform": "qseow",
        "url": qseow_site.prefix_url(),
        "verdict": "accepted",
        "steps": [
            {"method": "GET", "path": "/jwt/qps/csrftoken", "status": 204},
            {"method": "GET", "path": "/jwt/qps/user", "status": 200},
            {"method": "DELETE", "path": "/jwt/qps/user", "status": 200},
        ],
        "session_ended": True,
        "user": {"userDirectory": "LAB", "userId": "anna", "userName": "anna"},
        "differences": [
            {
                "member": "userName",
                "claim": "name",
                "server": "anna",
                "token": "Anna",
                "hint": "Qlik Sense reads it only if a row of the virtual proxy's attribute mapping has it",
            }
        ],
        "remarks": [],
    }


def test_a_site_without_csrf_tokens_is_as_good(try_qseow: Try, qseow_site: Qseow) -> None:
    qseow_site.switches.older = True
    assert record(try_qseow("--jwt", qseow_token(), "-f", "json"))["steps"][0]["status"] == 404
    assert not qseow_site.open_sessions


def test_qlik_cloud_is_asked_who_the_user_is_after_its_redirect(try_qscloud: Try) -> None:
    found = record(try_qscloud("--jwt", cloud_token(groups=["a", "b"]), "-f", "json"))
    assert {name: found["user"][name] for name in ("subject", "name", "email", "groups")} == {
        **{"subject": "anna", "name": "Anna", "email": "anna@example.com", "groups": ["a", "b"]}
    }
    assert [step["status"] for step in found["steps"]] == [200, 301, 200, 204]
    assert (found["differences"], found["session_ended"]) == ([], None)
    assert "no call that ends it" in found["remarks"][0]


def test_groups_that_the_tenant_does_not_make_are_a_difference_with_the_way_out(
    try_qscloud: Try, cloud_site: Cloud
) -> None:
    cloud_site.tenant.creation_of_groups = False
    result = try_qscloud("--jwt", cloud_token(groups=["a"], email_verified=False))
    assert result.exit_code == 0
    assert "groups is '[]' there, but '[\"a\"]' in the token (claim groups)" in result.stdout
    assert "'Creation of groups' must be on" in result.stdout
    assert "email is null there, but 'anna@example.com' in the token (claim email)" in result.stdout


def test_a_session_without_a_csrf_token_is_told_of(try_qscloud: Try, cloud_site: Cloud) -> None:
    cloud_site.tenant.csrf_tokens = False
    assert "it can read, but not write" in try_qscloud("--jwt", cloud_token()).stdout


@pytest.mark.parametrize("manner", ["tutorial", "guide", "definition"])
def test_an_oauth_client_is_shown(
    run: Run, cloud_site: Cloud, site_certificates: Certificates, manner: str, keys: SimpleNamespace
) -> None:
    registered = json.loads(
        run("registration", "qscloud-oauth", "--keyid", "k1", "--cert-publickey-file", keys.public).stdout
    )
    client_id = cloud_site.register_client(registered)
    cloud_site.oauth.manner = manner
    now = int(time.time())
    claims = {"iss": client_id, "sub": client_id, "aud": f"{cloud_site.url}/oauth/token", "iat": now, "exp": now + 280}

    def tried(key_id: str) -> Result:
        fresh = {**claims, "jti": str(uuid.uuid4())}
        token = pyjwt.encode(fresh, keys.rsa, "RS256", headers={"kid": key_id})
        return run(
            *("try", "qscloud-oauth", "--url", cloud_site.url, "--ca-file", site_certificates.ca_file),
            *("--jwt", token, "-f", "json"),
        )

    found = record(tried("k1"))
    assert (found["user"]["clientId"], found["differences"]) == (client_id, [])
    wrong = record(tried("k2"), 6)
    assert wrong["causes"][0]["reason"] == "no public key of the client has the token's key ID and made its signature"


def test_nprinting_is_refused_before_a_key_is_opened(run: Run) -> None:
    run("try", "nprinting", "--url", "https://localhost", "--key", "file:none.pem").refused(2, "not documented well")


# Where a token comes from


def test_a_token_is_made_for_it_and_forgotten(
    try_qseow: Try, qseow_site: Qseow, site_certificates: Certificates
) -> None:
    who = ("--userdir", "LAB", "--userid", "bo", "--key", site_certificates.signing_key_file)
    assert record(try_qseow(*who, "-f", "json"))["user"]["userId"] == "bo"
    (token,) = {request.bearer for request in qseow_site.requests if request.bearer}
    claims = pyjwt.decode(token or "", options={"verify_signature": False})
    assert 0 < claims["exp"] - time.time() <= 60


def test_a_token_for_the_cloud_is_made_by_the_key_ids_thumbprint_too(
    try_qscloud: Try, cloud_site: Cloud, site_certificates: Certificates
) -> None:
    thumbprint = JWK.from_pem(site_certificates.signing_key_file.read_bytes()).thumbprint()
    cloud_site.register(key_id=thumbprint)
    who = ("--issuer", "https://idp", "--subject", "bo", "--username", "Bo", "--keyid", "thumbprint")
    found = record(try_qscloud(*who, "--key", site_certificates.signing_key_file, "-f", "json"))
    assert found["user"]["subject"] == "bo"


@pytest.mark.parametrize("way", ["file", "dash", "pipe"])
def test_a_token_may_be_in_a_file_or_on_standard_input(try_qseow: Try, tmp_path: Path, way: str) -> None:
    token = qseow_token()
    (tmp_path / "token.txt").write_text(f"Bearer {token}\n")
    words = {"file": ("--jwt-file", "token.txt"), "dash": ("-",), "pipe": ()}[way]
    assert try_qseow(*words, stdin=b"" if way == "file" else token.encode()).exit_code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--jwt", "T", "--userid", "bo"), "--userid is for a new token, but one is given"),
        (("--jwt", "T", "--expires", "5m"), "--expires is for a new token, but one is given"),
        (("--jwt", "T", "--cert-privatekey-file", "K"), "--cert-privatekey-file is for a new token"),
        (("--jwt", "T", "--jwt-file", "F"), "the token is given more than once"),
        (("--userdir", "LAB", "--userid", "bo"), "no key is given"),
        (("--userid", "bo", "--key", "K"), "the following arguments are required: --userdir"),
        (("--userdir", "LAB", "--userid", "bo", "--key", "K", "--expires", "0s"), "must be longer than zero"),
        (("--userdir", "LAB", "--userid", "b\\o", "--key", "K"), "backslash"),
        (("--jwt", "T", "--ca-file", "none.pem"), "the CA file 'none.pem' does not exist"),
        (("--jwt", "T", "--timeout", "5"), "must have a unit"),
    ],
)
def test_what_does_not_go_together_is_refused_before_anything_is_sent(
    try_qseow: Try, qseow_site: Qseow, keys: SimpleNamespace, words: tuple[str, ...], said: str
) -> None:
    known = {"T": qseow_token(), "K": str(keys.files["rsa"])}
    kept = [known.get(word, word) for word in words]
    try_qseow(*kept).refused(2, said)
    assert not qseow_site.requests


def test_what_is_no_token_is_refused_before_anything_is_sent(try_qseow: Try, qseow_site: Qseow) -> None:
    try_qseow("--jwt", "a.b.c").refused(6)
    assert not qseow_site.requests


def test_the_url_is_required(run: Run) -> None:
    run("try", "qseow", "--jwt", qseow_token()).refused(2, "--url")
    run("try", "qseow", "--jwt", qseow_token(), "--url", "http://sense.example.com").refused(2, "unencrypted")


# Why a token is refused


def certificate_file(key: Any, path: Path) -> Path:
    path.write_bytes(self_signed(key, "registered"))
    return path


@pytest.mark.parametrize(
    ("changes", "words", "registered"),
    [
        ({"without": "userId", "userid": "anna"}, "the claim is called 'userid', but Qlik Sense reads 'userId'", {}),
        ({"without": "userDirectory"}, "the user directory (claim 'userDirectory') is missing", {}),
        ({"exp": NOW - 60}, "expired", {}),
        ({"nbf": NOW + DAY}, "not valid before", {}),
        ({"iat": NOW + DAY}, "iat", {}),
        ({"algorithm": "PS256"}, "PS256", {}),
        ({"aud": "mine"}, "aud is 'mine', but 'ours' is expected", {"jwtAudience": "ours"}),
        ({"key": OTHER_KEY}, "the certificate in the virtual proxy is not that of the key that signed", {}),
    ],
)
def test_a_refusal_by_qlik_sense_is_explained_by_its_cause_first(
    try_qseow: Try, qseow_site: Qseow, changes: dict[str, Any], words: str, registered: dict[str, Any]
) -> None:
    qseow_site.register(**registered)
    expected = ("--audience", "ours") if registered else ()
    found = record(try_qseow("--jwt", qseow_token(**changes), *expected, "-f", "json"), 6)
    assert words.replace("'", "") in found["causes"][0]["reason"].replace("'", "") or re.search(
        words, found["causes"][0]["reason"]
    ), found["causes"]
    assert found["answer"]["status"] == 401
    assert not qseow_site.open_sessions


def test_a_registered_certificate_decides_whose_key_it_was(try_qseow: Try, tmp_path: Path) -> None:
    registered = certificate_file(signing_key(), tmp_path / "registered.cer")
    token = ("--jwt", qseow_token(key=OTHER_KEY), "--cert-publickey-file", registered, "-f", "json")
    assert record(try_qseow(*token), 6)["causes"][0]["rule"] == "signature"


@pytest.mark.parametrize("made", [True, False])
def test_what_the_virtual_proxy_says_explains_it(
    try_qseow: Try, qseow_site: Qseow, site_certificates: Certificates, tmp_path: Path, made: bool
) -> None:
    entity = qseow_site.register(jwtAttributeUserId="user")
    (tmp_path / "registered.json").write_text(json.dumps(entity))
    new = ("--userdir", "LAB", "--userid", "anna", "--key", site_certificates.signing_key_file)
    token = new if made else ("--jwt", qseow_token())
    causes = record(try_qseow(*token, "--registered", "registered.json", "-f", "json"), 6)["causes"]
    assert "(claim 'user') is missing" in causes[0]["reason"]
    assert "--userid-claim" in causes[0]["hint"]


def test_what_a_check_has_cleared_comes_last(try_qseow: Try, qseow_site: Qseow, tmp_path: Path) -> None:
    registered = certificate_file(signing_key(), tmp_path / "registered.cer")
    qseow_site.switches.disabled.add("LAB\\anna")
    causes = record(try_qseow("--jwt", qseow_token(), "--cert-publickey-file", registered, "-f", "json"), 6)["causes"]
    reasons = [cause["reason"] for cause in causes]
    disabled = reasons.index("the user is unknown or disabled in Qlik Sense")
    cleared = reasons.index("the certificate in the virtual proxy is not that of the key that signed the token")
    assert disabled < cleared


@pytest.mark.parametrize(
    ("prepare", "url", "words"),
    [
        (lambda site: site.register(link=False), "/jwt", "no virtual proxy with this prefix"),
        (lambda site: site.register(), "/other", "no virtual proxy with this prefix"),
        (lambda site: site.register(), "", "a virtual proxy with another way to log in"),
        (lambda site: site.switches.own_names.clear(), "/jwt", "host allow list"),
        (lambda site: site.faults.unavailable(503, times=None), "/jwt", "is not running"),
        (lambda site: site.faults.unavailable(502, times=None), "/jwt", "does not reach it"),
        (lambda site: site.faults.broken_json("*/qps/user"), "/jwt", "no answer of Qlik's"),
    ],
)
def test_what_is_not_the_tokens_fault_exits_7(
    try_qseow: Try, qseow_site: Qseow, prepare: Callable[[Qseow], object], url: str, words: str
) -> None:
    prepare(qseow_site)
    result = try_qseow("--jwt", qseow_token(), url=f"{qseow_site.url}{url}")
    assert result.exit_code == 7
    assert words in " ".join(result.stderr.split())
    assert "has not looked at the token" in result.stderr
    assert result.stdout.startswith("? no verdict from https://")
    assert not qseow_site.open_sessions


def test_a_token_that_is_too_long_for_a_header_is_told_so(try_qseow: Try) -> None:
    found = record(try_qseow("--jwt", qseow_token(group="x" * 7_000), "-f", "json"), 6)
    assert "too long for a header" in found["causes"][0]["reason"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        *(({"without": claim}, f"the claim '{claim}' is missing") for claim in ("aud", "sub", "subType", "jti", "nbf")),
        ({"key": OTHER_KEY}, "no active identity provider has the token's issuer (iss) and key ID (kid)"),
        ({"iss": "https://another"}, "no active identity provider has the token's issuer"),
        ({"key_id": "k2"}, "no active identity provider has the token's issuer (iss) and key ID"),
        ({"aud": "qlik.api"}, "aud"),
        ({"nbf": NOW - 90, "exp": NOW - 30}, "expired"),
        ({"nbf": NOW + DAY, "exp": NOW + DAY + 60}, "not valid before"),
        ({"exp": NOW + DAY}, "at most 60 min"),
    ],
)
def test_a_refusal_by_qlik_cloud_is_explained_by_its_cause_first(
    try_qscloud: Try, changes: dict[str, Any], words: str
) -> None:
    found = record(try_qscloud("--jwt", cloud_token(**changes), "-f", "json"), 6)
    assert words in found["causes"][0]["reason"], found["causes"]


@pytest.mark.parametrize(
    ("options", "changes", "rule"),
    [(("--issuer", "https://idp"), {"iss": "https://another"}, "iss"), (("--keyid", "k1"), {"key_id": "k2"}, "kid")],
)
def test_what_is_registered_names_the_rule(
    try_qscloud: Try, options: tuple[str, ...], changes: dict[str, Any], rule: str
) -> None:
    found = record(try_qscloud("--jwt", cloud_token(**changes), *options, "-f", "json"), 6)
    assert found["causes"][0]["rule"] == rule


def test_a_token_that_was_used_before_is_told_of_once_the_rest_is_cleared(try_qscloud: Try, tmp_path: Path) -> None:
    (tmp_path / "registered.cer").write_text(signing_certificate())
    cleared = ("--issuer", "https://idp", "--keyid", "k1", "--cert-publickey-file", "registered.cer", "-f", "json")
    token = cloud_token()
    assert try_qscloud("--jwt", token).exit_code == 0
    causes = record(try_qscloud("--jwt", token, *cleared), 6)["causes"]
    assert causes[0]["reason"] == "the token was used before: its jti is good for once"


def test_users_whom_the_tenant_does_not_take_are_told_why(try_qscloud: Try, cloud_site: Cloud) -> None:
    cloud_site.tenant.strangers.add("anna")
    cloud_site.add_user("ben", "Ben", "ben@example.com", status="invited", invitation_expired=True)
    cloud_site.add_user("c1", "Cleo", "cleo@example.com")
    cloud_site.add_user("c2", "Cleo", "cleo@example.com")
    for token, words in (
        (cloud_token(), "not a member of the tenant"),
        (cloud_token(sub="ben", email="ben@example.com"), "invitation has expired"),
        (cloud_token(sub="c3", email="cleo@example.com"), "several active users"),
    ):
        assert words in record(try_qscloud("--jwt", token, "-f", "json"), 6)["causes"][0]["reason"]


def test_a_host_without_a_tenant_exits_7(try_qscloud: Try, cloud_site: Cloud) -> None:
    result = try_qscloud("--jwt", cloud_token(), url=cloud_site.other_url)
    assert (result.exit_code, "there is no tenant at this host" in result.stderr) == (7, True)


def test_a_clock_that_differs_is_told_of(try_qseow: Try, qseow_site: Qseow, monkeypatch: pytest.MonkeyPatch) -> None:
    behind = lambda *_: email.utils.formatdate(time.time() - 300, usegmt=True)  # noqa: E731
    monkeypatch.setattr(BaseHTTPRequestHandler, "date_time_string", behind)
    qseow_site.clock_offset = -300
    result = try_qseow("--jwt", qseow_token(nbf=NOW))
    assert result.exit_code == 6
    assert "\n1. the token is from the future: iat is" in result.stdout
    assert re.search(r"\nThe clock of the server is (5 min|30\d s) behind this one\.\n", result.stdout)


def test_rate_limits_are_waited_for_and_told_of_if_there_is_no_time(
    try_qscloud: Try, cloud_site: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    cloud_site.faults.rate_limit(2)
    assert [step["status"] for step in record(try_qscloud("--jwt", cloud_token(), "-f", "json"))["steps"]][:2] == [
        429,
        200,
    ]
    cloud_site.faults.rate_limit(60)
    try_qscloud("--jwt", cloud_token()).refused(7, "asks to wait 60 s")


def test_a_rate_limit_without_a_time_to_wait_is_told_of(try_qscloud: Try, cloud_site: Cloud) -> None:
    error = {"errors": [{"code": "HTTP-429", "title": "API rate limit reached."}]}
    cloud_site.faults.instead(lambda *_: Answer.of(429, error))
    result = try_qscloud("--jwt", cloud_token())
    assert (result.exit_code, "more than 100 logins a minute" in result.stderr) == (7, True)


def test_a_session_that_gets_lost_is_not_the_tokens_fault(try_qscloud: Try, cloud_site: Cloud) -> None:
    cloud_site.faults.instead(lambda *_: Answer.undocumented(401, "Unauthorized"), "*/users/me")
    result = try_qscloud("--jwt", cloud_token())
    assert (result.exit_code, "does not know the session" in result.stderr) == (7, True)


ACME = """
    from qsjwt.api import Platform, Request, Response, Session, Token, time_claims

    class Acme(Platform):
        summary = "Acme Analytics"

        def add_options(self, group):
            group.add("--user", required=True, help="who it is")

        def build(self, request, now):
            return Token({}, {"user": request.options.user, **time_claims(request, now)})

        def present(self, presented):
            answer = yield presented.request("GET", "/me")
            return Session(answer.expect_object(200, member="id"), {"id": "user"})
"""


@pytest.fixture
def try_acme(
    run: Run, cloud_site: Cloud, site_certificates: Certificates, installed_plugin: InstallPlugin, keys: SimpleNamespace
) -> Callable[[str], Callable[[], Result]]:
    """Install a platform of another package, and return what tries a token of it."""

    def install(source: str) -> Callable[[], Result]:
        installed_plugin("acme", {"qsjwt.platform.v1": "acme = acme:Acme"}, source)
        server = ("--url", cloud_site.url, "--ca-file", site_certificates.ca_file)
        return lambda: run("try", "acme", *server, "--user", "anna", "--key", keys.files["rsa"])

    return install


@pytest.mark.parametrize(
    ("sound", "broken"),
    [
        ('presented.request("GET", "/me")', '"/me"'),
        ("return Session(", "return dict("),
        ("answer = yield", "1 / 0; answer = yield"),
        ('answer.expect_object(200, member="id")', 'answer.json["x"]'),
    ],
)
def test_a_platform_that_presents_it_wrongly_is_named(
    try_acme: Callable[[str], Callable[[], Result]], cloud_site: Cloud, sound: str, broken: str
) -> None:
    cloud_site.faults.instead(lambda *_: Answer.of(200, {"id": "anna"}), times=None)
    assert sound in ACME
    try_acme(ACME.replace(sound, broken))().refused(5, "'acme' of acme 1.2.3 does not present the token")


def test_a_platform_of_another_package_is_tried_too(
    try_acme: Callable[[str], Callable[[], Result]], cloud_site: Cloud
) -> None:
    tried = try_acme(ACME)
    cloud_site.faults.instead(lambda *_: Answer.of(200, {"id": "anna"}))
    assert tried().stdout.startswith(f"✓ accepted by {cloud_site.url}\n\n  id  anna\n")
    result = tried()
    assert (result.exit_code, "there is nothing under this address" in result.stderr) == (7, True)


# What is left behind


@pytest.mark.parametrize(
    "fault",
    [
        lambda faults, _elsewhere: faults.broken_json("*/qps/user"),
        lambda faults, _elsewhere: faults.unavailable(500, "*/qps/user"),
        lambda faults, _elsewhere: faults.drop("*/qps/user", acted=False),
        lambda faults, _elsewhere: faults.endless("*/qps/user"),
        lambda faults, _elsewhere: faults.slow(30, "*/qps/user"),
        lambda faults, elsewhere: faults.redirect(f"{elsewhere.url}/", "*/qps/user"),
        lambda faults, _elsewhere: faults.redirect("/jwt/login", "*/qps/user"),
        lambda faults, _elsewhere: faults.rate_limit(60, "*/qps/user"),
    ],
)
def test_no_session_is_left_open_whatever_happens(
    try_qseow: Try, qseow_site: Qseow, elsewhere: Elsewhere, fault: Callable[[Any, Elsewhere], None]
) -> None:
    fault(qseow_site.faults, elsewhere)
    result = try_qseow("--jwt", qseow_token(), "--timeout", "1s")
    assert result.exit_code == 7, result.stderr
    assert len(qseow_site.seen("DELETE", "/qps/user")) == 1
    assert not qseow_site.open_sessions
    assert not elsewhere.requests


@posix("signals from other processes")
def test_a_request_to_end_ends_the_session_first(qseow_site: Qseow, site_certificates: Certificates) -> None:
    qseow_site.register()
    reached = threading.Event()
    qseow_site.on_request = lambda request: reached.set() if request.path.endswith("/qps/user") else None
    qseow_site.faults.slow(30, "*/qps/user")
    words = ("--url", qseow_site.prefix_url(), "--ca-file", str(site_certificates.ca_file), "--jwt", qseow_token())
    with subprocess.Popen([sys.executable, "-m", "qsjwt", "try", "qseow", *words]) as process:
        assert reached.wait(20)
        process.terminate()
        assert process.wait(20) == 128 + signal.SIGTERM
    assert not qseow_site.open_sessions


def test_ten_tries_leave_no_session(try_qseow: Try, qseow_site: Qseow) -> None:
    for _ in range(10):
        assert try_qseow("--jwt", qseow_token()).exit_code == 0
    assert not qseow_site.open_sessions


def test_a_session_that_cannot_be_ended_is_a_warning(
    try_qseow: Try, qseow_site: Qseow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presenting, "GRACE_SECONDS", 0)
    qseow_site.faults.drop("*/qps/user", acted=False, skip=1)
    result = try_qseow("--jwt", qseow_token(), "-f", "json")
    assert record(result)["session_ended"] is False
    assert "warning: the session could not be ended" in result.stderr


def test_no_secret_is_shown_at_any_level(
    try_qseow: Try, try_qscloud: Try, qseow_site: Qseow, cloud_site: Cloud, site_certificates: Certificates
) -> None:
    shown = ""
    for before in (("-vvv",), ("--debug",)):
        for tried, token in ((try_qseow, qseow_token()), (try_qscloud, cloud_token())):
            for result in (
                tried("--jwt", token, before=before),
                tried("--jwt", token, "--timeout", "1s", before=before, url="https://localhost:1"),
                tried("--jwt", token[:-5], before=before),
            ):
                shown += result.stdout + result.stderr
    sent = [*qseow_site.requests, *cloud_site.requests]
    secrets = {request.bearer for request in sent} | {value for one in sent for value in one.cookies.values()}
    secrets |= {part for secret in secrets if secret for part in secret.split(".") if len(part) > 12}
    assert len(secrets) > 10
    assert not [secret for secret in secrets if secret and secret in shown]


def test_a_server_that_sends_the_token_back_does_not_get_it_shown(try_qseow: Try, qseow_site: Qseow) -> None:
    token = qseow_token()
    qseow_site.faults.instead(lambda request, _own: Answer.text(401, f"no: {request.headers['authorization']}"))
    for form in ("text", "json"):
        result = try_qseow("--jwt", token, "-f", form)
        qseow_site.faults.instead(lambda request, _own: Answer.text(401, f"no: {request.headers['authorization']}"))
        assert result.exit_code == 6
        assert token.split(".")[1] not in result.stdout + result.stderr


def test_a_redirect_elsewhere_is_named_and_gets_nothing(
    try_qscloud: Try, cloud_site: Cloud, elsewhere: Elsewhere
) -> None:
    cloud_site.faults.redirect(f"{elsewhere.url}/login", status=307)
    try_qscloud("--jwt", cloud_token()).refused(7, f"redirects to '{elsewhere.url}'")
    assert not elsewhere.requests


def test_a_token_is_created_without_anything_of_http(keys: SimpleNamespace) -> None:
    program = "import sys; from qsjwt.cli.app import main; main(sys.argv[1:]); print(*sys.modules)"
    words = (
        "create-qseow",
        "--userdir",
        "LAB",
        "--userid",
        "anna",
        "--expires",
        "5m",
        "--key",
        f"file:{keys.files['rsa']}",
    )
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=True)
    modules = done.stdout.splitlines()[-1].split()
    assert "qsjwt_platforms.qseow" in modules
    roots = {"urllib3", "truststore", "http", "ssl", "qsjwt.live", "qsjwt_platforms.qseow_session"}
    assert not [name for name in modules if name in roots or name.startswith(("qsjwt.live.", "http.client"))]


def test_help_needs_no_http() -> None:
    assert run_process("try", "qseow", "--help").returncode == 0
