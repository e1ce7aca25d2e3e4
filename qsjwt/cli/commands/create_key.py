"""``create-key``: a new key pair and certificate in three files, as ``--cert-create`` makes them, without a token."""

import time

from qsjwt.cli import output
from qsjwt.cli.command import Command
from qsjwt.cli.create import require_place
from qsjwt.io.read import user_path
from qsjwt.keys.new_files import PROTECTIONS, new_key_files
from qsjwt.keys.reference import opened
from qsjwt.options import key as key_options
from qsjwt.options.parser import Parser
from qsjwt.tokens.request import Options


class CreateKey(Command):
    """Create a key pair and a self-signed certificate.

    They are written to PREFIXprivatekey.pem (PKCS#8, for its owner alone, encrypted if a passphrase is given),
    PREFIXpublickey.pem and PREFIXpublickey.cer, all three or none. With --protect, Windows encrypts the private key,
    and its file is PREFIXprivatekey.dpapi.
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
        key_options.add_passphrase_options(key)
        output.add_format_option(parser.group("output"), output.RECORD_FORMS)

    def take_action(self, options: Options) -> None:
        """Make the key, and print what it is and where."""
        require_place(None)
        protection = {"protect": options.protect} if options.protect else {}
        reference = key_options.new_key_reference(options, kind=options.kind, **protection)
        with opened(reference, key_options.key_secrets(options)) as signer:
            public = key_options.one_public_key(options, signer, None)
        files = new_key_files(user_path(options.cert_file_prefix or ""), options.protect)
        now = time.time()

        def page() -> object:
            from qsjwt.cli.key_page import key_page  # and rich with it

            return key_page(public, now, files)

        self.emit(output.shown_record({"files": files, **public.described(now)}, options.format, page))
