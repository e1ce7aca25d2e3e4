"""A certificate store of Windows for tests: certificates with keys are imported into it, and all of it goes again."""

import contextlib
import ctypes
import functools
import secrets
from collections import Counter
from collections.abc import Iterator
from ctypes import POINTER, byref, c_char_p, c_void_p, create_string_buffer
from ctypes.wintypes import BOOL, DWORD, LPCWSTR
from typing import Any, Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from qsjwt.keys.certificate_store import LOCATIONS
from qsjwt.keys.wincrypt import Blob, CertContext, KeyProvInfo, api, loaded

_SYSTEM: Final = 10
_DELETE: Final = 0x10
_USER_KEYSET: Final = 0x1000
_MACHINE_KEYSET: Final = 0x20
_REPLACE: Final = 3
_FRIENDLY_NAME: Final = 11
_KEY_PROV_INFO: Final = 2
_DELETE_KEYSET: Final = 0x10
_CERT: Final = POINTER(CertContext)

_DECLARED: Final = {
    "crypt32": {
        "PFXImportCertStore": (c_void_p, (POINTER(Blob), LPCWSTR, DWORD)),
        "CertCreateCertificateContext": (_CERT, (DWORD, c_char_p, DWORD)),
        "CertAddCertificateContextToStore": (BOOL, (c_void_p, _CERT, DWORD, POINTER(_CERT))),
        "CertSetCertificateContextProperty": (BOOL, (_CERT, DWORD, DWORD, c_void_p)),
    }
}

_OPENERS: Final = {
    "CertOpenStore": "CertCloseStore",
    "CertFindCertificateInStore": "CertFreeCertificateContext",
    "CryptAcquireCertificatePrivateKey": "CryptReleaseContext",
    "CryptAcquireContextW": "CryptReleaseContext",
    "CryptCreateHash": "CryptDestroyHash",
}
"""What opens a handle, and what closes it."""


class WindowsStore:
    """A store that is made for a test.

    :ivar location: one of :data:`LOCATIONS`.
    :ivar name: that of the store.
    """

    def __init__(self, location: str) -> None:
        self.location, self.name = location, f"qsjwt-{secrets.token_hex(8)}"
        self._crypt32 = loaded(_DECLARED)
        self._containers: list[tuple[str, str, int, int]] = []
        self.add()

    def add(self, key: Any = None, certificate: bytes | None = None, friendly_name: str = "") -> None:
        """Import *certificate*, PEM, with its key if there is one. A store is written when it is closed."""
        store = api().CertOpenStore(_SYSTEM, 0, None, LOCATIONS[self.location], self.name)
        assert store
        try:
            if certificate is not None:
                with self._imported(key, x509.load_pem_x509_certificate(certificate)) as context:
                    self._add(store, context, friendly_name)
        finally:
            api().CertCloseStore(store, 0)

    def _add(self, store: int, context: Any, friendly_name: str) -> None:
        if friendly_name:
            name = ctypes.create_unicode_buffer(friendly_name)
            blob = Blob(ctypes.sizeof(name), ctypes.cast(name, c_void_p))
            assert self._crypt32.CertSetCertificateContextProperty(context, _FRIENDLY_NAME, 0, byref(blob))
        assert self._crypt32.CertAddCertificateContextToStore(store, context, _REPLACE, None)
        size = DWORD()
        if api().CertGetCertificateContextProperty(context, _KEY_PROV_INFO, None, byref(size)):
            buffer = create_string_buffer(size.value)
            assert api().CertGetCertificateContextProperty(context, _KEY_PROV_INFO, buffer, byref(size))
            info = KeyProvInfo.from_buffer(buffer)
            self._containers.append((info.container, info.provider, info.kind, info.flags))

    @contextlib.contextmanager
    def _imported(self, key: Any, certificate: x509.Certificate) -> Iterator[Any]:
        if key is None:
            der = certificate.public_bytes(serialization.Encoding.DER)
            context = self._crypt32.CertCreateCertificateContext(1, der, len(der))
            assert context
            yield context
            api().CertFreeCertificateContext(context)
            return
        encryption = serialization.BestAvailableEncryption(b"test")
        data = pkcs12.serialize_key_and_certificates(b"test", key, certificate, None, encryption)
        blob = Blob(len(data), ctypes.cast(create_string_buffer(data, len(data)), c_void_p))
        imported = self._crypt32.PFXImportCertStore(byref(blob), "test", _USER_KEYSET)
        assert imported
        context = api().CertEnumCertificatesInStore(imported, None)
        assert context
        yield context
        api().CertFreeCertificateContext(context)
        api().CertCloseStore(imported, 0)

    def remove(self) -> None:
        """Remove the store, and the keys that were imported with its certificates."""
        for container, provider, kind, flags in self._containers:
            handle = c_void_p()
            api().CryptAcquireContextW(
                byref(handle), container, provider, kind, flags & _MACHINE_KEYSET | _DELETE_KEYSET
            )
        api().CertOpenStore(_SYSTEM, 0, None, LOCATIONS[self.location] | _DELETE, self.name)


@contextlib.contextmanager
def windows_store(location: str = "user") -> Iterator[WindowsStore]:
    """Make a store for the length of a test."""
    store = WindowsStore(location)
    try:
        yield store
    finally:
        store.remove()


def count_handles(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Return how many handles of each kind are open from now on, by what closes them."""
    count: Counter[str] = Counter()
    functions = api()

    def opening(name: str, *arguments: Any) -> Any:
        result = original[name](*arguments)
        count[_OPENERS[name]] += bool(result)
        return result

    def closing(name: str, *arguments: Any) -> Any:
        count[name] -= 1
        return original[name](*arguments)

    def enumerating(store: Any, previous: Any) -> Any:
        result = original["CertEnumCertificatesInStore"](store, previous)
        count["CertFreeCertificateContext"] += bool(result) - bool(previous)
        return result

    names = (*_OPENERS, *_OPENERS.values(), "CertEnumCertificatesInStore")
    original = {name: getattr(functions, name) for name in names}
    for name in _OPENERS:
        monkeypatch.setattr(functions, name, functools.partial(opening, name))
    for name in {*_OPENERS.values()}:
        monkeypatch.setattr(functions, name, functools.partial(closing, name))
    monkeypatch.setattr(functions, "CertEnumCertificatesInStore", enumerating)
    return count
