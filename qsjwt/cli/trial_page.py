"""What came of presenting a token, for people: verdict, whom the server sees, why it refuses, and each step."""

import json
from collections.abc import Mapping
from typing import Any, Final

from qsjwt.cli.look import Mark, Page
from qsjwt.redaction import quoted, redacted, shown
from qsjwt.times import format_duration

_VERDICTS: Final = {
    "accepted": (Mark.GOOD, "accepted by"),
    "refused": (Mark.BAD, "refused by"),
    "unavailable": (Mark.OPEN, "no verdict from"),
}


def trial_page(record: Mapping[str, Any]) -> Page:
    """Return what ``try`` found.

    :param record: as ``try -f json`` prints it.
    """
    page = Page()
    mark, verdict = _VERDICTS[record["verdict"]]
    page.verdict(mark, redacted(f"{verdict} {record['url']}{_said(record)}"))
    if record.get("user"):
        page.gap()
        page.fields([(redacted(name), redacted(_text(value))) for name, value in record["user"].items()])
    for difference in record.get("differences", ()):
        page.gap()
        server, token = shown(difference["server"]), shown(difference["token"])
        told = f"{difference['member']} is {server} there, but {token} in the token (claim {difference['claim']})"
        page.marked(Mark.OPEN, "", redacted(told))
        if difference["hint"]:
            page.way_out(redacted(difference["hint"]), indent=2)
    for remark in record.get("remarks", ()):
        page.gap()
        page.line(redacted(f"{remark[:1].upper()}{remark[1:]}."))
    _tell_why(page, record)
    page.gap()
    for step in record["steps"]:
        page.line((redacted(f"{step['status']}  {step['method']} {step['path']}"), "faint"), indent=2)
    if record["session_ended"]:
        page.gap()
        page.line("The session has been ended.")
    return page


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _said(record: Mapping[str, Any]) -> str:
    """Return what the server says itself."""
    answer = record.get("answer")
    if answer is None:
        return ""
    return f": {answer['status']}" + (f" {quoted(answer['text'])}" if answer["text"] else "")


def _tell_why(page: Page, record: Mapping[str, Any]) -> None:
    for number, cause in enumerate(record.get("causes", ()), 1):
        page.gap()
        label = f"{number}. "
        page.line((label, "name"), redacted(cause["reason"]), hang=len(label))
        if cause["hint"]:
            page.way_out(redacted(cause["hint"]), indent=len(label))
        if cause["source"]:
            page.line((redacted(f"({cause['source']})"), "faint"), indent=len(label))
    if ahead := record.get("server_clock_ahead"):
        page.gap()
        where = "ahead of" if ahead > 0 else "behind"
        page.line(f"The clock of the server is {format_duration(abs(ahead))} {where} this one.")
