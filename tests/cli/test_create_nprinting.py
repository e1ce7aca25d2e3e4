"""create-nprinting: a token for Qlik NPrinting."""

from types import SimpleNamespace

import jwt as pyjwt
import pytest

from tests.cli.test_create_qseow import claims_of
from tests.conftest import Run


@pytest.fixture
def nprinting(keys: SimpleNamespace, run: Run) -> Run:
    """Run ``create-nprinting`` with all that it needs but the user."""
    return lambda *more, **how: run("create-nprinting", "--expires", "5m", "--key", keys.files["rsa"], *more, **how)


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512"])
def test_a_user_is_known_by_address(nprinting: Run, keys: SimpleNamespace, algorithm: str) -> None:
    result = nprinting("--useremail", "jde@company.com", "--algorithm", algorithm)
    claims = pyjwt.decode(result.token, keys.rsa.public_key(), [algorithm])
    assert set(claims) == {"email", "iat", "nbf", "exp"}
    assert claims["email"] == "jde@company.com"
    assert claims["exp"] - claims["nbf"] == 330
    assert result.stderr == ""


def test_a_user_is_known_by_domain_and_name(nprinting: Run) -> None:
    claims = claims_of(nprinting("--domain", "company", "--username", "jde"))
    assert (claims["domain"], claims["name"], "email" in claims) == ("company", "jde", False)


def test_the_claims_have_the_names_that_the_administrator_chose(nprinting: Run) -> None:
    options = ("--useremail-claim", "mailaddress", "--domain-claim", "d", "--username-claim", "n")
    claims = claims_of(nprinting("--useremail", "a@b.c", "--domain", "LAB", "--username", "anna", *options))
    assert (claims["mailaddress"], claims["d"], claims["n"]) == ("a@b.c", "LAB", "anna")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), ("no user is given", "--useremail, or --domain and --username")),
        (("--domain", "LAB"), ("--domain and --username go together",)),
        (("--username", "anna", "--useremail", "a@b.c"), ("go together",)),
        (("--useremail", " "), ("claim 'email'",)),
        (("--domain", "", "--username", "anna"), ("claim 'domain'",)),
        (("--useremail", "a@b.c", "--useremail-claim", "sub"), ("RFC 7519 reserves",)),
        (("--useremail", "a@b.c", "--useremail-claim", ""), ("--useremail-claim is empty",)),
        (
            ("--useremail", "a@b.c", "--domain", "d", "--username", "n", "--useremail-claim", "name"),
            ("same claim name",),
        ),
        (("--useremail", "a@b.c", "--algorithm", "PS256"), ("RS256, RS384, RS512",)),
    ],
)
def test_a_user_who_cannot_be_known_is_refused(
    nprinting: Run, options: tuple[str, ...], words: tuple[str, ...]
) -> None:
    nprinting(*options).refused(2, *words)


def test_a_key_id_is_optional_and_may_be_the_thumbprint(nprinting: Run, run: Run, keys: SimpleNamespace) -> None:
    user = ("--useremail", "a@b.c")
    assert "kid" not in pyjwt.get_unverified_header(nprinting(*user).token)
    kid = pyjwt.get_unverified_header(nprinting(*user, "--keyid", "thumbprint").token)["kid"]
    assert run("show-key", "--key", keys.files["rsa"], "-f", "value").stdout.split() == ["RSA", "2048", kid]
