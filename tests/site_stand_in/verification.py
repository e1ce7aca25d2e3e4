"""Tokens as a server looks at them: PyJWT verifies the signature, and the rules are written out here."""

import datetime
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
_ARMOUR = re.compile(r"(-----BEGIN [A-Z ]+-----)(.*?)(-----END [A-Z ]+-----)", re.DOTALL)


class Refused(Exception):
    """A token is refused; the text is the cause, which a client is not told."""


@dataclass(frozen=True)
class Unverified:
    """A token that was only read."""

    compact: str
    header: Mapping[str, Any]
    claims: Mapping[str, Any]


def read(compact: str) -> Unverified:
    """Return what *compact* says of itself; raise :class:`Refused`."""
    try:
        token = jwt.decode_complete(compact, options={"verify_signature": False})
    except jwt.PyJWTError as error:
        raise Refused("it is not a token") from error
    return Unverified(compact, token["header"], token["payload"])


def public_key(text: str, *, certificate: bool = False) -> PublicKey:
    """Return the key of a certificate or a public key in PEM, on one line or many; raise ``ValueError``.

    :param certificate: whether it must be a certificate.
    """
    match = _ARMOUR.search(text)
    if match is None:
        raise ValueError("it is not PEM")
    begin, middle, end = match.groups()
    pem = f"{begin}\n{''.join(middle.split())}\n{end}\n".encode()
    if "CERTIFICATE" in begin:
        key: Any = x509.load_pem_x509_certificate(pem).public_key()
    elif certificate:
        raise ValueError("it is not a certificate")
    else:
        key = serialization.load_pem_public_key(pem)
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise ValueError("it is neither an RSA nor an elliptic curve key")
    return key


def public_key_of_jwk(jwk: Mapping[str, Any]) -> PublicKey:
    """Return the key of a JWK; raise ``ValueError``."""
    try:
        key: Any = jwt.PyJWK(dict(jwk)).key
    except jwt.PyJWTError as error:
        raise ValueError(str(error)) from error
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise ValueError("it is not the public half of an RSA or elliptic curve key")
    return key


def verify(token: Unverified, key: PublicKey, algorithms: Collection[str]) -> None:
    """Verify the signature; raise :class:`Refused`."""
    algorithm = token.header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in algorithms:
        raise Refused(f"alg is {algorithm}")
    try:
        jwt.PyJWS().decode(token.compact, key, algorithms=[algorithm])
    except (jwt.PyJWTError, TypeError, ValueError) as error:
        raise Refused("the signature is not the registered key's") from error


def seconds(claims: Mapping[str, Any], name: str) -> float | None:
    """Return the time in the claim *name*, None without one; raise :class:`Refused` if it is no number."""
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refused(f"{name} is not a number")
    return float(value)


def check_times(claims: Mapping[str, Any], now: float, tolerance: float = 0) -> None:
    """Refuse what is past its exp or not yet at its nbf, *tolerance* seconds either way."""
    exp, nbf = seconds(claims, "exp"), seconds(claims, "nbf")
    if exp is not None and now >= exp + tolerance:
        raise Refused("exp has passed")
    if nbf is not None and now < nbf - tolerance:
        raise Refused("nbf is in the future")


def iso(now: float) -> str:
    """Return *now* as Qlik writes it: UTC with milliseconds."""
    return datetime.datetime.fromtimestamp(now, datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
