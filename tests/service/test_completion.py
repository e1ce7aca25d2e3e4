"""What real shells make of the scripts: what they offer, what they leave alone, and that no program is started."""

import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import powershell
from tests.cli.test_completion import HOSTILE_CHOICES, HOSTILE_PLUGINS, install_acme, install_hostile
from tests.conftest import InstallPlugin, Run

Complete = Callable[[str], list[str]]
"""Takes a command line up to the cursor and gives what is offered, sorted, without what the shell says about it."""

# Split as bash does where : and = are among its COMP_WORDBREAKS; {words} is an array's content.
_BASH = """
set -u
source ./script
COMP_WORDBREAKS={breaks}
COMP_WORDS=({words})
COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
_qsjwt
printf '%s\\n' ${{COMPREPLY[@]+"${{COMPREPLY[@]}}"}}
"""

_BASH_BREAKS = " \t\n\"'@><=;|&(:"

# Writes what is offered to a file, for compadd shows it on the terminal alone.
_ZSH = """
PS1=
setopt no_beep no_prompt_cr
autoload -Uz compinit
{before}
compinit -u -d ./dump
compadd() {{
  if [[ ${{@[1,(i)(-|--)]}} == *-(O|A|D)* ]]; then builtin compadd "$@"; return; fi
  local -a hits
  builtin compadd -A hits "$@"
  if (( $#hits )); then print -rl -- "${{(@Q)hits}}" >> ./offered; fi
  builtin compadd "$@"
}}
offer() {{ _main_complete; print -r -- END >> ./offered }}
zle -C offer list-choices offer
bindkey '^I' offer
print -r -- READY >> ./offered
"""

# Loads the script as the README says, and completes each line that comes. What is shown to the user, or with a blank
# before the line, what is put into it.
_POWERSHELL = r"""
$said = Get-Content script.ps1 | Out-String | Invoke-Expression
[Console]::Out.WriteLine("loaded$said")
while ($null -ne ($line = [Console]::In.ReadLine())) {
    $typed = $line.TrimStart()
    try {
        $offered = (TabExpansion2 -inputScript $typed -cursorColumn $typed.Length).CompletionMatches
    } catch {
        # The one way to offer nothing at all; the Tab key takes it for that.
        if ("$_" -notlike '*"completionText" is null*') { throw }
        $offered = @()
    }
    $texts = if ($typed -eq $line) { $offered.ListItemText } else { $offered.CompletionText }
    [Console]::Out.WriteLine($texts -join "`t")
}
"""


@pytest.fixture
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with files in it, and a path on which whoever starts Python or the program leaves a trace."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("python", "python3", "qsjwt"):
        (programs / name).write_text(f"#!/bin/sh\n: > {shlex.quote(str(tmp_path))}/STARTED\nexit 1\n", encoding="ascii")
        (programs / name).chmod(0o755)
    folder = tmp_path / "work"
    (folder / "keys").mkdir(parents=True)
    (folder / "keys" / "old.pem").touch()
    (folder / "my key.pem").touch()
    (folder / "my other.pem").touch()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "ZDOTDIR"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setenv("TERM", "dumb")
    yield folder
    assert not (tmp_path / "STARTED").exists(), "completing started a program"
    assert not list(tmp_path.rglob("PWNED")), "a plugin's text was run"


class _Bash:
    def __init__(self, script: str) -> None:
        Path("script").write_text(script, encoding="utf-8")

    def __call__(self, line: str, breaks: str = _BASH_BREAKS) -> list[str]:
        words = _split(line, [mark for mark in ":=@" if mark in breaks])
        source = _BASH.format(breaks=shlex.quote(breaks), words=" ".join(map(shlex.quote, words)))
        result = subprocess.run(["bash", "--norc", "-c", source], capture_output=True, text=True, check=False)
        assert (result.returncode, result.stderr) == (0, "")
        return sorted(filter(None, result.stdout.splitlines()))


def _split(line: str, breaks: list[str]) -> list[str]:
    """Return *line* as bash splits it: at blanks, and around the marks of *breaks*."""
    words = []
    for word in line.split(" "):
        parts = [""]
        for letter in word:
            if (letter in breaks) != (parts[-1] != "" and parts[-1][-1] in breaks) and parts[-1]:
                parts.append("")
            parts[-1] += letter
        words += parts
    return words


class _Zsh:
    """An interactive zsh on a terminal."""

    def __init__(self, script: str, from_fpath: bool = False) -> None:
        self._offered = Path("offered")
        if from_fpath:
            Path("functions").mkdir()
            Path("functions", "_qsjwt").write_text(script, encoding="utf-8")
            setup = _ZSH.format(before="fpath=(./functions $fpath)")
        else:
            Path("script").write_text(script, encoding="utf-8")
            setup = _ZSH.format(before="")
        Path("setup").write_text(setup, encoding="utf-8")
        self._terminal, inner = os.openpty()
        self._shell = subprocess.Popen(
            ["zsh", "-f", "-i"], stdin=inner, stdout=inner, stderr=inner, start_new_session=True
        )
        os.close(inner)
        os.set_blocking(self._terminal, False)
        self._type("source ./setup\n", "READY")
        if not from_fpath:
            # Typed, for there a comment is not a matter of course.
            self._type('eval "$(<./script)"; print -r -- READY >> ./offered\n', "READY")

    def __call__(self, line: str) -> list[str]:
        return sorted(set(self._type(f"\x15{line}\t", "END")))

    def _type(self, keys: str, end: str) -> list[str]:
        self._offered.write_text("", encoding="utf-8")
        os.write(self._terminal, keys.encode())
        shown = b""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                shown += os.read(self._terminal, 65536)
            except BlockingIOError:
                time.sleep(0.01)
            lines = self._offered.read_text(encoding="utf-8").splitlines()
            if lines[-1:] == [end]:
                return lines[:-1]
        raise AssertionError(f"zsh does not answer: {shown.decode(errors='replace')}")

    def close(self) -> None:
        """End the shell."""
        self._shell.kill()
        self._shell.wait()
        os.close(self._terminal)


class _Fish:
    def __init__(self, script: str) -> None:
        Path("script").write_text(script, encoding="utf-8")
        (Path(os.environ["HOME"])).mkdir(exist_ok=True)

    def __call__(self, line: str) -> list[str]:
        result = subprocess.run(
            ["fish", "--no-config", "-c", "source ./script; complete -C $argv[1]", line],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (result.returncode, result.stderr) == (0, "")
        return sorted({line.partition("\t")[0] for line in result.stdout.splitlines()})


class _PowerShell:
    def __init__(self, script: str) -> None:
        # Windows PowerShell 5.1 reads a file without a BOM in the code page of the machine.
        Path("script.ps1").write_text(script, encoding="utf-8-sig")
        Path("complete.ps1").write_text(_POWERSHELL, encoding="utf-8-sig")
        self._shell = powershell.start(Path("complete.ps1"), environment=os.environ)
        assert self._answer() == "loaded"

    def __call__(self, line: str) -> list[str]:
        assert self._shell.stdin
        self._shell.stdin.write(f"{line}\n")
        self._shell.stdin.flush()
        return sorted(filter(None, self._answer().split("\t")))

    def _answer(self) -> str:
        assert self._shell.stdout
        return self._shell.stdout.readline().removesuffix("\n")

    def close(self) -> None:
        """End the shell."""
        with self._shell:
            pass


@pytest.fixture(
    params=[
        pytest.param(name, marks=pytest.mark.needs(name.partition("-")[0]))
        for name in ("bash", "zsh", "zsh-fpath", "fish")
    ]
    + [pytest.param("powershell", marks=pytest.mark.needs("pwsh"))]
)
def shell(request: pytest.FixtureRequest) -> str:
    """A shell, and how it reads the script."""
    name: str = request.param
    return name


Start = Callable[[], Complete]


@pytest.fixture
def start(shell: str, run: Run, surroundings: Path) -> Iterator[Start]:
    """Start the shell with the script that the program prints now."""
    opened: list[_Zsh | _PowerShell] = []

    def started() -> Complete:
        result = run("completion", shell.partition("-")[0])
        assert (result.exit_code, result.stderr) == (0, "")
        if shell == "bash":
            return _Bash(result.stdout)
        if shell == "fish":
            return _Fish(result.stdout)
        opened.append(
            _PowerShell(result.stdout) if shell == "powershell" else _Zsh(result.stdout, shell == "zsh-fpath")
        )
        return opened[-1]

    yield started
    for running in opened:
        running.close()


def test_commands_platforms_and_global_options_are_offered(start: Start) -> None:
    complete = start()
    assert complete("qsjwt create-q") == ["create-qscloud", "create-qscloud-oauth", "create-qseow"]
    assert {"help", "check", "completion", "decode"} <= set(complete("qsjwt "))
    assert complete("qsjwt --verb") == ["--verbose"]
    assert complete("qsjwt -v --debug dec") == ["decode"]
    assert complete("qsjwt check q") == ["qscloud", "qscloud-oauth", "qseow"]
    assert complete("qsjwt registration n") == ["nprinting"]
    assert complete("qsjwt help reg") == ["register", "registration"]
    assert complete("qsjwt help registration n") == ["nprinting"]
    assert complete("qsjwt help decode ") == []
    assert complete("qsjwt nonsense --k") == []


def test_options_are_those_of_the_command(start: Start) -> None:
    complete = start()
    assert complete("qsjwt create-qseow --useri") == ["--userid", "--userid-claim"]
    assert complete("qsjwt -q check qseow --key-p") == ["--key-passphrase-env", "--key-passphrase-file"]
    assert complete("qsjwt check qscloud --useri") == []
    assert complete("qsjwt create-qseow --userid anna --userdir LAB --exp") == ["--expires"]
    assert complete("qsjwt create-qseow --groups Sales Team --exp") == ["--expires"]


def test_choices_are_offered_behind_a_blank_and_behind_an_equals_sign(start: Start, shell: str) -> None:
    complete = start()
    head = "--loglevel=" if shell == "fish" else ""
    assert complete("qsjwt decode --format ") == ["html", "json", "shell", "table", "value", "yaml"]
    assert complete("qsjwt decode -f j") == ["json"]
    assert complete("qsjwt decode --loglevel=w") == [f"{head}warn", f"{head}warning"]
    assert complete("qsjwt decode --loglevel=info --form") == ["--format"]
    assert complete("qsjwt completion ")[-4:] == ["bash", "fish", "powershell", "zsh"]
    assert "ES384" in complete("qsjwt create-qscloud-oauth --algorithm ")
    assert "--jwt" in complete("qsjwt decode --format json --jw")


def test_a_value_that_is_optional_leaves_room_for_options(start: Start, shell: str) -> None:
    complete = start()
    head = "--cert-create=" if shell == "fish" else ""
    assert complete("qsjwt create-qseow --cert-create=t") == [f"{head}true"]
    assert complete("qsjwt create-qseow --cert-create --userdi") == ["--userdir", "--userdir-claim"]
    if shell != "fish":
        assert complete("qsjwt create-qseow --cert-create f") == ["false"]


def test_free_text_gets_no_offers(start: Start) -> None:
    complete = start()
    assert complete("qsjwt create-qseow --userid ") == []
    assert complete("qsjwt create-qseow --userid=") == []
    assert complete("qsjwt create-qseow --userid m") == []


def test_files_are_offered_where_a_file_is_meant(start: Start, shell: str) -> None:
    complete = start()
    # zsh and fish give the slash with the offer, bash when it inserts it.
    assert [name.rstrip("/") for name in complete("qsjwt decode --jwt-file k")] == ["keys"]
    assert complete("qsjwt decode --jwt-file my") == ["my key.pem", "my other.pem"]
    found = complete("qsjwt create-qseow --output keys/")
    assert [name.rpartition("/")[2] for name in found] == ["old.pem"]
    assert complete("qsjwt create-qseow --userid x keys") == []


def test_schemes_are_offered_for_a_key_and_files_behind_those_that_name_one(start: Start, shell: str) -> None:
    complete = start()
    schemes = {"create:", "env:", "exec:", "file:", "inline:", "pkcs12:", "stdin:"}
    assert schemes <= set(complete("qsjwt create-qseow --key "))
    assert complete("qsjwt create-qseow --key en") == ["env:"]
    head = "file:" if shell == "fish" else ""
    assert complete("qsjwt create-qseow --key file:my") == [f"{head}my key.pem", f"{head}my other.pem"]
    assert complete("qsjwt show-key --key pkcs12:keys/o") != []
    assert complete("qsjwt create-qseow --key env:m") == []
    assert complete("qsjwt create-qseow --key my") == ["my key.pem", "my other.pem"]
    equals = "--key=" if shell == "fish" else ""
    assert complete("qsjwt create-qseow --key=en") == [f"{equals}env:"]
    names = [name.rpartition(":")[2] for name in complete("qsjwt create-qseow --key=file:my")]
    assert names == ["my key.pem", "my other.pem"]
    assert complete("qsjwt create-qseow --key file:x --expir") == ["--expires"]


def test_a_third_party_platform_is_offered_with_its_options(
    start: Start, shell: str, installed_plugin: InstallPlugin
) -> None:
    assert "create-acme" not in start()("qsjwt create-")
    install_acme(installed_plugin)
    shutil.rmtree("functions", ignore_errors=True)
    complete = start()
    assert complete("qsjwt create-a") == ["create-acme"]
    assert complete("qsjwt create-acme --colo") == ["--colour"]
    assert complete("qsjwt create-acme --colour ") == ["green", "red"]
    assert "acme" in complete("qsjwt check ")
    assert complete("qsjwt create-acme --algorithm P") == ["PS256"]


def test_no_text_of_a_third_party_breaks_the_script_or_runs(
    start: Start, shell: str, installed_plugin: InstallPlugin
) -> None:
    install_hostile(installed_plugin)
    complete = start()
    assert set(HOSTILE_PLUGINS) <= set(complete("qsjwt create-"))
    offered = complete("qsjwt create-hostile --weird ")
    if shell == "bash":
        offered = sorted(word for reply in offered for word in shlex.split(reply))
    assert offered == sorted(HOSTILE_CHOICES)
    assert complete("qsjwt create-hostile --weir") == ["--weird"]
    assert complete("qsjwt create-hostile --expi") == ["--expires"]
    assert any("vault" in scheme for scheme in complete("qsjwt create-hostile --key "))


def test_bash_keeps_what_stands_before_a_break_whatever_breaks_words(run: Run, surroundings: Path) -> None:
    complete = _Bash(run("completion", "bash").stdout)
    line = "qsjwt create-qseow --key=file:my"
    assert complete(line) == ["my key.pem", "my other.pem"]
    assert complete(line, " \t\n=") == ["file:my key.pem", "file:my other.pem"]
    assert complete(line, " \t\n:") == ["my key.pem", "my other.pem"]
    assert complete(line, " \t\n") == ["--key=file:my key.pem", "--key=file:my other.pem"]
    assert complete("qsjwt decode --at 2026-11-23T19:13:00Z --jwt-file=k") == ["keys"]
    assert complete("qsjwt create-qseow --claim a= --expi") == ["--expires"]
    Path("keys", "anna@lab.pem").touch()
    assert complete("qsjwt create-qseow --key file:keys/anna@l") == ["@lab.pem"]
    assert complete("qsjwt create-qseow --key file:keys/anna@l", " \t\n:") == ["keys/anna@lab.pem"]
    assert complete("qsjwt create-qseow --useremail anna@example.com --forma") == ["--format"]


def test_bash_on_a_terminal_quotes_and_finishes_a_file_behind_a_scheme(run: Run, surroundings: Path) -> None:
    Path("script").write_text(run("completion", "bash").stdout, encoding="utf-8")
    Path("at").mkdir()
    Path("at", "a@b.csv").touch()
    terminal, inner = os.openpty()
    typed = (
        "source ./script; qsjwt() { printf '%s\\n' \"$@\" > ./typed; }\n"
        "qsjwt create-qs\te\t --key=file:my\\ k\t --output keys/\t "
        "--key pkcs12:ke\told.pem --form\tj\t --batch at/a@\t; exit\n"
    )
    with subprocess.Popen(
        ["bash", "--norc", "--noprofile", "-i"], stdin=inner, stdout=inner, stderr=inner, start_new_session=True
    ) as bash:
        os.close(inner)
        os.write(terminal, typed.encode())
        try:
            while os.read(terminal, 65536):
                pass
        except OSError:  # the end of a terminal
            pass
        bash.wait(60)
    os.close(terminal)
    assert Path("typed").read_text(encoding="utf-8").splitlines() == [
        *("create-qseow", "--key=file:my key.pem", "--output", "keys/old.pem"),
        *("--key", "pkcs12:keys/old.pem", "--format", "json", "--batch", "at/a@b.csv"),
    ]


@pytest.mark.needs("pwsh")
def test_powershell_puts_in_what_it_offers_with_quotes_where_it_needs_them(
    run: Run, surroundings: Path, installed_plugin: InstallPlugin
) -> None:
    install_hostile(installed_plugin)
    Path("odd [1] it's.pem").touch()
    expected = {
        "qsjwt decode --loglevel=w": ["--loglevel=warn", "--loglevel=warning"],
        "qsjwt create-qseow --key=en": ["--key=env:"],
        "qsjwt create-qseow --key file:my": ["file:'./my key.pem'", "file:'./my other.pem'"],
        "qsjwt decode --jwt-file my": ["'./my key.pem'", "'./my other.pem'"],
        "qsjwt decode --jwt-file 'my k": ["'./my key.pem'"],
        'qsjwt decode --jwt-file "my k': ['"./my key.pem"'],
        "qsjwt create-qseow --key 'file:my k": ["'file:./my key.pem'"],
        'qsjwt create-qseow --key "file:my k': ['"file:./my key.pem"'],
        "qsjwt create-qseow --key='file:my k": ["--key=file:'./my key.pem'"],
        "qsjwt create-qseow '--key=file:my k": ["'--key=file:./my key.pem'"],
        "qsjwt create-qseow --key file:odd": ["file:'./odd [1] it''s.pem'"],
        'qsjwt create-qseow --key "file:odd': ['"file:./odd [1] it\'s.pem"'],
        "qsjwt decode --format 'js": ["'json'"],
        "qsjwt 'create-qs": ["'create-qscloud'", "'create-qscloud-oauth'", "'create-qseow'"],
    }
    complete = _PowerShell(run("completion", "powershell").stdout)
    offered = {line: complete(f" {line}") for line in expected}
    choices = " ".join(complete(" qsjwt create-hostile --weird "))
    complete.close()
    assert offered == expected
    (outcome,) = powershell.run_scripts(
        [powershell.Script(f"/usr/bin/printf '%s\\n' {choices}", surroundings, os.environ)]
    )
    assert sorted(outcome.output.splitlines()) == sorted(HOSTILE_CHOICES)
