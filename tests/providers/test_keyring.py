"""``keyring:``: a file, a real Secret Service (gnome-keyring under a D-Bus of its own), and keyrings that say no."""

import base64
import gc
import importlib
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import jwt as pyjwt
import keyring
import pytest
from keyring.errors import InitError, KeyringError, KeyringLocked

from qsjwt.providers import keyring as provider
from qsjwt.testing import KeyProviderContract
from tests.conftest import Result, Run, pem, require
from tests.pages import RUN_IN, Page, add_installers, reader_environment
from tests.programs import run_program

# The library and what comes with it are not there, and not typed, wherever mypy runs.
SECRET_SERVICE: Any = importlib.import_module("keyring.backends.SecretService")
FAIL: Any = importlib.import_module("keyring.backends.fail")
FILE: Any = importlib.import_module("keyrings.alt.file")
NULL: Any = importlib.import_module("keyring.backends.null")

PAGE = Page("keys/keyring.md")
SERVICE, USER = "qlik/qseow.example.com", "signing key"
PASSPHRASE = "a password of the login keyring"


@contextmanager
def _ended(process: "subprocess.Popen[Any]") -> Iterator["subprocess.Popen[Any]"]:
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=30)


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the variables of a user without a desktop, whose home is empty."""
    home = tmp_path_factory.mktemp("home")
    run = home / "run"
    run.mkdir(mode=0o700)
    names = {"HOME": home, "XDG_RUNTIME_DIR": run, "XDG_DATA_HOME": home / "data", "XDG_CONFIG_HOME": home / "config"}
    return {name: str(path) for name, path in names.items()}


@pytest.fixture(scope="module")
def bus(surroundings: dict[str, str]) -> Iterator[str]:
    """Start a D-Bus with an unlocked Secret Service on it; return its address."""
    require("dbus-daemon", "gnome-keyring-daemon")
    dark = ("DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS")
    environment = {**{name: value for name, value in os.environ.items() if name not in dark}, **surroundings}
    silent: dict[str, Any] = {"stderr": subprocess.DEVNULL, "env": environment}
    with ExitStack() as stack:
        command = ["dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address"]
        dbus: Any = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, **silent)
        stack.enter_context(_ended(dbus))
        environment["DBUS_SESSION_BUS_ADDRESS"] = address = dbus.stdout.readline().strip()
        command = ["gnome-keyring-daemon", "--foreground", "--unlock", "--components=secrets"]
        service: Any = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, **silent)
        stack.enter_context(_ended(service))
        service.stdin.write(PASSPHRASE)
        service.stdin.close()
        service.stdin = None
        _wait_for_owner(address, "org.freedesktop.secrets")
        yield address


def _wait_for_owner(address: str, name: str) -> None:
    """Return when somebody has *name* on the bus: whoever calls it earlier has D-Bus start another daemon."""
    blocking: Any = importlib.import_module("jeepney.io.blocking")
    message_bus: Any = importlib.import_module("jeepney.bus_messages").message_bus
    with closing(blocking.open_dbus_connection(bus=address)) as connection:
        for _ in range(300):
            if connection.send_and_get_reply(message_bus.NameHasOwner(name), timeout=30).body[0]:
                return
            time.sleep(0.1)
    pytest.fail(f"nobody answers as {name}")


@pytest.fixture(params=["file_keyring", "secret_service"])
def a_keyring(request: pytest.FixtureRequest) -> None:
    """Make one keyring the user's, and then the other."""
    request.getfixturevalue(request.param)


@pytest.fixture
def file_keyring(surroundings: dict[str, str], monkeypatch: pytest.MonkeyPatch, backend: Callable[[Any], None]) -> None:
    """Make a file the user's keyring, which needs no service."""
    for name, value in surroundings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyrings.alt.file.PlaintextKeyring")
    backend(FILE.PlaintextKeyring())


@pytest.fixture
def secret_service(
    bus: str, surroundings: dict[str, str], monkeypatch: pytest.MonkeyPatch, backend: Callable[[Any], None]
) -> None:
    """Make the Secret Service the user's keyring."""
    for name, value in {**surroundings, "DBUS_SESSION_BUS_ADDRESS": bus}.items():
        monkeypatch.setenv(name, value)
    backend(SECRET_SERVICE.Keyring())


@pytest.fixture
def backend() -> Iterator[Callable[[Any], None]]:
    """Set the keyring for the length of one test."""
    before = keyring.core._keyring_backend  # noqa: SLF001 - keyring has no other way back
    yield keyring.set_keyring
    keyring.core._keyring_backend = before  # noqa: SLF001 - keyring has no other way back


def _key(run: Run, reference: str) -> Result:
    return run(
        *("create-qseow", "--userdir", "LAB", "--userid", "anna", "--expires", "5m", "--key", f"keyring:{reference}")
    )


def _user_of(result: Result, key: Any) -> str:
    user: str = pyjwt.decode(result.token, key.public_key(), ["RS256"])["userId"]
    return user


class TestKeyring(KeyProviderContract):
    scheme = "keyring"
    algorithms: ClassVar[tuple[str, ...]] = ("RS256", "PS512")

    @pytest.fixture(autouse=True)
    def _entry(self, keys: SimpleNamespace, a_keyring: None) -> None:
        text = keys.files["rsa"].read_text(encoding="ascii")
        keyring.set_password(SERVICE, USER, text)
        type(self).secrets = (text.splitlines()[1],)

    def reference(self) -> str:
        return f"{SERVICE}/{USER}"

    def missing_reference(self) -> str:
        return f"{SERVICE}/nobody"


class TestKeyringOnACurve(TestKeyring):
    algorithms = ("ES384",)

    @pytest.fixture(autouse=True)
    def _entry(self, keys: SimpleNamespace, a_keyring: None) -> None:
        keyring.set_password(SERVICE, USER, keys.files["p384"].read_text(encoding="ascii"))


@pytest.mark.usefixtures("a_keyring")
def test_a_key_that_the_keyring_command_stored_makes_a_token(run: Run, keys: SimpleNamespace) -> None:
    command = [sys.executable, "-m", "keyring", "set", "qlik", "from the command line"]
    with open(keys.files["rsa"], "rb") as file:
        run_program(*command, stdin=file)
    assert _user_of(_key(run, "qlik/from the command line"), keys.rsa) == "anna"


@pytest.mark.usefixtures("a_keyring")
@pytest.mark.parametrize("run_in", RUN_IN)
def test_every_command_of_the_page_runs(run_in: Any, keys: SimpleNamespace, tmp_path: Path) -> None:
    Path("first_privatekey.pem").write_bytes(pem(keys.rsa))
    add_installers(tmp_path / "programs")
    output = run_in(PAGE, tmp_path, reader_environment(tmp_path / "programs"))
    assert pyjwt.decode(output.strip(), keys.rsa.public_key(), ["RS256"])["userId"] == "anna"


@pytest.mark.usefixtures("a_keyring")
@pytest.mark.parametrize(
    "shape",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\\n"),
        lambda text: base64.b64encode(text.encode("ascii")).decode("ascii"),
    ],
    ids=["crlf", "one line", "base64"],
)
def test_the_password_is_a_key_in_any_shape(run: Run, keys: SimpleNamespace, shape: Callable[[str], str]) -> None:
    keyring.set_password("qlik", "shape", shape(pem(keys.rsa).decode("ascii")))
    assert _user_of(_key(run, "qlik/shape"), keys.rsa) == "anna"


@pytest.mark.usefixtures("a_keyring")
def test_an_encrypted_key_is_opened_with_the_passphrase(
    run: Run, keys: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyring.set_password("qlik", "encrypted", pem(keys.rsa, passphrase=b"open sesame").decode("ascii"))
    _key(run, "qlik/encrypted").refused(3, "the keyring's entry 'qlik/encrypted' is encrypted")
    monkeypatch.setenv("QSJWT_KEY_PASSPHRASE", "open sesame")
    assert _user_of(_key(run, "qlik/encrypted"), keys.rsa) == "anna"


@pytest.mark.usefixtures("a_keyring")
def test_what_is_no_key_is_not_shown(run: Run) -> None:
    keyring.set_password("qlik", "login", "correct horse battery")
    result = _key(run, "qlik/login")
    result.refused(3, "the keyring's entry 'qlik/login' is not a key in PEM")
    assert "horse" not in result.stderr


@pytest.mark.usefixtures("a_keyring")
def test_an_entry_that_is_not_there_comes_with_the_way_to_make_it(run: Run) -> None:
    _key(run, "no/such/entry").refused(3, "the keyring's entry 'no/such/entry' does not exist", "keyring set")


@pytest.mark.usefixtures("secret_service")
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # keyring leaves its connection open
def test_a_locked_keyring_that_nobody_can_unlock_is_an_error(run: Run, bus: str) -> None:
    secretstorage: Any = importlib.import_module("secretstorage")
    _key(run, "qlik/any").refused(3, "does not exist")
    with closing(secretstorage.dbus_init()) as connection:
        collection = secretstorage.get_default_collection(connection)
        collection.lock()
        try:
            _key(run, "qlik/any").refused(3, "cannot be read: the keyring is locked", "unlock it first")
        finally:
            _unlock(connection, collection)
    gc.collect()  # what keyring has left open is closed here, and not during another test


def _unlock(connection: Any, collection: Any) -> None:
    """Unlock *collection* without the prompt for which there is no screen (gnome-keyring's own interface)."""
    jeepney: Any = importlib.import_module("jeepney")
    util: Any = importlib.import_module("secretstorage.util")
    secret = util.format_secret(util.open_session(connection), PASSPHRASE.encode("ascii"), "text/plain")
    interface = "org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface"
    address = jeepney.DBusAddress("/org/freedesktop/secrets", "org.freedesktop.secrets", interface)
    call = jeepney.new_method_call(
        address, "UnlockWithMasterPassword", "o(oayays)", (collection.collection_path, secret)
    )
    connection.send_and_get_reply(call, timeout=30)
    assert not collection.is_locked()


@pytest.mark.parametrize("reference", ["", "qlik", "/user", "service/", "/"])
def test_a_reference_without_a_service_or_a_user_is_malformed(run: Run, reference: str) -> None:
    _key(run, reference).refused(2, "needs a service and a user", "keyring:SERVICE/USER")


def _stand_in(get_password: Callable[[str, str], None]) -> Any:
    """Return a stand-in for a keyring that does not know the entry, or raises."""
    made = NULL.Keyring()
    made.get_password = get_password
    return made


@pytest.mark.parametrize(
    ("reference", "service", "user"),
    [
        ("qlik/anna", "qlik", "anna"),
        ("https://qlik.example.com/sense/anna", "https://qlik.example.com/sense", "anna"),
        ("a?b=c/d?e=f", "a?b=c", "d?e=f"),
    ],
)
def test_the_reference_is_split_at_the_last_slash(
    run: Run, backend: Callable[[Any], None], reference: str, service: str, user: str
) -> None:
    asked = []
    backend(_stand_in(lambda *names: asked.append(names)))
    _key(run, reference).refused(3)
    assert asked[0] == (service, user)


def test_no_keyring_at_all_is_an_error(run: Run, backend: Callable[[Any], None]) -> None:
    backend(FAIL.Keyring())
    _key(run, "qlik/anna").refused(3, "there is no keyring on this machine", "keyring --list-backends")


def test_a_keyring_that_is_switched_off_is_an_error(run: Run, backend: Callable[[Any], None]) -> None:
    backend(NULL.Keyring())
    _key(run, "qlik/anna").refused(3, "the keyring is switched off", "PYTHON_KEYRING_BACKEND")


def test_a_backend_that_is_not_there_is_an_error(
    run: Run, backend: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyring.core, "_keyring_backend", None)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "no.such.Backend")
    _key(run, "qlik/anna").refused(3, "the keyring does not work (ModuleNotFoundError)")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (KeyringLocked("hush"), "the keyring is locked, or refuses access"),
        (InitError("hush"), "the keyring cannot be started"),
        (KeyringError("hush"), "the keyring reports an error (KeyringError)"),
        (OSError(5, "hush"), "the keyring does not work (OSError)"),
        (UnicodeDecodeError("utf-8", b"hush", 0, 1, "hush"), "the keyring does not work (UnicodeDecodeError)"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_a_keyring_raises_is_a_sentence_without_its_text(
    run: Run, backend: Callable[[Any], None], error: Exception, words: str
) -> None:
    def refuse(*_: str) -> None:
        raise error

    backend(_stand_in(refuse))
    result = _key(run, "qlik/anna")
    result.refused(3, "the keyring's entry 'qlik/anna' cannot be read", words)
    assert "hush" not in result.stderr


def test_a_keyring_that_waits_for_somebody_is_not_waited_for_long(
    run: Run, backend: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    come = threading.Event()

    def wait(*_: str) -> None:
        come.wait(60)

    monkeypatch.setattr(provider, "_PATIENCE_SECONDS", 0.2)
    backend(_stand_in(wait))
    try:
        _key(run, "qlik/anna").refused(3, "did not answer within 0.2 s", "waiting for somebody to unlock it")
    finally:
        come.set()


def test_without_the_library_the_error_says_what_to_install(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "qsjwt.providers.keyring")
    monkeypatch.setitem(sys.modules, "keyring", None)
    _key(run, "qlik/anna").refused(5, "pip install 'qsjwt[keyring]'")


def test_the_page_says_what_fits_into_windows_credential_manager(keys: SimpleNamespace) -> None:
    limit = int(re.findall(r"([\d,]+) characters", PAGE.text)[0].replace(",", ""))
    assert len(pem(keys.ec)) < len(pem(keys.p384)) < limit < len(pem(keys.rsa))
