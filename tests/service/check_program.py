"""Check the one-file and the one-folder program in the folder that is given: alone on a machine, they do their work."""

import csv
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from qsjwt import __version__
from qsjwt.cli.command import COMMANDS
from qsjwt.cli.completion.scripts import SHELLS
from qsjwt.keys.reference import KEY_PROVIDERS
from qsjwt.tokens.platform import PLATFORMS

SUFFIX = ".exe" if os.name == "nt" else ""
WINE_FAULT = "CreateProcessW: Internal error"
"""What the one-file program says where Wine, now and then, does not start the second of its two processes."""

ATTEMPTS = 3
CREATE = ("create-qseow", "--userdir", "LAB", "--expires", "5m")
KEY = ("--key", "x_privatekey.pem")


def main() -> None:
    """Exit with an error if a program lacks anything."""
    dist = Path(sys.argv[1]).resolve()
    folder = dist / "qsjwt-folder"
    check(dist / f"qsjwt{SUFFIX}", [dist / f"qsjwt{SUFFIX}"])
    check(folder / f"qsjwt{SUFFIX}", [path for path in folder.rglob("*") if path.is_file()])


def _check_batch(run: Callable[..., str], work: Path) -> None:
    many = [f"user{number}" for number in range(4_000)]  # more than its threads do before they have processes
    for users, more in ((["anna", "bo"], ()), (many, ("--jobs", "2"))):
        (work / "users.csv").write_text("\n".join(["userid", *users]), encoding="ascii")
        made = run(*CREATE, *KEY, "--batch", "users.csv", *more)
        assert [json.loads(line)["userid"] for line in made.splitlines()] == users


def check(program: Path, files: list[Path]) -> None:
    """Run *program* without Python, home, path or any other variable, and print its size and its time."""
    # What goes wrong is said, and not that a file of it cannot be removed yet.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        work, unpacked, cache = (Path(place) / name for name in ("work", "unpacked", "cache"))
        for path in (work, unpacked, cache):
            path.mkdir()
        alone = {name: value for name, value in os.environ.items() if name == "SYSTEMROOT"}
        alone |= {"TEMP": str(unpacked)} if os.name == "nt" else {}

        def run(*arguments: str, code: int = 0, **more: str) -> str:
            for _ in range(ATTEMPTS):
                ended, said, complaint = run_alone([str(program), *arguments], {**alone, **more}, work)
                if WINE_FAULT not in complaint:
                    break
            assert ended == code, (arguments, ended, complaint)
            if code == 0:
                assert complaint == "", complaint
            else:
                assert complaint.startswith("qsjwt: error: "), complaint
            return said

        assert run("--version") == f"qsjwt {__version__}\n"
        token = run(*CREATE, "--userid", "göran", "--key", "create:x_?size=2048").strip()
        (work / "token").write_text(token, encoding="ascii")
        check = ("check", "qseow", "--jwt-file", "token", "--cert-publickey-file", "x_publickey.cer", "-f")
        checked = run(*check, "json")
        assert ("signature", "ok") in {(rule["rule"], rule["status"]) for rule in json.loads(checked)["rules"]}, checked
        assert "this token" in run(*check, "text")
        assert "<style>" in run(*check, "html")
        assert json.loads(run("decode", "--jwt-file", "token", "-f", "json"))["claims"]["userId"] == "göran"
        for shell in SHELLS:
            assert "create-qseow" in run("completion", shell), shell
        lacking = without_library(run("list-plugins", "-f", "csv"))
        _check_batch(run, work)
        assert run("create-qseow", "--no-such-option", code=2) == ""
        assert run(*CREATE, "--userid", "u", "--key", "none.pem", code=3) == ""
        for provider in lacking:
            assert run(*CREATE, "--userid", "u", "--key", f"{provider}:x", code=5) == ""
        if os.name == "posix":
            helper = 'exec:/bin/sh -c \'test "$LD_LIBRARY_PATH" = "$0" && cat x_privatekey.pem\''
            run(*CREATE, "--userid", "u", "--key", f"{helper} ''")
            run(*CREATE, "--userid", "u", "--key", f"{helper} /opt/theirs", LD_LIBRARY_PATH="/opt/theirs")

        run(*CREATE, "--userid", "u", *KEY, XDG_CACHE_HOME=str(cache), LOCALAPPDATA=str(cache), TMPDIR=str(unpacked))
        assert not list(cache.iterdir()), "a cache of entry points is left behind"
        assert not list(unpacked.iterdir()), "what was unpacked is left behind"
        made = {"x_privatekey.pem", "x_publickey.cer", "x_publickey.pem", "token", "users.csv"}
        assert {path.name for path in work.iterdir()} == made

        times = []
        for _ in range(5):
            start = time.perf_counter()
            run(*CREATE, "--userid", "u", *KEY)
            times.append(time.perf_counter() - start)
    size = sum(path.stat().st_size for path in files)
    print(f"{program}: complete; {size / 1e6:.0f} MB, a token in {sorted(times)[2]:.2f} s")


def run_alone(command: list[str], variables: dict[str, str], folder: Path) -> tuple[int, str, str]:
    """Run *command* in *folder* with these variables alone; return its code and what it says on both streams."""
    # Not pipes: the desktop that Wine starts for the one-file program holds them open when that has ended.
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        streams = {"stdin": subprocess.DEVNULL, "stdout": stdout, "stderr": stderr}
        result = subprocess.run(command, check=False, env=variables, cwd=folder, timeout=60, **streams)  # type: ignore[call-overload]
        for stream in (stdout, stderr):
            stream.seek(0)
        said, complaint = (stream.read().decode("utf-8").replace("\r\n", "\n") for stream in (stdout, stderr))
    return result.returncode, said, complaint


def without_library(listed: str) -> list[str]:
    """Return the key providers of *listed* that lack the library of their extra; all else has to be there and ok."""
    rows = list(csv.DictReader(io.StringIO(listed)))
    wanted = {
        (plugins.kind, entry_point.name, f"[{','.join(entry_point.extras)}]" if entry_point.extras else "")
        for plugins in (PLATFORMS, KEY_PROVIDERS, COMMANDS)
        for entry_point in metadata.entry_points(group=plugins.group)
        if entry_point.dist and entry_point.dist.name == "qsjwt"
    }
    found = {(row["kind"], row["name"]): row["status"] for row in rows if row["package"] == "qsjwt"}
    assert set(found) == {(kind, name) for kind, name, _ in wanted}, listed
    lacking = []
    for kind, name, extra in wanted:
        status = found[kind, name]
        if os.name != "nt" and status.endswith(" needs Windows"):
            continue
        if status != "ok":
            assert extra, status
            assert status.endswith(f"; pip install 'qsjwt{extra}'"), status
            lacking.append(name)
    return sorted(lacking)


if __name__ == "__main__":
    main()
