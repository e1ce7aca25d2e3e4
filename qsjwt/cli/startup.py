"""Postpone imports of the libraries' that making one token never uses.

cliff, stevedore and jwcrypto import these modules at their top, which is a third of the time of one token;
doc/decisions/0003 has the figures.
"""

import importlib.util
import sys
import threading
from types import ModuleType
from typing import Any, Final

# A package is imported with the first of its modules here, so what it imports itself comes before.
SELDOM_USED: Final = (
    "traceback",  # logging formats exceptions with it
    "logging.handlers",  # cliff imports it for nothing
    "cryptography.x509",  # jwcrypto.jwk reads certificates with it
    "calendar",  # email.utils, below importlib.metadata, for dates of mail
    "csv",  # importlib.metadata, for lists of files
    "datetime",  # calendar and email.utils
    "ipaddress",  # urllib.parse, for addresses in brackets
    "random",  # email.utils, for message IDs
    "socket",  # email.utils, for message IDs
    "subprocess",  # autopage, below cliff, starts a pager with it
    "tempfile",  # stevedore writes its cache with it
    "zipfile",  # importlib.metadata looks for packages in archives with it
)

_loading = threading.RLock()


def postpone_imports() -> None:
    """Put a stand-in for each of those modules that is not imported yet; it becomes the module when it is used."""
    for name in SELDOM_USED:
        if name not in sys.modules:
            _postpone(name)


class _Postponed(ModuleType):
    """A module whose code has not run.

    ``importlib.util.LazyLoader`` would do, were its module not loaded by the second ``import`` of its name.
    """

    def __getattr__(self, name: str) -> Any:
        with _loading:
            if vars(self).pop("__postponed__", False):
                spec = self.__spec__
                if spec is not None and spec.loader is not None:
                    spec.loader.exec_module(self)
                self.__class__ = ModuleType  # type: ignore[assignment]
        return object.__getattribute__(self, name)


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
