"""PowerShell, where ``QSJWT_PWSH`` names it: it runs many scripts in one start, as version 7 does and as 5.1 would."""

import json
import os
import re
import secrets
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.programs import located

# The surroundings of PowerShell itself: a test changes them for what PowerShell starts.
_OWN: Final = ("HOME", "XDG_CACHE_HOME")
_MACHINE: Final = {name: os.environ[name] for name in _OWN if name in os.environ}

_PREFERENCES: Final = "$ErrorActionPreference = 'Stop'; $PSNativeCommandUseErrorActionPreference = ${}\n"

_AS_5_1: Final = """
$PSNativeCommandArgumentPassing = 'Legacy'
$OutputEncoding = [Text.Encoding]::ASCII
$PSDefaultParameterValues = @{
    'Out-File:Encoding' = 'unicode'
    'Get-Content:Encoding' = 1252
    'Set-Content:Encoding' = 1252
    'Export-Csv:Encoding' = 'ascii'
    'Export-Csv:IncludeTypeInformation' = $true
    'ConvertTo-Csv:IncludeTypeInformation' = $true
}
"""
"""What Windows PowerShell 5.1 does otherwise, as far as 7 can: about_Parsing and about_Character_Encoding say what."""

_DRIVER: Final = r"""
param($file, $mark)
$jobs = Get-Content -Raw -LiteralPath $file | ConvertFrom-Json -AsHashtable
$PSStyle.OutputRendering = 'PlainText'
foreach ($job in $jobs) {
    Get-ChildItem Env: | Where-Object Name -notmatch '^(DOTNET_|POWERSHELL_|PSModulePath$)' | Remove-Item
    foreach ($name in $job.environment.Keys) { Set-Item -LiteralPath "Env:$name" -Value $job.environment[$name] }
    Set-Location -LiteralPath $job.folder
    $code = 0
    try {
        & ([scriptblock]::Create($job.text)) | Out-Default
    } catch {
        $code = 1
        [Console]::Error.WriteLine("$_`n$($_.InvocationInfo.PositionMessage)")
    }
    [Console]::Out.WriteLine("$mark$code")
    [Console]::Error.WriteLine("$mark$code")
}
"""


@dataclass(frozen=True)
class Script:
    """A script, and where it runs.

    :ivar environment: all the variables that it has.
    :ivar as_5_1: whether it runs as in Windows PowerShell 5.1, as far as 7 can imitate it.
    :ivar strict: whether a program that fails ends it, as an error does.
    """

    text: str
    folder: Path
    environment: Mapping[str, str]
    as_5_1: bool = False
    strict: bool = True

    @property
    def whole(self) -> str:
        """What PowerShell gets."""
        text = _PREFERENCES.format(str(self.strict).lower()) + (_AS_5_1 if self.as_5_1 else "") + self.text
        if not self.as_5_1:
            return text
        # 5.1 has no UTF-8 without a mark; 7 takes -NoTypeInformation and its opposite for a contradiction.
        text = text.replace("-NoTypeInformation", "-IncludeTypeInformation:$false")
        return text.replace("-Encoding UTF8", "-Encoding utf8BOM")


@dataclass(frozen=True)
class Outcome:
    """How a script ended.

    :ivar output: what it and the programs that it started wrote to stdout.
    :ivar errors: what they wrote to stderr, and the error that ended it.
    :ivar exit_code: 0 if it came to its end, 1 if an error ended it, otherwise that of its ``exit``.
    :ivar complete: whether it came to its end.
    """

    output: str
    errors: str
    exit_code: int
    complete: bool


def surroundings(environment: Mapping[str, str]) -> dict[str, str]:
    """Return *environment* with the machine's own folders, where .NET keeps what it unpacks and compiles."""
    return {**{name: value for name, value in environment.items() if name not in _OWN}, **_MACHINE}


def start(
    script: Path, *arguments: object, environment: Mapping[str, str], stderr: int | None = None
) -> "subprocess.Popen[str]":
    """Start PowerShell with the file *script*; its stdin and stdout are pipes."""
    words = ["-NoProfile", "-NonInteractive", "-File", script, *arguments]
    return subprocess.Popen(
        [located("pwsh") or "pwsh", *map(str, words)],
        env=surroundings(environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        encoding="utf-8",
        errors="replace",
    )


def run_scripts(scripts: Sequence[Script]) -> list[Outcome]:
    """Run *scripts* one after the other; each knows nothing of those before it.

    All run in one start, unless one of them ends PowerShell by ``exit``. The first one's variables are those that
    PowerShell starts with.
    """
    outcomes: list[Outcome] = []
    while len(outcomes) < len(scripts):
        outcomes += _started(scripts[len(outcomes) :])
    return outcomes


def _started(scripts: Sequence[Script]) -> list[Outcome]:
    mark = f"{secrets.token_hex(8)} ended with "
    jobs = [
        {"text": script.whole, "folder": str(script.folder), "environment": dict(script.environment)}
        for script in scripts
    ]
    with tempfile.TemporaryDirectory() as folder:
        driver, file = Path(folder, "driver.ps1"), Path(folder, "jobs.json")
        driver.write_text(_DRIVER, encoding="utf-8-sig")
        file.write_text(json.dumps(jobs), encoding="utf-8")
        with start(driver, file, mark, environment=scripts[0].environment, stderr=subprocess.PIPE) as shell:
            output, error = shell.communicate()
    # A script's text, its code, the next one's text; behind the last code, what was told by the one that ended it all.
    *told, rest = re.split(rf"{mark}(\d)\n", output)
    *said, complaint = re.split(rf"{mark}\d\n", error)
    outcomes = [Outcome(*each, each[-1] == 0) for each in zip(told[::2], said, map(int, told[1::2]), strict=True)]
    return outcomes if len(outcomes) == len(scripts) else [*outcomes, Outcome(rest, complaint, shell.returncode, False)]
