"""create-qseow: a token for client-managed Qlik Sense."""

import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jwt as pyjwt
import pytest

from tests.conftest import Result, Run


def claims_of(result: Result) -> dict[str, Any]:
    """Return the claims of the token that *result* printed, unverified."""
    claims: dict[str, Any] = pyjwt.decode(result.token, options={"verify_signature": False})
    return claims


def test_the_token_holds_what_was_asked_for_and_verifies(run: Run, keys: SimpleNamespace) -> None:
    before = int(time.time())
    result = run(
        *("create-qseow", "--userdir", "GRUSGRUS", "--userid", "göran", "--username", "Göran Sänder 😀"),
        *("--useremail", "goran@example.com", "--groups", "group1", "group 2", "--groups", "group3"),
        *(
            "--audience",
            "hdJh34wkK",
            "--issuer",
            "me",
            "--keyid",
            "k1",
            "--expires",
            "365d",
            "--key",
            keys.files["rsa"],
        ),
    )
    after = int(time.time())
    claims = pyjwt.decode(result.token, keys.rsa.public_key(), ["RS256"], audience="hdJh34wkK", issuer="me")
    times = [claims.pop(name) for name in ("iat", "nbf", "exp")]
    assert claims == {
        "userId": "göran",
        "userDirectory": "GRUSGRUS",
        "name": "Göran Sänder 😀",
        "email": "goran@example.com",
        "group": ["group1", "group 2", "group3"],
        "aud": "hdJh34wkK",
        "iss": "me",
    }
    assert pyjwt.get_unverified_header(result.token) == {"alg": "RS256", "typ": "JWT", "kid": "k1"}
    assert before - 30 <= times[0] == times[1] <= after - 30
    assert times[2] - times[0] == 365 * 86_400 + 30
    assert result.stderr == ""
    assert result.stdout.count("\n") == 1


def test_what_is_not_given_is_not_claimed(qseow: Run, keys: SimpleNamespace) -> None:
    result = qseow("--key", keys.files["rsa"])
    assert set(claims_of(result)) == {"userId", "userDirectory", "iat", "nbf", "exp"}
    assert "kid" not in pyjwt.get_unverified_header(result.token)


def test_the_administrator_chooses_the_names_of_the_claims(qseow: Run, keys: SimpleNamespace) -> None:
    result = qseow(
        *("--key", keys.files["rsa"], "--userid-claim", "user", "--userdir-claim", "directory", "--username", "Anna"),
        *("--username-claim", "fullName", "--useremail", "a@b.c", "--useremail-claim", "mail"),
        *("--groups", "g", "--groups-claim", "roles"),
    )
    claims = claims_of(result)
    assert {name: claims[name] for name in ("user", "directory", "fullName", "mail", "roles")} == {
        "user": "anna",
        "directory": "LAB",
        "fullName": "Anna",
        "mail": "a@b.c",
        "roles": ["g"],
    }


@pytest.mark.parametrize("name", ["exp", "sub", "iss", "aud", "iat", "nbf", "jti"])
def test_a_reserved_claim_name_is_refused(qseow: Run, keys: SimpleNamespace, name: str) -> None:
    qseow("--key", keys.files["rsa"], "--userid-claim", name).refused(2, "--userid-claim", "reserves")


def test_two_claims_cannot_have_one_name(qseow: Run, keys: SimpleNamespace) -> None:
    qseow("--key", keys.files["rsa"], "--userid-claim", "u", "--userdir-claim", "u").refused(2, "same claim name")
    qseow("--key", keys.files["rsa"], "--groups-claim", " ").refused(2, "--groups-claim is empty")


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512"])
def test_the_three_algorithms_of_qlik_sense_are_offered(qseow: Run, keys: SimpleNamespace, algorithm: str) -> None:
    token = qseow("--key", keys.files["rsa"], "--algorithm", algorithm).token
    assert pyjwt.decode(token, keys.rsa.public_key(), [algorithm])["userId"] == "anna"


@pytest.mark.parametrize("algorithm", ["none", "HS256", "PS256", "ES256", "rs256"])
def test_no_other_algorithm_is_offered(qseow: Run, keys: SimpleNamespace, algorithm: str) -> None:
    qseow("--key", keys.files["rsa"], "--algorithm", algorithm).refused(2, "--algorithm", algorithm)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--userid", ""), ("user ID", "empty")),
        (("--userid", "  \t"), ("user ID", "empty")),
        (("--userdir", ""), ("user directory", "empty")),
        (("--userid", "LAB\\anna"), ("user ID", "backslash")),
        (("--userdir", "LAB\\"), ("user directory", "backslash")),
        (("--username", " "), ("'name'", "empty")),
        (("--useremail", ""), ("'email'", "empty")),
        (("--groups", "a", ""), ("'group'", "an empty string")),
        (("--audience", ""), ("'aud'", "empty")),
        (("--issuer", ""), ("'iss'", "empty")),
        (("--userid-claim", "uid", "--userid", "a\\b"), ("backslash",)),
    ],
)
def test_a_broken_rule_is_named_and_no_check_signs_all_the_same(
    qseow: Run, keys: SimpleNamespace, options: tuple[str, ...], words: tuple[str, ...]
) -> None:
    refused = qseow("--key", keys.files["rsa"], *options)
    refused.refused(2, *words)
    signed = qseow("--key", keys.files["rsa"], *options, "--no-check")
    assert signed.token.count(".") == 2
    for word in words:
        assert word in signed.stderr


def test_a_broken_rule_costs_no_key(qseow: Run) -> None:
    qseow("--key", "file:missing.pem", "--userid", "").refused(2, "user ID")


def test_spaces_around_user_and_directory_are_dropped_with_a_word(qseow: Run, keys: SimpleNamespace) -> None:
    result = qseow("--key", keys.files["rsa"], "--userid", " anna ", "--userdir", "LAB\n")
    assert (claims_of(result)["userId"], claims_of(result)["userDirectory"]) == ("anna", "LAB")
    assert result.stderr.splitlines() == [
        "qsjwt: warning: spaces around the value of --userid are left out",
        "qsjwt: warning: line ends around the value of --userdir are left out",
    ]


def test_the_clock_skew_moves_the_start_into_the_past(qseow: Run, keys: SimpleNamespace) -> None:
    for skew, seconds in (("0s", 0), ("5m", 300)):
        claims = claims_of(qseow("--key", keys.files["rsa"], "--clock-skew", skew))
        assert claims["exp"] - claims["nbf"] == 3600 + seconds
        assert claims["iat"] == claims["nbf"]


def test_more_claims_come_as_text_as_json_and_from_a_file(qseow: Run, keys: SimpleNamespace, tmp_path: Any) -> None:
    path = tmp_path / "claims.json"
    path.write_bytes('{"region": "Öst", "level": 7}'.encode("utf-16"))
    result = qseow(
        *("--key", keys.files["rsa"], "--claim", "team=a=b", "--claim", "empty=", "--claims-file", path),
        *("--claim-json", "admin=true", "--claim-json", 'roles=["x", "ö"]', "--claim-json", "big=12345678901234567890"),
    )
    claims = claims_of(result)
    assert {name: claims[name] for name in ("region", "level", "team", "empty", "admin", "roles", "big")} == {
        "region": "Öst",
        "level": 7,
        "team": "a=b",
        "empty": "",
        "admin": True,
        "roles": ["x", "ö"],
        "big": 12345678901234567890,
    }


def test_claims_come_from_standard_input(qseow: Run, keys: SimpleNamespace) -> None:
    result = qseow("--key", keys.files["rsa"], "--claims-file", "-", stdin=b'{"a": 1}\r\n')
    assert claims_of(result)["a"] == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--claim", "userId=eve"), ("'userId'", "cannot be replaced")),
        (("--claim-json", "exp=9999999999"), ("'exp'", "cannot be replaced")),
        (("--claim", "a=1", "--claim-json", "a=2"), ("'a'", "twice")),
        (("--claim", "a"), ("--claim", "NAME=VALUE")),
        (("--claim", "=a"), ("--claim", "NAME=VALUE")),
        (("--claim-json", "a={"), ("--claim-json 'a'", "not JSON")),
        (("--claim-json", "a=NaN"), ("not JSON",)),
        (("--claim-json", 'a={"b":1,"b":2}'), ("twice",)),
        (("--claims-file", "missing.json"), ("claims file 'missing.json'", "does not exist")),
        (("--claims-file", "list.json"), ("'list.json'", "not a JSON object")),
        (("--claims-file", "latin1.json"), ("'latin1.json'", "neither UTF-8 nor UTF-16")),
        (("--claims-file", "broken.json"), ("'broken.json'", "line 2, column 1")),
        (("--claim", "name=\udcff"), ("Unicode",)),
    ],
)
def test_a_claim_that_cannot_be_is_refused(
    qseow: Run, keys: SimpleNamespace, tmp_path: Any, options: tuple[str, ...], words: tuple[str, ...]
) -> None:
    (tmp_path / "list.json").write_text("[]", encoding="utf-8")
    (tmp_path / "latin1.json").write_bytes('{"a": "ö"}'.encode("latin-1"))
    (tmp_path / "broken.json").write_text('{"a":\n', encoding="utf-8")
    qseow("--key", keys.files["rsa"], *options).refused(2, *words)


def test_the_output_is_a_token_a_header_or_json(qseow: Run, keys: SimpleNamespace) -> None:
    header = qseow("--key", keys.files["rsa"], "-f", "header").stdout
    assert header.startswith("Authorization: Bearer eyJ")
    assert header.endswith("\n")
    record = json.loads(qseow("--key", keys.files["rsa"], "--format", "json", "--username", "Ö").stdout)
    assert record["header"] == {"alg": "RS256", "typ": "JWT"}
    assert record["claims"] == pyjwt.decode(record["token"], keys.rsa.public_key(), ["RS256"])
    assert record["issued_at"].endswith("Z")
    assert record["expires_at"] > record["issued_at"]
    assert len(record["key_thumbprint"]) == 43


def test_a_skew_beyond_1970_and_an_empty_key_id_are_refused(qseow: Run, keys: SimpleNamespace) -> None:
    qseow("--key", keys.files["rsa"], "--clock-skew", "99y").refused(2, "--clock-skew", "1970")
    qseow("--key", keys.files["rsa"], "--keyid", "").refused(2, "--keyid")


def test_options_of_qs_jwt_that_have_no_work_left_are_accepted(qseow: Run, keys: SimpleNamespace) -> None:
    result = qseow("--cert-privatekey-file", keys.files["rsa"], "--cert-create", "false", "--minimal-output")
    assert result.token.count(".") == 2
    assert result.stderr == ""


def test_a_claim_may_have_the_usual_name_of_another_that_is_not_there(qseow: Run, keys: SimpleNamespace) -> None:
    key = ("--key", keys.files["rsa"], "--userid-claim", "email")
    assert claims_of(qseow(*key))["email"] == "anna"
    qseow(*key, "--useremail", "a@b.c").refused(2, "same claim name")


def test_a_token_that_a_header_may_have_no_room_for_is_signed_with_a_word(qseow: Run, keys: SimpleNamespace) -> None:
    groups = [f"Sales region {n:04}" for n in range(330)]
    result = qseow("--key", keys.files["rsa"], "--groups", *groups)
    assert 8_000 < len(result.token) < 16_000
    assert "warning: the token is longer than 8,000 characters" in result.stderr
    many = ("--key", keys.files["rsa"], "--groups", *groups, *groups)
    qseow(*many).refused(2, "the token is longer than 16,000 characters", "leave out groups")
    signed = qseow(*many, "--no-check")
    assert len(signed.token) > 16_000
    assert "the token is longer than 16,000 characters" in signed.stderr


def test_check_tells_of_a_header_that_has_no_room(run: Run, qseow: Run, keys: SimpleNamespace, tmp_path: Path) -> None:
    for claim, platforms in (
        ("x" * 100, {"qseow": "ok", "qscloud": "ok", "nprinting": "ok"}),
        ("x" * 6_000, {"qseow": "unknown", "qscloud": "unknown", "nprinting": "unknown"}),
        ("x" * 12_000, {"qseow": "broken", "qscloud": "unknown", "nprinting": "unknown"}),
    ):
        token = qseow("--key", keys.files["rsa"], "--claim", f"note={claim}", "--no-check").token
        found = {}
        for name in platforms:
            record = json.loads(run("check", name, "-f", "json", stdin=token.encode()).stdout)
            (size,) = (rule for rule in record["rules"] if rule["rule"] == "size")
            assert "maxHeaderLineBytes 8192" in size["source"]
            found[name] = size["status"]
        assert found == platforms


def test_check_counts_what_create_can_only_expect(run: Run, qseow: Run, keys: SimpleNamespace) -> None:
    result = qseow("--key", keys.files["rsa"], "--claim", f"note={'x' * 5_430}")
    assert 7_660 < len(result.token) < 8_000
    assert "longer than 8,000 characters" in result.stderr  # by a key of 4096 bits it would be
    record = json.loads(run("check", "qseow", "-f", "json", stdin=result.token.encode()).stdout)
    assert [rule["status"] for rule in record["rules"] if rule["rule"] == "size"] == ["ok"]
