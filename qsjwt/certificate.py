"""Make a new RSA key pair and the self-signed X.509 certificate that Qlik's forms ask for."""

from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwcrypto.jwk import JWK

from qsjwt.duration import LAST_SECOND
from qsjwt.errors import InputError, KeyUnavailable
from qsjwt.redaction import quoted

KEY_SIZES: Final = (2048, 3072, 4096)
"""Bits."""

_DAY: Final = 86_400
_LONGEST_PASSPHRASE: Final = 1023
"""Bytes that OpenSSL encrypts with."""

_LONGEST_NAME: Final = 64
"""Characters of a common name: RFC 5280, appendix A.1, ub-common-name."""


@dataclass(frozen=True, repr=False)
class KeyPair:
    """A new key and its certificate, each also as the bytes of a PEM file."""

    private_key: JWK
    private_pem: bytes
    public_pem: bytes
    certificate_pem: bytes


@dataclass(frozen=True)
class KeyPairRequest:
    """What a new key and its certificate shall be.

    :ivar size: bits of the modulus: 2048, 3072 or 4096.
    :ivar days: how long the certificate is valid, from 1.
    :ivar common_name: its subject and issuer, 1 to 64 characters.
    :ivar now: the time from which it is valid, as a NumericDate in seconds.
    :raises InputError: if one of these is out of range.
    """

    size: int
    days: int
    common_name: str
    now: int

    def __post_init__(self) -> None:
        if self.size not in KEY_SIZES:
            raise InputError(f"a new key has 2048, 3072 or 4096 bits, not {self.size}")
        if not self.common_name.strip() or len(self.common_name) > _LONGEST_NAME or not self.common_name.isprintable():
            raise InputError(
                f"a certificate's common name has 1 to {_LONGEST_NAME} characters, unlike {quoted(self.common_name)}"
            )
        if self.days < 1:
            raise InputError("a new certificate is valid for at least one day")
        if self.now + self.days * _DAY > LAST_SECOND:
            raise InputError("the new certificate would be valid beyond the year 9999", hint="use fewer days")


def create_key_pair(request: KeyPairRequest, passphrase: bytes | None = None) -> KeyPair:
    """Return a new RSA key with a certificate that is signed by itself with SHA-256.

    :param passphrase: encrypts the private PEM, if given.
    :raises KeyUnavailable: if the passphrase is too long to encrypt with.
    """
    if passphrase is not None and len(passphrase) > _LONGEST_PASSPHRASE:
        raise KeyUnavailable(f"the passphrase for the new key is longer than {_LONGEST_PASSPHRASE} bytes")
    key = rsa.generate_private_key(public_exponent=65537, key_size=request.size)
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
        certificate_pem=_certificate(key, request).public_bytes(serialization.Encoding.PEM),
    )


def _certificate(key: rsa.RSAPrivateKey, request: KeyPairRequest) -> "x509.Certificate":
    from datetime import UTC, datetime, timedelta  # 3 ms that a token without a new key does not pay

    start = datetime.fromtimestamp(request.now, UTC)
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, request.common_name)])
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
        .not_valid_after(start + timedelta(days=request.days))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(digital_signature=True, **usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
