"""Postpone imports of the libraries' that making one token never uses.

cliff and jwcrypto import these at their top; together they take a third of the run (doc/decisions/0003).
"""

import importlib.util
import sys
from typing import Final

_SELDOM_USED: Final = (
    "inspect",
    "logging.handlers",
    "cryptography.x509",
)


def postpone_imports() -> None:
    """Let each of those modules be loaded when something of it is first used."""
    for name in _SELDOM_USED:
        if name not in sys.modules:
            _postpone(name)


def _postpone(name: str) -> None:
    parent, _, child = name.rpartition(".")
    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        return
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    if parent:
        setattr(sys.modules[parent], child, module)
    spec.loader.exec_module(module)
