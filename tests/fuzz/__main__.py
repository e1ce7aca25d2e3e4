"""Fuzz each target with atheris for some minutes, and tell how often and what was found: ``python -m tests.fuzz``."""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.fuzz.targets import TARGETS

SECONDS_PER_INPUT: Final = 10
"""An input that takes longer is a finding."""

MEGABYTES: Final = 2048
"""A process that needs more is a finding."""

MAX_INPUT_BYTES: Final = 8192
_DONE: Final = re.compile(r"stat::number_of_executed_units:\s*(\d+)")


def main() -> int:
    """Return 1 if there was a finding, or 0."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"{', '.join(TARGETS)}; default all")
    parser.add_argument("--minutes", type=float, default=1, help="for each target; default 1")
    parser.add_argument("--runs", type=int, default=-1, help="for each target, if that comes first; default no limit")
    parser.add_argument("--findings", type=Path, default=Path("findings"), help="folder; default ./findings")
    chosen = parser.parse_args()
    if unknown := set(chosen.targets) - set(TARGETS):
        parser.error(f"there is no target {', '.join(sorted(unknown))}")
    found = []
    for name in chosen.targets or TARGETS:
        folder = chosen.findings / name
        folder.mkdir(parents=True, exist_ok=True)
        start = time.monotonic()
        runs = _fuzzed(name, folder, chosen.minutes * 60, chosen.runs)
        inputs = sorted(path for path in folder.iterdir() if path.suffix != ".txt")
        print(f"{name}: {runs} executions in {time.monotonic() - start:.0f} s, {len(inputs)} findings", flush=True)
        found += inputs
    for path in found:
        said = path.with_suffix(".txt")
        last = said.read_text(encoding="utf-8").strip().splitlines()[-1] if said.exists() else "too slow, or too large"
        print(f"{path}: {last}")
    return 1 if found else 0


def _fuzzed(name: str, folder: Path, seconds: float, runs: int) -> int:
    """Fuzz the target *name* for so long, or so often, and return how often; -1 *runs* are no limit."""
    with tempfile.TemporaryDirectory() as place:
        corpus, words = Path(place) / "corpus", Path(place) / "words"
        corpus.mkdir()
        for number, seed in enumerate(TARGETS[name].seeds()):
            (corpus / f"seed-{number}").write_bytes(seed)
        lines = ("".join(f"\\x{byte:02x}" for byte in word) for word in TARGETS[name].words)
        words.write_text("".join(f'"{line}"\n' for line in lines), encoding="ascii")
        done, end = 0, time.monotonic() + seconds
        # What hangs ends its process; the next one goes on with the same corpus.
        while (left := int(end - time.monotonic())) > 0 and done != runs:
            command: list[str | Path] = [
                *(sys.executable, "-m", "tests.fuzz.worker", name, folder, corpus),
                *(f"-dict={words}", f"-artifact_prefix={folder}/", f"-max_len={MAX_INPUT_BYTES}"),
                *(f"-timeout={SECONDS_PER_INPUT}", f"-rss_limit_mb={MEGABYTES}", f"-max_total_time={left}"),
                *(f"-runs={runs - done if runs >= 0 else -1}", "-print_final_stats=1", "-verbosity=1"),
            ]
            ended = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", check=False)
            if (told := _DONE.search(ended.stderr)) is None:
                raise SystemExit(f"the fuzzer did not run:\n{ended.stderr[-4000:]}")
            done += int(told[1])
    return done


if __name__ == "__main__":
    sys.exit(main())
