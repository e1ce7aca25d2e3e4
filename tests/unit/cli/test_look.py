"""The look of text for people."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from qsjwt.cli.look import Mark, Page
from qsjwt.cli.screen import Screen

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
HOSTILE = "[bold red]x[/] :smile: \x1b]8;;http://evil\x1b\\ \u202egnp.exe \x07\r\n[link=http://evil]y[/link]"
WORDS = "the token would be valid for more than 364 d, but Qlik Cloud accepts at most 60 min between nbf and exp"
LABELS = "✗ ? → exp name another kind status ok x kind: status:"


def page(screen: Screen, text: str) -> Page:
    """Return a page with everything that there is."""
    made = Page(screen)
    made.verdict(Mark.BAD, text)
    made.section(text)
    made.marked(Mark.OPEN, "exp", text, indent=2)
    made.way_out(text, indent=4)
    made.fields([("name", text), ("another", [text, (text, "faint")])])
    made.table(("kind", "status"), [(text, "ok"), ("x", text)])
    return made


@pytest.mark.parametrize("columns", [40, 60, 80, 100, 200])
def test_lines_are_as_long_as_the_screen_is_wide_and_break_between_words(columns: int) -> None:
    text = str(page(Screen(columns), WORDS))
    assert max(map(cell_len, text.splitlines())) <= columns
    assert set(text.split()) <= {*WORDS.split(), *LABELS.split()}


@pytest.mark.parametrize("columns", [40, 80])
def test_a_word_that_is_longer_than_the_line_stays_whole(columns: int) -> None:
    address = "https://tenant.eu.qlikcloud.com/" + "a" * 100
    text = str(page(Screen(columns), f"see {address} for more"))
    assert text.count(address) == 9
    assert text.count("a" * 10) == text.count("a" * 100) * 10


@given(st.text())
@settings(max_examples=50, deadline=None)
def test_no_text_moves_the_cursor_and_none_is_lost(text: str) -> None:
    plain = str(page(Screen(), f"<{text}>"))
    assert [c for c in plain if not c.isprintable() and c != "\n"] == []
    coloured = str(page(Screen(is_coloured=True), f"<{text}>"))
    assert ESCAPE.sub("", coloured) == plain


def test_what_looks_like_markup_or_an_escape_sequence_is_text() -> None:
    plain = str(page(Screen(200, is_coloured=True), HOSTILE))
    assert (
        "[bold red]x[/] :smile: \\x1b]8;;http://evil\\x1b\\ \\u202egnp.exe \\x07\\r\\n[link=http://evil]y[/link]"
        in plain
    )
    assert set(ESCAPE.findall(plain)) <= {f"\x1b[{code}m" for code in ("0", "1", "2", "31", "33", "36", "1;31", "1;33")}


def test_no_meaning_is_told_by_colour_alone() -> None:
    for mark in Mark:
        made = Page(Screen())
        made.marked(mark, "exp")
        assert str(made).startswith(made.sign(mark))
    assert len({mark.sign for mark in Mark}) == len({mark.plain for mark in Mark}) == len(Mark)


def test_marks_and_arrows_are_ascii_where_the_screen_has_nothing_else() -> None:
    assert str(page(Screen(is_unicode=False), "ok")).isascii()


def test_wide_characters_take_two_columns() -> None:
    made = Page(Screen(40))
    made.table(("a", "b"), [("日本 語", "x"), ("y", "z")])
    assert str(made).splitlines() == ["a        b", "日本 語  x", "y        z"]


def test_columns_that_do_not_fit_share_what_there_is() -> None:
    made = Page(Screen(40))
    made.table(("kind", "status"), [("platform", "a b c d e f g h i j k l m n o p q r s t u v w x")])
    assert str(made).splitlines()[1:] == ["platform  a b c d e f g h i j k l m n o", "          p q r s t u v w x"]


def test_a_table_with_words_that_are_too_long_for_its_columns_is_a_list() -> None:
    made = Page(Screen(40))
    made.table(("kind", "status"), [("x" * 30, "y" * 30), ("a", "b")])
    assert str(made) == f"kind: {'x' * 30}\nstatus: {'y' * 30}\n\nkind: a\nstatus: b\n"


def test_a_table_without_rows_is_its_head() -> None:
    made = Page(Screen(40))
    made.table(("kind", "status"), [])
    assert str(made) == "kind  status\n"


def test_the_value_of_a_long_name_begins_below_it() -> None:
    made = Page(Screen(60))
    made.fields([("alg", "RS256"), ("a-name-that-takes-more-than-a-third", "value"), ("empty", "")])
    assert str(made).splitlines() == [
        "  alg    RS256",
        "  a-name-that-takes-more-than-a-third",
        "         value",
        "  empty",
    ]
