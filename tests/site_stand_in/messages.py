"""Requests and answers as values, and the table that leads from one to the other."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.site_stand_in.websocket import WebSocket

UNDOCUMENTED = "STAND-IN-1"


class Unreadable(Exception):
    """A body is not what it should be."""


@dataclass(eq=False)
class Request:
    """What a client sent; header names are in lower case.

    :ivar target: path and query as they were on the request line.
    :ivar certificate: whether the client presented a certificate that the site's CA issued.
    :ivar status: of the answer; 0 as long as there is none, and if none was sent.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""
    certificate: bool = False
    status: int = 0

    @property
    def path(self) -> str:
        """The path, without percent signs."""
        return unquote(urlsplit(self.target).path)

    @property
    def query(self) -> dict[str, str]:
        """The query; names are in lower case, since Qlik Sense takes ``Xrfkey`` and ``xrfkey``."""
        pairs = parse_qsl(urlsplit(self.target).query, keep_blank_values=True)
        return {name.lower(): value for name, value in pairs}

    @property
    def host(self) -> str:
        """The name by which the client calls the site, without the port."""
        return self.headers.get("host", "").rpartition(":")[0] or self.headers.get("host", "")

    @property
    def bearer(self) -> str | None:
        """The token of ``Authorization: Bearer``."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" and token.strip() else None

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies; attributes that a client of Qlik sends back with them count as cookies and harm nobody."""
        pairs = (part.strip().partition("=") for part in self.headers.get("cookie", "").split(";"))
        return {name: value for name, _, value in pairs if name}

    def json(self) -> Any:
        """Return the body as JSON; raise :class:`Unreadable`."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise Unreadable("the body is not JSON") from error


@dataclass
class Answer:
    """What the site sends.

    :ivar stream: what follows the headers piece by piece, without a length; takes the place of the body.
    :ivar conversation: what is said over the websocket that the answer opens.
    :ivar dropped: the connection ends without an answer.
    """

    status: int
    body: bytes = b""
    headers: list[tuple[str, str]] = field(default_factory=list)
    stream: Callable[[], Iterator[bytes]] | None = None
    conversation: Callable[[WebSocket], None] | None = None
    dropped: bool = False

    @classmethod
    def of(cls, status: int, value: object, *headers: tuple[str, str]) -> "Answer":
        """Return *value* as JSON."""
        return cls(status, json.dumps(value).encode(), [("Content-Type", "application/json"), *headers])

    @classmethod
    def text(cls, status: int, text: str, kind: str = "text/plain", *headers: tuple[str, str]) -> "Answer":
        """Return *text* as it is."""
        return cls(status, text.encode(), [("Content-Type", f"{kind}; charset=utf-8"), *headers])

    @classmethod
    def empty(cls, status: int, *headers: tuple[str, str]) -> "Answer":
        """Return no body."""
        return cls(status, b"", list(headers))

    @classmethod
    def errors(cls, status: int, code: str, title: str, **more: object) -> "Answer":
        """Return an error in the shape of Qlik Cloud; a status goes out as a string, as it does at the login."""
        error = {"title": title, **more, "code": code, "status": str(status)}
        return cls.of(status, {"errors": [error], "traceId": "0af7651916cd43dd8448eb211c80319c"})

    @classmethod
    def undocumented(cls, status: int, title: str) -> "Answer":
        """Return an error in that shape whose text Qlik does not document; it does not tell the cause."""
        return cls.errors(status, UNDOCUMENTED, title)


Route = tuple[str, str, Callable[..., Answer]]


def routed(routes: Sequence[Route], request: Request, path: str) -> Answer | None:
    """Return the answer of the first of *routes* for the method and *path*, whose case does not matter.

    The groups of the pattern follow the request as arguments. A path that is there for other methods gets 405.
    """
    there = False
    for method, pattern, answer in routes:
        match = re.fullmatch(pattern, path, re.IGNORECASE)
        if match and method == request.method:
            return answer(request, *match.groups())
        there = there or match is not None
    return Answer.undocumented(405, "Method not allowed") if there else None
