"""Qlik Cloud: a JWT identity provider and ``POST /login/jwt-session``."""

import argparse
import base64
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from qsjwt.api import Finding, InputError, Platform, Severity, Token, format_duration, quoted, time_claims

AUDIENCE: Final = "qlik.api/login/jwt-session"
WINDOW: Final = 3600
"""Seconds that exp may lie after nbf."""

UNNOTICED: Final = 30
"""Seconds of a lifetime that may be cut without a word: the default clock skew."""

_LOGIN: Final = "qlik.dev, REST, login"
_SIGNED: Final = "qlik.dev, Create signed tokens for JWT authorization"


class Qscloud(Platform):
    """Qlik Cloud; the identity provider is found by ``iss``, its key by ``kid``."""

    summary = "Qlik Cloud"
    algorithms = ("RS256",)
    key_id_required = True
    example = (
        "qsjwt create-qscloud --issuer https://idp.example.com --keyid my-key \\\n"
        "    --subject anna --username Anna --useremail anna@example.com \\\n"
        "    --useremail-verified true --expires 60m --key env:QLIK_PRIVATE_KEY"
    )

    def add_options(self, group: Any) -> None:
        """Add who the user is, and which identity provider vouches for it."""
        group.add_argument(
            "--issuer", required=True, metavar="ISSUER", help="iss, as registered with the identity provider"
        )
        group.add_argument(
            "--subject", metavar="SUBJECT", help="sub, the user's lasting identifier; default a random one"
        )
        group.add_argument("--username", metavar="NAME", help="user's name")
        group.add_argument("--useremail", metavar="EMAIL", help="user's e-mail address; needs --useremail-verified")
        group.add_argument(
            "--useremail-verified",
            choices=("true", "false"),
            metavar="true|false",
            help="whether the address is known to be the user's",
        )
        group.add_argument(
            "--groups", nargs="+", action="extend", metavar="GROUP", help="groups of the user; repeatable"
        )

    def build(self, options: argparse.Namespace, now: int) -> Token:
        """Return the token; ``exp`` is cut to Qlik's window if the clock skew alone would break it."""
        if (options.useremail is None) != (options.useremail_verified is None):
            raise InputError("--useremail and --useremail-verified go together", hint="give both, or neither")
        times = time_claims(options, now)
        remarks = list(_fit_window(times, options, now))
        if options.subject is None and options.useremail_verified != "true":
            remarks.append(
                "without --subject and a verified e-mail address each token makes another user in Qlik Cloud"
            )
        claims: dict[str, Any] = {
            "iss": options.issuer,
            "aud": AUDIENCE,
            "sub": _random() if options.subject is None else options.subject,
            "subType": "user",
        }
        if options.username is not None:
            claims["name"] = options.username
        if options.useremail is not None:
            claims["email"] = options.useremail
            claims["email_verified"] = options.useremail_verified == "true"
        if options.groups is not None:
            claims["groups"] = options.groups
        return Token({}, {**claims, "jti": _random(), **times}, remarks=remarks)

    def check(self, token: Token, now: int) -> Iterable[Finding]:
        """Yield the rules that *token* breaks or may break."""
        claims = token.claims
        if token.header.get("alg") not in self.algorithms:
            yield Finding(
                "algorithm",
                f"the algorithm is {quoted(str(token.header.get('alg')))}, but Qlik Cloud takes RS256",
                source=_SIGNED,
            )
        key_id = token.header.get("kid")
        if not _is_text(key_id):
            yield Finding("kid", "the header has no key ID, by which Qlik Cloud finds the key", "use --keyid", _LOGIN)
        yield from _check_required(claims)
        yield from _check_times(claims, now)
        yield from _check_user(claims)
        yield from _check_groups(claims)


def _random() -> str:
    """Return 144 random bits: nobody will see the same twice."""
    return base64.urlsafe_b64encode(os.urandom(18)).decode("ascii")


def _fit_window(times: dict[str, int], options: argparse.Namespace, now: int) -> Iterator[str]:
    """Cut *times* where the clock skew alone makes them too long; yield a word about it if that is a lot."""
    latest = times["nbf"] + WINDOW
    if options.expires > WINDOW or not now < latest < times["exp"]:
        return
    if times["exp"] - latest > UNNOTICED:
        yield (
            f"the token is valid for {format_duration(latest - now)} from now on: "
            f"Qlik Cloud counts the clock skew into its {format_duration(WINDOW)}"
        )
    times["exp"] = latest


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _check_required(claims: Mapping[str, Any]) -> Iterator[Finding]:
    for name in ("iss", "sub"):
        if not _is_text(claims.get(name)):
            yield Finding(
                name, f"the claim {name} is missing, empty or no text, and Qlik Cloud needs it", source=_LOGIN
            )
    if claims.get("jti") in (None, ""):
        yield Finding(
            "jti", "the claim jti is missing, and Qlik Cloud needs it to be new in every token", source=_LOGIN
        )
    if claims.get("aud") != AUDIENCE:
        yield Finding(
            "aud", f"the claim aud is not {quoted(AUDIENCE)}, the only one that Qlik Cloud takes", source=_LOGIN
        )
    if claims.get("subType") != "user":
        yield Finding("subType", "the claim subType is not 'user', the only type that Qlik Cloud takes", source=_LOGIN)


def _check_times(claims: Mapping[str, Any], now: int) -> Iterator[Finding]:
    times = {}
    for name in ("iat", "nbf", "exp"):
        value = claims.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            times[name] = value
        else:
            yield Finding(
                name, f"the claim {name} is missing or no whole number, and Qlik Cloud needs it", source=_LOGIN
            )
    if times.get("exp", now + 1) <= now:
        yield Finding("exp", "the token has expired: exp is in the past", "create a new one", _LOGIN)
    window = times["exp"] - times["nbf"] if {"exp", "nbf"} <= times.keys() else 0
    if window > WINDOW:
        yield Finding(
            "window",
            f"the token would be valid for {format_duration(window)}, but Qlik Cloud accepts at most "
            f"{format_duration(WINDOW)} between nbf and exp",
            "use --expires 60m or less, and a --clock-skew that is far below it",
            _LOGIN,
        )


def _check_user(claims: Mapping[str, Any]) -> Iterator[Finding]:
    for name, option in (("name", "--username"), ("email", "--useremail")):
        if name not in claims:
            yield Finding(
                name,
                f"the token has no {name}, which Qlik lists among its claims; use {option}",
                source=_LOGIN,
                severity=Severity.DOUBTFUL,
            )
        elif not _is_text(claims[name]):
            yield Finding(
                name, f"the claim {name} is empty or no text", f"leave {option} out, or give it a value", _LOGIN
            )
    verified = claims.get("email_verified")
    if "email" in claims and "email_verified" not in claims:
        yield Finding(
            "email_verified",
            "the token has email but not email_verified, without which Qlik Cloud does not go by the address",
            source=_LOGIN,
            severity=Severity.DOUBTFUL,
        )
    elif "email_verified" in claims and not isinstance(verified, bool):
        yield Finding(
            "email_verified",
            "the claim email_verified is no boolean, and Qlik Cloud wants true or false without quotes",
            "use --useremail-verified true or false",
            _LOGIN,
        )


def _check_groups(claims: Mapping[str, Any]) -> Iterator[Finding]:
    if "group" in claims:
        yield Finding("groups", "the claim is called group, and Qlik Cloud reads groups only", "use --groups", _LOGIN)
    groups = claims.get("groups", [])
    if not isinstance(groups, list) or not all(_is_text(group) for group in groups):
        yield Finding("groups", "the claim groups is no list of names", "give every group a name", _LOGIN)
