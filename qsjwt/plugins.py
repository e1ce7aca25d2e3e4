"""Find plugins by their entry points and load them one at a time, trusting none of them."""

import contextlib
import re
from collections.abc import Callable, Iterator
from importlib import metadata
from types import TracebackType
from typing import Any, Final, Generic, NamedTuple, TypeVar

import stevedore

from qsjwt.errors import HelpWanted, PluginError, QsJwtError, nearest
from qsjwt.redaction import quoted

T = TypeVar("T")
_INSTALL: Final = "pip install "
_BEFORE_SECRETS: Final = ("load", "add its options")
"""What a plugin does before it can have seen a secret, so that its own words are shown."""

_NAME: Final = re.compile(r"[a-z][a-z0-9-]+", re.ASCII)
_OURS: Final = "qsjwt"


class Group(NamedTuple, Generic[T]):
    """The plugins of one kind.

    :ivar group: the group of their entry points.
    :ivar kind: what messages call one of them.
    :ivar base: the class that each of them must subclass.
    """

    group: str
    kind: str
    base: type[T]

    def names(self) -> list[str]:
        """Return the names, sorted, without importing any plugin."""
        return sorted({entry_point.name for entry_point in _entry_points(self.group)})

    def load(self, name: str) -> type[T]:
        """Return the plugin class *name*; nothing else of the group is imported.

        :raises PluginError: if it is missing, claimed more than once, broken, or no subclass of :attr:`base`.
        """
        self._require_one(name)
        with self.guard(name, "load"):
            manager: stevedore.DriverManager[Any] = stevedore.DriverManager(self.group, name)
            plugin = manager.extensions[0].plugin
        if not (isinstance(plugin, type) and issubclass(plugin, self.base)):
            raise PluginError(
                f"{self.whose(name)} is not a subclass of {self.base.__name__}",
                hint="its entry point names the wrong object; tell its author",
            )
        if "summary" in self.base.__annotations__ and not isinstance(getattr(plugin, "summary", None), str):
            raise self.fault(name, "has no summary")
        return plugin

    def _require_one(self, name: str) -> None:
        found = [entry_point for entry_point in _entry_points(self.group) if entry_point.name == name]
        if not found:
            raise PluginError(
                f"there is no {self.kind} {quoted(name)}",
                hint=nearest(name, self.names()) or f"choose from: {', '.join(self.names())}",
            )
        if not _NAME.fullmatch(name):
            raise PluginError(
                f"{self.whose(name)} has a name that cannot be used",
                hint="its author has to use two or more lower-case letters, digits and dashes, a letter first",
            )
        if len(found) > 1:
            raise PluginError(
                f"the {self.kind} {quoted(name)} is claimed more than once, by {self._packages(name)}",
                hint="uninstall all but one of them",
            )

    def create(self, name: str) -> T:
        """Return an instance of the plugin class *name*.

        :raises PluginError: as :meth:`load`, and if its constructor fails.
        """
        plugin = self.load(name)
        with self.guard(name, "start"):
            return plugin()

    def guard(self, name: str, action: str) -> contextlib.AbstractContextManager[None]:
        """Run the code of the plugin *name* so that what it does wrong becomes an error that names its package.

        :param action: what the plugin is to do, for the message, such as "load".
        :raises PluginError: for anything that is raised in the block, ``SystemExit`` too, but qsjwt's own errors
            and Ctrl-C. Foreign text is left out if the plugin may have seen a secret by then.
        """
        return _Guard(self, name, action)

    @contextlib.contextmanager
    def run_guard(self, name: str) -> Iterator[None]:
        """Run the command that the plugin *name* makes.

        :raises QsJwtError: for what nobody expected in a command of another package, which it names.
        """
        try:
            yield
        except (QsJwtError, KeyboardInterrupt, BrokenPipeError):
            raise
        except BaseException as cause:
            if all(package.startswith(f"{_OURS} ") for package in self._found_packages(name)):
                raise
            raise QsJwtError(
                f"unexpected {type(cause).__name__} in {self.whose(name)}", hint=self.way_out(name, cause)
            ) from cause

    def fault(self, name: str, does: str) -> PluginError:
        """Return the error that the plugin *name* does what none may.

        :param does: what that is, such as "has the name of something else"; it holds no foreign text.
        """
        return PluginError(f"{self.whose(name)} {does}", hint="tell its author")

    def describe(self, validate: Callable[[str], object]) -> Iterator[tuple[str, ...]]:
        """Yield kind, name, package, version and status of every plugin, by name; none can spoil the list.

        :param validate: takes a name, and raises :class:`QsJwtError` if that plugin cannot be used: why is its status.
        """
        for entry_point in sorted(metadata.entry_points(group=self.group), key=lambda e: (e.name, _package(e))):
            dist = entry_point.dist
            status = "ok"
            try:
                validate(entry_point.name)
            except QsJwtError as error:
                status = f"{error.message}; {error.hint}" if lacks_library(error) else error.message
            yield self.kind, entry_point.name, (dist and dist.name) or "?", (dist and dist.version) or "?", status

    def whose(self, name: str) -> str:
        """Return how a message names a plugin, such as "the platform 'acme' of acme-platform 1.0.0"."""
        return f"the {self.kind} {quoted(name)} of {self._packages(name)}"

    def way_out(self, name: str, cause: BaseException) -> str:
        """Return the hint for a plugin that raised *cause*."""
        if isinstance(cause, ModuleNotFoundError):
            for entry_point in metadata.entry_points(group=self.group, name=name):
                if entry_point.extras and entry_point.dist:
                    return f"{_INSTALL}'{entry_point.dist.name}[{','.join(entry_point.extras)}]'"
        return "run it again with --debug before the command for the traceback, and tell the package's author"

    def _packages(self, name: str) -> str:
        return " and ".join(self._found_packages(name)) or "an unknown package"

    def _found_packages(self, name: str) -> list[str]:
        # stevedore's cache drops the distribution, so it is looked up again, and only for a message.
        return sorted({_package(entry_point) for entry_point in metadata.entry_points(group=self.group, name=name)})


class _Guard(contextlib.AbstractContextManager[None]):
    """A class and no generator, since each row of a batch passes four of them."""

    __slots__ = ("_action", "_group", "_name")

    def __init__(self, group: Group[Any], name: str, action: str) -> None:
        self._group = group
        self._name = name
        self._action = action

    def __exit__(
        self, kind: type[BaseException] | None, cause: BaseException | None, trace: TracebackType | None
    ) -> None:
        if cause is None:
            return
        # Whoever raises our errors at work says what the user should know; one that cannot even load is broken.
        told = isinstance(cause, PluginError) or (
            isinstance(cause, QsJwtError) and self._action not in ("load", "start")
        )
        if told or isinstance(cause, KeyboardInterrupt | HelpWanted):
            return
        reason = f": {_text_of(cause)}" if self._action in _BEFORE_SECRETS else ""
        raise PluginError(
            f"{self._group.whose(self._name)} does not {self._action}: {type(cause).__name__}{reason}",
            hint=self._group.way_out(self._name, cause),
        ) from cause


def lacks_library(error: QsJwtError) -> bool:
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


def _package(entry_point: metadata.EntryPoint) -> str:
    dist = entry_point.dist
    return f"{dist.name} {dist.version}" if dist and dist.name else "an unknown package"
