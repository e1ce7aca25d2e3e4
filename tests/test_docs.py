"""The documents tell the truth: their commands run, and what the program has is in them."""

import configparser
import functools
import inspect
import itertools
import json
import os
import re
import shlex
import sys
import textwrap
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jwt as pyjwt
import pytest
import yaml

from qsjwt.api import Case, Response, Site, create_token
from qsjwt.cli.completion.scripts import SHELLS
from qsjwt.keys.reference import KEY_PROVIDERS
from qsjwt.live.exchange import run as run_exchange
from qsjwt.live.explain import explain
from qsjwt.live.registering import rehearse
from qsjwt.tokens.platform import PLATFORMS
from qsjwt.tokens.rules import Finding
from tests.conftest import InstallPlugin, Run, posix
from tests.pages import BASH, Page, as_shown, in_bash, pages, readme_command
from tests.pages import README as README_PAGE
from tests.readers import REFUSED, prepared, read_in, require_promised

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = ROOT / "doc" / "examples"
BATCH = Page("how-to/batch.md")
CI = Page("how-to/ci.md")
PLATFORM = Page("extending/platform.md")
KEY_PROVIDER = Page("extending/key-provider.md")


def _blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)  # of a list too, which is indented


def _with_key(folder: Path, run: Run) -> None:
    made = run("create-qseow", "--userdir", "D", "--userid", "u", "--expires", "1m", "--key", "create:first_?size=2048")
    assert made.exit_code == 0
    assert (folder / "first_privatekey.pem").exists()


def test_the_two_commands_of_the_readme_are_one_line_each_and_marked_for_those_who_run_them() -> None:
    first, second = _blocks(README, "bash")
    assert (first, second) == (readme_command("token") + "\n", readme_command("test") + "\n")
    assert "create-qseow" in first
    assert "tox" in second


@posix("bash")
def test_every_command_of_the_readme_runs_and_prints_what_is_shown_below_it(run: Run, tmp_path: Path) -> None:
    _with_key(tmp_path, run)
    blocks = Page(README_PAGE).blocks("shell")
    for block in blocks:
        assert block.shown and as_shown(block.shown).fullmatch(_run_bash([block.text])), block.text
    assert len([block for block in blocks if block.shown and re.match(r"eyJ.{60,}…\n", block.shown)]) == len(
        PLATFORMS.names()
    )


def test_the_readme_can_be_read_at_once() -> None:
    words = re.sub(r"```.*?```|<!--.*?-->|\]\([^)]*\)", " ", README, flags=re.DOTALL).split()
    assert len([word for word in words if re.search(r"\w", word)]) <= 600


@pytest.fixture
def reader(tmp_path: Path, keys: SimpleNamespace) -> Callable[[Page], dict[str, str]]:
    """Return what gives the variables of a reader of a page, whose folder is the working one."""
    return lambda page: prepared(page, tmp_path, keys.files["rsa"])


@posix("bash")
@pytest.mark.parametrize("page", read_in(BASH))
def test_what_a_page_says_to_a_reader_with_bash_runs(page: Page, reader: Any, tmp_path: Path) -> None:
    output = page.run_bash(tmp_path, reader(page), quiet=page.name != REFUSED)
    require_promised(page, tmp_path, output)


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_a_block_for_bash_has_its_twin_for_powershell_behind_it(page: Page) -> None:
    languages = [block.language for block in page.blocks()]
    assert [line for line in languages if line == "bash"] == [
        language
        for language, behind in itertools.pairwise([*languages, ""])
        if (language, behind) == ("bash", "powershell")
    ]


def test_no_two_pages_create_a_key_by_the_same_name() -> None:
    """So that they can be followed one after the other; the pages for the start create the one that others use."""
    made = {
        (prefix, page.name)
        for page in pages()
        for block in page.blocks("shell", "bash", "powershell", "bat")
        for prefix in re.findall(r"(?:--cert-file-prefix |--key ['\"]?create:)([\w/]+)", block.text)
    }
    assert {page for prefix, page in made if prefix == "qlik_"} == {"start/qseow.md", "start/qscloud.md"}
    others = [prefix for prefix, _ in made if prefix != "qlik_"]
    assert sorted(others) == sorted(set(others))
    assert len(others) > 5


LANGUAGES = {
    *("shell", "bash", "powershell", "zsh", "fish", "bat", "groovy", "python", "js"),
    *("json", "yaml", "ini", "toml", "text", "mermaid"),
}
ALONE = {
    "zsh": ["how-to/completion.md"],
    "fish": ["how-to/completion.md"],
    "bat": ["how-to/cmd.md"],
    "groovy": ["how-to/ci.md"],
    "python": [
        *("extending/index.md", "extending/key-provider.md", "extending/platform.md"),
        *("how-to/clients.md", "how-to/python.md"),
    ],
    "js": ["how-to/clients.md"],
    "text": [
        *("extending/platform.md", "how-to/batch.md", "how-to/clients.md", "how-to/try.md", "reference/program.md"),
        *("index.md", "start/qscloud.md", "start/qseow.md"),
    ],
    "mermaid": ["explanation/concepts.md"],
}
"""Where blocks of other languages may be: each has a test of its own."""


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_every_block_is_in_a_language_that_a_test_runs_or_reads(page: Page) -> None:
    for block in page.blocks():
        if not block.language.startswith("{"):
            assert block.language in LANGUAGES, f"line {block.line}"
            assert page.name in ALONE.get(block.language, [page.name]), f"line {block.line}"
    for block in page.blocks("json"):
        for line in block.text.splitlines() if block.text.startswith('{"') else [block.text]:
            json.loads(line)
    for block in page.blocks("yaml"):
        assert yaml.safe_load(block.text)


def test_every_key_provider_has_a_page_and_a_line_on_when_to_choose_it() -> None:
    choosing = (ROOT / "doc" / "keys" / "choosing.md").read_text(encoding="utf-8")
    pages = {path.stem for path in (ROOT / "doc" / "keys").glob("*.md")} - {"choosing", "index"}
    ours = {e.name for e in metadata.entry_points(group=KEY_PROVIDERS.group) if e.dist and e.dist.name == "qsjwt"}
    assert pages == ours
    for name in ours - {"create"}:
        assert f"[`{name}:`]({name}.md)" in choosing


EVERY_CLAIM: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "qseow": (
        "Qlik Sense",
        [{"userdir": "LAB", "userid": "a", "username": "A", "useremail": "a@b", "groups": ["g"], "audience": "x"}],
    ),
    "qscloud": (
        "Qlik Cloud",
        [{"subject": "a", "username": "A", "useremail": "a@b", "useremail_verified": "true", "groups": ["g"]}],
    ),
    "qscloud-oauth": ("Qlik Cloud, OAuth client", [{"client_id": "c", "tenant": "https://acme.eu.qlikcloud.com"}]),
    "nprinting": ("NPrinting", [{"useremail": "a@b"}, {"domain": "LAB", "username": "a"}]),
}
"""Platform to its heading on the page about claims, and to options that give a token all that it can have."""


@pytest.mark.parametrize("name", PLATFORMS.names())
def test_every_claim_of_a_platform_and_the_option_that_sets_it_are_explained(name: str, keys: SimpleNamespace) -> None:
    heading, cases = EVERY_CLAIM[name]
    text = Page("explanation/claims.md").text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [row.split(" | ") for row in re.findall(r"^\| .*", text, re.MULTILINE)[1:]]
    options = set(re.findall(r"--([\w-]+)", " ".join(row[0] for row in rows)))
    claims = set(re.findall(r"`(\w+)`", " ".join(row[1] for row in rows)))
    issuer = {"issuer": "i"} if "issuer" in options else {}
    common: dict[str, Any] = {"key": f"file:{keys.files['rsa']}", "keyid": "k", "expires": "5m", **issuer}
    created = [create_token(name, **common, **case) for case in cases]
    assert claims | {"kid"} == {"kid"}.union(*(token.claims for token in created))
    given = {option.replace("_", "-") for case in cases for option in [*case, *issuer]}
    assert given <= options
    assert options - given <= {"claim", "keyid", "expires", "clock-skew"}


@posix("bash")
def test_the_files_of_a_rotation_hold_a_certificate(reader: Any, tmp_path: Path) -> None:
    page = Page("how-to/key-rotation.md")
    assert "days left" not in page.run_bash(tmp_path, reader(page))
    for name in ("identity-provider.json", "virtual-proxy.json", "renewed_publickey.cer"):
        assert "-----BEGIN CERTIFICATE-----" in Path(name).read_text(encoding="utf-8")


def test_the_record_and_the_errors_of_a_batch_are_as_the_page_shows_them(
    run: Run, keys: SimpleNamespace, tmp_path: Path
) -> None:
    shown = json.loads(BATCH.blocks("json")[0].text)
    (tmp_path / "users.csv").write_text("userid,username\nanna,Anna Andersson\n,Bo\n", encoding="utf-8")
    result = run(
        *("create-qseow", "--userdir", "LAB", "--expires", "8h", "--key", keys.files["rsa"], "--batch", "users.csv")
    )
    record = json.loads(result.stdout)
    assert list(record) == list(shown)
    assert {**shown, "token": "", "expires_at": ""} == {**record, "token": "", "expires_at": ""}
    assert BATCH.blocks("text")[0].text.splitlines() == result.stderr.splitlines()[:2]


@posix("bash")
def test_the_jobs_of_ci_systems_make_their_tokens(keys: SimpleNamespace, tmp_path: Path) -> None:
    github, azure, gitlab = (yaml.safe_load(block.text) for block in CI.blocks("yaml"))
    steps = [*github["jobs"]["load-test"]["steps"], *azure["steps"]]
    lines = [*(step.get("run") or step.get("bash") or "" for step in steps), *gitlab["load-test"]["script"]]
    lines += re.findall(r"sh '(.*)'", CI.blocks("groovy")[0].text)
    commands = [line for line in lines if "qsjwt create" in line]
    assert len(commands) == 4
    (tmp_path / "users.csv").write_text("userid\nanna\n", encoding="utf-8")
    key = keys.files["rsa"].read_text(encoding="ascii").replace("\n", " ")
    for command in commands:
        value = key if "env:QLIK_KEY" in command else keys.files["rsa"]
        variables = f"export QLIK_KEY={shlex.quote(str(value))} RUNNER_TEMP={tmp_path} AGENT_TEMPDIRECTORY={tmp_path}"
        _run_bash([variables, command])
        assert json.loads((tmp_path / "tokens.jsonl").read_text(encoding="utf-8"))["userid"] == "anna"
        (tmp_path / "tokens.jsonl").unlink()


def test_the_python_of_the_page_about_it_runs(
    keys: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "qlik_privatekey.pem").write_bytes(keys.files["rsa"].read_bytes())
    for block in Page("how-to/python.md").blocks("python"):
        exec(block.text, {})  # noqa: S102 - the document is ours
    first, *rows = capsys.readouterr().out.splitlines()
    assert "'userId': 'anna'" in first
    assert [row.split(" ")[:3] for row in rows] == [
        ["row", "1", "expires"],
        ["row", "2", "expires"],
        ["row", "3", "is"],
        ["row", "1", "expires"],
        ["row", "2", "expires"],
    ]


def _run_bash(blocks: list[str]) -> str:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    return in_bash("\n".join(map(textwrap.dedent, blocks)), Path.cwd(), environment)


def test_every_shell_has_a_line_about_completion() -> None:
    assert set(re.findall(r"qsjwt completion ([a-z]+)", Page("how-to/completion.md").text)) == set(SHELLS)


def _entry_point(group: str) -> str:
    page = PLATFORM if group == "qsjwt.platform.v1" else KEY_PROVIDER
    config = configparser.ConfigParser()
    config.read_string(page.blocks("ini")[0].text)
    return config["options.entry_points"][group].strip()


def _keep_contract(source: str, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> int:
    """Run all tests of the contract *name* in *source*, and return how many there are."""
    namespace: dict[str, Any] = {}
    exec(source, namespace)  # noqa: S102 - the document is ours
    tests = [test for test in dir(namespace[name]) if test.startswith("test_")]
    for test in tests:
        method = getattr(namespace[name](), test)
        fixtures = {"tmp_path": tmp_path, "capsys": capsys}
        capsys.readouterr()
        method(**{fixture: fixtures[fixture] for fixture in inspect.signature(method).parameters})
    return len(tests)


def test_the_example_platform_works_as_it_is_printed(
    run: Run, keys: SimpleNamespace, installed_plugin: InstallPlugin
) -> None:
    source = PLATFORM.blocks("python")[0].text
    installed_plugin("acme-platform", {"qsjwt.platform.v1": _entry_point("qsjwt.platform.v1")}, source)
    base = ("create-acme", "--expires", "5m", "--key", keys.files["rsa"])
    token = run(*base, "--user", "anna").token
    assert pyjwt.decode(token, keys.rsa.public_key(), ["RS256"])["user"] == "anna"


def test_the_example_of_registering_changes_what_is_different_and_nothing_else() -> None:
    (source,) = [block.text for block in PLATFORM.blocks("python") if "def register(" in block.text]
    namespace: dict[str, Any] = {}
    exec(source, namespace)  # noqa: S102 - that is what is tested
    acme = SimpleNamespace(registration=lambda request, public: {"key": "new"})
    request, site = SimpleNamespace(options=SimpleNamespace(site="north")), Site("https://acme.example", "api-key")
    answers: list[tuple[bytes, list[str]]] = [(b'{"key": "new"}', []), (b'{"key": "old", "more": 1}', ["save the key"])]
    for body, titles in answers:
        survey, answer = namespace["Acme"].register(acme, request, None, site), Response(200, body=body)
        plan = run_exchange(survey, functools.partial(lambda answered, _: answered, answer))
        assert [change.title for change in plan.changes] == titles
    ((_, sent),) = rehearse(plan, lambda _: Response(200))
    assert (sent.method, json.loads(sent.body or b"")) == ("PUT", {"key": "new", "more": 1})


def test_the_larger_example_platform_works_as_it_is_printed(
    run: Run, keys: SimpleNamespace, installed_plugin: InstallPlugin, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, source, _, _, _, contract = (block.text for block in PLATFORM.blocks("python"))
    installed_plugin("acme-platform", {"qsjwt.platform.v1": _entry_point("qsjwt.platform.v1")}, source)
    made = run("create-acme", "--issuer", "i", "--user", "anna", "--expires", "5m", "--key", keys.files["rsa"])
    (tmp_path / "token").write_text(made.token, encoding="ascii")
    key = ("--cert-publickey-file", keys.public)
    rules = dict(
        re.findall("^([✓?]) (.*?)  (?:[^ ].*)", run("check", "acme", "--jwt-file", "token", *key).stdout, re.MULTILINE)
    )
    assert rules == {"✓": "5 rules are kept", "?": "iss"}
    other = run("check", "acme", "--jwt-file", "token", "--issuer", "j", *key)
    assert (other.exit_code, "✗ iss  " in other.stdout) == (6, True)
    body = json.loads(run("registration", "acme", "--issuer", "i", *key).stdout)
    assert (body["site"], body["key"]) == ("main", keys.public.read_text(encoding="ascii"))
    assert _keep_contract(contract, "TestAcme", tmp_path, capsys) >= 10
    assert _keep_contract(contract, "TestAcmeServer", tmp_path, capsys) >= 5


def test_a_check_of_ones_own_works_as_it_is_printed() -> None:
    source = PLATFORM.blocks("python")[2].text
    namespace: dict[str, Any] = {}
    exec(source, namespace)  # noqa: S102 - that is what is tested
    for user, problems in (("anna", 0), ("robot-1", 1), (7, 1)):
        assert len([*namespace["USER"](Case({}, {"user": user}, 0, "Acme", {}))]) == problems


def test_explanations_of_ones_own_are_used_as_the_page_says() -> None:
    namespace: dict[str, Any] = {}
    exec(PLATFORM.blocks("python")[3].text, namespace)  # noqa: S102 - that is what is tested
    causes = explain(Response(403), namespace["REFUSALS"], [Finding("exp", "exp has passed")]).causes
    assert [cause.reason for cause in causes] == [*("exp has passed", "the user is not known to Acme")]


def test_the_example_key_provider_works_as_it_is_printed(
    qseow: Run, keys: SimpleNamespace, installed_plugin: InstallPlugin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = KEY_PROVIDER.blocks("python")[1].text
    installed_plugin("pass-provider", {"qsjwt.key_provider.v1": _entry_point("qsjwt.key_provider.v1")}, source)
    (tmp_path / "store" / "qlik").mkdir(parents=True)
    (tmp_path / "store" / "qlik" / "plain").write_bytes(keys.files["rsa"].read_bytes())
    monkeypatch.setenv("PASSWORD_STORE_DIR", str(tmp_path / "store"))
    assert qseow("--key", "pass:qlik/plain").token
    qseow("--key", "pass:qlik/none").refused(3, "the key file of the password store", "does not exist")


@pytest.mark.needs("openssl")
def test_the_example_signer_works_as_it_is_printed(
    qseow: Run, keys: SimpleNamespace, installed_plugin: InstallPlugin
) -> None:
    source = KEY_PROVIDER.blocks("python")[2].text
    installed_plugin(
        "openssl-provider", {"qsjwt.key_provider.v1": "openssl = openssl_provider:OpensslProvider"}, source
    )
    for algorithm in ("RS256", "RS512"):
        token = qseow("--key", f"openssl:{keys.files['rsa']}", "--algorithm", algorithm).token
        assert pyjwt.decode(token, keys.rsa.public_key(), [algorithm])["userId"] == "anna"
    qseow("--key", "openssl:none.pem").refused(3, "openssl pkey failed: ")
    qseow("--key", f"openssl:{keys.files['short']}").refused(3, "1024 bits")


def test_the_example_command_works_as_it_is_printed(run: Run, installed_plugin: InstallPlugin) -> None:
    page = Page("extending/index.md")
    config = configparser.ConfigParser()
    config.read_string(page.blocks("ini")[0].text)
    entry_point = config["options.entry_points"]["qsjwt.command.v1"].strip()
    installed_plugin("days-left", {"qsjwt.command.v1": entry_point}, page.blocks("python")[0].text)
    Path("days.txt").write_text("12\n", encoding="ascii")
    assert run("days-left", "--file", "days.txt").stdout == "12 days\n"
    assert run("days-left", "--help").stdout.startswith("usage: qsjwt days-left --file FILE")
    run("days-left", "--file", "none.txt").refused(2, "file of days")
    Path("days.txt").write_text("soon\n", encoding="ascii")
    run("days-left", "--file", "days.txt").refused(2, "a whole number, not 'soon'")


def test_the_code_of_the_document_is_that_of_the_examples() -> None:
    _, platform, _, _, _, contract = (block.text for block in PLATFORM.blocks("python"))
    provider = KEY_PROVIDER.blocks("python")[1].text.partition("\n")[2]
    assert platform.partition("\n")[2] == (EXAMPLES / "acme-platform" / "acme_platform.py").read_text(encoding="utf-8")
    assert contract.partition("\n")[2] == (EXAMPLES / "acme-platform" / "test_acme_platform.py").read_text(
        encoding="utf-8"
    )
    assert provider == (EXAMPLES / "pass-provider" / "pass_provider.py").read_text(encoding="utf-8")
    for example, group in (("acme-platform", "qsjwt.platform.v1"), ("pass-provider", "qsjwt.key_provider.v1")):
        config = configparser.ConfigParser()
        config.read(EXAMPLES / example / "setup.cfg", encoding="utf-8")
        assert config["options.entry_points"][group].strip() == _entry_point(group)


def test_an_example_of_a_platform_is_short_and_knows_the_api_alone() -> None:
    assert len((EXAMPLES / "acme-platform" / "acme_platform.py").read_text(encoding="utf-8").splitlines()) <= 40
    for path in EXAMPLES.glob("*/*.py"):
        modules = set(re.findall(r"^(?:from|import) (qsjwt[.\w]*)", path.read_text(encoding="utf-8"), re.MULTILINE))
        assert modules <= {"qsjwt.api", "qsjwt.testing"}, path


@pytest.mark.parametrize(
    "path", [*sorted((ROOT / "doc").rglob("*.md")), *sorted(ROOT.glob("*.md"))], ids=lambda path: path.name
)
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target


def test_every_tox_environment_is_in_the_guide_for_contributors() -> None:
    config = configparser.ConfigParser(interpolation=None)
    config.read(ROOT / "tox.ini", encoding="utf-8")
    rows = re.findall(r"^\| (`.*?) \|", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.MULTILINE)
    told = {name for row in rows for name in re.findall(r"`([a-z0-9]+)`", row)}
    assert {name.removeprefix("testenv:") for name in config.sections() if ":" in name} <= told
    listed = {name for name in config["tox"]["env_list"].split(", ") if not name.startswith("py3")}
    assert listed <= told


def test_every_folder_of_the_guide_for_contributors_is_there() -> None:
    told = re.findall(r"^\| `([a-z_/]+/)`", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(told) > 5
    assert [name for name in told if not (ROOT / name).is_dir()] == []
