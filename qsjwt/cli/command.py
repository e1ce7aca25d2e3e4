"""Commands: what all of them share, what those about a platform share, and the frame of every ``create-NAME``."""

import abc
import contextlib
import logging
from typing import TYPE_CHECKING, Any, ClassVar, Final

import cliff.command

from qsjwt.cli import log
from qsjwt.cli.output import private_output, write_stdout
from qsjwt.io.kept_files import kept_files_told
from qsjwt.options.parser import PROGRAM, Parser
from qsjwt.plugins import Group
from qsjwt.tokens.platform import PLATFORMS, Platform
from qsjwt.tokens.request import Options, without_remarks

if TYPE_CHECKING:

    class _CliffCommand(abc.ABC):
        """cliff's command, but that options are values here, and no Namespace."""

        def __init__(self, app: Any, app_args: Any) -> None:
            self.app = app

        @abc.abstractmethod
        def take_action(self, options: Options) -> None:
            """Do the work, or raise."""

else:
    _CliffCommand = cliff.command.Command

MORE: Final = "more"
SECTIONS: Final = ("tokens", "keys", "Qlik", "setup", MORE)
"""What commands are about, in the order in which the help of the program lists them."""

_LOG = logging.getLogger("qsjwt.command")


class Command(_CliffCommand):
    """The base of all commands: exact options, exit codes by exception, the result and nothing else on stdout.

    A subclass says in :meth:`add_options` what it takes, and does its work in :meth:`take_action`. Its exit
    code is 0 unless it raises; what it returns does not count.
    """

    example = ""
    """A command line for the beginning of ``--help``; it is wrapped there."""

    section: ClassVar[str] = MORE
    """What the command is about, for the list of them all: one of :data:`SECTIONS`."""

    # No cmd_name here: with one, cliff would let any package hook in and read the arguments.
    def __init__(self, app: Any, app_args: Any) -> None:
        super().__init__(app, app_args)

    def get_parser(self, prog_name: str) -> Parser:
        """Return the parser of this command; cliff's own would look through every installed package first."""
        parser = Parser(prog_name, self.get_description())
        parser.add_text("--help-all", text=parser.format_whole_help, help="print the help with all options and exit")
        parser.example = self.example
        self.add_options(parser)
        group = parser.group("diagnostics")
        group.add(
            "--loglevel",
            choices=log.LEVELS,
            metavar="LEVEL",
            advanced=True,
            help=f"{', '.join(log.LEVELS)}; default warn",
        )
        return parser

    def get_description(self) -> str:
        """Return the docstring of the command's own class, which is its help."""
        return type(self).__doc__ or ""

    def add_options(self, parser: Parser) -> None:
        """Add the options of this command to *parser*."""

    def run(self, options: Options) -> int:
        """Do the work and return 0, or raise."""
        if options.loglevel:
            log.configure(log.LEVELS[options.loglevel])
        for remark in options.remarks:
            _LOG.warning("%s", remark)
        with kept_files_told():
            self.take_action(without_remarks(options))
        return 0

    def emit(self, text: str, path: str | None = None) -> None:
        """Write the result to the file *path*, or to stdout if it is None or ``-``.

        :raises InputError: if it cannot be written.
        """
        if path is not None and path != "-":
            with private_output(path) as stream:
                stream.write(text.encode("utf-8"))
            return
        write_stdout(text)


COMMANDS: Final = Group("qsjwt.command.v1", "command", Command)  # type: ignore[type-abstract]


def is_ours(command: type[Command]) -> bool:
    """Tell whether *command* comes with this program, so that a fault in its options is that of a platform."""
    return command.__module__.startswith(f"{PROGRAM}.")


def placed(text: str, platform: str = "a platform", name: str = "NAME") -> str:
    """Return *text* with a platform in its place: ``{platform}`` is what it is, ``{name}`` its name in commands."""
    return text.replace("{platform}", platform).replace("{name}", name)


class PlatformCommand(Command):
    """A command that is about one platform: ``create-NAME``, or ``COMMAND NAME`` for one in the group of commands.

    A subclass in the group ``qsjwt.command.v1`` is made anew for the platform that the first argument names. In its
    docstring and its example ``{platform}`` and ``{name}`` stand for that, see :func:`placed`.

    :ivar name: the platform's name.
    """

    def __init__(self, app: Any, app_args: Any, *, name: str, platform: Platform) -> None:
        super().__init__(app, app_args)
        self.name = name
        self.platform = platform
        self.example = placed(self.example, name=name)

    def get_description(self) -> str:
        """Return the first lines of the help: the docstring, about this platform."""
        return placed(super().get_description(), self.platform.summary, self.name)

    def get_parser(self, prog_name: str) -> Parser:
        """Return the parser; a platform whose options collide with others is found out here."""
        ours = is_ours(type(self))
        with self.guard("add its options") if ours else contextlib.nullcontext():
            parser = super().get_parser(prog_name)
        return parser

    def guard(self, action: str) -> contextlib.AbstractContextManager[None]:
        """Return the guard of the platform's code: what it does wrong becomes an error that names its package.

        :param action: what it is to do, for the message, such as "check the token".
        """
        return PLATFORMS.guard(self.name, action)
