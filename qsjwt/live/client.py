"""The HTTP client: one server, one deadline, cookies of that server, and nothing secret to any other."""

import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Final, Self
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass

import urllib3

from qsjwt import __version__
from qsjwt.errors import InputError, ServerUnavailable
from qsjwt.io.deadline import within
from qsjwt.live import failures, tls
from qsjwt.live.address import Address, redirected
from qsjwt.live.cookies import CookieJar
from qsjwt.live.messages import Request, Response
from qsjwt.redaction import quoted

MAX_BODY_BYTES: Final = 1 << 20
"""How long the body of an answer may be."""

_PIECE_BYTES: Final = 1 << 16
_MAX_REDIRECTS: Final = 5
_REDIRECTS: Final = (301, 302, 303, 307, 308)
_SAME_METHOD: Final = (307, 308)
_TOO_MANY: Final = 429
_HEADER: Final = re.compile(r"[\x20-\x7E\xA0-\xFF]*")
_HEADERS: Final = {"User-Agent": f"qsjwt/{__version__}", "Accept": "application/json", "Accept-Encoding": "identity"}

_LOG = logging.getLogger("qsjwt.live")

Observer = Callable[[Request, Response], None]


@dataclass(frozen=True)
class Connection:
    """How a server is called.

    :ivar timeout: seconds for all that is said to it.
    :ivar ca_file: certificates to trust beside those of the system.
    :ivar fingerprint: SHA-256 of the one certificate to trust, in 64 hexadecimal digits; no other check is made then.
    :ivar client_certificate: files in PEM that say who the client is: the certificate, and its key.
    """

    address: Address
    timeout: float = 30
    ca_file: str | None = None
    fingerprint: str | None = None
    client_certificate: tuple[str, str] | None = field(default=None, repr=False)


class Client:
    """Sends requests to one server, one after the other; a context manager.

    The time of :attr:`Connection.timeout` begins with its ``with`` block: it can be made before a key is opened.

    :ivar cookies: those that the server has set; they are sent back.
    :param told: is called with each request that went out and its response, those of redirects and 429 too.
    :raises InputError: if a file that *connection* names cannot be used, or the proxy's variable is not a URL.
    """

    def __init__(self, connection: Connection, told: Observer | None = None) -> None:
        self.cookies = CookieJar()
        self._connection = connection
        self._address = connection.address
        self._told = told
        self._end = 0.0
        self._pool = _pool(connection)

    def __enter__(self) -> Self:
        self._end = time.monotonic() + self._connection.timeout
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._pool.clear()

    def allow(self, seconds: float) -> None:
        """Move the end of the time: *seconds* from now are left, or more if more are left anyway."""
        self._end = max(self._end, time.monotonic() + seconds)

    def send(self, request: Request) -> Response:
        """Return the response to *request*; redirects within the server and 429 are seen to.

        :raises ServerUnavailable: if the server cannot be reached, does not answer in time or at too great a length,
            asks for more patience than there is time, or leads elsewhere.
        """
        for _ in range(_MAX_REDIRECTS + 1):
            response = self._patiently(request)
            target = self._target(request, response)
            if target is None or not request.follow:
                return response
            if response.status in _SAME_METHOD:
                request = replace(request, url=target)
            elif request.method in ("GET", "HEAD"):
                request = replace(request, url=target, body=None)
            else:
                return response
        raise ServerUnavailable(f"{quoted(self._address.origin)} redirects without end")

    def _target(self, request: Request, response: Response) -> str | None:
        """Return where *response* redirects to; None if it does not.

        :raises ServerUnavailable: if that is elsewhere.
        """
        location = response.header("Location")
        if response.status not in _REDIRECTS or not location:
            return None
        target = redirected(request.url, location)
        own = self._address.own(target)
        if own is None:
            raise ServerUnavailable(
                f"{quoted(self._address.origin)} redirects to {_origin(target)}, and nothing is sent there",
                hint="if that is the right server, give its URL",
            )
        return own

    def _patiently(self, request: Request) -> Response:
        """Return the response to *request*, once the server no longer asks to wait (RFC 6585, section 4)."""
        while True:
            response = self._once(request)
            if response.status != _TOO_MANY:
                return response
            seconds = _retry_after(response)
            if seconds is None:
                return response
            if seconds >= self._end - time.monotonic():
                raise ServerUnavailable(
                    f"{quoted(self._address.origin)} gets too many requests, and asks to wait {seconds} s (429)",
                    hint="try again later, or use a longer --timeout",
                )
            _LOG.info("%s asks to wait %d s", self._address.origin, seconds)
            time.sleep(seconds)

    def _once(self, request: Request) -> Response:
        url = self._address.own(request.url)
        if url is None:
            raise ServerUnavailable(
                f"{request} is for {_origin(request.url)}, not for {quoted(self._address.origin)}, and is not sent"
            )
        headers = {**_HEADERS, **self.cookies.header(url), **request.headers}
        if not all(_HEADER.fullmatch(text) for text in (*headers, *headers.values())):
            raise ServerUnavailable(f"{request} has a header that HTTP does not allow, and is not sent")
        left = self._end - time.monotonic()
        if left <= 0:
            raise failures.timeout(self._address)
        try:
            # urllib3 limits each wait for the network, not all of them together, and no look-up of a name.
            response = within(left, lambda: self._call(replace(request, url=url, headers=headers), left))
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise failures.failure(error, self._address, pinned=self._connection.fingerprint is not None) from error
        self.cookies.keep(request, response)
        _LOG.info("%s: %d", request, response.status)
        if self._told is not None:
            self._told(request, response)
        return response

    def _call(self, request: Request, seconds: float) -> Response:
        answer = self._pool.request(
            request.method,
            request.url,
            body=request.body,
            headers=request.headers,
            redirect=False,
            retries=False,
            timeout=seconds,
            preload_content=False,
            decode_content=False,
        )
        try:
            body = bytearray()
            for piece in answer.stream(_PIECE_BYTES):
                body += piece
                if len(body) > MAX_BODY_BYTES:
                    raise ServerUnavailable(f"the answer to {request} is longer than 1 MiB")
        except BaseException:
            answer.close()
            raise
        answer.release_conn()
        return Response(answer.status, tuple(answer.headers.items()), bytes(body))


def _origin(url: str) -> str:
    """Return the host that *url* names, without a path or a query, which may hold a token."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "what is no URL"
    return quoted(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}")


def _retry_after(response: Response) -> int | None:
    """Return the seconds of ``Retry-After`` (RFC 9110, section 10.2.3), at least one; None if it does not say."""
    text = response.header("Retry-After").strip()
    if text.isascii() and text.isdigit():
        return max(1, int(text[:9]))
    try:
        return max(1, round(parsedate_to_datetime(text).timestamp() - time.time()))
    except ValueError:
        return None


def _pool(connection: Connection) -> urllib3.PoolManager:
    context = tls.tls_context(connection.ca_file, pinned=connection.fingerprint is not None)
    if connection.client_certificate is not None:
        tls.load_client_certificate(context, *connection.client_certificate)
    proxy = _proxy(connection.address)
    if proxy is None:
        return urllib3.PoolManager(ssl_context=context, assert_fingerprint=connection.fingerprint)
    parts = urlsplit(proxy)
    user = ":".join(unquote(part) for part in (parts.username, parts.password) if part is not None)
    try:
        return urllib3.ProxyManager(
            f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}",
            proxy_headers=urllib3.make_headers(proxy_basic_auth=user or None),
            ssl_context=context,
            assert_fingerprint=connection.fingerprint,
        )
    except (urllib3.exceptions.HTTPError, ValueError):
        raise InputError(
            f"the proxy in HTTPS_PROXY cannot be used: {quoted(parts.scheme)} is not http or https",
            hint="write it as http://proxy.example.com:3128",
        ) from None


def _proxy(address: Address) -> str | None:
    """Return the URL of the proxy that the environment names for *address*; never one for what is not encrypted."""
    proxies = getproxies_environment()
    named = proxies.get("https") or proxies.get("all")
    if not named or address.scheme != "https" or proxy_bypass(f"{address.host}:{address.port}"):
        return None
    return named if "://" in named else f"http://{named}"
