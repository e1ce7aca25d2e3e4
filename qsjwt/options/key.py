"""The options that say which key: a private one by reference, a new one, or a public one, and what they open."""

import logging
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, urlencode

from jwcrypto.jwk import JWK

from qsjwt.errors import InputError, KeyUnavailable
from qsjwt.io.read import read_file
from qsjwt.keys.load import load_certificates, load_public_keys
from qsjwt.keys.public import PublicKey, certificate_of, leaves, the_only
from qsjwt.keys.reference import PASSPHRASE_VARIABLE, Secrets, existing
from qsjwt.keys.signer import Signer
from qsjwt.options.group import OptionGroup
from qsjwt.options.parser import Parser
from qsjwt.redaction import quoted
from qsjwt.tokens.platform import Platform
from qsjwt.tokens.request import Options

if TYPE_CHECKING:
    from cryptography import x509

_LOG = logging.getLogger("qsjwt.key")


class PublicMaterial(NamedTuple):
    """The public keys and certificates of one place.

    :ivar source: the place, for messages.
    """

    source: str
    keys: Sequence[JWK]
    certificates: "Sequence[x509.Certificate]"


def add_private_key_options(parser: Parser, *, is_new_usual: bool = True) -> OptionGroup:
    """Add ``--key``, its short forms, and what a new key is to be; return the argument group.

    :param is_new_usual: False if most people need no new key there.
    """
    key = parser.group("key")
    add_key_option(key)
    key.add(
        "--cert-privatekey-file",
        action="append",
        metavar="FILE",
        advanced=True,
        help="short for --key file:FILE",
        verbatim=True,
    )
    key.add(
        "--cert-privatekey",
        action="append",
        metavar="PEM",
        advanced=True,
        help="short for --key inline:PEM; other users can see it in the process list, so prefer env: or stdin:",
        verbatim=True,
    )
    key.add(
        "--cert-create",
        nargs="?",
        const="true",
        default="false",
        choices=("true", "false"),
        metavar="true|false",
        advanced=not is_new_usual,
        help="make a new key and certificate, and sign with it",
    )
    add_new_key_options(key, is_usual=is_new_usual)
    add_passphrase_options(key)
    return key


def add_new_key_options(group: OptionGroup, *, is_usual: bool = True) -> None:
    """Add what a new key and its files are to be.

    :param is_usual: False if most people need no new key there.
    """
    add_certificate_options(group)
    group.add(
        "--cert-file-prefix",
        metavar="PREFIX",
        advanced=not is_usual,
        help="prefix of the names of the three new files",
        verbatim=True,
    )
    group.add(
        "--cert-key-size",
        metavar="N",
        advanced=True,
        help="bits of the new key: 2048, 3072 or 4096 (default), for EC 256 or 384 (default)",
    )
    group.add("--cert-overwrite", action="store_true", advanced=True, help="replace key files that exist")


def add_certificate_options(group: OptionGroup) -> None:
    """Add what a new certificate is to be."""
    group.add(
        "--cert-create-expires-days",
        metavar="N",
        advanced=True,
        help="days that the new certificate is valid; default 365",
    )
    group.add("--cert-common-name", metavar="NAME", advanced=True, help="subject of the new certificate; default qsjwt")


def add_passphrase_options(group: OptionGroup) -> None:
    """Add where the passphrase or PIN of a private key comes from."""
    group.add(
        "--key-passphrase-env",
        metavar="NAME",
        advanced=True,
        help=f"variable that holds the passphrase or PIN; default {PASSPHRASE_VARIABLE}",
    )
    group.add(
        "--key-passphrase-file",
        metavar="FILE",
        advanced=True,
        help="file whose first line is the passphrase or PIN",
        verbatim=True,
    )


def add_algorithm_option(group: OptionGroup, platform: Platform) -> None:
    """Add ``--algorithm``, one of those that *platform* accepts."""
    names = ", ".join(platform.algorithms)
    group.add(
        "--algorithm",
        choices=platform.algorithms,
        metavar="ALG",
        advanced=True,
        help=f"{names}; default the first that the key can do",
    )


def add_public_key_options(group: OptionGroup) -> None:
    """Add a public key or certificate, as a file or as text."""
    group.add(
        "--cert-publickey-file",
        action="append",
        metavar="FILE",
        help="public key, X.509 certificate, JWK or JWK Set",
        verbatim=True,
    )
    group.add(
        "--cert-publickey", action="append", metavar="TEXT", advanced=True, help="the same as text", verbatim=True
    )


def add_any_key_options(parser: Parser, note: str = "") -> OptionGroup:
    """Add a private key by reference and a public one, for what needs the public half alone; return the group."""
    group = parser.group("key", note)
    add_public_key_options(group)
    add_key_option(group)
    add_passphrase_options(group)
    return group


def add_key_option(group: OptionGroup) -> None:
    """Add ``--key``."""
    group.add(
        "--key",
        action="append",
        metavar="SCHEME:REFERENCE",
        help="where the private key is, as in file:PATH or env:NAME; list-plugins lists the schemes",
        verbatim=True,
    )


def key_reference(options: Options) -> str:
    """Return the one key reference that *options* give, by ``--key`` or one of its short forms.

    :raises InputError: if they give none, or more than one.
    """
    given: list[str] = list(options.key or [])
    for scheme, values in (("file", options.cert_privatekey_file), ("inline", options.cert_privatekey)):
        given += [f"{scheme}:{value}" for value in values or []]
    if options.cert_create == "true":
        given.append(new_key_reference(options))
    elif options.cert_file_prefix or _new_key_settings(options):
        _LOG.warning("the options for a new certificate have no effect without --cert-create")
    if not given:
        raise InputError("no key is given", hint="use --key file:PRIVATEKEY.pem, --key env:VARIABLE or --cert-create")
    if len(given) > 1:
        raise InputError(
            "more than one key is given",
            hint="use one of --key, --cert-privatekey-file, --cert-privatekey and --cert-create, once",
        )
    return given[0]


def new_key_reference(options: Options, **more: str) -> str:
    """Return the reference ``create:…`` for a new key as *options* want it.

    :param more: further settings.
    """
    settings = urlencode({**_new_key_settings(options), **more}, quote_via=quote, errors="surrogateescape")
    return f"create:{options.cert_file_prefix or ''}?{settings}"


def _new_key_settings(options: Options) -> dict[str, str]:
    settings = {
        "days": options.cert_create_expires_days,
        "size": options.cert_key_size,
        "common-name": options.cert_common_name,
        "overwrite": "true" if options.cert_overwrite else None,
    }
    return {name: value for name, value in settings.items() if value is not None}


def key_secrets(options: Options) -> Secrets:
    """Return where the key's passphrase comes from.

    :raises InputError: if *options* name two places.
    """
    if options.key_passphrase_env is not None and options.key_passphrase_file is not None:
        raise InputError("the passphrase is given twice", hint="use --key-passphrase-env or --key-passphrase-file")
    return Secrets(options.key_passphrase_env, options.key_passphrase_file)


def public_material(options: Options) -> PublicMaterial | None:
    """Return what the options for a public key give; None if they are not there.

    :raises InputError: if both are there.
    :raises KeyUnavailable: if there is no public key in it.
    """
    texts, files = options.cert_publickey or [], options.cert_publickey_file or []
    if len(texts) + len(files) > 1:
        raise InputError(
            "more than one public key is given", hint="use --cert-publickey-file or --cert-publickey, once"
        )
    if texts:
        data, source = os.fsencode(texts[0]), "the public key on the command line"
    elif files:
        data = read_file(files[0], "public key file", error=KeyUnavailable)
        source = f"the public key file {quoted(files[0])}"
    else:
        return None
    return material_in(data, source)


def material_in(data: bytes, source: str) -> PublicMaterial:
    """Return the public keys and certificates in *data*; of a chain, those of the leaf alone.

    :raises KeyUnavailable: if there is no public key in it.
    """
    keys, certificates = load_public_keys(data, source), load_certificates(data, source)
    if len(certificates) == len(keys) and len(own := leaves(certificates)) < len(keys):
        kept = {*own}
        keys = [key for key, certificate in zip(keys, certificates, strict=True) if certificate in kept]
        certificates = own
    return PublicMaterial(source, keys, certificates)


def private_reference(options: Options, *, may_be_new: bool = False) -> str | None:
    """Return the one reference of ``--key``; None if it is not there.

    :param may_be_new: False if a key that is only made now would make no sense.
    :raises InputError: if it is there twice, or makes a new key where that makes no sense.
    """
    if not options.key:
        return None
    if len(options.key) > 1:
        raise InputError("more than one key is given", hint="use --key once")
    reference: str = options.key[0]
    return reference if may_be_new else existing(reference)


def private_material(signer: Signer) -> PublicMaterial:
    """Return the public half of a signer's key, and the certificates beside the private one."""
    source = "what is beside the private key"
    certificates = load_certificates(signer.certificates, source) if signer.certificates else []
    return PublicMaterial(source, [signer.public_key], certificates)


def one_public_key(
    options: Options, signer: Signer | None, given: PublicMaterial | None, key_id: str | None = None
) -> PublicKey:
    """Return the one key of *signer* and *given*, at least one of which is there, with its certificate.

    :raises KeyUnavailable: if *given* has several keys, or its certificate is not that of the signer's key.
    """
    own = private_material(signer) if signer else None
    key = own.keys[0] if own else the_only(given.keys, given.source, key_id) if given else None
    if key is None:
        raise InputError(
            "no key is given", hint="use --cert-publickey-file FILE, or --key file:PRIVATEKEY.pem or another reference"
        )
    if own and given and all(other.thumbprint() != key.thumbprint() for other in given.keys):
        raise KeyUnavailable(f"the public key in {given.source} is not that of the private key")
    for place in (given, own):
        if place and place.certificates:
            return PublicKey(key, certificate_of(key, place.certificates, place.source))
    return PublicKey(key)
