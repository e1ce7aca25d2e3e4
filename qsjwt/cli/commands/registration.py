"""``registration NAME``: what the administrator has to register so that a platform accepts the tokens of a key."""

import logging
import time
from collections.abc import Mapping, Sequence

from jwcrypto.jwk import JWK

from qsjwt.cli import output
from qsjwt.cli.command import PlatformCommand
from qsjwt.cli.create import require_place
from qsjwt.errors import InputError
from qsjwt.keys.public import PublicKey, validity_problem
from qsjwt.keys.reference import opened
from qsjwt.keys.signer import choose_algorithm, key_algorithms
from qsjwt.options import key as key_options
from qsjwt.options.certificate import certificate_request, certified
from qsjwt.options.claims import add_claim_options, further_claims
from qsjwt.options.group import OptionGroup
from qsjwt.options.parser import Parser
from qsjwt.options.request import add_claim_name_options, key_id
from qsjwt.tokens.claim_names import claim_names
from qsjwt.tokens.request import THUMBPRINT, Options, TokenRequest, narrowed

_LOG = logging.getLogger("qsjwt.command")


class Registration(PlatformCommand):
    """Print what to register for a key at {platform}.

    The output is JSON and contains nothing private. The options for claim names and issuer are those of
    create-{name}, so that tokens and registration agree.
    """

    section = "Qlik"
    example = "qsjwt registration {name} --cert-publickey-file publickey.cer"

    def add_options(self, parser: Parser) -> None:
        """Add the platform's options, none of them required, the key, and what form the result has."""
        result = self._add_request_options(parser)
        if forms := self.platform.registration_forms:
            output.add_format_option(result, forms, forms[0])
            self._own.append("format")

    def _add_request_options(self, parser: Parser) -> OptionGroup:
        """Add all but the form; return the group of what is said of the result."""
        claims = parser.group("claims", demands=False)
        self.platform.add_shared_options(claims)
        add_claim_name_options(claims, self.platform)
        # A registration holds for everybody.
        who = parser.group("who", f"As given to create-{self.name}; none is required.", demands=False, advanced=True)
        self.platform.add_options(who)
        registered = parser.group("registration", demands=False)
        self.platform.add_registration_options(registered)
        self._own = [option.dest for option in (*claims.options, *who.options, *registered.options)]
        add_claim_options(who)
        key = key_options.add_any_key_options(parser)
        key.add(
            "--cert-self-signed",
            action="store_true",
            advanced=True,
            help="make a new certificate for --key, signed by the key itself",
        )
        key_options.add_certificate_options(key)
        key_options.add_algorithm_option(key, self.platform)
        key.add("--keyid", metavar="ID", help=f"key ID (kid), or {THUMBPRINT} for the key's own")
        result = parser.group("output")
        result.add("--output", metavar="FILE", help="write the result to FILE (0600, atomic)", verbatim=True)
        return result

    def take_action(self, options: Options) -> None:
        """Print the platform's registration."""
        require_place(options.output, key_options.private_reference(options, may_be_new=True))
        self.emit(self._body(*self._request(options)), options.output)

    def _request(self, options: Options) -> tuple[TokenRequest, PublicKey]:
        """Return what the tokens are made with, and the key.

        :raises InputError: if an option is missing.
        """
        claims, wanted = further_claims(options), key_id(options)
        public, algorithm = self._public_key(options)
        wanted = wanted or public.jwk.get("kid")
        if public.certificate is not None and (problem := validity_problem(public.certificate, time.time())):
            _LOG.warning("%s", problem)
        if wanted is None and self.platform.key_id_required:
            raise InputError(
                f"--keyid is missing, and {self.platform.summary} finds the key by it",
                hint="give what the tokens are made with; --keyid thumbprint takes the key's own",
            )
        request = TokenRequest(
            options=narrowed(options, self._own),
            algorithm=algorithm,
            key_id=public.thumbprint if wanted == THUMBPRINT else wanted,
            claims=claims,
            claim_names=claim_names(self.platform, options),
        )
        return request, public

    def _body(self, request: TokenRequest, public: PublicKey) -> str:
        """Return what is registered, as JSON; nothing private is in it."""
        with self.guard("say what to register"):
            body = self.platform.registration(request, public)
            if not isinstance(body, Mapping):
                raise TypeError("a mapping was expected")
            text = output.as_json(body)
        if "PRIVATE KEY-----" in text:
            raise InputError(
                "one of the options contains a private key, which must not be registered", hint="look at --keyid"
            )
        return text

    def _public_key(self, options: Options) -> tuple[PublicKey, str]:
        """Return the key, and an algorithm that it can do."""
        given = key_options.public_material(options)
        reference = key_options.private_reference(options, may_be_new=True)
        if options.cert_self_signed and (reference is None or given is not None):
            raise InputError(
                "--cert-self-signed makes a certificate for a private key", hint="give --key, and no other certificate"
            )
        if not options.cert_self_signed and (options.cert_create_expires_days or options.cert_common_name):
            _LOG.warning("the options for a new certificate have no effect without --cert-self-signed")
        if reference is None:
            public = key_options.one_public_key(options, None, given, options.keyid)
            return public, self._algorithm(options, public.jwk, key_algorithms(public.jwk))
        request = certificate_request(options)
        wanted = [options.algorithm] if options.algorithm else self.platform.algorithms
        with opened(reference, key_options.key_secrets(options), wanted) as signer:
            algorithm = self._algorithm(options, signer.public_key, signer.algorithms)
            if not options.cert_self_signed:
                return key_options.one_public_key(options, signer, given), algorithm
            public, _ = certified(signer, reference, request, algorithm)
            return public, algorithm

    def _algorithm(self, options: Options, key: JWK, able: Sequence[str]) -> str:
        return choose_algorithm(key, able, self.platform.algorithms, options.algorithm)
