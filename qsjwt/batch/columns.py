"""From a row of a batch to options: by the actions of the command's own parser, so that platforms write nothing."""

import argparse
import copy
import json
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from qsjwt.errors import InputError, nearest
from qsjwt.options.claim_options import json_claim
from qsjwt.options.parser import Parser
from qsjwt.redaction import quoted
from qsjwt.tokens.create import Creator
from qsjwt.tokens.rules import kind

_CLAIM: Final = "claim."
_CLAIM_JSON: Final = "claim-json."
_ATOMS: Final = (str, bytes, bool, int, float, type(None))


class RowOptions:
    """Makes the options of one token out of a row and what all rows have in common; the row overrides that.

    No two tokens share a value that can be changed: actions and platforms may do that.
    """

    def __init__(self, parser: Parser, creator: Creator, common: argparse.Namespace, *, separator: str = "") -> None:
        """Take the actions of *parser*, whose requirements were postponed.

        :param common: what is given for all rows.
        :param separator: stands between the values of a list that is one text; empty if a text is always one value.
        """
        self._parser = parser
        self._columns = creator.columns
        self._split(common)
        self._separator = separator
        self._rivals = _rivals(parser)
        self._simple = {
            name
            for name, action in creator.columns.items()
            if type(action) is argparse._StoreAction and action.nargs is None and action not in self._rivals
        }
        self._demands = [actions for actions in map(_actions_of, parser.postponed) if parser.given.isdisjoint(actions)]
        self._defaults = vars(parser.parse_args([]))
        """With the types of their options, which ``Action.default`` lacks."""

    def over(self, values: Mapping[str, Any]) -> "RowOptions":
        """Return the same, with *values* in common that a row could have.

        :raises InputError: as :meth:`options`, but for what is missing.
        """
        result = copy.copy(self)
        common, given = self._applied(values)
        result._split(common)
        result._demands = [actions for actions in self._demands if given.isdisjoint(actions)]
        return result

    def _split(self, common: argparse.Namespace) -> None:
        """Keep *common*: what tokens can share, and what each needs its own copy of."""
        values = vars(common)
        self._fixed = {name: value for name, value in values.items() if isinstance(value, _ATOMS)}
        self._changeable = {name: (value, _copier(value)) for name, value in values.items() if name not in self._fixed}

    def require_known(self, columns: Iterable[str]) -> None:
        """Return if each of *columns* is one that a row may have.

        :raises InputError: if one is not.
        """
        for column in columns:
            if _claim_of(column) is None and column not in self._columns:
                raise self._unknown(column)

    def options(self, row: Mapping[str, Any] | None) -> argparse.Namespace:
        """Return the options for *row*, whose values are texts or what JSON has; None is as good as nothing.

        :param row: None for a token by itself.
        :raises InputError: if a column is none, a value does not suit its option, or what is required is missing.
        """
        options, given = self._applied(row or {})
        for actions in self._demands:
            if given.isdisjoint(actions):
                names = " or ".join(map(_name, actions))
                hint = "" if row is None else "give it in the row, or as an option for all rows"
                raise InputError(f"{names} is missing", hint=hint)
        return options

    def _applied(self, row: Mapping[str, Any]) -> tuple[argparse.Namespace, set[argparse.Action]]:
        """Return the options, and the actions that the row took.

        :raises InputError: as :meth:`options`.
        """
        options = argparse.Namespace()
        members = vars(options)
        members.update(self._fixed)
        for name, (value, copied) in self._changeable.items():
            members[name] = copied(value)
        given: set[argparse.Action] = set()
        for column, value in row.items():
            if value is None or (isinstance(value, float) and math.isnan(value)):  # as tables of pandas have it
                continue
            if (action := self._columns.get(column)) is not None:
                # Most cells are like this, and need nothing of what _put() weighs; each row of a batch passes here.
                if column in self._simple and type(value) is str and action not in given:
                    action(self._parser, options, self._parser.value_of(action, value), f"--{column}")
                    given.add(action)
                elif self._put(options, action, column, value, given):
                    given.add(action)
            elif (claim := _claim_of(column)) is not None:
                if column != (typed := f"{_CLAIM_JSON}{claim}") and typed in row:
                    raise InputError(f"the columns {quoted(column)} and {quoted(typed)} are one claim")
                source = f"the column {quoted(column)}"
                options.extra_claims[claim] = _own(json_claim(value, source) if column == typed else value)
            else:
                raise self._unknown(column)
        return options, given

    def _put(
        self, options: argparse.Namespace, action: argparse.Action, column: str, value: Any, given: set[argparse.Action]
    ) -> bool:
        """Put *value* into *options*, and tell whether that gives the option; false and an empty list take it back.

        :raises InputError: if the value does not suit, or another column of the row has the option, or excludes it.
        """
        name = f"--{column}"
        calls = self._calls(action, name, value)
        if not calls:
            self._reset(options, action)
            return False
        rivals = self._rivals.get(action, set())
        if action in given or not given.isdisjoint(rivals):
            raise InputError(f"{_name(action)} does not go together with another column of the row")
        for each in (*rivals, *([action] if _takes_list(action) else [])):
            self._reset(options, each)
        try:
            for option, values in calls:
                action(self._parser, options, values, option)
        except argparse.ArgumentError as cause:
            raise InputError(f"{name}: {cause.message}") from cause
        return True

    def _calls(self, action: argparse.Action, name: str, value: Any) -> list[tuple[str, Any]]:
        """Return what *action* is to be called with, once for each time that the option would be given."""
        if action.nargs == 0:
            return _flag_calls(action, name, value)
        if not _takes_list(action):
            return [(name, self._parser.value_of(action, _text(value, name)))]
        if isinstance(value, str) and self._separator:
            value = [part for part in map(str.strip, value.split(self._separator)) if part]
        elif not isinstance(value, list | tuple):
            value = [value]
        alone = action.nargs is None
        # --pair A B --pair C D is [["A", "B"], ["C", "D"]] in JSON.
        several = alone or (_is_repeated(action) and bool(value) and isinstance(value[0], list | tuple))
        calls = []
        for part in value if several else [value]:
            texts = [_text(each, name) for each in ([part] if alone or not isinstance(part, list | tuple) else part)]
            if isinstance(action.nargs, int) and texts and len(texts) != action.nargs:
                raise InputError(f"{name} takes {action.nargs} values at a time, and not {len(texts)}")
            values = [self._parser.value_of(action, text) for text in texts]
            if values or action.nargs == argparse.ZERO_OR_MORE:
                calls.append((name, values[0] if alone else values))
        return calls

    def _reset(self, options: argparse.Namespace, action: argparse.Action) -> None:
        if action.dest in self._defaults:
            setattr(options, action.dest, _own(self._defaults[action.dest]))
        elif hasattr(options, action.dest):
            delattr(options, action.dest)

    def _unknown(self, column: str) -> InputError:
        if f"--{column}" not in self._parser.option_names():
            return InputError(
                f"there is no column or option {quoted(column)}",
                hint=nearest(column, self._columns) or "a column is an option without its dashes, or claim.NAME",
            )
        if column in ("claim", "claim-json"):
            return InputError(f"the column {quoted(column)} does not say which claim", hint=f"call it {column}.NAME")
        return InputError(f"--{column} is the same for all rows, and no column", hint="give it on the command line")


def _own(value: Any) -> Any:
    """Return *value*, or a copy if it can be changed."""
    return value if isinstance(value, _ATOMS) else copy.deepcopy(value)


def _copier(value: Any) -> Callable[[Any], Any]:
    """Return what copies *value* as deep as it has to be."""
    if type(value) is list and all(isinstance(part, _ATOMS) for part in value):
        return list
    if type(value) is dict and all(isinstance(part, _ATOMS) for part in value.values()):
        return dict
    return copy.deepcopy


def _claim_of(column: str) -> str | None:
    """Return the name of the claim that *column* is; None if it is none."""
    for prefix in (_CLAIM, _CLAIM_JSON):
        if column.startswith(prefix):
            return column.removeprefix(prefix) or None
    return None


def _flag_calls(action: argparse.Action, name: str, value: Any) -> list[tuple[str, Any]]:
    if isinstance(action, argparse._CountAction) and type(value) is int and value >= 0:
        return [(name, [])] * value
    wanted = {"true": True, "false": False}.get(_text(value, name).lower())
    if wanted is None:
        raise InputError(f"{name}: {quoted(str(value))} is neither true nor false")
    if wanted:
        return [(name, [])]
    if isinstance(action, argparse.BooleanOptionalAction):
        return [(next(other for other in action.option_strings if _are_opposite(other, name)), [])]
    return []


def _are_opposite(one: str, other: str) -> bool:
    return f"--no-{one[2:]}" == other or f"--no-{other[2:]}" == one


def _text(value: Any, name: str) -> str:
    """Return *value* as it would be written on the command line.

    :raises InputError: if it is of a type that has no one way to be written.
    """
    match value:
        case str():
            return value
        case bool() | int() | float():
            return json.dumps(value)
        case list() | tuple():
            raise InputError(f"{name} takes one value, and there is a list")
        case dict() | None:
            raise InputError(f"{name} takes a text, a number, true or false, and there is {kind(value)}")
    from numbers import Number

    if isinstance(value, Number):  # of NumPy, say
        return str(value)
    raise InputError(
        f"{name} takes a text, a number, true or false, and there is a value of the type {type(value).__name__}"
    )


def _takes_list(action: argparse.Action) -> bool:
    return action.nargs not in (None, argparse.OPTIONAL, 0) or isinstance(action, argparse._AppendAction)


def _is_repeated(action: argparse.Action) -> bool:
    return isinstance(action, argparse._AppendAction) and not isinstance(action, argparse._ExtendAction)


def _name(action: argparse.Action) -> str:
    return next((name for name in action.option_strings if name.startswith("--")), action.dest)


def _actions_of(demand: Any) -> list[argparse.Action]:
    """Return the actions one of which is required: that of an option, or those of a group."""
    return [demand] if isinstance(demand, argparse.Action) else list(demand._group_actions)


def _rivals(parser: Parser) -> dict[argparse.Action, set[argparse.Action]]:
    """Return the actions that cannot be given together with another."""
    found: dict[argparse.Action, set[argparse.Action]] = {}
    for group in parser._mutually_exclusive_groups:
        for action in group._group_actions:
            found.setdefault(action, set()).update(other for other in group._group_actions if other is not action)
    return found
