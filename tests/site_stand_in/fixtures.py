"""A site for each test, and the certificates that all of them share; sockets are open for loopback alone."""

from collections.abc import Iterator

import pytest
from pytest_socket import socket_allow_hosts

from tests.site_stand_in import Certificates, Cloud, Elsewhere, ForwardProxy, Qseow, Site

_PROXY_VARIABLES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(scope="session")
def site_certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """The CA, the certificates and the files of all sites of a run."""
    return Certificates(tmp_path_factory.mktemp("site"))


@pytest.fixture
def loopback(socket_enabled: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the test reach loopback and nothing else, and no proxy of the machine's."""
    socket_allow_hosts(["127.0.0.1", "::1"], allow_unix_socket=True)
    for variable in _PROXY_VARIABLES:
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.lower(), raising=False)


@pytest.fixture
def cloud_site(loopback: None, site_certificates: Certificates) -> Iterator[Cloud]:
    """A tenant of Qlik Cloud without an identity provider."""
    with Cloud(site_certificates) as site:
        yield site
    _require_sound(site)


@pytest.fixture
def qseow_site(loopback: None, site_certificates: Certificates) -> Iterator[Qseow]:
    """A client-managed site with a central and a second proxy, without a virtual proxy for tokens."""
    with Qseow(site_certificates, proxies=2) as site:
        yield site
    _require_sound(site)


@pytest.fixture
def elsewhere(loopback: None, site_certificates: Certificates) -> Iterator[Elsewhere]:
    """Another host, whose certificate the same CA issued, and to which nothing may be sent."""
    with Elsewhere(site_certificates) as site:
        yield site


@pytest.fixture
def forward_proxy(loopback: None) -> Iterator[ForwardProxy]:
    """A forward proxy for ``HTTPS_PROXY``."""
    with ForwardProxy() as proxy:
        yield proxy


def _require_sound(site: Site) -> None:
    assert not site.crashes, site.crashes
