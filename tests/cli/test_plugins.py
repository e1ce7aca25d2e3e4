"""Plugins of other packages: used by name, isolated from each other, listed with what is wrong with them."""

import csv
import io
import json
import re
import sys
from types import SimpleNamespace

import jwt as pyjwt
import pytest
import yaml

from tests.conftest import InstallPlugin, Run

PLATFORM = "qsjwt.platform.v1"
PROVIDER = "qsjwt.key_provider.v1"
COMMAND = "qsjwt.command.v1"

ACME = """
    import logging
    from qsjwt.api import Broken, Platform, Rule, Token, Unknown, time_claims

    print("hello from the module")

    def is_welcome(case):
        if case.claims["user"] == "eve":
            yield Broken("Acme does not let eve in")
        if case.claims["user"] == "mallory":
            yield Unknown("Acme has its doubts about mallory")

    class Acme(Platform):
        summary = "Acme Analytics"
        algorithms = ("PS256", "RS256")
        rules = (Rule("user", "the user is welcome", "the handbook", is_welcome),)

        def __init__(self):
            print("hello from the constructor")

        def add_options(self, group):
            group.add("--user", required=True, metavar="USER", help="who it is")

        def build(self, request, now):
            print("hello from build")
            logging.getLogger("qsjwt.platform.acme").info("building")
            return Token({"cty": "acme"}, {"user": request.options.user, **time_claims(request, now)})

"""

SAFE = """
    from pathlib import Path
    from qsjwt.api import KeyProvider, KeyUnavailable, Signer, local_signer

    class Kept(Signer):
        def __init__(self, held):
            self.public_key, self._held = held.public_key, held

        def sign(self, data, algorithm):
            return self._held.sign(data, algorithm)

    class Safe(KeyProvider):
        summary = "safe:NAME        a private key in the safe"

        def open(self, reference, secrets):
            print("opening the safe")
            path = Path(reference)
            if not path.exists():
                raise KeyUnavailable("the safe has no such key")
            return Kept(local_signer(path.read_bytes(), "the key in the safe", secrets))
"""

# name -> (source, what list-plugins says)
BROKEN = {
    "raises": ("raise RuntimeError('out of order')", "does not load: RuntimeError: out of order"),
    "asserts": ("assert 1 == 2, 'never'", "does not load: AssertionError: never"),
    "exits": ("import sys; sys.exit('good bye')", "does not load: SystemExit: good bye"),
    "syntax": ("def", "does not load: SyntaxError"),
    "sdk": ("import no_such_sdk", "does not load: ModuleNotFoundError: No module named 'no_such_sdk'"),
    "wrong": ("class Plugin: pass", "is not a subclass of"),
    "function": ("def Plugin(): pass", "is not a subclass of"),
    "missing": ("", "does not load: AttributeError"),
    "ours": ("from qsjwt.errors import VerificationFailed\nraise VerificationFailed('no')", "does not load: Verif"),
    "mute": (
        "class Mute(Exception):\n    def __str__(self): raise ValueError\nraise Mute",
        "does not load: Mute: no reason that could be shown",
    ),
    "nameless": ("from qsjwt.api import {base}\nclass Plugin({base}): pass", "has no summary"),
    "abstract": ("from qsjwt.api import {base}\nclass Plugin({base}): summary = 'x'", "does not start: TypeError"),
    "constructor": (
        "from qsjwt.api import {base}\n"
        "class Plugin({base}):\n"
        "    summary = 'x'\n"
        "    def __init__(self): raise KeyError('eyJhbGciOiJSUzI1NiJ9.e30.c2ln')\n"
        "    def add_options(self, group): pass\n"
        "    def build(self, request, now): pass\n"
        "    def open(self, reference, secrets): pass\n",
        "does not start: KeyError",
    ),
}


def test_a_third_party_platform_is_a_command_with_everything_that_comes_with_it(
    run: Run, keys: SimpleNamespace, installed_plugin: InstallPlugin
) -> None:
    installed_plugin("acme-pkg", {PLATFORM: "acme = acme_pkg:Acme"}, ACME)
    assert "Create a token for Acme Analytics." in run("--help").stdout
    help_text = run("create-acme", "--help-all").stdout
    for option in ("--user USER", "--key SCHEME:REFERENCE", "--output FILE", "--claim NAME=VALUE", "PS256, RS256"):
        assert option in help_text
    base = ("create-acme", "--user", "anna", "--expires", "5m", "--key", keys.files["rsa"])
    result = run(*base, "--claim", "a=b", "--keyid", "k")
    claims = pyjwt.decode(result.token, keys.rsa.public_key(), ["PS256"])
    assert (claims["user"], claims["a"]) == ("anna", "b")
    assert pyjwt.get_unverified_header(result.token) == {"alg": "PS256", "typ": "JWT", "kid": "k", "cty": "acme"}
    run(*base, "--user", "eve").refused(2, "Acme does not let eve in")
    assert "eve" in run(*base, "--user", "eve", "--no-check").stderr
    assert "qsjwt: warning: Acme has its doubts" in run(*base, "--user", "mallory").stderr
    assert "qsjwt: info: building" in run(*base, "--loglevel", "info").stderr
    run("create-acme", "--expires", "5m", "--key", "x").refused(2, "--user")


def test_nothing_that_a_plugin_prints_reaches_stdout(
    run: Run, keys: SimpleNamespace, installed_plugin: InstallPlugin
) -> None:
    installed_plugin("acme-pkg", {PLATFORM: "acme = acme_pkg:Acme"}, ACME)
    installed_plugin("safe-pkg", {PROVIDER: "safe = safe_pkg:Safe"}, SAFE)
    result = run("create-acme", "--user", "anna", "--expires", "5m", "--key", f"safe:{keys.files['rsa']}")
    assert result.token.startswith("eyJ")
    assert result.stderr.splitlines() == [
        "hello from the module",
        "hello from the constructor",
        "hello from build",
        "opening the safe",
    ]


def test_a_third_party_key_provider_is_a_scheme(
    run: Run, qseow: Run, keys: SimpleNamespace, installed_plugin: InstallPlugin
) -> None:
    installed_plugin("safe-pkg", {PROVIDER: "safe = safe_pkg:Safe"}, SAFE)
    token = qseow("--key", f"safe:{keys.files['rsa']}", "--algorithm", "RS512").token
    assert pyjwt.decode(token, keys.rsa.public_key(), ["RS512"])["userId"] == "anna"
    assert re.search("^ *safe:NAME  ", run("list-plugins").stdout, re.MULTILINE)
    qseow("--key", "safe:nothing").refused(3, "the safe has no such key")
    qseow("--key", f"safe:{keys.files['short']}").refused(3, "1024 bits")


def _install_broken(installed_plugin: InstallPlugin, kind: str, name: str) -> str:
    source, reason = BROKEN[name]
    base = {PLATFORM: "Platform", PROVIDER: "KeyProvider", COMMAND: "Command"}[kind]
    installed_plugin(f"{name}-pkg", {kind: f"{name} = {name}_pkg:Plugin"}, source.format(base=base))
    return reason


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("kind", [PLATFORM, PROVIDER])
def test_a_broken_plugin_spoils_its_own_name_only(
    run: Run, qseow: Run, keys: SimpleNamespace, installed_plugin: InstallPlugin, kind: str, name: str
) -> None:
    reason = _install_broken(installed_plugin, kind, name)
    assert qseow("--key", keys.files["rsa"]).token
    assert f"{name}_pkg" not in sys.modules
    used = run(f"create-{name}", "--expires", "5m") if kind == PLATFORM else qseow("--key", f"{name}:x")
    used.refused(5, f"'{name}' of {name}-pkg 1.2.3", reason)
    assert "eyJhbGciOiJSUzI1NiJ9" not in used.stderr
    assert run("--help").exit_code == 0
    assert qseow("--help").exit_code == 0
    rows = json.loads(run("list-plugins", "-f", "json").stdout)
    bad = [row for row in rows if row["status"] != "ok" and row["package"] != "qsjwt"]
    assert [(row["name"], row["package"], row["version"]) for row in bad] == [(name, f"{name}-pkg", "1.2.3")]
    assert reason in bad[0]["status"]
    assert len(rows) == 1 + sum(row["package"] == "qsjwt" for row in rows)


@pytest.mark.parametrize("name", ["raises", "asserts", "exits", "wrong"])
def test_a_broken_command_spoils_its_own_name_only(
    run: Run, qseow: Run, keys: SimpleNamespace, installed_plugin: InstallPlugin, name: str
) -> None:
    reason = _install_broken(installed_plugin, COMMAND, name)
    run(name).refused(5, f"command '{name}' of {name}-pkg 1.2.3", reason)
    assert f"  {name} " in run("--help").stdout
    assert qseow("--key", keys.files["rsa"]).token
    assert reason in " ".join(run("list-plugins").stdout.split())


def test_a_command_whose_constructor_fails_is_no_bug_of_ours(run: Run, installed_plugin: InstallPlugin) -> None:
    source = """
    from qsjwt.api import Command
    class Bad(Command):
        "Fail early."
        def __init__(self, app, app_args): raise ValueError("no")
        def take_action(self, parsed_args): pass
    """
    installed_plugin("bad-pkg", {COMMAND: "bad = bad_pkg:Bad"}, source)
    run("bad").refused(5, "'bad' of bad-pkg 1.2.3 does not start: ValueError")
    assert "bad " in run("--help").stdout


@pytest.mark.parametrize(
    ("kind", "name", "use"), [(PLATFORM, "qseow", ("--key", "x")), (PROVIDER, "file", ("--key", "file:x"))]
)
def test_a_name_that_two_packages_claim_belongs_to_neither(
    qseow: Run,
    run: Run,
    keys: SimpleNamespace,
    installed_plugin: InstallPlugin,
    kind: str,
    name: str,
    use: tuple[str, ...],
) -> None:
    source = (
        "from qsjwt.api import Platform, KeyProvider\nprint('taken over')\nclass Plugin(Platform, KeyProvider): pass\n"
    )
    installed_plugin("rogue-pkg", {kind: f"{name} = rogue_pkg:Plugin"}, source)
    result = qseow(*use)
    result.refused(5, f"'{name}' is claimed more than once", "qsjwt 0.1.0 and rogue-pkg 1.2.3")
    assert "rogue_pkg" not in sys.modules
    other = run(
        *("create-qscloud", "--issuer", "i", "--keyid", "k", "--subject", "s", "--expires", "5m"),
        *("--key", "stdin:"),
        stdin=keys.files["rsa"].read_bytes(),
    )
    assert other.token
    rows = json.loads(run("list-plugins", "-f", "json").stdout)
    assert [row["package"] for row in rows if "claimed more than once" in row["status"]] == ["qsjwt", "rogue-pkg"]


def test_a_command_cannot_take_the_name_of_a_platforms_command(
    qseow: Run, run: Run, installed_plugin: InstallPlugin
) -> None:
    source = "from qsjwt.api import Command\nclass Plugin(Command):\n    def take_action(self, parsed_args): pass\n"
    installed_plugin("rogue-pkg", {COMMAND: "create-qseow = rogue_pkg:Plugin"}, source)
    qseow("--key", "x").refused(5, "'qseow' of qsjwt", "'create-qseow' of rogue-pkg", "claim the same command")
    assert run("--help").exit_code == 0
    rows = json.loads(run("list-plugins", "-f", "json").stdout)
    bad = [row["name"] for row in rows if "claim the same command" in row["status"]]
    assert bad == ["qseow", "create-qseow"]


def test_a_name_that_cannot_be_typed_is_refused(run: Run, installed_plugin: InstallPlugin) -> None:
    installed_plugin("acme-pkg", {PLATFORM: "Acme_1 = acme_pkg:Acme"}, ACME)
    run("create-Acme_1").refused(5, "'Acme_1' of acme-pkg 1.2.3", "cannot be used")


def test_an_option_that_exists_already_is_an_error_of_its_platform(run: Run, installed_plugin: InstallPlugin) -> None:
    installed_plugin("acme-pkg", {PLATFORM: "acme = acme_pkg:Acme"}, ACME.replace("--user", "--key"))
    run("create-acme", "--help").refused(5, "platform 'acme' of acme-pkg 1.2.3 does not add its options: ArgumentError")


@pytest.mark.parametrize(
    ("change", "action"),
    [
        (('print("hello from build")', "{}['x']"), "build the claims: KeyError"),
        (('print("hello from build")', "raise SystemExit"), "build the claims: SystemExit"),
        (('if case.claims["user"] == "eve"', "if case.claims['nobody']"), "check the token: KeyError"),
        (("return Token({", "return str({"), "build the claims: TypeError"),
        (("return Token({", "return dict({"), "build the claims: TypeError"),
    ],
)
def test_a_platform_that_crashes_at_work_is_named(
    run: Run, keys: SimpleNamespace, installed_plugin: InstallPlugin, change: tuple[str, str], action: str
) -> None:
    installed_plugin("acme-pkg", {PLATFORM: "acme = acme_pkg:Acme"}, ACME.replace(*change))
    result = run("create-acme", "--user", "anna", "--expires", "5m", "--key", keys.files["rsa"])
    result.refused(5, f"platform 'acme' of acme-pkg 1.2.3 does not {action}", "--debug")


@pytest.mark.parametrize(
    "change",
    [
        ('print("opening the safe")', "raise RuntimeError('the PIN is 1234')"),
        ("return Kept", "return str"),
        ('print("opening the safe")', "import sys; sys.exit(0)"),
    ],
)
def test_a_provider_that_crashes_at_work_is_named_and_its_words_are_kept_back(
    qseow: Run, keys: SimpleNamespace, installed_plugin: InstallPlugin, change: tuple[str, str]
) -> None:
    installed_plugin("safe-pkg", {PROVIDER: "safe = safe_pkg:Safe"}, SAFE.replace(*change))
    result = qseow("--key", f"safe:{keys.files['rsa']}")
    result.refused(5, "key provider 'safe' of safe-pkg 1.2.3 does not open the key")
    assert "1234" not in result.stderr


@pytest.mark.parametrize(
    ("body", "exit_code", "word"),
    [
        ("def sign(self, data, algorithm): print('hello'); return super().sign(data, algorithm)", 0, "hello"),
        ("def close(self): print('hello')", 0, "hello"),
        ("def sign(self, data, algorithm): raise SystemExit", 5, "does not sign: SystemExit"),
        ("def sign(self, data, algorithm): raise RuntimeError('the PIN is 1234')", 4, "could not sign: RuntimeError"),
        ("def sign(self, data, algorithm): return bytearray(super().sign(data, algorithm))", 4, "does not verify"),
        ("def close(self): raise RuntimeError('the PIN is 1234')", 5, "does not close the key: RuntimeError"),
    ],
)
def test_a_signer_that_misbehaves_is_named_and_kept_from_stdout(
    qseow: Run, keys: SimpleNamespace, installed_plugin: InstallPlugin, body: str, exit_code: int, word: str
) -> None:
    source = SAFE.replace("return Kept", "return Odd").replace(
        "class Safe", f"class Odd(Kept):\n        {body}\n\n    class Safe"
    )
    installed_plugin("safe-pkg", {PROVIDER: "safe = safe_pkg:Safe"}, source)
    result = qseow("--key", f"safe:{keys.files['rsa']}")
    assert result.exit_code == exit_code
    assert word in result.stderr
    assert "1234" not in result.stderr
    assert result.stdout.startswith("eyJ") if exit_code == 0 else result.stdout == ""


def test_a_remote_key_that_is_too_short_is_refused_before_it_signs(
    qseow: Run, keys: SimpleNamespace, installed_plugin: InstallPlugin
) -> None:
    source = """
    from jwcrypto.jwk import JWK
    from pathlib import Path
    from qsjwt.api import KeyProvider, Signer

    class Remote(Signer):
        def __init__(self, path):
            self.public_key = JWK.from_pem(Path(path).read_bytes()).public()

        def sign(self, data, algorithm):
            raise AssertionError("nobody may ask for this signature")

    class Service(KeyProvider):
        summary = "service:PATH     a key that stays where it is"

        def open(self, reference, secrets):
            return Remote(reference)
    """
    installed_plugin("service-pkg", {PROVIDER: "service = service_pkg:Service"}, source)
    qseow("--key", f"service:{keys.files['short']}").refused(3, "1024 bits")
    qseow("--key", f"service:{keys.files['ec']}").refused(3, "EC key")


def test_a_platform_cannot_choose_the_algorithm_or_the_key_id_in_the_header(
    run: Run, keys: SimpleNamespace, installed_plugin: InstallPlugin
) -> None:
    source = ACME.replace('{"cty": "acme"}', '{"alg": "none", "kid": "x", "typ": "at+jwt"}')
    installed_plugin("acme-pkg", {PLATFORM: "acme = acme_pkg:Acme"}, source)
    base = ("create-acme", "--user", "anna", "--expires", "5m", "--key", keys.files["rsa"])
    assert pyjwt.get_unverified_header(run(*base, "--keyid", "mine").token) == {
        "alg": "PS256",
        "typ": "at+jwt",
        "kid": "mine",
    }


def test_an_option_type_that_crashes_refuses_the_value(
    run: Run, keys: SimpleNamespace, installed_plugin: InstallPlugin
) -> None:
    source = ACME.replace("required=True", "required=True, type=lambda text: {}[text]")
    installed_plugin("acme-pkg", {PLATFORM: "acme = acme_pkg:Acme"}, source)
    run("create-acme", "--user", "anna", "--expires", "5m", "--key", "x").refused(2, "invalid value for --user: 'anna'")


def test_a_damaged_list_of_entry_points_is_an_error_of_its_own(run: Run, installed_plugin: InstallPlugin) -> None:
    folder = installed_plugin("bad-pkg", {PLATFORM: "bad = bad_pkg:Bad"}, "")
    (folder / "bad-pkg-1.2.3.dist-info" / "entry_points.txt").write_text(f"[{PLATFORM}]\nno equals sign\n")
    run("decode").refused(5, "entry points of the installed packages cannot be read")


@pytest.mark.parametrize(
    "body",
    [
        "algorithms = ('RS256', 'HS256')",
        "public_key = property(lambda self: self._held._private_key, lambda self, key: None)",
    ],
)
def test_a_signer_that_cannot_be_one_is_closed_and_refused(
    qseow: Run, keys: SimpleNamespace, installed_plugin: InstallPlugin, body: str
) -> None:
    source = SAFE.replace("return Kept", "return Closing").replace(
        "class Safe",
        f"class Closing(Kept):\n        {body}\n        def close(self): print('closed')\n\n    class Safe",
    )
    installed_plugin("safe-pkg", {PROVIDER: "safe = safe_pkg:Safe"}, source)
    result = qseow("--key", f"safe:{keys.files['rsa']}")
    result.refused(5, "does not open the key: ")
    assert "closed" in result.stderr


def test_a_missing_sdk_says_which_extra_brings_it(run: Run, qseow: Run, installed_plugin: InstallPlugin) -> None:
    installed_plugin("cloud-pkg", {PROVIDER: "cloud = cloud_pkg:Plugin [sdk]"}, "import no_such_sdk")
    qseow("--key", "cloud:x").refused(5, "No module named 'no_such_sdk'", "pip install 'cloud-pkg[sdk]'")
    assert "pip install 'cloud-pkg[sdk]'" in run("list-plugins").stdout


def test_a_third_party_adds_a_command_about_a_platform(run: Run, installed_plugin: InstallPlugin) -> None:
    source = """
        from qsjwt.api import PlatformCommand

        class Rules(PlatformCommand):
            'Count the rules of {platform}.'

            def take_action(self, parsed_args):
                self.emit(f"{self.name} {len(self.platform.rules)} rules")
    """
    installed_plugin("rules-pkg", {COMMAND: "rules = rules_pkg:Rules"}, source)
    assert run("rules", "qseow").stdout == "qseow 15 rules"
    assert "Count the rules of Qlik NPrinting." in run("rules", "nprinting", "--help").stdout
    assert "rules " in run("--help").stdout
    run("rules").refused(2, "rules needs the name of a platform")
    run("rules", "acme").refused(5, "there is no platform 'acme'")


def test_plugins_are_listed_in_the_format_asked_for(run: Run) -> None:
    rows = json.loads(run("list-plugins", "-f", "json").stdout)
    assert rows[1] == {"kind": "platform", "name": "qscloud", "package": "qsjwt", "version": "0.1.0", "status": "ok"}
    assert yaml.safe_load(run("list-plugins", "-f", "yaml").stdout) == rows
    assert list(csv.DictReader(io.StringIO(run("list-plugins", "-f", "csv").stdout))) == rows
    assert run("list-plugins", "-f", "value").stdout.splitlines()[1] == "platform qscloud qsjwt 0.1.0 ok"
    assert "\nqscloud        qsjwt    0.1.0    ✓ ok\n" in run("list-plugins").stdout


def test_without_an_installation_the_program_says_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qsjwt.plugins._entry_points", lambda _group: [])
    run("decode").refused(5, "no command is installed", "pip")
    assert "usage: qsjwt" in run("--help").stdout
