"""Read keys in JSON (RFC 7517), and keep what a key says of itself: kid, alg, use and key_ops."""

from collections.abc import Mapping
from typing import Any, Final

from jwcrypto.jwk import JWK

from qsjwt.errors import KeyUnavailable
from qsjwt.io.strict_json import parse_json
from qsjwt.keys.foreign import reading
from qsjwt.keys.pem import CANNOT_READ
from qsjwt.redaction import quoted

_PRIVATE_MEMBERS: Final = {"d", "p", "q", "dp", "dq", "qi", "oth", "priv"}
_KEY_MEMBERS: Final = {"kty", "crv", "n", "e", "x", "y"} | _PRIVATE_MEMBERS
"""Of a JWK: RFC 7518, section 6."""

ALLOWED: Final = "allowed"
"""Member of a JWK here that is never written: the JWA names to which its algorithm identifier binds it."""

MAX_RSA_BITS: Final = 16384
"""Bits of an RSA modulus, and so of any other number of the key: OpenSSL verifies with no larger one."""

_MAX_MEMBER_CHARACTERS: Final = MAX_RSA_BITS // 6 + 1
"""Characters of base64url."""


def jwk_of(key: Any) -> JWK:
    """Return a key of the library as a JWK, without the key ID that jwcrypto would invent for it."""
    jwk = JWK()
    jwk.unsafe_skip_rsa_key_validation = True
    jwk.import_from_pyca(key)
    del jwk["kid"]
    return jwk


def same_jwk(members: Mapping[str, Any]) -> JWK:
    """Return the JWK of which *members* are all that it has."""
    jwk = JWK()
    jwk.unsafe_skip_rsa_key_validation = True
    jwk.import_key(**{name: value for name, value in members.items() if name in _KEY_MEMBERS})
    jwk.update(own_members(members) | {name: members[name] for name in (ALLOWED,) if name in members})
    return jwk


def public_half(key: JWK) -> JWK:
    """Return the public half of *key*, with what it says of itself: whoever may sign has a key that may verify."""
    public: JWK = key.public()
    if "key_ops" in key:
        public["key_ops"] = ["verify"] if {"sign", "verify"} & {*key["key_ops"]} else []
    if ALLOWED in key:
        public[ALLOWED] = key[ALLOWED]
    return public


def own_members(key: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a JWK says of itself (RFC 7517, section 4): those of kid, use, key_ops and alg that are there."""
    return {name: key[name] for name in ("kid", "use", "key_ops", "alg") if name in key}


def private_jwk(text: str, source: str) -> tuple[Any, dict[str, Any]]:
    """Return the private key in *text* as the library has it, and what it says of itself.

    :raises KeyUnavailable: if there is none, or more than one, or it is damaged.
    """
    entries = _entries(text, source)
    private = [entry for entry in entries if _PRIVATE_MEMBERS & entry.keys()]
    if len(private) > 1:
        raise KeyUnavailable(several(source, [entry.get("kid") for entry in private]), hint="give one of them alone")
    if not private:
        kind = "a symmetric key" if any(entry.get("kty") == "oct" for entry in entries) else "a public key"
        raise KeyUnavailable(f"{source} holds {kind}, not a private key", hint="give the JWK that has a member d")
    entry = private[0]
    if _has_large_member(entry):
        raise KeyUnavailable(too_large(source))
    if entry.get("kty") == "RSA" and not {"p", "q"} <= entry.keys():
        raise KeyUnavailable(
            f"{source} is a JWK without the primes (p, q)", hint="export it again, with all its members"
        )
    if problem := _malformed(entry):
        raise KeyUnavailable(f"{source} is a JWK whose {problem}")
    jwk = JWK()
    jwk.unsafe_skip_rsa_key_validation = True
    with reading(f"{source} is a JWK that is damaged, or of a kind that is not known here"):
        jwk.import_key(**{name: value for name, value in entry.items() if name in _KEY_MEMBERS})
        return jwk.get_op_key("sign"), own_members(entry)


def public_jwks(text: str, source: str) -> list[JWK]:
    """Return the public keys of a JWK or a JWK Set; those that are not understood are ignored (RFC 7517, section 5).

    :raises KeyUnavailable: if there is none, or one is private or symmetric.
    """
    entries = _entries(text, source)
    if any(_PRIVATE_MEMBERS & entry.keys() for entry in entries):
        raise private_given(source)
    if any(entry.get("kty") == "oct" for entry in entries):
        raise KeyUnavailable(f"{source} holds a symmetric key, which verifies no token for Qlik")
    keys = [key for entry in entries if (key := _public_jwk(entry)) is not None]
    if not keys:
        raise KeyUnavailable(f"{source} is a JWK or a JWK Set without a public key that can be read")
    return keys


def has_private_jwk(text: str, source: str) -> bool:
    """Tell whether the JWK in *text*, or one of the JWK Set, is a private key.

    :raises KeyUnavailable: if it is neither.
    """
    return any(_PRIVATE_MEMBERS & entry.keys() for entry in _entries(text, source))


def private_given(source: str) -> KeyUnavailable:
    """Return the error for a private key where only a public one belongs."""
    return KeyUnavailable(
        f"{source} holds a private key, where only a public one belongs", hint="give the public key or the certificate"
    )


def several(source: str, names: list[Any]) -> str:
    """Return the sentence for *names*, the private keys of one place, of which one is needed."""
    known = [quoted(name) for name in names if isinstance(name, str)]
    listed = f" ({', '.join(known)})" if known else ""
    return f"{source} holds {len(names)} private keys{listed}, and it is not said which one to use"


def too_large(source: str) -> str:
    """Return the sentence for numbers that no key has."""
    return f"{source} has numbers of more than {MAX_RSA_BITS} bits, which no RSA key is used with"


def _entries(text: str, source: str) -> list[dict[str, Any]]:
    """Return the JWK that *text* is, or those of the JWK Set that it is (RFC 7517, sections 4 and 5)."""
    try:
        value = parse_json(text.strip("\ufeff \t\r\n\"'"))
    except ValueError as cause:
        raise KeyUnavailable(f"{source} is not a JWK or a JWK Set that can be read: {cause}") from None
    if not isinstance(value, dict) or not {"keys", "kty"} & value.keys():
        raise KeyUnavailable(f"{source} is JSON, but neither a JWK nor a JWK Set", hint=CANNOT_READ)
    entries = value.get("keys", [value])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise KeyUnavailable(f"{source} is not a JWK or a JWK Set that can be read")
    return [{name: member for name, member in entry.items() if member is not None} for entry in entries]


def _malformed(entry: dict[str, Any]) -> str:
    """Return what is wrong with what a JWK says of itself (RFC 7517, sections 4.2 to 4.5); empty if nothing is."""
    for name in ("kid", "use", "alg"):
        if not isinstance(entry.get(name, ""), str):
            return f"{name} is not a string"
    operations = entry.get("key_ops", [])
    if not isinstance(operations, list) or not all(isinstance(name, str) for name in operations):
        return "key_ops is not an array of strings"
    return ""


def _has_large_member(entry: dict[str, Any]) -> bool:
    return any(
        isinstance(entry[name], str) and len(entry[name]) > _MAX_MEMBER_CHARACTERS
        for name in _KEY_MEMBERS & entry.keys()
    )


def _public_jwk(entry: dict[str, Any]) -> JWK | None:
    if "kty" not in entry or _malformed(entry) or _has_large_member(entry):
        return None
    key = JWK()
    try:
        with reading("a JWK cannot be read"):
            # Not JWK(**entry): a member "generate" would make a new key, as large as the file says. And its
            # constraints are for whoever verifies with it: without them, this only tells whether it is a key.
            key.import_key(**{name: value for name, value in entry.items() if name in _KEY_MEMBERS})
            key.get_op_key("verify")
            key.update(own_members(entry))
    except KeyUnavailable:
        return None
    return key
