"""Processes that make tokens for a batch: the same tokens, no trace of the key, and no process that is left behind."""

import contextlib
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest

from qsjwt.api import CreatedToken, InputError, QsJwtError, RowResult, create_token, create_tokens, prepare
from qsjwt.batch import engine, frozen, processes, worker
from qsjwt.batch.processes import WorkerProcess
from qsjwt.keys.reference import Secrets, open_signer
from qsjwt.keys.signer import LocalSigner
from tests.conftest import InstallPlugin, Run, interruptible, pem, posix
from tests.programs import run_program, unmeasured

WAIT_SECONDS: Final = 60


class Started(list[WorkerProcess]):
    """The processes that were started, in which all rows are made."""

    def __init__(self) -> None:
        super().__init__()
        self.chunks = 0


@pytest.fixture
def small() -> float:
    """The seconds of work after which a thread has a process started; that of :func:`started` is none."""
    return engine.SECONDS_BEFORE_PROCESS


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    """Have each thread wait for its process, after its first rows."""
    known = Started()

    class Waited(WorkerProcess):
        def __init__(self, work: bytes) -> None:
            super().__init__(work)
            known.append(self)

        def outcomes(self, rows: Sequence[Any]) -> Any:
            end = time.monotonic() + WAIT_SECONDS
            while self.is_ready is None and time.monotonic() < end:
                time.sleep(0.01)
            made = super().outcomes(rows)
            known.chunks += made is not None
            return made

    monkeypatch.setattr(engine, "SECONDS_BEFORE_PROCESS", -1)
    monkeypatch.setattr(processes, "WorkerProcess", Waited)
    return known


@pytest.fixture
def common(keys: SimpleNamespace) -> dict[str, Any]:
    """What the tokens of these tests have in common."""
    return {"key": f"file:{keys.files['rsa']}", "userdir": "LAB", "expires": "5m"}


def _are_over(known: Started) -> bool:
    return all(each.is_ready is False and each.exit_code is not None for each in known if each.pid is not None)


def _is_gone(pid: int) -> bool:
    """Tell whether the process ends, within a while."""
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        state = Path(f"/proc/{pid}/stat")
        if state.exists() and ") Z" in state.read_text(encoding="ascii"):
            return True
        time.sleep(0.02)
    return False


ROWS: Final[Mapping[str, Sequence[Mapping[str, Any]]]] = {
    "qseow": [
        {"userid": "anna", "groups": ["a", "b"], "claim.team": "blue"},
        {"userid": " bo ", "username": "Bo", "claim-json.n": {"x": [1, 2.5, None]}},
        {"userid": ""},
        {"userid": "c", "key": "file:other.pem"},
        {"userid": "c", "nonsense": 1},
        {"userid": "d\\e"},
        {"userid": "f", "userid-claim": "user", "expires": "1h", "keyid": "thumbprint"},
        {"userid": "null", "audience": "x"},
    ],
    "qscloud": [
        {"subject": "anna", "username": "A", "useremail": "a@example.com", "useremail-verified": True},
        {"subject": "bo", "groups": []},
        {"subject": "c", "useremail": "c@example.com"},
    ],
    "nprinting": [{"useremail": "a@example.com"}, {"domain": "LAB"}, {"domain": "LAB", "username": "anna"}],
}
COMMON: Final[Mapping[str, Mapping[str, Any]]] = {
    "qseow": {"userdir": "LAB", "expires": "5m", "claims": {"own": [1]}, "keyid": "k"},
    "qscloud": {"issuer": "i", "keyid": "k", "expires": "5m"},
    "nprinting": {"expires": "5m"},
}


def _plain(outcome: CreatedToken | QsJwtError | None) -> Any:
    """Return what does not differ between two tokens for the same row."""
    if isinstance(outcome, CreatedToken):
        claims = {name: value for name, value in outcome.claims.items() if name not in ("iat", "nbf", "exp", "jti")}
        lifetime = outcome.claims["exp"] - outcome.claims["nbf"]
        return outcome.header, claims, lifetime, list(outcome.remarks), outcome.key_thumbprint
    assert outcome is not None
    return type(outcome), outcome.message, outcome.hint


def _outcome(result: RowResult) -> Any:
    return _plain(result.token or result.error)


def _alone(platform: str, row: Mapping[str, Any], given: Mapping[str, Any]) -> Any:
    settings = {"claims": {}, **given}
    options = {name: value for name, value in row.items() if not name.startswith("claim")}
    try:
        for name, value in row.items():
            if name.startswith("claim"):
                settings["claims"] = {**settings["claims"], name.partition(".")[2]: value}
        return _plain(create_token(platform, **{**settings, **{n.replace("-", "_"): v for n, v in options.items()}}))
    except (QsJwtError, TypeError) as error:
        return _plain(error) if isinstance(error, QsJwtError) else None


@pytest.mark.parametrize("platform", ROWS)
def test_tokens_are_the_same_whichever_way_they_are_made(
    platform: str, keys: SimpleNamespace, started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {**COMMON[platform], "key": f"file:{keys.files['rsa']}"}
    rows = [dict(row) for row in ROWS[platform]] * 4
    by_processes = [_outcome(result) for result in create_tokens(platform, rows, **given, jobs=2)]
    assert started.chunks > 0
    before = started.chunks
    by_one = [_outcome(result) for result in create_tokens(platform, rows, **given, jobs=1)]
    monkeypatch.setattr(LocalSigner, "copy_for_process", lambda _self: None)
    by_threads = [_outcome(result) for result in create_tokens(platform, rows, **given, jobs=2)]
    assert started.chunks == before
    assert by_processes == by_threads == by_one
    for row, made in zip(ROWS[platform], by_one, strict=False):
        if isinstance(made[0], dict):
            assert _alone(platform, row, given) == made


def test_a_prepared_request_makes_the_same_tokens_elsewhere(keys: SimpleNamespace) -> None:
    given = dict(COMMON["qseow"])
    here = prepare("qseow", **given)
    data = pickle.dumps(here)
    assert b"PRIVATE" not in data
    key = f"file:{keys.files['rsa']}"
    rows = ROWS["qseow"]
    made = [_outcome(result) for result in create_tokens(here, rows, key=key, jobs=1)]
    assert [_outcome(result) for result in create_tokens(pickle.loads(data), rows, key=key, jobs=1)] == made  # noqa: S301
    assert [_outcome(result) for result in create_tokens("qseow", rows, key=key, jobs=1, **given)] == made
    other = create_token(here, key=key, userid="x", userdir="OTHER")
    assert (other.claims["userDirectory"], other.claims["own"]) == ("OTHER", [1])
    with pytest.raises(InputError, match="those of the prepared request"):
        create_token(here, key=key, userid="x", algorithm="RS512")


def test_results_come_in_the_order_of_the_rows(common: Mapping[str, Any], started: Started) -> None:
    rows = ({"userid": f"u{number}"} for number in range(300))
    results = list(create_tokens("qseow", rows, **common, jobs=3))
    assert started.chunks > 0
    assert [(r.row.number, r.token and r.token.claims["userId"]) for r in results] == [
        (number + 1, f"u{number}") for number in range(300)
    ]


def test_one_job_a_small_batch_and_a_key_at_a_service_need_no_process(
    common: Mapping[str, Any], small: float, started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"userid": "anna"}] * 40
    list(create_tokens("qseow", rows, **common, jobs=1))

    class Elsewhere(LocalSigner):
        """Says as a key at a service does that it cannot be copied, and as a class of somebody's own."""

    monkeypatch.setattr("qsjwt.keys.reference.LocalSigner", Elsewhere)
    assert len(list(create_tokens("qseow", rows, **common, jobs=2))) == 40
    monkeypatch.setattr("qsjwt.keys.reference.LocalSigner", LocalSigner)
    monkeypatch.setattr(engine, "SECONDS_BEFORE_PROCESS", small)
    list(create_tokens("qseow", rows, **common, jobs=2))
    assert started == []


@pytest.mark.parametrize("name", ["rsa", "p384"])
def test_a_copy_of_a_key_signs_with_what_the_key_says_of_itself_and_shows_nothing(
    name: str, keys: SimpleNamespace
) -> None:
    signer = open_signer(str(keys.files[name]), Secrets())
    copy = signer.copy_for_process()
    assert copy is not None
    again = pickle.loads(pickle.dumps(copy))()  # noqa: S301
    algorithm = signer.algorithms[0]
    assert (again.algorithms, again.thumbprint) == (signer.algorithms, signer.thumbprint)
    assert again.sign(b"data", algorithm)
    assert len(repr(copy)) < 200
    assert "d" not in again.public_key


def test_the_key_is_on_no_command_line_and_in_no_environment(
    common: Mapping[str, Any], started: Started, keys: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[Any, Any]] = []
    popen = subprocess.Popen

    def watched(command: Any, **settings: Any) -> Any:
        calls.append((command, settings))
        return popen(command, **settings)

    monkeypatch.setattr(subprocess, "Popen", watched)
    list(create_tokens("qseow", [{"userid": "anna"}] * 40, **common, jobs=2))
    assert started.chunks > 0
    assert len(calls) == len(started) > 0
    secret = pem(keys.rsa).decode().splitlines()[1]
    for command, settings in calls:
        assert secret not in repr(command)
        assert "env" not in settings


def test_a_process_that_is_killed_ends_the_batch_in_a_sentence_and_leaves_nothing(
    run: Run, keys: SimpleNamespace, started: Started, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "users.csv").write_text("userid\n" + "".join(f"u{n}\n" for n in range(400)), encoding="ascii")

    class Killed(processes.WorkerProcess):
        def outcomes(self, rows: Sequence[Any]) -> Any:
            if started.chunks > 3 and self._process is not None:
                self._process.kill()
            return super().outcomes(rows)

    monkeypatch.setattr(processes, "WorkerProcess", Killed)
    base = ("create-qseow", "--userdir", "LAB", "--expires", "5m", "--key", keys.files["rsa"], "--batch", "users.csv")
    result = run(*base, "--jobs", "2", "--output", "tokens.jsonl")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(
        "qsjwt: error: a process that makes tokens for this batch has ended before its time\n"
    )
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "tokens.jsonl").exists()
    started.chunks = 0
    result = run(*base, "--jobs", "2")
    assert result.exit_code == 1
    rows = [json.loads(line)["row"] for line in result.stdout.splitlines()]
    assert rows == list(range(1, len(rows) + 1))
    assert _are_over(started)


def test_a_bad_row_ends_the_batch_that_is_to_fail_fast_and_no_process_is_left(
    run: Run, keys: SimpleNamespace, started: Started, tmp_path: Path
) -> None:
    rows = "".join(f"u{n}\n" if n != 150 else "a\\b\n" for n in range(300))
    (tmp_path / "users.csv").write_text(f"userid\n{rows}", encoding="ascii")
    base = ("create-qseow", "--userdir", "LAB", "--expires", "5m", "--key", keys.files["rsa"], "--batch", "users.csv")
    result = run(*base, "--jobs", "2", "--fail-fast", "--output", "tokens.jsonl")
    result.refused(2, "line 152: ")
    assert started.chunks > 0
    assert not (tmp_path / "tokens.jsonl").exists()
    assert _are_over(started)


PLATFORM = """
import sys
from qsjwt.api import Broken, InputError, Platform, Rule, Token, checks, time_claims

class OwnError(InputError):
    def __init__(self, who, what):
        super().__init__(f"{who} may not {what}", hint="ask Acme")

def no_robot(case):
    if case.claims["user"].startswith("robot"):
        yield Broken("the user is a robot")

class Acme(Platform):
    summary = "Acme"
    rules = (Rule("user", "the user is no robot", "the handbook", no_robot),)

    def add_options(self, options):
        options.add("--user", required=True)

    def build(self, request, now):
        print("a platform that prints")
        print("and complains", file=sys.stderr)
        if request.options.user == "eve":
            raise OwnError("eve", "enter")
        if request.options.user == "crash":
            raise ZeroDivisionError("secret")
        return Token({"typ": "at+jwt"}, {"user": request.options.user, **time_claims(request, now)})
"""


def test_platforms_of_third_parties_work_in_processes(
    installed_plugin: InstallPlugin, keys: SimpleNamespace, started: Started, capfd: pytest.CaptureFixture[str]
) -> None:
    installed_plugin("acme", {"qsjwt.platform.v1": "acme = acme:Acme"}, PLATFORM)
    users = ["anna", "robot1", "eve", "crash"] * 30
    results = create_tokens(
        "acme", ({"user": user} for user in users), key=str(keys.files["rsa"]), expires="5m", jobs=2
    )
    made = [_outcome(result) for result in results]
    assert started.chunks > 0
    anna, robot, eve, crash = made[-4:]
    assert (anna[0]["typ"], anna[1]) == ("at+jwt", {"user": "anna"})
    assert robot[:2] == (InputError, "the user is a robot")
    assert (eve[1], eve[2]) == ("eve may not enter", "ask Acme")
    assert "ZeroDivisionError" in crash[1]
    assert "secret" not in crash[1]
    assert [each[1:] for each in made[:4]] == [each[1:] for each in made[-4:]]
    assert "Traceback" not in capfd.readouterr().err


def test_a_process_imports_no_more_than_the_program_does_for_one_token(keys: SimpleNamespace) -> None:
    with open_signer(f"file:{keys.files['rsa']}", Secrets()) as signer:
        copy = signer.copy_for_process()
        assert copy is not None
        work = processes.sendable(prepare("qseow", userdir="LAB", expires="5m"), copy, "file:k.pem")
    python = [sys.executable, "-I", "-X", "importtime", "-c", processes.CODE]
    done = subprocess.run(python, input=work, capture_output=True, check=True, env=unmeasured())
    assert done.stdout == pickle.dumps(worker.READY)
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.decode().splitlines()}
    assert {"qsjwt.batch.worker", "qsjwt_platforms.virtual_proxy"} <= imported
    never = {
        "_hashlib",
        "_socket",
        "queue",
        "cliff.command",
        "cryptography.x509.base",
        "email.message",
        "qsjwt.cli.command",
    }
    assert not never & imported


def test_values_that_cannot_be_sent_are_made_into_tokens_here(common: Mapping[str, Any], started: Started) -> None:
    class Odd:
        def __reduce__(self) -> Any:
            raise TypeError

    rows = [{"userid": "anna", "groups": Odd()} if n % 40 == 39 else {"userid": "anna"} for n in range(120)]
    results = list(create_tokens("qseow", rows, **common, jobs=2))
    assert [result.row.number for result in results if result.error] == [40, 80, 120]


@pytest.mark.parametrize(
    "changes",
    [{"executable": "/opt/blender"}, {"executable": ""}, {"executable": None}, {"frozen": True}],
    ids=["another program", "nothing", "None", "a frozen program that is not qsjwt"],
)
def test_where_no_process_can_be_started_threads_go_on(
    changes: Mapping[str, Any], common: Mapping[str, Any], started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in changes.items():
        monkeypatch.setattr(sys, name, value, raising=False)
    assert len(list(create_tokens("qseow", [{"userid": "anna"}] * 40, **common, jobs=2))) == 40
    assert started == []


def test_a_program_that_needs_no_python_starts_itself(
    common: Mapping[str, Any], started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = f"import sys; sys.path[:] = {sys.path!r}; from qsjwt.batch.worker import main_of_frozen; main_of_frozen()"
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(frozen, "command", [sys.executable, "-I", "-c", code])
    assert len(list(create_tokens("qseow", [{"userid": "anna"}] * 60, **common, jobs=2))) == 60
    assert started.chunks > 0


def test_a_process_that_does_not_come_up_is_done_without(
    common: Mapping[str, Any], started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "CODE", "raise SystemExit(3)")
    assert len(list(create_tokens("qseow", [{"userid": "anna"}] * 200, **common, jobs=2))) == 200
    assert started.chunks == 0
    assert len(started) > 0


SCRIPT = """
import sys, time
from qsjwt.api import create_tokens
from qsjwt.batch import engine, processes
print("once")
engine.SECONDS_BEFORE_PROCESS = -1
made = []
class Waited(processes.WorkerProcess):
    def outcomes(self, rows):
        while self.is_ready is None:
            time.sleep(0.01)
        outcomes = super().outcomes(rows)
        made.append(outcomes is not None)
        return outcomes
processes.WorkerProcess = Waited
rows = [{"userid": "u"}] * 60
results = create_tokens("qseow", rows, key=sys.argv[1], userdir="LAB", expires="5m", jobs=2)
print(sum(result.token is not None for result in results), any(made))
"""


@pytest.mark.parametrize("way", ["-c", "script", "stdin"])
def test_a_caller_needs_no_guard_around_its_main_program(way: str, keys: SimpleNamespace, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    arguments = {"-c": ["-c", SCRIPT], "script": ["script.py"], "stdin": ["-"]}[way]
    stdin = SCRIPT if way == "stdin" else ""  # as a notebook, whose main program is no file
    result = run_program(sys.executable, *arguments, str(keys.files["rsa"]), input=stdin, cwd=tmp_path)
    assert result.stdout.split() == ["once", "60", "True"]
    assert result.stderr == ""


KILLED = """
import sys, time
from qsjwt.api import create_tokens
from qsjwt.batch import engine, processes
engine.SECONDS_BEFORE_PROCESS = -1
known = []
class Known(processes.WorkerProcess):
    def __init__(self, work):
        super().__init__(work)
        known.append(self)
processes.WorkerProcess = Known
def rows():
    while True:
        yield {"userid": "u"}
results = create_tokens("qseow", rows(), key=sys.argv[1], userdir="LAB", expires="5m", jobs=2)
for result in results:
    if len(known) == 2 and all(process.is_ready for process in known):
        break
print(*[process.pid for process in known], flush=True)
for result in results:
    pass
"""


@posix("signals, and a shell")
def test_a_pipe_that_another_process_holds_keeps_nobody_waiting(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    script = f"sleep 600 & echo $! > '{other}.new'; mv '{other}.new' '{other}'; exec sleep 600"
    monkeypatch.setattr(processes, "_command", lambda: ["sh", "-c", script])
    monkeypatch.setattr(processes, "END_SECONDS", 0.1)
    started = WorkerProcess(b"")
    while not other.exists():
        time.sleep(0.01)
    started.close()
    assert (started.is_ready, started.exit_code) == (False, -signal.SIGKILL)
    os.kill(int(other.read_text(encoding="ascii")), signal.SIGTERM)


@posix("signals, and what /proc says of a process")
@pytest.mark.parametrize("number", ["SIGKILL", "SIGINT"])
def test_no_process_outlives_the_one_that_started_it(number: str, keys: SimpleNamespace) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(keys.files["rsa"])],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=interruptible,  # noqa: PLW1509 - it sets two signals and takes no lock
    ) as process:
        assert process.stdout is not None
        pids = [*map(int, process.stdout.readline().split())]
        assert len(pids) == 2
        process.send_signal(getattr(signal, number))
        process.wait(WAIT_SECONDS)
    assert all(_is_gone(pid) for pid in pids)


def test_whoever_leaves_early_leaves_no_process(common: Mapping[str, Any], started: Started) -> None:
    with contextlib.closing(create_tokens("qseow", [{"userid": "u"}] * 10_000, **common, jobs=2)) as results:
        for _ in results:
            if started.chunks > 2:
                break
    assert started
    assert _are_over(started)
