"""Keys that were mangled on their way: the same key comes back, or an error that says what is wrong."""

import base64
import codecs
import json
import re
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jwcrypto.jwk import JWK

from qsjwt.errors import KeyUnavailable
from qsjwt.keys.load import load_private_key, load_public_keys
from tests.conftest import VECTORS, pem, public_pem

Mangle = Callable[[bytes], bytes]


def _load(data: bytes, passphrase: bytes | None = None) -> JWK:
    return load_private_key(data, "the key", lambda: passphrase)


def _refusal(data: bytes, passphrase: bytes | None = None) -> str:
    with pytest.raises(KeyUnavailable) as refusal:
        _load(data, passphrase)
    return f"{refusal.value.message} | {refusal.value.hint}"


LINE_ENDS: dict[str, bytes] = {
    "LF": b"\n",
    "CRLF": b"\r\n",
    "CR": b"\r",
    "blank": b" ",
    "nothing": b"",
    "spelled out": b"\\n",
    "spelled out, Windows": b"\\r\\n",
    "spelled out twice": b"\\\\n",
    "tab": b"\t",
}
WRAPPINGS: dict[str, Mangle] = {
    "as it is": lambda data: data,
    "double quotes": lambda data: b'"' + data + b'"',
    "single quotes": lambda data: b"'" + data + b"'",
    "text around": lambda data: b"Bag Attributes\n" + data + b"\nthe end\n",
    "assignment": lambda data: b"KEY=" + data,
    "JSON": lambda data: json.dumps({"private_key": data.decode("ascii")}).encode(),
    "indented": lambda data: b"  " + data.replace(b"\n", b"\n  "),
    "blank lines": lambda data: b"\n\n" + data + b"\n\n",
}
ENCODINGS: dict[str, Mangle] = {
    "UTF-8": lambda data: data,
    "BOM": lambda data: codecs.BOM_UTF8 + data,
    "UTF-16": lambda data: data.decode("ascii").encode("utf-16"),
    "UTF-16 BE": lambda data: codecs.BOM_UTF16_BE + data.decode("ascii").encode("utf-16-be"),
    "UTF-16 without BOM": lambda data: data.decode("ascii").encode("utf-16-le"),
    "base64": base64.b64encode,
    "base64, wrapped": base64.encodebytes,
    "base64 without padding": lambda data: base64.b64encode(data).rstrip(b"="),
}


def _forms(key: object) -> dict[str, bytes]:
    made: dict[str, bytes] = {"PKCS8": pem(key), "traditional": pem(key, "TraditionalOpenSSL")}
    made["certificate before"] = (VECTORS / "publickey.cer").read_bytes() + made["PKCS8"]
    made["certificate after"] = made["traditional"] + (VECTORS / "publickey.cer").read_bytes()
    return made


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)
@given(
    name=st.sampled_from(["rsa", "ec", "p384"]),
    form=st.sampled_from(["PKCS8", "traditional", "certificate before", "certificate after"]),
    end=st.sampled_from(list(LINE_ENDS)),
    wrapping=st.sampled_from(list(WRAPPINGS)),
    encoding=st.sampled_from(list(ENCODINGS)),
)
def test_any_way_to_mangle_a_key_and_all_of_them_together_is_put_right(
    keys: SimpleNamespace, name: str, form: str, end: str, wrapping: str, encoding: str
) -> None:
    key = getattr(keys, name)
    data = WRAPPINGS[wrapping](_forms(key)[form].replace(b"\n", LINE_ENDS[end]))
    assert _load(ENCODINGS[encoding](data)).thumbprint() == JWK.from_pyca(key).thumbprint()


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)
@given(data=st.data())
def test_a_key_that_was_changed_anywhere_is_the_same_or_refused_in_one_sentence(
    keys: SimpleNamespace, data: st.DataObject
) -> None:
    whole = data.draw(st.sampled_from([pem(keys.rsa), pem(keys.ec), _der(keys.rsa), _jwk(keys.rsa)]))
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, min(len(whole), start + 40)))
    changed = whole[:start] + data.draw(st.binary(max_size=20)) + whole[end:]
    try:
        key = _load(changed)
    except KeyUnavailable as refusal:
        assert refusal.message.startswith("the key ")
        assert "\n" not in refusal.message
    else:
        # What is left whole is a key; that it is the right one, every signature is checked for.
        assert key["kty"] in ("RSA", "EC", "OKP")


@given(data=st.binary(max_size=400))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_odd_bytes_are_refused_in_one_sentence(data: bytes) -> None:
    for load in (_load, lambda odd: load_public_keys(odd, "the key")):
        for odd in (data, b"\x30\x82" + data, b"-----BEGIN PRIVATE KEY-----" + data, b"{" + data):
            with pytest.raises(KeyUnavailable) as refusal:
                load(odd)
            assert "\n" not in refusal.value.message


def _der(key: object, form: str = "PKCS8") -> bytes:
    data: bytes = key.private_bytes(  # type: ignore[attr-defined]
        serialization.Encoding.DER, getattr(serialization.PrivateFormat, form), serialization.NoEncryption()
    )
    return data


def _jwk(key: object) -> bytes:
    text: str = JWK.from_pyca(key).export()
    return text.encode()


@pytest.mark.parametrize("form", ["PKCS8", "TraditionalOpenSSL"])
@pytest.mark.parametrize("name", ["rsa", "ec", "p384"])
def test_der_is_read_as_it_is_and_in_base64(keys: SimpleNamespace, name: str, form: str) -> None:
    key = getattr(keys, name)
    der = _der(key, form)
    for data in (
        der,
        der + b"\r\n",
        base64.b64encode(der),
        base64.encodebytes(der),
        b'"' + base64.b64encode(der) + b'"',
    ):
        assert _load(data).thumbprint() == JWK.from_pyca(key).thumbprint()
    assert "is cut off" in _refusal(der[:-1])


def test_encrypted_der_is_read_with_its_passphrase(keys: SimpleNamespace) -> None:
    der = keys.rsa.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"s3cret")
    )
    assert _load(der, b"s3cret").thumbprint() == JWK.from_pyca(keys.rsa).thumbprint()
    assert "is encrypted, and no passphrase" in _refusal(der)
    assert "wrong passphrase" in _refusal(der, b"wrong")


def test_public_keys_and_certificates_are_read_in_der(keys: SimpleNamespace) -> None:
    public = keys.rsa.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    certificate = base64.b64decode(b"".join((VECTORS / "publickey.cer").read_bytes().splitlines()[1:-1]))
    expected = load_public_keys((VECTORS / "publickey.pem").read_bytes(), "x")[0].thumbprint()
    for data, thumbprint in ((public, JWK.from_pyca(keys.rsa).thumbprint()), (certificate, expected)):
        for shape in (data, base64.b64encode(data)):
            assert [key.thumbprint() for key in load_public_keys(shape, "the key")] == [thumbprint]
    assert "holds a certificate, not a private key" in _refusal(certificate)
    assert "holds a public key, not a private key" in _refusal(public)
    with pytest.raises(KeyUnavailable, match="holds a private key, where only a public one belongs"):
        load_public_keys(_der(keys.rsa), "the key")


@pytest.mark.parametrize("name", ["rsa", "ec", "p384"])
def test_openssh_keys_are_read(keys: SimpleNamespace, name: str) -> None:
    key = getattr(keys, name)
    plain, encrypted = (
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, how)
        for how in (serialization.NoEncryption(), serialization.BestAvailableEncryption(b"s3cret"))
    )
    for data in (plain, plain.replace(b"\n", b"\\n"), base64.b64encode(plain)):
        assert _load(data).thumbprint() == JWK.from_pyca(key).thumbprint()
    assert _load(encrypted, b"s3cret").thumbprint() == JWK.from_pyca(key).thumbprint()
    assert "is encrypted, and no passphrase" in _refusal(encrypted)
    assert "wrong passphrase" in _refusal(encrypted, b"wrong")


def test_an_encrypted_openssh_key_without_bcrypt_says_what_to_install(
    keys: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = keys.ec.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.BestAvailableEncryption(b"x")
    )

    def absent(*_unused: object, **_also: object) -> bytes:
        raise UnsupportedAlgorithm("Need bcrypt module")  # what cryptography says without it

    monkeypatch.setattr("cryptography.hazmat.primitives.serialization.ssh._bcrypt_kdf", absent)
    assert "pip install 'qsjwt[ssh]'" in _refusal(data, b"x")


@pytest.mark.parametrize("name", ["rsa", "ec", "p384"])
def test_a_private_jwk_is_read(keys: SimpleNamespace, name: str) -> None:
    key = getattr(keys, name)
    jwk = json.loads(_jwk(key))
    more = {**jwk, "use": "enc", "key_ops": ["verify"], "kid": "k7", "alg": "none", "generate": "RSA"}
    for value in (jwk, more, {"keys": [jwk]}, {"keys": [json.loads(JWK.from_json(_jwk(key)).export_public()), jwk]}):
        for data in (
            json.dumps(value).encode(),
            json.dumps(value, indent=2).encode("utf-16"),
            base64.b64encode(json.dumps(value).encode()),
        ):
            loaded = _load(data)
            assert loaded.has_private
            assert loaded.thumbprint() == JWK.from_pyca(key).thumbprint()


def test_a_private_jwk_without_primes_is_named(keys: SimpleNamespace) -> None:
    jwk = {name: value for name, value in json.loads(_jwk(keys.rsa)).items() if name in ("kty", "n", "e", "d")}
    assert "without the primes" in _refusal(json.dumps(jwk).encode())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"kty":"oct","k":"AAAA"}', "holds a symmetric key, not a private key"),
        ('{"kty":"RSA","n":"AQAB","e":"AQAB"}', "holds a public key, not a private key"),
        ('{"kty":"RSA","d":"AQAB","p":"AQAB","q":"AQAB"}', "is a JWK that is damaged"),
        ('{"kty":"EC","crv":"P-999","x":"AA","y":"AA","d":"AA"}', "is a JWK that is damaged"),
        ('{"keys":[]}', "holds a public key, not a private key"),
        ('{"iss":"i"}', "neither a JWK nor a JWK Set"),
        ('{"kty":', "is not a JWK or a JWK Set that can be read"),
        ("ssh-rsa AAAAB3NzaC1yc2E= me@here", "is a public key for SSH"),
        ("-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----", "holds a certificate request"),
        ("-----BEGIN PRIVATE KEY-----\nMIIB", "is cut off"),
        (
            "-----BEGIN SSH2 KEY-----\nMIIB\n-----END SSH2 KEY-----",
            "holds a block of the label 'SSH2 KEY', not a private",
        ),
        ("-----BEGIN PRIVATE KEY-----\nMI:B\n-----END PRIVATE KEY-----", "more than base64"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nMIB\n-----END OPENSSH PRIVATE KEY-----", "base64 is not whole"),
    ],
)
def test_what_cannot_be_put_right_is_named(text: str, words: str) -> None:
    assert words in _refusal(text.encode())


def test_a_private_key_that_is_cut_off_is_named_whatever_follows(keys: SimpleNamespace) -> None:
    cut = pem(keys.other)[:900]
    for rest in (pem(keys.rsa), (VECTORS / "publickey.cer").read_bytes(), b""):
        for data in (cut + b"\n" + rest, b"'" + cut.replace(b"\n", b"\\n") + b"'\n" + rest):
            assert "is cut off" in _refusal(data)


def test_a_sentence_about_begin_lines_is_not_taken_for_a_key_that_is_cut_off(keys: SimpleNamespace) -> None:
    remark = b"a key begins with -----BEGIN PRIVATE KEY----- as everybody should know by now\n"
    assert _load(remark + pem(keys.rsa)).thumbprint() == JWK.from_pyca(keys.rsa).thumbprint()


@pytest.mark.parametrize("label", [b"PRIVATE KEY", b"RSA PRIVATE KEY", b"EC PRIVATE KEY"])
def test_a_key_with_the_label_of_another_form_is_read(keys: SimpleNamespace, label: bytes) -> None:
    for key in (keys.rsa, keys.ec):
        for data in (pem(key), pem(key, "TraditionalOpenSSL")):
            relabelled = re.sub(rb"(BEGIN|END) [A-Z ]+-", rb"\1 " + label + b"-", data)
            assert _load(relabelled).thumbprint() == JWK.from_pyca(key).thumbprint()


def test_remarks_in_latin_1_do_no_harm(keys: SimpleNamespace) -> None:
    data = "Schlüssel für den Müller\n".encode("latin-1") + pem(keys.rsa)
    assert _load(data).thumbprint() == JWK.from_pyca(keys.rsa).thumbprint()


def test_base64url_of_a_key_is_read(keys: SimpleNamespace) -> None:
    for data in (_der(keys.rsa), pem(keys.rsa)):
        for coded in (base64.urlsafe_b64encode(data), base64.urlsafe_b64encode(data).rstrip(b"=")):
            assert _load(coded).thumbprint() == JWK.from_pyca(keys.rsa).thumbprint()


def test_numbers_that_no_key_has_are_refused_before_anything_is_computed(keys: SimpleNamespace) -> None:
    huge = "_" * 40_000
    for member in ("n", "d", "p", "dp", "qi"):
        assert "more than 16384 bits" in _refusal(json.dumps({**json.loads(_jwk(keys.rsa)), member: huge}).encode())
    primes = (1 << 9_000) + 1, (1 << 9_000) + 3
    assert "more than 16384 bits" in _refusal(_pkcs1(primes[0] * primes[1], 65537, 3, *primes, 1, 1, 1))
    with pytest.raises(KeyUnavailable, match="without a public key"):
        load_public_keys(json.dumps({"kty": "RSA", "n": huge, "e": "AQAB"}).encode(), "the key")


def _pkcs1(*numbers: int) -> bytes:
    """Return an RSAPrivateKey of version 0 in DER (RFC 8017, appendix A.1.2)."""

    def value(tag: int, content: bytes) -> bytes:
        size = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
        return bytes([tag, *([0x80 | len(size)] if len(content) > 0x7F else []), *size]) + content

    return value(0x30, b"".join(value(2, n.to_bytes(n.bit_length() // 8 + 1, "big")) for n in (0, *numbers)))


def test_a_file_of_backslashes_takes_no_longer_than_another() -> None:
    assert "is not a key in PEM" in _refusal(b"\\" * 1_000_000)


def test_two_private_keys_in_one_jwk_set_are_too_many(keys: SimpleNamespace) -> None:
    text = json.dumps({"keys": [json.loads(_jwk(keys.rsa)), json.loads(_jwk(keys.ec))]})
    assert "holds 2 private keys" in _refusal(text.encode())


def test_a_damaged_jwk_shows_nothing_of_its_private_part(keys: SimpleNamespace) -> None:
    jwk = json.loads(_jwk(keys.rsa))
    assert jwk["d"][:16] not in _refusal(json.dumps({**jwk, "p": jwk["q"], "kty": "RSA"}).encode())


def test_pkcs12_is_known_by_its_content() -> None:
    data = b"\x30\x82\x00\x10\x02\x01\x03" + bytes(13)
    for form in (data, base64.b64encode(data)):
        assert "cannot be opened without a password" in _refusal(form)
        with pytest.raises(KeyUnavailable, match="holds a private key, where only a public one belongs"):
            load_public_keys(form, "the key")


def test_a_damaged_certificate_beside_the_key_is_not_looked_at(keys: SimpleNamespace) -> None:
    damaged = b"-----BEGIN CERTIFICATE-----\n***\n-----END CERTIFICATE-----\n"
    for data in (damaged + pem(keys.rsa), pem(keys.rsa) + damaged):
        assert _load(data).thumbprint() == JWK.from_pyca(keys.rsa).thumbprint()


def test_a_trusted_certificate_of_openssl_is_a_certificate() -> None:
    der = base64.b64decode(b"".join((VECTORS / "publickey.cer").read_bytes().splitlines()[1:-1]))
    body = base64.encodebytes(der + bytes.fromhex("300c300a06082b06010505070301")).decode()
    text = f"-----BEGIN TRUSTED CERTIFICATE-----\n{body}-----END TRUSTED CERTIFICATE-----\n"
    assert load_public_keys(text.encode(), "x")[0]["kty"] == "RSA"


def test_a_service_account_file_gives_its_key(keys: SimpleNamespace) -> None:
    text = json.dumps({"type": "service_account", "private_key": pem(keys.rsa).decode(), "client_email": "a@b.c"})
    assert _load(text.encode()).thumbprint() == JWK.from_pyca(keys.rsa).thumbprint()


def test_public_pem_in_any_line_ends_is_read(keys: SimpleNamespace) -> None:
    for end in LINE_ENDS.values():
        key = load_public_keys(public_pem(keys.rsa).replace(b"\n", end), "x")[0]
        assert key.thumbprint() == JWK.from_pyca(keys.rsa).thumbprint()
