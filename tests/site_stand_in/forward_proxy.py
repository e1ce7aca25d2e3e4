"""A forward proxy as companies have one: it carries TLS to where CONNECT says, and reads nothing of it."""

import contextlib
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

_POLL_SECONDS = 0.005
_PIECE_BYTES = 65536


class ForwardProxy:
    """A proxy at :attr:`url`, for ``HTTPS_PROXY``, that runs for the length of a ``with`` block.

    :ivar routes: ``host:port`` that lead to a port at loopback, whatever a name server says.
    :ivar targets: ``host:port`` of each CONNECT.
    :ivar headers: of each CONNECT, by name in lower case: nothing secret of the tunnel belongs here.
    :ivar credentials: what ``Proxy-Authorization`` must be; None for a proxy that asks for nothing.
    """

    def __init__(self) -> None:
        self.routes: dict[str, int] = {}
        self.targets: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.credentials: str | None = None
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def do_CONNECT(self) -> None:
                proxy.targets.append(self.path)
                proxy.headers.append({name.lower(): value for name, value in self.headers.items()})
                if proxy.credentials not in (None, self.headers["Proxy-Authorization"]):
                    self.send_error(407)
                    return
                host, _, port = self.path.rpartition(":")
                if self.path in proxy.routes:
                    host, port = "127.0.0.1", str(proxy.routes[self.path])
                try:
                    upstream = socket.create_connection((host, int(port)), timeout=5)
                except OSError:
                    self.send_error(502)
                    return
                self.send_response(200)
                self.end_headers()
                with upstream:
                    _carry(self.connection, upstream)
                self.close_connection = True

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_POLL_SECONDS,), daemon=True)

    @property
    def url(self) -> str:
        """The address for the variable."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _carry(client: socket.socket, upstream: socket.socket) -> None:
    """Carry both ways until either end is done."""
    back = threading.Thread(target=_pour, args=(upstream, client), daemon=True)
    back.start()
    _pour(client, upstream)
    back.join(5)


def _pour(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(_PIECE_BYTES):
            sink.sendall(piece)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)
