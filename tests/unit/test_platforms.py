"""The rules of the platforms, where the command line does not show them."""

from typing import Any

import pytest

from qsjwt.api import InputError, Platform, Token
from qsjwt.options.parser import Parser
from qsjwt.options.request import RequestOptions
from qsjwt.tokens import jwt
from qsjwt.tokens.platform import examine
from qsjwt.tokens.request import Options, TokenRequest
from qsjwt.tokens.rules import Status
from qsjwt.tokens.wording import either
from qsjwt_platforms.nprinting import Nprinting
from qsjwt_platforms.qscloud import Qscloud
from qsjwt_platforms.qscloud_oauth import QscloudOauth
from qsjwt_platforms.qseow import Qseow
from tests.conftest import VECTORS

NOW = 1_795_461_180
PLATFORMS: list[Platform] = [Nprinting(), Qscloud(), QscloudOauth(), Qseow()]


def _rules(platform: Platform, token: Token, status: Status) -> list[str]:
    return [finding.rule for finding in examine(platform, token, NOW) if finding.status is status]


@pytest.mark.parametrize(
    ("vector", "broken", "unknown"),
    [
        ("qseow-365d", [], []),
        ("qseow-minimal-60m", [], []),
        ("qseow-expires-120", ["exp"], []),
        ("qscloud-365d-groups", ["email_verified", "groups", "window"], []),
        ("qscloud-minimal-60m", [], ["name", "email"]),
        ("qscloud-banana-60m", ["email_verified"], []),
    ],
)
def test_the_tokens_of_qs_jwt_break_the_rules_that_they_are_known_for(
    vector: str, broken: list[str], unknown: list[str]
) -> None:
    token = jwt.decode((VECTORS / f"{vector}.jwt").read_text(encoding="ascii").strip())
    platform: Platform = Qseow() if vector.startswith("qseow") else Qscloud()
    assert _rules(platform, token, Status.BROKEN) == broken
    assert _rules(platform, token, Status.UNKNOWN) == unknown


STRANGE: list[Any] = [None, True, 0, -1, 1.5, 10**300, "", " ", "x", [], [None], {}, {"a": 1}]


@pytest.mark.parametrize("value", STRANGE, ids=repr)
@pytest.mark.parametrize("platform", PLATFORMS, ids=lambda platform: type(platform).__name__)
def test_no_value_of_a_claim_is_too_strange_to_be_judged(platform: Platform, value: Any) -> None:
    """Each finding is of a rule that the platform declares, says a sentence, and names its source."""
    names = ("iss", "sub", "aud", "exp", "nbf", "iat", "jti", "subType", "name", "email", "email_verified")
    more = ("group", "groups", "userId", "userDirectory", "domain", "Name", "KID")
    findings = examine(platform, Token({"kid": value, "alg": value}, dict.fromkeys((*names, *more), value)), NOW)
    assert findings
    declared = {rule.name for rule in platform.rules}
    for finding in findings:
        assert finding.rule in declared
        assert finding.source
        assert finding.message
        assert not finding.message.endswith(".")


@pytest.mark.parametrize("platform", PLATFORMS, ids=lambda platform: type(platform).__name__)
def test_every_rule_has_a_name_of_its_own_a_requirement_and_a_source(platform: Platform) -> None:
    names = [rule.name for rule in platform.rules]
    assert len(set(names)) == len(names)
    assert {"algorithm", "exp", "signature", "key"} <= set(names)
    assert all(rule.requirement and rule.source for rule in platform.rules)


@pytest.mark.parametrize("platform", PLATFORMS, ids=lambda platform: type(platform).__name__)
def test_the_rule_of_the_algorithm_names_those_that_are_accepted(platform: Platform) -> None:
    (rule,) = [rule for rule in platform.rules if rule.name == "algorithm"]
    assert rule.requirement == f"the algorithm is {either(platform.algorithms)}"


def test_a_platform_keeps_no_state() -> None:
    platform, parser = Qseow(), Parser("qsjwt create-qseow", "")
    known = RequestOptions(parser, platform)
    known.add_key_id(parser.group("key"))
    request = known.request(parser.parse_args(["--userdir", "D", "--userid", "u", "--expires", "1m"]), {})
    assert platform.build(request, NOW) == platform.build(request, NOW)
    assert vars(platform) == {}


def test_a_token_without_user_is_found_out_by_the_names_of_the_proxy() -> None:
    claims = {"userId": "anna", "userDirectory": "LAB", "exp": NOW + 60}
    names = {**Qseow.claim_names, "userid": "uid"}
    findings = examine(Qseow(), Token({"alg": "RS256"}, claims), NOW, names)
    assert [finding.rule for finding in findings] == ["user-id"]


def test_a_platform_that_does_not_know_what_to_register_says_so() -> None:
    class Acme(Qseow):
        registration = Platform.registration

    with pytest.raises(InputError, match="not known here"):
        Acme().registration(TokenRequest(Options({})), None)  # type: ignore[arg-type]
