"""``decode``: look inside a token, and verify it if there is a key to do it with."""

import argparse
import os
import sys
import time
from collections.abc import Mapping
from typing import Any

from qsjwt import jwt, output
from qsjwt.command import Command
from qsjwt.errors import InputError, KeyUnavailable, VerificationFailed
from qsjwt.inputs import read_file, read_text
from qsjwt.jwt import DecodedToken
from qsjwt.parser import Parser
from qsjwt.pem import load_public_keys
from qsjwt.redaction import quoted
from qsjwt.timestamp import iso_time, parse_time

_TIMES = {"iat": "issued_at", "nbf": "not_before", "exp": "expires_at"}


class Decode(Command):
    """Show the header and the claims of a token, and verify it.

    With a public key or certificate the signature is verified, without one the verdict is "not verified". The
    times and what is expected count in either case. If anything fails, the exit code is 6.
    """

    example = "qsjwt decode --jwt-file token.txt --cert-publickey-file publickey.cer"

    def add_options(self, parser: Parser) -> None:
        """Add where the token is, what verifies it, and the output's form."""
        token = parser.add_argument_group("token", "Without these it is read from standard input.")
        token.add_argument("source", nargs="?", metavar="-", help="read standard input")
        token.add_argument("--jwt", metavar="TOKEN", help='the token itself; a leading "Bearer " is dropped')
        token.add_argument("--jwt-file", metavar="FILE", help="file that holds the token, - for standard input")
        verify = parser.add_argument_group("verification")
        verify.add_argument(
            "--cert-publickey-file", metavar="FILE", help="public key, X.509 certificate, JWK or JWK Set"
        )
        verify.add_argument("--cert-publickey", metavar="TEXT", help="the same as text")
        verify.add_argument("--expected-audience", metavar="AUDIENCE", help="what aud must be, or hold")
        verify.add_argument("--expected-issuer", metavar="ISSUER", help="what iss must be")
        verify.add_argument(
            "--at",
            type=parse_time,
            metavar="TIME",
            help="judge as of then: ISO 8601, or seconds since 1970; default now",
        )
        shown = parser.add_argument_group("output")
        shown.add_argument(
            "-f",
            "--format",
            choices=output.RECORD_FORMATS,
            metavar="FORMAT",
            help=f"{', '.join(output.RECORD_FORMATS)}; default table on a terminal, json otherwise",
        )
        shown.add_argument("--minimal-output", action="store_true", help="JSON as qs-jwt prints it")

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Print the token's parts and a verdict.

        :raises VerificationFailed: after that, if the verdict is no; before, if the token cannot be read.
        """
        options = parsed_args
        keys = _public_keys(options)
        token = jwt.decode(_token_text(options))
        now = time.time() if options.at is None else options.at
        signature = None if keys is None else _outcome(jwt.verify_signature, token, keys)
        times = _outcome(jwt.verify_times, token, now)
        expected = _outcome(jwt.verify_expected, token, options.expected_audience, options.expected_issuer)
        failures = [failure for failure in (signature, times, expected) if failure]
        if options.minimal_output:
            text = output.as_json(_as_qs_jwt(token, options, keys is not None, signature or "", times, failures))
        else:
            terminal = sys.stdout is not None and sys.stdout.isatty()
            show = output.RECORD_FORMATS[options.format or ("table" if terminal else "json")]
            text = show(_record(token, keys is not None, failures))
        self.emit(text)
        if failures:
            raise VerificationFailed(failures[0])


def _token_text(options: argparse.Namespace) -> str:
    if options.source not in (None, "-"):
        raise InputError(
            "there is an argument that belongs to no option", hint="give the token with --jwt or --jwt-file"
        )
    given = [value for value in (options.jwt, options.jwt_file, options.source) if value is not None]
    if len(given) > 1:
        raise InputError("the token is given more than once", hint="use one of --jwt, --jwt-file and standard input")
    if options.jwt is not None:
        text: str = options.jwt
    else:
        if not given and sys.stdin is not None and sys.stdin.isatty():
            raise InputError("no token is given", hint="use --jwt-file FILE, or pipe the token in")
        text = read_text(options.jwt_file or "-", "token file", "--jwt-file" if options.jwt_file else "decode")
    if not text.strip():
        raise InputError("the token is empty")
    return text


def _public_keys(options: argparse.Namespace) -> Any:
    if options.cert_publickey is not None and options.cert_publickey_file is not None:
        raise InputError("two public keys are given", hint="use --cert-publickey-file or --cert-publickey")
    if options.cert_publickey is not None:
        return load_public_keys(os.fsencode(options.cert_publickey), "the public key on the command line")
    if options.cert_publickey_file is not None:
        what = "public key file"
        data = read_file(options.cert_publickey_file, what, error=KeyUnavailable)
        return load_public_keys(data, f"the {what} {quoted(options.cert_publickey_file)}")
    return None


def _outcome(verify: Any, *arguments: Any) -> str:
    """Return why *verify* says no; empty if it does not."""
    try:
        verify(*arguments)
    except VerificationFailed as failure:
        return failure.message
    return ""


def _record(token: DecodedToken, has_key: bool, failures: list[str]) -> Mapping[str, Any]:
    verdict = "invalid" if failures else "valid" if has_key else "not verified"
    times = {title: iso_time(token.claims[claim]) for claim, title in _TIMES.items() if claim in token.claims}
    return {
        "header": token.header,
        "claims": token.claims,
        "times": times,
        "verdict": verdict,
        "reasons": failures,
    }


def _as_qs_jwt(
    token: DecodedToken, options: argparse.Namespace, has_key: bool, signature: str, times: str, failures: list[str]
) -> Mapping[str, Any]:
    """Return the members that qs-jwt 1.14 prints, with its names; what it did not compare is null here."""
    record: dict[str, Any] = {"header": token.header, "payload": token.claims}
    if not has_key:
        return record
    verification: dict[str, Any] = {
        "status": "invalid" if failures else "valid",
        "algorithm": token.header.get("alg"),
        "integrity": not signature,
        "issuedAt": iso_time(token.claims.get("iat")) or "N/A",
        "expiresAt": iso_time(token.claims.get("exp")) or "N/A",
        "notBefore": iso_time(token.claims.get("nbf")) or "N/A",
        "currentlyValid": not times,
    }
    if "kid" in token.header:
        verification["keyId"] = token.header["kid"]
    if "aud" in token.claims:
        verification["audience"] = token.claims["aud"]
        expected = options.expected_audience
        verification["audienceMatch"] = (
            None if expected is None else not _outcome(jwt.verify_expected, token, expected, None)
        )
    if "iss" in token.claims:
        verification["issuer"] = token.claims["iss"]
    if failures:
        verification["reason"] = failures[0]
    return {**record, "verification": verification}
