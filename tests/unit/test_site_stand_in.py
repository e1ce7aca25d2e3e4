"""The stand-in site: its certificates, its faults, its record, and how soon it is there."""

import hashlib
import http.client
import json
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.site_stand_in import Certificates, Cloud, Elsewhere, ForwardProxy, Request
from tests.site_stand_in.client import Client, bearer

ME = "/api/v1/users/me"
REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def client(site_certificates: Certificates) -> Client:
    return Client(site_certificates)


@pytest.fixture
def me(client: Client, cloud_site: Cloud) -> Callable[[], int]:
    """Ask who the administrator is, and return the status."""
    return lambda: client.call("GET", cloud_site.url + ME, bearer(cloud_site.api_key)).status


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("unknown issuer", "unable to get local issuer|self-signed"),
        ("wrong name", "Hostname mismatch"),
        ("expired", "has expired"),
    ],
)
def test_a_certificate_with_a_fault_ends_the_handshake_and_nothing_is_asked(
    me: Callable[[], int], cloud_site: Cloud, kind: str, words: str
) -> None:
    cloud_site.show_certificate(kind)
    with pytest.raises(ssl.SSLCertVerificationError, match=words):
        me()
    assert not cloud_site.requests
    cloud_site.show_certificate("server")
    assert me() == 301


def test_its_fingerprint_is_that_of_the_certificate_it_shows(
    cloud_site: Cloud, site_certificates: Certificates
) -> None:
    shown = ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", cloud_site.port)))
    assert hashlib.sha256(shown).hexdigest() == site_certificates.fingerprint


def test_a_rate_limit_names_the_seconds_to_wait(client: Client, cloud_site: Cloud) -> None:
    cloud_site.faults.rate_limit(13)
    answer = client.call("GET", cloud_site.url + ME, bearer(cloud_site.api_key))
    assert (answer.status, answer.headers["retry-after"], answer.error["code"]) == (429, "13", "HTTP-429")
    assert client.call("GET", cloud_site.url + ME, bearer(cloud_site.api_key)).status == 301


def test_a_fault_takes_the_requests_that_it_is_meant_for(me: Callable[[], int], cloud_site: Cloud) -> None:
    cloud_site.faults.unavailable(skip=1, times=2)
    cloud_site.faults.unavailable(502, "/oauth/*", times=None)
    assert [me() for _ in range(4)] == [301, 503, 503, 301]
    assert [one.status for one in cloud_site.seen("GET", "/me")] == [301, 503, 503, 301]


def test_it_can_lead_to_another_host_which_keeps_its_own_record(
    client: Client, cloud_site: Cloud, elsewhere: Elsewhere
) -> None:
    cloud_site.faults.redirect(f"{elsewhere.url}/x")
    answer = client.call("GET", cloud_site.url + ME)
    assert (answer.status, answer.headers["location"]) == (302, f"{elsewhere.url}/x")
    assert not elsewhere.requests
    assert client.call("GET", f"{elsewhere.url}/x").status == 200
    assert [one.path for one in elsewhere.requests] == ["/x"]


def test_answers_can_be_broken_slow_or_endless(client: Client, cloud_site: Cloud) -> None:
    url = f"{cloud_site.url}/.well-known/oauth-authorization-server"
    cloud_site.faults.broken_json()
    answer = client.call("GET", url)
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.body)
    cloud_site.faults.slow(0.2)
    begun = time.monotonic()
    assert client.call("GET", url).status == 200
    assert time.monotonic() - begun >= 0.2
    cloud_site.faults.endless()
    connection = http.client.HTTPSConnection(
        "localhost", cloud_site.port, context=ssl.create_default_context(cafile=cloud_site.certificates.ca_file)
    )
    connection.request("GET", "/")
    assert len(connection.getresponse().read(1_000_000)) == 1_000_000
    connection.close()


def test_a_forward_proxy_carries_what_it_cannot_read(
    client: Client, cloud_site: Cloud, forward_proxy: ForwardProxy
) -> None:
    context = ssl.create_default_context(cafile=cloud_site.certificates.ca_file)
    for credentials, refused in ((None, False), ("Basic eDp5", True)):
        forward_proxy.credentials = credentials
        port = int(forward_proxy.url.rpartition(":")[2])
        connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=5)
        connection.set_tunnel("localhost", cloud_site.port)
        if refused:
            with pytest.raises(OSError, match="407"):
                connection.request("GET", ME)
        else:
            connection.request("GET", ME, headers=bearer(cloud_site.api_key))
            assert connection.getresponse().status == 301
        connection.close()
    assert forward_proxy.targets == [f"localhost:{cloud_site.port}"] * 2
    assert not any("authorization" in headers for headers in forward_proxy.headers)


@pytest.mark.parametrize(("acted", "there"), [(True, 1), (False, 0)])
def test_a_connection_can_end_before_or_after_what_was_asked_is_done(
    client: Client, cloud_site: Cloud, acted: bool, there: int
) -> None:
    cloud_site.faults.drop("/api/v1/oauth-clients", acted=acted)
    with pytest.raises(http.client.RemoteDisconnected):
        client.call(
            "POST",
            f"{cloud_site.url}/api/v1/oauth-clients",
            bearer(cloud_site.api_key),
            {"appType": "web", "clientName": "a"},
        )
    assert len(cloud_site.tenant.oauth_clients) == there
    assert [one.status for one in cloud_site.requests] == [0]


def test_each_request_can_be_seen_before_it_is_answered(me: Callable[[], int], cloud_site: Cloud) -> None:
    seen: list[tuple[Request, int]] = []
    cloud_site.on_request = lambda request: seen.append((request, request.status))
    me()
    ((request, status),) = seen
    assert (request.method, request.path, request.bearer, status) == ("GET", ME, cloud_site.api_key, 0)
    assert request.status == 301


def test_a_site_is_there_within_a_tenth_of_a_second(loopback: None, site_certificates: Certificates) -> None:
    seconds = []
    for _ in range(5):
        begun = time.perf_counter()
        with Cloud(site_certificates):
            seconds.append(time.perf_counter() - begun)
    assert min(seconds) < 0.1


def test_what_it_holds_imports_nothing_of_qsjwt() -> None:
    code = "import sys, tests.site_stand_in.__main__; sys.exit('qsjwt' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=False).returncode == 0


def test_by_hand_it_says_where_it_is_and_writes_what_comes(loopback: None, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.site_stand_in"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith("Requests as they come"):
                break
        said = {line[:24].strip(): line[24:].strip() for line in lines}
        (tmp_path / "root.pem").write_bytes(Path(said["CA for --ca-file"]).read_bytes())
        context = ssl.create_default_context(cafile=tmp_path / "root.pem")
        port = int(said["tenant"].rpartition(":")[2])
        connection = http.client.HTTPSConnection("localhost", port, context=context, timeout=5)
        connection.request("GET", ME)
        assert connection.getresponse().status == 401
        connection.close()
        process.stdout.readline()
        assert process.stdout.readline() == f"cloud GET    {ME} 401\n"
        process.terminate()
