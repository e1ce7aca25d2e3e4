"""The process: what only a program may do to its interpreter, around ``app.main``.

Two tricks save nearly a third of the CPU time of one token: postponed imports, and no garbage collection.
"""

import gc
import importlib.util
import os
import sys
import threading
import warnings
from types import ModuleType
from typing import Any, Final, NoReturn

from qsjwt.io.ending import end_at_once, end_by_exception, exit_code_of

# cliff, stevedore and jwcrypto import these at their top, and one token uses none of them. Without stand-ins it takes
# 13.3 times the CPU time of python -c pass instead of 11.2; doc/decisions/0003 has the measurement.
# A package is imported with the first of its modules here, so what it imports itself comes before.
SELDOM_USED: Final = (
    "traceback",  # logging formats exceptions with it
    "logging.handlers",  # cliff imports it for nothing
    "cryptography.x509",  # jwcrypto.jwk reads certificates with it
    "calendar",  # email.utils, below importlib.metadata, for dates of mail
    "copy",  # dataclasses, for defaults
    "csv",  # importlib.metadata, for lists of files
    "datetime",  # calendar and email.utils
    "email.header",  # email._policybase, for headers beyond ASCII
    "ipaddress",  # urllib.parse, for addresses in brackets
    "linecache",  # inspect, for source text
    "random",  # email.utils, for message IDs
    "socket",  # email.utils, for message IDs
    "subprocess",  # autopage, below cliff, starts a pager with it
    "tempfile",  # stevedore writes its cache with it
    "tokenize",  # inspect and linecache, for source text
    "zipfile",  # importlib.metadata looks for packages in archives with it
)

_loading = threading.RLock()


def program() -> NoReturn:
    """Run qsjwt and end the process with its exit code."""
    # Nothing that is imported becomes garbage. Collecting among it, now and at the end, one token takes 13.6 times the
    # CPU time of python -c pass instead of 11.2.
    gc.disable()
    try:
        end_by_exception()
        postpone_imports()
        if not sys.warnoptions:
            warnings.simplefilter("ignore")
        for stream in (sys.stdout, sys.stderr):
            if stream is not None and hasattr(stream, "reconfigure"):
                stream.reconfigure(encoding="utf-8", errors="backslashreplace", newline="\n")
        from qsjwt.cli.app import main

        gc.freeze()
        gc.enable()
        code = main()
        end_at_once()
    except BaseException as raised:
        end_at_once()
        requested = exit_code_of(raised)
        if requested is None:
            raise
        code = requested
    _leave_no_output_behind()
    gc.freeze()
    sys.exit(code)


def _leave_no_output_behind() -> None:
    """Keep the interpreter from writing to a closed pipe or a full disk once more, and complaining, at its end."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def postpone_imports() -> None:
    """Put a stand-in for each module that one token never uses; it becomes the module when it is used."""
    for name in SELDOM_USED:
        if name not in sys.modules:
            _postpone(name)


class _Postponed(ModuleType):
    """A module whose code has not run.

    ``importlib.util.LazyLoader`` would do, were its module not loaded by the second ``import`` of its name.
    """

    def __getattr__(self, name: str) -> Any:
        with _loading:
            if vars(self).get("__postponed__"):
                self._load()
        return object.__getattribute__(self, name)

    def _load(self) -> None:
        state = vars(self)
        before = state.copy()
        try:
            state["__postponed__"] = False  # its own code may ask it for names
            spec = self.__spec__
            if spec is not None and spec.loader is not None:
                spec.loader.exec_module(self)
            del state["__postponed__"]
            self.__class__ = ModuleType  # type: ignore[assignment]
        except BaseException:
            # What unwinds the program may need it, and half a module is none.
            state.clear()
            state.update(before)
            raise


def _postpone(name: str) -> None:
    spec = importlib.util.find_spec(name)
    if spec is None:
        return
    module = importlib.util.module_from_spec(spec)
    module.__class__ = _Postponed
    vars(module)["__postponed__"] = True
    sys.modules[name] = module
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, module)
