"""The ready-made checks, on claims of every type; and the rules of the registered key."""

from collections.abc import Mapping
from typing import Any

import pytest

from qsjwt.api import Broken, Case, Check, Missing, Problem, Rule, Unknown, checks, registered_key, shown
from qsjwt.tokens.rules import Status
from qsjwt.tokens.wording import kind

NOW = 1_800_000_000.0


def _case(claims: Mapping[str, Any], names: Mapping[str, str] | None = None) -> Case:
    return Case({"alg": "RS256"}, claims, NOW, "Acme", names or {})


def _messages(check: Check, claims: Mapping[str, Any]) -> list[str]:
    return [problem.message for problem in check(_case(claims))]


@pytest.mark.parametrize(
    ("check", "right", "wrong"),
    [
        (checks.string("c"), ["x", " x "], [None, 7, True, "", " ", ["x"], {}]),
        (checks.boolean("c"), [True, False], [None, 1, 0, "true", [], {}]),
        (checks.strings("c"), [[], ["x"], ["x", "y"]], [None, "x", [""], ["x", 7], [None], {}]),
        (checks.string_or_strings("c"), ["x", [], ["x"]], [None, 7, "", [""], [7], {}]),
        (checks.exactly("c", "user"), ["user"], [None, "User", ["user"], 7, {}]),
        (checks.one_of("c", [1, "one", True]), [1, "one", True], [None, 0, False, "1", [1]]),
        (checks.exactly("c", True), [True], [1, 1.0, "true"]),
        (checks.time("c"), [0, NOW, 10.0], [None, True, "7", 0.5, NOW * 1000, []]),
        (checks.time("c", whole=False), [0.5], ["0.5"]),
        (checks.time("c", past=True), [NOW, NOW - 1], [NOW + 1]),
    ],
)
def test_a_claim_has_the_type_and_the_value_that_are_required(check: Check, right: list[Any], wrong: list[Any]) -> None:
    for value in right:
        assert _messages(check, {"c": value}) == [], value
    for value in wrong:
        assert [type(problem) for problem in check(_case({"c": value}))] == [Broken], value
    assert [type(problem) for problem in check(_case({}))] == [Missing]


@pytest.mark.parametrize("make", [checks.string, checks.boolean, checks.strings, checks.string_or_strings, checks.time])
def test_an_optional_claim_may_be_missing(make: Any) -> None:
    assert [*make("c", required=False)(_case({}))] == []


def test_a_message_says_what_must_be_and_what_is() -> None:
    assert _messages(checks.string("sub"), {"sub": 7}) == ["the claim 'sub' must be a string, not a number"]
    assert _messages(checks.one_of("role", ["a", "b", 7]), {"role": None}) == [
        "the claim 'role' must be 'a', 'b' or 7, not null"
    ]
    assert _messages(checks.absent("nbf"), {"nbf": 1}) == ["the token has the claim 'nbf', which Acme does not allow"]
    assert _messages(checks.string("sub"), {}) == ["the claim 'sub' is missing, and Acme requires it"]
    assert _messages(checks.string("user_id"), {"userId": "x"}) == [
        "the claim is called 'userId', but Acme reads 'user_id'"
    ]


def test_a_renamed_claim_is_looked_for_under_its_name_and_the_hint_says_how_to_rename() -> None:
    names = {"user": "uid"}
    assert [*checks.string("user")(_case({"uid": "anna"}, names))] == []
    (problem,) = checks.string("user")(_case({"user": "anna"}, names))
    assert (problem.message, "--user-claim" in problem.hint) == (
        "the claim 'uid' is missing, and Acme requires it",
        True,
    )


def test_an_optional_claim_under_a_similar_name_is_broken_and_one_that_is_there_is_not() -> None:
    check = checks.spelled("groups", "group")
    for name in ("Groups", "group", "GROUP"):
        assert "but Acme reads 'groups'" in _messages(check, {name: []})[0]
    assert _messages(check, {"groups": [], "group": []}) == []
    assert _messages(check, {"roles": []}) == []


def test_checks_in_turn_stop_at_the_first_problem() -> None:
    def fail(_case: Case) -> list[Problem]:
        raise AssertionError

    assert len(_messages(checks.in_turn(checks.string("a"), fail), {})) == 1


def test_what_is_known_of_an_issue_in_the_future_is_nothing() -> None:
    assert [type(problem) for problem in checks.time("iat")(_case({"iat": NOW + 1}))] == [Unknown]


@pytest.mark.parametrize("longest", [60, 90])
def test_the_window_is_said_as_an_option_that_can_be_typed(longest: int) -> None:
    check = checks.window("nbf", longest)
    assert _messages(check, {"nbf": NOW, "exp": NOW + longest}) == []
    (problem,) = check(_case({"nbf": NOW, "exp": NOW + longest + 1}))
    assert {60: "--expires 1m", 90: "--expires 90s"}[longest] in problem.hint


def test_a_problem_becomes_a_finding_with_the_response_that_is_known() -> None:
    rule = Rule("sub", "there is a sub", "the handbook", checks.string("sub"), "401", "400")
    assert rule.finding(Broken("x")).response == "401"
    assert rule.finding(Missing("x")).response == "400"
    assert rule.finding(Broken("x", response="", source="elsewhere")).response == ""
    assert rule.finding(Broken("x", source="elsewhere")).source == "elsewhere"
    assert (rule.finding(Unknown("x")).status, rule.finding(Unknown("x")).response) == (Status.UNKNOWN, "")


@pytest.mark.parametrize(
    ("algorithms", "kinds"),
    [
        (("RS256", "PS512"), "an RSA key of 2048 bits or more"),
        (("ES512",), "an EC key on P-521"),
        (("ES384", "RS256"), "an RSA key of 2048 bits or more or an EC key on P-384"),
    ],
)
def test_the_rule_of_the_key_follows_from_the_algorithms(algorithms: tuple[str, ...], kinds: str) -> None:
    signature, key = registered_key(algorithms, "the handbook", "401")
    assert (signature.response, key.response) == ("401", "")
    assert key.requirement == f"the key is {kinds}"
    assert [rule.name for rule in registered_key(algorithms, certificate="here")] == ["signature", "key", "certificate"]


def test_a_value_is_named_and_shown_in_the_words_of_json() -> None:
    values = [None, True, 7, 1.5, "x", ["x"], {"a": 1}]
    assert list(map(kind, values)) == [
        *("null", "a boolean", "a number", "a number", "a string", "an array", "an object")
    ]
    assert list(map(shown, values)) == ["null", "true", "7", "1.5", "'x'", "'[\"x\"]'", "'{\"a\": 1}'"]
