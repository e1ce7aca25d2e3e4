"""Facts that the ready-made checks know of what they let pass: each function makes one, and none asks any further."""

from typing import Final

from qsjwt.redaction import printable, quoted, shown
from qsjwt.times import rounded_duration, to_the_minute
from qsjwt.tokens.dates import is_time
from qsjwt.tokens.rules import FACT, Case, Check, Fact
from qsjwt.tokens.size import characters

_TITLES: Final = {
    "iss": "the issuer",
    "sub": "the subject",
    "aud": "the audience",
    "jti": "the identifier",
    "kid": "the key ID",
}
"""What is in claims, where a word says more than the name."""


def telling(check: Check, fact: Fact) -> Check:
    """Return *check*, which knows *fact* of what it lets pass."""
    vars(check)[FACT] = fact
    return check


def algorithm() -> Fact:
    """Say which algorithm it is."""
    return lambda case: f"the algorithm is {case.header['alg']}"


def key_id() -> Fact:
    """Say which key ID it is."""
    return lambda case: told_value("kid", case.header["kid"])


def claim(name: str, title: str = "") -> Fact:
    """Say what the claim *name* is, or that there is none.

    :param name: as the checks have it.
    :param title: what it holds, if its name does not say so.
    """

    def fact(case: Case) -> str:
        known = case.name(name)
        if known not in case.claims:
            return f"the token has no claim {quoted(known)}" if known else ""
        return told_value(known, case.claims[known], title)

    return fact


def told_value(name: str, value: object, title: str = "") -> str:
    """Return what the claim *name*, or ``kid`` of the header, is.

    :param title: what it holds, if its name does not say so.
    """
    title = title or _TITLES.get(name, "")
    called = f"{title} ({printable(name)})" if title else f"the claim {quoted(name)}"
    return f"{called} is {shown(value)}"


def time(name: str) -> Fact:
    """Say when the claim *name*, a NumericDate, is, and how far from now."""

    def fact(case: Case) -> str:
        known = case.name(name)
        value = case.claims.get(known)
        if value is None:
            return "the token has no exp, so it never expires" if name == "exp" else claim(name)(case)
        return told_time(known, value, case.now)

    return fact


def told_time(name: str, seconds: float, now: float) -> str:
    """Return what the time claim *name* comes to at the time *now*, such as "expires in 7 h 58 min, …"."""
    future, past = _VERBS.get(name, (name, name))
    distance = abs(seconds - now)
    if distance < 1:
        relative = f"{past} just now"
    else:
        span = rounded_duration(distance)
        relative = f"{future} in {span}" if seconds > now else f"{past} {span} ago"
    return f"{relative}, {when}" if (when := to_the_minute(seconds)) else relative


_VERBS: Final = {"exp": ("expires", "expired"), "nbf": ("becomes valid", "became valid"), "iat": ("issued", "issued")}


def window(start: str) -> Fact:
    """Say how long after the claim *start*, a NumericDate, the token expires."""

    def fact(case: Case) -> str:
        first, last = case.claims.get(start), case.claims.get("exp")
        if not is_time(first) or not is_time(last) or last < first:
            return ""  # which other rules tell
        return f"exp is {rounded_duration(last - first)} after {start}"

    return fact


def size() -> Fact:
    """Say how long the token is."""
    return lambda case: f"the token has {characters(case)[0]:,} characters"
