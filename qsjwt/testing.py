"""Contract suites for pytest: what every signer, key provider and platform must do, whoever wrote it.

Subclass them in a test module, say how yours is made, and pytest runs the rest.
"""

import copy
import functools
import inspect
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Final

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from jwcrypto.jwa import JWA
from jwcrypto.jwk import JWK
from jwcrypto.jws import JWS

from qsjwt.api import (
    REGISTERED_CLAIMS,
    InputError,
    KeyUnavailable,
    Platform,
    QsJwtError,
    Secrets,
    Signer,
    Token,
    create_token,
    create_tokens,
    open_signer,
)
from qsjwt.cli.app import main
from qsjwt.keys.generate import CertificateRequest, self_signed_certificate
from qsjwt.keys.reference import KEY_PROVIDERS
from qsjwt.keys.signer import LocalSigner, key_algorithms
from qsjwt.options.group import OptionGroup
from qsjwt.options.option import Option
from qsjwt.options.parser import Parser
from qsjwt.options.request import RequestOptions, add_claim_name_options
from qsjwt.tokens.create import Creator, load_platform
from qsjwt.tokens.platform import command_of, examine
from qsjwt.tokens.request import TokenRequest
from qsjwt.tokens.rules import Finding, Status

__all__ = ["KeyProviderContract", "PlatformContract", "SignerContract"]

_DATA = b"eyJhbGciOiJSUzI1NiJ9.eyJ1c2VySWQiOiJnw7ZyYW4ifQ"
_PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
_THREADS = 8
_NOW: Final = 1_700_000_000
"""A time that is surely past: who looks at the clock instead is found out."""

_ODD: Final[tuple[Any, ...]] = (
    *(None, True, 0, -1, 1.5, 10**300, "", " ", "x", "two\nlines", "\ud800", [], [None], ["x", 1], {}, {"a": 1}),
)
"""Values of every type that JSON has, none of which a platform can count on."""


class SignerContract:
    """What every :class:`qsjwt.api.Signer` must do.

    A subclass, whose name begins with ``Test``, gives :meth:`make_signer`.

    :cvar algorithms: JWA names (RFC 7518, section 3.1) that the key must be able to do, among others.
    :cvar secrets: texts that must not be shown: a PIN, a passphrase, a line of the private key.
    """

    algorithms: ClassVar[tuple[str, ...]] = ("RS256",)
    secrets: ClassVar[tuple[str, ...]] = ()

    def make_signer(self) -> Signer:
        """Return a new signer."""
        raise NotImplementedError

    def test_it_says_what_its_key_can_do(self) -> None:
        with self.make_signer() as signer:
            assert set(self.algorithms) <= set(signer.algorithms) <= set(key_algorithms(signer.public_key))

    def test_each_of_its_signatures_verifies_with_its_public_key(self) -> None:
        with self.make_signer() as signer:
            for algorithm in signer.algorithms:
                signature = signer.sign(_DATA, algorithm)
                assert isinstance(signature, bytes)
                JWA.signing_alg(algorithm).verify(signer.public_key, _DATA, signature)

    def test_each_of_its_signatures_verifies_with_openssl(self, tmp_path: Path) -> None:
        openssl = shutil.which("openssl")
        if openssl is None:
            pytest.skip("openssl is not on the path")
        with self.make_signer() as signer:
            signatures = {algorithm: signer.sign(_DATA, algorithm) for algorithm in signer.algorithms}
            (tmp_path / "public.pem").write_bytes(signer.public_key.export_to_pem())
        (tmp_path / "data").write_bytes(_DATA)
        for algorithm, signature in signatures.items():
            (tmp_path / "signature").write_bytes(_as_openssl_wants_it(signature, algorithm))
            padding = ("-sigopt", "rsa_padding_mode:pss") if algorithm.startswith("PS") else ()
            command = [openssl, "dgst", f"-sha{algorithm[2:]}", "-verify", tmp_path / "public.pem", *padding]
            result = subprocess.run(  # noqa: S603 - all of it is from here
                [*command, "-signature", tmp_path / "signature", tmp_path / "data"], capture_output=True, check=False
            )
            assert result.returncode == 0, result.stdout + result.stderr

    def test_its_public_key_has_no_private_part(self) -> None:
        with self.make_signer() as signer:
            assert not signer.public_key.has_private
            assert not _PRIVATE_MEMBERS & set(signer.public_key.export(as_dict=True))

    def test_its_repr_shows_no_secret(self) -> None:
        with self.make_signer() as signer:
            shown = repr(signer) + str(signer)
            assert not any(secret in shown for secret in self.secrets)

    def test_it_may_be_closed_twice(self) -> None:
        signer = self.make_signer()
        signer.sign(_DATA, signer.algorithms[0])
        signer.close()
        signer.close()

    def test_eight_threads_may_use_it_at_once(self) -> None:
        with self.make_signer() as signer, ThreadPoolExecutor(_THREADS) as pool:
            algorithm = signer.algorithms[0]
            texts = [b"%d." % number + _DATA for number in range(4 * _THREADS)]
            for text, signature in zip(texts, pool.map(lambda text: signer.sign(text, algorithm), texts), strict=True):
                JWA.signing_alg(algorithm).verify(signer.public_key, text, signature)


class KeyProviderContract(SignerContract):
    """What every :class:`qsjwt.api.KeyProvider` must do; its signers are held to :class:`SignerContract` too.

    :cvar scheme: the name of its entry point.
    """

    scheme: ClassVar[str]

    def reference(self) -> str:
        """Return the text after ``SCHEME:`` for a key that is there."""
        raise NotImplementedError

    def missing_reference(self) -> str:
        """Return the text after ``SCHEME:`` for a key that is not there."""
        raise NotImplementedError

    def where_secrets_are(self) -> Secrets:
        """Return where the key's passphrase or PIN comes from."""
        return Secrets()

    def make_signer(self) -> Signer:
        """Return a new signer, by way of the entry point."""
        return open_signer(f"{self.scheme}:{self.reference()}", self.where_secrets_are())

    def test_its_summary_begins_with_its_scheme(self) -> None:
        assert KEY_PROVIDERS.load(self.scheme).summary.startswith(f"{self.scheme}:")

    def test_a_key_that_is_not_there_is_an_error_that_shows_no_secret(self) -> None:
        with pytest.raises((KeyUnavailable, InputError)) as caught:
            open_signer(f"{self.scheme}:{self.missing_reference()}", self.where_secrets_are())
        self.assert_fit_to_show(caught.value)

    def assert_fit_to_show(self, error: QsJwtError) -> None:
        """Assert that *error* is one sentence, and shows no secret."""
        shown = f"{error.message} {error.hint} {error!r}"
        assert not any(secret in shown for secret in self.secrets)
        _assert_one_sentence(error.message)


class PlatformContract:
    """What every :class:`qsjwt.api.Platform` must do, by way of its entry point.

    A subclass, whose name begins with ``Test``, gives :attr:`name`, and :attr:`options` that make a right token. The
    keys are made for the run, and no file holds them.

    :cvar name: the name of its entry point.
    :cvar options: those of ``create-NAME``, as :func:`qsjwt.api.create_token` takes them; ``expires`` is ``5m``, and
        ``keyid``, where that is a must, ``contract``, unless they are among them.
    :cvar needed: names in *options* without which there is no token, beside those that argparse requires.
    :cvar registration_options: those of ``registration NAME`` alone, without which there is nothing to register.
    """

    name: ClassVar[str]
    options: ClassVar[Mapping[str, Any]] = {}
    needed: ClassVar[Sequence[str]] = ()
    registration_options: ClassVar[Mapping[str, Any]] = {}

    def test_it_loads_and_declares_what_can_be(self) -> None:
        platform = load_platform(self.name)
        assert platform.summary.strip()
        assert "\n" not in platform.summary
        assert not platform.example or command_of(self.name) in platform.example
        assert "\n" not in platform.example, "the help puts an example on as many lines as it takes"
        for rule in platform.rules:
            assert rule.name
            assert rule.requirement, rule.name
            assert rule.source, rule.name

    def test_its_options_are_named_and_explained_and_none_of_them_is_taken(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for command in ((command_of(self.name),), ("check", self.name), ("registration", self.name)):
            # Making the parser is what finds a name that is taken; the help needs every part of it.
            assert main([*command, "--help"]) == 0, capsys.readouterr().err
        platform = load_platform(self.name)
        for option in _options_of(platform.add_options, platform.add_shared_options, platform.add_registration_options):
            assert option.long_names, f"{option.dest} has no long name"
            assert option.help, f"--{option.long_names[0]} has no help"
        taken = {*inspect.signature(create_tokens).parameters, *inspect.signature(create_token).parameters}
        for option in _options_of(platform.add_options, platform.add_shared_options):
            assert taken.isdisjoint(map(_in_python, option.long_names)), (
                "create_token means something else by that name"
            )

    def test_a_token_of_each_algorithm_verifies_and_passes_its_own_check(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for algorithm in load_platform(self.name).algorithms:
            key = _new_key(algorithm)
            created = create_token(self.name, key=key.reference, algorithm=algorithm, **self._given())
            assert created.header["alg"] == algorithm
            jws = JWS()
            jws.allowed_algs = [algorithm]
            jws.deserialize(created.compact)
            jws.verify(key.jwk.public(), algorithm)
            assert json.loads(jws.payload) == created.claims
            public = ("--jwt", created.compact, "--cert-publickey", key.certificate, "--format", "json")
            exit_code = main(["check", self.name, *public, *self._arguments("add_shared_options")])
            shown = capsys.readouterr()
            assert exit_code in (0, 6), shown.err
            assert [rule for rule in json.loads(shown.out)["rules"] if rule["status"] == "broken"] == []

    def test_what_is_required_is_refused_in_one_sentence_when_it_is_missing(self) -> None:
        for demand in self._demands():
            rest = {name: value for name, value in self._given().items() if name not in demand}
            try:
                create_token(self.name, key=_new_key(self._algorithm()).reference, **rest)
            except InputError as error:
                _assert_one_sentence(error.message)
            else:
                pytest.fail(f"there is a token without {' and '.join(sorted(demand))}")

    def test_build_gives_the_same_again(self) -> None:
        platform, request = self._creator().platform, self._request()
        state = copy.deepcopy(vars(platform))
        first, second = platform.build(request, _NOW), platform.build(request, _NOW)
        assert vars(platform) == state, "a platform holds no state"
        _assert_alike(first, second)

    def test_the_times_of_a_token_count_from_the_time_that_build_is_given(self) -> None:
        request = self._request()
        claims = self._creator().build(request, _NOW).claims
        assert all(claims[name] <= _NOW for name in ("iat", "nbf") if name in claims)
        assert _NOW < claims.get("exp", _NOW + 1) <= _NOW + request.expires

    def test_its_checks_survive_claims_that_are_missing_or_of_any_type(self) -> None:
        creator, request = self._creator(), self._request()
        token, platform = creator.build(request, _NOW), creator.platform
        assert all(finding.status is not Status.BROKEN for finding in _findings(platform, token, request))
        claims = (*token.claims, *request.claim_names.values(), *REGISTERED_CLAIMS)
        for odd in _odd_tokens(token, dict.fromkeys((*claims, *(rule.name for rule in platform.rules)))):
            before = copy.deepcopy(odd)
            for finding in _findings(platform, odd, request):
                _assert_one_sentence(finding.message)
            assert odd == before, "a check changed the token"

    def test_check_and_registration_can_do_without_options(self, capsys: pytest.CaptureFixture[str]) -> None:
        key = _new_key(self._algorithm())
        created = create_token(self.name, key=key.reference, algorithm=self._algorithm(), **self._given())
        assert main(["check", self.name, "--jwt", created.compact]) in (0, 6), capsys.readouterr().err
        exit_code = main(["registration", self.name, "--cert-publickey", key.certificate])
        assert exit_code in (0, InputError.exit_code, KeyUnavailable.exit_code), capsys.readouterr().err

    def test_what_is_registered_is_json_and_nothing_private_is_in_it(self, capsys: pytest.CaptureFixture[str]) -> None:
        key = _new_key(self._algorithm())
        added = ("add_shared_options", "add_options", "add_registration_options")
        private = ("--key", key.reference, "--cert-publickey", key.certificate)
        exit_code = main(["registration", self.name, *private, *self._arguments(*added)])
        shown = capsys.readouterr()
        if type(load_platform(self.name)).registration is Platform.registration:
            assert exit_code == InputError.exit_code, shown.err
            return
        assert exit_code == 0, shown.err
        assert isinstance(json.loads(shown.out), dict)
        members = key.jwk.export(as_dict=True)
        assert not any(members[name] in shown.out for name in _PRIVATE_MEMBERS & set(members))
        assert "PRIVATE KEY" not in shown.out

    def test_eight_threads_may_use_it_at_once(self) -> None:
        creator, request = self._creator(), self._request()

        def work(_number: int) -> tuple[Token, list[Finding]]:
            token = creator.build(request, _NOW)
            return token, _findings(creator.platform, token, request)

        with ThreadPoolExecutor(_THREADS) as pool:
            (first, found), *others = pool.map(work, range(4 * _THREADS))
        for token, findings in others:
            _assert_alike(first, token)
            assert findings == found

    def test_each_row_of_a_batch_becomes_a_token(self) -> None:
        key = _new_key(self._algorithm())
        _, known = self._declared()
        columns = {_in_python(column): column for column in known.columns}
        row = {columns[name]: value for name, value in self._given().items()}
        demands = self._demands()
        bad = [{name: value for name, value in row.items() if _in_python(name) not in demand} for demand in demands]
        rows = [*bad, *[row] * (2 * _THREADS)]
        results = list(create_tokens(self.name, rows, key=key.reference, jobs=_THREADS))
        assert [result.row.number for result in results] == list(range(1, len(rows) + 1))
        assert all(isinstance(result.error, InputError) for result in results[: len(bad)])
        assert [result.error for result in results[len(bad) :] if result.token is None] == []

    def _given(self) -> dict[str, Any]:
        """Return the options of a right token."""
        key_id = {"keyid": "contract"} if load_platform(self.name).key_id_required else {}
        return {"expires": "5m", **key_id, **self.options}

    def _algorithm(self) -> str:
        return load_platform(self.name).algorithms[0]

    def _creator(self) -> Creator:
        return Creator(self.name, load_platform(self.name))

    def _declared(self) -> tuple[Parser, RequestOptions]:
        """Return a parser with the options of a token."""
        parser = Parser(command_of(self.name), "")
        known = RequestOptions(parser, load_platform(self.name))
        known.add_key_id(parser.group("key"))
        return parser, known

    def _request(self) -> TokenRequest:
        """Return the request for a right token, as :meth:`qsjwt.api.Platform.build` gets it."""
        parser, known = self._declared()
        return known.request(parser.parse_args(_as_arguments(parser.declared.options, self._given())), {})

    def _arguments(self, *added: str) -> list[str]:
        """Return the options as a command line: the key ID, and those that the methods *added* make."""
        platform, given = load_platform(self.name), {**self._given(), **self.registration_options}
        key_id = [f"--keyid={given['keyid']}"] if "keyid" in given else []
        names = functools.partial(add_claim_name_options, platform=platform)
        return [*key_id, *_as_arguments(_options_of(*(getattr(platform, name) for name in added), names), given)]

    def _demands(self) -> list[set[str]]:
        """Return the names of options of each of which a token needs one, as Python has them."""
        parser, _ = self._declared()
        demands = [
            {_in_python(name) for option in options for name in option.long_names}
            for options in parser.declared.requirements()
        ]
        return [*demands, *({name} for name in self.needed)]


@dataclass(frozen=True, repr=False)
class _Key:
    """A key that is there for the length of a run: private, as a reference to itself, and with a certificate."""

    jwk: JWK
    reference: str
    certificate: str


@functools.cache
def _new_key(algorithm: str) -> _Key:
    if algorithm[:2] in ("RS", "PS") and algorithm != "RS256":
        return _new_key("RS256")
    curve = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}.get(algorithm)
    jwk = JWK.generate(kty="EC", crv=curve) if curve else JWK.generate(kty="RSA", size=2048)
    pem = jwk.export_to_pem(private_key=True, password=None).decode("ascii")
    request = CertificateRequest(days=2, common_name="contract", now=int(time.time()) - 60)
    certificate = self_signed_certificate(LocalSigner(jwk), request, algorithm)
    return _Key(jwk, f"inline:{pem}", certificate.decode("ascii"))


def _options_of(*added: Callable[[OptionGroup], None]) -> list[Option]:
    """Return the options that the methods *added* of a platform add."""
    group = Parser("contract", "").group("contract")
    for add in added:
        add(group)
    return group.options


def _in_python(name: str) -> str:
    return name.replace("-", "_")


def _as_arguments(options: Sequence[Option], given: Mapping[str, Any]) -> list[str]:
    """Return what *given* says of *options* as it is written on a command line."""
    words = []
    for option in options:
        for name in option.long_names:
            value = given.get(_in_python(name))
            if value is None:
                continue
            parts = value if isinstance(value, list | tuple) else [value]
            if option.nargs and parts and isinstance(parts[0], list | tuple):
                words += [word for part in parts for word in (f"--{name}", *map(_as_text, part))]
                continue
            texts = [*map(_as_text, parts)]
            if option.nargs == 0:
                words += [flag for flag in (f"--{name}",) if texts == ["true"]]
                words += [flag for flag in (f"--no-{name}",) if texts == ["false"] and flag in option.names]
            elif option.nargs is None:
                words += [f"--{name}={text}" for text in texts]
            else:
                words += [f"--{name}", *texts]
    return words


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _odd_tokens(token: Token, names: Mapping[str, Any]) -> Iterator[Token]:
    """Yield *token* without claims, and with each of *names*, or all, of a value that nobody expects there."""
    # A token that is decoded has an algorithm, and any other header.
    header = {"alg": token.header["alg"]}
    yield replace(token, header=header, claims={})
    for value in _ODD:
        yield replace(token, header={**header, "kid": value, "typ": value}, claims=dict.fromkeys(names, value))
        for name in names:
            yield replace(token, claims={**token.claims, name: copy.deepcopy(value)})
    for name in token.claims:
        yield replace(token, claims={other: value for other, value in token.claims.items() if other != name})


def _findings(platform: Platform, token: Token, request: TokenRequest) -> list[Finding]:
    """Return what the rules of *platform* find in *token*, which was made for *request*."""
    try:
        return examine(platform, token, _NOW, request.claim_names)
    except Exception as cause:
        pytest.fail(f"a check raises {cause!r} for the header {token.header!r} and the claims {token.claims!r}")


def _assert_alike(one: Token, other: Token) -> None:
    """Assert that two tokens differ in random texts, such as ``jti``, and in nothing else."""
    for part, rest in ((one.header, other.header), (one.claims, other.claims)):
        assert list(part) == list(rest)
        for name in part:
            alike = part[name] == rest[name] or (isinstance(part[name], str) and isinstance(rest[name], str))
            assert alike, f"{name} differs: {part[name]!r} and {rest[name]!r}"


def _assert_one_sentence(message: str) -> None:
    assert message.strip()
    assert "\n" not in message
    assert not message.endswith(".")


def _as_openssl_wants_it(signature: bytes, algorithm: str) -> bytes:
    """Return an ECDSA signature in ASN.1 (RFC 3279, section 2.2.3), any other as it is."""
    if not algorithm.startswith("ES"):
        return signature
    half = len(signature) // 2
    return encode_dss_signature(int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big"))
