"""Read private keys, public keys and certificates: PEM, DER, OpenSSH's format, JWK."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwcrypto.common import JWException
from jwcrypto.jwk import JWK

from qsjwt.errors import KeyUnavailable
from qsjwt.io.strict_json import parse_json
from qsjwt.keys.pem import CANNOT_READ, Block, blocks, is_json, text_of

if TYPE_CHECKING:
    from cryptography import x509

_PRIVATE_MEMBERS: Final = {"d", "p", "q", "dp", "dq", "qi", "oth", "priv"}
_KEY_MEMBERS: Final = {"kty", "crv", "n", "e", "x", "y"} | _PRIVATE_MEMBERS
"""Of a JWK: RFC 7518, section 6."""

MAX_RSA_BITS: Final = 16384
"""Bits of an RSA modulus, and so of any other number of the key: OpenSSL verifies with no larger one."""

_MAX_MEMBER_CHARACTERS: Final = MAX_RSA_BITS // 6 + 1
"""Characters of base64url."""


_JWK_FAILURES: Final = (
    *(JWException, ValueError, TypeError, KeyError, AttributeError, NotImplementedError, UnsupportedAlgorithm),
)
"""What jwcrypto raises, or lets through, for members that make no key."""


def load_private_key(data: bytes, source: str, passphrase: Callable[[], bytes | None]) -> JWK:
    """Return the private key in *data*: PEM or DER (PKCS#1, PKCS#8, SEC 1), OpenSSH's format, or a JWK.

    RSA arithmetic is not validated (it costs 31 to 212 ms): whoever signs with the key verifies what it
    signed, see :func:`qsjwt.tokens.jwt.sign`.

    :param source: where *data* comes from, for messages, such as "the private key file 'k.pem'".
    :param passphrase: is called if the key is encrypted.
    :raises KeyUnavailable: if there is no private key in *data*, or it cannot be decrypted, or is damaged.
    """
    text = text_of(data, source)
    key = _private_jwk(text, source) if is_json(text) else _private_pem(text, source, passphrase)
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.private_numbers()
        largest = max(
            numbers.public_numbers.n, numbers.d, numbers.p, numbers.q, numbers.dmp1, numbers.dmq1, numbers.iqmp
        )
        if largest.bit_length() > MAX_RSA_BITS:
            raise KeyUnavailable(_too_large(source))
        # OpenSSL signs with the private exponent alone when the primes mislead it: nobody would ever notice.
        if numbers.p * numbers.q != numbers.public_numbers.n:
            raise KeyUnavailable(f"{source} is damaged: its primes do not give its modulus")
    jwk = JWK()
    jwk.unsafe_skip_rsa_key_validation = True
    try:
        jwk.import_from_pyca(key)
    except (JWException, KeyError) as cause:
        raise KeyUnavailable(f"{source} is not an RSA or elliptic-curve key") from cause
    return jwk


def _too_large(source: str) -> str:
    return f"{source} has numbers of more than {MAX_RSA_BITS} bits, which no RSA key is used with"


def _private_pem(text: str, source: str, passphrase: Callable[[], bytes | None]) -> Any:
    block = _private_block(text, source)
    password = passphrase() if block.encrypted else None
    if block.encrypted and not password:
        raise KeyUnavailable(
            f"{source} is encrypted, and no passphrase was given",
            hint="set QSJWT_KEY_PASSPHRASE, or use --key-passphrase-env or --key-passphrase-file",
        )
    load: Any = serialization.load_ssh_private_key if block.is_openssh else serialization.load_pem_private_key
    try:
        return load(block.pem, password, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError) as cause:
        if block.encrypted:
            raise KeyUnavailable(f"{source} cannot be decrypted: wrong passphrase, or the key is damaged") from cause
        raise KeyUnavailable(f"{source} is damaged, or of a kind that is not known here") from cause
    except UnsupportedAlgorithm as cause:
        hint = "pip install 'qsjwt[ssh]', or convert a copy: ssh-keygen -p -m PEM -f COPY" if block.is_openssh else ""
        raise KeyUnavailable(f"{source} is encrypted, or of a kind, that is not known here", hint=hint) from cause


def _private_block(text: str, source: str) -> Block:
    found = blocks(text, source)
    private = [block for block in found if block.is_private]
    if len(private) > 1:
        raise KeyUnavailable(f"{source} holds {len(private)} private keys, and it is not said which one to use")
    if not private:
        raise KeyUnavailable(
            f"{source} holds {_named(found[0])}, not a private key",
            hint="give the one whose first line says PRIVATE KEY",
        )
    return private[0]


_NAMES: Final = {
    **dict.fromkeys(("CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"), "a certificate"),
    **dict.fromkeys(("PUBLIC KEY", "RSA PUBLIC KEY", "EC PUBLIC KEY"), "a public key"),
    **dict.fromkeys(("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"), "a certificate request"),
}


def _named(block: Block) -> str:
    return _NAMES.get(block.label) or f"a block of the label {block.label!r}"


def _private_jwk(text: str, source: str) -> Any:
    entries = _jwk_entries(text, source)
    private = [entry for entry in entries if _PRIVATE_MEMBERS & entry.keys()]
    if len(private) > 1:
        raise KeyUnavailable(f"{source} holds {len(private)} private keys, and it is not said which one to use")
    if not private:
        kind = "a symmetric key" if any(entry.get("kty") == "oct" for entry in entries) else "a public key"
        raise KeyUnavailable(f"{source} holds {kind}, not a private key", hint="give the JWK that has a member d")
    if _has_large_member(private[0]):
        raise KeyUnavailable(_too_large(source))
    if private[0].get("kty") == "RSA" and not {"p", "q"} <= private[0].keys():
        raise KeyUnavailable(
            f"{source} is a JWK without the primes (p, q)", hint="export it again, with all its members"
        )
    jwk = JWK()
    jwk.unsafe_skip_rsa_key_validation = True
    try:
        # What else it says, such as use and key_ops, is about other programs' use of it.
        jwk.import_key(**{name: value for name, value in private[0].items() if name in _KEY_MEMBERS})
        return jwk.get_op_key("sign")
    except _JWK_FAILURES as cause:
        raise KeyUnavailable(f"{source} is a JWK that is damaged, or of a kind that is not known here") from cause


def load_public_keys(data: bytes, source: str) -> list[JWK]:
    """Return the public keys in *data*: PEM public key, X.509 certificate, JWK or JWK Set (RFC 7517).

    A key has a key ID only if its JWK gives one.

    :param source: as in :func:`load_private_key`.
    :raises KeyUnavailable: if there is none, it is damaged, or what is there is private or symmetric.
    """
    text = text_of(data, source)
    return _jwks(text, source) if is_json(text) else _public_pems(text, source)


def certificate_blocks(data: bytes, source: str) -> bytes | None:
    """Return the certificates beside a private key in *data* as they are, in PEM; None if there are none.

    :param source: as in :func:`load_private_key`.
    """
    text = text_of(data, source)
    certificates = [] if is_json(text) else [block for block in blocks(text, source) if block.is_certificate]
    # One that is damaged must not keep the key from signing; whoever asks for it will be told.
    return (
        b"".join(f"-----BEGIN {b.label}-----{b.content}-----END {b.label}-----\n".encode() for b in certificates)
        or None
    )


def load_certificates(data: bytes, source: str) -> "list[x509.Certificate]":
    """Return the X.509 certificates in *data*, in their order; whatever else is there is passed over.

    :param source: as in :func:`load_private_key`.
    :raises KeyUnavailable: if one of them is damaged.
    """
    text = text_of(data, source)
    if is_json(text):
        return []
    try:
        certificates = [_certificate(block) for block in blocks(text, source) if block.is_certificate]
        for certificate in certificates:
            # cryptography reads these when they are asked for, and may find only then that it cannot.
            _ = (
                certificate.subject,
                certificate.issuer,
                certificate.not_valid_before_utc,
                certificate.not_valid_after_utc,
            )
    except (ValueError, UnsupportedAlgorithm) as cause:
        raise KeyUnavailable(f"{source} has a certificate that cannot be read") from cause
    return certificates


def _private_given(source: str) -> KeyUnavailable:
    return KeyUnavailable(
        f"{source} holds a private key, where only a public one belongs", hint="give the public key or the certificate"
    )


def _public_pems(text: str, source: str) -> list[JWK]:
    found = blocks(text, source)
    if any(block.is_private for block in found):
        raise _private_given(source)
    for block in found:
        if not block.is_certificate and not block.label.endswith("PUBLIC KEY"):
            raise KeyUnavailable(f"{source} holds {_named(block)}, neither a public key nor a certificate")
    try:
        keys = [JWK.from_pyca(_public_key(block)) for block in found]
    except (ValueError, KeyError, UnsupportedAlgorithm, JWException) as cause:
        raise KeyUnavailable(f"{source} is neither a public key nor a certificate that can be read") from cause
    for key in keys:
        del key["kid"]  # jwcrypto's own choice, the thumbprint
    return keys


def _public_key(block: Block) -> Any:
    if block.is_certificate:
        return _certificate(block).public_key()
    return serialization.load_pem_public_key(block.pem)


def _certificate(block: Block) -> "x509.Certificate":
    from cryptography import x509

    return x509.load_pem_x509_certificate(block.pem)


def _jwk_entries(text: str, source: str) -> list[dict[str, Any]]:
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
    return entries


def _has_large_member(entry: dict[str, Any]) -> bool:
    return any(
        isinstance(entry[name], str) and len(entry[name]) > _MAX_MEMBER_CHARACTERS
        for name in _KEY_MEMBERS & entry.keys()
    )


def _jwks(text: str, source: str) -> list[JWK]:
    entries = _jwk_entries(text, source)
    if any(_PRIVATE_MEMBERS & entry.keys() for entry in entries):
        raise _private_given(source)
    if any(entry.get("kty") == "oct" for entry in entries):
        raise KeyUnavailable(f"{source} holds a symmetric key, which verifies no token for Qlik")
    # RFC 7517, section 5: keys of a set that are not understood are ignored.
    keys = [key for entry in entries if (key := _jwk(entry)) is not None]
    if not keys:
        raise KeyUnavailable(f"{source} is a JWK or a JWK Set without a public key that can be read")
    return keys


def _jwk(entry: dict[str, Any]) -> JWK | None:
    key = JWK()
    if not isinstance(entry.get("kid"), str | None):
        return None
    if _has_large_member(entry):
        return None
    try:
        # Not JWK(**entry): a member "generate" would make a new key, as large as the file says.
        key.import_key(**{name: value for name, value in entry.items() if value is not None})
        key.get_op_key("verify")
    except _JWK_FAILURES:
        return None
    return key
