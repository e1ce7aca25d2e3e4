"""``keyring:SERVICE/USER``: a private key in the operating system's keyring."""

from typing import Final

import keyring
from keyring.backends import null
from keyring.errors import InitError, KeyringError, KeyringLocked, NoKeyringError

from qsjwt.api import InputError, KeyProvider, KeyUnavailable, Secrets, Signer, local_signer, quoted, within
from qsjwt.io.windows import is_windows

_PATIENCE_SECONDS: Final = 60
"""Seconds for the keyring's answer: some ask the user to unlock them, and nobody may be there."""

_STORE: Final = "store it with: " + (
    "Get-Content -Raw PRIVATEKEY.pem | keyring set SERVICE USER"
    if is_windows()
    else "keyring set SERVICE USER < PRIVATEKEY.pem"
)


class KeyringProvider(KeyProvider):
    """``keyring:SERVICE/USER``, split at the last slash: SERVICE may have slashes in it, USER not.

    The password of USER at SERVICE is the text of a private key: in Windows Credential Manager, the macOS Keychain,
    a Secret Service (GNOME Keyring, KeePassXC) or KWallet. The user who runs qsjwt must own the keyring, and it must
    be unlocked.
    """

    summary = "keyring:SERVICE/USER  a private key in the operating system's keyring"

    def open(self, reference: str, secrets: Secrets) -> Signer:
        """Ask the keyring.

        :raises InputError: if there is no slash, or nothing on one side of it.
        :raises KeyUnavailable: if there is no keyring, it is locked or does not answer within 60 seconds, or the entry
            is missing or no private key that can be decrypted.
        """
        service, _, user = reference.rpartition("/")
        if not service or not user:
            raise InputError(
                "the key reference keyring: needs a service and a user", hint="write --key keyring:SERVICE/USER"
            )
        source = f"the keyring's entry {quoted(reference)}"
        password = _password(service, user, source)
        return local_signer(password.encode("utf-8", "replace"), source, secrets)


def _password(service: str, user: str, source: str) -> str:
    """Return what the keyring holds.

    :raises KeyUnavailable: if it holds nothing, or cannot be asked.
    """
    try:
        password: str | None = within(_PATIENCE_SECONDS, lambda: keyring.get_password(service, user))
    except NoKeyringError as cause:
        raise KeyUnavailable(
            f"{source} cannot be read: there is no keyring on this machine, or none for this user",
            hint="keyring --list-backends shows what there is; without a desktop, use file:, env: or exec:",
        ) from cause
    except KeyringLocked as cause:
        raise KeyUnavailable(
            f"{source} cannot be read: the keyring is locked, or refuses access", hint="unlock it first, and allow it"
        ) from cause
    except InitError as cause:
        raise KeyUnavailable(
            f"{source} cannot be read: the keyring cannot be started", hint="see whether keyring get works"
        ) from cause
    except TimeoutError as cause:
        raise KeyUnavailable(
            f"{source} cannot be read: the keyring did not answer within {_PATIENCE_SECONDS} s",
            hint="it may be waiting for somebody to unlock it; unlock it first",
        ) from cause
    except Exception as cause:
        # Backends are plugins too, and let through whatever their own libraries raise.
        what = "the keyring reports an error" if isinstance(cause, KeyringError) else "the keyring does not work"
        raise KeyUnavailable(
            f"{source} cannot be read: {what} ({type(cause).__name__})", hint="see whether keyring get works"
        ) from cause
    if password is not None:
        return password
    if isinstance(keyring.get_keyring(), null.Keyring):
        raise KeyUnavailable(
            f"{source} does not exist: the keyring is switched off (null backend)",
            hint="see PYTHON_KEYRING_BACKEND and the file that keyring diagnose names",
        )
    raise KeyUnavailable(f"{source} does not exist", hint=_STORE)
