"""Requests and responses as values (RFC 9110): what a platform yields and receives, without a connection."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from qsjwt.io.read import decode_text
from qsjwt.io.strict_json import parse_json


@dataclass(frozen=True)
class Request:
    """A request; its ``repr`` shows neither headers nor body, nor the query.

    :ivar method: such as ``GET``.
    :ivar url: the whole URL, with https or, at loopback, http.
    :ivar headers: names to values, Latin-1 without line ends. Cookies that the server has set are added by the core.
    :ivar body: None for none.
    :ivar follow: whether a redirect within the server is followed: one of a GET or HEAD, and of any other if it is 307
        or 308 (RFC 9110, section 15.4). A redirect to another host is an error in either case.
    """

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    follow: bool = True

    @property
    def path(self) -> str:
        """The path of the URL, without the query, which may hold a token."""
        return urlsplit(self.url).path or "/"

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Response:
    """A response; its ``repr`` shows neither headers nor body.

    :ivar status: the status code.
    :ivar headers: pairs of a name, in any case, and a value; a name may occur more than once.
    :ivar body: the bytes, at most 1 MiB.
    """

    status: int
    headers: Sequence[tuple[str, str]] = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)

    def header(self, name: str) -> str:
        """Return the value of the first header *name*, in any case; empty if there is none."""
        return next((value for known, value in self.headers if known.lower() == name.lower()), "")

    @property
    def text(self) -> str:
        """The body as text; what is not UTF-8 or UTF-16 is replaced."""
        try:
            return decode_text(self.body)
        except UnicodeDecodeError:
            return self.body.decode("utf-8", "replace")

    @property
    def json(self) -> Any:
        """The body's value if it is JSON (RFC 8259); None if it is not, or empty."""
        try:
            return parse_json(self.text)
        except ValueError:
            return None

    def expect(self, *statuses: int) -> "Response":
        """Return the response itself if its status is one of *statuses*.

        :raises Unexpected: if it is not.
        """
        if self.status not in statuses:
            raise Unexpected(self)
        return self

    def expect_object(self, *statuses: int, member: str = "") -> Mapping[str, Any]:
        """Return the members of the body, a JSON object, if the status is one of *statuses*.

        :param member: one that it must have; empty for none.
        :raises Unexpected: if any of this is not so.
        """
        value = self.expect(*statuses).json
        if not isinstance(value, dict) or (member and member not in value):
            raise Unexpected(self)
        return value

    @property
    def members(self) -> Mapping[str, Any]:
        """The members of the body if it is a JSON object; none if it is not."""
        value = self.json
        return value if isinstance(value, dict) else {}


class Unexpected(Exception):
    """The server says something else than it does when all is well; what that means is looked up by the core."""

    def __init__(self, response: Response) -> None:
        super().__init__(f"status {response.status}")
        self.response = response
