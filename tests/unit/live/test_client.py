"""The HTTP client: whom it trusts, how long it waits, and where it sends nothing."""

import contextlib
import logging
import re
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from urllib3.exceptions import SSLError

from qsjwt.errors import InputError, ServerUnavailable
from qsjwt.live.address import parse_address
from qsjwt.live.client import Client, Connection
from qsjwt.live.failures import failure
from qsjwt.live.messages import Request, Response
from tests.conftest import IN_WINE
from tests.site_stand_in import Answer, Certificates, Cloud, Elsewhere, ForwardProxy, Qseow
from tests.site_stand_in.client import bearer, cloud_token

SECRET = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbm5hIn0.c2lnbmF0dXJl"
ME = "/api/v1/users/me"

Call = Callable[..., Response]


@pytest.fixture
def call(site_certificates: Certificates) -> Call:
    """Send one GET to a path of a site, as the settings of a connection have it."""

    def send(site: Any, path: str = ME, *, told: Any = None, url: str = "", **settings: Any) -> Response:
        how = {"ca_file": str(site_certificates.ca_file), "timeout": 10, **settings}
        with Client(Connection(parse_address(url or site.url), **how), told) as client:
            return client.send(Request("GET", f"{url or site.url}{path}", bearer(SECRET)))

    return send


def test_it_trusts_the_ca_file_and_does_not_read_a_netrc(cloud_site: Cloud, call: Call, home: Path) -> None:
    (home / ".netrc").write_text("default login somebody password secret\n")
    assert call(cloud_site).status == 401
    (seen,) = cloud_site.requests
    assert seen.headers["authorization"] == f"Bearer {SECRET}"
    assert seen.headers["user-agent"].startswith("qsjwt/")


@pytest.mark.parametrize("form", ["pem", "with a byte order mark", "utf-16"])
def test_the_ca_file_may_come_from_powershell(
    cloud_site: Cloud, call: Call, site_certificates: Certificates, tmp_path: Path, form: str
) -> None:
    text = site_certificates.ca_file.read_text()
    encoding = {"pem": "ascii", "with a byte order mark": "utf-8-sig", "utf-16": "utf-16"}[form]
    (tmp_path / "root.pem").write_text(text, encoding=encoding)
    assert call(cloud_site, ca_file="root.pem").status == 401


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        pytest.param(
            *("server", "issued by a CA that is not known here"),
            marks=pytest.mark.skipif(IN_WINE, reason="Wine takes certificates of a CA that it does not know"),
        ),
        ("unknown issuer", "issued by a CA that is not known here"),
        ("wrong name", "is for another name"),
        ("expired", "has expired"),
    ],
)
def test_a_certificate_that_is_not_right_ends_it_before_anything_is_sent(
    cloud_site: Cloud, call: Call, kind: str, words: str
) -> None:
    cloud_site.show_certificate(kind)
    settings = {"ca_file": None} if kind == "server" else {}
    with pytest.raises(ServerUnavailable, match=words) as refused:
        call(cloud_site, **settings)
    assert refused.value.hint
    assert not cloud_site.requests


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0x800B0101, "has expired, or is not valid yet"),
        (0x800B0109, "is issued by a CA that is not known here"),
        (0x800B010F, "is for another name"),
        (-67602, "is for another name"),
        (-67818, "has expired"),
        (-67843, "is issued by a CA that is not known here"),
        (1, "cannot be verified"),
    ],
)
def test_what_windows_and_macos_find_wrong_with_a_certificate_is_put_in_the_same_words(number: int, words: str) -> None:
    cause = ssl.SSLCertVerificationError("")
    cause.verify_code = number
    refused = failure(SSLError(cause), parse_address("https://qlik.example"), pinned=False)
    assert str(refused) == f"the certificate of 'https://qlik.example' {words}"
    assert refused.hint


def test_a_ca_file_without_a_certificate_is_named(cloud_site: Cloud, call: Call, tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("nothing")
    with pytest.raises(InputError, match=re.escape("the CA file 'key.pem' has no certificate in it")):
        call(cloud_site, ca_file="key.pem")


def test_the_certificate_with_the_fingerprint_is_trusted_and_no_other(
    cloud_site: Cloud, call: Call, site_certificates: Certificates
) -> None:
    pinned = {"ca_file": None, "fingerprint": site_certificates.fingerprint}
    assert call(cloud_site, **pinned).status == 401
    cloud_site.show_certificate("unknown issuer")
    with pytest.raises(ServerUnavailable, match="is not the one of --server-fingerprint"):
        call(cloud_site, **pinned)
    assert len(cloud_site.requests) == 1


def test_a_client_certificate_is_shown(qseow_site: Qseow, site_certificates: Certificates) -> None:
    files = (str(site_certificates.client_cert), str(site_certificates.client_key))
    url = qseow_site.repository_url
    settings = Connection(parse_address(url), ca_file=str(site_certificates.ca_file), client_certificate=files)
    with Client(settings) as client:
        headers = {"X-Qlik-User": "UserDirectory=INTERNAL; UserId=sa_api", "X-Qlik-Xrfkey": "0123456789abcdef"}
        response = client.send(Request("GET", f"{url}/qrs/about?xrfkey=0123456789abcdef", headers))
    assert (response.status, response.members["schemaPath"]) == (200, "About")
    swapped = Connection(parse_address(url), client_certificate=(files[1], files[0]))
    with pytest.raises(InputError, match="cannot be used together"):
        Client(swapped)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_to_another_host_is_an_error_that_names_it(
    cloud_site: Cloud, elsewhere: Elsewhere, call: Call, status: int
) -> None:
    cloud_site.faults.redirect(f"{elsewhere.url}/catch?token={SECRET}", status=status)
    with pytest.raises(ServerUnavailable, match=re.escape(f"redirects to '{elsewhere.url}'")) as refused:
        call(cloud_site)
    assert SECRET not in str(refused.value)
    assert not elsewhere.requests


@pytest.mark.parametrize(
    "to", ["http://localhost:{port}/", "https://127.0.0.1:{port}/", "//localhost:1/", "ftp://x/", "https://[/"]
)
def test_another_scheme_name_or_port_is_another_host(cloud_site: Cloud, call: Call, to: str) -> None:
    cloud_site.faults.redirect(to.format(port=cloud_site.port))
    with pytest.raises(ServerUnavailable, match="redirects to"):
        call(cloud_site)
    assert len(cloud_site.requests) == 1


@pytest.mark.parametrize(
    "to", ["https://{evil}\\@{host}/", "https://{evil}\\\\@{host}/x", "https://a:b@{host}/", "//{evil}\\@{host}"]
)
def test_a_url_that_parsers_read_in_two_ways_leads_to_the_server_or_nowhere(
    cloud_site: Cloud, elsewhere: Elsewhere, call: Call, to: str
) -> None:
    hosts = {"evil": f"127.0.0.1:{elsewhere.port}", "host": f"localhost:{cloud_site.port}"}
    cloud_site.faults.redirect(to.format(**hosts))
    with contextlib.suppress(ServerUnavailable):
        call(cloud_site)
    assert not elsewhere.requests
    assert elsewhere.failed_handshakes == 0


def test_a_request_for_another_host_is_not_sent(
    cloud_site: Cloud, elsewhere: Elsewhere, site_certificates: Certificates
) -> None:
    settings = Connection(parse_address(cloud_site.url), ca_file=str(site_certificates.ca_file))
    with Client(settings) as client, pytest.raises(ServerUnavailable, match="is not sent"):
        client.send(Request("GET", f"{elsewhere.url}/", bearer(SECRET)))
    assert not elsewhere.requests


def test_a_redirect_within_the_server_is_followed_with_its_cookies(
    cloud_site: Cloud, site_certificates: Certificates
) -> None:
    cloud_site.register()
    told: list[tuple[str, int]] = []
    settings = Connection(parse_address(cloud_site.url), ca_file=str(site_certificates.ca_file))
    with Client(settings, lambda request, response: told.append((request.method, response.status))) as client:
        client.send(Request("POST", f"{cloud_site.url}/login/jwt-session", bearer(cloud_token())))
        response = client.send(Request("GET", f"{cloud_site.url}{ME}"))
    assert response.members["subject"] == "anna"
    assert told == [("POST", 200), ("GET", 301), ("GET", 200)]


def test_a_redirect_is_followed_only_if_that_is_wanted(cloud_site: Cloud, site_certificates: Certificates) -> None:
    settings = Connection(parse_address(cloud_site.url), ca_file=str(site_certificates.ca_file))
    cloud_site.faults.redirect("/login", times=2)
    with Client(settings) as client:
        assert client.send(Request("GET", f"{cloud_site.url}{ME}", follow=False)).status == 302
        assert client.send(Request("POST", f"{cloud_site.url}/login/jwt-session")).status == 302
    assert len(cloud_site.requests) == 2


def test_a_redirect_in_a_circle_ends(cloud_site: Cloud, call: Call) -> None:
    cloud_site.faults.redirect(ME, times=None)
    with pytest.raises(ServerUnavailable, match="redirects without end"):
        call(cloud_site)
    assert len(cloud_site.requests) == 6


def test_a_server_that_asks_to_wait_is_waited_for(
    cloud_site: Cloud, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    cloud_site.faults.rate_limit(3)
    statuses: list[int] = []
    assert call(cloud_site, told=lambda _, response: statuses.append(response.status)).status == 401
    assert (waited, statuses) == ([3], [429, 401])


def test_a_server_that_asks_to_wait_longer_than_there_is_time_is_not_waited_for(cloud_site: Cloud, call: Call) -> None:
    cloud_site.faults.rate_limit(13)
    with pytest.raises(ServerUnavailable, match=r"asks to wait 13 s \(429\)"):
        call(cloud_site)
    assert len(cloud_site.requests) == 1


@pytest.mark.parametrize("fault", ["slow", "trickling"])
def test_an_answer_that_comes_too_late_is_not_waited_for(cloud_site: Cloud, call: Call, fault: str) -> None:
    if fault == "slow":
        cloud_site.faults.slow(30)
    else:
        cloud_site.faults.endless(piece=b" ", pause=0.05)
    with pytest.raises(ServerUnavailable, match="did not answer in time"):
        call(cloud_site, timeout=0.5)


def test_an_answer_without_end_is_read_up_to_a_bound(cloud_site: Cloud, call: Call) -> None:
    cloud_site.faults.endless()
    with pytest.raises(ServerUnavailable, match="longer than 1 MiB"):
        call(cloud_site)


def test_a_connection_that_ends_without_an_answer_is_told_of(cloud_site: Cloud, call: Call) -> None:
    cloud_site.faults.drop()
    with pytest.raises(ServerUnavailable, match="ended the connection without an answer"):
        call(cloud_site)


def test_a_server_that_is_not_there_is_told_of(cloud_site: Cloud, call: Call) -> None:
    with pytest.raises(ServerUnavailable, match="cannot reach 'https://localhost:1': connection refused"):
        call(cloud_site, url="https://localhost:1")


def test_a_name_that_nobody_knows_is_told_of(cloud_site: Cloud, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(ServerUnavailable, match=r"cannot reach 'https://sense.invalid': its name is not known here"):
        call(cloud_site, url="https://sense.invalid")


def test_a_port_that_speaks_no_tls_is_told_of(cloud_site: Cloud, forward_proxy: ForwardProxy, call: Call) -> None:
    with pytest.raises(ServerUnavailable, match="no TLS connection with"):
        call(cloud_site, url=forward_proxy.url.replace("http://", "https://"))


def test_a_redirect_that_keeps_the_method_is_followed_with_the_body(
    cloud_site: Cloud, site_certificates: Certificates
) -> None:
    cloud_site.faults.redirect("/oauth/token", "/old", status=308)
    settings = Connection(parse_address(cloud_site.url), ca_file=str(site_certificates.ca_file))
    with Client(settings) as client:
        client.send(Request("POST", f"{cloud_site.url}/old", {"Content-Type": "application/json"}, b'{"a": 1}'))
    assert [(one.method, one.path, one.body) for one in cloud_site.requests] == [
        ("POST", "/old", b'{"a": 1}'),
        ("POST", "/oauth/token", b'{"a": 1}'),
    ]


def test_when_the_time_is_over_nothing_more_is_sent(cloud_site: Cloud, site_certificates: Certificates) -> None:
    settings = Connection(parse_address(cloud_site.url), timeout=0, ca_file=str(site_certificates.ca_file))
    with Client(settings) as client:
        with pytest.raises(ServerUnavailable, match="did not answer in time"):
            client.send(Request("GET", cloud_site.url))
        assert not cloud_site.requests
        client.allow(5)
        assert client.send(Request("GET", cloud_site.url)).status == 404


@pytest.mark.parametrize("date", ["", "soon", "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_a_time_to_wait_may_be_a_date_or_missing(
    cloud_site: Cloud, call: Call, monkeypatch: pytest.MonkeyPatch, date: str
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    cloud_site.faults.instead(lambda *_: Answer.of(429, {}, ("Retry-After", date)))
    assert call(cloud_site).status == (401 if date.startswith("Thu") else 429)
    assert waited == ([1] if date.startswith("Thu") else [])


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_the_proxy_of_the_environment_carries_it_and_sees_nothing(
    cloud_site: Cloud, forward_proxy: ForwardProxy, call: Call, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, forward_proxy.url)
    assert call(cloud_site).status == 401
    assert forward_proxy.targets == [f"localhost:{cloud_site.port}"]
    assert SECRET not in str(forward_proxy.headers)


def test_no_proxy_names_hosts_that_are_called_directly(
    cloud_site: Cloud, forward_proxy: ForwardProxy, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", forward_proxy.url)
    monkeypatch.setenv("NO_PROXY", "example.com,localhost")
    assert call(cloud_site).status == 401
    assert not forward_proxy.targets


def test_a_proxy_gets_its_password_and_no_message_has_it(
    cloud_site: Cloud, forward_proxy: ForwardProxy, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward_proxy.credentials = "Basic YW5uYTpwQHNz"
    monkeypatch.setenv("HTTPS_PROXY", forward_proxy.url.replace("//", "//anna:p%40ss@"))
    assert call(cloud_site).status == 401
    monkeypatch.setenv("HTTPS_PROXY", forward_proxy.url.replace("//", "//anna:wr0ng@"))
    with pytest.raises(ServerUnavailable, match="it wants a user name and a password") as refused:
        call(cloud_site)
    assert "wr0ng" not in f"{refused.value}{refused.value.hint}"


def test_a_proxy_that_leads_nowhere_is_told_of(
    forward_proxy: ForwardProxy, call: Call, cloud_site: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", forward_proxy.url)
    with pytest.raises(ServerUnavailable, match="does not lead to 'https://localhost:1': it answers 502"):
        call(cloud_site, url="https://localhost:1")
    monkeypatch.setenv("HTTPS_PROXY", "http://localhost:1")
    with pytest.raises(ServerUnavailable, match=r"HTTPS_PROXY does not lead to .*: connection refused"):
        call(cloud_site)


@pytest.mark.parametrize("proxy", ["socks5://anna:wr0ng@localhost:1", "nonsense://x"])
def test_a_proxy_of_another_kind_is_refused(
    cloud_site: Cloud, call: Call, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(InputError, match="is not http or https") as refused:
        call(cloud_site)
    assert "wr0ng" not in f"{refused.value}{refused.value.hint}"


def test_nothing_secret_is_logged_or_shown(
    cloud_site: Cloud,
    site_certificates: Certificates,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cloud_site.register()
    monkeypatch.setattr(logging.getLogger("qsjwt"), "propagate", True)  # a run of the program ends that
    monkeypatch.setattr(logging.getLogger("qsjwt"), "level", logging.DEBUG)
    caplog.set_level(logging.DEBUG)
    request = Request("POST", f"{cloud_site.url}/login/jwt-session?secret=1", bearer(cloud_token()), b"secret=1")
    with Client(Connection(parse_address(cloud_site.url), ca_file=str(site_certificates.ca_file))) as client:
        response = client.send(request)
        (cookie, *_) = client.cookies
    shown = f"{request!r}{response!r}{cookie!r}{client!r}{request}" + "".join(
        record.getMessage() for record in caplog.records if record.name.startswith("qsjwt")
    )
    for secret in ("secret=1", cookie.value, request.headers["Authorization"]):
        assert secret not in shown
    assert "POST /login/jwt-session: 200" in caplog.text


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\n", "\u20ac"])
def test_a_header_that_would_break_the_request_is_not_sent(cloud_site: Cloud, value: str) -> None:
    with Client(Connection(parse_address(cloud_site.url))) as client, pytest.raises(ServerUnavailable, match="header"):
        client.send(Request("GET", cloud_site.url, {"X": value}))
    assert not cloud_site.requests
