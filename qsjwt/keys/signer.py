"""Signers: sign bytes with one key, wherever it is, and say with which algorithms."""

import abc
import functools
import hashlib
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from jwcrypto.common import base64url_decode
from jwcrypto.jwa import JWA
from jwcrypto.jwk import JWK

from qsjwt.errors import KeyUnavailable
from qsjwt.keys.jwk import ALLOWED, MAX_RSA_BITS, public_half, same_jwk
from qsjwt.redaction import quoted

RSA_ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
EC_CURVES: Final = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
ALGORITHMS: Final = (*RSA_ALGORITHMS, *EC_CURVES)
"""JWA names (RFC 7518, section 3.1) that are signed with here."""

_CURVE_BITS: Final = {
    **{"P-256": 256, "P-384": 384, "P-521": 521, "secp256k1": 256},
    **{"Ed25519": 256, "Ed448": 456, "X25519": 256, "X448": 448},
}
"""Bits of the field of a curve, or of a public key in the case of RFC 8032 and 7748."""

_COORDINATE_BYTES: Final = {"ES256": 32, "ES384": 48, "ES512": 66}
_MIN_RSA_BITS: Final = 2048
"""Bits: RFC 7518, sections 3.3 and 3.5."""


class Signer(abc.ABC):
    """Signs bytes with one key; it may never have seen the private half.

    A signer is a context manager; leaving it closes it. It may be used from several threads at once.

    :ivar public_key: the public half, and nothing else, as a :class:`jwcrypto.jwk.JWK`.
    :ivar certificates: what the key's place holds of X.509 certificates in PEM, unread; None if it holds none.
    """

    public_key: JWK
    certificates: bytes | None = None

    @functools.cached_property
    def algorithms(self) -> Sequence[str]:
        """The JWA names (RFC 7518, section 3.1) that :meth:`sign` takes: what the public key can do, unless assigned.

        A signer whose service allows fewer assigns those.
        """
        return key_algorithms(self.public_key)

    @abc.abstractmethod
    def sign(self, data: bytes, algorithm: str) -> bytes:
        """Return the signature of *data* in JOSE form: PKCS#1 v1.5 or PSS as it is, ECDSA as R||S (RFC 7518, 3.4).

        :param algorithm: one of :attr:`algorithms`.
        :raises SigningFailed: if a service refuses, or does not answer in time.
        """

    @functools.cached_property
    def _verifying(self) -> Callable[[str], Callable[[bytes, bytes], None]]:
        return functools.cache(functools.partial(_jws, self.public_key, "verify"))

    @functools.cached_property
    def thumbprint(self) -> str:
        """The SHA-256 thumbprint of the public key (RFC 7638), in base64url."""
        thumbprint: str = self.public_key.thumbprint()
        return thumbprint

    def copy_for_process(self) -> "Callable[[], Signer] | None":
        """Return what makes the same signer in another process, None if none can be made: the key is elsewhere.

        It is pickled, and has the private key in it: for the program's own processes, through memory alone.
        """
        return None

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
        return f"<{type(self).__name__}>"


class LocalSigner(Signer):
    """Signs in this process with a private key that it holds."""

    def __init__(self, private_key: JWK, certificates: bytes | None = None) -> None:
        self.public_key = public_half(private_key)
        self.certificates = certificates
        self._private_key = private_key
        self._signing: Callable[[str], Callable[[bytes], bytes]] = functools.cache(
            functools.partial(_jws, private_key, "sign")
        )

    @functools.cached_property
    def algorithms(self) -> Sequence[str]:
        """What the private key can do, and may by what it says of itself."""
        return key_algorithms(self._private_key)

    def sign(self, data: bytes, algorithm: str) -> bytes:
        return self._signing(algorithm)(data)

    def copy_for_process(self) -> "Callable[[], Signer] | None":
        # Whoever makes a class of it may do more than sign.
        return _Copy({**self._private_key}) if type(self) is LocalSigner else None


class _Copy:
    """A private key on its way to another process."""

    def __init__(self, members: Mapping[str, Any]) -> None:
        self.members = members

    def __call__(self) -> Signer:
        return LocalSigner(same_jwk(self.members))


def verify(signer: Signer, data: bytes, signature: bytes, algorithm: str) -> None:
    """Return if *signature*, in JOSE form, is one of *data* that the public key of *signer* verifies.

    It is no method, which a class of somebody else's might have of its own.

    :param algorithm: one of the algorithms of *signer*.
    :raises Exception: if it is not: whatever jwcrypto and the library below it raise.
    """
    signer._verifying(algorithm)(data, signature)  # noqa: SLF001 - kept there, as long as the signer is


def _jws(key: JWK, operation: str, algorithm: str) -> Any:
    """Return what signs, or verifies, with *key* by *algorithm* (JWA, RFC 7518, section 3.1): the key is opened now."""
    implementation = JWA.signing_alg(algorithm)
    opened = _Opened(key.get_op_key(operation, getattr(implementation, "curve", None)))
    return functools.partial(getattr(implementation, operation), opened)


class _Opened:
    """A JWK that has been looked into: an implementation asks it for the key below it, and for nothing else."""

    def __init__(self, key: Any) -> None:
        self._key = key

    def get_op_key(self, _operation: str, _curve: str | None = None) -> Any:
        return self._key


def key_algorithms(key: JWK) -> Sequence[str]:
    """Return the JWA names (RFC 7518, section 3) that *key*, private or public, can do; empty if there are none."""
    return tuple(algorithm for algorithm in ALGORITHMS if not unsuitability(key, algorithm))


def choose_algorithm(key: JWK, able: Sequence[str], accepted: Sequence[str], wanted: str | None = None) -> str:
    """Return *wanted*, or else the first of *accepted*, that the key can do.

    :param key: the public half, for the message.
    :param able: the JWA names that are signed with, as :attr:`Signer.algorithms`.
    :param accepted: those that the platform accepts, preferred first.
    :param wanted: one of *accepted*, if the user has chosen.
    :raises KeyUnavailable: if the key cannot do it, or none of them.
    """
    candidates = [wanted] if wanted else accepted
    for algorithm in candidates:
        if algorithm in able:
            return algorithm
    fitting = [algorithm for algorithm in candidates if not _misfit(key, algorithm)]
    own = key_algorithms(key)
    if fitting and all(_prohibition(key, algorithm) for algorithm in fitting):
        message = _prohibition(key, fitting[0])
    elif set(own) <= set(able):
        message = f"the key is {described_key(key)}, which cannot sign with {listed(candidates)}"
    else:
        allowed = f"with {listed(able)} only, not with {listed(candidates)}" if able else "no tokens"
        message = f"the key, {described_key(key)}, may sign {allowed}"
    if others := [algorithm for algorithm in accepted if algorithm in able]:
        raise KeyUnavailable(message, hint=f"use --algorithm {listed(others)}, or another key")
    if fitting:
        raise KeyUnavailable(message, hint=f"use a key that may sign with {listed(candidates)}")
    raise KeyUnavailable(message, hint=f"use {needed_key(candidates)}")


def listed(algorithms: Sequence[str]) -> str:
    """Return *algorithms* for a message, such as "RS256, RS384 or RS512"."""
    *rest, last = algorithms
    return f"{', '.join(rest)} or {last}" if rest else last


def needed_key(algorithms: Sequence[str]) -> str:
    """Return which keys can do one of *algorithms*, for a message."""
    rsa = f"an RSA key of {_MIN_RSA_BITS} bits or more"
    return ", or ".join(
        dict.fromkeys(f"an EC key on {EC_CURVES[name]}" if name in EC_CURVES else rsa for name in algorithms)
    )


def unsuitability(key: JWK, algorithm: str) -> str:
    """Return why *key*, private or public, cannot do *algorithm* (RFC 7518, section 3); empty if it can.

    It is of another kind, on another curve, or shorter than 2048 bits of RSA, or says of itself that it is for
    something else (RFC 7517, sections 4.2 to 4.4; RFC 4055, section 1.2), or no private key signs with that.
    """
    return _misfit(key, algorithm) or _prohibition(key, algorithm)


def _prohibition(key: JWK, algorithm: str) -> str:
    """Return what *key* says of itself that forbids *algorithm*; empty if nothing does."""
    if key.get("use", "sig") != "sig":
        return f"the key is not meant for signatures: its use is {quoted(key['use'])}"
    operation = "sign" if key.has_private else "verify"
    if operation not in key.get("key_ops", [operation]):
        return f"the key is not meant to {operation}: its key_ops do not say so"
    if key.get("alg", algorithm) != algorithm:
        return f"the key is meant for {quoted(key['alg'])} (its alg), not for {algorithm}"
    allowed = key.get(ALLOWED, [algorithm])
    if algorithm not in allowed:
        able = f"with {listed(allowed)} alone" if allowed else "with no algorithm of tokens"
        return f"the key is one of RSASSA-PSS, which signs {able}, not with {algorithm}"
    return ""


def _misfit(key: JWK, algorithm: str) -> str:
    if algorithm not in ALGORITHMS:
        return f"{quoted(algorithm)} is not an algorithm that tokens are signed with here"
    if algorithm in EC_CURVES:
        fits = key.get("kty") == "EC" and key.get("crv") == EC_CURVES[algorithm]
        return "" if fits else f"{algorithm} needs an EC key on {EC_CURVES[algorithm]}, and this is {key_kind(key)}"
    if key.get("kty") != "RSA":
        return f"{algorithm} needs an RSA key, and this is {key_kind(key)}"
    bits = key_bits(key)
    if bits < _MIN_RSA_BITS:
        return f"the RSA key has {bits} bits, and {algorithm} needs at least {_MIN_RSA_BITS}"
    return (
        f"the RSA key has {bits} bits, and nothing verifies with more than {MAX_RSA_BITS}"
        if bits > MAX_RSA_BITS
        else ""
    )


def key_bits(key: JWK) -> int:
    """Return the size of *key* in bits: the modulus of RSA, the field of a curve."""
    if key["kty"] == "RSA":
        return int.from_bytes(base64url_decode(key["n"]), "big").bit_length()
    return _CURVE_BITS.get(key.get("crv", ""), 8 * len(base64url_decode(key.get("x") or key["pub"])))


def key_kind(key: JWK) -> str:
    """Return what kind of key *key* is, for a message."""
    match key.get("kty"):
        case "RSA":
            return "an RSA key"
        case "EC":
            return f"an EC key on {key.get('crv')}"
        case _:
            return f"a key of another kind ({key.get('crv') or key.get('kty')})"


def described_key(key: JWK) -> str:
    """Return what *key* is, with its size if that says something, for a message."""
    return f"{key_kind(key)} of {key_bits(key)} bits" if key.get("kty") == "RSA" else key_kind(key)


def digest(data: bytes, algorithm: str) -> bytes:
    """Return the digest of *data* that *algorithm* signs, for services that are given no more than that.

    :param algorithm: a JWA name (RFC 7518, section 3.1), whose last digits are those of SHA-2.
    """
    return hashlib.new(f"sha{algorithm[2:]}", data).digest()


def jose_signature(der: bytes, algorithm: str) -> bytes:
    """Return a signature as tokens have it: of ECDSA as R||S of fixed width (RFC 7518, section 3.4).

    :param der: what services and HSM libraries give, which is ASN.1 for ECDSA; that of RSA is returned as it is.
    :param algorithm: its JWA name.
    :raises ValueError: if *der* is not such a form.
    """
    if not algorithm.startswith("ES"):
        return der
    width = _COORDINATE_BYTES[algorithm]
    r, s = decode_dss_signature(der)
    try:
        return r.to_bytes(width, "big") + s.to_bytes(width, "big")
    except OverflowError as cause:
        raise ValueError(f"the signature is too long for {algorithm}") from cause
