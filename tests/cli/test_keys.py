"""Where a key comes from, and what happens to keys that will not do."""

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import jwt as pyjwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from tests.conftest import VECTORS, Run, is_private, pem, posix, public_pem
from tests.programs import run_program
from tests.unit.keys.test_load import corrupt_rsa

LEVELS = ["error", "warn", "warning", "info", "verbose", "debug"]


def _verifies(token: str, keys: SimpleNamespace) -> None:
    assert pyjwt.decode(token, keys.rsa.public_key(), ["RS256"])["userId"] == "anna"


def test_every_way_to_a_key_gives_a_token(
    qseow: Run, keys: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = keys.files["rsa"]
    text = path.read_text(encoding="ascii")
    monkeypatch.setenv("QLIK_KEY", text.replace("\n", "\\n"))
    for options in (
        ("--key", f"file:{path}"),
        ("--key", path),
        ("--cert-privatekey-file", path),
        ("--key", f"inline:{text}"),
        ("--cert-privatekey", text),
        ("--cert-privatekey", text.replace("\n", " ")),
        ("--key", "env:QLIK_KEY"),
        ("--key", "stdin:"),
    ):
        _verifies(qseow(*options, stdin=text.encode("utf-16")).token, keys)


@pytest.mark.parametrize(
    "name",
    [
        "eyJhbGciOiJSUzI1NiJ9.pem",
        "ö ä.pem",
        "%41#x.pem",
        *(
            pytest.param(name, marks=posix("such names"))
            for name in ("d:\\qlikkeys\\production_and_more\\k.pem", "k?size=1#x.pem", "a:b.pem", "C:\\keys\\k.pem")
        ),
    ],
)
def test_a_file_name_is_taken_as_it_is(qseow: Run, keys: SimpleNamespace, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(pem(keys.rsa))
    _verifies(qseow("--key", f"file:{name}").token, keys)


def test_one_letter_before_a_colon_is_a_drive(qseow: Run, keys: SimpleNamespace, tmp_path: Path) -> None:
    name = str(tmp_path / "k.pem") if os.name == "nt" else "C:\\keys\\k.pem"
    Path(name).write_bytes(pem(keys.rsa))
    _verifies(qseow("--key", name).token, keys)


def test_a_passphrase_comes_from_the_default_variable_a_named_one_or_a_file(
    qseow: Run, keys: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for form in ("PKCS8", "TraditionalOpenSSL"):
        (tmp_path / "key.pem").write_bytes(pem(keys.rsa, form, "pass wört".encode()))
        (tmp_path / "utf8").write_bytes("pass wört\r\nsecond line".encode())
        (tmp_path / "utf16").write_bytes("pass wört\r\n".encode("utf-16"))
        monkeypatch.setenv("MINE", "pass wört")
        for options in (
            ("--key-passphrase-env", "MINE"),
            ("--key-passphrase-file", "utf8"),
            ("--key-passphrase-file", "utf16"),
        ):
            _verifies(qseow("--key", "key.pem", *options).token, keys)
        monkeypatch.setenv("QSJWT_KEY_PASSPHRASE", "pass wört")
        _verifies(qseow("--key", "key.pem").token, keys)
        monkeypatch.delenv("QSJWT_KEY_PASSPHRASE")


def test_a_passphrase_for_a_plain_key_does_no_harm(
    qseow: Run, keys: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QSJWT_KEY_PASSPHRASE", "for another key")
    _verifies(qseow("--key", keys.files["rsa"]).token, keys)


@pytest.fixture
def bad_keys(keys: SimpleNamespace, tmp_path: Path) -> Path:
    """A folder of files that are no key for Qlik."""
    files = {
        "empty": b"",
        "blank": b" \n",
        "garbage": bytes(range(256)),
        "text": b"banana",
        "public": public_pem(keys.rsa),
        "certificate": (VECTORS / "publickey.cer").read_bytes(),
        "encrypted": pem(keys.rsa, passphrase=b"s3cret"),
        "short": pem(keys.short),
        "ec": pem(keys.ec),
        "half": pem(keys.rsa)[:800],
        "damaged": corrupt_rsa(keys.rsa, "prime1"),
        "utf16-half": pem(keys.rsa).decode().encode("utf-16")[:801],
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "folder").mkdir()
    return tmp_path


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("missing", "does not exist"),
        ("folder", "is a folder"),
        ("empty", "is empty"),
        ("blank", "is empty"),
        ("garbage", "is not text"),
        ("text", "is not a key in PEM"),
        ("public", "holds a public key"),
        ("certificate", "holds a certificate"),
        ("encrypted", "no passphrase was given"),
        ("short", "1024 bits"),
        ("ec", "EC key on P-256"),
        ("half", "is cut off"),
        ("damaged", "primes"),
        ("utf16-half", "'utf16-half'"),
    ],
)
def test_a_key_file_that_will_not_do_exits_3_and_is_named(
    qseow: Run, keys: SimpleNamespace, bad_keys: Path, name: str, word: str, level: str
) -> None:
    result = qseow("--key", f"file:{name}", "--loglevel", level)
    result.refused(3, word)
    _shows_nothing_of(keys, result.stderr)
    debug = qseow("--key", f"file:{name}")
    assert debug.exit_code == 3


def _shows_nothing_of(keys: SimpleNamespace, text: str) -> None:
    for name in ("rsa", "short", "ec"):
        for line in keys.files[name].read_text(encoding="ascii").splitlines()[1:-1]:
            assert line[:16] not in text


def test_not_even_a_traceback_shows_a_key(run: Run, keys: SimpleNamespace, bad_keys: Path) -> None:
    text = keys.files["rsa"].read_text(encoding="ascii")
    base = ("--debug", "create-qseow", "--userdir", "D", "--userid", "u", "--expires", "5m")
    for options in (
        ("--key", text),
        ("--key", f"file:{text}"),
        ("--key", f"env:{text}"),
        ("--key", f"inline:{text[:900]}"),
        ("--key", f"inline:{text.replace('MII', 'AAA', 1)}"),
        ("--key", "".join(text.splitlines()[1:-1])),
        ("--cert-privatekey-file", text),
        ("--cert-privatekey", *text.split()),
        ("--key-passphrase-file", text, "--key", "encrypted"),
        ("--cert-create", text),
        (f"--no-check={text}",),
        (f"--minimal-output={''.join(text.splitlines()[1:-1])}",),
        ("--cert-create", "--cert-file-prefix", f"nodir/{''.join(text.splitlines()[1:-1])}"),
        ("--algorithm", text.splitlines()[5]),
        ("--claim", text.splitlines()[5]),
        (f"--{text}",),
        ("--key", "encrypted"),
        ("--key", "half"),
    ):
        result = run(*base, *options)
        assert result.exit_code in (2, 3)
        assert result.stdout == ""
        assert "Traceback" in result.stderr
        _shows_nothing_of(keys, result.stderr)


@pytest.mark.parametrize(
    ("options", "exit_code", "words"),
    [
        ((), 2, ("no key is given", "--cert-create")),
        (("--key", "a", "--key", "b"), 2, ("more than one key",)),
        (("--key", "a", "--cert-privatekey-file", "b"), 2, ("more than one key",)),
        (("--cert-privatekey", "a", "--cert-create"), 2, ("more than one key",)),
        (("--key", ""), 2, ("private key file is empty",)),
        (("--key", "file:"), 2, ("private key file is empty",)),
        (("--key", "env:"), 2, ("invalid name",)),
        (("--key", "env:A B"), 2, ("invalid name",)),
        (("--key", "env:NOT_SET"), 3, ("'NOT_SET'", "not set")),
        (("--key", "stdin:x"), 2, ("nothing after the colon",)),
        (("--key", "stdin:"), 3, ("standard input is empty",)),
        (("--key", "inline:"), 3, ("command line is empty",)),
        (("--key", "fil:x"), 5, ("key provider 'fil'", "did you mean file?")),
        (("--key", "quux:x"), 5, ("key provider 'quux'", "file:NAME")),
        (("--key", "encrypted", "--key-passphrase-env", "NOT_SET"), 3, ("variable for the passphrase is not set",)),
        (("--key", "encrypted", "--key-passphrase-env", "hunter2"), 3, ("not its value",)),
        (("--key", "encrypted", "--key-passphrase-file", "hunter2"), 3, ("passphrase file does not exist",)),
        (("--key", "encrypted", "--key-passphrase-env", "s3 cret"), 2, ("invalid name",)),
        (("--key", "encrypted", "--key-passphrase-file", "folder"), 3, ("passphrase file is a folder",)),
        (("--key", "encrypted", "--key-passphrase-file", "empty"), 3, ("first line", "empty")),
        (("--key", "encrypted", "--key-passphrase-file", "garbage"), 3, ("neither UTF-8",)),
        (("--key", "encrypted", "--key-passphrase-file", "text"), 3, ("wrong passphrase",)),
        (("--key", "text", "--key-passphrase-file", "a", "--key-passphrase-env", "B"), 2, ("given twice",)),
        (("--key", "stdin:", "--claims-file", "-"), 2, ("both read standard input",)),
    ],
)
def test_a_reference_that_leads_to_no_key_is_explained(
    qseow: Run, bad_keys: Path, options: tuple[str, ...], exit_code: int, words: tuple[str, ...]
) -> None:
    stdin = b"{}" if "--claims-file" in options else b""
    result = qseow(*options, stdin=stdin)
    result.refused(exit_code, *words)
    assert "s3 cret" not in result.stderr
    assert "hunter2" not in result.stderr


def test_a_new_key_pair_is_three_files_and_a_token(qseow: Run, tmp_path: Path) -> None:
    result = qseow("--cert-create", "--cert-file-prefix", "new_", "--cert-key-size", "2048")
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "new_privatekey.pem",
        "new_publickey.cer",
        "new_publickey.pem",
    ]
    private = (tmp_path / "new_privatekey.pem").read_bytes()
    assert private.startswith(b"-----BEGIN PRIVATE KEY-----\n")
    assert is_private(tmp_path / "new_privatekey.pem")
    public = load_pem_public_key((tmp_path / "new_publickey.pem").read_bytes())
    assert load_pem_private_key(private, None).public_key() == public
    certificate = x509.load_pem_x509_certificate((tmp_path / "new_publickey.cer").read_bytes())
    assert certificate.public_key() == public
    assert pyjwt.decode(result.token, public, ["RS256"])["userId"] == "anna"  # type: ignore[arg-type]
    again = qseow("--key", "file:new_privatekey.pem")
    assert pyjwt.decode(again.token, public, ["RS256"])["userId"] == "anna"  # type: ignore[arg-type]


def test_a_new_certificate_is_what_administrators_expect(qseow: Run, tmp_path: Path) -> None:
    options = ("--cert-create", "true", "--cert-create-expires-days", "30", "--cert-common-name", "Qlik & Söhne?x=y")
    assert qseow(*options).exit_code == 0
    certificate = x509.load_pem_x509_certificate((tmp_path / "publickey.cer").read_bytes())
    assert certificate.signature_hash_algorithm is not None
    assert certificate.signature_hash_algorithm.name == hashes.SHA256.name
    assert certificate.serial_number.bit_length() > 64
    assert certificate.subject == certificate.issuer
    assert certificate.subject.rfc4514_string() == "CN=Qlik & Söhne?x=y"
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc == timedelta(days=30)
    assert abs(datetime.now(UTC) - certificate.not_valid_before_utc) < timedelta(minutes=1)
    basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (basic.critical, basic.value.ca) == (True, False)
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
    assert (usage.critical, usage.value.digital_signature, usage.value.key_cert_sign) == (True, True, False)
    assert certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    assert certificate.public_key().key_size == 4096  # type: ignore[union-attr]


@pytest.mark.needs("openssl")
def test_a_new_certificate_is_one_that_openssl_reads(qseow: Run) -> None:
    assert qseow("--cert-create").exit_code == 0
    shown = run_program("openssl", "x509", "-in", "publickey.cer", "-noout", "-text").stdout
    assert "sha256WithRSAEncryption" in shown


def test_a_passphrase_that_is_too_long_to_encrypt_with_is_refused(
    qseow: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QSJWT_KEY_PASSPHRASE", "x" * 1024)
    qseow("--cert-create").refused(3, "longer than 1023 bytes")
    assert list(tmp_path.iterdir()) == []


def test_settings_are_judged_before_the_place(qseow: Run, tmp_path: Path) -> None:
    (tmp_path / "privatekey.pem").write_text("precious", encoding="utf-8")
    qseow("--cert-create", "--cert-key-size", "abc").refused(2, "whole number")


def test_a_tilde_is_the_home_folder_wherever_a_file_is_named(qseow: Run, keys: SimpleNamespace, home: Path) -> None:
    assert qseow("--key=create:~/new_?size=2048", "--output=~/token").exit_code == 0
    assert qseow("--key", "file:~/new_privatekey.pem").token
    assert (home / "token").exists()


def test_a_new_private_key_is_encrypted_if_a_passphrase_is_given(
    qseow: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QSJWT_KEY_PASSPHRASE", "s3cret")
    assert qseow("--key", "create:enc_?size=2048").exit_code == 0
    assert b"ENCRYPTED PRIVATE KEY" in (tmp_path / "enc_privatekey.pem").read_bytes()
    assert qseow("--key", "enc_privatekey.pem").token
    monkeypatch.delenv("QSJWT_KEY_PASSPHRASE")
    qseow("--key", "enc_privatekey.pem").refused(3, "is encrypted")


@pytest.mark.parametrize("taken", ["privatekey.pem", "publickey.pem", "publickey.cer"])
def test_a_key_file_that_exists_is_never_overwritten_unasked(qseow: Run, tmp_path: Path, taken: str) -> None:
    (tmp_path / taken).write_text("precious", encoding="utf-8")
    qseow("--cert-create", "--cert-key-size", "2048").refused(3, taken, "exists already", "--cert-overwrite")
    assert {p.name: p.read_text(encoding="utf-8") for p in tmp_path.iterdir()} == {taken: "precious"}
    assert qseow("--cert-create", "--cert-key-size", "2048", "--cert-overwrite").exit_code == 0
    assert len(list(tmp_path.iterdir())) == 3
    assert (tmp_path / taken).read_text(encoding="utf-8") != "precious"


@pytest.mark.parametrize(
    ("options", "exit_code", "words"),
    [
        (("--cert-file-prefix", "no/such/"), 3, ("'no/such/privatekey.pem'", "does not exist")),
        (("--cert-file-prefix", "x" * 300), 3, ("new key file", "too long")),
        (("--cert-key-size", "1024"), 2, ("2048, 3072 or 4096", "1024")),
        (("--cert-key-size", "big"), 2, ("'big'", "whole number")),
        (("--cert-create-expires-days", "0"), 2, ("at least one day",)),
        (("--cert-create-expires-days", "-1"), 2, ("'-1'", "whole number")),
        (("--cert-create-expires-days", "10abc"), 2, ("'10abc'", "whole number")),
        (("--cert-create-expires-days", "9999999"), 2, ("9999",)),
        (("--cert-create-expires-days", "9" * 5000), 2, ("too large",)),
        (("--cert-common-name", ""), 2, ("common name",)),
        (("--cert-common-name", "x" * 65), 2, ("common name",)),
        (("--cert-common-name", "\udcff"), 2, ("common name",)),
        (("--cert-create", "maybe"), 2, ("--cert-create", "true, false")),
    ],
)
def test_a_new_key_that_cannot_be_made_leaves_nothing(
    qseow: Run, tmp_path: Path, options: tuple[str, ...], exit_code: int, words: tuple[str, ...]
) -> None:
    qseow("--cert-create", *options).refused(exit_code, *words)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "reference", ["create:x?bits=2048", "create:x?size", "create:x?size=2048&size=4096", "create:x?overwrite=maybe"]
)
def test_a_setting_that_a_reference_cannot_have_is_refused(qseow: Run, tmp_path: Path, reference: str) -> None:
    qseow("--key", reference).refused(2, "setting")
    assert list(tmp_path.iterdir()) == []


def test_options_for_a_new_certificate_that_is_not_made_are_told(qseow: Run, keys: SimpleNamespace) -> None:
    result = qseow("--key", keys.files["rsa"], "--cert-file-prefix", "x", "--cert-create-expires-days", "5")
    assert "no effect without --cert-create" in result.stderr
    _verifies(result.token, keys)


def test_no_key_is_made_for_a_token_that_has_nowhere_to_go(
    qseow: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    qseow("--cert-create", "--output", "no/such/token").refused(2, "--output", "does not exist")
    qseow("--cert-create", "--output", str(tmp_path)).refused(2, "--output")
    qseow("--cert-create", "--output", "").refused(2, "--output")
    qseow("--cert-create", "--output", "token/").refused(2, "--output", "is not a file name")
    monkeypatch.setattr(sys, "stdout", None)
    assert qseow("--cert-create").exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_a_token_is_written_to_a_private_file(qseow: Run, keys: SimpleNamespace, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("old", encoding="utf-8")
    path.chmod(0o644)
    result = qseow("--key", keys.files["rsa"], "--output", "token")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    data = path.read_bytes()
    assert data.endswith(b"\n")
    assert data.count(b"\n") == 1
    _verifies(data.decode("ascii").strip(), keys)
    assert is_private(path)
    assert qseow("--key", keys.files["rsa"], "--output", "-").token


def test_a_token_never_replaces_a_private_key(qseow: Run, keys: SimpleNamespace, tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes(pem(keys.rsa))
    qseow("--key", "key.pem", "--output", "key.pem").refused(2, "holds a key or a certificate")
    assert (tmp_path / "key.pem").read_bytes() == pem(keys.rsa)
