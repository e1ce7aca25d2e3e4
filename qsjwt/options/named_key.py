"""A key as an argument of its own: a file, whose content says what it is, or a reference as ``--key`` takes it."""

from typing import Final

from qsjwt.errors import InputError, KeyUnavailable
from qsjwt.io.read import read_file
from qsjwt.keys.load import holds_private_key
from qsjwt.keys.reference import Secrets, existing, local_signer, opened, split_reference
from qsjwt.options.group import OptionGroup
from qsjwt.options.key import PublicMaterial, material_in, private_material
from qsjwt.redaction import quoted
from qsjwt.tokens.request import Options

_OTHERS: Final = ("key", "cert_publickey_file", "cert_publickey")


def add_named_key_argument(group: OptionGroup) -> None:
    """Add the argument."""
    group.add(
        "named_key",
        nargs="?",
        metavar="FILE|SCHEME:REFERENCE",
        help="file that holds a certificate, a public or a private key; or what --key takes",
        verbatim=True,
    )


def named_material(options: Options, secrets: Secrets) -> PublicMaterial | None:
    """Return the public half of the key that the argument names, and the certificates beside it; None without it.

    :param secrets: where the passphrase of a private key comes from.
    :raises InputError: if an option names a key, too.
    :raises KeyUnavailable: if there is no key, or it cannot be read.
    """
    text: str | None = options.named_key
    if text is None:
        return None
    if not options.given.isdisjoint(_OTHERS):
        raise InputError("the key is given more than once", hint="leave out FILE, or --key and --cert-publickey-file")
    scheme, path = split_reference(existing(text))
    if scheme != "file":
        with opened(text, secrets) as signer:
            return private_material(signer)
    data = read_file(path, "key file", error=KeyUnavailable)
    source = f"the key file {quoted(path)}"
    if not holds_private_key(data, source):
        return material_in(data, source)
    with local_signer(data, source, secrets) as signer:
        return private_material(signer)
