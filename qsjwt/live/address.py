"""The server that the user named: the one place to which anything secret is sent."""

import ipaddress
import re
from typing import Final, NamedTuple
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit

from qsjwt.errors import InputError
from qsjwt.redaction import quoted

_PORTS: Final = {"https": 443, "http": 80}
_HOST: Final = re.compile(r"[\w.-]+|[0-9A-Fa-f:.]+")
_EXAMPLE: Final = "write it as https://sense.example.com/jwt or https://mytenant.eu.qlikcloud.com"


class Address(NamedTuple):
    """Where a server is.

    :ivar scheme: ``https``, or ``http`` at loopback.
    :ivar host: its name or IP address, in lower case and without brackets.
    :ivar port: the port, also if it is the scheme's own.
    :ivar path: what stands before all paths, without a slash at its end: the prefix of a virtual proxy, or nothing.
    """

    scheme: str
    host: str
    port: int
    path: str = ""

    @property
    def netloc(self) -> str:
        """The host, in brackets if they are needed, and the port if it is not the usual one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """Scheme, host and port (RFC 6454)."""
        return f"{self.scheme}://{self.netloc}"

    @property
    def url(self) -> str:
        """The whole address, without a slash at its end."""
        return f"{self.origin}{self.path}"

    def own(self, url: str) -> str | None:
        """Return *url* if it is at this server: its scheme, host and port are the same (RFC 6454); None if not.

        It is put together anew of this server's own origin, the path and the query: parsers differ about what is the
        host in ``https://one\\@other/``, and whoever sends it must not read another than was looked at here.
        """
        try:
            parts = urlsplit(url)
            same = _origin(parts) == (self.scheme, self.host, self.port)
        except ValueError:
            return None
        return urlunsplit((self.scheme, self.netloc, parts.path or "/", parts.query, "")) if same else None


def _origin(parts: SplitResult) -> tuple[str, str, int]:
    return parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)


def redirected(url: str, location: str) -> str:
    """Return where a redirect with the header ``Location`` leads from *url*."""
    try:
        return urljoin(url, location)
    except ValueError:
        return location


def parse_address(text: str) -> Address:
    """Return the address that a URL is; errors continue "invalid value for --option:".

    :raises InputError: if it is no URL of a server, has a password, a query or a fragment in it, or would send
        secrets in the clear to another machine.
    """
    text = text.strip()
    try:
        parts = urlsplit(text)
        scheme, host, port = _origin(parts)
    except ValueError:
        raise InputError(f"{quoted(text)} (must be the URL of a server)", hint=_EXAMPLE) from None
    if parts.username is not None or parts.password is not None:
        raise InputError("it holds a user name or a password, which Qlik does not read", hint=_EXAMPLE)
    if scheme not in _PORTS or not host:
        raise InputError(f"{quoted(text)} (must begin with https:// and the name of a server)", hint=_EXAMPLE)
    if not _HOST.fullmatch(host) or not (
        text.isprintable() and text.isascii() and " " not in text and "\\" not in text
    ):
        raise InputError(f"{quoted(text)} (must be the URL of a server)", hint=_EXAMPLE)
    if parts.query or parts.fragment:
        raise InputError(f"{quoted(text)} (must end with the path)", hint="leave out what follows the ? or #")
    if scheme == "http" and not is_loopback(host):
        raise InputError(
            f"{quoted(text)} (must begin with https://: a token would be sent unencrypted)", hint="use https://"
        )
    return Address(scheme, host, port, parts.path.rstrip("/"))


def is_loopback(host: str) -> bool:
    """Tell whether *host* is this machine, whatever a name server says."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
