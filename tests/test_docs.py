"""The documents tell the truth: their commands run, and what the program has is in them."""

import configparser
import inspect
import json
import os
import re
import shlex
import subprocess
import sys
import textwrap
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jwt as pyjwt
import pytest

from qsjwt import errors, plugins
from qsjwt.completion_scripts import SHELLS
from tests.conftest import VECTORS, InstallPlugin, Run

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXTENDING = (ROOT / "doc" / "extending.md").read_text(encoding="utf-8")
EXAMPLES = ROOT / "doc" / "examples"
ROTATION = (ROOT / "doc" / "key-rotation.md").read_text(encoding="utf-8")
BATCH = (ROOT / "doc" / "batch.md").read_text(encoding="utf-8")
MOVING = (ROOT / "doc" / "moving-from-qs-jwt.md").read_text(encoding="utf-8")


def _blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)  # of a list too, which is indented


def _with_key(folder: Path, run: Run) -> None:
    made = run("create-qseow", "--userdir", "D", "--userid", "u", "--expires", "1m", "--key", "create:first_?size=2048")
    assert made.exit_code == 0
    assert (folder / "first_privatekey.pem").exists()


def test_the_first_two_commands_are_one_line_each_and_ci_runs_the_second() -> None:
    first, second, *_ = _blocks(README, "bash")
    assert first.count("\n") == second.count("\n") == 1
    assert "create-qseow" in first
    assert "tox" in second
    assert "README.md" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_every_bash_command_of_the_readme_runs(run: Run, tmp_path: Path) -> None:
    _with_key(tmp_path, run)
    output = _run_bash(_blocks(README, "bash")[2:])
    assert len([line for line in output.splitlines() if line.startswith("eyJ")]) == 5
    assert '"verdict": "valid"' in output
    assert "\nbroken" not in output
    assert "\nunknown" not in output


def test_the_lines_of_check_in_the_readme_are_real(run: Run) -> None:
    lines = _blocks(README, "text")[0].splitlines()
    vector = ("--jwt-file", VECTORS / "qscloud-365d-groups.jwt", "--at", "2026-11-23T19:13:00Z")
    shown = run("check", "qscloud", *vector, "--issuer", "x.eu.qlikcloud.com").stdout.splitlines()
    assert len(lines) == 3
    assert set(lines) <= set(shown)


LOCAL = ("file", "env", "stdin", "inline", "create", "pkcs12")
"""Pages about keys that need no service; the others are run where there is one."""


@pytest.mark.parametrize("page", LOCAL)
def test_every_bash_command_about_a_key_runs(page: str) -> None:
    text = (ROOT / "doc" / "keys" / f"{page}.md").read_text(encoding="utf-8")
    output = _run_bash(_blocks(text, "bash"))
    assert [line for line in output.splitlines() if line.startswith("eyJ")]


def test_every_key_provider_has_a_page_and_a_line_on_when_to_choose_it() -> None:
    choosing = (ROOT / "doc" / "keys" / "choosing.md").read_text(encoding="utf-8")
    pages = {path.stem for path in (ROOT / "doc" / "keys").glob("*.md")} - {"choosing"}
    ours = {e.name for e in metadata.entry_points(group=plugins.KEY_PROVIDERS) if e.dist and e.dist.name == "qsjwt"}
    assert pages == ours
    for name in ours - {"create"}:
        assert f"[`{name}:`]({name}.md)" in choosing


def test_every_bash_command_about_rotation_runs() -> None:
    output = _run_bash(_blocks(ROTATION, "bash"))
    assert "days left" not in output
    assert "\nbroken" not in output
    for name in ("identity-provider.json", "virtual-proxy.json", "virtual-proxy-renewed.json"):
        assert "-----BEGIN CERTIFICATE-----" in Path(name).read_text(encoding="utf-8")


def test_every_bash_command_about_batches_runs(tmp_path: Path) -> None:
    output = _run_bash(_blocks(BATCH, "bash"))
    assert [json.loads(line)["userid"] for line in output.splitlines() if line.startswith('{"row"')] == ["anna"]
    assert len((tmp_path / "tokens.jsonl").read_text(encoding="utf-8").splitlines()) == 2
    users = (tmp_path / "gopherciser-users.txt").read_text(encoding="ascii").splitlines()
    assert [line.split(";")[:2] for line in users] == [["anna", "LAB"], ["bo", "LAB"]]
    assert all(line.split(";")[2].startswith("eyJ") for line in users)


def test_the_record_and_the_errors_of_a_batch_are_as_the_page_shows_them(
    run: Run, keys: SimpleNamespace, tmp_path: Path
) -> None:
    shown = json.loads(_blocks(BATCH, "json")[0])
    (tmp_path / "users.csv").write_text("userid,username\nanna,Anna Andersson\n,Bo\n", encoding="utf-8")
    result = run(
        *("create-qseow", "--userdir", "LAB", "--expires", "8h", "--key", keys.files["rsa"], "--batch", "users.csv")
    )
    record = json.loads(result.stdout)
    assert list(record) == list(shown)
    assert {**shown, "token": "", "expires_at": ""} == {**record, "token": "", "expires_at": ""}
    assert _blocks(BATCH, "text")[0].splitlines() == result.stderr.splitlines()[:2]


def test_the_jobs_of_ci_systems_make_their_tokens(keys: SimpleNamespace, tmp_path: Path) -> None:
    import yaml

    github, azure = map(yaml.safe_load, _blocks(BATCH, "yaml"))
    steps = [*github["jobs"]["load-test"]["steps"], *azure["steps"]]
    commands = [command for step in steps if "qsjwt create" in (command := step.get("run") or step.get("bash") or "")]
    assert len(commands) == 2
    (tmp_path / "users.csv").write_text("userid\nanna\n", encoding="utf-8")
    for number, command in enumerate(commands):
        folder = tmp_path / str(number)
        folder.mkdir()
        key = keys.files["rsa"].read_text(encoding="ascii").replace("\n", " ")
        variables = f"export QLIK_KEY={shlex.quote(key)} RUNNER_TEMP={folder} AGENT_TEMPDIRECTORY={folder}"
        _run_bash([variables, command])
        assert json.loads((folder / "tokens.jsonl").read_text(encoding="utf-8"))["userid"] == "anna"


def test_the_python_of_the_page_about_batches_runs(
    keys: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "team_privatekey.pem").write_bytes(keys.files["rsa"].read_bytes())
    exec(_blocks(BATCH, "python")[0], {})  # noqa: S102 - the document is ours
    first, *rows = capsys.readouterr().out.splitlines()
    assert "'userId': 'anna'" in first
    assert [row.split(" ")[:3] for row in rows] == [
        ["row", "1", "expires"],
        ["row", "2", "expires"],
        ["row", "3", "is"],
    ]


def _run_bash(blocks: list[str]) -> str:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    script = "\n".join(map(textwrap.dedent, blocks))
    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], env=environment, capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


def test_every_powershell_command_of_the_readme_is_one_that_the_program_takes(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A stand-in for PowerShell: the line is split here, and the variable holds what Get-Content -Raw gives.
    _with_key(tmp_path, run)
    monkeypatch.setenv(
        "QLIK_KEY", (tmp_path / "first_privatekey.pem").read_text(encoding="ascii").replace("\n", "\r\n")
    )
    commands = re.findall(r"\bqsjwt (.*)", "\n".join(_blocks(README, "powershell")))
    assert commands
    for command in commands:
        assert run(*shlex.split(command)).token.count(".") == 2


def test_every_shell_has_a_line_about_completion_in_the_readme() -> None:
    section = README.partition("## Completion\n")[2].partition("\n## ")[0]
    assert set(re.findall(r"qsjwt completion ([a-z]+)", section)) == set(SHELLS)


def test_every_exit_code_is_in_the_readme() -> None:
    codes = {errors.QsJwtError.exit_code, *(error.exit_code for error in errors.QsJwtError.__subclasses__())}
    listed = {int(code) for row in re.findall(r"^\| ([\d, ]+) \|", README, re.MULTILINE) for code in row.split(",")}
    assert listed == {0, errors.INTERRUPTED, errors.BROKEN_PIPE} | codes


def test_the_first_command_of_someone_who_moves_works_with_the_new_name(
    run: Run, keys: SimpleNamespace, tmp_path: Path
) -> None:
    (tmp_path / "key.pem").write_bytes(keys.files["rsa"].read_bytes())
    old, new = _blocks(MOVING, "text")[0].splitlines()
    for line in (old, new):
        result = run(*shlex.split(line)[1:])
        assert pyjwt.decode(result.token, keys.rsa.public_key(), ["RS256"], audience="abc")["userId"] == "anna"


def _entry_point(group: str) -> str:
    entry_point: str = re.findall(rf"{re.escape(group)} =\n +(.*)\n", EXTENDING)[0]
    return entry_point


def _keep_contract(source: str, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> int:
    """Run all tests of the contract *name* in *source*, and return how many there are."""
    namespace: dict[str, Any] = {}
    exec(source, namespace)  # noqa: S102 - the document is ours
    tests = [test for test in dir(namespace[name]) if test.startswith("test_")]
    for test in tests:
        method = getattr(namespace[name](), test)
        fixtures = {"tmp_path": tmp_path, "capsys": capsys}
        capsys.readouterr()
        method(**{fixture: fixtures[fixture] for fixture in inspect.signature(method).parameters})
    return len(tests)


def test_the_example_platform_works_as_it_is_printed(
    run: Run, keys: SimpleNamespace, installed_plugin: InstallPlugin
) -> None:
    source = _blocks(EXTENDING, "python")[0]
    installed_plugin("acme-platform", {"qsjwt.platform.v1": _entry_point("qsjwt.platform.v1")}, source)
    base = ("create-acme", "--expires", "5m", "--key", keys.files["rsa"])
    token = run(*base, "--user", "anna").token
    assert pyjwt.decode(token, keys.rsa.public_key(), ["RS256"])["user"] == "anna"
    run(*base, "--user", "").refused(2, "the claim user is empty", "use --user")


def test_the_larger_example_platform_works_as_it_is_printed(
    run: Run,
    keys: SimpleNamespace,
    installed_plugin: InstallPlugin,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    source, contract = _blocks(EXTENDING, "python")[1:3]
    installed_plugin("acme-platform", {"qsjwt.platform.v1": _entry_point("qsjwt.platform.v1")}, source)
    made = run("create-acme", "--issuer", "i", "--user", "anna", "--expires", "5m", "--key", keys.files["rsa"])
    (tmp_path / "token").write_text(made.token, encoding="ascii")
    key = ("--cert-publickey-file", keys.public)
    rules = {
        line.split()[1]: line.split()[0]
        for line in run("check", "acme", "--jwt-file", "token", *key).stdout.splitlines()
    }
    assert rules == {**dict.fromkeys(("algorithm", "user", "exp", "signature", "key"), "ok"), "iss": "unknown"}
    other = run("check", "acme", "--jwt-file", "token", "--issuer", "j", *key)
    assert (other.exit_code, "broken   iss " in other.stdout) == (6, True)
    body = json.loads(run("registration", "acme", "--issuer", "i", *key).stdout)
    assert (body["site"], body["key"]) == ("main", keys.public.read_text(encoding="ascii"))
    assert _keep_contract(contract, "TestAcme", tmp_path, capsys) >= 10


def test_the_example_key_provider_works_as_it_is_printed(
    qseow: Run,
    keys: SimpleNamespace,
    installed_plugin: InstallPlugin,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source, contract = _blocks(EXTENDING, "python")[3:5]
    installed_plugin("pass-provider", {"qsjwt.key_provider.v1": _entry_point("qsjwt.key_provider.v1")}, source)
    (tmp_path / "store" / "qlik").mkdir(parents=True)
    (tmp_path / "store" / "qlik" / "plain").write_bytes(keys.files["rsa"].read_bytes())
    monkeypatch.setenv("PASSWORD_STORE_DIR", str(tmp_path / "store"))
    assert qseow("--key", "pass:qlik/plain").token
    qseow("--key", "pass:qlik/none").refused(3, "the key file of the password store", "does not exist")
    assert _keep_contract(contract, "TestPlain", tmp_path, capsys) >= 9


def test_the_code_of_the_document_is_that_of_the_examples() -> None:
    _, platform, contract, provider, start = (block.partition("\n")[2] for block in _blocks(EXTENDING, "python")[:5])
    assert platform == (EXAMPLES / "acme-platform" / "acme_platform.py").read_text(encoding="utf-8")
    assert contract == (EXAMPLES / "acme-platform" / "test_acme_platform.py").read_text(encoding="utf-8")
    assert provider == (EXAMPLES / "pass-provider" / "pass_provider.py").read_text(encoding="utf-8")
    assert start.partition("\n\n\n")[2] in (EXAMPLES / "pass-provider" / "test_pass_provider.py").read_text("utf-8")
    for example, group in (("acme-platform", "qsjwt.platform.v1"), ("pass-provider", "qsjwt.key_provider.v1")):
        config = configparser.ConfigParser()
        config.read(EXAMPLES / example / "setup.cfg", encoding="utf-8")
        assert config["options.entry_points"][group].strip() == _entry_point(group)


def test_an_example_of_a_platform_is_short_and_knows_the_api_alone() -> None:
    assert len((EXAMPLES / "acme-platform" / "acme_platform.py").read_text(encoding="utf-8").splitlines()) <= 40
    for path in EXAMPLES.glob("*/*.py"):
        modules = set(re.findall(r"^(?:from|import) (qsjwt[.\w]*)", path.read_text(encoding="utf-8"), re.MULTILINE))
        assert modules <= {"qsjwt.api", "qsjwt.testing"}, path


@pytest.mark.parametrize(
    "path", [*sorted((ROOT / "doc").rglob("*.md")), *sorted(ROOT.glob("*.md"))], ids=lambda path: path.name
)
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target


def test_every_tox_environment_is_in_the_guide_for_contributors() -> None:
    config = configparser.ConfigParser(interpolation=None)
    config.read(ROOT / "tox.ini", encoding="utf-8")
    rows = re.findall(r"^\| (`.*?) \|", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.MULTILINE)
    told = {name for row in rows for name in re.findall(r"`([a-z0-9]+)`", row)}
    assert {name.removeprefix("testenv:") for name in config.sections() if ":" in name} <= told
    listed = {name for name in config["tox"]["env_list"].split(", ") if not name.startswith("py3")}
    assert listed <= told


def test_every_folder_of_the_guide_for_contributors_is_there() -> None:
    told = re.findall(r"^\| `([a-z_/]+/)`", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(told) > 5
    assert [name for name in told if not (ROOT / name).is_dir()] == []
