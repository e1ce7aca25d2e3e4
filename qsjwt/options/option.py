"""An option as it was declared once: what parsing, help, completion and batches need to know of it."""

import argparse
import enum
import functools
import itertools
import json
from collections.abc import Callable, Collection
from typing import Any, Final

from qsjwt.errors import InputError, nearest
from qsjwt.options.text import Remark, as_meant, require_plain_dashes
from qsjwt.redaction import printable, quoted

MAX_SHOWN_CHOICES: Final = 20
_BOOLEANS: Final = {"true", "false"}
ACTIONS: Final = ("store", "store_true", "store_false", "append", "extend", "count", argparse.BooleanOptionalAction)
MAX_INTEGER_BITS: Final = 1024
"""Of a number that is given as one: more than any other in JSON has."""

FLAGS: Final = ("store_true", "store_false", argparse.BooleanOptionalAction, "count")


def _ignore(_remark: str) -> None:
    """Hear no remark."""


class Option:
    """An option, or a positional argument.

    :ivar names: as they are typed, such as ``-f`` and ``--format``; none for a positional argument.
    :ivar dest: its name among the parsed values.
    :ivar action: what is done with its values, as :mod:`argparse` calls it.
    :ivar nargs: how many values follow it at a time, as :mod:`argparse` has it; 0 for a flag.
    :ivar default: its value if it is not given.
    :ivar verbatim: whether its value is taken as it is: a file's name, PEM, JSON, and not text.
    :ivar longest: characters that its value may have; None for any number.
    :ivar advanced: whether most people do not need it, so that ``--help`` leaves it out and ``--help-all`` does not.
    """

    def __init__(
        self,
        names: tuple[str, ...],
        dest: str,
        help: str = "",
        *,
        metavar: str | tuple[str, ...] | None = None,
        action: object = "store",
        nargs: int | str | None = None,
        type: Callable[[str], Any] | None = None,
        choices: Collection[Any] | None = None,
        default: Any = None,
        required: bool = False,
        verbatim: bool = False,
        longest: int | None = None,
        advanced: bool = False,
    ) -> None:
        self.names = names
        self.dest = dest
        self.help = help
        self.metavar = metavar
        self.action = action
        self.nargs = nargs
        self.type = type
        self.choices = choices
        self.default = default
        self.required = required
        self.verbatim = verbatim
        self.longest = longest
        self.advanced = advanced

    @property
    def long_names(self) -> list[str]:
        """Its long names without the dashes: what a column of a batch is called."""
        return [name[2:] for name in self.names if name.startswith("--")]

    @functools.cached_property
    def title(self) -> str:
        """What a message calls it."""
        return next((name for name in self.names if name.startswith("--")), self.placeholder)

    @property
    def placeholder(self) -> str:
        """What stands for its value in the help."""
        metavar = self.metavar[0] if isinstance(self.metavar, tuple) else self.metavar
        return metavar or self.dest.upper()

    @property
    def values(self) -> str:
        """What stands for its values in the help, as many as it takes; empty for a flag."""
        name = self.placeholder
        if isinstance(self.nargs, int):
            return " ".join(self.metavar if isinstance(self.metavar, tuple) else [name] * self.nargs)
        return {"?": f"[{name}]", "*": f"[{name} ...]", "+": f"{name} [{name} ...]"}.get(self.nargs or "", name)

    @property
    def invocation(self) -> str:
        """How it is given: all its names, and its values."""
        return ", ".join(f"{name} {self.values}".strip() for name in self.names) or self.placeholder

    @property
    def is_hidden(self) -> bool:
        """Whether help and completion leave it out."""
        return self.help == argparse.SUPPRESS

    @property
    def is_repeated(self) -> bool:
        """Whether each time it is given adds a value, or a list of values."""
        return self.action == "append"

    @property
    def takes_list(self) -> bool:
        """Whether its value is a list."""
        return self.action in ("append", "extend") or self.nargs not in (None, "?", 0)

    def choice_texts(self, most: int) -> list[str]:
        """Return its choices as they are typed, at most *most* of them."""
        return [
            # An Enum as the type makes its members of their values.
            str(choice.value) if isinstance(choice, enum.Enum) and self.type is type(choice) else str(choice)
            for choice in itertools.islice(self.choices or (), most)
        ]

    def convert(self, text: str, remark: Remark = _ignore) -> Any:
        """Return the value that *text* is, of its type and among its choices; TRUE is as good as true.

        :param remark: is told what the user may not have meant.
        :raises InputError: if it is none.
        """
        if self.verbatim:
            require_plain_dashes(text, self.title if self.names else "")
        else:
            text = as_meant(text, self.title, remark)
        if self.longest is not None and len(text) > self.longest:
            raise InputError(
                f"invalid value for {self.title}: it has {len(text)} characters (must have at most {self.longest})"
            )
        if self.choices is None:
            return text if self.type is None else self._typed(self.type, text)
        if self.type is None and {*self.choices} == _BOOLEANS:
            text = text.lower()  # spreadsheets write TRUE, PowerShell and Python True
        value = text if self.type is None else self._typed(self.type, text)
        if value not in self.choices:
            raise self._invalid_choice(text)
        return value

    def _typed(self, convert: Callable[[str], Any], text: str) -> Any:
        try:
            return convert(text)
        except InputError as error:
            raise InputError(f"invalid value for {self.title}: {error.message}", hint=error.hint) from error
        except argparse.ArgumentTypeError as cause:
            raise InputError(f"invalid value for {self.title}: {printable(str(cause))}") from cause
        except Exception as cause:  # a plugin's option may have any type
            if self.choices is not None and isinstance(convert, enum.EnumType):
                raise self._invalid_choice(text) from cause
            raise InputError(f"invalid value for {self.title}: {quoted(text)}") from cause

    def _invalid_choice(self, text: str) -> InputError:
        choices = self.choice_texts(MAX_SHOWN_CHOICES + 1)
        shown = choices if len(choices) <= MAX_SHOWN_CHOICES else [*choices[:-1], "…"]
        return InputError(
            f"invalid choice for {self.title}: {quoted(text)} (choose from {', '.join(map(printable, shown))})",
            hint=nearest(text, choices),
        )

    def from_cell(self, value: Any, separator: str = "", column: str = "", remark: Remark = _ignore) -> Any:
        """Return the option's value for a cell of a batch; None if the cell takes the option back.

        :param value: a string, or what JSON has; false for a flag and an empty list take the option back.
        :param separator: stands between the values of a list that is one string; empty if a string is one value.
        :param column: which of its names the cell stands under.
        :param remark: as for :meth:`convert`.
        :raises InputError: if *value* does not suit.
        """
        if self.action == "count" and type(value) is int and value >= 0:
            return value or None
        if self.nargs == 0:
            return self._from_flag(value, column)
        if not self.takes_list:
            return self.convert(as_typed(value, self.title), remark)
        if isinstance(value, str) and separator:
            # Spaces beside a separator are how people write lists.
            value = [part.strip(" ") for part in value.split(separator) if part.strip()]
        elif not isinstance(value, list | tuple):
            value = [value]
        if self.nargs is None:
            return tuple(self.convert(as_typed(each, self.title), remark) for each in value) or None
        # --pair A B --pair C D is [["A", "B"], ["C", "D"]] in JSON.
        several = self.is_repeated and bool(value) and isinstance(value[0], list | tuple)
        lists = [self._list(each, remark) for each in (value if several else [value])]
        lists = [each for each in lists if each or self.nargs == "*"]
        if self.is_repeated:
            return tuple(lists) or None
        return lists[0] if lists else None

    def _list(self, value: Any, remark: Remark) -> tuple[Any, ...]:
        texts = [as_typed(each, self.title) for each in (value if isinstance(value, list | tuple) else [value])]
        if isinstance(self.nargs, int) and texts and len(texts) != self.nargs:
            raise InputError(f"{self.title} takes {self.nargs} values at a time, not {len(texts)}")
        return tuple(self.convert(text, remark) for text in texts)

    def _from_flag(self, value: Any, column: str) -> Any:
        wanted = {"true": True, "false": False}.get(as_typed(value, self.title).lower())
        if wanted is None:
            raise InputError(f"invalid value for {self.title}: {quoted(str(value))} (must be true or false)")
        if self.action is argparse.BooleanOptionalAction:
            return wanted is not self._negates(column)
        if not wanted:
            return None
        return 1 if self.action == "count" else self.action == "store_true"

    def _negates(self, column: str) -> bool:
        """Tell whether *column* is the name by which a flag that can be negated is."""
        return column.startswith("no-") and column[3:] in self.long_names


def as_typed(value: Any, title: str) -> str:
    """Return *value* as it would be typed on the command line.

    :param title: what messages call the option.
    :raises InputError: if it is of a type that has no one way to be written.
    """
    match value:
        case str():
            return value
        case int() if value.bit_length() > MAX_INTEGER_BITS:
            raise InputError(f"{title}: the number is too large")
        case bool() | int() | float():
            return json.dumps(value)
        case list() | tuple():
            raise InputError(f"{title} takes one value, not an array")
        case dict():
            raise InputError(f"{title} takes a string, a number or a boolean, not an object")
    from numbers import Number

    if isinstance(value, Number):  # of NumPy, say
        return str(value)
    raise InputError(f"{title} takes a string, a number or a boolean, not a value of the type {type(value).__name__}")
