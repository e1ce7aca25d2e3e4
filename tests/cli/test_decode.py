"""decode: look inside a token and verify it."""

import json
import re
import shlex
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jwt as pyjwt
import pytest
import yaml
from jwcrypto.jwk import JWK

from tests.conftest import VECTORS, Run, pem, posix, public_pem
from tests.programs import run_program

THEN = "2026-11-23T19:13:00Z"
"""A minute in which the qs-jwt tokens were valid."""

TOKEN = (VECTORS / "qseow-365d.jwt").read_text(encoding="ascii").strip()
CERTIFICATE = VECTORS / "publickey.cer"


def _record(run: Run, *options: object) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(run("decode", *options).stdout)
    return record


@pytest.mark.parametrize("path", sorted(VECTORS.glob("*.jwt")), ids=lambda path: path.stem)
def test_the_tokens_of_qs_jwt_verify_with_their_own_key_and_no_other(run: Run, path: Path) -> None:
    own = path.stem == "own-certificate"
    certificates = [VECTORS / "own-certificate.cer", CERTIFICATE]
    right, wrong = certificates if own else reversed(certificates)
    at = "2026-11-23T19:12:36Z"
    options = ("decode", "--jwt-file", path, "--at", at if not own else "2026-11-23T19:12:38Z")
    result = run(*options, "--cert-publickey-file", right)
    if path.stem == "qseow-expires-120":
        assert result.exit_code == 6
        assert "expired at 2026-11-23T19:12:36Z" in result.stderr
    else:
        assert (result.exit_code, result.stderr) == (0, "")
        assert json.loads(result.stdout)["verdict"] == "valid"
    refused = run(*options, "--cert-publickey-file", wrong)
    assert refused.exit_code == 6
    assert "signature does not match" in refused.stderr


def test_unicode_survives(run: Run) -> None:
    result = run("decode", "--jwt-file", VECTORS / "qseow-minimal-60m.jwt", "--at", THEN)
    assert "Göran Sander" in result.stdout


def test_without_a_key_the_verdict_is_not_verified(run: Run) -> None:
    record = _record(run, "--jwt", TOKEN, "--at", THEN)
    assert record["header"] == {"alg": "RS256", "typ": "JWT"}
    assert record["claims"]["group"] == ["group1", "group 2"]
    assert record["times"] == {"issued_at": "2026-11-23T19:12:36Z", "expires_at": "2027-11-23T19:12:36Z"}
    assert (record["verdict"], record["reasons"]) == ("not verified", [])


@pytest.mark.parametrize("key", [CERTIFICATE, VECTORS / "publickey.pem"])
def test_a_key_may_be_a_file_or_a_text(run: Run, key: Path) -> None:
    assert _record(run, "--jwt", TOKEN, "--at", THEN, "--cert-publickey-file", key)["verdict"] == "valid"
    text = key.read_text(encoding="ascii").replace("\n", "\\n")
    assert _record(run, "--jwt", TOKEN, "--at", THEN, "--cert-publickey", text)["verdict"] == "valid"


def test_a_key_may_be_a_jwk_or_a_jwk_set(run: Run, tmp_path: Path) -> None:
    jwk = JWK.from_pem((VECTORS / "publickey.pem").read_bytes()).export_public()
    for text in (jwk, f'{{"keys": [{jwk}]}}'):
        (tmp_path / "key.json").write_bytes(text.encode("utf-16"))
        assert _record(run, "--jwt", TOKEN, "--at", THEN, "--cert-publickey-file", "key.json")["verdict"] == "valid"


def test_a_token_comes_as_an_option_a_file_or_standard_input(run: Run, tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(f"Bearer {TOKEN}\r\n".encode("utf-16"))
    data = f"  Bearer {TOKEN}\n".encode()
    for options in (("--jwt-file", "token"), ("--jwt", f"Bearer {TOKEN}"), (), ("-",), ("--jwt-file", "-")):
        result = run("decode", *options, "--at", THEN, stdin=data)
        assert json.loads(result.stdout)["claims"]["userId"] == "anna"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--jwt", "a", "--jwt-file", "b"), ("more than once",)),
        (("--jwt", "a", "-"), ("more than once",)),
        (("--jwt", ""), ("token is empty",)),
        ((), ("token is empty",)),
        (("--jwt-file", "missing"), ("'missing'", "does not exist")),
        (("--jwt", "a.b.c", "--cert-publickey", "x", "--cert-publickey-file", "y"), ("more than one public key",)),
        (("--jwt", "a.b.c", "--at", "noon"), ("--at", "must be a point in time")),
        (("--jwt", "a.b.c", "-f", "xml"), ("--format", "xml")),
        (("stray",), ("the token file 'stray' does not exist",)),
        (("stray", "stray"), ("unexpected argument",)),
        (("",), ("the name of the token file is empty",)),
        (("a.b.c", "--jwt", "a.b.c"), ("more than once", "TOKEN or FILE")),
        (("./a.b",), ("the token file './a.b' does not exist",)),
        (("../token.b.c",), ("the token file '../token.b.c' does not exist",)),
    ],
)
def test_a_wrong_command_line_exits_2(run: Run, options: tuple[str, ...], words: tuple[str, ...]) -> None:
    run("decode", *options).refused(2, *words)


def test_a_token_given_as_a_file_name_is_not_repeated(run: Run) -> None:
    result = run("decode", "--jwt-file", TOKEN)
    result.refused(2, "got its content")
    assert TOKEN[:30] not in result.stderr


@pytest.mark.parametrize(
    "token", ["banana", "a.b", TOKEN + ".x", TOKEN[:-5], TOKEN[:100], "a.b.c.d.e", "eyJhbGciOiJub25lIn0.e30."]
)
def test_a_malformed_token_exits_6_with_nothing_on_stdout(run: Run, token: str) -> None:
    result = run("decode", "--jwt", token)
    result.refused(6, "token")


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--at", "2027-11-23T19:12:36Z"), "expired at 2027-11-23T19:12:36Z"),
        (("--at", THEN, "--expected-audience", "other"), "audience is 'hdJh34wkK', not 'other'"),
        (("--at", THEN, "--expected-issuer", "me"), "issuer is missing"),
    ],
)
def test_what_fails_is_shown_and_exits_6_with_and_without_a_key(run: Run, options: tuple[str, ...], word: str) -> None:
    for key in ((), ("--cert-publickey-file", CERTIFICATE)):
        result = run("decode", "--jwt", TOKEN, *options, *key)
        assert result.exit_code == 6
        record = json.loads(result.stdout)
        assert record["verdict"] == "invalid"
        assert word in record["reasons"][0]
        assert result.stderr.startswith(f"qsjwt: error: {record['reasons'][0]}\n")


def test_the_audience_that_is_expected_passes(run: Run) -> None:
    assert _record(run, "--jwt", TOKEN, "--at", THEN, "--expected-audience", "hdJh34wkK")["verdict"] == "not verified"


def test_a_token_is_not_valid_before_its_time(run: Run, keys: SimpleNamespace) -> None:
    token = pyjwt.encode({"nbf": 4_000_000_000}, keys.rsa, "RS256")
    result = run("decode", "--jwt", token)
    assert result.exit_code == 6
    assert "not valid before 2096" in result.stderr


@pytest.mark.parametrize("keyed", [False, True])
def test_a_shared_secret_algorithm_is_refused_with_a_public_key(run: Run, keys: SimpleNamespace, keyed: bool) -> None:
    token = pyjwt.encode({"a": 1}, "x" * 32, "HS256")
    result = run("decode", "--jwt", token, *(("--cert-publickey-file", keys.public) if keyed else ()))
    assert result.exit_code == (6 if keyed else 0)
    assert json.loads(result.stdout)["verdict"] == ("invalid" if keyed else "not verified")


def test_a_private_key_given_to_decode_is_refused_and_not_shown(run: Run, keys: SimpleNamespace) -> None:
    text = pem(keys.rsa).decode()
    for options in (("--cert-publickey-file", keys.files["rsa"]), ("--cert-publickey", text)):
        result = run("--debug", "decode", "--jwt", TOKEN, *options)
        assert result.exit_code == 3
        assert "holds a private key, where only a public one belongs" in result.stderr
        assert text.splitlines()[3][:20] not in result.stderr


@pytest.mark.parametrize("name", ["missing", "garbage", "empty"])
def test_a_public_key_that_cannot_be_read_exits_3(run: Run, tmp_path: Path, name: str) -> None:
    (tmp_path / "garbage").write_bytes(b"\xff\x00\x80")
    (tmp_path / "empty").write_bytes(b"")
    run("decode", "--jwt", TOKEN, "--cert-publickey-file", name).refused(3, f"'{name}'")


def test_a_key_that_is_too_short_verifies_nothing(run: Run, keys: SimpleNamespace, tmp_path: Path) -> None:
    from jwcrypto.jwt import JWT

    token = JWT(header={"alg": "RS256"}, claims={})
    token.make_signed_token(JWK.from_pyca(keys.short))
    (tmp_path / "short").write_bytes(public_pem(keys.short))
    result = run("decode", "--jwt", token.serialize(), "--cert-publickey-file", "short")
    assert (result.exit_code, "1024 bits" in result.stderr) == (6, True)


def test_every_format_shows_header_claims_times_and_verdict(run: Run) -> None:
    options = ("decode", "--jwt", TOKEN, "--at", THEN, "-f")
    table = run(*options, "table").stdout
    for text in ("Header", "alg  RS256", "userId", "anna", '["group1", "group 2"]', "2027-11-23 19:12 UTC"):
        assert text in table
    record = yaml.safe_load(run(*options, "yaml").stdout)
    assert record == json.loads(run(*options, "json").stdout)
    assert run(*options, "value").stdout.splitlines()[:3] == ["RS256", "JWT", "anna"]


@posix("shell with the quotes of POSIX")
def test_shell_output_can_be_evaluated_and_runs_nothing(run: Run, keys: SimpleNamespace, tmp_path: Path) -> None:
    name = "$(touch pwned) `touch pwned` \" ' ; touch pwned\nnext"
    token = pyjwt.encode({"name": name, "a b;touch pwned": 1}, keys.rsa, "RS256")
    text = run("decode", "--jwt", token, "-f", "shell").stdout
    shown = run_program("bash", "-c", f'eval {shlex.quote(text)}; printf %s "$claims_name"').stdout
    assert shown == name
    assert not (tmp_path / "pwned").exists()


def test_a_token_cannot_write_to_the_terminal_behind_a_table(run: Run, keys: SimpleNamespace) -> None:
    token = pyjwt.encode({"name": "a\x1b[2J\nb"}, keys.rsa, "RS256")
    for form in ("table", "value"):
        shown = run("decode", "--jwt", token, "-f", form).stdout
        assert "\x1b" not in shown
        assert r"a\x1b[2J\nb" in shown


MINUTE = 1_795_461_180
"""2026-11-23T19:13:00Z."""


def _page(run: Run, claims: dict[str, Any], *options: object, header: dict[str, str] | None = None) -> tuple[int, str]:
    """Return the exit code of decode for people, and what it printed."""
    token = pyjwt.encode(claims, "x" * 32, "HS256", headers=header)
    done = run("decode", "--jwt", token, "--at", THEN, "-f", "table", *options)
    return done.exit_code, done.stdout


def test_every_fault_is_named_and_not_the_first_alone(run: Run, keys: SimpleNamespace) -> None:
    token = pyjwt.encode({"exp": MINUTE, "nbf": MINUTE + 1, "aud": "b", "iss": "j"}, keys.other, "RS256")
    options = ("--cert-publickey-file", keys.public, "--expected-audience", "a", "--expected-issuer", "i")
    done = run("decode", "--jwt", token, "--at", THEN, *options, "-f", "table")
    faults = [
        "the signature does not match: the token was changed, or another key signed it",
        "the token expired at 2026-11-23T19:13:00Z",
        "the token is not valid before 2026-11-23T19:13:01Z",
        "the audience is 'b', not 'a' as expected",
        "the issuer is 'j', not 'i' as expected",
    ]
    assert done.exit_code == 6
    assert done.stderr == f"qsjwt: error: {'; '.join(faults)}\n"
    assert json.loads(run("decode", "--jwt", token, "--at", THEN, *options, "-f", "json").stdout)["reasons"] == faults
    assert done.stdout.splitlines()[0] == "✗ The token is not valid: 5 faults"
    assert [line[2:] for line in done.stdout.splitlines()[1:] if line.startswith("✗")] == faults


def test_people_read_the_verdict_first_and_how_to_get_one(run: Run, keys: SimpleNamespace) -> None:
    token = pyjwt.encode({"exp": MINUTE + 1}, keys.rsa, "RS256")
    words = ("decode", "--jwt", token, "--at", THEN, "-f", "table")
    assert run(*words).stdout.splitlines()[:4] == [
        "? The token is not verified",
        "",
        "? there is no key to verify the signature with",
        "  → use --cert-publickey-file",
    ]
    assert run(*words, "--cert-publickey-file", keys.public).stdout.splitlines()[0] == "✓ The token is valid"


def test_members_are_told_with_what_they_mean_at_qlik_and_times_relative_to_now(run: Run) -> None:
    claims = {"iss": "https://idp", "userId": "anna", "mine": [1], "nbf": MINUTE - 120, "exp": MINUTE + 28_680}
    code, text = _page(run, claims, header={"kid": "k1"})
    assert code == 0
    for line in (
        "  alg  HS256  shared secret, HMAC and SHA-256",
        "  kid  k1     key ID: Qlik Cloud finds the key by it",
        "  iss     https://idp  issuer: Qlik Cloud finds the identity provider by it",
        "  userId  anna         user ID, for Qlik Sense",
        "  mine    [1]",
        "  nbf     1795461060   became valid 2 min ago, 2026-11-23 19:11 UTC",
        "  exp     1795489860   expires in 7 h 58 min, 2026-11-24 03:11 UTC",
    ):
        assert line in text.splitlines()


@pytest.mark.parametrize(
    ("nbf", "exp", "bar", "labels"),
    [
        (MINUTE - 50, MINUTE + 50, "─{18}●━{17}", ["nbf {14}now {13}exp"]),
        (MINUTE - 100, MINUTE - 50, "─{19}·{16}●", ["nbf {14}exp {13}now"]),
        (MINUTE + 50, MINUTE + 100, "●·{17}━{18}", ["now {14}nbf {13}exp"]),
        (MINUTE, MINUTE + 50, "●━{35}", ["nbf {30}exp", "now"]),
        (MINUTE - 50, MINUTE, "─{35}●", ["nbf {30}exp", " {33}now"]),
        (MINUTE - 10**8, MINUTE - 10**8 + 1, "─·{34}●", ["exp {30}now", "nbf"]),
    ],
)
def test_a_bar_shows_where_between_nbf_and_exp_the_present_is(
    run: Run, monkeypatch: pytest.MonkeyPatch, nbf: int, exp: int, bar: str, labels: list[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    _, text = _page(run, {"nbf": nbf, "exp": exp})
    lines = text.split("\n\n")[-1].splitlines()
    assert [bool(re.fullmatch(f"  {line}", shown)) for line, shown in zip([bar, *labels], lines, strict=True)] == [
        True for _ in lines
    ], lines


@pytest.mark.parametrize(
    "claims",
    [{}, {"exp": MINUTE + 9}, {"nbf": 1}, {"nbf": "x", "exp": 7}, {"nbf": 9, "exp": 9}, {"iat": 1, "exp": 1e300}],
)
def test_a_token_without_a_span_of_time_has_no_bar(run: Run, claims: dict[str, Any]) -> None:
    assert not re.search("[━●─]", _page(run, claims)[1])


@pytest.mark.parametrize("columns", [60, 80, 100, 200])
def test_the_page_of_a_token_is_as_wide_as_the_terminal(
    run: Run, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    claims = {"iss": "i", "groups": ["Nordic sales team"] * 20, "iat": MINUTE, "exp": MINUTE + 60, "x" * 50: "y" * 300}
    _, text = _page(run, claims, "--expected-audience", "a")
    assert max(map(len, (line for line in text.splitlines() if "yyy" not in line))) <= columns
    assert "y" * 300 in text
    assert max(map(len, text.splitlines())) > columns


def test_minimal_output_has_the_shape_of_qs_jwt(run: Run) -> None:
    options = ("--jwt", TOKEN, "--at", THEN, "--minimal-output")
    assert set(_record(run, *options)) == {"header", "payload"}
    record = _record(run, *options, "--cert-publickey-file", CERTIFICATE)
    assert record["payload"]["userId"] == "anna"
    assert record["verification"] == {
        "status": "valid",
        "algorithm": "RS256",
        "integrity": True,
        "issuedAt": "2026-11-23T19:12:36Z",
        "expiresAt": "2027-11-23T19:12:36Z",
        "notBefore": "N/A",
        "currentlyValid": True,
        "audience": "hdJh34wkK",
        "audienceMatch": None,
    }
    late = run("decode", *options[:2], "--minimal-output", "--cert-publickey-file", CERTIFICATE, "--at", "2030-01-01")
    verification = json.loads(late.stdout)["verification"]
    assert (late.exit_code, verification["status"], verification["integrity"]) == (6, "invalid", True)
    assert (verification["currentlyValid"], "expired" in verification["reason"]) == (False, True)


def test_minimal_output_tells_key_id_issuer_and_a_match(run: Run) -> None:
    record = _record(
        run,
        *("--jwt-file", VECTORS / "qscloud-minimal-60m.jwt", "--at", THEN, "--minimal-output"),
        *("--cert-publickey-file", CERTIFICATE, "--expected-audience", "qlik.api/login/jwt-session"),
    )
    verification = record["verification"]
    assert (verification["keyId"], verification["issuer"], verification["audienceMatch"]) == ("k", "i", True)


def test_times_that_are_no_times_are_left_as_they_are(run: Run, keys: SimpleNamespace) -> None:
    token = pyjwt.encode({"exp": 1e300}, keys.rsa, "RS256")
    assert _record(run, "--jwt", token)["times"] == {"expires_at": None}


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"iat": "07/08/2026 09:35:59"}, "write the seconds since 1970 in UTC, such as"),
        ({"exp": "2026-11-24T19:12:36Z"}, "write 1795547556, the seconds since 1970"),
        ({"exp": 1e300}, "the claim 'exp' is after the year 9999"),
        ({"exp": 1795547556000}, "it must be in seconds, not milliseconds"),
        ({"nbf": -1e300}, "the claim 'nbf' is before the year 1"),
        ({"exp": 1}, "the token expired at 1970-01-01T00:00:01Z"),
        ({"nbf": 1795547556}, "the token is not valid before 2026-11-24T19:12:36Z"),
    ],
)
def test_decode_and_check_say_the_same_of_times(
    run: Run, keys: SimpleNamespace, claims: dict[str, Any], words: str
) -> None:
    token = pyjwt.encode({"userId": "anna", "userDirectory": "LAB", **claims}, keys.rsa, "RS256")
    decoded = run("decode", "--jwt", token, "--at", THEN)
    checked = run("check", "qseow", "--jwt", token, "--at", THEN)
    assert (decoded.exit_code, checked.exit_code) == (6, 6)
    assert words in decoded.stderr
    assert words in " ".join(checked.stdout.split())  # its lines break between words


def test_what_only_a_platform_can_refuse_is_a_warning_of_decode(
    run: Run, keys: SimpleNamespace, tmp_path: Path
) -> None:
    assert run("create-key", "--kind", "rsa", "--cert-key-size", 2048, "--cert-create-expires-days", 1).exit_code == 0
    key = (tmp_path / "privatekey.pem").read_bytes()
    now = int(time.time())
    claims = {"userId": "anna", "userDirectory": "LAB", "iat": now + 9 * 86_400, "exp": now + 99 * 86_400}
    token = pyjwt.encode(claims, key, "RS256", headers={"kid": "k1"})
    public = ("--cert-publickey-file", "publickey.cer")
    jwk = json.loads(JWK.from_pem(key).export_public())
    (tmp_path / "key.jwk").write_text(json.dumps({**jwk, "kid": "k2"}))

    future = run("decode", "--jwt", token, *public)
    assert (future.exit_code, json.loads(future.stdout)["verdict"]) == (0, "valid")
    assert "the token is from the future: iat is " in future.stderr
    assert future.stderr.count("warning") == 1
    assert "is from the future" in run("check", "qseow", "--jwt", token, *public).stdout

    late = run("decode", "--jwt", token, *public, "--at", now + 10 * 86_400)
    assert (late.exit_code, json.loads(late.stdout)["verdict"]) == (0, "valid")
    assert "the certificate expired at " in late.stderr
    assert late.stderr.count("warning") == 1
    assert "the certificate expired at " in run("check", "qseow", "--jwt", token, *public, "--at", now + 864_000).stdout

    other = run("decode", "--jwt", token, "--cert-publickey-file", "key.jwk", "--at", now + 10 * 86_400)
    assert (other.exit_code, json.loads(other.stdout)["verdict"]) == (0, "valid")
    assert "the key ID of the key is 'k2', and not that of the token" in other.stderr
    assert other.stderr.count("warning") == 1
    checked = run("check", "qscloud", "--jwt", token, "--cert-publickey-file", "key.jwk").stdout
    assert "kid is 'k1', but 'k2' is expected" in checked

    pem_alone = run("decode", "--jwt", token, "--cert-publickey-file", "publickey.pem", "--at", now + 10 * 86_400)
    assert (pem_alone.exit_code, pem_alone.stderr) == (0, "")


@pytest.mark.parametrize("options", [("--at", THEN), ("--at", THEN, "-f", "json")])
def test_a_token_or_its_file_may_stand_without_an_option(run: Run, tmp_path: Path, options: tuple[str, ...]) -> None:
    expected = run("decode", "--jwt", TOKEN, *options)
    (tmp_path / "token.txt").write_text(f"{TOKEN}\n", encoding="ascii")
    for given in (TOKEN, f"Bearer {TOKEN}", f" {TOKEN}\n", "token.txt", "./token.txt", tmp_path / "token.txt"):
        assert run("decode", given, *options) == expected
        assert run("decode", *options, given) == expected
    assert run("decode", "-", *options, stdin=TOKEN.encode()) == expected


def test_what_has_two_dots_is_a_file_if_there_is_one_of_that_name(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.b.c").write_text(f"{TOKEN}\n", encoding="ascii")
    assert run("decode", "a.b.c", "--at", THEN).exit_code == 0
    run("decode", "a.b.d", "--at", THEN).refused(6, "the token")


@pytest.mark.parametrize("given", [TOKEN[:-1], TOKEN.replace(".", "", 1), TOKEN[:60], f"{TOKEN}.{TOKEN}", "{" + TOKEN])
def test_a_token_on_the_command_line_is_in_no_error(run: Run, given: str) -> None:
    for command in (("decode",), ("check", "qseow")):
        result = run(*command, given, "--at", THEN, "--cert-publickey-file", VECTORS / "publickey.cer")
        assert result.exit_code in (2, 6)
        assert given[:40] not in result.stderr
        assert given[-40:] not in result.stderr
