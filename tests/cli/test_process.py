"""What only a process shows: pipes, signals, locales, imports, memory."""

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path
from types import SimpleNamespace

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives import serialization

from qsjwt.startup import SELDOM_USED
from tests.conftest import VECTORS, interruptible, posix, run_process
from tests.programs import run_program, unmeasured

LATER = sys.version_info >= (3, 12)
"""From 3.12 on importlib.abc needs importlib.resources, and that tempfile."""

UNCACHED: set[str] = set()
"""What reads entry points each time: for an interpreter below /tmp, stevedore keeps no cache of them."""

if sys.executable.startswith("/tmp"):
    UNCACHED = {"zipfile", *(("ast", "dis", "inspect", "tokenize") if LATER else ())}

MOST_MODULES = 104
"""Of this program and of others' libraries, that one token imports."""


def _create(keys: SimpleNamespace, *more: str) -> tuple[str, ...]:
    base = ("create-qseow", "--userdir", "LAB", "--userid", "göran", "--expires", "5m")
    return (*base, "--key", str(keys.files["rsa"]), *more)


@pytest.mark.parametrize(
    "environment",
    [{"LANG": "C", "LC_ALL": "C"}, {"LC_ALL": "POSIX", "PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"}],
)
def test_the_output_is_utf_8_at_any_locale(keys: SimpleNamespace, environment: dict[str, str]) -> None:
    result = run_process(*_create(keys, "-f", "json"), environment=environment)
    assert result.returncode == 0, result.stderr
    assert "göran" in result.stdout.decode("utf-8")
    assert result.stderr == b""


def test_the_console_script_is_the_same_program(keys: SimpleNamespace) -> None:
    script = shutil.which("qsjwt", path=sysconfig.get_path("scripts"))
    result = run_program(script, *_create(keys))
    assert pyjwt.decode(result.stdout.strip(), keys.rsa.public_key(), ["RS256"])["userId"] == "göran"


def test_no_home_and_no_cache_are_needed(keys: SimpleNamespace) -> None:
    environment = {name: value for name, value in os.environ.items() if name in ("PATH", "PYTHONPATH", "SYSTEMROOT")}
    assert run_program(sys.executable, "-m", "qsjwt", *_create(keys), env=environment).stderr == ""


def test_a_reader_that_goes_away_is_141_and_no_complaint() -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        result = run_process("list-plugins", stdout=write, stderr=subprocess.PIPE)
    finally:
        os.close(write)
    assert (result.returncode, result.stderr) == (141, b"")


@posix("FIFOs and signals from other processes")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_ends_the_program_with_its_code_and_no_complaint(tmp_path: Path, name: str) -> None:
    os.mkfifo("key.pem")
    command = [sys.executable, "-m", "qsjwt", "create-qseow", "--userdir", "D", "--userid", "u", "--expires", "5m"]
    process = subprocess.Popen(
        [*command, "--key", "key.pem"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=interruptible,  # noqa: PLW1509 - no thread is there yet
    )
    with open("key.pem", "wb"):  # returns when the program has opened it, too
        process.send_signal(getattr(signal, name))
        stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout, stderr) == (128 + getattr(signal, name), b"", b"")
    assert [path.name for path in tmp_path.iterdir()] == ["key.pem"]


def _measured(code: str, *arguments: str) -> str:
    """Return what a child process prints that nobody traces for coverage."""
    return run_program(sys.executable, "-c", code, *arguments, env=unmeasured()).stdout


RUN = (
    "import sys; from qsjwt import startup; startup.postpone_imports(); "
    "from qsjwt.cli.app import main; main(sys.argv[1:])"
)


def _imported(*arguments: str) -> set[str]:
    """Return the modules that a run of the program imports, beside those that are there before it, and no stand-ins."""
    real = "[name for name, module in sys.modules.items() if '__postponed__' not in vars(module) and name not in early]"
    code = f"import sys; early = set(sys.modules); {RUN}; print('IMPORTED', *{real})"
    _measured(code, *arguments)  # a cold cache of entry points needs tempfile and zipfile once
    return set(_measured(code, *arguments).rpartition("IMPORTED ")[2].split())


def _not_of_python(modules: set[str]) -> set[str]:
    return {name for name in modules if name.partition(".")[0] not in sys.stdlib_module_names}


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_what_programs_read_imports_nothing_of_what_sets_text_for_people(keys: SimpleNamespace, form: str) -> None:
    for words in (
        ("check", "qseow", "--jwt-file", VECTORS / "qseow-365d.jwt", "--at", "2026-11-23T19:13:00Z"),
        ("decode", "--jwt-file", VECTORS / "qseow-365d.jwt", "--at", "2026-11-23T19:13:00Z"),
        ("show-key", "--cert-publickey-file", VECTORS / "publickey.cer"),
        ("list-plugins",),
    ):
        modules = _imported(*map(str, words), "-f", form)
        assert not {"rich", "qsjwt.cli.look", "qsjwt.cli.report.pages"} & modules
        assert len(modules) > 50


def test_one_token_imports_one_platform_one_provider_and_little_else(keys: SimpleNamespace) -> None:
    modules = _imported(*_create(keys))
    ours = {name for name in modules if name.startswith(("qsjwt.providers.", "qsjwt_platforms.", "qsjwt.cli.commands"))}
    assert ours == {"qsjwt.providers.file", "qsjwt_platforms.qseow", "qsjwt_platforms.virtual_proxy"}
    never = {
        "cmd2",
        "prettytable",
        "yaml",
        "rich",
        "jwcrypto.jwe",
        "difflib",
        "html",
        "http",
        "multiprocessing",
        "pickle",
    }
    never |= {"ctypes", "email.message", "gettext", "hmac", "locale", "socket", "subprocess", "typing_extensions"}
    never |= {
        "_hashlib",
        "qsjwt.io.file_set",
        "urllib.parse",
        "cryptography.hazmat._oid",
        "cryptography.hazmat.primitives.ciphers",
        "cliff._argparse",
    }
    never |= {"ast", "dataclasses", "dis", "inspect", "tokenize"}
    never |= {"cryptography.x509", "cryptography.hazmat.primitives.serialization.ssh", "ssl", "urllib.request"}
    never |= {"qsjwt.batch.engine", "qsjwt.cli.batch_run", "qsjwt.keys.generate", "qsjwt.live", "qsjwt.tokens.judge"}
    assert not (never - UNCACHED) & modules
    assert len(_not_of_python(modules)) <= MOST_MODULES


@pytest.mark.parametrize(
    "command",
    [("--version",), ("create-qseow", "--help"), ("create-qseow",), ("check", "qseow", "--jwt", "a.b.c", "-f", "json")],
)
def test_what_makes_no_token_imports_little_more(command: tuple[str, ...]) -> None:
    assert len(_not_of_python(_imported(*command))) <= MOST_MODULES + 7


def test_imports_that_one_token_never_uses_stay_postponed(keys: SimpleNamespace) -> None:
    names = f"early = set(sys.modules); names = [n for n in {[*SELDOM_USED]!r} if n not in early]"
    used = "print('USED', *[n for n in names if n in sys.modules and '__postponed__' not in vars(sys.modules[n])])"
    program = f"import sys; {names}; {RUN}; {used}"
    _measured(program, *_create(keys))  # a cold cache of entry points needs tempfile and zipfile once
    used_ones = set(_measured(program, *_create(keys)).splitlines()[-1].split()[1:])
    expected = {"importlib.resources", "importlib.resources.abc", "random", "tempfile"} if LATER else set()
    assert used_ones - UNCACHED == expected


def test_what_an_import_makes_of_a_request_to_end_is_one_still() -> None:
    # A class wraps what is raised in the __set_name__ of an attribute.
    code = """
import sys
from types import ModuleType
from qsjwt.errors import Terminated
from qsjwt.cli.process import program

class App(ModuleType):
    def __getattr__(self, name):
        try:
            raise Terminated(15)
        except Terminated as cause:
            raise RuntimeError("Error calling __set_name__") from cause

sys.modules["qsjwt.cli.app"] = App("qsjwt.cli.app")
program()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (143, "", "")


@pytest.mark.parametrize("form", ["PKCS8", "TraditionalOpenSSL", "OpenSSH"])
def test_an_encrypted_key_is_read_with_what_was_postponed(keys: SimpleNamespace, tmp_path: Path, form: str) -> None:
    encrypted = keys.rsa.private_bytes(
        serialization.Encoding.PEM,
        getattr(serialization.PrivateFormat, form),
        serialization.BestAvailableEncryption(b"secret"),
    )
    (tmp_path / "k.pem").write_bytes(encrypted)
    result = run_process(
        "create-qseow",
        "--userdir",
        "D",
        "--userid",
        "u",
        "--expires",
        "5m",
        "--key",
        "k.pem",
        environment={"QSJWT_KEY_PASSPHRASE": "secret"},
        text=True,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert pyjwt.decode(result.stdout.strip(), keys.rsa.public_key(), ["RS256"])["userId"] == "u"


@posix("module resource")
def test_one_token_needs_at_most_36_mib(keys: SimpleNamespace) -> None:
    code = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    largest = int(_measured(code, sys.executable, "-m", "qsjwt", *_create(keys)))
    assert largest * (1 if sys.platform == "darwin" else 1024) <= 36 << 20


def test_the_two_lines_of_a_mistake_are_all_there_is(tmp_path: Path) -> None:
    result = run_process("create-qseow", "--userdir", "D", text=True)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.splitlines() == [
        "qsjwt: error: the following arguments are required: --userid, --expires",
        "qsjwt: hint: see qsjwt create-qseow --help",
    ]
