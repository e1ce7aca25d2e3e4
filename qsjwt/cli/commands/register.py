"""``register NAME``: registers at the server what ``registration NAME`` prints, and finishes what was interrupted."""

import contextlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from qsjwt.cli import output
from qsjwt.cli.commands.registration import Registration
from qsjwt.cli.create import require_place
from qsjwt.errors import InputError, QsJwtError, ServerUnavailable
from qsjwt.io.strict_json import parse_json
from qsjwt.keys.public import PublicKey
from qsjwt.live.administrator import (
    CLIENT_CERTIFICATE,
    SERVERS,
    TOKEN,
    Administrator,
    add_administrator_options,
    administrator,
)
from qsjwt.live.exchange import Presentation, Send, run
from qsjwt.live.explain import explain, words
from qsjwt.live.messages import Request, Response, Unexpected
from qsjwt.live.options import add_server_options, connection
from qsjwt.live.plan import Change, Plan, Site
from qsjwt.live.registering import Progress, rehearse
from qsjwt.options.parser import Parser
from qsjwt.redaction import quoted
from qsjwt.tokens.request import Options, TokenRequest

if TYPE_CHECKING:
    from qsjwt.live.client import Client

_AGAIN: Final = "run the same command again, it does what is left"

_LOG = logging.getLogger("qsjwt.command")


class Register(Registration):
    """Register a key at {platform}, over the network.

    It compares what is registered with what registration {name} prints, and does what is missing. What is different
    is shown, and changed only with --replace. The output is JSON with the IDs.
    """

    example = "qsjwt register {name} --url URL --cert-publickey-file publickey.cer"

    def add_options(self, parser: Parser) -> None:
        """Add those of ``registration``, the server, the administrator, and how to go about it."""
        self._add_request_options(parser)
        if CLIENT_CERTIFICATE in self.platform.administrators:
            parser.example += " --client-cert client.pem --client-key client_key.pem --ca-file root.pem"
        add_server_options(parser, " or ".join(SERVERS[way] for way in self.platform.administrators) or "the server")
        add_administrator_options(parser, self.platform.administrators)
        group = parser.group("registering", demands=False)
        self.platform.add_register_options(group)
        self._own += [option.dest for option in group.options]
        group.add("--replace", action="store_true", help="change what is different")
        group.add("--dry-run", action="store_true", help="print the requests, and change nothing")

    def take_action(self, options: Options) -> None:
        """Find out what is registered, do what is missing, and print what there is then."""
        from qsjwt.live.client import Client  # help needs no HTTP

        require_place(options.output)
        who = administrator(options, self.platform.administrators)
        # A file that is not there costs no PIN.
        client = Client(connection(options, client_certificate=who.client_certificate))
        request, public = self._request(options)
        self._body(request, public)  # what is wrong with it is told before anything is sent
        done = self._register(options, client, who, request, public)
        self.emit(output.as_json({"platform": self.name, "url": options.url.url, **done}), options.output)

    def _register(
        self, options: Options, client: "Client", who: Administrator, request: TokenRequest, public: PublicKey
    ) -> dict[str, Any]:
        with client:

            def send(request: Request) -> Response:
                return client.send(replace(request, headers={**request.headers, **who.headers}))

            try:
                with self._guarded():
                    site = Site(options.url.url, who.way)
                    plan = run(self.platform.register(request, public, site), send)
                    if not isinstance(plan, Plan):
                        raise TypeError("a plan was expected")
                if plan.differences and not options.replace:
                    raise InputError(
                        f"{plan.entity} exists and is different: {'; '.join(map(str, plan.differences))}",
                        hint="--replace changes it, and --dry-run --replace shows how",
                    )
                if options.dry_run:
                    with self._guarded():
                        return _as_record(rehearse(plan, send))
                return self._carry_out(Progress(plan), send)
            finally:
                self._log_out(client, options, who)

    def _carry_out(self, progress: Progress, send: Send) -> dict[str, Any]:
        """Make the changes; whatever ends them early says what is done and what is not."""
        try:
            with self._guarded():
                progress.carry_out(send)
        except QsJwtError as error:
            hint = "; ".join(filter(None, (error.hint, _AGAIN if progress.is_begun else "")))
            raise type(error)(f"{error.message}; {progress}", hint=hint) from error
        except BaseException:
            _LOG.warning("%s; %s", progress, _AGAIN)
            raise
        status = "registered" if progress.done else "nothing to do"
        return {"status": status, "done": progress.done, "registered": progress.facts}

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        """Run code of the platform.

        :raises ServerUnavailable: if the server says no, and why.
        """
        with self.guard("register"):
            try:
                yield
            except Unexpected as refusal:
                response = refusal.response
                cause = explain(response, self.platform.register_explanations(), ()).causes[0]
                said = f" {quoted(text)}" if (text := words(response)) else ""
                raise ServerUnavailable(
                    f"the server refuses with {response.status}{said}: {cause.reason}", hint=cause.hint
                ) from None

    def _log_out(self, client: "Client", options: Options, who: Administrator) -> None:
        """End the session that a token has opened."""
        from qsjwt.live.presenting import Outcome, end

        if who.way == TOKEN:
            presented = Presentation(options.url.url, who.bearer, {})
            end(lambda: self.platform.end_session(presented), client, Outcome())


def _as_record(steps: Sequence[tuple[Change, Request]]) -> dict[str, Any]:
    requests = [
        {
            "change": change.title,
            "method": request.method,
            "url": request.url,
            "headers": {**request.headers},
            "body": None if request.body is None else parse_json(request.body.decode()),
        }
        for change, request in steps
    ]
    return {"status": "to be done" if steps else "nothing to do", "requests": requests}
