"""Read private keys, public keys and certificates in the shapes that people have them in."""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwcrypto.common import JWException
from jwcrypto.jwk import JWK

from qsjwt.errors import KeyUnavailable
from qsjwt.inputs import decode_text, parse_json

if TYPE_CHECKING:
    from cryptography import x509

# RFC 7468, section 2. A block ends before the next begins, or a file of BEGIN lines would be searched over and over.
_ARMOUR: Final = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,64})-----((?:(?!-----BEGIN ).)*?)-----END \1-----", re.DOTALL)
# RFC 1421, section 4.6: the headers of a private key that OpenSSL encrypted the traditional way.
_ENCRYPTION_HEADERS: Final = re.compile(
    r"[\s\"']*Proc-Type:\s*4,ENCRYPTED[\s\"']+DEK-Info:\s*([A-Z0-9-]+,[0-9A-Fa-f]+)[\s\"']"
)
_NOT_BASE64: Final = re.compile(r"[^A-Za-z0-9+/=]")
_CANNOT_READ: Final = "give it in PEM: text that begins with -----BEGIN"
_PRIVATE_MEMBERS: Final = {"d", "p", "q", "dp", "dq", "qi", "oth", "priv"}
"""Of a JWK: RFC 7518, section 6."""


@dataclass(frozen=True, repr=False)
class _Block:
    """One armoured text: what its label says it is, and the same text as RFC 7468 wants it."""

    label: str
    pem: bytes
    encrypted: bool


def load_private_key(data: bytes, source: str, passphrase: Callable[[], bytes | None]) -> JWK:
    """Return the private key in *data*: PEM, PKCS#1 or PKCS#8, plain or encrypted.

    RSA arithmetic is not validated (it costs 31 to 212 ms): whoever signs with the key verifies what it
    signed, see :func:`qsjwt.jwt.sign`.

    :param source: where *data* comes from, for messages, such as "the private key file 'k.pem'".
    :param passphrase: is called if the key is encrypted.
    :raises KeyUnavailable: if there is no private key in *data*, or it cannot be decrypted, or is damaged.
    """
    block = _private_block(data, source)
    password = passphrase() if block.encrypted else None
    if block.encrypted and not password:
        raise KeyUnavailable(
            f"{source} is encrypted, and no passphrase was given",
            hint="set QSJWT_KEY_PASSPHRASE, or use --key-passphrase-env or --key-passphrase-file",
        )
    try:
        key = serialization.load_pem_private_key(block.pem, password, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError, UnsupportedAlgorithm) as cause:
        if block.encrypted:
            raise KeyUnavailable(f"{source} cannot be decrypted: wrong passphrase, or the key is damaged") from cause
        raise KeyUnavailable(f"{source} is damaged, or of a kind that is not known here") from cause
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.private_numbers()
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


def load_public_keys(data: bytes, source: str) -> list[JWK]:
    """Return the public keys in *data*: PEM public key, X.509 certificate, JWK or JWK Set (RFC 7517).

    A key has a key ID only if its JWK gives one.

    :param source: as in :func:`load_private_key`.
    :raises KeyUnavailable: if there is none, it is damaged, or what is there is private or symmetric.
    """
    text = _text(data, source)
    return _jwks(text, source) if text.lstrip().startswith("{") else _public_pems(text, source)


def certificate_blocks(data: bytes, source: str) -> bytes | None:
    """Return the certificates beside a private key in *data* as they are, in PEM; None if there are none.

    :param source: as in :func:`load_private_key`.
    """
    blocks = [block.pem for block in _blocks(_text(data, source), source) if block.label.endswith("CERTIFICATE")]
    return b"".join(blocks) or None


def load_certificates(data: bytes, source: str) -> "list[x509.Certificate]":
    """Return the X.509 certificates in *data*, in their order; whatever else is there is passed over.

    :param source: as in :func:`load_private_key`.
    :raises KeyUnavailable: if one of them is damaged.
    """
    text = _text(data, source)
    if text.lstrip().startswith("{"):
        return []
    blocks = [block for block in _blocks(text, source) if block.label.endswith("CERTIFICATE")]
    try:
        certificates = [_certificate(block) for block in blocks]
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


def _text(data: bytes, source: str) -> str:
    if not data.strip():
        raise KeyUnavailable(f"{source} is empty")
    if data[:1] == b"\x30" and data[1:2] >= b"\x80":
        hint = "convert it with openssl pkey -inform der, or openssl x509 -inform der for a certificate"
        raise KeyUnavailable(f"{source} is not text, and may be DER", hint=hint)
    try:
        text = decode_text(data)
    except UnicodeDecodeError as cause:
        raise KeyUnavailable(f"{source} is not text", hint=_CANNOT_READ) from cause
    return _from_base64(text)


def _from_base64(text: str) -> str:
    """Return the PEM text that *text* is the base64 of, as CI variables have it; *text* if it is not that."""
    if "-----BEGIN" in text:
        return text
    try:
        inner = decode_text(base64.b64decode("".join(text.split()).strip("\"'"), validate=True))
    except (binascii.Error, ValueError):
        return text
    return inner if "-----BEGIN" in inner else text


def _blocks(text: str, source: str) -> list[_Block]:
    found = []
    # Secrets stores and .env files spell line ends out; PEM has no backslash of its own.
    text = text.replace("\\r", "\n").replace("\\n", "\n")
    for label, content in _ARMOUR.findall(text):
        headers = _ENCRYPTION_HEADERS.match(content)
        body = re.sub(r"[\s\"',]+", "", content[headers.end() :] if headers else content)
        if _NOT_BASE64.search(body):
            raise KeyUnavailable(f"{source} is damaged: there is more than base64 between its BEGIN and END lines")
        lines = [f"-----BEGIN {label}-----"]
        if headers:
            lines += ["Proc-Type: 4,ENCRYPTED", f"DEK-Info: {headers[1]}", ""]
        lines += [body[i : i + 64] for i in range(0, len(body), 64)]
        lines += [f"-----END {label}-----", ""]
        found.append(
            _Block(label, "\n".join(lines).encode("ascii"), headers is not None or label == "ENCRYPTED PRIVATE KEY")
        )
    if not found:
        if "-----BEGIN" in text:
            raise KeyUnavailable(f"{source} is cut off: it has a BEGIN line and no END line that goes with it")
        if text.lstrip().startswith(("{", "[")):
            raise KeyUnavailable(f"{source} is JSON, and a key in PEM is needed", hint=_CANNOT_READ)
        raise KeyUnavailable(f"{source} is not a key in PEM", hint=_CANNOT_READ)
    return found


def _private_block(data: bytes, source: str) -> _Block:
    blocks = _blocks(_text(data, source), source)
    private = [block for block in blocks if block.label.endswith("PRIVATE KEY")]
    if len(private) > 1:
        raise KeyUnavailable(f"{source} holds {len(private)} private keys, and it is not said which one to use")
    if not private:
        label = blocks[0].label
        article = "an" if label[0] in "AEIOU" else "a"
        raise KeyUnavailable(
            f"{source} holds {article} {label.lower().replace('x509', 'X.509')}, not a private key",
            hint="give the one whose first line says PRIVATE KEY",
        )
    if private[0].label == "OPENSSH PRIVATE KEY":
        raise KeyUnavailable(
            f"{source} is in OpenSSH's own format", hint="convert a copy of it with: ssh-keygen -p -m PEM -f COPY"
        )
    return private[0]


def _public_pems(text: str, source: str) -> list[JWK]:
    blocks = _blocks(text, source)
    if any(block.label.endswith("PRIVATE KEY") for block in blocks):
        raise _private_given(source)
    try:
        keys = [JWK.from_pyca(_public_key(block)) for block in blocks]
    except (ValueError, KeyError, UnsupportedAlgorithm, JWException) as cause:
        raise KeyUnavailable(f"{source} is neither a public key nor a certificate that can be read") from cause
    for key in keys:
        del key["kid"]  # jwcrypto's own choice, the thumbprint
    return keys


def _public_key(block: _Block) -> Any:
    if block.label.endswith("CERTIFICATE"):
        return _certificate(block).public_key()
    return serialization.load_pem_public_key(block.pem)


def _certificate(block: _Block) -> "x509.Certificate":
    from cryptography import x509

    return x509.load_pem_x509_certificate(block.pem)


def _jwks(text: str, source: str) -> list[JWK]:
    try:
        value = parse_json(text)
    except ValueError as cause:
        raise KeyUnavailable(f"{source} is not a JWK or a JWK Set that can be read: {cause}") from None
    if not {"keys", "kty"} & value.keys():
        raise KeyUnavailable(f"{source} is JSON, but neither a JWK nor a JWK Set", hint=_CANNOT_READ)
    entries = value.get("keys", [value])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise KeyUnavailable(f"{source} is not a JWK or a JWK Set that can be read")
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
    try:
        # Not JWK(**entry): a member "generate" would make a new key, as large as the file says.
        key.import_key(**{name: value for name, value in entry.items() if value is not None})
        key.get_op_key("verify")
    except (JWException, ValueError, TypeError, KeyError, AttributeError, NotImplementedError, UnsupportedAlgorithm):
        return None
    return key
