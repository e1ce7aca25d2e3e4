"""What the reader of a page has beside the program: files that it takes for granted, and programs of others."""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.conftest import self_signed
from tests.pages import (
    CALLS,
    CLUSTER,
    README,
    SERVICES,
    TUTORIALS,
    Page,
    add_installers,
    add_windows,
    pages,
    reader_environment,
    stand_in,
)

HERE: Final = [page for page in pages() if page.name not in (*CALLS, *TUTORIALS, *SERVICES, *CLUSTER)]
"""Pages whose blocks need nothing but the program, and stand-ins for what is foreign to it."""

_PREPARED: Final = {
    README: ("first_privatekey.pem", "first_publickey.cer"),
    "moving-from-qs-jwt.md": ("key.pem",),
    "how-to/ci.md": ("users.csv",),
    "how-to/install.md": ("key.pem", "users.csv"),
    "keys/keyring.md": ("first_privatekey.pem",),
}
"""What a page takes for granted beside the key of the pages for the start."""

_IN_A_SERVICE: Final = {
    "keys/awskms.md": "awskms:alias/qlik",
    "keys/azurekv.md": "azurekv:https://lab.vault.azure.net/keys/qlik",
    "keys/gcpkms.md": (
        "gcpkms:projects/my-project/locations/europe-north1/keyRings/qlik/cryptoKeys/tokens/cryptoKeyVersions/1"
    ),
    "keys/vault.md": "vault:transit/qlik",
}
"""Pages about services that are not to be had, and the key that each is about."""

REFUSED: Final = "how-to/refused-token.md"
"""The page on which a program fails, and says so."""

_SHOWS_NO_TOKEN: Final = {
    *("how-to/batch.md", "how-to/ci.md", "how-to/completion.md", "how-to/key-rotation.md", "how-to/load-tests.md"),
    *(REFUSED, "keys/azurekv.md", "keys/gcpkms.md"),
}
"""Pages that put their tokens into files or variables, or make none."""


def read_in(languages: Sequence[str]) -> list[Any]:
    """Return the pages on which a reader of a shell has something to run, as parameters of a test that runs it."""
    runnable = [(page, "".join(block.text for block in page.blocks(*languages))) for page in HERE]
    marks = {True: [pytest.mark.needs("openssl")], False: []}
    return [pytest.param(page, id=page.name, marks=marks["openssl " in text]) for page, text in runnable if text]


def prepared(page: Page, folder: Path, key: Path) -> dict[str, str]:
    """Make *folder* what the reader of *page* has, and return the variables of such a reader.

    :param key: the file of the key for whatever the page takes for granted.
    """
    private_key = key.read_bytes()
    made: dict[str, Callable[[], bytes]] = {
        ".csv": lambda: b"userid\nanna\n",
        ".cer": lambda: self_signed(load_pem_private_key(private_key, None), "Qlik scripts", days=365),
        ".pem": lambda: private_key,
    }
    first = ("qlik_privatekey.pem", "qlik_publickey.cer") if _takes_the_first_key(page) else ()
    for name in (*first, *_PREPARED.get(page.name, ())):
        if not (folder / name).exists():
            (folder / name).write_bytes(made[Path(name).suffix]())
    programs = folder / "programs"
    add_installers(programs)
    _add_foreign_programs(folder, key)
    if page.name in _IN_A_SERVICE:
        known = (_IN_A_SERVICE[page.name], f"file:{key}")
        stand_in(
            programs,
            "qsjwt",
            f"""
            key, file = {known!r}
            assert key in arguments
            words = [file if word == key else word for word in arguments]
            sys.exit(subprocess.run([sys.executable, "-m", "qsjwt", *words]).returncode)
        """,
        )
    if page.is_about_windows:
        add_windows(programs)
    return reader_environment(programs, QLIK_KEY=key.read_text(encoding="ascii"))


def _takes_the_first_key(page: Page) -> bool:
    """Tell whether *page* takes for granted what a reader of the pages for the start has."""
    return "qlik_p" in page.text and "create-key --cert-file-prefix qlik_" not in page.text


def _add_foreign_programs(folder: Path, key: Path) -> None:
    """Add stand-ins for the programs of others, which do no more than to look at what they are given."""
    programs = folder / "programs"
    stand_in(programs, "qs-jwt", "sys.exit(subprocess.run(['qsjwt', *arguments]).returncode)\n")
    stand_in(programs, "tox", "assert arguments == ['run', '-e', 'program']\n")
    stand_in(
        programs,
        "docker",
        """
        if arguments[0] == "build":
            assert arguments[1:] == ["--tag", "qsjwt", "."]
            sys.exit()
        command = arguments[arguments.index("qsjwt") + 1 :]
        if "QLIK_KEY" not in arguments:
            del os.environ["QLIK_KEY"]
        sys.exit(subprocess.run([sys.executable, "-m", "qsjwt", *command]).returncode)
        """,
    )
    helper = f"""
        known = {{
            "pass": ["show qlik/virtual-proxy"],
            "op": ["read op://Servers/Qlik/key"],
            "vault": ["kv get -field=key secret/qlik"],
        }}
        told = ["login", "secrets enable transit", "write -f transit/keys/qlik type=rsa-2048"]
        words = " ".join(arguments)
        if words not in told:
            assert words in known[Path(sys.argv[0]).name], words
            print(Path({str(key)!r}).read_text(), end="")
    """
    for name in ("pass", "op", "vault"):
        stand_in(programs, name, helper)
    stand_in(folder / "my programs", "op", helper)
    for name, service in (("aws", "kms"), ("az", ""), ("gcloud", "")):
        stand_in(
            programs,
            name,
            f"""
            assert {service!r} in ("", arguments[0])
            if {{"create-key", "show"}} & set(arguments):
                print("1234abcd-12ab-34cd-56ef-1234567890ab" if {service!r} else "/subscriptions/1/vaults/lab")
            """,
        )


def require_promised(page: Page, folder: Path, output: str) -> None:
    """Assert that *page* gave its reader what it promises."""
    lines = output.splitlines()
    assert [line for line in lines if line.startswith("eyJ")] or page.name in _SHOWS_NO_TOKEN
    assert page.name == REFUSED or not [line for line in lines if line.startswith("broken")]
    if page.name == "how-to/batch.md":
        assert [json.loads(line)["userid"] for line in lines if line.startswith('{"row"')] == ["anna", "bo"]
        assert len((folder / "tokens.jsonl").read_text(encoding="utf-8").splitlines()) == 2
        assert re.findall(r"^(anna|bo) until (?:20\d\d-|\d\d/)", output, re.MULTILINE) == ["anna", "bo"]
    if page.name == "how-to/load-tests.md":
        users = (folder / "gopherciser-users.txt").read_text(encoding="ascii").splitlines()
        assert [line.split(";")[:2] for line in users] == [["anna", "LAB"], ["bo", "LAB"]]
        assert all(line.split(";")[2].startswith("eyJ") for line in users)
