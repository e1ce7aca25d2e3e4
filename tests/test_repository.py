"""What strangers meet before the code: issue forms, the address, the notes of a release, and the packages to copy."""

import configparser
import re
import runpy
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from qsjwt.cli.index import CommandIndex
from qsjwt.plugins import Group
from qsjwt.tokens.platform import PLATFORMS
from tests.conftest import InstallPlugin, Run

ROOT = Path(__file__).parent.parent
FORMS: dict[str, dict[str, Any]] = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("[0-9]*.yml"))
}
SETUP = configparser.RawConfigParser()
SETUP.read(ROOT / "setup.cfg", encoding="utf-8")
URL = SETUP["metadata"]["url"]


def _fields(form: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {field["id"]: field for field in form["body"] if "id" in field}


@pytest.mark.parametrize("form", [FORMS["1-refused-token"], FORMS["2-bug"]], ids=lambda form: str(form["name"]))
def test_a_form_warns_before_it_asks_and_is_not_sent_before_its_writer_has_looked_for_secrets(
    form: dict[str, Any],
) -> None:
    warning = form["body"][0]["attributes"]["value"]
    assert warning.startswith("**Never post a token, a private key, a cookie or a passphrase.**")
    (box,) = _fields(form)["secrets"]["attributes"]["options"]
    assert box["required"]


def test_the_form_about_a_refused_token_asks_for_what_check_says_and_knows_every_platform() -> None:
    fields = _fields(FORMS["1-refused-token"])
    *platforms, other = fields["platform"]["attributes"]["options"]
    assert (set(platforms), other) == (_built_in(PLATFORMS), "one from a plugin")
    assert "qsjwt check PLATFORM" in fields["check"]["attributes"]["description"]
    assert fields["check"]["validations"] == fields["answer"]["validations"] == {"required": True}
    assert not {"token", "key", "jwt"} & set(fields)


def test_a_command_that_a_form_names_is_there() -> None:
    text = "\n".join(str(form) for form in FORMS.values())
    named = set(re.findall(r"`qsjwt ([a-z][a-z-]*)", text))
    assert named >= {"check", "try", "list-plugins", "create-key"}
    assert named <= set(CommandIndex().summaries())


def test_every_file_that_names_the_address_names_the_one_of_setup_cfg() -> None:
    owner = re.fullmatch(r"https://github\.com/([\w-]+)/qsjwt", URL)
    assert owner
    found = {}
    for path in _texts():
        text = path.read_text(encoding="utf-8")
        found[path.relative_to(ROOT).as_posix()] = set(re.findall(r"([\w-]+)/qsjwt(?=[@/\s`]|$)", text, re.MULTILINE))
    named = {name: owners & {"OWNER", owner[1]} for name, owners in found.items() if "OWNER" in owners | {owner[1]}}
    places = {name for name, owners in named.items() if owners}
    assert places >= {"setup.cfg", "SECURITY.md", "doc/how-to/install.md", ".github/ISSUE_TEMPLATE/config.yml"}
    assert [name for name in places if named[name] != {owner[1]}] == []


def test_every_address_of_the_project_begins_with_the_one_that_is_set() -> None:
    lines = SETUP["metadata"]["project_urls"].strip().splitlines()
    addresses = {name.strip(): address.strip() for name, _, address in (line.partition("=") for line in lines)}
    assert list(addresses) == ["Documentation", "Source", "Issues", "Changelog", "Security"]
    for address in addresses.values():
        page = address.removeprefix(URL)
        assert page != address
        assert not page.startswith("/blob/main/") or (ROOT / page.removeprefix("/blob/main/")).is_file()


def test_the_description_of_the_packages_leads_from_anywhere_to_the_files_of_its_version(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: dict[str, str] = {}
    monkeypatch.setitem(sys.modules, "setuptools", SimpleNamespace(setup=lambda **more: given.update(more)))
    runpy.run_path(str(ROOT / "setup.py"))
    links = re.findall(r"(!?)\[[^]]*\]\(([^)]*)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    full = re.findall(r"(!?)\[[^]]*\]\(([^)]*)\)", given["long_description"])
    version = metadata.version("qsjwt")
    assert full == [(image, f"{URL}/{'raw' if image else 'blob'}/v{version}/{path}") for image, path in links]
    assert len(links) > 10


def test_a_release_is_made_of_packages_that_name_the_repository_that_makes_it() -> None:
    assert 'grep -qxF "url = $GITHUB_SERVER_URL/$GITHUB_REPOSITORY" setup.cfg' in _release()
    assert f"\nurl = {URL}\n" in (ROOT / "setup.cfg").read_text(encoding="utf-8")


def test_the_author_is_the_one_of_the_licence_everywhere() -> None:
    (author,) = re.findall(r"Copyright \(c\) \d{4} (.*)", (ROOT / "LICENSE").read_text(encoding="utf-8"))
    assert SETUP["metadata"]["author"] == author
    assert f'author = "{author}"\n' in (ROOT / "doc" / "conf.py").read_text(encoding="utf-8")


CHANGES = """\
# Changelog

## [0.2.0] - unreleased

### Added

- A thing.

## [0.1.1] - 2026-12-24

### Fixed

- ## is no heading here.

## [0.1.0] - 2026-12-01

### Added

- Everything.
"""


@pytest.fixture
def notes(tmp_path: Path) -> Any:
    """Return what runs ``packaging/notes.py`` beside a changelog, and gives its exit code, stdout and stderr."""
    (tmp_path / "packaging").mkdir()
    script = tmp_path / "packaging" / "notes.py"
    script.write_bytes((ROOT / "packaging" / "notes.py").read_bytes())

    def run(version: str, changes: str = CHANGES) -> tuple[int, str, str]:
        (tmp_path / "CHANGELOG.md").write_text(changes, encoding="utf-8")
        done = subprocess.run([sys.executable, script, version], capture_output=True, encoding="utf-8", check=False)
        return done.returncode, done.stdout, done.stderr

    return run


def test_the_notes_of_a_release_are_its_section_of_the_changelog(notes: Any) -> None:
    assert notes("0.1.1") == (0, "### Fixed\n\n- ## is no heading here.\n", "")
    assert notes("0.1.0") == (0, "### Added\n\n- Everything.\n", "")


@pytest.mark.parametrize(
    ("version", "why"),
    [
        ("0.2.0", "the section about 0.2.0 in CHANGELOG.md is not dated: unreleased"),
        ("0.1", "CHANGELOG.md has no section about 0.1"),
        ("0.1.9", "CHANGELOG.md has no section about 0.1.9"),
        ("0x1.0", "CHANGELOG.md has no section about 0x1.0"),
    ],
)
def test_there_is_no_release_without_a_dated_section(notes: Any, version: str, why: str) -> None:
    assert notes(version) == (1, "", f"{why}\n")


def test_there_is_no_release_about_which_nothing_is_said(notes: Any) -> None:
    changes = CHANGES.replace("### Added\n\n- Everything.\n", "\n")
    assert notes("0.1.0", changes) == (1, "", "the section about 0.1.0 in CHANGELOG.md is empty\n")


def test_the_changelog_has_a_section_about_the_version_that_the_program_has(notes: Any) -> None:
    version = metadata.version("qsjwt")
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    code, said, _ = notes(version, changes.replace(f"## [{version}] - unreleased", f"## [{version}] - 2026-12-01"))
    assert (code, said.split("\n")[0]) == (0, "### Added")


def test_a_release_takes_its_notes_from_the_changelog() -> None:
    assert 'python packaging/notes.py "${GITHUB_REF_NAME#v}" > notes/notes.md' in _release()
    assert "--notes-file notes/notes.md" in _release()


def test_the_checks_before_a_commit_are_those_of_tox() -> None:
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    hooks = {hook["id"]: hook for hook in repository["hooks"]}
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini", encoding="utf-8")
    (ruff,) = [line for line in tox["testenv:lint"]["deps"].split() if line.startswith("ruff")]
    assert hooks["ruff"]["additional_dependencies"] == hooks["ruff-format"]["additional_dependencies"] == [ruff]
    assert all("==" in pin for hook in hooks.values() for pin in hook["additional_dependencies"])
    assert hooks["mypy"]["entry"].endswith("-e types")


def test_an_editor_breaks_lines_where_ruff_does() -> None:
    settings = configparser.ConfigParser()
    settings.read_string("[all]\n" + (ROOT / ".editorconfig").read_text(encoding="utf-8"))
    ruff = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]
    assert settings["*.py"]["max_line_length"] == str(ruff["line-length"])


def test_a_copy_of_the_example_platform_under_another_name_is_a_platform_of_its_own(
    run: Run, keys: SimpleNamespace, installed_plugin: InstallPlugin, tmp_path: Path
) -> None:
    copy = _copied("acme-platform", tmp_path, {"acme": "contoso", "Acme": "Contoso"})
    assert sorted(path.name for path in copy.iterdir()) == [
        *("README.md", "contoso_platform.py", "pyproject.toml", "setup.cfg", "test_contoso_platform.py")
    ]
    _install(copy, installed_plugin)
    options = ("--user", "anna", "--issuer", "i", "--expires", "5m", "--key", keys.files["rsa"], "--output", "token")
    assert run("create-contoso", *options).exit_code == 0
    assert run("check", "contoso", "--jwt-file", "token", "--issuer", "i", "--key", keys.files["rsa"]).exit_code == 0


def test_a_copy_of_the_example_provider_under_another_name_is_a_provider_of_its_own(
    run: Run, keys: SimpleNamespace, installed_plugin: InstallPlugin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = _copied("pass-provider", tmp_path, {"pass": "depot", "Pass": "Depot"})
    _install(copy, installed_plugin)
    monkeypatch.setenv("PASSWORD_STORE_DIR", str(tmp_path))
    (tmp_path / "key").write_bytes(keys.files["rsa"].read_bytes())
    assert run("create-qseow", "--userdir", "LAB", "--userid", "anna", "--expires", "5m", "--key", "depot:key").token


def _copied(example: str, folder: Path, words: Mapping[str, str]) -> Path:
    """Copy an *example*, with *words* replaced as whole words in names and contents, as its README says."""
    copy = folder / "copy"
    copy.mkdir()
    for path in (ROOT / "doc" / "examples" / example).iterdir():
        texts = [path.name, path.read_text(encoding="utf-8")] if path.is_file() else []
        for word, other in words.items():
            texts = [re.sub(rf"(?<![A-Za-z]){word}(?![a-z])", other, text) for text in texts]
        if texts:
            (copy / texts[0]).write_text(texts[1], encoding="utf-8")
    return copy


def _install(package: Path, install: InstallPlugin) -> None:
    config = configparser.ConfigParser()
    config.read(package / "setup.cfg", encoding="utf-8")
    module = config["options"]["py_modules"]
    source = (package / f"{module}.py").read_text(encoding="utf-8")
    assert config["metadata"]["name"] == module.replace("_", "-")
    install(config["metadata"]["name"], dict(config["options.entry_points"]), source)


def _built_in(plugins: Group[Any]) -> set[str]:
    named = metadata.entry_points(group=plugins.group)
    return {each.name for each in named if each.dist and each.dist.name == "qsjwt"}


def _release() -> str:
    return (ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")


def _texts() -> list[Path]:
    """Return the files that may name the address."""
    folders = [path for name in (".github", "doc", "packaging", "qsjwt") for path in (ROOT / name).rglob("*")]
    endings = {".md", ".py", ".yml", ".cfg", ".toml", ".txt"}
    return [path for path in [*ROOT.iterdir(), *folders] if path.suffix in endings and path.is_file()]
