"""``list-plugins``: what is installed, from which package, and whether it can be loaded."""

from typing import Final

from qsjwt.cli import output
from qsjwt.cli.command import COMMANDS, Command
from qsjwt.cli.index import CommandIndex
from qsjwt.keys.reference import KEY_PROVIDERS
from qsjwt.options.parser import Parser
from qsjwt.tokens.platform import PLATFORMS
from qsjwt.tokens.request import Options

_HEAD: Final = ("kind", "name", "package", "version", "status")


class ListPlugins(Command):
    """List the platforms, key providers and commands installed."""

    example = "qsjwt list-plugins -f json"

    def add_options(self, parser: Parser) -> None:
        """Add the output's form."""
        output.add_format_option(parser.group("output"), output.ROW_FORMATS, "table")

    def take_action(self, options: Options) -> None:
        """Print a row for each plugin; one that cannot be loaded says why, and is no failure of this command."""
        index = CommandIndex(self.app)
        rows = [
            *PLATFORMS.describe(index.validate_platform),
            *KEY_PROVIDERS.describe(KEY_PROVIDERS.create),
            *COMMANDS.describe(index.validate_command),
        ]
        self.emit(output.ROW_FORMATS[options.format](_HEAD, rows))
