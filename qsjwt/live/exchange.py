"""Exchanges: what a platform says to its server with a token, and what it makes of the answers, as values."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias, TypeVar

from qsjwt.live.messages import Request, Response


@dataclass(frozen=True)
class Presentation:
    """A token, and the server that it is for.

    :ivar url: the server as the user named it, without a slash at its end: with the prefix of a virtual proxy, if any.
    :ivar token: the JWS in compact serialization (RFC 7515, section 7.1); no ``repr`` shows it.
    :ivar claims: what is in it.
    :ivar claim_names: where an administrator may rename claims: option to the claim's name in this token.
    """

    url: str
    token: str = field(repr=False)
    claims: Mapping[str, Any] = field(repr=False)
    claim_names: Mapping[str, str] = field(default_factory=dict)

    @property
    def bearer(self) -> dict[str, str]:
        """The header that presents the token (RFC 6750, section 2.1)."""
        return {"Authorization": f"Bearer {self.token}"}

    def request(self, method: str, path: str, headers: Mapping[str, str] | None = None) -> Request:
        """Return a request that presents the token as a bearer token.

        :param path: what follows :attr:`url`, from the slash on.
        """
        return Request(method, f"{self.url}{path}", {**(headers or {}), **self.bearer})


@dataclass(frozen=True)
class Session:
    """What comes of presenting a token; cookies that the server has set are kept by the core.

    :ivar user: who the server takes the caller for: the members to show, in this order.
    :ivar compared: what of this the token says as well: member to the claim whose value it should have.
    :ivar hints: member to the way out if it has another.
    :ivar headers: what later calls need beside the cookies, such as a CSRF token; no ``repr`` shows them.
    :ivar lifetime: seconds that :attr:`headers` are good for, if the server says that.
    :ivar remarks: sentences about what the user may not expect.
    """

    user: Mapping[str, Any]
    compared: Mapping[str, str] = field(default_factory=dict)
    hints: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    lifetime: int | None = None
    remarks: Sequence[str] = ()


Exchange: TypeAlias = Generator[Request, Response, Session]
"""Yields requests, is sent the response to each, and returns a session."""

T = TypeVar("T")
Send: TypeAlias = Callable[[Request], Response]
"""Sends a request, and returns the response to it."""


def run(exchange: Generator[Request, Response, T], send: Send) -> T:
    """Return what *exchange* returns, when *send* has answered its requests.

    :raises TypeError: if it yields something else than requests.
    """
    try:
        request = next(exchange)
        while True:
            if not isinstance(request, Request):
                raise TypeError("a request was expected")
            request = exchange.send(send(request))
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        exchange.close()


class Explanation(NamedTuple):
    """What an answer of a server means, as far as that is known; all of a platform's are a table.

    :ivar status: of the answer; 0 for any.
    :ivar reason: one sentence: which rule is broken, or which setting or right is missing.
    :ivar hint: the way out.
    :ivar source: where that is written.
    :ivar code: the error's code in the answer; empty if the answer does not tell.
    :ivar text: words in the answer, in any case; empty if it does not tell.
    :ivar path: what is in the path that was asked for; empty for any.
    :ivar rules: names of the platform's rules that this is about: if a check finds them kept, it is less likely.
    :ivar token: whether it is about the token, and not about the server or the way to it.
    """

    status: int
    reason: str
    hint: str
    source: str
    code: str = ""
    text: str = ""
    path: str = ""
    rules: Sequence[str] = ()
    token: bool = True

    @property
    def is_specific(self) -> bool:
        """Whether the answer itself, or what was asked, tells that it is this."""
        return bool(self.code or self.text or self.path)
