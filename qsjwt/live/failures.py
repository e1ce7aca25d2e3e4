"""Why a server was not reached, in words: what urllib3 and the system raise, and the way out."""

import re
import socket
import ssl
from typing import Final

import urllib3
from urllib3 import exceptions

from qsjwt.errors import ServerUnavailable
from qsjwt.live.address import Address
from qsjwt.redaction import quoted

_TRUST: Final = (
    "give the certificate of its CA with --ca-file (for Qlik Sense root.pem), or its own fingerprint with "
    "--server-fingerprint"
)
_NAMES: Final = "call the server by a name that its certificate has, or have the certificate renewed"
_TIME: Final = "have it renewed, and look at this machine's clock"

_UNKNOWN_CA: Final = ("is issued by a CA that is not known here", _TRUST)
_OTHER_NAME: Final = ("is for another name", _NAMES)

# The numbers are those of who verifies: OpenSSL's X509_V_ERR_… (x509_vfy.h), Windows' CERT_E_… (winerror.h), macOS'
# errSec… (SecBase.h).
_CERTIFICATE: Final = {
    9: ("is not valid yet", _TIME),
    10: ("has expired", _TIME),
    18: ("is self-signed, and not known here", _TRUST),
    19: _UNKNOWN_CA,
    20: _UNKNOWN_CA,
    21: _UNKNOWN_CA,
    62: _OTHER_NAME,
    64: ("is for another IP address", _NAMES),
    0x800B0101: ("has expired, or is not valid yet", _TIME),
    0x800B0109: _UNKNOWN_CA,
    0x800B010A: _UNKNOWN_CA,
    0x800B010F: _OTHER_NAME,
    -67602: _OTHER_NAME,
    -67818: ("has expired", _TIME),
    -67819: ("is not valid yet", _TIME),
    -67843: _UNKNOWN_CA,
}
"""The problem with a server's certificate, as the end of a sentence, and the way out."""

_TUNNEL: Final = re.compile(r"Tunnel connection failed: (\d{3})")
"""What http.client says of a proxy that opens no tunnel."""


def failure(error: Exception, address: Address, *, pinned: bool) -> ServerUnavailable:
    """Return what *error*, which urllib3 raised, means for the user.

    :param pinned: whether the fingerprint of the server's certificate was compared.
    """
    where = quoted(address.origin)
    match error:
        case exceptions.ProxyError(original_error=cause):
            return ServerUnavailable(
                f"the proxy in HTTPS_PROXY does not lead to {where}{_reason(cause)}",
                hint="look at HTTPS_PROXY, and list the hosts that need no proxy in NO_PROXY",
            )
        case exceptions.SSLError():
            return _tls_failure(error, where, pinned)
        case exceptions.NameResolutionError():
            return ServerUnavailable(
                f"cannot reach {where}: its name is not known here", hint="look at the name in --url, and at the VPN"
            )
        case exceptions.NewConnectionError():
            return ServerUnavailable(
                f"cannot reach {where}{_reason(error.__cause__)}", hint="look at the host and the port in --url"
            )
        case exceptions.TimeoutError() | TimeoutError():
            return timeout(address)
        case _:
            return ServerUnavailable(
                f"{where} ended the connection without an answer", hint="try again; a firewall may be in between"
            )


def timeout(address: Address) -> ServerUnavailable:
    """Return that the time is over."""
    return ServerUnavailable(
        f"{quoted(address.origin)} did not answer in time", hint="use a longer --timeout, such as 60s"
    )


def _tls_failure(error: urllib3.exceptions.SSLError, where: str, pinned: bool) -> ServerUnavailable:
    cause = error.args[0] if error.args else None
    if isinstance(cause, ssl.SSLCertVerificationError):
        problem, hint = _CERTIFICATE.get(cause.verify_code, ("cannot be verified", _TRUST))
        return ServerUnavailable(f"the certificate of {where} {problem}", hint=hint)
    if pinned and not isinstance(cause, ssl.SSLError):
        return ServerUnavailable(
            f"the certificate of {where} is not the one of --server-fingerprint",
            hint="on the server, openssl x509 -in server.pem -noout -fingerprint -sha256 prints it",
        )
    return ServerUnavailable(f"no TLS connection with {where}", hint="look at the port in --url")


def _reason(cause: BaseException | None) -> str:
    """Return why, as the end of a sentence, where the system or a proxy says it in a word."""
    while cause is not None:
        if isinstance(cause, socket.gaierror):
            return ": its name is not known here"
        if isinstance(cause, OSError):
            if cause.strerror:
                return f": {cause.strerror.lower()}"
            if match := _TUNNEL.search(str(cause)):
                return (
                    ": it wants a user name and a password (407)" if match[1] == "407" else f": it answers {match[1]}"
                )
        cause = cause.__cause__
    return ""
