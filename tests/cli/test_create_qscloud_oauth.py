"""create-qscloud-oauth: the client assertion of private_key_jwt."""

import time
import uuid
from types import SimpleNamespace
from typing import Any

import jwt as pyjwt
import pytest

from qsjwt.times import format_duration
from qsjwt_platforms.qscloud_oauth import WINDOW
from tests.cli.test_create_qseow import claims_of
from tests.conftest import Result, Run

LIMIT = format_duration(WINDOW)
TENANT = "https://t.eu.qlikcloud.com"


@pytest.fixture
def oauth(keys: SimpleNamespace, run: Run) -> Run:
    """Run ``create-qscloud-oauth`` with all that it needs but the key."""
    base = ("create-qscloud-oauth", "--client-id", "c1", "--tenant", TENANT, "--keyid", "k1", "--expires", "1m")
    return lambda *more, **how: run(*base, *more, **how)


@pytest.mark.parametrize(("algorithm", "key"), [("RS256", "rsa"), ("RS512", "rsa"), ("ES384", "p384")])
def test_the_assertion_holds_what_qliks_reference_lists_and_no_more(
    oauth: Run, keys: SimpleNamespace, algorithm: str, key: str
) -> None:
    result: Result = oauth("--key", keys.files[key], "--algorithm", algorithm)
    public = getattr(keys, key).public_key()
    claims = pyjwt.decode(result.token, public, [algorithm], audience=f"{TENANT}/oauth/token")
    assert pyjwt.get_unverified_header(result.token) == {"alg": algorithm, "typ": "JWT", "kid": "k1"}
    assert set(claims) == {"iss", "sub", "aud", "jti", "iat", "exp"}
    assert claims["iss"] == claims["sub"] == "c1"
    assert uuid.UUID(claims["jti"]).version == 4
    assert claims["exp"] - claims["iat"] == 90
    assert claims["iat"] <= time.time() - 30
    assert result.stderr == ""


def test_every_assertion_has_another_jti(oauth: Run, keys: SimpleNamespace) -> None:
    assert len({claims_of(oauth("--key", keys.files["rsa"]))["jti"] for _ in range(5)}) == 5


def test_a_slash_at_the_end_of_the_tenant_and_capitals_do_no_harm(oauth: Run, keys: SimpleNamespace) -> None:
    for tenant in (f"{TENANT}/", TENANT.upper(), "HTTPS://T.eu.QlikCloud.com/"):
        claims = claims_of(oauth("--key", keys.files["rsa"], "--tenant", tenant))
        assert claims["aud"] == f"{TENANT}/oauth/token"


@pytest.mark.parametrize(
    "tenant",
    [
        "",
        "t.eu.qlikcloud.com",
        "http://t.eu.qlikcloud.com",
        f"{TENANT}/oauth/token",
        f"{TENANT}//",
        f"{TENANT}?x=1",
        f"{TENANT}:443",
        f"{TENANT}.",
        "https://..",
        "https://ü.eu.qlikcloud.com",
        "https://",
    ],
)
def test_a_tenant_is_an_https_address_and_no_more(oauth: Run, keys: SimpleNamespace, tenant: str) -> None:
    oauth("--key", keys.files["rsa"], "--tenant", tenant).refused(2, "--tenant", "https://TENANT.REGION.qlikcloud.com")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--expires", f"{WINDOW + 60}s"), (f"at most {LIMIT} between iat and exp", f"--expires {WINDOW // 60}m")),
        (("--expires", f"{WINDOW + 1}s"), (f"at most {LIMIT}",)),
        (("--client-id", " "), ("claim 'iss'",)),
        (("--keyid", ""), ("key ID",)),
        (("--claim", "nbf=1"), ("nbf",)),
        (("--claim-json", 'groups=["g"]'), ("groups",)),
        (("--claim", "aud=x"), ("'aud' is set by Qlik Cloud OAuth",)),
        (("--algorithm", "RS384"), ("RS256, RS512, ES384",)),
    ],
)
def test_a_broken_rule_is_named(
    oauth: Run, keys: SimpleNamespace, options: tuple[str, ...], words: tuple[str, ...]
) -> None:
    oauth("--key", keys.files["rsa"], *options).refused(2, *words)


@pytest.mark.parametrize("option", ["--client-id", "--tenant", "--keyid", "--expires"])
def test_what_is_required_is_asked_for_by_name(run: Run, keys: SimpleNamespace, option: str) -> None:
    given: dict[str, Any] = {"--client-id": "c", "--tenant": TENANT, "--keyid": "k", "--expires": "5m"}
    del given[option]
    words = [word for pair in given.items() for word in pair]
    run("create-qscloud-oauth", *words, "--key", keys.files["rsa"]).refused(2, "required", option)


@pytest.mark.parametrize(
    ("algorithm", "key", "words"),
    [
        ("ES384", "rsa", ("an RSA key of 2048 bits, which cannot sign with ES384", "--algorithm RS256 or RS512")),
        ("ES384", "ec", ("an EC key on P-256, which cannot sign with ES384", "use an EC key on P-384")),
        ("RS256", "p384", ("an EC key on P-384, which cannot sign with RS256", "--algorithm ES384")),
    ],
)
def test_a_key_of_the_wrong_kind_is_refused_with_the_algorithm_that_suits_it(
    oauth: Run, keys: SimpleNamespace, algorithm: str, key: str, words: tuple[str, ...]
) -> None:
    oauth("--key", keys.files[key], "--algorithm", algorithm).refused(3, *words)


def test_without_an_algorithm_the_key_decides(oauth: Run, keys: SimpleNamespace) -> None:
    for key, algorithm in (("rsa", "RS256"), ("p384", "ES384")):
        result = oauth("--key", "stdin:", stdin=keys.files[key].read_bytes())
        assert pyjwt.get_unverified_header(result.token)["alg"] == algorithm
    oauth("--key", keys.files["ec"]).refused(
        3,
        "an EC key on P-256, which cannot sign with RS256, RS512 or ES384",
        "use an RSA key of 2048 bits or more, or an EC key on P-384",
    )


def test_a_new_key_is_of_the_kind_that_the_algorithm_needs(oauth: Run, run: Run) -> None:
    result = oauth("--cert-create", "--algorithm", "ES384", "--keyid", "thumbprint")
    shown = run("show-key", "--cert-publickey-file", "publickey.cer", "-f", "value").stdout.split()
    assert shown[:3] == ["EC", "384", "P-384"]
    assert pyjwt.get_unverified_header(result.token)["kid"] == shown[3]
    oauth("--key", "create:x?kind=rsa", "--algorithm", "ES384").refused(3, "a new RSA key cannot sign with ES384")


def test_the_clock_skew_counts_into_the_window(oauth: Run, keys: SimpleNamespace) -> None:
    result = oauth("--key", keys.files["rsa"], "--expires", f"{WINDOW}s", "--clock-skew", "2m")
    claims = claims_of(result)
    assert claims["exp"] - claims["iat"] == WINDOW
    assert f"valid for {format_duration(WINDOW - 120)} from now on" in result.stderr
