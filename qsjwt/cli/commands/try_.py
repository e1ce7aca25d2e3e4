"""``try NAME``: present a token to the real server, and say whom it sees, or why it refuses."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from qsjwt.cli import output
from qsjwt.cli.presenting import Presented, PresentingCommand
from qsjwt.options.parser import Parser
from qsjwt.redaction import without_secrets
from qsjwt.tokens.request import Options

if TYPE_CHECKING:
    from qsjwt.live.messages import Response

_VERDICTS: Final = {"accepted": "accepted by", "refused": "refused by", "unavailable": "no verdict from"}
_MAX_WORDS: Final = 300
"""Characters of the server's own words that are shown."""


class Try(PresentingCommand):
    """Try a token at {platform}, and show whom it sees.

    The session that it opens is ended afterwards. If the server refuses the token, the likeliest cause comes first, and
    the exit code is 6; it is 7 if the server cannot be reached, or refuses for another reason.
    """

    verb = "try"
    section = "Qlik"
    example = "qsjwt try {name} token.txt --url https://sense.example.com/jwt"

    def add_options(self, parser: Parser) -> None:
        """Add what all have that present a token, and the output's form."""
        super().add_options(parser)
        output.add_format_option(parser.group("output"), _FORMATS, "text")

    def take_action(self, options: Options) -> None:
        """Print what the server says.

        :raises VerificationFailed, ServerUnavailable: after that, if it refuses.
        """
        presented = self.present(options)
        self.emit(_FORMATS[options.format](self._record(presented, options.url.url)))
        if presented.verdict is not None:
            raise self.refusal(presented.verdict)

    def _record(self, presented: Presented, url: str) -> dict[str, Any]:
        from qsjwt.live.presenting import differences

        outcome, verdict = presented.outcome, presented.verdict
        record: dict[str, Any] = {
            "platform": self.name,
            "url": url,
            "verdict": "accepted" if verdict is None else "refused" if verdict.token else "unavailable",
            "steps": [asdict(step) for step in outcome.steps],
            "session_ended": outcome.ended if len(outcome.cookies) else None,
        }
        if outcome.session is not None:
            found = differences(outcome.session, presented.token.claims)
            record["user"] = dict(outcome.session.user)
            record["differences"] = [asdict(difference) for difference in found]
            unended = "the session stays open until it runs out: no call that ends it is documented"
            is_open = len(outcome.cookies) > 0 and outcome.ended is None
            record["remarks"] = [*outcome.session.remarks, *([unended] if is_open else [])]
        if verdict is not None and outcome.refusal is not None:
            record["answer"] = _answer(outcome.refusal)
            record["causes"] = [cause._asdict() for cause in verdict.causes]
            record["server_clock_ahead"] = presented.ahead
        shown: dict[str, Any] = _without_secrets(record)
        return shown


def _answer(response: "Response") -> dict[str, Any]:
    from qsjwt.live.explain import errors, words

    code = next((error["code"] for error in errors(response)), "")
    return {"status": response.status, "code": code, "text": words(response)[:_MAX_WORDS]}


def _without_secrets(value: Any) -> Any:
    """Return *value* with keys and tokens in its strings replaced: a server may send back what it was sent."""
    match value:
        case str():
            return without_secrets(value)
        case dict():
            return {name: _without_secrets(inner) for name, inner in value.items()}
        case list():
            return [_without_secrets(inner) for inner in value]
        case _:
            return value


def _as_text(record: Mapping[str, Any]) -> str:
    from qsjwt.cli.trial_page import trial_page  # and rich with it

    return str(trial_page(record))


_FORMATS: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {"text": _as_text, "json": output.as_json}
