"""Make a new RSA key pair and the self-signed X.509 certificate that Qlik's forms ask for."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwcrypto.jwk import JWK

from qsjwt.errors import InputError
from qsjwt.redaction import quoted

if TYPE_CHECKING:
    from datetime import datetime

KEY_SIZES: Final = (2048, 3072, 4096)
"""Bits."""

_LONGEST_NAME: Final = 64
"""Characters of a common name: RFC 5280, appendix A.1, ub-common-name."""


@dataclass(frozen=True, repr=False)
class KeyPair:
    """A new key and its certificate, each also as the bytes of a PEM file."""

    private_key: JWK
    private_pem: bytes
    public_pem: bytes
    certificate_pem: bytes


def create_key_pair(*, size: int, days: int, common_name: str, now: int, passphrase: bytes | None = None) -> KeyPair:
    """Return a new RSA key with a certificate that is signed by itself with SHA-256.

    :param size: bits of the modulus: 2048, 3072 or 4096.
    :param days: how long the certificate is valid, from 1.
    :param common_name: its subject and issuer, 1 to 64 characters.
    :param now: the time from which it is valid, as a NumericDate in seconds.
    :param passphrase: encrypts the private PEM, if given.
    :raises InputError: if one of these is out of range.
    """
    if size not in KEY_SIZES:
        raise InputError(f"a new key has {', '.join(map(str, KEY_SIZES))} bits, not {size}")
    if not common_name.strip() or len(common_name) > _LONGEST_NAME or not common_name.isprintable():
        raise InputError(
            f"a certificate's common name has 1 to {_LONGEST_NAME} characters, unlike {quoted(common_name)}"
        )
    from datetime import UTC, datetime, timedelta  # 3 ms that a token without a new key does not pay

    start = datetime.fromtimestamp(now, UTC)
    try:
        end = start + timedelta(days=days)
    except OverflowError:
        raise InputError("the new certificate would be valid beyond the year 9999", hint="use fewer days") from None
    if days < 1:
        raise InputError("a new certificate is valid for at least one day")
    key = rsa.generate_private_key(public_exponent=65537, key_size=size)
    jwk = JWK()
    jwk.unsafe_skip_rsa_key_validation = True  # it has just been made
    jwk.import_from_pyca(key)
    encryption = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    return KeyPair(
        private_key=jwk,
        private_pem=key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption),
        public_pem=key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
        certificate_pem=_certificate(key, common_name, start, end).public_bytes(serialization.Encoding.PEM),
    )


def _certificate(key: rsa.RSAPrivateKey, common_name: str, start: "datetime", end: "datetime") -> "x509.Certificate":
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, common_name)])
    usage = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    return (
        x509.CertificateBuilder(issuer_name=name, subject_name=name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(digital_signature=True, **usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
