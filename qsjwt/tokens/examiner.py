"""Hold a platform's rules against one token after another: a rule runs again where what it depends on is another."""

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from qsjwt.tokens.rules import Case, Finding, Rule, read_claims

MAX_KINDS: Final = 64
"""Of tokens, by the names of their claims, and of differences between two of one kind, that are remembered."""

_PLAIN: Final = (str, int, bool, float)


class Examiner:
    """Holds *rules* against the tokens of a batch, which are much alike; it may be used from several threads at once.

    A check is a function of its case and of nothing else. So a rule that found nothing in an earlier token finds
    nothing in the next if all is the same on which that depends, as its check says with
    :func:`qsjwt.tokens.checks.reading`. The rule of a check that does not say so runs for each token.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = tuple(rules)
        self._earlier: dict[tuple[str, ...], _Earlier] = {}

    def findings(self, case: Case) -> list[Finding]:
        """Return what the rules find in the token of *case*: those that it breaks, and those that are unknown."""
        kind = tuple(case.claims)
        earlier = self._earlier.get(kind)
        if earlier is not None and earlier.is_like(case):
            return _found(earlier.due(case), case)
        findings = _found(self._rules, case)
        if len(self._earlier) >= MAX_KINDS:
            self._earlier.clear()
        loud = {finding.rule for finding in findings}
        # Whoever gets the token may change its claims.
        own = case._replace(
            claims={name: [*value] if type(value) is list else value for name, value in case.claims.items()}
        )
        self._earlier[kind] = _Earlier(own, [_Reading(rule, loud, own) for rule in self._rules], {})
        return findings


class _Reading:
    """The claims, by their names in a token, on which it depends whether *rule* finds something; None for all."""

    def __init__(self, rule: Rule, loud: Collection[str], case: Case) -> None:
        claims = read_claims(rule.check)
        self.rule = rule
        self._names = None if claims is None or rule.name in loud else frozenset(map(case.name, claims))

    def depends_on(self, names: Collection[str]) -> bool:
        return self._names is None or not self._names.isdisjoint(names)


class _Earlier(NamedTuple):
    """A token that all rules were held against."""

    case: Case
    readings: Sequence[_Reading]
    known: dict[tuple[str, ...], list[Rule]]

    def is_like(self, case: Case) -> bool:
        """Tell whether *case*, whose claims have the same names, is the same beside the values of its claims."""
        own = self.case
        return (
            case.now == own.now
            and case.names is own.names
            and case.header is own.header
            and case.product is own.product
            and case.registered is own.registered
            and not (case.compact or own.compact)
        )

    def due(self, case: Case) -> list[Rule]:
        """Return the rules that may find in *case* what they did not find in this one."""
        own = self.case.claims
        differing = tuple([name for name, value in case.claims.items() if not _is_same(value, own[name])])
        rules = self.known.get(differing)
        if rules is None:
            rules = [reading.rule for reading in self.readings if reading.depends_on(differing)]
            if len(self.known) < MAX_KINDS:
                self.known[differing] = rules
        return rules


def _is_same(value: object, earlier: object) -> bool:
    """Tell whether no check can tell *value* from *earlier*: True is 1, and 1.0 is too."""
    kind = type(value)
    if kind is not type(earlier) or value != earlier:
        return False
    return kind in _PLAIN or (kind is list and all([type(each) is str for each in (*value, *earlier)]))  # type: ignore[misc]


def _found(rules: Sequence[Rule], case: Case) -> list[Finding]:
    return [rule.finding(problem) for rule in rules for problem in rule.check(case)]
