"""One process of atheris with one target: ``python -m tests.fuzz.worker TARGET FOLDER CORPUS -runs=…``."""

import hashlib
import sys
import traceback
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["qsjwt", "qsjwt_platforms"]):
    from tests.fuzz.targets import TARGETS


def main() -> None:
    """Fuzz; what is found is written to the folder, once for each place where it was raised, and the run goes on."""
    _, name, folder, *arguments = sys.argv
    target = TARGETS[name]

    def attempt(data: bytes) -> None:
        try:
            target.attempt(data)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # a panic in Rust is no Exception
            _keep(Path(folder), data, error)

    atheris.Setup([sys.argv[0], *arguments], attempt)
    atheris.Fuzz()


def _keep(folder: Path, data: bytes, error: BaseException) -> None:
    # The error whose words are at fault is the context of the assertion about them.
    chain = [error, *([error.__context__] if error.__context__ else [])]
    frames = [traceback.extract_tb(link.__traceback__)[-1] for link in chain]
    places = " ".join(
        f"{type(link).__name__} {frame.name}:{frame.lineno}" for link, frame in zip(chain, frames, strict=True)
    )
    place = hashlib.sha256(places.encode()).hexdigest()[:12]
    found = folder / f"crash-{place}"
    if not found.exists():
        found.write_bytes(data)
        found.with_suffix(".txt").write_text("".join(traceback.format_exception(error)), encoding="utf-8")


if __name__ == "__main__":
    main()
