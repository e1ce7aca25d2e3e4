"""``dpapi:FILE``: a private key in a file that Windows' data protection has encrypted."""

import base64
import contextlib
import functools
from typing import Final

from qsjwt.api import (
    InputError,
    KeyProvider,
    KeyUnavailable,
    Secrets,
    Signer,
    local_signer,
    quoted,
    read_file,
    split_settings,
)
from qsjwt.io.read import decode_text
from qsjwt.keys import data_protection
from qsjwt.keys.pem import BEGIN
from qsjwt.keys.wincrypt import Refusal

_MAKE: Final = "qsjwt create-key --protect dpapi makes such a file"


class DpapiProvider(KeyProvider):
    """``dpapi:FILE``: what CryptProtectData has encrypted, as it is, in base64 or in hexadecimal.

    The last is what ConvertFrom-SecureString of Windows PowerShell prints. Encrypted is a private key in any form that
    ``file:`` takes. The account that encrypted it can read it, on this machine; or with the scope of the machine, every
    account there, for which ``dpapi:FILE?scope=machine`` may be written, too.
    """

    summary = "dpapi:FILE       a private key file that Windows has encrypted"
    needs_windows = True

    def open(self, reference: str, secrets: Secrets) -> Signer:
        """Read the file, and have Windows decrypt it.

        :raises InputError: if a setting is not known.
        :raises KeyUnavailable: if the file is missing, was encrypted for another account or machine, or is damaged, or
            there is no private key in it.
        """
        path, settings = split_settings(reference, ("scope",))
        scope = settings.get("scope", data_protection.SCOPES[0])
        if scope not in data_protection.SCOPES:
            raise InputError(f"the setting scope is {' or '.join(data_protection.SCOPES)}, not {quoted(scope)}")
        source = f"the protected key file {quoted(path)}"
        data = _binary(read_file(path, "protected key file", error=KeyUnavailable), source)
        try:
            plain = data_protection.unprotect(data, machine=scope == "machine")
        except Refusal as cause:
            raise KeyUnavailable(
                f"{source} cannot be decrypted: another account or another machine has encrypted it, or it is damaged "
                f"(CryptUnprotectData reports {cause.code:#010x})",
                hint=f"run qsjwt as the account that encrypted it; {_MAKE}",
            ) from cause
        return local_signer(plain, source, secrets)


def _binary(data: bytes, source: str) -> bytes:
    """Return the bytes that *data* writes in hexadecimal or base64, in any encoding of a shell, or else itself.

    :raises KeyUnavailable: if it is a key in PEM, which nothing protects.
    """
    try:
        text = "".join(decode_text(data).split())
    except UnicodeDecodeError:
        return data
    if BEGIN in text:
        raise KeyUnavailable(f"{source} is not encrypted: it has PEM in it", hint=f"{_MAKE}; file:FILE reads PEM")
    for decoded in (bytes.fromhex, functools.partial(base64.b64decode, validate=True)):
        with contextlib.suppress(ValueError):
            return decoded(text)
    return data
