"""Platforms: a Qlik product that accepts JWTs, its options, its claims, its rules and what is registered there."""

import abc
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Final

from qsjwt.errors import InputError
from qsjwt.keys.public import PublicKey
from qsjwt.keys.signer import ALGORITHMS
from qsjwt.plugins import Group
from qsjwt.times import format_duration
from qsjwt.tokens.examiner import Examiner
from qsjwt.tokens.jwt import Token
from qsjwt.tokens.request import TokenRequest
from qsjwt.tokens.rules import Case, Finding, Rule

if TYPE_CHECKING:
    from qsjwt.io.json_object import JsonObject
    from qsjwt.live.exchange import Exchange, Explanation, Presentation
    from qsjwt.live.messages import Request
    from qsjwt.live.plan import Site, Survey
    from qsjwt.options.group import OptionGroup
    from qsjwt.tokens.registered import Registration

_UNNOTICED: Final = 30
"""Seconds of a lifetime that may be cut without a word: the default clock skew."""


class Platform(abc.ABC):
    """A Qlik product that accepts JWTs.

    The entry point ``NAME`` makes ``create-NAME``, ``check NAME`` and ``registration NAME``; with :meth:`present`, also
    ``try NAME`` and ``exchange NAME``.

    An instance holds no state. Its methods have no effects, and may be called from several threads at once, and
    in several processes.

    :cvar summary: the product's name, for ``--help``.
    :cvar product: how messages call it, if the summary is too long for that.
    :cvar algorithms: JWA names (RFC 7518, section 3.1) that it accepts, preferred first; never none or HS*.
    :cvar key_id_required: whether it finds the key by ``kid`` (RFC 7515, section 4.1.4), so that ``--keyid`` is a must.
    :cvar claim_names: where its administrator may rename claims: option to the claim's name if that was not done. The
        core adds ``--OPTION-claim`` for each.
    :cvar user_claims: those of these options whose claims every token has.
    :cvar example: a command line of ``create-NAME``, without line ends, for the end of ``--help``.
    :cvar administrators: how an administrator may say who they are in ``register NAME``: some of ``api-key``,
        ``client-certificate`` and ``token``.
    :cvar registration_forms: if what is registered has several forms, their names for ``registration NAME --format``,
        the usual one first; the request has the chosen one among its options, as ``format``.
    :cvar rules: all its rules, in the order in which ``check NAME`` tells of them; :func:`registered_key` makes those
        that no token decides alone.
    """

    summary: ClassVar[str]
    product: ClassVar[str] = ""
    algorithms: ClassVar[tuple[str, ...]] = ("RS256",)
    key_id_required: ClassVar[bool] = False
    claim_names: ClassVar[Mapping[str, str]] = MappingProxyType({})
    user_claims: ClassVar[tuple[str, ...]] = ()
    example: ClassVar[str] = ""
    administrators: ClassVar[tuple[str, ...]] = ()
    registration_forms: ClassVar[tuple[str, ...]] = ()
    rules: ClassVar[Sequence[Rule]] = ()

    @abc.abstractmethod
    def add_options(self, options: "OptionGroup") -> None:
        """Add the options that say who a token is for, to ``create-NAME`` and ``registration NAME``.

        They are required in ``create-NAME`` only. An option that exists already is an error.
        """

    def add_shared_options(self, options: "OptionGroup") -> None:
        """Add the options that say how the platform is set up, to all three commands.

        They are required in ``create-NAME`` only. A rule with one of them as its :attr:`Rule.option` compares it.
        """
        return

    def add_registration_options(self, options: "OptionGroup") -> None:
        """Add the options that only ``registration NAME`` has."""
        return

    def add_register_options(self, options: "OptionGroup") -> None:
        """Add the options that only ``register NAME`` has."""
        return

    @abc.abstractmethod
    def build(self, request: TokenRequest, now: int) -> Token:
        """Return the token for *request*; the core adds ``alg``, ``typ`` and, if it is given, ``kid``.

        :param now: the time as a NumericDate, in seconds.
        :raises InputError: if options do not go together.
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

    def audience_at(self, url: str) -> str | None:
        """Return the ``aud`` that the server at *url* wants, if that follows from the URL; None if it does not."""
        return None

    def present(self, presented: "Presentation") -> "Exchange":
        """Yield the requests that present a token, be sent the response to each, and return the session.

        A generator without input or output: the core sends the requests to the server that the user named, and to no
        other. It keeps cookies and sends them back. What :meth:`qsjwt.api.Response.expect` finds wrong ends it, and is
        looked up in :meth:`explanations`.
        """
        raise InputError(
            f"how {self.summary} takes a token is not documented well enough to be done here",
            hint="check tells what is known of the token itself",
        )

    def end_session(self, presented: "Presentation") -> "Iterable[Request]":
        """Yield the requests that end the session again; they are sent whenever the server has set a cookie."""
        return ()

    def explanations(self) -> "Sequence[Explanation]":
        """Return what the refusals of the server mean, for each status the likeliest first."""
        return ()

    def read_registration(self, entity: "JsonObject") -> "Registration":
        """Return what is registered, for ``check NAME --registered FILE``.

        :param entity: what an administrator exports, or what :meth:`registration` gives.
        :raises InputError: if it is something else, or lacks what a registration has.
        """
        raise InputError(
            f"a registration of {self.summary} cannot be read here", hint="give what is registered as options"
        )

    def register(self, request: TokenRequest, public: PublicKey, site: "Site") -> "Survey":
        """Yield the requests that find out what is registered, be sent the responses, and return what is to be done.

        A generator without input or output, as :meth:`present`; its requests read, and only the changes of the plan
        write. The core adds what says who the administrator is.

        :param request: as :meth:`registration` has it, whose result is what is registered; with the options of
            :meth:`add_register_options` as well.
        :raises InputError: if an option is missing, or names what is not there.
        """
        raise InputError(
            f"{self.summary} has no documented way to register from here",
            hint="registration prints the values that its administrator enters",
        )

    def register_explanations(self) -> "Sequence[Explanation]":
        """Return what the refusals of :meth:`register` mean, as :meth:`explanations`."""
        return ()


def examine(
    platform: Platform,
    token: Token,
    now: float,
    names: Mapping[str, str] | None = None,
    registration: "Registration | None" = None,
) -> list[Finding]:
    """Return what the rules of *platform* find in *token*: those that it breaks, and those that are unknown.

    :param now: the time as a NumericDate, in seconds.
    :param names: option to the claim's name in this token, as :attr:`qsjwt.api.TokenRequest.claim_names`; None for the
        platform's own.
    :param registration: None if it is not known.
    """
    case = _case(platform, token, now, names, registration)
    return Examiner(_rules(platform, registration)).findings(case)


def facts(
    platform: Platform,
    token: Token,
    now: float,
    names: Mapping[str, str] | None = None,
    registration: "Registration | None" = None,
    *,
    found: Iterable[Finding] = (),
) -> dict[str, str]:
    """Return what the rules of *platform* that *token* keeps say of it, by their names.

    :param found: what :func:`examine`, whose other parameters are the same, finds.
    """
    case = _case(platform, token, now, names, registration)
    not_kept = {finding.rule for finding in found}
    told = {rule.name: rule.told(case) for rule in _rules(platform, registration) if rule.name not in not_kept}
    return {name: text for name, text in told.items() if text}


def _case(
    platform: Platform, token: Token, now: float, names: Mapping[str, str] | None, registration: "Registration | None"
) -> Case:
    product, known = platform.product or platform.summary, platform.claim_names if names is None else names
    return Case(token.header, token.claims, now, product, known, registration is not None, token.compact)


def _rules(platform: Platform, registration: "Registration | None") -> Sequence[Rule]:
    return platform.rules if registration is None else (*platform.rules, *registration.rules)


def require_sound(platform: Platform) -> None:
    """Return if what *platform* declares is what it has to be.

    :raises TypeError, ValueError: if its algorithms or its rules are not.
    """
    if not platform.algorithms or not isinstance(platform.algorithms, tuple | list):
        raise TypeError("its algorithms are not a tuple of names")
    if unknown := set(platform.algorithms) - set(ALGORITHMS):
        raise ValueError(f"{', '.join(sorted(map(str, unknown)))}: not signed with a private key")
    if not isinstance(platform.example, str):
        raise TypeError("its example is not a string")
    if not isinstance(platform.rules, tuple | list) or not all(isinstance(rule, Rule) for rule in platform.rules):
        raise TypeError("its rules are not a tuple of rules")
    if not all(callable(rule.check) for rule in platform.rules):
        raise TypeError("its rules have checks that cannot be called")
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
