"""A key, a certificate or a PKCS#12 that is damaged at any byte is the same, another, or refused in one sentence."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from qsjwt.errors import KeyUnavailable
from qsjwt.keys.load import load_certificates, load_private_key, load_private_material, load_public_keys
from qsjwt.keys.public import PublicKey, certificate_of, is_certificate_of
from qsjwt.keys.signer import LocalSigner
from tests.conftest import self_signed


def _certificate(keys: SimpleNamespace) -> x509.Certificate:
    return x509.load_pem_x509_certificate(self_signed(keys.ec, "every byte"))


def _read_certificate(data: bytes) -> None:
    (key,) = load_public_keys(data, "the certificate")
    (certificate,) = load_certificates(data, "the certificate")
    if is_certificate_of(certificate, key):
        PublicKey(key, certificate).described(0)


def _read_material(data: bytes) -> None:
    key, certificates = load_private_material(data, "the key", lambda: b"s3cret")
    public = LocalSigner(key).public_key
    if certificates:
        certificate = certificate_of(public, load_certificates(certificates, "beside it"), "beside it")
        PublicKey(public, certificate).described(0)


def _store(keys: SimpleNamespace) -> bytes:
    how = (
        serialization.PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(1)
        .key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC)
        .hmac_hash(hashes.SHA256())
        .build(b"s3cret")
    )
    return pkcs12.serialize_key_and_certificates(b"key", keys.ec, _certificate(keys), None, how)


def _bare_store(keys: SimpleNamespace) -> bytes:
    return pkcs12.serialize_key_and_certificates(
        b"key", keys.ec, _certificate(keys), None, serialization.NoEncryption()
    )


SUBJECTS: dict[str, tuple[Callable[[SimpleNamespace], bytes], Callable[[bytes], object]]] = {
    "certificate": (lambda keys: _certificate(keys).public_bytes(serialization.Encoding.DER), _read_certificate),
    "PKCS#12": (_store, _read_material),
    "PKCS#12 without a password": (_bare_store, _read_material),
    "OpenSSH": (
        lambda keys: keys.ec.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
        ),
        _read_material,
    ),
    "PKCS#8": (
        lambda keys: keys.rsa.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
        _read_material,
    ),
    "PKCS#8, encrypted": (
        lambda keys: keys.ec.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"s3cret"),
        ),
        _read_material,
    ),
}


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_change_of_any_byte_is_no_fault_of_the_program(keys: SimpleNamespace, subject: str) -> None:
    make, read = SUBJECTS[subject]
    whole = make(keys)
    read(whole)
    refused = 0
    for at in range(len(whole)):
        for change in (0x01, 0x80):
            damaged = bytearray(whole)
            damaged[at] ^= change
            try:
                read(bytes(damaged))
            except KeyUnavailable as refusal:
                refused += 1
                assert "\n" not in refusal.message
    assert refused > len(whole) // 10


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_cut_at_any_byte_is_refused(keys: SimpleNamespace, subject: str) -> None:
    make, read = SUBJECTS[subject]
    whole = make(keys).rstrip()
    for end in range(0, len(whole), 7):
        with pytest.raises(KeyUnavailable):
            read(whole[:end])


def test_a_key_that_makes_its_library_panic_is_bad_input(
    keys: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    panic = type("PanicException", (BaseException,), {"__module__": "pyo3_runtime"})

    def raises(*_arguments: object, **_options: object) -> object:
        raise panic

    monkeypatch.setattr(serialization, "load_pem_private_key", raises)
    data = keys.files["rsa"].read_bytes()
    with pytest.raises(KeyUnavailable, match="is damaged"):
        load_private_key(data, "the key", lambda: None)
