"""How it is measured: in turn, so that a slow spell of the machine hits all alike; medians of rounds."""

import os
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Final, TypeVar

from tests.bench.commands import Batch, Key
from tests.programs import run_program

K = TypeVar("K")

_LOOK_SECONDS: Final = 0.05


def in_turn(measured: Mapping[K, Callable[[], float]], rounds: int) -> dict[K, list[float]]:
    """Return what each of *measured* gives in each of *rounds*."""
    found: dict[K, list[float]] = {name: [] for name in measured}
    for done in range(rounds):
        for name, measure in measured.items():
            found[name].append(measure())
        print(f"round {done + 1} of {rounds}", file=sys.stderr)
    return found


def ratio(values: list[float], base: list[float]) -> float:
    """Return the median of the ratios within a round, which a noisy machine hits alike."""
    return statistics.median(value / other for value, other in zip(values, base, strict=True))


def seconds(run: Callable[[], object]) -> float:
    """Return how long *run* takes."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def openssl_rate(key: Key, cores: int) -> float:
    """Return the signatures a second that the machine's own OpenSSL makes with *cores* processes."""
    several = ["-multi", cores] if cores > 1 else []
    text = run_program("openssl", "speed", "-elapsed", "-seconds", 2, *several, key.openssl).stdout
    found = re.findall(r"^.*\bbits\b.*?s +[\d.]+s +([\d.]+) +[\d.]+$", text, re.MULTILINE)
    if not found:
        raise SystemExit(f"openssl speed says nothing of {key.name}:\n{text}")
    return float(found[-1])


def peak_memory(batch: Batch) -> list[float]:
    """Return the peak of the resident size of each process of *batch* in MiB, its first one first; Linux has /proc."""
    peaks: dict[int, int] = {}
    with batch.rows_file.open("rb") as rows:
        process = subprocess.Popen(batch.command, stdin=rows, stdout=subprocess.DEVNULL, cwd=batch.rows_file.parent)
        while process.poll() is None:
            for member in [process.pid, *_children(process.pid)]:
                peaks[member] = max(peaks.get(member, 0), _high_water(member))
            time.sleep(_LOOK_SECONDS)
    if process.returncode:
        raise SystemExit(f"{batch.what} ended with code {process.returncode}")
    return [peak / 1024 for peak in peaks.values() if peak]


def _children(process: int) -> list[int]:
    try:
        tasks = [task.read_text(encoding="ascii") for task in Path(f"/proc/{process}/task").glob("*/children")]
    except OSError:
        return []
    return [each for child in map(int, " ".join(tasks).split()) for each in (child, *_children(child))]


def _high_water(process: int) -> int:
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text(encoding="utf-8"))
    except OSError:
        return 0
    return int(found[1]) if found else 0


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f}" if sys.platform != "win32" else "unknown"


def machine() -> dict[str, str]:
    """Return what the figures depend on, and nothing that tells whose machine it is."""
    cpu = platform.processor() or platform.machine()
    if (path := Path("/proc/cpuinfo")).exists():
        found = re.search(r"^model name\s*:\s*(.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        cpu = found[1] if found else cpu
    libraries = ", ".join(f"{name} {version(name)}" for name in ("cryptography", "jwcrypto", "PyJWT"))
    return {
        "processor": f"{cpu}, {os.cpu_count()} cores",
        "system": f"{platform.system()} {platform.machine()}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}; {libraries}",
        "OpenSSL": run_program("openssl", "version").stdout.split(" (")[0].strip(),
        "load average before": f"{_load()}; other work spoils the figures",
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }
