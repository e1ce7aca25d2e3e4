"""The GitHub action: its steps run as the runner runs them, and give out the token once, masked, whatever they get."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jwt as pyjwt
import pytest
import yaml

ROOT = Path(__file__).parent.parent.parent
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
INSTALL, CREATE = ACTION["runs"]["steps"]
USER = {"platform": "qseow", "userdir": "LAB", "userid": "anna"}


@dataclass(frozen=True)
class Ran:
    """How a step ended: its code, its two streams, and what it appended to the file of outputs."""

    code: int
    stdout: str
    stderr: str
    outputs: str

    @property
    def token(self) -> str:
        """The output ``token``; the step has to have masked it before it printed anything, and to print it once."""
        assert self.code == 0, self.stderr
        name, _, token = self.outputs.removesuffix("\n").partition("=")
        assert (name, "\n" in token) == ("token", False)
        assert self.stdout.splitlines()[0] == f"::add-mask::{token}"
        assert (self.stdout + self.stderr).count(token) == 1
        return token


def _run(step: dict[str, Any], runner: Path, inputs: dict[str, str]) -> Ran:
    """Run *step* in bash as the runner does for ``shell: bash``, with the variables that it makes of *inputs*."""
    values = {name: setting.get("default", "") for name, setting in ACTION["inputs"].items()} | inputs
    variables = {
        name: re.sub(r"\$\{\{ inputs\.([a-z-]+) \}\}", lambda found: values[found[1]], value)
        for name, value in step["env"].items()
    }
    outputs = runner / "outputs"
    outputs.write_text("", encoding="utf-8")
    script = runner / "step.sh"
    script.write_text(step["run"], encoding="utf-8")
    result = subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", script],
        env={
            **os.environ,
            **variables,
            "RUNNER_TEMP": str(runner / "temp"),
            "GITHUB_ACTION_PATH": str(runner / "action"),
            "GITHUB_OUTPUT": str(outputs),
        },
        cwd=runner / "workspace",
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    return Ran(result.returncode, result.stdout, result.stderr, outputs.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A machine of GitHub's after the first step, which installed qsjwt from the action's own path."""
    runner = tmp_path_factory.mktemp("runner")
    for name in ("temp", "workspace", "action"):
        (runner / name).mkdir()
    for name in ("qsjwt", "qsjwt_platforms", "packaging/requirements"):
        shutil.copytree(ROOT / name, runner / "action" / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "setup.cfg", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, runner / "action")
    for name in ("venv.py", "pip.py"):
        (runner / "workspace" / name).write_text("raise SystemExit('the workspace was imported')", encoding="ascii")
    installed = _run(INSTALL, runner, {})
    assert (installed.code, installed.stdout) == (0, ""), installed.stderr
    return runner


@pytest.fixture
def key(keys: SimpleNamespace) -> str:
    text: str = keys.files["rsa"].read_text(encoding="ascii")
    return text


def _claims(ran: Ran, keys: SimpleNamespace) -> dict[str, Any]:
    claims: dict[str, Any] = pyjwt.decode(ran.token, keys.rsa.public_key(), ["RS256"])
    return claims


def test_the_token_is_masked_before_all_else_and_is_an_output(runner: Path, keys: SimpleNamespace, key: str) -> None:
    ran = _run(CREATE, runner, {**USER, "key": key})
    claims = _claims(ran, keys)
    assert (claims["userId"], claims["userDirectory"], claims["exp"] - claims["iat"]) == ("anna", "LAB", 330)
    assert ran.stdout == f"::add-mask::{ran.token}\n"
    assert ran.stderr == ""


def test_an_argument_is_a_line_and_nothing_in_it_is_expanded(runner: Path, keys: SimpleNamespace, key: str) -> None:
    lines = "--groups=a b\r\n\n--groups=$(touch hurt) `touch hurt` $HOME * \\n \"'\\\n--claim=x=1;touch hurt\n"
    claims = _claims(_run(CREATE, runner, {**USER, "key": key, "arguments": lines}), keys)
    assert claims["group"] == ["a b", "$(touch hurt) `touch hurt` $HOME * \\n \"'\\"]
    assert claims["x"] == "1;touch hurt"


HOSTILE = (
    "$(touch hurt)",
    "`touch hurt`",
    "'; touch hurt; '",
    '"; touch hurt; "',
    "a\n--key=exec:touch hurt",
    "a\ntoken=forged",
    "a\n::stop-commands::x",
    "--key=exec:touch hurt",
    "${IFS}*?~ %s",
    "${{ secrets.KEY }}",
)


@pytest.mark.parametrize("text", [text for text in HOSTILE if "\n" not in text])
def test_a_hostile_value_stays_the_value_of_its_claim(runner: Path, keys: SimpleNamespace, key: str, text: str) -> None:
    named = dict.fromkeys(("userid", "userdir", "username"), text)
    claims = _claims(_run(CREATE, runner, {**USER, "key": key, **named}), keys)
    assert [claims[name] for name in ("userId", "userDirectory", "name")] == [text] * 3
    assert sorted(path.name for path in (runner / "workspace").iterdir()) == ["pip.py", "venv.py"]


@pytest.mark.parametrize("text", [text for text in HOSTILE if "\n" in text])
def test_a_value_of_two_lines_is_refused_and_none_of_them_is_a_command(runner: Path, key: str, text: str) -> None:
    ran = _run(CREATE, runner, {**USER, "key": key, "username": text})
    assert (ran.code, ran.outputs, ran.stderr) == (2, "", "")
    assert not {*text.splitlines()} & {*ran.stdout.splitlines()}


@pytest.mark.parametrize("name", ["platform", "expires", "arguments", "extras"])
@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_input_that_is_no_claim_is_refused(runner: Path, key: str, name: str, text: str) -> None:
    step = INSTALL if name == "extras" else CREATE
    ran = _run(step, runner, {**USER, "key": key, name: text})
    assert (ran.code != 0, ran.outputs) == (True, "")
    assert "add-mask" not in ran.stdout
    assert "PRIVATE" not in ran.stdout + ran.stderr
    assert sorted(path.name for path in (runner / "workspace").iterdir()) == ["pip.py", "venv.py"]


def test_an_extra_that_does_not_exist_is_named(runner: Path) -> None:
    ran = _run(INSTALL, runner, {"extras": "ssh,awss"})
    assert (ran.code, ran.stdout, ran.stderr) == (2, "", "qsjwt: error: there is no extra 'awss'\n")


def test_what_qsjwt_says_comes_after_the_mask_and_is_no_command_to_the_runner(
    runner: Path, keys: SimpleNamespace, key: str
) -> None:
    # Without a subject and a verified address there is a warning, which a real run might see as well.
    ran = _run(CREATE, runner, {"platform": "qscloud", "key": key, "arguments": "--issuer=i\n--keyid=k"})
    mask, stop, *said, resume = ran.stdout.splitlines()
    assert mask == f"::add-mask::{ran.token}"
    assert re.fullmatch(r"::stop-commands::[0-9a-f]{32}", stop)
    assert resume == f"::{stop.rpartition(':')[2]}::"
    assert "warning" in said[0]
    assert ran.stderr == ""


def test_a_failure_keeps_its_exit_code_and_its_words_are_no_commands(runner: Path, key: str) -> None:
    ran = _run(CREATE, runner, {**USER, "key": key, "expires": "##[stop-commands]x"})
    assert (ran.code, ran.outputs, ran.stderr) == (2, "", "")
    stop, *said, resume = ran.stdout.splitlines()
    assert stop.startswith("::stop-commands::")
    assert resume == f"::{stop.rpartition(':')[2]}::"
    assert said[0].startswith("qsjwt: error: ")
    assert "##[stop-commands]x" in said[0]


@pytest.mark.parametrize("argument", ["--output=file", "--batch=rows.csv\n--format=csv"])
def test_a_result_that_is_not_one_token_is_refused_and_not_shown(runner: Path, key: str, argument: str) -> None:
    ran = _run(CREATE, runner, {**USER, "key": key, "arguments": argument})
    (runner / "workspace" / "file").unlink(missing_ok=True)
    assert (ran.code, ran.outputs) == (2, "")
    assert "eyJ" not in ran.stdout + ran.stderr


def test_the_form_of_the_result_is_always_a_bare_token(runner: Path, keys: SimpleNamespace, key: str) -> None:
    assert _claims(_run(CREATE, runner, {**USER, "key": key, "arguments": "--format=header"}), keys)


def test_an_encrypted_key_takes_its_passphrase(runner: Path, keys: SimpleNamespace) -> None:
    from tests.conftest import pem

    locked = {**USER, "key": pem(keys.rsa, passphrase=b"$(secret)").decode("ascii")}
    assert _run(CREATE, runner, locked).code == 3
    assert _claims(_run(CREATE, runner, {**locked, "key-passphrase": "$(secret)"}), keys)


def test_nothing_is_left_on_the_machine_but_the_program(runner: Path, key: str) -> None:
    _run(CREATE, runner, {**USER, "key": key})
    assert [path.name for path in (runner / "temp").iterdir()] == ["qsjwt-action"]
