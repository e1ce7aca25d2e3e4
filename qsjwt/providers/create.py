"""``create:PREFIX``: a new key pair and certificate, kept in three files."""

import os
import time
from typing import Final

from qsjwt.api import (
    KEY_FILES,
    KEY_SIZES,
    PUBLIC,
    InputError,
    KeyPairRequest,
    KeyProvider,
    KeyUnavailable,
    LocalSigner,
    NewFile,
    Secrets,
    Signer,
    UnsuitableKey,
    create_key_pair,
    quoted,
    split_settings,
    user_path,
    whole_number,
    why_not,
    write_files,
)

_EC_SIZES: Final = {"ES256": 256, "ES384": 384}
"""JWA name (RFC 7518, section 3.4) to the bits of its curve."""


class CreateProvider(KeyProvider):
    """``create:PREFIX?kind=rsa&size=4096&days=365&common-name=qsjwt&overwrite=false``, every setting optional.

    Makes a key, for EC if the algorithm is ES256 or ES384, and a self-signed certificate, writes
    ``PREFIXprivatekey.pem`` (0600, encrypted if a passphrase is given), ``PREFIXpublickey.pem`` and
    ``PREFIXpublickey.cer``, all three or none, and signs with the new key.
    """

    summary = "create:PREFIX    a new key pair and certificate, in three new files"

    def open(self, reference: str, algorithm: str, secrets: Secrets) -> Signer:
        """Make the key and write the files.

        :raises InputError: if a setting is out of range.
        :raises KeyUnavailable: if one of the files exists and is not to be overwritten, or cannot be written.
        """
        prefix, settings = split_settings(reference, ("kind", "size", "days", "common-name", "overwrite"))
        overwrite = _flag(settings.get("overwrite", "false"))
        kind = settings.get("kind", "ec" if algorithm in _EC_SIZES else "rsa")
        usual = (kind == "ec" and _EC_SIZES.get(algorithm)) or KEY_SIZES.get(kind, (0,))[0]
        request = KeyPairRequest(
            kind=kind,
            size=whole_number(settings.get("size", str(usual)), "size of a new key in bits"),
            days=whole_number(settings.get("days", "365"), "validity of a new certificate in days"),
            common_name=settings.get("common-name", "qsjwt"),
            now=int(time.time()),
        )
        _require_fitting(request, algorithm)
        paths = [user_path(prefix) + name for name in KEY_FILES.values()]
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
        return LocalSigner(pair.private_key, algorithm, pair.certificate_pem)


def _require_fitting(request: KeyPairRequest, algorithm: str) -> None:
    """Find out before a key is made that it could not sign with *algorithm*.

    :raises UnsuitableKey: if that is so.
    """
    is_rsa = request.kind == "rsa"
    if not (algorithm.startswith(("RS", "PS")) if is_rsa else _EC_SIZES.get(algorithm) == request.size):
        what = "a new RSA key" if is_rsa else f"a new key on P-{request.size}"
        raise UnsuitableKey(
            f"{what} cannot sign with {algorithm}", hint="use another --algorithm, or another kind of key"
        )


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


def _flag(text: str) -> bool:
    if text not in ("true", "false"):
        raise InputError(f"the setting overwrite is true or false, not {quoted(text)}")
    return text == "true"
