"""``create-key``: a new key pair and certificate in three files, without a token; or a certificate alone."""

import time

from qsjwt.cli import output
from qsjwt.cli.command import Command
from qsjwt.cli.create import require_place
from qsjwt.errors import InputError, KeyUnavailable
from qsjwt.io.file_set import NewFile, require_free, write_files
from qsjwt.io.folder import PUBLIC
from qsjwt.io.read import user_path
from qsjwt.keys.generate import CERTIFYING
from qsjwt.keys.new_files import PROTECTIONS, new_key_files, told_if_not_written
from qsjwt.keys.public import PublicKey
from qsjwt.keys.reference import opened
from qsjwt.keys.signer import listed
from qsjwt.options import key as key_options
from qsjwt.options.certificate import certificate_request, certified
from qsjwt.options.parser import Parser
from qsjwt.tokens.request import Options

_OF_NEW_KEYS = ("kind", "cert_key_size", "protect")


class CreateKey(Command):
    """Create a key pair and a self-signed certificate.

    They are written to PREFIXprivatekey.pem (PKCS#8, for its owner alone, encrypted if a passphrase is given),
    PREFIXpublickey.pem and PREFIXpublickey.cer, all three or none. With --protect, Windows encrypts the private key,
    and its file is PREFIXprivatekey.dpapi. With --cert-only, the key is that of --key, wherever it is, and
    PREFIXpublickey.cer is all that is written.
    """

    section = "keys"
    example = "qsjwt create-key --cert-file-prefix qlik_ --cert-common-name 'Qlik tokens 2027'"

    def add_options(self, parser: Parser) -> None:
        """Add what the key is to be, and the output's form."""
        key = parser.group("key")
        key.add("--kind", choices=("rsa", "ec"), default="rsa", metavar="KIND", help="rsa or ec; default %(default)s")
        key_options.add_new_key_options(key)
        key.add(
            "--protect",
            choices=tuple(PROTECTIONS),
            metavar="HOW",
            help="on Windows, encrypt the private key for this account (dpapi) or this machine (dpapi-machine)",
        )
        key.add("--cert-only", action="store_true", help="create a certificate alone, for the key of --key")
        key_options.add_key_option(key)
        key_options.add_passphrase_options(key)
        output.add_format_option(parser.group("output"), output.RECORD_FORMS)

    def take_action(self, options: Options) -> None:
        """Make the key, and print what it is and where."""
        require_place(None)
        public, files = self._certificate(options) if options.cert_only else self._key(options)
        now = time.time()

        def page() -> object:
            from qsjwt.cli.key_page import key_page  # and rich with it

            return key_page(public, now, files)

        self.emit(output.shown_record({"files": files, **public.described(now)}, options.format, page))

    @staticmethod
    def _key(options: Options) -> tuple[PublicKey, dict[str, str]]:
        if options.key:
            raise InputError(
                "create-key creates a key, and --key names one that exists",
                hint="add --cert-only to create a certificate for it",
            )
        protection = {"protect": options.protect} if options.protect else {}
        reference = key_options.new_key_reference(options, kind=options.kind, **protection)
        with opened(reference, key_options.key_secrets(options)) as signer:
            public = key_options.one_public_key(options, signer, None)
        return public, new_key_files(user_path(options.cert_file_prefix or ""), options.protect)

    @staticmethod
    def _certificate(options: Options) -> tuple[PublicKey, dict[str, str]]:
        reference = key_options.private_reference(options)
        if reference is None:
            raise InputError(
                "--cert-only creates a certificate for a key that exists",
                hint="name it with --key, or leave out --cert-only to create one",
            )
        if unused := [f"--{name.replace('_', '-')}" for name in _OF_NEW_KEYS if name in options.given]:
            raise InputError(f"{unused[0]} is for a new key, and --cert-only creates none", hint="leave it out")
        request, prefix = certificate_request(options), options.cert_file_prefix or ""
        path = new_key_files(user_path(prefix))["certificate"]
        with told_if_not_written([path], prefix):
            require_free([path], overwrite=options.cert_overwrite)
        with opened(reference, key_options.key_secrets(options)) as signer:
            algorithm = next((name for name in signer.algorithms if name.startswith(CERTIFYING)), None)
            if algorithm is None:
                able = listed(signer.algorithms)
                raise KeyUnavailable(
                    f"the key signs with {able}, and certificates are not signed with that here",
                    hint="use a key for RS256 or ES384",
                )
            public, pem = certified(signer, reference, request, algorithm)
        with told_if_not_written([path], prefix):
            write_files([NewFile(path, pem, PUBLIC)], overwrite=options.cert_overwrite)
        return public, {"certificate": path}
