"""Virtual environments of their own, with what pip makes of the source and of the examples."""

import os
import shutil
import subprocess
import tomllib
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.pages import DOC, ROOT
from tests.programs import run_program

EXAMPLES = DOC / "examples"
PACKAGES = ("acme-platform", "pass-provider")

# What the commands of the README leave behind, and what tools do.
_IGNORED = (".*_cache", ".git", ".hypothesis", ".tox", ".venv", "__pycache__", "build", "dist", "*.egg-info")
_LEFT = ("*.pem", "*.cer", "*.jsonl", "token.txt", "users.csv")

_OUTER = ("COV", "PYTEST", "PYTHON", "TOX_", "VIRTUAL_ENV", "XDG_CACHE_HOME")


def copy_of_the_source(folder: Path) -> Path:
    """Copy what a clone has into *folder*, and return the copy."""
    copy = folder / "qsjwt"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*_IGNORED, *_LEFT))
    return copy


def outer_variables() -> dict[str, str]:
    """Return the variables of somebody who runs no tests; pip finds there what it has downloaded before."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_OUTER)}


@dataclass(frozen=True)
class Place:
    """A virtual environment.

    :ivar scripts: the folder of its programs.
    """

    scripts: Path

    def variables(self, **more: str) -> dict[str, str]:
        """Return the variables of somebody who has activated it."""
        path = os.pathsep.join([str(self.scripts), os.environ["PATH"]])
        return {**outer_variables(), "PATH": path, **more}

    def run(self, program: str, *arguments: object, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Run one of its programs."""
        command = [str(self.scripts / program), *map(str, arguments)]
        return subprocess.run(
            command, env=self.variables(**variables), capture_output=True, text=True, check=False, timeout=300
        )

    def output(self, program: str, *arguments: object, **variables: str) -> str:
        """Return what a program prints that does its work."""
        command = (self.scripts / program, *arguments)
        return run_program(*command, env=self.variables(**variables), timeout=300).stdout


@pytest.fixture(scope="session")
def new_place(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Place]:
    """Return what makes a virtual environment with nothing but pip in it."""

    def make() -> Place:
        folder = tmp_path_factory.mktemp("venv")
        venv.create(folder, with_pip=True, symlinks=os.name != "nt")
        return Place(folder / ("Scripts" if os.name == "nt" else "bin"))

    return make


def _build_requirement() -> str:
    """Return what all three packages are built with, which is the same."""
    files = [ROOT / "pyproject.toml", *(EXAMPLES / name / "pyproject.toml" for name in PACKAGES)]
    requirement: str
    ((requirement,),) = {
        tuple(tomllib.loads(file.read_text(encoding="utf-8"))["build-system"]["requires"]) for file in files
    }
    return requirement


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory, new_place: Callable[[], Place]) -> dict[str, Path]:
    """The wheels of qsjwt and of the two examples, by the names of the packages."""
    folder = tmp_path_factory.mktemp("source")
    source = copy_of_the_source(folder)
    sources = [source, *(source / "doc" / "examples" / name for name in PACKAGES)]
    place = new_place()
    # One setuptools for all three takes less time.
    place.output("pip", "install", "--quiet", _build_requirement())
    made = folder / "wheels"
    place.output("pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", made, *sources)
    return {name: next(made.glob(f"{name.replace('-', '_')}-*.whl")) for name in ("qsjwt", *PACKAGES)}
