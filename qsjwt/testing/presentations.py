"""The contract of how a platform presents a token to its server; a script takes the server's place."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Final

import pytest

from qsjwt.api import Presentation, Request, Response, Session, create_token
from qsjwt.live.messages import Unexpected
from qsjwt.options.parser import Parser
from qsjwt.options.request import add_claim_name_options
from qsjwt.testing.keys import assert_one_sentence, new_key
from qsjwt.tokens.claim_names import claim_names
from qsjwt.tokens.create import load_platform
from qsjwt.tokens.platform import Platform

_URL: Final = "https://server.example/prefix"
_BODIES: Final = (b"", b"{", b"[]", b"null", b"{}", b'{"errors": 1}', b"<html></html>", b"\xff\xfe\x00")
_STATUSES: Final = (200, 204, 301, 400, 401, 403, 404, 429, 500, 503)


class PresentationContract:
    """What :meth:`qsjwt.api.Platform.present` must do, by way of the platform's entry point.

    A subclass, whose name begins with ``Test``, gives what the server answers to a right token. Nothing is sent.

    :cvar name: the name of the platform's entry point.
    :cvar options: those of ``create-NAME`` for the token, as in :class:`PlatformContract`.
    :cvar answers: the server's, one for each request, in their order.
    :cvar user: who the server takes the caller for after those.
    """

    name: ClassVar[str]
    options: ClassVar[Mapping[str, Any]] = {}
    answers: ClassVar[Sequence[Response]]
    user: ClassVar[Mapping[str, Any]]

    def test_the_answers_of_its_server_make_a_session(self) -> None:
        requests, session = self._run(self.answers)
        assert isinstance(session, Session)
        assert len(requests) == len(self.answers), "the server has more to say"
        assert session.user == self.user
        assert {*session.compared, *session.hints} <= {*session.user}
        assert not isinstance(session.remarks, str)

    def test_its_requests_go_to_the_server_and_keep_the_token_out_of_the_url(self) -> None:
        presented = self._presented()
        platform = load_platform(self.name)
        requests = [*self._run(self.answers, presented)[0], *platform.end_session(presented)]
        for request in requests:
            assert request.url.startswith(_URL), f"{request} is not for the server that the user named"
            assert presented.token not in request.url, f"{request} puts the token where logs keep it"
            assert presented.token not in repr(request)
        assert any(
            presented.token in f"{request.headers}{(request.body or b'').decode('latin-1')}" for request in requests
        ), "the token is not presented"

    def test_it_holds_no_state(self) -> None:
        presented, platform = self._presented(), load_platform(self.name)
        state = copy.deepcopy(vars(platform))
        self._run(self.answers, presented, platform)
        list(platform.end_session(presented))
        assert vars(platform) == state

    def test_another_answer_ends_it_and_breaks_nothing(self) -> None:
        presented = self._presented()
        for place, answer in enumerate(self.answers):
            for odd in _odd_answers(answer):
                try:
                    # Whoever is content with it asks on, and gets the same again.
                    self._run([*self.answers[:place], odd, *self.answers[place + 1 :], odd, odd], presented)
                except Unexpected as refusal:
                    assert refusal.response is not None
                except Exception as cause:
                    pytest.fail(f"answer {place + 1} of status {odd.status} and body {odd.body!r} raises {cause!r}")

    def test_what_is_known_of_refusals_is_told_in_sentences_and_names_rules_that_there_are(self) -> None:
        platform = load_platform(self.name)
        for known in platform.explanations():
            assert_one_sentence(known.reason)
            assert known.hint, known.reason
            assert known.source, known.reason
            assert {*known.rules} <= {rule.name for rule in platform.rules}, known.reason

    def _presented(self) -> Presentation:
        platform = load_platform(self.name)
        key_id = {"keyid": "contract"} if platform.key_id_required else {}
        key = new_key(platform.algorithms[0]).reference
        created = create_token(self.name, key=key, **{"expires": "5m", **key_id, **self.options})
        return Presentation(_URL, created.compact, created.claims, _default_names(platform))

    def _run(
        self, answers: Sequence[Response], presented: Presentation | None = None, platform: Platform | None = None
    ) -> tuple[list[Request], Session]:
        """Return the requests that *answers* answer, and what comes of them."""
        exchange = (platform or load_platform(self.name)).present(presented or self._presented())
        requests: list[Request] = []
        try:
            requests.append(next(exchange))
            for answer in answers:
                requests.append(exchange.send(answer))
        except StopIteration as end:
            session: Session = end.value
            return requests, session
        pytest.fail(f"{requests[-1]} is one request too many")


def _default_names(platform: Platform) -> Mapping[str, str]:
    parser = Parser("contract", "")
    add_claim_name_options(parser.group("claims"), platform)
    return claim_names(platform, parser.defaults())


def _odd_answers(answer: Response) -> Iterator[Response]:
    for status in {*_STATUSES, answer.status}:
        yield replace(answer, status=status)
        for body in _BODIES:
            yield replace(answer, status=status, body=body)
            yield Response(status, body=body)
