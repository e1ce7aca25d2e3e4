"""Why a server says no: its answer, what is known of such answers, and what a check of the token finds."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from qsjwt.live.exchange import Explanation
from qsjwt.live.messages import Response
from qsjwt.tokens.rules import Finding, Status

_HTTP: Final = "RFC 9110, section 15"
_LIMITS: Final = "qlik.dev, rate limiting; RFC 6585, section 4"
_ABOUT_THE_CALLER: Final = (400, 401, 403)

EVERYWHERE: Final = (
    Explanation(200, "this is no answer of Qlik's", "look at --url, and at what is in between", _HTTP, token=False),
    Explanation(404, "there is nothing under this address", "look at --url, its path too", _HTTP, token=False),
    Explanation(429, "too many requests are made", "try again in a minute", _LIMITS, token=False),
    Explanation(500, "the server has failed", "look at its log; try again later", _HTTP, token=False),
    Explanation(
        502, "a proxy in front of the server does not reach it", "see whether the server runs", _HTTP, token=False
    ),
    Explanation(
        503, "the server, or what it needs, is not running", "try again later, or start it", _HTTP, token=False
    ),
    Explanation(
        504, "a proxy in front of the server gets no answer from it", "see whether the server runs", _HTTP, token=False
    ),
)
"""What holds for every platform that says nothing else."""


class Cause(NamedTuple):
    """Why, perhaps.

    :ivar rule: the name of the rule that a check finds broken; empty for a cause that only the server can know.
    """

    reason: str
    hint: str = ""
    source: str = ""
    rule: str = ""


class Verdict(NamedTuple):
    """What an answer comes to.

    :ivar causes: the likeliest first; there is one at least.
    :ivar token: whether the token is refused, and not the call or the whole server.
    """

    causes: Sequence[Cause]
    token: bool


def explain(response: Response, known: Iterable[Explanation], findings: Iterable[Finding], path: str = "") -> Verdict:
    """Return why the server answers as it does.

    :param known: what is known of the platform's answers, the likeliest first.
    :param findings: what a check of the token finds.
    :param path: what was asked for.
    """
    found = list(findings)
    rows = _matching(response, path, [*known, *EVERYWHERE])
    broken = [
        Cause(finding.message, finding.hint, finding.source, finding.rule)
        for finding in found
        if finding.status is Status.BROKEN
    ]
    # A finding says more than the row that is about its rule.
    names = {cause.rule for cause in broken}
    rows = [row for row in rows if names.isdisjoint(row.rules)]
    # What a check has cleared the token of comes last: the server may have another clock, or another certificate.
    kept = {finding.rule for finding in found if finding.status is Status.OK}
    rows.sort(key=lambda row: bool(row.rules) and kept.issuperset(row.rules))
    told = [Cause(row.reason, row.hint, row.source) for row in rows]
    about_token = rows[0].token if rows else bool(broken) or response.status in _ABOUT_THE_CALLER
    if about_token:
        told = [*told, *broken] if rows and rows[0].is_specific else [*broken, *told]
    return Verdict(told or [_nothing_known(response)], about_token)


def _matching(response: Response, path: str, rows: Sequence[Explanation]) -> list[Explanation]:
    """Return the rows for *response*: those that its own words tell of, or else those for its status."""
    codes, text = {error["code"] for error in errors(response)}, response.text.casefold()
    same = [row for row in rows if row.status in (0, response.status)]
    told = [
        row
        for row in same
        if row.is_specific and (not row.code or row.code in codes) and row.text.casefold() in text and row.path in path
    ]
    return told or [row for row in same if not row.is_specific]


def _nothing_known(response: Response) -> Cause:
    return Cause(
        f"the answer has the status {response.status}, and is none that is known here",
        "see whether --url names the right server, and look at its log",
    )


def errors(response: Response) -> list[dict[str, str]]:
    """Return the errors of an answer in the shape of Qlik Cloud, with code, title and detail as strings."""
    listed = response.members.get("errors")
    members: list[dict[str, Any]] = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return [{name: str(one.get(name) or "") for name in ("code", "title", "detail")} for one in members]


def words(response: Response) -> str:
    """Return what the server says in its own words, on one line; empty if it says nothing, or in HTML."""
    if found := errors(response):
        return " ".join(filter(None, found[0].values()))
    member = response.members
    if isinstance(member.get("error"), str):  # OAuth 2.0 (RFC 6749, section 5.2)
        return " ".join(str(member[name]) for name in ("error", "error_description") if member.get(name))
    text = "" if member or "html" in response.header("Content-Type") else response.text
    return re.sub(r"\s+", " ", text).strip()
