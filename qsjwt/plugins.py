"""Find plugins by their entry points and load them one at a time, each as a stranger."""

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from types import TracebackType
from typing import Any, Final, TypeVar

import stevedore

from qsjwt.cli.output import give_stdout_back, keep_stdout_clean
from qsjwt.errors import HelpWanted, PluginError, QsJwtError, nearest
from qsjwt.redaction import quoted

PLATFORMS: Final = "qsjwt.platform.v1"
KEY_PROVIDERS: Final = "qsjwt.key_provider.v1"
COMMANDS: Final = "qsjwt.command.v1"

KINDS: Final = {PLATFORMS: "platform", KEY_PROVIDERS: "key provider", COMMANDS: "command"}
"""Entry-point group to what a plugin in it is called."""

T = TypeVar("T")
_INSTALL: Final = "pip install "
_NAME: Final = re.compile(r"[a-z][a-z0-9-]+", re.ASCII)
_OURS: Final = "qsjwt"
_HELP: Final = "help"
"""The word before a command that asks for its help, and so no command."""


@dataclass(frozen=True)
class PluginInfo:
    """What ``list-plugins`` tells of one entry point; *problem* is empty if it can be loaded."""

    kind: str
    name: str
    package: str
    version: str
    problem: str


def names(group: str) -> list[str]:
    """Return the names in *group*, sorted, without importing any plugin."""
    return sorted({entry_point.name for entry_point in _entry_points(group)})


def load(group: str, name: str, base: type[T]) -> type[T]:
    """Return the plugin class *name* of *group*; nothing else of the group is imported.

    :raises PluginError: if it is missing, claimed more than once, broken, or no subclass of *base*.
    """
    kind = KINDS[group]
    found = [entry_point for entry_point in _entry_points(group) if entry_point.name == name]
    if not found:
        raise PluginError(f"there is no {kind} {quoted(name)}", hint=nearest(name, names(group)))
    if group == COMMANDS and name == _HELP:
        raise fault(group, name, "has the name of something else")
    if not _NAME.fullmatch(name):
        raise PluginError(
            f"{_whose(group, name)} has a name that cannot be used",
            hint="its author has to use two or more lower-case letters, digits and dashes, a letter first",
        )
    if len(found) > 1:
        raise PluginError(
            f"the {kind} {quoted(name)} is claimed more than once, by {_packages(group, name)}",
            hint="uninstall all but one of them",
        )
    if (rival := _rival(group, name)) is not None:
        raise PluginError(
            f"{_whose(group, name)} and {_whose(*rival)} claim the same command",
            hint="uninstall one of them",
        )
    with guard(group, name, "load"):
        manager: stevedore.DriverManager[Any] = stevedore.DriverManager(group, name)
        plugin = manager.extensions[0].plugin
    if not (isinstance(plugin, type) and issubclass(plugin, base)):
        raise PluginError(
            f"{_whose(group, name)} is not a subclass of {base.__name__}",
            hint="its entry point names the wrong object; tell its author",
        )
    if group != COMMANDS and not isinstance(getattr(plugin, "summary", None), str):
        raise fault(group, name, "has no summary")
    return plugin


def command_of(platform: str) -> str:
    """Return the name of the command that the platform *platform* makes."""
    return f"create-{platform}"


def _rival(group: str, name: str) -> tuple[str, str] | None:
    """Return the command that takes a platform's name, or the platform whose name a command takes."""
    if group == PLATFORMS and command_of(name) in names(COMMANDS):
        return COMMANDS, command_of(name)
    if group == COMMANDS:
        for platform in names(PLATFORMS):
            if name == command_of(platform):
                return PLATFORMS, platform
    return None


def create(group: str, name: str, base: type[T]) -> T:
    """Return an instance of the plugin class *name* of *group*.

    :raises PluginError: as :func:`load`, and if its constructor fails.
    """
    plugin = load(group, name, base)
    with guard(group, name, "start"):
        return plugin()


def guard(group: str, name: str, action: str) -> contextlib.AbstractContextManager[None]:
    """Run a plugin's code so that what it does wrong becomes an error that names its package.

    Nothing that it prints reaches stdout, which carries the result alone.

    :param action: what the plugin is to do, for the message, such as "load".
    :raises PluginError: for anything that is raised in the block, ``SystemExit`` too, but qsjwt's own errors
        and Ctrl-C. Foreign text is left out if the plugin was already running: it may hold a secret.
    """
    return _Guard(group, name, action)


class _Guard(contextlib.AbstractContextManager[None]):
    """A class and no generator, since each row of a batch passes four of them."""

    __slots__ = ("_action", "_group", "_name", "_stdout")

    def __init__(self, group: str, name: str, action: str) -> None:
        self._group = group
        self._name = name
        self._action = action

    def __enter__(self) -> None:
        self._stdout = keep_stdout_clean()

    def __exit__(
        self, kind: type[BaseException] | None, cause: BaseException | None, trace: TracebackType | None
    ) -> None:
        give_stdout_back(self._stdout)
        # Whoever raises our errors at work says what the user should know; one that cannot even load is broken.
        told = isinstance(cause, PluginError) or (
            isinstance(cause, QsJwtError) and self._action not in ("load", "start")
        )
        if cause is None or told or isinstance(cause, KeyboardInterrupt | HelpWanted):
            return
        reason = f": {_text_of(cause)}" if self._action == "load" else ""
        raise PluginError(
            f"{_whose(self._group, self._name)} does not {self._action}: {type(cause).__name__}{reason}",
            hint=_way_out(self._group, self._name, cause),
        ) from cause


@contextlib.contextmanager
def run_guard(group: str, name: str) -> Iterator[None]:
    """Run a command; what it prints without :meth:`qsjwt.cli.command.Command.emit` goes to stderr.

    :raises QsJwtError: for what nobody expected in a command of another package, which it names.
    """
    before = keep_stdout_clean()
    try:
        yield
    except (QsJwtError, KeyboardInterrupt, BrokenPipeError):
        raise
    except BaseException as cause:
        if all(package.startswith(f"{_OURS} ") for package in _found_packages(group, name)):
            raise
        raise QsJwtError(
            f"unexpected {type(cause).__name__} in {_whose(group, name)}",
            hint=_way_out(group, name, cause),
        ) from cause
    finally:
        give_stdout_back(before)


def fault(group: str, name: str, does: str) -> PluginError:
    """Return the error that the plugin *name* of *group* does what none may.

    :param does: what that is, such as "has the name of something else"; it holds no foreign text.
    """
    return PluginError(f"{_whose(group, name)} {does}", hint="tell its author")


def describe(bases: Mapping[str, type], prove: Callable[[str, str], None]) -> Iterator[PluginInfo]:
    """Yield every plugin, by kind and name; each is loaded, and none can spoil the list.

    :param bases: the class that the plugins of each group must subclass.
    :param prove: takes group and name of one that loads, and raises :class:`PluginError` if it cannot be used.
    """
    for group, base in bases.items():
        for entry_point in sorted(metadata.entry_points(group=group), key=lambda e: (e.name, _package(e))):
            dist = entry_point.dist
            yield PluginInfo(
                KINDS[group],
                entry_point.name,
                (dist and dist.name) or "?",
                (dist and dist.version) or "?",
                _problem(group, entry_point.name, base, prove),
            )


def _problem(group: str, name: str, base: type, prove: Callable[[str, str], None]) -> str:
    try:
        plugin: type[Any] = load(group, name, base)
        if group != COMMANDS:
            with guard(group, name, "start"):
                plugin()
        prove(group, name)
    except PluginError as error:
        return f"{error.message}; {error.hint}" if lacks_library(error) else error.message
    return ""


def lacks_library(error: PluginError) -> bool:
    """Tell whether *error* says of a plugin that the library of its extra is to be installed."""
    return error.hint.startswith(_INSTALL)


def _entry_points(group: str) -> list[metadata.EntryPoint]:
    try:
        manager: stevedore.NamedExtensionManager[Any] = stevedore.NamedExtensionManager(group, names=[])
        return manager.list_entry_points()
    except Exception as cause:
        raise PluginError(
            f"the entry points of the installed packages cannot be read: {type(cause).__name__}",
            hint="some package has a damaged entry_points.txt; pip check, or reinstall what was installed last",
        ) from cause


def _text_of(cause: BaseException) -> str:
    try:
        return str(cause) or "no reason given"
    except Exception:
        return "no reason that could be shown"


def _whose(group: str, name: str) -> str:
    """Return how a message names a plugin, such as "the platform 'acme' of acme-platform 1.0.0"."""
    return f"the {KINDS[group]} {quoted(name)} of {_packages(group, name)}"


def _packages(group: str, name: str) -> str:
    return " and ".join(_found_packages(group, name)) or "an unknown package"


def _found_packages(group: str, name: str) -> list[str]:
    # stevedore's cache drops the distribution, so it is looked up again, and only for a message.
    return sorted({_package(entry_point) for entry_point in metadata.entry_points(group=group, name=name)})


def _package(entry_point: metadata.EntryPoint) -> str:
    dist = entry_point.dist
    return f"{dist.name} {dist.version}" if dist and dist.name else "an unknown package"


def _way_out(group: str, name: str, cause: BaseException) -> str:
    if isinstance(cause, ModuleNotFoundError):
        for entry_point in metadata.entry_points(group=group, name=name):
            if entry_point.extras and entry_point.dist:
                return f"{_INSTALL}'{entry_point.dist.name}[{','.join(entry_point.extras)}]'"
    return "run it again with --debug before the command for the traceback, and tell the package's author"
