"""What can be wrong with a server and its network, to be switched on for some requests."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from tests.site_stand_in.messages import Answer, Request

Act = Callable[[Request, Callable[[], Answer]], Answer]


@dataclass
class _Fault:
    act: Act
    path: str
    skip: int
    times: int | None

    def takes(self, request: Request) -> bool:
        if not fnmatchcase(request.path, self.path) or self.times == 0:
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True


class Faults:
    """Switches; each holds for *times* requests (None: for all) to *path* (with ``*``), after *skip* went through."""

    def __init__(self) -> None:
        self._faults: list[_Fault] = []
        self._lock = threading.Lock()
        self.ended = threading.Event()

    def clear(self) -> None:
        """Switch all off."""
        self._faults.clear()

    def instead(self, act: Act, path: str = "*", *, skip: int = 0, times: int | None = 1) -> None:
        """Let *act* answer: it gets the request, and a function that returns the site's own answer."""
        self._faults.append(_Fault(act, path, skip, times))

    def rate_limit(self, seconds: int = 1, path: str = "*", *, skip: int = 0, times: int | None = 1) -> None:
        """Answer 429 with ``retry-after`` of *seconds*, as Qlik Cloud documents it."""
        detail = f"You need to wait {seconds} seconds until limit is lifted."
        body = {"errors": [{"code": "HTTP-429", "title": "API rate limit reached.", "detail": detail}]}
        answer = Answer.of(429, body, ("retry-after", str(seconds)))
        self.instead(lambda *_: answer, path, skip=skip, times=times)

    def unavailable(self, status: int = 503, path: str = "*", *, skip: int = 0, times: int | None = 1) -> None:
        """Answer as a proxy or a load balancer does whose server is away: *status* and a page; the text is our own."""
        answer = Answer.text(status, f"<html><body>{status} STAND-IN</body></html>", "text/html")
        self.instead(lambda *_: answer, path, skip=skip, times=times)

    def redirect(self, to: str, path: str = "*", *, status: int = 302, skip: int = 0, times: int | None = 1) -> None:
        """Lead to *to*, a whole URL or a path."""
        answer = Answer.empty(status, ("Location", to))
        self.instead(lambda *_: answer, path, skip=skip, times=times)

    def broken_json(self, path: str = "*", *, skip: int = 0, times: int | None = 1) -> None:
        """Do what is asked, and answer with half of a JSON text."""

        def act(_: Request, own: Callable[[], Answer]) -> Answer:
            answer = own()
            whole = answer.body or b'{"id": "646e2faf41d790506de740d0"}'
            status = 200 if answer.status == 204 else answer.status
            return Answer(status, whole[: len(whole) // 2], answer.headers)

        self.instead(act, path, skip=skip, times=times)

    def slow(self, seconds: float, path: str = "*", *, skip: int = 0, times: int | None = 1) -> None:
        """Wait *seconds* before the answer."""

        def act(_: Request, own: Callable[[], Answer]) -> Answer:
            self.ended.wait(seconds)
            return own()

        self.instead(act, path, skip=skip, times=times)

    def endless(
        self, path: str = "*", *, piece: bytes = b" " * 16384, pause: float = 0, skip: int = 0, times: int | None = 1
    ) -> None:
        """Answer 200 with a body that never ends: *piece* after *piece*, *pause* seconds apart."""

        def stream() -> Iterator[bytes]:
            while not self.ended.is_set():
                yield piece
                time.sleep(pause)

        headers = [("Content-Type", "application/json")]
        self.instead(lambda *_: Answer(200, b"", headers, stream), path, skip=skip, times=times)

    def drop(self, path: str = "*", *, acted: bool = True, skip: int = 0, times: int | None = 1) -> None:
        """End the connection without an answer; if *acted*, what was asked for is done nevertheless."""

        def act(_: Request, own: Callable[[], Answer]) -> Answer:
            if acted:
                own()
            return Answer(0, dropped=True)

        self.instead(act, path, skip=skip, times=times)

    def answer(self, request: Request, own: Callable[[], Answer]) -> Answer:
        """Return what comes of *request*: the first fault that takes it, or the site's *own* answer."""
        with self._lock:
            fault = next((fault for fault in self._faults if fault.takes(request)), None)
        return fault.act(request, own) if fault else own()
