"""The rules of the platforms, on tokens that other tools made and on tokens that break one rule each."""

import argparse
from typing import Any

import pytest

from qsjwt import jwt
from qsjwt.api import Platform, Severity, Token
from qsjwt_platforms.qscloud import AUDIENCE, Qscloud
from qsjwt_platforms.qseow import Qseow
from tests.conftest import VECTORS

NOW = 1_795_461_180

SENSE: dict[str, Any] = {"userId": "anna", "userDirectory": "LAB", "exp": NOW + 60}
CLOUD: dict[str, Any] = {
    "iss": "i",
    "aud": AUDIENCE,
    "sub": "s",
    "subType": "user",
    "name": "Anna",
    "email": "a@b.c",
    "email_verified": True,
    "groups": ["g"],
    "jti": "j",
    "iat": NOW,
    "nbf": NOW,
    "exp": NOW + 3600,
}


def _rules(platform: Platform, token: Token, severity: Severity = Severity.BROKEN) -> list[str]:
    return [finding.rule for finding in platform.check(token, NOW) if finding.severity is severity]


@pytest.mark.parametrize(
    ("vector", "broken", "doubtful"),
    [
        ("qseow-365d", [], []),
        ("qseow-minimal-60m", [], []),
        ("qseow-expires-120", ["exp"], []),
        ("qscloud-365d-groups", ["window", "email_verified", "groups"], []),
        ("qscloud-minimal-60m", [], ["name", "email"]),
        ("qscloud-banana-60m", ["email_verified"], []),
    ],
)
def test_the_tokens_of_qs_jwt_break_the_rules_that_they_are_known_for(
    vector: str, broken: list[str], doubtful: list[str]
) -> None:
    token = jwt.decode((VECTORS / f"{vector}.jwt").read_text(encoding="ascii"))
    platform: Platform = Qseow() if vector.startswith("qseow") else Qscloud()
    assert _rules(platform, token) == broken
    assert _rules(platform, token, Severity.DOUBTFUL) == doubtful


@pytest.mark.parametrize(
    ("header", "claims", "rule"),
    [
        ({"alg": "ES256"}, {}, "algorithm"),
        ({}, {}, "algorithm"),
        ({"alg": "RS256"}, {"exp": NOW}, "exp"),
        ({"alg": "RS256"}, {"userId": None}, "user-id"),
        ({"alg": "RS256"}, {"userId": 7}, "user-id"),
        ({"alg": "RS256"}, {"userDirectory": "a\\b"}, "user-directory"),
        ({"alg": "RS256"}, {"name": 7}, "username"),
        ({"alg": "RS256"}, {"email": ""}, "useremail"),
        ({"alg": "RS256"}, {"group": ["a", 7]}, "groups"),
        ({"alg": "RS256"}, {"group": 7}, "groups"),
        ({"alg": "RS256"}, {"aud": 7}, "aud"),
        ({"alg": "RS256"}, {"iss": ""}, "iss"),
    ],
)
def test_a_token_that_breaks_one_rule_of_qlik_sense_breaks_no_other(
    header: dict[str, Any], claims: dict[str, Any], rule: str
) -> None:
    assert _rules(Qseow(), Token(header, {**SENSE, **claims})) == [rule]


def test_one_group_may_be_a_plain_text_in_qlik_sense() -> None:
    assert _rules(Qseow(), Token({"alg": "RS512"}, {**SENSE, "group": "a"})) == []


def test_a_token_without_user_is_found_out_by_the_names_of_the_proxy() -> None:
    token = Token({"alg": "RS256"}, SENSE, {"userid": "uid", "userdir": "userDirectory"})
    assert _rules(Qseow(), token) == ["user-id"]


GOOD = {"alg": "RS256", "kid": "k"}


@pytest.mark.parametrize(
    ("header", "claims", "rule"),
    [
        ({"alg": "RS512", "kid": "k"}, {}, "algorithm"),
        ({"alg": "RS256"}, {}, "kid"),
        ({"alg": "RS256", "kid": 7}, {}, "kid"),
        (GOOD, {"iss": None}, "iss"),
        (GOOD, {"sub": ""}, "sub"),
        (GOOD, {"jti": None}, "jti"),
        (GOOD, {"aud": "qlik.api"}, "aud"),
        (GOOD, {"aud": [AUDIENCE]}, "aud"),
        (GOOD, {"subType": "User"}, "subType"),
        (GOOD, {"iat": "now"}, "iat"),
        (GOOD, {"nbf": None}, "nbf"),
        (GOOD, {"exp": None}, "exp"),
        (GOOD, {"exp": True}, "exp"),
        (GOOD, {"nbf": NOW - 7200, "exp": NOW - 3600}, "exp"),
        (GOOD, {"exp": NOW + 3601}, "window"),
        (GOOD, {"name": 7}, "name"),
        (GOOD, {"email": ""}, "email"),
        (GOOD, {"email_verified": "true"}, "email_verified"),
        (GOOD, {"email_verified": 1}, "email_verified"),
        (GOOD, {"groups": "g"}, "groups"),
        (GOOD, {"groups": ["g", 7]}, "groups"),
        (GOOD, {"group": ["g"]}, "groups"),
    ],
)
def test_a_token_that_breaks_one_rule_of_qlik_cloud_breaks_no_other(
    header: dict[str, Any], claims: dict[str, Any], rule: str
) -> None:
    assert _rules(Qscloud(), Token(header, {**CLOUD, **claims})) == [rule]


def test_a_number_as_jti_is_taken_as_in_qliks_own_sample() -> None:
    assert _rules(Qscloud(), Token(GOOD, {**CLOUD, "jti": 7})) == []


def test_an_address_without_its_verification_is_doubtful() -> None:
    claims = {name: value for name, value in CLOUD.items() if name != "email_verified"}
    assert _rules(Qscloud(), Token(GOOD, claims), Severity.DOUBTFUL) == ["email_verified"]


@pytest.mark.parametrize("platform", [Qseow(), Qscloud()])
def test_every_finding_names_its_source(platform: Platform) -> None:
    findings = list(platform.check(Token({}, {"group": 7, "groups": 7, "name": 7, "email": 7}), NOW))
    assert len(findings) > 5
    assert all(finding.source for finding in findings)


def test_a_platform_keeps_no_state() -> None:
    parser = argparse.ArgumentParser()
    platform = Qseow()
    platform.add_options(parser)
    options = parser.parse_args(["--userdir", "D", "--userid", "u"])
    options.expires, options.clock_skew = 60, 0
    assert platform.build(options, NOW) == platform.build(options, NOW)
    assert vars(platform) == {}
