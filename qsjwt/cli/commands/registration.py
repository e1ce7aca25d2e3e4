"""``registration NAME``: what the administrator has to register so that a platform accepts the tokens of a key."""

import argparse
import contextlib
import logging
import time
from collections.abc import Mapping

from qsjwt.cli import output
from qsjwt.cli.command import PlatformCommand, require_place
from qsjwt.errors import InputError, UnsuitableKey
from qsjwt.io.read import whole_number
from qsjwt.keys.generate import CertificateRequest, self_signed_certificate
from qsjwt.keys.load import load_certificates
from qsjwt.keys.public import PublicKey, validity_problem
from qsjwt.keys.signer import Signer, require_suitable
from qsjwt.options import key_options
from qsjwt.options.claim_options import add_claim_options, extra_claims
from qsjwt.options.key_options import THUMBPRINT
from qsjwt.options.parser import Parser

_LOG = logging.getLogger("qsjwt.cli.command")


class Registration(PlatformCommand):
    """Print what is to be registered for a key at a platform.

    The output is JSON, and nothing private is in it. It takes the options of create-NAME that say how claims are
    called and who issues them, so that tokens and registration agree.
    """

    example = "qsjwt registration NAME --cert-publickey-file publickey.cer"

    def add_options(self, parser: Parser) -> None:
        """Add the platform's options, none of them required, and the key."""
        claims = parser.add_argument_group("claims", f"As given to create-{self.name}; none is required.")
        self.add_without_demand(self.platform.add_shared_options, claims)
        self.add_without_demand(self.platform.add_options, claims)
        add_claim_options(claims)
        registered = parser.add_argument_group("registration")
        self.add_without_demand(self.platform.add_registration_options, registered)
        key = key_options.add_any_key_options(
            parser, "A private key, or a public one, or a private one and its certificate."
        )
        key.add_argument(
            "--cert-self-signed",
            action="store_true",
            help="make a new certificate for --key, signed by the key itself",
        )
        key_options.add_certificate_options(key)
        key.add_argument(
            "--algorithm",
            choices=self.platform.algorithms,
            metavar="ALG",
            help=f"{', '.join(self.platform.algorithms)}; default the first that the key can do",
        )
        key.add_argument("--keyid", metavar="ID", help=f"key ID of the tokens; {THUMBPRINT}: the key's own (RFC 7638)")
        parser.add_argument_group("output").add_argument(
            "--output", metavar="FILE", help="write the result to FILE (0600, atomic) instead of stdout"
        )

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Print the platform's registration."""
        options = parsed_args
        require_place(options.output)
        options.keyid = key_options.key_id(options)
        options.extra_claims = extra_claims(options)
        public = self._public_key(options)
        if public.certificate is not None and (problem := validity_problem(public.certificate, time.time())):
            _LOG.warning("%s", problem)
        if options.keyid == THUMBPRINT:
            options.keyid = public.thumbprint
        with self.guard("say what to register"):
            body = self.platform.registration(options, public)
            if not isinstance(body, Mapping):
                raise TypeError("a mapping was expected")
            text = output.as_json(body)
        if "PRIVATE KEY-----" in text:
            raise InputError("one of the options holds a private key, which nobody registers", hint="look at --keyid")
        self.emit(text, options.output)

    def _public_key(self, options: argparse.Namespace) -> PublicKey:
        """Return the key, and set the algorithm in *options* to one that it can do."""
        algorithms = [options.algorithm] if options.algorithm else list(self.platform.algorithms)
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
            options.algorithm = _fitting(public, algorithms)
            return public
        request = _certificate_request(options)
        with key_options.opened(reference, algorithms, key_options.key_secrets(options)) as signer:
            options.algorithm = signer.algorithm
            if options.cert_self_signed:
                with key_options.guard(reference, "sign"):
                    return _with_certificate(PublicKey(signer.public_key), signer, request)
            return key_options.one_public_key(options, signer, given)


def _fitting(public: PublicKey, algorithms: list[str]) -> str:
    """Return the first of *algorithms* that the key can do.

    :raises UnsuitableKey: if it can do none; the reason is that for the first.
    """
    for algorithm in algorithms:
        with contextlib.suppress(UnsuitableKey):
            require_suitable(public.jwk, algorithm)
            return algorithm
    require_suitable(public.jwk, algorithms[0])
    return algorithms[0]


def _certificate_request(options: argparse.Namespace) -> CertificateRequest:
    days, name = options.cert_create_expires_days, options.cert_common_name
    return CertificateRequest(
        days=365 if days is None else whole_number(days, "validity of a new certificate in days"),
        common_name="qsjwt" if name is None else name,
        now=int(time.time()),
    )


def _with_certificate(public: PublicKey, signer: Signer, request: CertificateRequest) -> PublicKey:
    pem = self_signed_certificate(signer, request)
    return PublicKey(public.jwk, load_certificates(pem, "the new certificate")[0])
