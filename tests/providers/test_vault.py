"""vault: the real SDK against a stand-in for the transit engine, as no server can be installed from a package index."""

import base64
import importlib
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from qsjwt.api import KeyUnavailable, Secrets, SigningFailed, open_signer
from qsjwt.keys.generate import CertificateRequest, self_signed_certificate
from qsjwt.testing import KeyProviderContract
from tests.conftest import Run, public_pem
from tests.providers.scripted_server import Answer, Request, ScriptedServer, scripted_server

hvac = importlib.import_module("hvac")

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

TOKEN = "hvs.CAESIJtestTESTtestTESTtestTESTtest0001"
HASHES: dict[str, Any] = {"sha2-256": hashes.SHA256(), "sha2-384": hashes.SHA384(), "sha2-512": hashes.SHA512()}
VARIABLES = re.compile(r"(VAULT|BAO)_.*|.*_PROXY", re.IGNORECASE)


class StandIn:
    """A stand-in for the transit engine of Vault: reading a key and signing, as the HTTP API documents them.

    What a request leaves out is as Vault has it: PSS with the longest salt, ECDSA in ASN.1, the latest version.
    """

    def __init__(self, **keys: list[Any]) -> None:
        """Hold *keys*: a name to the private keys of its versions, the first being version 1."""
        self.keys = keys
        self.mount = "transit"
        self.namespace: str | None = None
        self.entry: dict[str, Any] = {}
        self.data: dict[str, Any] = {}
        self.bodies: list[dict[str, Any]] = []

    def __call__(self, request: Request) -> Answer:
        if request.headers.get("X-Vault-Token") != TOKEN:
            return errors(403, "permission denied")
        if request.headers.get("X-Vault-Namespace") != self.namespace:
            return errors(404, f'no handler for route "{request.path}"')
        found = re.fullmatch(rf"/v1/{self.mount}/(keys|sign)/([^/]+)(?:/([^/]+))?", request.path)
        if found is None:
            return errors(404, f'no handler for route "{request.path}"')
        return self._answer(request, *found.groups())

    def _answer(self, request: Request, action: str, name: str, hash_algorithm: str | None) -> Answer:
        if name not in self.keys:
            return errors(404) if action == "keys" else errors(400, "signing key not found")
        if (request.method, action) == ("GET", "keys"):
            return self._read(self.keys[name])
        if (request.method, action) == ("POST", "sign"):
            body = json.loads(request.body)
            self.bodies.append(body)
            return self._sign(self.keys[name], body, hash_algorithm)
        return errors(405, "unsupported operation")

    def _read(self, versions: list[Any]) -> Answer:
        latest = versions[-1]
        kind = f"ecdsa-p{latest.key_size}" if isinstance(latest, ec.EllipticCurvePrivateKey) else "rsa-2048"
        entries = {
            str(number): {
                "creation_time": "2026-11-23T10:00:00Z",
                "name": kind,
                "public_key": public_pem(key).decode("ascii"),
                **self.entry,
            }
            for number, key in enumerate(versions, 1)
        }
        return reply(
            {
                **{"type": kind, "keys": entries, "latest_version": len(versions), "min_encryption_version": 0},
                **{"supports_signing": True, "supports_encryption": False, "exportable": False},
                **self.data,
            }
        )

    def _sign(self, versions: list[Any], body: dict[str, Any], hash_algorithm: str | None) -> Answer:
        version = body.get("key_version") or len(versions)
        chosen = HASHES.get(hash_algorithm or body.get("hash_algorithm", "sha2-256"))
        if not 1 <= version <= len(versions) or chosen is None:
            return errors(400, "invalid request")
        key, message = versions[version - 1], base64.b64decode(body["input"])
        if not body.get("prehashed"):
            hashed = hashes.Hash(chosen)
            hashed.update(message)
            message = hashed.finalize()
        if len(message) != chosen.digest_size:
            return errors(400, "invalid length of the input")
        if isinstance(key, ec.EllipticCurvePrivateKey):
            signature = key.sign(message, ec.ECDSA(Prehashed(chosen)))
            text = base64.b64encode(signature).decode("ascii")
            if body.get("marshaling_algorithm", "asn1") == "jws":
                width = (key.key_size + 7) // 8
                raw = b"".join(number.to_bytes(width, "big") for number in decode_dss_signature(signature))
                text = base64.urlsafe_b64encode(raw).decode("ascii").rstrip("=")
        else:
            salts = {"hash": chosen.digest_size, "auto": padding.PSS.MAX_LENGTH}
            scheme: Any = padding.PSS(padding.MGF1(chosen), salts[body.get("salt_length", "auto")])
            if body.get("signature_algorithm", "pss") == "pkcs1v15":
                scheme = padding.PKCS1v15()
            text = base64.b64encode(key.sign(message, scheme, Prehashed(chosen))).decode("ascii")
        return reply({"signature": f"vault:v{version}:{text}", "key_version": version})


def reply(data: Any) -> Answer:
    """Return an answer of the service."""
    body = {"request_id": "1", "lease_id": "", "renewable": False, "lease_duration": 0, "data": data}
    return Answer(200, json.dumps(body).encode(), {"Content-Type": "application/json"})


def errors(status: int, *texts: str) -> Answer:
    """Return an error of the service, whose text is not to be shown."""
    return Answer(status, json.dumps({"errors": texts}).encode(), {"Content-Type": "application/json"})


def sign_only(good: StandIn, answer: Callable[[Request], Answer | None]) -> Callable[[Request], Answer | None]:
    """Return the script of a stand-in that is *good* until it is to sign."""
    return lambda request: answer(request) if request.method == "POST" else good(request)


@pytest.fixture
def stand_in(keys: SimpleNamespace) -> StandIn:
    return StandIn(qlik=[keys.other, keys.rsa], p256=[keys.ec], p384=[keys.p384], one=[keys.rsa])


@pytest.fixture(autouse=True)
def server(monkeypatch: pytest.MonkeyPatch, stand_in: StandIn, tmp_path: Path) -> Iterator[ScriptedServer]:
    """Run the stand-in, and point the environment at it and at nothing else."""
    for name in filter(VARIABLES.fullmatch, list(os.environ)):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    with scripted_server(stand_in) as running:
        monkeypatch.setenv("VAULT_ADDR", running.url)
        monkeypatch.setenv("VAULT_TOKEN", TOKEN)
        yield running


class TestRsa(KeyProviderContract):
    scheme = "vault"
    algorithms: ClassVar[tuple[str, ...]] = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
    secrets = (TOKEN,)

    def reference(self) -> str:
        return "transit/qlik"

    def missing_reference(self) -> str:
        return "transit/none"


class TestCurve(TestRsa):
    algorithms = ("ES384",)

    def reference(self) -> str:
        return "transit/p384?timeout=30"


class TestOtherCurve(TestCurve):
    algorithms = ("ES256",)

    def reference(self) -> str:
        return "transit/p256"


def test_a_token_is_signed_with_pkcs1_whatever_vault_takes_by_itself(
    qseow: Run, stand_in: StandIn, keys: SimpleNamespace
) -> None:
    token = qseow("--key", "vault:transit/qlik").token
    assert pyjwt.decode(token, keys.rsa.public_key(), ["RS256"])["userId"] == "anna"
    (body,) = stand_in.bodies
    assert (body["signature_algorithm"], body["prehashed"], body["key_version"]) == ("pkcs1v15", True, 2)
    assert len(base64.b64decode(body["input"])) == 32


def test_a_key_on_a_curve_signs_for_qlik_cloud_oauth(run: Run, keys: SimpleNamespace) -> None:
    result = run(
        *("create-qscloud-oauth", "--client-id", "0123456789abcdef", "--tenant", "https://t.eu.qlikcloud.com"),
        *("--keyid", "thumbprint", "--expires", "5m", "--key", "vault:transit/p384"),
    )
    claims = pyjwt.decode(result.token, keys.p384.public_key(), ["ES384"], options={"verify_aud": False})
    assert claims["iss"] == "0123456789abcdef"


def test_the_version_that_is_named_signs(qseow: Run, keys: SimpleNamespace) -> None:
    for version, key in ((1, keys.other), (2, keys.rsa)):
        token = qseow("--key", f"vault:transit/qlik?version={version}").token
        assert pyjwt.decode(token, key.public_key(), ["RS256"])
    qseow("--key", "vault:transit/qlik?version=3").refused(3, "no version 3", "the latest is 2")
    qseow("--key", "vault:transit/qlik?version=0").refused(3, "no version 0")


def test_a_mount_may_have_slashes(qseow: Run, stand_in: StandIn) -> None:
    stand_in.mount = "teams/bi/transit"
    assert qseow("--key", "vault:teams/bi/transit/qlik").token


def test_a_key_that_is_rotated_meanwhile_signs_with_the_version_that_was_opened(
    stand_in: StandIn, keys: SimpleNamespace
) -> None:
    with open_signer("vault:transit/one", Secrets()) as signer:
        stand_in.keys["one"].append(keys.other)
        keys.rsa.public_key().verify(signer.sign(b"x", "RS256"), b"x", padding.PKCS1v15(), hashes.SHA256())


def test_the_namespace_is_that_of_the_setting_or_of_the_environment(
    qseow: Run, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in.namespace = "bi/lab"
    qseow("--key", "vault:transit/qlik").refused(3, "404", "namespace")
    assert qseow("--key", "vault:transit/qlik?namespace=bi/lab").token
    monkeypatch.setenv("VAULT_NAMESPACE", "bi/lab")
    assert qseow("--key", "vault:transit/qlik").token
    qseow("--key", "vault:transit/qlik?namespace=other").refused(3, "404")


def test_the_environment_of_openbao_does_as_well(
    qseow: Run, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VAULT_ADDR")
    monkeypatch.setenv("BAO_ADDR", server.url)
    assert qseow("--key", "vault:transit/qlik").token
    monkeypatch.setenv("VAULT_TOKEN", "another")
    monkeypatch.setenv("BAO_TOKEN", TOKEN)
    assert qseow("--key", "vault:transit/qlik").token


def test_the_token_may_be_in_the_file_of_the_command_line_tool(
    qseow: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VAULT_TOKEN")
    qseow("--key", "vault:transit/qlik").refused(3, "no token", "VAULT_TOKEN", "vault login")
    (tmp_path / ".vault-token").write_text(f"{TOKEN}\n")
    assert qseow("--key", "vault:transit/qlik").token
    (tmp_path / ".vault-token").write_text("")
    qseow("--key", "vault:transit/qlik").refused(3, "no token")


def test_a_token_that_cannot_be_one_is_not_shown(
    qseow: Run, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for token in (f"{TOKEN}\nX-Other: 1", f"{TOKEN} ", f"{TOKEN}ö"):
        monkeypatch.setenv("VAULT_TOKEN", token)
        result = qseow("--key", "vault:transit/qlik")
        result.refused(3, "the token for Vault")
        assert TOKEN not in result.stderr
    assert server.requests == []


def test_an_address_that_is_none_is_not_shown(qseow: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VAULT_ADDR")
    qseow("--key", "vault:transit/qlik").refused(3, "the address of Vault is not known", "VAULT_ADDR")
    for address in ("vault.example.com:8200", "http://", "ftp://anna:geheim@host", "http://host:port", "http://[::1"):
        monkeypatch.setenv("VAULT_ADDR", address)
        result = qseow("--key", "vault:transit/qlik")
        result.refused(3, "in VAULT_ADDR is not one")
        assert "geheim" not in result.stderr


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("", "does not name a key"),
        ("qlik", "does not name a key"),
        ("/qlik", "does not name a key"),
        ("transit/", "does not name a key"),
        ("transit//qlik", "does not name a key"),
        ("transit/../sys/seal", "does not name a key"),
        ("transit/ql\nik", "does not name a key"),
        ("transit/qlik?version=latest", "must be a whole number"),
        ("transit/qlik?timeout=0", "between 1 and 300"),
        ("transit/qlik?timeout=301", "between 1 and 300"),
        ("transit/qlik?token=x", "out of: version, namespace, timeout"),
        ("transit/qlik?namespace=a%0Ab", "is not a namespace"),
    ],
)
def test_a_malformed_reference_is_a_usage_error(qseow: Run, server: ScriptedServer, reference: str, words: str) -> None:
    qseow("--key", f"vault:{reference}").refused(2, words)
    assert server.requests == []


@pytest.mark.parametrize(
    ("status", "words"),
    [(400, "type"), (403, "policy"), (404, "mount"), (429, "quota"), (503, "sealed"), (500, "500"), (405, "405")],
)
def test_a_refusal_is_told_by_its_status(
    qseow: Run, server: ScriptedServer, stand_in: StandIn, status: int, words: str
) -> None:
    server.script = lambda _: errors(status, "the text of it")
    result = qseow("--key", "vault:transit/qlik")
    result.refused(3, "'transit/qlik'", f"HTTP status {status}", words)
    server.script = sign_only(stand_in, lambda _: errors(status, "the text of it"))
    other = qseow("--key", "vault:transit/qlik")
    other.refused(4, "'transit/qlik'", f"HTTP status {status}", words)
    assert "the text of it" not in result.stderr + other.stderr


def test_the_token_does_not_follow_a_redirection(qseow: Run, server: ScriptedServer, stand_in: StandIn) -> None:
    with scripted_server(stand_in) as elsewhere:
        server.script = lambda request: Answer(307, b"", {"Location": f"{elsewhere.url}{request.path}"})
        qseow("--key", "vault:transit/qlik").refused(3, "307", "the active node")
        assert elsewhere.requests == []


def test_a_key_that_cannot_sign_is_refused(qseow: Run, stand_in: StandIn) -> None:
    for data in ({"type": "aes256-gcm96"}, {"type": "ed25519"}, {"supports_signing": False}, {"type": 7}):
        stand_in.data = data
        qseow("--key", "vault:transit/qlik").refused(3, "does not sign tokens", "rsa-2048")
    assert stand_in.bodies == []


def test_a_service_that_hangs_is_given_up(qseow: Run, server: ScriptedServer, stand_in: StandIn) -> None:
    begin = time.monotonic()
    server.script = lambda _: None
    qseow("--key", "vault:transit/qlik?timeout=1").refused(3, "no whole answer within 1 s", "timeout=SECONDS")
    server.script = sign_only(stand_in, lambda _: None)
    qseow("--key", "vault:transit/qlik?timeout=1").refused(4, "does not sign", "no whole answer within 1 s")
    assert time.monotonic() - begin < 30


def test_a_service_that_answers_a_letter_at_a_time_is_given_up(
    qseow: Run, server: ScriptedServer, stand_in: StandIn
) -> None:
    begin = time.monotonic()
    server.script = lambda request: stand_in(request)._replace(pause=0.2)
    qseow("--key", "vault:transit/qlik?timeout=1").refused(3, "no whole answer within 1 s")
    assert time.monotonic() - begin < 30


def test_an_answer_without_an_end_is_not_read_to_its_end(qseow: Run, server: ScriptedServer) -> None:
    server.script = lambda _: Answer(200, b'{"data":"' + b"x" * (1 << 26) + b'"}')
    qseow("--key", "vault:transit/qlik").refused(3, "the answer is not one of Vault")


def test_a_service_that_is_not_there_is_said(qseow: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_ADDR", "http://127.0.0.1:1")
    qseow("--key", "vault:transit/qlik").refused(3, "ConnectionError", "VAULT_ADDR")


def test_the_certificate_authority_is_that_of_the_environment(
    qseow: Run, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_ADDR", server.url.replace("http:", "https:"))
    qseow("--key", "vault:transit/qlik").refused(3, "SSLError", "VAULT_CACERT")
    monkeypatch.setenv("VAULT_CACERT", "no-such-file.pem")
    qseow("--key", "vault:transit/qlik").refused(3, "OSError", "VAULT_CACERT")


GARBAGE = {
    "page": Answer(200, b"<html>login</html>", {"Content-Type": "text/html"}),
    "error page": Answer(502, b"<html>bad gateway</html>", {"Content-Type": "text/html"}),
    "odd error": Answer(400, b'["x"]', {"Content-Type": "application/json"}),
    "no content": Answer(204),
    "list": Answer(200, b"[]", {"Content-Type": "application/json"}),
    "deep": Answer(200, b"[" * 100_000, {"Content-Type": "application/json"}),
    "null": reply(None),
    "text": reply("x"),
    "empty": reply({}),
    "types": reply({"type": [], "keys": 1, "latest_version": "2", "signature": 7}),
    "no versions": reply({"type": "rsa-2048", "latest_version": 2, "signature": "vault:v2"}),
    "a number": reply({"type": "rsa-2048", "latest_version": 2, "keys": {"2": 17}, "signature": "vault:v2:?"}),
    "no key": reply({"type": "rsa-2048", "latest_version": 2, "keys": {"2": {}}, "signature": "vault:v2:"}),
    "half a letter": reply(
        {
            **{"type": "rsa-2048", "latest_version": 2, "signature": "vault:v2:\ud800"},
            "keys": {"2": {"public_key": "-----BEGIN PUBLIC KEY-----\ud800"}},
        }
    ),
    "damaged key": reply(
        {
            **{"type": "rsa-2048", "latest_version": 2, "signature": "vault:v2:AAAA"},
            "keys": {"2": {"public_key": "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"}},
        }
    ),
}


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_is_no_answer(qseow: Run, server: ScriptedServer, stand_in: StandIn, name: str) -> None:
    server.script = lambda _: GARBAGE[name]
    qseow("--key", "vault:transit/qlik?timeout=5").refused(3)
    server.script = sign_only(stand_in, lambda _: GARBAGE[name])
    qseow("--key", "vault:transit/qlik?timeout=5").refused(4)


def test_the_signature_of_another_version_or_key_is_not_given_out(
    qseow: Run, server: ScriptedServer, stand_in: StandIn, keys: SimpleNamespace
) -> None:
    server.script = sign_only(stand_in, lambda _: reply({"signature": "vault:v1:AAAA"}))
    qseow("--key", "vault:transit/qlik").refused(4, "no signature of version 2")
    server.script = sign_only(stand_in, StandIn(qlik=[keys.rsa, keys.other]))
    qseow("--key", "vault:transit/qlik").refused(4, "does not verify")


def test_a_signature_in_another_encoding_is_not_given_out(
    server: ScriptedServer, stand_in: StandIn, keys: SimpleNamespace
) -> None:
    raw = base64.b64encode(b"\x01" * 96).decode()
    server.script = sign_only(stand_in, lambda _: reply({"signature": f"vault:v1:{raw}"}))
    with (
        open_signer("vault:transit/p384", Secrets()) as signer,
        pytest.raises(SigningFailed, match="in another encoding"),
    ):
        signer.sign(b"x", "ES384")


def test_the_certificate_of_the_key_is_registered(run: Run, stand_in: StandIn, keys: SimpleNamespace) -> None:
    plain = run("registration", "nprinting", "--key", "vault:transit/one", "--cert-self-signed")
    assert "-----BEGIN CERTIFICATE-----" in plain.stdout, plain.stderr
    with open_signer(f"file:{keys.files['rsa']}", Secrets()) as signer:
        chain = self_signed_certificate(
            signer, CertificateRequest(days=30, common_name="from Vault", now=int(time.time())), "RS256"
        )
    stand_in.entry = {"certificate_chain": chain.decode("ascii")}
    body = json.loads(run("registration", "qseow", "--prefix", "lab", "--key", "vault:transit/one").stdout)
    assert body["jwtPublicKeyCertificate"] == chain.decode("ascii")
    assert "from Vault" in run("show-key", "--key", "vault:transit/one").stdout
    shown = run("show-key", "--key", "vault:transit/one", "-f", "pem")
    assert load_pem_public_key(shown.stdout.encode()) == keys.rsa.public_key()


def test_no_error_shows_the_token(server: ScriptedServer, stand_in: StandIn) -> None:
    for script in (lambda _: errors(403, TOKEN), lambda _: reply({"type": TOKEN}), sign_only(stand_in, lambda _: None)):
        server.script = script
        with pytest.raises((KeyUnavailable, SigningFailed)) as caught:
            open_signer("vault:transit/qlik?timeout=1", Secrets()).sign(b"x", "RS256")
        assert TOKEN not in f"{caught.value.message}{caught.value.hint}{caught.value!r}"


def test_without_the_sdk_the_error_says_what_to_install(qseow: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hvac", None)
    monkeypatch.delitem(sys.modules, "qsjwt.providers.vault", raising=False)
    qseow("--key", "vault:transit/qlik").refused(5, "pip install 'qsjwt[vault]'")
