"""Certificates in Windows' stores, and their private keys, which stay where they are: in CNG or in an older provider.

What opens a handle closes it on every way out.
"""

import contextlib
import ctypes
import threading
from collections.abc import Iterator, Mapping
from ctypes import byref, c_void_p, create_string_buffer
from ctypes.wintypes import BOOL, DWORD
from typing import Any, Final, NamedTuple

from qsjwt.keys.wincrypt import Blob, KeyProvInfo, Pkcs1Padding, Refusal, api, last_error, require, require_zero

LOCATIONS: Final[Mapping[str, int]] = {"user": 1 << 16, "machine": 2 << 16}
"""CERT_SYSTEM_STORE_CURRENT_USER and CERT_SYSTEM_STORE_LOCAL_MACHINE."""

NOT_FOUND: Final = 0x80092004
"""CRYPT_E_NOT_FOUND."""

_FILE_NOT_FOUND: Final = 2
_CERT_STORE_PROV_SYSTEM: Final = 10
_READ_EXISTING: Final = 0x8000 | 0x4000  # CERT_STORE_READONLY_FLAG, CERT_STORE_OPEN_EXISTING_FLAG
_ENCODING: Final = 0x10001  # X509_ASN_ENCODING, PKCS_7_ASN_ENCODING
_FIND_SHA1_HASH: Final = 0x10000
_KEY_PROV_INFO: Final = 2
_FRIENDLY_NAME: Final = 11

_ACQUIRE: Final = 0x40 | 0x20000  # CRYPT_ACQUIRE_SILENT_FLAG, CRYPT_ACQUIRE_PREFER_NCRYPT_KEY_FLAG
_NCRYPT_KEY: Final = 0xFFFFFFFF
_AT_KEYEXCHANGE: Final = 1
_AT_SIGNATURE: Final = 2
_SILENT: Final = 0x40
_MACHINE_KEYSET: Final = 0x20
_PADDING_PKCS1: Final = 2
_HASH_VALUE: Final = 2
_PINS: Final = {_AT_KEYEXCHANGE: 32, _AT_SIGNATURE: 33}  # PP_KEYEXCHANGE_PIN, PP_SIGNATURE_PIN

_AES_PROVIDER: Final = ("Microsoft Enhanced RSA and AES Cryptographic Provider", 24)
_OLD_PROVIDERS: Final = (
    "Microsoft Base Cryptographic Provider v1.0",
    "Microsoft Enhanced Cryptographic Provider v1.0",
    "Microsoft RSA SChannel Cryptographic Provider",
    "Microsoft Strong Cryptographic Provider",
)
"""CSPs that know no SHA-2, and keep their keys where the one for AES does (Microsoft Learn, CSP Provider Types)."""

_HASHES: Final = {"SHA256": 0x800C, "SHA384": 0x800D, "SHA512": 0x800E}
"""Names of CNG to numbers of CryptoAPI (ALG_ID)."""


class StoredCertificate(NamedTuple):
    """A certificate of a store.

    :ivar der: itself.
    :ivar friendly_name: what Windows calls it beside its subject; empty if nothing.
    :ivar has_key: whether it says where its private key is.
    """

    der: bytes
    friendly_name: str
    has_key: bool


def certificates(location: str, store: str) -> list[StoredCertificate]:
    """Return the certificates of a store; none if it is not there.

    :param location: one of :data:`LOCATIONS`.
    :param store: its name, such as "My".
    :raises Refusal: if it may not be read.
    """
    found = []
    with contextlib.suppress(_NoStore), _opened(location, store) as handle:
        context = api().CertEnumCertificatesInStore(handle, None)
        try:
            while context:
                name = _property(context, _FRIENDLY_NAME)
                found.append(
                    StoredCertificate(
                        ctypes.string_at(context.contents.data, context.contents.size),
                        name.decode("utf-16-le", "replace").partition("\0")[0],
                        bool(_property(context, _KEY_PROV_INFO)),
                    )
                )
                previous, context = context, None
                context = api().CertEnumCertificatesInStore(handle, previous)  # which frees the previous one
        finally:
            if context:
                api().CertFreeCertificateContext(context)
    return found


class _NoStore(Exception):
    """There is no store of that name."""


@contextlib.contextmanager
def _opened(location: str, store: str) -> Iterator[int]:
    handle = api().CertOpenStore(_CERT_STORE_PROV_SYSTEM, 0, None, LOCATIONS[location] | _READ_EXISTING, store)
    if not handle:
        code = last_error()
        raise _NoStore if code == _FILE_NOT_FOUND else Refusal("CertOpenStore", code)
    try:
        yield handle
    finally:
        api().CertCloseStore(handle, 0)


def _property(context: Any, number: int) -> bytes:
    """Return a property of a certificate, with the pointers in it into itself; empty if it has none."""
    buffer = _property_buffer(context, number)
    return b"" if buffer is None else buffer.raw


def _property_buffer(context: Any, number: int) -> Any:
    size = DWORD()
    if not api().CertGetCertificateContextProperty(context, number, None, byref(size)):
        return None
    buffer = create_string_buffer(size.value)
    return buffer if api().CertGetCertificateContextProperty(context, number, buffer, byref(size)) else None


class StoredKey:
    """A private key that stays where it is; what it holds is given back by :meth:`close`, in any thread."""

    def __init__(self, handle: int, held: contextlib.ExitStack) -> None:
        self._handle = handle
        self._held = held
        self._lock = threading.Lock()
        self._closed = False

    def sign(self, digest: bytes, algorithm: str) -> bytes:
        """Return the signature of *digest* as JWS has it: of RSA by PKCS#1 v1.5, of ECDSA as R||S.

        :param algorithm: the JWA name.
        :raises Refusal: if Windows does not sign, or the key is closed.
        """
        # CryptoAPI promises nothing about two calls at once with one handle, nor does a smart card.
        with self._lock:
            if self._closed:
                raise Refusal("close", _INVALID_HANDLE)
            return self._sign(digest, algorithm)

    def set_pin(self, pin: str) -> None:
        """Give the key its PIN, which some check at once and others when they sign.

        :raises Refusal: if it is wrong, or the key has none.
        """
        raise NotImplementedError

    def _sign(self, digest: bytes, algorithm: str) -> bytes:
        raise NotImplementedError

    def close(self) -> None:
        """Give back the handles. May be called twice."""
        with self._lock:
            self._closed = True
            self._held.close()


_INVALID_HANDLE: Final = 6


class CngKey(StoredKey):
    """A key of a key storage provider (CNG): the usual one, a TPM's, a smart card's."""

    def set_pin(self, pin: str) -> None:
        text = ctypes.create_unicode_buffer(pin)
        require_zero("NCryptSetProperty", self._handle, "SmartCardPin", text, ctypes.sizeof(text), _SILENT)

    def _sign(self, digest: bytes, algorithm: str) -> bytes:
        padding = byref(Pkcs1Padding(f"SHA{algorithm[2:]}")) if algorithm.startswith("RS") else None
        flags = _SILENT | (_PADDING_PKCS1 if padding else 0)
        size = DWORD()
        given = (self._handle, padding, digest, len(digest))
        require_zero("NCryptSignHash", *given, None, 0, byref(size), flags)
        buffer = create_string_buffer(size.value)
        require_zero("NCryptSignHash", *given, buffer, size, byref(size), flags)
        return buffer.raw[: size.value]


class CspKey(StoredKey):
    """An RSA key of an older cryptographic service provider (CryptoAPI)."""

    def __init__(self, handle: int, held: contextlib.ExitStack, spec: int) -> None:
        super().__init__(handle, held)
        # Wine says 3 of a key that it has imported.
        self._spec = spec if spec in _PINS else _AT_KEYEXCHANGE

    def set_pin(self, pin: str) -> None:
        require("CryptSetProvParam", self._handle, _PINS[self._spec], pin.encode(), 0)

    def _sign(self, digest: bytes, algorithm: str) -> bytes:
        made = c_void_p()
        require("CryptCreateHash", self._handle, _HASHES[f"SHA{algorithm[2:]}"], None, 0, byref(made))
        try:
            require("CryptSetHashParam", made, _HASH_VALUE, digest, 0)
            size = DWORD()
            require("CryptSignHashW", made, self._spec, None, 0, None, byref(size))
            buffer = create_string_buffer(size.value)
            require("CryptSignHashW", made, self._spec, None, 0, buffer, byref(size))
        finally:
            api().CryptDestroyHash(made)
        return buffer.raw[: size.value][::-1]  # CryptoAPI's numbers have their smallest byte first


def open_key(location: str, store: str, sha1: bytes) -> StoredKey:
    """Return the private key of a certificate of a store.

    :param sha1: the certificate's SHA-1 thumbprint.
    :raises Refusal: if there is none, or it may not be used.
    """
    with contextlib.ExitStack() as held, contextlib.suppress(_NoStore), _opened(location, store) as place:
        wanted = create_string_buffer(sha1, len(sha1))
        blob = Blob(len(sha1), ctypes.cast(wanted, c_void_p))
        context = api().CertFindCertificateInStore(place, _ENCODING, 0, _FIND_SHA1_HASH, byref(blob), None)
        if context:
            held.callback(api().CertFreeCertificateContext, context)
            return _key_of(context, held)
    raise Refusal("CertFindCertificateInStore", NOT_FOUND)


def _key_of(context: Any, held: contextlib.ExitStack) -> StoredKey:
    handle, spec, is_ours = c_void_p(), DWORD(), BOOL()
    require("CryptAcquireCertificatePrivateKey", context, _ACQUIRE, None, byref(handle), byref(spec), byref(is_ours))
    if spec.value == _NCRYPT_KEY:
        if is_ours:
            held.callback(api().NCryptFreeObject, handle)
        return CngKey(handle.value or 0, held.pop_all())
    if is_ours:
        held.callback(api().CryptReleaseContext, handle, 0)
    return CspKey(_able_provider(context, handle, held), held.pop_all(), spec.value)


def _able_provider(context: Any, handle: c_void_p, held: contextlib.ExitStack) -> int:
    """Return a handle of the key's provider, or if that is too old for SHA-2, of one that opens its container, too."""
    buffer = _property_buffer(context, _KEY_PROV_INFO)
    if buffer is not None:
        info = KeyProvInfo.from_buffer(buffer)
        if info.provider in _OLD_PROVIDERS:
            flags = _SILENT | info.flags & _MACHINE_KEYSET
            able = c_void_p()
            require("CryptAcquireContextW", byref(able), info.container, *_AES_PROVIDER, flags)
            held.callback(api().CryptReleaseContext, able, 0)
            return able.value or 0
    return handle.value or 0
