"""check NAME: whether a platform would accept a token, and if not, why; on tokens that other libraries made."""

import base64
import datetime
import json
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jwt as pyjwt
import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from joserfc import jwk as joserfc_jwk

from qsjwt.tokens.create import load_platform
from qsjwt.tokens.rules import fact_of
from qsjwt_platforms import qscloud, qscloud_oauth
from tests.conftest import VECTORS, InstallPlugin, Result, Run, public_pem

NOW = 1_795_461_180
AT = "2026-11-23T19:13:00Z"
ENDPOINT = "https://t.eu.qlikcloud.com/oauth/token"

CLAIMS: dict[str, dict[str, Any]] = {
    "qseow": {
        **{"userId": "anna", "userDirectory": "LAB", "name": "Anna", "email": "a@b.c", "group": ["g"]},
        **{"iss": "i", "aud": "a", "iat": NOW, "nbf": NOW, "exp": NOW + 60},
    },
    "qscloud": {
        **{"iss": "i", "aud": "qlik.api/login/jwt-session", "sub": "s", "subType": "user", "name": "Anna"},
        **{"email": "a@b.c", "email_verified": True, "groups": ["g"], "jti": "j"},
        **{"iat": NOW, "nbf": NOW, "exp": NOW + 60},
    },
    "qscloud-oauth": {
        **{"iss": "client", "sub": "client", "aud": ENDPOINT, "jti": "5a0b2d83-9b5f-4c3b-8a64-9f3c2a1d7e10"},
        **{"iat": NOW, "exp": NOW + 60},
    },
    "nprinting": {"email": "a@b.c", "domain": "LAB", "name": "anna", "nbf": NOW, "exp": NOW + 60},
}
GIVEN: dict[str, tuple[str, ...]] = {
    "qseow": ("--issuer", "i", "--audience", "a", "--keyid", "k"),
    "qscloud": ("--issuer", "i", "--keyid", "k"),
    "qscloud-oauth": ("--client-id", "client", "--tenant", "https://t.eu.qlikcloud.com", "--keyid", "k"),
    "nprinting": ("--keyid", "k"),
}
WITHOUT = object()
"""As the value of a claim or of a member of the header: it is not there."""


def _certificate(key: Any, days_before: int, days_after: int) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    moment = datetime.datetime.fromtimestamp(NOW, datetime.UTC)
    return (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, serial_number=1, public_key=key.public_key())
        .not_valid_before(moment - datetime.timedelta(days=days_before))
        .not_valid_after(moment + datetime.timedelta(days=days_after))
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )


@pytest.fixture(scope="session")
def certificates(keys: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Certificate files: ``good``, ``expired`` and ``early`` are of the key that signs, ``other`` and ``short`` not."""
    folder = tmp_path_factory.mktemp("certificates")
    made = {
        "good": _certificate(keys.rsa, 1, 100),
        "expired": _certificate(keys.rsa, 100, -1),
        "early": _certificate(keys.rsa, -1, 100),
        "other": _certificate(keys.other, 1, 100),
        "short": _certificate(keys.short, 1, 100),
        "mixed": public_pem(keys.rsa) + _certificate(keys.other, 1, 100),
    }
    for name, data in made.items():
        (folder / name).write_bytes(data)
    return SimpleNamespace(**{name: folder / name for name in made})


def _merged(part: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**part, **changes}.items() if value is not WITHOUT}


def _signed(claims: dict[str, Any], header: dict[str, Any], key: Any) -> str:
    """Sign with PyJWT, or, where it minds what is in the header, by hand."""
    payload = json.dumps(claims).encode()
    algorithm = header.get("alg", "RS256")
    if isinstance(header.get("kid", ""), str) and "alg" in header:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # short keys
            return pyjwt.PyJWS().encode(payload, key, algorithm, headers=header)
    parts = [base64.urlsafe_b64encode(part).rstrip(b"=") for part in (json.dumps(header).encode(), payload)]
    signature = key.sign(b".".join(parts), padding.PKCS1v15(), hashes.SHA256())
    return b".".join([*parts, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()


Check = Callable[..., Result]


@pytest.fixture
def check(run: Run, keys: SimpleNamespace, certificates: SimpleNamespace, tmp_path: Path) -> Check:
    """Check a good token with changes: ``check("qscloud", {"iss": WITHOUT}, header={...}, key=...)``."""

    def checker(
        name: str,
        claims: dict[str, Any] | None = None,
        *options: object,
        header: dict[str, Any] | None = None,
        key: Any = None,
        certificate: Path | None = None,
        given: tuple[str, ...] | None = None,
    ) -> Result:
        head = _merged({"alg": "RS256", "typ": "JWT", "kid": "k"}, header or {})
        token = _signed(_merged(CLAIMS[name], claims or {}), head, key or keys.rsa)
        (tmp_path / "token").write_text(token, encoding="ascii")
        registered = ("--cert-publickey-file", certificate or certificates.good)
        known = GIVEN[name] if given is None else given
        words = ("check", name, "--jwt-file", "token", "--at", AT, "-f", "json", *registered, *known, *options)
        result = run(*words)
        if words[-1] not in ("text", "yaml"):
            # Whatever is broken, there is a way out.
            assert all(rule["hint"] or rule["status"] != "broken" for rule in json.loads(result.stdout)["rules"])
        return result

    return checker


def _joined(text: str) -> str:
    return " ".join(text.split())


def _of(result: Result, status: str) -> list[str]:
    return [rule["rule"] for rule in json.loads(result.stdout)["rules"] if rule["status"] == status]


@pytest.mark.parametrize("name", CLAIMS)
def test_a_good_token_with_every_option_given_keeps_every_rule(check: Check, name: str) -> None:
    result = check(name)
    record = json.loads(result.stdout)
    assert (result.exit_code, result.stderr) == (0, "")
    assert (record["platform"], record["at"], record["verdict"]) == (name, AT, "ok")
    assert {rule["status"] for rule in record["rules"]} == {"ok"}
    for rule in record["rules"]:
        assert set(rule) == {"rule", "status", "message", "hint", "source", "answer"}
        assert rule["message"]
        assert rule["source"]


BROKEN: list[tuple[str, str, dict[str, Any]]] = [
    ("qseow", "user-id", {"userId": WITHOUT}),
    ("qseow", "user-id", {"userId": WITHOUT, "userid": "anna"}),
    ("qseow", "user-id", {"userId": 7}),
    ("qseow", "user-id", {"userId": " "}),
    ("qseow", "user-id", {"userId": "LAB\\anna"}),
    ("qseow", "user-directory", {"userDirectory": WITHOUT}),
    ("qseow", "user-directory", {"userDirectory": WITHOUT, "UserDirectory": "LAB"}),
    ("qseow", "user-directory", {"userDirectory": None}),
    ("qseow", "user-directory", {"userDirectory": "a\\b"}),
    ("qseow", "username", {"name": 7}),
    ("qseow", "exp", {"exp": NOW * 1000}),
    ("qseow", "nbf", {"nbf": WITHOUT, "Nbf": NOW}),
    ("qscloud", "iat", {"iat": NOW * 1000}),
    ("qscloud", "groups", {"groups": WITHOUT, "Group": ["g"]}),
    ("qscloud", "jti", {"jti": ["j"]}),
    ("qseow", "useremail", {"email": ""}),
    ("qseow", "groups", {"group": ["a", 7]}),
    ("qseow", "groups", {"group": 7}),
    ("qseow", "groups", {"group": {}}),
    ("qseow", "iss", {"iss": 7}),
    ("qseow", "iss", {"iss": "another"}),
    ("qseow", "aud", {"aud": WITHOUT}),
    ("qseow", "aud", {"aud": "another"}),
    ("qseow", "aud", {"aud": []}),
    ("qseow", "aud", {"aud": 7}),
    ("qseow", "iat", {"iat": NOW + 1}),
    ("qseow", "iat", {"iat": "now"}),
    ("qseow", "nbf", {"nbf": NOW + 1}),
    ("qseow", "nbf", {"nbf": str(NOW)}),
    ("qseow", "exp", {"exp": NOW}),
    ("qseow", "exp", {"exp": str(NOW + 60)}),
    ("qscloud", "iss", {"iss": WITHOUT}),
    ("qscloud", "iss", {"iss": "another"}),
    ("qscloud", "iss", {"iss": WITHOUT, "ISS": "i"}),
    ("qscloud", "aud", {"aud": WITHOUT}),
    ("qscloud", "aud", {"aud": "qlik.api"}),
    ("qscloud", "aud", {"aud": ["qlik.api/login/jwt-session"]}),
    ("qscloud", "sub", {"sub": WITHOUT}),
    ("qscloud", "sub", {"sub": 7}),
    ("qscloud", "subType", {"subType": WITHOUT}),
    ("qscloud", "subType", {"subType": WITHOUT, "subtype": "user"}),
    ("qscloud", "subType", {"subType": "User"}),
    ("qscloud", "name", {"name": 7}),
    ("qscloud", "name", {"name": WITHOUT, "Name": "Anna"}),
    ("qscloud", "email", {"email": ""}),
    ("qscloud", "email", {"email": WITHOUT, "eMail": "a@b.c"}),
    ("qscloud", "email_verified", {"email_verified": "true"}),
    ("qscloud", "email_verified", {"email_verified": 1}),
    ("qscloud", "email_verified", {"email_verified": WITHOUT, "emailVerified": True}),
    ("qscloud", "groups", {"groups": WITHOUT, "group": ["g"]}),
    ("qscloud", "groups", {"groups": WITHOUT, "Groups": ["g"]}),
    ("qscloud", "groups", {"groups": "g"}),
    ("qscloud", "groups", {"groups": ["g", 7]}),
    ("qscloud", "jti", {"jti": WITHOUT}),
    ("qscloud", "jti", {"jti": ""}),
    ("qscloud", "jti", {"jti": True}),
    ("qscloud", "iat", {"iat": WITHOUT}),
    ("qscloud", "iat", {"iat": "now"}),
    ("qscloud", "nbf", {"nbf": WITHOUT}),
    ("qscloud", "nbf", {"nbf": NOW + 1}),
    ("qscloud", "exp", {"exp": WITHOUT}),
    ("qscloud", "exp", {"exp": True}),
    ("qscloud", "exp", {"exp": NOW + 60.5}),
    ("qscloud", "exp", {"nbf": NOW - 60, "exp": NOW}),
    ("qscloud", "window", {"exp": NOW + qscloud.WINDOW + 1}),
    ("qscloud-oauth", "iss", {"iss": "another"}),
    ("qscloud-oauth", "iss", {"iss": WITHOUT}),
    ("qscloud-oauth", "sub", {"sub": "another"}),
    ("qscloud-oauth", "sub", {"sub": WITHOUT}),
    ("qscloud-oauth", "aud", {"aud": f"{ENDPOINT}/"}),
    ("qscloud-oauth", "aud", {"aud": "https://u.eu.qlikcloud.com/oauth/token"}),
    ("qscloud-oauth", "aud", {"aud": "https://t.eu.qlikcloud.com"}),
    ("qscloud-oauth", "aud", {"aud": [ENDPOINT]}),
    ("qscloud-oauth", "jti", {"jti": WITHOUT}),
    ("qscloud-oauth", "iat", {"iat": WITHOUT}),
    ("qscloud-oauth", "iat", {"iat": "now"}),
    ("qscloud-oauth", "exp", {"exp": WITHOUT}),
    ("qscloud-oauth", "exp", {"iat": NOW - 60, "exp": NOW}),
    ("qscloud-oauth", "window", {"exp": NOW + qscloud_oauth.WINDOW + 1}),
    ("qscloud-oauth", "nbf", {"nbf": NOW}),
    ("qscloud-oauth", "groups", {"groups": ["g"]}),
    ("nprinting", "user", {"email": WITHOUT, "domain": WITHOUT, "name": WITHOUT}),
    ("nprinting", "email", {"email": 7}),
    ("nprinting", "email", {"email": WITHOUT, "domain": WITHOUT, "name": WITHOUT, "Email": "a@b.c"}),
    ("nprinting", "domain", {"email": WITHOUT, "domain": WITHOUT}),
    ("nprinting", "name", {"email": WITHOUT, "name": WITHOUT}),
    ("nprinting", "name", {"email": WITHOUT, "name": WITHOUT, "Name": "anna"}),
    ("nprinting", "domain", {"domain": ""}),
    ("nprinting", "nbf", {"nbf": NOW + 1}),
    ("nprinting", "exp", {"exp": NOW}),
    ("nprinting", "exp", {"exp": "soon"}),
]


@pytest.mark.parametrize(("name", "rule", "claims"), BROKEN)
def test_a_claim_that_breaks_one_rule_breaks_no_other(
    check: Check, name: str, rule: str, claims: dict[str, Any]
) -> None:
    result = check(name, claims)
    assert _of(result, "broken") == [rule]
    assert _of(result, "unknown") == []
    assert result.exit_code == 6
    assert result.stderr.rstrip().endswith(f"would refuse the token: {rule}")


HEADERS: list[tuple[str, str, dict[str, Any]]] = [
    ("qseow", "kid", {"kid": "another"}),
    ("qseow", "kid", {"kid": WITHOUT}),
    ("qscloud", "algorithm", {"alg": "RS512"}),
    ("qscloud", "algorithm", {"alg": "PS256"}),
    ("qscloud", "kid", {"kid": WITHOUT}),
    ("qscloud", "kid", {"kid": "another"}),
    ("qscloud", "kid", {"kid": 7}),
    ("qscloud", "kid", {"kid": WITHOUT, "KID": "k"}),
    ("qscloud-oauth", "algorithm", {"alg": "RS384"}),
    ("qscloud-oauth", "kid", {"kid": WITHOUT}),
    ("qscloud-oauth", "kid", {"kid": "another"}),
    ("nprinting", "algorithm", {"alg": "PS512"}),
    ("nprinting", "kid", {"kid": "another"}),
]


@pytest.mark.parametrize(("name", "rule", "header"), HEADERS)
def test_a_header_that_breaks_one_rule_breaks_no_other(
    check: Check, name: str, rule: str, header: dict[str, Any]
) -> None:
    result = check(name, header=header)
    assert (_of(result, "broken"), _of(result, "unknown")) == ([rule], [])
    assert result.exit_code == 6


@pytest.mark.parametrize("name", CLAIMS)
def test_an_algorithm_for_another_kind_of_key_is_one_broken_rule(
    check: Check, keys: SimpleNamespace, name: str
) -> None:
    elliptic = check(name, header={"alg": "ES256"}, key=keys.ec)
    assert (_of(elliptic, "broken"), _of(elliptic, "unknown")) == (["algorithm"], ["signature"])
    shared = check(name, header={"alg": "HS256"}, key="a secret of thirty-two characters at least")
    assert (_of(shared, "broken"), _of(shared, "unknown")) == (["algorithm"], ["signature"])


@pytest.mark.parametrize("name", CLAIMS)
def test_a_key_that_is_not_the_signers_breaks_the_signature(
    check: Check, certificates: SimpleNamespace, keys: SimpleNamespace, name: str
) -> None:
    result = check(name, certificate=certificates.other)
    assert (_of(result, "broken"), _of(result, "unknown")) == (["signature"], [])
    assert "another key signed it" in result.stdout
    assert _of(check(name, key=keys.other), "broken") == ["signature"]


@pytest.mark.parametrize("name", CLAIMS)
def test_a_key_that_is_too_short_is_said_to_be(
    check: Check, certificates: SimpleNamespace, keys: SimpleNamespace, name: str
) -> None:
    result = check(name, key=keys.short, certificate=certificates.short)
    assert _of(result, "broken") == ["key"]
    assert "1024 bits" in result.stdout
    assert "2048" in result.stdout


@pytest.mark.parametrize("name", ["qseow", "qscloud", "nprinting"])
@pytest.mark.parametrize(
    ("certificate", "word"),
    [
        ("expired", "the certificate expired at 2026-11-22T19:13:00Z"),
        ("early", "not valid before 2026-11-24T19:13:00Z"),
        ("mixed", "does not belong to the key"),
    ],
)
def test_a_certificate_that_is_not_valid_or_not_of_the_key_is_one_broken_rule(
    check: Check, certificates: SimpleNamespace, name: str, certificate: str, word: str
) -> None:
    result = check(name, certificate=getattr(certificates, certificate))
    assert (_of(result, "broken"), _of(result, "unknown")) == (["certificate"], [])
    assert word in result.stdout


def test_a_private_key_beside_the_certificate_tells_whether_they_belong_together(
    check: Check, certificates: SimpleNamespace, keys: SimpleNamespace
) -> None:
    assert _of(check("qseow", None, "--key", keys.files["rsa"]), "broken") == []
    wrong = check("qseow", None, "--key", keys.files["rsa"], certificate=certificates.other)
    assert _of(wrong, "broken") == ["certificate"]


@pytest.mark.parametrize("name", CLAIMS)
def test_a_private_key_beside_another_public_one_is_found_out(
    check: Check, keys: SimpleNamespace, certificates: SimpleNamespace, tmp_path: Path, name: str
) -> None:
    (tmp_path / "other.pub").write_bytes(public_pem(keys.other))
    result = check(name, None, "--key", keys.files["rsa"], certificate=tmp_path / "other.pub")
    assert _of(result, "broken") == ["key"]
    assert "the registered key does not belong to the private key" in result.stdout
    assert "signature" in _of(result, "unknown")


def test_a_registered_key_of_another_kind_did_not_make_the_signature(check: Check, keys: SimpleNamespace) -> None:
    certificate = keys.folder / "p384.cer"
    certificate.write_bytes(_certificate(keys.p384, 1, 100))
    assert _of(check("qscloud-oauth", certificate=certificate), "broken") == ["signature"]
    assert _of(check("qseow", certificate=certificate), "broken") == ["key"]


def _jwk(key: Any, **more: Any) -> dict[str, Any]:
    made = joserfc_jwk.RSAKey if hasattr(key, "private_numbers") and hasattr(key, "decrypt") else joserfc_jwk.ECKey
    return {**made.import_key(public_pem(key)).as_dict(private=False), **more}


def test_the_key_id_of_a_registered_jwk_counts(check: Check, keys: SimpleNamespace, tmp_path: Path) -> None:
    given = ("--client-id", "client", "--tenant", "https://t.eu.qlikcloud.com")
    for kid, broken in (("k", []), ("other", ["kid"])):
        (tmp_path / "key.json").write_text(json.dumps(_jwk(keys.rsa, kid=kid)), encoding="ascii")
        result = check("qscloud-oauth", certificate=tmp_path / "key.json", given=given)
        assert (_of(result, "broken"), _of(result, "unknown")) == (broken, [])


def test_of_several_keys_the_one_that_signed_counts(check: Check, keys: SimpleNamespace, tmp_path: Path) -> None:
    (tmp_path / "set.json").write_text(
        json.dumps({"keys": [_jwk(keys.p384), _jwk(keys.other), _jwk(keys.rsa)]}), encoding="ascii"
    )
    thumbprint = joserfc_jwk.RSAKey.import_key(public_pem(keys.rsa)).thumbprint()
    given = (*GIVEN["qscloud-oauth"][:-1], "thumbprint")
    result = check("qscloud-oauth", header={"kid": thumbprint}, certificate=tmp_path / "set.json", given=given)
    assert (_of(result, "broken"), _of(result, "unknown")) == ([], [])
    stranger = check("qscloud-oauth", key=keys.short, certificate=tmp_path / "set.json")
    assert _of(stranger, "broken") == ["signature"]


def test_a_renewed_certificate_beside_the_old_one_counts(
    check: Check, certificates: SimpleNamespace, tmp_path: Path
) -> None:
    (tmp_path / "two").write_bytes(certificates.expired.read_bytes() + certificates.good.read_bytes())
    assert _of(check("qseow", certificate=tmp_path / "two"), "broken") == []


def test_of_a_chain_the_leaf_counts(
    check: Check, run: Run, keys: SimpleNamespace, certificates: SimpleNamespace, tmp_path: Path
) -> None:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "leaf")])
    authority = x509.load_pem_x509_certificate(certificates.other.read_bytes())
    moment = datetime.datetime.fromtimestamp(NOW, datetime.UTC)
    leaf = (
        x509.CertificateBuilder(issuer_name=authority.subject, subject_name=name, serial_number=7)
        .public_key(keys.rsa.public_key())
        .not_valid_before(moment - datetime.timedelta(days=1))
        .not_valid_after(moment + datetime.timedelta(days=1000))
        .sign(keys.other, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    chain = tmp_path / "chain.pem"
    for data in (leaf + certificates.other.read_bytes(), certificates.other.read_bytes() + leaf):
        chain.write_bytes(data)
        assert _of(check("qseow", certificate=chain), "broken") == []
        assert _of(check("qseow", key=keys.other, certificate=chain), "broken") == ["signature"]
        body = json.loads(run("registration", "qseow", "--cert-publickey-file", chain).stdout)
        assert body["jwtPublicKeyCertificate"].encode() == leaf


@pytest.mark.parametrize("claims", [{"nbf": -1e308, "exp": 1e308}, {"exp": 10**300}, {"nbf": -(10**18)}])
def test_times_that_no_calendar_has_are_judged_all_the_same(check: Check, claims: dict[str, Any]) -> None:
    for name in CLAIMS:
        assert check(name, {"iat": -1e308, **claims}).exit_code in (0, 6)


def test_a_time_with_a_fraction_is_compared_with_the_fraction(check: Check) -> None:
    claims = {"nbf": NOW + 0.25, "iat": NOW + 0.25}
    assert _of(check("qseow", claims, "--at", NOW + 0.5), "broken") == []
    assert _of(check("qseow", claims, "--at", NOW), "broken") == ["iat", "nbf"]
    assert _of(check("qseow", {"exp": NOW + 0.25}, "--at", NOW + 0.5), "broken") == ["exp"]
    assert _of(check("qscloud", {"exp": float(NOW + 60)}), "broken") == []


@pytest.mark.parametrize("other", ["Group", "groups"])
def test_a_name_that_is_nearly_the_mapped_one_is_unknown_in_qlik_sense(check: Check, other: str) -> None:
    result = check("qseow", {"group": WITHOUT, other: ["g"]})
    assert (_of(result, "broken"), _of(result, "unknown")) == ([], ["groups"])
    assert _of(check("qseow", {"group": WITHOUT, other: ["g"]}, "--groups-claim", other), "unknown") == []


@pytest.mark.parametrize("aud", [f"{ENDPOINT}/", "https://t.eu.qlikcloud.com", "http://t.eu.qlikcloud.com/oauth/token"])
def test_the_form_of_the_audience_is_judged_without_the_tenant(check: Check, aud: str) -> None:
    assert _of(check("qscloud-oauth", {"aud": aud}, given=("--client-id", "client", "--keyid", "k")), "broken") == [
        "aud"
    ]


def test_a_new_key_is_not_made_to_judge_a_token(run: Run, tmp_path: Path) -> None:
    run("check", "qseow", "--jwt", "x", "--key", "create:new_").refused(2, "makes a new key", "create-key")
    run("show-key", "--key", "create:new_").refused(2, "makes a new key")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_name_of_the_token_file_does_not_mean_standard_input(run: Run) -> None:
    token = (VECTORS / "qseow-365d.jwt").read_bytes()
    run("check", "qseow", "--jwt-file", "", stdin=token).refused(2, "the name of the token file is empty")


def test_a_token_in_the_quotes_of_json_is_read(run: Run) -> None:
    token = (VECTORS / "qseow-365d.jwt").read_text(encoding="ascii").strip()
    assert run("check", "qseow", "--at", AT, stdin=f'"{token}"\n'.encode()).exit_code == 0


def test_an_oauth_client_registers_no_certificate(check: Check, certificates: SimpleNamespace) -> None:
    assert _of(check("qscloud-oauth", certificate=certificates.expired), "broken") == []


def test_a_bare_key_leaves_the_certificate_unknown(check: Check, keys: SimpleNamespace) -> None:
    result = check("qseow", certificate=keys.public)
    assert (_of(result, "broken"), _of(result, "unknown")) == ([], ["certificate"])
    assert "--cert-publickey-file" in result.stdout
    assert result.exit_code == 0


@pytest.mark.parametrize(
    ("name", "claims", "rule"),
    [
        ("qscloud", {"name": WITHOUT}, "name"),
        ("qscloud", {"email": WITHOUT, "email_verified": WITHOUT}, "email"),
        ("qscloud", {"email_verified": WITHOUT}, "email_verified"),
        ("qscloud-oauth", {"jti": "no-uuid"}, "jti"),
        ("qscloud-oauth", {"iat": NOW + 1}, "iat"),
    ],
)
def test_what_qliks_documents_leave_open_is_unknown(check: Check, name: str, claims: dict[str, Any], rule: str) -> None:
    result = check(name, claims)
    assert (_of(result, "broken"), _of(result, "unknown")) == ([], [rule])
    assert (result.exit_code, json.loads(result.stdout)["verdict"]) == (0, "unknown")


@pytest.mark.parametrize(
    ("name", "claims"),
    [
        ("qscloud", {"jti": 7}),
        ("qscloud", {"groups": WITHOUT}),
        ("qscloud", {"groups": ["g"], "group": ["g"]}),
        ("qscloud", {"Name": "also"}),
        ("qscloud", {"exp": NOW + qscloud.WINDOW}),
        ("qscloud-oauth", {"exp": NOW + qscloud_oauth.WINDOW}),
        ("qseow", {"group": "one"}),
        ("qseow", {"aud": ["b", "a"]}),
        ("qseow", {"iat": WITHOUT, "nbf": WITHOUT, "exp": WITHOUT}),
        ("qseow", {"exp": NOW + 0.5, "nbf": NOW - 0.5}),
        ("qseow", {"sub": 7, "levels": [1, 2]}),
        ("nprinting", {"email": WITHOUT}),
        ("nprinting", {"domain": WITHOUT}),
        ("nprinting", {"iat": "whenever", "aud": 7}),
    ],
)
def test_what_is_right_is_not_named(check: Check, name: str, claims: dict[str, Any]) -> None:
    assert _of(check(name, claims), "ok") == _of(check(name), "ok")


def test_without_options_the_rules_that_need_them_are_unknown_and_name_them(run: Run, tmp_path: Path) -> None:
    vector = VECTORS / "qscloud-365d-groups.jwt"
    result = run("check", "qscloud", "--jwt-file", vector, "--at", AT, "-f", "json")
    assert _of(result, "broken") == ["email_verified", "groups", "window"]
    assert result.exit_code == 6
    unknown = {rule["rule"]: rule["hint"] for rule in json.loads(result.stdout)["rules"] if rule["status"] == "unknown"}
    assert {rule: hint.split()[-1] for rule, hint in unknown.items()} == {
        "kid": "--keyid",
        "iss": "--issuer",
        **dict.fromkeys(("signature", "key", "certificate"), "--cert-publickey-file"),
    }


def test_the_token_of_qs_jwt_with_all_that_was_registered_breaks_three_rules(run: Run) -> None:
    vector = VECTORS / "qscloud-365d-groups.jwt"
    result = run(
        *("check", "qscloud", "--jwt-file", vector, "--at", AT, "-f", "json"),
        *("--cert-publickey-file", VECTORS / "publickey.cer", "--issuer", "x.eu.qlikcloud.com", "--keyid", "0330d3e7"),
    )
    assert (_of(result, "broken"), _of(result, "unknown")) == (["email_verified", "groups", "window"], [])


@pytest.mark.parametrize("vector", ["qseow-365d", "qseow-minimal-60m"])
def test_the_good_tokens_of_qs_jwt_pass(run: Run, vector: str) -> None:
    audience = {"qseow-365d": "hdJh34wkK", "qseow-minimal-60m": "a"}[vector]
    result = run(
        *("check", "qseow", "--jwt-file", VECTORS / f"{vector}.jwt", "--at", AT, "-f", "json"),
        *("--cert-publickey-file", VECTORS / "publickey.cer", "--audience", audience),
    )
    assert (result.exit_code, _of(result, "broken"), _of(result, "unknown")) == (0, [], [])


@pytest.mark.parametrize(
    ("claims", "header", "answer"),
    [
        ({"nbf": WITHOUT}, {}, '400 INTERNAL-TOKEN-1 "JWT_LOGIN_VALIDATIONS Missing required claim: nbf"'),
        ({"nbf": NOW + 1}, {}, "401"),
        ({"iss": "another"}, {}, "401"),
        ({}, {"kid": "another"}, "401"),
        ({"exp": NOW + qscloud.WINDOW + 1}, {}, ""),
    ],
)
def test_what_qlik_would_answer_is_told_where_it_is_known(
    check: Check, claims: dict[str, Any], header: dict[str, Any], answer: str
) -> None:
    rules = json.loads(check("qscloud", claims, header=header).stdout)["rules"]
    assert [rule["answer"] for rule in rules if rule["status"] == "broken"] == [answer]


def test_the_names_of_the_virtual_proxy_are_given_as_for_create(check: Check) -> None:
    renamed = {"userId": WITHOUT, "uid": "anna", "group": WITHOUT, "roles": ["g", 7]}
    names = ("--userid-claim", "uid", "--groups-claim", "roles")
    assert _of(check("qseow", renamed), "broken") == ["user-id"]
    assert _of(check("qseow", renamed, *names), "broken") == ["groups"]


def test_a_claim_in_the_wrong_case_is_shown_as_it_is(check: Check) -> None:
    result = check("qseow", {"userId": WITHOUT, "userid": "anna"})
    assert "called 'userid', but Qlik Sense reads 'userId'" in result.stdout
    assert "the token has 'userid'; use --userid-claim userid" in result.stdout


@pytest.mark.parametrize(
    ("name", "claims", "hints"),
    [
        (
            "qseow",
            {"user": "anna", "directory": "LAB"},
            [
                "the token has 'user'; use --userid-claim user",
                "the token has 'directory'; use --userdir-claim directory",
            ],
        ),
        (
            "qseow",
            {"uid": "anna", "dir": "LAB"},
            ["has 'uid'; use --userid-claim uid", "'dir'; use --userdir-claim dir"],
        ),
        ("qseow", {"directory": "LAB", "user": "anna", "iss": "i"}, ["'user'; use --userid-claim user"]),
        ("qseow", {"userDirectory": "LAB", "login": "anna"}, ["the token has 'login'; if", "use --userid-claim login"]),
        ("qseow", {"userDirectory": "LAB", "a b": "x"}, ["use --userid-claim 'a b'"]),
        ("qseow", {"userDirectory": "LAB", "x": "1", "y": "2"}, ["the token has 'x', 'y'; if", "--userid-claim NAME"]),
        (
            "qseow",
            {"userId": "anna", "user": "anna"},
            ["if Qlik Sense has another name for it, use --userdir-claim NAME"],
        ),
        ("qseow", {"sub": "anna", "userDirectory": "LAB"}, ["has another name for it, use --userid-claim NAME"]),
        ("nprinting", {"mailaddress": "a@b.c"}, ["the token has 'mailaddress'", "use --useremail-claim mailaddress"]),
        ("nprinting", {"mail": "a@b.c"}, ["the token has 'mail'; use --useremail-claim mail"]),
        ("nprinting", {"domain": "LAB", "user": "anna"}, ["the token has 'user'; use --username-claim user"]),
    ],
)
def test_a_missing_claim_is_looked_for_among_those_that_are_there(
    run: Run, keys: SimpleNamespace, name: str, claims: dict[str, Any], hints: list[str]
) -> None:
    result = run("check", name, "--jwt", _signed(claims, {"alg": "RS256"}, keys.rsa))
    for hint in hints:
        assert hint in _joined(result.stdout)


def test_what_is_unknown_for_lack_of_an_option_says_what_the_token_has(run: Run, keys: SimpleNamespace) -> None:
    token = _signed({"iss": "https://idp", "aud": 7}, {"alg": "RS256", "kid": "k1"}, keys.rsa)
    text = _joined(run("check", "qscloud", "--jwt", token).stdout)
    assert "is the identity provider's: the token has 'https://idp' → use --issuer" in text
    assert "is the identity provider's: the token has 'k1' → use --keyid" in text


def test_the_thumbprint_is_that_of_the_key(check: Check, keys: SimpleNamespace) -> None:
    from jwcrypto.jwk import JWK

    thumbprint = JWK.from_pyca(keys.rsa.public_key()).thumbprint()
    given = ("--issuer", "i", "--keyid", "thumbprint")
    assert _of(check("qscloud", header={"kid": thumbprint}, given=given), "broken") == []
    assert _of(check("qscloud", given=given), "broken") == ["kid"]


def test_the_thumbprint_of_no_key_is_refused(run: Run) -> None:
    vector = VECTORS / "qscloud-365d-groups.jwt"
    run("check", "qscloud", "--jwt-file", vector, "--keyid", "thumbprint").refused(2, "none is given")


@pytest.mark.parametrize(
    "text", ["a.b", "a.b.c.d.e", "eyJhbGciOiJub25lIn0.e30.", "eyJhbGciOiJSUzI1NiJ9.e30.", "not a token"]
)
def test_what_is_no_signed_token_is_one_broken_rule(run: Run, text: str) -> None:
    result = run("check", "qscloud", "--jwt", text, "-f", "json")
    record = json.loads(result.stdout)
    assert result.exit_code == 6
    assert [(rule["rule"], rule["status"]) for rule in record["rules"]] == [("token", "broken")]
    assert record["verdict"] == "broken"


@pytest.mark.parametrize("columns", [60, 80, 100, 200])
@pytest.mark.parametrize(
    ("name", "claims", "ways_out"),
    [
        ("qseow", {"userId": WITHOUT, "user": "anna", "exp": NOW}, ("--userid-claim user", "create a new one")),
        ("qscloud", {"aud": "qlik.api", "exp": NOW + 7200}, ("use create-qscloud", "use --expires 60m or less")),
        ("qscloud-oauth", {"nbf": NOW, "sub": "s" * 30}, ("use create-qscloud-oauth",) * 2),
        ("nprinting", {"email": 7, "nbf": NOW + 90}, ("use create-nprinting", "a larger --clock-skew")),
    ],
)
def test_two_broken_rules_are_told_on_half_a_screen_with_the_verdict_first_and_both_ways_out(
    run: Run,
    keys: SimpleNamespace,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    claims: dict[str, Any],
    ways_out: tuple[str, str],
    columns: int,
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    token = _signed(_merged(CLAIMS[name], claims), {"alg": "RS256", "kid": "k"}, keys.rsa)
    lines = run("check", name, "--jwt", token, "--at", AT).stdout.splitlines()
    assert re.fullmatch("✗ .* would refuse this token: 2 rules are broken", lines[0])
    assert len(lines) <= 26
    assert max(map(len, lines)) <= columns
    text = _joined("\n".join(lines))
    assert [way in text for way in ways_out] == [True, True]
    assert len(re.findall("✗", text)) == 3
    # No word is torn: each is one of the same text on lines without end.
    whole = json.loads(run("check", name, "--jwt", token, "--at", AT, "-f", "json").stdout)
    for rule in whole["rules"]:
        if rule["status"] == "broken":
            assert f"✗ {rule['rule']} {_joined(rule['message'])} → {_joined(rule['hint'])}" in text


def test_what_is_unknown_names_the_option_that_decides_and_what_is_kept_is_one_line(check: Check, run: Run) -> None:
    check("qscloud")
    text = run("check", "qscloud", "--jwt-file", "token", "--at", AT).stdout
    assert text.splitlines()[0] == ("? Qlik Cloud may accept this token: no rule is broken, but 5 rules are undecided")
    told = _joined(text)
    assert (
        "? kid cannot tell whether the key ID (kid) is the identity provider's: the token has 'k' → use --keyid" in told
    )
    assert "? signature, key, certificate the token alone does not tell → use --cert-publickey-file" in told
    assert "✓ 14 rules are kept algorithm, aud, sub," in told


def test_all_gives_each_rule_a_line_with_what_was_found_in_the_same_order(check: Check) -> None:
    text = check("qscloud", {"nbf": WITHOUT}, "--all", "-f", "text").stdout
    rules = json.loads(check("qscloud", {"nbf": WITHOUT}).stdout)["rules"]
    kept = [rule for rule in rules if rule["status"] == "ok"]
    assert re.findall("^✓ ([^ ]+)", text, re.MULTILINE) == [rule["rule"] for rule in kept]
    for rule in kept:
        assert f"✓ {rule['rule']} {rule['message']}" in _joined(text)
    assert "kept" not in text.partition("\n")[2]


def test_sources_says_where_a_rule_is_written_and_how_qlik_responds(check: Check) -> None:
    shown = _joined(check("qscloud", {"nbf": WITHOUT}, "--sources", "-f", "text").stdout)
    source = "qlik.dev/apis/rest/login; community.qlik.com, Qlik Support 2435784"
    answer = 'the response is 400 INTERNAL-TOKEN-1 "JWT_LOGIN_VALIDATIONS Missing required claim: nbf"'
    assert f"or use create-qscloud {answer} {source} ✓ 18 rules are kept" in shown
    assert "qlik.dev" not in check("qscloud", {"nbf": WITHOUT}, "-f", "text").stdout
    every = check("qscloud", {"nbf": WITHOUT}, "--sources", "--all", "-f", "text").stdout
    assert len(re.findall("^  (qlik.dev|help.qlik.com|RFC 7518)", every, re.MULTILINE)) == 19


def test_a_token_cannot_forge_a_line_or_move_the_cursor(check: Check) -> None:
    claims = {"name": "Anna\n\x1b[31m✓ forged", "email": "[red]x[/red]\u202e", "iss": "x\ny", "nbf": WITHOUT}
    text = check("qscloud", claims, "--all", "-f", "text").stdout
    assert [character for character in text if not character.isprintable() and character != "\n"] == []
    assert "\n✓ forged" not in text
    assert "[red]x[/red]\\u202e" in text


FACTS = {
    "algorithm": "the algorithm is RS256",
    "user-id": "the user ID (userId) is 'anna'",
    "user-directory": "the user directory (userDirectory) is 'LAB'",
    "user": "the user is known by email address",
    "username": "the claim 'name' is 'Anna'",
    "iat": "issued 5 min ago, 2026-11-23 19:13 UTC",
    "nbf": "became valid 5 min ago, 2026-11-23 19:13 UTC",
    "exp": "expires in 7 h 58 min, 2026-11-24 03:16 UTC",
    "window": "exp is 3 min after {start}",
    "iss": "the issuer (iss) is 'i', as expected",
    "kid": "the key ID (kid) is 'k', as expected",
    "key": "the key is an RSA key of 2048 bits",
    "certificate": "the certificate belongs to the key, and expires in 99 d 23 h, 2027-03-03 19:13 UTC",
}


@pytest.mark.parametrize("name", CLAIMS)
def test_a_rule_that_is_kept_says_the_fact_and_not_the_demand(check: Check, name: str) -> None:
    later = check(name, {"exp": NOW + 28_980}, "--at", "2026-11-23T19:18:00Z")
    told = {rule["rule"]: rule["message"] for rule in json.loads(later.stdout)["rules"] if rule["status"] == "ok"}
    for rule in (FACTS.keys() & told.keys()) - {"window"}:
        fact = FACTS.get(rule, told[rule]) if name != "qscloud-oauth" else told[rule]
        assert told[rule] == fact
    assert re.fullmatch("the token has [0-9,]+ characters", told.get("size", "the token has 0 characters"))


@pytest.mark.parametrize("name", CLAIMS)
def test_every_rule_of_every_platform_with_a_fact_says_it(check: Check, name: str) -> None:
    told = {rule["rule"]: rule["message"] for rule in json.loads(check(name).stdout)["rules"]}
    rules = load_platform(name).rules
    known = [rule for rule in rules if rule.fact or fact_of(rule.check) or rule.name in ("key", "certificate")]
    # RS256 is all that Qlik Cloud accepts, so there the two are the same.
    assert {rule.name for rule in known if told[rule.name] == rule.requirement} <= {"algorithm"}
    # What is left demands that something is not there, or says all that there is to say.
    assert {rule.name for rule in rules} - {rule.name for rule in known} <= {"nbf", "groups", "jti", "signature"}


def test_the_text_is_the_default_and_yaml_is_the_same_as_json(check: Check) -> None:
    result = check("qscloud", None, "-f", "yaml")
    assert yaml.safe_load(result.stdout) == json.loads(check("qscloud").stdout)


def test_the_token_comes_from_standard_input_too(run: Run) -> None:
    data = (VECTORS / "qseow-365d.jwt").read_bytes()
    for more in ((), ("-",)):
        assert run("check", "qseow", *more, "--at", AT, stdin=b"Bearer " + data).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, ("name of a platform", "qscloud")),
        (("--jwt", "x"), 2, ("name of a platform before its options",)),
        (("qscluod", "--jwt", "x"), 5, ("there is no platform 'qscluod'", "did you mean qscloud?")),
        (("qscloud", "--jwt", "x", "--subject", "s"), 2, ("unknown option --subject",)),
        (("qseow", "--jwt", "x", "--userid-claim", "sub"), 2, ("RFC 7519 reserves",)),
        (("qscloud-oauth", "--jwt", "x", "--tenant", "t"), 2, ("--tenant", "https://")),
        (("qscloud", "--jwt", "x", "--cert-publickey-file", "none"), 3, ("does not exist",)),
        (("qscloud", "--jwt", "x", "--key", "none"), 3, ("does not exist",)),
        (("qscloud", "--jwt", "x", "--key", "a", "--key", "b"), 2, ("more than one key",)),
        (("qscloud", "--jwt", ""), 2, ("the token is empty",)),
    ],
)
def test_a_wrong_command_line_exits_with_its_own_code(
    run: Run, arguments: tuple[str, ...], code: int, words: tuple[str, ...]
) -> None:
    run("check", *arguments).refused(code, *words)


def test_a_private_key_in_place_of_the_public_one_is_refused(run: Run, keys: SimpleNamespace) -> None:
    result = run("check", "qseow", "--jwt", "x", "--cert-publickey-file", keys.files["rsa"])
    result.refused(3, "private key, where only a public one belongs")


def test_the_help_lists_the_platforms_and_then_the_options(run: Run) -> None:
    overview = run("check", "--help")
    assert overview.exit_code == 0
    assert "NAME is one of: nprinting, qscloud, qscloud-oauth, qseow" in overview.stdout
    detail = run("check", "qseow", "--help").stdout
    assert "--userid-claim" not in detail
    assert "--userid-claim" in run("check", "qseow", "--help-all").stdout
    assert "--userid " not in detail
    assert "qsjwt check qseow token.txt" in detail
    assert detail == run("help", "check", "qseow").stdout


def test_a_fresh_token_of_each_platform_passes_its_own_check(run: Run, keys: SimpleNamespace, tmp_path: Path) -> None:
    _made = run("create-key", "--cert-file-prefix", "k_", "--cert-key-size", "2048")
    who = {
        "qseow": ("--userdir", "LAB", "--userid", "anna", "--username", "A", "--useremail", "a@b.c", "--groups", "g"),
        "qscloud": (
            *("--subject", "anna", "--username", "A", "--useremail", "a@b.c", "--useremail-verified", "true"),
            *("--groups", "g"),
        ),
        "qscloud-oauth": (),
        "nprinting": ("--useremail", "a@b.c", "--domain", "LAB", "--username", "anna"),
    }
    shared = {
        "qseow": (
            *("--issuer", "i", "--audience", "a", "--userid-claim", "uid", "--userdir-claim", "dir"),
            *("--username-claim", "n", "--useremail-claim", "e", "--groups-claim", "g"),
        ),
        "qscloud": ("--issuer", "i"),
        "qscloud-oauth": ("--client-id", "c", "--tenant", "https://t.eu.qlikcloud.com/"),
        "nprinting": ("--useremail-claim", "e", "--domain-claim", "d", "--username-claim", "n"),
    }
    for name, person in who.items():
        options = (*shared[name], "--keyid", "thumbprint")
        made = run(f"create-{name}", *person, *options, "--expires", "5m", "--key", "k_privatekey.pem")
        (tmp_path / "token").write_text(made.token, encoding="ascii")
        result = run("check", name, "--jwt-file", "token", *options, "--cert-publickey-file", "k_publickey.cer")
        assert (result.exit_code, result.stderr, made.stderr) == (0, "", "")
        assert re.match("✓ .* would accept this token: [0-9]+ rules are kept\n", result.stdout)


ACME = """
    from qsjwt.api import Broken, Platform, Rule, Token

    def has_user(case):
        if "user" not in case.claims:
            yield Broken("the claim user is missing", "use --user")
        if case.claims.get("user") == "crash":
            raise RuntimeError("secret")

    class Acme(Platform):
        summary = "Acme Analytics"
        rules = (Rule("user", "there is a user", "the handbook", has_user),)
        def add_options(self, group): group.add("--user", required=True)
        def build(self, request, now): return Token({}, {"user": request.options.user})
"""


def test_a_third_party_platform_is_checked_too(
    run: Run, keys: SimpleNamespace, installed_plugin: InstallPlugin
) -> None:
    installed_plugin("acme", {"qsjwt.platform.v1": "acme = acme:Acme"}, ACME)
    token = pyjwt.encode({"user": "anna"}, keys.rsa, "RS256")
    good = run("check", "acme", "--jwt", token, "--cert-publickey-file", keys.public, "-f", "json")
    assert (good.exit_code, _of(good, "ok")) == (0, ["user", "signature", "key"])
    expected = ("--issuer", "i", "--audience", "a", "--keyid", "k")
    assert _of(run("check", "acme", "--jwt", token, "-f", "json", *expected), "broken") == ["kid", "iss", "aud"]
    bad = run("check", "acme", "--jwt", pyjwt.encode({}, keys.rsa, "RS256"), "-f", "json")
    assert (bad.exit_code, _of(bad, "broken")) == (6, ["user"])
    crash = run("check", "acme", "--jwt", pyjwt.encode({"user": "crash"}, keys.rsa, "RS256"))
    crash.refused(5, "'acme' of acme 1.2.3 does not check the token: RuntimeError")


def test_a_fact_is_told_of_a_finished_token_and_never_asked_for_when_one_is_created(
    run: Run, keys: SimpleNamespace, installed_plugin: InstallPlugin, tmp_path: Path
) -> None:
    source = ACME.replace("has_user),)", "has_user, fact=lambda case: str(1 // 0)),)")
    installed_plugin("acme", {"qsjwt.platform.v1": "acme = acme:Acme"}, source)
    (tmp_path / "users.csv").write_text("user\nanna\n", encoding="ascii")
    key = ("--expires", "5m", "--key", keys.files["rsa"])
    token = run("create-acme", "--user", "anna", *key).token
    assert run("create-acme", "--batch", "users.csv", *key).exit_code == 0
    run("check", "acme", "--jwt", token).refused(5, "'acme' of acme 1.2.3 does not check the token: ZeroDivisionError")
    broken = run("check", "acme", "--jwt", pyjwt.encode({}, keys.rsa, "RS256"), "-f", "json")
    assert (broken.exit_code, _of(broken, "broken")) == (6, ["user"])  # which has no fact to tell


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("algorithms = ()", "TypeError: its algorithms"),
        ("algorithms = 'RS256'", "TypeError: its algorithms"),
        ("algorithms = ('none', 'HS256')", "ValueError: HS256, none: not signed with a private key"),
        ("rules = None", "TypeError: its rules"),
        ("rules = ('exp',)", "TypeError: its rules"),
        ("rules = (Rule('a', 'b', 'c', has_user), Rule('a', 'b', 'c', has_user))", "ValueError: two of its rules"),
        ("rules = (Rule('x', 'y', 'z', lambda case: [Broken(None)]),)", "does not check the token: TypeError"),
        ("rules = (Rule('x', 'y', 'z', lambda case: ['bad']),)", "does not check the token: TypeError"),
        ("rules = (Rule('x', 'y', 'z', lambda case: None),)", "does not check the token: TypeError"),
        ("rules = (Rule('x', 'y', 'z', lambda case: [], fact=lambda case: 7),)", "does not check the token: TypeError"),
        ("rules = (Rule('x', 'y', 'z', None),)", "TypeError: its rules have checks"),
        ("add_shared_options = lambda self, group: group.add('--keyid')", "does not add its options"),
        ("add_shared_options = lambda self, group: group.add('--mine', dest='format')", "does not add its options"),
    ],
)
def test_a_platform_that_declares_what_cannot_be_is_named(
    run: Run, keys: SimpleNamespace, installed_plugin: InstallPlugin, body: str, reason: str
) -> None:
    source = ACME + f"        {body}\n"
    installed_plugin("acme", {"qsjwt.platform.v1": "acme = acme:Acme"}, source)
    token = pyjwt.encode({"user": "anna"}, keys.rsa, "RS256")
    run("check", "acme", "--jwt", token, "--cert-publickey-file", keys.public).refused(
        5, "'acme' of acme 1.2.3", reason
    )


def test_what_a_platform_does_to_the_token_changes_no_verdict(
    run: Run, keys: SimpleNamespace, installed_plugin: InstallPlugin
) -> None:
    body = """
        def clear(case):
            case.header["alg"] = "none"
            case.claims.clear()
            return ()
        rules = (Rule("user", "there is a user", "the handbook", clear),)
    """
    installed_plugin("acme", {"qsjwt.platform.v1": "acme = acme:Acme"}, ACME + body)
    token = pyjwt.encode({"iss": "i"}, keys.rsa, "RS256")
    options = ("--issuer", "i", "--cert-publickey-file", keys.public, "-f", "json")
    assert _of(run("check", "acme", "--jwt", token, *options), "ok") == ["user", "signature", "key", "iss"]


def test_no_option_of_a_platform_is_required_here(
    run: Run, keys: SimpleNamespace, installed_plugin: InstallPlugin
) -> None:
    body = """
        def add_shared_options(self, group):
            one = group.one_of(required=True)
            one.add("--site")
            one.add("--place")
    """
    installed_plugin("acme", {"qsjwt.platform.v1": "acme = acme:Acme"}, ACME + body)
    token = pyjwt.encode({"user": "anna"}, keys.rsa, "RS256")
    assert run("check", "acme", "--jwt", token).exit_code == 0
    run("create-acme", "--user", "anna", "--expires", "5m", "--key", keys.files["rsa"]).refused(
        2, "one of --site, --place"
    )
