"""The cliff application: global options, the command index, and the one place where errors are told."""

import contextlib
import functools
import inspect
import logging
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, TypeVar

import cliff.app
import cliff.command
import cliff.commandmanager
from cliff.commandmanager import EntryPointWrapper

from qsjwt import __version__
from qsjwt.cli import log
from qsjwt.cli.command import COMMANDS, Command, PlatformCommand, is_ours, placed
from qsjwt.cli.create import CreateCommand
from qsjwt.cli.output import results_only, write_stdout
from qsjwt.errors import BROKEN_PIPE, INTERRUPTED, HelpWanted, InputError, PluginError, QsJwtError, Terminated, nearest
from qsjwt.options.parser import PROGRAM, Parser
from qsjwt.plugins import Group
from qsjwt.redaction import quoted, redacted, without_secrets
from qsjwt.tokens.create import load_platform
from qsjwt.tokens.platform import PLATFORMS, command_of

T = TypeVar("T")
_HELP: Final = "help"
"""The word before a command that asks for its help, and so no command."""

_DESCRIPTION = "Create, check and verify JSON Web Tokens for client-managed Qlik Sense, Qlik Cloud and NPrinting."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program in this process and return its exit code.

    :param arguments: what follows the program's name; ``sys.argv[1:]`` by default.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with results_only():
            return Application().run(given)
    except Terminated as signal:
        return signal.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return BROKEN_PIPE
    except QsJwtError as error:
        return _tell(error, error, given)
    except BaseException as cause:
        bug = QsJwtError(
            f"unexpected {type(cause).__name__}",
            hint=f"this is a bug; run it as {PROGRAM} --debug … for the traceback, and report it",
        )
        return _tell(bug, cause, given)


def _tell(error: QsJwtError, raised: BaseException, arguments: list[str]) -> int:
    """Write *error* to stderr, for ``--debug`` after the traceback of *raised*, and return its exit code."""
    lines = [f"{PROGRAM}: error: {redacted(str(error.message))}"]
    if error.hint:
        lines.append(f"{PROGRAM}: hint: {redacted(str(error.hint))}")
    if "--debug" in arguments[: _command_index(arguments)]:
        lines.insert(0, _traceback(raised))
    if sys.stderr is not None:
        with contextlib.suppress(OSError):
            print(*lines, sep="\n", file=sys.stderr, flush=True)
    return error.exit_code


def _traceback(error: BaseException) -> str:
    """Return where *error* and its causes were raised; foreign text is left out, since it may quote a secret."""
    parts = []
    link: BaseException | None = error
    while link is not None:
        text = f": {redacted(str(link.message))}" if isinstance(link, QsJwtError) else ""
        frames = without_secrets("".join(traceback.format_tb(link.__traceback__)))
        parts.append(f"Traceback (most recent call last):\n{frames}{type(link).__qualname__}{text}")
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return "\n\nwas the cause of\n\n".join(reversed(parts))


def _command_index(arguments: list[str]) -> int:
    """Return where the command stands: behind the global options, none of which takes a value."""
    return next((i for i, argument in enumerate(arguments) if not argument.startswith("-")), len(arguments))


class Application(cliff.app.App):
    """cliff's application, with its parser, its index and its error handling replaced; doc/decisions/0002 says why."""

    parser: Parser
    options: Any
    NAME = PROGRAM
    LOG = logging.getLogger(PROGRAM)

    def __init__(self) -> None:
        super().__init__(_DESCRIPTION, __version__, CommandIndex())
        # cliff sets them in run(); each_parser() needs them without a run.
        self.options = self.parser.parse_args([])

    def build_option_parser(
        self, description: str | None, version: str | None, argparse_kwargs: dict[str, Any] | None = None
    ) -> Parser:
        """Return the parser of what stands before the command; no option of it takes a value."""
        parser = Parser(PROGRAM, description or "")
        parser.synopsis = "[-h] [--version] [-v | -q] [--debug] COMMAND [OPTION ...]"
        parser.add_text("--version", text=lambda: f"{PROGRAM} {__version__}\n", help="print the version and exit")
        loudness = parser.groups[0].one_of()
        loudness.add(
            "-v", "--verbose", action="count", default=0, help="say more on stderr: -v info, -vv verbose, -vvv debug"
        )
        loudness.add("-q", "--quiet", action="store_true", help="leave out warnings")
        parser.add("--debug", action="store_true", help="as -vvv, and print the traceback of an error")
        parser.footer = self._list_commands
        return parser

    def run(self, argv: list[str]) -> int:
        """Run the command that *argv* names and return its exit code.

        :raises QsJwtError: for whatever goes wrong; ``main`` tells it.
        """
        try:
            return self._run(argv)
        except HelpWanted as wanted:
            write_stdout(wanted.text)
            return 0

    def _run(self, argv: list[str]) -> int:
        # A global option read from behind the command would take the command's own options for its abbreviations.
        split = _command_index(argv)
        self.options = self.parser.parse_args(argv[:split])
        self.configure_logging()
        rest = argv[split:]
        if rest[:1] == [_HELP]:
            rest = [*(word for word in rest[1:] if word not in ("-h", "--help")), "--help"]
            if len(rest) == 1:
                self.parser.parse_args(rest)
        if not rest:
            self._print_usage()
            raise InputError("no command is given", hint=f"see {PROGRAM} --help")
        return self.run_subcommand(rest)

    def configure_logging(self) -> None:
        """Set up the logger of this program and no other."""
        loud = (logging.WARNING, logging.INFO, log.VERBOSE, logging.DEBUG)
        level = loud[min(self.options.verbose, 3)]
        if self.options.quiet:
            level = logging.ERROR
        log.configure(logging.DEBUG if self.options.debug else level)

    def run_subcommand(self, argv: list[str]) -> int:
        """Run the command named by the first of *argv* with the rest."""
        factory, name, arguments = self.command_manager.find_command(argv)
        with self._guard(argv[0]):
            command: Any = factory(self, self.options)
            parser = command.get_parser(f"{PROGRAM} {name}")
        made_by: Any = self.command_manager.commands[argv[0]]
        of_platform = _is_ours_about_a_platform(type(command))
        with PLATFORMS.guard(command.name, "read its options") if of_platform else made_by.guard("read its options"):
            options = parser.parse_args(arguments)
        with made_by.group.run_guard(made_by.plugin):
            result: int = command.run(options)
        return result

    def _guard(self, name: str) -> contextlib.AbstractContextManager[None]:
        """Return the guard of the plugin that makes the command *name*, while it starts."""
        made_by: Any = self.command_manager.commands[name]
        guard: contextlib.AbstractContextManager[None] = made_by.guard("start")
        return guard

    def _print_usage(self) -> None:
        if sys.stderr is not None:
            self.parser.print_usage(sys.stderr)

    def summaries(self) -> dict[str, str | None]:
        """Return what each command does, in a line, by its first word; None if it cannot be loaded."""
        found: dict[str, str | None] = {}
        commands: dict[str, Any] = self.command_manager.commands
        for name, made_by in sorted(commands.items()):
            found[name] = None
            with contextlib.suppress(PluginError), self._guard(name):
                found[name] = made_by.description().partition("\n")[0]
        return found

    def each_parser(self, describe: Callable[[str, Parser], T]) -> list[T]:
        """Return what *describe* makes of each command; those that cannot be loaded are left out.

        :param describe: takes the words that name the command, such as ``check qseow``, and its parser. A parser is
            a stranger's, and what it raises counts as the plugin's fault.
        """
        found = []
        commands: dict[str, Any] = self.command_manager.commands
        for name, made_by in sorted(commands.items()):
            with contextlib.suppress(PluginError):
                for factory, words in made_by.every():
                    with contextlib.suppress(PluginError), self._guard(name):
                        found.append(describe(words, self._parser_of(factory, words)))
        return found

    def _parser_of(self, factory: Any, words: str) -> Parser:
        parser: Parser = factory(self, self.options).get_parser(f"{PROGRAM} {words}")
        return parser

    def validate_platform(self, name: str) -> None:
        """Return if what the platform *name* makes of the command line can be read and told of.

        :raises PluginError: if not.
        """
        commands: dict[str, Any] = self.command_manager.commands
        named = [made_by for made_by in commands.values() if made_by.group is COMMANDS]
        about = [made_by.about(name) for made_by in named if _is_ours_about_a_platform(made_by.loaded())]
        self._validate([*commands[command_of(name)].every(), *about], PLATFORMS, name)

    def validate_command(self, name: str) -> None:
        """Return if the parser of the command *name* can be made and told of.

        :raises PluginError: if not.
        """
        made_by: Any = self.command_manager.commands[name]
        # A platform that cannot be used is no fault of a command that is about all of them.
        if not _is_ours_about_a_platform(made_by.load()):
            self._validate(made_by.every(), COMMANDS, name)

    def _validate(self, made: Iterable[tuple[Any, str]], group: Group[Any], name: str) -> None:
        for factory, words in made:
            with group.guard(name, "add its options"):
                self._parser_of(factory, words).format_body()

    def _list_commands(self) -> str:
        broken = f"(cannot be loaded, see {PROGRAM} list-plugins)"
        summaries = self.summaries().items()
        listed = self.parser.two_columns({name: broken if text is None else text for name, text in summaries})
        return f"\ncommands:\n{listed}\n{PROGRAM} COMMAND --help tells about one.\n"


class CommandIndex(cliff.commandmanager.CommandManager):
    """Knows the commands by name and imports one when it is run: ``create-NAME`` for each platform, and the others."""

    def __init__(self) -> None:
        super().__init__(COMMANDS.group, convert_underscores=False)

    def load_commands(self, namespace: str) -> None:
        """Fill the index; cliff's own would import every command."""
        self.group_list.append(namespace)
        self.commands.update({name: _Named(name) for name in COMMANDS.names()})
        for platform in PLATFORMS.names():
            name = command_of(platform)
            self.commands[name] = _Rivals(platform) if name in self.commands else _Create(platform)

    def add_command(self, name: str, command_class: type[cliff.command.Command]) -> None:
        """Leave cliff's ``help`` and ``complete`` out: they make an object of every command."""

    def find_command(self, argv: list[str]) -> tuple[Any, str, list[str]]:
        """Return what makes the command that ``argv[0]`` names exactly, its name, and its arguments.

        :raises InputError: if there is none of that name.
        :raises PluginError: if it cannot be loaded.
        """
        name = argv[0]
        if not self.commands:
            raise PluginError("no command is installed", hint="install qsjwt with pip, also to run it from its source")
        if name not in self.commands:
            raise InputError(
                f"there is no command {quoted(name)}", hint=nearest(name, self.commands) or f"see {PROGRAM} --help"
            )
        made_by: Any = self.commands[name]
        result: tuple[Any, str, list[str]] = made_by.resolve(argv[1:])
        return result


class _Named(EntryPointWrapper):
    """A command of the group ``qsjwt.command.v1``, not imported yet."""

    group: Group[Any] = COMMANDS

    def __init__(self, plugin: str) -> None:
        super().__init__(plugin, Command)  # type: ignore[type-abstract]
        self.plugin = plugin

    def load(self) -> Any:
        if self.plugin == _HELP:
            raise self.group.fault(_HELP, "has the name of something else")
        return self.group.load(self.plugin)

    def guard(self, action: str) -> contextlib.AbstractContextManager[None]:
        """Return the guard of the plugin that makes the command."""
        return self.group.guard(self.plugin, action)

    def loaded(self) -> Any:
        """Return the plugin, or None if it cannot be loaded."""
        with contextlib.suppress(PluginError):
            return self.load()
        return None

    def description(self) -> str:
        """Return what the command does."""
        return placed(inspect.cleandoc(self.load().__doc__ or ""))

    def resolve(self, arguments: list[str]) -> tuple[Any, str, list[str]]:
        """Return what makes the command, its name, and those of *arguments* that are its own.

        :raises InputError: if it is about a platform, and the first of *arguments* names none.
        """
        command = self.load()
        if not issubclass(command, PlatformCommand):
            return command, self.plugin, arguments
        known = PLATFORMS.names()
        if arguments and arguments[0] in ("-h", "--help"):
            self._overview(known).parse_args(arguments)
        if not arguments or arguments[0].startswith("-"):
            raise InputError(
                f"{self.plugin} wants the name of a platform before its options",
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
        parser.footer = lambda: (
            f"\nNAME is one of: {', '.join(known)}\n{PROGRAM} {self.plugin} NAME --help tells of its options.\n"
        )
        return parser


class _Create(_Named):
    """The command ``create-NAME`` of a platform, not imported yet."""

    group: Group[Any] = PLATFORMS

    def load(self) -> Any:
        platform = load_platform(self.plugin)
        return functools.partial(CreateCommand, name=self.plugin, platform=platform)

    def description(self) -> str:
        description: str = self.load()(None, None).get_description()
        return description

    def every(self) -> Iterator[tuple[Any, str]]:
        yield self.resolve([])[:2]

    def resolve(self, arguments: list[str]) -> tuple[Any, str, list[str]]:
        return self.load(), command_of(self.plugin), arguments


class _Rivals(_Create):
    """The command of a platform whose name a command plugin claims, too: neither of them gets it."""

    def load(self) -> Any:
        raise PluginError(
            f"{PLATFORMS.whose(self.plugin)} and {COMMANDS.whose(command_of(self.plugin))} claim the same command",
            hint="uninstall one of them",
        )


def _is_ours_about_a_platform(command: Any) -> bool:
    """Tell whether a command's class is about a platform, and takes what that platform adds and nothing of others."""
    return isinstance(command, type) and issubclass(command, PlatformCommand) and is_ours(command)
