"""``vault:MOUNT/KEY``: a private key that stays in the transit engine of HashiCorp Vault or OpenBao."""

import base64
import binascii
import json
import os
import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

import hvac
import requests
from hvac.adapters import RawAdapter
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
    read_file,
    service_timeout,
    split_settings,
    within,
)
from qsjwt.io.read import user_path, whole_number

_SETTINGS: Final = ("version", "namespace", "timeout")
_TOKEN_FILE: Final = "~/.vault-token"  # noqa: S105 - the name of a file
_OK: Final = 200

_KINDS: Final = ("rsa-2048", "rsa-3072", "rsa-4096", "ecdsa-p256", "ecdsa-p384", "ecdsa-p521")
_KIND: Final = re.compile(r"[a-z][a-z0-9_-]{1,20}", re.ASCII)
_PADDINGS: Final = {
    "RS": {"signature_algorithm": "pkcs1v15"},
    "PS": {"signature_algorithm": "pss", "salt_length": "hash"},
}
"""Both are said always: what Vault takes by itself is PSS, with a longer salt than RFC 7518, section 3.5, has."""

_HINTS: Final = {
    400: "look at the key's type, and at its min_encryption_version if the version is an old one",
    403: "log in again, or let the token's policy read MOUNT/keys/KEY and update MOUNT/sign/KEY and what is below it",
    404: "look at the mount, the key's name and the namespace",
    412: "try again in a moment",
    429: "ask less often, or have the rate limit quota raised",
    472: "set VAULT_ADDR to the address of the active node",
    473: "set VAULT_ADDR to the address of the active node",
    503: "Vault is sealed or under maintenance; it has to be unsealed",
    **dict.fromkeys(
        (301, 302, 307, 308), "set VAULT_ADDR to the address of the active node; the token goes nowhere else"
    ),
}
"""HTTP status (Vault's API, and RFC 9110, section 15) to the way out."""

_MAX_ANSWER_BYTES: Final = 1 << 20
"""Bytes of an answer; a key with hundreds of versions has a few of them per version."""


class VaultProvider(KeyProvider):
    """``vault:MOUNT/KEY?version=N&namespace=NAME&timeout=SECONDS``, every setting optional; *MOUNT* may have slashes.

    The key is of the type ``rsa-2048``, ``rsa-3072``, ``rsa-4096``, ``ecdsa-p256``, ``ecdsa-p384`` or ``ecdsa-p521``;
    its latest version signs, or *version*. Address and token are those of the command line tool: ``VAULT_ADDR``,
    ``VAULT_TOKEN`` or ``~/.vault-token``, ``VAULT_NAMESPACE``, ``VAULT_CACERT``, or the same with ``BAO_``. The token's
    policy needs ``read`` on ``MOUNT/keys/KEY``, ``update`` on ``MOUNT/sign/KEY`` and ``MOUNT/sign/KEY/*``.
    """

    summary = "vault:MOUNT/KEY  a private key in the transit engine of Vault or OpenBao"

    def open(self, reference: str, secrets: Secrets) -> Signer:
        """Read the key's entry, with its public half.

        :raises InputError: if the reference or a setting is malformed.
        :raises KeyUnavailable: if address or token are missing, the entry cannot be read, or the key does not sign.
        """
        path, settings = split_settings(reference, _SETTINGS)
        mount, name = _mount_and_key(path)
        version = whole_number(settings["version"], "version of the key") if "version" in settings else None
        title = f"the key {quoted(path)} of Vault"
        timeout = service_timeout(settings)
        client = _client(settings.get("namespace"), timeout)
        try:
            data = _data(
                KeyUnavailable,
                f"{title} is not available",
                lambda: client.secrets.transit.read_key(name=name, mount_point=mount),
                timeout,
            )
            version, entry = _entry(data, version, title)
            public_key = _public_key(entry, f"the public half of {title}")
        except BaseException:
            client.adapter.close()
            raise
        signer = VaultSigner(client, mount, name, version, public_key, timeout=timeout)
        chain = entry.get("certificate_chain")
        signer.certificates = chain.encode("utf-8", "replace") if isinstance(chain, str) and chain else None
        return signer


class VaultSigner(Signer):
    """Has Vault sign digests with one version of a key."""

    def __init__(
        self, client: hvac.Client, mount: str, name: str, version: int, public_key: JWK, *, timeout: int
    ) -> None:
        """Hold the SDK's *client*, which may be used from several threads.

        :param timeout: seconds that one signature may take.
        """
        self.public_key = public_key
        self._client = client
        self._mount = mount
        self._name = name
        self._version = version
        self._timeout = timeout

    def sign(self, data: bytes, algorithm: str) -> bytes:
        title = f"the key {quoted(f'{self._mount}/{self._name}')} of Vault"
        answer = _data(
            SigningFailed,
            f"{title} does not sign",
            lambda: self._client.secrets.transit.sign_data(
                name=self._name,
                mount_point=self._mount,
                hash_input=base64.b64encode(digest(data, algorithm)).decode("ascii"),
                prehashed=True,
                hash_algorithm=f"sha2-{algorithm[2:]}",
                key_version=self._version,
                **_PADDINGS.get(algorithm[:2], {"marshaling_algorithm": "asn1"}),
            ),
            self._timeout,
        )
        signature = answer.get("signature")
        mark = f"vault:v{self._version}:"
        if not isinstance(signature, str) or not signature.startswith(mark):
            raise SigningFailed(
                f"{title} does not sign: there is no signature of version {self._version} in the answer"
            )
        try:
            raw = base64.b64decode(signature.removeprefix(mark), validate=True)
            return jose_signature(raw, algorithm)
        except (binascii.Error, ValueError) as cause:
            raise SigningFailed(f"{title} gave a signature in another encoding than it was asked for") from cause

    def close(self) -> None:
        self._client.adapter.close()


def _mount_and_key(path: str) -> tuple[str, str]:
    parts = path.split("/")
    if not parts[1:] or not path.isprintable() or any(part in ("", ".", "..") for part in parts):
        raise InputError(
            f"{quoted(path)} does not name a key of Vault", hint="write vault:MOUNT/KEY, as in vault:transit/qlik"
        )
    return "/".join(parts[:-1]), parts[-1]


def _client(namespace: str | None, timeout: int) -> hvac.Client:
    """Return the SDK's client for the address and the token of the environment.

    :raises InputError: if the namespace cannot be one.
    :raises KeyUnavailable: if there is no address or no token, or neither can be one.
    """
    address, prefixes = _address()
    namespace = namespace or _variable("NAMESPACE", prefixes)
    if namespace is not None and not _fits_a_header(namespace):
        raise InputError(f"{quoted(namespace)} is not a namespace of Vault")
    certificate, key = _variable("CLIENT_CERT", prefixes), _variable("CLIENT_KEY", prefixes)
    session = requests.Session()
    session.stream = True  # an answer is read here, and not further than it may be long
    session.cert = (certificate, key) if certificate and key else certificate
    session.verify = _variable("CACERT", prefixes) or _variable("CAPATH", prefixes) or True
    return hvac.Client(
        url=address,
        token=_token(prefixes),
        namespace=namespace,
        session=session,
        timeout=timeout,
        adapter=RawAdapter,
        ignore_exceptions=True,  # the status says more than the exception that would be made of it
        allow_redirects=False,  # the token would go along
    )


def _address() -> tuple[str, tuple[str, ...]]:
    """Return the address, and the prefixes of variables in the order in which they count."""
    for prefixes in (("VAULT_", "BAO_"), ("BAO_", "VAULT_")):
        name = f"{prefixes[0]}ADDR"
        if address := os.environ.get(name):
            try:
                parts = urlsplit(address)
                fitting = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
            except ValueError:
                fitting = False
            if not fitting:
                raise KeyUnavailable(
                    f"the address of Vault in {name} is not one", hint="write it as in https://vault.example.com:8200"
                )
            return address, prefixes
    raise KeyUnavailable("the address of Vault is not known", hint="set VAULT_ADDR, or BAO_ADDR for OpenBao")


def _token(prefixes: tuple[str, ...]) -> str:
    token, source = _variable("TOKEN", prefixes), "the environment"
    if token is None and os.path.exists(user_path(_TOKEN_FILE)):
        token = read_file(_TOKEN_FILE, "file of Vault's token", error=KeyUnavailable).decode("utf-8", "replace").strip()
        source = _TOKEN_FILE
    if not token:
        raise KeyUnavailable(
            "there is no token for Vault", hint="set VAULT_TOKEN, or BAO_TOKEN, or log in: vault login"
        )
    if not _fits_a_header(token):
        raise KeyUnavailable(
            f"the token for Vault from {source} is invalid: it contains spaces or characters outside ASCII"
        )
    return token


def _variable(name: str, prefixes: tuple[str, ...]) -> str | None:
    return next((value for prefix in prefixes if (value := os.environ.get(prefix + name))), None)


def _fits_a_header(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text


def _data(
    error: type[QsJwtError], what_fails: str, call: Callable[[], requests.Response], timeout: int
) -> dict[str, Any]:
    """Return the member ``data`` of what Vault answers to *call*.

    :param timeout: seconds for all of it.
    :raises QsJwtError: an *error* that begins with *what_fails*, if there is no such answer. Vault's text is left out.
    """
    try:
        status, body = within(timeout, lambda: _read(call()))
    except (TimeoutError, requests.Timeout) as cause:
        raise error(
            f"{what_fails}: no whole answer within {timeout} s",
            hint="try again, or give it more time with the setting timeout=SECONDS",
        ) from cause
    except Exception as cause:
        hint = "look at VAULT_ADDR, VAULT_CACERT and the network"
        raise error(f"{what_fails}: {type(cause).__name__}", hint=hint) from cause
    if status != _OK:
        raise error(f"{what_fails}: HTTP status {status}", hint=_HINTS.get(status, ""))
    try:
        data = json.loads(body)["data"]
    except (LookupError, RecursionError, TypeError, ValueError) as cause:
        raise error(f"{what_fails}: the answer is not one of Vault", hint="look at VAULT_ADDR") from cause
    if not isinstance(data, dict):
        raise error(f"{what_fails}: the answer is not one of Vault", hint="look at VAULT_ADDR")
    return data


def _read(response: requests.Response) -> tuple[int, bytes]:
    """Return the status, and the body as far as it may be long."""
    with response:
        body = bytearray()
        for chunk in response.iter_content(65536):
            body += chunk
            if len(body) > _MAX_ANSWER_BYTES:
                break
        return response.status_code, bytes(body[: _MAX_ANSWER_BYTES + 1])


def _entry(data: dict[str, Any], version: int | None, title: str) -> tuple[int, dict[str, Any]]:
    """Return the version that is to sign, the latest if it is None, and its entry.

    :raises KeyUnavailable: if the key is of a kind that does not sign tokens, or has no such version.
    """
    kind = data.get("type")
    if kind not in _KINDS or data.get("supports_signing") is False:
        # Whatever answers was sent the token: only what has the shape of a type is repeated.
        shown = quoted(kind) if isinstance(kind, str) and _KIND.fullmatch(kind) else "(of another shape)"
        raise KeyUnavailable(
            f"{title} is of the type {shown}, which does not sign tokens",
            hint=f"make one of a type out of: {', '.join(_KINDS)}",
        )
    entries, latest = data.get("keys"), data.get("latest_version")
    if not isinstance(entries, dict) or type(latest) is not int:
        raise KeyUnavailable(f"{title} is not available: there are no versions in the answer")
    chosen = latest if version is None else version
    entry = entries.get(str(chosen))
    if not isinstance(entry, dict):
        raise KeyUnavailable(f"{title} has no version {chosen} to sign with; the latest is {latest}")
    return chosen, entry


def _public_key(entry: dict[str, Any], source: str) -> JWK:
    pem = entry.get("public_key")
    if not isinstance(pem, str) or not pem.startswith("-----BEGIN PUBLIC KEY-----"):
        raise KeyUnavailable(f"{source} is not in the answer")
    return load_public_keys(pem.encode("utf-8", "replace"), source)[0]
