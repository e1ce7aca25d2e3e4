"""What a user may write instead of ``create-qseow --batch``, with PyJWT: CSV from stdin to JSON Lines on stdout."""

import argparse
import csv
import functools
import json
import multiprocessing
import sys
import time
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.serialization import load_pem_private_key


@functools.cache
def key_of(path: str) -> Any:
    return load_pem_private_key(Path(path).read_bytes(), None)


def record(key: str, algorithm: str, row: dict[str, str]) -> str:
    now, user = int(time.time()), next(iter(row.values()))
    claims: dict[str, Any] = {"userId": user, "userDirectory": "LAB", "name": row.get("username")}
    claims |= {"group": row.get("groups", "").split(";"), "iat": now, "nbf": now, "exp": now + 3600}
    return json.dumps({**row, "token": jwt.encode(claims, key_of(key), algorithm)}) + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--key", required=True)
    parser.add_argument("--algorithm", default="RS256")
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    make = functools.partial(record, options.key, options.algorithm)
    rows = csv.DictReader(sys.stdin)
    if options.processes == 1:
        sys.stdout.writelines(map(make, rows))
    else:
        with multiprocessing.Pool(options.processes) as pool:
            sys.stdout.writelines(pool.imap(make, rows, chunksize=100))
