"""The pages of the documentation, and how their code blocks are run in bash and in PowerShell."""

import configparser
import dataclasses
import os
import re
import subprocess
import sys
import sysconfig
import textwrap
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.powershell import Outcome, Script, run_scripts
from tests.programs import run_program

ROOT: Final = Path(__file__).parent.parent
DOC: Final = ROOT / "doc"

README: Final = "../README.md"

CALLS: Final = (
    "start/qseow.md",
    "start/qscloud.md",
    "how-to/register.md",
    "how-to/oauth.md",
    "how-to/try.md",
    "how-to/websocket.md",
    "how-to/clients.md",
)
"""Pages that call Qlik."""

TUTORIALS: Final = ("extending/index.md", "extending/platform.md", "extending/key-provider.md")
"""Pages that make a package and install it."""

SERVICES: Final = ("keys/keyring.md", "keys/pkcs11.md")
"""Pages about keys in what can be had on the machine that runs the tests."""

CLUSTER: Final = ("explanation/scaling.md",)
"""The page that starts a cluster."""

BASH: Final = ("shell", "bash")
POWERSHELL: Final = ("shell", "powershell")
"""The languages of the blocks that a reader of either shell runs; ``shell`` is the same in both."""

_MARKED: Final = r"<!-- the command: {} -->\n\n```bash\n(.*)\n```\n"
"""A command of the README that others run, too: ``.ci/run`` takes the one of the tests from there."""

_ON_A_TERMINAL: Final = re.compile(r"^qsjwt (?:create-key|show-key|decode) .*$", re.MULTILINE)
"""Commands that print a table on a terminal, as a reader sees it, and JSON to a test."""

_END: Final = "\x1e"
"""What a script prints behind each block."""

_FENCE: Final = re.compile(
    r"^(?P<indent> *)(?P<ticks>```+)(?P<language>[^\n`]*)\n(?P<text>.*?)^ *(?P=ticks)$", re.M | re.S
)

_NEW_CERTIFICATE: Final = """
function New-SelfSignedCertificate {
    [CmdletBinding()] param(
        [string] $Subject, [string] $FriendlyName, [string] $CertStoreLocation, [string] $Type, [string] $KeyAlgorithm,
        [int] $KeyLength, [string] $HashAlgorithm, [string] $KeyUsage, [string] $KeyExportPolicy, [datetime] $NotAfter
    )
    $made = [pscustomobject] @{ Thumbprint = "$(new-certificate $Subject $FriendlyName $CertStoreLocation)" }
    $name = @{ MemberType = 'ScriptProperty'; Name = 'FriendlyName'; Value = { }; SecondValue = {
        name-certificate $this.Thumbprint $args[0]
    } }
    $made | Add-Member @name -PassThru
}
"""
"""A stand-in for the command, which is on Windows alone; what it calls is from :func:`add_windows`."""

_FILE: Final = re.compile(r"(?:#|//) (\w+\.\w+)\n")
"""What a block begins with that is a file."""


@dataclass(frozen=True)
class Block:
    """A code block.

    :ivar line: the line that it begins on.
    :ivar shown: if commands: what stands directly behind them as what they print, with ``…`` for whatever varies.
    """

    language: str
    text: str
    line: int
    shown: str | None = None

    @property
    def as_on_a_terminal(self) -> str:
        """What a test runs, so that it sees what a reader sees."""
        return self.text if self.shown is None else _ON_A_TERMINAL.sub(r"\g<0> --format table", self.text)


@dataclass(frozen=True)
class Page:
    """A page, by its name below ``doc``."""

    name: str

    @property
    def text(self) -> str:
        """The source."""
        return (DOC / self.name).read_text(encoding="utf-8")

    def blocks(self, *languages: str) -> list[Block]:
        """Return its blocks in *languages*, in order; all of them without any."""
        text = self.text
        found: list[Block] = []
        end = 0
        for match in _FENCE.finditer(text):
            block = Block(match["language"], textwrap.dedent(match["text"]), text.count("\n", 0, match.start()) + 1)
            if block.language == "text" and found and not text[end : match.start()].strip():
                twins = [-1] if found[-1].language == "shell" else [-2, -1]
                for place in twins if found[-1].language in POWERSHELL else []:
                    found[place] = dataclasses.replace(found[place], shown=block.text)
            found.append(block)
            end = match.end()
        return [block for block in found if not languages or block.language in languages]

    def run_bash(
        self, folder: Path, environment: Mapping[str, str], *, quiet: bool = True, done: Collection[str] = ()
    ) -> str:
        """Run what a reader with bash runs, as :func:`in_bash` does; what the page shows of it has to be true.

        :param done: blocks that the reader leaves out, since another page had them.
        """
        blocks = [block for block in self.blocks(*BASH) if block.text not in done]
        script = "\n".join(f"{block.as_on_a_terminal}echo '{_END}'\n" for block in blocks)
        *printed, rest = in_bash(script, folder, environment, quiet=quiet).split(f"{_END}\n")
        for block, output in zip(blocks, printed, strict=True):
            if block.shown is not None:
                shown = as_shown(block.shown)
                assert shown.fullmatch(output), f"{self.name}, line {block.line}, prints\n{output}"
        return "".join([*printed, rest])

    def powershell(self) -> str:
        """Return what a reader with PowerShell runs."""
        script = "\n".join(block.text for block in self.blocks(*POWERSHELL))
        return f"{_NEW_CERTIFICATE}{script}" if self.is_about_windows else script

    @property
    def is_about_windows(self) -> bool:
        """Whether its commands need what only Windows has, so that a reader elsewhere needs stand-ins."""
        return any(re.search("certstore:|dpapi:", block.text) for block in self.blocks(*POWERSHELL))

    def run_powershell(
        self,
        folder: Path,
        environment: Mapping[str, str],
        *,
        quiet: bool = True,
        strict: bool = True,
        as_5_1: bool = False,
    ) -> str:
        """Run what a reader with PowerShell runs, as :func:`in_powershell` does.

        :param strict: whether a program that fails ends it.
        """
        (outcome,) = run_scripts([Script(self.powershell(), folder, environment, as_5_1, strict)])
        return complete(outcome, quiet=quiet)

    def follow(self, folder: Path, environment: Mapping[str, str], shell: str) -> list[str]:
        """Do what a tutorial says, from top to bottom; return what each block of commands prints.

        A block of another language is a file, named in its first line; a block of text is among what was printed last.

        :param shell: ``bash`` or ``powershell``.
        """
        runs = {"bash": in_bash, "powershell": in_powershell}[shell]
        printed: list[str] = []
        for block in self.blocks():
            if block.language in ("shell", shell):
                printed.append(runs(block.text, folder, environment))
            elif block.language == "text":
                assert set(block.text.splitlines()) <= set(printed[-1].splitlines()), printed[-1]
            elif match := _FILE.match(block.text):
                (folder / match[1]).write_text(block.text[match.end() :], encoding="utf-8")
        return printed


def as_shown(shown: str) -> re.Pattern[str]:
    """Return what an output matches that a page shows: ``…`` is whatever varies in a line, alone on one any lines."""
    lines = (".*" if line.strip() == "…" else re.escape(line).replace("…", "[^\n]*") for line in shown.splitlines())
    return re.compile("\n".join(lines) + "\n?", re.DOTALL)


def in_bash(script: str, folder: Path, environment: Mapping[str, str], *, quiet: bool = True) -> str:
    """Run *script* with bash, and return what it prints; an error fails the test.

    :param quiet: a word on stderr fails it, too.
    """
    command = ("bash", "-euo", "pipefail", "-c", script)
    done = run_program(*command, cwd=folder, env=dict(environment), stdin=subprocess.DEVNULL)
    assert not (quiet and done.stderr), done.stderr
    return done.stdout


def in_powershell(script: str, folder: Path, environment: Mapping[str, str]) -> str:
    """Run *script* with PowerShell, as :func:`in_bash` does."""
    (outcome,) = run_scripts([Script(script, folder, environment)])
    return complete(outcome)


def complete(outcome: Outcome, *, quiet: bool = True) -> str:
    """Return what a script for PowerShell printed, which must have come to its end."""
    assert outcome.complete, outcome.output + outcome.errors
    assert not (quiet and outcome.errors), outcome.errors
    return outcome.output


RUN_IN: Final = [Page.run_bash, pytest.param(Page.run_powershell, marks=pytest.mark.needs("pwsh"))]
"""What runs a page, as parameters of a test that runs it in either shell."""


def readme_command(name: str) -> str:
    """Return the command that the README marks with *name*: ``token`` or ``test``."""
    (command,) = re.findall(_MARKED.format(name), (ROOT / "README.md").read_text(encoding="utf-8"))
    assert isinstance(command, str)
    return command


def pages() -> list[Page]:
    """Return all pages that are built into the site."""
    outside = {"_build", "examples", "man", "extensions"}
    names = sorted(path.relative_to(DOC) for path in DOC.rglob("*.md"))
    return [Page(name.as_posix()) for name in names if name.parts[0] not in outside]


def reader_environment(programs: Path, **more: str) -> dict[str, str]:
    """Return the variables of a reader: the program of this interpreter on the path, behind *programs*."""
    path = os.pathsep.join([str(programs), sysconfig.get_path("scripts"), os.environ["PATH"]])
    return {**os.environ, "PATH": path, **more}


def stand_in(programs: Path, name: str, source: str) -> None:
    """Put a stand-in for the program *name* into the folder *programs*.

    :param source: what it does, in Python; ``arguments`` are those it was given.
    """
    programs.mkdir(exist_ok=True)
    file = programs / (f"{name}.py" if os.name == "nt" else name)
    start = (
        f"#!{sys.executable}\nimport json, os, subprocess, sys\nfrom pathlib import Path\n\narguments = sys.argv[1:]\n"
    )
    file.write_text(start + textwrap.dedent(source), encoding="utf-8")
    file.chmod(0o755)
    if os.name == "nt":  # which has no first lines
        (programs / f"{name}.cmd").write_text(f'@"{sys.executable}" "{file}" %*\n', encoding="utf-8")


def extras() -> list[str]:
    """Return the extras that qsjwt has."""
    config = configparser.ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    return list(config["options.extras_require"])


def add_installers(programs: Path) -> None:
    """Add stand-ins for ``pip`` and ``pipx``, which only look whether they are asked for something that there is."""
    known = [f"{source}{extra}" for source in (".", "qsjwt") for extra in ("", *(f"[{each}]" for each in extras()))]
    for name in ("pip", "pipx"):
        stand_in(programs, name, f"assert arguments[0] == 'install' and set(arguments[1:]) <= set({known!r})\n")


def add_windows(programs: Path) -> None:
    """Add stand-ins for what only Windows has: the program with certificate stores, and what fills them."""
    stores = programs / "stores"
    stores.mkdir(parents=True, exist_ok=True)
    start = f"[sys.executable, '-m', 'tests.windows_stand_in', {str(stores)!r}"
    variables = f"{{**os.environ, 'PYTHONPATH': {str(ROOT)!r}}}"
    for name, first in (("qsjwt", ""), ("new-certificate", ", 'new'"), ("name-certificate", ", 'name'")):
        stand_in(programs, name, f"sys.exit(subprocess.run({start}{first}, *arguments], env={variables}).returncode)\n")
