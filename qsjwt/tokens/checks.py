"""Checks that most platforms share: each function makes one for the table of a platform's rules.

A *claim* is a claim's name or, where an administrator may rename it, its option: "userid" for ``--userid-claim``.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeGuard

from qsjwt.redaction import quoted, shown
from qsjwt.times import format_duration
from qsjwt.tokens import facts
from qsjwt.tokens.dates import COMPARISONS, fault_of, is_time, refuse_future
from qsjwt.tokens.rules import READING, Broken, Case, Check, Missing, Problem, Unknown, fact_of, read_claims
from qsjwt.tokens.size import characters
from qsjwt.tokens.spelling import misspelled, nearly, renaming
from qsjwt.tokens.wording import either, kind, span


def reading(*claims: str) -> Callable[[Check], Check]:
    """Declare that it depends on the values of *claims* alone whether a check finds a problem.

    A batch need not run it for each token then. It may also depend on the header, on the time and on which claims there
    are, not on the length of the token.
    """

    def declare(check: Check) -> Check:
        vars(check)[READING] = frozenset(claims)
        return check

    return declare


def in_turn(*checks: Check) -> Check:
    """Make a check that gives the problems of the first of *checks* that has any."""

    def check(case: Case) -> Iterable[Problem]:
        for each in checks:
            if problems := tuple(each(case)):
                return problems
        return ()

    if fact := next(filter(None, map(fact_of, checks)), None):
        facts.telling(check, fact)
    claims = [read_claims(each) for each in checks]
    return check if None in claims else reading(*frozenset().union(*filter(None, claims)))(check)


def algorithm(accepted: Sequence[str]) -> Check:
    """Check that ``alg`` in the header is one of *accepted* (RFC 7515, section 4.1.1)."""

    @reading()
    def check(case: Case) -> Iterable[Problem]:
        found = case.header.get("alg")
        if found in accepted:
            return ()
        message = f"the algorithm is {shown(found)}, but {case.product} accepts {either(accepted)}"
        return [Broken(message, f"use --algorithm {accepted[0]}")]

    return facts.telling(check, facts.algorithm())


def key_id() -> Check:
    """Check that the header has a ``kid`` that is not empty (RFC 7515, section 4.1.4)."""

    @reading()
    def check(case: Case) -> Iterable[Problem]:
        if is_string(case.header.get("kid")):
            return ()
        if "kid" in case.header:
            state = "the key ID in the header (kid) is empty or not a string"
        elif "kid" in case.claims:
            state = "the key ID (kid) is among the claims instead of in the header"
        elif other := similar(case.header, "kid"):
            state = f"the header's key ID is called {quoted(other)} instead of 'kid'"
        else:
            state = "the header has no key ID (kid)"
        return [Broken(f"{state}, and {case.product} finds the key by it", "use --keyid")]

    return facts.telling(check, facts.key_id())


def string(claim: str, *, required: bool = True, hint: str = "", title: str = "", others: Sequence[str] = ()) -> Check:
    """Check that *claim* is a string that is not empty.

    :param required: False if the claim may be missing.
    :param hint: the way out of any problem.
    :param title: what the claim holds, if its name does not say so, such as "the user ID".
    :param others: other names that are in use for a claim that an administrator may rename, such as "user".
    """
    return _string(claim, required, hint, "a string", title=title, others=others)


def boolean(claim: str, *, required: bool = True, hint: str = "") -> Check:
    """Check that *claim* is true or false, and not the string "true"."""
    return _typed(claim, required, hint, "true or false", lambda value: isinstance(value, bool))


def strings(claim: str, *, required: bool = True, hint: str = "") -> Check:
    """Check that *claim* is an array of strings that are not empty."""
    array = _typed(claim, required, hint, "an array of strings", lambda value: isinstance(value, list))
    return in_turn(array, _elements(claim))


def string_or_strings(claim: str, *, required: bool = True, hint: str = "") -> Check:
    """Check that *claim* is a string that is not empty, or an array of such strings."""
    one, elements = _string(claim, required, hint, "a string or an array of strings"), _elements(claim)

    @reading(claim)
    def check(case: Case) -> Iterable[Problem]:
        return elements(case) if isinstance(case.claims.get(case.name(claim)), list) else one(case)

    return facts.telling(check, facts.claim(claim))


def exactly(claim: str, value: Any, *, required: bool = True, hint: str = "") -> Check:
    """Check that *claim* is *value*."""
    return one_of(claim, [value], required=required, hint=hint)


def one_of(claim: str, values: Sequence[Any], *, required: bool = True, hint: str = "") -> Check:
    """Check that *claim* is one of *values*; true and 1 are not the same."""
    wanted = [(isinstance(value, bool), value) for value in values]

    @reading(claim)
    def check(case: Case) -> Iterable[Problem]:
        name = case.name(claim)
        if name not in case.claims:
            return lacking(case, claim, hint) if required else ()
        value = case.claims[name]
        if (isinstance(value, bool), value) in wanted:
            return ()
        return [Broken(f"the claim {quoted(name)} must be {either([*map(shown, values)])}, not {shown(value)}", hint)]

    return facts.telling(check, facts.claim(claim))


def absent(claim: str, *, hint: str = "") -> Check:
    """Check that there is no *claim*."""

    @reading()
    def check(case: Case) -> Iterable[Problem]:
        name = case.name(claim)
        if name not in case.claims:
            return ()
        return [Broken(f"the token has the claim {quoted(name)}, which {case.product} does not allow", hint)]

    return check


def spelled(claim: str, *others: str, hint: str = "") -> Check:
    """Check that an optional *claim*, if it is missing, is not there under a similar name, or that of *others*."""

    @reading(claim)
    def check(case: Case) -> Iterable[Problem]:
        name = case.name(claim)
        if name in case.claims:
            return ()
        for each in (name, *others):
            if other := similar(case.claims, each):
                return [Broken(misspelled(case, name, other), hint, response="")]
        return ()

    return check


def time(claim: str, *, required: bool = True, whole: bool = True, past: bool = False) -> Check:
    """Check that *claim* is a NumericDate (RFC 7519, section 2), ``exp`` in the future and ``nbf`` in the past.

    An ``iat`` in the future is unknown: RFC 7519 leaves open what comes of it.

    :param whole: refuse fractions of seconds too.
    :param past: refuse any time in the future.
    """
    compare = refuse_future if past else COMPARISONS.get(claim)
    misspelled = spelled(claim)

    @reading(claim)
    def check(case: Case) -> Iterable[Problem]:
        name = case.name(claim)
        if name not in case.claims:
            return lacking(case, claim) if required else misspelled(case)
        value = case.claims[name]
        if fault := fault_of(name, value, whole=whole):
            return [Broken(fault.message, fault.hint, response="")]
        return compare(name, value, case.now) if compare else ()

    return facts.telling(check, facts.time(claim))


def window(start: str, longest: int) -> Check:
    """Check that ``exp`` is at most *longest* seconds after the claim *start*, if both are times."""

    @reading(start, "exp")
    def check(case: Case) -> Iterable[Problem]:
        first, last = case.claims.get(start), case.claims.get("exp")
        if not is_time(first) or not is_time(last) or last - first <= longest:
            return ()
        expires = f"{longest}s" if longest % 60 else f"{longest // 60}m"
        return [
            Broken(
                f"the token would be valid for {span(last - first)}, but {case.product} accepts at most "
                f"{format_duration(longest)} between {start} and exp",
                f"use --expires {expires} or less, and a --clock-skew far below it",
            )
        ]

    return facts.telling(check, facts.window(start))


def size(line: int, whole: int | None = None) -> Check:
    """Check that there is room for the token in a header, ``Authorization: Bearer TOKEN``.

    :param line: characters of a token beyond which it is unknown whether a line of a header has room for it.
    :param whole: those beyond which the platform refuses the header; None if that is not known.
    """
    hint = "leave out groups and claims that nothing at the platform reads"

    def check(case: Case) -> Iterable[Problem]:
        least, most = characters(case)
        if whole is not None and least > whole:
            message = f"the token is longer than {whole:,} characters, and {case.product} accepts no header so large"
            return [Broken(message, hint)]
        message = f"the token is longer than {line:,} characters, which may be too long for a line of a header"
        return [Unknown(message, hint)] if most > line else ()

    return facts.telling(check, facts.size())


def lacking(case: Case, claim: str, hint: str = "", called: str = "", others: Sequence[str] = ()) -> list[Problem]:
    """Return the problem that the required *claim* is not in *case*, or only under a similar name.

    :param called: how the message calls the claim; default by its name.
    :param others: other names that are in use for it.
    """
    name = case.name(claim)
    if not hint and claim in case.names:
        hint = renaming(case, claim, others)
    if other := similar(case.claims, name):
        return [Missing(misspelled(case, name, other), hint)]
    return [Missing(f"{called or f'the claim {quoted(name)}'} is missing, and {case.product} requires it", hint)]


def is_string(value: object) -> TypeGuard[str]:
    """Tell whether *value* is a string that is not empty, or of spaces alone."""
    return isinstance(value, str) and bool(value.strip())


def is_number(value: object) -> TypeGuard[int | float]:
    """Tell whether *value* is a number of JSON; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def similar(part: Mapping[str, Any], name: str) -> str | None:
    """Return the member that is *name* but for upper and lower case, dashes and underscores, if there is one."""
    return nearly(part, name)


def _string(
    claim: str, required: bool, hint: str, wanted: str, *, title: str = "", others: Sequence[str] = ()
) -> Check:
    @reading(claim)
    def check(case: Case) -> Iterable[Problem]:
        name = case.name(claim)
        value = case.claims.get(name)
        if is_string(value) or not (required or name in case.claims):
            return ()
        called = f"{title} (claim {quoted(name)})" if title else f"the claim {quoted(name)}"
        if name not in case.claims:
            return lacking(case, claim, hint, called, others)
        if isinstance(value, str):
            return [Broken(f"{called} is empty", hint)]
        return [Broken(f"{called} must be {wanted}, not {kind(value)}", hint)]

    return facts.telling(check, facts.claim(claim, title))


def _typed(claim: str, required: bool, hint: str, wanted: str, is_right: Callable[[object], bool]) -> Check:
    @reading(claim)
    def check(case: Case) -> Iterable[Problem]:
        name = case.name(claim)
        if name not in case.claims:
            return lacking(case, claim, hint) if required else ()
        value = case.claims[name]
        if is_right(value):
            return ()
        return [Broken(f"the claim {quoted(name)} must be {wanted}, not {kind(value)}", hint)]

    return facts.telling(check, facts.claim(claim))


def _elements(claim: str) -> Check:
    """Check that what is in the array *claim* is strings that are not empty."""

    @reading(claim)
    def check(case: Case) -> Iterable[Problem]:
        name = case.name(claim)
        for value in case.claims.get(name, ()):
            if not is_string(value):
                found = "an empty string" if isinstance(value, str) else kind(value)
                return [Broken(f"the claim {quoted(name)} must be an array of strings, and {found} is in it")]
        return ()

    return check
