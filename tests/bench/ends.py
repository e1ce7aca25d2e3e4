"""Ask a batch to end at random moments, many times, and count how it ends: ``python -m tests.bench.ends 4000``."""

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from tests.bench.commands import RSA_2048
from tests.conftest import interruptible

ROWS: Final = 120
SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


def _command(folder: Path, *more: object) -> list[str]:
    batch = folder.parent / "batch.csv"
    base = [sys.executable, "-m", "qsjwt", "create-qseow", "--userdir", "LAB", "--expires", "60m", "--jobs", "4"]
    return [*base, "--key", str(folder.parent / "rsa2048.pem"), "--batch", str(batch), *map(str, more)]


def _catches(process: "subprocess.Popen[bytes]", number: int) -> bool:
    """Tell whether the program's own handler is in place: before that, a signal ends Python itself. Linux has /proc."""
    for line in Path(f"/proc/{process.pid}/status").read_text(encoding="ascii").splitlines():
        name, _, mask = line.partition(":")
        if name == "SigCgt":
            return bool(int(mask, 16) & 1 << (number - 1))
    return False


def _wrong(text: bytes, *, may_be_short: bool) -> str:
    """Return what is wrong with the records in *text*; nothing if they are whole."""
    try:
        rows = [json.loads(line)["row"] for line in text.splitlines()]
    except (ValueError, KeyError):
        return "half a record"
    if text and not text.endswith(b"\n"):
        return "half a record"
    if rows != list(range(1, len(rows) + 1)):
        return "rows out of order"
    return "" if may_be_short or len(rows) == ROWS else "half a file"


def _outcome(folder: Path, number: int, delay: float, *, to_file: bool) -> str:
    """Return how one run ended: what was wrong in capitals."""
    output = folder / "tokens.jsonl"
    process = subprocess.Popen(
        _command(folder, *(["--output", output] if to_file else [])),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=interruptible,  # noqa: PLW1509 - it sets two signals and takes no lock
    )
    while process.poll() is None and not _catches(process, signal.SIGTERM):
        time.sleep(0.002)
    time.sleep(delay)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=120)
    left = sorted(path.name for path in folder.iterdir())
    faults = [
        stderr and f"stderr: {stderr.decode()}",
        process.returncode not in (0, 128 + number, -number) and f"exit {process.returncode}",
        _wrong(stdout, may_be_short=process.returncode != 0 or to_file),
        to_file and process.returncode == 0 and not output.exists() and "no file",
        output.exists() and _wrong(output.read_bytes(), may_be_short=False),
        [name for name in left if name != output.name] and f"left behind: {left}",
    ]
    if found := [str(fault) for fault in faults if fault]:
        return f"WRONG after {delay:.3f} s: {'; '.join(found)}"
    # With the default action again, the program had done its work, and Python was about to end.
    return {0: "was done before", -number: "was done, Python was ending"}.get(process.returncode, "ended by request")


def main() -> None:
    """Print how often each outcome was seen, and exit with 1 if one was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=400, help="runs; default %(default)s")
    parser.add_argument("--at-once", type=int, default=4, help="runs side by side, for the load; default %(default)s")
    parser.add_argument("--seed", type=int, default=None, help="of the moments")
    options = parser.parse_args()
    chance = random.Random(options.seed)  # noqa: S311 - moments, no secrets
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(options.at_once) as pool:
        place = Path(name)
        RSA_2048.file(place)
        rows = "".join(f"user{n}\n" for n in range(ROWS))
        (place / "batch.csv").write_text(f"userid\n{rows}", encoding="ascii")

        def timed(run: int) -> float:
            folder = place / f"timed{run}"
            folder.mkdir()
            start = time.perf_counter()
            subprocess.run(_command(folder), check=True, stdout=subprocess.DEVNULL)
            return time.perf_counter() - start

        # As many at once as later, so that the moments cover the whole of a run under this load.
        longest = max(pool.map(timed, range(2 * options.at_once)))

        def one(run: int) -> str:
            folder = place / str(run)
            folder.mkdir()
            return _outcome(folder, SIGNALS[run % 2], chance.uniform(0, longest), to_file=run % 4 < 2)

        outcomes = Counter(pool.map(one, range(options.count)))
    print(f"{options.count} runs of up to {longest:.2f} s, {options.at_once} at once:")
    for outcome, count in outcomes.most_common():
        print(f"{count:6}  {outcome}", flush=True)
    raise SystemExit(any(outcome.startswith("WRONG") for outcome in outcomes))


if __name__ == "__main__":
    main()
