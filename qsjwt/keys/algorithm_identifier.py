"""Read algorithm identifiers (RFC 5280, section 4.1.1.2): that of RSASSA-PSS, and those of encrypted keys."""

from typing import Final

from qsjwt.keys.der import CONSTRUCTED, INTEGER, SEQUENCE, Value, oid, value_at

_PSS: Final = bytes.fromhex("2a864886f70d01010a")
"""RFC 4055, section 3.1: id-RSASSA-PSS, 1.2.840.113549.1.1.10."""

_PSS_HASHES: Final = {
    "2.16.840.1.101.3.4.2.1": ("PS256", 32),
    "2.16.840.1.101.3.4.2.2": ("PS384", 48),
    "2.16.840.1.101.3.4.2.3": ("PS512", 64),
}
"""OID of a hash to the JWA name (RFC 7518, section 3.5), and the bytes of its salt there."""

_HASH, _SALT_BYTES = CONSTRUCTED | 0x80, CONSTRUCTED | 0x82
_USUAL_SALT_BYTES: Final = 20

_PBES2: Final = "1.2.840.113549.1.5.13"
_PBKDF2: Final = "1.2.840.113549.1.5.12"
_SCRYPT: Final = "1.3.6.1.4.1.11591.4.11"
"""RFC 8018, appendix A, and RFC 7914, section 7."""

_AES_BYTES: Final = {"2.16.840.1.101.3.4.1.2": 16, "2.16.840.1.101.3.4.1.22": 24, "2.16.840.1.101.3.4.1.42": 32}
_PRFS: Final = {"": "SHA1", **{f"1.2.840.113549.2.{7 + i}": f"SHA{n}" for i, n in enumerate((1, 224, 256, 384, 512))}}
"""OID of an HMAC to the name of its hash in the library; SHA-1 if there is none (RFC 8018, appendix A.2)."""

_DECRYPTED: Final = (
    *_AES_BYTES,
    *(f"1.2.840.113549.{end}" for end in ("3.2", "3.7", "1.5.3", "1.12.1.1", "1.12.1.3", "1.12.1.6")),
)
"""What can be decrypted: AES, and what the library has of RC2, 3DES, and the schemes of PKCS#5 and PKCS#12."""

_CIPHERS: Final = {
    **{f"1.2.392.200011.61.1.1.1.{end}": f"Camellia-{bits}-CBC" for end, bits in ((2, 128), (3, 192), (4, 256))},
    **{f"1.2.410.200046.1.1.{end}": f"ARIA-{bits}-CBC" for end, bits in ((2, 128), (7, 192), (12, 256))},
    **{f"2.16.840.1.101.3.4.1.{end}": f"AES-{bits}-GCM" for end, bits in ((6, 128), (26, 192), (46, 256))},
    "1.3.14.3.2.7": "DES-CBC",
    "1.2.410.200004.1.4": "SEED-CBC",
    "1.2.156.10197.1.104.2": "SM4-CBC",
    "1.3.6.1.4.1.3029.1.2": "Blowfish-CBC",
    "1.2.840.113549.1.5.10": "PBE-SHA1-DES",
    "1.2.840.113549.1.5.11": "PBE-SHA1-RC2-64",
    "1.2.840.113549.1.5.6": "PBE-MD5-RC2-64",
    "1.2.840.113549.1.12.1.2": "PBE-SHA1-RC4-40",
    "1.2.840.113549.1.12.1.4": "PBE-SHA1-2DES",
    "1.2.840.113549.1.12.1.5": "PBE-SHA1-RC2-128",
}
"""OID of a cipher that cannot be decrypted to what openssl calls it."""


def pss_algorithms(der: bytes, label: str) -> tuple[str, ...] | None:
    """Return the JWA names that a key is for whose algorithm identifier is that of RSASSA-PSS; None if it is another.

    :param der: a PrivateKeyInfo (RFC 5958), SubjectPublicKeyInfo or Certificate (RFC 5280).
    :param label: which of them, as the label of its PEM block.
    """
    if _PSS not in der:
        return None
    members = value_at(der).members()
    if label.endswith("CERTIFICATE") and members:
        members = next((found.members() for found in members[0].members() if _is_public_key(found)), [])
    algorithm = next((found.members() for found in members[:2] if found.tag == SEQUENCE), [])
    if not algorithm or algorithm[0].content != _PSS:
        return None
    if len(algorithm) == 1:
        return tuple(name for name, _ in _PSS_HASHES.values())
    parameters = {found.tag: value_at(found.content) for found in algorithm[1].members()}
    hashed = parameters[_HASH].members() if _HASH in parameters else []
    name, salt_bytes = _PSS_HASHES.get(oid(hashed[0]) if hashed else "", ("", 0))
    wanted = _number(parameters[_SALT_BYTES]) if _SALT_BYTES in parameters else _USUAL_SALT_BYTES
    return (name,) if wanted <= salt_bytes else ()


def _is_public_key(value: Value) -> bool:
    return [member.tag for member in value.members()] == [SEQUENCE, 0x03]


def _number(value: Value) -> int:
    return int.from_bytes(value.content, "big", signed=True) if value.tag == INTEGER else 0


def unknown_cipher(der: bytes) -> str:
    """Return the name of an EncryptedPrivateKeyInfo's cipher (RFC 5958, section 3); empty if it can be decrypted."""
    parts = _pbes2(der) or [_scheme(der)]
    name = oid(parts[-1][0]) if parts[-1] else ""
    return "" if not name or name in _DECRYPTED else _CIPHERS.get(name, f"the cipher {name}")


def decrypted(der: bytes, passphrase: bytes) -> bytes | None:
    """Return the PrivateKeyInfo in an EncryptedPrivateKeyInfo; None if it is not one of PBES2 with AES (RFC 8018, 6.2).

    The library reads these too, and drops the algorithm identifier.

    :raises ValueError: if *passphrase* is wrong, or it is damaged.
    """
    parts = _pbes2(der)
    if not parts:
        return None
    kdf, cipher = parts
    size = _AES_BYTES.get(oid(cipher[0]))
    key = None if size is None else _derived(kdf, passphrase, size)
    if key is None:
        return None
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.padding import PKCS7

    decryptor = Cipher(algorithms.AES(key), modes.CBC(cipher[1].content)).decryptor()
    unpadder = PKCS7(128).unpadder()
    padded = decryptor.update(value_at(der).members()[1].content) + decryptor.finalize()
    return unpadder.update(padded) + unpadder.finalize()


def _scheme(der: bytes) -> list[Value]:
    members = value_at(der).members()
    return members[0].members() if members else []


def _pbes2(der: bytes) -> list[list[Value]]:
    """Return what PBES2 derives the key with, and what it encrypts with; nothing if it is another scheme."""
    match _scheme(der):
        case [kind, parameters] if oid(kind) == _PBES2:
            return [part.members() for part in parameters.members()]
    return []


def _derived(kdf: list[Value], passphrase: bytes, size: int) -> bytes | None:
    from cryptography.hazmat.primitives import hashes

    salt, *rest = kdf[1].members()
    numbers = [_number(value) for value in rest if value.tag == INTEGER]
    if oid(kdf[0]) == _SCRYPT:
        from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

        n, r, p = numbers[:3]
        return Scrypt(salt.content, size, n, r, p).derive(passphrase)
    prf = _PRFS.get(next((oid(value.members()[0]) for value in rest if value.tag == SEQUENCE), ""))
    if oid(kdf[0]) != _PBKDF2 or prf is None:
        return None
    from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

    return PBKDF2HMAC(getattr(hashes, prf)(), size, salt.content, numbers[0]).derive(passphrase)
