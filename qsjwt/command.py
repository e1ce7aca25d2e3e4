"""Commands: what all of them share, what those about a platform share, and the frame of every ``create-NAME``."""

import argparse
import contextlib
import inspect
import logging
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import cliff.command

from qsjwt import inputs, jwt, key_options, log, plugins
from qsjwt.claim_options import add_claim_options, extra_claims
from qsjwt.duration import LAST_SECOND, parse_duration, parse_lifetime
from qsjwt.errors import InputError
from qsjwt.inputs import why_not
from qsjwt.jwt import Token
from qsjwt.key_options import THUMBPRINT
from qsjwt.keys import KeyProvider, split_reference
from qsjwt.output import add_format_option, as_json, write_stdout
from qsjwt.parser import Parser
from qsjwt.platform import Platform, Status, checked_findings
from qsjwt.redaction import quoted
from qsjwt.signer import Signer

if TYPE_CHECKING:
    from qsjwt.app import Application

_LOG = logging.getLogger("qsjwt.command")


class Command(cliff.command.Command):
    """The base of all commands: exact options, exit codes by exception, the result and nothing else on stdout.

    A subclass says in :meth:`add_options` what it takes, and does its work in :meth:`take_action`. Its exit
    code is 0 unless it raises; what it returns does not count.
    """

    app: "Application"
    example = ""
    """A command line for the end of ``--help``."""

    # No cmd_name here: with one, cliff would let any package hook in and read the arguments.
    def __init__(self, app: Any, app_args: argparse.Namespace | None) -> None:
        super().__init__(app, app_args)

    def get_epilog(self) -> str:
        """Return the end of the help; cliff's own looks through every installed package first."""
        return f"example:\n  {self.example}" if self.example else ""

    def get_parser(self, prog_name: str) -> Parser:
        """Return the parser of this command."""
        parser = Parser(prog_name, self.get_description(), self.get_epilog())
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
            self._write(path, text.encode("utf-8"))
            return
        write_stdout(text)

    @staticmethod
    def _write(path: str, data: bytes) -> None:
        from qsjwt.files import write_private_file

        try:
            write_private_file(inputs.user_path(path), data)
        except FileExistsError as cause:
            raise InputError(
                f"--output {quoted(path)} is not written: {cause.strerror}", hint="name another file"
            ) from cause
        except (OSError, ValueError) as cause:
            raise InputError(f"--output {quoted(path)} {why_not(cause)}, so the result is not written") from cause


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
        with self.guard("add its options"):
            parser = super().get_parser(prog_name)
            places = [action.dest for action in parser._actions]
            if twice := {place for place in places if places.count(place) > 1}:
                raise ValueError(f"several options have the same dest: {', '.join(sorted(twice))}")
        return parser

    def guard(self, action: str) -> contextlib.AbstractContextManager[None]:
        """Return the guard of the platform's code: what it does wrong becomes an error that names its package.

        :param action: what it is to do, for the message, such as "check the token".
        """
        return plugins.guard(plugins.PLATFORMS, self.name, action)

    def add_platform_options(self, add: Callable[[Any], None], group: Any, *, required: bool) -> None:
        """Let the platform add options to *group*.

        :param add: its method that does so.
        :param required: False if none of them is to be required.
        """
        before = {id(action) for action in (*group._actions, *group._mutually_exclusive_groups)}
        add(group)
        for action in (*group._actions, *group._mutually_exclusive_groups):
            if id(action) not in before and not required:
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

    def add_options(self, parser: Parser) -> None:
        """Add the platform's options, and those that every platform gets."""
        who = parser.add_argument_group("claims")
        self.add_platform_options(self.platform.add_options, who, required=True)
        self.add_platform_options(self.platform.add_shared_options, who, required=True)
        self._add_common_options(parser, who)

    def _add_common_options(self, parser: Parser, who: Any) -> None:
        lifetime = parser.add_argument_group("lifetime")
        lifetime.add_argument(
            "--expires",
            type=parse_lifetime,
            required=True,
            metavar="TIME",
            help="from now on: 60m, 48h, 365d, 5y (s, m, h, d, w, y)",
        )
        lifetime.add_argument(
            "--clock-skew",
            type=parse_duration,
            default="30s",
            metavar="TIME",
            help="how far iat and nbf lie in the past, as clocks differ; default %(default)s, 0s for none",
        )
        key = key_options.add_private_key_options(parser)
        key.add_argument(
            "--algorithm",
            choices=self.platform.algorithms,
            metavar="ALG",
            help=f"{', '.join(self.platform.algorithms)}; default the first that the key can do",
        )
        key.add_argument(
            "--keyid",
            required=self.platform.key_id_required,
            metavar="ID",
            help=f"key ID: kid in the header, as registered with the key; {THUMBPRINT}: the key's own (RFC 7638)",
        )
        output = parser.add_argument_group("output")
        output.add_argument(
            "--output", metavar="FILE", help="write the result to FILE (0600, atomic) instead of stdout"
        )
        add_format_option(output, _FORMATS, "token")
        output.add_argument("--no-check", action="store_true", help="sign even if a rule of the platform is broken")
        output.add_argument(
            "--minimal-output", action="store_true", help="accepted for scripts of qs-jwt; the output is minimal anyway"
        )
        add_claim_options(who)
        parser.synopsis = "KEY [OPTION ...]"

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Build, check, sign and write a token, in this order: a typing error costs no PIN and no call to a service."""
        options = parsed_args
        now = int(time.time())
        _require_sane_times(options, now)
        reference = key_options.key_reference(options)
        require_place(options.output)
        token = self._build(options, now)
        self._check(token, now, options.no_check)
        algorithms = [options.algorithm] if options.algorithm else self.platform.algorithms
        with key_options.opened(reference, algorithms, key_options.key_secrets(options)) as signer:
            token = replace(token, header={**token.header, "alg": signer.algorithm})
            if options.keyid == THUMBPRINT:
                token = replace(token, header={**token.header, "kid": signer.public_key.thumbprint()})
            with key_options.guard(reference, "sign"):
                compact = jwt.sign(token, signer)
            result = _FORMATS[options.format](compact, token, signer)
            _LOG.debug("key thumbprint (RFC 7638): %s", signer.public_key.thumbprint())
        self.emit(result, options.output)
        scheme, _ = split_reference(reference)
        _LOG.info("signed with %s, key from %s:", token.header["alg"], scheme)
        _LOG.log(log.VERBOSE, "claims: %s", ", ".join(token.claims))

    def _build(self, options: argparse.Namespace, now: int) -> Token:
        with self.guard("build the claims"):
            token = self.platform.build(options, now)
            if not isinstance(token, Token):
                raise TypeError("a token was expected")
            header, claims = dict(token.header), dict(token.claims)
        for name, value in extra_claims(options).items():
            if name in token.claims:
                raise InputError(
                    f"the claim {quoted(name)} is set by {self.platform.summary} and cannot be replaced",
                    hint="use the option that sets it, or leave it out",
                )
            claims[name] = value
        named = {"alg": options.algorithm or self.platform.algorithms[0], "typ": "JWT"}
        if (key_id := key_options.key_id(options)) is not None:
            named["kid"] = key_id
        # The platform may choose another type, but not what the options say.
        header = {**named, **header, **{name: named[name] for name in named if name != "typ"}}
        return replace(token, header=header, claims=claims)

    def _check(self, token: Token, now: int, no_check: bool) -> None:
        with self.guard("check the token"):
            findings = checked_findings(self.platform.check(token, now))
        for finding in findings:
            if finding.status is Status.BROKEN and not no_check:
                raise InputError(finding.message, hint=finding.hint)
        for finding in findings:
            if finding.status is not Status.OK:
                _LOG.warning("%s", finding.message)
        for remark in token.remarks:
            _LOG.warning("%s", remark)


def _require_sane_times(options: argparse.Namespace, now: int) -> None:
    if now + options.expires > LAST_SECOND:
        raise InputError(
            "--expires: the token would expire after the year 9999", hint="use a shorter time, such as 365d"
        )
    if options.clock_skew > now:
        raise InputError("--clock-skew: the token would begin before 1970", hint="use a shorter time, such as 30s")


def require_place(path: str | None) -> None:
    """Find out before a key is opened or made that the result would have nowhere to go."""
    if path is None or path == "-":
        if sys.stdout is None:
            raise InputError("standard output is closed, so there is nowhere to write the result")
        return
    place = inputs.user_path(path)
    if not os.path.basename(place) or os.path.isdir(place):
        raise InputError(f"--output {quoted(path)} is not the name of a file")
    folder = os.path.dirname(os.path.realpath(place))
    if not os.path.isdir(folder):
        raise InputError(f"--output {quoted(path)} is in a folder that does not exist", hint="make the folder first")
    if not os.path.exists(place) and not os.access(folder, os.W_OK):
        raise InputError(f"--output {quoted(path)} is in a folder that you may not write to")


def _as_token(compact: str, _token: Token, _signer: Signer) -> str:
    return f"{compact}\n"


def _as_header(compact: str, _token: Token, _signer: Signer) -> str:
    return f"Authorization: Bearer {compact}\n"


def _as_json(compact: str, token: Token, signer: Signer) -> str:
    from qsjwt.timestamp import iso_time

    record: Mapping[str, Any] = {
        "token": compact,
        "header": token.header,
        "claims": token.claims,
        "issued_at": iso_time(token.claims.get("iat")),
        "expires_at": iso_time(token.claims.get("exp")),
        "key_thumbprint": signer.public_key.thumbprint(),
    }
    return as_json(record)


_FORMATS: Final = {"token": _as_token, "json": _as_json, "header": _as_header}

BASES: Final[Mapping[str, type]] = {
    plugins.PLATFORMS: Platform,
    plugins.KEY_PROVIDERS: KeyProvider,
    plugins.COMMANDS: Command,
}
"""The class that the plugins of each group must subclass."""
