"""Groups of options, which remember what was declared: requirements, alternatives, defaults."""

import argparse
from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

from qsjwt.options.option import ACTIONS, FLAGS, Option


class Alternatives(NamedTuple):
    """Options of which one alone can be given.

    :ivar required: whether one of them has to be.
    """

    options: Sequence[Option]
    required: bool


class Declared:
    """All that was declared of one command."""

    def __init__(self) -> None:
        self.options: list[Option] = []
        self.alternatives: list[Alternatives] = []

    def requirements(self) -> list[Sequence[Option]]:
        """Return the options of each of which one is required: each alone, or with those that do instead."""
        alone = [(option,) for option in self.options if option.required]
        return [*alone, *(each.options for each in self.alternatives if each.required)]

    def rivals(self) -> dict[Option, list[Option]]:
        """Return the options that cannot be given together with others, and those others."""
        return {
            option: [other for other in each.options if other is not option]
            for each in self.alternatives
            for option in each.options
        }

    def defaults(self) -> dict[str, Any]:
        """Return the value of each option that is not given."""
        return {option.dest: option.default for option in self.options}


class OptionGroup:
    """Options that stand together in the help.

    :ivar options: those that were added to it, in their order.
    :ivar title: stands above them.
    :ivar description: stands below the title.
    """

    def __init__(
        self,
        made: Any,
        declared: Declared,
        title: str = "",
        description: str = "",
        *,
        demands: bool = True,
        advanced: bool = False,
    ) -> None:
        """Wrap *made*, argparse's own group.

        :param declared: is told of each option.
        :param demands: False if none of the options is required, whatever its declaration says.
        :param advanced: True if all of them are advanced, whatever their declarations say.
        """
        self.options: list[Option] = []
        self.title = title
        self.description = description
        self._made = made
        self._declared = declared
        self._demands = demands
        self._advanced = advanced

    def add(
        self,
        *names: str,
        help: str = "",
        metavar: str | tuple[str, ...] | None = None,
        required: bool = False,
        type: Callable[[str], Any] | None = None,
        choices: Collection[Any] | None = None,
        default: Any = None,
        nargs: int | str | None = None,
        const: Any = None,
        action: object = "store",
        dest: str | None = None,
        verbatim: bool = False,
        longest: int | None = None,
        advanced: bool = False,
    ) -> Option:
        """Add an option; its parameters mean what those of :meth:`argparse.ArgumentParser.add_argument` do.

        :param names: such as ``-f`` and ``--format``, or one name without dashes for a positional argument.
        :param type: makes a value of a string; what it raises becomes one sentence that names the option.
        :param action: ``store``, ``store_true``, ``store_false``, ``append``, ``extend``, ``count`` or
            :class:`argparse.BooleanOptionalAction`.
        :param verbatim: True if the value is the name of a file, PEM or JSON, and is taken as it is. Around any other
            value spaces and line ends are left out, with a warning, and control characters in it are refused.
        :param longest: characters that the value may have; None for any number.
        :param advanced: True if most people do not need the option: ``--help`` leaves it out, unless it is required,
            and ``--help-all`` does not.
        :raises ValueError: if the action is another, or a name or the place of the value is taken.
        """
        if action not in ACTIONS:
            raise ValueError(f"{action!r} is not an action that options have here")
        positional = not names[0].startswith("-")
        told = help.replace("%(default)s", str(default)).replace("%%", "%")
        settings: dict[str, Any] = {"action": action, "dest": dest}
        if action not in FLAGS:
            # A positional argument that is missing is told of after what is misspelt, and so not by argparse.
            counted = "?" if positional and nargs is None else nargs
            settings |= {"metavar": metavar, "nargs": counted, "const": const, "choices": choices}
        made = self._made.add_argument(
            *names, default=argparse.SUPPRESS, **{name: value for name, value in settings.items() if value is not None}
        )
        option = Option(
            names=tuple(made.option_strings),
            dest=made.dest,
            help=told,
            metavar=metavar,
            action=action,
            nargs=nargs if positional else made.nargs,
            type=type,
            choices=choices,
            default=default,
            required=(required or (positional and nargs in (None, "+"))) and self._demands,
            verbatim=verbatim,
            longest=longest,
            advanced=advanced or self._advanced,
        )
        if any(option.dest == other.dest for other in self._declared.options):
            raise ValueError(f"two options have the dest {option.dest!r}")
        if isinstance(default, str):
            option.default = option.convert(default)
        elif default is None and action in ("store_true", "store_false"):
            option.default = action == "store_false"
        self._declared.options.append(option)
        self.options.append(option)
        return option

    def one_of(self, *, required: bool = False) -> "OptionGroup":
        """Return a group within this one, of whose options one alone can be given.

        :param required: whether one of them has to be.
        """
        made = self._made.add_mutually_exclusive_group()
        inner = _Inner(made, self._declared, demands=False, advanced=self._advanced)
        inner.outer = self
        self._declared.alternatives.append(Alternatives(inner.options, required and self._demands))
        return inner


class _Inner(OptionGroup):
    outer: OptionGroup

    def add(self, *names: str, **settings: Any) -> Option:
        option = super().add(*names, **settings)
        self.outer.options.append(option)
        return option
