"""awskms: against moto's server, and against a stand-in for what moto does otherwise than AWS, or never does."""

import base64
import functools
import importlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import jwt as pyjwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from jwcrypto.jwa import JWA
from jwcrypto.jwk import JWK

from qsjwt.api import InputError, KeyUnavailable, Secrets, Signer, SigningFailed, open_signer
from qsjwt.testing import KeyProviderContract
from tests.conftest import JSONWEBTOKEN, Run, verified_by_node
from tests.providers.scripted_server import Answer, Request, ScriptedServer, scripted_server

boto3 = importlib.import_module("boto3")
create_loader = importlib.import_module("botocore.loaders").create_loader

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

REGION = "eu-north-1"
SECRET = "wJalrTHISisNOTaREALsecretACCESSkey000001"
HASHES: dict[str, Any] = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
LONG_CLAIM = ("--claim", "note=" + "long " * 1000)


@pytest.fixture(autouse=True, scope="module")
def one_loader() -> Iterator[None]:
    """Let the SDK read its descriptions of services once, not for every key: half of the time of these tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("botocore.session.create_loader", functools.cache(create_loader))
        yield


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep the SDK away from the machine's own settings, and from the metadata service."""
    for name in [name for name in os.environ if name.upper().startswith("AWS_") or name.upper().endswith("_PROXY")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATESTTESTTESTTEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "aws-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "aws-credentials"))


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """Run moto's server in a process of its own, with a few keys."""
    log = tmp_path_factory.mktemp("moto") / "log"
    variables = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with log.open("wb") as output:
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
        process = subprocess.Popen(command, env=variables, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield _keys_of_moto(_address(process, log))
    finally:
        process.terminate()
        process.wait(20)


def _address(process: Any, log: Path) -> str:
    for _ in range(600):
        if found := re.search(r"Running on (http://127\.0\.0\.1:\d+)", log.read_text(errors="replace")):
            return found[1]
        if process.poll() is not None:
            break
        time.sleep(0.1)
    pytest.fail(f"moto's server ended, or did not start within a minute:\n{log.read_text(errors='replace')}")


def _keys_of_moto(url: str) -> SimpleNamespace:
    client = boto3.client(
        *("kms", REGION), endpoint_url=url, aws_access_key_id="AKIATESTTESTTESTTEST", aws_secret_access_key=SECRET
    )
    made = SimpleNamespace(url=url, client=client)
    for name, spec, usage in (
        ("rsa", "RSA_2048", "SIGN_VERIFY"),
        ("p384", "ECC_NIST_P384", "SIGN_VERIFY"),
        ("locked", "RSA_2048", "ENCRYPT_DECRYPT"),
    ):
        metadata = client.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]
        client.create_alias(AliasName=f"alias/{name}", TargetKeyId=metadata["KeyId"])
        public = serialization.load_der_public_key(client.get_public_key(KeyId=metadata["KeyId"])["PublicKey"])
        setattr(made, name, SimpleNamespace(id=metadata["KeyId"], arn=metadata["Arn"], public=public))
    return made


@pytest.fixture
def at_moto(moto: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Send the SDK to moto's server."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", moto.url)
    return moto


class StandIn:
    """A stand-in for AWS KMS, with one key: GetPublicKey and Sign as the API reference has them.

    It signs a digest as one, takes no more than 4096 bytes of RAW, and its PSS has the salt of RFC 7518.
    """

    def __init__(self, private_key: Any) -> None:
        self.private_key = private_key
        self.algorithms = [*(f"RSASSA_{padding}_SHA_{bits}" for padding in ("PKCS1_V1_5", "PSS") for bits in HASHES)]
        if isinstance(private_key, ec.EllipticCurvePrivateKey):
            self.algorithms = [f"ECDSA_SHA_{private_key.key_size}"]
        self.types: list[str] = []
        self.key_ids: list[str] = []

    def __call__(self, request: Request) -> Answer:
        body = json.loads(request.body)
        self.key_ids.append(body["KeyId"])
        if request.headers["X-Amz-Target"] == "TrentService.GetPublicKey":
            der = self.private_key.public_key().public_bytes(
                serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            return reply(
                KeyId=f"arn:aws:kms:{REGION}:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
                KeyUsage="SIGN_VERIFY",
                PublicKey=base64.b64encode(der).decode(),
                SigningAlgorithms=self.algorithms,
            )
        message = base64.b64decode(body["Message"])
        name = body["SigningAlgorithm"]
        chosen = HASHES[name[-3:]]
        self.types.append(body["MessageType"])
        if body["MessageType"] == "RAW":
            if len(message) > 4096:
                return refusal("ValidationException")
            hashed = hashes.Hash(chosen)
            hashed.update(message)
            message = hashed.finalize()
        if len(message) != chosen.digest_size or name not in self.algorithms:
            return refusal("ValidationException")
        return reply(Signature=base64.b64encode(self.signature(message, name, chosen)).decode(), SigningAlgorithm=name)

    def signature(self, message: bytes, name: str, chosen: Any) -> bytes:
        """Return the signature of a digest."""
        if name.startswith("ECDSA"):
            signed = self.private_key.sign(message, ec.ECDSA(Prehashed(chosen)))
        else:
            pss = padding.PSS(padding.MGF1(chosen), chosen.digest_size)
            signed = self.private_key.sign(message, pss if "PSS" in name else padding.PKCS1v15(), Prehashed(chosen))
        return bytes(signed)


def reply(**members: Any) -> Answer:
    """Return an answer of the service."""
    return Answer(200, json.dumps(members).encode(), {"Content-Type": "application/x-amz-json-1.1"})


def refusal(code: str, status: int = 400) -> Answer:
    """Return an error of the service, whose text must not be shown."""
    return Answer(
        status, json.dumps({"__type": code, "message": f"of the text {SECRET}"}).encode(), {"x-amzn-RequestId": "1"}
    )


def sign_only(good: StandIn, answer: Callable[[Request], Answer | None]) -> Callable[[Request], Answer | None]:
    """Return the script of a stand-in that is *good* until it is to sign."""
    return lambda request: answer(request) if request.headers["X-Amz-Target"].endswith(".Sign") else good(request)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, keys: SimpleNamespace) -> Iterator[ScriptedServer]:
    """Send the SDK to a stand-in for the service."""
    with scripted_server(StandIn(keys.rsa)) as running:
        monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", running.url)
        yield running


class TestRsaAtMoto(KeyProviderContract):
    scheme = "awskms"
    algorithms: ClassVar[tuple[str, ...]] = ("RS256", "RS512")
    secrets = (SECRET,)
    alias: ClassVar[str] = "alias/rsa"

    @pytest.fixture(autouse=True)
    def _service(self, at_moto: SimpleNamespace) -> None:
        return

    def make_signer(self) -> Signer:
        signer = super().make_signer()
        # The salt of moto's PSS is longer than that of RFC 7518, section 3.5; the stand-in's is as long as at AWS.
        signer.algorithms = [algorithm for algorithm in signer.algorithms if not algorithm.startswith("PS")]
        return signer

    def reference(self) -> str:
        return f"{self.alias}?timeout=30"

    def missing_reference(self) -> str:
        return "alias/none"


class TestCurveAtMoto(TestRsaAtMoto):
    algorithms = ("ES384",)
    alias = "alias/p384"


class TestStandIn(KeyProviderContract):
    scheme = "awskms"
    algorithms = ("PS256", "RS384")
    secrets = (SECRET,)

    @pytest.fixture(autouse=True)
    def _service(self, server: ScriptedServer) -> None:
        good = server.script
        server.script = lambda request: refusal("NotFoundException") if b"none" in request.body else good(request)

    def reference(self) -> str:
        return f"alias/qlik?region={REGION}"

    def missing_reference(self) -> str:
        return "alias/none"


def test_a_token_is_signed_by_key_id_alias_and_arn(qseow: Run, at_moto: SimpleNamespace) -> None:
    arn_of_alias = at_moto.rsa.arn.partition(":key/")[0] + ":alias/rsa"
    for name in (at_moto.rsa.id, "alias/rsa", at_moto.rsa.arn, arn_of_alias):
        token = qseow("--key", f"awskms:{name}").token
        assert pyjwt.decode(token, at_moto.rsa.public, ["RS256"])["userId"] == "anna"


def test_node_verifies_a_token(
    run: Run, qseow: Run, at_moto: SimpleNamespace, node_modules: Path, tmp_path: Path
) -> None:
    token = qseow("--key", "awskms:alias/rsa").token
    (tmp_path / "public.pem").write_text(run("show-key", "--key", "awskms:alias/rsa", "-f", "pem").stdout)
    claims = verified_by_node(JSONWEBTOKEN, node_modules, token, tmp_path / "public.pem", algorithms=["RS256"])
    assert claims["userId"] == "anna"


def test_a_key_on_a_curve_signs_for_qlik_cloud_oauth(run: Run, at_moto: SimpleNamespace) -> None:
    result = run(
        *("create-qscloud-oauth", "--client-id", "0123456789abcdef", "--tenant", "https://t.eu.qlikcloud.com"),
        *("--keyid", "thumbprint", "--expires", "5m", "--key", "awskms:alias/p384"),
    )
    claims = pyjwt.decode(result.token, at_moto.p384.public, ["ES384"], options={"verify_aud": False})
    assert claims["iss"] == "0123456789abcdef"
    assert pyjwt.get_unverified_header(result.token)["alg"] == "ES384"


def test_the_key_can_be_shown_and_registered(run: Run, at_moto: SimpleNamespace) -> None:
    shown = run("show-key", "--key", "awskms:alias/rsa", "-f", "pem")
    assert serialization.load_pem_public_key(shown.stdout.encode()) == at_moto.rsa.public
    for alias, made in (("rsa", at_moto.rsa), ("p384", at_moto.p384)):
        key = ("--key", f"awskms:alias/{alias}", "--cert-self-signed")
        platform = ("nprinting",) if alias == "rsa" else ("qscloud-oauth", "--keyid", "thumbprint")
        result = run("registration", *platform, *key)
        assert result.exit_code == 0, result.stderr
        if alias == "rsa":
            blocks = re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", result.stdout)
            certificate = x509.load_pem_x509_certificate(blocks[0].replace("\\n", "\n").encode())
            assert certificate.public_key() == made.public
            certificate.verify_directly_issued_by(certificate)
        else:
            assert '"crv": "P-384"' in result.stdout


def test_the_region_is_that_of_the_arn_or_of_the_setting_or_of_the_sdk(
    qseow: Run, at_moto: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    qseow("--key", "awskms:alias/rsa").refused(3, "NoRegionError", "?region=REGION")
    assert qseow("--key", f"awskms:{at_moto.rsa.arn}").token
    assert qseow("--key", f"awskms:alias/rsa?region={REGION}").token
    qseow("--key", "awskms:alias/rsa?region=eu-west-1").refused(3, "'NotFoundException'")
    qseow("--key", f"awskms:{at_moto.rsa.arn}?region=eu-west-1").refused(2, REGION, "'eu-west-1'")


def test_the_profile_is_that_of_the_setting(qseow: Run, at_moto: SimpleNamespace, tmp_path: Path) -> None:
    (tmp_path / "aws-config").write_text(
        f"[profile lab]\nregion = eu-north-1\naws_access_key_id = AKIA\naws_secret_access_key = {SECRET}\n"
    )
    assert qseow("--key", "awskms:alias/rsa?profile=lab").token
    qseow("--key", "awskms:alias/rsa?profile=none").refused(3, "ProfileNotFound", "list-profiles")


def test_a_key_that_is_not_there_is_named(qseow: Run, at_moto: SimpleNamespace) -> None:
    qseow("--key", "awskms:alias/nobody").refused(3, "'alias/nobody'", "'NotFoundException'", "alias/NAME")


def test_a_key_that_is_made_to_encrypt_is_refused(qseow: Run, at_moto: SimpleNamespace) -> None:
    qseow("--key", "awskms:alias/locked").refused(3, "'ENCRYPT_DECRYPT'", "SIGN_VERIFY")


def test_a_key_of_another_kind_is_refused_before_it_signs(qseow: Run, at_moto: SimpleNamespace) -> None:
    qseow("--key", "awskms:alias/p384").refused(3, "an EC key on P-384", "RS256", "use an RSA key")


def test_a_disabled_key_is_refused(qseow: Run, server: ScriptedServer) -> None:
    for code in ("DisabledException", "AccessDeniedException", "KeyUnavailableException", "KMSInvalidStateException"):
        server.script = lambda _, code=code: refusal(code)  # type: ignore[misc]
        result = qseow("--key", "awskms:alias/qlik?timeout=1")
        result.refused(3, f"'{code}'", "qsjwt: hint: ")
        assert SECRET not in result.stderr


def test_no_credentials_is_said(qseow: Run, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    qseow("--key", "awskms:alias/qlik").refused(3, "PartialCredentialsError")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    qseow("--key", "awskms:alias/qlik").refused(3, "NoCredentialsError", "AWS_PROFILE")
    assert server.requests == []


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("", "does not name a key"),
        ("alias/a b", "does not name a key"),
        ("arn:aws:s3:::bucket", "is not the ARN of a key"),
        ("alias/rsa?region=", "setting that it cannot have|region '' is not one"),
        ("alias/rsa?region=evil.example/", "'evil.example/' is not one"),
        ("alias/rsa?timeout=0", "between 1 and 300"),
        ("alias/rsa?timeout=301", "between 1 and 300"),
        ("alias/rsa?timeout=soon", "must be a whole number"),
        ("alias/rsa?secret=x", "out of: region, profile, timeout"),
    ],
)
def test_a_malformed_reference_is_a_usage_error(qseow: Run, reference: str, words: str) -> None:
    result = qseow("--key", f"awskms:{reference}")
    result.refused(2)
    assert re.search(words, result.stderr)


def test_a_service_that_hangs_is_given_up(qseow: Run, server: ScriptedServer) -> None:
    good = StandIn(server.script.private_key)  # type: ignore[attr-defined]
    server.script = lambda _: None
    begin = time.monotonic()
    qseow("--key", "awskms:alias/qlik?timeout=1").refused(3, "TimeoutError", "timeout=SECONDS")
    server.script = sign_only(good, lambda _: None)
    qseow("--key", "awskms:alias/qlik?timeout=1").refused(4, "does not sign", "TimeoutError")
    assert time.monotonic() - begin < 30


def test_a_service_that_is_not_there_is_said(
    qseow: Run, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", "http://127.0.0.1:1")
    qseow("--key", "awskms:alias/qlik?timeout=1").refused(3, "EndpointConnectionError")
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", "nonsense")
    qseow("--key", "awskms:alias/qlik?timeout=1").refused(3, "ValueError", "AWS_ENDPOINT_URL_KMS")


GARBAGE = {
    "page": Answer(200, b"<html>login</html>", {"Content-Type": "text/html"}),
    "number": Answer(200, b"17"),
    "list": Answer(200, b"[[]]"),
    "nothing": Answer(200, b""),
    "empty": reply(),
    "types": reply(KeyId=1, PublicKey="AAAA", KeyUsage=[], SigningAlgorithms={}, Signature=7),
    "no base64": reply(
        KeyId="k",
        **{"PublicKey": "?", "KeyUsage": "SIGN_VERIFY", "SigningAlgorithms": ["RSASSA_PKCS1_V1_5_SHA_256"]},
        Signature="?",
    ),
    "no key": reply(
        KeyId="k", PublicKey="AAAA", KeyUsage="SIGN_VERIFY", SigningAlgorithms=["RSASSA_PKCS1_V1_5_SHA_256"]
    ),
    "error page": Answer(403, b"<html>forbidden</html>", {"Content-Type": "text/html"}),
    "odd error": Answer(400, b'{"__type": ["x"], "message": {}}'),
}


def test_garbage_is_no_answer(qseow: Run, server: ScriptedServer, keys: SimpleNamespace) -> None:
    for answer in GARBAGE.values():
        server.script = lambda _, answer=answer: answer  # type: ignore[misc]
        qseow("--key", "awskms:alias/qlik?timeout=1").refused(3, "the key 'alias/qlik' of AWS KMS")
    for answer in (GARBAGE["page"], GARBAGE["types"]):
        server.script = sign_only(StandIn(keys.rsa), lambda _, answer=answer: answer)  # type: ignore[misc]
        qseow("--key", "awskms:alias/qlik?timeout=1").refused(4, "does not sign")
    with open_signer("awskms:alias/qlik?timeout=1", Secrets()) as signer:
        for answer in GARBAGE.values():
            server.script = lambda _, answer=answer: answer  # type: ignore[misc]
            with pytest.raises(SigningFailed):
                signer.sign(b"x", "RS256")


def test_throttled_calls_are_tried_again_and_then_given_up(
    qseow: Run, server: ScriptedServer, keys: SimpleNamespace
) -> None:
    good = StandIn(keys.rsa)
    server.script = lambda request: refusal("ThrottlingException") if len(server.requests) == 1 else good(request)
    assert qseow("--key", "awskms:alias/qlik").token
    server.requests.clear()
    server.script = sign_only(good, lambda _: refusal("ThrottlingException"))
    qseow("--key", "awskms:alias/qlik").refused(4, "'ThrottlingException'", "quota")
    assert len(server.requests) == 4


def test_the_alias_is_looked_up_once(qseow: Run, server: ScriptedServer) -> None:
    assert qseow("--key", "awskms:alias/qlik").token
    first, second = server.script.key_ids  # type: ignore[attr-defined]
    assert (first, second.split("/")[0]) == ("alias/qlik", f"arn:aws:kms:{REGION}:123456789012:key")


def test_of_long_tokens_the_service_gets_the_digest(qseow: Run, server: ScriptedServer, keys: SimpleNamespace) -> None:
    assert qseow("--key", "awskms:alias/qlik").token
    for algorithm in ("RS256", "RS512"):
        with open_signer("awskms:alias/qlik", Secrets()) as signer:
            for size in (4096, 4097, 100_000):
                JWA.signing_alg(algorithm).verify(signer.public_key, b"x" * size, signer.sign(b"x" * size, algorithm))
    token = qseow("--key", "awskms:alias/qlik", *LONG_CLAIM).token
    assert pyjwt.decode(token, keys.rsa.public_key(), ["RS256"])["note"].startswith("long")
    assert server.script.types == ["RAW", *["RAW", "DIGEST", "DIGEST"] * 2, "DIGEST"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "ES384"])
def test_the_sdk_takes_a_digest_as_it_is_sent(algorithm: str, keys: SimpleNamespace) -> None:
    from botocore.stub import Stubber

    stand_in = StandIn({"ES256": keys.ec, "ES384": keys.p384}.get(algorithm, keys.rsa))
    chosen = HASHES[algorithm[2:]]
    scheme = {"RS": "RSASSA_PKCS1_V1_5", "PS": "RSASSA_PSS", "ES": "ECDSA"}[algorithm[:2]]
    name = f"{scheme}_SHA_{algorithm[2:]}"
    hashed = hashes.Hash(chosen)
    hashed.update(b"x" * 5000)
    message = hashed.finalize()
    client = boto3.client("kms", REGION)
    signer = importlib.import_module("qsjwt.providers.awskms").AwsKmsSigner(
        client, "1234abcd", "the key", JWK.from_pyca(stand_in.private_key.public_key()), 10
    )
    expected = {"KeyId": "1234abcd", "Message": message, "MessageType": "DIGEST", "SigningAlgorithm": name}
    with Stubber(client) as stubber:
        stubber.add_response("sign", {"Signature": stand_in.signature(message, name, chosen)}, expected)
        JWA.signing_alg(algorithm).verify(signer.public_key, b"x" * 5000, signer.sign(b"x" * 5000, algorithm))
        stubber.add_client_error("sign", "KeyUnavailableException")
        with pytest.raises(SigningFailed, match="'KeyUnavailableException'"):
            signer.sign(b"x", algorithm)


def test_the_signature_of_another_key_is_not_given_out(
    qseow: Run, server: ScriptedServer, keys: SimpleNamespace
) -> None:
    server.script = sign_only(StandIn(keys.rsa), StandIn(keys.other))
    qseow("--key", "awskms:alias/qlik").refused(4, "does not verify")
    server.script = sign_only(StandIn(keys.rsa), StandIn(rsa.generate_private_key(65537, 3072)))
    qseow("--key", "awskms:alias/qlik", *LONG_CLAIM).refused(4, "does not verify")


def test_a_signature_in_another_encoding_is_not_given_out(server: ScriptedServer, keys: SimpleNamespace) -> None:
    raw = base64.b64encode(b"\x01" * 96).decode()
    server.script = sign_only(StandIn(keys.p384), lambda _: reply(Signature=raw))
    with (
        open_signer("awskms:alias/qlik", Secrets()) as signer,
        pytest.raises(SigningFailed, match="not one of ECDSA in DER"),
    ):
        signer.sign(b"x", "ES384")


def test_no_error_shows_the_credentials(server: ScriptedServer) -> None:
    server.script = lambda _: refusal(SECRET)
    with pytest.raises(KeyUnavailable) as caught:
        open_signer("awskms:alias/qlik?timeout=1", Secrets())
    assert "of the text" not in f"{caught.value.message}{caught.value.hint}{caught.value!r}"
    with pytest.raises(InputError):
        open_signer("awskms:?timeout=1", Secrets())


def test_without_the_sdk_the_error_says_what_to_install(qseow: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    monkeypatch.delitem(sys.modules, "qsjwt.providers.awskms", raising=False)
    qseow("--key", "awskms:alias/qlik").refused(5, "pip install 'qsjwt[aws]'")
