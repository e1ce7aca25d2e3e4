"""``gcpkms:projects/…/cryptoKeyVersions/N``: a key that stays in Google Cloud KMS."""

import contextlib
import re
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from google.api_core.exceptions import GatewayTimeout, GoogleAPICallError, RetryError, ServiceUnavailable
from google.api_core.retry import Retry, if_exception_type
from google.auth.exceptions import GoogleAuthError, MutualTLSChannelError, TransportError
from google.cloud import kms_v1
from google.protobuf.json_format import ParseError
from jwcrypto.jwk import JWK

from qsjwt.api import (
    InputError,
    KeyProvider,
    KeyUnavailable,
    QsJwtError,
    Secrets,
    Signer,
    SigningFailed,
    digest,
    jose_signature,
    load_public_keys,
    quoted,
    service_timeout,
    split_settings,
    within,
)
from qsjwt.keys.signer import key_algorithms

T = TypeVar("T")

_GRACE_SECONDS: Final = 1
"""Seconds by which the SDK's own timeouts are longer, so that it is always ours that ends a call."""

_REFERENCE: Final = re.compile(
    r"projects/[\w.:-]+/locations/[\w-]+/keyRings/[\w-]+/cryptoKeys/[\w-]+/cryptoKeyVersions/[0-9]+", re.ASCII
)
_ALGORITHMS: Final = {
    **{f"RSA_SIGN_PKCS1_{bits}_SHA256": "RS256" for bits in (2048, 3072, 4096)},
    **{f"RSA_SIGN_PSS_{bits}_SHA256": "PS256" for bits in (2048, 3072, 4096)},
    **{"RSA_SIGN_PKCS1_4096_SHA512": "RS512", "RSA_SIGN_PSS_4096_SHA512": "PS512"},
    **{"EC_SIGN_P256_SHA256": "ES256", "EC_SIGN_P384_SHA384": "ES384"},
}
"""The one algorithm that a key version has, to its JWA name (RFC 7518, section 3.1)."""

_FOREIGN: Final = (
    *(GoogleAPICallError, RetryError, GoogleAuthError, ParseError),
    *(OSError, ValueError, TypeError, AttributeError, LookupError),
)
"""What the SDK raises: OSError from its HTTP client, those after it where an answer is not what it should be."""

_HINTS: Final = {
    400: "gcloud kms keys versions list tells whether it is enabled and is there for signing",
    401: "the service did not accept the token; gcloud auth application-default login makes a new one",
    403: "it takes cloudkms.cryptoKeyVersions.viewPublicKey and cloudkms.cryptoKeyVersions.useToSign, as in the role "
    "roles/cloudkms.signerVerifier",
    404: "gcloud kms keys versions list shows what is there",
    429: "the project's quota is used up; try again later",
}


class GcpKmsProvider(KeyProvider):
    """``gcpkms:projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/N?timeout=10``.

    ``timeout`` is in whole seconds, from 1 to 300, and optional. The credential is the SDK's (Application Default
    Credentials): the file that ``GOOGLE_APPLICATION_CREDENTIALS`` names, ``gcloud auth application-default login``,
    or the service account of the machine.

    The key's purpose is asymmetric signing. A version of it has one algorithm: RSA_SIGN_PKCS1_2048_SHA256, with
    3072 or 4096 bits too, is RS256, RSA_SIGN_PKCS1_4096_SHA512 RS512, RSA_SIGN_PSS_… likewise PS256 and PS512,
    EC_SIGN_P256_SHA256 ES256, EC_SIGN_P384_SHA384 ES384. Whoever signs needs the permissions
    cloudkms.cryptoKeyVersions.viewPublicKey and cloudkms.cryptoKeyVersions.useToSign, which are in the role
    roles/cloudkms.signerVerifier.
    """

    summary = "gcpkms:NAME      a key version in Google Cloud KMS, which does not leave it"

    def open(self, reference: str, secrets: Secrets) -> Signer:
        """Read the public key.

        :raises InputError: if *reference* is not the name of a key version, or ``timeout`` is out of range.
        :raises KeyUnavailable: if there is no credential, the key is missing or disabled, or the service refuses
            or does not answer in time.
        """
        name, settings = split_settings(reference, ("timeout",))
        timeout = service_timeout(settings)
        if not _REFERENCE.fullmatch(name):
            raise InputError(
                f"{quoted(name)} is not the name of a key version in Google Cloud KMS",
                hint="it is projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/N, as "
                "gcloud kms keys versions list prints it",
            )
        place = f"the key version {quoted(name)}"
        with contextlib.ExitStack() as held:

            def read(seen: Callable[[Exception], None]) -> tuple[Any, Any]:
                # What the credential is may be asked of the network, so this is part of the time as well.
                client = kms_v1.KeyManagementServiceClient(transport="rest")
                held.callback(client.transport.close)
                retry = _retry(timeout, seen)
                return client, client.get_public_key(
                    request={"name": name}, timeout=timeout + _GRACE_SECONDS, retry=retry
                )

            try:
                client, answer = _within(timeout, read)
                if answer.name != name:
                    raise KeyUnavailable(f"{place} cannot be read: the service answers with another key")
                public_key = load_public_keys(answer.pem.encode("utf-8"), f"the answer about {place}")[0]
            except _FOREIGN as cause:
                raise _failure(KeyUnavailable, f"{place} cannot be read", cause, timeout) from cause
            return GcpKmsSigner(
                public_key, _algorithms(public_key, answer), name, client, timeout=timeout, held=held.pop_all()
            )


class GcpKmsSigner(Signer):
    """Has a digest signed by the service."""

    def __init__(
        self,
        public_key: JWK,
        algorithms: Sequence[str],
        name: str,
        client: Any,
        *,
        timeout: int,
        held: contextlib.ExitStack,
    ) -> None:
        """Hold *client*.

        :param algorithms: the JWA name of the one that the key version has, if it is one for tokens.
        :param name: the key version's.
        :param timeout: seconds that one signature may take.
        :param held: what :meth:`close` gives back.
        """
        self.public_key = public_key
        self.algorithms = algorithms
        self._name = name
        self._client = client
        self._timeout = timeout
        self._held = held

    def sign(self, data: bytes, algorithm: str) -> bytes:
        request = {"name": self._name, "digest": {f"sha{algorithm[2:]}": digest(data, algorithm)}}
        what = f"the key version {quoted(self._name)} did not sign"
        try:
            answer = _within(
                self._timeout,
                lambda seen: self._client.asymmetric_sign(
                    request=request, timeout=self._timeout + _GRACE_SECONDS, retry=_retry(self._timeout, seen)
                ),
            )
            signature: bytes = answer.signature
            if answer.name != self._name:
                raise SigningFailed(f"{what}: the service answers with another key")
            return jose_signature(signature, algorithm)
        except _FOREIGN as cause:
            raise _failure(SigningFailed, what, cause, self._timeout) from cause

    def close(self) -> None:
        self._held.close()


def _retry(timeout: int, seen: Callable[[Exception], None]) -> Any:
    """Return the SDK's own policy for this service, within *timeout*; it tells *seen* of what it repeats."""
    repeated = if_exception_type(ServiceUnavailable, GatewayTimeout)
    return Retry(
        predicate=repeated, initial=0.1, maximum=60, multiplier=1.3, timeout=timeout + _GRACE_SECONDS, on_error=seen
    )


def _within(seconds: int, call: Callable[[Callable[[Exception], None]], T]) -> T:
    """Return what *call* returns; it is given a hook that takes each error after which the SDK tries again.

    :raises TimeoutError: if it takes longer than that.
    :raises GoogleAPICallError: if it does, since the service says again and again that it cannot now.
    """
    seen: list[Exception] = []
    try:
        return within(seconds, lambda: call(seen.append))
    except TimeoutError as cause:
        if seen:
            raise seen[-1] from cause
        raise


def _algorithms(public_key: JWK, answer: Any) -> Sequence[str]:
    # An algorithm that is newer than the SDK is a plain number.
    own = _ALGORITHMS.get(getattr(answer.algorithm, "name", ""))
    return [algorithm for algorithm in key_algorithms(public_key) if algorithm == own]


def _failure(error: type[QsJwtError], what: str, cause: BaseException, timeout: int) -> QsJwtError:
    """Return the error for *cause*, with the service's code and without its text.

    :param what: the beginning of the sentence.
    """
    if isinstance(cause, RetryError) and cause.cause is not None:
        cause = cause.cause
    match cause:
        case TimeoutError():
            return error(
                f"{what}: no answer that could be used within {timeout} s",
                hint="try again later, or end the reference with ?timeout=SECONDS",
            )
        case GoogleAPICallError(code=int(status)):
            return error(f"{what}: the service answered {int(status)}{_codes(cause)}", hint=_HINTS.get(status, ""))
        case MutualTLSChannelError():
            return error(
                f"{what}: the client certificate for mutual TLS cannot be used",
                hint="look at GOOGLE_API_USE_CLIENT_CERTIFICATE and at the device's certificate, or unset it",
            )
        case GoogleAuthError() if not isinstance(cause, TransportError):
            return error(
                f"{what}: no credential for Google Cloud could be used ({type(cause).__name__})",
                hint="run gcloud auth application-default login, or have GOOGLE_APPLICATION_CREDENTIALS name the file "
                "of a service account",
            )
        case OSError() | TransportError():
            return error(
                f"{what}: the service cannot be reached ({type(cause).__name__})",
                hint="it is cloudkms.googleapis.com, by HTTPS",
            )
        case _:
            return error(f"{what}: the answer is not one that Cloud KMS gives ({type(cause).__name__})")


def _codes(cause: GoogleAPICallError) -> str:
    """Return the service's own codes, such as PERMISSION_DENIED and the reason SERVICE_DISABLED."""
    try:
        status = cause.response.json()["error"]["status"]
    except (ValueError, LookupError, TypeError, AttributeError):
        status = None
    return "".join(f" {quoted(code)}" for code in (status, cause.reason) if isinstance(code, str) and code)
