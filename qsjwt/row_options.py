"""From a row of a batch to options: by the actions of the command's own parser, so that platforms write nothing."""

import argparse
import json
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from qsjwt.claim_options import json_claim
from qsjwt.creation import Creator
from qsjwt.errors import InputError
from qsjwt.parser import Parser
from qsjwt.redaction import quoted
from qsjwt.spelling import nearest

_CLAIM: Final = "claim."
_CLAIM_JSON: Final = "claim-json."

_Put = Callable[[argparse.Namespace, Any], None]


class RowOptions:
    """Makes the options of one token out of a row and what all rows have in common; the row overrides that."""

    def __init__(self, parser: Parser, creator: Creator, common: argparse.Namespace, *, separator: str = "") -> None:
        """Take the actions of *parser*, whose requirements were postponed.

        :param common: what is given for all rows.
        :param separator: stands between the values of a list that is one text; empty if a text is always one value.
        """
        self._parser = parser
        self._columns = creator.columns
        self._common = common
        self._separator = separator
        self._puts: dict[str, _Put] = {}
        self._rivals = _rivals(parser)
        self._demands = [actions for actions in map(_actions_of, parser.postponed) if parser.given.isdisjoint(actions)]

    def over(self, values: Mapping[str, Any]) -> "RowOptions":
        """Return the same, with *values* in common that a row could have.

        :raises InputError: as :meth:`options`, but for what is missing.
        """
        result = RowOptions.__new__(RowOptions)
        vars(result).update(vars(self))
        result._common, given = self._applied(values)
        result._demands = [actions for actions in self._demands if given.isdisjoint(actions)]
        return result

    def require_known(self, columns: Iterable[str]) -> None:
        """Return if each of *columns* is one that a row may have.

        :raises InputError: if one is not.
        """
        for column in columns:
            self._put(column)

    def options(self, row: Mapping[str, Any]) -> argparse.Namespace:
        """Return the options for *row*, whose values are texts or what JSON has; None is as good as nothing.

        :raises InputError: if a column is none, a value does not suit its option, or what is required is missing.
        """
        options, given = self._applied(row)
        for actions in self._demands:
            if given.isdisjoint(actions):
                names = " or ".join(_name(action) for action in actions)
                raise InputError(f"{names} is missing", hint="give it in the row, or for all rows on the command line")
        return options

    def _applied(self, row: Mapping[str, Any]) -> tuple[argparse.Namespace, set[argparse.Action]]:
        options = argparse.Namespace(**vars(self._common))
        options.extra_claims = dict(options.extra_claims)
        given: set[argparse.Action] = set()
        for column, value in row.items():
            put = self._puts.get(column) or self._put(column)
            if value is None or (isinstance(value, float) and math.isnan(value)):  # as tables of pandas have it
                continue
            if (action := self._columns.get(column)) is not None:
                if action in given or not given.isdisjoint(self._rivals.get(action, ())):
                    raise InputError(f"{_name(action)} does not go together with another column of the row")
                for rival in self._rivals.get(action, ()):
                    setattr(options, rival.dest, rival.default)
                given.add(action)
            elif column.startswith(_CLAIM) and f"{_CLAIM_JSON}{column.removeprefix(_CLAIM)}" in row:
                raise InputError(f"the columns {quoted(column)} and {quoted(_CLAIM_JSON + column[6:])} are one claim")
            put(options, value)
        return options, given

    def _put(self, column: str) -> _Put:
        """Return what puts a value of *column* into options, and keep it.

        :raises InputError: if there is no such column.
        """
        put = self._made_put(column)
        self._puts[column] = put
        return put

    def _made_put(self, column: str) -> _Put:
        for prefix, read in ((_CLAIM, _as_it_is), (_CLAIM_JSON, json_claim)):
            if column.startswith(prefix) and (name := column.removeprefix(prefix)):
                return lambda options, value: options.extra_claims.__setitem__(name, read(value, column))
        action = self._columns.get(column)
        if action is None:
            raise self._unknown(column)
        if action.nargs == 0:
            return lambda options, value: self._put_flag(options, action, column, value)
        if _takes_list(action):
            return lambda options, value: self._put_list(options, action, column, value)
        return lambda options, value: action(
            self._parser, options, self._parser.value_of(action, _text(value, column)), f"--{column}"
        )

    def _unknown(self, column: str) -> InputError:
        if f"--{column}" not in self._parser.option_names():
            return InputError(
                f"there is no column {quoted(column)}",
                hint=nearest(column, self._columns) or "a column is an option without its dashes, or claim.NAME",
            )
        if column in ("claim", "claim-json"):
            return InputError(f"the column {quoted(column)} does not say which claim", hint=f"call it {column}.NAME")
        return InputError(f"--{column} is the same for all rows, and no column", hint="give it on the command line")

    def _put_flag(self, options: argparse.Namespace, action: argparse.Action, column: str, value: Any) -> None:
        wanted = {"true": True, "false": False}.get(_text(value, column).lower())
        if wanted is None:
            raise InputError(f"--{column}: {quoted(str(value))} is neither true nor false")
        name = f"--{column}"
        if not wanted and isinstance(action, argparse.BooleanOptionalAction):
            name = next(other for other in action.option_strings if other.startswith("--") and _opposite(other, name))
        elif not wanted:
            setattr(options, action.dest, action.default)
            return
        action(self._parser, options, [], name)

    def _put_list(self, options: argparse.Namespace, action: argparse.Action, column: str, value: Any) -> None:
        if isinstance(value, str) and self._separator:
            value = [part for part in map(str.strip, value.split(self._separator)) if part]
        texts = [_text(part, column) for part in (value if isinstance(value, list | tuple) else [value])]
        if isinstance(action.nargs, int) and len(texts) != action.nargs:
            raise InputError(f"--{column} takes {action.nargs} values, and there are {len(texts)}")
        setattr(options, action.dest, action.default)
        values = [self._parser.value_of(action, text) for text in texts]
        for each in values if action.nargs is None else [values] if values else []:
            action(self._parser, options, each, f"--{column}")


def _as_it_is(value: Any, _column: str) -> Any:
    return value


def _text(value: Any, column: str) -> str:
    """Return *value* as it would be written on the command line.

    :raises InputError: if it is of a type that has no one way to be written.
    """
    match value:
        case str():
            return value
        case bool() | int() | float():
            return json.dumps(value)
        case list() | tuple():
            raise InputError(f"--{column} takes one value, and there is a list")
        case _:
            raise InputError(f"--{column} takes a text, a number, true or false, and no {type(value).__name__}")


def _takes_list(action: argparse.Action) -> bool:
    return action.nargs not in (None, argparse.OPTIONAL) or isinstance(action, argparse._AppendAction)


def _opposite(one: str, other: str) -> bool:
    return f"--no-{one[2:]}" == other or f"--no-{other[2:]}" == one


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
