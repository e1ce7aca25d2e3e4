"""Run the default tests in Windows' Python, under Wine: ``python -m tests.windows [TEST ...]``.

``QSJWT_WINDOWS`` names the folder with the programs ``environment`` and ``python``, which make and run such a Python.
It is kept below ``QSJWT_WINDOWS_CACHE``, or else the user's cache, by the hash of what goes in. One process runs one
file of tests, as many at a time as there are processors; each test has four minutes.
"""

import configparser
import hashlib
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

ROOT: Final = Path(__file__).parent.parent
MAX_SKIPPED: Final = 0.05
"""Of all tests."""

_NOT_THERE: Final = ("service", "providers", "site", "bench", "test_bounds.py")
"""What needs other programs, or measures: a figure from Wine means nothing."""

_COUNTED: Final = ("tests", "errors", "failures", "skipped")
_ENDED: Final = (0, 1, 5)
"""How pytest ends if all tests pass, if some fail, and if a file has none that may run here."""

_SECONDS: Final = 240
"""For a test; some wait for ever where something is missing."""


def main(wanted: list[str]) -> int:
    """Run the tests; say what came of them, and why any were skipped. Return 1 if any failed, or too many skipped."""
    if (folder := tools()) is None:
        raise SystemExit("which folder has the programs that make and run Windows' Python? Say it in QSJWT_WINDOWS")
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini")
    make_environment(folder, *tox["testenv"]["deps"].split(), "pytest-timeout")
    files = [Path(name) for name in wanted] or [
        path.relative_to(ROOT)
        for path in sorted(ROOT.glob("tests/**/test_*.py"))
        if path.relative_to(ROOT).parts[1] not in _NOT_THERE
    ]
    with started(folder), ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        results = list(pool.map(lambda path: _run(folder / "python", path), files))
    total: Counter[str] = sum(results, Counter())
    ran = total["tests"]
    bad = total["failures"] + total["errors"]
    for reason, count in total.most_common():
        if reason not in _COUNTED:
            print(f"{count:4}  {reason}")
    print(f"{ran - bad - total['skipped']} passed, {bad} failed, {total['skipped']} skipped, on Windows' Python")
    return int(bad > 0 or total["skipped"] > MAX_SKIPPED * ran)


def tools() -> Path | None:
    """Return the folder that ``QSJWT_WINDOWS`` names; None if it names none."""
    named = os.environ.get("QSJWT_WINDOWS")
    return Path(named).resolve() if named else None


def make_environment(folder: Path, *requirements: str) -> None:
    """Have ``python`` of *folder* run one that has what qsjwt needs and *requirements*, and take qsjwt from here."""
    parts = [(ROOT / name).read_bytes() for name in ("setup.cfg", "setup.py")]
    mark = hashlib.sha256(b"\0".join([*parts, " ".join(requirements).encode()])).hexdigest()[:16]
    cache = os.environ.get("QSJWT_WINDOWS_CACHE") or os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    made = Path(cache) / f"qsjwt-windows-{mark}"
    if not (made / "ready").exists():
        shutil.rmtree(made, ignore_errors=True)  # what was made of it when that was stopped
        subprocess.run([folder / "environment", made, ROOT, *requirements], check=True)
        (made / "ready").touch()
    os.environ["QSJWT_WINDOWS_HOME"] = str(made)
    # The environment has qsjwt as it was when it was made. A test may start a program in a folder of another drive.
    os.environ["PYTHONPATH"] = f"Z:{ROOT}"


@contextmanager
def started(folder: Path) -> Iterator[None]:
    """Have Wine's server and desktop run: the output of whatever starts them has no end as long as they do."""
    code = "import ctypes, sys; ctypes.windll.user32.GetDesktopWindow(); print(flush=True); sys.stdin.read()"
    streams: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([folder / "python", "-c", code], **streams) as keeper:
        if keeper.stdout is None or not keeper.stdout.readline():
            raise SystemExit("Windows' Python does not start")
        yield


def _run(python: Path, path: Path) -> "Counter[str]":
    with TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        options = ("-q", "-p", "no:cacheprovider", "-m", "not needs", f"--timeout={_SECONDS}", f"--junitxml={report}")
        command = [str(python), "-m", "pytest", *options, path.as_posix()]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
        counted = ET.parse(report).getroot().find("testsuite") if report.exists() else None  # noqa: S314 - our own
        if counted is None or done.returncode not in _ENDED:
            found = Counter(tests=1, errors=1)  # it was ended, or the file is none
        else:
            found = Counter({name: int(counted.get(name, 0)) for name in _COUNTED})
    if found["failures"] or found["errors"]:
        sys.stdout.write(done.stdout.decode("utf-8", "replace")[-20_000:])
    print(f"{path}: {dict(found)}", flush=True)
    if counted is not None:
        found.update(skipped.get("message", "") for skipped in counted.iter("skipped"))
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
