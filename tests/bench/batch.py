"""Measure tokens per second beside ``openssl speed``, and the memory of a batch: ``tox -e bench``."""

import argparse
import functools
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from qsjwt.api import Secrets, Signer, Token, open_signer
from qsjwt.tokens import jwt
from tests.bench.one_token import key_file, peak_mib, program
from tests.programs import run_program


def _openssl(bits: int, seconds: float) -> float:
    """Return the signatures per second that the machine's own OpenSSL makes."""
    text = run_program("openssl", "speed", "-elapsed", "-seconds", round(seconds), f"rsa{bits}").stdout
    found = re.search(rf"rsa\s*{bits} bits\s+\S+\s+\S+\s+([\d.]+)", text)
    if found is None:
        raise SystemExit(f"openssl speed says nothing of RSA {bits}")
    return float(found[1])


def _signing(signer: Signer, threads: int) -> Callable[[float], float]:
    """Return what signs and verifies in *threads* for some seconds, and returns tokens per second."""
    token = Token({"alg": "RS256", "typ": "JWT"}, {"userId": "anna", "userDirectory": "LAB", "exp": 2_000_000_000})

    def work(end: float, counts: list[int]) -> None:
        count = 0
        while time.perf_counter() < end:
            jwt.sign(token, signer, "RS256")
            count += 1
        counts.append(count)

    def rate(seconds: float) -> float:
        counts: list[int] = []
        start = time.perf_counter()
        workers = [threading.Thread(target=work, args=(start + seconds, counts)) for _ in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return sum(counts) / (time.perf_counter() - start)

    return rate


def _batch(folder: Path, key: Path, rows: int, jobs: int) -> list[str]:
    path = folder / f"{rows}.csv"
    if not path.exists():
        lines = "".join(f"user{n},User {n},sales;dev\n" for n in range(rows))
        path.write_text(f"userid,username,groups\n{lines}", encoding="utf-8")
    return [
        *(program(), "create-qseow", "--userdir", "LAB", "--expires", "60m", "--key", f"file:{key}"),
        *("--batch", str(path), "--output", str(folder / "tokens.jsonl"), "--jobs", str(jobs)),
    ]


def _end_to_end(folder: Path, key: Path, rows: int, jobs: int) -> Callable[[float], float]:
    command = _batch(folder, key, rows, jobs)

    def rate(_seconds: float) -> float:
        start = time.perf_counter()
        subprocess.run(command, check=True)
        return rows / (time.perf_counter() - start)

    return rate


def main() -> None:
    """Print medians as ratios to what was measured in turn with them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="default %(default)s")
    parser.add_argument("--seconds", type=int, default=2, help="of each measurement; default %(default)s")
    parser.add_argument("--rows", type=int, default=10_000, help="of a batch; default %(default)s")
    parser.add_argument("--no-memory", action="store_true", help="leave out the batch of ten times as many rows")
    options = parser.parse_args()
    if shutil.which("openssl") is None:
        raise SystemExit("openssl is not installed, and is what everything is compared with")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small, large = key_file(folder, 2048), key_file(folder, 4096)
        signers = {2048: open_signer(str(small), Secrets()), 4096: open_signer(str(large), Secrets())}
        measured: dict[str, Callable[[float], float]] = {}
        for bits, signer in signers.items():
            measured[f"openssl speed rsa{bits}"] = functools.partial(_openssl, bits)
            measured[f"RSA {bits}, one thread"] = _signing(signer, 1)
            measured[f"RSA {bits}, two threads"] = _signing(signer, 2)
        for jobs in (1, 2):
            measured[f"--batch, {options.rows} rows, --jobs {jobs}"] = _end_to_end(folder, small, options.rows, jobs)
        rates: dict[str, list[float]] = {what: [] for what in measured}
        for _ in range(options.rounds):  # in turn, so that a slow spell of the machine hits all of them
            for what, rate in measured.items():
                rates[what].append(rate(options.seconds))
        _print_ratios(rates, options.rows)
        if sys.platform != "win32" and not options.no_memory:
            peaks = [peak_mib(_batch(folder, small, rows, 2)) for rows in (options.rows, 10 * options.rows)]
            print(
                f"peak memory: {peaks[0]:.1f} MiB for {options.rows} rows, {peaks[1]:.1f} MiB for {10 * options.rows}: "
                f"{peaks[1] / peaks[0]:.2f}"
            )


def _print_ratios(rates: dict[str, list[float]], rows: int) -> None:
    print(f"medians of {len(next(iter(rates.values())))}:")
    for what, values in rates.items():
        print(f"  {what:34} {statistics.median(values):8.1f} a second")
    batch = f"--batch, {rows} rows, --jobs"
    for over, under in (
        *((f"RSA {bits}, one thread", f"openssl speed rsa{bits}") for bits in (2048, 4096)),
        *((f"RSA {bits}, two threads", f"RSA {bits}, one thread") for bits in (2048, 4096)),
        (f"{batch} 1", "RSA 2048, one thread"),
        (f"{batch} 2", "RSA 2048, two threads"),
    ):
        # Each ratio is of two values of one round, which a noisy machine hits alike.
        ratio = statistics.median(a / b for a, b in zip(rates[over], rates[under], strict=True))
        print(f"  {over} : {under} = {ratio:.2f}")


if __name__ == "__main__":
    main()
