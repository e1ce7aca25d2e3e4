"""What a user asked for, as frozen values: the values of options, and a request for one token."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn

THUMBPRINT: Final = "thumbprint"
"""As a key ID: the key's own thumbprint (RFC 7638)."""

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class Options(Mapping[str, Any]):
    """The values of options, by name with underscores for dashes: ``options.cert_create``. They cannot be changed.

    :ivar given: the names of those that were given; the others have their defaults.
    :ivar remarks: sentences about values that the user may not have meant.
    """

    __slots__ = ("__dict__", "given", "remarks")
    given: frozenset[str]
    remarks: Sequence[str]

    def __init__(
        self, values: Mapping[str, Any], given: frozenset[str] = frozenset(), remarks: Sequence[str] = ()
    ) -> None:
        """Take over *values*."""
        self.__dict__.update(values)
        object.__setattr__(self, "given", given)
        object.__setattr__(self, "remarks", remarks)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Return the value of the option *name*."""

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"options are values, and {name!r} cannot be set")

    def __getitem__(self, name: str) -> Any:
        return self.__dict__[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.__dict__)

    def __len__(self) -> int:
        return len(self.__dict__)

    def __repr__(self) -> str:
        """Show names alone: a value may be a private key."""
        return f"<Options {' '.join(self)}>"


def narrowed(options: Options, names: Iterable[str]) -> Options:
    """Return the values of *names* alone; no method, as an option may have any name."""
    values = vars(options)
    return Options({name: values[name] for name in names}, options.given, options.remarks)


def without_remarks(options: Options) -> Options:
    """Return the same values, when what there is to remark on them is told."""
    return Options(options, options.given)


class TokenRequest(NamedTuple):
    """A request for one token, or for what is to be registered for such tokens.

    :ivar options: those that the platform has added, and no others.
    :ivar expires: the lifetime in seconds from now on; 0 in a registration.
    :ivar expires_at: a NumericDate (RFC 7519, section 2) instead, which the core turns into :attr:`expires` before a
        platform sees it; None if there is none.
    :ivar clock_skew: seconds by which ``iat`` and ``nbf`` lie in the past.
    :ivar algorithm: a JWA name (RFC 7518, section 3.1); None for the platform's first that the key can do. In a
        registration it is one that the key can do.
    :ivar key_id: ``kid`` (RFC 7515, section 4.1.4); None for none.
    :ivar claims: further claims, of the user's own.
    :ivar claim_names: where an administrator may rename claims: option to the claim's name.
    :ivar check: False to sign even if a rule of the platform is broken.
    :ivar remarks: sentences about values that the user may not have meant.
    """

    options: Options
    expires: int = 0
    expires_at: int | None = None
    clock_skew: int = 0
    algorithm: str | None = None
    key_id: str | None = None
    claims: Mapping[str, Any] = _NOTHING
    claim_names: Mapping[str, str] = _NOTHING
    check: bool = True
    remarks: Sequence[str] = ()
