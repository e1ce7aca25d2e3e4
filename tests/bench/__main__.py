"""Measure one token and batches beside what else there is: ``tox run -e bench``."""

import argparse
import functools
import os
import statistics
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench.commands import P_384, RSA_2048, RSA_4096, Batch, Key, batches, install_jsonwebtoken, one_token
from tests.bench.measure import in_turn, machine, openssl_rate, peak_memory, ratio, seconds
from tests.bench.page import BASE, PAGE, tables, write


def main() -> None:
    """Print the figures, and write them to the page if that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="of batches; default %(default)s")
    parser.add_argument("--token-rounds", type=int, default=31, help="of one token; default %(default)s")
    parser.add_argument("--scale", type=float, default=1.0, help="of the numbers of rows, to try the benchmark out")
    parser.add_argument("--full", action="store_true", help="measure the memory of 1,000,000 rows, too")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name}, its data and its plot")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        install_jsonwebtoken(folder)
        few, many, *long = (int(count * options.scale) for count in (1_000, 10_000, 100_000, 1_000_000))
        kinds = [(RSA_2048, many), (RSA_2048, few), (RSA_4096, few), (P_384, few)]
        figures = {
            "machine": machine(),
            "rounds": {"one_token": options.token_rounds, "batches": options.rounds},
            "one_token": _one_token(folder, options.token_rounds),
            "batches": _batches(folder, kinds, options.rounds),
            "memory": [_memory(folder, count) for count in [many, *long[: 2 if options.full else 1]]],
        }
    print(tables(figures))
    if options.write:
        write(figures)


def _one_token(folder: Path, rounds: int) -> list[tuple[str, float, float]]:
    run = functools.partial(subprocess.run, check=True, stdout=subprocess.DEVNULL)
    commands = dict(one_token(folder))
    for command in commands.values():
        run(command)  # fills the file cache, and stevedore's
    measured = {what: functools.partial(seconds, functools.partial(run, each)) for what, each in commands.items()}
    found = in_turn(measured, rounds)
    base = next(iter(found.values()))
    return [(what, 1000 * statistics.median(took), ratio(took, base)) for what, took in found.items()]


def _batches(folder: Path, kinds: list[tuple[Key, int]], rounds: int) -> list[dict[str, Any]]:
    measured: dict[tuple[Key, int, int, str], Callable[[], float]] = {}
    for key, rows in kinds:
        for cores in sorted({1, 2, os.cpu_count() or 1}):
            measured[key, rows, cores, BASE] = functools.partial(openssl_rate, key, cores)
            for batch in batches(folder, key, rows, cores):
                measured[key, rows, cores, batch.what] = functools.partial(_rate, batch)
    found = in_turn(measured, rounds)
    told: dict[tuple[Key, int, int], dict[str, tuple[float, float]]] = {}
    for (key, rows, cores, what), rates in found.items():
        compared = ratio(rates, found[key, rows, cores, BASE])
        told.setdefault((key, rows, cores), {})[what] = (statistics.median(rates), compared)
    return [{"key": key.name, "rows": rows, "cores": cores, "rates": r} for (key, rows, cores), r in told.items()]


def _rate(batch: Batch) -> float:
    return batch.rows / seconds(batch.run)


def _memory(folder: Path, rows: int) -> dict[str, Any]:
    first, *others = peak_memory(next(batches(folder, RSA_2048, rows, 2)))
    return {"rows": rows, "processes": 1 + len(others), "first": first, "others": max(others, default=0.0)}


if __name__ == "__main__":
    main()
