"""Judge a finished token: a platform's rules, what is expected, and what the registered key says."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from jwcrypto.jwk import JWK

from qsjwt import jwt
from qsjwt.errors import QsJwtError, VerificationFailed
from qsjwt.jwt import DecodedToken, Token
from qsjwt.platform import Finding, Platform, Rule, Status
from qsjwt.public import is_certificate_of
from qsjwt.signer import require_suitable

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
    """

    keys: Sequence[JWK]
    certificates: "Sequence[x509.Certificate]" = ()


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
    found = [
        *own,
        *_compare(rules, token, expected, broken),
        *_judge_key(rules, platform, token, now, registered),
    ]
    by_rule: dict[str, list[Finding]] = {name: [] for name in rules}
    for finding in found:
        by_rule.setdefault(finding.rule, []).append(finding)
    return [finding for name, findings in by_rule.items() for finding in _worst(findings) or [rules[name].ok()]]


def overall(findings: Iterable[Finding]) -> Status:
    """Return the worst status of *findings*."""
    found = {finding.status for finding in findings}
    return next((status for status in _WORST_FIRST if status in found), Status.OK)


def _worst(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.status is overall(findings)]


def _compare(rules: dict[str, Rule], token: Token, expected: Token, broken: set[str]) -> Iterator[Finding]:
    """Compare what is expected, and tell what would have to be given to compare the rest."""
    wanted = {**expected.claims, **{name: value for name, value in expected.header.items() if name == "kid"}}
    for name, value in wanted.items():
        part = token.header if name in expected.header else token.claims
        rule = rules.get(name) or Rule(name, f"{name} is what is expected", "RFC 7519, section 4.1")
        if name in broken:
            continue
        if name not in part:
            yield rule.absent(f"{name} is missing, and {jwt.shown(value)} is expected")
        elif value != part[name] and not (name == "aud" and isinstance(part[name], list) and value in part[name]):
            yield rule.broken(f"{name} is {jwt.shown(part[name])}, not {jwt.shown(value)} as expected")
        else:
            yield rule.ok()
    for name, rule in rules.items():
        if rule.option and name not in wanted and name not in broken and name not in _OF_THE_KEY:
            yield _undecided(rule)


def _undecided(rule: Rule) -> Finding:
    return rule.unknown(f"not known whether {rule.demand}", f"give {rule.option}")


def _judge_key(
    rules: Mapping[str, Rule], platform: Platform, token: DecodedToken, now: float, registered: Registered | None
) -> Iterator[Finding]:
    if registered is None:
        yield from (_undecided(rules[name]) for name in _OF_THE_KEY if name in rules)
        return
    algorithm = token.header["alg"]
    key, forged = _signing_key(token, registered.keys)
    # What the algorithm's own rule refuses is not held against the key as well.
    reasons = [_unsuitable(key, name) for name in (*platform.algorithms, algorithm)]
    if all(reasons):
        usual = platform.algorithms.index(algorithm) if algorithm in platform.algorithms else 0
        yield rules["key"].broken(reasons[usual])
    if forged and reasons[-1]:
        yield rules["signature"].unknown(f"the signature is not judged: {reasons[-1]}")
    elif forged:
        yield rules["signature"].broken(forged)
    if _CERTIFICATE in rules:
        yield from _judge_certificate(rules[_CERTIFICATE], key, registered.certificates, now)


def _signing_key(token: DecodedToken, keys: Sequence[JWK]) -> tuple[JWK, str]:
    """Return the key that made the signature, or else the likeliest, and why it did not."""
    try:
        return jwt.verify_signature(token, keys), ""
    except VerificationFailed as failure:
        key_id = token.header.get("kid")
        return next((key for key in keys if key.get("kid") == key_id), keys[0]), failure.message


def _unsuitable(key: JWK, algorithm: str) -> str:
    """Return why *key* cannot do *algorithm*; empty if it can."""
    try:
        require_suitable(key, algorithm)
    except QsJwtError as reason:
        return reason.message
    return ""


def _judge_certificate(
    rule: Rule, key: JWK, certificates: "Sequence[x509.Certificate]", now: float
) -> Iterator[Finding]:
    if not certificates:
        yield rule.unknown("there is a key, but no certificate with it", f"give the certificate with {_KEY_FILE}")
        return
    for certificate in certificates:
        if is_certificate_of(certificate, key):
            first, last = certificate.not_valid_before_utc.timestamp(), certificate.not_valid_after_utc.timestamp()
            if now > last:
                yield rule.broken(f"the certificate expired at {jwt.moment(last)}", "register a new one")
            elif now < first:
                yield rule.broken(f"the certificate is not valid before {jwt.moment(first)}")
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
