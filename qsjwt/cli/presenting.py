"""What ``try`` and ``exchange`` share: a token, given or made for this, is presented to its server."""

import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple

from qsjwt.cli.command import PlatformCommand
from qsjwt.cli.create import created_token
from qsjwt.cli.expectation import Expectation, Expected
from qsjwt.errors import InputError, QsJwtError, ServerUnavailable, VerificationFailed
from qsjwt.live.options import add_server_options, connection
from qsjwt.options import key as key_options
from qsjwt.options.claims import further_claims
from qsjwt.options.parser import PROGRAM, Parser
from qsjwt.options.request import RequestOptions
from qsjwt.options.token import add_token_sources, token_text
from qsjwt.tokens import jwt
from qsjwt.tokens.claim_names import claim_names
from qsjwt.tokens.create import Creator
from qsjwt.tokens.jwt import DecodedToken
from qsjwt.tokens.platform import Platform, command_of
from qsjwt.tokens.request import Options
from qsjwt.tokens.rules import Status

if TYPE_CHECKING:
    from qsjwt.live.explain import Verdict
    from qsjwt.live.messages import Response
    from qsjwt.live.presenting import Outcome

_LIFETIME: Final = "60s"
"""Of a token that is made for this."""

_PRIVATE_KEY: Final = ("key", "cert_privatekey_file", "cert_privatekey")
_EITHER: Final = ("key", "key_passphrase_env", "key_passphrase_file")
"""Options of a private key that mean something for a token that is given, too: its key is compared."""

_TOLD_SECONDS: Final = 2
"""By how much clocks differ if it is worth a word; the header Date has whole seconds, and the answer took a while."""


class Presented(NamedTuple):
    """What came of presenting a token.

    :ivar verdict: why it was refused; None if it was not.
    :ivar ahead: seconds by which the server's clock is ahead of this one; 0 if they agree, or nobody asked.
    """

    token: DecodedToken
    outcome: "Outcome"
    verdict: "Verdict | None" = None
    ahead: int = 0


class PresentingCommand(PlatformCommand):
    """A command that presents a token to its server.

    :cvar verb: its name.
    """

    verb: ClassVar[str]

    def __init__(self, app: Any, app_args: Any, *, name: str, platform: Platform) -> None:
        super().__init__(app, app_args, name=name, platform=platform)
        self._expectation = Expectation(self)

    def add_options(self, parser: Parser) -> None:
        """Add the server, a token that there is, all that makes one, and what is registered."""
        add_server_options(parser, "https://HOST of the server, with the /PREFIX of a virtual proxy")
        sources = add_token_sources(
            parser,
            "Without one it is read from standard input; with --key and the options of "
            f"{command_of(self.name)}, a token is made for this and forgotten.",
        )
        self._sources = [option.dest for option in sources.options]
        others = len(parser.declared.options)
        self._request = RequestOptions(parser, self.platform, lifetime=_LIFETIME, demands=False)
        key = key_options.add_private_key_options(parser, is_new_usual=False)
        key_options.add_algorithm_option(key, self.platform)
        self._request.add_no_check(key)
        both = {*_EITHER, *(option.dest for option in self._request.shared)}
        self._making = [option for option in parser.declared.options[others:] if option.dest not in both]
        self._request.add_key_id(key)
        registered = parser.group("to explain a refusal", demands=False)
        self._expectation.add_options(parser, registered, self._request.shared)
        key_options.add_public_key_options(registered)
        parser.synopsis = "[OPTION ...]"

    def present(self, options: Options, *, keep: bool = False) -> Presented:
        """Present the token that *options* give, or make.

        :param keep: whether the session that comes of it is left open.
        :raises VerificationFailed: if what is given is no token.
        :raises ServerUnavailable: if the server cannot be reached.
        """
        from qsjwt.live.client import Client  # help needs no HTTP
        from qsjwt.live.exchange import Presentation
        from qsjwt.live.presenting import Outcome, end, present

        if type(self.platform).present is Platform.present:
            self.platform.present(Presentation(options.url.url, "", {}))  # raises what there is to say
        is_given = any(dest in options.given for dest in self._sources)
        made = not is_given and any(
            dest in options.given for dest in (*_PRIVATE_KEY, *(option.dest for option in self._making))
        )
        outcome = Outcome()
        client = Client(connection(options), outcome.record)  # a CA file that is not there costs no PIN
        expected = self._expectation.read(options, made=made, url=options.url.url)
        token = jwt.decode(self._made(options) if made else self._given(options))
        names = claim_names(self.platform, options) if made else expected.names
        presentation = Presentation(options.url.url, token.compact, token.claims, names)
        with client:
            try:
                with self.guard("present the token"):
                    present(self.platform.present(presentation), client, outcome)
            finally:
                if outcome.session is None or not keep:
                    with self.guard("end the session"):
                        end(lambda: self.platform.end_session(presentation), client, outcome)
        if outcome.refusal is None:
            return Presented(token, outcome)
        return self._explained(token, outcome, outcome.refusal, expected)

    def _given(self, options: Options) -> str:
        for option in self._making:
            if option.dest in options.given:
                raise InputError(
                    f"{option.title} is for a new token, but one is given",
                    hint=f"leave out {option.title}, or the token",
                )
        return token_text(options, f"{self.verb} {self.name}")

    def _made(self, options: Options) -> str:
        command = command_of(self.name)
        parser = Parser(f"{PROGRAM} {command}", "")
        RequestOptions(parser, self.platform, lifetime=_LIFETIME).add_key_id(parser.group("key"))
        parser.require(options.given)
        reference = key_options.key_reference(options)
        request = self._request.request(
            options, further_claims(options), algorithm=options.algorithm, check=not options.no_check
        )
        return created_token(Creator(self.name, self.platform), request, options, reference).compact

    def _explained(self, token: DecodedToken, outcome: "Outcome", refusal: "Response", expected: Expected) -> Presented:
        from qsjwt.live.explain import explain

        now, there = time.time(), _time_of(refusal)
        findings = list(self._expectation.findings(token, now, expected))
        if there is not None:
            # What is right by this clock may be wrong by the server's.
            told = {finding.rule for finding in findings if finding.status is Status.BROKEN}
            again = self._expectation.findings(token, there, expected)
            findings += [one for one in again if one.status is Status.BROKEN and one.rule not in told]
        with self.guard("explain a refusal"):
            verdict = explain(refusal, list(self.platform.explanations()), findings, outcome.steps[-1].path)
        ahead = 0 if there is None else round(there - now)
        return Presented(token, outcome, verdict, ahead if abs(ahead) >= _TOLD_SECONDS else 0)

    def refusal(self, verdict: "Verdict") -> QsJwtError:
        """Return what is raised for a refusal: its likeliest cause."""
        likeliest = verdict.causes[0]
        if verdict.token:
            return VerificationFailed(
                f"{self.platform.summary} refuses the token: {likeliest.reason}", hint=likeliest.hint
            )
        return ServerUnavailable(
            f"{self.platform.summary} has not looked at the token: {likeliest.reason}", hint=likeliest.hint
        )


def _time_of(response: "Response") -> float | None:
    """Return the time by the server's clock (RFC 9110, section 6.6.1), in seconds; None if it does not tell."""
    try:
        return parsedate_to_datetime(response.header("Date")).timestamp()
    except ValueError:
        return None
