"""Signers: sign bytes with one key and one algorithm, wherever the key is."""

import abc
import functools
import hashlib
from types import TracebackType
from typing import Final, Self

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from jwcrypto.common import base64url_decode
from jwcrypto.jwa import JWA
from jwcrypto.jwk import JWK

from qsjwt.errors import InputError, UnsuitableKey
from qsjwt.keys.load import LARGEST_RSA
from qsjwt.redaction import quoted

_RSA: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
_CURVES: Final = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
ALGORITHMS: Final = (*_RSA, *_CURVES)
"""JWA names (RFC 7518, section 3.1) that are signed with here."""

_CURVE_BITS: Final = {
    **{"P-256": 256, "P-384": 384, "P-521": 521, "secp256k1": 256},
    **{"Ed25519": 256, "Ed448": 456, "X25519": 256, "X448": 448},
}
"""Bits of the field of a curve, or of a public key in the case of RFC 8032 and 7748."""

_COORDINATE_BYTES: Final = {"ES256": 32, "ES384": 48, "ES512": 66}
ONE_OF_EACH_KIND: Final = ("RS256", "ES384", "ES256", "ES512")
"""JWA names for keys of whose kind nothing is known."""

_SMALLEST_RSA: Final = 2048
"""Bits: RFC 7518, sections 3.3 and 3.5."""


class Signer(abc.ABC):
    """Signs bytes with one key and one algorithm; it may never have seen the private half.

    A signer is a context manager; leaving it closes it. It may be used from several threads at once.

    :ivar algorithm: the JWA name (RFC 7518, section 3.1), such as "RS256".
    :ivar public_key: the public half, and nothing else, as a :class:`jwcrypto.jwk.JWK`.
    :ivar certificates: what the key's place holds of X.509 certificates in PEM, unread; None if it holds none.
    """

    algorithm: str
    public_key: JWK
    certificates: bytes | None = None

    @abc.abstractmethod
    def sign(self, data: bytes) -> bytes:
        """Return the signature of *data* in JOSE form: PKCS#1 v1.5 or PSS as it is, ECDSA as R||S (RFC 7518, 3.4).

        :raises SigningFailed: if a service refuses, or does not answer in time.
        """

    @functools.cached_property
    def thumbprint(self) -> str:
        """The SHA-256 thumbprint of the public key (RFC 7638), in base64url."""
        thumbprint: str = self.public_key.thumbprint()
        return thumbprint

    def close(self) -> None:
        """Give back what the signer holds: a session, a connection. May be called twice.

        If the program is ended, another thread may still be waiting for a signature.
        """
        return

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.algorithm}>"


class LocalSigner(Signer):
    """Signs in this process with a private key that it holds."""

    def __init__(self, private_key: JWK, algorithm: str, certificates: bytes | None = None) -> None:
        """Hold *private_key*.

        :raises UnsuitableKey: if *algorithm* needs another kind of key, or a longer one.
        """
        require_suitable(private_key, algorithm)
        self.algorithm = algorithm
        self.public_key = private_key.public()
        self.certificates = certificates
        self._private_key = private_key

    def sign(self, data: bytes) -> bytes:
        signature: bytes = JWA.signing_alg(self.algorithm).sign(self._private_key, data)
        return signature


def require_suitable(key: JWK, algorithm: str) -> None:
    """Return if *key*, private or public, can serve *algorithm* (RFC 7518, section 3).

    :raises UnsuitableKey: if it is of another kind, on another curve, or shorter than 2048 bits of RSA.
    :raises InputError: if *algorithm* is none that is signed with a private key.
    """
    kind = key.get("kty")
    if algorithm in _RSA:
        if kind != "RSA":
            raise UnsuitableKey(f"{algorithm} needs an RSA key, and this is {key_kind(key)}", hint=_way_out(key))
        bits = key_bits(key)
        if bits < _SMALLEST_RSA:
            raise UnsuitableKey(f"the RSA key has {bits} bits, and {algorithm} needs at least {_SMALLEST_RSA}")
        if bits > LARGEST_RSA:
            raise UnsuitableKey(f"the RSA key has {bits} bits, and nothing verifies with more than {LARGEST_RSA}")
    elif algorithm in _CURVES:
        if kind != "EC" or key.get("crv") != _CURVES[algorithm]:
            raise UnsuitableKey(
                f"{algorithm} needs an EC key on {_CURVES[algorithm]}, and this is {key_kind(key)}", hint=_way_out(key)
            )
    else:
        raise InputError(f"{quoted(algorithm)} is not an algorithm that tokens are signed with here")


def key_bits(key: JWK) -> int:
    """Return the size of *key* in bits: the modulus of RSA, the field of a curve."""
    if key["kty"] == "RSA":
        return int.from_bytes(base64url_decode(key["n"]), "big").bit_length()
    return _CURVE_BITS[key["crv"]]


def _way_out(key: JWK) -> str:
    kind, curve = key.get("kty"), key.get("crv")
    fitting = "RS256" if kind == "RSA" else next((name for name in _CURVES if _CURVES[name] == curve), "")
    return f"use --algorithm {fitting} where the platform takes it, or another key" if fitting else ""


def key_kind(key: JWK) -> str:
    """Return what kind of key *key* is, for a message."""
    match key.get("kty"):
        case "RSA":
            return "an RSA key"
        case "EC":
            return f"an EC key on {key.get('crv')}"
        case _:
            return f"a key of another kind ({key.get('crv') or key.get('kty')})"


def digest(data: bytes, algorithm: str) -> bytes:
    """Return the digest of *data* that *algorithm* signs, for services that are given no more than that.

    :param algorithm: a JWA name (RFC 7518, section 3.1), whose last digits are those of SHA-2.
    """
    return hashlib.new(f"sha{algorithm[2:]}", data).digest()


def jose_signature(der: bytes, algorithm: str) -> bytes:
    """Return an ECDSA signature as R||S of fixed width (RFC 7518, section 3.4).

    :param der: the ASN.1 form that services and HSM libraries give.
    :param algorithm: ES256, ES384 or ES512.
    :raises ValueError: if *der* is not such a form.
    """
    width = _COORDINATE_BYTES[algorithm]
    r, s = decode_dss_signature(der)
    try:
        return r.to_bytes(width, "big") + s.to_bytes(width, "big")
    except OverflowError as cause:
        raise ValueError(f"the signature is too long for {algorithm}") from cause
