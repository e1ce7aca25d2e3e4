"""``check NAME``: whether a platform would accept a token, rule by rule, and if not, why."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from qsjwt.cli import output
from qsjwt.cli.command import PlatformCommand
from qsjwt.cli.expectation import Expectation
from qsjwt.errors import VerificationFailed
from qsjwt.options import key as key_options
from qsjwt.options.parser import Parser
from qsjwt.options.request import add_claim_name_options
from qsjwt.options.token import add_token_options, token_text
from qsjwt.times import iso_time, to_the_minute
from qsjwt.tokens import jwt
from qsjwt.tokens.judge import TOKEN, as_record, overall
from qsjwt.tokens.jwt import Token
from qsjwt.tokens.platform import Platform
from qsjwt.tokens.request import THUMBPRINT, Options
from qsjwt.tokens.rules import Broken, Status


class Check(PlatformCommand):
    """Tell whether {platform} accepts a token, or why not.

    The verdict comes first, then each rule that is broken and what to do about it, then what cannot be decided for lack
    of a key or a value, then the rules that are kept. If any is broken, the exit code is 6.
    """

    section = "tokens"
    example = "qsjwt check {name} token.txt --cert-publickey-file publickey.cer"

    def __init__(self, app: Any, app_args: Any, *, name: str, platform: Platform) -> None:
        super().__init__(app, app_args, name=name, platform=platform)
        self._expectation = Expectation(self)
        self._product = platform.product or platform.summary

    def add_options(self, parser: Parser) -> None:
        """Add where the token is, what is registered, and the output's form."""
        add_token_options(parser)
        wanted = parser.group(
            "expected", "What is registered; without it, the rules that need it are undecided.", demands=False
        )
        self.platform.add_shared_options(wanted)
        add_claim_name_options(wanted, self.platform)
        self._expectation.add_options(parser, wanted)
        wanted.add("--keyid", metavar="ID", help=f"expected key ID, or {THUMBPRINT} for the key's own")
        key_options.add_any_key_options(
            parser, "The registered one; --key as well tells whether the two belong together."
        )
        shown = parser.group("output")
        output.add_format_option(shown, _FORMATS, "text")
        shown.add("--all", action="store_true", help="text: each rule that is kept, and what was found")
        shown.add("--sources", action="store_true", help="text: where rules are written, Qlik's responses")

    def take_action(self, options: Options) -> None:
        """Print a finding for each rule.

        :raises VerificationFailed: after that, if one is broken.
        """
        now = time.time() if options.at is None else options.at
        expected = self._expectation.read(options)
        text = token_text(options, f"check {self.name}")
        token = None
        try:
            token = jwt.decode(text)
            findings = self._expectation.findings(token, now, expected)
        except VerificationFailed as failure:
            hint = failure.hint or "copy the whole token once more, or create a new one"
            findings = [TOKEN.finding(Broken(failure.message, hint))]
        status = overall(findings)
        record = {
            "platform": self.name,
            "at": iso_time(now),
            "verdict": status.value,
            "rules": [as_record(finding) for finding in findings],
        }
        self.emit(_FORMATS[options.format](_Checked(record, self._product, token, now), options))
        if status is Status.BROKEN:
            broken = dict.fromkeys(finding.rule for finding in findings if finding.status is status)
            raise VerificationFailed(f"{self.platform.summary} would refuse the token: {', '.join(broken)}")


class _Checked(NamedTuple):
    """What there is to show.

    :ivar record: the verdict and the findings.
    :ivar product: what the platform is called.
    :ivar token: None if it cannot be read.
    :ivar now: the time that it is judged by, as a NumericDate.
    """

    record: Mapping[str, Any]
    product: str
    token: Token | None
    now: float


def _as_text(checked: _Checked, options: Options) -> str:
    from qsjwt.cli.findings import findings_page  # and rich with it

    as_of = "" if options.at is None else to_the_minute(options.at)
    every, sources = options.all, options.sources
    return str(findings_page(checked.record, checked.product, every=every, sources=sources, as_of=as_of))


def _as_html(checked: _Checked, _options: Options) -> str:
    from qsjwt.cli.report.pages import check_report

    return check_report(checked.record, checked.product, checked.token, checked.now)


_FORMATS: Final[Mapping[str, Callable[[_Checked, Options], str]]] = {
    "text": _as_text,
    "json": lambda checked, _options: output.as_json(checked.record),
    "yaml": lambda checked, _options: output.as_yaml(checked.record),
    "html": _as_html,
}
