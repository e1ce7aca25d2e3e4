"""Names of claims that are nearly right, or other than expected, and how to bring token and platform together."""

import functools
from collections.abc import Iterable, Sequence

from qsjwt.redaction import quoted
from qsjwt.tokens.rules import Case


def nearly(names: Iterable[str], name: str) -> str | None:
    """Return the one of *names* that is *name* but for case, dashes and underscores; None if none is."""
    return _spellings(tuple(names)).get(_plain(name))


@functools.lru_cache(16)
def _spellings(names: tuple[str, ...]) -> dict[str, str]:
    """Return what :func:`_plain` makes of each name, to the first such name; rows of a batch have the same names."""
    return {_plain(name): name for name in reversed(names)}


@functools.lru_cache(256)
def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").casefold()


def misspelled(case: Case, name: str, other: str) -> str:
    """Return the message that the token has *other* where the platform reads *name*."""
    return f"the claim is called {quoted(other)}, but {case.product} reads {quoted(name)}"


def renaming(case: Case, claim: str, others: Sequence[str]) -> str:
    """Return the way out if *claim*, which an administrator may rename, has another name in the token.

    :param others: names that it may have there.
    """
    option, name = f"--{claim}-claim", case.name(claim)
    found = (nearly(case.claims, other) for other in (name, *others))
    other = next((found for found in found if found is not None and found not in case.names.values()), None)
    if case.registered:
        rest = f", or register {quoted(other)} as its name" if other else ""
        return f"create the token with {option} {quoted(name)}{rest}"
    if other:
        return f"if {case.product} reads {quoted(other)}, use {option} {quoted(other)}"
    return f"if {case.product} has another name for it, use {option} NAME"
