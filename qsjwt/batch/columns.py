"""From the columns of a row to a request for a token, by the command's own options: platforms write nothing."""

import functools
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from qsjwt.errors import InputError, nearest
from qsjwt.options.claims import json_claim
from qsjwt.options.group import Declared
from qsjwt.options.option import Option
from qsjwt.options.request import RequestOptions
from qsjwt.options.text import Remark, as_meant, require_content
from qsjwt.redaction import quoted
from qsjwt.tokens.request import Options, TokenRequest

_CLAIM: Final = "claim."
_CLAIM_JSON: Final = "claim-json."

MAX_LISTS: Final = 1024
MAX_LIST_CHARACTERS: Final = 1024
"""Of the cells with lists that are kept for further rows with the same."""

MakeRequest = Callable[[Options, Mapping[str, Any]], TokenRequest]


class Columns:
    """Makes the request for one token of a row and of what all rows have in common, which the row overrides.

    No two requests share a value that can be changed.

    :ivar identifying: the columns that say who a token is for.
    """

    def __init__(
        self,
        declared: Declared,
        known: RequestOptions,
        make: MakeRequest,
        common: Options,
        claims: Mapping[str, Any],
        *,
        separator: str = "",
        fixed: Collection[str] = (),
    ) -> None:
        """Take what is given for all rows.

        :param declared: all options of the command; those that are not *known* are the same for all rows.
        :param make: makes a request of options and claims.
        :param claims: further ones, of the user's own.
        :param separator: stands between the values of a list that is one string; empty if a string is always one value.
        :param fixed: the long names of options that are no columns.
        """
        self._fixed = fixed
        self._known = known.columns
        self.identifying = known.identifying
        self._make = make
        self._common = common
        self._claims = claims
        self._separator = separator
        self._rivals = {option: frozenset(rivals) for option, rivals in declared.rivals().items()}
        self._plain = {
            column: option
            for column, option in known.columns.items()
            if option.nargs is None and not option.takes_list and option not in self._rivals
        }
        self._texts = {
            column
            for column, option in known.columns.items()
            if option.takes_list and option.type is None and option.choices is None
        }
        self._listed = functools.lru_cache(maxsize=MAX_LISTS)(self._as_list)
        demands = [(frozenset(option.dest for option in options), options) for options in declared.requirements()]
        self._demands = [(dests, options) for dests, options in demands if common.given.isdisjoint(dests)]

    def require_known(self, columns: Iterable[str]) -> None:
        """Return if each of *columns* is one that a row may have.

        :raises InputError: if one is not.
        """
        for column in columns:
            if _claim_of(column) is None and column not in self._known:
                raise self._unknown(column)

    def request(self, row: Mapping[str, Any] | None) -> TokenRequest:
        """Return the request for *row*, whose values are strings or what JSON has; None is as good as nothing.

        :param row: None for a token by itself.
        :raises InputError: if a column is unknown, a value does not suit its option, or what is required is missing.
        """
        options, claims = self.applied(row or {})
        for dests, demanded in self._demands:
            if options.given.isdisjoint(dests):
                names = " or ".join(option.title for option in demanded)
                hint = "" if row is None else "give it in the row, or as an option for all rows"
                raise InputError(f"{names} is missing", hint=hint)
        return self._make(options, claims)

    def applied(self, row: Mapping[str, Any]) -> tuple[Options, dict[str, Any]]:
        """Return the options and the further claims of *row*, and of what all rows have in common.

        :raises InputError: as :meth:`request`, but for what is missing.
        """
        values = vars(self._common).copy()
        claims = {name: owned(value) for name, value in self._claims.items()}
        given: set[str] = set()
        remarks = [*self._common.remarks]
        for column, value in row.items():
            option = self._plain.get(column)
            if option is not None and type(value) is str and option.dest not in given:
                # Most cells are a string for one value; each row of a batch passes here.
                self._set(values, option, option.convert(value, remarks.append), given)
            elif value is None or (isinstance(value, float) and math.isnan(value)):  # as tables of pandas have it
                continue
            elif column in self._known:
                self._put(values, column, value, given, remarks.append)
            elif (claim := _claim_of(column)) is not None:
                claims[claim] = _claim_value(column, claim, value, row, remarks.append)
            else:
                raise self._unknown(column)
        return Options(values, self._common.given | given if given else self._common.given, remarks), claims

    def _put(self, values: dict[str, Any], column: str, value: Any, given: set[str], remark: Remark) -> None:
        """Put the value of the option that *column* is among *values*.

        :raises InputError: if it does not suit, or another column of the row has the option, or excludes it.
        """
        option = self._known[column]
        if column in self._texts and type(value) is str and len(value) <= MAX_LIST_CHARACTERS:
            made, remarks = self._listed(column, value)
            for each in remarks:
                remark(each)
        else:
            made = option.from_cell(value, self._separator, column, remark)
        rivals = self._rivals.get(option, frozenset())
        if made is not None and (option.dest in given or not given.isdisjoint(rival.dest for rival in rivals)):
            raise InputError(f"{option.title} cannot be combined with another column of the row")
        self._set(values, option, made, given)
        if made is not None:
            values.update((rival.dest, rival.default) for rival in rivals)

    @staticmethod
    def _set(values: dict[str, Any], option: Option, made: Any, given: set[str]) -> None:
        """Put what is *made* of a cell among *values*; None, as of false or an empty list, takes the option back."""
        if made is None:
            values[option.dest] = option.default
        else:
            values[option.dest] = made
            given.add(option.dest)

    def _as_list(self, column: str, text: str) -> tuple[Any, Sequence[str]]:
        """Return the value of an option for strings, and the remarks on it; many rows have the same."""
        remarks: list[str] = []
        return self._known[column].from_cell(text, self._separator, column, remarks.append), remarks

    def _unknown(self, column: str) -> InputError:
        if column not in self._fixed:
            return InputError(
                f"unknown column {quoted(column)}",
                hint=nearest(column, self._known) or "a column is an option without its dashes, or claim.NAME",
            )
        if column in ("claim", "claim-json"):
            return InputError(f"the column {quoted(column)} does not say which claim", hint=f"call it {column}.NAME")
        return InputError(
            f"--{column} is the same for all rows and cannot be a column", hint="give it on the command line"
        )


def owned(value: Any) -> Any:
    """Return *value* so that nobody else can change it: its arrays and objects are copies, as JSON has them.

    :raises InputError: if it cannot be read to its end; what JSON does not have is refused when it is signed.
    """
    try:
        return _copied(value)
    except Exception as cause:  # its own code, or it is within itself
        raise InputError(
            f"a value of the type {type(value).__name__} cannot be read: {type(cause).__name__}"
        ) from cause


def _copied(value: Any) -> Any:
    match value:
        case str():
            return str.__str__(value)  # a subclass may do anything
        case list() | tuple():
            return [*map(_copied, value)]
        case dict():
            return {name: _copied(each) for name, each in value.items()}
    return value


def _claim_of(column: str) -> str | None:
    """Return the name of the claim that *column* is; None if it is none."""
    for prefix in (_CLAIM, _CLAIM_JSON):
        if column.startswith(prefix):
            return column.removeprefix(prefix) or None
    return None


def _claim_value(column: str, claim: str, value: Any, row: Mapping[str, Any], remark: Remark) -> Any:
    typed, title = f"{_CLAIM_JSON}{claim}", f"the column {quoted(column)}"
    if column != typed and typed in row:
        raise InputError(f"the columns {quoted(column)} and {quoted(typed)} set the same claim")
    if column != typed and isinstance(value, str):
        return as_meant(value, title, remark)
    own = owned(json_claim(value, title))
    require_content(own, title)
    return own
