"""The process: what only a program may do to its interpreter, around ``app.main``.

Two tricks save nearly a third of the CPU time of one token: postponed imports, and no garbage collection.
"""

import gc
import importlib
import importlib.util
import os
import sys
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, NoReturn, TypeVar

from qsjwt.io.ending import end_at_once, end_by_exception, exit_code_of

T = TypeVar("T")

# cliff, stevedore and jwcrypto import these at their top, and one token uses none of them; doc/decisions/0003 says what
# that saves. A package is imported with the first of its modules here, so what it imports itself comes before.
SELDOM_USED: Mapping[str, Sequence[str]] = {
    "traceback": (),  # logging formats exceptions with it
    "logging.handlers": (),  # cliff imports it for nothing
    "inspect": (),  # cliff, dataclasses and typing_extensions look at signatures and source text with it
    "csv": (),  # importlib.metadata, for lists of files
    "ipaddress": (),  # urllib.parse, for addresses in brackets
    "random": (),  # cryptography finds the primes of an RSA key with it
    "subprocess": (),  # autopage, below cliff, starts a pager with it
    "tempfile": (),  # stevedore writes its cache with it
    "zipfile": (),  # importlib.metadata looks for packages in archives with it
    "importlib.metadata._adapters": (),  # its parent reads with it, as mail, what packages say of themselves
    "cryptography.x509": (),  # jwcrypto.jwk reads certificates with it
    "cryptography.hazmat.backends.openssl.backend": ("backend",),  # jwcrypto hands it to functions that ignore it
    "cryptography.hazmat.primitives.serialization.ssh": (  # its parent reads keys and certificates of OpenSSH with it
        *("SSHCertificate", "SSHCertificateBuilder", "SSHCertificateType"),
        *("SSHCertPrivateKeyTypes", "SSHCertPublicKeyTypes", "SSHPrivateKeyTypes", "SSHPublicKeyTypes"),
        *("load_ssh_private_key", "load_ssh_public_identity", "load_ssh_public_key", "ssh_key_fingerprint"),
    ),
}
"""Modules, and those of their objects that are imported by name."""

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
    for name, objects in SELDOM_USED.items():
        _postpone(name, objects)
    # jwcrypto marks functions as deprecated with it, which leads to warnings that are shown if they are asked for.
    if not sys.warnoptions:
        _postpone("typing_extensions", (), deprecated=_unmarked)


def _unmarked(_message: str) -> Callable[[T], T]:
    """Mark nothing as deprecated, since nobody is shown a warning."""
    return lambda marked: marked


class _Postponed(ModuleType):
    """A module whose code has not run.

    ``importlib.util.LazyLoader`` would do, were its module not loaded by the second ``import`` of its name.
    """

    def __getattr__(self, name: str) -> Any:
        if name != "__path__":  # which from … import asks for, and a package has it by now
            _require_loaded(self)
        return object.__getattribute__(self, name)


class _PostponedObject:
    """A function, class or other object of a postponed module, which is loaded when the object is used."""

    def __init__(self, module: ModuleType, name: str) -> None:
        self._place = (module, name)

    def _loaded(self) -> Any:
        module, name = self._place
        _require_loaded(module)
        return vars(module)[name]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loaded(), name)

    def __call__(self, *given: Any, **named: Any) -> Any:
        return self._loaded()(*given, **named)

    def __instancecheck__(self, value: object) -> bool:
        return isinstance(value, self._loaded())

    def __subclasscheck__(self, value: type) -> bool:
        return issubclass(value, self._loaded())

    def __mro_entries__(self, _bases: tuple[Any, ...]) -> tuple[Any, ...]:
        return (self._loaded(),)


def _require_loaded(module: ModuleType) -> None:
    with _loading:
        state = vars(module)
        if not state.get("__postponed__"):
            return
        before = state.copy()
        try:
            state["__postponed__"] = False  # its own code may ask it for names
            spec = module.__spec__
            if spec is not None and spec.loader is not None:
                spec.loader.exec_module(module)
            del state["__postponed__"]
            module.__class__ = ModuleType
        except BaseException:
            # What unwinds the program may need it, and half a module is none.
            state.clear()
            state.update(before)
            raise


def _postpone(name: str, objects: Sequence[str], **known: object) -> None:
    if name in sys.modules or (spec := _spec_of(name)) is None:
        return
    module = importlib.util.module_from_spec(spec)
    module.__class__ = _Postponed
    vars(module).update({each: _PostponedObject(module, each) for each in objects}, __postponed__=True, **known)
    sys.modules[name] = module
    parent, _, child = name.rpartition(".")
    if parent:  # is imported no earlier, since it may import the module itself
        vars(importlib.import_module(parent)).setdefault(child, module)


def _spec_of(name: str) -> ModuleSpec | None:
    """Return what :func:`importlib.util.find_spec` does, but import no parent."""
    parent = name.rpartition(".")[0]
    outer = _spec_of(parent) if parent else None
    if parent and outer is None:
        return None
    path = outer.submodule_search_locations if outer else None
    return next((spec for finder in sys.meta_path if (spec := finder.find_spec(name, path))), None)
