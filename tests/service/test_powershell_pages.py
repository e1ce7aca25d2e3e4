"""The blocks for PowerShell of the README and the pages, run in PowerShell 7, and as Windows PowerShell 5.1 would."""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.pages import CALLS, CLUSTER, DOC, POWERSHELL, README, ROOT, SERVICES, TUTORIALS, Page, complete, pages
from tests.powershell import Outcome, Script, run_scripts
from tests.readers import HERE, REFUSED, prepared, read_in, require_promised

pytestmark = pytest.mark.needs("pwsh")

EDITIONS = {"PowerShell 7": False, "Windows PowerShell 5.1": True}

Read = Mapping[tuple[str, str], tuple[Path, Outcome]]


@pytest.fixture(scope="module")
def read(keys: SimpleNamespace, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Read:
    """What became of each page in each edition, and where; all are run in one start."""
    scripts = {}
    for page in (Page(README), *HERE):
        for edition, as_5_1 in EDITIONS.items():
            folder = tmp_path_factory.mktemp("reader")
            variables = {**prepared(page, folder, keys.files["rsa"]), "XDG_CACHE_HOME": str(cache)}
            strict = page.name != REFUSED
            scripts[page.name, edition] = Script(page.powershell(), folder, variables, as_5_1, strict)
    outcomes = run_scripts(list(scripts.values()))
    return {of: (script.folder, outcome) for (of, script), outcome in zip(scripts.items(), outcomes, strict=True)}


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize("page", [Page(README), *read_in(POWERSHELL)])
def test_what_a_page_says_to_a_reader_with_powershell_runs(page: Page, edition: str, read: Read) -> None:
    folder, outcome = read[page.name, edition]
    require_promised(page, folder, complete(outcome, quiet=page.name != REFUSED))


def test_as_many_blocks_are_run_as_there_are(read: Read) -> None:
    here = [page for page in (Page(README), *HERE) if all(read[page.name, edition][1].complete for edition in EDITIONS)]
    elsewhere = map(Page, (*CALLS, *TUTORIALS, *SERVICES, *CLUSTER))
    run = sum(len(page.blocks("powershell")) for page in (*here, *elsewhere))
    sources = [path.read_text(encoding="utf-8") for path in (*ROOT.glob("*.md"), *DOC.rglob("*.md"))]
    there = sum(len(re.findall(r"^ *```powershell$", source, re.MULTILINE)) for source in sources)
    assert run == there > 40


# What Windows PowerShell 5.1 does not have, although 7 runs it: syntax, and options of its commands.
_ONLY_IN_7 = r"""
$only = 'AsArray', 'AsByteStream', 'AsHashtable', 'AsPlainText', 'Authentication', 'CustomMethod', 'Form', 'NoProxy',
    'Parallel', 'ResponseHeadersVariable', 'SkipCertificateCheck', 'SkipHttpErrorCheck', 'StatusCodeVariable', 'Token'
foreach ($block in Get-Content -Raw blocks.json | ConvertFrom-Json) {
    $errors = $null
    $tree = [Management.Automation.Language.Parser]::ParseInput($block, [ref] $null, [ref] $errors)
    $errors | ForEach-Object { "$_" }
    $tree.FindAll({ $true }, $true) | ForEach-Object {
        $kind = $_.GetType().Name
        if ($kind -in 'PipelineChainAst', 'TernaryExpressionAst') { "$_" }
        if ("$($_.Operator)" -like 'QuestionQuestion*' -or $_.NullConditional) { "$_" }
        if ($kind -eq 'CommandParameterAst' -and $_.ParameterName -in $only) {
            # Text becomes a SecureString in 5.1, too, but not the other way round.
            if ("$($_.Parent)" -notlike 'ConvertTo-SecureString *') { "$_" }
        }
        # Otherwise 5.1 asks Internet Explorer to read the page.
        if ("$_" -like 'Invoke-WebRequest *' -and "$_" -notlike '* -UseBasicParsing *') { "$_" }
    }
}
"""


def test_no_block_has_what_windows_powershell_does_not_have(tmp_path: Path) -> None:
    blocks = [block.text for page in (Page(README), *pages()) for block in page.blocks(*POWERSHELL)]
    wrong = [
        "one && two",
        "$a ? 1 : 2",
        "$a ?? 1",
        "${a}?.b",
        "gc x -AsByteStream",
        "ConvertFrom-SecureString $s -AsPlainText",
        "Invoke-WebRequest -Uri x",
        "(",
    ]
    for texts, found in ((blocks, 0), (wrong, len(wrong))):
        (tmp_path / "blocks.json").write_text(json.dumps(texts), encoding="utf-8")
        (outcome,) = run_scripts([Script(_ONLY_IN_7, tmp_path, dict(os.environ))])
        assert len(set(complete(outcome).splitlines())) >= found
        assert bool(outcome.output) == bool(found), outcome.output
