"""Registering: a platform's plan is made and carried out, and what is done and what is not is on record."""

import logging
from typing import Any, Final

from qsjwt.live.exchange import Send, run
from qsjwt.live.messages import Request, Response
from qsjwt.live.plan import Change, Facts, Plan

_READING: Final = ("GET", "HEAD")

_LOG = logging.getLogger("qsjwt.live")


class Progress:
    """How far a plan is carried out.

    :ivar facts: what is known by now.
    :ivar done: titles of changes that are made.
    """

    def __init__(self, plan: Plan) -> None:
        self.facts: dict[str, Any] = {**plan.facts}
        self.done: list[str] = []
        self._left = [*plan.changes]
        self._is_written = False

    @property
    def is_begun(self) -> bool:
        """Whether anything is done, or may be."""
        return bool(self.done) or self._is_written

    def carry_out(self, send: Send) -> None:
        """Make what is left of the changes."""

        def watched(request: Request) -> Response:
            self._is_written = self._is_written or request.method not in _READING
            response = send(request)
            self._is_written = False
            return response

        while self._left:
            change = self._left[0]
            self.facts |= run(change.carry_out(self.facts), watched)
            self._left.pop(0)
            self.done.append(change.title)
            _LOG.info("done: %s", change.title)

    def __str__(self) -> str:
        """Return what is done, what is not, and what may be: its answer has not come."""
        titles = [change.title for change in self._left]
        open_ended = [titles.pop(0)] if self._is_written else []
        parts = {"done": self.done, "perhaps done": open_ended, "not done": titles}
        return "; ".join(f"{name}: {', '.join(listed)}" for name, listed in parts.items() if listed)


def rehearse(plan: Plan, send: Send) -> list[tuple[Change, Request]]:
    """Return each change with the request that would make it; only what reads is sent."""
    steps = ((change, _first_that_writes(change, plan.facts, send)) for change in plan.changes)
    return [(change, request) for change, request in steps if request is not None]


def _first_that_writes(change: Change, facts: Facts, send: Send) -> Request | None:
    found: list[Request] = []

    def reading(request: Request) -> Response:
        if request.method in _READING:
            return send(request)
        found.append(request)
        raise _Rehearsed

    try:
        run(change.carry_out(facts), reading)
    except _Rehearsed:
        return found[0]
    return None


class _Rehearsed(Exception):
    """A request was about to change something."""
