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

EXAMPLES = DOC / "examples"
PACKAGES = ("acme-platform", "pass-provider")

_IGNORED = shutil.ignore_patterns(
    *(".git", ".tox", ".venv", "build", "dist", "*.egg-info", "*.pem", "*.cer", "__pycache__", ".*_cache")
)
_OUTER = ("PYTHON", "VIRTUAL_ENV", "TOX_", "COV", "PYTEST")


@dataclass(frozen=True)
class Place:
    """A virtual environment.

    :ivar scripts: the folder of its programs.
    """

    scripts: Path

    def variables(self, **more: str) -> dict[str, str]:
        """Return the variables of somebody who has activated it."""
        path = os.pathsep.join([str(self.scripts), os.environ["PATH"]])
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(_OUTER)}
        return {**inherited, "PATH": path, **more}

    def run(self, program: str, *arguments: object, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Run one of its programs."""
        command = [str(self.scripts / program), *map(str, arguments)]
        return subprocess.run(
            command, env=self.variables(**variables), capture_output=True, text=True, check=False, timeout=300
        )

    def output(self, program: str, *arguments: object, **variables: str) -> str:
        """Return what a program prints that does its work."""
        result = self.run(program, *arguments, **variables)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout


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
    shutil.copytree(ROOT, folder / "qsjwt", ignore=_IGNORED)
    sources = [folder / "qsjwt", *(folder / "qsjwt" / "doc" / "examples" / name for name in PACKAGES)]
    place = new_place()
    # One setuptools for all three takes less time.
    place.output("pip", "install", "--quiet", _build_requirement())
    made = folder / "wheels"
    place.output("pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", made, *sources)
    return {name: next(made.glob(f"{name.replace('-', '_')}-*.whl")) for name in ("qsjwt", *PACKAGES)}
