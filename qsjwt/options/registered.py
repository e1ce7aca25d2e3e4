"""The option ``--registered``: what is registered at a platform, as its administrator exports it."""

from typing import TYPE_CHECKING

from jwcrypto.jwk import JWK

from qsjwt.io.json_object import JsonObject, json_object
from qsjwt.io.read import read_text, source_of
from qsjwt.options.group import OptionGroup
from qsjwt.options.key import PublicMaterial, material_in
from qsjwt.tokens.registered import Registration
from qsjwt.tokens.request import Options

if TYPE_CHECKING:
    from cryptography import x509

_FILE = "registration file"


def add_registered_option(group: OptionGroup) -> None:
    """Add the option."""
    group.add(
        "--registered",
        verbatim=True,
        metavar="FILE",
        help="JSON that the platform exports, or that registration prints; - for stdin",
    )


def registered_entity(options: Options) -> JsonObject | None:
    """Return what is in the file; None if none is given.

    :raises InputError: if it cannot be read, or is no JSON object.
    """
    if options.registered is None:
        return None
    return json_object(read_text(options.registered, _FILE, "--registered"), source_of(options.registered, _FILE))


def registered_keys(options: Options, registration: Registration) -> PublicMaterial | None:
    """Return the keys of *registration*, which is in the file, and their certificates; None if it has none.

    :raises KeyUnavailable: if one of them cannot be read.
    """
    source = f"the key in {source_of(options.registered, _FILE)}"
    keys: list[JWK] = []
    certificates: list[x509.Certificate] = []
    for registered in registration.keys:
        found = material_in(registered.text.encode(), source)
        for key in found.keys:
            if registered.key_id is not None:
                key["kid"] = registered.key_id
        keys += found.keys
        certificates += found.certificates
    return PublicMaterial(source, keys, certificates) if keys else None
