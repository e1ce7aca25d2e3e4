"""Signers, and which key suits which algorithm."""

from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from jwcrypto.jwa import JWA
from jwcrypto.jwk import JWK

from qsjwt.errors import InputError, KeyUnavailable
from qsjwt.keys.signer import LocalSigner, jose_signature, require_suitable


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512", "PS256"])
def test_a_local_signer_signs_with_the_algorithm_that_it_was_made_for(keys: SimpleNamespace, algorithm: str) -> None:
    with LocalSigner(JWK.from_pyca(keys.rsa), algorithm) as signer:
        signature = signer.sign(b"data")
    JWA.signing_alg(algorithm).verify(signer.public_key, b"data", signature)


def test_a_signer_gives_out_the_public_half_alone(keys: SimpleNamespace) -> None:
    signer = LocalSigner(JWK.from_pyca(keys.rsa), "RS256")
    assert not signer.public_key.has_private
    assert repr(signer) == "<LocalSigner RS256>"


def test_a_signer_may_be_closed_twice(keys: SimpleNamespace) -> None:
    signer = LocalSigner(JWK.from_pyca(keys.rsa), "RS256")
    signer.close()
    signer.close()


@pytest.mark.parametrize(
    ("name", "algorithm", "reason"),
    [
        ("short", "RS256", "the RSA key has 1024 bits, and RS256 needs at least 2048"),
        ("ec", "RS256", "RS256 needs an RSA key, and this is an EC key on P-256"),
        ("ec", "ES384", "ES384 needs an EC key on P-384, and this is an EC key on P-256"),
        ("rsa", "ES256", "ES256 needs an EC key on P-256, and this is an RSA key"),
    ],
)
def test_a_key_that_does_not_suit_is_refused_before_anything_is_signed(
    keys: SimpleNamespace, name: str, algorithm: str, reason: str
) -> None:
    with pytest.raises(KeyUnavailable, match=reason):
        LocalSigner(JWK.from_pyca(getattr(keys, name)), algorithm)


def test_a_key_of_a_rarer_kind_is_named() -> None:
    with pytest.raises(KeyUnavailable, match=r"another kind \(Ed25519\)"):
        require_suitable(JWK.from_pyca(ed25519.Ed25519PrivateKey.generate()), "RS256")


@pytest.mark.parametrize("algorithm", ["none", "HS256", "banana"])
def test_an_algorithm_without_a_private_key_is_refused(keys: SimpleNamespace, algorithm: str) -> None:
    with pytest.raises(InputError, match="not an algorithm"):
        require_suitable(JWK.from_pyca(keys.rsa), algorithm)


@pytest.mark.parametrize(
    ("algorithm", "curve", "digest"),
    [
        ("ES256", ec.SECP256R1(), hashes.SHA256()),
        ("ES384", ec.SECP384R1(), hashes.SHA384()),
        ("ES512", ec.SECP521R1(), hashes.SHA512()),
    ],
)
def test_an_asn1_signature_becomes_r_and_s_of_fixed_width(
    algorithm: str, curve: ec.EllipticCurve, digest: hashes.HashAlgorithm
) -> None:
    key = ec.generate_private_key(curve)
    for _ in range(20):  # now and then r or s is short
        signature = jose_signature(key.sign(b"data", ec.ECDSA(digest)), algorithm)
        JWA.signing_alg(algorithm).verify(JWK.from_pyca(key.public_key()), b"data", signature)


def test_a_signature_of_another_curve_is_refused() -> None:
    der = ec.generate_private_key(ec.SECP521R1()).sign(b"data", ec.ECDSA(hashes.SHA512()))
    with pytest.raises(ValueError, match="too long for ES256"):
        jose_signature(der, "ES256")
    with pytest.raises(ValueError, match=r"."):
        jose_signature(b"banana", "ES256")
