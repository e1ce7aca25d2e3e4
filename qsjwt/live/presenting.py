"""Presenting a token: the exchange of a platform is run, each step is on record, and the session ends again."""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from qsjwt.errors import QsJwtError
from qsjwt.live.client import Client
from qsjwt.live.cookies import CookieJar
from qsjwt.live.exchange import Exchange, Session, run
from qsjwt.live.messages import Request, Response, Unexpected

GRACE_SECONDS: Final = 5
"""What is left for the end of a session when the time is over."""

_LOG = logging.getLogger("qsjwt.live")


@dataclass(frozen=True)
class Step:
    """A request that was made, and the status of its answer."""

    method: str
    path: str
    status: int


@dataclass
class Outcome:
    """What came of an exchange.

    :ivar session: None if the server said no.
    :ivar refusal: the answer that said it; the last of the steps has led to it.
    :ivar steps: the requests that were made, in their order.
    :ivar cookies: those that the server has set.
    :ivar ended: whether the session was ended; None if there was none to end, or no way.
    """

    session: Session | None = None
    refusal: Response | None = None
    steps: list[Step] = field(default_factory=list)
    cookies: CookieJar = field(default_factory=CookieJar)
    ended: bool | None = None

    def record(self, request: Request, response: Response) -> None:
        """Note a step."""
        self.steps.append(Step(request.method, request.path, response.status))


def present(exchange: Exchange, client: Client, outcome: Outcome) -> None:
    """Run *exchange*, and note in *outcome* what comes of it.

    :raises ServerUnavailable: as :meth:`Client.send`.
    :raises TypeError: if the platform yields or returns something else than it may.
    """
    try:
        session = run(exchange, client.send)
        if not isinstance(session, Session):
            raise TypeError("a session was expected")
        outcome.session = session
    except Unexpected as refusal:
        outcome.refusal = refusal.response
    finally:
        outcome.cookies = client.cookies
        exchange.close()


def end(requests: Callable[[], Iterable[Request]], client: Client, outcome: Outcome) -> None:
    """End the session if one was opened, whatever has happened since; a failure to do so is a warning.

    :param requests: gives the requests that end it.
    """
    if not len(client.cookies):
        return
    client.allow(GRACE_SECONDS)
    try:
        for request in requests():
            outcome.ended = client.send(request).status < 400  # noqa: PLR2004 - RFC 9110, section 15
    except QsJwtError as error:
        _LOG.debug("%s", error.message)
        outcome.ended = False
    if outcome.ended is False:
        _LOG.warning("the session could not be ended; it ends by itself when it has not been used for a while")


@dataclass(frozen=True)
class Difference:
    """Something that the server sees in another way than the token says it."""

    member: str
    claim: str
    server: Any
    token: Any
    hint: str = ""


def differences(session: Session, claims: Mapping[str, Any]) -> list[Difference]:
    """Return what the server sees in another way than the token says it."""
    pairs = [
        Difference(member, claim, session.user.get(member), claims[claim], session.hints.get(member, ""))
        for member, claim in session.compared.items()
        if claim in claims
    ]
    return [pair for pair in pairs if not _is_same(pair.server, pair.token)]


def _is_same(seen: object, said: object) -> bool:
    if isinstance(seen, list | tuple) or isinstance(said, list):
        one, other = (each if isinstance(each, list | tuple) else [each] for each in (seen, said))
        return {*map(str, one)} == {*map(str, other)}
    return seen is not None and str(seen).strip() == str(said).strip()
