"""What people see at a terminal: colours, marks, widths and local time, in runs at a real one."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import pytest

from tests.conftest import VECTORS, posix

pytestmark = posix("pseudo-terminals")

TOKEN = VECTORS / "qscloud-365d-groups.jwt"
AT = "2026-11-23T19:13:00Z"
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
CHECK = ("check", "qscloud", "--jwt-file", TOKEN, "--at", AT)
_NONE: Final[Mapping[str, str]] = MappingProxyType({})
DECODE = ("decode", "--jwt-file", TOKEN, "--at", AT)


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    known = {"PATH", "HOME", "XDG_CACHE_HOME", "PYTHONPATH", "COVERAGE_PROCESS_START", "COVERAGE_FILE"}
    return {name: value for name, value in os.environ.items() if name in known} | {
        "LANG": "C.UTF-8",
        "TERM": "xterm",
        "TZ": "Europe/Stockholm",
        **more,
    }


def at_terminal(*arguments: object, columns: int = 80, environment: Mapping[str, str] = _NONE) -> str:
    """Return what a run of the program writes to its terminal."""
    import fcntl
    import pty
    import struct
    import termios

    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    command = [sys.executable, "-m", "qsjwt", *map(str, arguments)]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=slave, stderr=subprocess.DEVNULL, env=_environment(environment)
    ) as process:
        os.close(slave)
        pieces = []
        while True:
            try:
                piece = os.read(master, 1 << 16)
            except OSError:  # the program has ended
                break
            if not piece:
                break
            pieces.append(piece)
        process.wait()
    os.close(master)
    return b"".join(pieces).decode().replace("\r\n", "\n")


def in_pipe(*arguments: object, environment: Mapping[str, str] = _NONE) -> str:
    """Return what a run of the program writes to a pipe."""
    command = [sys.executable, "-m", "qsjwt", *map(str, arguments)]
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, check=False, env=_environment(environment)
    ).stdout.decode()


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False), ({"TERM": "dumb", "FORCE_COLOR": "1"}, True)],
)
def test_colours_at_a_terminal_repeat_what_is_there_without_them(environment: dict[str, str], coloured: bool) -> None:
    shown = at_terminal(*CHECK, environment=environment)
    assert bool(COLOUR.search(shown)) is coloured
    plain = COLOUR.sub("", shown)
    assert "\x1b" not in plain
    assert plain == in_pipe(*CHECK)


@pytest.mark.parametrize("variable", ["NO_COLOR", "TERM", "LANG", "LC_ALL", "TZ"])
def test_what_goes_into_a_pipe_is_plain_and_depends_on_nothing(variable: str) -> None:
    usual = in_pipe(*DECODE, "-f", "table")
    assert [character for character in usual if not character.isprintable() and character != "\n"] == []
    value = {"TERM": "dumb", "LANG": "C", "LC_ALL": "C", "TZ": "Asia/Kolkata"}.get(variable, "1")
    assert in_pipe(*DECODE, "-f", "table", environment={variable: value}) == usual
    assert max(map(len, usual.splitlines())) <= 80


def test_force_color_colours_a_pipe() -> None:
    assert COLOUR.search(in_pipe(*CHECK, environment={"FORCE_COLOR": "1"}))


@pytest.mark.parametrize("columns", [60, 100, 200])
def test_text_is_as_wide_as_the_terminal_whatever_has_colours(columns: int) -> None:
    for words in (CHECK, DECODE, ("list-plugins",)):
        lines = COLOUR.sub("", at_terminal(*words, columns=columns)).splitlines()
        assert 55 <= max(map(len, lines)) <= columns


@pytest.mark.parametrize("environment", [{"LANG": "C"}, {"LC_ALL": "C"}, {"LC_ALL": "POSIX", "NO_COLOR": "1"}])
def test_marks_are_ascii_in_a_locale_that_has_nothing_else(environment: dict[str, str]) -> None:
    for words in (CHECK, DECODE):
        shown = COLOUR.sub("", at_terminal(*words, environment=environment))
        assert shown.isascii()
        assert re.match("[x?+] ", shown)
    assert "-> use --groups" in COLOUR.sub("", at_terminal(*CHECK, environment=environment))


def test_decode_at_a_terminal_adds_the_time_of_the_place_and_json_is_as_in_a_pipe() -> None:
    shown = COLOUR.sub("", at_terminal(*DECODE))
    assert "issued 24 s ago, 2026-11-23 19:12 UTC, 20:12 here" in shown
    assert ", 2026-11-24 00:42 here" in at_terminal(*DECODE, environment={"TZ": "Asia/Kolkata"})
    assert " here" not in at_terminal(*DECODE, environment={"TZ": "UTC"})
    assert at_terminal(*DECODE, "-f", "json", environment={"FORCE_COLOR": "1"}) == in_pipe(*DECODE)


def test_a_table_of_plugins_has_marks_at_a_terminal(tmp_path: Path) -> None:
    lines = COLOUR.sub("", at_terminal("list-plugins")).splitlines()
    assert "qseow          qsjwt    0.1.0    ✓ ok" in lines
