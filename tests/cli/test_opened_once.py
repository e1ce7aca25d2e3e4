"""Every command opens a key once, whatever kind of key it turns out to be, and not at all for a line that is wrong."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from qsjwt.providers.create import CreateProvider
from tests.conftest import InstallPlugin, Run, pem

COUNTING = """
    from pathlib import Path
    from qsjwt.api import KeyProvider, local_signer

    class Counting(KeyProvider):
        summary = "counting:PATH    a key whose every opening is written down"

        def open(self, reference, secrets):
            with open("opened", "a") as log:
                log.write(f"{reference}\\n")
            return local_signer(Path(reference).read_bytes(), "the key", secrets)
"""


@pytest.fixture
def opened(installed_plugin: InstallPlugin, tmp_path: Path, keys: SimpleNamespace) -> Any:
    """Say how often a key was opened; there is one for each kind in the current folder."""
    installed_plugin("counting", {"qsjwt.key_provider.v1": "counting = counting:Counting"}, COUNTING)
    for name in ("rsa", "ec", "p384", "short"):
        (tmp_path / name).write_bytes(pem(getattr(keys, name)))
    (tmp_path / "p521").write_bytes(pem(ec.generate_private_key(ec.SECP521R1())))
    return lambda: (tmp_path / "opened").read_text(encoding="utf-8").splitlines()


OAUTH = ("--client-id", "0123abcd", "--tenant", "https://t.eu.qlikcloud.com", "--keyid", "k", "--expires", "5m")
QSEOW = ("create-qseow", "--userdir", "LAB", "--expires", "5m")


@pytest.mark.parametrize(
    ("arguments", "key", "exit_code"),
    [
        (("show-key",), "p521", 0),
        (("show-key",), "ec", 0),
        (("show-key",), "short", 0),
        (("create-qscloud-oauth", *OAUTH), "p384", 0),
        (("create-qscloud-oauth", *OAUTH), "ec", 3),
        (("create-qscloud-oauth", *OAUTH, "--algorithm", "RS256"), "p384", 3),
        ((*QSEOW, "--userid", "anna"), "rsa", 0),
        ((*QSEOW, "--userid", "anna"), "p384", 3),
        ((*QSEOW, "--batch", "users.csv"), "rsa", 0),
        ((*QSEOW, "--batch", "users.csv"), "p384", 3),
        (("check", "qseow", "--jwt-file", "token"), "rsa", 0),
        (("check", "qseow", "--jwt-file", "token"), "p384", 6),
        (("registration", "qscloud-oauth", "--keyid", "k"), "p384", 0),
        (("registration", "qscloud-oauth", "--keyid", "k"), "p521", 3),
        (("registration", "qseow", "--cert-self-signed"), "rsa", 0),
    ],
)
def test_a_command_opens_its_key_once(
    run: Run, opened: Any, tmp_path: Path, arguments: tuple[str, ...], key: str, exit_code: int
) -> None:
    (tmp_path / "users.csv").write_text("userid\nanna\nbo\n", encoding="utf-8")
    (tmp_path / "token").write_text(run(*QSEOW, "--userid", "anna", "--key", "rsa").stdout, encoding="ascii")
    result = run(*arguments, "--key", f"counting:{key}")
    assert result.exit_code == exit_code, result.stderr
    assert opened() == [key]


SERVER = ("--url", "https://qlik.example.com/jwt")
ANNA = ("--userdir", "LAB", "--userid", "anna")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("try", "qseow", *ANNA, "--ca-file", "none.pem"), "the CA file 'none.pem' does not exist"),
        (("try", "qseow", "--jwt", "T", "--ca-file", "rsa"), "the CA file 'rsa' has no certificate in it"),
        (("exchange", "qseow", *ANNA, "--ca-file", "none.pem"), "the CA file 'none.pem' does not exist"),
        (("exchange", "qseow", *ANNA, "--output", "none/session"), "a folder that does not exist"),
        (("exchange", "qseow", *ANNA, "--output", "rsa"), "--output 'rsa' holds a key"),
        (("exchange", "qseow", *ANNA, "--output", "."), "--output '.' is not a file name"),
        (("register", "qseow", "--prefix", "jwt", "--cert-self-signed"), "the administrator's credentials are missing"),
        (
            ("register", "qseow", "--prefix", "jwt", "--cert-self-signed", "--client-cert", "c", "--client-key", "k"),
            "the client certificate file 'c' does not exist",
        ),
        (
            ("register", "qseow", "--prefix", "jwt", "--cert-self-signed", "--jwt-file", "t", "--ca-file", "none.pem"),
            "the CA file 'none.pem' does not exist",
        ),
    ],
)
def test_a_command_that_calls_a_server_opens_no_key_for_a_line_that_is_wrong(
    run: Run, opened: Any, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    (tmp_path / "t").write_text("eyJhbGciOiJSUzI1NiJ9.e30.c2ln", encoding="ascii")
    run(*arguments, *SERVER, "--key", "counting:rsa").refused(2, said)
    assert not (tmp_path / "opened").exists()


@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [
        (("create-key", "--kind", "ec"), 0),
        (("create-qscloud-oauth", *OAUTH, "--cert-create", "--algorithm", "ES384"), 0),
        ((*QSEOW, "--userid", "anna", "--key", "create:?kind=ec"), 3),
        (("registration", "qscloud-oauth", "--keyid", "k", "--key", "create:?kind=ec"), 0),
    ],
)
def test_a_command_makes_a_key_once(
    run: Run, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], exit_code: int
) -> None:
    made = []
    make = CreateProvider.make
    monkeypatch.setattr(CreateProvider, "make", lambda *given: made.append(given) or make(*given))  # type: ignore[func-returns-value]
    result = run(*arguments)
    assert result.exit_code == exit_code, result.stderr
    assert len(made) == 1
