"""What a key says of itself (RFC 7517, section 4) is kept, shown and obeyed; what a library invents is not there."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jwt as pyjwt
import pytest

from qsjwt.keys.load import load_private_key, load_public_keys
from qsjwt.keys.signer import LocalSigner
from tests.conftest import Run, pem, public_pem

SAID = {"kid": "mine", "alg": "RS256", "use": "sig", "key_ops": ["sign"]}


@pytest.fixture
def jwk(keys: SimpleNamespace, tmp_path: Path) -> Any:
    """Write the key ``rsa`` as a private JWK with further members; return the file."""

    def write(**said: Any) -> Path:
        path = tmp_path / "key.jwk"
        members = json.loads(load_private_key(pem(keys.rsa), "k", lambda: None).export())
        path.write_text(json.dumps({**members, **said}), encoding="utf-8")
        return path

    return write


def test_a_key_in_pem_has_no_key_id(keys: SimpleNamespace) -> None:
    for key in (load_private_key(pem(keys.rsa), "k", lambda: None), *load_public_keys(public_pem(keys.rsa), "k")):
        assert "kid" not in key
    assert "kid" not in LocalSigner(load_private_key(pem(keys.ec), "k", lambda: None)).public_key


def test_a_key_id_that_is_expected_by_option_is_right(run: Run, qscloud: Run, keys: SimpleNamespace, jwk: Any) -> None:
    token = qscloud().token
    for key in (keys.files["rsa"], jwk(), jwk(kid="k1"), jwk(kid="another")):
        done = run("check", "qscloud", "--jwt", token, "--issuer", "https://idp", "--keyid", "k1", "--key", key)
        assert "? Qlik Cloud" in done.stdout, done.stdout
    wrong = run("check", "qscloud", "--jwt", token, "--key", jwk(kid="another"), "-f", "json")
    assert wrong.exit_code == 6
    (kid,) = [rule for rule in json.loads(wrong.stdout)["rules"] if rule["rule"] == "kid"]
    assert (kid["status"], "'another'" in kid["message"]) == ("broken", True)


def test_a_token_has_the_key_id_of_its_key_unless_an_option_says_another(qseow: Run, jwk: Any) -> None:
    key = jwk(**SAID)
    assert pyjwt.get_unverified_header(qseow("--key", key).token)["kid"] == "mine"
    assert pyjwt.get_unverified_header(qseow("--key", key, "--keyid", "other").token)["kid"] == "other"
    assert "kid" not in pyjwt.get_unverified_header(qseow("--key", jwk()).token)


def test_what_a_key_says_of_itself_is_shown(run: Run, jwk: Any) -> None:
    shown = json.loads(run("show-key", "--key", jwk(**SAID), "-f", "jwk").stdout)
    assert {name: shown[name] for name in SAID} == {**SAID, "key_ops": ["verify"]}
    assert json.loads(run("show-key", "--key", jwk(**SAID), "-f", "jwk", "--keyid", "other").stdout)["kid"] == "other"
    assert json.loads(run("show-key", "--key", jwk(**SAID)).stdout)["alg"] == "RS256"


def test_it_is_registered_with_its_key_id(run: Run, jwk: Any) -> None:
    key = ("--key", jwk(**SAID), "--cert-self-signed", "--issuer", "i")
    for more, expected in (((), "mine"), (("--keyid", "other"), "other")):
        body = json.loads(run("registration", "qscloud", *key, *more).stdout)
        assert body["options"]["staticKeys"][0]["kid"] == expected


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"alg": "RS512"}, "meant for 'RS512' (its alg), not for RS256"),
        ({"alg": "RSA-OAEP"}, "meant for 'RSA-OAEP'"),
        ({"use": "enc"}, "not meant for signatures: its use is 'enc'"),
        ({"key_ops": ["decrypt", "unwrapKey"]}, "key_ops do not say so"),
        ({"key_ops": []}, "key_ops do not say so"),
    ],
)
def test_it_signs_and_is_registered_for_nothing_else(run: Run, qscloud: Run, jwk: Any, said: Any, words: str) -> None:
    key = jwk(**said)
    options = ("--issuer", "i", "--keyid", "k", "--subject", "a", "--expires", "5m")
    run("create-qscloud", *options, "--key", key).refused(3, words)
    run("registration", "qscloud", "--issuer", "i", "--keyid", "k", "--key", key, "--cert-self-signed").refused(3)
    verdict = run("check", "qscloud", "--jwt", qscloud().token, "--key", key)
    assert verdict.exit_code == 6


def test_a_private_key_that_only_verifies_does_not_sign(qseow: Run, jwk: Any) -> None:
    qseow("--key", jwk(key_ops=["verify"])).refused(3, "may sign no tokens")


def test_an_algorithm_that_the_key_is_meant_for_is_chosen_by_itself(qseow: Run, jwk: Any) -> None:
    assert pyjwt.get_unverified_header(qseow("--key", jwk(alg="RS384")).token)["alg"] == "RS384"
    qseow("--key", jwk(alg="RS384"), "--algorithm", "RS256").refused(3, "meant for 'RS384'", "--algorithm RS384")


@pytest.mark.parametrize("said", [{"kid": 7}, {"use": ["sig"]}, {"alg": {}}, {"key_ops": "sign"}, {"key_ops": [1]}])
def test_members_of_the_wrong_type_are_named(qseow: Run, jwk: Any, said: dict[str, Any]) -> None:
    (name,) = said
    qseow("--key", jwk(**said)).refused(3, f"is a JWK whose {name} is not")


def test_members_that_are_null_are_not_there(qseow: Run, jwk: Any) -> None:
    assert "kid" not in pyjwt.get_unverified_header(qseow("--key", jwk(kid=None, alg=None, use=None)).token)
