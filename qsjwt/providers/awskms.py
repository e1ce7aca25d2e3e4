"""``awskms:KEY``: a private key that stays in AWS KMS."""

import base64
import re
from collections.abc import Sequence
from typing import Any, Final

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError
from jwcrypto.jwk import JWK

from qsjwt.api import (
    InputError,
    KeyProvider,
    KeyUnavailable,
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

_SETTINGS: Final = ("region", "profile", "timeout")
_MAX_ATTEMPTS: Final = 3
"""Of the SDK's retry mode ``standard``, each with its share of the timeout: throttled calls are tried again."""

_MAX_RAW_BYTES: Final = 4096
"""Bytes that the service hashes itself; of more it takes the digest alone."""

_NAME: Final = re.compile(r"[A-Za-z0-9:/_-]+", re.ASCII)
_ARN: Final = re.compile(r"arn:[a-z0-9-]+:kms:([a-z0-9-]+):[0-9]+:(?:key|alias)/.+", re.ASCII)
_REGION: Final = re.compile(r"[a-z0-9-]+", re.ASCII)

_SCHEMES: Final = {"RS": "RSASSA_PKCS1_V1_5", "PS": "RSASSA_PSS", "ES": "ECDSA"}

_CREDENTIALS: Final = "log in again, or look at AWS_PROFILE, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
_KIND: Final = (
    "the key must be asymmetric and made to sign: aws kms create-key --key-usage SIGN_VERIFY --key-spec RSA_2048"
)
_SLOW: Final = "try again, or give it more time with the setting timeout=SECONDS"
_HINTS: Final = {
    "NotFoundException": "look at the name, the region and the account; an alias is written alias/NAME",
    "AccessDeniedException": "allow kms:GetPublicKey and kms:Sign on the key, in its policy or in one of IAM",
    "DisabledException": "enable the key, or use another",
    "KMSInvalidStateException": "the key may be about to be deleted; look at its state: aws kms describe-key",
    "KeyUnavailableException": "try again in a moment",
    "ThrottlingException": "ask less often, or have the account's request quota raised",
    "UnsupportedOperationException": _KIND,
    "InvalidKeyUsageException": _KIND,
    "NoCredentialsError": "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the machine a role",
    "PartialCredentialsError": "set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "NoRegionError": "add ?region=REGION, set AWS_DEFAULT_REGION, or give the key's ARN",
    "ProfileNotFound": "aws configure list-profiles shows those that are there",
    "EndpointConnectionError": "look at the region, the network and the proxy",
    "ConnectTimeoutError": _SLOW,
    "ReadTimeoutError": _SLOW,
    "TimeoutError": _SLOW,
    **dict.fromkeys(
        (
            *("ExpiredTokenException", "InvalidClientTokenId", "InvalidSignatureException", "TokenRetrievalError"),
            *("UnauthorizedSSOTokenError", "SSOTokenLoadError", "UnrecognizedClientException"),
        ),
        _CREDENTIALS,
    ),
}
"""What the service or its SDK calls a failure to the way out."""


class AwsKmsProvider(KeyProvider):
    """``awskms:KEY?region=REGION&profile=NAME&timeout=SECONDS``, every setting optional.

    *KEY* is a key ID, ``alias/NAME``, or the ARN of either. The region is that of the ARN, the setting, or what the
    SDK finds; so are credentials. The key's usage is ``SIGN_VERIFY``, its spec one of ``RSA_2048``, ``RSA_3072``,
    ``RSA_4096``, ``ECC_NIST_P256``, ``ECC_NIST_P384`` and ``ECC_NIST_P521``. Needed on the key are
    ``kms:GetPublicKey`` and ``kms:Sign``.
    """

    summary = "awskms:KEY       a private key in AWS KMS: its ID, alias/NAME or ARN"

    def open(self, reference: str, secrets: Secrets) -> Signer:
        """Ask for the public key; what answers is the key that signs, even if the alias is moved meanwhile.

        :raises InputError: if the reference or a setting is malformed.
        :raises KeyUnavailable: if the service does not give the public key, or the key is not made to sign.
        """
        name, settings = split_settings(reference, _SETTINGS)
        if not _NAME.fullmatch(name):
            raise InputError(
                f"{quoted(name)} does not name a key of AWS KMS", hint="give its key ID, alias/NAME or its ARN"
            )
        title = f"the key {quoted(name)} of AWS KMS"
        region, timeout = _region(name, settings.get("region")), service_timeout(settings)
        try:
            client = _client(region, settings.get("profile"), timeout)
        except Exception as cause:
            hint = _hint(cause) or "look at AWS_CONFIG_FILE and AWS_ENDPOINT_URL_KMS"
            raise KeyUnavailable(f"{title} cannot be asked for: {_code(cause)}", hint=hint) from cause
        try:
            key, public_key, known = _public_key(client, name, title, timeout)
        except BaseException:
            client.close()
            raise
        signer = AwsKmsSigner(client, key, title, public_key, timeout)
        signer.algorithms = [algorithm for algorithm in signer.algorithms if _service_name(algorithm) in known]
        return signer


class AwsKmsSigner(Signer):
    """Has AWS KMS sign; only what is to be signed goes there, or its digest."""

    def __init__(self, client: Any, key: str, title: str, public_key: JWK, timeout: int) -> None:
        """Hold the SDK's *client*, which may be used from several threads.

        :param key: the key's own ID or ARN, not that of an alias.
        :param title: what messages call the key.
        :param timeout: seconds that one signature may take.
        """
        self.public_key = public_key
        self._client = client
        self._key = key
        self._title = title
        self._timeout = timeout

    def sign(self, data: bytes, algorithm: str) -> bytes:
        raw = len(data) <= _MAX_RAW_BYTES
        try:
            answer = within(
                self._timeout,
                lambda: self._client.sign(
                    KeyId=self._key,
                    Message=data if raw else digest(data, algorithm),
                    MessageType="RAW" if raw else "DIGEST",
                    SigningAlgorithm=_service_name(algorithm),
                ),
            )
        except Exception as cause:
            raise SigningFailed(f"{self._title} does not sign: {_code(cause)}", hint=_hint(cause)) from cause
        signature = answer.get("Signature")
        if not isinstance(signature, bytes) or not signature:
            raise SigningFailed(f"{self._title} does not sign: there is no signature in the answer")
        try:
            return jose_signature(signature, algorithm)
        except ValueError as cause:
            raise SigningFailed(f"{self._title} gave a signature that is not one of ECDSA in DER") from cause

    def close(self) -> None:
        self._client.close()


def _client(region: str | None, profile: str | None, timeout: int) -> Any:
    share = timeout / _MAX_ATTEMPTS
    config = Config(
        connect_timeout=share, read_timeout=share, retries={"mode": "standard", "total_max_attempts": _MAX_ATTEMPTS}
    )
    core = botocore.session.Session(profile=profile)
    core.set_default_client_config(config)  # for what fetches the credentials too
    return boto3.Session(botocore_session=core).client("kms", region_name=region)


def _public_key(client: Any, name: str, title: str, timeout: int) -> tuple[str, JWK, Sequence[str]]:
    """Return the key's own ID or ARN, its public half, and the service's names of the algorithms that it allows.

    :raises KeyUnavailable: if the service does not give them, or the key does not sign.
    """
    try:
        answer = within(timeout, lambda: client.get_public_key(KeyId=name))
    except Exception as cause:
        raise KeyUnavailable(f"{title} is not available: {_code(cause)}", hint=_hint(cause)) from cause
    usage = answer.get("KeyUsage")
    if isinstance(usage, str) and usage != "SIGN_VERIFY":
        raise KeyUnavailable(f"{title} has the usage {quoted(usage)}, and SIGN_VERIFY is needed", hint=_KIND)
    key, der, known = answer.get("KeyId"), answer.get("PublicKey"), answer.get("SigningAlgorithms")
    if not (usage and isinstance(key, str) and isinstance(der, bytes) and isinstance(known, list)):
        raise KeyUnavailable(f"{title} is not available: there is no public key in the answer")
    pem = b"-----BEGIN PUBLIC KEY-----\n" + base64.encodebytes(der) + b"-----END PUBLIC KEY-----\n"
    return key, load_public_keys(pem, f"the public half of {title}")[0], known


def _service_name(algorithm: str) -> str:
    return f"{_SCHEMES[algorithm[:2]]}_SHA_{algorithm[2:]}"


def _region(name: str, setting: str | None) -> str | None:
    """Return the region that the reference names; None if it leaves that to the SDK.

    :raises InputError: if it is none, or the ARN is malformed or of another region.
    """
    if setting is not None and not _REGION.fullmatch(setting):
        raise InputError(f"the region {quoted(setting)} is not one of AWS", hint="write it as in ?region=eu-north-1")
    if ":" not in name:
        return setting
    arn = _ARN.fullmatch(name)
    if arn is None:
        raise InputError(
            f"{quoted(name)} is not the ARN of a key of AWS KMS",
            hint="write arn:aws:kms:REGION:ACCOUNT:key/KEY-ID or arn:aws:kms:REGION:ACCOUNT:alias/NAME",
        )
    if setting not in (None, arn[1]):
        raise InputError(
            f"the region is {quoted(arn[1])} in the key's ARN, and {quoted(str(setting))} in the setting",
            hint="leave the setting out",
        )
    return arn[1]


def _code(cause: Exception) -> str:
    """Return what the service, or else its SDK, calls the failure; never its text, which may quote anything."""
    return quoted(_bare_code(cause)) if isinstance(cause, ClientError) else type(cause).__name__


def _bare_code(cause: Exception) -> str:
    return str(cause.response.get("Error", {}).get("Code")) if isinstance(cause, ClientError) else type(cause).__name__


def _hint(cause: Exception) -> str:
    return _HINTS.get(_bare_code(cause), "")
