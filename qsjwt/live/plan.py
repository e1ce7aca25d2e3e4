"""What it takes to register: what a server has already, how that differs, and the changes that are to be made."""

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from qsjwt.live.messages import Request, Response
from qsjwt.redaction import quoted, shown

_PEM: Final = "-----BEGIN "
_ELEMENT: Final = "[]"


class Difference(NamedTuple):
    """A member of what is registered that is not as it is to be.

    :ivar name: the member's name in the server's JSON; ``[]`` at its end stands for an element of an array.
    :ivar found: what the server has; None if nothing.
    :ivar wanted: what is to be there; None for an element that is not.
    """

    name: str
    found: Any
    wanted: Any

    def __str__(self) -> str:
        if isinstance(self.wanted, str) and self.wanted.startswith(_PEM):
            return f"{quoted(self.name)} is another one"
        if self.name.endswith(_ELEMENT):
            array = quoted(self.name.removesuffix(_ELEMENT))
            return (
                f"{array} lacks {shown(self.wanted)}" if self.found is None else f"{array} also has {shown(self.found)}"
            )
        return f"{quoted(self.name)} is {shown(self.found)}, not {shown(self.wanted)}"


class Site(NamedTuple):
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


class Change(NamedTuple):
    """One change at the server.

    :ivar title: what it does, such as "create the virtual proxy 'jwt'".
    :ivar carry_out: given what is known so far, makes the change.
    """

    title: str
    carry_out: Callable[[Facts], Changing]


class Plan(NamedTuple):
    """What is to be done so that the platform accepts the tokens.

    :ivar entity: what is registered, for messages, such as "the virtual proxy 'jwt'".
    :ivar facts: what is known of it; what only a change makes known has a word in its place, for ``--dry-run``.
    :ivar changes: all that is to be done, in this order; none if everything is there.
    :ivar differences: what the changes would replace in what an administrator has registered otherwise.
    """

    entity: str
    facts: Facts
    changes: Sequence[Change] = ()
    differences: Sequence[Difference] = ()


Survey: TypeAlias = Generator[Request, Response, Plan]
"""Yields requests that read, is sent the response to each, and returns a plan."""


def differences(wanted: Mapping[str, Any], found: Mapping[str, Any], within: str = "") -> list[Difference]:
    """Return what *found*, the JSON of a server, has otherwise than *wanted*.

    What a server adds is no difference; nor is the order of an array, or where the lines of PEM end.

    :param within: what stands before the name of each member, such as "options.".
    """
    return [
        difference
        for name, value in wanted.items()
        for difference in _unlike(f"{within}{name}", value, found.get(name))
    ]


def merged(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return *found* with those members of *wanted* that differ, and nothing else changed."""
    return {**found, **{name: value for name, value in wanted.items() if _unlike(name, value, found.get(name))}}


def _unlike(name: str, wanted: Any, found: Any) -> list[Difference]:
    match wanted, found:
        case dict(), dict():
            return differences(wanted, found, f"{name}.")
        case list(), list():
            return _unlike_arrays(name, wanted, found)
        case str(), str() if wanted.startswith(_PEM):
            same = "".join(wanted.split()) == "".join(found.split())
        case "", None:
            same = True
        case _:
            same = wanted == found and isinstance(wanted, bool) == isinstance(found, bool)
    return [] if same else [Difference(name, found, wanted)]


def _unlike_arrays(name: str, wanted: list[Any], found: list[Any]) -> list[Difference]:
    left, extra = [], [*found]
    for item in wanted:
        same = next((other for other in extra if not _unlike(name, item, other)), None)
        if same is None:
            left.append(item)
        else:
            extra.remove(same)
    if len(left) == len(extra) and all(isinstance(one, dict) for one in (*left, *extra)):
        return [
            each for pair in zip(left, extra, strict=True) for each in differences(*pair, within=f"{name}{_ELEMENT}.")
        ]
    element = f"{name}{_ELEMENT}"
    return [*(Difference(element, None, one) for one in left), *(Difference(element, one, None) for one in extra)]
