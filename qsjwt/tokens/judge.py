"""Judge a finished token: a platform's rules, what is expected, and what the registered key says."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from jwcrypto.jwk import JWK

from qsjwt.keys.public import certificate_among, validity_problem
from qsjwt.keys.signer import described_key, unsuitability
from qsjwt.redaction import shown
from qsjwt.tokens import jwt
from qsjwt.tokens.facts import told_time, told_value
from qsjwt.tokens.jwt import DecodedToken, Token
from qsjwt.tokens.platform import Platform
from qsjwt.tokens.registered import Registration
from qsjwt.tokens.rules import (
    CERTIFICATE,
    KEY,
    KEY_OPTION,
    SIGNATURE,
    Broken,
    Finding,
    Missing,
    Problem,
    Rule,
    Status,
    Unknown,
    nothing,
    registered_key,
)

if TYPE_CHECKING:
    from cryptography import x509

_WORST_FIRST: Final = (Status.BROKEN, Status.UNKNOWN, Status.OK)
_OPTIONS: Final = {"iss": "--issuer", "aud": "--audience", "kid": "--keyid"}

TOKEN: Final = Rule("token", "it is a signed token", "RFC 7519, section 7.2; RFC 7515, section 5.2", nothing)
"""The rule before all others: what breaks it cannot be judged any further."""


class Registered(NamedTuple):
    """What the administrator registered, or is to register.

    :ivar keys: public keys; any of them may have made the signature.
    :ivar certificates: those that came with them.
    :ivar signing: the public half of the private key that signs, if that is known too.
    """

    keys: Sequence[JWK]
    certificates: "Sequence[x509.Certificate]" = ()
    signing: JWK | None = None


def judge(
    platform: Platform,
    own: Sequence[Finding],
    token: DecodedToken,
    now: float,
    *,
    expected: Token,
    registered: Registered | None,
    registration: Registration | None = None,
    facts: Mapping[str, str] = MappingProxyType({}),
) -> list[Finding]:
    """Return a finding for each rule, in the platform's order.

    :param own: what the checks of the platform's rules find.
    :param now: the time to judge by, as a NumericDate.
    :param expected: the header and the claims that are wanted; what it leaves out is open.
    :param registered: None if nothing of the key is known.
    :param registration: what else is registered, where *expected* does not say otherwise; None if it is not known.
    :param facts: what the platform's rules that the token keeps say of it, by their names.
    """
    written = set() if registration is None else registration.claims.keys() - expected.claims.keys()
    if registration is not None:
        expected = Token(expected.header, {**registration.claims, **expected.claims})
    rules = _rules(platform, expected, () if registration is None else registration.rules)
    # The very value that is expected is right, whatever else may be said of it: --client-id decides on sub.
    decided = {name for name in expected.claims if rules[name].option and _is_expected(name, token, expected)}
    found = _by_rule(finding for finding in own if finding.rule not in decided)
    compared = _by_rule(_compare(rules, token, expected, written))
    if registered is not None:
        of_key = _compare_key(rules, platform, token, now, registered, written=("kid",) if registration else ())
        # A key ID that is expected by option is the one that is registered, whatever the key's own file calls it.
        chosen = {"kid"} & expected.header.keys()
        for name, findings in _by_rule(finding for finding in of_key if finding.rule not in chosen).items():
            compared.setdefault(name, []).extend(findings)
    verdicts = (
        _verdict(rule, token, found.get(name, []), compared.get(name, []), facts.get(name, ""))
        for name, rule in rules.items()
    )
    return [finding for verdict in verdicts for finding in verdict]


def _rules(platform: Platform, expected: Token, more: Sequence[Rule]) -> dict[str, Rule]:
    """Return the rules by name: the platform's, *more*, those of any key, and one for each part of *expected*."""
    rules = {rule.name: rule for rule in (*platform.rules, *more)}
    for rule in registered_key(platform.algorithms):
        rules.setdefault(rule.name, rule)
    for name in (*expected.header, *expected.claims):
        option = _OPTIONS.get(name, f"--{name}")
        rules.setdefault(name, Rule(name, f"{name} is as expected", "the command line", nothing, option=option))
    return rules


def _is_expected(name: str, token: Token, expected: Token) -> bool:
    return name in token.claims and bool(token.claims[name] == expected.claims[name])


def _by_rule(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = {}
    for finding in findings:
        found.setdefault(finding.rule, []).append(finding)
    return found


def _verdict(rule: Rule, token: Token, own: list[Finding], compared: list[Finding], fact: str) -> list[Finding]:
    """Return the worst that is found of *rule*.

    :param own: what its check finds in the token alone.
    :param compared: whether the token has what is expected.
    :param fact: what its check knows of a token that it lets pass.
    """
    if overall(own) is Status.BROKEN:
        compared = []
    if not own and not compared:
        return [_undecided(rule, token) if rule.option else rule.kept(fact)]
    worst = overall([*own, *compared])
    return [finding for finding in (*own, *compared) if finding.status is worst]


def likeliest_key(token: DecodedToken, keys: Sequence[JWK]) -> JWK:
    """Return the one of *keys* that made the token's signature, or else the one that is most likely meant."""
    key_id, algorithm = token.header.get("kid"), token.header["alg"]
    return min(
        keys,
        key=lambda key: (
            bool(jwt.signature_failure(token, key)),
            key.get("kid") != key_id,
            bool(unsuitability(key, algorithm)),
        ),
    )


def overall(findings: Iterable[Finding]) -> Status:
    """Return the worst status of *findings*."""
    found = {finding.status for finding in findings}
    return next((status for status in _WORST_FIRST if status in found), Status.OK)


def _compare(
    rules: Mapping[str, Rule], token: Token, expected: Token, registered: Collection[str] = ()
) -> Iterator[Finding]:
    """Yield a finding for each part of *expected*; that of the names in *registered* no option gave."""
    for wanted, part in ((expected.header, token.header), (expected.claims, token.claims)):
        for name, value in wanted.items():
            yield _compared(rules[name], name in part, part.get(name), value, name in registered)


def _compared(rule: Rule, is_there: bool, found: object, wanted: object, is_registered: bool) -> Finding:
    name, state = rule.name, "registered" if is_registered else "expected"
    if found == wanted or (name == "aud" and isinstance(found, list) and wanted in found):
        return rule.kept(f"{told_value(name, found)}, as {state}")
    option = rule.option or _OPTIONS.get(name, f"--{name}")
    other = "register the value that it has" if is_registered else f"give the value that it has with {option}"
    hint = f"create the token with {shown(wanted)}, or {other}"
    if not is_there:
        return rule.finding(Missing(f"{name} is missing, but {shown(wanted)} is {state}", hint))
    return rule.finding(Broken(f"{name} is {shown(found)}, but {shown(wanted)} is {state}", hint))


def _undecided(rule: Rule, token: Token) -> Finding:
    found = token.header.get(rule.name) if rule.name == "kid" else token.claims.get(rule.name)
    seen = "" if found is None else f": the token has {shown(found)}"
    return rule.finding(Unknown(f"cannot tell whether {rule.requirement}{seen}", f"use {rule.option}"))


def _compare_key(
    rules: Mapping[str, Rule],
    platform: Platform,
    token: DecodedToken,
    now: float,
    registered: Registered,
    *,
    written: Collection[str],
) -> Iterator[Finding]:
    """Yield a finding for each rule of the registered key, and for the key ID where the platform reads it."""
    key = likeliest_key(token, registered.keys)
    foreign = registered.signing is not None and registered.signing.thumbprint() != key.thumbprint()
    told_by_certificate = CERTIFICATE in rules and bool(registered.certificates)
    reasons = {name: unsuitability(key, name) for name in (*platform.algorithms, token.header["alg"])}
    problems = {
        SIGNATURE: _signature_problem(platform, token, key, reasons, foreign),
        KEY: _key_problem(platform, token, reasons, foreign and not told_by_certificate),
    }
    if CERTIFICATE in rules:
        problems[CERTIFICATE] = _certificate_problem(registered.signing or key, registered.certificates, now)
    facts = {KEY: f"the key is {described_key(key)}"}
    if (certificate := certificate_among(registered.certificates, registered.signing or key)) is not None:
        expiry = told_time("exp", certificate.not_valid_after_utc.timestamp(), now)
        facts[CERTIFICATE] = f"the certificate belongs to the key, and {expiry}"
    for name, problem in problems.items():
        yield rules[name].finding(problem) if problem else rules[name].kept(facts.get(name, ""))
    if key.get("kid") is not None and any(rule.name == "kid" for rule in platform.rules):
        yield from _compare(rules, token, Token({"kid": key["kid"]}, {}), written)


def _key_problem(platform: Platform, token: DecodedToken, reasons: Mapping[str, str], foreign: bool) -> Problem | None:
    algorithm = token.header["alg"]
    usual = reasons[algorithm if algorithm in platform.algorithms else platform.algorithms[0]]
    if all(reasons.values()):
        return Broken(usual, "sign with another key, such as one that create-key makes, and register that")
    if foreign:
        return Broken("the registered key does not belong to the private key", "register the key that signs")
    if all(reasons[name] for name in platform.algorithms):
        return Unknown(f"the key is one for {algorithm}, which is not accepted: {usual}")
    return None


def _signature_problem(
    platform: Platform, token: DecodedToken, key: JWK, reasons: Mapping[str, str], foreign: bool
) -> Problem | None:
    """Judge the signature; what hides behind another fault is unknown, since one fault is one broken rule."""
    forged = jwt.signature_failure(token, key)
    algorithm = token.header["alg"]
    if not forged:
        return None
    if foreign:
        return Unknown("the signature is not judged: the registered key is not the one that signs")
    if all(reasons.values()) or (reasons[algorithm] and algorithm not in platform.algorithms):
        return Unknown(f"the signature is not judged: {reasons[algorithm]}")
    return Broken(forged, "register the key that signs, or sign with the one that is registered")


def _certificate_problem(key: JWK, certificates: "Sequence[x509.Certificate]", now: float) -> Problem | None:
    if not certificates:
        return Unknown("there is a key, but no certificate with it", f"give the certificate with {KEY_OPTION}")
    own = certificate_among(certificates, key)
    if own is None:
        return Broken("the certificate does not belong to the key", "register the certificate of the key that signs")
    if reason := validity_problem(own, now):
        return Broken(reason, "register a new one, or create one with registration --cert-self-signed")
    return None


def as_record(finding: Finding) -> dict[str, Any]:
    """Return *finding* for output: strings under stable names."""
    return {
        "rule": finding.rule,
        "status": finding.status.value,
        "message": finding.message,
        "hint": finding.hint,
        "source": finding.source,
        "answer": finding.response,
    }
