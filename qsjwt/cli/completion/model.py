"""What can be completed, read off the parsers: which words name a command, which options it has, what each takes."""

import enum
import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from qsjwt.keys.reference import reference_forms
from qsjwt.options.option import Option as DeclaredOption
from qsjwt.options.parser import Parser
from qsjwt.redaction import printable

MAX_CHOICES: Final = 200
_OPTION: Final = re.compile(r"--?[A-Za-z0-9][A-Za-z0-9_.-]*", re.ASCII)
_COUNTS: Final = ("?", "*", "+")
_FILES: Final = ("FILE", "PATH")


class Kind(enum.Enum):
    """What stands where a value is."""

    NOTHING = ""
    CHOICE = "choice"
    FILE = "file"
    FOLDER = "folder"
    KEY = "key"
    TEXT = "text"


_KINDS: Final = {"FILE": Kind.FILE, "FOLDER": Kind.FOLDER, "SCHEME:REFERENCE": Kind.KEY}


class Value(NamedTuple):
    """What an option takes, or a command without an option.

    :ivar choices: the values there are, if it is a choice.
    :ivar nargs: how many, as argparse has it: ``?``, ``*``, ``+``, or nothing for one.
    """

    kind: Kind = Kind.NOTHING
    choices: tuple[str, ...] = ()
    nargs: str = ""


class Option(NamedTuple):
    """An option under all its names."""

    names: tuple[str, ...]
    help: str
    value: Value


class Place(NamedTuple):
    """What may follow some words of a command line.

    :ivar words: those words, such as ``check qseow``; empty for what follows the program's name.
    :ivar help: what they do.
    :ivar options: the options.
    :ivar argument: what the first positional argument is.
    :ivar names: the words of which one has to follow, and what each does; without any, the command is complete.
    """

    words: str
    help: str
    options: Sequence[Option]
    argument: Value = Value()
    names: Mapping[str, str] = MappingProxyType({})


class Scheme(NamedTuple):
    """A key provider: what ``--key`` takes before the colon.

    :ivar takes_file: whether a file's name follows the colon.
    """

    name: str
    help: str
    takes_file: bool


class Model(NamedTuple):
    """All that a script has to know.

    :ivar places: every place, by its words.
    """

    places: Mapping[str, Place]
    schemes: Sequence[Scheme]


def place(words: str, parser: Parser) -> Place:
    """Return what may follow *words*, the name of a command that has *parser*."""
    options, arguments = [], []
    for declared in parser.declared.options:
        if declared.is_hidden:
            continue
        value = _value(declared)
        if not declared.names:
            arguments.append(value)
        elif names := tuple(name for name in declared.names if _OPTION.fullmatch(name)):
            options.append(Option(names, _one_line(declared.help), value))
    return Place(words, _summary(parser.description), options, arguments[0] if arguments else Value())


def model(top: Parser, commands: Iterable[Place], summaries: Mapping[str, str | None]) -> Model:
    """Return *commands* under the places that lead to them.

    :param top: the parser of what stands before the command.
    :param summaries: first word of a command to what it does.
    """
    places = {found.words: found for found in commands}
    root = place("", top)
    helps = [option for option in root.options if "--help" in option.names]
    names: dict[str, dict[str, str]] = {}
    first = {}
    for words, command in places.items():
        name, _, rest = words.partition(" ")
        first[name] = _summary(summaries.get(name)) or command.help
        if rest:
            names.setdefault(name, {})[rest] = command.help
    groups = {name: Place(name, first[name], helps, names=below) for name, below in names.items()}
    first["help"] = "Tell about a command."
    return Model({"": Place("", root.help, root.options, names=first), **groups, **places}, list(_schemes()))


def _schemes() -> Iterable[Scheme]:
    """Yield the key providers that work here."""
    for found in reference_forms():
        if found.problem is None:
            yield Scheme(found.scheme, printable(found.text), found.form.partition(":")[2] in _FILES)


def _value(option: DeclaredOption) -> Value:
    if option.nargs == 0:
        return Value()
    count = str(option.nargs) if option.nargs in _COUNTS else "" if option.nargs in (None, 1) else "+"
    if option.choices is not None:
        choices = option.choice_texts(MAX_CHOICES + 1)
        # Nobody picks one of so many, and a choice that a line cannot hold is typed otherwise.
        if len(choices) <= MAX_CHOICES:
            return Value(Kind.CHOICE, tuple(c for c in choices if c and c.isprintable()), count)
    kinds = [_KINDS[name] for name in option.placeholder.split("|") if name in _KINDS]
    return Value(kinds[-1] if kinds else Kind.TEXT, (), count)


def _summary(text: str | None) -> str:
    return _one_line((text or "").strip().partition("\n")[0])


def _one_line(text: str) -> str:
    return printable(" ".join(text.split()))
