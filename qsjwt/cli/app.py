"""The cliff application: global options, the command index, and the one place where errors are told."""

import contextlib
import logging
import sys
import traceback
from collections.abc import Sequence
from typing import Any

import cliff.app

from qsjwt import __version__
from qsjwt.cli import log
from qsjwt.cli.index import HELP, CommandIndex, is_ours_about_a_platform
from qsjwt.cli.output import results_only, write_stdout
from qsjwt.errors import BROKEN_PIPE, HelpWanted, InputError, QsJwtError
from qsjwt.io.ending import exit_code_of
from qsjwt.options.help_text import text_column, two_columns
from qsjwt.options.parser import PROGRAM, Parser
from qsjwt.redaction import redacted, without_secrets
from qsjwt.tokens.platform import PLATFORMS

_DESCRIPTION = "Create, check and verify JSON Web Tokens for client-managed Qlik Sense, Qlik Cloud and NPrinting."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program in this process and return its exit code.

    :param arguments: what follows the program's name; ``sys.argv[1:]`` by default.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with results_only():
            return Application().run(given)
    except BaseException as raised:
        return _exit_code(raised, given)


def _exit_code(raised: BaseException, arguments: list[str]) -> int:
    """Return the exit code for what ended a run, once the user is told what there is to tell."""
    requested = exit_code_of(raised)
    if requested is not None:
        return requested
    if isinstance(raised, BrokenPipeError):
        return BROKEN_PIPE
    if isinstance(raised, QsJwtError):
        return _tell(raised, raised, arguments)
    bug = QsJwtError(
        f"unexpected {type(raised).__name__}",
        hint=f"this is a bug; run it as {PROGRAM} --debug … for the traceback, and report it",
    )
    return _tell(bug, raised, arguments)


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
        self.index = CommandIndex(self)
        super().__init__(_DESCRIPTION, __version__, self.index)
        # cliff sets them in run(); the index needs them without a run.
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
        loudness.add("-q", "--quiet", action="store_true", help="print no warnings")
        parser.add("--debug", action="store_true", help="as -vvv, and print the traceback of an error")
        parser.listed = self._list_commands
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
        if rest[:1] == [HELP]:
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
        factory, name, arguments = self.index.find_command(argv)
        entry = self.index.entries[argv[0]]
        with entry.guard("start"):
            command: Any = factory(self, self.options)
            parser = command.get_parser(f"{PROGRAM} {name}")
        of_platform = is_ours_about_a_platform(type(command))
        with PLATFORMS.guard(command.name, "read its options") if of_platform else entry.guard("read its options"):
            options = parser.parse_args(arguments)
        with entry.group.run_guard(entry.plugin):
            result: int = command.run(options)
        return result

    def _print_usage(self) -> None:
        if sys.stderr is not None:
            self.parser.print_usage(sys.stderr)

    def _list_commands(self, columns: int) -> str:
        broken = f"(cannot be loaded, see {PROGRAM} list-plugins)"
        sections = self.index.sections()
        left = text_column(name for commands in sections.values() for name in commands)
        listed = []
        for title, commands in sections.items():
            rows = ((name, summary or broken) for name, summary in commands.items())
            listed.append(f"{title}:\n{two_columns(rows, left, columns)}")
        return "\n".join([*listed, f"{PROGRAM} COMMAND --help explains a command.\n"])
