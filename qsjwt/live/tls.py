"""TLS: whom the client trusts. There is no way to switch verification off, but to name the one certificate."""

import os
import ssl

import truststore
from cryptography.hazmat.primitives.serialization import Encoding

from qsjwt.errors import InputError, KeyUnavailable
from qsjwt.io.read import read_file, user_path
from qsjwt.keys.load import load_certificates
from qsjwt.redaction import quoted


def tls_context(ca_file: str | None, *, pinned: bool) -> ssl.SSLContext:
    """Return the context of a client.

    :param ca_file: certificates to trust beside those of the system; None for none.
    :param pinned: whether the caller compares the fingerprint of the server's certificate, and nothing else counts.
    :raises InputError: if *ca_file* cannot be read, or has no certificate in it.
    """
    if pinned:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    if ca_file is None:
        return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Windows itself, which truststore asks, would take nothing but a root from the file.
    context = ssl.create_default_context() if os.name == "nt" else truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=_certificates(ca_file))
    # What the user names is trusted, also if it is not self-signed: an intermediate CA, or the server itself.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _certificates(ca_file: str) -> str:
    """Return the certificates in the file as PEM, in whatever encoding and form they are there."""
    source = f"the CA file {quoted(ca_file)}"
    try:
        found = load_certificates(read_file(ca_file, "CA file"), source)
    except KeyUnavailable:
        found = []
    if not found:
        raise InputError(
            f"{source} has no certificate in it that can be read", hint="it is PEM, such as root.pem of Qlik Sense"
        )
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in found).decode("ascii")


def load_client_certificate(context: ssl.SSLContext, certificate: str, key: str) -> None:
    """Let *context* show a client certificate.

    :param certificate, key: files in PEM; the key has no passphrase.
    :raises InputError: if one of them cannot be read, or they do not belong together.
    """
    for path, what in ((certificate, "client certificate file"), (key, "client key file")):
        read_file(path, what)
    try:
        # Without a passphrase OpenSSL would ask for one at the terminal.
        context.load_cert_chain(user_path(certificate), user_path(key), password="")
    except (ssl.SSLError, ValueError) as cause:
        raise InputError(
            f"the client certificate {quoted(certificate)} and the key {quoted(key)} cannot be used together",
            hint="both are PEM, the key without a passphrase; Qlik Sense calls them client.pem and client_key.pem",
        ) from cause
