"""How the platforms that come with qsjwt present a token, and one that does it wrongly is found out."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pytest

from qsjwt.api import InputError, Presentation, Response
from qsjwt.testing import PresentationContract
from qsjwt.tokens.create import load_platform
from tests.conftest import InstallPlugin


def answer(value: object, status: int = 200) -> Response:
    return Response(status, [("Content-Type", "application/json")], json.dumps(value).encode())


QSEOW_USER = {"userDirectory": "LAB", "userId": "anna", "userName": "Anna"}
CLOUD_USER = {"id": "u1", "subject": "anna", "name": "Anna", "email": "a@b.c", "status": "active"}


class TestQseow(PresentationContract):
    name = "qseow"
    options: ClassVar[Mapping[str, Any]] = {"userdir": "LAB", "userid": "anna", "username": "Anna"}
    answers: ClassVar[Sequence[Response]] = [
        Response(204, [("Set-Cookie", "X-Qlik-Session-jwt=s1; Path=/"), ("qlik-csrf-token", "c1")]),
        answer({**QSEOW_USER, "logoutUri": "x"}),
    ]
    user = QSEOW_USER


class TestOlderQseow(TestQseow):
    """A site without CSRF tokens answers 404, and opens the session nevertheless."""

    answers: ClassVar[Sequence[Response]] = [Response(404, [("Set-Cookie", "X-Qlik-Session=s1")]), answer(QSEOW_USER)]


class TestQscloud(PresentationContract):
    name = "qscloud"
    options: ClassVar[Mapping[str, Any]] = {"issuer": "https://idp", "subject": "anna", "groups": ["a"]}
    answers: ClassVar[Sequence[Response]] = [
        Response(200, [("Set-Cookie", "eas.sid=s1; path=/; secure; httponly")], b"{}"),
        answer({**CLOUD_USER, "tenantId": "t1", "assignedGroups": [{"id": "g1", "name": "a"}]}),
        Response(204, [("qlik-csrf-token", "c1")]),
    ]
    user: ClassVar[Mapping[str, Any]] = {**CLOUD_USER, "groups": ["a"]}


class TestQscloudOauth(PresentationContract):
    name = "qscloud-oauth"
    options: ClassVar[Mapping[str, Any]] = {"client_id": "0123abcd", "tenant": "https://acme.eu.qlikcloud.com"}
    answers: ClassVar[Sequence[Response]] = [
        answer({"access_token": "eyJ", "token_type": "bearer", "expires_in": 21600}),
        answer({"clientId": "0123abcd", "id": "u1", "subject": "qlikbot\\0123abcd", "name": "c", "status": "active"}),
    ]
    user: ClassVar[Mapping[str, Any]] = {
        **{"clientId": "0123abcd", "id": "u1", "subject": "qlikbot\\0123abcd", "name": "c", "status": "active"}
    }


def test_nprinting_says_that_its_documentation_does_not_say_enough() -> None:
    with pytest.raises(InputError, match="NPrinting takes a token is not documented well enough"):
        load_platform("nprinting").present(Presentation("https://nprinting.example", "t", {}))


SOUND = """
    from qsjwt.api import Explanation, Platform, Request, Rule, Session, Token, checks, time_claims

    class Acme(Platform):
        summary = "Acme Analytics"
        rules = (Rule("user", "there is a user", "the handbook", checks.string("user")),)

        def add_options(self, group):
            group.add("--user", required=True, help="who it is")

        def build(self, request, now):
            return Token({}, {"user": request.options.user, **time_claims(request, now)})

        def present(self, presented):
            answer = yield Request("GET", f"{presented.url}/me", presented.bearer)
            return Session({"user": answer.expect_object(200, member="user")["user"]}, {"user": "user"})

        def explanations(self):
            return [Explanation(401, "the user is unknown", "add the user", "the handbook", rules=["user"])]
"""


class AcmeContract(PresentationContract):
    name = "acme"
    options: ClassVar[Mapping[str, Any]] = {"user": "anna"}
    answers: ClassVar[Sequence[Response]] = [answer({"user": "anna"})]
    user: ClassVar[Mapping[str, Any]] = {"user": "anna"}


ALL = [name for name in vars(PresentationContract) if name.startswith("test_")]


@pytest.mark.parametrize("test", ALL)
def test_a_sound_platform_of_another_package_keeps_the_contract(installed_plugin: InstallPlugin, test: str) -> None:
    installed_plugin("acme", {"qsjwt.platform.v1": "acme = acme:Acme"}, SOUND)
    getattr(AcmeContract(), test)()


@pytest.mark.parametrize(
    ("sound", "broken", "test"),
    [
        ("return Session", "yield Request('GET', presented.url); return Session", "test_the_answers"),
        ('Session({"user"', 'Session({"name"', "test_the_answers"),
        ('{"user": "user"}', '{"name": "user"}', "test_the_answers"),
        ('{presented.url}/me"', 'https://elsewhere.example/me"', "test_its_requests"),
        ('/me", presented.bearer', '/me?token={presented.token}"', "test_its_requests"),
        ('/me", presented.bearer', '/me"', "test_its_requests"),
        ("answer = yield", "self.last = presented; answer = yield", "test_it_holds"),
        ('expect_object(200, member="user")', "json", "test_another_answer"),
        (', member="user")', ")", "test_another_answer"),
        ('"the user is unknown"', '"The user is unknown."', "test_what_is_known"),
        ('"add the user"', '""', "test_what_is_known"),
        ('rules=["user"]', 'rules=["use"]', "test_what_is_known"),
    ],
)
def test_a_platform_that_breaks_the_contract_is_found_out(
    installed_plugin: InstallPlugin, sound: str, broken: str, test: str
) -> None:
    assert SOUND.count(sound) == 1
    installed_plugin("acme", {"qsjwt.platform.v1": "acme = acme:Acme"}, SOUND.replace(sound, broken))
    (name,) = [name for name in ALL if name.startswith(test)]
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        getattr(AcmeContract(), name)()
