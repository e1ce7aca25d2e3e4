"""The options of commands that talk to a server: where it is, whom to trust, how long to wait."""

import re
from typing import TYPE_CHECKING, Final

from qsjwt.errors import InputError
from qsjwt.live.address import parse_address
from qsjwt.options.group import OptionGroup
from qsjwt.options.parser import Parser
from qsjwt.redaction import quoted
from qsjwt.times import parse_lifetime
from qsjwt.tokens.request import Options

if TYPE_CHECKING:
    from qsjwt.live.client import Connection

_FINGERPRINT: Final = re.compile(r"(?:sha256 fingerprint=)?([0-9a-f]{2}(?::?[0-9a-f]{2}){31})", re.IGNORECASE)
"""64 hexadecimal digits, with or without colons, and with what OpenSSL prints before them."""


def add_server_options(parser: Parser, url: str) -> OptionGroup:
    """Add ``--url``, ``--ca-file``, ``--server-fingerprint`` and ``--timeout``.

    :param url: what the help says of the URL.
    """
    group = parser.group("server")
    group.add("--url", type=parse_address, required=True, metavar="URL", help=url)
    trust = group.one_of()
    trust.add("--ca-file", metavar="FILE", help="CA certificates in PEM, beside the system's own", verbatim=True)
    trust.add(
        "--server-fingerprint",
        type=_fingerprint,
        metavar="SHA256",
        advanced=True,
        help="trust the certificate with this SHA-256 fingerprint, and no other",
    )
    group.add(
        "--timeout",
        type=parse_lifetime,
        default="30s",
        metavar="TIME",
        advanced=True,
        help="for all calls together, also through HTTPS_PROXY; default %(default)s",
    )
    return group


def connection(options: Options, *, client_certificate: tuple[str, str] | None = None) -> "Connection":
    """Return how the server is called that *options* name.

    :param client_certificate: as in :class:`qsjwt.live.client.Connection`.
    """
    from qsjwt.live.client import Connection  # a command line that is wrong needs no HTTP

    return Connection(
        address=options.url,
        timeout=options.timeout,
        ca_file=options.ca_file,
        fingerprint=options.server_fingerprint,
        client_certificate=client_certificate,
    )


def _fingerprint(text: str) -> str:
    match = _FINGERPRINT.fullmatch(text.strip())
    if match is None:
        raise InputError(
            f"{quoted(text)} (must be a SHA-256 fingerprint)",
            hint="64 hexadecimal digits, as openssl x509 -in server.pem -noout -fingerprint -sha256 prints them",
        )
    return match[1].replace(":", "").lower()
