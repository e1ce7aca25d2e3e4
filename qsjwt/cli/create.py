"""The command ``create-NAME`` of a platform: a token, or one for each row of a batch."""

import contextlib
import functools
import logging
import os
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

from qsjwt.batch.options import CSV, add_batch_options, require_batch
from qsjwt.cli import log
from qsjwt.cli.command import PlatformCommand
from qsjwt.cli.output import add_format_option, as_json, require_output, stdout
from qsjwt.errors import InputError
from qsjwt.io.read import user_path
from qsjwt.keys.reference import existing, new_files, opened, split_reference
from qsjwt.options import key as key_options
from qsjwt.options.claims import further_claims
from qsjwt.options.parser import Parser
from qsjwt.options.request import RequestOptions
from qsjwt.redaction import quoted
from qsjwt.times import parse_lifetime
from qsjwt.tokens.create import CreatedToken, Creator, Signing
from qsjwt.tokens.jwt import Token
from qsjwt.tokens.platform import Platform
from qsjwt.tokens.request import Options, TokenRequest

_LOG = logging.getLogger("qsjwt.command")


class CreateCommand(PlatformCommand):
    """Create a token for {platform}."""

    section = "tokens"

    def __init__(self, app: Any, app_args: Any, *, name: str, platform: Platform) -> None:
        super().__init__(app, app_args, name=name, platform=platform)
        self.example = platform.example
        self._creator = Creator(name, platform)

    def add_options(self, parser: Parser) -> None:
        """Add the platform's options, and those that every platform gets."""
        self._parser = parser
        self._known = RequestOptions(parser, self.platform)
        key = key_options.add_private_key_options(parser)
        key_options.add_algorithm_option(key, self.platform)
        self._known.add_key_id(key)
        output = parser.group("output")
        output.add("--output", metavar="FILE", help="write the result to FILE (0600, atomic)", verbatim=True)
        output.add(
            "--unless-valid-for",
            type=parse_lifetime,
            metavar="TIME",
            advanced=True,
            help="do nothing if --output holds such a token, valid for TIME more",
        )
        add_format_option(output, (*_FORMATS, CSV), said="token, with --batch json (JSON Lines)")
        self._known.add_no_check(output)
        output.add(
            "--minimal-output",
            action="store_true",
            advanced=True,
            help="accepted for scripts of qs-jwt; the output is minimal anyway",
        )
        add_batch_options(parser)
        parser.synopsis = "(--key SCHEME:REFERENCE | --cert-create) [OPTION ...]"
        parser.example = self.example or self._plain_example(parser)

    @staticmethod
    def _plain_example(parser: Parser) -> str:
        words = [word for title, word in parser.samples().items() if title != "--expires"]
        return " ".join([parser.prog, *words, "--expires 60m", "--key file:privatekey.pem"])

    def take_action(self, options: Options) -> None:
        """Build, check, sign and write a token, in this order: a typing error costs no PIN and no call to a service."""
        reference = key_options.key_reference(options)
        require_place(options.output, reference)
        claims = further_claims(options)
        _require_format(options)
        if options.unless_valid_for is not None:
            _require_renewable(options, reference)
        make = functools.partial(self._known.request, algorithm=options.algorithm, check=not options.no_check)
        if options.batch is None:
            self._create(make(options, claims), options, reference)
            return
        from qsjwt.batch.prepared import PreparedRequest  # one token needs nothing of batches
        from qsjwt.cli.batch_run import run_batch

        common = (self._creator, self._known, self._parser.declared, options, claims)
        prepare = functools.partial(PreparedRequest, *common, algorithm=options.algorithm, check=not options.no_check)
        run_batch(prepare, options, reference)

    def _create(self, request: TokenRequest, options: Options, reference: str) -> None:
        show = _FORMATS[options.format or "token"]
        with _about_to_sign(self._creator, request, options, reference) as (token, sign):
            if options.unless_valid_for is not None:
                from qsjwt.cli.renewal import is_kept

                if is_kept(token, sign, options, show):
                    return
            created = _signed(token, sign)
        self.emit(show(created), options.output)
        scheme, _ = split_reference(reference)
        _LOG.info("signed with %s, key from %s:", created.header["alg"], scheme)
        _LOG.log(log.VERBOSE, "claims: %s", ", ".join(created.claims))


def created_token(creator: Creator, request: TokenRequest, options: Options, reference: str) -> CreatedToken:
    """Return the token that *request* asks for, signed with the key that *reference* names; remarks are warnings.

    :param options: of the key.
    """
    with _about_to_sign(creator, request, options, reference) as (token, sign):
        return _signed(token, sign)


@contextlib.contextmanager
def _about_to_sign(
    creator: Creator, request: TokenRequest, options: Options, reference: str
) -> Iterator[tuple[Token, Signing]]:
    token = creator.build(request, int(time.time()))
    with opened(reference, key_options.key_secrets(options), creator.algorithms(options.algorithm)) as signer:
        _LOG.debug("key thumbprint (RFC 7638): %s", signer.thumbprint)
        yield token, creator.signing(signer, reference, options.algorithm)


def _signed(token: Token, sign: Signing) -> CreatedToken:
    for remark in token.remarks:
        _LOG.warning("%s", remark)
    return sign(token)


def require_place(path: str | None, reference: str | None = None) -> None:
    """Find out before a key is opened or made that the result would have nowhere to go.

    :param path: of ``--output``; None for standard output.
    :param reference: the key's, if there is one.
    """
    if path is None or path == "-":
        if stdout() is None:
            raise InputError("standard output is closed, so there is nowhere to write the result")
        return
    place = user_path(path)
    if not os.path.basename(place) or os.path.isdir(place):
        raise InputError(f"--output {quoted(path)} is not a file name")
    require_output(path)
    if reference and _is_one_of(place, new_files(reference)):
        raise InputError(f"--output {quoted(path)} is one of the files of the new key", hint="name another file")


def _is_one_of(path: str, others: Sequence[str]) -> bool:
    with contextlib.suppress(OSError):  # a name that the system refuses is refused when it is written to
        return os.path.realpath(path) in map(os.path.realpath, others)
    return False


def _require_renewable(options: Options, reference: str) -> None:
    """Return if *options* say where a token may be that is kept.

    :raises InputError: if there can be none.
    """
    if options.batch is not None or options.output in (None, "-"):
        raise InputError("--unless-valid-for is about the token in a file", hint="give --output FILE, and no --batch")
    existing(reference)


def _require_format(options: Options) -> None:
    if options.batch is None:
        require_batch(options)
        if options.format == CSV:
            raise InputError(
                "--format csv can only be used with --batch", hint="add --batch FILE, or use --format json"
            )
    elif options.format in ("token", "header"):
        raise InputError(
            f"--format {options.format} prints one token, but a batch makes many", hint="use --format json or csv"
        )


def _as_token(created: CreatedToken) -> str:
    return f"{created.compact}\n"


def _as_header(created: CreatedToken) -> str:
    return f"Authorization: Bearer {created.compact}\n"


def _as_json(created: CreatedToken) -> str:
    from qsjwt.times import iso_time

    return as_json(
        {
            "token": created.compact,
            "header": created.header,
            "claims": created.claims,
            "issued_at": iso_time(created.claims.get("iat")),
            "expires_at": created.expires_at,
            "key_thumbprint": created.key_thumbprint,
        }
    )


_FORMATS: Final = {"token": _as_token, "json": _as_json, "header": _as_header}
