"""The stand-in for PowerShell knows the rules of the language that bite its users."""

import codecs
import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.pages import stand_in
from tests.powershell import NotUnderstood, WebAnswer, WebCall, run_powershell


@pytest.fixture
def powershell(tmp_path: Path) -> Any:
    """Run a script beside two programs: ``show`` prints its arguments as JSON, ``fail`` ends with 6."""
    programs = tmp_path / "programs"
    stand_in(programs, "show", "print(json.dumps(arguments))\n")
    stand_in(programs, "fail", "sys.exit(6)\n")
    stand_in(programs, "lines", "print(*arguments, sep='\\n')\n")
    stand_in(programs, "hexdump", "print(sys.stdin.buffer.read().hex())\n")
    stand_in(programs, "variable", "print(json.dumps(os.environ.get(arguments[0])))\n")
    environment = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    return lambda script, **how: run_powershell(script, tmp_path, environment, **how)


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        ("plain --option value", ["plain", "--option", "value"]),
        ("'a b' \"c d\"", ["a b", "c d"]),
        ("'it''s $x'", ["it's $x"]),
        ('"a`$b`tc"', ["a$b\tc"]),
        ("anna@example.com https://q.example.com", ["anna@example.com", "https://q.example.com"]),
        ("first `\n    second", ["first", "second"]),
        ("a # the rest is a comment", ["a"]),
    ],
)
def test_words_become_arguments_as_the_language_has_it(powershell: Any, words: str, arguments: list[str]) -> None:
    assert json.loads(powershell(f"show {words}").output) == arguments


def test_a_variable_is_put_into_double_quotes_and_into_no_others(powershell: Any) -> None:
    script = "$x = 'v'\n$env:NAME = 'e'\nshow \"a $x\" \"${x}:b\" '$x' \"$env:NAME c\" $x"
    assert json.loads(powershell(script).output) == ["a v", "v:b", "$x", "e c", "v"]


@pytest.mark.parametrize(
    "words",
    [
        *("'team=\"Nordic\"'", '"a`"b"', "''", "-option=value.txt", "-x:y", "@header.txt", "'a b\\'"),
        *("a;b", "$unknown", "a > b > c", '"$', "'open", "a && show b", "file:$x"),
    ],
)
def test_what_gets_lost_or_means_something_else_is_refused(powershell: Any, words: str) -> None:
    with pytest.raises(NotUnderstood):
        powershell(f"show {words}")


def test_a_list_of_lines_in_a_variable_of_the_environment_is_joined_with_blanks(
    powershell: Any, tmp_path: Path
) -> None:
    (tmp_path / "key").write_bytes(b"one\r\ntwo\r\n")
    assert json.loads(powershell("$env:KEY = Get-Content key\nvariable KEY").output) == "one two"
    assert json.loads(powershell("$env:KEY = Get-Content -Raw key\nvariable KEY").output) == "one\r\ntwo\r\n"
    assert json.loads(powershell("$env:KEY = 'x'\nRemove-Item Env:KEY\nvariable KEY").output) is None


def test_the_output_of_a_program_is_a_text_or_a_list_of_its_lines(powershell: Any) -> None:
    assert powershell('$x = lines a\n"<$x>"').output == "<a>\n"
    assert powershell('$x = lines a b\n"<$x>"\n$x[1]').output == "<a b>\nb\n"


def test_a_program_that_fails_and_is_not_asked_about_is_told(powershell: Any) -> None:
    assert powershell("fail now\nshow on").failed == ["fail now: 6"]
    asked = powershell("fail now\nif ($LASTEXITCODE -ne 0) { exit $LASTEXITCODE }\nshow on")
    assert (asked.failed, asked.exit_code, asked.output) == ([], 6, "")
    assert powershell("show on\nif ($LASTEXITCODE -eq 0) { 'good' } else { 'bad' }").output.endswith("good\n")


def test_a_pipe_into_a_program_is_ascii_with_the_line_ends_of_windows(powershell: Any) -> None:
    assert bytes.fromhex(powershell("'gö', 'b' | hexdump").output) == b"g?\r\nb\r\n"


def test_files_have_the_encodings_of_windows_powershell(powershell: Any, tmp_path: Path) -> None:
    powershell("'å' > a\n'å' | Out-File b\n'å' | Set-Content -Encoding UTF8 c\n'a' | Set-Content d")
    utf_16 = codecs.BOM_UTF16_LE + "å\r\n".encode("utf-16-le")
    assert [(tmp_path / name).read_bytes() for name in "abcd"] == [utf_16, utf_16, "\ufeffå\r\n".encode(), b"a\r\n"]
    assert powershell("Get-Content a").output == "å\n"
    for script in ("'å' | Set-Content e", "Get-Content f", "Import-Csv f"):
        (tmp_path / "f").write_text("å\n", encoding="utf-8")
        with pytest.raises(NotUnderstood, match="code page"):
            powershell(script)


def test_json_is_one_document_over_lines_or_one_on_each(powershell: Any) -> None:
    assert powershell("(lines '[1,' '2]' | ConvertFrom-Json)[1]").output == "2\n"
    script = "lines '[1]' '[2]' | ConvertFrom-Json | ForEach-Object { \"<$_>\" }"
    assert powershell(script).output == "<1>\n<2>\n"


def test_rows_go_through_a_pipe(powershell: Any, tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_bytes(b"name,age\r\nanna,4\r\nbo,5\r\n")
    script = "Import-Csv users.csv | Where-Object { $_.name -eq 'BO' } | ForEach-Object { \"$($_.Name) is $($_.age)\" }"
    assert powershell(script).output == "bo is 5\n"


def test_a_call_of_a_service_goes_to_the_test(powershell: Any, tmp_path: Path) -> None:
    calls: list[WebCall] = []

    def answer(call: WebCall) -> WebAnswer:
        calls.append(call)
        return WebAnswer('{"access_token": "t"}', {"Csrf": "c"})

    (tmp_path / "body.json").write_text("{}", encoding="utf-8")
    script = """
        $token = 'abc'
        $form = @{
            grant = 'x'
            assertion = $token
        }
        (Invoke-RestMethod -Method Post -Uri 'https://q/t' -Body $form -SessionVariable session).access_token
        Invoke-RestMethod -Uri 'https://q/u' -Headers @{ 'Authorization' = "Bearer $token" } -WebSession $session
        $answer = Invoke-WebRequest -UseBasicParsing -Uri 'https://q/w' -WebSession $session
        "csrf is $($answer.Headers['csrf'])"
        $null = $session.Headers.Remove('Authorization')
        $kept = Invoke-RestMethod -Uri 'https://q/x' -WebSession $session
        Invoke-RestMethod -Method Post -Uri 'https://q/v' -ContentType 'application/json' -InFile body.json
    """
    output = powershell(script, web=answer).output
    assert output.startswith("t\n")
    assert "\ncsrf is c\n" in output
    assert calls == [
        WebCall("Post", "https://q/t", {}, {"grant": "x", "assertion": "abc"}, "", True),
        WebCall("Get", "https://q/u", {"Authorization": "Bearer abc"}, None, "", True),
        WebCall("Get", "https://q/w", {"Authorization": "Bearer abc"}, None, "", True),
        WebCall("Get", "https://q/x", {}, None, "", True),
        WebCall("Post", "https://q/v", {}, "{}", "application/json"),
    ]
    with pytest.raises(NotUnderstood, match="given to"):
        powershell("Invoke-RestMethod -Uri 'https://q' -SkipCertificateCheck yes", web=answer)
    with pytest.raises(NotUnderstood, match="UseBasicParsing"):
        powershell("Invoke-WebRequest -Uri 'https://q'", web=answer)


def test_the_real_one_runs_the_script_where_there_is_one(
    powershell: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(tmp_path, "pwsh", "print(arguments[-1].splitlines()[-1])\nsys.exit(3)\n")
    monkeypatch.setenv("QSJWT_PWSH", str(tmp_path / "pwsh"))
    outcome = powershell("show real")
    assert (outcome.output, outcome.exit_code) == ("show real\n", 3)
