"""Keys of Windows' certificate stores: what signs, and that every handle is given back. In Windows alone."""

import contextlib
import ctypes
import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from ctypes import POINTER, byref, c_void_p
from ctypes.wintypes import DWORD, LONG, LPCWSTR
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from jwcrypto.common import base64url_encode
from jwcrypto.jwa import JWA
from jwcrypto.jwk import JWK

from qsjwt.keys.certificate_store import CngKey, StoredKey, certificates, open_key
from qsjwt.keys.wincrypt import Refusal, api, loaded
from tests.conftest import on_windows, self_signed
from tests.windows_store import WindowsStore, count_handles, windows_store

pytestmark = on_windows

DATA = b"eyJhbGciOiJSUzI1NiJ9.eyJ1c2VySWQiOiJhbm5hIn0"
RSA: Final = {"RS256": hashes.SHA256(), "RS384": hashes.SHA384(), "RS512": hashes.SHA512()}


def digest(algorithm: str) -> bytes:
    """Return the digest of the data that *algorithm* signs."""
    return hashlib.new(f"sha{algorithm[2:]}", DATA).digest()


@dataclass(frozen=True)
class Stored:
    """A certificate of the key ``rsa`` in a store of the user."""

    store: WindowsStore
    certificate: x509.Certificate

    def open_key(self) -> StoredKey:
        """Return its key."""
        sha1 = self.certificate.fingerprint(hashes.SHA1())  # noqa: S303 - what Windows finds it by
        return open_key("user", self.store.name, sha1)


@pytest.fixture
def stored(keys: SimpleNamespace) -> Iterator[Stored]:
    """A certificate with its key in a store of the user."""
    pem = self_signed(keys.rsa, "Qlik tokens")
    with windows_store() as store:
        store.add(keys.rsa, pem, "Göran's \u20ac")
        yield Stored(store, x509.load_pem_x509_certificate(pem))


@pytest.fixture
def handles(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many handles of each kind are open, by what closes them."""
    return count_handles(monkeypatch)


def test_a_store_tells_its_certificates_with_their_names_and_whether_they_have_a_key(
    stored: Stored, keys: SimpleNamespace
) -> None:
    lone = self_signed(keys.p384, "no key")
    stored.store.add(None, lone)
    found = {x509.load_der_x509_certificate(one.der): one for one in certificates("user", stored.store.name)}
    own = found[stored.certificate]
    assert (own.friendly_name, own.has_key) == ("Göran's \u20ac", True)
    other = found[x509.load_pem_x509_certificate(lone)]
    assert (other.friendly_name, other.has_key) == ("", False)
    sha1 = hashlib.sha1(other.der, usedforsecurity=False).digest()
    with pytest.raises(Refusal) as caught:
        open_key("user", stored.store.name, sha1)
    assert caught.value.code == 0x8009200B
    assert certificates("machine", stored.store.name) == []


def test_a_store_of_the_machine_is_another(keys: SimpleNamespace) -> None:
    pem = self_signed(keys.rsa, "machine")
    with windows_store("machine") as store:
        store.add(keys.rsa, pem)
        assert [one.has_key for one in certificates("machine", store.name)] == [True]
        assert certificates("user", store.name) == []


def test_a_key_of_an_old_provider_signs_with_sha_2(stored: Stored, keys: SimpleNamespace) -> None:
    with contextlib.closing(stored.open_key()) as key:
        for algorithm, hashed in RSA.items():
            signature = key.sign(digest(algorithm), algorithm)
            keys.rsa.public_key().verify(signature, DATA, padding.PKCS1v15(), hashed)


def test_no_handle_is_left_after_use(stored: Stored, handles: Counter[str]) -> None:
    certificates("user", stored.store.name)
    assert handles.total() == 0
    key = stored.open_key()
    for _ in range(3):
        key.sign(digest("RS256"), "RS256")
    # The certificate, its provider, and the one that can do SHA-2.
    assert +handles == {"CertFreeCertificateContext": 1, "CryptReleaseContext": 2}
    with ThreadPoolExecutor(8) as pool:
        for signature in pool.map(lambda _: key.sign(digest("RS512"), "RS512"), range(64)):
            assert len(signature) == 256
    key.close()
    key.close()
    assert not +handles
    assert not -handles
    with pytest.raises(Refusal):
        key.sign(digest("RS256"), "RS256")


@pytest.mark.parametrize(
    "failing",
    [
        *("CertGetCertificateContextProperty", "CertFindCertificateInStore", "CryptAcquireCertificatePrivateKey"),
        *("CryptAcquireContextW", "CryptCreateHash", "CryptSetHashParam", "CryptSignHashW"),
    ],
)
def test_no_handle_is_left_after_a_failure(
    stored: Stored, handles: Counter[str], failing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api(), failing, lambda *_: 0)
    with contextlib.suppress(Refusal):
        certificates("user", stored.store.name)
        with contextlib.closing(stored.open_key()) as key:
            key.sign(digest("RS256"), "RS256")
    assert not +handles
    assert not -handles


def test_no_handle_is_left_if_reading_a_store_is_interrupted(
    stored: Stored, handles: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: Any) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(api(), "CertGetCertificateContextProperty", interrupt)
    with pytest.raises(KeyboardInterrupt):
        certificates("user", stored.store.name)
    assert not +handles
    assert not -handles


NCRYPT: Final = {
    "ncrypt": {
        "NCryptOpenStorageProvider": (LONG, (POINTER(c_void_p), LPCWSTR, DWORD)),
        "NCryptCreatePersistedKey": (LONG, (c_void_p, POINTER(c_void_p), LPCWSTR, LPCWSTR, DWORD, DWORD)),
        "NCryptSetProperty": (LONG, (c_void_p, LPCWSTR, c_void_p, DWORD, DWORD)),
        "NCryptFinalizeKey": (LONG, (c_void_p, DWORD)),
        "NCryptExportKey": (LONG, (c_void_p, c_void_p, LPCWSTR, c_void_p, c_void_p, DWORD, POINTER(DWORD), DWORD)),
        "NCryptFreeObject": (LONG, (c_void_p,)),
    }
}


@pytest.fixture
def cng() -> Iterator[tuple[int, JWK]]:
    """A handle of a new RSA key of CNG that is kept nowhere, and its public half."""
    functions = loaded(NCRYPT)
    provider, key, size = c_void_p(), c_void_p(), DWORD()
    assert functions.NCryptOpenStorageProvider(byref(provider), "Microsoft Software Key Storage Provider", 0) == 0
    assert functions.NCryptCreatePersistedKey(provider, byref(key), "RSA", None, 0, 0) == 0
    assert functions.NCryptSetProperty(key, "Length", byref(DWORD(2048)), 4, 0) == 0
    assert functions.NCryptFinalizeKey(key, 0) == 0
    assert functions.NCryptExportKey(key, None, "RSAPUBLICBLOB", None, None, 0, byref(size), 0) == 0
    blob = ctypes.create_string_buffer(size.value)
    assert functions.NCryptExportKey(key, None, "RSAPUBLICBLOB", None, blob, size, byref(size), 0) == 0
    # BCRYPT_RSAKEY_BLOB: six numbers of 32 bits, the exponent, the modulus.
    exponent_size = int.from_bytes(blob.raw[8:12], "little")
    exponent, modulus = blob.raw[24 : 24 + exponent_size], blob.raw[24 + exponent_size : 24 + exponent_size + 256]
    yield key.value or 0, JWK(kty="RSA", n=base64url_encode(modulus), e=base64url_encode(exponent))
    functions.NCryptFreeObject(key)
    functions.NCryptFreeObject(provider)


def test_a_key_of_cng_signs(cng: tuple[int, JWK]) -> None:
    handle, public = cng
    key = CngKey(handle, contextlib.ExitStack())
    for algorithm in RSA:
        JWA.signing_alg(algorithm).verify(public, DATA, key.sign(digest(algorithm), algorithm))


def _put(place: Any, value: int) -> None:
    """Write *value* where *place*, made by ``byref``, points to."""
    place._obj.value = value  # noqa: SLF001 - ctypes has no other way


def _acquiring(handle: int) -> Callable[..., int]:
    """Return a stand-in for CryptAcquireCertificatePrivateKey that gives a handle of CNG, as Wine never does."""

    def acquire(context: Any, flags: int, parameters: Any, key: Any, spec: Any, free: Any) -> int:
        assert flags & 0x40, "a window might be opened"
        for place, value in ((key, handle), (spec, 0xFFFFFFFF), (free, 1)):
            _put(place, value)
        return 1

    return acquire


def test_the_way_from_a_certificate_to_a_key_of_cng_with_a_stand_in(
    cng: tuple[int, JWK], stored: Stored, handles: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    handle, public = cng
    freed: list[int | None] = []
    monkeypatch.setattr(api(), "CryptAcquireCertificatePrivateKey", _acquiring(handle))
    monkeypatch.setattr(api(), "NCryptFreeObject", lambda given: freed.append(given.value))
    with contextlib.closing(stored.open_key()) as key:
        JWA.signing_alg("RS256").verify(public, DATA, key.sign(digest("RS256"), "RS256"))
        assert freed == []
    assert freed == [handle]
    assert not +handles


def test_ecdsa_and_a_pin_reach_cng_as_it_wants_them_with_a_stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[Any, ...]] = []

    def sign(handle: int, padding: Any, data: bytes, size: int, out: Any, room: Any, needed: Any, flags: int) -> int:
        calls.append((padding, data, size, flags))
        _put(needed, 96)
        if out is not None:
            ctypes.memmove(out, bytes(range(96)), 96)
        return 0

    def set_property(handle: int, name: str, value: Any, size: int, flags: int) -> int:
        calls.append((name, value.value, size, flags))
        return 0x8010006B - (1 << 32)

    monkeypatch.setattr(api(), "NCryptSignHash", sign)
    monkeypatch.setattr(api(), "NCryptSetProperty", set_property)
    key = CngKey(1, contextlib.ExitStack())
    assert key.sign(digest("ES384"), "ES384") == bytes(range(96))
    assert calls == [(None, digest("ES384"), 48, 0x40)] * 2
    with pytest.raises(Refusal) as caught:
        key.set_pin("1234")
    assert caught.value.code == 0x8010006B
    assert calls[-1] == ("SmartCardPin", "1234", 10, 0x40)
