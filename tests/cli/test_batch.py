"""--batch: many tokens from one file, each as right as one alone, and nothing lost when a row is bad."""

import contextlib
import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import jwt as pyjwt
import pytest

from tests.conftest import InstallPlugin, Run, interruptible, is_private, posix, run_process
from tests.programs import run_program, unmeasured

BASE = ("create-qseow", "--userdir", "LAB", "--expires", "5m")


@pytest.fixture
def batch(run: Run, keys: SimpleNamespace, tmp_path: Path) -> Run:
    """Run ``create-qseow --batch`` on a file with the content that is given: ``batch("userid\\nanna\\n", ...)``."""

    def runner(content: str | bytes, *more: object, name: str = "users.csv", **how: Any) -> Any:
        (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return run(*BASE, "--key", keys.files["rsa"], "--batch", name, *more, **how)

    return runner


def _records(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def _claims(record: dict[str, Any], keys: SimpleNamespace) -> dict[str, Any]:
    claims: dict[str, Any] = pyjwt.decode(record["token"], keys.rsa.public_key(), ["RS256"])
    return claims


def _errors(stderr: str) -> list[str]:
    return [line.removeprefix("qsjwt: error: ") for line in stderr.splitlines() if line.startswith("qsjwt: error: ")]


def test_each_row_becomes_a_token_in_its_order(batch: Run, keys: SimpleNamespace) -> None:
    rows = "".join(f"user{n},User {n},a;b\n" for n in range(100))
    result = batch(f"userid,username,groups\n{rows}", "--jobs", "4")
    assert (result.exit_code, result.stderr) == (0, "")
    records = _records(result.stdout)
    assert [(record["row"], record["userid"]) for record in records] == [(n + 1, f"user{n}") for n in range(100)]
    assert list(records[0]) == ["row", "userid", "username", "token", "expires_at"]
    for record in records:
        claims = _claims(record, keys)
        assert (claims["userId"], claims["userDirectory"], claims["group"]) == (record["userid"], "LAB", ["a", "b"])
        assert record["expires_at"] == time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(claims["exp"]))


def test_a_row_overrides_the_command_line_and_an_empty_cell_does_not(batch: Run, keys: SimpleNamespace) -> None:
    content = "userid,userdir,groups,expires,claim.dept\nanna,HQ,x; y ;,1h,D1\nbo,,,,\n"
    result = batch(content, "--groups", "a", "--claim", "dept=D0", "--claim-json", "n=1")
    anna, bo = (_claims(record, keys) for record in _records(result.stdout))
    assert (anna["userDirectory"], anna["group"], anna["dept"], anna["n"]) == ("HQ", ["x", "y"], "D1", 1)
    assert (bo["userDirectory"], bo["group"], bo["dept"], bo["n"]) == ("LAB", ["a"], "D0", 1)
    assert 3600 <= anna["exp"] - anna["iat"] <= 3640
    assert 300 <= bo["exp"] - bo["iat"] <= 340


def test_what_is_required_may_come_from_the_row_or_the_command_line(
    run: Run, keys: SimpleNamespace, tmp_path: Path
) -> None:
    (tmp_path / "b.jsonl").write_text(
        '{"userid":"anna","userdir":"A","expires":"5m"}\n{"userid":"bo","expires":"5m"}\n', encoding="utf-8"
    )
    command = ("create-qseow", "--key", keys.files["rsa"], "--batch", "b.jsonl")
    result = run(*command)
    assert (result.exit_code, len(_records(result.stdout))) == (2, 1)
    assert _errors(result.stderr)[0].startswith("line 2: --userdir is missing (give it in the row, or ")
    assert run(*command, "--userdir", "B").exit_code == 0


def test_json_lines_have_typed_claims_and_lists(batch: Run, keys: SimpleNamespace) -> None:
    row = {
        **{"userid": 17, "groups": ["a;b", "c"], "claim.level": 3, "claim.admin": True, "claim.tags": ["x", {"y": 1}]},
        **{"claim.text": "3", "claim-json.parsed": '{"z":1}', "claim-json.number": 2, "username": None},
    }
    (record,) = _records(batch(json.dumps(row), name="users.jsonl").stdout)
    claims = _claims(record, keys)
    assert (claims["userId"], claims["group"], "name" in claims) == ("17", ["a;b", "c"], False)
    assert (claims["level"], claims["admin"], claims["tags"]) == (3, True, ["x", {"y": 1}])
    assert (claims["text"], claims["parsed"], claims["number"]) == ("3", {"z": 1}, 2)


def test_a_text_of_json_is_one_value(batch: Run, keys: SimpleNamespace) -> None:
    (record,) = _records(batch('{"userid":"anna","groups":"a;b"}', name="users.jsonl").stdout)
    assert _claims(record, keys)["group"] == ["a;b"]


def test_csv_has_typed_claims_too(batch: Run, keys: SimpleNamespace) -> None:
    (record,) = _records(batch('userid,claim.a,claim-json.b\nanna,1,"[1,true]"\n').stdout)
    claims = _claims(record, keys)
    assert (claims["a"], claims["b"]) == ("1", [1, True])


def test_the_output_may_be_csv(batch: Run, keys: SimpleNamespace) -> None:
    result = batch('username,userid\n"B, Bo",bo\n,anna\n', "--format", "csv")
    head, *rows = csv.reader(io.StringIO(result.stdout))
    assert head == ["row", "username", "userid", "token", "expires_at"]
    assert [row[:3] for row in rows] == [["1", "B, Bo", "bo"], ["2", "", "anna"]]
    assert _claims({"token": rows[0][3]}, keys)["name"] == "B, Bo"


def test_json_lines_become_csv_with_all_that_says_who_it_is(batch: Run) -> None:
    result = batch('{"userid":"anna"}\n{"useremail":"b@x","userid":"bo"}\n', "-f", "csv", name="users.jsonl")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [(row["userid"], row["useremail"]) for row in rows] == [("anna", ""), ("bo", "b@x")]


@pytest.mark.parametrize(("form", "content"), [("csv", "userid\nanna\n"), ("jsonl", '{"userid":"anna"}\n')])
def test_standard_input_is_a_batch_too(run: Run, keys: SimpleNamespace, form: str, content: str) -> None:
    for more in ((), ("--batch-format", form)):
        result = run(*BASE, "--key", keys.files["rsa"], "--batch", "-", *more, stdin=content.encode("utf-16"))
        assert [record["userid"] for record in _records(result.stdout)] == ["anna"]


def test_key_and_batch_cannot_both_be_standard_input(run: Run) -> None:
    result = run(*BASE, "--key", "stdin:", "--batch", "-", stdin=b"userid\nanna\n")
    result.refused(2, "--batch -", "--key stdin:", "both read standard input")


BAD = b"""userid,useremail,groups,expires,claim-json.n
anna,,,,1
,b@x,,,
carl,,,soon,
dora,,a
"eva,,,,
fri\xff,,,,
gus,,,,{
hal\\ina,,,,
ida,,a;b,10m,2
"""


def test_bad_rows_are_named_by_their_lines_and_the_others_are_signed(batch: Run, keys: SimpleNamespace) -> None:
    result = batch(BAD)
    assert result.exit_code == 2
    assert [(record["row"], _claims(record, keys)["userId"]) for record in _records(result.stdout)] == [
        (1, "anna"),
        (9, "ida"),
    ]
    *bad, last = _errors(result.stderr)
    assert [line.partition(":")[0] for line in bad] == [f"line {n}" for n in range(3, 10)]
    for line, words in zip(
        bad, ("--userid is missing", "'soon'", "cells", "quoted", "not valid in", "JSON", "backslash"), strict=True
    ):
        assert words in line
    assert last == "7 of 9 rows got no token"


def test_bad_rows_of_json_lines_are_named_too(run: Run, keys: SimpleNamespace, tmp_path: Path) -> None:
    (tmp_path / "b.ndjson").write_text(
        '{"userid":"anna"}\n{"userid":["a"]}\n{"userid":{}}\n{"usrid":"x","userid":"x"}\n{"userid":"b","useremail":"b@x",'
        '"groups":[["x"]]}\n{"userid":"c","claim.a":1,"claim-json.a":2}\n{"userid":"d","claim":"a=1"}\n'
        '{"userid":"e","key":"k.pem"}\n{"userid":"z"}',
        encoding="utf-8",
    )
    result = run(*BASE, "--key", keys.files["rsa"], "--batch", "b.ndjson")
    assert [record["userid"] for record in _records(result.stdout)] == ["anna", "z"]
    *bad, _ = _errors(result.stderr)
    for line, words in zip(
        bad,
        (
            *("line 2: --userid takes one value", "line 3: --userid takes a string", "did you mean"),
            *(
                "line 5: --groups takes one value",
                "line 6: the columns 'claim.a' and 'claim-json.a' set the same claim",
            ),
            *("line 7: the column 'claim' does not say which claim", "line 8: --key is the same for all rows"),
        ),
        strict=True,
    ):
        assert words in line


def test_a_bad_boolean_is_named(run: Run, keys: SimpleNamespace, tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text(
        "subject,username,useremail,useremail-verified\nanna,Anna,a@x,true\nbo,Bo,b@x,maybe\n", encoding="utf-8"
    )
    base = ("create-qscloud", "--issuer", "i", "--keyid", "thumbprint", "--expires", "5m", "--key", keys.files["rsa"])
    result = run(*base, "--batch", "c.csv")
    (record,) = _records(result.stdout)
    assert _claims_of_cloud(record, keys)["email_verified"] is True
    assert record["subject"] == "anna"
    assert _errors(result.stderr)[0].startswith(
        "line 3: invalid choice for --useremail-verified: 'maybe' (choose from true, false)"
    )
    (tmp_path / "c.jsonl").write_text('{"subject":"a","username":"A","useremail":"a@x","useremail-verified":false}\n')
    (record,) = _records(run(*base, "--batch", "c.jsonl").stdout)
    assert _claims_of_cloud(record, keys)["email_verified"] is False


def _claims_of_cloud(record: dict[str, Any], keys: SimpleNamespace) -> dict[str, Any]:
    claims: dict[str, Any] = pyjwt.decode(
        record["token"], keys.rsa.public_key(), ["RS256"], options={"verify_aud": False}
    )
    return claims


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("usrid", ("unknown column 'usrid'", "userid")),
        ("key", ("--key is the same for all rows",)),
        ("output", ("--output is the same for all rows",)),
        ("no-check", ("--no-check is the same for all rows",)),
        ("claims-file", ("--claims-file is the same for all rows",)),
        ("claim", ("does not say which claim", "claim.NAME")),
        ("claim.", ("unknown column 'claim.'",)),
        ("help", ("--help is the same for all rows",)),
    ],
)
def test_an_unknown_column_is_an_error_before_anything_is_opened(
    run: Run, tmp_path: Path, column: str, words: tuple[str, ...]
) -> None:
    (tmp_path / "users.csv").write_text(f"userid,{column}\nanna,x\n", encoding="utf-8")
    run(*BASE, "--key", "no-such-key.pem", "--batch", "users.csv").refused(2, *words)


def test_the_first_bad_row_is_the_last_if_that_is_wanted(batch: Run, tmp_path: Path) -> None:
    (tmp_path / "tokens.jsonl").write_text("old", encoding="utf-8")
    result = batch("userid\nanna\n\\\nbo\n", "--fail-fast", "--output", "tokens.jsonl")
    result.refused(2, "line 3: ", "backslash")
    assert (tmp_path / "tokens.jsonl").read_text(encoding="utf-8") == "old"
    assert {path.name for path in tmp_path.iterdir()} == {"users.csv", "tokens.jsonl"}


def test_the_output_is_private_and_whole_even_if_rows_are_bad(batch: Run, tmp_path: Path) -> None:
    result = batch("userid\nanna\n\\\nbo\n", "--output", "tokens.jsonl")
    assert (result.exit_code, result.stdout) == (2, "")
    output = tmp_path / "tokens.jsonl"
    assert [record["userid"] for record in _records(output.read_text(encoding="utf-8"))] == ["anna", "bo"]
    assert is_private(output)


def test_the_batch_is_not_replaced_by_its_tokens(batch: Run, tmp_path: Path, keys: SimpleNamespace) -> None:
    batch("userid\nanna\n", "--output", "users.csv").refused(2, "is the batch file itself")
    with (tmp_path / "users.csv").open("rb") as redirected:
        ended = run_process(
            *BASE, "--key", keys.files["rsa"], "--batch", "-", "--output", "users.csv", stdin=redirected
        )
    assert ended.returncode == 2
    assert b"is the batch file itself" in ended.stderr
    assert (tmp_path / "users.csv").read_text(encoding="utf-8") == "userid\nanna\n"


def test_a_batch_without_rows_is_said(batch: Run) -> None:
    result = batch("userid\n")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "the batch has no rows" in result.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--jobs", "2"), "--jobs can only be used with --batch"),
        (("--fail-fast",), "--fail-fast can only be used with --batch"),
        (("--batch-format", "csv"), "--batch-format can only be used with --batch"),
        (("--format", "csv"), "--format csv can only be used with --batch"),
        (("--batch", "none.csv"), "the batch file 'none.csv' does not exist"),
        (("--batch", "."), "is a folder"),
        (("--batch", ""), "the name of the batch file is empty"),
        (("--batch", "b", "--format", "token"), "--format token prints one token"),
        (("--batch", "b", "--jobs", "0"), "must be between 1 and 256"),
        (("--batch", "b", "--jobs", "many"), "must be a whole number"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    qseow: Run, keys: SimpleNamespace, options: tuple[str, ...], words: str
) -> None:
    qseow("--key", keys.files["rsa"], *options).refused(2, words)


def test_a_warning_that_holds_for_all_rows_is_said_once(run: Run, keys: SimpleNamespace, tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("subject\n" + "".join(f"u{n}\n" for n in range(50)), encoding="utf-8")
    base = ("create-qscloud", "--issuer", "i", "--keyid", "k", "--expires", "5m", "--key", keys.files["rsa"])
    result = run(*base, "--batch", "c.csv")
    warnings = [line for line in result.stderr.splitlines() if "warning: line 2: " in line]
    assert warnings
    assert len(result.stderr.splitlines()) == 2 * len(warnings)
    assert "the same applies to 49 more rows: " in result.stderr


def test_warnings_without_an_end_are_counted(
    run: Run, keys: SimpleNamespace, tmp_path: Path, installed_plugin: InstallPlugin
) -> None:
    installed_plugin(
        "wordy",
        {"qsjwt.platform.v1": "wordy = wordy:Wordy"},
        """
        from qsjwt.api import Platform, Token, time_claims

        class Wordy(Platform):
            summary = "Wordy"

            def add_options(self, group):
                group.add("--user", required=True)

            def build(self, request, now):
                return Token({}, time_claims(request, now), remarks=[f"{request.options.user} is odd"])

        """,
    )
    (tmp_path / "users.csv").write_text("user\n" + "".join(f"u{n}\n" for n in range(50)), encoding="utf-8")
    result = run("create-wordy", "--expires", "5m", "--key", keys.files["rsa"], "--batch", "users.csv")
    assert len([line for line in result.stderr.splitlines() if line.endswith("is odd")]) == 20
    assert "30 more warnings of other kinds" in result.stderr


def test_warnings_of_many_kinds_are_counted(batch: Run) -> None:
    rows = "".join(f"  u{n} ,D{n}{' ' * (n % 2)}\n" for n in range(4))
    result = batch(f"userid,userdir\n{rows}", "--no-check")
    assert "spaces around the value of --userid are left out" in result.stderr
    assert "the same applies to 3 more rows: spaces around the value of --userid" in result.stderr


def test_a_summary_is_said_to_those_who_want_it(batch: Run) -> None:
    assert batch("userid\nanna\nbo\n").stderr == ""
    told = batch("userid\nanna\nbo\n\\\n", "--loglevel", "info").stderr
    assert re.search(r"^qsjwt: info: 2 tokens in \d+\.\d s( \([\d,]+/s\))?, 1 row failed$", told, re.MULTILINE)


def test_the_key_is_opened_once_and_closed(
    run: Run, tmp_path: Path, keys: SimpleNamespace, installed_plugin: InstallPlugin
) -> None:
    installed_plugin(
        "counting",
        {"qsjwt.key_provider.v1": "counting = counting:Counting"},
        f"""
        from qsjwt.api import KeyProvider, open_signer

        class Counting(KeyProvider):
            summary = "counting:"

            def open(self, reference, secrets):
                signer = open_signer({str(keys.files["rsa"])!r}, secrets)
                log = open("log", "a")
                log.write("open ")
                print("chatter of a provider")
                sign = signer.sign

                def said(data, algorithm):
                    print("chatter of a thread")
                    return sign(data, algorithm)

                signer.sign = said
                signer.close = lambda: (log.write("close"), log.close())
                return signer
        """,
    )
    (tmp_path / "users.csv").write_text("userid\n" + "anna\n" * 20, encoding="utf-8")
    before = sys.stdout
    result = run(*BASE, "--key", "counting:", "--batch", "users.csv", "--jobs", "3")
    assert sys.stdout is before
    assert (tmp_path / "log").read_text(encoding="utf-8") == "open close"
    assert len(_records(result.stdout)) == 20
    assert result.stderr.count("chatter of a thread") == 20  # the ends of lines may come in another order


def test_the_key_is_closed_when_nobody_signs_any_more(
    run: Run, tmp_path: Path, keys: SimpleNamespace, installed_plugin: InstallPlugin
) -> None:
    installed_plugin(
        "slow",
        {"qsjwt.key_provider.v1": "slow = slow:Slow"},
        f"""
        import pathlib, time
        from qsjwt.api import KeyProvider, open_signer

        class Slow(KeyProvider):
            summary = "slow:"

            def open(self, reference, secrets):
                signer = open_signer({str(keys.files["rsa"])!r}, secrets)
                sign, active = signer.sign, []

                def slow(data, algorithm):
                    active.append(1)
                    time.sleep(0.3)
                    active.pop()
                    return sign(data, algorithm)

                def close():
                    pathlib.Path("closed").write_text(str(len(active)))

                signer.sign, signer.close = slow, close
                return signer
        """,
    )
    (tmp_path / "users.csv").write_text("userid\n\\\n" + "anna\n" * 20, encoding="utf-8")
    run(*BASE, "--key", "slow:", "--batch", "users.csv", "--jobs", "3", "--fail-fast").refused(2, "line 2: ")
    assert (tmp_path / "closed").read_text(encoding="utf-8") == "0"


def test_a_signature_that_fails_spoils_its_row(
    run: Run, tmp_path: Path, keys: SimpleNamespace, installed_plugin: InstallPlugin
) -> None:
    installed_plugin(
        "moody",
        {"qsjwt.key_provider.v1": "moody = moody:Moody"},
        f"""
        from qsjwt.api import KeyProvider, SigningFailed, open_signer

        class Moody(KeyProvider):
            summary = "moody:"

            def open(self, reference, secrets):
                signer = open_signer({str(keys.files["rsa"])!r}, secrets)
                sign = signer.sign
                count = iter(range(10))
                answers = [None, SigningFailed("throttled", hint="ask less often"), b"garbage", SystemExit(0), None]

                def moody(data, algorithm):
                    answer = answers[next(count)]
                    if isinstance(answer, BaseException):
                        raise answer
                    return answer or sign(data, algorithm)

                signer.sign = moody
                return signer
        """,
    )
    (tmp_path / "users.csv").write_text("userid\na\nb\nc\nd\ne\n", encoding="utf-8")
    result = run(*BASE, "--key", "moody:", "--batch", "users.csv", "--jobs", "1")
    assert (result.exit_code, [record["userid"] for record in _records(result.stdout)]) == (2, ["a", "e"])
    throttled, garbage, exited, _ = _errors(result.stderr)
    assert throttled == "line 3: throttled (ask less often)"
    assert garbage.startswith("line 4: the signature does not verify")
    assert exited.startswith("line 5: the key provider 'moody' of moody 1.2.3 does not sign: SystemExit")


ODD = """
import argparse
from qsjwt.api import Platform, Token, time_claims

class Odd(Platform):
    summary = "Odd"

    def add_options(self, group):
        group.add("--user", "--who", required=True)
        group.add("--level", type=int, choices=(1, 2, 3))
        group.add("--admin", action="store_true")
        group.add("--mail", action=argparse.BooleanOptionalAction, default=None)
        group.add("--role", action="append", default=["base"])
        group.add("--pair", nargs=2)
        group.add("--word", type=str.upper)
        one = group.one_of(required=True)
        one.add("--site")
        one.add("--region")

    def build(self, request, now):
        if request.options.user == "bug":
            raise KeyError("a bug")
        names = ("user", "level", "admin", "mail", "role", "pair", "word", "site", "region")
        return Token({}, {**{name: getattr(request.options, name) for name in names}, **time_claims(request, now)})

"""


@pytest.fixture
def odd(run: Run, keys: SimpleNamespace, tmp_path: Path, installed_plugin: InstallPlugin) -> Run:
    """Run ``create-odd --batch``, of a third-party platform with every kind of option, on rows."""
    installed_plugin("odd-jwt", {"qsjwt.platform.v1": "odd = odd_jwt:Odd"}, ODD)

    def runner(*rows: dict[str, Any], command: tuple[str, ...] = ()) -> Any:
        (tmp_path / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
        return run("create-odd", "--expires", "5m", "--key", keys.files["rsa"], "--batch", "rows.jsonl", *command)

    return runner


def test_a_third_party_options_keep_their_types_in_rows(odd: Run, keys: SimpleNamespace) -> None:
    full = {
        **{"who": "anna", "level": 2, "admin": True, "mail": False, "role": ["a", "b"], "pair": ["x", "y"]},
        **{"word": "loud", "site": "S"},
    }
    result = odd(full, {"user": "bo", "admin": "false", "no-mail": False, "region": "R"})
    first, second = (_claims(record, keys) for record in _records(result.stdout))
    assert (first["user"], first["level"], first["admin"], first["mail"]) == ("anna", 2, True, False)
    assert (first["role"], first["pair"], first["word"], first["site"]) == (["a", "b"], ["x", "y"], "LOUD", "S")
    assert (second["admin"], second["mail"], second["role"], second["region"]) == (False, True, ["base"], "R")


def test_a_third_party_options_keep_their_rules_in_rows(odd: Run) -> None:
    good = {"user": "anna", "site": "S"}
    result = odd(
        {"site": "S"},
        {"user": "anna"},
        {**good, "region": "R"},
        {**good, "level": 4},
        {**good, "level": "x"},
        {**good, "admin": "perhaps"},
        {**good, "pair": ["x"]},
        {**good, "who": "bo"},
        {"user": "bug", "site": "S"},
        good,
    )
    *bad, _ = _errors(result.stderr)
    for line, words in zip(
        bad,
        (
            *("--user is missing", "--site or --region is missing", "--region cannot be combined"),
            *(
                "invalid choice for --level: '4' (choose from 1, 2, 3)",
                "invalid value for --level: 'x'",
                "'perhaps' (must be true or false)",
            ),
            *("--pair takes 2 values at a time, not 1", "--user cannot be combined", "does not build the claims"),
        ),
        strict=True,
    ):
        assert words in line
    assert len(_records(result.stdout)) == 1


SHARING = """
from qsjwt.api import Platform, Token, time_claims

def pair(text):
    name, _, value = text.partition("=")
    return {name: value}

class Sharing(Platform):
    summary = "Sharing"

    def add_options(self, group):
        group.add("--user", required=True)
        group.add("--pair", type=pair, default={"base": "0"})
        group.add("--word", action="append", default=[])
        group.add("--role", nargs="+", default=None)

    def build(self, request, now):
        roles = [*(request.options.role or []), "Everyone"]
        word, pair = request.options.word, request.options.pair
        return Token({}, {"pair": pair, "word": word, "role": roles, **time_claims(request, now)})

"""


def test_nothing_of_one_row_gets_into_the_token_of_another(
    run: Run, keys: SimpleNamespace, tmp_path: Path, installed_plugin: InstallPlugin
) -> None:
    installed_plugin("sharing", {"qsjwt.platform.v1": "sharing = sharing:Sharing"}, SHARING)
    (tmp_path / "rows.csv").write_text("user,pair,word\na,x=1,A\nb,y=2,B\nc,,\n", encoding="utf-8")
    result = run(
        *("create-sharing", "--expires", "5m", "--key", keys.files["rsa"], "--batch", "rows.csv"),
        *("--role", "r", "--jobs", "1"),
    )
    claims = [_claims(record, keys) for record in _records(result.stdout)]
    assert [claim["pair"] for claim in claims] == [{"x": "1"}, {"y": "2"}, {"base": "0"}]
    assert [claim["word"] for claim in claims] == [["A"], ["B"], []]
    assert [claim["role"] for claim in claims] == [["r", "Everyone"]] * 3


STRICT = """
import argparse
from qsjwt.api import Platform, Token, time_claims

def picky(text):
    raise argparse.ArgumentTypeError("wants another word")

class Strict(Platform):
    summary = "Strict"

    def add_options(self, group):
        group.add("--role", nargs="+", required=True)
        group.add("--any", nargs="*", default=["7"])
        group.add("--hidden", action="store_true", help=argparse.SUPPRESS)
        group.add("--pairs", nargs=2, action="append")
        group.add("--picky", type=picky)
        group.add("--user_id")
        one = group.one_of()
        one.add("--na")
        one.add("--nb", type=int, default="5")
        two = group.one_of()
        two.add("--ma", action="store_true")
        two.add("--mb", action="store_true")

    def build(self, request, now):
        names = ("role", "any", "hidden", "pairs", "user_id", "na", "nb", "ma", "mb")
        return Token({}, {**{n: getattr(request.options, n, "absent") for n in names}, **time_claims(request, now)})

"""


def test_defaults_and_empty_lists_are_those_of_the_command_line(
    run: Run, keys: SimpleNamespace, tmp_path: Path, installed_plugin: InstallPlugin
) -> None:
    installed_plugin("strict", {"qsjwt.platform.v1": "strict = strict:Strict"}, STRICT)
    rows: list[dict[str, Any]] = [
        {"role": ["r"], "na": "1", "hidden": False, "ma": False, "mb": True, "any": []},
        {"role": "r", "nb": 2, "hidden": True, "pairs": [["a", "b"], ["c", "d"]], "user_id": "u"},
        {"role": ["r"], "mb": False, "pairs": ["a", "b"]},
        {"role": []},
        {"role": ["r"], "picky": "x"},
        {"role": ["r"], "na": "1", "nb": 1},
    ]
    (tmp_path / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    command = ("create-strict", "--expires", "5m", "--key", keys.files["rsa"], "--batch", "rows.jsonl")
    result = run(*command, "--ma")
    one, two, three = (_claims(record, keys) for record in _records(result.stdout))
    assert (one["nb"], one["hidden"], one["ma"], one["mb"], one["any"]) == (5, False, False, True, [])
    assert (two["nb"], two["hidden"], two["pairs"], two["user_id"]) == (2, True, [["a", "b"], ["c", "d"]], "u")
    assert (three["ma"], three["mb"], three["pairs"], three["any"]) == (True, False, [["a", "b"]], ["7"])
    missing, picky, both, _ = _errors(result.stderr)
    assert missing.startswith("line 4: --role is missing")
    assert picky == "line 5: invalid value for --picky: wants another word"
    assert "cannot be combined" in both


def test_a_line_end_in_a_name_makes_no_row_of_its_own(batch: Run, keys: SimpleNamespace) -> None:
    result = batch('userid,username\nanna,"Anna\nadmin,x\n""boss"",y"\nbo,"Bo\nBerg"\n"cut\nzoe,Zoe\n')
    assert [(record["userid"], record.get("username")) for record in _records(result.stdout)] == [("zoe", "Zoe")]
    anna, bo, cut, _ = _errors(result.stderr)
    assert anna.startswith(
        r"""line 2: invalid value for --username: 'Anna\nadmin,x\n"boss",y' (must not contain control"""
    )
    assert bo.startswith("line 5: invalid value for --username")
    assert cut == "line 7: a quoted cell is not closed"


def test_what_is_signed_is_given_out_before_the_next_row_is_there(keys: SimpleNamespace) -> None:
    command = [sys.executable, "-m", "qsjwt", *BASE, "--key", str(keys.files["rsa"]), "--batch", "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        end = threading.Timer(60, process.kill)  # if it waits for another row, it does so for ever
        end.start()
        process.stdin.write(b"userid\n")
        for name in ("anna", "bo"):
            process.stdin.write(f"{name}\n".encode())
            assert json.loads(process.stdout.readline())["userid"] == name
        process.stdin.close()
        assert process.wait(60) == 0
        end.cancel()


def test_a_row_replaces_its_rival_of_the_command_line(odd: Run, keys: SimpleNamespace) -> None:
    result = odd({"region": "R"}, {}, command=("--user", "anna", "--site", "S"))
    first, second = (_claims(record, keys) for record in _records(result.stdout))
    assert (first["site"], first["region"]) == (None, "R")
    assert (second["site"], second["region"]) == ("S", None)


def test_nothing_secret_of_a_bad_row_is_shown(batch: Run, keys: SimpleNamespace) -> None:
    key = keys.files["rsa"].read_text(encoding="ascii")
    rows = [{"userid": "anna", "expires": key}, {"userid": "bo", "usrid": key}, {key: "x"}]
    result = batch("".join(f"{json.dumps(row)}\n" for row in rows), name="users.jsonl")
    assert result.exit_code == 2
    assert key[40:90] not in result.stderr


def test_a_new_key_may_sign_a_batch(run: Run, tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text("userid\nanna\nbo\n", encoding="utf-8")
    result = run(*BASE, "--key", "create:team_?size=2048", "--batch", "users.csv")
    assert len(_records(result.stdout)) == 2
    assert (tmp_path / "team_privatekey.pem").exists()


def test_a_reader_that_goes_away_ends_the_batch(keys: SimpleNamespace, tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text("userid\n" + "anna\n" * 2000, encoding="utf-8")
    command = [sys.executable, "-m", "qsjwt", *BASE, "--key", str(keys.files["rsa"]), "--batch", "users.csv"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(60) == 141
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()


@posix("FIFOs and signals from other processes")
@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGKILL", -9)])
@pytest.mark.parametrize("old", ["old", None])
def test_a_batch_that_is_ended_leaves_the_old_output_or_none(
    keys: SimpleNamespace, tmp_path: Path, name: str, code: int, old: str | None
) -> None:
    output = tmp_path / "out" / "tokens.jsonl"
    output.parent.mkdir()
    if old is not None:
        output.write_text(old, encoding="utf-8")
    os.mkfifo(tmp_path / "users.csv")
    command = [sys.executable, "-m", "qsjwt", *BASE, "--key", str(keys.files["rsa"]), "--batch", "users.csv"]
    process = subprocess.Popen(
        [*command, "--output", str(output)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=interruptible,  # noqa: PLW1509 - no thread is there yet
    )
    with (tmp_path / "users.csv").open("wb", buffering=0) as rows:
        rows.write(b"userid\n" + b"anna\n" * 50)
        deadline = time.monotonic() + 60
        while not list(output.parent.glob(".qsjwt-*")) and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.2)
        process.send_signal(getattr(signal, name))
        assert process.communicate(timeout=60) == (b"", b"")
    assert process.returncode == code
    assert (output.read_text(encoding="utf-8") if output.exists() else None) == old
    if name != "SIGKILL":
        assert [path.name for path in output.parent.iterdir()] == (["tokens.jsonl"] if old else [])


def _on_a_terminal(
    *arguments: object, stdout: Any = None, variables: Mapping[str, str] = MappingProxyType({}), **how: Any
) -> tuple[int, str]:
    """Run the program at a terminal, *stdout* aside if it goes elsewhere; return its exit code, and what is shown."""
    import pty

    outer, inner = pty.openpty()
    command = [sys.executable, "-m", "qsjwt", *map(str, arguments)]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100", **variables}
    with subprocess.Popen(command, stdout=stdout or inner, stderr=inner, env=environment, **how) as process:
        os.close(inner)
        shown = b""
        with contextlib.suppress(OSError):  # Linux says so when the last writer is gone
            while data := os.read(outer, 65536):
                shown += data
    os.close(outer)
    return process.returncode, shown.decode()


def _summary(shown: str, *more: str) -> None:
    """Assert that the last line that stays, *more* aside, says what the batch came to."""
    lines = (line.rpartition("\x1b[2K")[2] for line in shown.splitlines())  # what the bar leaves is erased
    *_, line = (line for line in lines if not line.startswith("qsjwt: "))
    assert re.fullmatch(r"200 tokens in \d+\.\d s \([\d,]+/s\)" + "".join(more), line), shown


@posix("pseudo-terminals")
@pytest.mark.parametrize("output", [(), ("--output", "tokens.jsonl")])
def test_a_terminal_gets_progress_and_a_summary_and_the_result_the_tokens_alone(
    keys: SimpleNamespace, tmp_path: Path, output: tuple[str, ...]
) -> None:
    (tmp_path / "users.csv").write_text("userid\n" + "anna\n" * 100 + "\\\n" + "bo\n" * 100, encoding="utf-8")
    with open("stdout", "wb") as stdout:
        code, shown = _on_a_terminal(
            *(*BASE, "--key", keys.files["rsa"], "--batch", "users.csv", *output), stdout=stdout
        )
    assert code == 2
    assert len(_records(Path(output[1] if output else "stdout").read_text("utf-8"))) == 200
    for part in ("100%", "200 tokens, 1 failed (", "/s)", " left", "line 102: "):
        assert part in shown
    _summary(shown, ", 1 row failed")


@posix("pseudo-terminals")
@pytest.mark.parametrize(
    ("variables", "has_bar"),
    [({"LC_ALL": "C.UTF-8"}, True), ({"LC_ALL": "C.UTF-8", "COLUMNS": "60"}, False), ({"LC_ALL": "C"}, False)],
)
def test_a_bar_is_drawn_where_it_has_room_and_its_characters(
    keys: SimpleNamespace, tmp_path: Path, variables: dict[str, str], has_bar: bool
) -> None:
    (tmp_path / "users.csv").write_text("userid\nanna\n", encoding="utf-8")
    arguments = (*BASE, "--key", keys.files["rsa"], "--batch", "users.csv", "--output", "tokens.jsonl")
    code, shown = _on_a_terminal(*arguments, variables=variables)
    assert code == 0
    assert ("━" in shown) == has_bar
    assert "100%" in shown
    assert shown.isascii() or has_bar


@posix("pseudo-terminals")
def test_a_batch_of_unknown_size_gets_progress_without_a_share_or_an_end(keys: SimpleNamespace, tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text("userid\n" + "anna\n" * 200, encoding="utf-8")
    with open("users.csv", "rb") as stdin:
        arguments = (*BASE, "--key", keys.files["rsa"], "--batch", "-", "--batch-format", "csv")
        code, shown = _on_a_terminal(*arguments, stdin=stdin, stdout=subprocess.DEVNULL)
    assert code == 0
    assert "0 tokens" in shown
    assert "%" not in shown
    assert "left" not in shown
    _summary(shown)


@posix("pseudo-terminals")
def test_a_terminal_that_shows_the_tokens_gets_no_bar_between_them(keys: SimpleNamespace, tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text("userid\n" + "anna\n" * 200, encoding="utf-8")
    code, shown = _on_a_terminal(*BASE, "--key", keys.files["rsa"], "--batch", "users.csv")
    *tokens, _ = shown.splitlines()
    assert (code, len(_records("\n".join(tokens)))) == (0, 200)
    _summary(shown)


@posix("pseudo-terminals")
def test_a_terminal_is_quiet_if_that_is_asked_for(keys: SimpleNamespace, tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text("userid\nanna\n", encoding="utf-8")
    arguments = (*BASE, "--key", keys.files["rsa"], "--batch", "users.csv", "--output", "tokens.jsonl")
    assert _on_a_terminal("-q", *arguments) == (0, "")
    assert _on_a_terminal(*arguments, "--loglevel", "error") == (0, "")


@posix("module resource")
def test_memory_does_not_grow_with_the_batch(keys: SimpleNamespace, tmp_path: Path) -> None:
    code = (
        "import resource, sys; from qsjwt.cli.app import main; code = main(sys.argv[1:]);"
        "print(code, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
    )
    peaks = []
    for count in (500, 5000):
        # A key on P-256 signs fast; what grows, grows with the rows.
        rows = "".join(f'{{"client-id":"{n}","claim.x":"{"x" * 200}"}}\n' for n in range(count))
        (tmp_path / f"{count}.jsonl").write_text(rows, encoding="utf-8")
        arguments = (
            *("create-qscloud-oauth", "--tenant", "https://t.eu.qlikcloud.com", "--keyid", "k", "--expires", "5m"),
            *("--key", str(keys.files["p384"]), "--batch", f"{count}.jsonl", "--output", f"{count}.out"),
        )
        ended = run_program(sys.executable, "-c", code, *arguments, env=unmeasured())
        exit_code, peak = ended.stderr.splitlines()[-1].split()
        assert exit_code == "0"
        peaks.append(int(peak))
    assert peaks[1] <= 1.1 * peaks[0]


def test_a_batch_runs_with_a_plain_locale_and_no_home(keys: SimpleNamespace, tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text("userid\ngöran\n", encoding="utf-8")
    ended = run_process(
        *BASE,
        "--key",
        keys.files["rsa"],
        "--batch",
        "users.csv",
        environment={"LANG": "C", "LC_ALL": "C", "HOME": "/no"},
    )
    assert ended.returncode == 0
    assert json.loads(ended.stdout.decode("utf-8"))["userid"] == "göran"


@pytest.mark.parametrize("name", ["users.json", "users.jsonl", "users.txt"])
def test_json_that_is_no_json_lines_is_read_whatever_the_file_is_called(
    batch: Run, keys: SimpleNamespace, name: str
) -> None:
    users = [{"userid": "anna", "groups": ["a", "b"], "username": None}, {"userid": "bo", "groups": [], "username": ""}]
    for content in (json.dumps(users, indent=2), json.dumps(users)):
        result = batch(content, name=name)
        claims = [_claims(record, keys) for record in _records(result.stdout)]
        assert [(each["userId"], each.get("group")) for each in claims] == [("anna", ["a", "b"]), ("bo", None)]


def test_json_comes_from_a_pipe_and_by_name(run: Run, keys: SimpleNamespace) -> None:
    how = (*BASE, "--key", keys.files["rsa"], "--batch", "-")
    one = json.dumps({"userid": "anna"}, indent=4).replace("\n", "\r\n").encode("utf-16")
    assert [record["userid"] for record in _records(run(*how, stdin=one).stdout)] == ["anna"]
    lines = b'{"userid": "anna"}\n{"userid": "bo"}\n'
    assert len(_records(run(*how, "--batch-format", "json", stdin=lines).stdout)) == 2


def test_an_array_that_was_cut_off_is_an_error_of_its_own(batch: Run) -> None:
    result = batch('[\n{"userid": "anna"},\n{"userid": "b', name="users.json")
    assert result.exit_code == 2
    assert [record["userid"] for record in _records(result.stdout)] == ["anna"]
    assert _errors(result.stderr)[0] == "line 3: the array that the rows are in does not end"


def test_a_type_line_of_powershell_is_left_out(batch: Run) -> None:
    content = '#TYPE System.Management.Automation.PSCustomObject\r\n"userid","username"\r\n"anna","Anna"\r\n"bo",\r\n'
    result = batch(content.encode("utf-16"))
    assert [(record["row"], record["userid"]) for record in _records(result.stdout)] == [(1, "anna"), (2, "bo")]


@pytest.mark.parametrize("text", ["True", "TRUE", "true", "False", "FALSE"])
def test_a_boolean_of_powershell_and_of_a_spreadsheet_is_one(batch: Run, keys: SimpleNamespace, text: str) -> None:
    (record,) = _records(batch(f"userid,claim-json.trial\nanna,{text}\n").stdout)
    assert _claims(record, keys)["trial"] is (text.lower() == "true")


@pytest.mark.parametrize(
    ("content", "column"),
    [
        ("userid,groups\nanna,System.Object[]\n", "--groups"),
        ("userid,claim.x\nanna,System.Collections.Hashtable\n", "the column 'claim.x'"),
        ('{"userid": "anna", "claim.x": {"a": ["System.Collections.Hashtable"]}}', "the column 'claim.x'"),
        ('{"userid": "anna", "claim-json.x": {"a": {"b": "System.Object[]"}}}', "the column 'claim-json.x'"),
        ('{"userid": "anna", "groups": ["a", "System.String[]"]}', "--groups"),
    ],
)
def test_the_type_of_a_collection_in_its_place_is_a_bad_row(batch: Run, content: str, column: str) -> None:
    result = batch(content, name="users")
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"invalid value for {column}: 'System." in result.stderr
    assert "-join ';'" in result.stderr
