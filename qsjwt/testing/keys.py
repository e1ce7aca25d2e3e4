"""Contracts of signers and key providers."""

import functools
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from jwcrypto.jwa import JWA
from jwcrypto.jwk import JWK

from qsjwt.api import InputError, KeyUnavailable, QsJwtError, Secrets, Signer, open_signer
from qsjwt.keys.generate import CertificateRequest, self_signed_certificate
from qsjwt.keys.reference import KEY_PROVIDERS
from qsjwt.keys.signer import LocalSigner, key_algorithms

_DATA = b"eyJhbGciOiJSUzI1NiJ9.eyJ1c2VySWQiOiJnw7ZyYW4ifQ"
PRIVATE_MEMBERS: Final = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
"""Of a JWK: RFC 7518, section 6."""

THREADS: Final = 8


class SignerContract:
    """What every :class:`qsjwt.api.Signer` must do.

    A subclass, whose name begins with ``Test``, gives :meth:`make_signer`.

    :cvar algorithms: JWA names (RFC 7518, section 3.1) that the key must be able to do, among others.
    :cvar secrets: texts that must not be shown: a PIN, a passphrase, a line of the private key.
    """

    algorithms: ClassVar[tuple[str, ...]] = ("RS256",)
    secrets: ClassVar[tuple[str, ...]] = ()

    def make_signer(self) -> Signer:
        """Return a new signer."""
        raise NotImplementedError

    def test_it_says_what_its_key_can_do(self) -> None:
        with self.make_signer() as signer:
            assert set(self.algorithms) <= set(signer.algorithms) <= set(key_algorithms(signer.public_key))

    def test_each_of_its_signatures_verifies_with_its_public_key(self) -> None:
        with self.make_signer() as signer:
            for algorithm in signer.algorithms:
                signature = signer.sign(_DATA, algorithm)
                assert isinstance(signature, bytes)
                JWA.signing_alg(algorithm).verify(signer.public_key, _DATA, signature)

    def test_each_of_its_signatures_verifies_with_openssl(self, tmp_path: Path) -> None:
        openssl = shutil.which("openssl")
        if openssl is None:
            pytest.skip("openssl is not on the path")
        with self.make_signer() as signer:
            signatures = {algorithm: signer.sign(_DATA, algorithm) for algorithm in signer.algorithms}
            (tmp_path / "public.pem").write_bytes(signer.public_key.export_to_pem())
        (tmp_path / "data").write_bytes(_DATA)
        for algorithm, signature in signatures.items():
            (tmp_path / "signature").write_bytes(_as_openssl_wants_it(signature, algorithm))
            padding = ("-sigopt", "rsa_padding_mode:pss") if algorithm.startswith("PS") else ()
            command = [openssl, "dgst", f"-sha{algorithm[2:]}", "-verify", tmp_path / "public.pem", *padding]
            result = subprocess.run(  # noqa: S603 - all of it is from here
                [*command, "-signature", tmp_path / "signature", tmp_path / "data"], capture_output=True, check=False
            )
            assert result.returncode == 0, result.stdout + result.stderr

    def test_its_public_key_has_no_private_part(self) -> None:
        with self.make_signer() as signer:
            assert not signer.public_key.has_private
            assert not PRIVATE_MEMBERS & set(signer.public_key.export(as_dict=True))

    def test_its_repr_shows_no_secret(self) -> None:
        with self.make_signer() as signer:
            shown = repr(signer) + str(signer)
            assert not any(secret in shown for secret in self.secrets)

    def test_it_may_be_closed_twice(self) -> None:
        signer = self.make_signer()
        signer.sign(_DATA, signer.algorithms[0])
        signer.close()
        signer.close()

    def test_eight_threads_may_use_it_at_once(self) -> None:
        with self.make_signer() as signer, ThreadPoolExecutor(THREADS) as pool:
            algorithm = signer.algorithms[0]
            texts = [b"%d." % number + _DATA for number in range(4 * THREADS)]
            for text, signature in zip(texts, pool.map(lambda text: signer.sign(text, algorithm), texts), strict=True):
                JWA.signing_alg(algorithm).verify(signer.public_key, text, signature)


class KeyProviderContract(SignerContract):
    """What every :class:`qsjwt.api.KeyProvider` must do; its signers are held to :class:`SignerContract` too.

    :cvar scheme: the name of its entry point.
    """

    scheme: ClassVar[str]

    def reference(self) -> str:
        """Return the text after ``SCHEME:`` for a key that is there."""
        raise NotImplementedError

    def missing_reference(self) -> str:
        """Return the text after ``SCHEME:`` for a key that is not there."""
        raise NotImplementedError

    def where_secrets_are(self) -> Secrets:
        """Return where the key's passphrase or PIN comes from."""
        return Secrets()

    def make_signer(self) -> Signer:
        """Return a new signer, by way of the entry point."""
        return open_signer(f"{self.scheme}:{self.reference()}", self.where_secrets_are())

    def test_its_summary_begins_with_its_scheme(self) -> None:
        assert KEY_PROVIDERS.load(self.scheme).summary.startswith(f"{self.scheme}:")

    def test_a_key_that_is_not_there_is_an_error_that_shows_no_secret(self) -> None:
        with pytest.raises((KeyUnavailable, InputError)) as caught:
            open_signer(f"{self.scheme}:{self.missing_reference()}", self.where_secrets_are())
        self.assert_fit_to_show(caught.value)

    def assert_fit_to_show(self, error: QsJwtError) -> None:
        """Assert that *error* is one sentence, and shows no secret."""
        shown = f"{error.message} {error.hint} {error!r}"
        assert not any(secret in shown for secret in self.secrets)
        assert_one_sentence(error.message)


def _as_openssl_wants_it(signature: bytes, algorithm: str) -> bytes:
    """Return an ECDSA signature in ASN.1 (RFC 3279, section 2.2.3), any other as it is."""
    if not algorithm.startswith("ES"):
        return signature
    half = len(signature) // 2
    return encode_dss_signature(int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big"))


def assert_one_sentence(message: str) -> None:
    assert message.strip()
    assert "\n" not in message
    assert not message.endswith(".")


@dataclass(frozen=True, repr=False)
class NewKey:
    """A key that is there for the length of a run: private, as a reference to itself, and with a certificate."""

    jwk: JWK
    reference: str
    certificate: str


@functools.cache
def new_key(algorithm: str) -> NewKey:
    """Return a key that can do *algorithm*, the same one throughout a run."""
    if algorithm[:2] in ("RS", "PS") and algorithm != "RS256":
        return new_key("RS256")
    curve = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}.get(algorithm)
    jwk = JWK.generate(kty="EC", crv=curve) if curve else JWK.generate(kty="RSA", size=2048)
    pem = jwk.export_to_pem(private_key=True, password=None).decode("ascii")
    request = CertificateRequest(days=2, common_name="contract", now=int(time.time()) - 60)
    certificate = self_signed_certificate(LocalSigner(jwk), request, algorithm)
    return NewKey(jwk, f"inline:{pem}", certificate.decode("ascii"))
