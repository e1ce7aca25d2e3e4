"""What is registered, as the options of a command say it, and what a token is found to be by that."""

import copy
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from qsjwt.cli.command import PlatformCommand
from qsjwt.errors import InputError
from qsjwt.keys.reference import opened
from qsjwt.options import key as key_options
from qsjwt.options.group import OptionGroup
from qsjwt.options.option import Option
from qsjwt.options.parser import Parser
from qsjwt.options.registered import add_registered_option, registered_entity, registered_keys
from qsjwt.options.request import key_id
from qsjwt.tokens.claim_names import claim_names
from qsjwt.tokens.create import as_json_value
from qsjwt.tokens.judge import Registered, judge, likeliest_key
from qsjwt.tokens.jwt import DecodedToken, Token
from qsjwt.tokens.platform import command_of, examine, facts
from qsjwt.tokens.registered import Registration
from qsjwt.tokens.request import THUMBPRINT, Options
from qsjwt.tokens.rules import Finding, Status

_EXPECTED: Final = {"issuer": "expected iss: the registered issuer", "audience": "expected aud, or one of its members"}


class Expected(NamedTuple):
    """What is expected of a token.

    :ivar names: where an administrator may rename claims: option to the claim's name.
    :ivar token: the header and the claims that are wanted; what it leaves out is open.
    """

    names: Mapping[str, str]
    token: Token
    registered: Registered | None
    registration: Registration | None


class Expectation:
    """The options of a command that say what is registered, beside those of its platform."""

    def __init__(self, command: PlatformCommand) -> None:
        self._command = command
        self._platform = command.platform
        self._dests: dict[str, str] = {}

    def add_options(self, parser: Parser, group: OptionGroup, shared: Sequence[Option] = ()) -> None:
        """Add to *group* what no option of *parser* says yet: issuer, audience, and the registration as a whole.

        :param shared: options of another group that say what is registered.
        """
        taken = {word for option in parser.declared.options for word in (option.dest, *option.long_names)}
        for name, text in _EXPECTED.items():
            if name not in taken:
                group.add(f"--{name}", metavar=name.upper(), help=text)
        add_registered_option(group)
        self._dests = {name: option.dest for option in (*shared, *group.options) for name in option.names}

    def read(self, options: Options, *, made: bool = False, url: str | None = None) -> Expected:
        """Return what *options* expect.

        :param url: where the token is presented, if it is.
        :param made: whether the token is made by *options* itself: then they say what is registered by
            ``--registered`` and the public key alone, and no private key is opened for that.
        """
        registration = self._registration(options)
        registered = _registered(options, registration, private=not made)
        names = claim_names(self._platform, options)
        renamed = {} if registration is None else registration.claim_names
        names |= {name: claim for name, claim in renamed.items() if made or f"{name}_claim" not in options.given}
        wanted = Token({}, {}) if made else self._token(options, registered)
        if url is not None and (audience := self._platform.audience_at(url)) is not None:
            wanted = wanted._replace(claims={"aud": audience, **wanted.claims})
        return Expected(names, wanted, registered, registration)

    def findings(self, token: DecodedToken, now: float, expected: Expected) -> Sequence[Finding]:
        """Return a finding for each rule.

        :param now: the time to judge by, as a NumericDate.
        """
        with self._command.guard("check the token"):
            # What the platform does to its copy changes no verdict.
            subject = token._replace(header=copy.deepcopy(token.header), claims=copy.deepcopy(token.claims))
            by = (self._platform, subject, now, expected.names, expected.registration)
            found = examine(*by)
            told = facts(*by, found=found)
        wanted = expected.token
        if expected.registered is not None and wanted.header.get("kid") == THUMBPRINT:
            thumbprint = likeliest_key(token, expected.registered.keys).thumbprint()
            wanted = wanted._replace(header={"kid": thumbprint})
        findings = judge(
            self._platform,
            found,
            token,
            now,
            expected=wanted,
            registered=expected.registered,
            registration=expected.registration,
            facts=told,
        )
        return [self._with_way_out(finding) for finding in findings]

    def _with_way_out(self, finding: Finding) -> Finding:
        if finding.hint or finding.status is not Status.BROKEN:
            return finding
        command = command_of(self._command.name)
        return finding._replace(hint=f"fix this in the program that creates the token, or use {command}")

    def _registration(self, options: Options) -> Registration | None:
        """Return what ``--registered`` says; None if it is not given."""
        entity = registered_entity(options)
        if entity is None:
            return None
        with self._command.guard("read a registration"):
            registration = self._platform.read_registration(entity)
            if not isinstance(registration, Registration):
                raise TypeError("a registration was expected")
        return registration

    def _token(self, options: Options, registered: Registered | None) -> Token:
        """Return the header and the claims that are expected: those that a rule's option gives."""
        decided = [(rule.name, rule.option) for rule in self._platform.rules]
        wanted = {
            claim: as_json_value(value)
            for claim, option in (*decided, ("iss", "--issuer"), ("aud", "--audience"))
            if (value := options.get(self._dests.get(option, ""))) is not None
        }
        kid = key_id(options)
        if kid == THUMBPRINT and registered is None:
            raise InputError(f"--keyid {THUMBPRINT} needs a key, but none is given", hint="use --cert-publickey-file")
        return Token({} if kid is None else {"kid": kid}, wanted)


def _registered(options: Options, registration: Registration | None, *, private: bool) -> Registered | None:
    """Return the public keys, and the one that signs if a private one is given; None if none is."""
    given = key_options.public_material(options)
    if given is None and registration is not None:
        given = registered_keys(options, registration)
    reference = key_options.private_reference(options) if private else None
    if reference is None:
        return Registered(given.keys, given.certificates) if given else None
    with opened(reference, key_options.key_secrets(options)) as signer:
        own = key_options.private_material(signer)
    registered = given or own
    return Registered(registered.keys, registered.certificates, signing=own.keys[0])
