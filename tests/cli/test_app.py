"""The application: global options, help, the command index, and what cliff and argparse would do by themselves."""

import logging
import os
import re
import subprocess
import sys
import warnings
from types import SimpleNamespace

import pytest

from qsjwt import __version__
from qsjwt.cli.index import CommandIndex
from tests.conftest import InstallPlugin, Run, posix, run_process
from tests.pages import ROOT

COMMANDS = ["create-qscloud", "create-qseow", "decode", "list-plugins"]


@pytest.mark.parametrize("options", [(), ("-v",), ("--debug",), ("-q",)])
def test_without_a_command_usage_is_on_stderr_and_nothing_asks_a_question(run: Run, options: tuple[str, ...]) -> None:
    result = run(*options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "usage: qsjwt" in result.stderr
    assert "qsjwt: error: no command is given" in result.stderr
    assert "cmd2" not in sys.modules


def test_the_version_is_the_programs_own_name_and_number(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/usr/bin/other-name"])
    result = run("--version")
    assert (result.exit_code, result.stdout, result.stderr) == (0, f"qsjwt {__version__}\n", "")


@pytest.mark.parametrize("options", [("--help",), ("-h",), ("help",), ("-v", "--help"), ("help", "-h")])
def test_the_global_help_lists_every_command(run: Run, options: tuple[str, ...]) -> None:
    result = run(*options)
    assert (result.exit_code, result.stderr) == (0, "")
    for command in COMMANDS:
        assert f"\n  {command}" in result.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_a_commands_help_is_its_own_wherever_it_is_asked_for(run: Run, command: str) -> None:
    texts = {run(*words).stdout for words in ((command, "--help"), (command, "-h"), ("help", command))}
    texts.add(run(command, "--loglevel", "debug", "-h").stdout)
    assert len(texts) == 1
    assert texts.pop().startswith(f"usage: qsjwt {command} ")


EVERY_COMMAND = CommandIndex().each_parser(lambda words, _parser: words)


def test_every_command_is_looked_at() -> None:
    assert {words.partition(" ")[0] for words in EVERY_COMMAND} == set(CommandIndex().summaries())


@pytest.mark.parametrize("columns", [80, 100, 200])
@pytest.mark.parametrize("words", ["", *EVERY_COMMAND])
def test_help_fits_the_terminal_and_100_columns(
    run: Run, words: str, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = run(*words.split(), "--help").stdout.splitlines()
    assert len(lines) > 8
    assert max(map(len, lines)) <= min(columns, 100)


@pytest.mark.parametrize("words", [*EVERY_COMMAND, "check", "registration"])
def test_the_help_of_a_command_begins_with_an_example_of_it(run: Run, words: str) -> None:
    before, found, example = run(*words.split(), "--help").stdout.partition("\nexample:\n")
    assert found
    assert not re.search(r"^  \S", before, re.MULTILINE)
    example = example.partition("\n\n")[0]
    assert f"qsjwt {words} " in example
    lines = example.splitlines()
    assert all(line.startswith("  ") for line in lines)
    assert [line.endswith(" \\" if os.name != "nt" else " `") for line in lines] == [True] * (len(lines) - 1) + [False]


def test_an_example_is_continued_between_options_and_not_in_quotes(
    run: Run, installed_plugin: InstallPlugin, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = """
    from qsjwt.api import Command
    class Long(Command):
        "Do it."
        example = "qsjwt long --first 'a b c d e f g h i j k' --second one two three four five six seven --third"
        def take_action(self, parsed_args): pass
    """
    installed_plugin("long-pkg", {"qsjwt.command.v1": "long = long_pkg:Long"}, source)
    monkeypatch.setenv("COLUMNS", "50")
    example = run("long", "--help").stdout.partition("example:\n")[2].partition("\n\n")[0]
    continued = " `" if os.name == "nt" else " \\"
    assert example.splitlines() == [
        f"  qsjwt long --first 'a b c d e f g h i j k'{continued}",
        f"    --second one two three four five six seven{continued}",
        "    --third",
    ]


GROUPS = ["example", "who", "claims", "lifetime", "key", "output", "batch"]


def test_the_help_of_a_platform_is_grouped_by_what_options_are_about(run: Run) -> None:
    text = run("create-qseow", "--help").stdout
    assert re.findall(r"^(\S.*):$", text, re.MULTILINE) == [*GROUPS, "options"]
    whole = run("create-qseow", "--help-all").stdout
    assert re.findall(r"^(\S.*):$", whole, re.MULTILINE) == [*GROUPS, "diagnostics", "options"]
    who = text.partition("\nwho:\n")[2].partition("\n\n")[0]
    assert re.findall(r"^  (--\w+)", who, re.MULTILINE) == [
        *("--userdir", "--userid", "--username", "--useremail", "--groups")
    ]


@pytest.mark.parametrize("words", EVERY_COMMAND)
def test_the_help_has_at_most_45_lines_and_the_whole_help_every_option(run: Run, words: str) -> None:
    short, whole = (run(*words.split(), option).stdout for option in ("--help", "--help-all"))
    assert short.count("\n") <= 45
    parsers = dict(CommandIndex().each_parser(lambda each, parser: (each, parser)))
    for option in parsers[words].declared.options:
        assert f"\n  {option.invocation}" in whole
        assert (f"\n  {option.invocation}" in short) == (option.required or not option.advanced), option.names


def test_an_advanced_option_of_a_third_party_is_in_the_whole_help_alone_unless_it_is_required(
    run: Run, installed_plugin: InstallPlugin
) -> None:
    source = """
    from qsjwt.api import Platform, Token, time_claims
    class Acme(Platform):
        summary = "Acme"
        def add_options(self, group):
            group.add("--user", help="who it is")
            group.add("--odd", advanced=True, help="o")
            group.add("--must", advanced=True, required=True, help="m")
            group.one_of().add("--other", advanced=True, help="o")
        def build(self, request, now): return Token({}, time_claims(request, now))
    """
    installed_plugin("acme-pkg", {"qsjwt.platform.v1": "acme = acme_pkg:Acme"}, source)
    short, whole = run("create-acme", "--help").stdout, run("create-acme", "--help-all").stdout
    for option in ("--user", "--must"):
        assert f"\n  {option} " in short
    for option in ("--odd", "--other", "--clock-skew", "--loglevel"):
        assert f"\n  {option} " not in short
        assert f"\n  {option} " in whole
    assert short.count("\n") <= 45


def test_the_help_of_the_guides_platform_fits_into_45_lines(run: Run, installed_plugin: InstallPlugin) -> None:
    source = (ROOT / "doc/examples/acme-platform/acme_platform.py").read_text(encoding="utf-8")
    installed_plugin("acme-platform", {"qsjwt.platform.v1": "acme = acme_platform:Acme"}, source)
    for command in ("create-acme", "check acme", "try acme", "exchange acme", "registration acme", "register acme"):
        text = run(*command.split(), "--help").stdout
        assert 15 < text.count("\n") <= 45, command


def test_the_help_of_the_program_lists_commands_by_what_they_are_about(
    run: Run, installed_plugin: InstallPlugin, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = """
    from qsjwt.api import Command, Platform
    class Acme(Platform):
        summary = "Acme"
        def add_options(self, group): pass
        def build(self, request, now): pass
    class Days(Command):
        "Count days."
        section = "keys"
        def take_action(self, options): pass
    class Odd(Command):
        "Be odd."
        section = "odd"
        def take_action(self, options): pass
    class Plain(Command):
        "Be plain."
        def take_action(self, options): pass
    """
    commands = "days = acme_pkg:Days\nodd = acme_pkg:Odd\nplain = acme_pkg:Plain\nbroken = acme_pkg:None"
    installed_plugin("acme-pkg", {"qsjwt.platform.v1": "acme = acme_pkg:Acme", "qsjwt.command.v1": commands}, source)
    for columns in (80, 100):
        monkeypatch.setenv("COLUMNS", str(columns))
        found = {
            title: re.findall(r"^  ([a-z-]+) ", part, re.MULTILINE)
            for title, part in re.findall(r"^(\S+):\n((?:  .*\n)+)", run("--help").stdout, re.MULTILINE)
        }
        assert list(found) == ["tokens", "keys", "Qlik", "setup", "more", "options"]
        creates = [f"create-{name}" for name in ("acme", "nprinting", "qscloud", "qscloud-oauth", "qseow")]
        assert found["tokens"] == ["check", *creates, "decode"]
        assert found["keys"] == ["create-key", "days", "show-key"]
        assert found["Qlik"] == ["exchange", "register", "registration", "try"]
        assert found["setup"] == ["completion", "list-plugins"]
        assert found["more"] == ["broken", "odd", "plain"]


def test_each_command_that_comes_with_the_program_has_a_line_of_its_own(run: Run) -> None:
    listed = run("--help").stdout.partition("\noptions:")[0]
    assert len(re.findall(r"^  +\S", listed, re.MULTILINE)) == len(CommandIndex().summaries())


def test_the_help_of_a_third_party_platform_has_an_example_of_what_is_required(
    run: Run, installed_plugin: InstallPlugin
) -> None:
    source = """
    from qsjwt.api import Platform, Token, time_claims
    class Acme(Platform):
        summary = "Acme"
        def add_options(self, group):
            group.add("--roles", required=True, nargs="+", metavar="ROLE", help="r")
            group.add("--colour", required=True, choices=["dark red", "blue"], help="c")
            who = group.one_of(required=True)
            who.add("--user", help="u")
            who.add("--robot", metavar="NAME", help="r")
        def build(self, request, now): return Token({}, time_claims(request, now))
    """
    installed_plugin("acme-pkg", {"qsjwt.platform.v1": "acme = acme_pkg:Acme"}, source)
    usage, _, rest = run("create-acme", "--help").stdout.partition("example:\n")
    example = rest.partition("\n\n")[0]
    assert "(--user USER | --robot NAME)" in " ".join(usage.split())
    continued = " `" if os.name == "nt" else " \\"
    assert example.splitlines() == [
        f"  qsjwt create-acme --roles ROLE --colour 'dark red' --user USER{continued}",
        "    --expires 60m --key file:privatekey.pem",
    ]


@pytest.mark.parametrize(
    ("summary", "line"),
    [
        ("safe:NAME\t in a\n safe", "safe:NAME +in a safe"),
        ("in a safe", "safe: +in a safe"),
        ("safely kept", "safe: +safely kept"),
    ],
)
def test_a_third_party_summary_stands_on_a_line_with_its_scheme(
    run: Run, installed_plugin: InstallPlugin, summary: str, line: str
) -> None:
    source = f"""
    from qsjwt.api import KeyProvider
    class Safe(KeyProvider):
        summary = {summary!r}
        def open(self, reference, algorithm, secrets): pass
    """
    installed_plugin("safe-pkg", {"qsjwt.key_provider.v1": "safe = safe_pkg:Safe"}, source)
    assert re.search(f"^ *{line}$", run("list-plugins").stdout, re.MULTILINE)


def test_the_help_tears_no_option_apart(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for columns in range(60, 100):
        monkeypatch.setenv("COLUMNS", str(columns))
        assert not re.search(r"\w-\n", run("create-qscloud", "--help").stdout), columns


@pytest.mark.parametrize("columns", ["0", "1", "-5", "many"])
def test_help_survives_a_terminal_of_no_width(run: Run, columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert "--expires" in run("create-qseow", "--help").stdout


def test_the_key_schemes_are_listed_in_one_place_and_the_help_points_there(run: Run) -> None:
    text = run("list-plugins").stdout.partition("Key references (--key)")[2]
    for scheme in ("create:PREFIX", "env:NAME", "file:PATH", "inline:PEM", "stdin:"):
        assert re.search(f"^ *{scheme} ", text, re.MULTILINE)
    for option in ("--help", "--help-all"):
        whole = " ".join(run("create-qseow", option).stdout.split())
        assert "list-plugins lists the schemes" in whole
        assert "pkcs12:" not in whole


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("create-qseo",), "did you mean create-qseow?"),
        (
            ("create",),
            "did you mean create-key, create-nprinting, create-qscloud, create-qscloud-oauth or create-qseow?",
        ),
        (("create", "--userid", "x"), "did you mean create-key, create-nprinting"),
        (("create", "qseow", "--userid", "x"), "did you mean create-qseow?"),
        (("Create", "QSEoW"), "did you mean create-qseow?"),
        (("show", "key"), "did you mean show-key?"),
        (("list", "plugins"), "did you mean list-plugins?"),
        (("qseow",), "did you mean create-qseow, check qseow or try qseow?"),
        (("qscloud-oauth", "x"), "did you mean create-qscloud-oauth, check qscloud-oauth or try qscloud-oauth?"),
        (("check-qseow",), "did you mean check qseow?"),
        (("try-qscloud-oauth",), "did you mean try qscloud-oauth?"),
        (("token",), "did you mean create-nprinting, create-qscloud, create-qscloud-oauth or create-qseow?"),
        (("sign",), "did you mean create-nprinting, "),
        (("verify",), "did you mean decode?"),
        (("keygen",), "did you mean create-key?"),
        (("show",), "did you mean decode, or show-key?"),
        (("plugins",), "did you mean list-plugins?"),
        (("validate",), "did you mean check?"),
        (("login",), "did you mean exchange?"),
        (("version",), "did you mean --version?"),
        (("Decode",), "did you mean decode?"),
        (("complete",), "there is no command 'complete'"),
        (("shell",), "there is no command 'shell'"),
        (("xyzzy",), "see qsjwt --help"),
        (("",), "see qsjwt --help"),
    ],
)
def test_an_unknown_command_or_the_beginning_of_one_exits_2(run: Run, arguments: tuple[str, ...], word: str) -> None:
    run(*arguments).refused(2, "there is no command", word)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("create-qseow", "--exp", "5m"), "unknown option --exp"),
        (("create-qseow", "--exp", "5m"), "did you mean --expires?"),
        (("create-qseow", "--log", "debug"), "unknown option --log"),
        (("create-qseow", "--usernam", "a"), "did you mean --username?"),
        (("decode", "--log-file", "x"), "unknown option --log-file"),
        (("decode", "--deb"), "unknown option --deb"),
        (("--verb", "decode"), "unknown option --verb"),
        (("--log-file=x", "decode"), "unknown option --log-file"),
        (("--loglevel", "debug", "decode"), "unknown option --loglevel"),
        (("list-plugins", "-x"), "unknown option -x"),
        (("list-plugins", "x y"), "unexpected argument"),
        (("create-qseow", "--expires", "5m", "x y"), "after --expires"),
        (("-v", "-q", "list-plugins"), "not allowed with"),
        (("create-qseow", "--userid"), "--userid: expected one argument"),
        (("create-qseow", "--no-check=yes"), "--no-check takes no value"),
    ],
)
def test_options_are_exact(run: Run, arguments: tuple[str, ...], word: str) -> None:
    if arguments[0] == "create-qseow":
        arguments = (*arguments[:1], "--userdir", "D", "--userid", "u", "--expires", "1m", *arguments[1:])
    run(*arguments).refused(2, word)


def test_a_percent_sign_in_the_name_of_a_required_value_is_one(run: Run, installed_plugin: InstallPlugin) -> None:
    source = """
    from qsjwt.api import Command
    class Share(Command):
        "Take a share."
        def add_options(self, parser): parser.add("--share", required=True, metavar="N%", help="a share")
        def take_action(self, parsed_args): self.emit(parsed_args.share)
    """
    installed_plugin("share-pkg", {"qsjwt.command.v1": "share = share_pkg:Share"}, source)
    assert run("share", "--help").stdout.startswith("usage: qsjwt share --share N% [OPTION ...]\n")


@pytest.mark.parametrize("words", [("--usrid", "u"), ("--usrid=u",)])
def test_a_required_option_that_is_misspelt_is_named_as_such(run: Run, words: tuple[str, ...]) -> None:
    arguments = ("create-qseow", "--userdir", "D", "--expires", "1m", "--key", "k.pem", *words)
    run(*arguments).refused(2, "unknown option --usrid", "did you mean --userid?")
    run(*arguments[: -len(words)]).refused(2, "are required: --userid")


@pytest.mark.parametrize("name", ["rs265", "RS265", "Rs265"])
def test_the_nearest_choice_is_found_whatever_its_letters_size(run: Run, name: str) -> None:
    run("create-qseow", "--algorithm", name).refused(2, f"'{name}' (choose from", "did you mean RS256?")


def test_a_stray_argument_is_not_repeated_since_it_may_be_part_of_a_key(run: Run, keys: SimpleNamespace) -> None:
    words = keys.files["rsa"].read_text(encoding="ascii").split()
    result = run("create-qseow", "--userdir", "D", "--userid", "u", "--expires", "1m", "--key", "file:x", *words)
    result.refused(2, "unexpected argument after --key")
    assert words[5][:16] not in result.stderr


def test_a_negative_value_gets_the_error_of_its_option(run: Run, keys: SimpleNamespace) -> None:
    for words in (("--expires", "-60m"), ("--expires=-60m",)):
        run("create-qseow", "--userdir", "D", "--userid", "u", *words, "--key", "x").refused(2, "'-60m'")


@pytest.mark.parametrize(
    ("expires", "word"),
    [
        ("banana", "must be a duration or a point in time"),
        ("", "must be a duration or a point in time"),
        ("3600", "must have a unit"),
        ("0", "must have a unit"),
        ("0m", "invalid value for --expires: '0m' (must be longer than zero)"),
        ("-5m", "must not be negative"),
        ("9000y", "year 9999"),
        ("9" * 400 + "d", "must be a duration or a point in time"),
    ],
)
def test_a_lifetime_that_cannot_be_exits_2_with_a_hint(
    run: Run, keys: SimpleNamespace, expires: str, word: str
) -> None:
    result = run("create-qseow", "--userdir", "D", "--userid", "u", "--expires", expires, "--key", keys.files["rsa"])
    result.refused(2, "--expires", word, "qsjwt: hint: ")


def _one_token(run: Run, keys: SimpleNamespace, *before: str, after: tuple[str, ...] = ()) -> str:
    result = run(
        *(*before, "create-qseow", "--userdir", "D", "--userid", " u", "--expires", "5m"),
        *("--key", keys.files["rsa"], *after),
    )
    assert result.token.count(".") == 2
    return result.stderr


def test_loudness_is_chosen_before_the_command_or_by_loglevel(run: Run, keys: SimpleNamespace) -> None:
    warning = "qsjwt: warning: spaces"
    info = "qsjwt: info: signed with RS256"
    assert "qsjwt: verbose: claims: userId, userDirectory" in _one_token(run, keys, "-vv")
    assert "qsjwt: debug: key thumbprint" in _one_token(run, keys, "-vvv")
    assert "thumbprint" not in _one_token(run, keys, "-vv")
    assert warning in _one_token(run, keys)
    assert _one_token(run, keys, "-q") == ""
    for before in (("-v",), ("-vv",), ("-vvvv",), ("--verbose", "--verbose"), ("--debug",)):
        text = _one_token(run, keys, *before)
        assert warning in text
        assert info in text
    assert _one_token(run, keys, after=("--loglevel", "error")) == ""
    for level in ("info", "verbose", "debug"):
        assert info in _one_token(run, keys, "-q", after=("--loglevel", level))
    run("create-qseow", "--loglevel", "loud").refused(2, "--loglevel", "'loud'", "verbose")


def test_only_the_programs_own_logger_is_configured(run: Run, keys: SimpleNamespace) -> None:
    root = logging.getLogger()
    level = root.level
    text = _one_token(run, keys, "--debug")
    assert root.level == level
    assert not any(
        isinstance(handler, logging.StreamHandler) and handler.stream is sys.stderr for handler in root.handlers
    )
    assert all(line.startswith("qsjwt: ") for line in text.splitlines())


def test_the_programs_records_go_to_no_handler_but_its_own(
    run: Run, keys: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[logging.LogRecord] = []
    handler = logging.Handler()
    monkeypatch.setattr(handler, "emit", seen.append)
    logging.getLogger().addHandler(handler)
    try:
        assert "spaces" in _one_token(run, keys)
    finally:
        logging.getLogger().removeHandler(handler)
    assert seen == []


def test_records_of_other_libraries_stay_off_and_secrets_stay_out(run: Run, keys: SimpleNamespace) -> None:
    from qsjwt.cli import log

    assert run("list-plugins").exit_code == 0
    log.configure(logging.DEBUG)
    own = logging.getLogger("qsjwt.tokens.platform.acme")
    stream = logging.getLogger("qsjwt").handlers[0]
    assert isinstance(stream, logging.StreamHandler)
    assert own.getEffectiveLevel() == logging.DEBUG
    record = own.makeRecord("qsjwt", logging.INFO, "f", 1, keys.files["rsa"].read_text(encoding="ascii"), (), None)
    assert stream.format(record).startswith("qsjwt: info: (a private key)")


def test_another_package_cannot_hook_into_a_command(
    run: Run, keys: SimpleNamespace, installed_plugin: InstallPlugin
) -> None:
    source = """
    import cliff.hooks
    class Spy(cliff.hooks.CommandHook):
        def get_parser(self, parser): raise RuntimeError("hooked")
        def get_epilog(self): raise RuntimeError("hooked")
        def before(self, parsed_args): raise RuntimeError("hooked")
        def after(self, parsed_args, return_code): raise RuntimeError("hooked")
    """
    points = {f"qsjwt.command.v1.{name}": "spy = spy_pkg:Spy" for name in ("create_qseow", "create-qseow", "decode")}
    installed_plugin("spy-pkg", points, source)
    assert _one_token(run, keys, "-q") == ""
    assert "spy_pkg" not in sys.modules


def test_the_help_looks_through_no_installed_packages(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    import cliff.command

    def slow() -> None:
        raise AssertionError("packages_distributions() takes 15 to 140 ms")

    monkeypatch.setattr(cliff.command, "packages_distributions", slow)
    assert run("create-qseow", "--help").exit_code == 0


def test_list_plugins_and_decode_load_no_formatters_but_their_own(run: Run) -> None:
    result = run_process("list-plugins", "-f", "json", environment={"PYTHONPROFILEIMPORTTIME": "1"}, text=True)
    assert result.returncode == 0
    assert "prettytable" not in result.stderr
    assert "cliff.formatters" not in result.stderr


def test_a_command_that_returns_something_still_exits_0(run: Run, installed_plugin: InstallPlugin) -> None:
    source = """
    from qsjwt.api import Command
    class Odd(Command):
        "Return what take_action must not."
        def take_action(self, parsed_args):
            self.emit("done\\n")
            return "a string"
    """
    installed_plugin("odd-pkg", {"qsjwt.command.v1": "odd = odd_pkg:Odd"}, source)
    result = run("odd")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "done\n", "")


@pytest.mark.parametrize(
    "crash",
    ["raise ValueError('eyJhbGciOiJSUzI1NiJ9.e30.c2ln')", "raise SystemExit('bye')", "1/0", "raise GeneratorExit"],
)
def test_a_bug_exits_1_asks_for_debug_and_shows_its_traceback_only_then(
    run: Run, installed_plugin: InstallPlugin, crash: str
) -> None:
    source = f"""
    from qsjwt.api import Command
    class Bad(Command):
        "Crash."
        def take_action(self, parsed_args):
            {crash}
    """
    installed_plugin("bad-pkg", {"qsjwt.command.v1": "bad = bad_pkg:Bad"}, source)
    run("bad").refused(1, "unexpected", "--debug")
    run("bad", "--loglevel", "debug").refused(1, "unexpected")
    result = run("--debug", "bad")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "Traceback" in result.stderr
    assert "eyJhbGciOiJSUzI1NiJ9" not in result.stderr


def test_ctrl_c_and_a_closed_pipe_have_the_shells_codes(run: Run, installed_plugin: InstallPlugin) -> None:
    source = """
    from qsjwt.api import Command
    class Stop(Command):
        "Stop."
        def take_action(self, parsed_args):
            raise KeyboardInterrupt
    class Pipe(Command):
        "Write to nobody."
        def take_action(self, parsed_args):
            raise BrokenPipeError
    """
    installed_plugin("stop-pkg", {"qsjwt.command.v1": "stop = stop_pkg:Stop\npipe = stop_pkg:Pipe"}, source)
    for command, exit_code in (("stop", 130), ("pipe", 141)):
        result = run(command)
        assert (result.exit_code, result.stdout, result.stderr) == (exit_code, "", "")


def test_help_and_listing_work_when_nobody_can_see_errors(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    with warnings.catch_warnings():
        assert run("list-plugins").exit_code == 0
        assert run("--help").exit_code == 0
        assert run().exit_code == 2
        assert run("nonsense").exit_code == 2


@posix("shell that closes standard output, and no /dev/full")
@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("decode", "--help"), ("list-plugins",)])
def test_whatever_is_written_to_standard_output_arrives_or_is_an_error(arguments: tuple[str, ...]) -> None:
    base = [sys.executable, "-m", "qsjwt", *arguments]
    for shell, words in (('"$@" >&-', "is closed"), ('"$@" >/dev/full', "no space left on device")):
        result = subprocess.run(["sh", "-c", shell, "sh", *base], capture_output=True, text=True, check=False)
        assert (result.returncode, result.stdout, words in result.stderr) == (2, "", True)


@posix("shell that closes standard output, and no /dev/full")
def test_a_closed_or_full_standard_output_is_an_error(run: Run, keys: SimpleNamespace) -> None:
    base = [sys.executable, "-m", "qsjwt", "create-qseow", "--userdir", "D", "--userid", "u", "--expires", "5m"]
    base += ["--key", str(keys.files["rsa"])]
    closed = subprocess.run(["sh", "-c", '"$@" >&-', "sh", *base], capture_output=True, text=True, check=False)
    assert (closed.returncode, "standard output is closed" in closed.stderr) == (2, True)
    full = subprocess.run(["sh", "-c", '"$@" >/dev/full', "sh", *base], capture_output=True, text=True, check=False)
    assert full.returncode == 2
    assert full.stderr == (
        "qsjwt: error: standard output is not accessible: no space left on device, so the result is not written\n"
    )


@pytest.mark.parametrize("end", ["raise RuntimeError('release unlocked lock')", "raise InputError('half a thing')"])
def test_what_goes_wrong_while_a_request_to_end_unwinds_is_nobodys_fault(
    qseow: Run, installed_plugin: InstallPlugin, end: str
) -> None:
    source = f"""
        from qsjwt.api import InputError, KeyProvider
        from qsjwt.errors import Terminated

        class Slow(KeyProvider):
            summary = "slow: never opens"

            def open(self, reference, secrets):
                try:
                    raise Terminated(15)
                finally:
                    {end}
        """
    installed_plugin("slow", {"qsjwt.key_provider.v1": "slow = slow:Slow"}, source)
    result = qseow("--key", "slow:")
    assert (result.exit_code, result.stdout, result.stderr) == (143, "", "")
