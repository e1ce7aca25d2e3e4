"""The platforms that come with qsjwt keep the contract, and one that breaks it is found out."""

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from qsjwt.api import QsJwtError, create_token
from qsjwt.testing import PlatformContract
from tests.conftest import InstallPlugin


class TestQseow(PlatformContract):
    name = "qseow"
    options: ClassVar[Mapping[str, Any]] = {"userdir": "LAB", "userid": "anna", "groups": ["a", "b"]}


class TestQscloud(PlatformContract):
    name = "qscloud"
    options: ClassVar[Mapping[str, Any]] = {"issuer": "https://idp", "useremail": "a@b.c", "useremail_verified": True}
    needed = ("useremail", "useremail_verified")


class TestQscloudOauth(PlatformContract):
    name = "qscloud-oauth"
    options: ClassVar[Mapping[str, Any]] = {"client_id": "0123abcd", "tenant": "https://acme.eu.qlikcloud.com"}


class TestNprinting(PlatformContract):
    name = "nprinting"
    options: ClassVar[Mapping[str, Any]] = {"useremail": "anna@example.com"}
    needed: ClassVar[Sequence[str]] = ("useremail",)


class TestNprintingByDomain(TestNprinting):
    options: ClassVar[Mapping[str, Any]] = {"domain": "LAB", "username": "anna", "username_claim": "user"}
    needed = ("domain", "username")


SOUND = """
    import time
    from qsjwt.api import Broken, Platform, RegisteredKey, Registration, Rule, Token, checks, time_claims

    def has_user(case):
        if not case.claims.get("user"):
            yield Broken("there is no user")

    class Acme(Platform):
        summary = "Acme Analytics"
        rules = (
            Rule("user", "there is a user", "the handbook", has_user),
            Rule("site", "the site is that of the portal", "chapter 2", checks.string("site"), option="--site"),
        )

        def add_options(self, group):
            group.add("--user", required=True, help="who it is")
            group.add("--role", nargs="+", help="what they do")
            group.add("--guest", action="store_true", help="a guest")

        def add_shared_options(self, group):
            group.add("--site", help="which of them")

        def build(self, request, now):
            return Token({}, {"user": request.options.user, "site": request.options.site, **time_claims(request, now)})

        def registration(self, request, public):
            return {"site": request.options.site, "key": public.pem}

        def read_registration(self, entity):
            return Registration([RegisteredKey(entity.required_text("key"))], {"site": entity.text("site")})
"""


MANIFOLD = """
    import argparse
    from qsjwt.api import Platform, Token, time_claims

    class Manifold(Platform):
        summary = "Manifold"
        algorithms = ("ES512", "ES256", "PS512", "RS384")
        key_id_required = True

        def add_options(self, group):
            who = group.one_of(required=True)
            who.add("--user", help="who it is")
            who.add("--robot", help="what it is")
            group.add("--age", type=int, required=True, help="years")
            group.add("--tags", action="append", help="words")
            group.add("--both", nargs=2, dest="pair", help="two words")
            group.add("--links", nargs=2, action="append", help="pairs of words")
            group.add("--given_name", required=True, help="a name")
            group.add("--level", choices=("low", "high"), default="low", help="how much")
            group.add("--active", action=argparse.BooleanOptionalAction, help="whether it is")
            group.add("--nick", "--nickname", nargs="?", const="none", help="another name")

        def build(self, request, now):
            own = ("user", "robot", "age", "tags", "pair", "level", "active", "nick", "links", "given_name")
            return Token({}, {**{name: getattr(request.options, name) for name in own}, **time_claims(request, now)})

"""


class TestManifold(PlatformContract):
    """Options of all kinds, algorithms on all curves, and nothing to register."""

    name = "manifold"
    options: ClassVar[Mapping[str, Any]] = {
        **{"robot": "r2", "age": 7, "tags": ["a", "-b"], "both": ["x", "y"], "level": "high", "active": False},
        **{"nickname": "ann", "links": [["a", "b"], ["c", "d"]], "given_name": "x"},
    }

    @pytest.fixture(autouse=True)
    def _installed(self, installed_plugin: InstallPlugin) -> None:
        installed_plugin("manifold", {"qsjwt.platform.v1": "manifold = manifold:Manifold"}, MANIFOLD)

    def test_its_options_reach_it_as_they_are_given(self) -> None:
        token = create_token("manifold", key="create:new_?kind=ec&size=256", keyid="k", expires="5m", **self.options)
        assert token.header["alg"] == "ES256"
        own = dict(list(token.claims.items())[:10])
        assert own == {
            **{"user": None, "robot": "r2", "age": 7, "tags": ["a", "-b"], "pair": ["x", "y"], "level": "high"},
            **{"active": False, "nick": "ann", "links": [["a", "b"], ["c", "d"]], "given_name": "x"},
        }
        assert {name: _listed(getattr(self._request().options, name)) for name in own} == own


def _listed(value: Any) -> Any:
    return [*map(_listed, value)] if isinstance(value, tuple) else value


class AcmeContract(PlatformContract):
    name = "acme"
    options: ClassVar[Mapping[str, Any]] = {"user": "anna", "site": "main", "role": ["a", "b"], "guest": True}
    needed = ("user",)


def _run(test: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    method, fixtures = getattr(AcmeContract(), test), {"capsys": capsys, "tmp_path": tmp_path}
    method(**{name: fixtures[name] for name in inspect.signature(method).parameters})


ALL = [name for name in vars(PlatformContract) if name.startswith("test_")]


@pytest.mark.parametrize("test", ALL)
def test_a_sound_platform_of_another_package_keeps_the_contract(
    installed_plugin: InstallPlugin, capsys: pytest.CaptureFixture[str], tmp_path: Path, test: str
) -> None:
    installed_plugin("acme", {"qsjwt.platform.v1": "acme = acme:Acme"}, SOUND)
    _run(test, capsys, tmp_path)


@pytest.mark.parametrize(
    ("sound", "broken", "test"),
    [
        ('"Acme Analytics"', '"Acme\\nAnalytics"', "test_it_loads"),
        ('"the handbook"', '""', "test_it_loads"),
        ('"there is a user"', '""', "test_it_loads"),
        ('Rule("site"', 'Rule("user"', "test_it_loads"),
        ('summary = "Acme Analytics"', 'summary = "Acme"; algorithms = ("HS256",)', "test_it_loads"),
        ('summary = "Acme Analytics"', 'summary = "Acme"; example = "qsjwt create-other"', "test_it_loads"),
        ('summary = "Acme Analytics"', 'summary = "Acme"; example = "qsjwt create-acme \\n  -f json"', "test_it_loads"),
        (', help="who it is"', "", "test_its_options"),
        ('"--guest"', '"-g"', "test_its_options"),
        ('"--guest"', '"--key"', "test_its_options"),
        ('"--guest"', '"--check"', "test_its_options"),
        ('"--guest"', '"--guest", dest="loglevel"', "test_its_options"),
        ('"site": request.options.site, **', '"site": "other", **', "test_a_token_of_each_algorithm"),
        ('if not case.claims.get("user")', "if True", "test_a_token_of_each_algorithm"),
        ('summary = "Acme Analytics"', 'summary = "Acme"; algorithms = ("RS256", "RS 256")', "test_a_token_of_each"),
        ("required=True", 'default="anna"', "test_what_is_required"),
        ("required=True", 'default="anna"', "test_each_row"),
        ('return Token({}, {"user"', 'self.last = now; return Token({}, {"user"', "test_build_gives"),
        ('return Token({}, {"user"', 'request.options.user += "!"; return Token({}, {"user"', "test_build_gives"),
        ('Token({}, {"user"', 'Token({}, {"n": time.perf_counter(), "user"', "test_build_gives"),
        ("(request, now)}", "(request, int(time.time()))}", "test_the_times"),
        ("(request, now)}", "(request, now + 60)}", "test_the_times"),
        ('case.claims.get("user")', 'case.claims["user"]', "test_its_checks_survive"),
        ('case.claims.get("user")', 'case.claims.get("user", "").strip()', "test_its_checks_survive"),
        ('case.claims.get("user")', 'case.claims.pop("user", None)', "test_its_checks_survive"),
        ('Broken("there is no user")', '"there is no user"', "test_its_checks_survive"),
        ('Broken("there is no user")', "Broken(None)", "test_its_checks_survive"),
        ("there is no user", "There is no user.", "test_its_checks_survive"),
        (
            '{"site": request.options.site, "key"',
            '{"site": request.options.site.lower(), "key"',
            "test_check_and_registration",
        ),
        ('"key": public.pem', '"key": public', "test_what_is_registered"),
        ('{"site": request.options.site, "key": public.pem}', "[public.pem]", "test_what_is_registered"),
        ('entity.text("site")', '"other"', "test_check_reads"),
        ('entity.required_text("key")', 'entity["kee"]', "test_check_reads"),
        ('Token({}, {"user"', 'Token({}, {"t": time.perf_counter(), "user"', "test_eight_threads"),
    ],
)
def test_a_platform_that_breaks_the_contract_is_found_out(
    installed_plugin: InstallPlugin,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    sound: str,
    broken: str,
    test: str,
) -> None:
    assert SOUND.count(sound) == 1
    installed_plugin("acme", {"qsjwt.platform.v1": "acme = acme:Acme"}, SOUND.replace(sound, broken))
    (name,) = [name for name in ALL if name.startswith(test)]
    with pytest.raises((AssertionError, AttributeError, pytest.fail.Exception, QsJwtError)):
        _run(name, capsys, tmp_path)
