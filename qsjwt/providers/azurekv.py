"""``azurekv:https://VAULT/keys/NAME/VERSION``: a key that stays in Azure Key Vault or Managed HSM."""

import contextlib
import json
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, NamedTuple, TypeVar

from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError
from azure.identity import DefaultAzureCredential
from azure.keyvault.keys import KeyClient, KeyVaultKey
from azure.keyvault.keys.crypto import CryptographyClient, SignatureAlgorithm
from jwcrypto.common import base64url_encode
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
    load_public_keys,
    quoted,
    service_timeout,
    split_settings,
    within,
)

T = TypeVar("T")

_GRACE_SECONDS: Final = 1
"""Seconds by which the SDK's own timeouts are longer, so that it is always ours that ends a call."""

_RETRIES: Final = 2
_CANNOT_NOW: Final = (429, 500, 502, 503, 504)
_REFERENCE: Final = re.compile(
    r"(https://([a-z0-9][a-z0-9.-]*)(?::[0-9]{1,5})?)/keys/([a-z0-9-]{1,127})(?:/([a-z0-9]{1,32}))?/?", re.IGNORECASE
)
_KINDS: Final = {"RSA": "RSA", "RSA-HSM": "RSA", "EC": "EC", "EC-HSM": "EC"}
_CURVES: Final = {"P-256": ("P-256", 32), "P-384": ("P-384", 48), "P-521": ("P-521", 66), "P-256K": ("secp256k1", 32)}
"""Key Vault's name of a curve to that of RFC 7518, section 6.2.1.1, and RFC 8812, and the bytes of a coordinate."""

_FOREIGN: Final = (AzureError, OSError, ValueError, TypeError, AttributeError, LookupError)
"""What the SDK raises, the last four where an answer is not what it should be."""

_HINTS: Final = {
    401: "the vault did not accept the token; does the credential belong to the vault's tenant?",
    403: "it takes keys/get and keys/sign, as in the role Key Vault Crypto User, on an enabled key, and a firewall "
    "that lets this machine in",
    404: "az keyvault key list-versions shows what is there",
    429: "too many requests to the vault; try again later",
}
_NOT_INTERACTIVE: Final = {
    f"exclude_{name}_credential": True
    for name in (
        *("shared_token_cache", "visual_studio_code", "developer_cli"),
        *("powershell", "interactive_browser", "broker"),
    )
}


class AzureKvProvider(KeyProvider):
    """``azurekv:https://VAULT.vault.azure.net/keys/NAME/VERSION?timeout=10``, *VERSION* and ``timeout`` optional.

    The host is any that Key Vault or Managed HSM has, in any cloud. Without *VERSION* the key's current version
    signs. ``timeout`` is in whole seconds, from 1 to 300. The credential is the SDK's: environment variables, a
    workload identity, a managed identity, or the Azure CLI.

    The key is of the type RSA, RSA-HSM, EC or EC-HSM, is enabled, and has the operation ``sign``. Whoever signs
    needs the permissions keys/get and keys/sign, which are in the role Key Vault Crypto User.
    """

    summary = "azurekv:URL      a key in Azure Key Vault, which does not leave it"

    def open(self, reference: str, secrets: Secrets) -> Signer:
        """Read the public key.

        :raises InputError: if *reference* is not the URL of a key, or ``timeout`` is out of range.
        :raises KeyUnavailable: if there is no credential, the key is missing, disabled, symmetric, or may not sign, or
            the service refuses or does not answer in time.
        """
        url, settings = split_settings(reference, ("timeout",))
        place, timeout = _place(url), service_timeout(settings)
        limits = {
            **dict.fromkeys(("connection_timeout", "read_timeout", "timeout"), timeout + _GRACE_SECONDS),
            "retry_total": _RETRIES,
        }
        with contextlib.ExitStack() as held:
            try:
                credential = held.enter_context(DefaultAzureCredential(process_timeout=timeout, **_NOT_INTERACTIVE))
            except _FOREIGN as cause:
                raise KeyUnavailable(
                    f"{place} cannot be read: the settings for the credential cannot be used ({type(cause).__name__})",
                    hint="look at the environment variables whose names begin with AZURE_",
                ) from cause
            try:
                reader = KeyClient(place.vault, credential, **limits)
                with contextlib.closing(reader):
                    key = _within(
                        timeout, lambda seen: reader.get_key(place.name, place.version, raw_response_hook=seen)
                    )
                public_key = _public_key(key, place)
                signing_key = KeyVaultKey(key.id, jwk=_public_members(key.key))
                client = CryptographyClient(signing_key, credential, **limits)
                held.callback(client.close)
            except _FOREIGN as cause:
                raise _failure(KeyUnavailable, f"{place} cannot be read", cause, timeout) from cause
            return AzureKvSigner(public_key, place, client, timeout, held.pop_all())


class AzureKvSigner(Signer):
    """Has a digest signed by the service."""

    def __init__(
        self, public_key: JWK, place: "_Place", client: CryptographyClient, timeout: int, held: contextlib.ExitStack
    ) -> None:
        """Hold *client*, which knows the public half of the key alone, so that it cannot sign here.

        :param timeout: seconds that one signature may take.
        :param held: what :meth:`close` gives back.
        """
        self.public_key = public_key
        self._place = place
        self._client = client
        self._timeout = timeout
        self._held = held

    def sign(self, data: bytes, algorithm: str) -> bytes:
        try:
            hashed, name = digest(data, algorithm), SignatureAlgorithm(algorithm)
            result = _within(self._timeout, lambda seen: self._client.sign(name, hashed, raw_response_hook=seen))
        except _FOREIGN as cause:
            raise _failure(SigningFailed, f"{self._place} did not sign", cause, self._timeout) from cause
        signature: Any = result.signature
        if not isinstance(signature, bytes) or not signature:
            raise SigningFailed(f"{self._place} did not sign: the answer has no signature in it")
        return signature

    def close(self) -> None:
        self._held.close()


class _Place(NamedTuple):
    """Where a key is; as text, what messages call it."""

    vault: str
    host: str
    name: str
    version: str | None

    def __str__(self) -> str:
        shown = f"the key {quoted(f'{self.vault}/keys/{self.name}')}"
        return f"{shown}, version {quoted(self.version)}," if self.version else shown


def _place(url: str) -> _Place:
    match = _REFERENCE.fullmatch(url)
    if match is None:
        raise InputError(
            f"{quoted(url)} is not the URL of a key in Azure Key Vault",
            hint="it is https://VAULT.vault.azure.net/keys/NAME, or the same with /VERSION at the end",
        )
    return _Place(match[1], match[2], match[3], match[4])


def _within(seconds: int, call: Callable[[Callable[[Any], None]], T]) -> T:
    """Return what *call* returns; it is given a hook of the SDK that takes every response.

    :raises TimeoutError: if it takes longer than that.
    :raises HttpResponseError: if it does, since the service says again and again that it cannot now.
    """
    seen: list[Any] = []
    try:
        return within(seconds, lambda: call(seen.append))
    except TimeoutError as cause:
        last = seen[-1].http_response if seen else None
        if last is not None and last.status_code in _CANNOT_NOW:
            raise HttpResponseError(response=last) from cause
        raise


def _public_key(key: KeyVaultKey, place: _Place) -> JWK:
    """Return the public half of *key* if it is the one that was asked for, and may sign.

    :raises KeyUnavailable: if it is not.
    """
    answered = _REFERENCE.fullmatch(key.id or "")
    if (
        answered is None
        or (answered[2].lower(), answered[3].lower()) != (place.host.lower(), place.name.lower())
        or not answered[4]
        or (place.version or answered[4]).lower() != answered[4].lower()
    ):
        raise KeyUnavailable(f"{place} cannot be read: the service answers with another key")
    members: Any = key.key
    if members.kty not in _KINDS:
        raise KeyUnavailable(f"{place} is not of the type RSA or EC", hint="make one with az keyvault key create")
    if key.properties.enabled is False:
        raise KeyUnavailable(f"{place} is disabled", hint="az keyvault key set-attributes --enabled true")
    if "sign" not in (members.key_ops or []):
        raise KeyUnavailable(
            f"{place} may not sign: the operation sign is not among its own",
            hint="az keyvault key set-attributes --ops sign verify",
        )
    jwk = json.dumps(_jwk(members)).encode("ascii")
    return load_public_keys(jwk, f"the answer about {place}")[0]


def _jwk(members: Any) -> dict[str, str]:
    """Return the public half as RFC 7518, section 6, writes it: coordinates of full width, other numbers not."""
    if _KINDS[members.kty] == "RSA":
        return {"kty": "RSA", **{name: base64url_encode(getattr(members, name).lstrip(b"\0")) for name in ("n", "e")}}
    curve, width = _CURVES[members.crv]
    coordinates = {name: base64url_encode(getattr(members, name).rjust(width, b"\0")) for name in ("x", "y")}
    return {"kty": "EC", "crv": curve, **coordinates}


def _public_members(members: Any) -> dict[str, Any]:
    """Return what is public, whatever else the service may have sent: with a private key the SDK would sign here."""
    names = ("n", "e") if _KINDS[members.kty] == "RSA" else ("crv", "x", "y")
    return {"kty": members.kty, "key_ops": ["sign"], **{name: getattr(members, name) for name in names}}


def _failure(error: type[QsJwtError], what: str, cause: Exception, timeout: int) -> QsJwtError:
    """Return the error for *cause*, with the service's code and without its text.

    :param what: the beginning of the sentence.
    """
    match cause:
        case TimeoutError():
            return error(
                f"{what}: no answer that could be used within {timeout} s",
                hint="try again later, or end the reference with ?timeout=SECONDS",
            )
        case ClientAuthenticationError(response=None):
            code = re.search(r"\bAADSTS[0-9]{1,12}", str(cause.message))
            return error(
                f"{what}: no credential for Azure could be used" + (f" ({code[0]})" if code else ""),
                hint="run az login, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or use the "
                "managed identity of the machine",
            )
        case HttpResponseError(status_code=int(status)) if status >= HTTPStatus.BAD_REQUEST:
            return error(f"{what}: the service answered {status}{_codes(cause)}", hint=_HINTS.get(status, ""))
        case HttpResponseError() | ValueError() | TypeError() | AttributeError() | LookupError():
            return error(f"{what}: the answer is not one that Azure Key Vault gives ({type(cause).__name__})")
        case _:
            return error(
                f"{what}: the service cannot be reached ({type(cause).__name__})",
                hint="is the name of the vault right, and does its firewall let this machine in?",
            )


def _codes(cause: HttpResponseError) -> str:
    """Return the service's own error codes, the outer before the inner, such as Forbidden and ForbiddenByRbac."""
    inner = getattr(cause.error, "innererror", None)
    codes = [getattr(cause.error, "code", None), inner.get("code") if isinstance(inner, dict) else None]
    return "".join(f" {quoted(code)}" for code in codes if isinstance(code, str))
