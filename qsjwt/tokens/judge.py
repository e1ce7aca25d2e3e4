"""Judge a finished token: a platform's rules, what is expected, and what the registered key says."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from jwcrypto.jwk import JWK

from qsjwt.keys.public import is_certificate_of, longest_lasting, validity_problem
from qsjwt.keys.signer import unsuitability
from qsjwt.tokens import jwt
from qsjwt.tokens.jwt import DecodedToken, Token
from qsjwt.tokens.platform import Finding, Platform, Rule, Status

if TYPE_CHECKING:
    from cryptography import x509

_KEY_FILE: Final = "--cert-publickey-file"
_SIGNATURE: Final = Rule(
    "signature", "the registered key made the signature", "RFC 7515, section 5.2", option=_KEY_FILE
)
_KEY: Final = Rule("key", "the key can do one of the platform's algorithms", "RFC 7518, section 3", option=_KEY_FILE)
_CERTIFICATE: Final = "certificate"
_OF_THE_KEY: Final = (_SIGNATURE.name, _KEY.name, _CERTIFICATE)
_WORST_FIRST: Final = (Status.BROKEN, Status.UNKNOWN, Status.OK)

TOKEN: Final = Rule("token", "the text is a signed token", "RFC 7519, section 7.2; RFC 7515, section 5.2")
"""The rule before all others: what breaks it cannot be judged any further."""


@dataclass(frozen=True)
class Registered:
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
    expected: Token,
    registered: Registered | None,
) -> list[Finding]:
    """Return a finding for each rule, in the platform's order.

    :param own: what the platform's own ``check`` finds.
    :param now: the time to judge by, as a NumericDate.
    :param expected: the header, the claims and the names of claims that are wanted; what it leaves out is open.
    :param registered: None if nothing of the key is known.
    """
    rules = {rule.name: rule for rule in platform.rules}
    rules |= {rule.name: rule for rule in (_SIGNATURE, _KEY) if rule.name not in rules}
    broken = {finding.rule for finding in own if finding.status is Status.BROKEN}
    # A value that is the very one expected is right, whatever else may be said of it: --client-id decides on sub.
    decided = {
        name
        for name in expected.claims
        if token.claims.get(name) == expected.claims[name] and rules.get(name, _KEY).option
    }
    found = [
        *(finding for finding in own if finding.rule not in decided),
        *(finding for finding in _compare(rules, token, expected) if finding.rule not in broken - decided),
        *_judge_key(rules, platform, token, now, registered),
    ]
    by_rule: dict[str, list[Finding]] = {name: [] for name in rules}
    for finding in found:
        by_rule.setdefault(finding.rule, []).append(finding)
    missing = {name for name, rule in rules.items() if rule.option and not by_rule[name] and name not in _OF_THE_KEY}
    by_rule |= {name: [_undecided(rules[name])] for name in missing}
    return [finding for name, findings in by_rule.items() for finding in _worst(findings) or [rules[name].ok()]]


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


def _worst(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.status is overall(findings)]


def _compare(rules: dict[str, Rule], token: Token, expected: Token) -> Iterator[Finding]:
    """Compare what is expected; which rules are decided by that, their options say."""
    parts = ((expected.header, token.header), (expected.claims, token.claims))
    for wanted, part in parts:
        for name, value in wanted.items():
            rule = rules.get(name) or Rule(name, f"{name} is what is expected", "as given on the command line")
            hint = f"make the token with {jwt.shown(value)}, or give what it has with {rule.option or f'--{name}'}"
            if name not in part:
                yield rule.absent(f"{name} is missing, and {jwt.shown(value)} is expected", hint)
            elif value != part[name] and not (name == "aud" and isinstance(part[name], list) and value in part[name]):
                yield rule.broken(f"{name} is {jwt.shown(part[name])}, not {jwt.shown(value)} as expected", hint)
            else:
                yield rule.ok()


def _undecided(rule: Rule) -> Finding:
    return rule.unknown(f"not known whether {rule.demand}", f"give {rule.option}")


def _judge_key(
    rules: Mapping[str, Rule], platform: Platform, token: DecodedToken, now: float, registered: Registered | None
) -> Iterator[Finding]:
    if registered is None:
        yield from (_undecided(rules[name]) for name in _OF_THE_KEY if name in rules)
        return
    key = likeliest_key(token, registered.keys)
    foreign = registered.signing is not None and registered.signing.thumbprint() != key.thumbprint()
    yield from _judge_signature(rules, platform, token, key, foreign)
    if _CERTIFICATE in rules:
        yield from _judge_certificate(rules[_CERTIFICATE], registered.signing or key, registered.certificates, now)
    if foreign and not (_CERTIFICATE in rules and registered.certificates):
        yield rules["key"].broken("the registered key is not that of the private key", "register the key that signs")
    if "kid" in rules and (key_id := key.get("kid")) is not None:
        yield from _compare({"kid": rules["kid"]}, token, Token({"kid": key_id}, {}))


def _judge_signature(
    rules: Mapping[str, Rule], platform: Platform, token: DecodedToken, key: JWK, foreign: bool
) -> Iterator[Finding]:
    """Judge the key and the signature; one fault is one broken rule, and what hides behind it is unknown."""
    algorithm = token.header["alg"]
    forged = jwt.signature_failure(token, key)
    reasons = {name: unsuitability(key, name) for name in (*platform.algorithms, algorithm)}
    accepted = algorithm in platform.algorithms
    usual = algorithm if accepted else platform.algorithms[0]
    if all(reasons.values()):
        yield rules["key"].broken(reasons[usual])
    elif all(reasons[name] for name in platform.algorithms):
        yield rules["key"].unknown(f"the key is one for {algorithm}, which is not accepted: {reasons[usual]}")
    if not forged:
        return
    if foreign:
        yield rules["signature"].unknown("the signature is not judged: the registered key is not the one that signs")
    elif all(reasons.values()) or (reasons[algorithm] and not accepted):
        yield rules["signature"].unknown(f"the signature is not judged: {reasons[algorithm]}")
    else:
        yield rules["signature"].broken(forged, "register the key that signs, or sign with the one that is registered")


def _judge_certificate(
    rule: Rule, key: JWK, certificates: "Sequence[x509.Certificate]", now: float
) -> Iterator[Finding]:
    if not certificates:
        yield rule.unknown("there is a key, but no certificate with it", f"give the certificate with {_KEY_FILE}")
        return
    own = [certificate for certificate in certificates if is_certificate_of(certificate, key)]
    if own:
        if problem := validity_problem(longest_lasting(own), now):
            yield rule.broken(problem, "register a new one, or make one with registration --cert-self-signed")
        return
    yield rule.broken("the certificate is not that of the key", "register the certificate of the key that signs")


def as_record(finding: Finding) -> dict[str, Any]:
    """Return *finding* for output: texts under stable names."""
    return {
        "rule": finding.rule,
        "status": finding.status.value,
        "message": finding.message,
        "hint": finding.hint,
        "source": finding.source,
        "answer": finding.answer,
    }
