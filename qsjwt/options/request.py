"""The options that every ``create-NAME`` has, and the way from their values to a request for a token."""

from collections.abc import Mapping
from typing import Any

from qsjwt.errors import InputError
from qsjwt.options.claims import add_claim_options
from qsjwt.options.group import OptionGroup
from qsjwt.options.option import Option
from qsjwt.options.parser import Parser
from qsjwt.times import PointInTime, parse_duration, parse_expiry
from qsjwt.tokens.claim_names import ClaimNames
from qsjwt.tokens.platform import Platform
from qsjwt.tokens.request import THUMBPRINT, Options, TokenRequest, narrowed


def add_claim_name_options(group: OptionGroup, platform: Platform) -> None:
    """Add ``--OPTION-claim`` for each claim of *platform* that an administrator may rename."""
    for option, claim in platform.claim_names.items():
        group.add(
            f"--{option}-claim",
            default=claim,
            metavar="CLAIM",
            advanced=True,
            help=f"name of the claim for --{option}; default %(default)s",
        )


def key_id(options: Options) -> str | None:
    """Return the value of ``--keyid``, or None.

    :raises InputError: if it is empty.
    """
    value: str | None = options.keyid
    if value is not None and not value.strip():
        raise InputError("the key ID (--keyid) is empty")
    return value


class RequestOptions:
    """What a token says, declared on a parser: the platform's options, further claims, the lifetime, the key ID.

    :ivar columns: option without its dashes to the option: what may differ from token to token.
    :ivar shared: the options that say how the platform is set up, as ``check`` has them, too.
    :ivar identifying: those of them that have one value and say who a token is for.
    """

    def __init__(
        self, parser: Parser, platform: Platform, *, lifetime: str | None = None, demands: bool = True
    ) -> None:
        """Add the options to *parser*, but for the key ID and ``--no-check``.

        :param lifetime: the default of ``--expires``; None if it is required.
        :param demands: False if none of them is required.
        """
        self._platform = platform
        self._demands = demands
        advanced = not demands  # they are for a token that is made beside something else
        who = parser.group("who", demands=demands, advanced=advanced)
        platform.add_options(who)
        claims = parser.group("claims", demands=demands, advanced=advanced)
        platform.add_shared_options(claims)
        add_claim_name_options(claims, platform)
        self.shared = [*claims.options]
        own = [*who.options, *self.shared]
        add_claim_options(claims)
        times = parser.group("lifetime", demands=demands, advanced=advanced)
        said = f"; default {lifetime}" if lifetime else ""
        times.add(
            "--expires",
            type=parse_expiry,
            required=lifetime is None,
            default=lifetime,
            metavar="TIME",
            help="for 60m, 1h30m, 48h or 5y; or until 2026-12-01 or 2026-12-01T08:00Z (UTC if it names no zone)" + said,
        )
        times.add(
            "--clock-skew",
            type=parse_duration,
            default="30s",
            advanced=True,
            metavar="TIME",
            help="how far iat and nbf lie in the past, in case clocks differ; default %(default)s, 0s for none",
        )
        self._own = [option.dest for option in own]
        self._claim_names = ClaimNames(platform)
        self.columns: dict[str, Option] = {}
        self._add_columns(*own, *times.options)
        self.identifying = [option.long_names[-1] for option in who.options if _is_single(option)]

    def add_key_id(self, group: OptionGroup) -> None:
        """Add ``--keyid``."""
        self._add_columns(
            group.add(
                "--keyid",
                required=self._platform.key_id_required and self._demands,
                metavar="ID",
                help=f"key ID (kid), or {THUMBPRINT} for the key's own",
            )
        )

    @staticmethod
    def add_no_check(group: OptionGroup) -> None:
        """Add ``--no-check``."""
        group.add(
            "--no-check", action="store_true", advanced=True, help="sign even if a rule of the platform is broken"
        )

    def _add_columns(self, *options: Option) -> None:
        for option in options:
            self.columns.update(dict.fromkeys(option.long_names, option))

    def request(
        self, options: Options, claims: Mapping[str, Any], *, algorithm: str | None = None, check: bool = True
    ) -> TokenRequest:
        """Return the request that *options* make.

        :param claims: further ones, of the user's own.
        :raises InputError: if a claim or the key ID has no name.
        """
        expires: int | PointInTime = options.expires
        lifetime, until = (0, expires.seconds) if isinstance(expires, PointInTime) else (expires, None)
        return TokenRequest(
            options=narrowed(options, self._own),
            expires=lifetime,
            expires_at=until,
            clock_skew=options.clock_skew,
            algorithm=algorithm,
            key_id=key_id(options),
            claims=claims,
            claim_names=self._claim_names.of(options),
            check=check,
            remarks=options.remarks,
        )


def _is_single(option: Option) -> bool:
    return option.nargs is None and not option.takes_list and bool(option.long_names)
