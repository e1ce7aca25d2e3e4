"""The findings of ``check`` for people: verdict, broken rules and ways out, what is undecided, what is kept."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from qsjwt.cli.look import Mark, Page
from qsjwt.redaction import redacted

MARKS: Final = {"ok": Mark.GOOD, "broken": Mark.BAD, "unknown": Mark.OPEN}

_Rules = Sequence[Mapping[str, str]]


def findings_page(
    record: Mapping[str, Any], product: str, *, every: bool = False, sources: bool = False, as_of: str = ""
) -> Page:
    """Return what ``check`` found.

    :param record: as ``check -f json`` prints it.
    :param product: what the platform is called.
    :param every: whether each rule has a line of its own, those that are kept as well.
    :param sources: whether to say where each rule is written, and how the platform responds to a token that breaks it.
    :param as_of: the time by which the token is judged, if it is not now.
    """
    page = Page()
    broken, unknown, kept = by_status(record["rules"])
    page.verdict(MARKS[record["verdict"]], verdict(product, broken, unknown, kept))
    if as_of:
        page.line((f"as of {as_of}", "faint"), indent=2)
    page.gap()
    for rule in broken:
        _tell(page, rule, sources)
    groups = [[rule] for rule in unknown] if every or sources else _by_way_out(unknown)
    if broken and groups:
        page.gap()
    for group in groups:
        if len(group) == 1:
            _tell(page, group[0], sources)
        else:
            page.marked(Mark.OPEN, ", ".join(rule["rule"] for rule in group), "the token alone does not tell")
            page.way_out(redacted(group[0]["hint"]), indent=2)
    if kept and (broken or groups):
        page.gap()
    if every:
        for rule in kept:
            _tell(page, rule, sources)
    elif kept:
        names = ", ".join(rule["rule"] for rule in kept)
        page.marked(Mark.GOOD, f"{_count(kept)} kept", (names, "faint"))
    return page


def by_status(rules: _Rules) -> tuple[_Rules, _Rules, _Rules]:
    """Return those of *rules* that are broken, that are undecided, and that are kept."""
    broken, unknown, kept = (
        [rule for rule in rules if rule["status"] == status] for status in ("broken", "unknown", "ok")
    )
    return broken, unknown, kept


def verdict(product: str, broken: _Rules, unknown: _Rules, kept: _Rules) -> str:
    """Return in words what *product* would do with a token of which that is found."""
    if broken:
        return f"{product} would refuse this token: {_count(broken)} broken"
    if unknown:
        return f"{product} may accept this token: no rule is broken, but {_count(unknown)} undecided"
    return f"{product} would accept this token: {_count(kept)} kept"


def _count(rules: _Rules) -> str:
    number = len({rule["rule"] for rule in rules})
    return "1 rule is" if number == 1 else f"{number} rules are"


def _by_way_out(rules: Iterable[Mapping[str, str]]) -> Iterable[_Rules]:
    """Return *rules*, those together that the same would decide."""
    groups: dict[str, list[Mapping[str, str]]] = {}
    for rule in rules:
        groups.setdefault(rule["hint"] or rule["rule"], []).append(rule)
    return groups.values()


def _tell(page: Page, rule: Mapping[str, str], sources: bool) -> None:
    page.marked(MARKS[rule["status"]], rule["rule"], redacted(rule["message"]))
    if rule["hint"]:
        page.way_out(redacted(rule["hint"]), indent=2)
    if sources and rule["answer"]:
        page.line("the response is ", redacted(rule["answer"]), indent=2, hang=2)
    if sources and rule["source"]:
        page.line((redacted(rule["source"]), "faint"), indent=2, hang=2)
