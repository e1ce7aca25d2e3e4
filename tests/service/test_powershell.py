"""What users of PowerShell trip over, each in PowerShell itself, as 7 has it and as Windows PowerShell 5.1 would."""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.pages import complete, reader_environment
from tests.powershell import Outcome, Script, run_scripts

pytestmark = pytest.mark.needs("pwsh")

Said = Mapping[tuple[str, bool], Outcome]

_MAKE = """
$make = '--userdir', 'LAB', '--userid', 'anna', '--expires', '5m', '--key', 'key.pem'
function Get-Claim([string] $token) { ($token | qsjwt decode --format json | ConvertFrom-Json).claims }
function Get-Said([scriptblock] $block) { (& $block 2>&1 | ForEach-Object { "$_" }) -join ' ' }
"""

SCRIPTS: Mapping[str, str] = {
    "exit code": """
        qsjwt check qseow --jwt nonsense > check.txt
        "$? $LASTEXITCODE"
        $token = qsjwt create-qseow 2>$null
        "$($null -eq $token) $LASTEXITCODE"
        $token = qsjwt create-qseow @make
        "$? $LASTEXITCODE $($token -is [string]) $($token.EndsWith("`n"))"
    """,
    "stop": """
        $ErrorActionPreference = 'Stop'
        qsjwt create-qseow 2>$null
        'goes on'
        $PSNativeCommandUseErrorActionPreference = $true
        try { qsjwt check qseow --jwt nonsense > check.txt } catch { "$($_.Exception.GetType().Name) $LASTEXITCODE" }
        try { qsjwt create-qseow @make | Out-Null; 'made' } catch { 'thrown' }
    """,
    "messages": """
        $said = qsjwt create-qseow 2>&1
        "$(@($said | Where-Object { $_ -is [Management.Automation.ErrorRecord] }).Count) lines"
        "$($said[0])"
        qsjwt create-qseow 2> said.txt
        (Get-Content said.txt)[0]
    """,
    "splatting": """
        $groups = 'Sales', 'Nordic "A" team', "it's"
        (Get-Claim (qsjwt create-qseow @make --groups $groups)).group
        (Get-Claim (qsjwt create-qseow @make --groups "$($groups[0, 2])")).group
    """,
    "commas": """
        Get-Said { qsjwt create-qseow @make --groups Sales, IT | Out-Null }
        Get-Said { qsjwt create-qseow @make --groups 'Sales','IT' | Out-Null }
        (Get-Claim (qsjwt create-qseow @make --groups 'a,b' 'c;d')).group
    """,
    "nothing": """
        Get-Said { qsjwt create-qseow @make --username @anna --groups a }
        Get-Said { qsjwt create-qseow @make --username $undefined --groups a }
        Get-Said { qsjwt create-qseow @make --username '' --groups a }
        Get-Said { qsjwt create-qseow @make --username @{ a = 1 } }
    """,
    "dashes": """
        (Get-Claim (qsjwt create-qseow @make --username='-Anna-')).name
        (Get-Claim (qsjwt create-qseow @make --username '- Anna')).name
        (Get-Claim (qsjwt create-qseow @make --claim a.b=c:d --claim '@e=@f')).'a.b'
        (qsjwt create-qseow @make) | qsjwt decode --jwt-file - --format value > decoded.txt
        $LASTEXITCODE
    """,
    "json": """
        Get-Said { qsjwt create-qseow @make --claim-json 'team="Nordic"' }
        Get-Said { qsjwt create-qseow @make --claim-json 'team={"name": "Nordic team"}' }
        Get-Said { qsjwt create-qseow @make --claim-json 'team=["Nordic", "b"]' }
        (Get-Claim (qsjwt create-qseow @make --claim-json "trial=$true" --claim-json "level=$(1 + 2)")).trial
        '{"team": "Nordic"}' | Out-File -Encoding unicode claims.json
        (Get-Claim (qsjwt create-qseow @make --claims-file claims.json)).team
    """,
    "keys": """
        foreach ($key in (Get-Content -Raw key.pem), (Get-Content key.pem)) {
            $env:THE_KEY = $key
            (qsjwt create-qseow --userdir L --userid a --expires 5m --key env:THE_KEY).Substring(0, 3)
            ($key | qsjwt create-qseow --userdir L --userid a --expires 5m --key stdin:).Substring(0, 3)
        }
        $key = Get-Content -Raw key.pem
        (qsjwt create-qseow --userdir L --userid a --expires 5m --key "inline:$key").Substring(0, 3)
        Get-Content key.pem > utf16.pem
        (qsjwt create-qseow --userdir L --userid a --expires 5m --key utf16.pem).Substring(0, 3)
    """,
    "header": """
        $headers = @{ Authorization = "Bearer $(qsjwt create-qseow @make)" }
        $headers.Authorization -match '^Bearer eyJ[^\\s]+$'
        (qsjwt create-qseow @make --format header) -match '^Authorization: Bearer eyJ[^\\s]+$'
    """,
    "batch": """
        $batch = '--userdir', 'LAB', '--expires', '5m', '--key', 'key.pem', '--batch'
        'userid,username,groups', 'anna,Anna,a;b', 'bo,,' | Set-Content users.csv
        $users = Import-Csv users.csv
        function Show($name) { process { "$name $($_.row) $($_.userid)" } }
        Get-Content users.csv | qsjwt create-qseow @batch - | ConvertFrom-Json | Show pipe
        $users | Export-Csv -IncludeTypeInformation typed.csv
        (Get-Content typed.csv)[0]
        qsjwt create-qseow @batch typed.csv | ConvertFrom-Json | Show typed
        $users | ConvertTo-Csv -NoTypeInformation | qsjwt create-qseow @batch - | ConvertFrom-Json | Show csv
        $users | ConvertTo-Json | qsjwt create-qseow @batch - | ConvertFrom-Json | Show pretty
        $users | ConvertTo-Json -Compress | qsjwt create-qseow @batch - | ConvertFrom-Json | Show compressed
        $users[0] | ConvertTo-Json | qsjwt create-qseow @batch - --batch-format json | ConvertFrom-Json | Show one
        $users | ConvertTo-Json > users.json
        qsjwt create-qseow @batch users.json | ConvertFrom-Json | Show file
        [pscustomobject] @{ userid = 'anna'; groups = @('a', 'b') } | Export-Csv list.csv
        Get-Said { qsjwt create-qseow @batch list.csv }
        [pscustomobject] @{ userid = 'anna'; 'claim.x' = @{ a = @{ b = @{ c = 1 } } } } |
            ConvertTo-Json -Depth 2 -WarningAction Ignore > deep.json
        Get-Said { qsjwt create-qseow @batch deep.json }
    """,
    "reader": """
        $Error.Clear()
        $lines = @('userid') + (1..3000 | ForEach-Object { "user-$_" })
        $first = $lines | qsjwt create-qseow --userdir L --expires 5m --key key.pem --batch - | Select-Object -First 1
        "$(($first | ConvertFrom-Json).userid) $($Error.Count)"
    """,
    "job": """
        $job = Start-Job -ArgumentList $PWD {
            param($folder)
            Set-Location $folder
            qsjwt create-qseow --userdir L --userid a --expires 5m --key key.pem
            $LASTEXITCODE
        }
        $token, $code = Receive-Job -Wait $job
        "$($token.Substring(0, 3)) $code"
    """,
    "here-string": """
        $text = @"
userid,username
anna,"Anna, $('x' * 2)"
"@
        ($text -replace "`n", "`r`n") | qsjwt create-qseow --userdir L --expires 5m --key key.pem --batch - |
            ConvertFrom-Json | ForEach-Object { $_.username }
    """,
}


@pytest.fixture(scope="module")
def said(keys: SimpleNamespace, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Said:
    """What each script prints, in PowerShell 7 and as Windows PowerShell 5.1 would run it; all in one start."""
    scripts = {}
    for name, text in SCRIPTS.items():
        for as_5_1 in (False, True):
            folder = tmp_path_factory.mktemp("powershell")
            (folder / "key.pem").write_bytes(keys.files["rsa"].read_bytes())
            environment = {**reader_environment(folder), "XDG_CACHE_HOME": str(cache)}
            script = _MAKE + "$ErrorActionPreference = 'Continue'\n" + text
            scripts[name, as_5_1] = Script(script, folder, environment, as_5_1, strict=False)
    outcomes = run_scripts(list(scripts.values()))
    return dict(zip(scripts, outcomes, strict=True))


EXPECTED: Mapping[str, list[str]] = {
    "exit code": ["False 6", "True 2", "True 0 True False"],
    "stop": ["goes on", "NativeCommandExitException 6", "made"],
    "splatting": ["Sales", 'Nordic "A" team', "it's", "Sales it's"],
    "dashes": ["-Anna-", "- Anna", "c:d", "0"],
    "keys": ["eyJ"] * 6,
    "header": ["True", "True"],
    "reader": ["user-1 0"],
    "job": ["eyJ 0"],
    "here-string": ["Anna, xx"],
    "messages": [
        "2 lines",
        *["qsjwt: error: the following arguments are required: --userdir, --userid, --expires"] * 2,
    ],
}
"""What is the same in both editions."""


@pytest.mark.parametrize("as_5_1", [False, True])
@pytest.mark.parametrize("name", EXPECTED)
def test_what_is_the_same_in_both_editions(name: str, as_5_1: bool, said: Said) -> None:
    expected = EXPECTED[name]
    if name == "splatting" and as_5_1:  # it takes the quotes away
        expected = [line.replace('"', "") for line in expected]
    assert complete(said[name, as_5_1], quiet=False).splitlines() == expected


@pytest.mark.parametrize("as_5_1", [False, True])
def test_rows_are_read_as_powershell_writes_them(as_5_1: bool, said: Said) -> None:
    *lines, of_csv, of_json = complete(said["batch", as_5_1], quiet=False).splitlines()
    both = ["pipe", "typed", "csv", "pretty", "compressed", "file"]
    assert lines.pop(2).startswith("#TYPE System.")
    assert sorted(lines) == sorted(
        ["one 1 anna", *(f"{way} {row} {user}" for way in both for row, user in ((1, "anna"), (2, "bo")))]
    )
    assert "invalid value for --groups: 'System.Object[]'" in of_csv
    assert "-join ';'" in of_csv
    assert "invalid value for the column 'claim.x': 'System.Collections.Hashtable'" in of_json
    assert "a larger -Depth" in of_json


def test_json_in_an_argument_arrives_in_7_and_comes_with_a_way_out_in_5_1(said: Said) -> None:
    *tokens, trial, team = complete(said["json", False], quiet=False).splitlines()
    assert [token[:3] for token in tokens] == ["eyJ"] * 3
    text, an_object, an_array, *rest = complete(said["json", True], quiet=False).splitlines()
    assert rest == [trial, team] == ["True", "Nordic"]
    for words in (text, an_array):
        assert "double quotes are missing, and Windows PowerShell takes them out" in words
        assert "use --claims-file FILE" in words
    assert "Windows PowerShell takes double quotes out of an argument, so put JSON into a file" in an_object


@pytest.mark.parametrize("as_5_1", [False, True])
def test_an_argument_that_vanished_or_is_a_table_is_refused(as_5_1: bool, said: Said) -> None:
    splatted, undefined, empty, table = complete(said["nothing", as_5_1], quiet=False).splitlines()
    assert splatted.startswith("qsjwt: error: argument --username: expected one argument")
    assert undefined == splatted
    assert empty.startswith(splatted if as_5_1 else "qsjwt: error: the claim 'name' is empty")
    assert "'System.Collections.Hashtable' is the type of a collection" in table


def test_a_comma_between_values_is_warned_of_where_it_arrives(said: Said) -> None:
    for as_5_1 in (False, True):
        blank, quotes, *groups = complete(said["commas", as_5_1], quiet=False).splitlines()
        assert blank == "qsjwt: warning: the value of --groups is 'Sales,', which ends with a separator as part of it"
        assert ("is in quotes, and they are part of it" in quotes) != as_5_1
        assert groups == ["a,b", "c;d"]
