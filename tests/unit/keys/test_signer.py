"""Signers, which algorithms a key can do, and which of them is taken."""

from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from jwcrypto.jwa import JWA
from jwcrypto.jwk import JWK

from qsjwt.errors import KeyUnavailable
from qsjwt.keys.signer import LocalSigner, choose_algorithm, jose_signature, key_algorithms, unsuitability

RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
KINDS = {"rsa": RSA, "ec": ("ES256",), "p384": ("ES384",), "short": ()}


@pytest.mark.parametrize("name", KINDS)
def test_a_local_signer_signs_with_each_algorithm_that_its_key_can_do(keys: SimpleNamespace, name: str) -> None:
    with LocalSigner(JWK.from_pyca(getattr(keys, name))) as signer:
        assert tuple(signer.algorithms) == KINDS[name]
        for algorithm in signer.algorithms:
            JWA.signing_alg(algorithm).verify(signer.public_key, b"data", signer.sign(b"data", algorithm))


def test_a_signer_gives_out_the_public_half_alone(keys: SimpleNamespace) -> None:
    signer = LocalSigner(JWK.from_pyca(keys.rsa))
    assert not signer.public_key.has_private
    assert repr(signer) == "<LocalSigner>"


def test_a_signer_may_be_closed_twice(keys: SimpleNamespace) -> None:
    signer = LocalSigner(JWK.from_pyca(keys.rsa))
    signer.close()
    signer.close()


@pytest.mark.parametrize(
    ("name", "algorithm", "reason"),
    [
        ("short", "RS256", "the RSA key has 1024 bits, and RS256 needs at least 2048"),
        ("ec", "RS256", "RS256 needs an RSA key, and this is an EC key on P-256"),
        ("ec", "ES384", "ES384 needs an EC key on P-384, and this is an EC key on P-256"),
        ("rsa", "ES256", "ES256 needs an EC key on P-256, and this is an RSA key"),
        ("rsa", "none", "'none' is not an algorithm that tokens are signed with here"),
        ("rsa", "HS256", "'HS256' is not an algorithm that tokens are signed with here"),
        ("rsa", "banana", "'banana' is not an algorithm that tokens are signed with here"),
        ("rsa", "RS512", ""),
    ],
)
def test_the_reason_why_a_key_cannot_do_an_algorithm(
    keys: SimpleNamespace, name: str, algorithm: str, reason: str
) -> None:
    assert unsuitability(JWK.from_pyca(getattr(keys, name)), algorithm) == reason


def test_a_key_of_a_rarer_kind_is_named_and_can_do_nothing() -> None:
    key = JWK.from_pyca(ed25519.Ed25519PrivateKey.generate())
    assert "another kind (Ed25519)" in unsuitability(key, "RS256")
    assert key_algorithms(key) == ()
    koblitz = JWK.from_pyca(ec.generate_private_key(ec.SECP256K1()))
    assert key_algorithms(koblitz) == ()


OAUTH = ("RS256", "RS512", "ES384")


@pytest.mark.parametrize(
    ("name", "accepted", "wanted", "chosen"),
    [
        ("rsa", OAUTH, None, "RS256"),
        ("p384", OAUTH, None, "ES384"),
        ("rsa", OAUTH, "RS512", "RS512"),
        ("rsa", ("PS512", "RS256"), None, "PS512"),
    ],
)
def test_the_first_algorithm_that_the_platform_accepts_and_the_key_can_do_is_chosen(
    keys: SimpleNamespace, name: str, accepted: tuple[str, ...], wanted: str | None, chosen: str
) -> None:
    key = JWK.from_pyca(getattr(keys, name))
    assert choose_algorithm(key, key_algorithms(key), accepted, wanted) == chosen


@pytest.mark.parametrize(
    ("name", "able", "accepted", "wanted", "message", "hint"),
    [
        (
            *("p384", None, ("RS256",), None, "the key is an EC key on P-384, which cannot sign with RS256"),
            "use an RSA key of 2048 bits or more",
        ),
        (
            *("short", None, ("RS256", "RS512"), None),
            *("the key is an RSA key of 1024 bits, which cannot sign with RS256 or RS512",),
            "use an RSA key of 2048 bits or more",
        ),
        (
            *("ec", None, OAUTH, None, "the key is an EC key on P-256, which cannot sign with RS256, RS512 or ES384"),
            "use an RSA key of 2048 bits or more, or an EC key on P-384",
        ),
        (
            *("rsa", None, OAUTH, "ES384", "the key is an RSA key of 2048 bits, which cannot sign with ES384"),
            "use --algorithm RS256 or RS512, or another key",
        ),
        (
            *("rsa", ("PS256",), ("RS256",), None),
            *("the key, an RSA key of 2048 bits, may sign with PS256 only, not with RS256",),
            "use a key that may sign with RS256",
        ),
        (
            *("rsa", (), ("RS256",), None, "the key, an RSA key of 2048 bits, may sign no tokens"),
            "use a key that may sign with RS256",
        ),
    ],
)
def test_a_key_that_does_not_suit_is_said_to_be_what_it_is_and_no_hint_names_what_the_platform_refuses(
    keys: SimpleNamespace,
    name: str,
    able: tuple[str, ...] | None,
    accepted: tuple[str, ...],
    wanted: str | None,
    message: str,
    hint: str,
) -> None:
    key = JWK.from_pyca(getattr(keys, name))
    with pytest.raises(KeyUnavailable) as caught:
        choose_algorithm(key, key_algorithms(key) if able is None else able, accepted, wanted)
    assert (caught.value.message, caught.value.hint) == (message, hint)


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
