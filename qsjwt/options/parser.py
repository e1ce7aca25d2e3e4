"""An argparse parser as strict and as plain-spoken as the rest: exact options, one sentence, no secrets.

The one place where argparse's private names stand.
"""

import argparse
import functools
import re
import sys
import textwrap
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, NoReturn

from qsjwt.errors import HelpWanted, InputError, nearest
from qsjwt.options.group import Declared, OptionGroup
from qsjwt.options.help_text import continued, paragraphs, terminal_columns, text_column, two_columns, wrap
from qsjwt.options.option import Option
from qsjwt.options.text import require_plain_dashes
from qsjwt.redaction import printable
from qsjwt.tokens.request import Options

PROGRAM: Final = "qsjwt"
MAX_OPTIONS: Final = 4000
"""On one command line: argparse looks at all of them again for each."""

_OPTION: Final = r"-[A-Za-z][A-Za-z0-9-]{0,40}|--[A-Za-z][A-Za-z0-9_.-]{0,40}"


class Parser(argparse.ArgumentParser):
    """Raises :class:`InputError` where argparse prints usage and exits, and never repeats a value unasked.

    :ivar declared: the options that were added, by :meth:`add` and :meth:`group`.
    :ivar groups: the first is for what stands in none, and comes last in the help; the others are in its order.
    :ivar listed: gives what the help lists before the options; called only when the help is printed, as it may load
        every plugin.
    :ivar example: a command line, without line ends, for the beginning of the help.
    :ivar synopsis: what follows the required options in the usage line.
    :ivar waiver: an option that, given, lets what is required come from elsewhere: the rows of a batch.
    """

    def __init__(self, prog: str, description: str) -> None:
        super().__init__(
            prog=prog,
            description=description,
            # Every option that is added asks for a formatter, whose own width takes 5 ms to find out.
            formatter_class=functools.partial(argparse.HelpFormatter, width=0),
            conflict_handler="error",
            allow_abbrev=False,
            add_help=False,
        )
        # "-60m" and "-1" are values, so that a negative time gets its own error.
        self._negative_number_matcher = re.compile(r"-\.?\d")
        self.declared = Declared()
        self.listed: Callable[[int], str] | None = None
        self.example = ""
        self.synopsis = "[OPTION ...]"
        self.waiver: Option | None = None
        self._converters: dict[str, Option] = {}
        self._remarks: list[str] = []
        self.groups = [OptionGroup(self, self.declared, "options")]
        self.add_text("-h", "--help", text=self.format_help, help="print this help and exit")

    def add(self, *names: str, **settings: Any) -> Option:
        """Add an option that stands in no group, see :meth:`OptionGroup.add`."""
        return self.groups[0].add(*names, **settings)

    def group(self, title: str, description: str = "", *, demands: bool = True, advanced: bool = False) -> OptionGroup:
        """Return a new group of options.

        :param description: stands under the title in the help.
        :param demands: False if none of its options is required, whatever its declaration says.
        :param advanced: True if most people need none of its options.
        """
        made = self.add_argument_group(title)
        group = OptionGroup(made, self.declared, title, description, demands=demands, advanced=advanced)
        self.groups.append(group)
        return group

    def add_text(self, *names: str, text: Callable[[], str], help: str) -> None:
        """Add an option that prints *text*, and with which nothing else is done."""
        made = self.add_argument(*names, action=_PrintText, const=text, help=help)
        option = Option(tuple(made.option_strings), made.dest, help=help, nargs=0)
        self.declared.options.append(option)
        self.groups[0].options.append(option)

    @property
    def description(self) -> str:
        """The first lines of the help: a docstring, without the indentation that its source has."""
        # As inspect.cleandoc does, whose import takes as long as that of all our modules.
        first, _, rest = self._docstring.expandtabs().partition("\n")
        return f"{first.strip()}\n{textwrap.dedent(rest)}".strip()

    @description.setter
    def description(self, docstring: str) -> None:
        self._docstring = docstring

    def format_usage(self) -> str:
        """Return the usage line, as wide as the terminal."""
        demands = map(_usage_of, self.declared.requirements())
        free = [
            option.values
            for option in self.declared.options
            if not (option.names or option.required or option.is_hidden)
        ]
        words = " ".join(["usage:", self.prog, *free, *demands, self.synopsis])
        return f"{wrap(words, terminal_columns(), ' ' * 7)}\n"

    def format_help(self) -> str:
        """Return the help with what most people need, as wide as the terminal and at most 100 columns."""
        return self._format(lambda option: option.required or not option.advanced)

    def format_whole_help(self) -> str:
        """Return the help with all options."""
        return self._format(lambda _option: True)

    def _format(self, is_shown: Callable[[Option], bool]) -> str:
        columns = terminal_columns()
        parts = [self.format_usage(), f"{paragraphs(self.description or '', columns)}\n"]
        if self.example.strip():
            parts.append(f"example:\n{continued(self.example, columns)}\n")
        if self.listed:
            parts.append(self.listed(columns))
        shown = [option for option in self.declared.options if is_shown(option) and not option.is_hidden]
        left = text_column(option.invocation for option in shown)
        for group in (*self.groups[1:], self.groups[0]):
            # What has its place in the line comes first.
            options = sorted((option for option in group.options if option in shown), key=lambda each: bool(each.names))
            if options:
                note = f"  {wrap(group.description, columns - 2, '  ')}\n\n" if group.description else ""
                rows = ((option.invocation, option.help) for option in options)
                parts.append(f"{group.title}:\n{note}{two_columns(rows, left, columns)}")
        return "\n".join(map(printable, "\n".join(parts).split("\n")))

    def parse_args(self, args: Sequence[str] | None = None, namespace: None = None) -> Options:  # type: ignore[override]
        """Return the values of the options in *args*.

        :raises InputError: if an argument is unexpected, whose text is not shown, as it may be part of a key; if a
            value does not suit its option; if what is required is missing.
        """
        words = list(args if args is not None else sys.argv[1:])
        if sum(word.startswith("-") for word in words) > MAX_OPTIONS:
            raise InputError(
                f"more than {MAX_OPTIONS} options are given", hint="many claims go into a file for --claims-file"
            )
        self._converters = {option.dest: option for option in self.declared.options}
        self._remarks = []
        found, unknown = self.parse_known_args(words)
        if unknown:
            self._refuse(unknown, words)
        given = vars(found)
        if self.waiver is None or self.waiver.dest not in given:
            self.require(given.keys())
        values = {name: _frozen(value) for name, value in given.items()}
        remarks = tuple(dict.fromkeys(self._remarks))
        return Options({**self.declared.defaults(), **values}, frozenset(given), remarks)

    def defaults(self) -> Options:
        """Return the values of options none of which is given, whatever is required."""
        return Options(self.declared.defaults())

    def require(self, given: Collection[str]) -> None:
        """Return if *given* has all that is required.

        :param given: the ``dest`` of each option that was given.
        :raises InputError: if something is missing.
        """
        missing = [
            [option.title for option in options]
            for options in self.declared.requirements()
            if not any(option.dest in given for option in options)
        ]
        if not missing:
            return
        alone = [titles[0] for titles in missing if len(titles) == 1]
        what = (
            f"the following arguments are required: {', '.join(alone)}"
            if alone
            else f"one of {', '.join(missing[0])} is required"
        )
        raise InputError(what, hint=f"see {self.prog} --help")

    def _refuse(self, unknown: list[str], args: list[str]) -> NoReturn:
        for word in unknown:
            require_plain_dashes(word)
        name = unknown[0].partition("=")[0]
        is_option = re.compile(_OPTION, re.ASCII).fullmatch
        if is_option(name):
            raise InputError(
                f"unknown option {name} for {self.prog}",
                hint=nearest(name, self.option_names()) or f"see {self.prog} --help",
            )
        earlier = [argument.partition("=")[0] for argument in args[: args.index(unknown[0])]]
        option = next(filter(is_option, reversed(earlier)), None)
        place = f" after {option}" if option else ""
        hint = "quote a value that contains spaces"
        if any(mark in word for word in args for mark in ("{", "[")):
            hint += "; Windows PowerShell takes double quotes out of an argument, so put JSON into a file"
        raise InputError(f"unexpected argument{place}", hint=hint)

    def option_names(self) -> list[str]:
        """Return the long names of all options."""
        return [name for name in self._option_string_actions if name.startswith("--")]

    def samples(self) -> dict[str, str]:
        """Return what a command line needs at least: the title of an option to the words that give it some value."""
        return {first.title: _sample(first) for first, *_others in self.declared.requirements()}

    def error(self, message: str) -> NoReturn:
        """Raise *message*, argparse's own, as an error of ours."""
        option, found, _value = message.partition(": ignored explicit argument ")
        if found:
            raise InputError(f"{option} takes no value", hint=f"see {self.prog} --help")
        if ": expected " in message:
            raise InputError(
                message,
                hint="quote a value that contains spaces, and write one that begins with a dash as --option=VALUE",
            )
        raise InputError(message, hint=f"see {self.prog} --help")

    def _get_value(self, action: argparse.Action, arg_string: str) -> Any:
        option = self._converters.get(action.dest)
        if option is None or arg_string is argparse.SUPPRESS:
            return arg_string
        return option.convert(arg_string, self._remarks.append)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Leave choices to :meth:`Option.convert`."""


def _frozen(value: Any) -> Any:
    """Return *value*, a list as a tuple, and so what is in it."""
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _usage_of(alternatives: Sequence[Option]) -> str:
    words = [" ".join([*option.names[-1:], option.values]).strip() for option in alternatives]
    return words[0] if len(words) == 1 else f"({' | '.join(words)})"


def _sample(option: Option) -> str:
    """Return *option* as it may stand on a command line, with its first choice or what its help names for a value."""
    import shlex  # for a help alone

    value = option.choice_texts(1)[0] if option.choices else option.placeholder
    count = option.nargs if isinstance(option.nargs, int) else 1
    return " ".join([*option.names[-1:], *[shlex.quote(value)] * count])


class _PrintText(argparse.Action):
    def __init__(self, **settings: Any) -> None:
        super().__init__(**{**settings, "nargs": 0, "default": argparse.SUPPRESS})

    def __call__(self, *_unused: object) -> NoReturn:
        raise HelpWanted(self.const())
