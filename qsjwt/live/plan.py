"""What it takes to register: what a server has already, how that differs, and the changes that are to be made."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from qsjwt.live.messages import Request, Response
from qsjwt.redaction import quoted, shown

_PEM = "-----BEGIN "


@dataclass(frozen=True)
class Difference:
    """A member of what is registered that is not as it is to be.

    :ivar name: the member's name in the server's JSON.
    :ivar found: what the server has; None if nothing.
    """

    name: str
    found: Any
    wanted: Any

    def __str__(self) -> str:
        if isinstance(self.wanted, str) and self.wanted.startswith(_PEM):
            return f"{quoted(self.name)} is another one"
        return f"{quoted(self.name)} is {shown(self.found)}, not {shown(self.wanted)}"


@dataclass(frozen=True)
class Site:
    """Where to register.

    :ivar url: the server's URL, without a slash at its end.
    :ivar way: how the administrator says who they are: one of the platform's ``administrators``.
    """

    url: str
    way: str


Facts: TypeAlias = Mapping[str, Any]
"""What is known of the registered entities, such as their IDs, in the words of the server."""

Changing: TypeAlias = Generator[Request, Response, Facts]
"""Yields requests that read, then one that writes, is sent the response to each, and returns what is known now."""


@dataclass(frozen=True)
class Change:
    """One change at the server.

    :ivar title: what it does, such as "create the virtual proxy 'jwt'".
    :ivar carry_out: given what is known so far, makes the change.
    :ivar gives: what it makes known, in a form that can take its place where nothing is changed.
    """

    title: str
    carry_out: Callable[[Facts], Changing]
    gives: Facts = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """What is to be done so that the platform accepts the tokens.

    :ivar entity: what is registered, for messages, such as "the virtual proxy 'jwt'".
    :ivar facts: what is known of it already.
    :ivar changes: all that is to be done, in this order; none if everything is there.
    :ivar differences: what the changes would replace in what an administrator has registered otherwise.
    """

    entity: str
    facts: Facts
    changes: Sequence[Change] = ()
    differences: Sequence[Difference] = ()


Survey: TypeAlias = Generator[Request, Response, Plan]
"""Yields requests that read, is sent the response to each, and returns a plan."""


def differences(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> list[Difference]:
    """Return what *found*, the JSON of a server, has otherwise than *wanted*.

    What a server adds is no difference; nor is the order of an array, or where the lines of PEM end.
    """
    return [
        Difference(name, found.get(name), value) for name, value in wanted.items() if not _agree(value, found.get(name))
    ]


def _agree(wanted: Any, found: Any) -> bool:
    if isinstance(wanted, dict):
        return isinstance(found, dict) and not differences(wanted, found)
    if isinstance(wanted, list):
        rest = [*found] if isinstance(found, list) else []
        for item in wanted:
            same = next((other for other in rest if _agree(item, other)), None)
            if same is None:
                return False
            rest.remove(same)
        return not rest
    if isinstance(wanted, str) and isinstance(found, str) and wanted.startswith(_PEM):
        return "".join(wanted.split()) == "".join(found.split())
    return bool(wanted == found and isinstance(wanted, bool) == isinstance(found, bool)) or (
        wanted == "" and found is None
    )
