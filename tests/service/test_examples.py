"""The two example packages, from the wheel up: installed beside qsjwt's own wheel, used, tested and uninstalled."""

import json
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import jwt as pyjwt
import pytest

from tests.service.conftest import EXAMPLES, PACKAGES, Place

CREATE_ACME = ("create-acme", "--issuer", "https://portal.acme.example", "--expires", "5m")


@pytest.fixture(scope="module")
def place(new_place: Callable[[], Place], wheels: dict[str, Path]) -> Place:
    """An environment with all three wheels; other packages come from where pip finds them."""
    made = new_place()
    made.output("pip", "install", "--quiet", "pytest", *wheels.values())
    return made


def _plugins(place: Place) -> dict[tuple[str, str], str]:
    """Return the package and the status of each plugin of the examples, by its kind and name."""
    rows = json.loads(place.output("qsjwt", "list-plugins", "-f", "json"))
    return {
        (row["kind"], row["name"]): f"{row['package']} {row['status']}" for row in rows if row["package"] in PACKAGES
    }


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


def test_a_wheel_of_an_example_holds_its_one_module(wheels: dict[str, Path]) -> None:
    for name in PACKAGES:
        with zipfile.ZipFile(wheels[name]) as archive:
            held = [held for held in archive.namelist() if ".dist-info/" not in held]
        assert held == [f"{name.replace('-', '_')}.py"]


def test_both_examples_are_listed_with_their_packages(place: Place) -> None:
    assert _plugins(place) == {("platform", "acme"): "acme-platform ok", ("key provider", "pass"): "pass-provider ok"}


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
    first = place.output("qsjwt", *check, "https://portal.acme.example").splitlines()[0]
    assert first == "✓ Acme Analytics would accept this token: 6 rules are kept"
    other = place.run("qsjwt", *check, "https://other.example")
    assert other.returncode == 6
    assert "\n✗ iss  " in other.stdout


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


def test_an_example_that_is_uninstalled_leaves_nothing_behind(
    place: Place, wheels: dict[str, Path], keys: SimpleNamespace
) -> None:
    create = (*CREATE_ACME, "--user", "anna", "--key", keys.files["rsa"])
    try:
        place.output("pip", "uninstall", "--quiet", "--yes", *PACKAGES)
        gone = place.run("qsjwt", *create)
        assert (gone.returncode, gone.stdout) == (2, "")
        assert gone.stderr.startswith("qsjwt: error: there is no command 'create-acme'")
        assert _plugins(place) == {}
        assert place.run("qsjwt", "check", "acme", "--jwt", "x").returncode == 5
        other = place.run(
            "qsjwt", "create-qseow", "--userdir", "D", "--userid", "u", "--expires", "5m", "--key", "pass:k"
        )
        assert (other.returncode, other.stdout) == (5, "")
    finally:
        examples = [wheels[name] for name in PACKAGES]
        place.output("pip", "install", "--quiet", "--no-deps", "--no-index", *examples)
    assert place.output("qsjwt", *create).startswith("eyJ")
