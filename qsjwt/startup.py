"""How a process that is all ours starts: what it may never use is imported later, and garbage is not looked for.

Only the program and the processes of a batch do that, never who imports ``qsjwt.api``.
"""

import contextlib
import gc
import importlib
import sys
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from importlib.abc import Loader

T = TypeVar("T")

_OF_CRYPTOGRAPHY = "cryptography.hazmat.primitives"

# cliff, stevedore, jwcrypto, what they are made of and what --help lists import these at their top, and one token uses
# none of them; doc/decisions/0003 says what that saves.
SELDOM_USED: Mapping[str, Sequence[str]] = {
    "traceback": (),  # logging formats exceptions with it
    "logging.handlers": (),  # cliff imports it for nothing
    "inspect": (),  # cliff, dataclasses and typing_extensions look at signatures and source text with it
    "csv": (),  # importlib.metadata, for lists of files
    "email.utils": ("parsedate_to_datetime",),  # we read dates of HTTP with it
    "gettext": (),  # argparse translates with it
    "hashlib": (),  # stevedore names its cache with it
    "hmac": (),  # cryptography compares with it
    "importlib.resources": (),  # importlib.abc offers what has moved there
    "importlib.resources.abc": ("ResourceReader", "Traversable", "TraversableResources"),
    "ipaddress": (),  # urllib.parse, for addresses in brackets
    "locale": (),  # cliff sets it
    "pickle": ("dumps", "loads"),  # rich keeps what belongs to a style with it
    "random": (),  # cryptography finds the primes of an RSA key with it
    "subprocess": (),  # autopage, below cliff, starts a pager with it
    "tempfile": (),  # stevedore writes its cache with it
    "typing_extensions": (),  # jwcrypto marks functions as deprecated with it
    "urllib.parse": ("quote", "quote_from_bytes", "unquote", "urlencode"),  # pathlib, for addresses of files
    "uuid": (),  # we make IDs of tokens with it
    "zipfile": (),  # importlib.metadata looks for packages in archives with it
    "importlib.metadata._adapters": (),  # its parent reads with it, as mail, what packages say of themselves
    "cliff._argparse": ("ArgumentParser", "SmartHelpFormatter"),  # we have a parser of our own
    "cliff.complete": ("CompleteCommand",),  # and these two commands
    "cliff.help": ("HelpAction", "HelpCommand"),
    "stevedore.enabled": ("EnabledExtensionManager",),  # its parent offers all its managers
    "stevedore.hook": ("HookManager",),
    "cryptography.x509": (),  # jwcrypto.jwk reads certificates with it
    "cryptography.hazmat.backends.openssl.backend": ("backend",),  # jwcrypto hands it to functions that ignore it
    f"{_OF_CRYPTOGRAPHY}.asymmetric.ec": (),  # jwcrypto signs with these keys, but with those of RSA more often
    f"{_OF_CRYPTOGRAPHY}.asymmetric.ed25519": ("Ed25519PrivateKey", "Ed25519PublicKey"),  # keys that Qlik cannot use
    f"{_OF_CRYPTOGRAPHY}.asymmetric.ed448": ("Ed448PrivateKey", "Ed448PublicKey"),
    f"{_OF_CRYPTOGRAPHY}.asymmetric.mldsa": (
        *("MLDSA44PrivateKey", "MLDSA44PublicKey", "MLDSA65PrivateKey"),
        *("MLDSA65PublicKey", "MLDSA87PrivateKey", "MLDSA87PublicKey"),
    ),
    f"{_OF_CRYPTOGRAPHY}.asymmetric.x448": ("X448PrivateKey", "X448PublicKey"),
    f"{_OF_CRYPTOGRAPHY}.ciphers": ("Cipher", "algorithms", "modes"),  # jwcrypto.jwa encrypts with these
    f"{_OF_CRYPTOGRAPHY}.kdf.concatkdf": ("ConcatKDFHash",),
    f"{_OF_CRYPTOGRAPHY}.kdf.pbkdf2": ("PBKDF2HMAC",),
    f"{_OF_CRYPTOGRAPHY}.keywrap": ("aes_key_unwrap", "aes_key_wrap"),
    f"{_OF_CRYPTOGRAPHY}.padding": ("PKCS7",),
    f"{_OF_CRYPTOGRAPHY}.serialization.ssh": (  # its parent reads keys and certificates of OpenSSH with it
        *("SSHCertificate", "SSHCertificateBuilder", "SSHCertificateType"),
        *("SSHCertPrivateKeyTypes", "SSHCertPublicKeyTypes", "SSHPrivateKeyTypes", "SSHPublicKeyTypes"),
        *("load_ssh_private_key", "load_ssh_public_identity", "load_ssh_public_key", "ssh_key_fingerprint"),
    ),
}
"""Modules, and those of their objects that are imported by name."""

_being_loaded: set[str] = set()


def begin() -> None:
    """Postpone imports, show no warnings that nobody asked for, and collect no garbage until :func:`imported`."""
    # Nothing that is imported becomes garbage.
    gc.disable()
    postpone_imports()
    if not sys.warnoptions:
        warnings.simplefilter("ignore")


def imported() -> None:
    """Begin to collect garbage, but not among what is imported by now."""
    gc.freeze()
    gc.enable()


def postpone_imports() -> None:
    """Let a module that one token never uses be imported as a stand-in, which becomes the module when it is used."""
    if _Finder not in sys.meta_path:
        sys.meta_path.insert(0, _Finder)


class _Finder:
    """Finds what is :data:`SELDOM_USED` where others do, but has it loaded later."""

    @classmethod
    def find_spec(
        cls, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in SELDOM_USED:
            return None
        others = (finder for finder in sys.meta_path if finder is not cls)
        spec = next((spec for finder in others if (spec := finder.find_spec(name, path, target))), None)
        if spec is not None and spec.loader is not None:
            spec.loader = cast("Loader", _LaterLoader(spec.loader))
        return spec


class _LaterLoader:
    """Makes a stand-in of a module, whose own loader is asked when it is used.

    ``importlib.util.LazyLoader`` would do, were its module not loaded by the second ``import`` of its name.
    """

    def __init__(self, loader: "Loader") -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        module.__class__ = _Postponed
        used = _USED.get(name, dict)()
        vars(module).update({each: _PostponedObject(module, each) for each in SELDOM_USED[name]}, **used)
        # A lock for each: one for all would be held while others, which hold what it waits for, wait for it.
        vars(module)["__postponed__"] = threading.RLock()


class _Postponed(ModuleType):
    """A module whose code has not run."""

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
        return getattr(module, name)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loaded(), name)

    def __call__(self, *given: Any, **named: Any) -> Any:
        return self._loaded()(*given, **named)

    def __instancecheck__(self, value: object) -> bool:
        return isinstance(value, self._loaded())

    def __subclasscheck__(self, value: type) -> bool:
        return issubclass(value, self._loaded())

    def __eq__(self, other: object) -> bool:
        return bool(self._loaded() == other)

    def __hash__(self) -> int:
        return hash(self._loaded())

    def __or__(self, other: Any) -> Any:
        return self._loaded() | other

    def __ror__(self, other: Any) -> Any:
        return other | self._loaded()

    def __mro_entries__(self, _bases: tuple[Any, ...]) -> tuple[Any, ...]:
        return (self._loaded(),)


def _require_loaded(module: ModuleType) -> None:
    name, state = module.__name__, vars(module)
    lock = state.get("__postponed__")
    if lock is None:
        return
    with lock:
        if "__postponed__" not in state or name in _being_loaded:  # its own code may ask it for names
            return
        before = state.copy()
        _being_loaded.add(name)
        try:
            for each in SELDOM_USED[name]:
                if isinstance(state[each], _PostponedObject):  # and not what a package has a module of its own for
                    del state[each]
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
        finally:
            _being_loaded.discard(name)


def _borrowed(modules: Sequence[str], *names: str) -> dict[str, object]:
    """Return objects that a module takes from one of *modules*, which costs less; none if there is none."""
    for module in modules:
        with contextlib.suppress(ImportError):
            inside = vars(importlib.import_module(module))
            return {name: inside[name] for name in names}
    return {}


def _plural(singular: str, plural: str, number: int) -> str:
    return singular if number == 1 else plural


def _unmarked(_message: str) -> Callable[[T], T]:
    """Mark nothing as deprecated, since nobody is shown a warning."""
    return lambda marked: marked


_USED: Mapping[str, Callable[[], Mapping[str, object]]] = {
    "gettext": lambda: {"gettext": str, "ngettext": _plural},  # argparse comes without translations
    "hashlib": lambda: _borrowed(["_sha2", "_sha256"], "sha256"),  # OpenSSL's would be another than cryptography's
    "locale": lambda: _borrowed(["_locale"], "Error", "LC_ALL", "setlocale"),
    # Deprecated functions lead to warnings, which are shown if they are asked for.
    "typing_extensions": lambda: {} if sys.warnoptions else {"deprecated": _unmarked},
}
"""What one token does use of some of them."""
