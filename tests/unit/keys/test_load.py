"""Keys in the shapes that people have them in."""

import base64
import codecs
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ed25519
from jwcrypto.jwk import JWK, JWKSet

from qsjwt.errors import KeyUnavailable
from qsjwt.keys.load import load_private_key, load_public_keys
from tests.conftest import VECTORS, pem, public_pem
from tests.programs import run_program


def _load(data: bytes, passphrase: bytes | None = None) -> JWK:
    return load_private_key(data, "the key", lambda: passphrase)


def _refusal(data: bytes, passphrase: bytes | None = None) -> KeyUnavailable:
    with pytest.raises(KeyUnavailable) as refusal:
        _load(data, passphrase)
    return refusal.value


def _bodies(text: str) -> dict[str, bytes]:
    lines = text.splitlines()
    return {
        "as it is": text.encode(),
        "CRLF": text.replace("\n", "\r\n").encode(),
        "CR alone": text.replace("\n", "\r").encode(),
        "UTF-8 with BOM": codecs.BOM_UTF8 + text.encode(),
        "UTF-16 as PowerShell 5.1 writes it": text.replace("\n", "\r\n").encode("utf-16"),
        "UTF-16 big endian": codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
        "line ends spelled out": text.replace("\n", "\\n").encode(),
        "Windows line ends spelled out": text.replace("\n", "\\r\\n").encode(),
        "blanks for line ends": text.replace("\n", " ").encode(),
        "nothing for line ends": text.replace("\n", "").encode(),
        "in quotes": f'"{text}"'.encode(),
        "each line in quotes": "\n".join(f'"{line}"' for line in lines).encode(),
        "indented": "\n".join(f"    {line}" for line in lines).encode(),
        "text around": f"Bag Attributes\n  friendlyName: k\n{text}\nthat was it\n".encode(),
        "base64 of the whole": base64.b64encode(text.encode()),
        "base64 of the whole, wrapped": base64.encodebytes(text.encode()),
    }


SHAPES = list(_bodies("x"))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("form", ["PKCS8", "TraditionalOpenSSL"])
def test_a_private_key_is_read_in_any_shape(keys: SimpleNamespace, form: str, shape: str) -> None:
    key = _load(_bodies(pem(keys.rsa, form).decode())[shape])
    assert key.has_private
    assert key.thumbprint() == JWK.from_pyca(keys.rsa).thumbprint()


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape != "nothing for line ends"])
@pytest.mark.parametrize("form", ["PKCS8", "TraditionalOpenSSL"])
def test_an_encrypted_key_is_read_in_any_shape(keys: SimpleNamespace, form: str, shape: str) -> None:
    text = pem(keys.rsa, form, b"s3cret").decode()
    assert _load(_bodies(text)[shape], b"s3cret").thumbprint() == JWK.from_pyca(keys.rsa).thumbprint()


@pytest.mark.needs("openssl")
def test_a_key_that_openssl_encrypted_is_read(keys: SimpleNamespace, tmp_path: Path) -> None:
    path = tmp_path / "encrypted.pem"
    for options in (["pkcs8", "-topk8", "-v2", "aes-256-cbc"], ["rsa", "-aes256", "-traditional"]):
        run_program("openssl", *options, "-in", keys.files["rsa"], "-out", path, "-passout", "pass:s3cret")
        assert _load(path.read_bytes(), b"s3cret").has_private


def test_certificate_and_key_may_be_in_one_file_in_either_order(keys: SimpleNamespace) -> None:
    certificate = (VECTORS / "publickey.cer").read_bytes()
    for data in (certificate + pem(keys.rsa), pem(keys.rsa) + certificate):
        assert _load(data).thumbprint() == JWK.from_pyca(keys.rsa).thumbprint()


def test_an_elliptic_curve_key_is_read_for_platforms_that_allow_it(keys: SimpleNamespace) -> None:
    assert _load(pem(keys.ec))["crv"] == "P-256"


def test_an_encrypted_key_without_a_passphrase_says_how_to_give_one(keys: SimpleNamespace) -> None:
    refusal = _refusal(pem(keys.rsa, passphrase=b"s3cret"))
    assert "is encrypted" in refusal.message
    assert "QSJWT_KEY_PASSPHRASE" in refusal.hint


@pytest.mark.parametrize("form", ["PKCS8", "TraditionalOpenSSL"])
def test_a_wrong_passphrase_is_told_apart_from_none(keys: SimpleNamespace, form: str) -> None:
    assert "wrong passphrase" in _refusal(pem(keys.rsa, form, b"s3cret"), b"wrong").message


def test_a_plain_key_asks_for_no_passphrase(keys: SimpleNamespace) -> None:
    def unwanted() -> bytes:
        raise AssertionError("nobody needs the passphrase")

    assert load_private_key(pem(keys.rsa), "the key", unwanted).has_private


def test_what_is_no_private_key_is_named(keys: SimpleNamespace) -> None:
    assert "holds a public key, not a private key" in _refusal(public_pem(keys.rsa)).message
    assert "holds a certificate, not" in _refusal((VECTORS / "publickey.cer").read_bytes()).message
    assert "is empty" in _refusal(b" \r\n").message
    assert "is cut off: it is DER" in _refusal(b"\x30\x82\x04\xff\xfe\x80").message
    assert "is not text" in _refusal(b"\x80\x81").message
    assert "is not a key in PEM" in _refusal(b"banana").message
    assert "is not a key in PEM" in _refusal(base64.b64encode(b"banana")).message
    assert "holds 2 private keys" in _refusal(pem(keys.rsa) + pem(keys.other)).message


def test_a_key_that_is_cut_off_or_holds_rubbish_is_named(keys: SimpleNamespace) -> None:
    data = pem(keys.rsa)
    assert "is cut off" in _refusal(data[: len(data) // 2]).message
    assert "more than base64" in _refusal(data.replace(b"MII", b"M*I", 1)).message
    assert "is damaged" in _refusal(data.replace(b"MII", b"AAA", 1)).message


def test_a_key_of_another_kind_is_refused() -> None:
    dsa_key = pem(dsa.generate_private_key(2048))  # a real DSA key
    assert "is not an RSA or elliptic-curve key" in _refusal(dsa_key).message
    assert _load(pem(ed25519.Ed25519PrivateKey.generate()))["kty"] == "OKP"  # which no algorithm here can use


def test_an_rsa_key_with_one_prime_changed_is_refused(keys: SimpleNamespace) -> None:
    assert "its primes do not give its modulus" in _refusal(corrupt_rsa(keys.rsa, "prime1")).message


def corrupt_rsa(key: object, part: str) -> bytes:
    """Return *key* as PKCS#1 PEM with two bits of one of its integers turned."""
    der = key.private_bytes(  # type: ignore[attr-defined]
        serialization.Encoding.DER, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    numbers = key.private_numbers()  # type: ignore[attr-defined]
    value = {"prime1": numbers.p, "exponent": numbers.d, "dmp1": numbers.dmp1}[part]
    length = (value.bit_length() + 7) // 8
    changed = value ^ 0b110 << 40
    damaged = der.replace(value.to_bytes(length, "big"), changed.to_bytes(length, "big"))
    assert damaged != der
    body = base64.encodebytes(damaged).decode()
    return f"-----BEGIN RSA PRIVATE KEY-----\n{body}-----END RSA PRIVATE KEY-----\n".encode()


def test_public_keys_are_read_as_pem_certificate_jwk_and_jwk_set(keys: SimpleNamespace) -> None:
    jwk = JWK.from_pyca(keys.rsa.public_key())
    jwks = JWKSet()
    jwks.add(jwk)
    unknown = (
        b'{"keys":[{"kty":"banana"},{"kty":"EC","crv":"P-999","x":"AA","y":"AA"},'
        + jwk.export_public().encode()
        + b"]}"
    )
    nulls = json.dumps({**json.loads(jwk.export_public()), "kid": None, "alg": None}).encode()
    for data in (public_pem(keys.rsa), jwk.export_public().encode(), jwks.export().encode(), unknown, nulls):
        assert [key.thumbprint() for key in load_public_keys(data, "the key")] == [jwk.thumbprint()]
    certificate, public = ((VECTORS / name).read_bytes() for name in ("publickey.cer", "publickey.pem"))
    assert load_public_keys(certificate, "x")[0].thumbprint() == load_public_keys(public, "x")[0].thumbprint()


def test_all_certificates_of_a_chain_count_and_none_has_a_key_id() -> None:
    chain = (VECTORS / "own-certificate.cer").read_bytes() + (VECTORS / "publickey.cer").read_bytes()
    keys = load_public_keys(chain, "the chain")
    assert [key.get("kid") for key in keys] == [None, None]


def test_der_that_is_cut_off_is_named() -> None:
    with pytest.raises(KeyUnavailable, match="is cut off: it is DER, and shorter than it says"):
        load_public_keys(b"\x30\x82\x01\x0a", "the key")


def test_a_file_of_begin_lines_takes_no_longer_than_another() -> None:
    begin = b"-----BEGIN A-----" * 60_000  # a million characters; quadratic work would take half an hour
    assert "is cut off" in _refusal(begin).message
    assert "is cut off" in _refusal(begin.replace(b"A", b"PRIVATE KEY")).message


@pytest.mark.parametrize("shape", SHAPES)
def test_a_certificate_is_read_in_any_shape(shape: str) -> None:
    text = (VECTORS / "publickey.cer").read_text(encoding="ascii")
    assert load_public_keys(_bodies(text)[shape], "the key")[0]["kty"] == "RSA"


def test_a_private_key_is_refused_where_a_public_one_belongs(keys: SimpleNamespace) -> None:
    jwk = JWK.from_pyca(keys.rsa)
    for data in (pem(keys.rsa), jwk.export().encode(), b'{"keys":[' + jwk.export().encode() + b"]}"):
        with pytest.raises(KeyUnavailable, match="holds a private key") as refusal:
            load_public_keys(data, "the key")
        assert jwk["d"][:20] not in str(refusal.value)


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b'{"kty":"oct","k":"AAAA"}', "symmetric"),
        (b'{"keys":[]}', "without a public key"),
        (b"{}", "neither a JWK nor a JWK Set"),
        (b'{"keys":[{}]}', "without a public key"),
        (b'{"kty":["RSA"]}', "without a public key"),
        (b'{"generate":"RSA","size":16384}', "neither a JWK nor a JWK Set"),
        (b'{"kty":"RSA","generate":"RSA","size":16384}', "without a public key"),
        (b'{"kty":"RSA"}', "without a public key"),
        (b'{"kty":"banana"}', "without a public key"),
        (b'{"keys":7}', "not a JWK"),
        (b'{"keys":[7]}', "not a JWK"),
        (b"{", "not a JWK"),
        (b"banana", "not a key in PEM"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "neither a public key"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "neither a public key"),
    ],
)
def test_what_is_no_public_key_is_named(data: bytes, word: str) -> None:
    with pytest.raises(KeyUnavailable, match=word):
        load_public_keys(data, "the key")
