"""Contract suites for pytest: what every signer and every key provider must do, whoever wrote it.

Subclass them in a test module, say how yours is made, and pytest runs the rest.
"""

import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from jwcrypto.jwa import JWA

from qsjwt.api import InputError, KeyProvider, KeyUnavailable, QsJwtError, Secrets, Signer, UnsuitableKey, open_signer

_DATA = b"eyJhbGciOiJSUzI1NiJ9.eyJ1c2VySWQiOiJnw7ZyYW4ifQ"
_PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
_THREADS = 8


class SignerContract:
    """What every :class:`qsjwt.api.Signer` must do.

    A subclass, whose name begins with ``Test``, gives :meth:`make_signer`.

    :cvar algorithms: the JWA names (RFC 7518, section 3.1) that the key can do.
    :cvar secrets: texts that must not be shown: a PIN, a passphrase, a line of the private key.
    """

    algorithms: ClassVar[tuple[str, ...]] = ("RS256",)
    secrets: ClassVar[tuple[str, ...]] = ()

    def make_signer(self, algorithm: str) -> Signer:
        """Return a new signer for *algorithm*."""
        raise NotImplementedError

    def test_its_signature_verifies_with_its_public_key(self) -> None:
        for algorithm in self.algorithms:
            with self.make_signer(algorithm) as signer:
                assert signer.algorithm == algorithm
                signature = signer.sign(_DATA)
                assert isinstance(signature, bytes)
                JWA.signing_alg(algorithm).verify(signer.public_key, _DATA, signature)

    def test_its_signature_verifies_with_openssl(self, tmp_path: Path) -> None:
        openssl = shutil.which("openssl")
        if openssl is None:
            pytest.skip("openssl is not on the path")
        for algorithm in self.algorithms:
            with self.make_signer(algorithm) as signer:
                signature = _as_openssl_wants_it(signer.sign(_DATA), algorithm)
                (tmp_path / "public.pem").write_bytes(signer.public_key.export_to_pem())
            (tmp_path / "signature").write_bytes(signature)
            (tmp_path / "data").write_bytes(_DATA)
            padding = ("-sigopt", "rsa_padding_mode:pss") if algorithm.startswith("PS") else ()
            command = [openssl, "dgst", f"-sha{algorithm[2:]}", "-verify", tmp_path / "public.pem", *padding]
            result = subprocess.run(  # noqa: S603 - all of it is from here
                [*command, "-signature", tmp_path / "signature", tmp_path / "data"], capture_output=True, check=False
            )
            assert result.returncode == 0, result.stdout + result.stderr

    def test_its_public_key_has_no_private_part(self) -> None:
        with self.make_signer(self.algorithms[0]) as signer:
            assert not signer.public_key.has_private
            assert not _PRIVATE_MEMBERS & set(signer.public_key.export(as_dict=True))

    def test_its_repr_shows_no_secret(self) -> None:
        with self.make_signer(self.algorithms[0]) as signer:
            shown = repr(signer) + str(signer)
            assert not any(secret in shown for secret in self.secrets)

    def test_it_may_be_closed_twice(self) -> None:
        signer = self.make_signer(self.algorithms[0])
        signer.sign(_DATA)
        signer.close()
        signer.close()

    def test_eight_threads_may_use_it_at_once(self) -> None:
        with self.make_signer(self.algorithms[0]) as signer, ThreadPoolExecutor(_THREADS) as pool:
            texts = [b"%d." % number + _DATA for number in range(4 * _THREADS)]
            for text, signature in zip(texts, pool.map(signer.sign, texts), strict=True):
                JWA.signing_alg(signer.algorithm).verify(signer.public_key, text, signature)


class KeyProviderContract(SignerContract):
    """What every :class:`qsjwt.api.KeyProvider` must do; its signers are held to :class:`SignerContract` too.

    :cvar scheme: the name of its entry point.
    :cvar unsuitable: a JWA name that the key cannot do.
    """

    scheme: ClassVar[str]
    unsuitable: ClassVar[str] = "ES256"

    def reference(self) -> str:
        """Return the text after ``SCHEME:`` for a key that is there."""
        raise NotImplementedError

    def missing_reference(self) -> str:
        """Return the text after ``SCHEME:`` for a key that is not there."""
        raise NotImplementedError

    def where_secrets_are(self) -> Secrets:
        """Return where the key's passphrase or PIN comes from."""
        return Secrets()

    def make_signer(self, algorithm: str) -> Signer:
        """Return a new signer, by way of the entry point."""
        return open_signer(f"{self.scheme}:{self.reference()}", algorithm, self.where_secrets_are())

    def test_its_summary_begins_with_its_scheme(self) -> None:
        from qsjwt import plugins

        provider: Any = plugins.load(plugins.KEY_PROVIDERS, self.scheme, KeyProvider)
        assert provider.summary.startswith(f"{self.scheme}:")

    def test_an_algorithm_that_the_key_cannot_do_is_refused_before_signing(self) -> None:
        with pytest.raises(UnsuitableKey):
            self.make_signer(self.unsuitable)

    def test_a_key_that_is_not_there_is_an_error_that_shows_no_secret(self) -> None:
        with pytest.raises((KeyUnavailable, InputError)) as caught:
            open_signer(f"{self.scheme}:{self.missing_reference()}", self.algorithms[0], self.where_secrets_are())
        self.assert_fit_to_show(caught.value)

    def assert_fit_to_show(self, error: QsJwtError) -> None:
        """Assert that *error* is one sentence, and shows no secret."""
        shown = f"{error.message} {error.hint} {error!r}"
        assert not any(secret in shown for secret in self.secrets)
        assert error.message
        assert "\n" not in error.message
        assert not error.message.endswith(".")


def _as_openssl_wants_it(signature: bytes, algorithm: str) -> bytes:
    """Return an ECDSA signature in ASN.1 (RFC 3279, section 2.2.3), any other as it is."""
    if not algorithm.startswith("ES"):
        return signature
    half = len(signature) // 2
    return encode_dss_signature(int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big"))
