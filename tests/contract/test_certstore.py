"""certstore: which certificate is meant, and what its key does: with a stand-in for Windows, and in Windows."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import jwt as pyjwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from qsjwt.api import Secrets
from qsjwt.keys import certificate_store
from qsjwt.keys.wincrypt import Refusal
from qsjwt.testing import KeyProviderContract
from tests.conftest import Run, on_windows, self_signed
from tests.windows_stand_in import ASKS, KeyOnShelf, Shelf
from tests.windows_store import count_handles, windows_store

PIN = "0451-secret"
KEYSET = 0x80090016


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """A stand-in for the certificate stores of Windows."""
    return Shelf(monkeypatch)


class TestCertstoreStandIn(KeyProviderContract):
    """With the stand-in: the provider's own part."""

    scheme = "certstore"
    algorithms: ClassVar[tuple[str, ...]] = ("RS256", "RS384", "RS512")
    key = "rsa"

    @pytest.fixture(autouse=True)
    def _shelf(self, shelf: Shelf, keys: SimpleNamespace) -> None:
        self.thumbprint = shelf.add(getattr(keys, self.key))

    def reference(self) -> str:
        return self.thumbprint

    def missing_reference(self) -> str:
        return "0" * 40


class TestCertstoreStandInP384(TestCertstoreStandIn):
    algorithms: ClassVar[tuple[str, ...]] = ("ES384",)
    key = "p384"


class TestCertstoreStandInWithPin(TestCertstoreStandIn):
    secrets: ClassVar[tuple[str, ...]] = (PIN,)

    @pytest.fixture(autouse=True)
    def _shelf(self, shelf: Shelf, keys: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CARD_PIN", PIN)
        self.thumbprint = shelf.add(keys.rsa, pin=PIN)

    def where_secrets_are(self) -> Secrets:
        return Secrets(variable="CARD_PIN")


@on_windows
class TestCertstore(KeyProviderContract):
    """With a store of Windows, whose key CryptoAPI signs with."""

    scheme = "certstore"
    algorithms: ClassVar[tuple[str, ...]] = ("RS256", "RS384", "RS512")

    @pytest.fixture(autouse=True)
    def _store(self, keys: SimpleNamespace) -> Iterator[None]:
        pem = self_signed(keys.rsa, "Qlik tokens")
        thumbprint = x509.load_pem_x509_certificate(pem).fingerprint(hashes.SHA256()).hex()
        with windows_store() as store:
            store.add(keys.rsa, pem)
            self.reference_text = f"{thumbprint}?store={store.name}"
            yield

    def reference(self) -> str:
        return self.reference_text

    def missing_reference(self) -> str:
        return "0" * 40


@on_windows
def test_a_thousand_rows_leave_no_handle(
    run: Run, keys: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem = self_signed(keys.rsa, "Qlik tokens")
    (tmp_path / "users.csv").write_text("userid\n" + "".join(f"u{row}\n" for row in range(1000)), encoding="utf-8")
    with windows_store() as store:
        store.add(keys.rsa, pem, "Qlik tokens")
        handles = count_handles(monkeypatch)
        result = run(
            *("create-qseow", "--userdir", "LAB", "--expires", "1h", "--batch", "users.csv", "--jobs", "8"),
            *("--key", f"certstore:friendly-name=Qlik tokens?store={store.name}&store-location=user"),
        )
        assert not +handles
        assert not -handles
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert sorted(record["row"] for record in records) == list(range(1, 1001))
    for record in records:
        claims = pyjwt.decode(record["token"], keys.rsa.public_key(), ["RS256"])
        assert claims["userId"] == record["userid"]


def _spellings(sha1: str) -> list[str]:
    pairs = [sha1[index : index + 2] for index in range(0, 40, 2)]
    return [sha1, sha1.lower(), " ".join(pairs), ":".join(pairs), f"\u200e{' '.join(pairs).lower()}", f"?{sha1}"]


def test_a_thumbprint_is_taken_as_windows_openssl_and_show_key_write_it(
    run: Run, qseow: Run, keys: SimpleNamespace, shelf: Shelf
) -> None:
    sha1 = shelf.add(keys.rsa)
    shown = json.loads(run("show-key", "--key", f"certstore:{sha1}").stdout)["certificate"]
    assert shown["sha1_thumbprint"] == sha1
    for spelling in (*_spellings(sha1), shown["sha256_thumbprint"]):
        token = qseow("--key", f"certstore:{spelling}").token
        assert pyjwt.decode(token, keys.rsa.public_key(), ["RS256"])["userId"] == "anna"


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("", ("'' is no thumbprint", "certstore:cn=NAME")),
        ("0123", ("40 (SHA-1) or 64 (SHA-256) hexadecimal digits, not 4",)),
        ("Qlik tokens", ("'Qlik tokens' is no thumbprint", "friendly-name=NAME")),
        ("cn=", ("is no thumbprint",)),
        ("subject=x", ("is no thumbprint",)),
        ("cn=a?newest=yes", ("newest is true or false, not 'yes'",)),
        ("cn=a?store-location=service", ("store-location is user or machine, not 'service'",)),
        (r"cn=a?store=\\elsewhere\My", ("the name of a store of this machine",)),
        ("cn=a?store=My%00", ("the name of a store of this machine",)),
        ("cn=a?issuer=x", ("a setting that it cannot have: 'issuer'",)),
    ],
)
def test_a_reference_that_names_no_certificate_says_how_it_is_written(
    qseow: Run, shelf: Shelf, reference: str, words: tuple[str, ...]
) -> None:
    qseow("--key", f"certstore:{reference}").refused(2, *words)


def test_a_name_means_the_one_certificate_that_can_be_signed_with(
    qseow: Run, keys: SimpleNamespace, shelf: Shelf
) -> None:
    shelf.add_foreign(b"\x30\x03\x02\x01\x01")
    shelf.add(keys.other, "other", friendly_name="another")
    shelf.add(keys.other, "QLIK tokens", has_key=False)
    shelf.add(keys.other, "QLIK tokens", days=(-9, -1))
    shelf.add(keys.other, "QLIK tokens", days=(1, 9))
    shelf.add(keys.other, "QLIK tokens", signs=False)
    shelf.add(keys.rsa, "QLIK tokens", friendly_name="Scripts?", signs=True)
    for reference in ("cn=Qlik Tokens", "cn=Qlik%20tokens", "friendly-name=scripts%3F"):
        token = qseow("--key", f"certstore:{reference}").token
        assert pyjwt.decode(token, keys.rsa.public_key(), ["RS256"])["userId"] == "anna"


def test_of_several_the_error_lists_thumbprint_subject_and_dates_and_newest_takes_the_last(
    qseow: Run, keys: SimpleNamespace, shelf: Shelf
) -> None:
    old = shelf.add(keys.other, friendly_name="Qlik", days=(-30, 9))
    new = shelf.add(keys.rsa, friendly_name="Qlik", days=(-2, 5))
    result = qseow("--key", "certstore:friendly-name=Qlik")
    result.refused(3, "the user's store 'My' has 2 certificates with friendly-name='Qlik'", "newest=true", old, new)
    assert len(re.findall(r"[0-9A-F]{40} 'CN=Qlik tokens' \d{4}-\d\d-\d\d to \d{4}-\d\d-\d\d", result.stderr)) == 2
    token = qseow("--key", "certstore:friendly-name=Qlik?newest=true").token
    assert pyjwt.decode(token, keys.rsa.public_key(), ["RS256"])


def test_the_users_store_counts_before_the_machines_and_a_setting_names_one(
    run: Run, keys: SimpleNamespace, shelf: Shelf
) -> None:
    arguments = ("create-qseow", "--userdir", "D", "--userid", "u", "--expires", "5m", "--key")
    shelf.add(keys.other, place=("machine", "My"))
    first = run("-v", *arguments, "certstore:cn=Qlik tokens")
    assert "in the machine's store 'My'" in first.stderr
    assert pyjwt.decode(first.token, keys.other.public_key(), ["RS256"])
    shelf.add(keys.rsa)
    second = run("-v", *arguments, "certstore:cn=Qlik tokens")
    assert "in the user's store 'My'" in second.stderr
    assert pyjwt.decode(second.token, keys.rsa.public_key(), ["RS256"])
    machine = run(*arguments, "certstore:cn=Qlik tokens?store-location=machine").token
    assert pyjwt.decode(machine, keys.other.public_key(), ["RS256"])
    run(*arguments, "certstore:cn=Qlik tokens?store=Other").refused(3, "there is no certificate", "store 'Other'")


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"has_key": False}, ("has no private key", ".pfx")),
        ({"days": (-9, -1)}, ("expired at 20", "renew it")),
        ({"days": (1, 9)}, ("is not valid before 20",)),
        ({"signs": False}, ("is not for signing", "digitalSignature")),
        ({"refusal": (KEYSET, 0)}, ("Keyset does not exist", "NTE_BAD_KEYSET", "Manage Private Keys")),
        ({"refusal": (5, 0)}, ("access is denied to this account", "Manage Private Keys")),
        ({"refusal": (0x80090014, 0)}, ("Invalid provider type specified", "certutil")),
        ({"refusal": (0, 0x80090008)}, ("Invalid algorithm specified", "certutil")),
        ({"refusal": (0, 0x80090010)}, ("may not be used for signing",)),
        ({"refusal": (0, ASKS)}, ("qsjwt opens none", "QSJWT_KEY_PASSPHRASE")),
        ({"refusal": (0, 0x8010006C)}, ("a PIN that is locked",)),
        ({"refusal": (0x8010000C, 0)}, ("a smart card that is not there",)),
        ({"refusal": (0x80091234, 0)}, ("reports 0x80091234", "certutil -error 0x80091234")),
    ],
)
def test_a_key_that_cannot_be_used_is_one_error_with_its_way_out_and_nothing_stays_open(
    qseow: Run, keys: SimpleNamespace, shelf: Shelf, how: dict[str, object], words: tuple[str, ...]
) -> None:
    thumbprint = shelf.add(keys.rsa, **how)  # type: ignore[arg-type]
    qseow("--key", f"certstore:{thumbprint}").refused(3, thumbprint, *words)
    assert all(key.is_closed for key in shelf.opened)


def test_a_store_that_may_not_be_read_is_named(qseow: Run, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(location: str, store: str) -> None:
        raise Refusal("CertOpenStore", 5)

    monkeypatch.setattr(certificate_store, "certificates", refuse)
    qseow("--key", "certstore:cn=x").refused(3, "the user's certificate store 'My' cannot be read", "0x00000005")


def test_none_of_several_that_fit_is_an_error_that_says_what_each_lacks(
    qseow: Run, keys: SimpleNamespace, shelf: Shelf
) -> None:
    shelf.add(keys.rsa, has_key=False)
    shelf.add(keys.rsa, days=(-9, -1), place=("machine", "My"))
    result = qseow("--key", "certstore:cn=Qlik tokens")
    result.refused(3, "none of the 2 certificates with cn='Qlik tokens'", "has no private key", "expired at")
    for _ in range(9):
        shelf.add(keys.rsa, has_key=False)
    assert qseow("--key", "certstore:cn=Qlik tokens").stderr.count("CN=Qlik tokens") == 5


def test_a_wrong_pin_is_tried_once_for_a_whole_batch(
    qseow: Run, run: Run, keys: SimpleNamespace, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    thumbprint = shelf.add(keys.rsa, pin=PIN)
    monkeypatch.setenv("QSJWT_KEY_PASSPHRASE", "1234-wrong")
    rows = b"userid\n" + b"anna\n" * 20
    batch = ("create-qseow", "--userdir", "D", "--expires", "5m", "--key", f"certstore:{thumbprint}", "--batch", "-")
    result = run(*batch, stdin=rows)
    result.refused(3, "has another PIN; it was tried once", "SCARD_W_WRONG_CHV")
    assert "1234-wrong" not in result.stderr
    assert [key.signed for key in shelf.opened] == [1]
    monkeypatch.setenv("QSJWT_KEY_PASSPHRASE", PIN)
    assert len(run(*batch, stdin=rows).stdout.splitlines()) == 20
    monkeypatch.delenv("QSJWT_KEY_PASSPHRASE")
    qseow("--key", f"certstore:{thumbprint}").refused(3, "qsjwt opens none", "NTE_SILENT_CONTEXT")
    monkeypatch.setenv("PIN", "\udcff")
    qseow("--key", f"certstore:{thumbprint}", "--key-passphrase-env", "PIN").refused(3, "the PIN is not UTF-8 text")


def test_a_passphrase_does_no_harm_to_a_key_without_a_pin(
    qseow: Run, keys: SimpleNamespace, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QSJWT_KEY_PASSPHRASE", "of another key")
    assert qseow("--key", f"certstore:{shelf.add(keys.rsa)}").token


def test_a_key_that_fails_later_is_a_failed_signature(
    qseow: Run, keys: SimpleNamespace, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed: list[str] = []

    def once(self: KeyOnShelf, digest: bytes, algorithm: str) -> bytes:
        if signed:
            raise Refusal("NCryptSignHash", 0x80100069)
        signed.append(algorithm)
        return b""

    monkeypatch.setattr(KeyOnShelf, "sign", once)
    qseow("--key", f"certstore:{shelf.add(keys.rsa)}").refused(4, "on a smart card that is not there")
    assert [key.is_closed for key in shelf.opened] == [True]


def test_a_key_that_is_too_short_is_not_asked_to_sign(qseow: Run, keys: SimpleNamespace, shelf: Shelf) -> None:
    qseow("--key", f"certstore:{shelf.add(keys.short)}").refused(3, "1024 bits")
    assert [key.signed for key in shelf.opened] == [0]


def test_an_elliptic_curve_is_refused_where_the_platform_takes_rsa(
    qseow: Run, keys: SimpleNamespace, shelf: Shelf
) -> None:
    qseow("--key", f"certstore:{shelf.add(keys.p384)}").refused(3, "an EC key on P-384", "use an RSA key")


def test_the_certificate_comes_with_the_key(run: Run, keys: SimpleNamespace, shelf: Shelf) -> None:
    thumbprint = shelf.add(keys.rsa)
    key = ("--key", f"certstore:{thumbprint}")
    body = json.loads(run("registration", "qseow", *key).stdout)
    registered = x509.load_pem_x509_certificate(body["jwtPublicKeyCertificate"].encode())
    assert registered.fingerprint(hashes.SHA1()).hex().upper() == thumbprint  # noqa: S303 - what Windows shows
    options = ("--issuer", "https://idp", "--keyid", "thumbprint", *key)
    provider = json.loads(run("registration", "qscloud", *options).stdout)
    user = ("--subject", "a", "--username", "A", "--useremail", "a@b.example", "--useremail-verified", "true")
    token = run("create-qscloud", *options, *user, "--expires", "5m").token
    kid = pyjwt.get_unverified_header(token)["kid"]
    assert json.dumps(provider).count(kid) == 1
    checked = run("check", "qscloud", "--jwt", token, *options)
    assert checked.exit_code == 0, checked.stdout


@pytest.mark.parametrize("scheme", ["certstore", "dpapi"])
def test_on_another_system_it_is_one_sentence(
    qseow: Run, run: Run, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qsjwt.io.windows.is_windows", lambda: False)
    told = f"the key provider '{scheme}' needs Windows"
    qseow("--key", f"{scheme}:anything").refused(3, told)
    rows = run("list-plugins", "-f", "csv").stdout.splitlines()
    assert [row.split(",")[4] for row in rows if row.split(",")[1] == scheme] == [told]
