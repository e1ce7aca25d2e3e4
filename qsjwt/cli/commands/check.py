"""``check NAME``: whether a platform would accept a token, rule by rule, and if not, why."""

import copy
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from qsjwt.cli import output
from qsjwt.cli.command import PlatformCommand
from qsjwt.errors import InputError, VerificationFailed
from qsjwt.keys.reference import opened
from qsjwt.options import key as key_options
from qsjwt.options.parser import Parser
from qsjwt.options.registered import add_registered_option, registered_entity, registered_keys
from qsjwt.options.request import add_claim_name_options, key_id
from qsjwt.options.token import add_token_options, token_text
from qsjwt.redaction import redacted
from qsjwt.times import iso_time
from qsjwt.tokens import jwt
from qsjwt.tokens.claim_names import claim_names
from qsjwt.tokens.create import as_json_value
from qsjwt.tokens.judge import TOKEN, Registered, as_record, judge, likeliest_key, overall
from qsjwt.tokens.jwt import DecodedToken, Token
from qsjwt.tokens.platform import examine
from qsjwt.tokens.registered import Registration
from qsjwt.tokens.request import THUMBPRINT, Options
from qsjwt.tokens.rules import Broken, Finding, Status

_EXPECTED: Final = {"issuer": "expected iss: the registered issuer", "audience": "expected aud, or one of its members"}


class Check(PlatformCommand):
    """Tell whether {platform} would accept a token, and if not, why.

    One line tells of each rule: ok, broken, or unknown for lack of a key or a value. If any is broken, the exit
    code is 6.
    """

    example = "qsjwt check {name} --jwt-file token.txt --cert-publickey-file publickey.cer"

    def add_options(self, parser: Parser) -> None:
        """Add where the token is, what is registered, and the output's form."""
        add_token_options(parser)
        wanted = parser.group("expected", "What is registered; a rule that needs it is unknown without.", demands=False)
        self.platform.add_shared_options(wanted)
        add_claim_name_options(wanted, self.platform)
        taken = {word for option in parser.declared.options for word in (option.dest, *option.long_names)}
        for name, text in _EXPECTED.items():
            if name not in taken:
                wanted.add(f"--{name}", metavar=name.upper(), help=text)
        add_registered_option(wanted)
        self._dests = {name: option.dest for option in wanted.options for name in option.names}
        wanted.add("--keyid", metavar="ID", help=f"expected kid; {THUMBPRINT}: that of the key (RFC 7638)")
        key_options.add_any_key_options(
            parser, "The registered certificate or key; with --key as well, whether they belong together."
        )
        output.add_format_option(parser.group("output"), _FORMATS, "text")

    def take_action(self, options: Options) -> None:
        """Print a finding for each rule.

        :raises VerificationFailed: after that, if one is broken.
        """
        now = time.time() if options.at is None else options.at
        registration = self._registration(options)
        registered = _registered(options, registration)
        expected = self._expected(options, registered)
        names = self._names(options, registration)
        text = token_text(options, f"check {self.name}")
        try:
            findings = self._judge(
                jwt.decode(text), names, now, expected=expected, registered=registered, registration=registration
            )
        except VerificationFailed as failure:
            findings = [TOKEN.finding(Broken(failure.message, failure.hint))]
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
            raise VerificationFailed(f"{self.platform.summary} would reject the token: {', '.join(broken)}")

    def _registration(self, options: Options) -> Registration | None:
        """Return what ``--registered`` says; None if it is not given."""
        entity = registered_entity(options)
        if entity is None:
            return None
        with self.guard("read a registration"):
            registration = self.platform.read_registration(entity)
            if not isinstance(registration, Registration):
                raise TypeError("a registration was expected")
        return registration

    def _names(self, options: Options, registration: Registration | None) -> dict[str, str]:
        """Return the names of claims: those that are registered, but for those that options give."""
        names = claim_names(self.platform, options)
        registered = {} if registration is None else registration.claim_names
        return names | {name: claim for name, claim in registered.items() if f"{name}_claim" not in options.given}

    def _judge(
        self,
        token: DecodedToken,
        names: Mapping[str, str],
        now: float,
        *,
        expected: Token,
        registered: Registered | None,
        registration: Registration | None,
    ) -> Sequence[Finding]:
        with self.guard("check the token"):
            # What the platform does to its copy changes no verdict.
            subject = Token(copy.deepcopy(token.header), copy.deepcopy(token.claims))
            found = examine(self.platform, subject, now, names, registration)
        if registered is not None and expected.header.get("kid") == THUMBPRINT:
            thumbprint = likeliest_key(token, registered.keys).thumbprint()
            expected = replace(expected, header={"kid": thumbprint})
        return judge(
            self.platform, found, token, now, expected=expected, registered=registered, registration=registration
        )

    def _expected(self, options: Options, registered: Registered | None) -> Token:
        """Return the header and the claims that are expected: those that a rule's option gives."""
        decided = [(rule.name, rule.option) for rule in self.platform.rules]
        wanted = {
            claim: as_json_value(value)
            for claim, option in (*decided, ("iss", "--issuer"), ("aud", "--audience"))
            if (value := options.get(self._dests.get(option, ""))) is not None
        }
        kid = key_id(options)
        if kid == THUMBPRINT and registered is None:
            raise InputError(f"--keyid {THUMBPRINT} needs a key, but none is given", hint="use --cert-publickey-file")
        return Token({} if kid is None else {"kid": kid}, wanted)


def _registered(options: Options, registration: Registration | None) -> Registered | None:
    """Return the public keys, and the one that signs if a private one is given; None if none is."""
    given = key_options.public_material(options)
    if given is None and registration is not None:
        given = registered_keys(options, registration)
    reference = key_options.private_reference(options)
    if reference is None:
        return Registered(given.keys, given.certificates) if given else None
    with opened(reference, key_options.key_secrets(options)) as signer:
        own = key_options.private_material(signer)
    registered = given or own
    return Registered(registered.keys, registered.certificates, signing=own.keys[0])


def _as_text(record: Mapping[str, Any]) -> str:
    return "".join(_line(rule) for rule in record["rules"])


def _line(rule: Mapping[str, str]) -> str:
    hint = f"; {rule['hint']}" if rule["hint"] else ""
    answer = f"; the response is {rule['answer']}" if rule["answer"] else ""
    source = f" ({rule['source']})" if rule["source"] else ""
    return redacted(f"{rule['status']:8} {rule['rule']:15} {rule['message']}{hint}{answer}{source}") + "\n"


_FORMATS: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "text": _as_text,
    "json": output.as_json,
    "yaml": output.as_yaml,
}
