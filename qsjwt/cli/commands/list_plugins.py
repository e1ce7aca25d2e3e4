"""``list-plugins``: what is installed, from which package, and whether it can be loaded."""

import itertools
from collections.abc import Sequence
from operator import itemgetter
from typing import Final

from qsjwt.cli import output
from qsjwt.cli.command import COMMANDS, Command
from qsjwt.cli.index import CommandIndex
from qsjwt.keys.reference import KEY_PROVIDERS, reference_forms, usable_provider
from qsjwt.options.parser import Parser
from qsjwt.tokens.platform import PLATFORMS
from qsjwt.tokens.request import Options

_HEAD: Final = ("kind", "name", "package", "version", "status")


class ListPlugins(Command):
    """List platforms, key providers and commands.

    The table also lists what --key takes.
    """

    section = "setup"
    example = "qsjwt list-plugins -f json"

    def add_options(self, parser: Parser) -> None:
        """Add the output's form."""
        output.add_format_option(parser.group("output"), _FORMATS, "table")

    def take_action(self, options: Options) -> None:
        """Print a row for each plugin; one that cannot be loaded says why, and is no failure of this command."""
        index = CommandIndex(self.app)
        rows = [
            *PLATFORMS.describe(index.validate_platform),
            *KEY_PROVIDERS.describe(usable_provider),
            *COMMANDS.describe(index.validate_command),
        ]
        self.emit(_FORMATS[options.format](_HEAD, rows))


def _as_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    from qsjwt.cli.look import Mark, Page, Piece

    page = Page()

    def marked(status: str) -> Piece:
        mark = Mark.GOOD if status == "ok" else Mark.BAD
        return f"{page.sign(mark)} {status}", mark.style

    for kind, of_kind in itertools.groupby(rows, itemgetter(0)):
        page.section(f"{kind.capitalize()}s")
        page.table(head[1:], [(*row[1:-1], marked(row[-1])) for row in of_kind])
    page.section("Key references (--key)")
    page.fields([(found.form, found.text) for found in reference_forms() if found.problem is None])
    return str(page)


_FORMATS: Final = {"table": _as_table, **output.ROW_FORMATS}
