"""The cookies of one server (RFC 6265): kept for the length of a run, and sent back to that server alone."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

from qsjwt.live.messages import Request, Response

_PAIR: Final = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)=([\x20-\x3A\x3C-\x7E]*)", re.ASCII)
"""A name is a token (RFC 9110, section 5.6.2); neither it nor the value can end the header that it is sent in."""


@dataclass(frozen=True)
class Cookie:
    """A cookie; its ``repr`` does not show the value.

    :ivar path: where it is sent: to this path and those below.
    :ivar expires: when it ends, as a NumericDate; None for the end of the session.
    """

    name: str
    value: str = field(repr=False)
    path: str = "/"
    secure: bool = False
    http_only: bool = False
    expires: float | None = None

    def is_for(self, path: str) -> bool:
        """Tell whether it is sent to *path* (RFC 6265, section 5.1.4)."""
        return path == self.path or path.startswith(f"{self.path.rstrip('/')}/")


class CookieJar:
    """The cookies that one server has set.

    Their attribute ``Domain`` is not looked at: they go back to the host that set them.
    """

    def __init__(self) -> None:
        self._cookies: dict[tuple[str, str], Cookie] = {}

    def __iter__(self) -> Iterator[Cookie]:
        return iter(self._cookies.values())

    def __len__(self) -> int:
        return len(self._cookies)

    def keep(self, request: Request, response: Response) -> None:
        """Keep what *response* sets; one that has expired is removed."""
        for name, value in response.headers:
            if name.lower() == "set-cookie" and (cookie := _cookie(value, request.path)):
                self._cookies.pop((cookie.name, cookie.path), None)
                if cookie.expires is None or cookie.expires > time.time():
                    self._cookies[cookie.name, cookie.path] = cookie

    def header(self, url: str) -> dict[str, str]:
        """Return the header ``Cookie`` for a request to *url*; nothing if there is no cookie for it."""
        parts = urlsplit(url)
        pairs = [
            f"{cookie.name}={cookie.value}"
            for cookie in self
            if cookie.is_for(parts.path or "/") and (parts.scheme == "https" or not cookie.secure)
        ]
        return {"Cookie": "; ".join(pairs)} if pairs else {}


def _cookie(text: str, request_path: str) -> Cookie | None:
    """Return what a header ``Set-Cookie`` sets; None if it is malformed."""
    first, *parts = (part.strip() for part in text.split(";"))
    pair = _PAIR.fullmatch(first)
    if pair is None:
        return None
    attributes = {name.strip().lower(): value.strip() for name, _, value in (part.partition("=") for part in parts)}
    path = attributes.get("path", "")
    return Cookie(
        pair[1],
        pair[2],
        path if path.startswith("/") and path.isprintable() else request_path.rpartition("/")[0] or "/",
        secure="secure" in attributes,
        http_only="httponly" in attributes,
        expires=_end(attributes),
    )


def _end(attributes: dict[str, str]) -> float | None:
    age = attributes.get("max-age", "")
    if re.fullmatch(r"-?\d{1,12}", age, re.ASCII):
        return time.time() + int(age)
    try:
        return parsedate_to_datetime(attributes["expires"]).timestamp()
    except (KeyError, ValueError):
        return None
