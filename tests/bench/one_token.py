"""Time one token as a user pays for it, as a ratio to the interpreter's own start: ``tox -e bench``."""

import argparse
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.programs import run_program


def _seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def key_file(folder: Path, bits: int) -> Path:
    """Return the file of a new key."""
    path = folder / f"{bits}.pem"
    key = rsa.generate_private_key(65537, bits)
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path


def peak_mib(command: list[str]) -> float:
    """Return the largest resident size that a child process had."""
    code = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    largest = int(run_program(sys.executable, "-c", code, *command).stdout)
    return largest / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def program() -> str:
    """Return the path of the program that is installed beside this interpreter."""
    return str(Path(sysconfig.get_path("scripts")) / ("qsjwt.exe" if sys.platform == "win32" else "qsjwt"))


def main() -> None:
    """Print the medians and their ratios, the peak memory, and the imports that take longest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="default %(default)s")
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        create = [program(), "create-qseow", "--userdir", "LAB", "--userid", "anna", "--expires", "60m", "--key"]
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "create-qseow, RSA 2048": [*create, f"file:{key_file(Path(folder), 2048)}"],
            "create-qseow, RSA 4096": [*create, f"file:{key_file(Path(folder), 4096)}"],
        }
        for command in commands.values():
            _seconds(command)  # fills the file cache, and stevedore's
        times: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(rounds):  # in turn, so that a slow spell of the machine hits all of them
            for name, command in commands.items():
                times[name].append(_seconds(command))
        medians = {name: statistics.median(values) for name, values in times.items()}
        base, small, large = medians.values()
        print(f"medians of {rounds}:")
        for name, median in medians.items():
            print(f"  {name:24} {median * 1000:7.1f} ms  {median / base:5.2f} x python -c pass")
        print(f"  RSA 4096 : RSA 2048 = {large / small:.2f}")
        token = commands["create-qseow, RSA 2048"]
        if sys.platform != "win32":
            print(f"  peak memory of one token {peak_mib(token):.1f} MiB")
        traced = run_program(sys.executable, "-X", "importtime", "-m", "qsjwt", *token[1:])
    lines = [line.removeprefix("import time:").split("|") for line in traced.stderr.splitlines()[1:]]
    slowest = sorted(((int(own), name.strip()) for own, _, name in lines if own.strip().isdigit()), reverse=True)
    print(f"{len(slowest)} imports; those that take longest themselves:")
    for own, name in slowest[:20]:
        print(f"  {own / 1000:6.1f} ms  {name}")


if __name__ == "__main__":
    main()
