"""Open PKCS#12 (RFC 7292), the .p12 and .pfx files of openssl, keytool and Windows."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12

from qsjwt.errors import KeyUnavailable
from qsjwt.keys.algorithm_identifier import unknown_cipher
from qsjwt.keys.der import BMP_STRING, OCTETS, Value, octets, oid, value_at, values
from qsjwt.keys.foreign import reading
from qsjwt.keys.jwk import several
from qsjwt.keys.pem import ENCRYPTED, armoured
from qsjwt.keys.rounds import require_bounded
from qsjwt.redaction import quoted

_DATA: Final = "1.2.840.113549.1.7.1"
_KEY_BAGS: Final = {"1.2.840.113549.1.12.10.1.1": "PRIVATE KEY", "1.2.840.113549.1.12.10.1.2": ENCRYPTED}
"""RFC 7292, section 4.2: a key as it is, and one that is encrypted by itself, as almost every program writes it."""

_FRIENDLY_NAME: Final = "1.2.840.113549.1.9.20"


class Store(NamedTuple):
    """What was taken out of a PKCS#12.

    :ivar key: the private key in PEM.
    :ivar certificates: all of its certificates in PEM.
    :ivar password: what opens *key*, which may be encrypted as it was in the store.
    """

    key: str
    certificates: str
    password: bytes | None


class _KeyBag(NamedTuple):
    """One private key; *cipher* is that of its encryption if it cannot be decrypted."""

    alias: str
    pem: str
    cipher: str = ""


def open_store(data: bytes, source: str, password: bytes | None, alias: str | None) -> Store:
    """Return the private key in a PKCS#12, and its certificates.

    :param data: it, in DER.
    :param source: where it comes from, for messages.
    :param password: None if none was given; one that is there for another key does no harm.
    :param alias: which of several keys, by its friendly name (RFC 2985, section 5.5.1), in any case.
    :raises KeyUnavailable: if it cannot be opened, holds no private key, or several of which none is chosen.
    """
    require_bounded(data, source)
    store, opened_with = _opened(data, source, password)
    found = _key_bags(data)
    if len(found) == 1 and not opened_with:
        found = []  # an empty password is no password to whatever reads the key alone
    if not found and store.key is not None:
        with reading(f"{source} holds a private key that cannot be read"):
            pem = store.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")
        name = store.cert.friendly_name if store.cert else None
        found = [_KeyBag(name.decode("utf-8", "replace") if name else "1", pem)]
    if not found:
        raise KeyUnavailable(f"{source} holds no private key", hint="export it again, with the private key")
    certificates = [*([store.cert] if store.cert else []), *store.additional_certs]
    with reading(f"{source} has a certificate that cannot be read"):
        text = b"".join(each.certificate.public_bytes(Encoding.PEM) for each in certificates).decode("ascii")
    chosen = _chosen(found, source, alias)
    if chosen.cipher:
        raise KeyUnavailable(
            f"the private key in {source} is encrypted with {chosen.cipher}, which cannot be decrypted here",
            hint="take it out: openssl pkcs12 -in FILE -nocerts -out NEW.pem, and give NEW.pem",
        )
    return Store(chosen.pem, text, opened_with)


def _opened(data: bytes, source: str, password: bytes | None) -> tuple[pkcs12.PKCS12KeyAndCertificates, bytes | None]:
    failure: KeyUnavailable | None = None
    # Without a password some programs write an empty one, and others none at all, which is not the same; and
    # QSJWT_KEY_PASSPHRASE may be there for another key.
    for candidate in [*([password] if password else []), None, b""]:
        try:
            with reading(f"{source} cannot be opened: wrong password, or it is damaged"):
                return pkcs12.load_pkcs12(data, candidate), candidate
        except KeyUnavailable as cause:
            failure = failure or cause
    if password and failure:
        raise failure
    raise KeyUnavailable(
        f"{source} cannot be opened without a password, or it is damaged",
        hint="set QSJWT_KEY_PASSPHRASE, or use --key-passphrase-env or --key-passphrase-file",
    ) from failure


def _chosen(found: Sequence[_KeyBag], source: str, alias: str | None) -> _KeyBag:
    aliases = [bag.alias for bag in found]
    if alias is not None:
        found = [bag for bag in found if bag.alias == alias] or [
            bag for bag in found if bag.alias.casefold() == alias.casefold()
        ]
        if not found:
            listed = ", ".join(map(quoted, aliases))
            raise KeyUnavailable(f"{source} has no private key {quoted(alias)}", hint=f"its aliases are: {listed}")
    if len(found) > 1:
        raise KeyUnavailable(
            several(source, [bag.alias for bag in found]),
            hint="choose one with ?alias=NAME at the end of the reference",
        )
    return found[0]


def _key_bags(data: bytes) -> list[_KeyBag]:
    """Return the private keys of a PKCS#12 and their aliases, as far as they are not encrypted together."""
    bags = [bag for contents in _contents(data) for bag in value_at(contents).members()]
    found = [
        (_friendly_name(bag), label, parts[1].content)
        for bag in bags
        if (parts := bag.members())[1:] and (label := _KEY_BAGS.get(oid(parts[0])))
    ]
    names = [name for name, *_ in found]
    return [
        _KeyBag(
            name if name and names.count(name) == 1 else f"{name}#{position}".removeprefix("#"),
            armoured(key, label),
            unknown_cipher(key) if label == ENCRYPTED else "",
        )
        for position, (name, label, key) in enumerate(found, 1)
    ]


def _contents(data: bytes) -> list[bytes]:
    """Return the SafeContents of a PKCS#12 that stand there unencrypted (RFC 7292, section 4.1)."""
    safe = _data_of(value_at(data).members()[1]) if len(value_at(data).members()) > 1 else b""
    return [content for info in value_at(safe).members() if (content := _data_of(info))]


def _data_of(info: Value) -> bytes:
    """Return the octets of a ContentInfo of the type data (RFC 5652, section 4); empty if it is of another type."""
    kind, *content = info.members() or [info]
    if oid(kind) != _DATA or not content:
        return b""
    return b"".join(octets(each) for each in values(content[0].content) if each.tag & 0x1F == OCTETS)


def _friendly_name(bag: Value) -> str:
    attributes = bag.members()[2:]
    for attribute in attributes[0].members() if attributes else []:
        match attribute.members():
            case [kind, names] if oid(kind) == _FRIENDLY_NAME and (name := value_at(names.content)).content:
                return name.content.decode("utf-16-be" if name.tag == BMP_STRING else "utf-8", "replace")
    return ""
