"""show-key and create-key: what a key is, and a new one."""

import datetime
import json
import re
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, x25519
from joserfc import jwk as joserfc_jwk

from tests.conftest import VECTORS, Run, pem, posix, public_pem, self_signed
from tests.programs import run_program

CERTIFICATE = VECTORS / "publickey.cer"


def _shown(run: Run, *options: object, **how: Any) -> dict[str, Any]:
    result = run("show-key", *options, **how)
    assert (result.exit_code, result.stderr) == (0, "")
    record: dict[str, Any] = json.loads(result.stdout)
    return record


@pytest.mark.needs("openssl")
def test_a_certificate_is_shown_as_openssl_shows_it(run: Run) -> None:
    record = _shown(run, "--cert-publickey-file", CERTIFICATE)
    assert (record["kind"], record["size"]) == ("RSA", 2048)
    key = joserfc_jwk.RSAKey.import_key((VECTORS / "publickey.pem").read_bytes())
    assert record["key_thumbprint"] == key.thumbprint()
    certificate = record["certificate"]
    assert certificate["subject"] == "CN=vectors"
    assert (certificate["valid_from"], certificate["expires_at"]) == ("2026-11-23T19:12:36Z", "2036-11-20T19:12:36Z")
    for name in ("sha1", "sha256"):
        text = run_program("openssl", "x509", "-in", CERTIFICATE, "-noout", "-fingerprint", f"-{name}").stdout
        assert certificate[f"{name}_thumbprint"] == text.strip().partition("=")[2].replace(":", "")


@pytest.fixture
def lasting(keys: SimpleNamespace, tmp_path: Path) -> Any:
    """Make a certificate that is valid until so many hours from now: ``lasting(50)``."""

    def make(hours: float) -> Path:
        name = x509.Name(
            [x509.NameAttribute(x509.NameOID.COMMON_NAME, "t"), x509.NameAttribute(x509.NameOID.COUNTRY_NAME, "SE")]
        )
        end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=hours)
        certificate = (
            x509.CertificateBuilder(issuer_name=name, subject_name=name, serial_number=1)
            .public_key(keys.rsa.public_key())
            .not_valid_before(end - datetime.timedelta(days=400))
            .not_valid_after(end)
            .sign(keys.rsa, hashes.SHA256())
        )
        path = tmp_path / "lasting.cer"
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return path

    return make


@pytest.mark.parametrize(("hours", "days"), [(50, 3), (24.1, 2), (23.9, 1), (0.1, 1)])
def test_days_that_are_left_are_counted_and_one_that_has_begun_is_one(
    run: Run, lasting: Any, hours: float, days: int
) -> None:
    record = _shown(run, "--cert-publickey-file", lasting(hours))
    assert record["certificate"]["days_left"] == days
    assert record["certificate"]["subject"] == "C=SE,CN=t"


@pytest.mark.parametrize(("hours", "days"), [(-0.1, 0), (-23.9, 0), (-50, -2)])
def test_an_expired_certificate_is_said_and_no_error(run: Run, lasting: Any, hours: float, days: int) -> None:
    result = run("show-key", "--cert-publickey-file", lasting(hours))
    assert result.exit_code == 0
    assert json.loads(result.stdout)["certificate"]["days_left"] == days
    assert result.stderr.startswith("qsjwt: warning: the certificate expired at 20")


@pytest.mark.parametrize(
    ("hours", "within", "words"),
    [
        (50, "2d", ""),
        (50, "0s", ""),
        (50, "3d", "within 3 d"),
        (50, "2d2h30m", "within 3030 min"),
        (-50, "0s", "the certificate expired at"),
        (-50, "5y", "the certificate expired at"),
    ],
)
def test_a_certificate_that_expires_too_soon_fails_when_that_is_asked_for(
    run: Run, lasting: Any, hours: float, within: str, words: str
) -> None:
    result = run("show-key", lasting(hours), "--fail-within", within)
    assert result.exit_code == (3 if words else 0)
    assert json.loads(result.stdout)["certificate"]["subject"] == "C=SE,CN=t"
    assert words in result.stderr
    assert bool(words) == ("error" in result.stderr)
    assert "warning" not in result.stderr


def test_without_a_certificate_nothing_can_be_said_of_its_end(run: Run, keys: SimpleNamespace) -> None:
    result = run("show-key", keys.files["rsa"], "--fail-within", "30d")
    assert (result.exit_code, result.stderr.partition("\n")[0]) == (
        3,
        "qsjwt: error: --fail-within needs an X.509 certificate, and this key has none",
    )
    run("show-key", CERTIFICATE, "--fail-within", "soon").refused(2, "must be a number and a unit")


def test_a_certificate_is_given_out_in_lines_and_in_one(run: Run, keys: SimpleNamespace, tmp_path: Path) -> None:
    text = run("show-key", CERTIFICATE, "-f", "cert").stdout
    assert x509.load_pem_x509_certificate(text.encode()) == x509.load_pem_x509_certificate(CERTIFICATE.read_bytes())
    one = run("show-key", CERTIFICATE, "-f", "oneline").stdout
    assert one == text.replace("\n", "") + "\n"
    (tmp_path / "one.cer").write_text(one, encoding="ascii")
    assert run("show-key", "one.cer", "-f", "cert").stdout == text
    for form in ("cert", "oneline"):
        run("show-key", keys.files["rsa"], "-f", form).refused(3, f"--format {form} needs an X.509 certificate")


@pytest.mark.parametrize(
    ("name", "expected"), [("rsa", ("RSA", 2048, None)), ("ec", ("EC", 256, "P-256")), ("p384", ("EC", 384, "P-384"))]
)
def test_the_public_half_of_a_private_key_is_shown(
    run: Run, keys: SimpleNamespace, name: str, expected: tuple[str, int, str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    record = _shown(run, "--key", keys.files[name])
    assert (record["kind"], record["size"], record.get("curve")) == expected
    monkeypatch.setenv("THE_KEY", keys.files[name].read_text(encoding="ascii"))
    assert _shown(run, "--key", "env:THE_KEY") == record
    assert _shown(run, "--key", "stdin:", stdin=keys.files[name].read_bytes()) == record


@pytest.mark.parametrize("name", ["rsa", "ec", "p384"])
def test_a_key_is_given_out_as_jwk_jwk_set_and_pem(run: Run, keys: SimpleNamespace, name: str) -> None:
    expected = public_pem(getattr(keys, name))
    assert run("show-key", "--key", keys.files[name], "-f", "pem").stdout.encode() == expected
    jwk = json.loads(run("show-key", "--key", keys.files[name], "-f", "jwk").stdout)
    kind = joserfc_jwk.RSAKey if name == "rsa" else joserfc_jwk.ECKey
    made = kind.import_key(jwk)
    assert made.as_pem(private=False) == expected
    assert jwk["kid"] == made.thumbprint()
    assert jwk["use"] == "sig"
    assert not {"d", "p", "q", "dp", "dq", "qi"} & jwk.keys()
    assert json.loads(run("show-key", "--key", keys.files[name], "-f", "jwks").stdout) == {"keys": [jwk]}
    named = run("show-key", "--key", keys.files[name], "-f", "jwk", "--keyid", "k1")
    assert json.loads(named.stdout) == {**jwk, "kid": "k1"}


def test_what_show_key_prints_it_can_read(run: Run, keys: SimpleNamespace, tmp_path: Path) -> None:
    record = _shown(run, "--key", keys.files["p384"])
    for form in ("jwk", "jwks", "pem"):
        (tmp_path / form).write_text(run("show-key", "--key", keys.files["p384"], "-f", form).stdout, encoding="ascii")
        own = {} if form == "pem" else {"kid": record["key_thumbprint"], "use": "sig"}
        assert _shown(run, "--cert-publickey-file", form) == record | own


def test_a_short_key_is_shown_although_it_signs_nothing(run: Run, keys: SimpleNamespace, tmp_path: Path) -> None:
    (tmp_path / "short.pem").write_bytes(public_pem(keys.short))
    assert _shown(run, "--cert-publickey-file", "short.pem")["size"] == 1024
    assert _shown(run, "--key", keys.files["short"])["size"] == 1024


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (ed25519.Ed25519PrivateKey, ("OKP", 256, "Ed25519")),
        (ed448.Ed448PrivateKey, ("OKP", 456, "Ed448")),
        (x25519.X25519PrivateKey, ("OKP", 256, "X25519")),
    ],
    ids=["ed25519", "ed448", "x25519"],
)
def test_a_public_key_that_signs_no_token_is_shown_too(
    run: Run, tmp_path: Path, kind: Any, expected: tuple[str, int, str]
) -> None:
    (tmp_path / "public.pem").write_bytes(public_pem(kind.generate()))
    record = _shown(run, "--cert-publickey-file", "public.pem")
    assert (record["kind"], record["size"], record["curve"]) == expected


def test_a_certificate_on_a_curve_that_no_token_uses_is_no_key(run: Run, keys: SimpleNamespace, tmp_path: Path) -> None:
    p224 = ec.generate_private_key(ec.SECP224R1())
    (tmp_path / "p224.pem").write_bytes(pem(p224))
    (tmp_path / "p224.cer").write_bytes(self_signed(p224, "t"))
    run("show-key", "--cert-publickey-file", "p224.cer").refused(3, "neither a public key nor a certificate")
    run("show-key", "--key", "p224.pem").refused(3, "not an RSA or elliptic-curve key")
    parts = [self_signed(p224, "t"), self_signed(keys.rsa, "mine"), keys.files["rsa"].read_bytes()]
    (tmp_path / "all.pem").write_bytes(b"".join(parts))
    assert _shown(run, "--key", "all.pem")["certificate"]["subject"] == "CN=mine"


def test_a_damaged_certificate_beside_the_key_does_not_keep_it_from_signing(
    run: Run, qseow: Run, keys: SimpleNamespace, tmp_path: Path
) -> None:
    damaged = CERTIFICATE.read_bytes().replace(b"MIID", b"AAAA", 1)
    (tmp_path / "both.pem").write_bytes(keys.files["rsa"].read_bytes() + damaged)
    assert qseow("--key", "both.pem").token
    run("show-key", "--key", "both.pem").refused(3, "a certificate that cannot be read")


def test_the_table_and_yaml_say_the_same(run: Run) -> None:
    record = _shown(run, "--cert-publickey-file", CERTIFICATE)
    assert yaml.safe_load(run("show-key", "--cert-publickey-file", CERTIFICATE, "-f", "yaml").stdout) == record
    table = run("show-key", "--cert-publickey-file", CERTIFICATE, "-f", "table").stdout
    for value in (record["key_thumbprint"], record["certificate"]["sha256_thumbprint"], "CN=", "2048"):
        assert value in table


def test_people_read_a_key_in_sections_with_what_it_is_and_how_long_it_lasts_first(run: Run, tmp_path: Path) -> None:
    made = run("create-key", "--kind", "ec", "--cert-file-prefix", "k_", "-f", "table").stdout
    assert made.splitlines()[0] == "✓ An EC key on P-384; its certificate has 365 days left"
    assert re.findall(r"^[A-Z]\w+$", made, re.MULTILINE) == ["Key", "Thumbprints", "Certificate", "Files"]
    assert "\n  private key  k_privatekey.pem\n" in made
    shown = run("show-key", "--cert-publickey-file", "k_publickey.cer", "-f", "table").stdout
    assert shown == made.partition("\nFiles\n")[0]
    assert re.search(r"\n  to +expires in 364 d 23 h, 20\d\d-", shown)
    alone = run("show-key", "--cert-publickey-file", "k_publickey.pem", "-f", "table").stdout
    assert alone.splitlines()[0] == "✓ An EC key on P-384"
    assert "ertificate" not in alone


def test_people_read_in_the_first_line_that_a_certificate_has_expired(run: Run, lasting: Any) -> None:
    first = run("show-key", "--cert-publickey-file", lasting(-50), "-f", "table").stdout.splitlines()[0]
    assert first.startswith("✗ An RSA key of 2048 bits; the certificate expired at 20")


@pytest.mark.parametrize("columns", [60, 80, 100, 200])
def test_a_key_is_as_wide_as_the_terminal(run: Run, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = run("show-key", "--cert-publickey-file", CERTIFICATE, "-f", "table").stdout.splitlines()
    assert [line for line in lines if len(line) > columns and " " in line.strip()] == []


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ((), 2, ("no key is given", "--cert-publickey-file")),
        (("--key", "none"), 3, ("does not exist",)),
        (("--cert-publickey-file", "PRIVATE"), 3, ("private key, where only a public one belongs",)),
        (("--key", "PRIVATE", "--cert-publickey-file", CERTIFICATE), 3, ("is not that of the private key",)),
        (("--key", "a", "--key", "b"), 2, ("more than one key",)),
        (("--cert-publickey", "nonsense"), 3, ("not a key in PEM",)),
    ],
)
def test_what_cannot_be_shown_says_why(
    run: Run, keys: SimpleNamespace, options: tuple[str, ...], code: int, words: tuple[str, ...]
) -> None:
    run("show-key", *[keys.files["rsa"] if word == "PRIVATE" else word for word in options]).refused(code, *words)


@pytest.mark.needs("openssl")
@pytest.mark.parametrize(
    ("options", "expected", "algorithm"),
    [
        ((), ("RSA", 4096, None), "sha256"),
        (("--kind", "rsa", "--cert-key-size", "2048"), ("RSA", 2048, None), "sha256"),
        (("--kind", "ec"), ("EC", 384, "P-384"), "sha384"),
        (("--kind", "ec", "--cert-key-size", "256"), ("EC", 256, "P-256"), "sha256"),
    ],
)
def test_a_new_key_comes_in_three_files_that_openssl_reads(
    run: Run, tmp_path: Path, options: tuple[str, ...], expected: tuple[str, int, str | None], algorithm: str
) -> None:
    result = run("create-key", "--cert-file-prefix", "k_", "--cert-create-expires-days", "10", *options)
    assert (result.exit_code, result.stderr) == (0, "")
    record = json.loads(result.stdout)
    assert (record["kind"], record["size"], record.get("curve")) == expected
    assert record["certificate"]["days_left"] == 10
    files = record["files"]
    assert list(files.values()) == ["k_privatekey.pem", "k_publickey.pem", "k_publickey.cer"]
    assert stat.S_IMODE((tmp_path / files["private_key"]).stat().st_mode) == 0o600
    public = run_program("openssl", "pkey", "-in", files["private_key"], "-pubout").stdout
    assert public == (tmp_path / files["public_key"]).read_text(encoding="ascii")
    assert public == run_program("openssl", "x509", "-in", files["certificate"], "-pubkey", "-noout").stdout
    run_program("openssl", "verify", "-CAfile", files["certificate"], files["certificate"])
    certificate = x509.load_pem_x509_certificate((tmp_path / files["certificate"]).read_bytes())
    assert certificate.signature_hash_algorithm.name == algorithm  # type: ignore[union-attr]
    del record["files"]
    assert _shown(run, "--cert-publickey-file", files["certificate"]) == record


def test_a_new_key_is_encrypted_if_a_passphrase_is_given(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QSJWT_KEY_PASSPHRASE", "correct horse")
    result = run("create-key", "--kind", "ec")
    assert result.exit_code == 0
    assert "ENCRYPTED" in (tmp_path / "privatekey.pem").read_text(encoding="ascii")
    assert "correct horse" not in result.stdout + result.stderr
    assert _shown(run, "--key", "privatekey.pem")["kind"] == "EC"
    monkeypatch.delenv("QSJWT_KEY_PASSPHRASE")
    run("show-key", "--key", "privatekey.pem").refused(3, "encrypted", "QSJWT_KEY_PASSPHRASE")


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--kind", "dsa"), 2, ("--kind", "rsa, ec")),
        (("--kind", "ec", "--cert-key-size", "2048"), 2, ("EC key has 256 or 384 bits, not 2048",)),
        (("--kind", "rsa", "--cert-key-size", "384"), 2, ("RSA key has 2048, 3072 or 4096 bits, not 384",)),
        (("--cert-key-size", "10abc"), 2, ("must be a whole number",)),
        (("--cert-create-expires-days", "0"), 2, ("at least one day",)),
        (("--cert-common-name", "x" * 65), 2, ("1 to 64 printable characters",)),
        (("--cert-file-prefix", "no/where/"), 3, ("does not exist",)),
        (("--key-passphrase-env", "NONE"), 3, ("is not set",)),
    ],
)
def test_a_key_that_cannot_be_made_says_why_and_leaves_no_file(
    run: Run, tmp_path: Path, options: tuple[str, ...], code: int, words: tuple[str, ...]
) -> None:
    run("create-key", *options).refused(code, *words)
    assert list(tmp_path.iterdir()) == []


def test_a_new_key_replaces_no_file_unasked(run: Run, tmp_path: Path) -> None:
    (tmp_path / "publickey.cer").write_text("mine", encoding="ascii")
    run("create-key", "--kind", "ec").refused(3, "exists already", "--cert-overwrite")
    assert [path.name for path in tmp_path.iterdir()] == ["publickey.cer"]
    assert run("create-key", "--kind", "ec", "--cert-overwrite").exit_code == 0


@pytest.mark.parametrize(
    ("prefix", "taken", "free"),
    [
        ("", (), "key2_"),
        ("", ("key2_publickey.cer",), "key3_"),
        ("qlik_", (), "qlik2_"),
        ("qlik2_", ("qlik3_privatekey.pem",), "qlik4_"),
        ("team-2027-", (), "team-2028-"),
        ("keys/", (), "keys/key2_"),
        ("keys/a", (), "keys/a2_"),
    ],
)
def test_a_second_key_in_the_same_folder_is_offered_a_free_name_first(
    run: Run, qseow: Run, tmp_path: Path, prefix: str, taken: tuple[str, ...], free: str
) -> None:
    (tmp_path / "keys").mkdir()
    for name in (f"{prefix}publickey.pem", *taken):
        (tmp_path / name).write_text("mine", encoding="ascii")
    hint = f"hint: use another --cert-file-prefix, such as {free}; --cert-overwrite replaces"
    options = ("--cert-file-prefix", prefix) if prefix else ()
    run("create-key", "--kind", "ec", *options).refused(3, hint)
    qseow("--cert-create", *options).refused(3, hint)
    assert run("create-key", "--kind", "ec", "--cert-file-prefix", free).exit_code == 0


def test_a_name_that_a_shell_would_take_apart_is_not_offered(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a b$publickey.pem").write_text("mine", encoding="ascii")
    run("create-key", "--kind", "ec", "--cert-file-prefix", "a b$").refused(3, "use another --cert-file-prefix; --cert")


@posix("shell that closes standard output")
def test_no_key_is_made_if_nobody_can_be_told(tmp_path: Path) -> None:
    command = f"exec {sys.executable} -m qsjwt create-key --kind ec >&-"
    result = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "standard output is closed" in result.stderr
    assert not list(tmp_path.glob("*.pem"))


def test_the_names_of_the_files_are_those_on_the_disk(run: Run, home: Path) -> None:
    files = json.loads(run("create-key", "--kind", "ec", "--cert-file-prefix=~/h_").stdout)["files"]
    assert all(Path(name).exists() for name in files.values())


def test_a_platform_may_not_take_the_name_of_create_key(run: Run, installed_plugin: Any) -> None:
    source = """
        from qsjwt.api import Platform, Token
        class Key(Platform):
            summary = "Key"
            def add_options(self, group): ...
            def build(self, request, now): return Token({}, {})
    """
    installed_plugin("thief", {"qsjwt.platform.v1": "key = thief:Key"}, source)
    run("create-key").refused(5, "claim the same command", "thief 1.2.3", "qsjwt 0.1.0")


@pytest.mark.parametrize("name", ["rsa", "ec", "p384"])
def test_what_is_in_a_file_decides_how_it_is_read(run: Run, keys: SimpleNamespace, tmp_path: Path, name: str) -> None:
    expected = _shown(run, "--key", keys.files[name])
    key = getattr(keys, name)
    (tmp_path / "public.pem").write_bytes(public_pem(key))
    (tmp_path / "public.json").write_text(run("show-key", keys.files[name], "-f", "jwk").stdout, encoding="utf-8")
    (tmp_path / "private.der").write_bytes(
        key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    kind = joserfc_jwk.RSAKey if name == "rsa" else joserfc_jwk.ECKey
    members = kind.import_key(pem(key)).as_dict(private=True)
    (tmp_path / "private.json").write_text(json.dumps(members), encoding="utf-8")
    for given in (keys.files[name], f"file:{keys.files[name]}", "public.pem", "private.der"):
        assert _shown(run, given) == expected
    for given in ("public.json", "private.json"):
        assert _shown(run, given)["key_thumbprint"] == expected["key_thumbprint"]


def test_a_certificate_an_encrypted_key_and_a_reference_may_stand_without_an_option(
    run: Run, keys: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _shown(run, CERTIFICATE) == _shown(run, "--cert-publickey-file", CERTIFICATE)
    (tmp_path / "locked.pem").write_bytes(pem(keys.rsa, passphrase=b"secret"))
    run("show-key", "locked.pem").refused(3, "is encrypted, and no passphrase was given")
    monkeypatch.setenv("WORD", "secret")
    expected = _shown(run, "--key", keys.files["rsa"])
    assert _shown(run, "locked.pem", "--key-passphrase-env", "WORD") == expected
    assert _shown(run, "stdin:", stdin=pem(keys.rsa)) == expected


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("nope.pem",), 3, "the key file 'nope.pem' does not exist"),
        (("",), 2, "the name of the key file is empty"),
        (("create:x_",), 2, "an existing key is needed"),
        (("text.txt",), 3, "the key file 'text.txt'"),
        (("nosuch:x",), 5, "there is no key provider 'nosuch'"),
        (("key.pem", "--key", "key.pem"), 2, "the key is given more than once"),
        (("key.pem", "--cert-publickey-file", "key.pem"), 2, "the key is given more than once"),
        ((), 2, "no key is given"),
    ],
)
def test_one_key_is_named_and_it_is_there(
    run: Run, tmp_path: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    (tmp_path / "text.txt").write_text("hello", encoding="ascii")
    run("show-key", *words).refused(code, said)


def test_a_private_key_in_place_of_a_file_is_not_shown(run: Run, keys: SimpleNamespace) -> None:
    text = pem(keys.ec).decode()
    result = run("show-key", text)
    result.refused(2, "expected the name of the key file, got its content")
    assert text.splitlines()[1] not in result.stderr
