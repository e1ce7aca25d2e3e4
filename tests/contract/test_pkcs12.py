"""pkcs12: keys in the files that openssl, keytool and Windows export."""

import base64
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import jwt as pyjwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from qsjwt.api import Secrets
from qsjwt.testing import KeyProviderContract
from tests.conftest import Run, self_signed
from tests.programs import run_program

PASSWORD = "correct horse"


@pytest.fixture(scope="session")
def stores(keys: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of PKCS#12 files with the key ``rsa``, and its certificate, made by cryptography."""
    folder = tmp_path_factory.mktemp("pkcs12")
    text = self_signed(keys.rsa, "store")
    (folder / "certificate.cer").write_bytes(text)
    certificate = x509.load_pem_x509_certificate(text)
    modern = serialization.BestAvailableEncryption(PASSWORD.encode("ascii"))
    triple_des = (
        serialization.PrivateFormat.PKCS12.encryption_builder()
        .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
        .hmac_hash(hashes.SHA1())  # noqa: S303 - what older programs write
        .build(PASSWORD.encode("ascii"))
    )

    def store(name: str, key: Any, encryption: serialization.KeySerializationEncryption) -> None:
        made = pkcs12.serialize_key_and_certificates(b"Qlik tokens", key, certificate, None, encryption)
        (folder / name).write_bytes(made)

    store("modern.p12", keys.rsa, modern)
    store("3des.p12", keys.rsa, triple_des)
    store("bare.pfx", keys.rsa, serialization.NoEncryption())
    store("nokey.p12", None, modern)
    (folder / "coded.p12").write_bytes(base64.encodebytes((folder / "modern.p12").read_bytes()))
    (folder / "cut.p12").write_bytes((folder / "modern.p12").read_bytes()[:900])
    return folder


@pytest.fixture(scope="session")
def stores_of_openssl(keys: SimpleNamespace, stores: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of PKCS#12 files with the same, made by openssl."""
    folder = tmp_path_factory.mktemp("pkcs12-openssl")
    export = ("openssl", "pkcs12", "-export", "-inkey", keys.files["rsa"], "-in", stores / "certificate.cer")
    for name, options in {
        "modern": (),
        "legacy": ("-legacy",),
        "3des": ("-certpbe", "PBE-SHA1-3DES", "-keypbe", "PBE-SHA1-3DES", "-macalg", "sha1", "-legacy"),
    }.items():
        run_program(*export, *options, "-passout", f"pass:{PASSWORD}", "-out", folder / f"{name}.p12")
    run_program(*export, "-passout", "pass:", "-out", folder / "empty.p12")
    return folder


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


@pytest.mark.needs("openssl")
class TestLegacyPkcs12(TestPkcs12):
    name = "legacy.p12"

    @pytest.fixture(autouse=True)
    def _stores(self, stores_of_openssl: Path) -> None:
        self.folder = stores_of_openssl


def _require_signed(qseow: Run, keys: SimpleNamespace, store: Path, *options: str) -> None:
    result = qseow("--key", f"pkcs12:{store}", *options)
    assert pyjwt.decode(result.token, keys.rsa.public_key(), ["RS256"])["userId"] == "anna"
    assert result.stderr == ""


@pytest.mark.parametrize("name", ["modern.p12", "3des.p12", "coded.p12"])
def test_a_file_signs_with_its_password(qseow: Run, keys: SimpleNamespace, stores: Path, name: str) -> None:
    _require_signed(qseow, keys, stores / name, "--key-passphrase-env", "STORE_PASSWORD")


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("name", ["modern.p12", "legacy.p12", "3des.p12"])
def test_a_file_of_openssl_signs_with_its_password(
    qseow: Run, keys: SimpleNamespace, stores_of_openssl: Path, name: str
) -> None:
    _require_signed(qseow, keys, stores_of_openssl / name, "--key-passphrase-env", "STORE_PASSWORD")


def test_a_file_without_a_password_needs_none(
    qseow: Run, keys: SimpleNamespace, stores: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _require_signed(qseow, keys, stores / "bare.pfx")
    monkeypatch.setenv("QSJWT_KEY_PASSPHRASE", "of another key")
    _require_signed(qseow, keys, stores / "bare.pfx")


@pytest.mark.needs("openssl")
def test_a_file_of_openssl_with_an_empty_password_needs_none(
    qseow: Run, keys: SimpleNamespace, stores_of_openssl: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _require_signed(qseow, keys, stores_of_openssl / "empty.p12")
    monkeypatch.setenv("QSJWT_KEY_PASSPHRASE", "of another key")
    _require_signed(qseow, keys, stores_of_openssl / "empty.p12")


@pytest.mark.needs("keytool")
def test_a_file_of_keytool_signs(qseow: Run, tmp_path: Path) -> None:
    store = tmp_path / "java.p12"
    run_program(
        *("keytool", "-genkeypair", "-alias", "qlik", "-keyalg", "RSA", "-keysize", "2048", "-dname", "CN=java"),
        *("-storetype", "PKCS12", "-keystore", store, "-storepass", PASSWORD),
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
