"""``exchange NAME``: present a token to the real server, and print the session that it opens, for other programs."""

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from qsjwt.cli import output
from qsjwt.cli.create import require_place
from qsjwt.cli.presenting import PresentingCommand
from qsjwt.errors import InputError
from qsjwt.live.address import Address
from qsjwt.options.parser import Parser
from qsjwt.tokens.request import Options

if TYPE_CHECKING:
    from qsjwt.live.cookies import Cookie, CookieJar
    from qsjwt.live.exchange import Session

_LOG = logging.getLogger("qsjwt.command")


class Exchange(PresentingCommand):
    """Exchange a token for a session at {platform}.

    The session is printed as a cookie file for curl, wget and others, as header lines, or as JSON. Whoever has it can
    act as that user until it ends.
    """

    verb = "exchange"
    section = "Qlik"
    example = "qsjwt exchange {name} token.txt --url https://sense.example.com/jwt --output cookies.txt"

    def add_options(self, parser: Parser) -> None:
        """Add what all have that present a token, and the output's form and place."""
        super().add_options(parser)
        group = parser.group("output")
        group.add("--output", metavar="FILE", help="write the result to FILE (0600, atomic)", verbatim=True)
        output.add_format_option(group, _FORMATS, said="cookies, or header where there are none")

    def take_action(self, options: Options) -> None:
        """Print the session.

        :raises VerificationFailed, ServerUnavailable: if there is none.
        """
        require_place(options.output)
        presented = self.present(options, keep=True)
        if presented.verdict is not None:
            for cause in presented.verdict.causes[1:]:
                _LOG.info("another cause may be: %s", cause.reason)
            raise self.refusal(presented.verdict)
        session, cookies = presented.outcome.session, presented.outcome.cookies
        if session is None:
            raise InputError("the server has opened no session")
        for remark in session.remarks:
            _LOG.warning("%s", remark)
        form = options.format or ("cookies" if len(cookies) else "header")
        self.emit(_FORMATS[form](options.url, cookies, session), options.output)


def _as_cookies(address: Address, cookies: "CookieJar", session: "Session") -> str:
    """Return a cookie file in Netscape's format, as curl and wget read it; further headers are comments."""
    if not len(cookies):
        raise InputError("the session has no cookies", hint="use --format header")
    # wget takes a line that begins with #HttpOnly_ for a comment.
    lines = ["\t".join((address.host, "FALSE", *_fields(cookie))) for cookie in cookies]
    comments = [f"# {name}: {value}" for name, value in session.headers.items()]
    return "\n".join(["# Netscape HTTP Cookie File", *comments, *lines, ""])


def _fields(cookie: "Cookie") -> tuple[str, ...]:
    secure = "TRUE" if cookie.secure else "FALSE"
    return cookie.path, secure, str(int(cookie.expires or 0)), cookie.name, cookie.value


def _as_headers(address: Address, cookies: "CookieJar", session: "Session") -> str:
    return "".join(f"{name}: {value}\n" for name, value in _headers(address, cookies, session).items())


def _as_json(address: Address, cookies: "CookieJar", session: "Session") -> str:
    return output.as_json(
        {
            "url": address.url,
            "user": dict(session.user),
            "cookies": {cookie.name: cookie.value for cookie in cookies},
            "headers": _headers(address, cookies, session),
            "expires_in": session.lifetime,
        }
    )


def _headers(address: Address, cookies: "CookieJar", session: "Session") -> dict[str, str]:
    return {**cookies.header(f"{address.url}/"), **session.headers}


_FORMATS: Final[Mapping[str, Callable[[Address, "CookieJar", "Session"], str]]] = {
    "cookies": _as_cookies,
    "header": _as_headers,
    "json": _as_json,
}
