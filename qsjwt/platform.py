"""Platforms: a Qlik product that accepts JWTs, its options, its claims and its rules."""

import abc
import argparse
import enum
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from qsjwt.jwt import Token


class Severity(enum.Enum):
    """What a finding means for the token."""

    BROKEN = "broken"
    """The platform refuses the token."""

    DOUBTFUL = "doubtful"
    """The platform takes the token, or may; something about it is probably not meant."""


@dataclass(frozen=True)
class Finding:
    """One rule of a platform that a token breaks, or may break.

    :ivar rule: the rule's name, stable, in lower case with dashes, such as "window".
    :ivar message: one sentence that names the claim and the rule.
    :ivar hint: the way out.
    :ivar source: where the rule is written.
    """

    rule: str
    message: str
    hint: str = ""
    source: str = ""
    severity: Severity = Severity.BROKEN


class Platform(abc.ABC):
    """A Qlik product that accepts JWTs; the entry point ``NAME`` makes the command ``create-NAME``.

    An instance holds no state. :meth:`build` and :meth:`check` have no effects, and may be called from several
    threads at once.

    :cvar summary: the product's name, for ``--help``.
    :cvar algorithms: JWA names (RFC 7518, section 3.1) that it accepts, preferred first; never none or HS*.
    :cvar key_id_required: whether it finds the key by ``kid`` (RFC 7515, section 4.1.4), so that ``--keyid`` is a must.
    :cvar example: a command line for the end of ``--help``, without the key.
    """

    summary: ClassVar[str]
    algorithms: ClassVar[tuple[str, ...]] = ("RS256",)
    key_id_required: ClassVar[bool] = False
    example: ClassVar[str] = ""

    @abc.abstractmethod
    def add_options(self, group: Any) -> None:
        """Add the options that only this platform has.

        :param group: an :mod:`argparse` argument group; an option that exists already is an error.
        """

    @abc.abstractmethod
    def build(self, options: argparse.Namespace, now: int) -> Token:
        """Return the token for *options*; the core adds ``alg``, ``typ`` and, if it is given, ``kid``.

        :param options: this platform's, and those of every platform: ``expires`` and ``clock_skew`` in seconds.
        :param now: the time as a NumericDate, in seconds.
        :raises InputError: if options do not go together.
        """

    @abc.abstractmethod
    def check(self, token: Token, now: int) -> Iterable[Finding]:
        """Yield the rules that *token* breaks or may break.

        :param token: any token, also one that another tool made: no claim need be there or of the right type.
        :param now: as in :meth:`build`.
        """


def time_claims(options: argparse.Namespace, now: int) -> dict[str, int]:
    """Return ``iat``, ``nbf`` and ``exp`` (RFC 7519, section 4.1) for the options of every platform.

    ``iat`` and ``nbf`` lie *clock_skew* seconds in the past, since Qlik refuses a token from a clock that is
    ahead of its own; ``exp`` is the lifetime from *now*.
    """
    start = now - options.clock_skew
    return {"iat": start, "nbf": start, "exp": now + options.expires}
