"""What all tests share: the program in process, real keys, throw-away plugin packages."""

import datetime
import io
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, NoReturn

import pytest
import stevedore.extension
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from qsjwt.cli.app import main
from qsjwt.testing import KeyProviderContract
from tests.browser import chromium  # noqa: F401 - a fixture for all tests
from tests.programs import missing, run_program
from tests.site_stand_in.fixtures import cloud_site, elsewhere, forward_proxy, loopback, qseow_site, site_certificates  # noqa: F401 - fixtures for all tests

VECTORS = Path(__file__).parent / "vectors" / "qs-jwt-1.14.1"


@dataclass(frozen=True)
class Result:
    """How a run of the program ended."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def token(self) -> str:
        """The token that it printed."""
        assert self.exit_code == 0, self.stderr
        return self.stdout.removesuffix("\n")

    def refused(self, exit_code: int, *words: str) -> None:
        """Assert that it failed as every failure must: its code, nothing on stdout, one sentence with *words*."""
        assert self.exit_code == exit_code, self.stderr
        assert self.stdout == ""
        errors = [line for line in self.stderr.splitlines() if line.startswith("qsjwt: error: ")]
        assert len(errors) == 1, self.stderr
        assert "Traceback" not in self.stderr
        for word in words:
            assert word in self.stderr


Run = Callable[..., Result]


def posix(what: str) -> pytest.MarkDecorator:
    """Mark a test of *what* POSIX has and Windows does not, such as "FIFOs"."""
    return pytest.mark.skipif(os.name == "nt", reason=f"Windows has no {what}")


on_windows = pytest.mark.skipif(os.name != "nt", reason="needs Windows")


def _is_wine() -> bool:
    if sys.platform != "win32":
        return False
    import ctypes

    return hasattr(ctypes.WinDLL("ntdll"), "wine_get_version")


IN_WINE: Final = _is_wine()
"""Whether the system that verifies certificates is Wine, which takes those of a CA that it does not know."""


def is_private(path: Path) -> bool:
    """Tell whether nobody but the owner, the system and administrators may read *path*."""
    if sys.platform != "win32":
        return not path.stat().st_mode & 0o077
    import ctypes
    from ctypes import wintypes

    advapi32 = ctypes.WinDLL("advapi32", use_last_error=True)
    needed = wintypes.DWORD()
    advapi32.GetFileSecurityW(str(path), 4, None, 0, ctypes.byref(needed))
    descriptor = ctypes.create_string_buffer(needed.value)
    assert advapi32.GetFileSecurityW(str(path), 4, descriptor, needed, ctypes.byref(needed))
    text = wintypes.LPWSTR()
    assert advapi32.ConvertSecurityDescriptorToStringSecurityDescriptorW(descriptor, 1, 4, ctypes.byref(text), None)
    # Security Descriptor Definition Language: everyone, all users, authenticated users, guests.
    return not any(f";;;{group})" in str(text.value) for group in ("WD", "BU", "AU", "BG"))


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the program in this process: ``run("create-qseow", ..., stdin=b"...")``."""

    def runner(*arguments: object, stdin: bytes = b"") -> Result:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        capsys.readouterr()
        exit_code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Result(exit_code, captured.out, captured.err)

    return runner


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where stevedore keeps its cache of entry points for the length of a run."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def clean_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cache: Path) -> None:
    """Keep the tests apart from the machine's variables and folders, and from each other."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.delenv("QSJWT_KEY_PASSPHRASE", raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The test's folder, as the home folder."""
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(tmp_path))
    return tmp_path


def pem(key: Any, form: str = "PKCS8", passphrase: bytes | None = None) -> bytes:
    """Return *key* as PEM; *form* is PKCS8 or TraditionalOpenSSL."""
    encryption = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    data: bytes = key.private_bytes(serialization.Encoding.PEM, getattr(serialization.PrivateFormat, form), encryption)
    return data


def public_pem(key: Any) -> bytes:
    """Return the public half of *key* as PEM."""
    data: bytes = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return data


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Real keys, and their files: ``rsa`` and ``other`` of 2048 bits, ``short`` of 1024, ``ec`` on P-256, ``p384``."""
    folder = tmp_path_factory.mktemp("keys")
    made = SimpleNamespace(
        rsa=rsa.generate_private_key(65537, 2048),
        other=rsa.generate_private_key(65537, 2048),
        short=rsa.generate_private_key(65537, 1024),  # noqa: S505 - it is there to be refused
        ec=ec.generate_private_key(ec.SECP256R1()),
        p384=ec.generate_private_key(ec.SECP384R1()),
        folder=folder,
    )
    made.public = folder / "rsa-public.pem"
    made.public.write_bytes(public_pem(made.rsa))
    made.files = {}
    for name in ("rsa", "other", "short", "ec", "p384"):
        path = folder / f"{name}.pem"
        path.write_bytes(pem(getattr(made, name)))
        made.files[name] = path
    return made


@pytest.fixture
def qseow(keys: SimpleNamespace, run: Run) -> Run:
    """Run ``create-qseow`` with what it needs but the key: ``qseow("--key", ...)``."""
    return lambda *more, **how: run(
        "create-qseow", "--userdir", "LAB", "--userid", "anna", "--expires", "60m", *more, **how
    )


@pytest.fixture
def qscloud(keys: SimpleNamespace, run: Run) -> Run:
    """Run ``create-qscloud`` with all that a quiet run needs, the key too."""
    return lambda *more, **how: run(
        *("create-qscloud", "--issuer", "https://idp", "--keyid", "k1", "--subject", "anna", "--username", "Anna"),
        *("--useremail", "anna@example.com", "--useremail-verified", "true", "--expires", "5m"),
        *("--key", keys.files["rsa"], *more),
        **how,
    )


def self_signed(key: Any, common_name: str, days: int = 9) -> bytes:
    """Return a certificate of *key* that is valid today and *days* more, as PEM."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, serial_number=1, public_key=key.public_key())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


InstallPlugin = Callable[..., Path]


@pytest.fixture
def installed_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InstallPlugin]:
    """Install a throw-away package as pip would lay it out, for the length of one test.

    ``installed_plugin("acme", {"qsjwt.platform.v1": "acme = acme:Acme"}, source)``
    """

    def install(package: str, entry_points: dict[str, str], source: str) -> Path:
        folder = tmp_path / f"site-{package}"
        info = folder / f"{package}-1.2.3.dist-info"
        info.mkdir(parents=True)
        (folder / f"{package.replace('-', '_')}.py").write_text(textwrap.dedent(source), encoding="utf-8")
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.2.3\n", encoding="utf-8")
        lines = [f"[{group}]\n{lines}\n" for group, lines in entry_points.items()]
        (info / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
        monkeypatch.syspath_prepend(str(folder))
        stevedore.extension.ExtensionManager.ENTRY_POINT_CACHE.clear()
        return folder

    before = set(sys.modules)
    yield install
    stevedore.extension.ExtensionManager.ENTRY_POINT_CACHE.clear()
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def unavailable(reason: str) -> NoReturn:
    """Skip the test for *reason*, or fail it where nothing may be skipped."""
    if os.environ.get("QSJWT_NO_SKIPS"):
        pytest.fail(reason)
    pytest.skip(reason)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say once for each reason how many tests were skipped for it."""
    reasons = Counter(report.longrepr[2].partition("\n")[0] for report in terminalreporter.stats.get("skipped", ()))
    if reasons:
        terminalreporter.section("skipped")
        for reason, count in reasons.most_common():
            terminalreporter.line(f"{count:4}  {reason.removeprefix('Skipped: ')}")


def require(*programs: str) -> None:
    """Skip the test if one of *programs* is missing, and say which packages bring them."""
    if lacking := missing(*programs):
        unavailable(f"without {' and '.join(lacking)}; to have this tested: {' && '.join(lacking.values())}")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the test of the contract that would skip itself: the mark is ours, the contract everybody's."""
    for item in items:
        if getattr(item, "function", None) is KeyProviderContract.test_each_of_its_signatures_verifies_with_openssl:
            item.add_marker(pytest.mark.needs("openssl"))


def pytest_configure() -> None:
    """Let Ctrl-C interrupt, also where a shell started the tests in its background, which ignores it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose mark ``needs`` names a program that is missing."""
    for mark in item.iter_markers("needs"):
        require(*mark.args)


def run_process(*arguments: object, environment: dict[str, str] | None = None, **how: Any) -> Any:
    """Run the program in a process of its own, for what only a process shows."""
    command = [sys.executable, "-m", "qsjwt", *map(str, arguments)]
    variables = {**os.environ, **(environment or {})}
    return subprocess.run(command, env=variables, capture_output="stdout" not in how, check=False, timeout=120, **how)


def interruptible() -> None:
    """Let signals end a child process: a shell's background ignores SIGINT, nohup SIGHUP, and so do their children."""
    for ending in (signal.SIGINT, signal.SIGHUP):
        signal.signal(ending, signal.SIG_DFL)


def from_npm(folder: Path, *packages: str) -> Path:
    """Return *folder*, with *packages* fresh from npm below it; without npm or its registry, the test is skipped."""
    require("npm")
    try:
        run_program("npm", "install", "--prefix", folder, *packages, cwd=folder)
    except AssertionError as failure:
        unavailable(f"npm installs nothing; to have this tested: let it reach its registry\n{failure}")
    return folder


@pytest.fixture(scope="session")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which Node finds ``jsonwebtoken`` and ``jose``."""
    return from_npm(tmp_path_factory.mktemp("node"), "jsonwebtoken", "jose")


JSONWEBTOKEN = """
const [token, key, options] = process.argv.slice(1)
const claims = require("jsonwebtoken").verify(token, require("fs").readFileSync(key), JSON.parse(options))
process.stdout.write(JSON.stringify(claims))
"""


def verified_by_node(script: str, node_modules: Path, token: str, key: Path, **options: Any) -> dict[str, Any]:
    """Return the claims of *token* as one of Node's libraries verifies it."""
    result = run_program("node", "-e", script, token, key, json.dumps(options), cwd=node_modules)
    claims: dict[str, Any] = json.loads(result.stdout)
    return claims
