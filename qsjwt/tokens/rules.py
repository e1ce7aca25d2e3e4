"""Rules: what a platform demands of a token, the check that decides it, and what a token is found to be."""

import enum
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

KEY_OPTION: Final = "--cert-publickey-file"
SIGNATURE: Final = "signature"
KEY: Final = "key"
CERTIFICATE: Final = "certificate"
_CURVES: Final = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
FACT: Final = "fact"
"""The attribute of a check that says what is true of a token that it lets pass."""

READING: Final = "reading"
"""The attribute of a check that says on which claims it depends."""


class Status(enum.Enum):
    """What a finding says of its rule."""

    OK = "ok"
    """The token keeps the rule."""

    BROKEN = "broken"
    """The platform refuses the token, or does not read what it is meant to read."""

    UNKNOWN = "unknown"
    """What would decide it is not at hand: a value that was not given, or a word in the platform's documentation."""


class Finding(NamedTuple):
    """What a token is found to be, by one rule of a platform.

    :ivar rule: the rule's name, stable, such as "window"; the claim's own name if it is about one claim.
    :ivar message: one sentence that names the claim and the rule.
    :ivar hint: the way out.
    :ivar source: where the rule is written.
    :ivar response: how the platform responds to a token that breaks it, where that is documented.
    """

    rule: str
    message: str
    hint: str = ""
    source: str = ""
    status: Status = Status.BROKEN
    response: str = ""


class Case(NamedTuple):
    """A token before its judge: what the check of a rule looks at, and changes nothing of.

    :ivar header: the JOSE header (RFC 7515, section 4).
    :ivar claims: the claims set (RFC 7519, section 4). Another tool may have made it: no claim need be present, or be
        of the right type.
    :ivar now: the time as a NumericDate, in seconds; with a fraction if the token is a finished one.
    :ivar product: how messages call the platform.
    :ivar names: where an administrator may rename claims: option to the claim's name, empty if none is read.
    :ivar registered: whether the names are those that an administrator has registered, and not what options say.
    :ivar compact: the finished token (RFC 7515, section 7.1); empty if it is yet to be signed.
    :ivar unsigned: characters of the token without its signature, if they were counted; otherwise 0.
    """

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    now: float
    product: str
    names: Mapping[str, str]
    registered: bool = False
    compact: str = ""
    unsigned: int = 0

    def name(self, claim: str) -> str:
        """Return the name that *claim*, the option of a claim with a name to choose perhaps, has in this token."""
        return self.names.get(claim, claim)

    def __repr__(self) -> str:
        """Show no claims, and no token."""
        return f"<Case for {self.product}>"


class Problem(NamedTuple):
    """What a check finds; one of :class:`Broken`, :class:`Missing` and :class:`Unknown`.

    :ivar message: one sentence that names the claim and the rule.
    :ivar hint: the way out.
    :ivar response: how the platform responds to just this, "" if nobody knows; None for the rule's own response.
    :ivar source: where just this is written; empty for the rule's own source.
    """

    message: str
    hint: str = ""
    response: str | None = None
    source: str = ""


class Broken(Problem):
    """The token breaks the rule."""


class Missing(Problem):
    """The token breaks the rule by lacking a claim."""


class Unknown(Problem):
    """It is not known whether the token keeps the rule."""


Check: TypeAlias = Callable[[Case], Iterable[Problem]]
"""Decides a rule: gives the problems of a case, none if the token keeps the rule."""

Fact: TypeAlias = Callable[[Case], str]
"""Says what is true of a case that keeps the rule, such as "expires in 7 h 58 min"; empty for the requirement."""


def fact_of(check: Check) -> Fact | None:
    """Return the fact that *check* knows of what it lets pass; None if it knows none."""
    fact: Fact | None = getattr(check, FACT, None)
    return fact


def read_claims(check: Check) -> frozenset[str] | None:
    """Return on which claims it depends whether *check* finds a problem; None if it does not say so.

    :func:`qsjwt.tokens.checks.reading` has it say so.
    """
    declared = frozenset[str]() if check is nothing else getattr(check, READING, None)
    return declared if isinstance(declared, frozenset) else None


def nothing(_case: Case) -> Iterable[Problem]:
    """Find no problem: the check of a rule that a token alone cannot decide."""
    return ()


class Rule(NamedTuple):
    """A rule of a platform; all of them are a table that reads like the platform's documentation.

    :ivar name: as :attr:`Finding.rule`.
    :ivar requirement: what is true of a token that keeps it.
    :ivar source: where it is written.
    :ivar check: what decides it; :mod:`qsjwt.api.checks` has those that most platforms share.
    :ivar response: how the platform responds to a token that breaks it, where that is documented.
    :ivar missing: the same for a token that lacks the claim altogether, if that is another response.
    :ivar option: the option of ``check`` without which it is unknown, such as ``--issuer``; if it is given, the claim
        of the rule's name must have its value. Empty if the token itself tells.
    :ivar fact: what ``check`` says of a token that keeps it, instead of the requirement; by default what the check
        itself knows, as those of :mod:`qsjwt.api.checks` do. It is never called when a token is created.
    """

    name: str
    requirement: str
    source: str
    check: Check
    response: str = ""
    missing: str = ""
    option: str = ""
    fact: Fact | None = None

    def kept(self, fact: str = "") -> Finding:
        """Return the finding that the token keeps the rule.

        :param fact: what is true of it; by default the requirement.
        """
        return Finding(self.name, fact or self.requirement, source=self.source, status=Status.OK)

    def told(self, case: Case) -> str:
        """Return the fact about *case*, which keeps the rule; empty if there is no more to say than the requirement.

        :raises TypeError: if it is no string.
        """
        fact = self.fact or fact_of(self.check)
        text = "" if fact is None else fact(case)
        if not isinstance(text, str):
            raise TypeError("a fact is a string")
        return text

    def finding(self, problem: Problem) -> Finding:
        """Return the finding that *problem* is.

        :raises TypeError: if it is no problem.
        """
        if not isinstance(problem, Problem) or not all(isinstance(x, str) for x in (problem.message, problem.hint)):
            raise TypeError("a check gives problems, whose messages and hints are strings")
        status, response = Status.BROKEN, self.response
        if isinstance(problem, Unknown):
            status, response = Status.UNKNOWN, ""
        elif isinstance(problem, Missing):
            response = self.missing or response
        response = response if problem.response is None else problem.response
        return Finding(self.name, problem.message, problem.hint, problem.source or self.source, status, response)


def registered_key(
    algorithms: Sequence[str], source: str = "RFC 7515, section 5.2", response: str = "", *, certificate: str = ""
) -> tuple[Rule, ...]:
    """Return the rules of the registered key: ``signature``, ``key`` and, where one is registered, ``certificate``.

    The core decides them, since a token alone cannot.

    :param algorithms: those of the platform.
    :param source: where it is written that the registered key has to have made the signature.
    :param response: how the platform responds if it has not.
    :param certificate: where it is written that a certificate is registered; empty if none is.
    """
    curves = [f"an EC key on {_CURVES[name]}" for name in algorithms if name in _CURVES]
    rsa = ["an RSA key of 2048 bits or more"] if len(curves) < len(algorithms) else []
    kinds = " or ".join([*rsa, *curves])
    rules: tuple[Rule, ...] = (
        Rule(SIGNATURE, "the registered key made the signature", source, nothing, response),
        Rule(KEY, f"the key is {kinds}", "RFC 7518, section 3", nothing),
    )
    if certificate:
        dates = f"{certificate}; RFC 5280, section 4.1.2.5"
        rules += (Rule(CERTIFICATE, "the certificate belongs to the key, and is valid", dates, nothing),)
    return tuple(rule._replace(option=KEY_OPTION) for rule in rules)
