"""``decode``: look inside a token, and verify it if there is a key to do it with."""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jwcrypto.jwk import JWK

from qsjwt.cli import output
from qsjwt.cli.command import Command
from qsjwt.errors import VerificationFailed
from qsjwt.keys.public import certificate_among, validity_problem
from qsjwt.options import key as key_options
from qsjwt.options.key import PublicMaterial
from qsjwt.options.parser import Parser
from qsjwt.options.token import add_token_options, token_text
from qsjwt.redaction import quoted
from qsjwt.times import iso_time
from qsjwt.tokens import jwt
from qsjwt.tokens.dates import fault_of, moment
from qsjwt.tokens.judge import likeliest_key
from qsjwt.tokens.jwt import DecodedToken
from qsjwt.tokens.request import Options

_LOG = logging.getLogger("qsjwt.command")
_TIMES = {"iat": "issued_at", "nbf": "not_before", "exp": "expires_at"}


class Decode(Command):
    """Show what is in a token, and verify it.

    With a public key or certificate, the signature is verified; without one, the verdict is "not verified". Times and
    expected values are checked either way. If anything fails, the exit code is 6.
    """

    section = "tokens"
    example = "qsjwt decode token.txt --cert-publickey-file publickey.cer"

    def add_options(self, parser: Parser) -> None:
        """Add where the token is, what verifies it, and the output's form."""
        add_token_options(parser)
        verify = parser.group("verification")
        key_options.add_public_key_options(verify)
        verify.add("--expected-audience", metavar="AUDIENCE", help="expected aud, or one of its members")
        verify.add("--expected-issuer", metavar="ISSUER", help="expected iss")
        shown = parser.group("output")
        output.add_format_option(shown, (*output.RECORD_FORMS, "html"))
        shown.add("--minimal-output", action="store_true", help="JSON as qs-jwt prints it")

    def take_action(self, options: Options) -> None:
        """Print the token's parts and a verdict.

        :raises VerificationFailed: after that, if the verdict is no; before, if the token cannot be read.
        """
        given = key_options.public_material(options)
        keys = given and given.keys
        token = jwt.decode(token_text(options, "decode"))
        now = time.time() if options.at is None else options.at
        signature = [] if keys is None else _signature_failures(token, keys)
        times = [*jwt.time_failures(token, now)]
        expected = jwt.expected_failures(token, options.expected_audience, options.expected_issuer)
        failures = [*signature, *times, *expected]
        for remark in _doubts(token, given, now):
            _LOG.warning("%s", remark)
        if options.minimal_output:
            text = output.as_json(
                _as_qs_jwt(
                    token, options, failures, has_key=keys is not None, intact=not signature, valid_now=not times
                )
            )
        else:
            text = _shown(options.format, token, failures, has_key=keys is not None, now=now)
        self.emit(text)
        if len(failures) == 1:
            raise failures[0]
        if failures:
            raise VerificationFailed("; ".join(failure.message for failure in failures))


def _shown(
    form: str | None, token: DecodedToken, failures: Sequence[VerificationFailed], *, has_key: bool, now: float
) -> str:
    if form == "html":
        from qsjwt.cli.report.pages import decode_report

        return decode_report(token, failures, has_key=has_key, now=now)

    def page() -> object:
        from qsjwt.cli.token_page import token_page  # and rich with it

        return token_page(token, failures, has_key=has_key, now=now)

    return output.shown_record(_record(token, has_key, failures), form, page)


def _signature_failures(token: DecodedToken, keys: Sequence[JWK]) -> list[VerificationFailed]:
    try:
        jwt.verify_signature(token, keys)
    except VerificationFailed as failure:
        return [failure]
    return []


def _doubts(token: DecodedToken, given: PublicMaterial | None, now: float) -> Iterator[str]:
    """Yield what does not make the token invalid (RFC 7519, section 4.1.6; RFC 7515, 4.1.4), but may for a platform."""
    see = "a platform may refuse that, see check"
    issued = token.claims.get("iat")
    if isinstance(issued, int | float) and fault_of("iat", issued) is None and issued > now:
        yield f"the token is from the future: iat is {moment(issued)}; {see}"
    if given is None:
        return
    key = likeliest_key(token, given.keys)
    if key.get("kid") not in (None, token.header.get("kid")):
        yield f"the key ID of the key is {quoted(key['kid'])}, and not that of the token (kid); {see}"
    own = certificate_among(given.certificates, key)
    if own is not None and (problem := validity_problem(own, now)):
        yield f"{problem}; {see}"


def _record(token: DecodedToken, has_key: bool, failures: Sequence[VerificationFailed]) -> Mapping[str, Any]:
    verdict = "invalid" if failures else "valid" if has_key else "not verified"
    times = {title: iso_time(token.claims[claim]) for claim, title in _TIMES.items() if claim in token.claims}
    return {
        "header": token.header,
        "claims": token.claims,
        "times": times,
        "verdict": verdict,
        "reasons": [failure.message for failure in failures],
    }


def _as_qs_jwt(
    token: DecodedToken,
    options: Options,
    failures: Sequence[VerificationFailed],
    *,
    has_key: bool,
    intact: bool,
    valid_now: bool,
) -> Mapping[str, Any]:
    """Return the members that qs-jwt 1.14 prints, with its names; what it did not compare is null here."""
    record: dict[str, Any] = {"header": token.header, "payload": token.claims}
    if not has_key:
        return record
    verification: dict[str, Any] = {
        "status": "invalid" if failures else "valid",
        "algorithm": token.header.get("alg"),
        "integrity": intact,
        "issuedAt": iso_time(token.claims.get("iat")) or "N/A",
        "expiresAt": iso_time(token.claims.get("exp")) or "N/A",
        "notBefore": iso_time(token.claims.get("nbf")) or "N/A",
        "currentlyValid": valid_now,
    }
    if "kid" in token.header:
        verification["keyId"] = token.header["kid"]
    if "aud" in token.claims:
        verification["audience"] = token.claims["aud"]
        expected = options.expected_audience
        verification["audienceMatch"] = (
            None if expected is None else not [*jwt.expected_failures(token, expected, None)]
        )
    if "iss" in token.claims:
        verification["issuer"] = token.claims["iss"]
    if failures:
        verification["reason"] = failures[0].message
    return {**record, "verification": verification}
