"""Functions of Windows for certificates, their keys and protected data (wincrypt.h, ncrypt.h), declared for ctypes.

The module can be imported on every system; :func:`api` loads them.
"""

import ctypes
import functools
import sys
from collections.abc import Mapping
from ctypes import POINTER, c_char_p, c_void_p
from ctypes.wintypes import BOOL, DWORD, LONG, LPCWSTR, LPWSTR, UINT
from types import SimpleNamespace
from typing import Any, Final


class Blob(ctypes.Structure):
    _fields_ = (("size", DWORD), ("data", c_void_p))


class CertContext(ctypes.Structure):
    _fields_ = (*(("encoding", DWORD), ("data", c_void_p), ("size", DWORD)), *(("info", c_void_p), ("store", c_void_p)))


class KeyProvInfo(ctypes.Structure):
    _fields_ = (
        *(("container", LPWSTR), ("provider", LPWSTR), ("kind", DWORD), ("flags", DWORD)),
        *(("parameters", DWORD), ("parameter", c_void_p), ("spec", DWORD)),
    )


class Pkcs1Padding(ctypes.Structure):
    _fields_ = (("hash", LPCWSTR),)


_Cert = POINTER(CertContext)
_Handle = c_void_p
_Out = POINTER(c_void_p)
_Dword = POINTER(DWORD)
_Bytes = c_char_p

Declared = Mapping[str, Mapping[str, tuple[Any, tuple[Any, ...]]]]
"""Library to its functions: the type of what each returns, and those of its parameters."""

_DECLARED: Final[Declared] = {
    "crypt32": {
        "CertOpenStore": (_Handle, (c_void_p, DWORD, _Handle, DWORD, LPCWSTR)),
        "CertCloseStore": (BOOL, (_Handle, DWORD)),
        "CertEnumCertificatesInStore": (_Cert, (_Handle, _Cert)),
        "CertFindCertificateInStore": (_Cert, (_Handle, DWORD, DWORD, DWORD, POINTER(Blob), _Cert)),
        "CertFreeCertificateContext": (BOOL, (_Cert,)),
        "CertGetCertificateContextProperty": (BOOL, (_Cert, DWORD, c_void_p, _Dword)),
        "CryptAcquireCertificatePrivateKey": (BOOL, (_Cert, DWORD, c_void_p, _Out, _Dword, POINTER(BOOL))),
        "CryptProtectData": (BOOL, (POINTER(Blob), LPCWSTR, POINTER(Blob), c_void_p, c_void_p, DWORD, POINTER(Blob))),
        "CryptUnprotectData": (
            BOOL,
            (POINTER(Blob), POINTER(LPWSTR), POINTER(Blob), c_void_p, c_void_p, DWORD, POINTER(Blob)),
        ),
    },
    "advapi32": {
        "CryptAcquireContextW": (BOOL, (_Out, LPCWSTR, LPCWSTR, DWORD, DWORD)),
        "CryptReleaseContext": (BOOL, (_Handle, DWORD)),
        "CryptSetProvParam": (BOOL, (_Handle, DWORD, _Bytes, DWORD)),
        "CryptCreateHash": (BOOL, (_Handle, UINT, _Handle, DWORD, _Out)),
        "CryptDestroyHash": (BOOL, (_Handle,)),
        "CryptSetHashParam": (BOOL, (_Handle, DWORD, _Bytes, DWORD)),
        "CryptSignHashW": (BOOL, (_Handle, DWORD, LPCWSTR, DWORD, c_void_p, _Dword)),
    },
    "ncrypt": {
        "NCryptFreeObject": (LONG, (_Handle,)),
        "NCryptSetProperty": (LONG, (_Handle, LPCWSTR, c_void_p, DWORD, DWORD)),
        "NCryptSignHash": (LONG, (_Handle, POINTER(Pkcs1Padding), _Bytes, DWORD, c_void_p, DWORD, _Dword, DWORD)),
    },
    "kernel32": {"LocalFree": (c_void_p, (c_void_p,))},
}
"""As Microsoft Learn has them."""


class Refusal(Exception):
    """Windows did not do what it was asked.

    :ivar function: which of its functions said so.
    :ivar code: what it said: an HRESULT or a number of winerror.h, without its sign.
    """

    def __init__(self, function: str, code: int) -> None:
        self.function = function
        self.code = code & 0xFFFFFFFF
        super().__init__(f"{function}: {self.code:#010x}")


@functools.cache
def api() -> SimpleNamespace:
    """Return the functions of Windows that are declared here, by their names."""
    return loaded(_DECLARED)


def loaded(declared: Declared) -> SimpleNamespace:
    """Return the functions that *declared* names, by their names.

    :raises NotImplementedError: if this is not Windows.
    """
    if sys.platform != "win32":
        raise NotImplementedError
    functions = SimpleNamespace()
    for name, of_library in declared.items():
        library = ctypes.WinDLL(name, use_last_error=True)
        for function_name, (result, parameters) in of_library.items():
            function = getattr(library, function_name)
            function.restype, function.argtypes = result, parameters
            setattr(functions, function_name, function)
    return functions


def require(function: str, *arguments: Any) -> None:
    """Call a function that returns whether it did what it was asked.

    :raises Refusal: if it did not.
    """
    if not getattr(api(), function)(*arguments):
        raise Refusal(function, last_error())


def require_zero(function: str, *arguments: Any) -> None:
    """Call a function that returns 0, or what went wrong.

    :raises Refusal: if something did.
    """
    if status := getattr(api(), function)(*arguments):
        raise Refusal(function, status)


def last_error() -> int:
    """Return the number of this thread's last error of a function that is declared here."""
    if sys.platform != "win32":
        raise NotImplementedError
    return ctypes.get_last_error()
