"""The commands by name; each is imported when it is run: ``create-NAME`` for each platform, and the command plugins."""

import contextlib
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import cliff.command
import cliff.commandmanager
from cliff.commandmanager import EntryPointWrapper

from qsjwt.cli.command import COMMANDS, MORE, SECTIONS, Command, PlatformCommand, is_ours, placed
from qsjwt.cli.create import CreateCommand
from qsjwt.errors import InputError, PluginError
from qsjwt.options.help_text import wrap
from qsjwt.options.parser import PROGRAM, Parser
from qsjwt.options.text import require_plain_dashes
from qsjwt.plugins import Group
from qsjwt.redaction import quoted
from qsjwt.tokens.create import load_platform
from qsjwt.tokens.platform import PLATFORMS, command_of

if TYPE_CHECKING:
    from cliff.app import App

T = TypeVar("T")
HELP: Final = "help"
"""The word before a command that asks for its help, and so no command."""

Resolved = tuple[Callable[..., Command], str, list[str]]
"""What makes a command, given the application and its options; the words that name the command; its arguments."""


class CommandIndex(cliff.commandmanager.CommandManager):
    """Knows every command, and how to make it and its parser.

    :param app: the application that the commands are made for; None if only their parsers are wanted.
    """

    def __init__(self, app: "App | None" = None) -> None:
        self._app = app
        super().__init__(COMMANDS.group, convert_underscores=False)

    def load_commands(self, namespace: str) -> None:
        """Fill the index; cliff's own would import every command."""
        self.group_list.append(namespace)
        self.commands.update({name: CommandEntry(name) for name in COMMANDS.names()})
        for platform in PLATFORMS.names():
            name = command_of(platform)
            self.commands[name] = RivalEntry(platform) if name in self.commands else CreateEntry(platform)

    @property
    def entries(self) -> Mapping[str, "CommandEntry"]:
        """The commands by the first word of their names."""
        return cast("Mapping[str, CommandEntry]", self.commands)

    def add_command(self, name: str, command_class: type[cliff.command.Command]) -> None:
        """Leave cliff's ``help`` and ``complete`` out: they make an object of every command."""

    def find_command(self, argv: list[str]) -> Any:
        """Return what makes the command that ``argv[0]`` names exactly, its name, and its arguments.

        :raises InputError: if there is none of that name.
        :raises PluginError: if it cannot be loaded.
        """
        name = argv[0]
        if not self.entries:
            raise PluginError("no command is installed", hint="install qsjwt with pip, also to run it from its source")
        if name not in self.entries:
            require_plain_dashes(name)
            from qsjwt.cli.suggestion import suggestion  # for a mistake alone

            hint = suggestion(argv, self.entries, PLATFORMS.names())
            raise InputError(f"there is no command {quoted(name)}", hint=hint or f"see {PROGRAM} --help")
        return self.entries[name].resolve(argv[1:])

    def summaries(self) -> dict[str, str | None]:
        """Return what each command does, in a line, by its first word; None if it cannot be loaded."""
        found: dict[str, str | None] = {}
        for name, entry in sorted(self.entries.items()):
            found[name] = None
            with contextlib.suppress(PluginError), entry.guard("start"):
                found[name] = entry.description().partition("\n")[0]
        return found

    def sections(self) -> dict[str, dict[str, str | None]]:
        """Return the :meth:`summaries` by what the commands are about."""
        found: dict[str, dict[str, str | None]] = {title: {} for title in SECTIONS}
        for name, summary in self.summaries().items():
            found[self.entries[name].section()][name] = summary
        return {title: commands for title, commands in found.items() if commands}

    def each_parser(self, describe: Callable[[str, Parser], T]) -> list[T]:
        """Return what *describe* makes of each command; those that cannot be loaded are left out.

        :param describe: takes the words that name the command, such as ``check qseow``, and its parser. A parser is
            third-party code, and what it raises counts as the plugin's fault.
        """
        found = []
        for _, entry in sorted(self.entries.items()):
            with contextlib.suppress(PluginError):
                for factory, words in entry.every():
                    with contextlib.suppress(PluginError), entry.guard("start"):
                        found.append(describe(words, self._parser_of(factory, words)))
        return found

    def validate_platform(self, name: str) -> None:
        """Return if what the platform *name* makes of the command line can be read and told of.

        :raises PluginError: if not.
        """
        made = [*self.entries[command_of(name)].every()]
        made += [entry.about(name) for entry in self.entries.values() if entry.is_ours_about_a_platform()]
        self._validate(made, PLATFORMS, name)

    def validate_command(self, name: str) -> None:
        """Return if the parser of the command *name* can be made and told of.

        :raises PluginError: if not.
        """
        entry = self.entries[name]
        entry.load()
        # A platform that cannot be used is no fault of a command that is about all of them.
        if not entry.is_ours_about_a_platform():
            self._validate(entry.every(), COMMANDS, name)

    def _validate(self, made: Iterable[tuple[Any, str]], group: Group[Any], name: str) -> None:
        for factory, words in made:
            with group.guard(name, "add its options"):
                self._parser_of(factory, words).format_whole_help()

    def _parser_of(self, factory: Callable[..., Command], words: str) -> Parser:
        return factory(self._app, self._app and self._app.options).get_parser(f"{PROGRAM} {words}")


class CommandEntry(EntryPointWrapper):
    """A command of the group ``qsjwt.command.v1``, not imported yet.

    :param plugin: the name of the plugin that makes it.
    """

    group: Group[Any] = COMMANDS

    def __init__(self, plugin: str) -> None:
        super().__init__(plugin, Command)  # type: ignore[type-abstract]
        self.plugin = plugin

    def load(self) -> Any:
        if self.plugin == HELP:
            raise self.group.fault(HELP, "has the name of something else")
        return self.group.load(self.plugin)

    def guard(self, action: str) -> contextlib.AbstractContextManager[None]:
        """Return the guard of the plugin that makes the command."""
        return self.group.guard(self.plugin, action)

    def is_ours_about_a_platform(self) -> bool:
        """Tell whether it takes what a platform adds and nothing of others; False if it cannot be loaded."""
        with contextlib.suppress(PluginError):
            return is_ours_about_a_platform(self.load())
        return False

    def description(self) -> str:
        """Return what the command does."""
        return placed(self.load().__doc__ or "")

    def section(self) -> str:
        """Return the one of :data:`qsjwt.cli.command.SECTIONS` that the command is about."""
        with contextlib.suppress(PluginError):
            section: str = self.load().section
            return section if section in SECTIONS else MORE
        return MORE

    def resolve(self, arguments: list[str]) -> Resolved:
        """Return what makes the command, its name, and those of *arguments* that are its own.

        :raises InputError: if it is about a platform, and the first of *arguments* names none.
        """
        command = self.load()
        if not issubclass(command, PlatformCommand):
            return command, self.plugin, arguments
        known = PLATFORMS.names()
        if arguments and arguments[0] in ("-h", "--help", "--help-all"):
            self._overview(known).parse_args(arguments)
        if arguments:
            require_plain_dashes(arguments[0])
        if not arguments or arguments[0].startswith("-"):
            raise InputError(
                f"{self.plugin} needs the name of a platform before its options",
                hint=f"write {PROGRAM} {self.plugin} NAME …, with a NAME out of: {', '.join(known)}",
            )
        return *self.about(arguments[0]), arguments[1:]

    def about(self, name: str) -> tuple[Any, str]:
        """Return what makes the command for the platform *name*, and the words that name it."""
        platform = load_platform(name)
        return functools.partial(self.load(), name=name, platform=platform), f"{self.plugin} {name}"

    def every(self) -> Iterator[tuple[Any, str]]:
        """Yield what makes each command of this name, and the words that name it: one for each platform, or just one.

        :raises PluginError: if it cannot be loaded; a platform that cannot is left out.
        """
        if not issubclass(self.load(), PlatformCommand):
            yield self.load(), self.plugin
            return
        for platform in PLATFORMS.names():
            with contextlib.suppress(PluginError):
                yield self.about(platform)

    def _overview(self, known: Sequence[str]) -> Parser:
        parser = Parser(f"{PROGRAM} {self.plugin}", self.description())
        parser.synopsis = "NAME [OPTION ...]"
        parser.example = placed(self.load().example)
        parser.add_text("--help-all", text=parser.format_help, help="the same; with a NAME, all options of it")
        lines = (f"NAME is one of: {', '.join(known)}", f"{PROGRAM} {self.plugin} NAME --help lists its options.")
        parser.listed = lambda columns: "".join(f"{wrap(line, columns)}\n" for line in lines)
        return parser


class CreateEntry(CommandEntry):
    """The command ``create-NAME`` of a platform, not imported yet."""

    group: Group[Any] = PLATFORMS

    def load(self) -> Any:
        platform = load_platform(self.plugin)
        return functools.partial(CreateCommand, name=self.plugin, platform=platform)

    def is_ours_about_a_platform(self) -> bool:
        return False

    def section(self) -> str:
        return CreateCommand.section

    def description(self) -> str:
        description: str = self.load()(None, None).get_description()
        return description

    def every(self) -> Iterator[tuple[Any, str]]:
        yield self.resolve([])[:2]

    def resolve(self, arguments: list[str]) -> Resolved:
        return self.load(), command_of(self.plugin), arguments


class RivalEntry(CreateEntry):
    """The command of a platform whose name a command plugin claims, too: neither of them gets it."""

    def load(self) -> Any:
        raise PluginError(
            f"{PLATFORMS.whose(self.plugin)} and {COMMANDS.whose(command_of(self.plugin))} claim the same command",
            hint="uninstall one of them",
        )


def is_ours_about_a_platform(command: type[Command]) -> bool:
    """Tell whether *command* is about a platform, and takes what that platform adds and nothing of others."""
    return issubclass(command, PlatformCommand) and is_ours(command)
