"""Platforms: a Qlik product that accepts JWTs, its options, its claims, its rules and what is registered there."""

import abc
import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Final

from qsjwt.errors import InputError
from qsjwt.keys.public import PublicKey
from qsjwt.keys.signer import ALGORITHMS
from qsjwt.plugins import Group
from qsjwt.times import format_duration
from qsjwt.tokens.jwt import Token
from qsjwt.tokens.request import Options, TokenRequest

if TYPE_CHECKING:
    from qsjwt.options.group import OptionGroup

_UNNOTICED: Final = 30
"""Seconds of a lifetime that may be cut without a word: the default clock skew."""


class Status(enum.Enum):
    """What a finding says of its rule."""

    OK = "ok"
    """The token keeps the rule."""

    BROKEN = "broken"
    """The platform refuses the token, or does not read what it is meant to read."""

    UNKNOWN = "unknown"
    """What would decide it is not at hand: a value that was not given, or a word in the platform's documentation."""


@dataclass(frozen=True)
class Finding:
    """What a token is found to be, by one rule of a platform.

    :ivar rule: the rule's name, stable, such as "window"; the claim's own name if it is about one claim.
    :ivar message: one sentence that names the claim and the rule.
    :ivar hint: the way out.
    :ivar source: where the rule is written.
    :ivar answer: what the platform answers to a token that breaks it, where that is documented.
    """

    rule: str
    message: str
    hint: str = ""
    source: str = ""
    status: Status = Status.BROKEN
    answer: str = ""


@dataclass(frozen=True)
class Rule:
    """A rule of a platform, from which findings are made.

    :ivar name: as :attr:`Finding.rule`.
    :ivar demand: what it asks for, as a statement that is true of a token that keeps it.
    :ivar source: where it is written.
    :ivar answer: what the platform answers to a token that breaks it, where that is documented.
    :ivar missing: the same for a token that lacks the claim altogether, if that is another answer.
    :ivar option: the option of ``check`` without which nobody can tell, such as ``--issuer``, and which decides if it
        is given; empty if the token itself tells.
    """

    name: str
    demand: str
    source: str
    answer: str = ""
    missing: str = ""
    option: str = ""

    def ok(self) -> Finding:
        """Return the finding that the token keeps the rule."""
        return Finding(self.name, self.demand, source=self.source, status=Status.OK)

    def broken(self, message: str, hint: str = "", *, answer: str | None = None) -> Finding:
        """Return the finding that the token breaks the rule.

        :param answer: instead of the rule's, if the platform's answer to this is not documented, or another.
        """
        return Finding(self.name, message, hint, self.source, answer=self.answer if answer is None else answer)

    def absent(self, message: str, hint: str = "") -> Finding:
        """Return the finding that the token breaks the rule since it lacks the claim."""
        return self.broken(message, hint, answer=self.missing or self.answer)

    def unknown(self, message: str, hint: str = "") -> Finding:
        """Return the finding that nobody can tell."""
        return Finding(self.name, message, hint, self.source, Status.UNKNOWN)


class Platform(abc.ABC):
    """A Qlik product that accepts JWTs.

    The entry point ``NAME`` makes ``create-NAME``, ``check NAME`` and ``registration NAME``.

    An instance holds no state. Its methods have no effects, and may be called from several threads at once.

    :cvar summary: the product's name, for ``--help``.
    :cvar algorithms: JWA names (RFC 7518, section 3.1) that it accepts, preferred first; never none or HS*.
    :cvar key_id_required: whether it finds the key by ``kid`` (RFC 7515, section 4.1.4), so that ``--keyid`` is a must.
    :cvar claim_names: where its administrator may rename claims: option to the claim's name if that was not done. The
        core adds ``--OPTION-claim`` for each.
    :cvar user_claims: those of these options whose claims every token has.
    :cvar example: a command line of ``create-NAME``, without line ends, for the end of ``--help``.
    :cvar rules: all its rules, in the order in which ``check NAME`` tells of them. Those named ``signature``, ``key``
        and ``certificate`` are judged by the core; without ``certificate``, none is registered there.
    """

    summary: ClassVar[str]
    algorithms: ClassVar[tuple[str, ...]] = ("RS256",)
    key_id_required: ClassVar[bool] = False
    claim_names: ClassVar[Mapping[str, str]] = MappingProxyType({})
    user_claims: ClassVar[tuple[str, ...]] = ()
    example: ClassVar[str] = ""
    rules: ClassVar[Sequence[Rule]] = ()

    @abc.abstractmethod
    def add_options(self, options: "OptionGroup") -> None:
        """Add the options that say who a token is for, to ``create-NAME`` and ``registration NAME``.

        They are required in ``create-NAME`` only. An option that exists already is an error.
        """

    def add_shared_options(self, options: "OptionGroup") -> None:
        """Add the options that say how the platform is set up, to all three commands.

        They are required in ``create-NAME`` only. :meth:`expected` says what they demand of a token.
        """
        return

    def add_registration_options(self, options: "OptionGroup") -> None:
        """Add the options that only ``registration NAME`` has."""
        return

    @abc.abstractmethod
    def build(self, request: TokenRequest, now: int) -> Token:
        """Return the token for *request*; the core adds ``alg``, ``typ`` and, if it is given, ``kid``.

        :param now: the time as a NumericDate, in seconds.
        :raises InputError: if options do not go together.
        """

    def expected(self, options: Options) -> Mapping[str, Any]:
        """Return what the shared options demand of any token: claim to value.

        :param options: the shared ones; one that was not given is None, or its default.
        :raises InputError: if options do not go together.
        """
        return {}

    @abc.abstractmethod
    def check(self, token: Token, now: float) -> Iterable[Finding]:
        """Yield the rules that *token* breaks, and those of which nobody can tell.

        :param token: any token, also one that another tool made: no claim need be there or of the right type.
        :param now: the time as a NumericDate, in seconds; with a fraction if the token is a finished one.
        """

    def registration(self, request: TokenRequest, public: PublicKey) -> Mapping[str, Any]:
        """Return what the administrator registers so that the platform accepts tokens of this key.

        :param request: what the tokens are made with; any of the platform's options is None if it was not given.
        :param public: the key, and its certificate if it has one.
        :raises InputError: if an option is missing.
        :raises KeyUnavailable: if a certificate is needed and there is none.
        """
        raise InputError(
            f"what to register for {self.summary} is not known here", hint="its own documentation may tell"
        )


def checked_findings(findings: Iterable[Finding]) -> list[Finding]:
    """Return what a platform's ``check`` gives, a stranger's perhaps.

    :raises TypeError: if there is anything else in it.
    """
    listed = list(findings)
    for finding in listed:
        texts = (finding.rule, finding.message, finding.hint, finding.source, finding.answer)
        if not isinstance(finding.status, Status) or not all(isinstance(text, str) for text in texts):
            raise TypeError("a finding has texts and a status")
    return listed


def require_sound(platform: Platform) -> None:
    """Return if what *platform* declares is what it has to be.

    :raises TypeError, ValueError: if its algorithms or its rules are not.
    """
    if not platform.algorithms or not isinstance(platform.algorithms, tuple | list):
        raise TypeError("its algorithms are no tuple of names")
    if unknown := set(platform.algorithms) - set(ALGORITHMS):
        raise ValueError(f"{', '.join(sorted(map(str, unknown)))}: not signed with a private key")
    if not isinstance(platform.example, str):
        raise TypeError("its example is no text")
    if not isinstance(platform.rules, tuple | list) or not all(isinstance(rule, Rule) for rule in platform.rules):
        raise TypeError("its rules are no tuple of rules")
    if len({rule.name for rule in platform.rules}) < len(platform.rules):
        raise ValueError("two of its rules have the same name")


def time_claims(request: TokenRequest, now: int) -> dict[str, int]:
    """Return ``iat``, ``nbf`` and ``exp`` (RFC 7519, section 4.1) for *request*.

    ``iat`` and ``nbf`` lie *clock_skew* seconds in the past, since Qlik refuses a token from a clock that is
    ahead of its own; ``exp`` is the lifetime from *now*.
    """
    start = now - request.clock_skew
    return {"iat": start, "nbf": start, "exp": now + request.expires}


def fitted_time_claims(request: TokenRequest, now: int, longest: int, who: str) -> tuple[dict[str, int], list[str]]:
    """Return what :func:`time_claims` does, ``exp`` cut where the clock skew alone makes the token valid for too long.

    :param longest: seconds that the platform accepts between ``nbf`` and ``exp``.
    :param who: the platform's name, for the remark.
    :return: the claims, and a remark if so much is cut that the user should know.
    """
    times = time_claims(request, now)
    latest = times["nbf"] + longest
    if request.expires > longest or not now < latest < times["exp"]:
        return times, []
    cut, times["exp"] = times["exp"] - latest, latest
    if cut <= _UNNOTICED:
        return times, []
    remark = (
        f"the token is valid for {format_duration(latest - now)} from now on: "
        f"{who} counts the clock skew into its {format_duration(longest)}"
    )
    return times, [remark]


PLATFORMS: Final = Group("qsjwt.platform.v1", "platform", Platform)  # type: ignore[type-abstract]


def command_of(platform: str) -> str:
    """Return the name of the command that the platform *platform* makes."""
    return f"create-{platform}"
