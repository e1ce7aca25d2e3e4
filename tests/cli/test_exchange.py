"""``exchange NAME``: the session that a token opens, as other programs take it."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jwt as pyjwt
import pytest

from tests.conftest import Result, Run, is_private
from tests.programs import run_program
from tests.site_stand_in import Certificates, Cloud, Qseow
from tests.site_stand_in.client import XRF, XRFKEY, Client, cloud_token, qseow_token

Exchange = Callable[..., Result]


@pytest.fixture
def exchange(run: Run, site_certificates: Certificates, qseow_site: Qseow, cloud_site: Cloud) -> Exchange:
    """Run ``exchange`` for a platform against its site."""
    qseow_site.register()
    cloud_site.register()
    urls = {"qseow": qseow_site.prefix_url(), "qscloud": cloud_site.url, "qscloud-oauth": cloud_site.url}

    def exchanged(platform: str, *words: object, **how: Any) -> Result:
        server = ("--url", urls[platform], "--ca-file", site_certificates.ca_file)
        return run("exchange", platform, *server, *words, **how)

    return exchanged


def test_a_cookie_file_is_in_netscapes_form_with_the_csrf_token_as_a_comment(
    exchange: Exchange, qseow_site: Qseow
) -> None:
    result = exchange("qseow", "--jwt", qseow_token())
    assert (result.exit_code, result.stderr) == (0, "")
    (session,) = qseow_site.open_sessions
    assert result.stdout == (
        "# Netscape HTTP Cookie File\n"
        f"# qlik-csrf-token: {session.csrf_token}\n"
        f"localhost\tFALSE\t/\tTRUE\t0\tX-Qlik-Session-jwt\t{session.id}\n"
    )


def test_header_lines_are_what_the_next_call_sends(
    exchange: Exchange, qseow_site: Qseow, site_certificates: Certificates
) -> None:
    lines = exchange("qseow", "--jwt", qseow_token(), "-f", "header").stdout.splitlines()
    headers = dict(line.split(": ", 1) for line in lines)
    (session,) = qseow_site.open_sessions
    assert headers == {"Cookie": f"X-Qlik-Session-jwt={session.id}", "qlik-csrf-token": session.csrf_token}
    url = f"{qseow_site.prefix_url()}/qps/user?xrfkey={XRFKEY}"
    assert Client(site_certificates).call("GET", url, {**XRF, **headers}).json["userId"] == "anna"


def test_json_has_the_user_the_cookies_and_the_headers(exchange: Exchange, cloud_site: Cloud) -> None:
    found = json.loads(exchange("qscloud", "--jwt", cloud_token(), "-f", "json").stdout)
    (session,) = cloud_site.open_sessions
    assert (found["url"], found["user"]["subject"]) == (cloud_site.url, "anna")
    assert (found["cookies"]["eas.sid"], found["expires_in"]) == (session.sid, None)
    assert found["headers"]["qlik-csrf-token"] == session.csrf_token
    assert f"eas.sid={session.sid}" in found["headers"]["Cookie"]


@pytest.fixture
def oauth_token(run: Run, cloud_site: Cloud, keys: SimpleNamespace) -> str:
    """An assertion of a client that the tenant knows."""
    jwk = run("registration", "qscloud-oauth", "--keyid", "k1", "--cert-publickey-file", keys.public).stdout
    client = cloud_site.register_client(json.loads(jwk))
    now = int(time.time())
    claims = {"iss": client, "sub": client, "aud": f"{cloud_site.url}/oauth/token", "jti": "1", "iat": now}
    return pyjwt.encode({**claims, "exp": now + 60}, keys.rsa, "RS256", headers={"kid": "k1"})


def test_an_access_token_is_a_header(exchange: Exchange, oauth_token: str, cloud_site: Cloud) -> None:
    result = exchange("qscloud-oauth", "--jwt", oauth_token)
    assert result.stdout.startswith("Authorization: Bearer eyJ")
    assert result.stdout.split()[-1] in cloud_site.tenant.bearers
    assert len(result.stdout.splitlines()) == 1


def test_an_access_token_is_no_cookie(exchange: Exchange, oauth_token: str) -> None:
    exchange("qscloud-oauth", "--jwt", oauth_token, "-f", "cookies").refused(2, "the session has no cookies")


def test_an_access_token_says_how_long_it_is_good_for(exchange: Exchange, oauth_token: str) -> None:
    assert json.loads(exchange("qscloud-oauth", "--jwt", oauth_token, "-f", "json").stdout)["expires_in"] == 21600


def test_a_file_is_for_its_owner_alone(exchange: Exchange, tmp_path: Path) -> None:
    result = exchange("qseow", "--jwt", qseow_token(), "--output", "cookies.txt")
    assert (result.exit_code, result.stdout) == (0, "")
    made = tmp_path / "cookies.txt"
    assert is_private(made)
    assert made.read_text().startswith("# Netscape HTTP Cookie File\n")


def test_a_file_that_cannot_be_written_costs_no_session(exchange: Exchange, qseow_site: Qseow) -> None:
    exchange("qseow", "--jwt", qseow_token(), "--output", "none/cookies.txt").refused(2, "a folder that does not exist")
    assert not qseow_site.requests


def test_a_refusal_prints_nothing_and_is_explained(exchange: Exchange, qseow_site: Qseow) -> None:
    token = qseow_token(without="userId", userid="anna")
    exchange("qseow", "--jwt", token).refused(6, "the claim is called 'userid', but Qlik Sense reads 'userId'")
    assert not qseow_site.open_sessions


def test_a_session_that_is_of_no_use_is_ended(exchange: Exchange, qseow_site: Qseow) -> None:
    qseow_site.faults.broken_json("*/qps/user")
    exchange("qseow", "--jwt", qseow_token()).refused(7, "no answer of Qlik's")
    assert not qseow_site.open_sessions


def test_a_session_that_can_only_read_is_warned_of(exchange: Exchange, cloud_site: Cloud) -> None:
    cloud_site.tenant.csrf_tokens = False
    result = exchange("qscloud", "--jwt", cloud_token())
    assert (result.exit_code, "it can read, but not write" in result.stderr) == (0, True)


@pytest.mark.needs("curl")
def test_curl_takes_the_cookie_file_and_the_header_lines(
    exchange: Exchange, cloud_site: Cloud, site_certificates: Certificates
) -> None:
    url = f"{cloud_site.url}/api/v1/users/me"
    curl = ("curl", "--silent", "--fail", "--location", "--cacert", site_certificates.ca_file)
    for form, word in (("cookies", "--cookie"), ("header", "--header")):
        exchange("qscloud", "--jwt", cloud_token(), "-f", form, "--output", form)
        source = form if form == "cookies" else f"@{form}"
        assert json.loads(run_program(*curl, word, source, url).stdout)["subject"] == "anna"


@pytest.mark.needs("wget")
def test_wget_takes_the_cookie_file(exchange: Exchange, qseow_site: Qseow, site_certificates: Certificates) -> None:
    exchange("qseow", "--jwt", qseow_token(), "--output", "cookies.txt")
    wget = ("wget", "--quiet", "--output-document=-", f"--ca-certificate={site_certificates.ca_file}")
    done = run_program(
        *(*wget, "--load-cookies=cookies.txt", f"--header=X-Qlik-Xrfkey: {XRFKEY}"),
        f"{qseow_site.prefix_url()}/qps/user?xrfkey={XRFKEY}",
    )
    assert json.loads(done.stdout)["userId"] == "anna"
