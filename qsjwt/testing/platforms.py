"""The contract of platforms."""

import copy
import functools
import inspect
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar, Final

import pytest
from jwcrypto.jws import JWS

from qsjwt.api import REGISTERED_CLAIMS, InputError, KeyUnavailable, Platform, Token, create_token, create_tokens
from qsjwt.cli.app import main
from qsjwt.options.group import OptionGroup
from qsjwt.options.option import Option
from qsjwt.options.parser import Parser
from qsjwt.options.request import RequestOptions, add_claim_name_options
from qsjwt.testing.keys import PRIVATE_MEMBERS, THREADS, assert_one_sentence, new_key
from qsjwt.tokens.create import Creator, load_platform
from qsjwt.tokens.platform import command_of, examine, facts
from qsjwt.tokens.request import TokenRequest
from qsjwt.tokens.rules import Finding, Status

_NOW: Final = 1_700_000_000
"""A time that is surely past: who looks at the clock instead is found out."""

_ODD: Final[tuple[Any, ...]] = (
    *(None, True, 0, -1, 1.5, 10**300, "", " ", "x", "two\nlines", "\ud800", [], [None], ["x", 1], {}, {"a": 1}),
)
"""Values of every type that JSON has, none of which a platform can count on."""


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
            key = new_key(algorithm)
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
                create_token(self.name, key=new_key(self._algorithm()).reference, **rest)
            except InputError as error:
                assert_one_sentence(error.message)
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
                assert_one_sentence(finding.message)
            assert odd == before, "a check changed the token"

    def test_check_and_registration_can_do_without_options(self, capsys: pytest.CaptureFixture[str]) -> None:
        key = new_key(self._algorithm())
        created = create_token(self.name, key=key.reference, algorithm=self._algorithm(), **self._given())
        assert main(["check", self.name, "--jwt", created.compact]) in (0, 6), capsys.readouterr().err
        exit_code = main(["registration", self.name, "--cert-publickey", key.certificate])
        assert exit_code in (0, InputError.exit_code, KeyUnavailable.exit_code), capsys.readouterr().err

    def test_what_is_registered_is_json_and_nothing_private_is_in_it(self, capsys: pytest.CaptureFixture[str]) -> None:
        key = new_key(self._algorithm())
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
        assert not any(members[name] in shown.out for name in PRIVATE_MEMBERS & set(members))
        assert "PRIVATE KEY" not in shown.out

    def test_check_reads_what_registration_prints(self, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
        key = new_key(self._algorithm())
        created = create_token(self.name, key=key.reference, algorithm=self._algorithm(), **self._given())
        added = ("add_shared_options", "add_options", "add_registration_options")
        if main(["registration", self.name, "--cert-publickey", key.certificate, *self._arguments(*added)]):
            return
        (tmp_path / "registered.json").write_text(capsys.readouterr().out, encoding="utf-8")
        command = ["check", self.name, "--jwt", created.compact, "--registered", str(tmp_path / "registered.json")]
        known = type(load_platform(self.name)).read_registration is not Platform.read_registration
        assert main(command) == (0 if known else InputError.exit_code), capsys.readouterr()

    def test_eight_threads_may_use_it_at_once(self) -> None:
        creator, request = self._creator(), self._request()

        def work(_number: int) -> tuple[Token, list[Finding]]:
            token = creator.build(request, _NOW)
            return token, _findings(creator.platform, token, request)

        with ThreadPoolExecutor(THREADS) as pool:
            (first, found), *others = pool.map(work, range(4 * THREADS))
        for token, findings in others:
            _assert_alike(first, token)
            assert findings == found

    def test_each_row_of_a_batch_becomes_a_token(self) -> None:
        key = new_key(self._algorithm())
        _, known = self._declared()
        columns = {_in_python(column): column for column in known.columns}
        row = {columns[name]: value for name, value in self._given().items()}
        demands = self._demands()
        bad = [{name: value for name, value in row.items() if _in_python(name) not in demand} for demand in demands]
        rows = [*bad, *[row] * (2 * THREADS)]
        results = list(create_tokens(self.name, rows, key=key.reference, jobs=THREADS))
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
    yield token._replace(header=header, claims={})
    for value in _ODD:
        yield token._replace(header={**header, "kid": value, "typ": value}, claims=dict.fromkeys(names, value))
        for name in names:
            yield token._replace(claims={**token.claims, name: copy.deepcopy(value)})
    for name in token.claims:
        yield token._replace(claims={other: value for other, value in token.claims.items() if other != name})


def _findings(platform: Platform, token: Token, request: TokenRequest) -> list[Finding]:
    """Return what the rules of *platform* find in *token*, made for *request*, and have them tell the rest."""
    try:
        found = examine(platform, token, _NOW, request.claim_names)
        facts(platform, token, _NOW, request.claim_names, found=found)
        return found
    except Exception as cause:
        pytest.fail(
            f"a check or a fact raises {cause!r} for the header {token.header!r} and the claims {token.claims!r}"
        )


def _assert_alike(one: Token, other: Token) -> None:
    """Assert that two tokens differ in random texts, such as ``jti``, and in nothing else."""
    for part, rest in ((one.header, other.header), (one.claims, other.claims)):
        assert list(part) == list(rest)
        for name in part:
            alike = part[name] == rest[name] or (isinstance(part[name], str) and isinstance(rest[name], str))
            assert alike, f"{name} differs: {part[name]!r} and {rest[name]!r}"
