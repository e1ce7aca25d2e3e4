"""Names of claims that are nearly right, or other than expected, and how to bring token and platform together."""

import functools
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from qsjwt.redaction import quoted
from qsjwt.tokens.claim_names import REGISTERED_CLAIMS
from qsjwt.tokens.rules import Case

_MAX_NAMES: Final = 5


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
        return f"create the token with {option} {_word(name)}{rest}"
    if other := other or _abbreviation(case, claim):
        return f"the token has {quoted(other)}; use {option} {_word(other)}"
    if unread := [each for each in _unread(case) if not _best_option(case, each)]:
        named = ", ".join(map(quoted, unread[:_MAX_NAMES]))
        value = _word(unread[0]) if len(unread) == 1 else "NAME"
        return f"the token has {named}; if that is what {case.product} is to read, use {option} {value}"
    return f"if {case.product} has another name for it, use {option} NAME"


def _abbreviation(case: Case, claim: str) -> str | None:
    """Return the claim of the token whose name is most like that of *claim*, and more like it than like any other."""
    likely = [name for name in _unread(case) if _best_option(case, name) == claim]
    return max(likely, key=lambda name: _likeness(case, claim, name), default=None)


def _best_option(case: Case, name: str) -> str | None:
    """Return the option of the claim that the claim *name* of the token is most likely to be; None if it is none."""
    best = max(case.names, key=lambda option: _likeness(case, option, name), default=None)
    return best if best is not None and _likeness(case, best, name) else None


def _unread(case: Case) -> Iterator[str]:
    """Yield the claims of the token that are strings, and that neither an option nor RFC 7519 names."""
    named = {*case.names.values(), *REGISTERED_CLAIMS}
    return (name for name, value in case.claims.items() if isinstance(value, str) and value and name not in named)


def _likeness(case: Case, option: str, name: str) -> float:
    """Return how much of one name is in the other, in the same order, as "dir" is in "userDirectory": from 0 to 1."""
    pairs = (sorted((_plain(name), _plain(wanted)), key=len) for wanted in (case.name(option), option))
    return max(len(short) / len(long) if len(short) > 1 and _is_within(short, long) else 0.0 for short, long in pairs)


def _is_within(short: str, long: str) -> bool:
    letters = iter(long)
    return all(letter in letters for letter in short)


def _word(name: str) -> str:
    """Return *name* as it is typed in a shell, where that is the name itself."""
    return name if re.fullmatch(r"[A-Za-z][\w.-]{0,40}", name, re.ASCII) else quoted(name)
