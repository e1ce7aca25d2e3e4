"""What an algorithm identifier says binds the key: RSASSA-PSS signs no RS256; and a cipher that is unknown is named."""

import base64
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from qsjwt.errors import KeyUnavailable
from qsjwt.keys.load import load_private_key, load_public_keys
from qsjwt.keys.signer import key_algorithms
from tests.conftest import Run, pem, public_pem, self_signed
from tests.programs import run_program

RSA = bytes.fromhex("300d06092a864886f70d0101010500")
PSS = "06092a864886f70d01010a"
SHA256_PARAMETERS = (
    "3034a00f300d06096086480165030402010500a11c301a06092a864886f70d010108300d06096086480165030402010500a203020120"
)


def _pss(text: bytes, parameters: str = "") -> bytes:
    """Return PEM with the algorithm identifier of RSASSA-PSS in the place of rsaEncryption's."""
    label = text.split(b"-----")[1]
    der = base64.b64decode(b"".join(text.splitlines()[1:-1]))
    head, _, tail = der.partition(RSA)
    content = bytes.fromhex(PSS + parameters)
    changed = head[4:] + bytes([0x30, len(content)]) + content + tail
    whole = b"\x30\x82" + len(changed).to_bytes(2, "big") + changed
    return b"-----%s-----\n%s-----%s-----\n" % (label, base64.encodebytes(whole), label.replace(b"BEGIN", b"END"))


@pytest.mark.parametrize(
    ("parameters", "algorithms"),
    [
        ("", ("PS256", "PS384", "PS512")),
        (SHA256_PARAMETERS, ("PS256",)),
        (SHA256_PARAMETERS[:-2] + "40", ()),  # a salt that is longer than PS256 has
        ("3000", ()),  # SHA-1
    ],
)
def test_a_key_of_rsassa_pss_does_what_its_parameters_say(
    keys: SimpleNamespace, parameters: str, algorithms: tuple[str, ...]
) -> None:
    private = load_private_key(_pss(pem(keys.rsa), parameters), "the key", lambda: None)
    (public,) = load_public_keys(_pss(public_pem(keys.rsa), parameters), "the key")
    assert key_algorithms(private) == key_algorithms(public) == algorithms


def test_it_is_refused_for_signing_for_certificates_and_by_check(
    run: Run, qseow: Run, keys: SimpleNamespace, tmp_path: Path
) -> None:
    private, public = tmp_path / "pss.pem", tmp_path / "pss-public.pem"
    private.write_bytes(_pss(pem(keys.rsa)))
    public.write_bytes(_pss(public_pem(keys.rsa)))
    qseow("--key", private).refused(3, "RSASSA-PSS", "PS256, PS384 or PS512 alone, not with RS256")
    certificate = run("create-key", "--cert-only", "--key", private)
    certificate.refused(3, "PS512", "certificates are not signed with that", "RS256 or ES384")
    verdict = run("check", "qseow", "--jwt", qseow("--key", keys.files["rsa"]).token, "--cert-publickey-file", public)
    assert verdict.exit_code == 6
    decoded = run("decode", "--jwt", qseow("--key", keys.files["rsa"]).token, "--cert-publickey-file", public)
    assert decoded.exit_code == 6
    assert "RSASSA-PSS" in decoded.stderr


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("cipher", ["none", "-aes256", "-aes128"])
def test_keys_and_certificates_of_openssl_are_known_as_rsassa_pss(cipher: str, tmp_path: Path) -> None:
    options = () if cipher == "none" else (cipher, "-pass", "pass:s3cret")
    key, certificate = tmp_path / "k.pem", tmp_path / "c.pem"
    run_program("openssl", "genpkey", "-algorithm", "RSA-PSS", *options, "-out", key)
    more = ("-passin", "pass:s3cret", "-subj", "/CN=x", "-out", certificate)
    run_program("openssl", "req", "-x509", "-new", "-key", key, *more)
    loaded = load_private_key(key.read_bytes(), "the key", lambda: b"s3cret")
    for each in (loaded, *load_public_keys(certificate.read_bytes(), "the key")):
        assert key_algorithms(each) == ("PS256", "PS384", "PS512")


def _relabelled(text: bytes, label: bytes) -> bytes:
    begin = text.split(b"-----")[1]
    return text.replace(begin.removeprefix(b"BEGIN "), label)


def test_what_is_there_decides_and_not_the_label(keys: SimpleNamespace) -> None:
    encrypted = pem(keys.rsa, passphrase=b"s3cret")
    expected = load_private_key(pem(keys.rsa), "k", lambda: None)
    for text, labels in (
        (encrypted, (b"PRIVATE KEY", b"RSA PRIVATE KEY", b"CERTIFICATE", b"PUBLIC KEY")),
        (pem(keys.rsa), (b"ENCRYPTED PRIVATE KEY", b"EC PRIVATE KEY", b"CERTIFICATE", b"OPENSSH PRIVATE KEY")),
        (pem(keys.rsa, "TraditionalOpenSSL"), (b"ENCRYPTED PRIVATE KEY", b"PRIVATE KEY", b"PUBLIC KEY")),
    ):
        for label in labels:
            relabelled = _relabelled(text, label)
            assert load_private_key(relabelled, "k", lambda: b"s3cret") == expected
            with pytest.raises(KeyUnavailable, match="holds a private key, where only a public one belongs"):
                load_public_keys(relabelled, "the key")
    with pytest.raises(KeyUnavailable, match="no passphrase"):
        load_private_key(_relabelled(encrypted, b"PRIVATE KEY"), "k", lambda: None)


def test_public_keys_and_certificates_are_told_apart_by_their_content(keys: SimpleNamespace) -> None:
    pkcs1 = keys.rsa.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.PKCS1)
    (expected,) = load_public_keys(public_pem(keys.rsa), "k")
    certificate = self_signed(keys.rsa, "x")
    for text in (pkcs1, public_pem(keys.rsa), certificate[certificate.index(b"-----BEGIN") :]):
        for label in (b"PUBLIC KEY", b"RSA PUBLIC KEY", b"CERTIFICATE", b"RSA PRIVATE KEY"):
            assert load_public_keys(_relabelled(text, label), "k") == [expected]
    der = keys.rsa.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
    assert load_public_keys(der, "k") == [expected]
    with pytest.raises(KeyUnavailable, match="holds a public key, not a private key"):
        load_private_key(der, "k", lambda: None)


HEADERS = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: {}\n\n{}\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("cipher", "iv"), [("DES-CBC", "0011223344556677"), ("CAMELLIA-128-CBC", "00112233445566778899AABBCCDDEEFF")]
)
def test_a_cipher_in_the_headers_that_is_unknown_is_named(cipher: str, iv: str) -> None:
    text = HEADERS.format(f"{cipher},{iv}", "QUJD" * 40).encode()
    with pytest.raises(KeyUnavailable, match=f"is encrypted with {cipher}") as refusal:
        load_private_key(text, "the key", lambda: b"right")
    assert "openssl pkey -in FILE -aes256" in refusal.value.hint


@pytest.mark.parametrize(("last", "name"), [(46, "AES-256-GCM"), (127, "the cipher 2.16.840.1.101.3.4.1.127")])
def test_a_cipher_of_pbes2_that_is_unknown_is_named(keys: SimpleNamespace, last: int, name: str) -> None:
    der = base64.b64decode(b"".join(pem(keys.ec, passphrase=b"right").splitlines()[1:-1]))
    aes = bytes.fromhex("0609608648016503040100")[:-1]
    assert der.count(aes + b"\x2a") == 1  # AES-256-CBC
    changed = der.replace(aes + b"\x2a", aes + bytes([last]))
    with pytest.raises(KeyUnavailable, match=f"is encrypted with {name}"):
        load_private_key(changed, "the key", lambda: b"right")


def test_an_identifier_that_no_cipher_has_is_damage_and_not_shown() -> None:
    def value(tag: int, content: bytes) -> bytes:
        return bytes([tag, len(content)]) + content

    identifier = value(0x06, b"\x05" + b"\xd8" * 60 + b"\x01")
    der = value(0x30, value(0x30, identifier) + value(0x04, bytes(32)))
    with pytest.raises(KeyUnavailable, match="wrong passphrase, or the key is damaged"):
        load_private_key(der, "the key", lambda: b"right")


@pytest.mark.needs("openssl")
@pytest.mark.parametrize(
    ("options", "readable"),
    [
        (("-v2", "aes-256-cbc"), True),
        (("-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA1"), True),
        (("-v2", "aes-192-cbc", "-v2prf", "hmacWithSHA512"), True),
        (("-v2", "des3"), True),
        (("-scrypt",), True),
        (("-v1", "PBE-SHA1-3DES"), True),
        (("-v2", "camellia-256-cbc"), False),
        (("-v2", "aria-256-cbc"), False),
    ],
)
def test_keys_that_openssl_encrypts_are_read_or_their_cipher_is_named(
    keys: SimpleNamespace, tmp_path: Path, options: tuple[str, ...], readable: bool
) -> None:
    out = tmp_path / "k.pem"
    source = ("-topk8", "-in", keys.files["rsa"], "-passout", "pass:s3cret", "-out", out)
    run_program("openssl", "pkcs8", *source, *options)
    if readable:
        expected = load_private_key(pem(keys.rsa), "k", lambda: None)
        assert load_private_key(out.read_bytes(), "k", lambda: b"s3cret") == expected
        with pytest.raises(KeyUnavailable, match="wrong passphrase"):
            load_private_key(out.read_bytes(), "k", lambda: b"wrong")
    else:
        with pytest.raises(KeyUnavailable, match=r"is encrypted with (Camellia|ARIA)-256-CBC"):
            load_private_key(out.read_bytes(), "k", lambda: b"s3cret")


@pytest.mark.needs("openssl")
def test_a_cipher_in_a_pkcs12_that_is_unknown_is_named(keys: SimpleNamespace, tmp_path: Path) -> None:
    certificate, store = tmp_path / "c.pem", tmp_path / "s.p12"
    certificate.write_bytes(self_signed(keys.rsa, "x"))
    files = ("-inkey", keys.files["rsa"], "-in", certificate, "-out", store, "-passout", "pass:right")
    run_program("openssl", "pkcs12", "-export", *files, "-keypbe", "camellia-256-cbc")
    with pytest.raises(KeyUnavailable, match="is encrypted with Camellia-256-CBC") as refusal:
        load_private_key(store.read_bytes(), "the store", lambda: b"right")
    assert "openssl pkcs12 -in FILE" in refusal.value.hint


def test_a_cipher_of_openssh_that_is_unknown_is_named(keys: SimpleNamespace) -> None:
    key = keys.ec.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.BestAvailableEncryption(b"right")
    )
    der = base64.b64decode(b"".join(key.splitlines()[1:-1])).replace(b"aes256-ctr", b"aes128-ctr")
    label = b"OPENSSH PRIVATE KEY-----\n"
    changed = b"-----BEGIN " + label + base64.encodebytes(der) + b"-----END " + label
    with pytest.raises(KeyUnavailable, match="is encrypted with 'aes128-ctr'") as refusal:
        load_private_key(changed, "the key", lambda: b"right")
    assert "ssh-keygen -p -Z aes256-ctr" in refusal.value.hint


@pytest.mark.parametrize("curve", [ec.BrainpoolP256R1, ec.BrainpoolP512R1, ec.SECP256K1, ec.SECP224R1])
def test_a_curve_that_tokens_are_not_signed_with_is_bad_input(
    run: Run, qseow: Run, tmp_path: Path, curve: type[ec.EllipticCurve]
) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(pem(ec.generate_private_key(curve())))
    qseow("--key", path).refused(3)
    shown = run("show-key", "--key", path)
    assert shown.exit_code == 3 or json.loads(shown.stdout)["size"] == curve().key_size
