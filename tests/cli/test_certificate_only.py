"""``create-key --cert-only``: a certificate for a key that exists, wherever that is."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography import x509

from tests.conftest import Run, pem

CERTIFICATE = "new_publickey.cer"


@pytest.fixture
def certify(run: Run) -> Run:
    """Run ``create-key --cert-only --cert-file-prefix new_`` with further arguments."""
    return lambda *arguments, **more: run("create-key", "--cert-only", "--cert-file-prefix", "new_", *arguments, **more)


@pytest.mark.parametrize("kind", ["rsa", "ec"])
def test_it_writes_the_certificate_alone_for_the_key_and_signed_by_it(
    certify: Run, keys: SimpleNamespace, tmp_path: Path, kind: str
) -> None:
    done = certify("--key", keys.files[kind], "--cert-common-name", "Qlik 2028", "--cert-create-expires-days", "30")
    assert (done.exit_code, done.stderr) == (0, "")
    assert [path.name for path in tmp_path.iterdir()] == [CERTIFICATE]
    certificate = x509.load_pem_x509_certificate(Path(CERTIFICATE).read_bytes())
    certificate.verify_directly_issued_by(certificate)
    assert certificate.public_key() == getattr(keys, kind).public_key()
    assert certificate.subject.rfc4514_string() == "CN=Qlik 2028"
    assert (certificate.not_valid_after_utc - certificate.not_valid_before_utc).days == 30
    record = json.loads(done.stdout)
    assert record["files"] == {"certificate": CERTIFICATE}
    assert record["certificate"]["days_left"] == 30


def test_a_token_of_the_key_is_accepted_with_the_certificate(
    certify: Run, run: Run, qseow: Run, keys: SimpleNamespace
) -> None:
    certify("--key", keys.files["rsa"])
    token = qseow("--key", keys.files["rsa"]).token
    checked = run("check", "qseow", token, "--cert-publickey-file", CERTIFICATE, "-f", "json")
    statuses = {rule["rule"]: rule["status"] for rule in json.loads(checked.stdout)["rules"]}
    assert [statuses[name] for name in ("signature", "key", "certificate")] == ["ok"] * 3


def test_the_key_may_come_from_anywhere_with_a_passphrase(
    certify: Run, keys: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QSJWT_KEY_PASSPHRASE", "geheim")
    certify("--key", "stdin:", stdin=pem(keys.rsa, passphrase=b"geheim"))
    assert Path(CERTIFICATE).exists()


def test_a_certificate_that_is_there_is_replaced_only_if_asked_for(certify: Run, keys: SimpleNamespace) -> None:
    key = ("--key", keys.files["rsa"])
    certify(*key)
    before = Path(CERTIFICATE).read_bytes()
    certify(*key).refused(3, f"'{CERTIFICATE}' exists already", "such as new2_")
    assert Path(CERTIFICATE).read_bytes() == before
    assert certify(*key, "--cert-overwrite").exit_code == 0
    assert Path(CERTIFICATE).read_bytes() != before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), ("a key that exists", "name it with --key")),
        (("--key", "create:x_"), ("create:",)),
        (("--key", "none.pem", "--kind", "ec"), ("--kind is for a new key", "leave it out")),
        (("--key", "none.pem", "--cert-key-size", "2048"), ("--cert-key-size is for a new key",)),
        (("--key", "none.pem", "--protect", "dpapi"), ("--protect is for a new key",)),
        (("--key", "none.pem", "--cert-create-expires-days", "0"), ("at least one day",)),
        (("--key", "none.pem", "--cert-common-name", ""), ("1 to 64 printable characters",)),
    ],
)
def test_what_does_not_go_together_is_refused_before_the_key_is_opened(
    certify: Run, tmp_path: Path, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    certify(*arguments).refused(2, *words)
    assert not [*tmp_path.iterdir()]


def test_a_key_of_its_own_is_refused_where_a_new_one_is_created(
    run: Run, keys: SimpleNamespace, tmp_path: Path
) -> None:
    run("create-key", "--key", keys.files["rsa"]).refused(2, "names one that exists", "add --cert-only")
    assert not [*tmp_path.iterdir()]
