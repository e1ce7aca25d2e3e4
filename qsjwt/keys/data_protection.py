"""Windows' data protection (DPAPI): encrypt for one user or one machine, without a passphrase."""

import ctypes
from ctypes import byref, c_void_p, create_string_buffer
from typing import Final

from qsjwt.keys.wincrypt import Blob, api, require

SCOPES: Final = ("user", "machine")
"""Who can decrypt: this account, or every account of this machine."""

_UI_FORBIDDEN: Final = 1
_LOCAL_MACHINE: Final = 4


def protect(data: bytes, *, machine: bool = False) -> bytes:
    """Return *data* encrypted for this user, or for every account of this machine (CryptProtectData).

    :raises Refusal: if Windows cannot.
    """
    return _transformed("CryptProtectData", data, "qsjwt", machine)


def unprotect(data: bytes, *, machine: bool = False) -> bytes:
    """Return what was encrypted for this user or machine (CryptUnprotectData).

    :raises Refusal: if it was not, or is damaged.
    """
    return _transformed("CryptUnprotectData", data, None, machine)


def _transformed(function: str, data: bytes, description: str | None, machine: bool) -> bytes:
    given = create_string_buffer(data, len(data))
    made = Blob()
    flags = _UI_FORBIDDEN | (_LOCAL_MACHINE if machine else 0)
    source = byref(Blob(len(data), ctypes.cast(given, c_void_p)))
    try:
        require(function, source, description, None, None, None, flags, byref(made))
        return ctypes.string_at(made.data, made.size)
    finally:
        if made.data:
            ctypes.memset(made.data, 0, made.size)
            api().LocalFree(made.data)
