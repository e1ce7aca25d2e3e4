"""``create:PREFIX``: a new key pair and certificate, kept in three files."""

import time
from collections.abc import Mapping, Sequence
from typing import Final

from qsjwt.api import InputError, KeyUnavailable, Secrets, Signer, quoted, split_settings
from qsjwt.io.file_set import NewFile, require_free, write_files
from qsjwt.io.folder import PUBLIC
from qsjwt.io.read import user_path, whole_number
from qsjwt.keys.generate import KEY_SIZES, KeyPairRequest, create_key_pair, new_key_algorithms
from qsjwt.keys.new_files import PROTECTIONS, new_key_files, told_if_not_written
from qsjwt.keys.reference import KeyMaker, usable_provider
from qsjwt.keys.signer import LocalSigner, listed, needed_key

_SETTINGS: Final = ("kind", "size", "days", "common-name", "overwrite", "protect")


class CreateProvider(KeyMaker):
    """``create:PREFIX?kind=rsa&size=4096&days=365&common-name=qsjwt&overwrite=false``, every setting optional.

    Makes a key, for EC if ES256 or ES384 is wanted first, and a self-signed certificate, writes
    ``PREFIXprivatekey.pem`` (0600, encrypted if a passphrase is given), ``PREFIXpublickey.pem`` and
    ``PREFIXpublickey.cer``, all three or none, and signs with the new key. On Windows, with ``protect=dpapi`` or
    ``protect=dpapi-machine``, the first is ``PREFIXprivatekey.dpapi``, for ``dpapi:``.
    """

    summary = "create:PREFIX    a new key pair and certificate, in three new files"

    def make(self, reference: str, secrets: Secrets, algorithms: Sequence[str]) -> Signer:
        """Make the key and write the files.

        :raises InputError: if a setting is out of range.
        :raises KeyUnavailable: if such a key could do none of *algorithms*, or one of the files exists and is not to be
            overwritten, or cannot be written, or the key is to be protected on another system than Windows.
        """
        prefix, settings = split_settings(reference, _SETTINGS)
        overwrite = _flag(settings.get("overwrite", "false"))
        protection = _protection(settings)
        request = _request(settings, algorithms)
        paths = self.files(reference)
        with told_if_not_written(paths, prefix):
            require_free(paths, overwrite=overwrite)
        pair = create_key_pair(request, secrets.passphrase())
        private, public, certificate = paths
        files = (
            NewFile(private, _protected(pair.private_pem, protection)),
            NewFile(public, pair.public_pem, PUBLIC),
            NewFile(certificate, pair.certificate_pem, PUBLIC),
        )
        with told_if_not_written(paths, prefix):
            write_files(files, overwrite=overwrite)
        return LocalSigner(pair.private_key, pair.certificate_pem)

    def files(self, reference: str) -> Sequence[str]:
        """Return the paths of private key, public key and certificate."""
        prefix, settings = split_settings(reference, _SETTINGS)
        return tuple(new_key_files(user_path(prefix), settings.get("protect")).values())


def _protection(settings: Mapping[str, str]) -> str | None:
    """Return how the new private key is to be encrypted by Windows, if it is.

    :raises InputError: if it is not known.
    :raises KeyUnavailable: if this is not Windows.
    """
    protection = settings.get("protect")
    if protection is not None:
        if protection not in PROTECTIONS:
            raise InputError(f"the setting protect is {' or '.join(PROTECTIONS)}, not {quoted(protection)}")
        usable_provider("dpapi")
    return protection


def _protected(private_pem: bytes, protection: str | None) -> bytes:
    """Return what is written of the private key.

    :raises KeyUnavailable: if Windows does not encrypt it.
    """
    if protection is None:
        return private_pem
    from qsjwt.keys.data_protection import protect
    from qsjwt.keys.wincrypt import Refusal

    try:
        return protect(private_pem, machine=PROTECTIONS[protection])
    except Refusal as cause:
        raise KeyUnavailable(
            f"Windows cannot encrypt the new key: {cause.function} reports {cause.code:#010x}",
            hint="an account needs its profile: a scheduled task has it, a session of runas /noprofile has not",
        ) from cause


def _request(settings: Mapping[str, str], algorithms: Sequence[str]) -> KeyPairRequest:
    """Return what the new key is to be, of the usual size that can do one of *algorithms* unless *settings* say one.

    :raises InputError: if a setting is out of range.
    :raises KeyUnavailable: if such a key could do none of *algorithms*.
    """
    kind = settings.get("kind") or _kind_for(algorithms)
    sizes = KEY_SIZES.get(kind, (0,))
    usual = next((size for size in sizes if _can_one(kind, size, algorithms)), sizes[0])
    request = KeyPairRequest(
        kind=kind,
        size=whole_number(settings.get("size", str(usual)), "size of a new key in bits"),
        days=whole_number(settings.get("days", "365"), "validity of a new certificate in days"),
        common_name=settings.get("common-name", "qsjwt"),
        now=int(time.time()),
    )
    if not _can_one(kind, request.size, algorithms):
        what = "a new RSA key" if kind == "rsa" else f"a new key on P-{request.size}"
        raise KeyUnavailable(f"{what} cannot sign with {listed(algorithms)}", hint=f"make {needed_key(algorithms)}")
    return request


def _kind_for(algorithms: Sequence[str]) -> str:
    """Return the kind of key for the first of *algorithms* that a new key can do; the usual kind if there is none."""
    kinds = ((kind, size) for kind, sizes in KEY_SIZES.items() for size in sizes)
    made = {algorithm: kind for kind, size in kinds for algorithm in new_key_algorithms(kind, size)}
    return next((made[algorithm] for algorithm in algorithms if algorithm in made), next(iter(KEY_SIZES)))


def _can_one(kind: str, size: int, algorithms: Sequence[str]) -> bool:
    return not algorithms or any(algorithm in new_key_algorithms(kind, size) for algorithm in algorithms)


def _flag(text: str) -> bool:
    if text not in ("true", "false"):
        raise InputError(f"the setting overwrite is true or false, not {quoted(text)}")
    return text == "true"
