"""A request that is prepared once, for all rows of a batch: what the tokens have in common, and what a row may say."""

import functools
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

from qsjwt.batch.columns import Columns
from qsjwt.batch.rows import Row
from qsjwt.errors import InputError, QsJwtError
from qsjwt.options.group import Declared
from qsjwt.options.parser import Parser
from qsjwt.options.request import RequestOptions
from qsjwt.tokens.create import CreatedToken, Creator, load_platform
from qsjwt.tokens.jwt import Token
from qsjwt.tokens.platform import PLATFORMS, command_of
from qsjwt.tokens.request import Options, TokenRequest, narrowed

Sign = Callable[[Token], CreatedToken]
"""What :meth:`qsjwt.tokens.create.Creator.signing` gives."""

_A = TypeVar("_A")
_R = TypeVar("_R")
_READS: Final = "read its options"


class PreparedRequest:
    """Makes the token of one row after another.

    It holds no key. It can be pickled, and makes the same tokens in another process or on another machine that has the
    same packages installed.

    :ivar creator: of the platform's tokens.
    :ivar columns: what a row may have.
    """

    def __init__(
        self,
        creator: Creator,
        known: RequestOptions,
        declared: Declared,
        common: Options,
        claims: Mapping[str, Any],
        *,
        algorithm: str | None = None,
        check: bool = True,
        separator: str = "",
        fixed: Collection[str] | None = None,
    ) -> None:
        """Take what is given for all rows.

        :param known: the options that make a token, out of all that are *declared*.
        :param common: their values; a row overrides them.
        :param claims: further ones, of the user's own.
        :param algorithm: the JWA name (RFC 7518, section 3.1) that the user has chosen, or None.
        :param check: False to sign even if a rule of the platform is broken.
        :param separator: stands between the values of a list that is one string; empty if a string is always one value.
        :param fixed: the names of the options that no row can have; None for those of *declared*.
        """
        self.creator = creator
        self.algorithm = algorithm
        self._known = known
        self._declared = declared
        self._common = narrowed(common, {option.dest for option in known.columns.values()})
        self._claims = claims
        self._check = check
        self._separator = separator
        self._fixed = frozenset(_names(declared) if fixed is None else fixed)
        make = functools.partial(known.request, algorithm=algorithm, check=check)
        self.columns = Columns(declared, known, make, self._common, claims, separator=separator, fixed=self._fixed)
        self._reads = PLATFORMS.guard(creator.name, _READS)

    def over(self, values: Mapping[str, Any]) -> "PreparedRequest":
        """Return the same, with *values* in common that a row could have.

        :raises InputError: if one does not suit.
        """
        with self._reads:
            common, claims = self.columns.applied(values)
        return self._with(common, claims)

    def named(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return *options*, whose names are Python's, by the names of their columns."""
        known = self._known.columns
        return {name if name in known else name.replace("_", "-"): value for name, value in options.items()}

    def _with(self, common: Options, claims: Mapping[str, Any]) -> "PreparedRequest":
        return PreparedRequest(
            *(self.creator, self._known, self._declared, common, claims),
            algorithm=self.algorithm,
            check=self._check,
            separator=self._separator,
            fixed=self._fixed,
        )

    def request(self, values: Mapping[str, Any] | None) -> TokenRequest:
        """Return the request for the row *values*, as :meth:`Columns.request` does.

        :raises PluginError: if the platform fails.
        """
        with self._reads:
            return self.columns.request(values)

    def draft(self, values: Mapping[str, Any] | None) -> Token:
        """Return the token for the row *values*, built and judged; None for a token by itself.

        :raises InputError: as :meth:`Columns.request` and :meth:`Creator.build`.
        """
        return self.creator.build(self.request(values), int(time.time()))

    def outcomes(self, rows: Sequence[Row], sign: Sign) -> list[CreatedToken | QsJwtError]:
        """Return the token of each of *rows*, or why there is none.

        All are built before the first is signed: each of the two leaves little of the other in the processor's caches,
        so that to take turns costs a twentieth of the time.
        """
        drafts = [_attempted(self._draft_of, row) for row in rows]
        return [draft if isinstance(draft, QsJwtError) else _attempted(sign, draft) for draft in drafts]

    def _draft_of(self, row: Row) -> Token:
        if row.problem:
            raise InputError(row.problem)
        return self.draft(row.values)

    def __reduce__(self) -> tuple[Any, ...]:
        common = self._common
        options = ({**common}, common.given.intersection(common), tuple(common.remarks))
        settings: dict[str, Any] = {"algorithm": self.algorithm, "check": self._check}
        settings |= {"separator": self._separator, "fixed": self._fixed}
        return _again, (self.creator.name, options, dict(self._claims), settings)


def _again(
    platform: str,
    options: tuple[Mapping[str, Any], frozenset[str], Sequence[str]],
    claims: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> PreparedRequest:
    """Return the request that was prepared elsewhere."""
    creator, known, parser = _declared(platform)
    return PreparedRequest(creator, known, parser.declared, Options(*options), claims, **settings)


def _declared(platform: str) -> tuple[Creator, RequestOptions, Parser]:
    creator = Creator(platform, load_platform(platform))
    parser = Parser(command_of(platform), "")
    with PLATFORMS.guard(platform, "add its options"):
        known = RequestOptions(parser, creator.platform)
        known.add_key_id(parser.group("key"))
    return creator, known, parser


def _attempted(call: Callable[[_A], _R], argument: _A) -> _R | QsJwtError:
    """Return what *call* makes of *argument*, or our own error that it raises."""
    try:
        return call(argument)
    except QsJwtError as error:
        return error


def _names(declared: Declared) -> Iterable[str]:
    return (name for option in declared.options for name in option.long_names)


def prepare(
    platform: str,
    *,
    algorithm: str | None = None,
    claims: Mapping[str, Any] | None = None,
    check: bool = True,
    **options: Any,
) -> PreparedRequest:
    """Return what tokens for *platform* have in common; its parameters are those of :func:`qsjwt.api.create_token`.

    :raises InputError: if an option is unknown or wrong.
    :raises PluginError: if the platform is missing or broken.
    """
    creator, known, parser = _declared(platform)
    creator.algorithms(algorithm)
    if not all(isinstance(name, str) for name in claims or ()):
        raise InputError("the name of a claim must be a string")
    defaults = parser.defaults()
    plain = PreparedRequest(creator, known, parser.declared, defaults, claims or {}, algorithm=algorithm, check=check)
    return plain.over(plain.named(options))
