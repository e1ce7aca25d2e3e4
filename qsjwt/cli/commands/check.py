"""``check NAME``: whether a platform would accept a token, rule by rule, and if not, why."""

import argparse
import copy
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from qsjwt.cli import output
from qsjwt.cli.command import PlatformCommand
from qsjwt.errors import InputError, VerificationFailed
from qsjwt.keys.signer import ONE_OF_EACH_KIND
from qsjwt.options import key_options
from qsjwt.options.key_options import THUMBPRINT
from qsjwt.options.parser import Parser
from qsjwt.options.token_options import add_token_options, token_text
from qsjwt.redaction import redacted
from qsjwt.times import iso_time
from qsjwt.tokens import jwt
from qsjwt.tokens.judge import TOKEN, Registered, as_record, judge, likeliest_key, overall
from qsjwt.tokens.jwt import DecodedToken, Token
from qsjwt.tokens.platform import Finding, Status, checked_findings

_EXPECTED: Final = {
    "issuer": "what iss must be: the issuer that is registered",
    "audience": "what aud must be, or hold",
}


class Check(PlatformCommand):
    """Tell whether a platform would accept a token, and if not, why.

    One line tells of each rule: ok, broken, or unknown for lack of a key or a value. If any is broken, the exit
    code is 6.
    """

    example = "qsjwt check NAME --jwt-file token.txt --cert-publickey-file publickey.cer"

    def add_options(self, parser: Parser) -> None:
        """Add where the token is, what is registered, and the output's form."""
        add_token_options(parser)
        wanted = parser.add_argument_group("expected", "What is registered; a rule that needs it is unknown without.")
        self.add_without_demand(self.platform.add_shared_options, wanted)
        taken = {action.dest for action in parser._actions}
        for name, text in _EXPECTED.items():
            if f"--{name}" not in parser.option_names() and name not in taken:
                wanted.add_argument(f"--{name}", metavar=name.upper(), help=text)
        wanted.add_argument("--keyid", metavar="ID", help=f"what kid must be; {THUMBPRINT}: that of the key (RFC 7638)")
        key_options.add_any_key_options(
            parser, "The registered certificate or key; with --key as well, whether they belong together."
        )
        output.add_format_option(parser.add_argument_group("output"), _FORMATS, "text")

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Print a finding for each rule.

        :raises VerificationFailed: after that, if one is broken.
        """
        options = parsed_args
        now = time.time() if options.at is None else options.at
        registered = _registered(options)
        expected = self._expected(options, registered)
        text = token_text(options, f"check {self.name}")
        try:
            findings = self._judge(jwt.decode(text), now, expected, registered)
        except VerificationFailed as failure:
            findings = [TOKEN.broken(failure.message, failure.hint)]
        status = overall(findings)
        record = {
            "platform": self.name,
            "at": iso_time(now),
            "verdict": status.value,
            "rules": [as_record(finding) for finding in findings],
        }
        self.emit(_FORMATS[options.format](record))
        if status is Status.BROKEN:
            broken = dict.fromkeys(finding.rule for finding in findings if finding.status is status)
            raise VerificationFailed(
                f"{self.platform.summary} would not accept the token as it is meant: {', '.join(broken)}"
            )

    def _judge(
        self, token: DecodedToken, now: float, expected: Token, registered: Registered | None
    ) -> Sequence[Finding]:
        with self.guard("check the token"):
            subject = replace(
                token,
                header=copy.deepcopy(token.header),
                claims=copy.deepcopy(token.claims),
                claim_names=expected.claim_names,
            )
            found = checked_findings(self.platform.check(subject, now))
        if registered is not None and expected.header.get("kid") == THUMBPRINT:
            thumbprint = likeliest_key(token, registered.keys).thumbprint()
            expected = replace(expected, header={"kid": thumbprint})
        return judge(self.platform, found, token, now, expected, registered)

    def _expected(self, options: argparse.Namespace, registered: Registered | None) -> Token:
        expected = self.expected(options)
        # A platform may keep its own options of these names elsewhere, and expects what they say itself.
        given = {"iss": getattr(options, "issuer", None), "aud": getattr(options, "audience", None)}
        claims = {**expected.claims, **{name: value for name, value in given.items() if value is not None}}
        key_id = key_options.key_id(options)
        if key_id == THUMBPRINT and registered is None:
            raise InputError(
                f"--keyid {THUMBPRINT} is that of a key, and no key is given", hint="use --cert-publickey-file"
            )
        header = {} if key_id is None else {"kid": key_id}
        return replace(expected, header=header, claims=claims)


def _registered(options: argparse.Namespace) -> Registered | None:
    """Return the public keys, and the one that signs if a private one is given; None if none is."""
    given = key_options.public_material(options)
    reference = key_options.private_reference(options)
    if reference is None:
        return Registered(given.keys, given.certificates) if given else None
    with key_options.opened(reference, ONE_OF_EACH_KIND, key_options.key_secrets(options)) as signer:
        own = key_options.private_material(signer)
    registered = given or own
    return Registered(registered.keys, registered.certificates, signing=own.keys[0])


def _as_text(record: Mapping[str, Any]) -> str:
    return "".join(_line(rule) for rule in record["rules"])


def _line(rule: Mapping[str, str]) -> str:
    hint = f"; {rule['hint']}" if rule["hint"] else ""
    answer = f"; the answer is {rule['answer']}" if rule["answer"] else ""
    source = f" ({rule['source']})" if rule["source"] else ""
    return redacted(f"{rule['status']:8} {rule['rule']:15} {rule['message']}{hint}{answer}{source}") + "\n"


_FORMATS: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "text": _as_text,
    "json": output.as_json,
    "yaml": output.as_yaml,
}
