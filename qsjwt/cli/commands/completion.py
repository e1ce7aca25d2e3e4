"""``completion SHELL``: a script that lets a shell complete the program's commands and options."""

import contextlib
import io

from qsjwt.cli.command import Command
from qsjwt.cli.completion import model, scripts
from qsjwt.cli.index import CommandIndex
from qsjwt.options.parser import Parser
from qsjwt.tokens.request import Options


class Completion(Command):
    """Print a completion script for a shell.

    It completes commands, options and their values. It knows the plugins that are installed now, and starts no
    program when it completes. Print it again after installing a plugin.
    """

    section = "setup"
    example = 'eval "$(qsjwt completion bash)"'

    def add_options(self, parser: Parser) -> None:
        """Add the shell."""
        parser.add("shell", choices=tuple(scripts.SHELLS), metavar="SHELL", help=", ".join(scripts.SHELLS))

    def take_action(self, options: Options) -> None:
        """Print the script; plugins that cannot be loaded are not in it."""
        index = CommandIndex(self.app)
        # A shell evaluates this whenever it starts, and nobody wants to read there what a plugin prints.
        nowhere = io.TextIOWrapper(io.BytesIO(), "utf-8")
        with contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
            known = model.model(self.app.parser, index.each_parser(model.place), index.summaries())
        self.emit(scripts.SHELLS[options.shell](known))
