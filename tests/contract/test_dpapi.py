"""dpapi: keys in files that Windows has encrypted; with a stand-in for its data protection, and in Windows."""

import base64
import json
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import jwt as pyjwt
import pytest

from qsjwt.keys import data_protection
from qsjwt.keys.wincrypt import Refusal
from qsjwt.testing import KeyProviderContract
from tests.conftest import Run, is_private, on_windows, pem
from tests.windows_stand_in import stand_in_for_windows


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows, or a stand-in for its data protection."""
    stand_in_for_windows(monkeypatch)


@pytest.mark.usefixtures("windows")
class TestDpapi(KeyProviderContract):
    scheme = "dpapi"
    algorithms: ClassVar[tuple[str, ...]] = ("RS256", "RS384", "RS512")

    @pytest.fixture(autouse=True)
    def _file(self, windows: None, keys: SimpleNamespace, tmp_path: Path) -> None:
        (tmp_path / "key.dpapi").write_bytes(data_protection.protect(pem(keys.rsa)))

    def reference(self) -> str:
        return "key.dpapi"

    def missing_reference(self) -> str:
        return "nowhere.dpapi"


@pytest.mark.usefixtures("windows")
def test_it_reads_what_windows_and_powershell_write(qseow: Run, keys: SimpleNamespace, tmp_path: Path) -> None:
    text = pem(keys.rsa).decode("ascii")
    # ConvertFrom-SecureString: hexadecimal of a protected UTF-16 text, which > and Out-File write in UTF-16, too.
    secure_string = data_protection.protect(text.replace("\n", "\r\n").encode("utf-16-le")).hex() + "\r\n"
    binary = data_protection.protect(pem(keys.rsa))
    forms = {
        "binary": binary,
        "machine": data_protection.protect(pem(keys.rsa), machine=True),
        "hexadecimal": secure_string.encode("ascii"),
        "5.1": b"\xff\xfe" + secure_string.encode("utf-16-le"),
        "mark": b"\xef\xbb\xbf" + secure_string.upper().encode("ascii"),
        "base64": base64.encodebytes(binary),
    }
    for name, data in forms.items():
        (tmp_path / name).write_bytes(data)
        for reference in (f"dpapi:{name}", f"dpapi:{name}?scope=machine"):
            token = qseow("--key", reference).token
            assert pyjwt.decode(token, keys.rsa.public_key(), ["RS256"])["userId"] == "anna"


@pytest.mark.usefixtures("windows")
def test_a_file_that_gives_no_key_is_named(qseow: Run, keys: SimpleNamespace, tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes(pem(keys.rsa))
    (tmp_path / "wide.pem").write_bytes(b"\xff\xfe" + pem(keys.rsa).decode().encode("utf-16-le"))
    (tmp_path / "text.dpapi").write_bytes(data_protection.protect(b"hunter2"))
    (tmp_path / "foreign.dpapi").write_bytes(b"\x01\0\0\0 from elsewhere")
    (tmp_path / "empty.dpapi").write_bytes(b"")
    for name in ("key.pem", "wide.pem"):
        qseow("--key", f"dpapi:{name}").refused(3, name, "is not encrypted", "create-key --protect dpapi")
    for name in ("foreign.dpapi", "empty.dpapi"):
        qseow("--key", f"dpapi:{name}").refused(3, name, "another account or another machine", "0x")
    result = qseow("--key", "dpapi:text.dpapi")
    result.refused(3, "text.dpapi")
    assert "hunter2" not in result.stderr
    qseow("--key", "dpapi:key.pem?scope=world").refused(2, "scope is user or machine, not 'world'")


def _leaks(key: bytes, folders: list[Path]) -> list[Path]:
    """Return the files in *folders* in which a line of the PEM text *key* is, in any encoding of a shell."""
    lines = [line for line in key.decode("ascii").splitlines() if not line.startswith("-")]
    marks = [line.encode(encoding) for line in (lines[1], lines[-2]) for encoding in ("ascii", "utf-16-le")]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return [path for path in files if any(mark in _content(path) for mark in marks)]


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # of another process
        return b""


@pytest.mark.usefixtures("windows")
@pytest.mark.parametrize("protection", ["dpapi", "dpapi-machine"])
def test_a_new_protected_key_signs_and_is_in_no_file_in_the_clear(
    run: Run, qseow: Run, tmp_path: Path, protection: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    for variable in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.setenv(variable, str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.delenv("QSJWT_KEY_PASSPHRASE", raising=False)
    made = run("create-key", "--protect", protection, "--cert-file-prefix", "new_", "--cert-key-size", "2048")
    assert json.loads(made.stdout)["files"] == {
        "private_key": "new_privatekey.dpapi",
        "public_key": "new_publickey.pem",
        "certificate": "new_publickey.cer",
    }
    token = qseow("--key", "dpapi:new_privatekey.dpapi").token
    (tmp_path / "token").write_text(token, encoding="ascii")
    checked = run("check", "qseow", "--jwt-file", "token", "--cert-publickey-file", "new_publickey.cer")
    assert checked.exit_code == 0, checked.stdout
    assert is_private(tmp_path / "new_privatekey.dpapi")
    plain = data_protection.unprotect((tmp_path / "new_privatekey.dpapi").read_bytes())
    assert plain.startswith(b"-----BEGIN PRIVATE KEY-----")
    assert _leaks(plain, [tmp_path]) == []
    (tmp_path / "leak").write_bytes(plain)
    assert _leaks(plain, [tmp_path]) == [tmp_path / "leak"]
    qseow("--key", "file:new_privatekey.dpapi").refused(3, "new_privatekey.dpapi")
    again = run("create-key", "--protect", protection, "--cert-file-prefix", "new_", "--cert-key-size", "2048")
    again.refused(3, "new_privatekey.dpapi", "exists already")


@pytest.mark.usefixtures("windows")
def test_a_passphrase_protects_a_protected_key_once_more(
    run: Run, qseow: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QSJWT_KEY_PASSPHRASE", "correct horse")
    assert run("create-key", "--protect", "dpapi", "--cert-key-size", "2048").exit_code == 0
    assert qseow("--key", "dpapi:privatekey.dpapi").token
    monkeypatch.delenv("QSJWT_KEY_PASSPHRASE")
    qseow("--key", "dpapi:privatekey.dpapi").refused(3, "is encrypted, and no passphrase was given")


@pytest.mark.usefixtures("windows")
def test_a_key_that_windows_does_not_encrypt_is_not_written(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(data: bytes, *, machine: bool) -> bytes:
        raise Refusal("CryptProtectData", 0x80070002)

    monkeypatch.setattr(data_protection, "protect", refuse)
    before = set(tmp_path.iterdir())
    result = run("create-key", "--protect", "dpapi", "--cert-key-size", "2048")
    result.refused(3, "Windows cannot encrypt the new key", "0x80070002", "profile")
    assert set(tmp_path.iterdir()) == before


def test_protection_needs_windows_and_a_known_way(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qsjwt.io.windows.is_windows", lambda: False)
    run("create-key", "--protect", "dpapi").refused(3, "the key provider 'dpapi' needs Windows")
    run("create-key", "--protect", "dpap").refused(2, "dpapi-machine")
    make = ("create-qseow", "--userdir", "D", "--userid", "u", "--expires", "5m", "--key")
    run(*make, "create:new_?protect=gpg").refused(2, "the setting protect is dpapi or dpapi-machine, not 'gpg'")


@on_windows
def test_protected_for_the_machine_is_readable_without_saying_so(qseow: Run, keys: SimpleNamespace) -> None:
    Path("key.dpapi").write_bytes(data_protection.protect(pem(keys.rsa), machine=True))
    assert qseow("--key", "dpapi:key.dpapi").token
