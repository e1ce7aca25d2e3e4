"""Text in options and columns, whatever the command: ends, dashes, control characters, and what nobody meant."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jwt as pyjwt
import pytest

from qsjwt.api import create_token, create_tokens
from qsjwt.cli.index import CommandIndex
from tests.conftest import Run

CLOUD = ("create-qscloud", "--issuer", "https://idp", "--keyid", "k1", "--subject", "anna", "--expires", "5m")
QSEOW = ("create-qseow", "--userdir", "LAB", "--userid", "anna", "--expires", "5m")


def _warnings(stderr: str) -> list[str]:
    lines = stderr.splitlines()
    return [line.removeprefix("qsjwt: warning: ") for line in lines if line.startswith("qsjwt: warning: ")]


def _claims(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = pyjwt.decode(token, options={"verify_signature": False})
    return claims


def test_the_line_ends_of_an_env_file_are_not_signed(run: Run, keys: SimpleNamespace) -> None:
    result = run(
        *(
            "create-qscloud",
            "--issuer",
            "https://idp\r",
            "--keyid",
            "k1\r",
            "--subject",
            "anna\r",
            "--username",
            "Anna ",
        ),
        *("--useremail", "a@b.c\r", "--useremail-verified", "true\r", "--groups", "Sales\r", "IT", "--expires", "5m\r"),
        *("--claim", "team=red\r", "--key", keys.files["rsa"]),
    )
    claims = _claims(result.token)
    assert pyjwt.get_unverified_header(result.token)["kid"] == "k1"
    assert {name: claims[name] for name in ("iss", "sub", "name", "email", "email_verified", "groups", "team")} == {
        **{"iss": "https://idp", "sub": "anna", "name": "Anna", "email": "a@b.c", "email_verified": True},
        **{"groups": ["Sales", "IT"], "team": "red"},
    }
    told = [
        line.removesuffix(" are left out").partition(" around the value of ")[::2] for line in _warnings(result.stderr)
    ]
    assert sorted(told) == sorted(
        [
            *(("line ends", f"--{name}") for name in ("issuer", "keyid", "subject", "useremail", "useremail-verified")),
            *(("line ends", "--groups"), ("line ends", "--expires"), ("spaces", "--username")),
            ("line ends", "--claim 'team'"),
        ]
    )


def test_what_is_left_out_is_not_told_to_those_who_want_errors_alone(run: Run, keys: SimpleNamespace) -> None:
    assert run(*QSEOW, "--username", "Anna ", "--key", keys.files["rsa"], "--loglevel", "error").stderr == ""
    assert run("-q", *QSEOW, "--username", "Anna ", "--key", keys.files["rsa"]).stderr == ""


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_columns_are_as_options_are(run: Run, keys: SimpleNamespace, tmp_path: Path, form: str) -> None:
    rows = {
        "csv": 'userid,groups,claim.team\n"anna\r","Sales; IT\r"," red"\n"b\to",x,\nzoe,Sales;–x,\nbea,x,"a\nb"\n',
        "jsonl": "".join(
            json.dumps(row) + "\n"
            for row in (
                {"userid": "anna\r", "groups": ["Sales", "IT\r"], "claim.team": " red"},
                {"userid": "b\to"},
                {"userid": "zoe", "groups": ["Sales", "–x"]},
                {"userid": "bea", "claim.team": "a\nb"},
            )
        ),
    }
    path = tmp_path / f"users.{form}"
    path.write_bytes(rows[form].encode())
    result = run("create-qseow", "--userdir", "LAB", "--expires", "5m", "--key", keys.files["rsa"], "--batch", path)
    assert result.exit_code == 2
    (record,) = map(json.loads, result.stdout.splitlines())
    claims = _claims(record["token"])
    assert (claims["userId"], claims["group"], claims["team"]) == ("anna", ["Sales", "IT"], "red")
    first = 2 if form == "csv" else 1
    assert _warnings(result.stderr) == [
        f"line {first}: line ends around the value of --userid are left out",
        f"line {first}: line ends around the value of --groups are left out",
        f"line {first}: spaces around the value of the column 'claim.team' are left out",
    ]
    tab, dash, line = [text for text in result.stderr.splitlines() if text.startswith("qsjwt: error: line")]
    assert r"invalid value for --userid: 'b\to' (must not contain control characters)" in tab
    assert "invalid value for --groups: '–x' begins with a typographic dash (type -x with plain dashes)" in dash
    assert r"invalid value for the column 'claim.team': 'a\nb'" in line


def test_what_a_whole_batch_has_in_common_is_told_once(run: Run, keys: SimpleNamespace) -> None:
    command = ("create-qseow", "--userdir", "LAB\r", "--expires", "5m", "--key", keys.files["rsa"], "--batch", "-")
    result = run(*command, stdin=b"userid\nanna\nbo\n")
    assert _warnings(result.stderr) == ["line ends around the value of --userdir are left out"]
    assert {_claims(json.loads(line)["token"])["userDirectory"] for line in result.stdout.splitlines()} == {"LAB"}


@pytest.mark.parametrize(
    "words",
    [
        ("create-qscloud", "—issuer", "i"),
        ("create-qseow", "--groups", "Sales", "–x"),
        ("create-qseow", "--claim", "–x=1"),
        ("create-qseow", "--output", "—expires"),
        ("create-qseow", "unexpected", "‒‒expires", "5m"),
        ("decode", "—jwt", "x"),
        ("check", "–f", "json"),
        ("check", "qseow", "--issuer", "–keyid"),
        ("show-key", "–f", "json"),
        ("—debug", "decode"),
    ],
)
def test_a_typographic_dash_is_refused_wherever_it_stands(run: Run, words: tuple[str, ...]) -> None:
    result = run(*words)
    result.refused(2, "begins with a typographic dash")
    assert "with plain dashes" in result.stderr


def test_a_dash_that_is_no_beginning_is_part_of_a_name(run: Run, keys: SimpleNamespace) -> None:
    result = run(*QSEOW, "--username", "Anna – Sales", "--key", keys.files["rsa"])
    assert (_claims(result.token)["name"], result.stderr) == ("Anna – Sales", "")


def test_a_value_that_nobody_can_have_meant_is_signed_with_a_warning(run: Run, keys: SimpleNamespace) -> None:
    result = run(
        *("create-qseow", "--userdir", "$(DOMAIN)", "--userid", "undefined", "--groups", "[object Object]", "IT"),
        *("--expires", "5m", "--key", keys.files["rsa"], "--claim", "team=%TEAM%"),
    )
    assert _claims(result.token)["userId"] == "undefined"
    assert [line.partition(", which")[0] for line in _warnings(result.stderr)] == [
        "the value of --userdir is '$(DOMAIN)'",
        "the value of --userid is 'undefined'",
        "the value of --groups is '[object Object]'",
        "the value of --claim 'team' is '%TEAM%'",
    ]


def test_what_check_and_registration_compare_is_text_too(run: Run, keys: SimpleNamespace) -> None:
    token = run(*CLOUD, "--key", keys.files["rsa"]).token
    result = run("check", "qscloud", "--jwt", token, "--issuer", "https://idp\r", "--keyid", " k1", "-f", "json")
    rules = {rule["rule"]: rule["status"] for rule in json.loads(result.stdout)["rules"]}
    assert (rules["iss"], rules["kid"]) == ("ok", "ok")
    result = run(
        "registration", "qscloud", "--issuer", "https://idp\r", "--keyid", "k1", "--cert-publickey-file", keys.public
    )
    assert json.loads(result.stdout)["options"]["issuer"] == "https://idp"
    assert _warnings(result.stderr) == ["line ends around the value of --issuer are left out"]


def test_what_is_in_a_file_or_in_json_is_what_it_is(run: Run, keys: SimpleNamespace, tmp_path: Path) -> None:
    (tmp_path / "claims.json").write_text('{"note": " two\\nlines "}')
    result = run(
        *QSEOW, "--claims-file", "claims.json", "--claim-json", 'x= ["–a", "b\\n"] ', "--key", keys.files["rsa"]
    )
    claims = _claims(result.token)
    assert (claims["note"], claims["x"], result.stderr) == (" two\nlines ", ["–a", "b\n"], "")


def test_what_the_program_prints_it_also_reads(run: Run, keys: SimpleNamespace) -> None:
    create = (*QSEOW, "--key", keys.files["rsa"])
    batch = ("create-qseow", "--userdir", "LAB", "--expires", "5m", "--key", keys.files["rsa"], "--batch", "-")
    texts = [run(*create, "-f", form).stdout for form in ("token", "json", "header")]
    texts.append(run(*batch, stdin=b"userid\nanna\n").stdout)
    for text in texts:
        for command in (("decode",), ("check", "qseow")):
            result = run(*command, "--cert-publickey-file", keys.public, stdin=text.encode())
            assert (result.exit_code, result.stderr) == (0, "")


def test_a_wrapped_token_is_judged_as_what_it_was(run: Run, keys: SimpleNamespace) -> None:
    token = run(*QSEOW, "--key", keys.files["rsa"]).token
    wrapped = "\r\n".join(token[i : i + 76] for i in range(0, len(token), 76))
    result = run(
        "check", "qseow", "--cert-publickey-file", keys.public, stdin=f"authorization: Bearer {wrapped}".encode()
    )
    assert result.exit_code == 0
    assert _warnings(result.stderr) == [
        "line breaks and spaces within the token are left out; Qlik would refuse it with them"
    ]


def test_from_python_what_is_left_out_is_in_the_remarks_of_each_token(keys: SimpleNamespace) -> None:
    key = f"file:{keys.files['rsa']}"
    token = create_token("qseow", key=key, userdir="LAB\r", userid="anna", groups=["a ", "b"], expires="5m")
    assert (token.claims["userDirectory"], token.claims["group"]) == ("LAB", ["a", "b"])
    common = "line ends around the value of --userdir are left out"
    assert token.remarks == [common, "spaces around the value of --groups are left out"]
    rows: list[dict[str, Any]] = [{"userid": "anna "}, {"userid": "–bo"}, {"userid": "zoe"}]
    anna, bo, zoe = create_tokens("qseow", rows, key=key, userdir="LAB\r", expires="5m")
    assert anna.token is not None
    assert anna.token.remarks == [common, "spaces around the value of --userid are left out"]
    assert bo.error is not None
    assert "typographic dash" in bo.error.message
    assert zoe.token is not None
    assert zoe.token.remarks == [common]


def test_every_option_for_a_file_or_a_key_takes_its_value_as_it_is() -> None:
    described = CommandIndex().each_parser(
        lambda words, parser: [(words, option) for option in parser.declared.options]
    )
    options = [each for command in described for each in command]
    assert len(options) > 200
    found = {
        f"{words} {option.title}"
        for words, option in options
        if option.placeholder in ("FILE", "FOLDER", "PREFIX", "PEM", "SCHEME:REFERENCE", "TOKEN")
        and not option.verbatim
    }
    assert {name for name in found if not name.endswith(" --prefix")} == set()


@pytest.mark.parametrize(
    ("text", "known"), [("Nordic", True), ("[Nordic, b]", True), ("{a: b}", True), ("[1, 2", False)]
)
def test_json_without_its_quotes_comes_with_the_way_around_the_shell(
    run: Run, keys: SimpleNamespace, text: str, known: bool
) -> None:
    result = run(*QSEOW, "--key", keys.files["rsa"], "--claim-json", f"team={text}")
    result.refused(2, "--claim-json 'team' cannot be read: it is not JSON")
    assert ("Windows PowerShell takes them out" in result.stderr) == known
    assert ("--claims-file FILE, or --claim team=VALUE" in result.stderr) == known


def test_json_that_fell_into_words_comes_with_it_too(run: Run, keys: SimpleNamespace) -> None:
    result = run(*QSEOW, "--key", keys.files["rsa"], "--claim-json", "team={a:", "b", "c}")
    result.refused(2, "unexpected argument after --claim-json", "put JSON into a file")
    result = run(*QSEOW, "--key", keys.files["rsa"], "--username", "Anna", "Andersson")
    result.refused(2, "unexpected argument after --username")
    assert "JSON" not in result.stderr


def test_a_claims_file_with_the_type_of_a_collection_in_its_place_is_refused(run: Run, keys: SimpleNamespace) -> None:
    Path("claims.json").write_text('{"region": {"sites": "System.Object[]"}}', encoding="utf-8")
    run(*QSEOW, "--key", keys.files["rsa"], "--claims-file", "claims.json").refused(2, "claims file", "larger -Depth")


def test_true_as_powershell_writes_it_is_a_boolean(run: Run, keys: SimpleNamespace) -> None:
    token = run(*QSEOW, "--key", keys.files["rsa"], "--claim-json", "trial=True", "--claim-json", "old=FALSE").token
    assert (_claims(token)["trial"], _claims(token)["old"]) == (True, False)


def test_a_comma_that_was_left_at_the_end_of_a_group_is_warned_of(run: Run, keys: SimpleNamespace) -> None:
    result = run(*QSEOW, "--key", keys.files["rsa"], "--groups", "Sales,", "IT")
    assert _warnings(result.stderr) == ["the value of --groups is 'Sales,', which ends with a separator as part of it"]
