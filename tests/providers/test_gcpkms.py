"""``gcpkms:`` with the real SDK and its real credential, against a stand-in on loopback for Google Cloud KMS."""

import base64
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from jwcrypto.jwa import JWA

from qsjwt.api import Secrets, SigningFailed, open_signer
from qsjwt.testing import KeyProviderContract
from tests.conftest import Run, pem, public_pem
from tests.loopback import Answer, Loopback, Request

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

RING = "projects/my-project/locations/europe-north1/keyRings/qlik/cryptoKeys"
KEY = f"{RING}/tokens/cryptoKeyVersions/1"
HASHES: dict[str, Any] = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}


class CloudKms(Loopback):
    """A stand-in for Google Cloud KMS.

    It follows the REST reference of Cloud KMS (getPublicKey, asymmetricSign), and knows
    its callers by tokens that a service account signs for itself.
    """

    names: tuple[str, ...] = ("cloudkms.googleapis.com", "iamcredentials.googleapis.com")

    def __init__(self, folder: Path, keys: dict[str, tuple[str, Any]], account: Any) -> None:
        super().__init__(folder)
        self.keys = keys
        self.account = account
        self.changes: dict[str, Any] = {}

    def reset(self) -> None:
        super().reset()
        self.changes = {}

    def aside(self, request: Request) -> Answer | None:
        if request.host != "iamcredentials.googleapis.com":
            return None
        return Answer(200, {"locations": ["europe-north1"], "encodedLocations": "0x1"})

    def answer(self, request: Request) -> Answer:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        claims = pyjwt.decode(token, self.account.public_key(), ["RS256"], options={"verify_aud": False})
        assert claims["iss"] == "robot@my-project.iam.gserviceaccount.com"
        name, _, operation = request.path.removeprefix("/v1/").replace(":", "/").rpartition("/")
        if name not in self.keys:
            return Answer(404, _error(404, "NOT_FOUND"))
        algorithm, key = self.keys[name]
        if operation == "publicKey":
            text = public_pem(key).decode("ascii")
            return Answer(200, {"name": name, "algorithm": algorithm, "pem": text, **self.changes})
        assert (operation, request.method) == ("asymmetricSign", "POST")
        [(kind, encoded)] = request.body["digest"].items()
        digest = base64.b64decode(encoded)
        signature = base64.b64encode(_signature(key, algorithm, kind, digest)).decode("ascii")
        return Answer(200, {"name": name, "signature": signature, **self.changes})


def _signature(key: Any, algorithm: str, kind: str, digest: bytes) -> bytes:
    hashed = HASHES[kind]
    assert algorithm.upper().endswith(kind.upper()), "a key version has one algorithm"
    assert len(digest) == hashed.digest_size
    if isinstance(key, rsa.RSAPrivateKey):
        pss = padding.PSS(padding.MGF1(hashed), hashed.digest_size)
        scheme = pss if "_PSS_" in algorithm else padding.PKCS1v15()
        signature: bytes = key.sign(digest, scheme, Prehashed(hashed))
        return signature
    der: bytes = key.sign(digest, ec.ECDSA(Prehashed(hashed)))
    return der


def _error(code: int, status: str, reason: str | None = None) -> dict[str, Any]:
    error: dict[str, Any] = {"code": code, "message": "free text\nof the service", "status": status}
    if reason:
        error["details"] = [
            {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com"}
        ]
    return {"error": error}


@pytest.fixture(scope="module")
def kms(keys: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudKms]:
    large = rsa.generate_private_key(65537, 4096)
    held = {
        f"{RING}/{name}/cryptoKeyVersions/1": (algorithm, key)
        for name, algorithm, key in (
            ("tokens", "RSA_SIGN_PKCS1_2048_SHA256", keys.rsa),
            ("pss", "RSA_SIGN_PSS_2048_SHA256", keys.rsa),
            ("large", "RSA_SIGN_PKCS1_4096_SHA512", large),
            ("p256", "EC_SIGN_P256_SHA256", keys.ec),
            ("p384", "EC_SIGN_P384_SHA384", keys.p384),
            ("raw", "RSA_SIGN_RAW_PKCS1_2048", keys.rsa),
            ("wrong", "RSA_SIGN_PKCS1_2048_SHA256", keys.ec),
        )
    }
    service = CloudKms(tmp_path_factory.mktemp("kms"), held, keys.other)
    with service.running():
        yield service


@pytest.fixture(autouse=True)
def _surroundings(kms: CloudKms, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kms.reset()
    kms.stand_in(monkeypatch)
    account = {
        "type": "service_account",
        "project_id": "my-project",
        "private_key_id": "1",
        "private_key": pem(kms.account).decode("ascii"),
        "client_email": "robot@my-project.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    (tmp_path / "account.json").write_text(json.dumps(account), encoding="ascii")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "account.json"))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))


class TestGcpKms(KeyProviderContract):
    scheme = "gcpkms"
    key = "tokens"

    @pytest.fixture(autouse=True)
    def _account(self, kms: CloudKms) -> None:
        type(self).secrets = (pem(kms.account).decode("ascii").splitlines()[1],)

    def reference(self) -> str:
        return f"{RING}/{self.key}/cryptoKeyVersions/1"

    def missing_reference(self) -> str:
        return f"{RING}/{self.key}/cryptoKeyVersions/2"


class TestGcpKmsOnACurve(TestGcpKms):
    key = "p384"
    algorithms: ClassVar[tuple[str, ...]] = ("ES384",)


@pytest.mark.parametrize(("key", "algorithm"), [("pss", "PS256"), ("large", "RS512"), ("p256", "ES256")])
def test_each_kind_of_key_version_signs_with_its_algorithm(key: str, algorithm: str) -> None:
    with open_signer(f"gcpkms:{RING}/{key}/cryptoKeyVersions/1", Secrets()) as signer:
        JWA.signing_alg(algorithm).verify(signer.public_key, b"data", signer.sign(b"data", algorithm))


@pytest.fixture
def qseow(run: Run) -> Run:
    """Run ``create-qseow`` with what it needs but the key version's name."""
    return lambda name, *more: run(
        *("create-qseow", "--userdir", "LAB", "--userid", "anna", "--expires", "5m"), "--key", f"gcpkms:{name}", *more
    )


def test_a_token_verifies_with_the_public_key(qseow: Run, keys: SimpleNamespace) -> None:
    result = qseow(KEY)
    assert result.stderr == ""
    assert pyjwt.decode(result.token, keys.rsa.public_key(), ["RS256"])["userId"] == "anna"


def test_the_key_signs_a_certificate_that_can_be_registered(run: Run) -> None:
    result = run("registration", "qseow", "--cert-self-signed", "--key", f"gcpkms:{KEY}")
    assert "-----BEGIN CERTIFICATE-----" in json.loads(result.stdout)["jwtPublicKeyCertificate"]


def test_only_a_digest_leaves_the_machine(qseow: Run, kms: CloudKms) -> None:
    token = qseow(KEY).token
    body = kms.requests[-1].body
    assert set(body) == {"digest"}
    assert len(base64.b64decode(body["digest"]["sha256"])) == 32
    assert token.split(".")[1] not in str(kms.requests)


@pytest.mark.parametrize(
    "name",
    [
        *("", "tokens", f"{RING}/tokens", f"{RING}/tokens/cryptoKeyVersions/latest", f"{KEY}/", f"/{KEY}", f"{KEY}\n"),
        *(f"{KEY}:asymmetricSign", f"https://cloudkms.googleapis.com/v1/{KEY}", KEY.replace("qlik", "ql/ik")),
    ],
)
def test_what_is_no_name_of_a_key_version_is_an_error_of_input(qseow: Run, kms: CloudKms, name: str) -> None:
    qseow(name).refused(2, "is not the name of a key version in Google Cloud KMS")
    assert kms.requests == []


@pytest.mark.parametrize("setting", ["timeout=0", "timeout=301", "timeout=1.5", "timeout=", "retries=3"])
def test_a_setting_that_cannot_be_is_an_error_of_input(qseow: Run, kms: CloudKms, setting: str) -> None:
    qseow(f"{KEY}?{setting}").refused(2)
    assert kms.requests == []


@pytest.mark.filterwarnings("ignore:Unrecognized CryptoKeyVersionAlgorithm enum value")
def test_an_algorithm_that_the_key_version_does_not_have_is_refused_by_name(qseow: Run, kms: CloudKms) -> None:
    qseow(f"{RING}/pss/cryptoKeyVersions/1", "--algorithm", "RS256").refused(
        3, "may sign with PS256 only, not with RS256", "a key that may sign with RS256"
    )
    qseow(f"{RING}/raw/cryptoKeyVersions/1").refused(3, "an RSA key of 2048 bits, may sign no tokens")
    kms.changes = {"algorithm": 9999}
    qseow(KEY).refused(3, "may sign no tokens")
    assert {request.method for request in kms.requests} == {"GET"}


def test_a_public_key_of_another_kind_than_the_algorithm_is_refused(qseow: Run) -> None:
    qseow(f"{RING}/wrong/cryptoKeyVersions/1").refused(3, "an EC key on P-256, may sign no tokens")


def test_a_key_version_that_is_not_there_is_named_with_the_code_of_the_service(qseow: Run) -> None:
    name = KEY.replace("Versions/1", "Versions/2")
    qseow(name).refused(3, f"'{name}'", "404 'NOT_FOUND'", "gcloud kms keys versions list")


def test_a_service_that_is_not_there_cannot_be_reached(
    qseow: Run, kms: CloudKms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kms, "names", ("iamcredentials.googleapis.com",))
    qseow(KEY).refused(3, "cannot be reached (ConnectionError)")


def test_a_certificate_that_nobody_vouches_for_is_refused(qseow: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    qseow(KEY).refused(3, "cannot be reached (SSLError)")


def test_without_a_credential_it_says_where_one_comes_from(
    qseow: Run, kms: CloudKms, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hint = "gcloud auth application-default login"
    (tmp_path / "account.json").write_text("{}", encoding="ascii")
    qseow(KEY).refused(3, "no credential for Google Cloud could be used", hint)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    qseow(KEY).refused(3, "no credential for Google Cloud could be used", hint)
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS")
    qseow(KEY).refused(3, "no credential for Google Cloud could be used (DefaultCredentialsError)", hint)
    assert kms.requests == []


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        (403, _error(403, "PERMISSION_DENIED"), ("403 'PERMISSION_DENIED'", "roles/cloudkms.signerVerifier")),
        (403, _error(403, "PERMISSION_DENIED", "SERVICE_DISABLED"), ("'PERMISSION_DENIED' 'SERVICE_DISABLED'",)),
        (400, _error(400, "FAILED_PRECONDITION"), ("400 'FAILED_PRECONDITION'", "enabled")),
        (429, _error(429, "RESOURCE_EXHAUSTED"), ("429 'RESOURCE_EXHAUSTED'", "quota")),
        (401, _error(401, "UNAUTHENTICATED"), ("401 'UNAUTHENTICATED'", "gcloud auth")),
        (500, b"<html>oops</html>", ("500",)),
        (403, {"error": {"status": 7}}, ("403",)),
        (403, {"error": "no object"}, ("is not one that Cloud KMS gives",)),
    ],
)
def test_a_refusal_is_told_by_its_code(
    qseow: Run, kms: CloudKms, status: int, error: Any, words: tuple[str, ...]
) -> None:
    kms.instead = _only("GET", Answer(status, error))
    qseow(KEY).refused(3, "cannot be read", *words)
    kms.instead = _only("POST", Answer(status, error))
    result = qseow(KEY)
    result.refused(4, "did not sign", *words)
    assert "free text" not in result.stderr
    assert "oops" not in result.stderr


def _only(method: str, answer: Answer) -> Callable[[Request], Answer | None]:
    return lambda request: answer if request.method == method else None


def test_a_service_that_is_unavailable_for_a_moment_is_asked_again(qseow: Run, kms: CloudKms) -> None:
    answers = [Answer(503, _error(503, "UNAVAILABLE"))]

    def instead(request: Request) -> Answer | None:
        return answers.pop() if answers and request.method == "POST" else None

    kms.instead = instead
    assert qseow(KEY).token
    assert answers == []


@pytest.mark.parametrize(("method", "code"), [("GET", 3), ("POST", 4)])
def test_a_service_that_is_unavailable_is_left_when_the_time_is_over(
    qseow: Run, kms: CloudKms, method: str, code: int
) -> None:
    kms.instead = _only(method, Answer(503, _error(503, "UNAVAILABLE")))
    qseow(f"{KEY}?timeout=1").refused(code, "503 'UNAVAILABLE'")


def test_the_sdk_s_giving_up_before_that_is_told_by_the_code_as_well(
    qseow: Run, kms: CloudKms, monkeypatch: pytest.MonkeyPatch
) -> None:
    kms.instead = _only("GET", Answer(503, _error(503, "UNAVAILABLE")))
    monkeypatch.setattr("qsjwt.providers.gcpkms._GRACE_SECONDS", -19)  # of 20 seconds the SDK has one
    qseow(f"{KEY}?timeout=20").refused(3, "503 'UNAVAILABLE'")


@pytest.mark.parametrize(("method", "code"), [("GET", 3), ("POST", 4)])
def test_a_service_that_hangs_is_left_when_the_time_is_over(qseow: Run, kms: CloudKms, method: str, code: int) -> None:
    def instead(request: Request) -> None:
        if request.method == method:
            kms.hang(request)

    kms.instead = instead
    qseow(f"{KEY}?timeout=1").refused(code, "no answer that could be used within 1 s", "?timeout=")


@pytest.mark.parametrize("value", [b"<html>hello</html>", b"", b"{}", b"[]", b"null", b'{"pem": 7}', b"\xff\xfe"])
def test_an_answer_that_is_none_is_an_error(qseow: Run, kms: CloudKms, value: bytes) -> None:
    kms.instead = _only("GET", Answer(200, value))
    qseow(KEY).refused(3, "cannot be read")
    kms.instead = _only("POST", Answer(200, value))
    qseow(KEY).refused(4, "did not sign")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": KEY.replace("Versions/1", "Versions/2")}, "the service answers with another key"),
        ({"pem": "nothing"}, "the answer about the key version"),
        ({"pem": ""}, "the answer about the key version"),
    ],
)
def test_a_public_key_that_is_not_the_one_or_damaged_is_refused(
    qseow: Run, kms: CloudKms, changes: dict[str, Any], words: str
) -> None:
    kms.changes = changes
    qseow(KEY).refused(3, words)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": KEY.replace("Versions/1", "Versions/2")}, "the service answers with another key"),
        ({"signature": "AAAA"}, "the signature does not verify"),
        ({"signature": ""}, "the signature does not verify"),
    ],
)
def test_a_signature_that_is_not_the_key_s_or_damaged_is_not_given_out(
    qseow: Run, kms: CloudKms, changes: dict[str, Any], words: str
) -> None:
    def instead(request: Request) -> None:
        kms.changes = changes if request.method == "POST" else {}

    kms.instead = instead
    qseow(KEY).refused(4, words)


def test_a_signature_on_a_curve_that_is_not_in_asn1_is_an_error(kms: CloudKms) -> None:
    with open_signer(f"gcpkms:{RING}/p256/cryptoKeyVersions/1", Secrets()) as signer:
        raw = b"\x01" * 64
        kms.changes = {"signature": base64.b64encode(raw).decode()}
        with pytest.raises(SigningFailed, match="is not one that Cloud KMS gives"):
            signer.sign(b"data", "ES256")


def test_without_the_sdk_it_says_what_to_install(qseow: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "qsjwt.providers.gcpkms", raising=False)
    monkeypatch.setitem(sys.modules, "google.api_core.retry", None)
    qseow(KEY).refused(5, "pip install 'qsjwt[gcp]'")
