"""Read private keys, public keys and certificates: PEM, DER, PKCS#12, OpenSSH's format, JWK."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwcrypto.jwk import JWK

from qsjwt.errors import KeyUnavailable
from qsjwt.keys.algorithm_identifier import decrypted, pss_algorithms, unknown_cipher
from qsjwt.keys.foreign import reading
from qsjwt.keys.jwk import (
    ALLOWED,
    MAX_RSA_BITS,
    has_private_jwk,
    jwk_of,
    private_given,
    private_jwk,
    public_jwks,
    several,
    too_large,
)
from qsjwt.keys.pem import ENCRYPTED, PKCS12, Block, blocks, is_json, named, text_of
from qsjwt.redaction import quoted

if TYPE_CHECKING:
    from cryptography import x509

Passphrase = Callable[[], bytes | None]

_CIPHERS_OF_HEADERS: Final = ("AES-128-CBC", "AES-192-CBC", "AES-256-CBC", "DES-EDE3-CBC")
"""What the library decrypts of OpenSSL's traditional encryption."""

_CIPHERS_OF_OPENSSH: Final = ("aes256-ctr", "aes256-cbc", "aes256-gcm@openssh.com")
"""What it decrypts of OpenSSH's."""


def load_private_key(data: bytes, source: str, passphrase: Passphrase, alias: str | None = None) -> JWK:
    """Return the private key in *data*: PEM or DER (PKCS#1, PKCS#8, SEC 1), PKCS#12, OpenSSH's format, or a JWK.

    RSA arithmetic is not validated (it costs 31 to 212 ms): whoever signs with the key verifies what it
    signed, see :func:`qsjwt.tokens.jwt.sign`. A ``kid`` is there only if a JWK gives one.

    :param source: where *data* comes from, for messages, such as "the private key file 'k.pem'".
    :param passphrase: is called if the key is encrypted.
    :param alias: chooses one of a PKCS#12.
    :raises KeyUnavailable: if there is no private key in *data*, or several, or it cannot be decrypted, or is damaged.
    """
    return load_private_material(data, source, passphrase, alias)[0]


def load_private_material(
    data: bytes, source: str, passphrase: Passphrase, alias: str | None = None
) -> tuple[JWK, bytes | None]:
    """Return the private key in *data* as :func:`load_private_key` does, and in PEM the certificates beside it.

    They are unread: one that is damaged must not keep the key from signing; whoever asks for it will be told.
    """
    text = text_of(data, source)
    if is_json(text):
        key, own = private_jwk(text, source)
        return _sound(key, source, own), None
    found = blocks(text, source)
    block = _private_block(found, source)
    if block.label == PKCS12:
        from qsjwt.keys.pkcs12 import open_store

        store = open_store(block.der(), source, passphrase(), alias)
        pem, password = store.key, store.password
        found = blocks(pem + store.certificates, source)
        block, passphrase = found[0], lambda: password
    elif alias is not None:
        raise KeyUnavailable(f"{source} is not PKCS#12, and has no aliases", hint="leave ?alias= out")
    key, own = _private_pem(block, source, passphrase)
    certificates = [block for block in found if block.is_certificate]
    return _sound(key, source, own), (
        b"".join(f"-----BEGIN {b.label}-----{b.content}-----END {b.label}-----\n".encode() for b in certificates)
        or None
    )


def _sound(key: Any, source: str, own: dict[str, Any]) -> JWK:
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.private_numbers()
        largest = max(
            numbers.public_numbers.n, numbers.d, numbers.p, numbers.q, numbers.dmp1, numbers.dmq1, numbers.iqmp
        )
        if largest.bit_length() > MAX_RSA_BITS:
            raise KeyUnavailable(too_large(source))
        # OpenSSL signs with the private exponent alone when the primes mislead it: nobody would ever notice.
        if numbers.p * numbers.q != numbers.public_numbers.n:
            raise KeyUnavailable(f"{source} is damaged: its primes do not give its modulus")
    with reading(f"{source} is not an RSA or elliptic-curve key that tokens are signed with"):
        jwk = jwk_of(key)
    jwk.update(own)
    return jwk


def _private_pem(block: Block, source: str, passphrase: Passphrase) -> tuple[Any, dict[str, Any]]:
    """Return the private key in *block*, and what its algorithm identifier binds it to."""
    password = passphrase() if block.encrypted else None
    if block.encrypted and password is None:
        raise KeyUnavailable(
            f"{source} is encrypted, and no passphrase was given",
            hint="set QSJWT_KEY_PASSPHRASE, or use --key-passphrase-env or --key-passphrase-file",
        )
    if block.label == ENCRYPTED or block.is_openssh:
        from qsjwt.keys.rounds import require_bounded

        require_bounded(block.der(), source)
    if block.is_openssh:
        return _openssh(block, source, password), {}
    plain = None
    problem, hint = f"{source} is damaged, or of a kind that is not known here", ""
    if block.encrypted:
        problem, hint = _undecryptable(block, source)
    with reading(problem, hint):
        if block.label == ENCRYPTED and password is not None and (plain := decrypted(block.der(), password)):
            key: Any = serialization.load_der_private_key(plain, None, unsafe_skip_rsa_key_validation=True)
        else:
            key = serialization.load_pem_private_key(block.pem, password, unsafe_skip_rsa_key_validation=True)
    if block.label == "PRIVATE KEY":
        plain = block.der()
    return key, _binding(plain, "PRIVATE KEY") if plain else {}


def _binding(der: bytes, label: str) -> dict[str, Any]:
    """Return the member of a JWK for the algorithms to which the algorithm identifier in *der* binds it, if to any."""
    allowed = pss_algorithms(der, label)
    return {} if allowed is None else {ALLOWED: allowed}


def _undecryptable(block: Block, source: str) -> tuple[str, str]:
    """Return the sentence and the hint for an encrypted key that cannot be read."""
    cipher = block.cipher or ""
    if cipher in _CIPHERS_OF_HEADERS:
        cipher = ""
    if block.label == ENCRYPTED:
        cipher = unknown_cipher(block.der())
    if not cipher:
        return f"{source} cannot be decrypted: wrong passphrase, or the key is damaged", ""
    return (
        f"{source} is encrypted with {cipher}, which cannot be decrypted here",
        "make a copy that is encrypted with AES: openssl pkey -in FILE -aes256 -out COPY; an old cipher takes "
        "-provider legacy -provider default as well",
    )


def _openssh(block: Block, source: str, password: bytes | None) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm

    problem = "cannot be decrypted: wrong passphrase, or the key is damaged" if password else "is damaged"
    with reading(f"{source} {problem}"):
        try:
            return serialization.load_ssh_private_key(block.pem, password, unsafe_skip_rsa_key_validation=True)
        except UnsupportedAlgorithm as cause:
            if password and (cipher := block.openssh_cipher) not in _CIPHERS_OF_OPENSSH:
                message = f"{source} is encrypted with {quoted(cipher)}, which cannot be decrypted here"
                raise KeyUnavailable(message, hint="make a copy with: ssh-keygen -p -Z aes256-ctr -f COPY") from cause
            raise KeyUnavailable(
                f"{source} is encrypted, or of a kind, that is not known here",
                hint="pip install 'qsjwt[ssh]', or convert a copy: ssh-keygen -p -m PEM -f COPY",
            ) from cause


def _private_block(found: list[Block], source: str) -> Block:
    private = [block for block in found if block.is_private]
    if len(private) > 1:
        raise KeyUnavailable(several(source, [None] * len(private)), hint="give a file with the one that is to sign")
    if not private:
        raise KeyUnavailable(
            f"{source} holds {named(found[0])}, not a private key",
            hint="give the one whose first line says PRIVATE KEY",
        )
    return private[0]


def holds_private_key(data: bytes, source: str) -> bool:
    """Tell whether *data* holds a private key, which may be encrypted.

    :param source: as in :func:`load_private_key`.
    :raises KeyUnavailable: if there is no key in it at all.
    """
    text = text_of(data, source)
    return has_private_jwk(text, source) if is_json(text) else any(block.is_private for block in blocks(text, source))


def load_public_keys(data: bytes, source: str) -> list[JWK]:
    """Return the public keys in *data*: PEM public key, X.509 certificate, JWK or JWK Set (RFC 7517).

    A key has a key ID only if its JWK gives one.

    :param source: as in :func:`load_private_key`.
    :raises KeyUnavailable: if there is none, it is damaged, or what is there is private or symmetric.
    """
    text = text_of(data, source)
    if is_json(text):
        return public_jwks(text, source)
    found = blocks(text, source)
    if any(block.is_private for block in found):
        raise private_given(source)
    for block in found:
        if not block.is_certificate and not block.label.endswith("PUBLIC KEY"):
            raise KeyUnavailable(f"{source} holds {named(block)}, neither a public key nor a certificate")
    with reading(f"{source} is neither a public key nor a certificate that can be read"):
        return [_public_key(block) for block in found]


def load_certificates(data: bytes, source: str) -> "list[x509.Certificate]":
    """Return the X.509 certificates in *data*, in their order; whatever else is there is passed over.

    :param source: as in :func:`load_private_key`.
    :raises KeyUnavailable: if one of them is damaged.
    """
    text = text_of(data, source)
    if is_json(text):
        return []
    with reading(f"{source} has a certificate that cannot be read"):
        certificates = [_certificate(block) for block in blocks(text, source) if block.is_certificate]
        for certificate in certificates:
            # The library reads these when they are asked for, and may find only then that it cannot.
            _ = (
                *(name.rfc4514_string() for name in (certificate.subject, certificate.issuer)),
                *(certificate.not_valid_before_utc, certificate.not_valid_after_utc),
            )
    return certificates


def _public_key(block: Block) -> JWK:
    if block.is_certificate:
        jwk = jwk_of(_certificate(block).public_key())
    else:
        jwk = jwk_of(serialization.load_pem_public_key(block.pem))
    jwk.update(_binding(block.der(), block.label))
    return jwk


def _certificate(block: Block) -> "x509.Certificate":
    from cryptography import x509

    return x509.load_pem_x509_certificate(block.pem)
