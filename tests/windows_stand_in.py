"""A stand-in for what Windows alone has: certificate stores, whose keys are in memory here, and data protection.

``python -m tests.windows_stand_in FOLDER create-qseow …`` runs the program with the certificates that are in a folder;
``… FOLDER new SUBJECT NAME PLACE`` adds one, and prints its thumbprint; ``… FOLDER name THUMBPRINT NAME`` renames it.
"""

import contextlib
import datetime
import hashlib
import json
import os
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from qsjwt.api import jose_signature
from qsjwt.cli.app import main
from qsjwt.keys import certificate_store, data_protection
from qsjwt.keys.certificate_store import NOT_FOUND, StoredCertificate, StoredKey
from qsjwt.keys.wincrypt import Refusal

DAY: Final = datetime.timedelta(days=1)
WRONG_PIN: Final = 0x8010006B
ASKS: Final = 0x80090022
NOT_SUPPORTED: Final = 0x80090029
INVALID_DATA: Final = 13
_MARK: Final = b"\x01\0\0\0\xd0\x8c\x9d\xdf protected for "
_SCOPES: Final = (b"account", b"machine")
_HASHES: Final = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}


def stand_in_for_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let keys be opened as on Windows, which encrypts them here in a way that hides them from a search and no more."""
    if os.name != "nt":
        monkeypatch.setattr("qsjwt.keys.reference._require_windows", lambda _: None)
        monkeypatch.setattr(data_protection, "protect", _protect)
        monkeypatch.setattr(data_protection, "unprotect", _unprotect)


def _protect(data: bytes, *, machine: bool = False) -> bytes:
    return _MARK + _SCOPES[machine] + _flipped(data)


def _unprotect(data: bytes, *, machine: bool = False) -> bytes:
    if data.startswith("-----BEGIN".encode("utf-16-le")):  # what PowerShell protects on other systems: it does not
        return data
    if not data.startswith(_MARK):
        raise Refusal("CryptUnprotectData", INVALID_DATA)
    return _flipped(data[len(_MARK) + len(_SCOPES[machine]) :])


def _flipped(data: bytes) -> bytes:
    return bytes(byte ^ 0xA5 for byte in data)


class KeyOnShelf(StoredKey):
    """A key in memory.

    :param pin: what it signs with; None if it has none.
    :param code: with which it refuses to sign, if it does.
    """

    def __init__(self, key: Any, pin: str | None, code: int) -> None:
        super().__init__(0, contextlib.ExitStack())
        self._key, self._code, self._wanted, self._given = key, code, pin, None if pin else ""
        self.signed = 0

    @property
    def is_closed(self) -> bool:
        """Whether it was given back."""
        return self._closed

    def set_pin(self, pin: str) -> None:
        if self._wanted is None:
            raise Refusal("NCryptSetProperty", NOT_SUPPORTED)
        self._given = pin

    def _sign(self, digest: bytes, algorithm: str) -> bytes:
        self.signed += 1
        if self._given is None:
            raise Refusal("NCryptSignHash", ASKS)
        if self._wanted is not None and self._given != self._wanted:
            raise Refusal("NCryptSignHash", WRONG_PIN)
        if self._code:
            raise Refusal("NCryptSignHash", self._code)
        hashed = Prehashed(_HASHES[algorithm[2:]])
        if isinstance(self._key, rsa.RSAPrivateKey):
            return self._key.sign(digest, padding.PKCS1v15(), hashed)
        return jose_signature(self._key.sign(digest, ec.ECDSA(hashed)), algorithm)


class Shelf:
    """The stores of a machine, by location and name, and the keys that were opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._stores: dict[tuple[str, str], list[StoredCertificate]] = defaultdict(list)
        self._keys: dict[bytes, tuple[Any, str | None, int, int]] = {}
        self.opened: list[KeyOnShelf] = []
        stand_in_for_windows(monkeypatch)
        monkeypatch.setattr(certificate_store, "certificates", lambda *place: list(self._stores[place]))
        monkeypatch.setattr(certificate_store, "open_key", self._open_key)

    def add(
        self,
        key: Any,
        common_name: str = "Qlik tokens",
        *,
        friendly_name: str = "",
        place: tuple[str, str] = ("user", "My"),
        has_key: bool = True,
        days: tuple[int, int] = (-1, 9),
        signs: bool | None = None,
        pin: str | None = None,
        refusal: tuple[int, int] = (0, 0),
    ) -> str:
        """Put a certificate of *key* into a store, and return its SHA-1 thumbprint as Windows shows it.

        :param days: from which day on it is valid, and to which, counted from today.
        :param signs: what its key usage says of signatures; None for no key usage.
        :param refusal: codes with which opening the key and signing with it fail; 0 for none.
        """
        der = _certificate(key, common_name, days, signs).public_bytes(serialization.Encoding.DER)
        return self.put(key, der, friendly_name, place, has_key=has_key, pin=pin, refusal=refusal)

    def put(
        self,
        key: Any,
        der: bytes,
        friendly_name: str,
        place: tuple[str, str],
        *,
        has_key: bool = True,
        pin: str | None = None,
        refusal: tuple[int, int] = (0, 0),
    ) -> str:
        """Put the certificate *der* into a store, as :meth:`add` does."""
        self._stores[place].append(StoredCertificate(der, friendly_name, has_key))
        sha1 = hashlib.sha1(der, usedforsecurity=False)
        self._keys[sha1.digest()] = (key, pin, *refusal)
        return sha1.hexdigest().upper()

    def add_foreign(self, der: bytes) -> None:
        """Put something into the user's store that cannot be read."""
        self._stores["user", "My"].insert(0, StoredCertificate(der, "", True))

    def _open_key(self, location: str, store: str, sha1: bytes) -> StoredKey:
        if all(hashlib.sha1(one.der, usedforsecurity=False).digest() != sha1 for one in self._stores[location, store]):
            raise Refusal("CertFindCertificateInStore", NOT_FOUND)
        key, pin, opening, signing = self._keys[sha1]
        if opening:
            raise Refusal("CryptAcquireCertificatePrivateKey", opening)
        self.opened.append(KeyOnShelf(key, pin, signing))
        return self.opened[-1]


def _certificate(key: Any, common_name: str, days: tuple[int, int], signs: bool | None) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])
    today = datetime.datetime.now(datetime.UTC)
    first, last = (today + day * DAY for day in days)
    builder = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(first)
        .not_valid_after(last)
    )
    if signs is not None:
        others = ("content_commitment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign")
        rest = dict.fromkeys((*others, "encipher_only", "decipher_only"), False)
        usage = x509.KeyUsage(digital_signature=signs, key_encipherment=True, **rest)
        builder = builder.add_extension(usage, critical=True)
    return builder.sign(key, hashes.SHA256())


def _add_to(folder: Path, subject: str, friendly_name: str, place: str) -> str:
    """Do what New-SelfSignedCertificate does, as far as the pages need it."""
    key = rsa.generate_private_key(65537, 2048)
    shelf = Shelf(pytest.MonkeyPatch())
    location, store = {"CurrentUser": "user", "LocalMachine": "machine"}[place.split("\\")[1]], place.split("\\")[2]
    began = len(list(folder.glob("*.json"))) - 9  # each begins a day after the one before it
    thumbprint = shelf.add(
        key,
        subject.removeprefix("CN="),
        friendly_name=friendly_name,
        place=(location, store),
        days=(began, 90),
        signs=True,
    )
    (stored,) = certificate_store.certificates(location, store)
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode("ascii")
    record = {"key": text, "certificate": stored.der.hex(), "friendly_name": friendly_name, "place": [location, store]}
    (folder / f"{thumbprint}.json").write_text(json.dumps(record), encoding="utf-8")
    return thumbprint


def _rename(folder: Path, thumbprint: str, friendly_name: str) -> None:
    path = folder / f"{thumbprint}.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**record, "friendly_name": friendly_name}), encoding="utf-8")


def _run(folder: Path, arguments: list[str]) -> int:
    shelf = Shelf(pytest.MonkeyPatch())
    for path in folder.glob("*.json"):
        record = json.loads(path.read_text(encoding="utf-8"))
        key = serialization.load_pem_private_key(record["key"].encode(), None)
        shelf.put(key, bytes.fromhex(record["certificate"]), record["friendly_name"], tuple(record["place"]))
    return main(arguments)


if __name__ == "__main__":
    _, stores, first, *rest = sys.argv
    if first == "new":
        print(_add_to(Path(stores), *rest))
    elif first == "name":
        _rename(Path(stores), *rest)
    else:
        sys.exit(_run(Path(stores), [first, *rest]))
