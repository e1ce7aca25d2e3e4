"""Where a program made by PyInstaller starts: take back what its loader and a cache would leave, then run qsjwt."""

import os
import sys

from qsjwt import startup
from qsjwt.batch import frozen
from qsjwt.cli.process import program


def _give_back_library_path() -> None:
    """Let the helper of ``exec:`` find the system's libraries: on Linux the loader has put ours before them."""
    ours = getattr(sys, "_MEIPASS", "")
    if os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)[0] == ours:
        del os.environ["LD_LIBRARY_PATH"]
        if before := os.environ.pop("LD_LIBRARY_PATH_ORIG", ""):
            os.environ["LD_LIBRARY_PATH"] = before


def _keep_no_cache() -> None:
    """Keep stevedore from writing a cache: one file unpacks to a new folder each time, and each has a cache of its own.

    stevedore has no other switch but a file in the user's folder.
    """
    from stevedore import _cache

    _cache._c._disable_caching = True  # noqa: SLF001 - see above


if __name__ == "__main__":
    startup.begin()
    _give_back_library_path()
    _keep_no_cache()
    if sys.argv[1:] == [frozen.WORKER]:
        from qsjwt.batch.worker import main_of_frozen

        main_of_frozen()
    frozen.command = [sys.executable, frozen.WORKER]
    program()
