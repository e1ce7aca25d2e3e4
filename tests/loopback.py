"""A stand-in for a service with its real name: TLS on loopback, a CA of its own, and names that lead there."""

import datetime
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Request:
    """What a client asked for."""

    method: str
    host: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: Any


@dataclass(frozen=True)
class Answer:
    """What it gets: a value goes out as JSON, bytes as they are."""

    status: int
    value: Any
    headers: dict[str, str] = field(default_factory=dict)


class Loopback:
    """Serves *names* over TLS; a subclass says in :meth:`answer` what the service would.

    :ivar instead: takes the place of :meth:`answer` while a test breaks the service; None lets it answer.
    :ivar requests: what came in since :meth:`reset`.
    """

    names: tuple[str, ...]

    def __init__(self, folder: Path) -> None:
        self.instead: Callable[[Request], Answer | None] | None = None
        self.requests: list[Request] = []
        self.ended = threading.Event()
        self.ca_file = folder / "ca.pem"
        chain = folder / "server.pem"
        _make_certificates(self.names, self.ca_file, chain)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(chain)

    def answer(self, request: Request) -> Answer:
        """Return what the service answers."""
        raise NotImplementedError

    def aside(self, request: Request) -> Answer | None:
        """Return the answer to what an SDK asks for on its own, in the background; None if *request* is no such."""
        return None

    def reset(self) -> None:
        """Let it be as it was at first."""
        self.instead = None
        self.requests = []

    def hang(self, request: Request) -> None:
        """Take the place of an answer: there is none as long as the tests run."""
        self.ended.wait(60)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Serve for the length of the block."""
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except OSError:  # the client is gone, or does not trust the certificate
                    self.close_connection = True

            def do_GET(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                url = urlsplit(self.path)
                request = Request(
                    self.command,
                    self.headers["Host"],
                    unquote(url.path),
                    parse_qs(url.query),
                    {name.lower(): value for name, value in self.headers.items()},
                    json.loads(body) if body.startswith(b"{") else body,
                )
                answer = service.aside(request)
                if answer is None:
                    service.requests.append(request)
                    instead = service.instead
                    answer = (instead(request) if instead else None) or service.answer(request)
                data = answer.value if isinstance(answer.value, bytes) else json.dumps(answer.value).encode()
                data = b"" if answer.status == 204 else data
                self.send_response(answer.status)
                for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_POST = do_DELETE = do_GET  # noqa: N815 - as the library calls it

            def log_message(self, *_: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.socket = self._context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            self.ended.set()
            server.shutdown()
            server.server_close()
            thread.join()

    def stand_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Lead the names here, and have the clients trust the CA by the variable that is there for it."""
        resolve = socket.getaddrinfo

        def getaddrinfo(host: Any, port: Any, *more: Any, **how: Any) -> Any:
            if host in self.names:
                return resolve("127.0.0.1", self.port, *more, **how)
            if host in ("127.0.0.1", "localhost"):
                return resolve(host, port, *more, **how)
            raise socket.gaierror(socket.EAI_NONAME, "there is no such name here")

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(self.ca_file))
        for variable in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.delenv(variable, raising=False)


def _make_certificates(names: tuple[str, ...], ca_file: Path, chain: Path) -> None:
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "the tests' own CA")])
    now = datetime.datetime.now(datetime.UTC)

    def certificate(subject: x509.Name, public_key: ec.EllipticCurvePublicKey, *, is_ca: bool) -> x509.Certificate:
        usage = dict.fromkeys(
            (
                *("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
                *("encipher_only", "decipher_only"),
            ),
            False,
        )
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(minutes=5))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
            .add_extension(
                x509.KeyUsage(digital_signature=not is_ca, key_cert_sign=is_ca, crl_sign=is_ca, **usage), critical=True
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
            .sign(ca_key, hashes.SHA256())
        )

    ca_file.write_bytes(certificate(issuer, ca_key.public_key(), is_ca=True).public_bytes(serialization.Encoding.PEM))
    leaf = certificate(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])]), key.public_key(), is_ca=False)
    chain.write_bytes(
        leaf.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
