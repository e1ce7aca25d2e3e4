"""Create tokens for a CSV file that is too large for one machine, on a Dask cluster.

Neither keys nor tokens cross the network: each worker opens the key itself and writes files of its own.
"""

# mypy: untyped-calls-exclude=distributed

import argparse
import csv
import json
import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from distributed import Client, as_completed, get_worker

from qsjwt.api import NewFile, PreparedRequest, QsJwtError, create_tokens, prepare, write_files

Row = dict[str, Any]
Outcome = tuple[int, list[tuple[int, str]]]
"""The number of a chunk's tokens, and of each bad row the number in the whole file and what is wrong with it."""


def sign_chunk(prepared: PreparedRequest, key: str, path: str, first: int, rows: list[Row]) -> Outcome:
    """Write the tokens of *rows* to *path*; this runs on a worker, whose passphrases and credentials open the key."""
    lines, errors = [], []
    for result in create_tokens(prepared, rows, key=key, jobs=get_worker().state.nthreads or 1):
        number = first + result.row.number - 1
        if result.token is not None:
            record = {"row": number, "token": result.token.compact, "expires_at": result.token.expires_at}
            lines.append(json.dumps(record) + "\n")
        elif result.error is not None:
            errors.append((number, result.error.message))
    # If a worker dies, Dask has its tasks done again, and the file may be there already.
    write_files([NewFile(path, "".join(lines).encode())], overwrite=True)
    return len(lines), errors


def read_rows(lines: Iterable[str]) -> Iterator[Row]:
    """Yield the rows of a CSV file without their empty cells; cells beyond the header make a column that is refused."""
    for cells in csv.DictReader(lines, restkey="more cells than the header", strict=True):
        row: Row = {name: cell for name, cell in cells.items() if cell}
        if "groups" in row:
            row["groups"] = [group.strip() for group in row["groups"].split(";") if group.strip()]
        yield row


def outcomes(
    client: Client, rows: Iterator[Row], size: int, folder: Path, sign: Callable[..., Outcome]
) -> Iterator[Outcome]:
    """Yield what becomes of each chunk of *size* rows, in the order in which they are done."""
    running, part, first = as_completed(), 1, 1
    while chunk := list(islice(rows, size)):
        path = str(folder / f"part-{part:05}.jsonl")
        running.add(client.submit(sign, path, first, chunk, pure=False))
        part, first = part + 1, first + len(chunk)
        # Each worker has one chunk that all its threads sign, and one that waits. More need not be in memory.
        while running.count() >= 2 * max(1, len(client.nthreads())):
            yield next(running).result()
    for future in running:
        yield future.result()


def main() -> int:
    """Return 0 if all rows have their tokens, 2 if some are bad."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("csv", type=Path, help="its columns are options without dashes; groups are divided by ;")
    parser.add_argument("folder", type=Path, help="for part-00001.jsonl and so on; all workers reach it by this name")
    parser.add_argument("--platform", default="qseow", help="default %(default)s")
    parser.add_argument("--key", required=True, help="a reference that names the same key on each worker")
    parser.add_argument("--userdir", help="of rows that have none themselves")
    parser.add_argument("--expires", help="of rows that have none themselves, such as 48h")
    parser.add_argument("--chunk", type=int, default=10_000, help="rows of a task; default %(default)s")
    parser.add_argument("--scheduler", help="such as tls://host:8786; without it, processes of this machine are used")
    parser.add_argument("--workers", type=int, help="how many processes of this machine; default: one for each core")
    options = parser.parse_args()
    if options.key.startswith(("create:", "inline:", "stdin:")):
        parser.error("--key: this is not a reference by which each worker can open the same key")
    if options.chunk < 1:
        parser.error("--chunk: a task has one row or more")
    folder = options.folder.absolute()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(folder.glob("part-*.jsonl")):
        parser.error("the folder has the tokens of another run")
    # Checked here and sent to the workers, which have the key.
    prepared = prepare(options.platform, userdir=options.userdir, expires=options.expires)
    sign = partial(sign_chunk, prepared, options.key)
    local: dict[str, Any] = {}
    if options.scheduler is None:
        # TLS also on one machine: whoever reaches a scheduler can have its workers run code, and sign.
        local = {"n_workers": options.workers, "threads_per_worker": 1, "security": True, "dashboard_address": None}
        local["silence_logs"] = logging.CRITICAL  # what is wrong is told below, once
    tokens = bad = 0
    with options.csv.open(encoding="utf-8-sig", newline="") as lines, Client(options.scheduler, **local) as client:
        for made, errors in outcomes(client, read_rows(lines), options.chunk, folder, sign):
            tokens, bad = tokens + made, bad + len(errors)
            for number, message in errors:
                print(f"row {number}: {message}", file=sys.stderr)
    print(f"{tokens + bad} rows: {tokens} tokens, {bad} bad", file=sys.stderr)
    return 2 if bad else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (QsJwtError, OSError, UnicodeError, csv.Error) as error:
        sys.exit(f"error: {error}")
