"""Commands: what all of them share, and the frame of every ``create-NAME``."""

import argparse
import logging
import os
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

import cliff.command

from qsjwt import inputs, jwt, log, plugins
from qsjwt.duration import LAST_SECOND, parse_duration, parse_lifetime
from qsjwt.errors import InputError, PluginError
from qsjwt.inputs import why_not
from qsjwt.jwt import Token
from qsjwt.keys import PASSPHRASE_VARIABLE, KeyProvider, Secrets, open_signer, split_reference
from qsjwt.output import as_json, write_stdout
from qsjwt.parser import PROGRAM, Parser
from qsjwt.platform import Finding, Platform, Severity
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


class CreateCommand(Command):
    """Creates a token for one platform: the same for every platform and every key."""

    def __init__(self, app: Any, app_args: argparse.Namespace | None, *, name: str, platform: Platform) -> None:
        super().__init__(app, app_args)
        self.name = name
        self.platform = platform
        self.example = platform.example

    def get_description(self) -> str:
        """Return the first line of the help."""
        return f"Create a JSON Web Token for {self.platform.summary}."

    def add_options(self, parser: Parser) -> None:
        """Add the platform's options, and those that every platform gets."""
        with plugins.guard(plugins.PLATFORMS, self.name, "add its options"):
            who = parser.add_argument_group("claims")
            self.platform.add_options(who)
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
        _add_key_options(parser, self.platform)
        output = parser.add_argument_group("output")
        output.add_argument(
            "--output", metavar="FILE", help="write the result to FILE (0600, atomic) instead of stdout"
        )
        output.add_argument(
            "-f",
            "--format",
            choices=_FORMATS,
            default="token",
            metavar="FORMAT",
            help=f"{', '.join(_FORMATS)}; default %(default)s",
        )
        output.add_argument("--no-check", action="store_true", help="sign even if a rule of the platform is broken")
        output.add_argument(
            "--minimal-output", action="store_true", help="accepted for scripts of qs-jwt; the output is minimal anyway"
        )
        _add_claim_options(who)
        parser.synopsis = "KEY [OPTION ...]"
        parser.footer = _key_providers

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Build, check, sign and write a token, in this order: a typing error costs no PIN and no call to a service."""
        options = parsed_args
        now = int(time.time())
        _require_sane_times(options, now)
        reference = key_reference(options)
        _require_place(options.output)
        token = self._build(options, now)
        self._check(token, now, options.no_check)
        scheme, _ = split_reference(reference)
        with (
            plugins.guard(plugins.KEY_PROVIDERS, scheme, "sign"),
            open_signer(reference, options.algorithm, key_secrets(options)) as signer,
        ):
            result = _FORMATS[options.format](jwt.sign(token, signer), token, signer)
            _LOG.debug("key thumbprint (RFC 7638): %s", signer.public_key.thumbprint())
        self.emit(result, options.output)
        _LOG.info("signed with %s, key from %s:", options.algorithm, scheme)
        _LOG.log(log.VERBOSE, "claims: %s", ", ".join(token.claims))

    def _build(self, options: argparse.Namespace, now: int) -> Token:
        with plugins.guard(plugins.PLATFORMS, self.name, "build the claims"):
            token = self.platform.build(options, now)
            if not isinstance(token, Token):
                raise TypeError("a token was expected")
            header, claims = dict(token.header), dict(token.claims)
        for name, value in _extra_claims(options):
            if name in token.claims:
                raise InputError(
                    f"the claim {quoted(name)} is set by {self.platform.summary} and cannot be replaced",
                    hint="use the option that sets it, or leave it out",
                )
            if name in claims:
                raise InputError(f"the claim {quoted(name)} is given twice", hint="give it once")
            claims[name] = value
        named = {"alg": options.algorithm, "typ": "JWT"}
        if options.keyid is not None:
            if not options.keyid.strip():
                raise InputError("the key ID (--keyid) is empty")
            named["kid"] = options.keyid
        # The platform may choose another type, but not what the options say.
        header = {**named, **header, **{name: named[name] for name in named if name != "typ"}}
        return replace(token, header=header, claims=claims)

    def _check(self, token: Token, now: int, no_check: bool) -> None:
        with plugins.guard(plugins.PLATFORMS, self.name, "check the token"):
            findings = list(self.platform.check(token, now))
            if not all(isinstance(finding, Finding) for finding in findings):
                raise TypeError("findings were expected")
        for finding in findings:
            if finding.severity is Severity.BROKEN and not no_check:
                raise InputError(finding.message, hint=finding.hint)
        for remark in (*token.remarks, *(finding.message for finding in findings)):
            _LOG.warning("%s", remark)


def key_reference(options: argparse.Namespace) -> str:
    """Return the one key reference that *options* give, by ``--key`` or one of its short forms.

    :raises InputError: if they give none, or more than one.
    """
    given: list[str] = list(options.key or [])
    for scheme, values in (("file", options.cert_privatekey_file), ("inline", options.cert_privatekey)):
        given += [f"{scheme}:{value}" for value in values or []]
    created = {
        "days": options.cert_create_expires_days,
        "size": options.cert_key_size,
        "common-name": options.cert_common_name,
        "overwrite": "true" if options.cert_overwrite else None,
    }
    if options.cert_create == "true":
        settings = urlencode(
            {name: value for name, value in created.items() if value is not None},
            quote_via=quote,
            errors="surrogateescape",
        )
        given.append(f"create:{options.cert_file_prefix or ''}?{settings}")
    elif options.cert_file_prefix or any(value is not None for value in created.values()):
        _LOG.warning("the options for a new certificate have no effect without --cert-create")
    if not given:
        raise InputError("no key is given", hint="use --key file:PRIVATEKEY.pem, --key env:VARIABLE or --cert-create")
    if len(given) > 1:
        raise InputError(
            "more than one key is given",
            hint="use one of --key, --cert-privatekey-file, --cert-privatekey and --cert-create, once",
        )
    return given[0]


def key_secrets(options: argparse.Namespace) -> Secrets:
    """Return where the key's passphrase comes from.

    :raises InputError: if *options* name two places.
    """
    if options.key_passphrase_env is not None and options.key_passphrase_file is not None:
        raise InputError("the passphrase has two sources", hint="use --key-passphrase-env or --key-passphrase-file")
    return Secrets(options.key_passphrase_env, options.key_passphrase_file)


def _add_key_options(parser: Parser, platform: Platform) -> None:
    key = parser.add_argument_group("key", "One of --key and its three short forms is needed.")
    key.add_argument(
        "--key",
        action="append",
        metavar="SCHEME:REFERENCE",
        help="where the private key is, see below; no scheme means file:",
    )
    key.add_argument("--cert-privatekey-file", action="append", metavar="FILE", help="short for --key file:FILE")
    key.add_argument(
        "--cert-privatekey",
        action="append",
        metavar="PEM",
        help="short for --key inline:PEM; others can see it in the list of processes, so rather use env: or stdin:",
    )
    key.add_argument(
        "--cert-create",
        nargs="?",
        const="true",
        default="false",
        choices=("true", "false"),
        metavar="true|false",
        help="make a new key pair and certificate, and sign with it",
    )
    key.add_argument(
        "--cert-create-expires-days", metavar="N", help="how long the new certificate is valid; default 365"
    )
    key.add_argument("--cert-file-prefix", metavar="PREFIX", help="what the names of the three new files begin with")
    key.add_argument("--cert-key-size", metavar="N", help="bits of the new key: 2048, 3072 or 4096 (default)")
    key.add_argument("--cert-common-name", metavar="NAME", help="subject of the new certificate; default qsjwt")
    key.add_argument("--cert-overwrite", action="store_true", help="replace key files that exist")
    key.add_argument(
        "--key-passphrase-env",
        metavar="NAME",
        help=f"variable that holds the passphrase or PIN; default {PASSPHRASE_VARIABLE}",
    )
    key.add_argument("--key-passphrase-file", metavar="FILE", help="file whose first line is the passphrase or PIN")
    key.add_argument(
        "--algorithm",
        choices=platform.algorithms,
        default=platform.algorithms[0],
        metavar="ALG",
        help=f"{', '.join(platform.algorithms)}; default %(default)s",
    )
    key.add_argument(
        "--keyid",
        required=platform.key_id_required,
        metavar="ID",
        help="key ID: kid in the header, as registered with the key",
    )


def _key_providers() -> str:
    lines = ["", "key references (--key):"]
    for name in plugins.names(plugins.KEY_PROVIDERS):
        try:
            lines.append(f"  {plugins.create(plugins.KEY_PROVIDERS, name, KeyProvider).summary}")  # type: ignore[type-abstract]
        except PluginError:
            lines.append(f"  {name}:  (cannot be loaded, see {PROGRAM} list-plugins)")
    return "\n".join([*lines, ""])


def _add_claim_options(group: Any) -> None:
    group.add_argument(
        "--claim", action="append", default=[], metavar="NAME=VALUE", help="one more claim, a string; repeatable"
    )
    group.add_argument(
        "--claim-json", action="append", default=[], metavar="NAME=JSON", help="one more claim, typed; repeatable"
    )
    group.add_argument("--claims-file", metavar="FILE", help="more claims: a JSON object in FILE, - for standard input")


def _extra_claims(options: argparse.Namespace) -> Iterator[tuple[str, Any]]:
    if options.claims_file is not None:
        text = inputs.read_text(options.claims_file, "claims file", "--claims-file")
        source = inputs.source_of(options.claims_file, "claims file")
        claims = _json(text, source)
        if not isinstance(claims, dict):
            raise InputError(f"{source} is not a JSON object")
        yield from claims.items()
    for pair in options.claim:
        yield _named(pair, "--claim")
    for pair in options.claim_json:
        name, text = _named(pair, "--claim-json")
        yield name, _json(text, f"--claim-json {quoted(name)}")


def _named(pair: str, option: str) -> tuple[str, str]:
    name, equals, value = pair.partition("=")
    if not equals or not name:
        raise InputError(f"{option} wants NAME=VALUE, and {quoted(pair)} is not that")
    return name, value


def _json(text: str, source: str) -> Any:
    try:
        return inputs.parse_json(text)
    except ValueError as cause:
        raise InputError(f"{source} cannot be read: {cause}") from cause


def _require_sane_times(options: argparse.Namespace, now: int) -> None:
    if now + options.expires > LAST_SECOND:
        raise InputError(
            "--expires: the token would expire after the year 9999", hint="use a shorter time, such as 365d"
        )
    if options.clock_skew > now:
        raise InputError("--clock-skew: the token would begin before 1970", hint="use a shorter time, such as 30s")


def _require_place(path: str | None) -> None:
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
