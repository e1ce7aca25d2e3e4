"""An argparse parser as strict and as plain-spoken as the rest: exact options, one sentence, no secrets."""

import argparse
import enum
import itertools
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NoReturn

from qsjwt.errors import HelpWanted, InputError, nearest
from qsjwt.redaction import printable, quoted

PROGRAM: Final = "qsjwt"
_WIDEST: Final = 100
_NARROWEST: Final = 40
_CONTINUATION: Final = " `" if os.name == "nt" else " \\"
_WORD: Final = re.compile(r"""(?:\\.|'[^']*'|"(?:\\.|[^"\\])*"|\S)+""")
_OPTION: Final = re.compile(r"-[A-Za-z][A-Za-z0-9-]{0,40}|--[A-Za-z][A-Za-z0-9_.-]{0,40}", re.ASCII)
_MOST_CHOICES: Final = 20


class _Missing(InputError):
    """An option that is required is not given."""


class Parser(argparse.ArgumentParser):
    """Raises :class:`InputError` where argparse prints usage and exits, and never repeats a value unasked."""

    def __init__(self, prog: str, description: str) -> None:
        # Every option that is added asks for a formatter; only printing needs to know the terminal.
        self._columns = _WIDEST
        super().__init__(
            prog=prog,
            description=description,
            formatter_class=self._formatter,
            conflict_handler="error",
            allow_abbrev=False,
            add_help=False,
        )
        self.color = False  # from Python 3.14 on argparse would colour the help
        # "-60m" and "-1" are values, so that a negative time gets its own error.
        self._negative_number_matcher = re.compile(r"-\.?\d")
        self.add_argument("-h", "--help", action=_PrintHelp, help="print this help and exit")
        self.footer: Callable[[], str] | None = None
        """Gives what the help lists last; called only when the help is printed, since it may load every plugin."""
        self.example = ""
        """A command line, without line ends, for the end of the help."""
        self.synopsis = "[OPTION ...]"
        """What follows the required options in the usage line."""
        self.postponed: list[Any] = []
        """What :meth:`postpone_requirements` has let wait: actions, and groups of which one option is required."""
        self.given: set[argparse.Action] = set()
        """The actions of the options that were given."""

    def _formatter(self, prog: str) -> argparse.HelpFormatter:
        return _Formatter(prog, max_help_position=30, width=self._columns)

    def _fit_terminal(self) -> None:
        import shutil  # 5 ms

        self._columns = max(_NARROWEST, min(shutil.get_terminal_size().columns - 2, _WIDEST))
        words = " ".join([self.prog, *map(self._usage_of, self._demands()), self.synopsis])
        self.usage = _wrap(words, self._columns - len("usage: "), " " * 7).replace("%", "%%")

    def format_usage(self) -> str:
        """Return the usage line, as wide as the terminal."""
        self._fit_terminal()
        return super().format_usage()

    def format_help(self) -> str:
        """Return the help, as wide as the terminal and at most 100 columns, with the footer and the example."""
        body = self.format_body()
        example = f"\nexample:\n{continued(self.example, self._columns)}\n" if self.example.strip() else ""
        whole = body + (self.footer() if self.footer else "") + example
        return "\n".join(map(printable, whole.split("\n")))

    def format_body(self) -> str:
        """Return the help without footer and example."""
        self._fit_terminal()
        return super().format_help()

    def two_columns(self, rows: Mapping[str, str]) -> str:
        """Return *rows*, name to what it is, as lines below each other that are as wide as the help."""
        width = max(map(len, rows), default=0)
        return "".join(
            f"{_wrap(f'  {name:{width}}  {printable(text)}', self._columns, ' ' * (width + 4))}\n"
            for name, text in rows.items()
        )

    def parse_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]
        """Return the options of *args*.

        :raises InputError: if an argument belongs to no option; its text is not shown, as it may be part of a key.
        """
        given = list(args if args is not None else sys.argv[1:])
        try:
            found, unknown = self.parse_known_args(given, namespace)
        except _Missing:
            self._refuse_unknown(given)
            raise
        if unknown:
            self._refuse(unknown, given)
        return found

    def _refuse_unknown(self, args: list[str]) -> None:
        """Refuse an option that does not exist: it may be the one that is missing, misspelt."""
        self.postpone_requirements()
        _, unknown = self.parse_known_args(args)
        if unknown:
            self._refuse(unknown, args)

    def _refuse(self, unknown: list[str], args: list[str]) -> NoReturn:
        name = unknown[0].partition("=")[0]
        if _OPTION.fullmatch(name):
            raise InputError(
                f"{self.prog} has no option {name}",
                hint=nearest(name, self.option_names()) or f"see {self.prog} --help",
            )
        earlier = [argument.partition("=")[0] for argument in args[: args.index(unknown[0])]]
        option = next(filter(_OPTION.fullmatch, reversed(earlier)), None)
        place = f" after {option}" if option else ""
        raise InputError(
            f"there is an argument{place} that belongs to no option", hint="put a value that has blanks in it in quotes"
        )

    def demanded(self) -> dict[str, str]:
        """Return what a command line needs at least: an option's name, or a dest, to the words with some value."""
        return {
            first.option_strings[-1] if first.option_strings else first.dest: _sample(first)
            for first, *_others in self._demands()
        }

    def _demands(self) -> list[list[argparse.Action]]:
        """Return the actions that are required, each with those that would do instead."""
        groups = [group._group_actions for group in self._mutually_exclusive_groups if group.required]
        return [*([action] for action in self._actions if action.required), *groups]

    def _usage_of(self, alternatives: list[argparse.Action]) -> str:
        formatter = self._get_formatter()
        words = []
        for action in alternatives:
            value = formatter._format_args(action, action.dest.upper())
            words.append(" ".join(filter(None, [*action.option_strings[-1:], value])))
        return words[0] if len(words) == 1 else f"({' | '.join(words)})"

    def postpone_requirements(self) -> None:
        """Let what is required be given later, by the rows of a batch."""
        demands: list[Any] = [*self._actions, *self._mutually_exclusive_groups]
        for demand in demands:
            if demand.required:
                demand.required = False
                self.postponed.append(demand)

    def option_names(self) -> list[str]:
        """Return the long names of all options."""
        return [name for name in self._option_string_actions if name.startswith("--")]

    def error(self, message: str) -> NoReturn:
        """Raise *message*, argparse's own, as an error of ours."""
        option, found, _value = message.partition(": ignored explicit argument ")
        if found:
            raise InputError(f"{option} takes no value", hint=f"see {self.prog} --help")
        if ": expected " in message:
            raise InputError(
                message,
                hint="quote a value that has blanks, and write one that begins with a dash as --option=VALUE",
            )
        missing = message.startswith("the following arguments are required") or message.endswith(" is required")
        kind = _Missing if missing else InputError
        raise kind(message, hint=f"see {self.prog} --help")

    def _get_values(self, action: argparse.Action, arg_strings: list[str]) -> Any:
        self.given.add(action)
        return super()._get_values(action, arg_strings)

    def value_of(self, action: argparse.Action, text: str) -> Any:
        """Return the value that *text* is for *action*, with its type and among its choices.

        :raises InputError: if it is none.
        """
        value = self._get_value(action, text)
        self._check_value(action, value)
        return value

    def _get_value(self, action: argparse.Action, arg_string: str) -> Any:
        try:
            return super()._get_value(action, arg_string)
        except InputError as error:
            raise InputError(f"{_name(action)}: {error.message}", hint=error.hint) from error
        except Exception as cause:  # a plugin's option may have any type
            if isinstance(cause, argparse.ArgumentError) and isinstance(cause.__context__, argparse.ArgumentTypeError):
                raise InputError(f"{_name(action)}: {printable(cause.message)}") from cause
            if action.choices is not None and isinstance(action.type, enum.EnumType):
                raise _none_of_the_choices(action, arg_string) from cause
            raise InputError(f"{_name(action)}: {quoted(arg_string)} is not a value for it") from cause

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            raise _none_of_the_choices(action, str(value))


def choices_of(action: argparse.Action, most: int) -> list[str]:
    """Return the choices of *action* as they are typed, and at most *most* of them."""
    return [
        # An Enum as the type of an option makes its members of their values.
        str(choice.value) if isinstance(choice, enum.Enum) and action.type is type(choice) else str(choice)
        for choice in itertools.islice(action.choices or (), most)
    ]


def _none_of_the_choices(action: argparse.Action, text: str) -> InputError:
    choices = choices_of(action, _MOST_CHOICES + 1)
    shown = choices if len(choices) <= _MOST_CHOICES else [*choices[:-1], "…"]
    return InputError(
        f"{_name(action)}: {quoted(text)} is none of {', '.join(map(printable, shown))}", hint=nearest(text, choices)
    )


def _sample(action: argparse.Action) -> str:
    """Return *action* as it may stand on a command line, with its choices or what its help names for a value."""
    import shlex

    name = action.metavar or action.dest.upper()
    value = choices_of(action, 1)[0] if action.choices else name
    count = action.nargs if isinstance(action.nargs, int) else 1
    values = list(value) if isinstance(value, tuple) else [value] * count
    return " ".join([*action.option_strings[-1:], *map(shlex.quote, values[:count])])


def _name(action: argparse.Action) -> str:
    return "/".join(action.option_strings) or str(action.metavar or action.dest)


class _Formatter(argparse.HelpFormatter):
    """Wraps paragraphs, leaves lines that begin with a blank as they are, and tears no option apart."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n\n".join(
            part if "\n " in part else indent + _wrap(part, width - len(indent), indent) for part in text.split("\n\n")
        )

    def _split_lines(self, text: str, width: int) -> list[str]:
        return _wrap(text, width).split("\n")


def _wrap(text: str, width: int, indent: str = "") -> str:
    import textwrap

    return textwrap.fill(text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def continued(command: str, width: int) -> str:
    """Return *command* over as many lines as it takes, as the system's usual shell continues them.

    :param width: of the longest line, in characters; an option and its values stay together even if they are longer.
    """
    first, *parts = _parts(command)
    lines = [f"  {first}"]
    for part in parts:
        if len(lines[-1]) + 1 + len(part) + len(_CONTINUATION) <= width:
            lines[-1] += f" {part}"
        else:
            lines[-1] += _CONTINUATION
            lines.append(f"    {part}")
    return "\n".join(lines)


def _parts(command: str) -> list[str]:
    """Return the command, and each option with its values."""
    parts: list[str] = []
    for word in _WORD.findall(command):
        if parts and not word.startswith("-"):
            parts[-1] += f" {word}"
        else:
            parts.append(word)
    return parts


class _PrintHelp(argparse.Action):
    def __init__(self, **settings: Any) -> None:
        super().__init__(**{**settings, "nargs": 0, "default": argparse.SUPPRESS})

    def __call__(self, parser: argparse.ArgumentParser, *_unused: object) -> None:
        raise HelpWanted(parser.format_help())
