"""``show-key``: what a key is: kind, size, thumbprints, certificate and how long it lasts, or the key itself."""

import functools
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from qsjwt.cli import output
from qsjwt.cli.command import Command
from qsjwt.errors import KeyUnavailable
from qsjwt.keys.jwk import own_members
from qsjwt.keys.public import PublicKey, validity_problem
from qsjwt.keys.reference import opened
from qsjwt.options import key as key_options
from qsjwt.options.named_key import add_named_key_argument, named_material
from qsjwt.options.parser import Parser
from qsjwt.options.request import key_id
from qsjwt.times import format_duration, iso_time, parse_duration
from qsjwt.tokens.request import THUMBPRINT, Options

_LOG = logging.getLogger("qsjwt.command")


class ShowKey(Command):
    """Show a key's kind, size, thumbprints and certificate.

    Only the public half is shown, even of a private key. For a certificate, so is the number of days left; one that
    has expired is a warning, not an error.
    """

    section = "keys"
    example = "qsjwt show-key publickey.cer"

    def add_options(self, parser: Parser) -> None:
        """Add the key, and the output's form."""
        key = key_options.add_any_key_options(parser)
        add_named_key_argument(key)
        key.add(
            "--keyid",
            metavar="ID",
            help=f"chooses one of a JWK Set; kid in jwk and jwks, default its own or its {THUMBPRINT} (RFC 7638)",
        )
        shown = parser.group("output")
        output.add_format_option(shown, (*output.RECORD_FORMS, *_KEY_FORMATS))
        shown.add(
            "--fail-within",
            type=parse_duration,
            metavar="TIME",
            help="exit with 3 if the certificate expires within TIME, such as 30d",
        )

    def take_action(self, options: Options) -> None:
        """Print the key.

        :raises KeyUnavailable: after that, if its certificate does not last as long as is wanted.
        """
        public, now = _public_key(options), time.time()
        if options.format in _KEY_FORMATS:
            name = key_id(options) or public.jwk.get("kid") or THUMBPRINT
            text = _KEY_FORMATS[options.format](public, public.thumbprint if name == THUMBPRINT else name)
        else:
            text = output.shown_record(public.described(now), options.format, functools.partial(_page, public, now))
        self.emit(text)
        if options.fail_within is not None:
            _require_lasting(public, now, options.fail_within)
        if public.certificate is not None and (problem := validity_problem(public.certificate, now)):
            _LOG.warning("%s", problem)


def _page(public: PublicKey, now: float) -> object:
    from qsjwt.cli.key_page import key_page  # and rich with it

    return key_page(public, now)


def _require_lasting(public: PublicKey, now: float, seconds: int) -> None:
    """Return if the certificate of *public* is valid for *seconds* from *now* on.

    :raises KeyUnavailable: if not, or if it has none.
    """
    if public.certificate is None:
        raise KeyUnavailable(
            "--fail-within needs an X.509 certificate, and this key has none", hint="name the certificate"
        )
    left = public.certificate.not_valid_after_utc.timestamp() - now
    if left <= seconds:
        problem = validity_problem(public.certificate, now)
        last = iso_time(now + left)
        raise KeyUnavailable(
            problem or f"the certificate expires at {last}, within {format_duration(seconds)}",
            hint="make a new one, and register it before this one expires",
        )


def _public_key(options: Options) -> PublicKey:
    secrets = key_options.key_secrets(options)
    given = named_material(options, secrets) or key_options.public_material(options)
    reference = key_options.private_reference(options)
    if reference is None:
        return key_options.one_public_key(options, None, given, options.keyid)
    with opened(reference, secrets) as signer:
        return key_options.one_public_key(options, signer, given)


def _as_jwk(public: PublicKey, key_id: str) -> str:
    return output.as_json(_jwk(public, key_id))


def _as_jwk_set(public: PublicKey, key_id: str) -> str:
    return output.as_json({"keys": [_jwk(public, key_id)]})


def _jwk(public: PublicKey, key_id: str) -> Mapping[str, Any]:
    return {"use": "sig", **own_members(public.jwk), "kid": key_id, **public.members}


_KEY_FORMATS: Final[Mapping[str, Callable[[PublicKey, str], str]]] = {
    "jwk": _as_jwk,
    "jwks": _as_jwk_set,
    "pem": lambda public, _key_id: public.pem,
    "cert": lambda public, _key_id: public.require_certificate_pem("--format cert"),
    "oneline": lambda public, _key_id: public.require_certificate_pem("--format oneline").replace("\n", "") + "\n",
}
