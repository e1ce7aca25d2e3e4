"""What is delivered beside the wheel: the image, the action, the programs and releases stay as the source and safe."""

import configparser
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from qsjwt.cli.command import COMMANDS
from qsjwt.keys.reference import KEY_PROVIDERS
from qsjwt.plugins import Group
from qsjwt.tokens.platform import PLATFORMS

ROOT = Path(__file__).parent.parent
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
REQUIREMENTS = ROOT / "packaging" / "requirements"
WORKFLOWS: dict[str, dict[str, Any]] = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in sorted((ROOT / ".github" / "workflows").iterdir())
}
RELEASE = WORKFLOWS["release"]
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
    first, last = (stage[0][1] for stage in _stages())
    assert re.fullmatch(r"python:3\.13-slim@sha256:[0-9a-f]{64}", last)
    assert first == f"{last} AS build"


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
    assert "packaging/requirements" in copied


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


def _setup() -> dict[str, list[Requirement]]:
    """Return what setup.cfg asks for: under "qsjwt" for every installation, under "qsjwt-EXTRA" for an extra."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    asked = {"qsjwt": config["options"]["install_requires"]}
    asked |= {f"qsjwt-{extra}": text for extra, text in config["options.extras_require"].items() if extra != "all"}
    return {name: [Requirement(line) for line in text.split("\n") if line] for name, text in asked.items()}


def _locked(name: str) -> dict[str, tuple[Requirement, list[str]]]:
    """Return what a file of requirements lists, by the name of the package: it and its hashes."""
    text = (REQUIREMENTS / f"{name}.txt").read_text(encoding="ascii").replace("\\\n", "")
    lines = [line for line in text.splitlines() if line[:1] not in ("#", "-")]
    found = [(Requirement(line.partition(" --")[0]), re.findall(r" --hash=(\S+)", line)) for line in lines]
    return {canonicalize_name(requirement.name): (requirement, hashes) for requirement, hashes in found}


LOCKS = sorted(path.stem for path in REQUIREMENTS.iterdir())


@pytest.mark.parametrize("name", LOCKS)
def test_a_requirement_is_one_version_of_a_wheel_by_its_hashes_and_names_no_place(name: str) -> None:
    text = (REQUIREMENTS / f"{name}.txt").read_text(encoding="ascii")
    assert "\n--only-binary :all:\n" in text
    assert "/" not in text and ".." not in text
    for requirement, hashes in _locked(name).values():
        assert [part.operator for part in requirement.specifier] == ["=="]
        assert hashes and all(re.fullmatch(r"sha256:[0-9a-f]{64}", found) for found in hashes)


@pytest.mark.parametrize(("name", "asked"), _setup().items(), ids=_setup())
def test_what_setup_cfg_asks_for_is_locked_in_a_version_that_it_accepts(name: str, asked: list[Requirement]) -> None:
    locked = _locked("qsjwt") | _locked(name)
    for requirement in asked:
        (pin,) = locked[canonicalize_name(requirement.name)][0].specifier
        assert requirement.specifier.contains(pin.version), f"{requirement}: run tox -e lock"


def test_what_is_built_with_is_locked_in_a_version_that_pyproject_accepts() -> None:
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["requires"]
    for requirement in map(Requirement, asked):
        (pin,) = _locked("build")[requirement.name][0].specifier
        assert requirement.specifier.contains(pin.version)


def test_a_package_has_the_same_version_wherever_it_is_locked() -> None:
    versions: dict[str, set[str]] = {}
    for name in LOCKS:
        for package, (requirement, _) in _locked(name).items():
            versions.setdefault(package, set()).add(str(requirement.specifier))
    assert {package: found for package, found in versions.items() if len(found) > 1} == {}


def test_the_extra_all_is_locked_as_all_the_others_together() -> None:
    text = (REQUIREMENTS / "qsjwt-all.txt").read_text(encoding="ascii")
    named = re.findall(r"^--requirement (\S+)\.txt$", text, re.MULTILINE)
    assert sorted(named) == sorted(name for name in _setup() if name != "qsjwt")


def _installations() -> list[tuple[str, str]]:
    """Return each command that installs or builds with pip, and which file it is in."""
    scripts = [("Dockerfile", rest) for stage in _stages() for word, rest in stage if word == "RUN"]
    scripts += [("action.yml", step["run"]) for step in STEPS]
    scripts += [("release.yml", step.get("run", "")) for job in RELEASE["jobs"].values() for step in job["steps"]]
    commands = [(file, part) for file, text in scripts for part in re.split(r"&&|\n", text.replace("\\\n", " "))]
    installs = re.compile(r"(?!\s*\w+=\().*(?:\bpip\b.* (?:install|wheel) |\{install\[@\])")
    return [(file, part) for file, part in commands if installs.match(part)]


def test_whatever_pip_installs_is_checked_by_its_hash_or_is_the_wheel_of_this_source() -> None:
    commands = _installations()
    assert {file for file, _ in commands} == {"Dockerfile", "action.yml", "release.yml"}
    for _, command in commands:
        ours = "--no-deps" in command and ("--no-index" in command or "--no-build-isolation" in command)
        assert ours or ("--require-hashes" in command and "requirement" in command), command


def test_the_programs_are_made_of_what_is_locked() -> None:
    config = configparser.ConfigParser(interpolation=None)
    config.read(ROOT / "tox.ini", encoding="utf-8")
    program = config["testenv:program"]
    files = re.findall(r"-r packaging\{/\}requirements\{/\}(\S+)\.txt", program["deps"])
    assert files == ["qsjwt", "qsjwt-{[testenv:program]extras}", "program"]
    assert "build.txt" in config[f"testenv:{program['wheel_build_env']}"]["set_env"]


@pytest.mark.parametrize("workflow", WORKFLOWS.values(), ids=WORKFLOWS)
def test_a_workflow_takes_actions_by_their_commits_and_has_no_rights_but_those_of_a_job(
    workflow: dict[str, Any],
) -> None:
    used = [step["uses"] for job in workflow["jobs"].values() for step in job["steps"] if "uses" in step]
    assert used and all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", action) for action in used)
    assert workflow["permissions"] == {}


def test_an_action_is_the_same_commit_in_every_workflow() -> None:
    steps = [step for workflow in WORKFLOWS.values() for job in workflow["jobs"].values() for step in job["steps"]]
    used = {step["uses"] for step in steps if "uses" in step}
    assert len({action.partition("@")[0] for action in used}) == len(used)


def test_ci_tests_each_python_that_is_supported_on_each_system_and_can_only_read() -> None:
    (job,) = WORKFLOWS["ci"]["jobs"].values()
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    supported = re.findall(r"Python :: (3\.\d+)", config["metadata"]["classifiers"])
    systems = ["windows-latest", "macos-latest", "ubuntu-latest"]
    assert job["strategy"]["matrix"] == {"system": systems, "python": supported}
    assert job["permissions"] == {"contents": "read"}
    assert job["steps"][0]["with"] == {"persist-credentials": False}


def test_the_job_that_builds_a_release_can_publish_nothing_and_the_one_that_publishes_runs_nothing_of_it() -> None:
    build, publish = RELEASE["jobs"].values()
    assert build["permissions"] == {"contents": "read"}
    assert build["steps"][0]["with"] == {"persist-credentials": False}
    assert publish["needs"] == "build"
    assert [step["run"].split()[:3] for step in publish["steps"] if "run" in step] == [["gh", "release", "create"]]


@pytest.mark.parametrize("workflow", WORKFLOWS.values(), ids=WORKFLOWS)
def test_no_value_of_a_workflow_is_part_of_a_script(workflow: dict[str, Any]) -> None:
    for job in workflow["jobs"].values():
        assert not any("${{" in step.get("run", "") for step in job["steps"])


def test_a_release_has_a_bill_of_materials_and_says_where_it_was_built() -> None:
    build, publish = RELEASE["jobs"].values()
    (made,) = [step["run"] for step in build["steps"] if "cyclonedx-py" in step.get("run", "")]
    attested = [step["with"] for step in publish["steps"] if "/attest@" in step.get("uses", "")]
    assert all(each["subject-path"].split() == ["dist/*", "program/*"] for each in attested)
    (bill,) = [each["sbom-path"] for each in attested if "sbom-path" in each]
    assert f"--output-file {bill}" in made
    assert len(attested) == 2


def test_every_kind_of_pin_is_kept_up_to_date() -> None:
    settings = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text(encoding="utf-8"))
    assert {each["package-ecosystem"]: each["directory"] for each in settings["updates"]} == {
        "pip": "/packaging/requirements",
        "docker": "/",
        "github-actions": "/",
    }
