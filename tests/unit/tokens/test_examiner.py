"""Rules that are held against one token after another: none is left out that could find something."""

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import pytest

from qsjwt.api import Broken, Case, Check, Platform, Problem, Rule, checks
from qsjwt.tokens.examiner import Examiner
from qsjwt.tokens.platform import PLATFORMS
from qsjwt.tokens.rules import read_claims

NOW = 1_800_000_000
HEADER = {"alg": "RS256", "typ": "JWT", "kid": "k"}
PLATFORM_NAMES = ("nprinting", "qscloud", "qseow")

TIMES = {"iat": NOW - 30, "nbf": NOW - 30, "exp": NOW + 600}
RIGHT: Mapping[str, Any] = {
    "nprinting": {"email": "anna@example.com", **TIMES},
    "qscloud": {
        **{"iss": "i", "aud": "qlik.api/login/jwt-session", "sub": "s", "subType": "user", "jti": "j", "name": "A"},
        **{"email": "a@example.com", "email_verified": True, "groups": ["a"], **TIMES},
    },
    "qseow": {"userId": "anna", "userDirectory": "LAB", "name": "A", "group": ["a"], "aud": "x", **TIMES},
}
ODD: Final[Sequence[Any]] = (
    True,
    False,
    1,
    1.0,
    0,
    "",
    " ",
    "true",
    [],
    [""],
    ["a"],
    {},
    None,
    "LAB\\anna",
    NOW + 9,
    NOW - 9,
    10**30,
    "x" * 9000,
)


def _case(claims: Mapping[str, Any], names: Mapping[str, str], **more: Any) -> Case:
    return Case(HEADER, claims, NOW, "Acme", names, **more)


def _rule(check: Check, name: str = "user") -> Rule:
    return Rule(name, "it is right", "a page", check)


class Counted:
    """A check that counts how often it is asked."""

    def __init__(self, *claims: str, declares: bool = True) -> None:
        self.asked = 0

        def check(case: Case) -> Iterable[Problem]:
            self.asked += 1
            return [Broken("wrong")] if case.claims.get("user") == "wrong" else ()

        self.check: Check = checks.reading(*claims)(check) if declares else check


def _asked(counted: Counted, *tokens: Mapping[str, Any]) -> list[int]:
    examiner, asked = Examiner([_rule(counted.check)]), []
    names: Mapping[str, str] = {}
    for claims in tokens:
        examiner.findings(_case(claims, names))
        asked.append(counted.asked)
    return asked


def test_a_check_that_says_nothing_of_what_it_looks_at_is_asked_of_each_token() -> None:
    assert _asked(Counted(declares=False), {"user": "a"}, {"user": "a"}, {"user": "a"}) == [1, 2, 3]


def test_a_check_is_asked_again_if_what_it_looks_at_is_another() -> None:
    tokens = ({"user": "a", "n": 1}, {"user": "a", "n": 2}, {"user": "b", "n": 1}, {"n": 1}, {"user": "a", "n": 3})
    assert _asked(Counted("user"), *tokens) == [1, 1, 2, 3, 3]


def test_a_check_that_found_something_is_asked_again() -> None:
    assert _asked(Counted("user"), {"user": "wrong"}, {"user": "wrong"}) == [1, 2]


@pytest.mark.parametrize(
    ("first", "second"), [(1, True), (1, 1.0), (0, False), ([1], [True]), ([["a"]], [["a"]]), ({}, {})]
)
def test_values_that_are_equal_need_not_be_the_same(first: object, second: object) -> None:
    assert _asked(Counted("user"), {"user": first}, {"user": second}) == [1, 2]


def test_the_same_strings_in_another_array_are_the_same() -> None:
    tokens = ({"user": ["a", "b"]}, {"user": ["a", "b"]}, {"user": ["b", "a"]}, {"user": ("a", "b")})
    assert _asked(Counted("user"), *tokens) == [1, 1, 2, 3]


def test_whoever_adds_to_an_array_that_they_got_lets_no_other_through() -> None:
    counted, names, groups = Counted("user"), dict[str, str](), ["a"]
    examiner = Examiner([_rule(counted.check)])
    examiner.findings(_case({"user": groups}, names))
    groups.append("b")
    examiner.findings(_case({"user": ["a", "b"]}, names))
    assert counted.asked == 2


def test_whoever_changes_a_token_that_they_got_lets_no_other_through() -> None:
    counted, names, claims = Counted("user"), dict[str, str](), {"user": "a"}
    examiner = Examiner([_rule(counted.check)])
    examiner.findings(_case(claims, names))
    claims["user"] = "wrong"
    assert [finding.message for finding in examiner.findings(_case({"user": "wrong"}, names))] == ["wrong"]


def test_another_time_header_or_name_is_another_case() -> None:
    counted, names = Counted("user"), dict[str, str]()
    examiner = Examiner([_rule(counted.check)])
    examiner.findings(_case({"user": "a"}, names))
    examiner.findings(_case({"user": "a"}, names))
    assert counted.asked == 1
    examiner.findings(Case({**HEADER}, {"user": "a"}, NOW, "Acme", names))
    examiner.findings(Case(HEADER, {"user": "a"}, NOW + 1, "Acme", names))
    examiner.findings(_case({"user": "a"}, {"user": "n"}))
    assert counted.asked == 4


def _odd_tokens(platform: Platform, right: Mapping[str, Any], chance: random.Random) -> Iterator[dict[str, Any]]:
    names = [*right, *platform.claim_names, "userID", "Group", "jti", "iss"]
    claims = dict(right)
    for _ in range(400):
        yield claims
        claims = dict(claims) if chance.random() < 0.7 else dict(right)
        name = chance.choice(names)
        if chance.random() < 0.2:
            claims.pop(name, None)
        else:
            claims[name] = chance.choice(ODD)


@pytest.mark.parametrize("name", PLATFORM_NAMES)
def test_a_row_of_tokens_is_judged_as_each_by_itself(name: str) -> None:
    platform = PLATFORMS.create(name)
    examiner, chance = Examiner(platform.rules), random.Random(name)  # noqa: S311 - tokens, no secrets
    found = 0
    for claims in _odd_tokens(platform, RIGHT[name], chance):
        case = _case(claims, platform.claim_names)
        alone = Examiner(platform.rules).findings(case)
        assert examiner.findings(case) == alone
        found += bool(alone)
    assert 0 < found < 400


class _Watched(dict[str, Any]):
    """Claims that remember whose values were looked at."""

    def __init__(self, claims: Mapping[str, Any]) -> None:
        super().__init__(claims)
        self.seen: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.seen.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        if name in self:
            self.seen.add(name)
        return super().get(name, default)

    def values(self) -> Any:
        self.seen |= {"all of them"}
        return super().values()

    def items(self) -> Any:
        self.seen |= {"all of them"}
        return super().items()


@pytest.mark.parametrize("name", PLATFORM_NAMES)
def test_a_check_that_finds_nothing_has_looked_at_nothing_but_what_it_says(name: str) -> None:
    platform, chance = PLATFORMS.create(name), random.Random(name)  # noqa: S311 - tokens, no secrets
    declared = {rule.name: read for rule in platform.rules if (read := read_claims(rule.check)) is not None}
    assert len(declared) >= len(platform.rules) - 1
    for claims in _odd_tokens(platform, RIGHT[name], chance):
        for rule in platform.rules:
            watched = _Watched(claims)
            case = _case(watched, platform.claim_names)
            if not list(rule.check(case)) and rule.name in declared:
                assert watched.seen <= {case.name(claim) for claim in declared[rule.name]}, rule.name
