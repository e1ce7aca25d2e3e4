"""``completion SHELL``: what the scripts hold, and what a third party's plugin cannot do to them."""

import argparse
import re
from typing import Any

import pytest

from qsjwt.cli.completion import model, scripts
from qsjwt.cli.completion.model import Kind, Value
from qsjwt.options.parser import Parser
from tests.cli.test_plugins import ACME, BROKEN, COMMAND, PLATFORM, PROVIDER, SAFE
from tests.conftest import InstallPlugin, Run

SHELLS = ["bash", "zsh", "fish", "powershell"]

HOSTILE_TEXT = (
    "it's \"so\" $(touch PWNED) `touch PWNED`; touch PWNED # \\ [a]:b {c} ’; touch PWNED; ‘ %%s !! \\' \n"
    " touch PWNED\n'"
)
HOSTILE_CHOICES = [
    *("a b", "$(touch PWNED)", "`touch PWNED`", "it's", 'say "x"', "x;touch PWNED", "[z]", "{y,z}", "*", "~", "back\\"),
    *("c'd\"", "’q’", "#n", "!!", "(touch PWNED)", "$HOME", "%s", "--", "&touch", "|t", "<t", "å", "__PATHS__"),
]
HOSTILE_PLUGINS = ["create-hostile", "create-qseow"]


def install_acme(installed_plugin: InstallPlugin) -> None:
    """Install a platform that prints, and whose option has choices."""
    source = ACME.replace(
        'help="who it is")',
        'help="who it is")\n            group.add("--colour", choices=("red", "green"), help="its colour")',
    )
    installed_plugin("acme-pkg", {PLATFORM: "acme = acme_pkg:Acme"}, source)


def install_hostile(installed_plugin: InstallPlugin) -> None:
    """Install a platform and a key provider whose texts are made to break out of quotes."""
    text = repr(HOSTILE_TEXT)
    platform = ACME.replace('"who it is"', text).replace('"Acme Analytics"', text)
    platform = platform.replace(
        "def build",
        f"""def add_shared_options(self, group):
            group.add("--weird", choices={HOSTILE_CHOICES!r}, metavar={text}, help={text})
            group.add("--$(touch PWNED)", "--x'y", help="no name to type")

        def build""",
    )
    installed_plugin("hostile-pkg", {PLATFORM: "hostile = hostile_pkg:Acme"}, platform)
    provider = SAFE.replace('"safe:NAME        a private key in the safe"', repr(f"vaulty:FILE {HOSTILE_TEXT}"))
    installed_plugin("vaulty-pkg", {PROVIDER: "vaulty = vaulty_pkg:Safe"}, provider)


def _place(*arguments: Any, **settings: Any) -> model.Place:
    parser = Parser("qsjwt x", "Do it.\n\nAt length.")
    parser.add(*arguments, **settings)
    return model.place("x", parser)


def _script(run: Run, shell: str) -> str:
    result = run("completion", shell)
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


@pytest.mark.parametrize(
    ("settings", "value"),
    [
        ({"action": "store_true"}, Value()),
        ({"action": "count"}, Value()),
        ({}, Value(Kind.TEXT)),
        ({"metavar": "DIRECTORY"}, Value(Kind.TEXT)),
        ({"metavar": "FILE"}, Value(Kind.FILE)),
        ({"metavar": "FILE", "nargs": "+"}, Value(Kind.FILE, nargs="+")),
        ({"metavar": ("FILE", "TEXT"), "nargs": 2}, Value(Kind.FILE, nargs="+")),
        ({"metavar": "FOLDER", "nargs": 1}, Value(Kind.FOLDER)),
        ({"metavar": "SCHEME:REFERENCE"}, Value(Kind.KEY)),
        ({"choices": ("a", "b"), "metavar": "FILE"}, Value(Kind.CHOICE, ("a", "b"))),
        ({"choices": {"a": 1, "b": 2}, "nargs": "?"}, Value(Kind.CHOICE, ("a", "b"), "?")),
        ({"choices": range(3), "type": int}, Value(Kind.CHOICE, ("0", "1", "2"))),
        ({"choices": range(10**12), "type": int, "metavar": "N"}, Value(Kind.TEXT)),
        ({"choices": ("a", "", "b\nc", "d\x1b")}, Value(Kind.CHOICE, ("a",))),
    ],
)
def test_what_an_option_takes_is_read_off_its_parser(settings: dict[str, Any], value: Value) -> None:
    (_, option) = _place("--it", **settings).options
    assert option.value == value


def test_options_that_are_hidden_or_cannot_be_typed_are_left_out() -> None:
    assert len(_place("--it", help=argparse.SUPPRESS).options) == 1
    assert [option.names for option in _place("--a b", "--it", "-$x").options] == [("-h", "--help"), ("--it",)]


def test_help_is_expanded_and_put_on_one_line() -> None:
    place = _place("--it", default="7", help="so\n  many\x1b[1m: %(default)s, 100%%")
    assert place.options[1].help == "so many\\x1b[1m: 7, 100%"
    assert place.help == "Do it."


def test_an_argument_that_may_be_a_file_or_something_else_is_a_file() -> None:
    assert _place("source", nargs="?", metavar="TOKEN|FILE").argument == Value(Kind.FILE, (), "?")
    assert _place("key", nargs="?", metavar="FILE|SCHEME:REFERENCE").argument == Value(Kind.KEY, (), "?")


def test_an_argument_without_an_option_is_a_value_of_the_command() -> None:
    assert _place("source", choices=("a",)).argument == Value(Kind.CHOICE, ("a",))
    assert _place("--it").argument == Value()


@pytest.mark.parametrize("shell", SHELLS)
def test_every_command_and_each_of_its_options_is_in_the_script(run: Run, shell: str) -> None:
    script = _script(run, shell).replace("\\:", ":")
    listed = re.findall(r"^  ([a-z][a-z-]+) ", run("--help").stdout, re.MULTILINE)
    assert len(listed) >= 11
    commands = [*listed, "help"]
    commands += [f"{name} {platform}" for name in ("check", "registration") for platform in ("qseow", "nprinting")]
    for words in commands:
        assert re.search(f"'{words}[':]|[ ']{words}'", script), words
        text = "" if words == "help" else run(*words.split(), "--help-all").stdout
        options = re.findall(r"^  (?:-., )?(--[a-z][a-z-]*)", text, re.MULTILINE)
        assert bool(options) == bool(text)
        for option in options:
            assert f"'{option}" in script or f"-l '{option[2:]}'" in script, option
    for word in ("version", "ES384", "pkcs12:", "yaml"):
        assert word in script


@pytest.mark.parametrize("shell", SHELLS)
def test_a_third_party_platform_and_key_provider_are_in_the_script_and_say_nothing_on_stderr(
    run: Run, installed_plugin: InstallPlugin, shell: str
) -> None:
    assert "acme" not in _script(run, shell)
    install_acme(installed_plugin)
    installed_plugin("safe-pkg", {PROVIDER: "safe = safe_pkg:Safe"}, SAFE)
    script = _script(run, shell)
    for word in ("create-acme", "check acme", "registration acme", "colour", "'green'", "'safe:"):
        assert word in script.replace("\\'", "'").replace("\\:", ":")
    assert "hello" not in script


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_plugin_is_left_out_and_nothing_is_said(run: Run, installed_plugin: InstallPlugin, name: str) -> None:
    before = _script(run, "zsh")
    source, _ = BROKEN[name]
    for kind, base in ((PLATFORM, "Platform"), (PROVIDER, "KeyProvider")):
        package = f"{name}-{base.lower()}"
        points = {kind: f"{name} = {package.replace('-', '_')}:Plugin"}
        installed_plugin(package, points, source.format(base=base))
    assert _script(run, "zsh") == before


@pytest.mark.parametrize(
    "body",
    [
        "parser.add('--it', choices=(1 / (2 - i) for i in range(5)))",
        "parser.add('--help')",
        "import sys; sys.exit(0)",
        "print('hello'); import sys; print('hello', file=sys.stderr); 1 / 0",
    ],
)
def test_a_command_with_broken_options_is_left_out_of_what_can_be_typed_behind_it(
    run: Run, installed_plugin: InstallPlugin, body: str
) -> None:
    before = _script(run, "fish")
    source = f"""
    from qsjwt.api import Command
    class Plugin(Command):
        "Be broken."
        def add_options(self, parser):
            {body}
        def take_action(self, parsed_args): pass
    """
    installed_plugin("odd-pkg", {COMMAND: "odd = odd_pkg:Plugin"}, source)
    assert _script(run, "fish") == before


def test_a_platform_whose_options_collide_is_left_out_everywhere(run: Run, installed_plugin: InstallPlugin) -> None:
    before = _script(run, "bash")
    installed_plugin("acme-pkg", {PLATFORM: "acme = acme_pkg:Acme"}, ACME.replace("--user", "--key"))
    after = _script(run, "bash")
    assert "create-acme" not in after
    assert "registration acme" not in after
    # Its options are no part of check.
    assert [line for line in after.splitlines() if "acme" in line] != []
    assert "check qseow" in before


@pytest.mark.parametrize("arguments", [(), ("tcsh",), ("Bash",), ("",)])
def test_a_shell_that_is_not_known_exits_2_and_says_which_are(run: Run, arguments: tuple[str, ...]) -> None:
    result = run("completion", *arguments)
    result.refused(2, "SHELL")
    assert ("bash, zsh, fish, powershell" in result.stderr) == bool(arguments)
    assert "SHELL [OPTION ...]" in run("completion", "--help").stdout


def _powershell_tokens(script: str) -> str:
    """Return *script* with its strings and comments left out, as PowerShell reads them: a doubled quote is a quote."""
    bare, in_string = "", ""
    position = 0
    while position < len(script):
        here = "'" if script[position] in "'‘’‚‛" else script[position]
        if in_string == "'" and here == "'" and script[position + 1] in "'‘’‚‛":
            position += 1
        elif in_string:
            in_string = "" if here == in_string else in_string
        elif here in "'\"":
            in_string = here
        elif here == "#":
            position = script.index("\n", position)
        else:
            bare += here
        position += 1
    assert not in_string
    return bare


def test_the_script_for_powershell_is_balanced_and_keeps_hostile_texts_in_quotes(
    run: Run, installed_plugin: InstallPlugin
) -> None:
    install_hostile(installed_plugin)
    script = _script(run, "powershell")
    assert "PWNED" in script
    bare = _powershell_tokens(script)
    assert "PWNED" not in bare
    for opening, closing in ("()", "{}", "[]"):
        assert bare.count(opening) == bare.count(closing) > 0
    assert "Register-ArgumentCompleter -Native" in bare
    assert "'it''s'" in script
    assert "'’’q’’'" in script
    assert "'__PATHS__'" in script


def test_without_any_key_provider_the_scripts_are_still_made() -> None:
    top = Parser("qsjwt", "")
    commands = [_place("--it", help="it")]
    for render in scripts.SHELLS.values():
        assert "it" in render(model.Model(model.model(top, commands, {}).places, ()))
