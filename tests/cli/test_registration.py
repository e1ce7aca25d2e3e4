"""registration NAME: what the administrator registers, held against schemas written from Qlik's typings."""

import base64
import datetime
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema
import jwt as pyjwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from joserfc import jwk as joserfc_jwk
from joserfc import jwt as joserfc_jwt

from tests.conftest import InstallPlugin, Run, pem, public_pem, self_signed

TEXT: dict[str, Any] = {"type": "string", "minLength": 1}

NODE = "8d4f1a8e-7d4c-4a53-8e9f-9e1d6a3c2b10"


def _schema(properties: dict[str, Any], optional: tuple[str, ...] = ()) -> dict[str, Any]:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


ONE_LINE = {
    "type": "string",
    "pattern": r"^-----BEGIN (CERTIFICATE|PUBLIC KEY)-----[A-Za-z0-9+/=]+-----END (CERTIFICATE|PUBLIC KEY)-----$",
}
CERTIFICATE = {
    "type": "string",
    "pattern": r"^-----BEGIN CERTIFICATE-----\n([A-Za-z0-9+/=]{1,64}\n)+-----END CERTIFICATE-----\n$",
}
# CreateJWTAuthPayload of @qlik/api, and the example of its page for the three that are in no typing.
CLOUD = _schema(
    {
        "tenantIds": {"type": "array", "items": TEXT},
        "provider": {"const": "external"},
        "protocol": {"const": "jwtAuth"},
        "interactive": {"const": False},
        "active": {"const": True},
        "description": TEXT,
        "options": _schema(
            {
                "jwtLoginEnabled": {"const": True},
                "issuer": TEXT,
                "staticKeys": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": 1,
                    "items": _schema({"kid": TEXT, "pem": ONE_LINE}),
                },
            }
        ),
    },
    ("tenantIds", "description"),
)
# virtualproxyconfig of the Repository Service API.
SENSE = _schema(
    {
        "prefix": {"type": "string", "pattern": "^[a-z0-9._~-]+$"},
        "description": TEXT,
        "defaultVirtualProxy": {"const": False},
        "sessionCookieHeaderName": {"type": "string", "pattern": "^X-Qlik-Session-"},
        "authenticationMethod": {"const": 4},
        "headerAuthenticationMode": {"const": 0},
        "anonymousAccessMode": {"const": 0},
        "windowsAuthenticationEnabledDevicePattern": TEXT,
        "sessionInactivityTimeout": {"type": "integer", "minimum": 1},
        "jwtPublicKeyCertificate": CERTIFICATE,
        "jwtAttributeUserId": TEXT,
        "jwtAttributeUserDirectory": TEXT,
        "jwtAudience": TEXT,
        "jwtAttributeMap": {
            "type": "array",
            "items": _schema({"jwtAttribute": TEXT, "senseAttribute": TEXT, "isMandatory": {"type": "boolean"}}),
        },
        "loadBalancingServerNodes": {"type": "array", "items": _schema({"id": TEXT})},
        "websocketCrossOriginWhiteList": {"type": "array", "items": TEXT},
    },
    ("jwtAudience",),
)
BASE64URL = {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"}
NUMBER = {"kid": TEXT, "use": {"const": "sig"}}
JWK = {
    "oneOf": [
        _schema(
            {**NUMBER, "kty": {"const": "RSA"}, "alg": {"enum": ["RS256", "RS512"]}, "n": BASE64URL, "e": BASE64URL}
        ),
        _schema(
            {
                **NUMBER,
                **{"kty": {"const": "EC"}, "alg": {"const": "ES384"}, "crv": {"const": "P-384"}},
                **{"x": BASE64URL, "y": BASE64URL},
            }
        ),
    ]
}
FORM = {
    "oneOf": [
        _schema(
            {
                "jwtEnabled": {"const": True},
                "certificate": CERTIFICATE,
                "matchUsersBy": {"const": "email"},
                "emailAttribute": TEXT,
            }
        ),
        _schema(
            {
                "jwtEnabled": {"const": True},
                "certificate": CERTIFICATE,
                "matchUsersBy": {"const": "domain\\name"},
                "domainAttribute": TEXT,
                "nameAttribute": TEXT,
            }
        ),
    ]
}
SCHEMAS = {"qscloud": CLOUD, "qseow": SENSE, "qscloud-oauth": JWK, "nprinting": FORM}
NEEDED: dict[str, tuple[str, ...]] = {
    "qscloud": ("--issuer", "https://idp", "--keyid", "k1"),
    "qscloud-oauth": ("--keyid", "k1"),
}


@pytest.fixture(scope="session")
def certified(keys: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Files of ``rsa`` that hold a certificate: alone, and beside the private key in either order."""
    folder = tmp_path_factory.mktemp("certified")
    certificate = folder / "certificate.cer"
    private, public = keys.files["rsa"].read_bytes(), self_signed(keys.rsa, "test")
    certificate.write_bytes(public)
    (folder / "both.pem").write_bytes(private + public)
    (folder / "reverse.pem").write_bytes(public + private)
    (folder / "wrong.pem").write_bytes(pem(keys.other) + public)
    return SimpleNamespace(certificate=certificate, folder=folder, text=public.decode("ascii"))


def _body(run: Run, name: str, *options: object, **how: Any) -> dict[str, Any]:
    result = run("registration", name, *NEEDED.get(name, ()), *options, **how)
    assert (result.exit_code, result.stderr) == (0, "")
    body: dict[str, Any] = json.loads(result.stdout)
    jsonschema.validate(body, SCHEMAS[name])
    return body


def _certificate(body: dict[str, Any]) -> x509.Certificate:
    """Return the certificate in *body*, wherever the platform has it and on however many lines."""
    text = body.get("jwtPublicKeyCertificate") or body.get("certificate") or body["options"]["staticKeys"][0]["pem"]
    return x509.load_der_x509_certificate(base64.b64decode(re.sub(r"-----[A-Z ]+-----|\n", "", text)))


@pytest.mark.parametrize("name", SCHEMAS)
def test_any_way_to_the_key_gives_the_same_body(
    run: Run, keys: SimpleNamespace, certified: SimpleNamespace, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = _body(run, name, "--cert-publickey-file", certified.certificate)
    assert _body(run, name, "--cert-publickey", certified.text) == body
    assert _body(run, name, "--key", certified.folder / "both.pem") == body
    assert _body(run, name, "--key", "stdin:", stdin=(certified.folder / "reverse.pem").read_bytes()) == body
    monkeypatch.setenv("BOTH", (certified.folder / "both.pem").read_text(encoding="ascii").replace("\n", "\\n"))
    assert _body(run, name, "--key", "env:BOTH") == body
    assert _body(run, name, "--key", keys.files["rsa"], "--cert-publickey-file", certified.certificate) == body


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_registered_key_verifies_a_token_that_is_made_with_the_same_options(
    run: Run, certified: SimpleNamespace, name: str
) -> None:
    who = {
        "qseow": ("--userdir", "LAB", "--userid", "anna", "--groups", "g"),
        "qscloud": ("--subject", "s", "--username", "A", "--useremail", "a@b.c", "--useremail-verified", "true"),
        "qscloud-oauth": ("--client-id", "c", "--tenant", "https://t.eu.qlikcloud.com"),
        "nprinting": ("--domain", "LAB", "--username", "anna"),
    }[name]
    key = ("--key", certified.folder / "both.pem")
    body = _body(run, name, *who, *key)
    token = run(f"create-{name}", *NEEDED.get(name, ()), *who, *key, "--expires", "5m").token
    if name == "qscloud-oauth":
        claims: Any = joserfc_jwt.decode(token, joserfc_jwk.RSAKey.import_key(body)).claims
    else:
        public: Any = _certificate(body).public_key()
        claims = pyjwt.decode(token, public, ["RS256"], options={"verify_aud": False})
    if name == "qseow":
        assert claims[body["jwtAttributeUserId"]] == "anna"
        assert claims[body["jwtAttributeUserDirectory"]] == "LAB"
        assert claims[body["jwtAttributeMap"][0]["jwtAttribute"]] == ["g"]
    if name == "nprinting":
        assert (claims[body["domainAttribute"]], claims[body["nameAttribute"]]) == ("LAB", "anna")
    if name == "qscloud":
        assert claims["iss"] == body["options"]["issuer"]
        assert pyjwt.get_unverified_header(token)["kid"] == body["options"]["staticKeys"][0]["kid"]


def test_the_body_for_qlik_cloud_is_qliks_own_example(run: Run, certified: SimpleNamespace) -> None:
    certificate = certified.text.replace("\n", "")
    options = ("--tenant-id", "t1", "--tenant-id", "t2", "--description", "My JWT IdP")
    assert _body(run, "qscloud", *options, "--cert-publickey-file", certified.certificate) == {
        "provider": "external",
        "protocol": "jwtAuth",
        "interactive": False,
        "active": True,
        "options": {
            "jwtLoginEnabled": True,
            "issuer": "https://idp",
            "staticKeys": [{"kid": "k1", "pem": certificate}],
        },
        "description": "My JWT IdP",
        "tenantIds": ["t1", "t2"],
    }


def test_qlik_cloud_takes_a_bare_key_by_name(run: Run, keys: SimpleNamespace) -> None:
    body = _body(run, "qscloud", "--cert-publickey-file", keys.public)
    assert body["options"]["staticKeys"][0]["pem"] == public_pem(keys.rsa).decode().replace("\n", "")


def test_the_body_for_qlik_sense_has_the_names_of_the_claims(run: Run, certified: SimpleNamespace) -> None:
    body = _body(
        *(run, "qseow", "--cert-publickey-file", certified.certificate, "--prefix", "script", "--audience", "aud"),
        *("--userid-claim", "uid", "--userdir-claim", "dir", "--groups-claim", "roles", "--description", "For scripts"),
        *("--node-id", NODE, "--node-id", f"{{{NODE.upper()}}}", "--allowed-host", "qlik.company.com"),
    )
    assert body["jwtPublicKeyCertificate"] == certified.text
    assert (body["prefix"], body["description"]) == ("script", "For scripts")
    assert body["sessionCookieHeaderName"] == "X-Qlik-Session-script"
    assert (body["jwtAttributeUserId"], body["jwtAttributeUserDirectory"]) == ("uid", "dir")
    assert body["jwtAudience"] == "aud"
    assert body["loadBalancingServerNodes"] == [{"id": NODE}, {"id": NODE}]
    assert body["websocketCrossOriginWhiteList"] == ["qlik.company.com"]
    assert [(row["jwtAttribute"], row["senseAttribute"]) for row in body["jwtAttributeMap"]] == [
        ("name", "name"),
        ("email", "email"),
        ("roles", "group"),
    ]


def test_options_that_name_attributes_map_these_and_the_claims_of_ones_own(
    run: Run, certified: SimpleNamespace
) -> None:
    body = _body(
        *(run, "qseow", "--cert-publickey-file", certified.certificate, "--userdir", "LAB", "--userid", "anna"),
        *("--groups", "g", "--claim", "region=Nord", "--claim-json", "levels=[1]", "--claim", "sub=x"),
    )
    assert [row["jwtAttribute"] for row in body["jwtAttributeMap"]] == ["group", "region", "levels"]


@pytest.mark.parametrize(
    ("algorithm", "key", "expected"), [(None, "rsa", "RS256"), ("RS512", "rsa", "RS512"), (None, "p384", "ES384")]
)
def test_the_jwk_is_complete_for_every_kind_of_key(
    run: Run, keys: SimpleNamespace, algorithm: str | None, key: str, expected: str
) -> None:
    options = ("--algorithm", algorithm) if algorithm else ()
    body = _body(run, "qscloud-oauth", *options, "--key", keys.files[key])
    assert (body["alg"], body["kid"]) == (expected, "k1")
    made = (joserfc_jwk.RSAKey if body["kty"] == "RSA" else joserfc_jwk.ECKey).import_key(body)
    assert made.as_pem(private=False) == public_pem(getattr(keys, key))


def test_a_modulus_of_4096_bits_is_whole(run: Run) -> None:
    assert run("create-key", "--cert-file-prefix", "k_").exit_code == 0
    body = _body(run, "qscloud-oauth", "--cert-publickey-file", "k_publickey.pem")
    assert len(body["n"]) == 683


def test_the_thumbprint_is_the_key_id_of_token_and_registration(run: Run, keys: SimpleNamespace) -> None:
    result = run("registration", "qscloud", "--issuer", "i", "--keyid", "thumbprint", "--key", keys.files["rsa"])
    base = ("create-qscloud", "--issuer", "i", "--keyid", "thumbprint", "--expires", "5m", "--key", keys.files["rsa"])
    kid = pyjwt.get_unverified_header(run(*base).token)["kid"]
    assert kid == joserfc_jwk.RSAKey.import_key(public_pem(keys.rsa)).thumbprint()
    assert json.loads(result.stdout)["options"]["staticKeys"][0]["kid"] == kid


@pytest.mark.parametrize(("options", "domain"), [((), False), (("--domain", "LAB", "--username", "a"), True)])
def test_nprinting_matches_as_the_options_for_the_user_say(
    run: Run, certified: SimpleNamespace, options: tuple[str, ...], domain: bool
) -> None:
    body = _body(
        *(run, "nprinting", *options, "--cert-publickey-file", certified.certificate),
        *("--useremail-claim", "mailaddress", "--domain-claim", "d", "--username-claim", "n"),
    )
    if domain:
        assert (body["domainAttribute"], body["nameAttribute"]) == ("d", "n")
    else:
        assert body["emailAttribute"] == "mailaddress"


@pytest.mark.parametrize("name", ["qseow", "nprinting"])
def test_a_bare_key_is_refused_where_a_certificate_is_needed(run: Run, keys: SimpleNamespace, name: str) -> None:
    for key in (("--key", keys.files["rsa"]), ("--cert-publickey-file", keys.public)):
        run("registration", name, *key).refused(3, "X.509 certificate", "--cert-self-signed")


@pytest.mark.parametrize("name", ["qseow", "nprinting", "qscloud"])
def test_a_key_that_can_sign_signs_its_own_certificate(run: Run, keys: SimpleNamespace, name: str) -> None:
    more = ("--cert-self-signed", "--cert-create-expires-days", "30", "--cert-common-name", "Göran")
    body = _body(run, name, "--key", keys.files["rsa"], *more)
    certificate = _certificate(body)
    certificate.verify_directly_issued_by(certificate)
    assert certificate.public_key() == keys.rsa.public_key()
    assert certificate.subject.rfc4514_string() == "CN=Göran"
    assert (certificate.not_valid_after_utc - certificate.not_valid_before_utc).days == 30
    assert certificate.signature_hash_algorithm.name == "sha256"  # type: ignore[union-attr]


REMOTE = """
    from pathlib import Path
    from qsjwt.api import KeyProvider, Signer, local_signer

    class Far(Signer):
        def __init__(self, near):
            self.public_key, self._near = near.public_key, near

        def sign(self, data, algorithm):
            return b"x" * 256 if self._near is None else self._near.sign(data, algorithm)

    class Hsm(KeyProvider):
        summary = "hsm:NAME         a stand-in for a key that never leaves its place"

        def open(self, reference, secrets):
            path = reference.removeprefix("broken:")
            far = Far(local_signer(Path(path).read_bytes(), "the key", secrets))
            if reference.startswith("broken:"):
                far._near = None
            return far
"""


@pytest.mark.parametrize("key", ["rsa", "p384"])
def test_a_key_that_never_leaves_its_place_signs_its_own_certificate(
    run: Run, keys: SimpleNamespace, installed_plugin: InstallPlugin, key: str
) -> None:
    installed_plugin("hsm-pkg", {"qsjwt.key_provider.v1": "hsm = hsm_pkg:Hsm"}, REMOTE)
    name = "qseow" if key == "rsa" else "qscloud-oauth"
    reference = f"hsm:{keys.files[key]}"
    if name == "qseow":
        run("registration", name, "--key", reference).refused(3, "X.509 certificate")
    assert _body(run, name, "--key", reference, "--cert-self-signed")
    broken = run("registration", "qseow", "--key", f"hsm:broken:{keys.files['rsa']}", "--cert-self-signed")
    broken.refused(4, "the new certificate's signature does not verify")


def test_a_certificate_that_is_not_valid_is_registered_with_a_warning(
    run: Run, keys: SimpleNamespace, certified: SimpleNamespace, tmp_path: Path
) -> None:
    _dated_certificate(
        keys.files["rsa"],
        tmp_path / "old.cer",
        *(datetime.datetime(year, 1, 1, tzinfo=datetime.UTC) for year in (2020, 2021)),
    )
    result = run("registration", "qseow", "--cert-publickey-file", "old.cer")
    assert result.exit_code == 0
    assert "the certificate expired at 2021-01-01T00:00:00Z" in result.stderr
    (tmp_path / "both.pem").write_bytes(keys.files["rsa"].read_bytes() + (tmp_path / "old.cer").read_bytes())
    renewed = run("registration", "qseow", "--key", "both.pem", "--cert-self-signed")
    assert renewed.stderr == ""
    assert _certificate(json.loads(renewed.stdout)).not_valid_after_utc.year > 2021


def _dated_certificate(key: Path, path: Path, first: datetime.datetime, last: datetime.datetime) -> None:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "t")])
    private: Any = serialization.load_pem_private_key(key.read_bytes(), None)
    made = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, serial_number=1, public_key=private.public_key())
        .not_valid_before(first)
        .not_valid_after(last)
        .sign(private, hashes.SHA256())
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))


def test_options_for_a_certificate_that_is_not_made_are_said_to_have_no_effect(
    run: Run, certified: SimpleNamespace
) -> None:
    options = ("--cert-publickey-file", certified.certificate, "--cert-common-name", "x")
    assert "have no effect without --cert-self-signed" in run("registration", "qseow", *options).stderr


def test_a_claim_that_has_its_place_already_gets_no_row(run: Run, certified: SimpleNamespace) -> None:
    key = ("--cert-publickey-file", certified.certificate)
    body = _body(run, "qseow", *key, "--userid-claim", "email", "--claim", "email=x", "--claim", "userDirectory=y")
    assert [row["jwtAttribute"] for row in body["jwtAttributeMap"]] == ["name", "group"]
    clash = ("--useremail", "e", "--useremail-claim", "mail", "--claim", "email=x")
    run("registration", "qseow", *key, *clash).refused(2, "would become the attribute 'email'")


def test_an_option_that_holds_a_private_key_by_mistake_is_not_printed(
    run: Run, keys: SimpleNamespace, certified: SimpleNamespace
) -> None:
    private = keys.files["rsa"].read_text(encoding="ascii")
    key = ("--cert-publickey-file", certified.certificate)
    for name, option in (("qscloud-oauth", "--keyid"), ("qseow", "--groups-claim")):
        one_line = private.replace("\n", "")
        run("registration", name, *key, option, one_line).refused(2, "contains a private key")
        whole = run("registration", name, *key, option, private)
        whole.refused(2, f"invalid value for {option}: (hidden, as it looks like a key or a token)")
        assert private.split("\n")[1] not in whole.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("qscloud", "--keyid", "k", "--cert-publickey-file", "PUBLIC"), 2, ("--issuer is missing",)),
        (("qscloud", "--issuer", "i", "--cert-publickey-file", "PUBLIC"), 2, ("--keyid is missing",)),
        (("qscloud-oauth", "--cert-publickey-file", "PUBLIC"), 2, ("--keyid is missing",)),
        (("qseow",), 2, ("no key is given",)),
        (
            ("qseow", "--cert-self-signed", "--cert-publickey-file", "PUBLIC"),
            2,
            ("makes a certificate for a private key",),
        ),
        (("qseow", "--cert-publickey-file", "CERT", "--prefix", "/JWT"), 2, ("--prefix '/JWT'", "a to z")),
        (("qseow", "--cert-publickey-file", "CERT", "--prefix", ""), 2, ("--prefix ''",)),
        (("qseow", "--cert-publickey-file", "CERT", "--userid-claim", "exp"), 2, ("RFC 7519 reserves",)),
        (("qseow", "--cert-publickey-file", "CERT", "--groups-claim", "userId"), 2, ("same claim name",)),
        (("qseow", "--cert-publickey-file", "CERT", "--cert-publickey", "x"), 2, ("more than one public key",)),
        (("qseow", "--cert-publickey-file", "CERT", "--output", "no/where"), 2, ("folder that does not exist",)),
        (("qseow", "--cert-publickey-file", "none"), 3, ("does not exist",)),
        (("qseow", "--cert-publickey-file", "PRIVATE"), 3, ("private key, where only a public one belongs",)),
        (("qseow", "--key", "OTHER", "--cert-publickey-file", "CERT"), 3, ("is not that of the private key",)),
        (("qseow", "--key", "WRONG"), 3, ("is not that of the key",)),
        (("qseow", "--key", "P384"), 3, ("an EC key on P-384", "use an RSA key of 2048 bits or more")),
        (
            ("qscloud-oauth", "--keyid", "k", "--key", "P384", "--algorithm", "RS512"),
            3,
            ("an EC key on P-384, which cannot sign with RS512", "--algorithm ES384"),
        ),
        (("qscloud-oauth", "--keyid", "k", "--cert-publickey-file", "SHORT"), 3, ("1024 bits",)),
        (
            ("qseow", "--key", "PRIVATE", "--cert-self-signed", "--cert-create-expires-days", "1e3"),
            2,
            ("whole number",),
        ),
        (("qseow", "--key", "PRIVATE", "--cert-self-signed", "--cert-common-name", ""), 2, ("common name",)),
        (("qseow", "--cert-publickey-file", "CERT", "--prefix", ".."), 2, ("--prefix '..'",)),
        (("qseow", "--cert-publickey-file", "CERT", "--audience", ""), 2, ("--audience is empty",)),
        (("qseow", "--cert-publickey-file", "CERT", "--node-id", " "), 2, ("--node-id: ''", "must be a UUID")),
        (("qseow", "--cert-publickey-file", "CERT", "--node-id", "node1"), 2, ("'node1' (must be a UUID)",)),
        (("qseow", "--cert-publickey-file", "CERT", "--prefix", "x" * 101), 2, ("--prefix: it has 101 characters",)),
        (("qseow", "--cert-publickey-file", "CERT", "--description", "ö" * 501), 2, ("501 characters", "at most 500")),
        (("qseow", "--cert-publickey-file", "CERT", "--audience", "a" * 256), 2, ("256 characters", "at most 255")),
        (("qseow", "--cert-publickey-file", "CERT", "--userid-claim", "u" * 256), 2, ("--userid-claim has 256",)),
        (
            ("qscloud", "--cert-publickey-file", "CERT", "--description", "x" * 129),
            2,
            ("129 characters", "at most 128"),
        ),
        (("qseow", "--cert-publickey-file", "CERT", "--allowed-host", "https://q.c:443"), 2, ("name of a host",)),
        (("qseow", "--cert-publickey-file", "CERT", "--allowed-host", "10.0.0.1"), 2, ("name of a host",)),
        (("qscloud", "--issuer", "i", "--keyid", " ", "--cert-publickey-file", "CERT"), 2, ("key ID",)),
        (("qscloud-oauth", "--keyid", "k", "--tenant", "x", "--cert-publickey-file", "CERT"), 2, ("--tenant: 'x'",)),
        (("nprinting", "--username", "n", "--cert-publickey-file", "CERT"), 2, ("go together",)),
        (
            ("qseow", "--key", "PRIVATE", "--cert-publickey-file", "CERT", "--cert-self-signed"),
            2,
            ("no other certificate",),
        ),
        (("acme",), 5, ("there is no platform 'acme'",)),
        ((), 2, ("name of a platform",)),
    ],
)
def test_what_cannot_be_registered_says_why(
    run: Run,
    keys: SimpleNamespace,
    certified: SimpleNamespace,
    tmp_path: Path,
    arguments: tuple[str, ...],
    code: int,
    words: tuple[str, ...],
) -> None:
    (tmp_path / "short").write_bytes(public_pem(keys.short))
    files = {
        **{"PUBLIC": keys.public, "PRIVATE": keys.files["rsa"], "OTHER": keys.files["other"]},
        **{"P384": keys.files["p384"], "CERT": certified.certificate, "WRONG": certified.folder / "wrong.pem"},
        "SHORT": tmp_path / "short",
    }
    run("registration", *[files.get(argument, argument) for argument in arguments]).refused(code, *words)


def test_a_jwk_set_gives_the_key_that_the_key_id_names(run: Run, keys: SimpleNamespace, tmp_path: Path) -> None:
    members = []
    for name in ("rsa", "other"):
        key = joserfc_jwk.RSAKey.import_key(public_pem(getattr(keys, name)))
        members.append({**key.as_dict(private=False), "kid": name})
    (tmp_path / "set.json").write_text(json.dumps({"keys": members}), encoding="utf-8")
    options = ("registration", "qscloud-oauth", "--cert-publickey-file", "set.json", "--keyid")
    assert json.loads(run(*options, "other").stdout)["n"] == members[1]["n"]
    run(*options, "third").refused(3, "holds 2 keys")


def test_the_body_goes_to_a_file_on_demand(run: Run, certified: SimpleNamespace, tmp_path: Path) -> None:
    result = run("registration", "qseow", "--cert-publickey-file", certified.certificate, "--output", "body.json")
    assert (result.exit_code, result.stdout) == (0, "")
    jsonschema.validate(json.loads((tmp_path / "body.json").read_text(encoding="utf-8")), SENSE)


def test_nothing_private_is_in_any_output(run: Run, keys: SimpleNamespace, certified: SimpleNamespace) -> None:
    numbers = keys.rsa.private_numbers()
    secrets = {format(number, "x") for number in (numbers.d, numbers.p, numbers.q)}
    body = "".join(pem(keys.rsa).decode().splitlines()[1:3])
    for name in SCHEMAS:
        for level in ("warn", "debug"):
            options = (*NEEDED.get(name, ()), "--key", certified.folder / "both.pem", "--loglevel", level)
            result = run("registration", name, *options)
            text = result.stdout + result.stderr
            assert "PRIVATE" not in text
            assert body[:40] not in text.replace("\\n", "")
            assert not any(secret in text.lower() for secret in secrets)


def test_a_platform_of_another_package_registers_what_it_says(
    run: Run, keys: SimpleNamespace, installed_plugin: InstallPlugin
) -> None:
    source = """
        from qsjwt.api import Platform, Token

        class Plain(Platform):
            summary = "Plain"
            def add_options(self, group): group.add("--user", required=True)
            def build(self, request, now): return Token({}, {})

        class Acme(Plain):
            summary = "Acme Analytics"
            def add_registration_options(self, group): group.add("--site", default="main")
            def registration(self, request, public):
                own = {"site": request.options.site, "user": request.options.user}
                return {**own, "key": public.thumbprint, "alg": request.algorithm}

        class Bad(Plain):
            summary = "Bad"
            def registration(self, request, public):
                return {"key": object()}
    """
    installed_plugin("acme", {"qsjwt.platform.v1": "acme = acme:Acme\nplain-one = acme:Plain\nbad = acme:Bad"}, source)
    body = json.loads(run("registration", "acme", "--site", "west", "--key", keys.files["rsa"]).stdout)
    assert (body["site"], body["user"], body["alg"], len(body["key"])) == ("west", None, "RS256", 43)
    run("registration", "plain-one", "--key", keys.files["rsa"]).refused(2, "what to register for Plain is not known")
    run("registration", "bad", "--key", keys.files["rsa"]).refused(
        5, "'bad' of acme 1.2.3 does not say what to register"
    )


@pytest.mark.parametrize("form", [NODE, NODE.upper(), f"{{{NODE}}}", NODE.replace("-", "")])
def test_a_node_is_named_by_its_uuid_in_any_form(run: Run, certified: SimpleNamespace, form: str) -> None:
    body = _body(run, "qseow", "--cert-publickey-file", certified.certificate, "--node-id", form)
    assert body["loadBalancingServerNodes"] == [{"id": NODE}]


def test_what_is_as_long_as_it_may_be_is_registered(run: Run, certified: SimpleNamespace) -> None:
    key = ("--cert-publickey-file", certified.certificate)
    body = _body(run, "qseow", *key, "--prefix", "x" * 100, "--description", "ö" * 500, "--audience", "a" * 255)
    assert len(body["sessionCookieHeaderName"]) <= 256
    assert (len(body["description"]), len(body["jwtAudience"])) == (500, 255)
    body = _body(run, "qscloud", *key, "--issuer", "i", "--keyid", "k", "--description", "x" * 128)
    assert len(body["description"]) == 128


def test_the_clock_tolerance_is_a_number_of_seconds_in_qliks_bounds(run: Run, keys: SimpleNamespace) -> None:
    words = ("registration", "qscloud", "--issuer", "i", "--keyid", "k", "--key", keys.files["rsa"])
    for seconds in (0, 7200):
        body = json.loads(run(*words, "--clock-tolerance", seconds).stdout)
        assert body["clockToleranceSec"] == seconds
    assert "clockToleranceSec" not in json.loads(run(*words).stdout)
    for wrong in ("7201", "-1", "1.5", "5s", "1e3", "\u0665"):
        run(*words, f"--clock-tolerance={wrong}").refused(2, "--clock-tolerance", "from 0 to 7200")


def test_an_oauth_client_can_be_printed_as_a_whole(run: Run, keys: SimpleNamespace) -> None:
    words = ("registration", "qscloud-oauth", "--keyid", "k", "--key", keys.files["rsa"])
    jwk = json.loads(run(*words).stdout)
    assert json.loads(run(*words, "-f", "jwk").stdout) == jwk
    client = json.loads(run(*words, "-f", "client", "--client-name", "Scripts").stdout)
    assert (client["publicKeys"], client["clientName"]) == ([jwk], "Scripts")
    assert client["allowedAuthMethods"] == ["private_key_jwt"]
    run(*words, "-f", "client", "--client-name", "x" * 513).refused(2, "--client-name", "512")
