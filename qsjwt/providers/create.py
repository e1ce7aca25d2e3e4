"""``create:PREFIX``: a new key pair and certificate, kept in three files."""

import os
import time

from qsjwt.api import (
    PUBLIC,
    InputError,
    KeyPairRequest,
    KeyProvider,
    KeyUnavailable,
    LocalSigner,
    NewFile,
    Secrets,
    Signer,
    create_key_pair,
    quoted,
    split_settings,
    user_path,
    why_not,
    write_files,
)


class CreateProvider(KeyProvider):
    """``create:PREFIX?days=365&size=4096&common-name=qsjwt&overwrite=false``, every setting optional.

    Makes an RSA key and a self-signed certificate, writes ``PREFIXprivatekey.pem`` (0600, encrypted if a
    passphrase is given), ``PREFIXpublickey.pem`` and ``PREFIXpublickey.cer``, all three or none, and signs with
    the new key.
    """

    summary = "create:PREFIX    a new key pair and certificate, in three new files"

    def open(self, reference: str, algorithm: str, secrets: Secrets) -> Signer:
        """Make the key and write the files.

        :raises InputError: if a setting is out of range.
        :raises KeyUnavailable: if one of the files exists and is not to be overwritten, or cannot be written.
        """
        if not algorithm.startswith(("RS", "PS")):
            raise InputError(f"a new key is an RSA key, which cannot sign with {algorithm}")
        prefix, settings = split_settings(reference, ("days", "size", "common-name", "overwrite"))
        overwrite = _flag(settings.get("overwrite", "false"))
        request = KeyPairRequest(
            size=_whole_number(settings.get("size", "4096"), "size of a new key in bits"),
            days=_whole_number(settings.get("days", "365"), "validity of a new certificate in days"),
            common_name=settings.get("common-name", "qsjwt"),
            now=int(time.time()),
        )
        paths = [user_path(prefix) + name for name in ("privatekey.pem", "publickey.pem", "publickey.cer")]
        _require_place(paths, overwrite)
        pair = create_key_pair(request, secrets.passphrase())
        private, public, certificate = paths
        files = (
            NewFile(private, pair.private_pem),
            NewFile(public, pair.public_pem, PUBLIC),
            NewFile(certificate, pair.certificate_pem, PUBLIC),
        )
        try:
            write_files(files, overwrite=overwrite)
        except (OSError, ValueError) as cause:
            raise _not_written(str(getattr(cause, "filename", None) or private), cause) from cause
        return LocalSigner(pair.private_key, algorithm)


def _require_place(paths: list[str], overwrite: bool) -> None:
    """Find out before a key is made, which takes a second, that it has no place."""
    for path in paths:
        if not os.path.isdir(os.path.dirname(path) or "."):
            raise _not_written(path, FileNotFoundError())
        if not overwrite and os.path.lexists(path):
            raise _not_written(path, FileExistsError())


def _not_written(path: str, cause: OSError | ValueError) -> KeyUnavailable:
    if isinstance(cause, FileNotFoundError):
        return KeyUnavailable(f"the folder of the new key file {quoted(path)} does not exist", hint="make it first")
    hint = (
        "use another --cert-file-prefix, or --cert-overwrite to replace it"
        if isinstance(cause, FileExistsError)
        else ""
    )
    return KeyUnavailable(f"the new key file {quoted(path)} {why_not(cause)}, so nothing is written", hint=hint)


def _whole_number(text: str, what: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise InputError(f"the {what}: {quoted(text)} is not a whole number")
    if len(text) > 9:
        raise InputError(f"the {what}: {quoted(text)} is too large")
    return int(text)


def _flag(text: str) -> bool:
    if text not in ("true", "false"):
        raise InputError(f"the setting overwrite is true or false, not {quoted(text)}")
    return text == "true"
