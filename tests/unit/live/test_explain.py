"""Why a server says no: every row that is known, and how a check of the token ranks them."""

import json
from collections.abc import Iterator

import pytest

from qsjwt.live.exchange import Explanation
from qsjwt.live.explain import EVERYWHERE, explain, words
from qsjwt.live.messages import Response
from qsjwt.tokens.create import load_platform
from qsjwt.tokens.rules import Finding, Status


def rows() -> Iterator[tuple[str, Explanation]]:
    for name in ("qseow", "qscloud", "qscloud-oauth"):
        for row in load_platform(name).explanations():
            yield name, row


def answer(row: Explanation) -> Response:
    """Return an answer that the row is about, as a server would give it."""
    status = row.status or 400
    if row.code:
        body = json.dumps({"errors": [{"code": row.code, "title": "some title"}], "traceId": "1"})
        return Response(status, [("Content-Type", "application/json")], body.encode())
    return Response(status, [("Content-Type", "text/html")], f"<p>{row.text.upper()}</p>".encode())


@pytest.mark.parametrize(
    ("platform", "row"), [pytest.param(*each, id=f"{each[0]}-{each[1].reason}") for each in rows()]
)
def test_every_row_explains_its_answer(platform: str, row: Explanation) -> None:
    known = load_platform(platform).explanations()
    others = [Finding(rule, "", status=Status.OK) for one in known for rule in one.rules if rule not in row.rules]
    verdict = explain(answer(row), known, others, f"{row.path}users/me")
    reasons = [cause.reason for cause in verdict.causes]
    assert row.reason in reasons
    if row.is_specific:
        assert reasons[0] == row.reason
        assert verdict.token is row.token
    cause = verdict.causes[reasons.index(row.reason)]
    assert (cause.hint, cause.source) == (row.hint, row.source)


@pytest.mark.parametrize(("platform", "row"), [each for each in rows() if each[1].rules])
def test_a_rule_that_is_broken_comes_first_and_says_it_instead(platform: str, row: Explanation) -> None:
    broken = Finding(row.rules[0], "the rule is broken", "mend it")
    causes = explain(answer(row), load_platform(platform).explanations(), [broken]).causes
    assert (causes[0].reason, causes[0].hint, causes[0].rule) == ("the rule is broken", "mend it", row.rules[0])
    assert row.reason not in [cause.reason for cause in causes]


@pytest.mark.parametrize(("platform", "row"), [each for each in rows() if each[1].rules and not each[1].is_specific])
def test_rules_that_are_kept_make_it_the_least_likely(platform: str, row: Explanation) -> None:
    kept = [Finding(rule, "", status=Status.OK) for rule in row.rules]
    causes = explain(answer(row), load_platform(platform).explanations(), kept).causes
    assert causes[-1].reason == row.reason


@pytest.mark.parametrize("row", EVERYWHERE)
def test_what_every_server_says_is_known_for_a_platform_that_says_nothing(row: Explanation) -> None:
    verdict = explain(Response(row.status), (), [Finding("exp", "the token has expired")])
    assert [cause.reason for cause in verdict.causes] == [row.reason]
    assert not verdict.token


@pytest.mark.parametrize(("status", "token"), [(400, True), (401, True), (403, True), (418, False), (599, False)])
def test_an_answer_that_nobody_knows_is_said_to_be_one(status: int, token: bool) -> None:
    verdict = explain(Response(status), (), ())
    assert verdict.token is token
    assert f"the status {status}" in verdict.causes[0].reason


@pytest.mark.parametrize(
    ("kind", "body", "said"),
    [
        ("application/json", '{"errors": [{"code": "C-1", "title": "T", "detail": "D"}]}', "C-1 T D"),
        ("application/json", '{"errors": [{"code": 1}, 2], "x": 3}', "1"),
        ("application/json", '{"errors": "none"}', ""),
        ("application/json", '{"error": "invalid_client", "error_description": "who?"}', "invalid_client who?"),
        ("text/plain", "XSRF prevention\n  check failed.", "XSRF prevention check failed."),
        ("text/html", "<html>88 kB of it</html>", ""),
    ],
)
def test_the_servers_own_words_are_found(kind: str, body: str, said: str) -> None:
    assert words(Response(400, [("content-type", kind)], body.encode())) == said
