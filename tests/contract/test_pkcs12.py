"""pkcs12: keys in the files that openssl, keytool and Windows export."""

import base64
import json
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import jwt as pyjwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from qsjwt.api import Secrets
from qsjwt.testing import KeyProviderContract
from tests.conftest import Run, unavailable

PASSWORD = "correct horse"


@pytest.fixture(scope="session")
def stores(keys: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of PKCS#12 files with the key ``rsa``, and its certificate, made by openssl and by cryptography."""
    folder = tmp_path_factory.mktemp("pkcs12")
    certificate = folder / "certificate.cer"
    _openssl("req", "-x509", "-key", keys.files["rsa"], "-subj", "/CN=store", "-days", "9", "-out", certificate)
    base = ("pkcs12", "-export", "-inkey", keys.files["rsa"], "-in", certificate, "-name", "Qlik tokens")
    for name, options in {
        "modern": (),
        "legacy": ("-legacy",),
        "3des": ("-certpbe", "PBE-SHA1-3DES", "-keypbe", "PBE-SHA1-3DES", "-macalg", "sha1", "-legacy"),
    }.items():
        _openssl(*base, *options, "-passout", f"pass:{PASSWORD}", "-out", folder / f"{name}.p12")
    _openssl(*base, "-passout", "pass:", "-out", folder / "empty.p12")
    _openssl(
        "pkcs12", "-export", "-nokeys", "-in", certificate, "-passout", f"pass:{PASSWORD}", "-out", folder / "nokey.p12"
    )
    made = x509.load_pem_x509_certificate(certificate.read_bytes())
    bare = pkcs12.serialize_key_and_certificates(b"k", keys.rsa, made, None, serialization.NoEncryption())
    (folder / "bare.pfx").write_bytes(bare)
    (folder / "coded.p12").write_bytes(base64.encodebytes((folder / "modern.p12").read_bytes()))
    (folder / "cut.p12").write_bytes((folder / "modern.p12").read_bytes()[:900])
    return folder


def _openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORE_PASSWORD", PASSWORD)


class TestPkcs12(KeyProviderContract):
    scheme = "pkcs12"
    algorithms: ClassVar[tuple[str, ...]] = ("RS256", "RS512")
    secrets: ClassVar[tuple[str, ...]] = (PASSWORD,)
    name = "modern.p12"

    @pytest.fixture(autouse=True)
    def _stores(self, stores: Path) -> None:
        self.folder = stores

    def reference(self) -> str:
        return str(self.folder / self.name)

    def missing_reference(self) -> str:
        return "nowhere.p12"

    def where_secrets_are(self) -> Secrets:
        return Secrets(variable="STORE_PASSWORD")


class TestLegacyPkcs12(TestPkcs12):
    name = "legacy.p12"


@pytest.mark.parametrize("name", ["modern.p12", "legacy.p12", "3des.p12", "coded.p12"])
def test_a_file_of_openssl_signs_with_its_password(qseow: Run, keys: SimpleNamespace, stores: Path, name: str) -> None:
    result = qseow("--key", f"pkcs12:{stores / name}", "--key-passphrase-env", "STORE_PASSWORD")
    assert pyjwt.decode(result.token, keys.rsa.public_key(), ["RS256"])["userId"] == "anna"
    assert result.stderr == ""


@pytest.mark.parametrize("name", ["empty.p12", "bare.pfx"])
def test_a_file_without_a_password_needs_none(qseow: Run, keys: SimpleNamespace, stores: Path, name: str) -> None:
    result = qseow("--key", f"pkcs12:{stores / name}")
    assert pyjwt.decode(result.token, keys.rsa.public_key(), ["RS256"])


@pytest.mark.parametrize("name", ["empty.p12", "bare.pfx"])
def test_a_passphrase_that_is_there_for_another_key_does_no_harm(
    qseow: Run, stores: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QSJWT_KEY_PASSPHRASE", "of another key")
    assert qseow("--key", f"pkcs12:{stores / name}").token


def test_a_file_of_keytool_signs(qseow: Run, tmp_path: Path) -> None:
    keytool = shutil.which("keytool")
    if keytool is None:
        unavailable("keytool is not installed")
    store = tmp_path / "java.p12"
    subprocess.run(
        [
            *(
                keytool or "",
                "-genkeypair",
                "-alias",
                "qlik",
                "-keyalg",
                "RSA",
                "-keysize",
                "2048",
                "-dname",
                "CN=java",
            ),
            *("-storetype", "PKCS12", "-keystore", store, "-storepass", PASSWORD),
        ],
        check=True,
        capture_output=True,
    )
    assert qseow("--key", f"pkcs12:{store}", "--key-passphrase-env", "STORE_PASSWORD").token


def test_its_certificate_is_shown_and_registered(run: Run, stores: Path) -> None:
    key = ("--key", f"pkcs12:{stores / 'modern.p12'}", "--key-passphrase-env", "STORE_PASSWORD")
    assert json.loads(run("show-key", *key).stdout)["certificate"]["subject"] == "CN=store"
    body = json.loads(run("registration", "qseow", *key).stdout)
    assert body["jwtPublicKeyCertificate"] == _plain((stores / "certificate.cer").read_text(encoding="ascii"))


def _plain(text: str) -> str:
    return text[text.index("-----BEGIN") :]


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("modern.p12", (), ("cannot be opened without a password", "QSJWT_KEY_PASSPHRASE")),
        ("modern.p12", ("--key-passphrase-env", "WRONG"), ("wrong password, or it is damaged",)),
        ("cut.p12", ("--key-passphrase-env", "STORE_PASSWORD"), ("wrong password, or it is damaged",)),
        ("nokey.p12", ("--key-passphrase-env", "STORE_PASSWORD"), ("holds no private key",)),
        ("certificate.cer", (), ("is not PKCS#12", "file:FILE")),
        ("missing.p12", (), ("does not exist",)),
    ],
)
def test_a_file_that_gives_no_key_is_named(
    qseow: Run,
    stores: Path,
    name: str,
    options: tuple[str, ...],
    words: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WRONG", "wrong horse")
    result = qseow("--key", f"pkcs12:{stores / name}", *options)
    result.refused(3, *words)
    assert PASSWORD not in result.stderr
    assert "wrong horse" not in result.stderr


def test_a_pkcs12_file_given_as_pem_is_told_apart(qseow: Run, stores: Path) -> None:
    qseow("--key", stores / "modern.p12").refused(3, "is PKCS#12", "--key pkcs12:FILE")
