"""The two example packages, from the wheel up: installed beside qsjwt's own wheel, used, tested and uninstalled."""

import json
import os
import re
import shutil
import subprocess
import tomllib
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import jwt as pyjwt
import pytest

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = ROOT / "doc" / "examples"
PACKAGES = ("acme-platform", "pass-provider")
CREATE_ACME = ("create-acme", "--issuer", "https://portal.acme.example", "--expires", "5m")

_IGNORED = shutil.ignore_patterns(
    *(".git", ".tox", ".venv", "build", "dist", "*.egg-info", "*.pem", "*.cer", "__pycache__", ".*_cache")
)


@dataclass(frozen=True)
class Place:
    """A virtual environment of its own, with qsjwt and the examples in it.

    :ivar scripts: the folder of its programs.
    :ivar wheels: the folder of the three wheels.
    """

    scripts: Path
    wheels: Path

    def run(self, program: str, *arguments: object, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Run one of its programs."""
        outer = ("PYTHON", "VIRTUAL_ENV", "TOX_", "COV", "PYTEST")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(outer)}
        command = [str(self.scripts / program), *map(str, arguments)]
        return subprocess.run(
            command, env={**environment, **variables}, capture_output=True, text=True, check=False, timeout=300
        )

    def output(self, program: str, *arguments: object, **variables: str) -> str:
        """Return what a program prints that does its work."""
        result = self.run(program, *arguments, **variables)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def plugins(self) -> dict[tuple[str, str], str]:
        """Return the package and the status of each plugin of the examples, by its kind and name."""
        rows = json.loads(self.output("qsjwt", "list-plugins", "-f", "json"))
        return {
            (row["kind"], row["name"]): f"{row['package']} {row['status']}"
            for row in rows
            if row["package"] in PACKAGES
        }


def _build_requirement() -> str:
    """Return what all three packages are built with, which is the same."""
    files = [ROOT / "pyproject.toml", *(EXAMPLES / name / "pyproject.toml" for name in PACKAGES)]
    requirement: str
    ((requirement,),) = {
        tuple(tomllib.loads(file.read_text(encoding="utf-8"))["build-system"]["requires"]) for file in files
    }
    return requirement


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The environment, made of wheels; other packages come from where pip finds them."""
    folder = tmp_path_factory.mktemp("examples")
    shutil.copytree(ROOT, folder / "qsjwt", ignore=_IGNORED)
    venv.create(folder / "venv", with_pip=True, symlinks=os.name != "nt")
    made = Place(folder / "venv" / ("Scripts" if os.name == "nt" else "bin"), folder / "wheels")
    sources = [folder / "qsjwt", *(folder / "qsjwt" / "doc" / "examples" / name for name in PACKAGES)]
    # One setuptools for all three, beside the environment: it takes less time, and nothing else can lean on it.
    made.output("pip", "install", "--quiet", "--target", folder / "tools", _build_requirement())
    wheel = ("wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", made.wheels)
    made.output("pip", *wheel, *sources, PYTHONPATH=str(folder / "tools"))
    made.output("pip", "install", "--quiet", "pytest", *sorted(made.wheels.glob("*.whl")))
    return made


@pytest.fixture
def acme_token(place: Place, keys: SimpleNamespace) -> str:
    """A token for Acme, of the key ``rsa``."""
    return place.output("qsjwt", *CREATE_ACME, "--user", "anna", "--key", keys.files["rsa"]).strip()


@pytest.fixture
def store(keys: SimpleNamespace, tmp_path: Path) -> dict[str, str]:
    """The variable that names a password store with the key ``rsa``."""
    (tmp_path / "store" / "qlik").mkdir(parents=True)
    (tmp_path / "store" / "qlik" / "proxy").write_bytes(keys.files["rsa"].read_bytes())
    return {"PASSWORD_STORE_DIR": str(tmp_path / "store")}


def test_a_wheel_of_an_example_holds_its_one_module(place: Place) -> None:
    for name in PACKAGES:
        module = name.replace("-", "_")
        with zipfile.ZipFile(next(place.wheels.glob(f"{module}-*.whl"))) as archive:
            assert [held for held in archive.namelist() if ".dist-info/" not in held] == [f"{module}.py"]


def test_both_examples_are_listed_with_their_packages(place: Place) -> None:
    assert place.plugins() == {
        ("platform", "acme"): "acme-platform ok",
        ("key provider", "pass"): "pass-provider ok",
    }


def test_a_token_for_acme_verifies(acme_token: str, keys: SimpleNamespace) -> None:
    claims = pyjwt.decode(acme_token, keys.rsa.public_key(), ["RS256"], issuer="https://portal.acme.example")
    assert claims["user"] == "anna"


def test_a_batch_makes_a_token_for_each_user_of_acme(place: Place, keys: SimpleNamespace, tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text("user\nanna\nbo\ncem\n", encoding="utf-8")
    lines = place.output(
        *("qsjwt", *CREATE_ACME, "--key", keys.files["rsa"], "--batch", tmp_path / "users.csv")
    ).splitlines()
    tokens = [json.loads(line)["token"] for line in lines]
    users = [pyjwt.decode(token, keys.rsa.public_key(), ["RS256"])["user"] for token in tokens]
    assert users == ["anna", "bo", "cem"]


def test_check_finds_a_token_right_and_one_of_another_issuer_broken(
    place: Place, keys: SimpleNamespace, acme_token: str
) -> None:
    check = ("check", "acme", "--jwt", acme_token, "--cert-publickey-file", keys.public, "--issuer")
    lines = place.output("qsjwt", *check, "https://portal.acme.example").splitlines()
    assert {line.split()[0] for line in lines} == {"ok"}
    other = place.run("qsjwt", *check, "https://other.example")
    assert other.returncode == 6
    assert "broken   iss" in other.stdout


def test_what_acme_registers_is_the_public_key(place: Place, keys: SimpleNamespace) -> None:
    shown = place.output(
        "qsjwt", "registration", "acme", "--issuer", "i", "--site", "north", "--key", keys.files["rsa"]
    )
    public = keys.public.read_text(encoding="ascii")
    assert json.loads(shown) == {"site": "north", "issuer": "i", "key": public}


@pytest.mark.parametrize("command", [("create-qseow", "--userdir", "LAB", "--userid"), (*CREATE_ACME, "--user")])
def test_a_key_of_the_store_signs_for_a_platform_of_either_package(
    place: Place, keys: SimpleNamespace, store: dict[str, str], command: tuple[str, ...]
) -> None:
    how = ("anna", "--expires", "5m", "--key", "pass:qlik/proxy")
    token = place.output("qsjwt", *command, *how, **store).strip()
    assert "anna" in pyjwt.decode(token, keys.rsa.public_key(), ["RS256"]).values()


def test_a_key_that_is_not_in_the_store_is_one_sentence(place: Place, store: dict[str, str]) -> None:
    result = place.run("qsjwt", *CREATE_ACME, "--user", "anna", "--key", "pass:qlik/none", **store)
    assert (result.returncode, result.stdout) == (3, "")
    assert result.stderr.startswith("qsjwt: error: the key file of the password store ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(("package", "least"), [("acme-platform", 11), ("pass-provider", 20)])
def test_an_example_keeps_its_contract(place: Place, tmp_path: Path, package: str, least: int) -> None:
    """Beside nothing but itself, the test finds the package where pip put it."""
    shutil.copy(EXAMPLES / package / f"test_{package.replace('-', '_')}.py", tmp_path)
    shown = place.output("pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "--rootdir", tmp_path, tmp_path)
    (passed,) = re.findall(r"(\d+) passed", shown)
    assert int(passed) >= least
    assert "failed" not in shown


def test_an_example_that_is_uninstalled_leaves_nothing_behind(place: Place, keys: SimpleNamespace) -> None:
    create = (*CREATE_ACME, "--user", "anna", "--key", keys.files["rsa"])
    try:
        place.output("pip", "uninstall", "--quiet", "--yes", *PACKAGES)
        gone = place.run("qsjwt", *create)
        assert (gone.returncode, gone.stdout) == (2, "")
        assert gone.stderr.startswith("qsjwt: error: there is no command 'create-acme'")
        assert place.plugins() == {}
        assert place.run("qsjwt", "check", "acme", "--jwt", "x").returncode == 5
        other = place.run(
            "qsjwt", "create-qseow", "--userdir", "D", "--userid", "u", "--expires", "5m", "--key", "pass:k"
        )
        assert (other.returncode, other.stdout) == (5, "")
    finally:
        wheels = [next(place.wheels.glob(f"{name.replace('-', '_')}-*.whl")) for name in PACKAGES]
        place.output("pip", "install", "--quiet", "--no-deps", "--no-index", *wheels)
    assert place.output("qsjwt", *create).startswith("eyJ")
