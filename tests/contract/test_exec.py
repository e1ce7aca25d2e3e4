"""``exec:``: real helper programs that print a key, fail, hang, or say too much."""

import base64
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import jwt as pyjwt
import pytest

from qsjwt.api import KeyUnavailable, Secrets, open_signer
from qsjwt.io import program
from qsjwt.providers import exec as provider
from qsjwt.testing import KeyProviderContract
from tests.conftest import Result, Run, interruptible, pem, posix

ARGUMENT = "--token=s.hvsQ7xW2"
Helper = Callable[..., Path]


def _write_helper(path: Path, script: str, first_line: str = "#!/bin/sh") -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"{first_line}\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture
def helper(tmp_path: Path) -> Helper:
    """Write a helper program: ``helper("exit 1")``."""
    if os.name == "nt":
        pytest.skip("Windows has no programs in sh")
    return lambda script, name="helper", **how: _write_helper(tmp_path / name, script, **how)


def _key(run: Run, command: object, *more: str) -> Result:
    return run(
        "create-qseow", "--userdir", "LAB", "--userid", "anna", "--expires", "5m", "--key", f"exec:{command}", *more
    )


def _is_gone(pid: int) -> bool:
    """Tell whether a process has ended; what nobody has waited for yet counts as ended."""
    for _ in range(100):
        try:
            os.kill(pid, 0)
            state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
        except (ProcessLookupError, FileNotFoundError):
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


class TestExec(KeyProviderContract):
    scheme = "exec"
    algorithms: ClassVar[tuple[str, ...]] = ("RS256", "PS384")

    key: ClassVar = "rsa"

    @pytest.fixture(autouse=True)
    def _helper(self, keys: SimpleNamespace, tmp_path: Path) -> None:
        self.program = tmp_path / "helper.py"
        self.program.write_text(f"print(open({str(keys.files[self.key])!r}).read())", encoding="utf-8")
        type(self).secrets = (keys.files["rsa"].read_text(encoding="ascii").splitlines()[1], ARGUMENT[8:])

    def reference(self) -> str:
        return f'"{sys.executable}" "{self.program}" {ARGUMENT}'

    def missing_reference(self) -> str:
        return f"no-such-helper {ARGUMENT}"


class TestExecOnACurve(TestExec):
    algorithms = ("ES256",)
    key = "ec"


SHAPES: dict[str, Callable[[bytes], bytes]] = {
    "pem": lambda text: text,
    "crlf": lambda text: text.replace(b"\n", b"\r\n"),
    "base64": lambda text: base64.b64encode(text) + b"\n",
    "utf-16": lambda text: text.decode("ascii").encode("utf-16"),
    "text before": lambda text: b"Here is your key:\n" + text,
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_output_is_a_key_in_any_shape(
    run: Run, keys: SimpleNamespace, helper: Helper, tmp_path: Path, shape: str
) -> None:
    (tmp_path / "output").write_bytes(SHAPES[shape](pem(keys.rsa)))
    result = _key(run, helper(f"cat '{tmp_path}/output'; echo 'a word to the user' >&2"))
    assert pyjwt.decode(result.token, keys.rsa.public_key(), ["RS256"])["userId"] == "anna"
    assert result.stderr == ""


def test_an_encrypted_key_is_opened_with_the_passphrase(
    run: Run, keys: SimpleNamespace, helper: Helper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key").write_bytes(pem(keys.rsa, passphrase=b"open sesame"))
    command = helper(f"cat '{tmp_path}/key'")
    _key(run, command).refused(3, "the output of the helper 'helper' is encrypted", "QSJWT_KEY_PASSPHRASE")
    monkeypatch.setenv("QSJWT_KEY_PASSPHRASE", "open sesame")
    assert pyjwt.decode(_key(run, command).token, keys.rsa.public_key(), ["RS256"])["userId"] == "anna"
    monkeypatch.setenv("QSJWT_KEY_PASSPHRASE", "wrong")
    _key(run, command).refused(3, "cannot be decrypted")


def test_words_are_split_and_quotes_hold_them_together_but_nothing_is_expanded(
    run: Run, keys: SimpleNamespace, helper: Helper, tmp_path: Path
) -> None:
    command = helper(
        f"printf '%s\\n' \"$@\" > '{tmp_path}/words'; cat '{keys.files['rsa']}'", name="a folder/my helper"
    )
    rest = '$HOME ; | > made && * `id` #1 ~ ?a=b&c=d \'single "one"\' "two words" -f="a b" back\\ slash \'\''
    assert _key(run, f'"{command}" {rest}').token
    assert (tmp_path / "words").read_text(encoding="utf-8").splitlines() == [
        *("$HOME", ";", "|", ">", "made", "&&", "*", "`id`", "#1", "~", "?a=b&c=d"),
        *('single "one"', "two words", "-f=a b", "back slash", ""),
    ]
    assert not (tmp_path / "made").exists()


def test_a_program_is_looked_for_on_the_path_and_in_the_home_folder(
    run: Run, keys: SimpleNamespace, helper: Helper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    helper(f"cat '{keys.files['rsa']}'", name="bin/getkey")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert _key(run, "~/bin/getkey").token
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    assert _key(run, "getkey").token


def test_the_helper_can_ask_nothing(run: Run, helper: Helper) -> None:
    command = helper("read answer || echo 'nobody answers' >&2; (true < /dev/tty) 2> /dev/null || exit 9")
    _key(run, command).refused(3, "ended with exit code 9: 'nobody answers'")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("", ("names no program", "exec:pass show qlik")),
        ("   ", ("names no program",)),
        ('"" show', ("names no program",)),
        ("pass 'show qlik", ("a quote in it is not closed",)),
        ('pass "show', ("a quote in it is not closed",)),
        pytest.param("pass show\\", ("it ends in a backslash",), marks=posix("backslashes that quote")),
    ],
)
def test_a_command_that_cannot_be_one_is_an_error_of_the_command_line(
    run: Run, command: str, words: tuple[str, ...]
) -> None:
    _key(run, command).refused(2, *words)


def test_what_cannot_be_started_is_named(run: Run, helper: Helper, tmp_path: Path) -> None:
    _key(run, f"no-such-helper {ARGUMENT}").refused(3, "the helper 'no-such-helper' is not found", "on the path")
    helper("exit").chmod(0o644)
    _key(run, tmp_path / "helper").refused(3, "the helper 'helper' is not executable")
    _key(run, tmp_path).refused(3, "is not executable")
    _key(run, helper("exit", first_line="#!/no/such/interpreter")).refused(3, "an interpreter that is not there")
    (tmp_path / "helper").write_bytes(b"\0\1\2\3 no program at all")
    _key(run, tmp_path / "helper").refused(3, "the helper 'helper' cannot be started: exec format error")
    with pytest.raises(KeyUnavailable, match="cannot be started: its command holds a character"):
        open_signer("exec:helper a\0b", Secrets())


def test_a_helper_that_fails_says_why_in_its_own_words(run: Run, helper: Helper) -> None:
    _key(run, helper("echo 'Error: vault is sealed' >&2; exit 2")).refused(
        3, "the helper 'helper' ended with exit code 2: 'Error: vault is sealed'"
    )
    _key(run, helper("exit 3")).refused(3, "the helper 'helper' ended with exit code 3\n")
    _key(run, helper("kill -KILL $$")).refused(3, "the helper 'helper' was ended by the signal SIGKILL")
    _key(run, helper("echo 'not logged in' >&2")).refused(3, "the helper 'helper' printed nothing: 'not logged in'")
    _key(run, helper("echo; echo")).refused(3, "the helper 'helper' printed nothing")
    _key(run, helper("echo no key")).refused(3, "the output of the helper 'helper' is not a key in PEM")


def test_a_key_is_not_taken_from_a_helper_that_fails(run: Run, keys: SimpleNamespace, helper: Helper) -> None:
    _key(run, helper(f"cat '{keys.files['rsa']}'; exit 1")).refused(3, "ended with exit code 1")


@pytest.mark.skipif(not hasattr(signal, "SIGRTMIN"), reason="there are no real-time signals")
def test_a_signal_without_a_name_has_its_number(run: Run, helper: Helper) -> None:
    _key(run, helper("kill -36 $$")).refused(3, "was ended by the signal 36")


def test_no_secret_of_the_helper_is_shown(run: Run, keys: SimpleNamespace, helper: Helper) -> None:
    key = keys.files["rsa"]
    lines = key.read_text(encoding="ascii").splitlines()
    for script in (f"cat '{key}' >&2", f"sed 1d '{key}' >&2", f"cat '{key}'", f"tail -n 2 '{key}' | tee /dev/stderr"):
        result = run("--debug", *_create(f"{helper(script + '; exit 1')} {ARGUMENT}"))
        assert (result.exit_code, result.stdout) == (3, "")
        assert "the helper 'helper' ended with exit code 1" in result.stderr
        assert not any(line in result.stderr for line in lines[1:-1]), script
        assert ARGUMENT[8:] not in result.stderr


def _create(command: str) -> tuple[str, ...]:
    return ("create-qseow", "--userdir", "LAB", "--userid", "anna", "--expires", "5m", "--key", f"exec:{command}")


def test_the_arguments_are_not_shown_even_if_the_helper_repeats_them(run: Run, helper: Helper) -> None:
    command = helper('echo "bad option $1, or $2; token ${1#*=} is unknown" >&2; exit 1')
    result = _key(run, f"{command} {ARGUMENT} 'Bearer hush'", "--no-check")
    result.refused(3, "ended with exit code 1: 'bad option …, or …; token … is unknown'")
    assert ARGUMENT[8:] not in result.stderr
    assert "hush" not in result.stderr


def test_what_may_be_a_secret_inside_an_argument_is_not_shown_and_names_are(run: Run, helper: Helper) -> None:
    command = helper('echo "no entry qlik/prod for anna with s3cr3t at host; key abcdefghijklmnopqrstuvwx" >&2; exit 1')
    result = _key(run, f"{command} https://anna:s3cr3t@host/qlik?abcdefghijklmnopqrstuvwx", "--no-check")
    result.refused(3, "'no entry qlik/prod for anna with … at host; key …'")


def test_only_the_last_lines_are_shown_and_they_are_harmless(run: Run, helper: Helper) -> None:
    script = (
        "i=0; while [ $i -lt 20000 ]; do echo \"line $i\" >&2; i=$((i+1)); done; printf '\\033[2Jred\\n' >&2; exit 1"
    )
    result = _key(run, helper(script))
    result.refused(3, "'line 19998', 'line 19999', '\\x1b[2Jred'")
    assert "line 19000" not in result.stderr
    assert "\033" not in result.stderr
    long = _key(
        run,
        helper(f"printf '%s\\n' {' '.join('word ' * 300 for _ in range(9))} >&2; exit 1".replace("word ", "wo.rd/")),
    )
    long.refused(3, "…'")
    assert len(long.stderr) < 1300


@pytest.mark.parametrize(
    "script",
    ["sleep 60 & echo $$ $! > pids; wait", "trap '' TERM; sleep 60 & echo $$ $! > pids; while :; do wait; done"],
    ids=["that ends when it is told to", "that does not"],
)
def test_a_helper_that_hangs_is_ended_with_all_that_it_started(
    run: Run, helper: Helper, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    monkeypatch.setenv("QSJWT_EXEC_TIMEOUT", "1")
    monkeypatch.setattr(program, "_GRACE_SECONDS", 0.3)
    result = _key(run, helper(f"echo 'waiting for the login' >&2; {script}"))
    result.refused(3, "the helper 'helper' did not end within 1 s", "'waiting for the login'", "QSJWT_EXEC_TIMEOUT")
    pids = [int(word) for word in Path("pids").read_text(encoding="ascii").split()]
    assert len(pids) == 2
    assert all(map(_is_gone, pids))
    with pytest.raises(ChildProcessError):
        os.waitpid(pids[0], os.WNOHANG)  # no zombie is left


def test_a_helper_that_closes_its_output_and_goes_on_is_ended_too(
    run: Run, helper: Helper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QSJWT_EXEC_TIMEOUT", "1")
    _key(run, helper("echo $$ > pid; exec sleep 60 >&- 2>&-")).refused(3, "did not end within 1 s")
    assert _is_gone(int(Path("pid").read_text(encoding="ascii")))


def test_what_a_helper_leaves_in_the_background_is_not_waited_for(
    run: Run, keys: SimpleNamespace, helper: Helper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "_GRACE_SECONDS", 0.2)
    try:
        assert _key(run, helper(f"cat '{keys.files['rsa']}'; sleep 60 & echo $! > pid")).token
        os.kill(int(Path("pid").read_text(encoding="ascii")), 0)  # and it goes on
    finally:
        os.kill(int(Path("pid").read_text(encoding="ascii")), signal.SIGKILL)


@pytest.mark.parametrize("value", ["0", "3601", "1.5", "-1", "10s", " 5"])
def test_the_time_out_is_a_whole_number_in_range(
    run: Run, helper: Helper, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("QSJWT_EXEC_TIMEOUT", value)
    _key(run, helper("touch started")).refused(2, "QSJWT_EXEC_TIMEOUT")
    assert not Path("started").exists()


def test_an_output_without_an_end_is_not_read_to_its_end(run: Run, helper: Helper) -> None:
    _key(run, helper("echo $$ > pid; exec yes")).refused(3, "the output of the helper 'helper' is larger than 1 MiB")
    assert _is_gone(int(Path("pid").read_text(encoding="ascii")))
    stubborn = helper("echo $$ > pid; head -c 2000000 /dev/zero; exec sleep 60")
    _key(run, stubborn).refused(3, "is larger than 1 MiB")
    assert _is_gone(int(Path("pid").read_text(encoding="ascii")))


@posix("signals from other processes")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_to_the_program_ends_the_helper_with_all_that_it_started(
    helper: Helper, tmp_path: Path, name: str
) -> None:
    os.mkfifo("ready")
    command = helper("sleep 60 & echo $$ $! > pids; : > ready; wait")
    process = subprocess.Popen(
        [sys.executable, "-m", "qsjwt", *_create(str(command))],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=interruptible,  # noqa: PLW1509 - no thread of the test is running yet
    )
    with open("ready", "rb"):  # returns when the helper has opened it, too
        process.send_signal(getattr(signal, name))
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout, stderr) == (128 + getattr(signal, name), b"", b"")
    assert all(_is_gone(int(word)) for word in (tmp_path / "pids").read_text(encoding="ascii").split())


class TestOnWindows:
    """What is done otherwise there, as far as it can be seen elsewhere."""

    @pytest.fixture(autouse=True)
    def _windows(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        for module in (provider, program):
            monkeypatch.setattr(module, "is_windows", lambda: True)
        yield

    def test_a_backslash_is_part_of_a_path(self) -> None:
        command = r'"C:\Program Files\op\op.exe" read "op://a vault/key" --cache="C:\a b" D:\new\t.cfg "E:\"'
        assert provider._words(command) == [  # noqa: SLF001 - elsewhere than on Windows, nothing else shows it
            *(r"C:\Program Files\op\op.exe", "read", "op://a vault/key", r"--cache=C:\a b", r"D:\new\t.cfg", "E:\\")
        ]

    @posix("stand-ins for its own programs")
    def test_taskkill_ends_the_helper_with_all_that_it_started(
        self, run: Run, helper: Helper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A stand-in for taskkill, which is given what the real one takes."""
        system = tmp_path / "System32"
        _write_helper(system / "taskkill.exe", f'echo "$@" >> \'{tmp_path}/calls\'; kill -KILL "-$4"')
        monkeypatch.setenv("SYSTEMROOT", str(tmp_path))
        monkeypatch.setenv("QSJWT_EXEC_TIMEOUT", "1")
        command = helper("sleep 60 & echo $$ $! > pids; wait")
        _key(run, shlex.quote(str(command))).refused(3, "did not end within 1 s")
        helper_pid, child_pid = Path("pids").read_text(encoding="ascii").split()
        assert Path("calls").read_text(encoding="ascii").splitlines()[0] == f"/T /F /PID {helper_pid}"
        assert _is_gone(int(helper_pid))
        assert _is_gone(int(child_pid))


@pytest.mark.parametrize("mode", [0o644, 0o755])
def test_a_script_that_does_not_start_comes_with_what_the_system_needs(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int
) -> None:
    helper = tmp_path / "key.ps1"
    helper.write_text("Get-Content key.pem\n", encoding="ascii")
    helper.chmod(mode)
    monkeypatch.setattr(provider, "is_windows", lambda: False)
    assert "powershell" not in _key(run, helper).stderr
    monkeypatch.setattr(provider, "is_windows", lambda: True)
    _key(run, helper).refused(3, "begin with the program that runs the script, as in exec:powershell -File key.ps1")
