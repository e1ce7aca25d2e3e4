"""What only Windows asks for; what needs Windows itself runs there alone."""

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from qsjwt.io import windows
from tests.conftest import Run, is_private, on_windows


@pytest.mark.parametrize(
    "path",
    [
        *("COM1", "aux", "aux.txt", "CON", "con.jwt", "folder\\con.jwt", "x\\..\\CON", "LPT9.pem", "COM\u00b9", "CON "),
        *("con .txt", "CON:", "a/aux", "CONOUT$", "nul.txt"),
    ],
)
def test_names_of_devices_are_reserved(path: str) -> None:
    assert windows.is_reserved(path)


@pytest.mark.parametrize(
    "path", ["NUL", "nul", "token.jwt", "console.txt", "C:\\keys\\com10.pem", "auxiliary", "x.con"]
)
def test_other_names_are_not_and_nul_is_there_to_be_written_to(path: str) -> None:
    assert not windows.is_reserved(path)


def test_a_program_is_started_as_it_is() -> None:
    assert windows.command_line([sys.executable, "a b", "%PATH%"]) == [sys.executable, "a b", "%PATH%"]


def test_a_script_of_cmd_gets_its_arguments_quoted_by_the_rules_of_cmd() -> None:
    line = windows.command_line(["get key.cmd", 'a "b" & calc', "%PATH%"])
    assert isinstance(line, str)
    assert line.endswith(' /e:ON /v:OFF /d /s /c ""get key.cmd" "a ""b"" & calc" "%%cd:~,%PATH%%cd:~,%""')
    with pytest.raises(ValueError, match="line end"):
        windows.command_line(["get.bat", "a\nb"])


@on_windows
@pytest.mark.parametrize(
    "argument", ["plain", "a b", 'quoted "word"', "%PATH%", "!PATH!", "a & echo b", "a | more", "^caret", "100%", "x>y"]
)
def test_a_script_of_cmd_gets_what_was_said_and_runs_nothing_of_it(tmp_path: Path, argument: str) -> None:
    (tmp_path / "show.py").write_text("import sys; print(sys.argv[1:])", encoding="ascii")
    script = tmp_path / "show it.cmd"
    script.write_text(f'@"{sys.executable}" "{tmp_path / "show.py"}" %*\r\n', encoding="ascii")
    line = windows.command_line([str(script), argument])
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    # The script's own %* hands on a quote doubled; and what it has of %NAME%, Wine's cmd replaces once more.
    if '"' not in argument and "%" not in argument:
        assert done.stdout.strip() == repr([argument])
    assert "b" not in done.stdout.splitlines()


@on_windows
def test_a_private_file_is_not_there_twice_and_is_read_by_its_owner(tmp_path: Path) -> None:
    path = str(tmp_path / "token")
    with os.fdopen(windows.create_private(path), "wb") as stream:
        stream.write(b"secret")
    assert Path(path).read_bytes() == b"secret"
    assert is_private(Path(path))
    with pytest.raises(FileExistsError):
        windows.create_private(path)


@on_windows
def test_secret_files_are_for_their_owner(run: Run, tmp_path: Path) -> None:
    run("create-qseow", "--userdir", "LAB", "--userid", "anna", "--expires", "5m", "--cert-create", "--output", "t.jwt")
    for name in ("privatekey.pem", "t.jwt"):
        assert is_private(tmp_path / name)


@on_windows
@pytest.mark.parametrize("name", ["get key.cmd", "get.bat"])
def test_a_script_of_cmd_prints_a_key(qseow: Run, keys: SimpleNamespace, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(f'@type "{keys.files["rsa"]}"\r\n', encoding="ascii")
    assert qseow("--key", f'exec:"{tmp_path / name}" show qlik').token


@on_windows
def test_a_helper_that_hangs_is_ended_with_all_that_it_started(
    qseow: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(50)"
    (tmp_path / "child.py").write_text(code, encoding="ascii")
    code = "import subprocess, sys; subprocess.run([sys.executable, 'child.py', 'pid'])"
    (tmp_path / "helper.py").write_text(code, encoding="ascii")
    monkeypatch.setenv("QSJWT_EXEC_TIMEOUT", "20")
    qseow("--key", f'exec:"{sys.executable}" helper.py').refused(3, "did not end within 20 s")
    listed = subprocess.run(["tasklist"], capture_output=True, text=True, check=True).stdout
    assert not re.search(rf"\b{(tmp_path / 'pid').read_text(encoding='ascii')}\b", listed)


@on_windows
@pytest.mark.parametrize("command", ["decode --jwt-file", "show-key --key", "show-key --cert-publickey-file"])
def test_a_folder_where_a_file_is_meant_is_called_so(run: Run, tmp_path: Path, command: str) -> None:
    done = run(*command.split(), tmp_path)
    assert "is a folder" in done.stderr


@on_windows
def test_a_command_of_cmd_itself_is_told_from_a_program(run: Run) -> None:
    done = run("show-key", "--key", "exec:type key.pem")
    done.refused(3, "is no program but a command of cmd", "exec:cmd /c type")


@on_windows
@pytest.mark.parametrize("path", ["nul.txt", "COM1", "aux", "con.jwt", "CON", "CON ", "x\\..\\CON"])
def test_nothing_is_written_to_the_name_of_a_device(run: Run, path: str) -> None:
    done = run(
        *("create-qseow", "--userdir", "LAB", "--userid", "anna", "--expires", "5m", "--cert-create", "--output", path)
    )
    done.refused(2, "is a name that Windows keeps for a device")
    assert not Path("privatekey.pem").exists()


@on_windows
@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("x" * 300, "file name too long"),
        ("\\".join(["d" * 100] * 5), "so the result is not written"),
        ("token:jwt", "has a colon in its name"),
        ("to*ken", "is not a valid file name"),
        ('to"ken', "is not a valid file name"),
        ("none\\token", "is in a folder that does not exist"),
        ("Q:token", "is in a folder that does not exist"),
    ],
)
def test_a_path_that_no_file_can_have_is_no_bug(run: Run, path: str, words: str) -> None:
    done = run(
        *("create-qseow", "--userdir", "LAB", "--userid", "anna", "--expires", "5m", "--cert-create", "--output", path)
    )
    done.refused(2, words)


@on_windows
def test_the_null_device_takes_a_token(qseow: Run, keys: SimpleNamespace) -> None:
    done = qseow("--key", keys.files["rsa"], "--output", "NUL")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")


@on_windows
@pytest.mark.parametrize(
    ("prefix", "words"),
    [
        ("con.", "is a name that Windows keeps for a device"),
        ("x:", "does not exist"),
        ("xy:", "has a colon in its name"),
        ("y*", "is not a valid file name"),
        ("x" * 300, "file name too long"),
    ],
)
def test_a_new_key_is_not_written_to_what_is_no_file(run: Run, tmp_path: Path, prefix: str, words: str) -> None:
    run("create-key", "--kind", "ec", "--cert-file-prefix", prefix).refused(3, words)
    assert list(tmp_path.iterdir()) == []


@on_windows
def test_rows_of_a_pipe_are_seen_as_they_come() -> None:
    read, write = os.pipe()
    assert windows.is_pipe_empty(read)
    os.write(write, b"row")
    assert not windows.is_pipe_empty(read)
    os.close(write)
    os.close(read)
