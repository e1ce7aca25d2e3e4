"""create-qscloud: a token for Qlik Cloud."""

import time
from types import SimpleNamespace
from typing import Any

import jwt as pyjwt
import pytest

from qsjwt.times import format_duration
from qsjwt_platforms.qscloud import WINDOW
from tests.cli.test_create_qseow import claims_of
from tests.conftest import Run


def test_the_token_holds_what_qlik_cloud_wants_in_the_types_it_wants(qscloud: Run, keys: SimpleNamespace) -> None:
    before = int(time.time())
    result = qscloud("--groups", "Sales", "Ö st")
    claims = pyjwt.decode(result.token, keys.rsa.public_key(), ["RS256"], audience="qlik.api/login/jwt-session")
    assert pyjwt.get_unverified_header(result.token) == {"alg": "RS256", "typ": "JWT", "kid": "k1"}
    assert claims["exp"] - claims["nbf"] == 330
    assert claims["iat"] == claims["nbf"]
    assert before - 30 <= claims["nbf"] <= time.time() - 30
    assert len(claims.pop("jti")) == 24
    for name in ("iat", "nbf", "exp"):
        del claims[name]
    assert claims == {
        "iss": "https://idp",
        "aud": "qlik.api/login/jwt-session",
        "sub": "anna",
        "subType": "user",
        "name": "Anna",
        "email": "anna@example.com",
        "email_verified": True,
        "groups": ["Sales", "Ö st"],
    }
    assert result.stderr == ""


def test_every_token_has_another_jti(qscloud: Run) -> None:
    assert len({claims_of(qscloud())["jti"] for _ in range(5)}) == 5


def test_an_unverified_address_is_false_and_no_string(qscloud: Run) -> None:
    assert claims_of(qscloud("--useremail-verified", "false"))["email_verified"] is False


@pytest.mark.parametrize("value", ["banana", "yes", "1", ""])
def test_a_verification_that_is_no_boolean_is_refused(qscloud: Run, value: str) -> None:
    qscloud("--useremail-verified", value).refused(2, "--useremail-verified", "true, false")


@pytest.mark.parametrize("value", ["True", "TRUE", "true\r"])
def test_a_boolean_may_be_as_other_programs_write_it(qscloud: Run, value: str) -> None:
    assert claims_of(qscloud("--useremail-verified", value))["email_verified"] is True


def test_the_address_and_its_verification_go_together(run: Run, keys: SimpleNamespace) -> None:
    base = ("create-qscloud", "--issuer", "i", "--keyid", "k", "--expires", "5m", "--key", keys.files["rsa"])
    run(*base, "--useremail", "a@b.c").refused(2, "--useremail", "--useremail-verified", "together")
    run(*base, "--useremail-verified", "true").refused(2, "together")


@pytest.mark.parametrize("expires", [f"{WINDOW + 1}s", f"{WINDOW + 60}s", "48h", "365d"])
def test_more_than_the_window_is_refused_by_its_rule(qscloud: Run, expires: str) -> None:
    refused = qscloud("--expires", expires)
    refused.refused(2, format_duration(WINDOW), "between nbf and exp", f"--expires {WINDOW // 60}m or less")
    assert claims_of(qscloud("--expires", expires, "--no-check"))["email_verified"] is True


@pytest.mark.parametrize(
    ("expires", "skew", "window", "lifetime"),
    [
        (WINDOW, None, WINDOW, WINDOW - 30),
        (WINDOW, "0s", WINDOW, WINDOW),
        (WINDOW - 60, None, WINDOW - 30, WINDOW - 60),
        (30, None, 60, 30),
    ],
)
def test_the_clock_skew_counts_into_the_window_and_the_end_is_cut(
    qscloud: Run, expires: int, skew: str | None, window: int, lifetime: int
) -> None:
    result = qscloud("--expires", f"{expires}s", *(("--clock-skew", skew) if skew else ()))
    claims = claims_of(result)
    assert claims["exp"] - claims["nbf"] == window
    assert abs(claims["exp"] - time.time() - lifetime) <= 2
    assert result.stderr == ""


def test_a_large_skew_that_cuts_the_lifetime_is_told(qscloud: Run) -> None:
    result = qscloud("--expires", f"{WINDOW}s", "--clock-skew", "10m")
    assert claims_of(result)["exp"] - claims_of(result)["nbf"] == WINDOW
    assert f"valid for {format_duration(WINDOW - 600)} from now on" in result.stderr


def test_a_skew_that_would_leave_nothing_is_refused(qscloud: Run) -> None:
    qscloud("--clock-skew", f"{WINDOW}s").refused(2, "between nbf and exp", "--clock-skew")


def test_an_error_stands_alone_without_the_warnings_that_a_token_would_have(run: Run, keys: SimpleNamespace) -> None:
    base = ("create-qscloud", "--issuer", "i", "--keyid", "k", "--key", keys.files["rsa"])
    assert "warning" not in run(*base, "--expires", f"{WINDOW + 60}s").stderr


def test_a_random_subject_is_told_unless_the_address_is_verified(run: Run, keys: SimpleNamespace) -> None:
    base = ("create-qscloud", "--issuer", "i", "--keyid", "k", "--expires", "5m", "--key", keys.files["rsa"])
    quiet = run(*base, "--username", "A", "--useremail", "a@b.c", "--useremail-verified", "true")
    assert quiet.stderr == ""
    loud = run(*base, "--username", "A", "--useremail", "a@b.c", "--useremail-verified", "false")
    assert "each token creates another user" in loud.stderr
    assert claims_of(quiet)["sub"] != claims_of(loud)["sub"]


def test_a_token_without_name_or_address_is_signed_with_a_warning(run: Run, keys: SimpleNamespace) -> None:
    result = run(
        *("create-qscloud", "--issuer", "i", "--keyid", "k", "--subject", "s", "--expires", "5m"),
        *("--key", keys.files["rsa"]),
    )
    assert not {"name", "email", "email_verified", "groups"} & set(claims_of(result))
    assert [line.split(",")[0] for line in result.stderr.splitlines()] == [
        "qsjwt: warning: the token has no name",
        "qsjwt: warning: the token has no email",
    ]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--issuer", ""), ("claim 'iss'",)),
        (("--issuer", "  "), ("claim 'iss'",)),
        (("--subject", ""), ("claim 'sub'",)),
        (("--keyid", " "), ("key ID",)),
        (("--username", ""), ("claim 'name'",)),
        (("--useremail", " "), ("claim 'email'",)),
        (("--groups", ""), ("claim 'groups'",)),
        (("--claim", "group=Sales"), ("called 'group'", "--groups")),
    ],
)
def test_a_broken_rule_is_named(qscloud: Run, options: tuple[str, ...], words: tuple[str, ...]) -> None:
    qscloud(*options).refused(2, *words)


@pytest.mark.parametrize("name", ["aud", "subType", "jti", "exp", "nbf", "sub", "email_verified"])
def test_what_the_platform_sets_cannot_be_replaced(qscloud: Run, name: str) -> None:
    qscloud("--claim", f"{name}=x").refused(2, f"'{name}'", "Qlik Cloud", "cannot be replaced")


@pytest.mark.parametrize("option", ["--issuer", "--keyid", "--expires"])
def test_what_is_required_is_asked_for_by_name(run: Run, keys: SimpleNamespace, option: str) -> None:
    given: dict[str, Any] = {"--issuer": "i", "--keyid": "k", "--expires": "5m", "--key": keys.files["rsa"]}
    del given[option]
    run("create-qscloud", *[word for pair in given.items() for word in pair]).refused(2, "required", option)


def test_only_rs256_is_offered(qscloud: Run) -> None:
    qscloud("--algorithm", "RS512").refused(2, "--algorithm", "RS256")
