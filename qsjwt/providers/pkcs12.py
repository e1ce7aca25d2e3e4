"""``pkcs12:FILE``: a private key in a PKCS#12 file (.p12, .pfx), with its certificate."""

import base64
import binascii
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12

from qsjwt.api import KeyProvider, KeyUnavailable, Secrets, Signer, local_signer, quoted, read_file


class Pkcs12Provider(KeyProvider):
    """``pkcs12:FILE``, the path as it is: a ``?``, ``#`` or ``:`` in it is part of the name.

    The file (RFC 7292) holds one private key, and its certificate, as openssl, keytool and Windows export them; its
    password is the passphrase. It may be in base64, as secrets stores have it. Its certificate is there for
    ``registration`` and ``show-key``.
    """

    summary = "pkcs12:FILE      a private key in a PKCS#12 file (.p12, .pfx)"

    def open(self, reference: str, secrets: Secrets) -> Signer:
        """Read the file.

        :raises KeyUnavailable: if it is missing, is no PKCS#12, has another password, or holds no private key.
        """
        what = "PKCS#12 file"
        source = f"the {what} {quoted(reference)}"
        data = _from_base64(read_file(reference, what, error=KeyUnavailable))
        password = secrets.passphrase()
        key, certificate = _opened(data, password, source)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        if certificate is not None:
            pem += certificate.public_bytes(Encoding.PEM)
        return local_signer(pem, source, secrets)


def _from_base64(data: bytes) -> bytes:
    try:
        return base64.b64decode(b"".join(data.split()), validate=True)
    except binascii.Error:
        return data


def _opened(data: bytes, password: bytes | None, source: str) -> tuple[Any, Any]:
    """Return the private key and its certificate, or None for that."""
    if data[:1] != b"\x30":
        raise KeyUnavailable(f"{source} is not PKCS#12", hint="a key in PEM is given as file:FILE")
    failure: Exception | None = None
    # Without a password some programs write an empty one, and others none at all, which is not the same; and
    # QSJWT_KEY_PASSPHRASE may be there for another key.
    for candidate in [*([password] if password else []), None, b""]:
        try:
            store = pkcs12.load_pkcs12(data, candidate)
        except (ValueError, TypeError, UnsupportedAlgorithm) as cause:
            failure = cause
            continue
        if store.key is None:
            raise KeyUnavailable(f"{source} holds no private key", hint="export it again, with the private key")
        return store.key, store.cert and store.cert.certificate
    if password:
        raise KeyUnavailable(f"{source} cannot be opened: wrong password, or it is damaged") from failure
    raise KeyUnavailable(
        f"{source} cannot be opened without a password, or it is damaged",
        hint="set QSJWT_KEY_PASSPHRASE, or use --key-passphrase-env or --key-passphrase-file",
    ) from failure
