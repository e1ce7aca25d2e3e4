"""Make a new key pair, and the self-signed X.509 certificate (RFC 5280) that Qlik's forms ask for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from jwcrypto.jwk import JWK

from qsjwt.errors import InputError, KeyUnavailable, SigningFailed
from qsjwt.keys.jwk import jwk_of
from qsjwt.keys.signer import EC_CURVES, RSA_ALGORITHMS, Signer
from qsjwt.redaction import quoted
from qsjwt.times import LAST_SECOND

KEY_SIZES: Final = {"rsa": (4096, 2048, 3072), "ec": (384, 256)}
"""Kind of key to its sizes in bits, the usual one first: the modulus of RSA, the curves P-384 and P-256."""

_CURVES: Final = {256: ec.SECP256R1, 384: ec.SECP384R1}
_HASHES: Final[dict[str, type[hashes.SHA256 | hashes.SHA384 | hashes.SHA512]]] = {
    "256": hashes.SHA256,
    "384": hashes.SHA384,
    "512": hashes.SHA512,
}
"""By the last three digits of a JWA name (RFC 7518, section 3.1)."""

CERTIFYING: Final = ("RS", "ES")
"""How the JWA names begin with which certificates are signed here: no RSASSA-PSS."""

_DAY: Final = 86_400
_MAX_PASSPHRASE_BYTES: Final = 1023
"""Bytes that OpenSSL encrypts with."""

_MAX_NAME_CHARACTERS: Final = 64
"""Characters of a common name: RFC 5280, appendix A.1, ub-common-name."""


@dataclass(frozen=True, repr=False)
class KeyPair:
    """A new key and its certificate, each also as the bytes of a PEM file."""

    private_key: JWK
    private_pem: bytes
    public_pem: bytes
    certificate_pem: bytes


@dataclass(frozen=True)
class CertificateRequest:
    """What a new certificate shall be.

    :ivar days: how long it is valid, from 1.
    :ivar common_name: its subject and issuer, 1 to 64 characters.
    :ivar now: the time from which it is valid, as a NumericDate in seconds.
    :raises InputError: if one of these is out of range.
    """

    days: int
    common_name: str
    now: int

    def __post_init__(self) -> None:
        if (
            not self.common_name.strip()
            or len(self.common_name) > _MAX_NAME_CHARACTERS
            or not self.common_name.isprintable()
        ):
            raise InputError(
                f"the common name of a certificate must have 1 to {_MAX_NAME_CHARACTERS} printable characters, "
                f"not {quoted(self.common_name)}"
            )
        if self.days < 1:
            raise InputError("a new certificate is valid for at least one day")
        if self.now + self.days * _DAY > LAST_SECOND:
            raise InputError("the new certificate would be valid beyond the year 9999", hint="use fewer days")


@dataclass(frozen=True)
class KeyPairRequest(CertificateRequest):
    """What a new key and its certificate shall be.

    :ivar kind: "rsa" or "ec".
    :ivar size: bits: 2048, 3072 or 4096 for RSA; 256 or 384 for EC, the curve P-256 or P-384.
    :raises InputError: as :class:`CertificateRequest`, and if one of these is not among those.
    """

    kind: str = "rsa"
    size: int = 4096

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kind not in KEY_SIZES:
            raise InputError(f"a new key is of the kind {' or '.join(KEY_SIZES)}, not {quoted(self.kind)}")
        if self.size not in KEY_SIZES[self.kind]:
            *first, last = sorted(KEY_SIZES[self.kind])
            sizes = f"{', '.join(map(str, first))} or {last}"
            raise InputError(f"a new {self.kind.upper()} key has {sizes} bits, not {self.size}")


def new_key_algorithms(kind: str, size: int) -> Sequence[str]:
    """Return the JWA names (RFC 7518, section 3) that a new key can do; the parameters are those of its request."""
    if kind == "rsa":
        return RSA_ALGORITHMS
    return [algorithm for algorithm, curve in EC_CURVES.items() if curve == f"P-{size}"]


def create_key_pair(request: KeyPairRequest, passphrase: bytes | None = None) -> KeyPair:
    """Return a new key with a certificate that is signed by itself with SHA-256, or SHA-384 for P-384.

    :param passphrase: encrypts the private PEM, if given.
    :raises KeyUnavailable: if the passphrase is too long to encrypt with.
    """
    if passphrase is not None and len(passphrase) > _MAX_PASSPHRASE_BYTES:
        raise KeyUnavailable(f"the passphrase for the new key is longer than {_MAX_PASSPHRASE_BYTES} bytes")
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    if request.kind == "ec":
        key = ec.generate_private_key(_CURVES[request.size]())
    else:
        key = rsa.generate_private_key(public_exponent=65537, key_size=request.size)
    encryption = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    digest = hashes.SHA384() if (request.kind, request.size) == ("ec", 384) else hashes.SHA256()
    return KeyPair(
        private_key=jwk_of(key),
        private_pem=key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption),
        public_pem=key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
        certificate_pem=_certificate(key, digest, request),
    )


def self_signed_certificate(signer: Signer, request: CertificateRequest, algorithm: str) -> bytes:
    """Return a certificate in PEM for the key of *signer*, signed by it, wherever its private half is.

    :param algorithm: the JWA name of the signature, one that *signer* can do.
    :raises InputError: if certificates are not signed with *algorithm* here: RSASSA-PSS.
    :raises SigningFailed: if the signer fails, or its signature does not verify.
    """
    family, digest = algorithm[:2], algorithm[2:]
    if family not in CERTIFYING:
        raise InputError(f"a certificate is not signed with {algorithm} here", hint="use another --algorithm")
    key = (_RsaKey if family == "RS" else _EcKey)(signer, algorithm)
    pem = _certificate(key, _HASHES[digest](), request)
    certificate = x509.load_pem_x509_certificate(pem)
    try:
        certificate.verify_directly_issued_by(certificate)
    except Exception as cause:
        raise SigningFailed("the new certificate's signature does not verify with the key's own public half") from cause
    return pem


class _Elsewhere:
    """What a private key that only signs refuses to do; cryptography requires it."""

    def __init__(self, signer: Signer, algorithm: str) -> None:
        self._signer = signer
        self._algorithm = algorithm

    def public_key(self) -> Any:
        return serialization.load_pem_public_key(self._signer.public_key.export_to_pem())

    @property
    def key_size(self) -> int:
        size: int = self.public_key().key_size
        return size

    def _refuse(self, *_unused: Any) -> NoReturn:
        raise NotImplementedError("the private key is not here")

    decrypt = exchange = private_numbers = private_bytes = __copy__ = __deepcopy__ = _refuse


class _RsaKey(_Elsewhere, rsa.RSAPrivateKey):
    def sign(self, data: Any, *_unused: Any) -> bytes:
        return self._signer.sign(bytes(data), self._algorithm)


class _EcKey(_Elsewhere, ec.EllipticCurvePrivateKey):
    @property
    def curve(self) -> ec.EllipticCurve:
        curve: ec.EllipticCurve = self.public_key().curve
        return curve

    def sign(self, data: Any, *_unused: Any) -> bytes:
        signature = self._signer.sign(bytes(data), self._algorithm)
        half = len(signature) // 2
        return encode_dss_signature(int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big"))


def _certificate(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, digest: hashes.HashAlgorithm, request: CertificateRequest
) -> bytes:
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
    certificate = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=request.days))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(digital_signature=True, **usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, digest)  # type: ignore[arg-type]
    )
    return certificate.public_bytes(serialization.Encoding.PEM)
