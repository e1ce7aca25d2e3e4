"""Create one token: the options that every ``create-NAME`` has, and the way from them to a signed token."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from qsjwt.errors import InputError
from qsjwt.keys.signer import Signer
from qsjwt.options import key_options
from qsjwt.options.claim_options import add_claim_options
from qsjwt.options.key_options import THUMBPRINT
from qsjwt.options.parser import Parser
from qsjwt.redaction import quoted
from qsjwt.times import LAST_SECOND, parse_duration, parse_lifetime
from qsjwt.tokens import jwt
from qsjwt.tokens.jwt import Token
from qsjwt.tokens.platform import PLATFORMS, Platform, Status, checked_findings, require_sound

_NOT_IN_ROWS: Final = ("help", "claim", "claim_json", "claims_file")


@dataclass(frozen=True)
class CreatedToken:
    """A token that is signed; only :attr:`compact` is as secret as a password, and no ``repr`` shows it.

    :ivar compact: what is sent to Qlik: the JWS in compact serialization (RFC 7515, section 7.1).
    :ivar header: the JOSE header (RFC 7515, section 4).
    :ivar claims: the claims set (RFC 7519, section 4).
    :ivar key_thumbprint: the SHA-256 thumbprint of the public key (RFC 7638), in base64url.
    :ivar remarks: sentences about what the user may not have meant, such as blanks that were left out.
    """

    compact: str = field(repr=False)
    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    key_thumbprint: str
    remarks: Sequence[str] = ()

    @property
    def expires_at(self) -> str | None:
        """The time of ``exp`` in ISO 8601, in UTC; None if the token has none."""
        from qsjwt.times import iso_time

        return iso_time(self.claims.get("exp"))


class Creator:
    """Makes tokens for one platform: its options, its claims and its rules, and what all platforms have alike.

    :ivar name: the platform's name.
    :ivar columns: option without its dashes to the action that takes it: what may differ from token to token.
    :ivar identifying: those of them that have one value and say who a token is for.
    """

    def __init__(self, name: str, platform: Platform) -> None:
        self.name = name
        self.platform = platform
        self.columns: dict[str, argparse.Action] = {}
        self.identifying: list[str] = []

    def add_options(self, parser: Parser) -> None:
        """Add what a token says: the platform's options, further claims, and its lifetime."""
        before = set(map(id, parser._actions))
        self.platform.add_options(parser.add_argument_group("who"))
        own = [action for action in parser._actions if id(action) not in before]
        claims = parser.add_argument_group("claims")
        self.platform.add_shared_options(claims)
        add_claim_options(claims)
        lifetime = parser.add_argument_group("lifetime")
        lifetime.add_argument(
            "--expires",
            type=parse_lifetime,
            required=True,
            metavar="TIME",
            help="from now on: 60m, 48h, 365d, 5y (s, m, h, d, w, y)",
        )
        lifetime.add_argument(
            "--clock-skew",
            type=parse_duration,
            default="30s",
            metavar="TIME",
            help="how far iat and nbf lie in the past, as clocks differ; default %(default)s, 0s for none",
        )
        self._add_columns(parser._actions)
        self.identifying = [name for name, action in self.columns.items() if action in own and action.nargs is None]

    def add_key_id_option(self, group: Any) -> None:
        """Add ``--keyid`` to an :mod:`argparse` argument group."""
        action = group.add_argument(
            "--keyid",
            required=self.platform.key_id_required,
            metavar="ID",
            help=f"key ID: kid in the header, as registered with the key; {THUMBPRINT}: the key's own (RFC 7638)",
        )
        self._add_columns([action])

    def add_no_check_option(self, group: Any) -> None:
        """Add ``--no-check`` to an :mod:`argparse` argument group."""
        group.add_argument("--no-check", action="store_true", help="sign even if a rule of the platform is broken")

    def _add_columns(self, actions: Sequence[argparse.Action]) -> None:
        for action in actions:
            if action.dest not in _NOT_IN_ROWS:
                names = (name.removeprefix("--") for name in action.option_strings if name.startswith("--"))
                self.columns.update(dict.fromkeys(names, action))

    def build(self, options: argparse.Namespace, now: int) -> Token:
        """Return the token that *options* ask for, with nothing in it that the platform refuses.

        :param options: also ``extra_claims``, a mapping, for the claims that every platform may be given;
            ``algorithm``, which may be None; and ``no_check``.
        :param now: the time as a NumericDate, in seconds.
        :raises InputError: if options do not go together, or the token breaks a rule.
        """
        _require_sane_times(options, now)
        with PLATFORMS.guard(self.name, "build the claims"):
            token = self.platform.build(options, now)
            if not isinstance(token, Token):
                raise TypeError("a token was expected")
            header, claims, remarks = dict(token.header), dict(token.claims), [*token.remarks]
            if isinstance(token.remarks, str) or not all(isinstance(remark, str) for remark in remarks):
                raise TypeError("its remarks are no sequence of sentences")
        for name, value in options.extra_claims.items():
            if name in token.claims:
                raise InputError(
                    f"the claim {quoted(name)} is set by {self.platform.summary} and cannot be replaced",
                    hint="use the option that sets it, or leave it out",
                )
            claims[name] = value
        named = {"alg": options.algorithm or self.platform.algorithms[0], "typ": "JWT"}
        if (key_id := key_options.key_id(options)) is not None:
            named["kid"] = key_id
        # The platform may choose another type, but not what the options say.
        header = {**named, **header, **{name: named[name] for name in named if name != "typ"}}
        whole = Token(header, claims, token.claim_names)
        return Token(header, claims, token.claim_names, [*self._doubts(whole, now, options.no_check), *remarks])

    def _doubts(self, token: Token, now: int, no_check: bool) -> list[str]:
        """Return what the platform may refuse in *token*, or would if it were checked.

        :raises InputError: if it is checked, and breaks a rule.
        """
        with PLATFORMS.guard(self.name, "check the token"):
            findings = checked_findings(self.platform.check(token, now))
        for finding in findings:
            if finding.status is Status.BROKEN and not no_check:
                raise InputError(finding.message, hint=finding.hint)
        return [finding.message for finding in findings if finding.status is not Status.OK]

    def algorithms(self, chosen: str | None) -> Sequence[str]:
        """Return the JWA names that a key may be opened for: *chosen*, or all that the platform accepts.

        :raises InputError: if the platform does not accept *chosen*.
        """
        accepted = self.platform.algorithms
        if chosen is not None and chosen not in accepted:
            raise InputError(
                f"{quoted(chosen)} is no algorithm that {self.platform.summary} accepts",
                hint=f"choose from: {', '.join(accepted)}",
            )
        return accepted if chosen is None else [chosen]

    @staticmethod
    def sign(token: Token, signer: Signer, reference: str) -> CreatedToken:
        """Return *token* signed; what depends on the key in its header is put there now.

        :param reference: the key's, for the message if its provider fails.
        :raises SigningFailed: as :func:`qsjwt.tokens.jwt.sign`.
        """
        header = {**token.header, "alg": signer.algorithm}
        if header.get("kid") == THUMBPRINT:
            header["kid"] = signer.thumbprint
        with key_options.guard(reference, "sign"):
            compact = jwt.sign(Token(header, token.claims), signer)
        return CreatedToken(compact, header, token.claims, signer.thumbprint, token.remarks)


def load_platform(name: str) -> Platform:
    """Return the platform *name*.

    :raises PluginError: if it is missing, broken, or declares what cannot be.
    """
    platform = PLATFORMS.create(name)
    with PLATFORMS.guard(name, "load"):
        require_sound(platform)
    return platform


def _require_sane_times(options: argparse.Namespace, now: int) -> None:
    if now + options.expires > LAST_SECOND:
        raise InputError(
            "--expires: the token would expire after the year 9999", hint="use a shorter time, such as 365d"
        )
    if options.clock_skew > now:
        raise InputError("--clock-skew: the token would begin before 1970", hint="use a shorter time, such as 30s")
