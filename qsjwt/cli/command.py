"""Commands: what all of them share, what those about a platform share, and the frame of every ``create-NAME``."""

import argparse
import contextlib
import inspect
import logging
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import cliff.command

from qsjwt.batch.options import add_batch_options, require_batch
from qsjwt.batch.rows import CSV
from qsjwt.cli import log
from qsjwt.cli.output import add_format_option, as_json, private_output, stdout, write_stdout
from qsjwt.errors import InputError
from qsjwt.io import read
from qsjwt.keys.reference import split_reference
from qsjwt.options import key_options
from qsjwt.options.claim_options import extra_claims
from qsjwt.options.parser import PROGRAM, Parser
from qsjwt.plugins import Group
from qsjwt.redaction import quoted
from qsjwt.tokens.create import CreatedToken, Creator
from qsjwt.tokens.jwt import Token
from qsjwt.tokens.platform import PLATFORMS, Platform

if TYPE_CHECKING:
    from qsjwt.cli.app import Application

_LOG = logging.getLogger("qsjwt.cli.command")


class Command(cliff.command.Command):
    """The base of all commands: exact options, exit codes by exception, the result and nothing else on stdout.

    A subclass says in :meth:`add_options` what it takes, and does its work in :meth:`take_action`. Its exit
    code is 0 unless it raises; what it returns does not count.
    """

    app: "Application"
    example = ""
    """A command line for the end of ``--help``; it is wrapped there."""

    # No cmd_name here: with one, cliff would let any package hook in and read the arguments.
    def __init__(self, app: Any, app_args: argparse.Namespace | None) -> None:
        super().__init__(app, app_args)

    def get_parser(self, prog_name: str) -> Parser:
        """Return the parser of this command; cliff's own would look through every installed package first."""
        parser = Parser(prog_name, self.get_description())
        parser.example = self.example
        self.add_options(parser)
        group = parser.add_argument_group("diagnostics")
        group.add_argument(
            "--loglevel", choices=log.LEVELS, metavar="LEVEL", help=f"{', '.join(log.LEVELS)}; default warn"
        )
        return parser

    def get_description(self) -> str:
        """Return the docstring of the command's own class, which is its help."""
        return inspect.cleandoc(type(self).__doc__ or "")

    def add_options(self, parser: Parser) -> None:
        """Add the options of this command to *parser*."""

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Do the work and return 0, or raise."""
        if parsed_args.loglevel:
            log.configure(log.LEVELS[parsed_args.loglevel])
        self.take_action(parsed_args)
        return 0

    def emit(self, text: str, path: str | None = None) -> None:
        """Write the result to the file *path*, or to stdout if it is None or ``-``.

        :raises InputError: if it cannot be written.
        """
        if path is not None and path != "-":
            with private_output(path) as stream:
                stream.write(text.encode("utf-8"))
            return
        write_stdout(text)


COMMANDS: Final = Group("qsjwt.command.v1", "command", Command)  # type: ignore[type-abstract]


def is_ours(command: type[Command]) -> bool:
    """Tell whether *command* comes with this program, so that a fault in its options is that of a platform."""
    return command.__module__.startswith(f"{PROGRAM}.")


class PlatformCommand(Command):
    """A command that is about one platform: ``create-NAME``, or ``COMMAND NAME`` for one in the group of commands.

    A subclass in the group ``qsjwt.command.v1`` is made anew for the platform that the first argument names.

    :ivar name: the platform's name.
    """

    def __init__(self, app: Any, app_args: argparse.Namespace | None, *, name: str, platform: Platform) -> None:
        super().__init__(app, app_args)
        self.name = name
        self.platform = platform
        self.example = self.example.replace("NAME", name)

    def get_description(self) -> str:
        """Return the first lines of the help: the docstring, about this platform."""
        return super().get_description().replace("a platform", self.platform.summary).replace("NAME", self.name)

    def get_parser(self, prog_name: str) -> Parser:
        """Return the parser; a platform whose options collide with others is found out here."""
        ours = is_ours(type(self))
        with self.guard("add its options") if ours else contextlib.nullcontext():
            parser = super().get_parser(prog_name)
        places = [action.dest for action in parser._actions]
        if any(places.count(place) > 1 for place in places):
            does = "does not add its options as it must: two have one dest, or one that is taken"
            raise PLATFORMS.fault(self.name, does) if ours else ValueError(does)
        return parser

    def guard(self, action: str) -> contextlib.AbstractContextManager[None]:
        """Return the guard of the platform's code: what it does wrong becomes an error that names its package.

        :param action: what it is to do, for the message, such as "check the token".
        """
        return PLATFORMS.guard(self.name, action)

    @staticmethod
    def add_without_demand(add: Callable[[Any], None], group: Any) -> None:
        """Let the platform add options to *group*, none of them required.

        :param add: its method that does so.
        """
        before = {id(action) for action in (*group._actions, *group._mutually_exclusive_groups)}
        add(group)
        for action in (*group._actions, *group._mutually_exclusive_groups):
            if id(action) not in before:
                action.required = False

    def expected(self, options: argparse.Namespace) -> Token:
        """Return what the platform's shared options demand of a token."""
        with self.guard("read its options"):
            expected = self.platform.expected(options)
            if not isinstance(expected, Token):
                raise TypeError("a token was expected")
            return expected


class CreateCommand(PlatformCommand):
    """Create a JSON Web Token for a platform."""

    def __init__(self, app: Any, app_args: argparse.Namespace | None, *, name: str, platform: Platform) -> None:
        super().__init__(app, app_args, name=name, platform=platform)
        self.example = platform.example
        self._creator = Creator(name, platform)

    def add_options(self, parser: Parser) -> None:
        """Add the platform's options, and those that every platform gets."""
        self._creator.add_options(parser)
        key = key_options.add_private_key_options(parser)
        key.add_argument(
            "--algorithm",
            choices=self.platform.algorithms,
            metavar="ALG",
            help=f"{', '.join(self.platform.algorithms)}; default the first that the key can do",
        )
        self._creator.add_key_id_option(key)
        output = parser.add_argument_group("output")
        output.add_argument(
            "--output", metavar="FILE", help="write the result to FILE (0600, atomic) instead of stdout"
        )
        add_format_option(output, (*_FORMATS, CSV), said="token, with --batch json (JSON Lines)")
        self._creator.add_no_check_option(output)
        output.add_argument(
            "--minimal-output", action="store_true", help="accepted for scripts of qs-jwt; the output is minimal anyway"
        )
        add_batch_options(parser)
        parser.synopsis = "KEY [OPTION ...]"
        parser.example = self.example or self._plain_example(parser)
        self._parser = parser

    def _plain_example(self, parser: Parser) -> str:
        words = [word for name, word in parser.demanded().items() if name != "--expires"]
        return " ".join([parser.prog, *words, "--expires 60m", "--key file:privatekey.pem"])

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Build, check, sign and write a token, in this order: a typing error costs no PIN and no call to a service."""
        options = parsed_args
        reference = key_options.key_reference(options)
        require_place(options.output)
        options.extra_claims = extra_claims(options)
        self._require_format(options)
        if options.batch is not None:
            from qsjwt.cli.batch_run import run_batch

            run_batch(self._creator, self._parser, options, reference)
        else:
            self._create(options, reference)

    @staticmethod
    def _require_format(options: argparse.Namespace) -> None:
        if options.batch is None:
            require_batch(options)
            if options.format == CSV:
                raise InputError("--format csv belongs to a batch", hint="add --batch FILE, or use --format json")
        elif options.format in ("token", "header"):
            raise InputError(
                f"--format {options.format} is for one token, and a batch has many", hint="use --format json or csv"
            )

    def _create(self, options: argparse.Namespace, reference: str) -> None:
        token = self._creator.build(options, int(time.time()))
        for remark in token.remarks:
            _LOG.warning("%s", remark)
        algorithms = self._creator.algorithms(options.algorithm)
        with key_options.opened(reference, algorithms, key_options.key_secrets(options)) as signer:
            created = self._creator.sign(token, signer, reference)
            _LOG.debug("key thumbprint (RFC 7638): %s", signer.thumbprint)
        self.emit(_FORMATS[options.format or "token"](created), options.output)
        scheme, _ = split_reference(reference)
        _LOG.info("signed with %s, key from %s:", created.header["alg"], scheme)
        _LOG.log(log.VERBOSE, "claims: %s", ", ".join(created.claims))


def require_place(path: str | None) -> None:
    """Find out before a key is opened or made that the result would have nowhere to go."""
    if path is None or path == "-":
        if stdout() is None:
            raise InputError("standard output is closed, so there is nowhere to write the result")
        return
    place = read.user_path(path)
    if not os.path.basename(place) or os.path.isdir(place):
        raise InputError(f"--output {quoted(path)} is not the name of a file")
    folder = os.path.dirname(os.path.realpath(place))
    if not os.path.isdir(folder):
        raise InputError(f"--output {quoted(path)} is in a folder that does not exist", hint="make the folder first")
    if not os.path.exists(place) and not os.access(folder, os.W_OK):
        raise InputError(f"--output {quoted(path)} is in a folder that you may not write to")


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
