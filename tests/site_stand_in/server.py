"""A site that listens: HTTP/1.1 on TLS at loopback, each connection in a thread, each request on record."""

import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.site_stand_in.certificates import Certificates
from tests.site_stand_in.faults import Faults
from tests.site_stand_in.messages import Answer, Request
from tests.site_stand_in.websocket import WebSocket, accept

_POLL_SECONDS = 0.005


class _Handler(BaseHTTPRequestHandler):
    """Reads requests of one connection, and writes the answers."""

    protocol_version = "HTTP/1.1"
    server_version, sys_version = "StandIn", ""
    wbufsize = -1  # headers and body leave in one piece
    server: "_Listener"

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        certificate = isinstance(self.connection, ssl.SSLSocket) and bool(self.connection.getpeercert())
        request = Request(self.command, self.path, headers, body, certificate)
        answer = self.server.site.handle(request, self.server.answer)
        if answer.dropped:
            self.close_connection = True
            return
        self._write(answer)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _serve  # noqa: N815 - as the library calls it

    def _write(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        if answer.conversation:
            self._converse(answer.conversation)
            return
        if answer.stream:
            self.close_connection = True
            self.send_header("Connection", "close")
            self.end_headers()
            for piece in answer.stream():
                self.wfile.write(piece)
                self.wfile.flush()
            return
        if answer.status != 204:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def _converse(self, conversation: Callable[[WebSocket], None]) -> None:
        self.close_connection = True
        self.send_header("Sec-WebSocket-Accept", accept(self.headers["Sec-WebSocket-Key"]))
        self.end_headers()
        self.wfile.flush()
        conversation(WebSocket(self.rfile, _Flushed(self.wfile)))

    def log_message(self, *_: Any) -> None:
        pass


class _Flushed:
    def __init__(self, writer: Any) -> None:
        self._writer = writer

    def write(self, data: bytes) -> None:
        self._writer.write(data)
        self._writer.flush()


class _Listener(ThreadingHTTPServer):
    """One port of a site; the TLS context may be changed for the connections to come."""

    daemon_threads = True

    def __init__(self, site: "Site", answer: Callable[[Request], Answer], context: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.site = site
        self.answer = answer
        self.context = context
        self._open: set[socket.socket] = set()
        self._thread = threading.Thread(target=self.serve_forever, args=(_POLL_SECONDS,), daemon=True)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def start(self) -> None:
        self._thread.start()

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Shake hands in the connection's own thread, so that a slow client holds up nobody."""
        connection: socket.socket = request
        self._open.add(connection)
        try:
            if self.context:
                self._open.discard(connection)
                secured = self.context.wrap_socket(request, server_side=True, do_handshake_on_connect=False)
                connection = secured
                self._open.add(connection)
                secured.do_handshake()
            _Handler(connection, client_address, self)
        except OSError as error:  # the client is gone, or does not trust the certificate
            if isinstance(error, ssl.SSLError):
                self.site.failed_handshakes += 1
        finally:
            self._open.discard(connection)
            connection.close()

    def stop(self) -> None:
        """End it, and the connections that clients left open."""
        self.shutdown()
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:  # it ended by itself
                continue
        self.server_close()
        self._thread.join()


class Site:
    """A site that runs for the length of a ``with`` block.

    :ivar requests: every request, in the order in which they came in, with the status of its answer.
    :ivar refusals: why tokens were refused, in order: what the answers do not tell.
    :ivar faults: what goes wrong, to be switched on.
    :ivar clock_offset: seconds by which the site's clock is ahead.
    :ivar failed_handshakes: how many connections ended in TLS, as with a client that does not trust the certificate.
    :ivar crashes: faults of the stand-in itself, which answered 500 then; a test should find none.
    :ivar on_request: is called with each request that is on record, before it is answered.
    :ivar on_answer: is called with each request whose answer is about to leave.
    """

    def __init__(self, certificates: Certificates | None = None) -> None:
        if certificates is None:
            self._folder = tempfile.TemporaryDirectory(prefix="site-stand-in-")
            certificates = Certificates(Path(self._folder.name))
        self.certificates = certificates
        self.requests: list[Request] = []
        self.refusals: list[str] = []
        self.faults = Faults()
        self.clock_offset = 0.0
        self.failed_handshakes = 0
        self.crashes: list[Exception] = []
        self.on_request: Callable[[Request], None] | None = None
        self.on_answer: Callable[[Request], None] | None = None
        self._lock = threading.RLock()
        self._listener = _Listener(self, self.answer, certificates.context())
        self._listeners = [self._listener]

    def listen(self, answer: Callable[[Request], Answer], *, ask_client: bool) -> _Listener:
        """Open one more port, whose requests *answer* answers."""
        listener = _Listener(self, answer, self.certificates.context(ask_client=ask_client))
        self._listeners.append(listener)
        return listener

    def answer(self, request: Request) -> Answer:
        """Return what the site says to *request*; one request at a time comes here."""
        raise NotImplementedError

    def now(self) -> float:
        """Return the time by the site's clock, in seconds since 1970."""
        return time.time() + self.clock_offset

    @property
    def port(self) -> int:
        """The port at which users call."""
        return self._listener.port

    @property
    def url(self) -> str:
        """The address by the name that the site goes by."""
        return f"https://localhost:{self.port}"

    @property
    def other_url(self) -> str:
        """The same address by a name that the site does not go by, though its certificate has it."""
        return f"https://127.0.0.1:{self.port}"

    def show_certificate(self, kind: str) -> None:
        """Shake hands with another certificate from now on: see :meth:`Certificates.context`."""
        self._listener.context = self.certificates.context(kind)

    def handle(self, request: Request, answer: Callable[[Request], Answer]) -> Answer:
        """Put *request* on record, and return the answer to it."""
        self.requests.append(request)
        if self.on_request:
            self.on_request(request)

        def own() -> Answer:
            try:
                with self._lock:
                    return answer(request)
            except Exception as error:
                self.crashes.append(error)
                return Answer.undocumented(500, "The stand-in failed")

        given = self.faults.answer(request, own)
        request.status = given.status
        if self.on_answer:
            self.on_answer(request)
        return given

    def seen(self, method: str, path: str) -> list[Request]:
        """Return the requests with *method* whose path ends in *path*."""
        return [one for one in self.requests if one.method == method and one.path.endswith(path)]

    def __enter__(self) -> Self:
        for listener in self._listeners:
            listener.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.faults.ended.set()
        for listener in self._listeners:
            listener.stop()
        if hasattr(self, "_folder"):
            self._folder.cleanup()


class Elsewhere(Site):
    """Another host, to which nothing should lead: it takes everything, and its record should stay empty."""

    def answer(self, request: Request) -> Answer:
        """Return an empty object."""
        return Answer.of(200, {})
