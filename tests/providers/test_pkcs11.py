"""Keys in a real SoftHSM: signing, everything around a PIN, and references that fit no key or several."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import jwt as pyjwt
import pkcs11
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwcrypto.jwa import JWA
from pkcs11 import Attribute, KeyType, MechanismFlag, ObjectClass
from pkcs11.util.ec import decode_ec_private_key, decode_ec_public_key
from pkcs11.util.rsa import decode_rsa_private_key

from qsjwt.api import KeyUnavailable, Secrets, Signer, SigningFailed, open_signer
from qsjwt.keys.generate import CertificateRequest, self_signed_certificate
from qsjwt.testing import KeyProviderContract
from tests.conftest import JSONWEBTOKEN, Run, pem, public_pem, require, run_process, unavailable, verified_by_node
from tests.pages import RUN_IN, Page, add_installers, reader_environment
from tests.programs import run_program

PIN = "73-Pinguine"
SO_PIN = "84-Seeleoparden"
MODULES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
)
DATA = b"eyJhbGciOiJFUzM4NCJ9.e30"


@dataclass(frozen=True)
class SoftHsm:
    """Tokens of a SoftHSM: the module's path, and keys that are in the token "qlik" and nowhere else."""

    module: str
    folder: Path
    made: dict[str, Any]

    def reference(self, attributes: str, query: str = "") -> str:
        """Return a key reference to something in the token "qlik"."""
        return f"pkcs11:token=qlik;{attributes}?module-path={self.module}{query}"


@pytest.fixture(scope="session")
def softhsm(keys: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoftHsm]:
    """Make the tokens, once: SoftHSM reads its configuration when it is loaded, and stays loaded."""
    require("softhsm2-util")
    module = next(filter(os.path.exists, MODULES), None)
    if module is None:
        unavailable(f"SoftHSM is in none of {', '.join(MODULES)}")
    module = os.path.realpath(module)  # which is how the provider loads it; under two names it would be loaded twice
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder}/tokens\nlog.level = ERROR\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(folder / "softhsm2.conf"))
        for label in ("qlik", "twin", "twin", "Büro 2", "empty"):
            _util("--init-token", "--free", "--label", label, "--so-pin", SO_PIN)
        made = {
            "p521": ec.generate_private_key(ec.SECP521R1()),
            "bitcoin": ec.generate_private_key(ec.SECP256K1()),
            "renewed": rsa.generate_private_key(65537, 2048),
        }
        everything = {**vars(keys), **made}
        imported = (("rsa", "jwt", "01"), ("p384", "p384", "02"), ("ec", "p256", "03"), ("short", "short", "04"))
        doubles = (("rsa", "double", "05"), ("other", "double", "06"), ("rsa", "first", "07"), ("p521", "p521", "08"))
        for name, label, identity in (*imported, *doubles, ("bitcoin", "bitcoin", "09"), ("renewed", "renewed", "0a")):
            path = folder / f"{label}-{identity}.pem"
            path.write_bytes(pem(everything[name]))
            _util("--import", path, "--token", "qlik", "--label", label, "--id", identity)
        _util("--import", folder / "jwt-01.pem", "--token", "Büro 2", "--label", "Schlüssel; 1", "--id", "ff00")
        _create_the_rest(module, keys)
        yield SoftHsm(module, folder, made)


def _util(*arguments: object) -> None:
    run_program("softhsm2-util", *arguments, "--pin", PIN)


def _create_the_rest(module: str, keys: SimpleNamespace) -> None:
    """Make what softhsm2-util cannot: keys with odd attributes, or without their public half."""
    stored = {Attribute.TOKEN: True}
    private = {**stored, Attribute.PRIVATE: True, Attribute.SENSITIVE: True}
    rsa_numbers = decode_rsa_private_key(_der(keys.rsa), MechanismFlag.SIGN)
    p256 = {**private, **decode_ec_private_key(_der(keys.ec)), Attribute.SIGN: True}
    public = {**stored, **decode_ec_public_key(_public_der(keys.ec))}
    other_p384 = ec.generate_private_key(ec.SECP384R1())
    with pkcs11.lib(module).get_token(token_label="qlik").open(rw=True, user_pin=PIN) as session:

        def create(label: str, identity: bytes, template: dict[Any, Any], **more: Any) -> Any:
            extra = {Attribute[name.upper()]: value for name, value in more.items()}
            return session.create_object({**template, Attribute.LABEL: label, Attribute.ID: identity, **extra})

        for _ in range(2):
            create("same", b"\x20", {**private, **rsa_numbers})
        create("careful", b"\x21", {**private, **rsa_numbers}, always_authenticate=True)
        create("silent", b"\x22", {**private, **rsa_numbers}, sign=False)
        create("lonely", b"\x23", p256)
        create("certified", b"\x24", p256)
        create("unnumbered", b"", p256)
        create("unnumbered", b"", public)
        create("mistaken", b"\x25", {**private, **decode_ec_private_key(_der(keys.p384)), Attribute.SIGN: True})
        create("mistaken", b"\x25", {**stored, **decode_ec_public_key(_public_der(other_p384))})
        create("bare", b"\x26", p256)
        create("bare", b"\x26", {**stored, **decode_ec_public_key(_public_der(keys.ec), encode_ec_point=False)})
        for path, label, identity in ((keys.files["ec"], "certified", b"\x24"), (keys.files["rsa"], "jwt", b"\x01")):
            with open_signer(f"file:{path}", Secrets()) as signer:
                certificate = x509.load_pem_x509_certificate(
                    self_signed_certificate(signer, CertificateRequest(30, label, 1_700_000_000), signer.algorithms[0])
                )
            session.create_object(
                {
                    **stored,
                    Attribute.CLASS: ObjectClass.CERTIFICATE,
                    Attribute.CERTIFICATE_TYPE: pkcs11.CertificateType.X_509,
                    Attribute.LABEL: label,
                    Attribute.ID: identity,
                    Attribute.SUBJECT: certificate.subject.public_bytes(),
                    Attribute.VALUE: certificate.public_bytes(serialization.Encoding.DER),
                }
            )
        session.create_object({**private, **_ed25519(), Attribute.LABEL: "edwards", Attribute.ID: b"\x27"})


def _ed25519() -> dict[Any, Any]:
    return {
        Attribute.CLASS: ObjectClass.PRIVATE_KEY,
        Attribute.KEY_TYPE: KeyType.EC_EDWARDS,
        Attribute.EC_PARAMS: b"\x13\x0cedwards25519",
        Attribute.VALUE: bytes(range(32)),
        Attribute.SIGN: True,
    }


def _der(key: Any) -> bytes:
    data: bytes = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    return data


def _public_der(key: Any) -> bytes:
    data: bytes = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return data


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("QSJWT_PKCS11_MODULE", "PKCS11_MODULE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def pin(monkeypatch: pytest.MonkeyPatch) -> str:
    """Give the PIN as most people do, in QSJWT_KEY_PASSPHRASE."""
    monkeypatch.setenv("QSJWT_KEY_PASSPHRASE", PIN)
    return PIN


class TestRsa(KeyProviderContract):
    scheme = "pkcs11"
    algorithms: ClassVar[tuple[str, ...]] = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
    secrets: ClassVar[tuple[str, ...]] = (PIN,)
    attributes: ClassVar[str] = "object=jwt;id=%01;type=private"

    @pytest.fixture(autouse=True)
    def _given(self, softhsm: SoftHsm, pin: str) -> None:
        self.softhsm = softhsm

    def reference(self) -> str:
        return self.softhsm.reference(self.attributes).removeprefix("pkcs11:")

    def missing_reference(self) -> str:
        return self.softhsm.reference("object=nowhere").removeprefix("pkcs11:")


class TestP256(TestRsa):
    algorithms: ClassVar[tuple[str, ...]] = ("ES256",)
    attributes: ClassVar[str] = "object=p256"


class TestP384(TestRsa):
    algorithms: ClassVar[tuple[str, ...]] = ("ES384",)
    attributes: ClassVar[str] = "object=p384"


class TestP521(TestRsa):
    algorithms: ClassVar[tuple[str, ...]] = ("ES512",)
    attributes: ClassVar[str] = "id=%08"


@pytest.fixture
def create(run: Run) -> Run:
    """Run ``create-qseow`` with a key: ``create("pkcs11:…")``."""
    return lambda reference, *more, **how: run(
        *("create-qseow", "--userdir", "LAB", "--userid", "anna", "--expires", "5m", "--key", reference, *more), **how
    )


def _opened(reference: str) -> Signer:
    return open_signer(reference, Secrets())


@pytest.mark.usefixtures("pin")
class TestTokens:
    """Commands with a key in a token."""

    def test_a_token_for_a_virtual_proxy_verifies(self, softhsm: SoftHsm, create: Run, keys: SimpleNamespace) -> None:
        token = create(softhsm.reference("object=jwt;type=private")).token
        assert pyjwt.decode(token, public_pem(keys.rsa), algorithms=["RS256"])["userId"] == "anna"

    def test_node_verifies_a_token(
        self, softhsm: SoftHsm, create: Run, keys: SimpleNamespace, node_modules: Path
    ) -> None:
        token = create(softhsm.reference("object=jwt;type=private")).token
        claims = verified_by_node(JSONWEBTOKEN, node_modules, token, keys.public, algorithms=["RS256"])
        assert claims["userId"] == "anna"

    def test_an_assertion_for_oauth_verifies_with_a_key_on_p384(
        self, softhsm: SoftHsm, run: Run, keys: SimpleNamespace
    ) -> None:
        token = run(
            *("create-qscloud-oauth", "--client-id", "0123456789abcdef", "--tenant", "https://t.eu.qlikcloud.com"),
            *("--keyid", "thumbprint", "--expires", "5m", "--algorithm", "ES384"),
            *("--key", softhsm.reference("object=p384")),
        ).token
        claims = pyjwt.decode(
            token, public_pem(keys.p384), algorithms=["ES384"], options={"verify_aud": False, "verify_iat": False}
        )
        assert claims["sub"] == "0123456789abcdef"

    def test_the_token_signs_a_certificate_for_its_own_key(
        self, softhsm: SoftHsm, run: Run, keys: SimpleNamespace
    ) -> None:
        reference = softhsm.reference("object=first")
        shown = run("registration", "qseow", "--cert-self-signed", "--key", reference)
        assert shown.exit_code == 0, shown.stderr
        texts = [value for value in json.loads(shown.stdout).values() if "BEGIN CERTIFICATE" in str(value)]
        certificate = x509.load_pem_x509_certificate(texts[0].encode("ascii"))
        certificate.verify_directly_issued_by(certificate)
        assert certificate.public_key() == keys.rsa.public_key()

    def test_the_certificate_beside_a_key_is_the_one_to_register(self, softhsm: SoftHsm, run: Run) -> None:
        shown = run("show-key", "--key", softhsm.reference("object=jwt"))
        assert "CN=jwt" in shown.stdout, shown.stderr
        shown = run("registration", "qseow", "--key", softhsm.reference("object=jwt"))
        assert "-----BEGIN CERTIFICATE-----" in shown.stdout, shown.stderr

    @pytest.mark.parametrize(
        ("attributes", "words"), [("object=jwt", ("RSA", "2048")), ("object=p384", ("EC", "P-384", "384"))]
    )
    def test_show_key_tells_what_kind_of_key_it_is(
        self, softhsm: SoftHsm, run: Run, attributes: str, words: Sequence[str]
    ) -> None:
        shown = run("show-key", "--key", softhsm.reference(attributes))
        assert shown.exit_code == 0, shown.stderr
        assert all(word in shown.stdout for word in words)

    def test_many_tokens_come_from_one_login(self, softhsm: SoftHsm) -> None:
        reference = softhsm.reference("object=jwt")
        with _opened(reference) as one, ThreadPoolExecutor(8) as pool:
            with _opened(softhsm.reference("object=p384")) as two:
                signatures = list(pool.map(two.sign, [DATA] * 16, ["ES384"] * 16))
            for signature in signatures:
                JWA.signing_alg("ES384").verify(two.public_key, DATA, signature)
            # The other one's end must not log this one out.
            JWA.signing_alg("RS256").verify(one.public_key, DATA, one.sign(DATA, "RS256"))

    def test_signers_may_be_opened_and_closed_in_many_threads(self, softhsm: SoftHsm) -> None:
        def one(_number: int) -> None:
            with _opened(softhsm.reference("object=jwt")) as signer:
                JWA.signing_alg("RS256").verify(signer.public_key, DATA, signer.sign(DATA, "RS256"))

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(one, range(24)))

    def test_a_login_by_other_code_of_the_process_does_no_harm(self, softhsm: SoftHsm) -> None:
        with (
            pkcs11.lib(softhsm.module).get_token(token_label="qlik").open(user_pin=PIN),
            _opened(softhsm.reference("object=jwt")) as signer,
        ):
            JWA.signing_alg("RS256").verify(signer.public_key, DATA, signer.sign(DATA, "RS256"))

    def test_the_process_ends_in_good_order(self, softhsm: SoftHsm, keys: SimpleNamespace) -> None:
        options = ("--userdir", "LAB", "--userid", "anna", "--expires", "5m", "--key", softhsm.reference("object=jwt"))
        ended = run_process("create-qseow", *options)
        assert (ended.returncode, ended.stderr) == (0, b"")
        assert pyjwt.decode(ended.stdout.strip(), public_pem(keys.rsa), algorithms=["RS256"])

    def test_a_module_is_the_same_under_another_name(self, softhsm: SoftHsm, tmp_path: Path) -> None:
        link = tmp_path / "Module & more.so"
        link.symlink_to(softhsm.module)
        with _opened(softhsm.reference("object=jwt")) as first:
            path = str(link).replace("&", "%26").replace(" ", "%20")
            with _opened(f"pkcs11:token=qlik;object=jwt?module-path={path}") as second:
                assert first.public_key == second.public_key

    def test_a_key_that_wants_the_pin_each_time_gets_it(self, softhsm: SoftHsm) -> None:
        with _opened(softhsm.reference("object=careful")) as signer:
            for _ in range(2):
                JWA.signing_alg("RS256").verify(signer.public_key, DATA, signer.sign(DATA, "RS256"))
            assert PIN not in repr(signer)

    @pytest.mark.parametrize("label", ["certified", "unnumbered", "bare"])
    def test_the_public_half_is_found_in_a_certificate_by_its_label_and_unwrapped(
        self, softhsm: SoftHsm, label: str
    ) -> None:
        with _opened(softhsm.reference(f"object={label}")) as signer:
            JWA.signing_alg("ES256").verify(signer.public_key, DATA, signer.sign(DATA, "ES256"))

    def test_labels_may_have_any_letters(self, softhsm: SoftHsm) -> None:
        query = f"?module-path={softhsm.module}"
        for token in ("B%C3%BCro%202", "Büro 2"):
            _opened(f"pkcs11:token={token};object=Schl%C3%BCssel%3b%201;id=%ff%00{query}").close()

    def test_a_token_has_other_names_and_its_only_key_needs_none(self, softhsm: SoftHsm) -> None:
        token = next(pkcs11.lib(softhsm.module).get_tokens(token_label="Büro 2"))
        traits = f"serial={token.serial.decode()};slot-id={token.slot.slot_id};model=SoftHSM%20v2"
        _opened(f"pkcs11:{traits};manufacturer=SoftHSM%20project?module-path={softhsm.module}").close()

    @pytest.mark.parametrize("variable", ["QSJWT_PKCS11_MODULE", "PKCS11_MODULE"])
    def test_a_variable_can_name_the_module(
        self, softhsm: SoftHsm, monkeypatch: pytest.MonkeyPatch, variable: str
    ) -> None:
        monkeypatch.setenv("PKCS11_MODULE", "nowhere.so")
        monkeypatch.setenv(variable, softhsm.module)
        _opened("pkcs11:token=qlik;object=jwt").close()


class TestPin:
    """Where a PIN comes from, and what a wrong one does."""

    @pytest.mark.parametrize("form", ["{}", "file:{}", "file://{}", "file://localhost{}"])
    def test_it_can_be_in_a_file(self, softhsm: SoftHsm, tmp_path: Path, form: str) -> None:
        (tmp_path / "pin").write_text(f"{PIN}\nnot this\n")
        _opened(softhsm.reference("object=jwt", f"&pin-source={form.format(tmp_path / 'pin')}")).close()

    def test_it_can_be_in_a_variable(self, softhsm: SoftHsm, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MY_PIN", PIN)
        monkeypatch.setenv("QSJWT_KEY_PASSPHRASE", "of another key")
        _opened(softhsm.reference("object=jwt", "&pin-source=env:MY_PIN")).close()

    def test_it_can_come_by_the_options_for_passphrases(self, softhsm: SoftHsm, create: Run, tmp_path: Path) -> None:
        (tmp_path / "pin").write_text(PIN)
        assert create(softhsm.reference("object=jwt"), "--key-passphrase-file", tmp_path / "pin").token

    def test_two_sources_are_refused(self, softhsm: SoftHsm, create: Run, tmp_path: Path) -> None:
        (tmp_path / "pin").write_text(PIN)
        reference = softhsm.reference("object=jwt", "&pin-source=pin")
        create(reference, "--key-passphrase-file", "pin").refused(2, "the PIN has two sources")

    def test_without_one_the_error_says_how_to_give_it(self, softhsm: SoftHsm, create: Run) -> None:
        create(softhsm.reference("object=jwt")).refused(3, "needs a PIN", "pin-source", "QSJWT_KEY_PASSPHRASE")

    def test_a_wrong_one_is_tried_once_and_not_shown(
        self, softhsm: SoftHsm, create: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("QSJWT_KEY_PASSPHRASE", "wrong-Pinguine")
        result = create(softhsm.reference("object=jwt"))
        result.refused(3, "PIN", "wrong", "'qlik'", "tried once", "lock")
        assert "wrong-Pinguine" not in result.stderr
        monkeypatch.setenv("QSJWT_KEY_PASSPHRASE", PIN)
        assert create(softhsm.reference("object=jwt")).token

    def test_one_of_a_wrong_length_is_wrong(
        self, softhsm: SoftHsm, create: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("QSJWT_KEY_PASSPHRASE", "1" * 300)
        create(softhsm.reference("object=jwt")).refused(3, "wrong")

    def test_a_wrong_one_shows_in_no_traceback(
        self, softhsm: SoftHsm, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("QSJWT_KEY_PASSPHRASE", "wrong-Pinguine")
        options = ("--userdir", "LAB", "--userid", "anna", "--expires", "5m", "--key", softhsm.reference("object=jwt"))
        result = run("--debug", "create-qseow", *options)
        assert result.exit_code == 3
        assert "wrong-Pinguine" not in result.stderr + result.stdout

    @pytest.mark.parametrize("answer", [pkcs11.PinLocked, None])
    def test_a_locked_one_is_named_and_not_tried_if_the_token_says_so(self, answer: Any) -> None:
        from qsjwt.providers.pkcs11 import _opened as open_token

        token = _LockedToken(answer)
        with pytest.raises(KeyUnavailable, match="is locked") as caught:
            open_token(token, PIN, "the token 'x'")
        assert PIN not in repr(caught.value) + caught.value.hint
        assert token.tries == (0 if answer is None else 1)

    @pytest.mark.parametrize(("content", "word"), [(None, "does not exist"), (b"", "empty"), (b"\xff\xfea", "text")])
    def test_a_file_without_one_is_an_error(
        self, softhsm: SoftHsm, create: Run, tmp_path: Path, content: bytes | None, word: str
    ) -> None:
        if content is not None:
            (tmp_path / "pin").write_bytes(content)
        create(softhsm.reference("object=jwt", "&pin-source=pin")).refused(3, word)

    @pytest.mark.skipif(os.name == "nt", reason="variables are text on Windows")
    def test_one_that_is_no_text_is_an_error(self, softhsm: SoftHsm, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(os.environb, b"QSJWT_KEY_PASSPHRASE", b"\xff\xfe")
        with pytest.raises(KeyUnavailable, match="not UTF-8") as caught:
            _opened(softhsm.reference("object=jwt"))
        assert caught.value.__cause__ is None

    @pytest.mark.parametrize("source", ["|cat /run/pin", "exec:cat", "https://pins"])
    def test_it_comes_from_nowhere_else(self, softhsm: SoftHsm, create: Run, source: str) -> None:
        create(softhsm.reference("object=jwt", f"&pin-source={source}")).refused(2, "neither a file nor env:NAME")


class _LockedToken:
    """A stand-in for a token whose PIN is locked: SoftHSM never locks one."""

    def __init__(self, answer: type[pkcs11.PKCS11Error] | None) -> None:
        self.answer = answer
        self.flags = pkcs11.TokenFlag.LOGIN_REQUIRED
        if answer is None:
            self.flags |= pkcs11.TokenFlag.USER_PIN_LOCKED
        self.tries = 0

    def open(self, user_pin: str) -> None:
        self.tries += 1
        assert self.answer is not None
        raise self.answer


@pytest.mark.usefixtures("pin")
class TestWhatIsNotThere:
    """References to no key, to several, and to keys that will not do."""

    @pytest.mark.parametrize(
        ("attributes", "words"),
        [
            ("object=jwtt", ("'qlik' has no private key that matches", "there is: ", "object=")),
            ("object=jwt;id=%02", ("has no private key that matches",)),
            ("object=double", ("has 2 private keys", "id would decide", "'id=%05'", "'id=%06'")),
            ("object=same", ("has 2 private keys", "do not tell them apart")),
            ("type=private", ("private keys that match",)),
            ("object=short", ("1024 bits",)),
            ("object=p384", ("P-384",)),
            ("object=bitcoin", ("curve",)),
            ("object=edwards", ("neither an RSA nor an EC key",)),
            ("object=silent", ("not for signing",)),
        ],
    )
    def test_the_error_says_which_key_is_meant(
        self, softhsm: SoftHsm, create: Run, attributes: str, words: Sequence[str]
    ) -> None:
        create(softhsm.reference(attributes)).refused(3, *words)

    @pytest.mark.parametrize(
        ("attributes", "words"),
        [
            ("token=nowhere", ("has no token that matches", "there is: ", "token=qlik")),
            ("token=twin;object=jwt", ("has 2 tokens", "serial", "slot-id", "would decide")),
            ("object=jwt", ("has 5 tokens", "serial")),
            ("token=qlik;slot-id=0", ("has no token that matches",)),
            ("token=empty", ("'empty' has no private key",)),
        ],
    )
    def test_the_error_says_which_token_is_meant(
        self, softhsm: SoftHsm, create: Run, attributes: str, words: Sequence[str]
    ) -> None:
        create(f"pkcs11:{attributes}?module-path={softhsm.module}").refused(3, *words)

    def test_an_ec_key_without_its_public_half_is_an_error(self, softhsm: SoftHsm) -> None:
        with pytest.raises(KeyUnavailable, match="does not have the public half") as caught:
            _opened(softhsm.reference("object=lonely"))
        assert "CKA_ID" in caught.value.hint

    def test_nothing_stays_logged_in_after_an_error(self, softhsm: SoftHsm) -> None:
        from qsjwt.providers import pkcs11 as provider

        with pytest.raises(KeyUnavailable):
            _opened(softhsm.reference("object=nowhere"))
        assert not provider._sessions


class TestModule:
    """What is loaded, and what cannot be."""

    def test_without_one_the_error_says_how_to_name_it(self, create: Run) -> None:
        create("pkcs11:token=qlik").refused(2, "no PKCS#11 module", "module-path", "QSJWT_PKCS11_MODULE")

    def test_one_that_is_not_there_is_an_error(self, create: Run) -> None:
        create("pkcs11:token=qlik?module-path=/no/where.so").refused(3, "'/no/where.so'", "does not exist")

    def test_a_file_that_is_no_library_is_an_error(self, create: Run, tmp_path: Path) -> None:
        (tmp_path / "text.so").write_text("no library")
        create("pkcs11:token=qlik?module-path=text.so").refused(3, "'text.so'", "cannot be loaded")

    def test_a_library_of_another_kind_is_an_error(self, create: Run) -> None:
        library = pkcs11.lib.__globals__["__file__"]
        native = next(Path(library).parent.glob("_pkcs11*"))
        create(f"pkcs11:token=qlik?module-path={native}").refused(3, "cannot be loaded as a PKCS#11 module")

    def test_one_that_cannot_start_is_an_error(self, softhsm: SoftHsm, tmp_path: Path) -> None:
        options = ("--userdir", "LAB", "--userid", "anna", "--expires", "5m", "--key", softhsm.reference("object=jwt"))
        ended = run_process("create-qseow", *options, environment={"SOFTHSM2_CONF": str(tmp_path / "nowhere.conf")})
        assert (ended.returncode, ended.stdout) == (3, b"")
        assert b"reports an error: GENERAL_ERROR" in ended.stderr

    def test_a_pipe_is_not_waited_for(self, create: Run, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe.so")
        create(f"pkcs11:token=qlik?module-path={tmp_path / 'pipe.so'}").refused(3, "is not a regular file")

    def test_a_folder_is_an_error(self, create: Run, tmp_path: Path) -> None:
        create(f"pkcs11:token=qlik?module-path={tmp_path}").refused(3, "is a folder")

    def test_without_the_extra_the_error_says_what_to_install(
        self, create: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "pkcs11", None)
        monkeypatch.delitem(sys.modules, "qsjwt.providers.pkcs11", raising=False)
        create("pkcs11:token=qlik").refused(5, "qsjwt[pkcs11]")


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("pkcs11:token", ("not NAME=VALUE",)),
        ("pkcs11:token=a;token=b", ("'token'", "twice")),
        ("pkcs11:library-version=1", ("'library-version'", "token, manufacturer")),
        ("pkcs11:token=a?module-name=softhsm2", ("'module-name'", "module-path")),
        ("pkcs11:token=a;module-path=/x.so", ("'module-path'", "after it")),
        ("pkcs11:token=100%", ("%", "in token")),
        ("pkcs11:id=%0g", ("%", "in id")),
        ("pkcs11:token=%ff", ("token", "UTF-8")),
        ("pkcs11:type=public", ("not to a private key",)),
        ("pkcs11:type=cert", ("not to a private key",)),
        ("pkcs11:slot-id=first", ("slot-id", "'first'")),
    ],
)
def test_a_malformed_reference_is_an_error(create: Run, reference: str, words: Sequence[str]) -> None:
    create(reference).refused(2, *words)


@pytest.mark.parametrize(
    ("reference", "word"),
    [
        ("token=a?pin-value=987654", "no place on a command line"),
        ("token=a;pin-value=987654", "no place on a command line"),
        ("token=a?pin=987654", "no place on a command line"),
        ("token=a?987654", "not NAME=VALUE"),
    ],
)
def test_a_pin_on_the_command_line_is_refused_and_not_repeated(create: Run, reference: str, word: str) -> None:
    result = create(f"pkcs11:{reference}")
    result.refused(2, word)
    assert "987654" not in result.stderr


def test_every_attribute_of_a_listed_uri_is_understood() -> None:
    from qsjwt.providers.pkcs11 import _parse

    uri = (
        "model=SoftHSM%20v2;manufacturer=SoftHSM%20project;serial=29a2;token=q%3bq;id=%01%FF;object=a%25b;type=private"
    )
    assert _parse(uri + "?module-path=C:\\p11\\a?b.dll&pin-source=file:/run/pin") == {
        "model": "SoftHSM v2",
        "manufacturer": "SoftHSM project",
        "serial": "29a2",
        "token": "q;q",
        "id": "\x01\xff",
        "object": "a%b",
        "module-path": "C:\\p11\\a?b.dll",
        "pin-source": "file:/run/pin",
    }


class _Key:
    """A stand-in for a key in a token that answers wrongly."""

    def __init__(self, answer: bytes | pkcs11.PKCS11Error) -> None:
        self.answer = answer

    def sign(self, *_data: bytes, **_how: object) -> bytes:
        if isinstance(self.answer, bytes):
            return self.answer
        raise self.answer


@pytest.mark.usefixtures("pin")
class TestSigningFails:
    """A token that refuses, or answers something else than a signature."""

    def test_the_public_key_of_another_pair_is_noticed(self, softhsm: SoftHsm, run: Run) -> None:
        options = ("--client-id", "0123456789abcdef", "--tenant", "https://t.eu.qlikcloud.com", "--keyid", "k")
        reference = softhsm.reference("object=mistaken")
        result = run("create-qscloud-oauth", *options, "--expires", "5m", "--algorithm", "ES384", "--key", reference)
        result.refused(4, "does not verify")

    @pytest.mark.parametrize(
        ("error", "code"),
        [
            (pkcs11.MechanismInvalid(), "MECHANISM_INVALID"),
            (pkcs11.DeviceRemoved(), "DEVICE_REMOVED"),
            (pkcs11.PKCS11Error("Unmapped error code 0x80000123"), "0x80000123"),
        ],
    )
    def test_the_error_has_the_name_that_pkcs11_has(
        self, softhsm: SoftHsm, error: pkcs11.PKCS11Error, code: str
    ) -> None:
        with _opened(softhsm.reference("object=jwt")) as signer:
            signer._key = _Key(error)  # type: ignore[attr-defined]
            with pytest.raises(SigningFailed, match=f"'qlik' did not sign: {code}"):
                signer.sign(DATA, "RS256")

    @pytest.mark.parametrize("answer", [b"", b"1", b"\1" * 97, b"\xff" * 200])
    def test_what_is_no_ecdsa_signature_is_refused(self, softhsm: SoftHsm, answer: bytes) -> None:
        with _opened(softhsm.reference("object=p384")) as signer:
            signer._key = _Key(answer)  # type: ignore[attr-defined]
            with pytest.raises(SigningFailed, match="something else than an ECDSA signature"):
                signer.sign(DATA, "ES384")

    def test_halves_that_are_short_become_long(self, softhsm: SoftHsm) -> None:
        with _opened(softhsm.reference("object=p384")) as signer:
            signer._key = _Key(b"\1\2\3\4")  # type: ignore[attr-defined]
            assert signer.sign(DATA, "ES384") == bytes(46) + b"\1\2" + bytes(46) + b"\3\4"

    def test_a_closed_signer_signs_no_more(self, softhsm: SoftHsm) -> None:
        with _opened(softhsm.reference("object=jwt")) as other:
            signer = _opened(softhsm.reference("object=jwt"))
            signer.close()
            signer.close()  # which must not count twice
            with pytest.raises(SigningFailed, match="closed"):
                signer.sign(DATA, "RS256")
            other.sign(DATA, "RS256")

    def test_a_session_that_is_lost_is_an_error(self, softhsm: SoftHsm) -> None:
        with _opened(softhsm.reference("object=jwt")) as signer:
            signer._session.handle.close()  # type: ignore[attr-defined]
            with pytest.raises(SigningFailed, match="did not sign: SESSION_HANDLE_INVALID"):
                signer.sign(DATA, "RS256")


@pytest.mark.needs("softhsm2-util", "pkcs11-tool")
@pytest.mark.parametrize("run_in", RUN_IN)
def test_the_commands_of_its_page_run(run_in: Any, tmp_path: Path) -> None:
    if not os.path.exists(MODULES[0]):
        unavailable("the page has the paths of Debian, and SoftHSM is elsewhere here")
    (tmp_path / "tokens").mkdir()
    (tmp_path / "softhsm2.conf").write_text(f"directories.tokendir = {tmp_path}/tokens\nlog.level = ERROR\n")
    add_installers(tmp_path / "programs")
    reader = reader_environment(tmp_path / "programs", SOFTHSM2_CONF=str(tmp_path / "softhsm2.conf"))
    output = run_in(Page("keys/pkcs11.md"), tmp_path, reader, quiet=False)
    assert len([line for line in output.splitlines() if line.startswith("eyJ")]) == 2
    assert "-----BEGIN CERTIFICATE-----" in output
