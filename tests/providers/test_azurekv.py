"""``azurekv:`` with the real SDK and its real credential, against a stand-in on loopback for Azure Key Vault."""

import json
import sys
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, ClassVar

import jwt as pyjwt
import pytest
from azure.keyvault.keys._shared import http_challenge_cache
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from jwcrypto.common import base64url_decode, base64url_encode
from jwcrypto.jwa import JWA

from qsjwt.api import Secrets, open_signer
from qsjwt.testing import KeyProviderContract
from tests.conftest import Run
from tests.loopback import Answer, Loopback, Request

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

VAULT = "https://lab.vault.azure.net"
HSM = "https://lab.managedhsm.azure.net"
TOKEN = "a-token-of-the-managed-identity"
HEADER = "the-secret-of-the-identity-endpoint"
HASHES: dict[str, Any] = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}


class KeyVault(Loopback):
    """A stand-in for Azure Key Vault, a Managed HSM, and the token endpoint of a managed identity in App Service.

    It follows the REST reference of Key Vault (get key, sign), its challenge for a token included.
    """

    names = ("lab.vault.azure.net", "lab.managedhsm.azure.net", "identity.example")

    def __init__(self, folder: Any, keys: dict[str, Any]) -> None:
        super().__init__(folder)
        self.keys = keys
        self.changes: dict[str, Any] = {}
        self.attributes: dict[str, Any] = {}
        self.resource = "https://vault.azure.net"

    def reset(self) -> None:
        super().reset()
        self.changes, self.attributes = {}, {}
        self.resource = "https://vault.azure.net"

    def answer(self, request: Request) -> Answer:
        if request.host == "identity.example":
            return self._token(request)
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            resource = "https://managedhsm.azure.net" if "managedhsm" in request.host else self.resource
            challenge = f'Bearer authorization="https://login.microsoftonline.com/t", resource="{resource}"'
            return Answer(401, _error("Unauthorized"), {"WWW-Authenticate": challenge})
        _, collection, name, version, *operation = [*request.path.split("/"), ""]
        assert collection == "keys"
        assert request.query["api-version"]
        if name not in self.keys or version not in ("", *self.keys[name]):
            return Answer(404, _error("KeyNotFound"))
        version = version or list(self.keys[name])[-1]
        key_id = f"https://{request.host}/keys/{name}/{version}"
        key = self.keys[name][version]
        if operation[:1] == ["sign"]:
            assert request.method == "POST"
            value = _signature(key, request.body["alg"], base64url_decode(request.body["value"]))
            return Answer(200, {"kid": key_id, "value": base64url_encode(value)})
        jwk = {"kid": key_id, "key_ops": ["sign", "verify"], **_jwk(key), **self.changes}
        return Answer(200, {"key": jwk, "attributes": {"enabled": True, **self.attributes}})

    def _token(self, request: Request) -> Answer:
        if request.headers["x-identity-header"] != HEADER:
            return Answer(400, {"statusCode": 400, "message": "no"})
        resource = request.query["resource"][0]
        expires = str(int(time.time()) + 86400)
        return Answer(200, {"access_token": TOKEN, "expires_on": expires, "resource": resource, "token_type": "Bearer"})


def _error(code: str, inner: str | None = None) -> dict[str, Any]:
    error: dict[str, Any] = {"code": code, "message": "free text\nof the service"}
    return {"error": {**error, "innererror": {"code": inner}} if inner else error}


def _jwk(key: Any) -> dict[str, Any]:
    numbers = key.public_key().public_numbers()
    if isinstance(key, rsa.RSAPrivateKey):
        # Key Vault writes a modulus as it is; a zero before it would be harmless.
        return {"kty": "RSA", "n": _number(numbers.n, key.key_size // 8), "e": _number(numbers.e, 3)}
    width = (key.key_size + 7) // 8
    curve = {256: "P-256", 384: "P-384"}[key.key_size]
    return {"kty": "EC-HSM", "crv": curve, "x": _number(numbers.x, width), "y": _number(numbers.y, width)}


def _number(number: int, width: int) -> str:
    encoded: str = base64url_encode(number.to_bytes(width, "big"))
    return encoded


def _signature(key: Any, algorithm: str, digest: bytes) -> bytes:
    hashed = HASHES[algorithm[2:]]
    assert len(digest) == hashed.digest_size, "the service takes a digest"
    if algorithm.startswith("ES"):
        r, s = decode_dss_signature(key.sign(digest, ec.ECDSA(Prehashed(hashed))))
        width = (key.key_size + 7) // 8
        return r.to_bytes(width, "big") + s.to_bytes(width, "big")
    scheme = padding.PSS(padding.MGF1(hashed), hashed.digest_size) if algorithm.startswith("PS") else padding.PKCS1v15()
    signature: bytes = key.sign(digest, scheme, Prehashed(hashed))
    return signature


@pytest.fixture(scope="module")
def vault(keys: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeyVault]:
    held = {
        "qlik": {"0" * 31 + "1": keys.other, "0" * 31 + "2": keys.rsa},
        "curve": {"c" * 32: keys.p384},
        "small-curve": {"d" * 32: keys.ec},
        "short": {"e" * 32: keys.short},
    }
    service = KeyVault(tmp_path_factory.mktemp("vault"), held)
    with service.running():
        yield service


@pytest.fixture(autouse=True)
def _surroundings(vault: KeyVault, monkeypatch: pytest.MonkeyPatch) -> None:
    vault.reset()
    vault.stand_in(monkeypatch)
    http_challenge_cache.clear()  # the SDK remembers for the whole process where a vault's tokens come from
    for variable in ("TENANT_ID", "CLIENT_ID", "CLIENT_SECRET", "FEDERATED_TOKEN_FILE", "TOKEN_CREDENTIALS"):
        monkeypatch.delenv(f"AZURE_{variable}", raising=False)
    monkeypatch.setenv("IDENTITY_ENDPOINT", "https://identity.example/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", HEADER)


class TestAzureKv(KeyProviderContract):
    scheme = "azurekv"
    algorithms: ClassVar[tuple[str, ...]] = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
    secrets = (TOKEN, HEADER)

    def reference(self) -> str:
        return f"{VAULT}/keys/qlik"

    def missing_reference(self) -> str:
        return f"{VAULT}/keys/none"


class TestAzureKvOnACurve(KeyProviderContract):
    scheme = "azurekv"
    algorithms: ClassVar[tuple[str, ...]] = ("ES384",)
    secrets = (TOKEN, HEADER)

    def reference(self) -> str:
        return f"{HSM}/keys/curve/{'c' * 32}"

    def missing_reference(self) -> str:
        return f"{HSM}/keys/curve/{'f' * 32}"


def test_a_key_on_p256_signs_too() -> None:
    with open_signer(f"azurekv:{VAULT}/keys/small-curve", Secrets()) as signer:
        JWA.signing_alg("ES256").verify(signer.public_key, b"data", signer.sign(b"data", "ES256"))


@pytest.fixture
def qseow(run: Run) -> Run:
    """Run ``create-qseow`` with what it needs but the key's URL."""
    return lambda url, *more: run(
        *("create-qseow", "--userdir", "LAB", "--userid", "anna", "--expires", "5m"), "--key", f"azurekv:{url}", *more
    )


def test_a_token_verifies_with_the_current_version_of_the_key(qseow: Run, keys: SimpleNamespace) -> None:
    result = qseow(f"{VAULT}/keys/qlik")
    assert result.stderr == ""
    assert pyjwt.decode(result.token, keys.rsa.public_key(), ["RS256"])["userId"] == "anna"


def test_a_version_that_is_named_is_the_one_that_signs(qseow: Run, keys: SimpleNamespace) -> None:
    token = qseow(f"{VAULT}/keys/qlik/{'0' * 31}1").token
    assert pyjwt.decode(token, keys.other.public_key(), ["RS256"])


def test_the_version_that_was_current_when_it_was_opened_is_the_one_that_signs(vault: KeyVault) -> None:
    with open_signer(f"azurekv:{VAULT}/keys/qlik", Secrets()) as signer:
        signer.sign(b"data", "RS256")
    assert vault.requests[-1].path == f"/keys/qlik/{'0' * 31}2/sign"


def test_a_private_part_in_the_answer_is_not_used_to_sign_here(vault: KeyVault, keys: SimpleNamespace) -> None:
    private = keys.rsa.private_numbers()
    members = {"d": private.d, "p": private.p, "q": private.q, "dp": private.dmp1, "dq": private.dmq1}
    members["qi"] = private.iqmp
    vault.changes = {name: _number(value, (value.bit_length() + 7) // 8) for name, value in members.items()}
    with open_signer(f"azurekv:{VAULT}/keys/qlik", Secrets()) as signer:
        assert not signer.public_key.has_private
        before = len(vault.requests)
        signer.sign(b"data", "RS256")
        assert len(vault.requests) > before


def test_the_key_signs_a_certificate_that_can_be_registered(run: Run) -> None:
    result = run("registration", "qseow", "--cert-self-signed", "--key", f"azurekv:{VAULT}/keys/qlik")
    assert "-----BEGIN CERTIFICATE-----" in json.loads(result.stdout)["jwtPublicKeyCertificate"]


def test_only_a_digest_leaves_the_machine(qseow: Run, vault: KeyVault) -> None:
    token = qseow(f"{VAULT}/keys/qlik").token
    sent = [request.body for request in vault.requests if request.path.endswith("/sign") and request.body]
    assert [set(body) for body in sent] == [{"alg", "value"}]
    assert len(base64url_decode(sent[0]["value"])) == 32
    assert token.split(".")[1] not in str(vault.requests)


@pytest.mark.parametrize(
    "url",
    [
        *("", "qlik", f"{VAULT}/secrets/qlik", f"{VAULT}/keys/", f"{VAULT}/keys/a/b/c", f"{VAULT}/keys/a%2Fb"),
        *("http://lab.vault.azure.net/keys/qlik", "https://me:pw@lab.vault.azure.net/keys/qlik", f"{VAULT}/keys/a#b"),
    ],
)
def test_what_is_no_url_of_a_key_is_an_error_of_input(qseow: Run, vault: KeyVault, url: str) -> None:
    qseow(url).refused(2, "is not the URL of a key in Azure Key Vault")
    assert vault.requests == []


@pytest.mark.parametrize("setting", ["timeout=0", "timeout=301", "timeout=1.5", "timeout=", "retries=3"])
def test_a_setting_that_cannot_be_is_an_error_of_input(qseow: Run, vault: KeyVault, setting: str) -> None:
    qseow(f"{VAULT}/keys/qlik?{setting}").refused(2)
    assert vault.requests == []


def test_a_key_that_is_not_there_is_named_with_the_code_of_the_service(qseow: Run) -> None:
    qseow(f"{VAULT}/keys/none").refused(3, f"'{VAULT}/keys/none'", "404 'KeyNotFound'", "list-versions")
    qseow(f"{VAULT}/keys/qlik/{'9' * 32}").refused(3, "version '99999999", "404 'KeyNotFound'")


def test_a_vault_that_is_not_there_cannot_be_reached(qseow: Run) -> None:
    qseow("https://none.vault.azure.net/keys/qlik").refused(3, "cannot be reached (ServiceRequestError)")
    qseow(f"{VAULT}:99999/keys/qlik").refused(3)


def test_a_certificate_that_nobody_vouches_for_is_refused(qseow: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    qseow(f"{VAULT}/keys/qlik").refused(3, "cannot be reached")


def test_without_a_credential_it_says_where_one_comes_from(
    qseow: Run, vault: KeyVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
    qseow(f"{VAULT}/keys/qlik").refused(3, "no credential for Azure could be used", "az login")
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "nonsense")
    qseow(f"{VAULT}/keys/qlik").refused(3, "the settings for the credential cannot be used", "AZURE_")


@pytest.mark.parametrize("resource", ["https://storage.azure.com", "https://evil.example", "nonsense", ""])
def test_a_vault_that_asks_for_a_token_of_another_place_gets_none(qseow: Run, vault: KeyVault, resource: str) -> None:
    vault.resource = resource
    qseow(f"{VAULT}/keys/qlik").refused(3, "cannot be read")
    assert not any("authorization" in request.headers for request in vault.requests)


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        (403, _error("Forbidden", "ForbiddenByRbac"), ("403 'Forbidden' 'ForbiddenByRbac'", "Key Vault Crypto User")),
        (403, _error("Forbidden", "KeyDisabled"), ("403 'Forbidden' 'KeyDisabled'",)),
        (429, _error("Throttled"), ("429 'Throttled'", "too many requests")),
        (400, _error("BadParameter"), ("400 'BadParameter'",)),
        (401, _error("Unauthorized"), ("401 'Unauthorized'", "tenant")),
        (500, b"<html>oops</html>", ("500",)),
        (403, {"error": "no object"}, ("403",)),
        (403, {"error": {"code": 7, "innererror": {"code": ["x"]}}}, ("403",)),
    ],
)
def test_a_refusal_is_told_by_its_code(
    qseow: Run, vault: KeyVault, status: int, error: Any, words: tuple[str, ...]
) -> None:
    vault.instead = _after_the_challenge("GET", Answer(status, error))
    qseow(f"{VAULT}/keys/qlik?timeout=20").refused(3, "cannot be read", *words)
    if status == 500:
        return  # it is repeated, which takes its time
    vault.instead = _after_the_challenge("POST", Answer(status, error))
    result = qseow(f"{VAULT}/keys/qlik?timeout=20")
    result.refused(4, "did not sign", *words)
    assert "free text" not in result.stderr
    assert TOKEN not in result.stderr


def _after_the_challenge(method: str, answer: Answer) -> Any:
    def instead(request: Request) -> Answer | None:
        return answer if request.method == method and "authorization" in request.headers else None

    return instead


def test_a_call_that_is_throttled_for_a_moment_is_repeated(qseow: Run, vault: KeyVault) -> None:
    answers = [Answer(429, _error("Throttled"), {"Retry-After": "0"})]

    def instead(request: Request) -> Answer | None:
        return answers.pop() if answers and request.path.endswith("/sign") else None

    vault.instead = instead
    assert qseow(f"{VAULT}/keys/qlik").token
    assert answers == []


def test_a_call_that_is_throttled_for_long_ends_within_the_time_out(qseow: Run, vault: KeyVault) -> None:
    vault.instead = _after_the_challenge("POST", Answer(429, _error("Throttled"), {"Retry-After": "120"}))
    qseow(f"{VAULT}/keys/qlik?timeout=1").refused(4, "429 'Throttled'", "too many requests")


@pytest.mark.parametrize(("method", "code"), [("GET", 3), ("POST", 4)])
def test_a_service_that_hangs_is_left_when_the_time_is_over(
    qseow: Run, vault: KeyVault, method: str, code: int
) -> None:
    def instead(request: Request) -> None:
        if request.method == method:
            vault.hang(request)

    vault.instead = instead
    qseow(f"{VAULT}/keys/qlik?timeout=1").refused(code, "no answer that could be used within 1 s", "?timeout=")


def test_a_credential_that_hangs_is_left_when_the_time_is_over(qseow: Run, vault: KeyVault) -> None:
    def instead(request: Request) -> None:
        if request.host == "identity.example":
            vault.hang(request)

    vault.instead = instead
    qseow(f"{VAULT}/keys/qlik?timeout=1").refused(3, "no answer that could be used within 1 s")


@pytest.mark.parametrize(
    "value", [b"<html>hello</html>", b"", b"{}", b"[]", b"null", {"key": None}, {"key": {}}, {"key": {"kid": "x"}}]
)
def test_an_answer_that_is_none_is_an_error(qseow: Run, vault: KeyVault, value: Any) -> None:
    vault.instead = _after_the_challenge("GET", Answer(200, value))
    qseow(f"{VAULT}/keys/qlik").refused(3, "cannot be read")
    vault.instead = _after_the_challenge("POST", Answer(200, value))
    qseow(f"{VAULT}/keys/qlik").refused(4, "did not sign")


def test_the_signature_of_another_key_or_in_another_encoding_is_not_given_out(
    qseow: Run, vault: KeyVault, keys: SimpleNamespace
) -> None:
    other = _signature(keys.other, "RS256", b"0" * 32)
    vault.instead = _after_the_challenge("POST", Answer(200, {"value": base64url_encode(other)}))
    qseow(f"{VAULT}/keys/qlik").refused(4, "the signature does not verify")
    der = keys.p384.sign(b"data", ec.ECDSA(hashes.SHA384()))
    vault.instead = _after_the_challenge("POST", Answer(200, {"value": base64url_encode(der)}))
    with open_signer(f"azurekv:{VAULT}/keys/curve", Secrets()) as signer:
        assert signer.sign(b"data", "ES384") == der  # the core verifies what a signer gives


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kid": f"{VAULT}/keys/other/{'0' * 32}"}, "the service answers with another key"),
        ({"kid": f"https://evil.example/keys/qlik/{'0' * 32}"}, "the service answers with another key"),
        ({"kid": f"{VAULT}/keys/qlik"}, "the service answers with another key"),
        ({"key_ops": ["verify"]}, "may not sign"),
        ({"key_ops": None}, "may not sign"),
        ({"kty": "oct-HSM"}, "is not of the type RSA or EC"),
        ({"kty": "EC", "crv": "P-999", "x": "AA", "y": "AA"}, "is not one that Azure Key Vault gives"),
        ({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}, "the answer about the key"),
        ({"n": None}, "is not one that Azure Key Vault gives"),
        ({"kty": "EC", "crv": "P-256K"}, ""),
    ],
)
def test_a_key_that_is_not_the_one_or_cannot_sign_is_refused(
    qseow: Run, vault: KeyVault, changes: dict[str, Any], words: str
) -> None:
    vault.changes = changes
    qseow(f"{VAULT}/keys/qlik").refused(3, words)


def test_a_key_that_is_disabled_or_too_short_is_refused(qseow: Run, vault: KeyVault) -> None:
    qseow(f"{VAULT}/keys/short").refused(3, "1024 bits")
    vault.attributes = {"enabled": False}
    qseow(f"{VAULT}/keys/qlik").refused(3, "is disabled", "set-attributes")


def test_the_name_of_a_key_is_the_same_in_any_case(qseow: Run, vault: KeyVault, keys: SimpleNamespace) -> None:
    vault.keys["QLIK"] = vault.keys["qlik"]
    vault.changes = {"kid": f"{VAULT}/keys/Qlik/{'0' * 31}2"}
    vault.keys["Qlik"] = vault.keys["qlik"]
    assert pyjwt.decode(qseow(f"{VAULT}/keys/QLIK").token, keys.rsa.public_key(), ["RS256"])


def test_without_the_sdk_it_says_what_to_install(qseow: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "qsjwt.providers.azurekv", raising=False)
    monkeypatch.setitem(sys.modules, "azure.identity", None)
    qseow(f"{VAULT}/keys/qlik").refused(5, "pip install 'qsjwt[azure]'")
