"""pkcs12: keys in the files that openssl, keytool and Windows export."""

import base64
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import jwt as pyjwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from qsjwt.api import Secrets
from qsjwt.keys.der import Value, value_at
from qsjwt.testing import KeyProviderContract
from tests.conftest import Run, posix, self_signed
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
        ("cut.p12", ("--key-passphrase-env", "STORE_PASSWORD"), ("is cut off",)),
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


def test_a_pkcs12_file_is_known_by_its_content(qseow: Run, keys: SimpleNamespace, stores: Path) -> None:
    result = qseow("--key", stores / "modern.p12", "--key-passphrase-env", "STORE_PASSWORD")
    assert pyjwt.decode(result.token, keys.rsa.public_key(), ["RS256"])["userId"] == "anna"


@pytest.fixture(scope="session")
def two_keys(keys: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PKCS#12 file with the keys ``rsa`` as Anna and ``other`` as Bo, put together from two of cryptography's."""
    path = tmp_path_factory.mktemp("pkcs12-two") / "two.p12"
    encryption = serialization.BestAvailableEncryption(PASSWORD.encode("ascii"))
    first, second = (
        pkcs12.serialize_key_and_certificates(
            name, key, x509.load_pem_x509_certificate(self_signed(key, name.decode())), None, encryption
        )
        for name, key in ((b"Anna", keys.rsa), (b"Bo", keys.other))
    )
    path.write_bytes(_joined(first, second))
    return path


def _joined(*stores: bytes) -> bytes:
    """Return a PKCS#12 with all that *stores* hold, sealed anew (RFC 7292, section 4, and appendix B)."""
    import hashlib
    import hmac

    safes = b"".join(_value(0x30, info.content) for store in stores for info in _infos(store))
    safe = _value(0x30, safes)
    salt, password = bytes(8), PASSWORD.encode("utf-16-be") + b"\0\0"
    blocks = [bytes([3]) * 64, (salt * 64)[:64], (password * 64)[: 64 * -(-len(password) // 64)]]
    key = hashlib.sha1(b"".join(blocks)).digest()  # noqa: S324 - one round is enough for a test
    mac = hmac.new(key, safe, "sha1").digest()
    sha1 = _value(0x30, bytes.fromhex("06052b0e03021a0500"))
    sealed = _value(0x30, _value(0x30, sha1 + _value(0x04, mac)) + _value(0x04, salt))
    data = _value(0x06, bytes.fromhex("2a864886f70d010701")) + _value(0xA0, _value(0x04, safe))
    return _value(0x30, _value(0x02, b"\3") + _value(0x30, data) + sealed)


def _infos(store: bytes) -> list[Value]:
    info = value_at(store).members()[1]
    safe = value_at(value_at(info.members()[1].content).content)
    return safe.members()


def _value(tag: int, content: bytes) -> bytes:
    size = len(content)
    length = bytes([size]) if size < 0x80 else b"\x82" + size.to_bytes(2, "big")
    return bytes([tag]) + length + content


def test_of_two_keys_the_alias_chooses(run: Run, qseow: Run, keys: SimpleNamespace, two_keys: Path) -> None:
    password = ("--key-passphrase-env", "STORE_PASSWORD")
    for alias, key in (("Anna", keys.rsa), ("Bo", keys.other), ("bo", keys.other), ("%42o", keys.other)):
        result = qseow("--key", f"pkcs12:{two_keys}?alias={alias}", *password)
        assert pyjwt.decode(result.token, key.public_key(), ["RS256"])["userId"] == "anna"
        shown = json.loads(run("show-key", "--key", f"pkcs12:{two_keys}?alias={alias}", *password).stdout)
        assert shown["certificate"]["subject"] == ("CN=Anna" if key is keys.rsa else "CN=Bo")


def test_two_keys_are_too_many_without_an_alias_wherever_they_come_from(
    qseow: Run, two_keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORE", base64.b64encode(two_keys.read_bytes()).decode())
    for reference in (f"pkcs12:{two_keys}", f"file:{two_keys}", "env:STORE"):
        qseow("--key", reference, "--key-passphrase-env", "STORE_PASSWORD").refused(
            3, "holds 2 private keys ('Anna', 'Bo')", "?alias=NAME"
        )
    unknown = f"pkcs12:{two_keys}?alias=Carl"
    qseow("--key", unknown, "--key-passphrase-env", "STORE_PASSWORD").refused(3, "'Carl'", "'Anna', 'Bo'")


@posix("question mark in the names of files")
def test_a_question_mark_is_part_of_a_file_name(
    qseow: Run, keys: SimpleNamespace, stores: Path, tmp_path: Path
) -> None:
    (tmp_path / "a?b.p12").write_bytes((stores / "bare.pfx").read_bytes())
    _require_signed(qseow, keys, tmp_path / "a?b.p12")


@pytest.mark.needs("keytool")
def test_two_aliases_of_keytool_are_told_apart(qseow: Run, tmp_path: Path) -> None:
    store = tmp_path / "java.p12"
    for alias in ("qlik", "other"):
        run_program(
            *("keytool", "-genkeypair", "-alias", alias, "-keyalg", "RSA", "-keysize", "2048", "-dname", f"CN={alias}"),
            *("-storetype", "PKCS12", "-keystore", store, "-storepass", PASSWORD),
        )
    password = ("--key-passphrase-env", "STORE_PASSWORD")
    qseow("--key", f"pkcs12:{store}", *password).refused(3, "holds 2 private keys", "'other'", "'qlik'")
    assert qseow("--key", f"pkcs12:{store}?alias=qlik", *password).token != ""


@pytest.mark.parametrize("form", ["DER", "base64", "base64 twice"])
@pytest.mark.parametrize("name", ["modern.p12", "key.der"])
def test_every_provider_takes_every_form(
    qseow: Run,
    keys: SimpleNamespace,
    stores: Path,
    tmp_path: Path,
    name: str,
    form: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    der = keys.rsa.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    data = der if name == "key.der" else (stores / name).read_bytes()
    for _ in range({"DER": 0, "base64": 1, "base64 twice": 2}[form]):
        data = base64.b64encode(data)
    (tmp_path / "key").write_bytes(data)
    printing = f"exec:{sys.executable} -c \"import sys; sys.stdout.buffer.write(open('key','rb').read())\""
    references = ["file:key", "stdin:", printing]
    if form != "DER":
        monkeypatch.setenv("QLIK_KEY", data.decode("ascii"))
        references += ["env:QLIK_KEY", f"inline:{data.decode('ascii')}"]
    for reference in references:
        result = qseow("--key", reference, "--key-passphrase-env", "STORE_PASSWORD", stdin=data)
        assert pyjwt.decode(result.token, keys.rsa.public_key(), ["RS256"])["userId"] == "anna"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_line_end_is_no_part_of_a_passphrase(
    qseow: Run, keys: SimpleNamespace, stores: Path, tmp_path: Path, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QSJWT_KEY_PASSPHRASE", PASSWORD + end)
    monkeypatch.setenv("OTHER", PASSWORD + end)
    (tmp_path / "passphrase").write_bytes((PASSWORD + end).encode())
    for options in ((), ("--key-passphrase-env", "OTHER"), ("--key-passphrase-file", tmp_path / "passphrase")):
        _require_signed(qseow, keys, stores / "modern.p12", *options)
