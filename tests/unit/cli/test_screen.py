"""What the reader of a stream can see."""

import io
import os
from collections.abc import Mapping

import pytest

from qsjwt.cli import screen
from qsjwt.cli.screen import Screen, screen_of
from tests.conftest import posix


class Terminal(io.StringIO):
    """A stream that somebody looks at."""

    def isatty(self) -> bool:
        return True


UTF_8 = {"LANG": "en_US.UTF-8"}


@pytest.fixture(autouse=True)
def modern(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a console with escape sequences in Windows, and a locale of UTF-8 elsewhere."""
    monkeypatch.setattr(screen, "_is_legacy_console", lambda: False)
    monkeypatch.setattr("locale.getencoding", lambda: "UTF-8")


@pytest.mark.parametrize(
    ("environment", "piped", "on_a_terminal"),
    [
        ({}, False, True),
        ({"NO_COLOR": "1"}, False, False),
        ({"NO_COLOR": ""}, False, True),
        ({"FORCE_COLOR": "1"}, True, True),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False, False),
        ({"TERM": "dumb"}, False, False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, True, True),
        ({"TERM": "xterm-256color"}, False, True),
    ],
)
def test_colours_are_for_terminals_unless_a_variable_says_otherwise(
    environment: Mapping[str, str], piped: bool, on_a_terminal: bool
) -> None:
    assert screen_of(io.StringIO(), environment).is_coloured is piped
    assert screen_of(Terminal(), environment).is_coloured is on_a_terminal
    assert screen_of(None, environment).is_coloured is piped


@pytest.mark.parametrize(
    ("columns", "width"), [("60", 60), ("200", 200), ("1000", 200), ("1", 40), ("0", 80), ("x", 80), ("²", 80)]
)
def test_columns_says_how_wide_the_text_is_within_bounds(columns: str, width: int) -> None:
    for stream in (io.StringIO(), Terminal()):
        assert screen_of(stream, {**UTF_8, "COLUMNS": columns}).columns == width


def test_what_is_not_on_a_terminal_is_the_same_in_every_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("locale.getencoding", lambda: "ascii")
    for environment in ({}, {"LANG": "C"}, {"LC_ALL": "POSIX"}, {"TERM": "dumb"}):
        assert screen_of(io.StringIO(), environment) == Screen()


@posix("locales")
@pytest.mark.parametrize(
    ("environment", "encoding", "unicode"),
    [
        (UTF_8, "UTF-8", True),
        ({}, "UTF-8", True),
        ({"LANG": "C"}, "UTF-8", False),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, "UTF-8", False),  # what Python makes of the line before
        ({"LANG": "C", "LC_CTYPE": "de_DE.UTF-8"}, "UTF-8", True),
        ({"LC_ALL": "POSIX", "LANG": "de_DE.UTF-8"}, "UTF-8", False),
        ({"LC_ALL": "C.UTF-8", "LANG": "C"}, "UTF-8", True),
        ({"LANG": "de_DE.ISO-8859-1"}, "ISO-8859-1", False),
        ({"LANG": "x"}, "unheard-of", False),
    ],
)
def test_marks_are_ascii_where_the_terminal_has_no_utf_8(
    monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str], encoding: str, unicode: bool
) -> None:
    monkeypatch.setattr("locale.getencoding", lambda: encoding)
    assert screen_of(Terminal(), environment).is_unicode is unicode


def test_an_old_console_of_windows_gets_plain_ascii_and_no_full_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screen, "_is_legacy_console", lambda: True)
    with monkeypatch.context() as patched:
        patched.setattr(os, "name", "nt")
        found = screen_of(Terminal(), {"COLUMNS": "80"})
        piped = screen_of(io.StringIO(), {"COLUMNS": "80"})
    assert found == Screen(79, is_coloured=False, is_unicode=False, is_terminal=True)
    assert piped == Screen()
