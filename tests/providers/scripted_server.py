"""An HTTP server on loopback whose answers a test gives: what the stand-ins for services are made of."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Request(NamedTuple):
    """What a client sent."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Answer(NamedTuple):
    """What it is answered."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = {}
    pause: float = 0.0
    """Seconds before each byte."""


Script = Callable[[Request], "Answer | None"]


@dataclass
class ScriptedServer:
    """A server that is running.

    :ivar url: where it is.
    :ivar script: gives the answer to a request; None never answers.
    :ivar requests: what came in, in its order.
    """

    url: str
    script: Script
    requests: list[Request] = field(default_factory=list)


@contextmanager
def scripted_server(script: Script) -> Iterator[ScriptedServer]:
    """Run a server for the length of a block; clients that were never answered are let go at its end."""
    end = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            request = Request(self.command, self.path, dict(self.headers.items()), body)
            running.requests.append(request)
            answer = running.script(request)
            if answer is None:
                end.wait(60)
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            with suppress(OSError):  # the client may have enough before all is said
                for part in [bytes([byte]) for byte in answer.body] if answer.pause else [answer.body]:
                    end.wait(answer.pause)
                    self.wfile.write(part)

        do_GET = do_POST = do_PUT = _answer  # noqa: N815 - names of http.server

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except OSError:  # the client has gone without reading all
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    running = ScriptedServer(f"http://127.0.0.1:{server.server_port}", script)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield running
    finally:
        end.set()
        server.shutdown()
        server.server_close()
        thread.join()
