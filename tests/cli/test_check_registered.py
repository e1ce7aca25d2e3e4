"""check NAME --registered FILE: what is registered says claim names, audience, issuer, key ID and certificate."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.conftest import InstallPlugin, Result, Run, public_pem, self_signed
from tests.site_stand_in import Cloud, Qseow

OPTIONS: dict[str, tuple[str, ...]] = {
    "qseow": ("--userdir", "LAB", "--userid", "anna", "--groups", "g", "--audience", "qlik"),
    "qscloud": (
        *("--issuer", "https://idp", "--keyid", "k1", "--subject", "anna", "--username", "Anna"),
        *("--useremail", "a@b.c", "--useremail-verified", "true", "--groups", "g"),
    ),
    "qscloud-oauth": ("--client-id", "client", "--tenant", "https://t.eu.qlikcloud.com", "--keyid", "k1"),
    "nprinting": ("--useremail", "a@b.c"),
}
"""Of a token; what ``registration`` is run with, too, so that the two agree."""


@pytest.fixture
def certificate(keys: SimpleNamespace, tmp_path: Path) -> Path:
    """A certificate of the key that signs."""
    path = tmp_path / "signer.cer"
    path.write_bytes(self_signed(keys.rsa, "signer"))
    return path


@pytest.fixture
def printed(run: Run, certificate: Path) -> Callable[[str], dict[str, Any]]:
    """Return what ``registration NAME`` prints for the token's own options."""

    def made(name: str) -> dict[str, Any]:
        result = run("registration", name, *OPTIONS[name], "--cert-publickey-file", certificate)
        assert result.exit_code == 0, result.stderr
        body: dict[str, Any] = json.loads(result.stdout)
        return body

    return made


Check = Callable[..., Result]


@pytest.fixture
def check(run: Run, keys: SimpleNamespace, tmp_path: Path) -> Check:
    """Check a token against what is registered: ``check("qseow", entity, token=(...))``, and nothing but that."""

    def checker(name: str, entity: object, *options: object, token: tuple[str, ...] | None = None) -> Result:
        given = OPTIONS[name] if token is None else token
        created = run(f"create-{name}", *given, "--expires", "5m", "--key", keys.files["rsa"])
        (tmp_path / "registered.json").write_text(json.dumps(entity), encoding="utf-8")
        return run(
            *("check", name, "--jwt", created.token, "-f", "json", "--registered", tmp_path / "registered.json"),
            *options,
        )

    return checker


def _found(result: Result, status: str) -> dict[str, str]:
    """Return the rules with *status*, and what the user is told of each."""
    rules = json.loads(result.stdout)["rules"]
    return {rule["rule"]: f"{rule['message']}; {rule['hint']}" for rule in rules if rule["status"] == status}


@pytest.mark.parametrize("name", ["qseow", "qscloud", "nprinting"])
def test_what_registration_prints_says_all_that_check_wants_to_know(
    check: Check, printed: Callable[[str], dict[str, Any]], name: str
) -> None:
    result = check(name, printed(name))
    assert (result.exit_code, _found(result, "broken"), _found(result, "unknown")) == (0, {}, {})


def test_an_oauth_client_says_all_but_the_tenant(check: Check, printed: Callable[[str], dict[str, Any]]) -> None:
    jwk = printed("qscloud-oauth")
    client = {"clientId": "client", "clientName": "x", "appType": "web", "publicKeys": [{**jwk, "kid": "old"}, jwk]}
    assert [*_found(check("qscloud-oauth", client), "unknown")] == ["aud"]
    assert [*_found(check("qscloud-oauth", client, "--tenant", "https://t.eu.qlikcloud.com"), "unknown")] == []
    assert [*_found(check("qscloud-oauth", {**client, "clientId": "other"}), "broken")] == ["iss", "sub"]
    assert [*_found(check("qscloud-oauth", jwk), "unknown")] == ["iss", "sub", "aud"]


def test_the_entities_of_a_site_are_read_as_they_are_exported(
    check: Check, certificate: Path, qseow_site: Qseow, cloud_site: Cloud
) -> None:
    entity = qseow_site.register("jwt", certificate.read_text(encoding="ascii"))
    assert "modifiedDate" in entity, "this is what the server makes of it, and not what was sent"
    assert check("qseow", entity).exit_code == 0
    provider = cloud_site.register("https://idp", "k1", certificate.read_text(encoding="ascii"))
    assert check("qscloud", provider).exit_code == 0


CHANGES: list[tuple[str, dict[str, Any], str, str]] = [
    ("qseow", {"jwtAttributeUserId": "user"}, "user-id", "create the token with --userid-claim user, or register"),
    ("qseow", {"jwtAttributeUserDirectory": "directory"}, "user-directory", "or register 'userDirectory' as its name"),
    ("qseow", {"jwtAttributeUserId": "userid"}, "user-id", "but Qlik Sense reads 'userid'; create the token with"),
    ("qseow", {"jwtAudience": "other"}, "aud", "'other' is registered; create the token with 'other', or register"),
    ("qseow", {"jwtAttributeMap": []}, "groups", "maps no claim to 'group'; add a row to its attribute mapping"),
    (
        "qseow",
        {"jwtAttributeMap": [{"jwtAttribute": "roles", "senseAttribute": "group", "isMandatory": False}]},
        "groups",
        "maps 'roles' to 'group'; create the token with --groups-claim roles, or register 'group'",
    ),
    (
        "qseow",
        {
            "jwtAttributeMap": [
                {"jwtAttribute": "group", "senseAttribute": "group", "isMandatory": False},
                {"jwtAttribute": "team", "senseAttribute": "team", "isMandatory": True},
            ]
        },
        "mandatory",
        "the claim 'team' is missing",
    ),
    ("qscloud", {"options": {"issuer": "https://other"}}, "iss", "'https://other' is registered; create the token"),
    ("qscloud", {"options": {"kid": "k2"}}, "kid", "kid is 'k1', but 'k2' is registered"),
    ("qscloud", {"active": False}, "active", "activate it"),
    ("nprinting", {"emailAttribute": "mail"}, "user", "create the token with --useremail-claim mail"),
]


@pytest.mark.parametrize(("name", "changes", "rule", "words"), CHANGES)
def test_what_differs_is_one_broken_rule_that_says_how_to_mend_token_or_registration(
    check: Check, printed: Callable[[str], dict[str, Any]], name: str, changes: dict[str, Any], rule: str, words: str
) -> None:
    entity = printed(name)
    if "options" in changes:
        options = entity["options"]
        options["issuer"] = changes["options"].get("issuer", options["issuer"])
        options["staticKeys"][0]["kid"] = changes["options"].get("kid", options["staticKeys"][0]["kid"])
    else:
        entity |= changes
    broken = _found(check(name, entity), "broken")
    assert [*broken] == [rule]
    assert words in broken[rule]


@pytest.mark.parametrize("name", ["qseow", "qscloud", "nprinting"])
def test_the_key_of_somebody_else_breaks_the_signature(
    check: Check, run: Run, keys: SimpleNamespace, tmp_path: Path, name: str
) -> None:
    other = tmp_path / "other.cer"
    other.write_bytes(self_signed(keys.other, "other"))
    entity = json.loads(run("registration", name, *OPTIONS[name], "--cert-publickey-file", other).stdout)
    result = check(name, entity)
    assert (result.exit_code, [*_found(result, "broken")]) == (6, ["signature"])


def test_an_option_has_the_last_word(
    check: Check, printed: Callable[[str], dict[str, Any]], keys: SimpleNamespace, tmp_path: Path
) -> None:
    entity = {**printed("qseow"), "jwtAttributeUserId": "user", "jwtAudience": "other"}
    (tmp_path / "other.pub").write_bytes(public_pem(keys.other))
    result = check("qseow", entity, "--userid-claim", "userId", "--audience", "qlik")
    assert _found(result, "broken") == {}
    assert [*_found(check("qseow", printed("qseow"), "--cert-publickey-file", tmp_path / "other.pub"), "broken")] == [
        "signature"
    ]


def test_names_in_brackets_are_not_taken_for_claims(check: Check, printed: Callable[[str], dict[str, Any]]) -> None:
    result = check("qseow", {**printed("qseow"), "jwtAttributeUserDirectory": "[LAB]"})
    assert (result.exit_code, [*_found(result, "unknown")]) == (0, ["user-directory"])


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_the_file_may_be_in_the_encodings_of_powershell(
    run: Run, printed: Callable[[str], dict[str, Any]], qseow: Run, keys: SimpleNamespace, tmp_path: Path, encoding: str
) -> None:
    (tmp_path / "vp.json").write_bytes(json.dumps(printed("qseow")).encode(encoding))
    token = qseow("--key", keys.files["rsa"], "--audience", "qlik").token
    assert run("check", "qseow", "--jwt", token, "--registered", "vp.json").exit_code == 0
    stdin = json.dumps(printed("qseow")).encode(encoding)
    assert run("check", "qseow", "--jwt", token, "--registered", "-", stdin=stdin).exit_code == 0


NOT_ONE: list[tuple[str, object, str]] = [
    ("qseow", [], "is not a JSON object"),
    ("qseow", {}, "is not a virtual proxy with JWT authentication"),
    ("qseow", {"authenticationMethod": 0}, "is not a virtual proxy with JWT authentication"),
    ("qseow", {"authenticationMethod": 4}, "has no 'jwtAttributeUserId'"),
    ("qseow", {"authenticationMethod": 4, "jwtAttributeUserId": ["x"]}, "is not a string"),
    ("qseow", {"authenticationMethod": 4, "jwtAttributeMap": {}}, "is not an array"),
    ("qseow", {"authenticationMethod": 4, "jwtAttributeMap": [7]}, "is not an array of objects"),
    ("qscloud", {"protocol": "OIDC"}, "is not a JWT identity provider"),
    ("qscloud", {"protocol": "jwtAuth"}, "has no 'issuer'"),
    ("qscloud", {"protocol": "jwtAuth", "options": []}, "is not an object"),
    ("qscloud", {"protocol": "jwtAuth", "options": {"issuer": "i", "staticKeys": [{"kid": "k"}]}}, "has no 'pem'"),
    ("qscloud-oauth", {"clientId": "c"}, "is neither an OAuth client with 'publicKeys' nor a JWK"),
    ("nprinting", {"certificate": "x"}, "neither 'emailAttribute' nor"),
]


@pytest.mark.parametrize(("name", "entity", "words"), NOT_ONE)
def test_a_file_that_is_something_else_is_refused(check: Check, name: str, entity: object, words: str) -> None:
    check(name, entity).refused(2, words, "registered.json")


@pytest.mark.parametrize("text", ["no key", "-----BEGIN CERTIFICATE-----MIIB-----END CERTIFICATE-----", "{}"])
def test_a_registered_key_that_cannot_be_read_is_refused(
    check: Check, printed: Callable[[str], dict[str, Any]], text: str
) -> None:
    check("qseow", {**printed("qseow"), "jwtPublicKeyCertificate": text}).refused(3, "the key in the registration file")


def test_a_third_party_platform_says_how_its_own_is_read(
    run: Run, installed_plugin: InstallPlugin, keys: SimpleNamespace, tmp_path: Path
) -> None:
    installed_plugin(
        "acme-portal",
        {"qsjwt.platform.v1": "acme = acme_portal:Acme\nmute = acme_portal:Mute"},
        """
        from qsjwt.api import Platform, RegisteredKey, Registration, Rule, Token, checks, time_claims

        class Mute(Platform):
            summary = "Mute"
            claim_names = {"user": "user"}
            rules = (Rule("user", "there is a user", "a book", checks.string("user")),)
            def add_options(self, options):
                options.add("--user", metavar="USER", help="who it is")
            def build(self, request, now):
                return Token({}, {request.claim_names["user"]: request.options.user, **time_claims(request, now)})

        class Acme(Mute):
            def read_registration(self, entity):
                return Registration([RegisteredKey(entity["key"], "a")], {"iss": "acme"}, {"user": entity.text("who")})
        """,
    )
    made = run("create-acme", "--user", "anna", "--claim", "iss=acme", "--expires", "5m", "--key", keys.files["rsa"])
    path = tmp_path / "acme.json"
    path.write_text(json.dumps({"key": public_pem(keys.rsa).decode(), "who": "user"}), encoding="utf-8")
    result = run("check", "acme", "--jwt", made.token, "--registered", path, "-f", "json")
    assert (result.exit_code, _found(result, "broken")) == (0, {})
    path.write_text(json.dumps({"key": public_pem(keys.rsa).decode(), "who": "person"}), encoding="utf-8")
    result = run("check", "acme", "--jwt", made.token, "--registered", path, "-f", "json")
    assert "create the token with --user-claim person" in _found(result, "broken")["user"]
    run("check", "mute", "--jwt", made.token, "--registered", path).refused(2, "cannot be read here")
    path.write_text("{}", encoding="utf-8")
    run("check", "acme", "--jwt", made.token, "--registered", path).refused(5, "does not read a registration: KeyError")
