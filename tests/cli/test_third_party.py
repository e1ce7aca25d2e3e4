"""What plugins of others do wrong, or well in an unusual way: nothing else suffers, and whose fault it is is told."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import jwt as pyjwt
import pytest

from qsjwt.api import InputError, create_token
from qsjwt.errors import QsJwtError
from tests.conftest import InstallPlugin, Result, Run

PLATFORM = "qsjwt.platform.v1"
COMMAND = "qsjwt.command.v1"

START = """
    import argparse, io, sys
    from qsjwt.api import Command, InputError, Platform, PlatformCommand, Rule, Token, checks, time_claims
"""
ACME = """
    class Acme(Platform):
        summary = "Acme"
        def add_options(self, group):
            group.add("--user", help="who it is")
        def build(self, request, now):
            return Token({}, {"user": request.options.user, **time_claims(request, now)})
"""
CREATE = ("create-acme", "--user", "anna", "--expires", "5m", "--key")


def _acme(*changes: tuple[str, str]) -> str:
    source = START + ACME
    for sound, changed in changes:
        assert source.count(sound) == 1
        source = source.replace(sound, changed)
    return source


@pytest.fixture
def acme(run: Run, keys: SimpleNamespace, installed_plugin: InstallPlugin) -> "Acme":
    """Install the platform with changes, and create a token with it."""
    return Acme(run, keys, installed_plugin)


class Acme:
    """Runs ``create-acme``, and other commands beside the platform."""

    def __init__(self, run: Run, keys: SimpleNamespace, install: InstallPlugin) -> None:
        self.run = run
        self._key = keys.files["rsa"]
        self._install = install

    def install(self, *changes: tuple[str, str], name: str = "acme") -> None:
        self._install("acme-pkg", {PLATFORM: f"{name} = acme_pkg:Acme"}, _acme(*changes))

    def option(self, text: str) -> None:
        self.install(('group.add("--user", help="who it is")', f'group.add("--user"); {text}'))

    def create(self, *more: str) -> Result:
        return self.run(*CREATE, self._key, *more)


@pytest.mark.parametrize(
    "new", ['io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8")', "io.StringIO()", "None", "sys.stderr"]
)
def test_the_token_arrives_whatever_a_plugin_puts_in_place_of_stdout(acme: Acme, new: str) -> None:
    acme.install(("class Acme", f"sys.stdout = {new}\n    class Acme"))
    before = sys.stdout
    assert acme.create().token.count(".") == 2
    assert sys.stdout is before
    del sys.modules["acme_pkg"]
    assert "usage: qsjwt create-acme" in acme.run("create-acme", "--help").stdout


def test_what_an_option_prints_while_it_is_read_goes_to_stderr(acme: Acme) -> None:
    acme.option('group.add("--age", type=lambda text: print("typed") or text, help="a")')
    result = acme.create("--age", "7")
    assert result.token.startswith("eyJ")
    assert "typed" in result.stderr


@pytest.mark.parametrize("crash", ["raise SystemExit(3)", "raise GeneratorExit"])
def test_an_option_that_crashes_is_its_platforms_fault(acme: Acme, crash: str) -> None:
    acme.option(f'group.add("--odd", type=lambda text: exec({crash!r}), help="o")')
    acme.create("--odd", "x").refused(5, "the platform 'acme' of acme-pkg 1.2.3 does not read its options")


@pytest.mark.parametrize("text", ["100% of it", "%(nothing)s"])
def test_a_percent_sign_in_a_help_is_shown_as_it_is(acme: Acme, text: str) -> None:
    acme.option(f'group.add("--share", help="{text}")')
    assert text in acme.run("create-acme", "--help").stdout
    assert _status(acme.run, "acme") == "ok"


def _status(run: Run, name: str) -> str:
    rows = json.loads(run("list-plugins", "-f", "json").stdout)
    (status,) = [row["status"] for row in rows if row["name"] == name]
    return str(status)


@pytest.mark.parametrize(
    ("sound", "changed", "reason"),
    [
        ('summary = "Acme"', 'summary = "Acme"; algorithms = ("HS256",)', "not signed with a private key"),
        ('summary = "Acme"', 'summary = "Acme"; algorithms = "RS256"', "not a tuple of names"),
        ('summary = "Acme"', 'summary = "Acme"; rules = None', "not a tuple of rules"),
        ('summary = "Acme"', 'summary = "Acme"; example = ["qsjwt"]', "not a string"),
        ('"--user", help', '"--key", help', "does not add its options: ArgumentError"),
        ('"--user", help', '"--user", dest="loglevel", help', "two options have the dest 'loglevel'"),
        ("group.add(", "1/0; group.add(", "does not add its options: ZeroDivisionError"),
    ],
)
def test_a_platform_that_cannot_be_used_is_listed_with_the_reason(
    acme: Acme, sound: str, changed: str, reason: str
) -> None:
    acme.install((sound, changed))
    assert reason in _status(acme.run, "acme")
    assert {_status(acme.run, name) for name in ("check", "registration", "qseow")} == {"ok"}
    acme.create().refused(5, reason)


@pytest.mark.parametrize("name", ["-dash", "-h", "--version"])
def test_a_name_that_looks_like_an_option_spoils_no_completion(acme: Acme, name: str) -> None:
    acme.install(name=name)
    assert "create-qseow" in acme.run("completion", "bash").stdout
    assert "cannot be used" in _status(acme.run, name)


COMMANDS = """
    class Loud(Command):
        "Say more than is asked for."
        def take_action(self, parsed_args):
            print("chatter")
            self.emit("result\\n")

    class Crash(Command):
        "Crash."
        def take_action(self, parsed_args):
            {}["eyJhbGciOiJSUzI1NiJ9.e30.c2ln"]

    class About(PlatformCommand):
        "Do something with a platform."
        def add_options(self, parser):
            {}["none"]
        def take_action(self, parsed_args):
            pass

    class Twice(PlatformCommand):
        "Have two options in one place."
        def add_options(self, parser):
            parser.add("--one", dest="same", help="1")
            parser.add("--two", dest="same", help="2")
        def take_action(self, parsed_args):
            pass
"""


@pytest.fixture
def commands(run: Run, installed_plugin: InstallPlugin) -> Run:
    """Run commands of another package: loud, crash, about, twice, and help."""
    names = ("loud", "crash", "about", "twice")
    lines = [f"{name} = odd_pkg:{name.capitalize()}" for name in names]
    installed_plugin("odd-pkg", {COMMAND: "\n".join([*lines, "help = odd_pkg:Loud"])}, START + COMMANDS)
    return run


def test_what_a_command_prints_goes_to_stderr_and_what_it_emits_to_stdout(commands: Run) -> None:
    result = commands("loud")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "result\n", "chatter\n")


def test_a_command_that_crashes_is_named_with_its_package(commands: Run) -> None:
    result = commands("crash")
    result.refused(QsJwtError.exit_code, "unexpected KeyError in the command 'crash' of odd-pkg 1.2.3", "author")
    assert "eyJ" not in result.stderr
    assert "eyJ" not in commands("--debug", "crash").stderr


def test_a_crash_of_ours_is_a_bug_of_ours(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from qsjwt.cli.commands.list_plugins import ListPlugins

    monkeypatch.setattr(ListPlugins, "take_action", lambda *_unused: int("none"))
    run("list-plugins").refused(1, "qsjwt: error: unexpected ValueError\n", "this is a bug")


@pytest.mark.parametrize(("name", "error"), [("about", "KeyError"), ("twice", "ValueError")])
def test_a_command_about_a_platform_is_blamed_for_its_own_options(commands: Run, name: str, error: str) -> None:
    commands(name, "qseow").refused(5, f"the command '{name}' of odd-pkg 1.2.3 does not start: {error}")
    assert f"the command '{name}' of odd-pkg 1.2.3 does not add its options: {error}" in _status(commands, name)


def test_a_command_cannot_be_called_help(commands: Run) -> None:
    assert "has the name of something else" in _status(commands, "help")
    assert commands("help").stdout.startswith("usage: qsjwt ")


def test_the_words_of_a_type_are_shown(acme: Acme) -> None:
    share = "def share(text): raise argparse.ArgumentTypeError('it ends with a sign')"
    acme.install(("class Acme", f"{share}\n\n    class Acme"), ('"--user", help', '"--user", type=share, help'))
    acme.create().refused(2, "qsjwt: error: invalid value for --user: it ends with a sign\n")


def test_an_option_in_the_place_of_one_of_check_decides_in_its_stead(acme: Acme, keys: SimpleNamespace) -> None:
    shared = """
        def add_shared_options(self, group):
            group.add("--iss", dest="issuer", help="i")
        def build("""
    rule = 'summary = "Acme"; rules = (Rule("iss", "it fits", "handbook", checks.string("iss"), option="--iss"),)'
    acme.install(
        ("def build(", shared.strip()),
        ('summary = "Acme"', rule),
        ('{"user"', '{"iss": request.options.issuer, "user"'),
    )
    token = acme.create("--iss", "i").token
    assert "✓ 1 rule is kept  iss" in acme.run("check", "acme", "--jwt", token, "--iss", "i").stdout
    assert "✗ iss  " in acme.run("check", "acme", "--jwt", token, "--iss", "j").stdout


def test_control_characters_of_a_plugin_do_not_reach_the_terminal(acme: Acme) -> None:
    acme.install(
        ('summary = "Acme"', r'summary = "\x1b[31mAcme"'), ('help="who it is"', r'metavar="\x07U", help="\x1b]0;w"')
    )
    for command in (("create-acme", "--help"), ("--help",), ("check", "acme", "--help")):
        shown = acme.run(*command).stdout
        assert "\x1b" not in shown
        assert "\x07" not in shown


def test_the_members_of_an_enum_are_choices_by_their_values(acme: Acme) -> None:
    colour = 'Colour = __import__("enum").Enum("Colour", {"RED": "red", "GREEN": "green"})'
    option = 'group.add("--colour", type=Colour, choices=list(Colour), default=Colour.RED, help="c"); group'
    acme.install(("class Acme", f"{colour}\n\n    class Acme"), ("group.add(", f"{option}.add("))
    assert acme.create("--colour", "green").token
    acme.create("--colour", "gren").refused(
        2, "invalid choice for --colour: 'gren' (choose from red, green)", "did you mean green?"
    )
    script = acme.run("completion", "fish").stdout
    assert "green" in script
    assert "Colour.GREEN" not in script


def test_an_option_that_is_counted_may_be_a_number_in_a_row(acme: Acme, keys: SimpleNamespace) -> None:
    acme.install(
        ('group.add("--user"', 'group.add("--loud", action="count", help="l"); group.add("--user"'),
        ('{"user": request.options.user', '{"loud": request.options.loud, "user": request.options.user'),
    )
    for value, loud in ((3, 3), (True, 1), (0, None)):
        made = create_token("acme", key=f"file:{keys.files['rsa']}", user="a", expires="5m", loud=value)
        assert made.claims["loud"] == loud


def test_a_choice_out_of_very_many_is_refused_in_a_line(acme: Acme) -> None:
    acme.option('group.add("--port", type=int, choices=range(65536), help="p")')
    result = acme.create("--port", "70000")
    result.refused(2, "invalid choice for --port: '70000' (choose from 0, 1, 2")
    assert len(result.stderr) < 300


@pytest.mark.parametrize("remarks", ['"a text"', "[5]", "[None]"])
def test_remarks_that_are_no_sentences_are_the_platforms_fault(acme: Acme, remarks: str) -> None:
    acme.install(("time_claims(request, now)})", f"time_claims(request, now)}}, remarks={remarks})"))
    acme.create().refused(5, "does not build the claims: TypeError")


def test_a_claim_that_is_no_json_is_named(acme: Acme) -> None:
    acme.install(('{"user": request.options.user', '{"user": request.options.user, "tags": {1}'))
    acme.create().refused(2, "what goes into the claims cannot be written as JSON: 'tags'")


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (("--user_name", "x"), "unknown option --user_name", "did you mean --username?"),
        (("--user.name", "x"), "unknown option --user.name", "did you mean --username?"),
    ],
)
def test_a_misspelt_option_may_have_other_marks_in_it(
    run: Run, words: tuple[str, ...], message: str, hint: str
) -> None:
    run("create-qseow", "--userdir", "D", *words).refused(2, message, hint)


def test_an_option_is_called_whatever_its_author_likes(acme: Acme) -> None:
    acme.option('group.add("--expected-required", required=True, help="e")')
    acme.create("--expected-requird", "x").refused(2, "unknown option --expected-requird")
    acme.create().refused(2, "are required: --expected-required", "see qsjwt create-acme --help")


def test_of_a_group_of_which_one_is_required_one_may_be_misspelt(acme: Acme) -> None:
    group = "g = group.one_of(required=True); g.add('--robot', help='r')"
    acme.option(group)
    acme.create("--robt", "x").refused(2, "unknown option --robt", "did you mean --robot?")
    acme.create().refused(2, "are required: --robot")


def test_a_new_key_that_the_platform_cannot_use_is_not_made(acme: Acme, tmp_path: Path) -> None:
    acme.install(('summary = "Acme"', 'summary = "Acme"; algorithms = ("ES512",)'))
    create = ("create-acme", "--user", "anna", "--expires", "5m", "--cert-create", "--cert-file-prefix", "new_")
    acme.run(*create).refused(3, "a new RSA key cannot sign with ES512")
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("new_")]


def test_a_new_key_is_made_for_the_algorithm_that_it_can_do(acme: Acme) -> None:
    acme.install(('summary = "Acme"', 'summary = "Acme"; algorithms = ("ES512", "RS256")'))
    create = ("create-acme", "--user", "anna", "--expires", "5m", "--cert-create", "--cert-key-size", "2048")
    assert pyjwt.get_unverified_header(acme.run(*create).token)["alg"] == "RS256"


def test_what_is_missing_in_a_call_for_one_token_is_said_without_rows(keys: SimpleNamespace) -> None:
    with pytest.raises(InputError, match="--userid is missing") as caught:
        create_token("qseow", key=f"file:{keys.files['rsa']}", userdir="D", expires="5m")
    assert caught.value.hint == ""
