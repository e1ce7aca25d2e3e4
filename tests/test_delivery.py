"""What is delivered beside the wheel: the image, the action and the programs agree with the source, and stay safe."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from qsjwt.cli.command import COMMANDS
from qsjwt.keys.reference import KEY_PROVIDERS
from qsjwt.plugins import Group
from qsjwt.tokens.platform import PLATFORMS

ROOT = Path(__file__).parent.parent
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]


def _stages() -> list[list[tuple[str, str]]]:
    """Return the instructions of the Dockerfile, by stage; no engine is needed for that."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    stages: list[list[tuple[str, str]]] = []
    for line in re.sub(r"\\\n\s*", " ", text).split("\n"):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            stages.append([])
        if word:
            stages[-1].append((word, rest))
    return stages


def _let_through() -> set[str]:
    """Return what .dockerignore lets into the build: after ``*``, the names that it takes back."""
    lines = [line for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").split("\n") if line[:1] not in "#"]
    assert lines[0] == "*"
    return {line[1:] for line in lines if line.startswith("!")}


def test_both_stages_of_the_image_stand_on_the_same_slim_python() -> None:
    first, last = (stage[0] for stage in _stages())
    assert first == ("FROM", "python:3.13-slim AS build")
    assert last == ("FROM", "python:3.13-slim")


def test_the_image_runs_qsjwt_and_not_as_root() -> None:
    last = dict(_stages()[-1])
    user = re.fullmatch(r"(\d+):(\d+)", last["USER"])
    assert user and all(int(number) > 0 for number in user.groups())
    assert json.loads(last["ENTRYPOINT"]) == ["qsjwt"]
    assert last["ENV"].startswith('PATH="/opt/qsjwt/bin:')


def test_the_image_is_built_from_the_source_and_nothing_else_is_sent_to_the_build() -> None:
    copied = {source for word, rest in _stages()[0] if word == "COPY" for source in rest.split()[:-1]}
    assert all((ROOT / source).exists() for source in copied)
    assert copied == _let_through()
    assert copied >= {"pyproject.toml", "setup.cfg", "setup.py", "README.md", "LICENSE", "qsjwt", "qsjwt_platforms"}


def test_the_last_stage_gets_only_what_the_first_has_installed() -> None:
    assert [rest for word, rest in _stages()[-1] if word in ("COPY", "ADD", "RUN")] == [
        "--from=build /opt/qsjwt /opt/qsjwt"
    ]
    for command in (rest for word, rest in _stages()[0] if word == "RUN"):
        assert len(re.findall(r"(?<!-)pip ", command)) == command.count("--no-cache-dir") > 0


def test_no_input_of_the_action_is_part_of_a_script() -> None:
    for step in STEPS:
        assert "${{" not in step["run"]
        assert "eval" not in step["run"]


def test_every_input_of_the_action_reaches_a_step_by_its_environment() -> None:
    used = [
        found for step in STEPS for value in step["env"].values() for found in re.findall(r"inputs\.([a-z-]+)", value)
    ]
    assert sorted(used) == sorted(ACTION["inputs"])


def test_what_installs_qsjwt_does_not_see_the_key() -> None:
    assert list(STEPS[0]["env"]) == ["QSJWT_EXTRAS"]


def test_the_example_of_the_action_gives_inputs_that_it_has() -> None:
    text = (ROOT / "doc" / "how-to" / "install.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    steps = yaml.safe_load(example)["jobs"]["ask-qlik"]["steps"]
    (ours,) = [step for step in steps if "/qsjwt@" in step.get("uses", "")]
    required = {name for name, setting in ACTION["inputs"].items() if setting.get("required")}
    assert required <= set(ours["with"]) <= set(ACTION["inputs"])
    assert set(re.findall(rf"steps\.{ours['id']}\.outputs\.(\w+)", example)) == set(ACTION["outputs"])


@pytest.mark.parametrize("plugins", [PLATFORMS, KEY_PROVIDERS, COMMANDS], ids=lambda plugins: plugins.kind)
def test_the_programs_hold_the_plugins_of_every_group(plugins: Group[Any]) -> None:
    assert f'"{plugins.group}"' in (ROOT / "packaging" / "qsjwt.spec").read_text(encoding="utf-8")
