"""Check the sdist and the wheel in the folder that is given: complete, valid, and the program runs from the wheel."""

import os
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

from tests.programs import run_program

ROOT = Path(__file__).parent.parent.parent


def main() -> None:
    """Exit with an error if anything is missing."""
    folder = Path(sys.argv[1])
    (wheel,) = folder.glob("*.whl")
    (sdist,) = folder.glob("*.tar.gz")
    run_program(sys.executable, "-m", "twine", "check", "--strict", wheel, sdist)
    found = [path for name in ("qsjwt", "qsjwt_platforms") for path in (ROOT / name).rglob("*") if path.is_file()]
    wanted = {path.relative_to(ROOT).as_posix() for path in found if path.suffix != ".pyc"}
    pages = {f"share/man/man{path.suffix[1:]}/{path.name}" for path in (ROOT / "doc" / "man").iterdir()}
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    installed = {name.partition(".data/data/")[2] or name for name in held if ".dist-info/" not in name}
    assert installed == wanted | pages, f"the wheel differs from the source: {sorted(installed ^ (wanted | pages))}"
    assert any(name.endswith("/LICENSE") for name in held)
    with tarfile.open(sdist) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    examples = {f"doc/examples/{name}/setup.cfg" for name in ("acme-platform", "pass-provider")}
    missing = wanted | examples | {"README.md", "CHANGELOG.md", "LICENSE", "tox.ini", "tests/conftest.py"}
    missing |= {"doc/_static/pictures/check.svg", "CODE_OF_CONDUCT.md", ".editorconfig", ".pre-commit-config.yaml"}
    missing |= {"CONTRIBUTING.md", "SECURITY.md", "Dockerfile", ".dockerignore", "action.yml", "packaging/qsjwt.spec"}
    assert missing <= held, f"the sdist lacks {sorted(missing - held)}"
    with tempfile.TemporaryDirectory() as place:
        venv.create(place, with_pip=True)
        scripts = Path(place) / ("Scripts" if os.name == "nt" else "bin")
        run_program(scripts / "pip", "install", "--quiet", wheel)
        shown = run_program(scripts / "qsjwt", "list-plugins", "-f", "value")
    assert len(shown.stdout.splitlines()) >= 9, shown.stdout
    # Without extras, what needs a library says which extra brings it; the environment "providers" has them all.
    fine = (" ok", " needs Windows") if os.name != "nt" else (" ok",)
    assert all(line.endswith(fine) or "; pip install 'qsjwt[" in line for line in shown.stdout.splitlines()), (
        shown.stdout
    )
    print("sdist and wheel are complete, and the program runs from the wheel")


if __name__ == "__main__":
    main()
