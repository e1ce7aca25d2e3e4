"""Who follows the pages about plugins from an empty folder gets what they promise, in bash and in PowerShell."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.conftest import pem
from tests.pages import Page, in_bash
from tests.service.conftest import EXAMPLES, PACKAGES, Place

SHELLS = ("bash", pytest.param("powershell", marks=pytest.mark.needs("pwsh")))


@pytest.fixture(scope="module")
def installed(new_place: Callable[[], Place], wheels: dict[str, Path]) -> Place:
    """An environment with qsjwt, as its wheel has it."""
    made = new_place()
    made.output("pip", "install", "--quiet", wheels["qsjwt"])
    return made


@pytest.fixture
def place(installed: Place) -> Iterator[Place]:
    """The environment, without what the tutorial before has installed."""
    yield installed
    installed.output("pip", "uninstall", "--quiet", "--yes", *PACKAGES)


@pytest.fixture
def variables(place: Place) -> dict[str, str]:
    """The variables of the reader; pip tells of errors alone."""
    return place.variables(PIP_QUIET="2", PIP_DISABLE_PIP_VERSION_CHECK="1")


@pytest.mark.parametrize("shell", SHELLS)
def test_a_platform_comes_from_an_empty_folder(
    shell: str, place: Place, variables: dict[str, str], tmp_path: Path
) -> None:
    printed = Page("extending/platform.md").follow(tmp_path, variables, shell)
    assert " passed" in printed[-1]
    assert "failed" not in printed[-1]
    rows = (tmp_path / "tokens.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(row)["user"] for row in rows] == ["anna", "bo"]
    assert len([line for line in "".join(printed).splitlines() if line.startswith("eyJ")]) == 1
    lines = (tmp_path / "acme_platform.py").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 40
    assert lines == (EXAMPLES / "acme-platform" / "acme_platform.py").read_text(encoding="utf-8").splitlines()


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("shell", SHELLS)
def test_a_key_provider_comes_from_an_empty_folder(
    shell: str, place: Place, variables: dict[str, str], tmp_path: Path
) -> None:
    *tokens, tested = Page("extending/key-provider.md").follow(tmp_path, variables, shell)
    assert [text.splitlines()[-1][:3] for text in tokens] == ["eyJ", "eyJ", "eyJ"]
    assert " passed" in tested
    assert "failed" not in tested
    for module in ("pass_provider.py", "openssl_provider.py"):
        assert len((tmp_path / module).read_text(encoding="utf-8").splitlines()) <= 30


@pytest.mark.parametrize("package", PACKAGES)
def test_the_readme_of_an_example_says_how_to_use_it(
    package: str, place: Place, variables: dict[str, str], tmp_path: Path, keys: SimpleNamespace
) -> None:
    folder = tmp_path / package
    shutil.copytree(EXAMPLES / package, folder, ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info"))
    (folder / "keys" / "qlik").mkdir(parents=True)
    for name in ("privatekey.pem", "keys/qlik/privatekey.pem"):
        (folder / name).write_bytes(pem(keys.rsa))
    (block,) = Page(f"examples/{package}/README.md").blocks("bash")
    token, *rest = in_bash(block.text, folder, variables).splitlines()
    assert token.startswith("eyJ")
    assert " passed" in rest[-1]
