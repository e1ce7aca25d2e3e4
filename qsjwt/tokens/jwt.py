"""JSON Web Tokens (RFC 7519) as compact JWS (RFC 7515): compose and sign, take apart, verify."""

import base64
import binascii
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from jwcrypto.common import base64url_encode
from jwcrypto.jwk import JWK
from jwcrypto.jws import JWS

from qsjwt.errors import InputError, QsJwtError, SigningFailed, VerificationFailed
from qsjwt.io import read
from qsjwt.io.strict_json import parse_json
from qsjwt.keys.signer import Signer, unsuitability, verify
from qsjwt.redaction import quoted, shown
from qsjwt.tokens.dates import fault_of, moment

_JWS_PARTS: Final = 3  # RFC 7515, section 3.1
_JWE_PARTS: Final = 5  # RFC 7516, section 3.1
MAX_SIGNING_INPUT: Final = read.MAX_BYTES - (1 << 12)
"""Bytes of a token without its signature; one of RSA with 16384 bits has 2731."""

_LARGE: Final = 1 << 53
"""An integer below it is the same number for everybody (RFC 8259, section 6)."""

_COMPACT: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


class Token(NamedTuple):
    """A token before it is signed, or one that was taken apart.

    :ivar header: the JOSE header (RFC 7515, section 4).
    :ivar claims: the claims set (RFC 7519, section 4).
    :ivar remarks: sentences that the user is warned with once the token is found to be right, about what the token
        itself does not show.
    :ivar compact: the text that it was (RFC 7515, section 7.1), which no ``repr`` shows; empty before it is signed.
    """

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    remarks: Sequence[str] = ()
    compact: str = ""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(header={self.header!r}, claims={self.claims!r}, remarks={self.remarks!r})"


class DecodedToken(Token):
    """A token that was taken apart; nothing about it is verified."""


def sign(token: Token, signer: Signer, algorithm: str, encoded: tuple[str, str] | None = None) -> str:
    """Return *token* signed, in compact serialization, after its signature was verified with the public key.

    The check catches what a local key that was loaded without validation, an HSM or a service may do wrong:
    a damaged key, ECDSA in ASN.1, the wrong padding, the signature of another key version.

    :param algorithm: the JWA name that the header has too, one that *signer* can do.
    :param encoded: header and claims as :func:`encode` returns them, if they are encoded already.
    :raises InputError: if the header or the claims cannot be written as JSON, or the token would be too large.
    :raises SigningFailed: if the signer fails, or its signature does not verify.
    """
    if token.header.get("alg") != algorithm:
        raise SigningFailed(f"the header names another algorithm than the one to sign with, {algorithm}")
    header, claims = encoded or (encode(token.header, "header"), encode(token.claims, "claims"))
    signing_input = f"{header}.{claims}".encode("ascii")
    if len(signing_input) > MAX_SIGNING_INPUT:
        raise InputError(
            "the token would be larger than 1 MiB, which nobody reads", hint="leave out claims, or shorten them"
        )
    try:
        signature = signer.sign(signing_input, algorithm)
    except QsJwtError:
        raise
    except Exception as cause:
        raise SigningFailed(f"the key could not sign: {type(cause).__name__}") from cause
    try:
        if not isinstance(signature, bytes):
            raise TypeError("a signature is bytes")
        verify(signer, signing_input, signature, algorithm)
    except Exception as cause:
        raise SigningFailed(
            "the signature does not verify with the key's own public half, so the token is not given out",
            hint="the private key is damaged, or the signer used another key, padding or encoding",
        ) from cause
    return f"{header}.{claims}.{base64url_encode(signature)}"


def encode(part: Mapping[str, Any], name: str) -> str:
    """Return the header or the claims in base64url, as they are signed.

    :param name: which of them it is, for messages.
    :raises InputError: if *part* cannot be written as JSON, or nobody would read it.
    """
    try:
        text = _COMPACT.encode(part)
        encoded: str = base64url_encode(text.encode("utf-8"))
        if not all(map(_is_plain, part, part.values())):
            parse_json(text)  # what is given out is what decode reads
    except UnicodeEncodeError as cause:
        raise InputError(
            f"what goes into the {name} is not all Unicode text: it has bytes of another encoding, or half a letter"
        ) from cause
    except (TypeError, ValueError, RecursionError) as cause:
        raise InputError(
            f"what goes into the {name} cannot be written as JSON: {', '.join(_not_json(part))}",
            hint="what no option of yours gives, the platform has built",
        ) from cause
    return encoded


def _is_plain(name: object, value: object) -> bool:
    """Tell whether a member is one of those, most of them, that JSON has as they are, and anybody reads."""
    kind = type(value)
    if kind is list:
        kind = str if all(type(each) is str for each in value) else list  # type: ignore[attr-defined]
    return type(name) is str and (kind is str or kind is bool or (kind is int and abs(value) < _LARGE))  # type: ignore[arg-type]


def _not_json(part: Mapping[str, Any]) -> Iterator[str]:
    """Yield the members of *part*, in quotes, whose values JSON does not have, or nobody would read."""
    for name, value in part.items():
        try:
            text = _COMPACT.encode({name: value})
        except (TypeError, ValueError, RecursionError):
            yield quoted(str(name))
            continue
        try:
            parse_json(text)
        except ValueError as cause:
            yield f"{quoted(str(name))} ({cause})"


def decode(compact: str) -> DecodedToken:
    """Return the header and claims of a token, unverified.

    :param compact: the compact serialization (RFC 7515, section 7.1).
    :raises VerificationFailed: if it is encrypted, unsigned, or not a JWT of exactly three well-formed parts.
    """
    parts = compact.split(".")
    if len(parts) == _JWE_PARTS:
        raise VerificationFailed("the token is encrypted (JWE), which Qlik does not accept")
    if len(parts) != _JWS_PARTS:
        raise VerificationFailed(
            f"a signed token has three parts with dots between them, and this text has {len(parts)}"
        )
    header = _decode_object(parts[0], "header")
    claims = _decode_object(parts[1], "claims")
    signature = _decode_part(parts[2], "signature")
    algorithm = header.get("alg")
    if not isinstance(algorithm, str):
        raise VerificationFailed("the token's header names no algorithm (alg), so nobody can verify it")
    if algorithm.lower() == "none" or not signature:
        raise VerificationFailed("the token is not signed, so anybody can have made it")
    if "crit" in header or header.get("b64", True) is not True:
        # RFC 7515, section 4.1.11: what is critical and not understood is refused; nothing is understood here.
        raise VerificationFailed("the token's header demands an extension (crit or b64) that is not known here")
    return DecodedToken(header, claims, compact=compact)


def _decode_part(part: str, name: str) -> bytes:
    try:
        data = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        data = b""
    # Only one text stands for these bytes: other alphabets, padding and stray bits are a damaged token.
    if base64url_encode(data) != part:
        raise VerificationFailed(f"the token's {name} part is not base64url, so the token is damaged or cut off")
    return data


def _decode_object(part: str, name: str) -> dict[str, Any]:
    try:
        value = parse_json(_decode_part(part, name).decode("utf-8"))
    except ValueError as cause:
        reason = "it is not UTF-8" if isinstance(cause, UnicodeDecodeError) else str(cause)
        raise VerificationFailed(f"the token's {name} part cannot be read: {reason}") from None
    if not isinstance(value, dict):
        raise VerificationFailed(f"the token's {name} part is not a JSON object")
    return value


def verify_signature(token: DecodedToken, keys: Sequence[JWK]) -> None:
    """Return if one of *keys* made the token's signature.

    :param keys: public keys; of several, those with another key ID than the token's do not count.
    :raises VerificationFailed: if none did, or the algorithm is not one for a public key.
    """
    algorithm: str = token.header["alg"]
    if algorithm.startswith("HS"):
        raise VerificationFailed(
            f"the token's algorithm is {quoted(algorithm)}, and a public key does not go with that"
        )
    key_id = token.header.get("kid")
    candidates = list(keys)
    if len(keys) > 1 and key_id is not None:
        candidates = [key for key in keys if key.get("kid", key_id) == key_id]
        if not candidates:
            raise VerificationFailed(f"the keys have other key IDs than the token's, {quoted(str(key_id))}")
    failures = [signature_failure(token, key) for key in candidates]
    if all(failures):
        raise VerificationFailed(failures[0])


def signature_failure(token: DecodedToken, key: JWK) -> str:
    """Return why *key*, whatever its key ID, did not sign *token*; empty if it did."""
    algorithm: str = token.header["alg"]
    if reason := unsuitability(key, algorithm):
        return reason
    jws = JWS()
    jws.allowed_algs = [algorithm]
    try:
        jws.deserialize(token.compact)
        jws.verify(key, algorithm)
    except Exception:  # what jwcrypto and the library below it raise for a key or a signature that is none
        return "the signature does not match: the token was changed, or another key signed it"
    return ""


def time_failures(token: Token, now: float) -> Iterator[VerificationFailed]:
    """Yield why *token* is not valid at the time *now*, a NumericDate; no leeway is given.

    It is expired (RFC 7519, section 4.1.4), not valid yet (4.1.5), or a time is no number that a calendar has. An
    ``iat`` in the future is no reason (4.1.6).
    """
    for name in ("exp", "nbf", "iat"):
        if name not in token.claims:
            continue
        value = token.claims[name]
        if fault := fault_of(name, value):
            yield VerificationFailed(fault.message, hint=fault.hint)
        elif name == "exp" and now >= value:
            yield VerificationFailed(f"the token expired at {moment(value)}", hint="create a new one")
        elif name == "nbf" and now < value:
            yield VerificationFailed(f"the token is not valid before {moment(value)}", hint="wait, or create a new one")


def expected_failures(token: Token, audience: str | None, issuer: str | None) -> Iterator[VerificationFailed]:
    """Yield what is not as it is expected of *token*: another audience or issuer, or none; None expects nothing."""
    if audience is not None:
        found = token.claims.get("aud")
        if audience not in (found if isinstance(found, list) else [found]):
            yield VerificationFailed(f"the audience is {_found(found)}, not {quoted(audience)} as expected")
    if issuer is not None and token.claims.get("iss") != issuer:
        yield VerificationFailed(f"the issuer is {_found(token.claims.get('iss'))}, not {quoted(issuer)} as expected")


def _found(value: object) -> str:
    return "missing" if value is None else shown(value)
