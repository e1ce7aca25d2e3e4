"""Qlik Cloud OAuth: the client assertion of private_key_jwt (RFC 7523, section 2.2) for ``POST /oauth/token``."""

import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from qsjwt.api import (
    Finding,
    InputError,
    OptionGroup,
    Options,
    Platform,
    PublicKey,
    Rule,
    Token,
    TokenRequest,
    fitted_time_claims,
    quoted,
    rules,
)

WINDOW: Final = 300
"""Seconds that exp may lie after iat."""

_TENANT: Final = re.compile(r"https://(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*", re.ASCII)
_ENDPOINT: Final = "/oauth/token"
_WHO: Final = "Qlik Cloud"
_GUIDE: Final = "qlik.dev/authenticate/oauth/oauth-private-key-jwt"
_REFERENCE: Final = f"{_GUIDE}-reference"

_ALGORITHM: Final = Rule("algorithm", "the algorithm is RS256, RS512 or ES384", _REFERENCE)
_KID: Final = Rule("kid", "the header has the key ID (kid) of the registered key", _REFERENCE, option="--keyid")
_ISS: Final = Rule("iss", "the issuer (iss) is the client ID", _REFERENCE, "invalid client", option="--client-id")
_SUB: Final = Rule(
    "sub", "the subject (sub) is the client ID, as the issuer is", _REFERENCE, "invalid client", option="--client-id"
)
_AUD: Final = Rule(
    "aud", f"the audience (aud) is {_ENDPOINT} of the tenant", _REFERENCE, "invalid audience", option="--tenant"
)
_JTI: Final = Rule("jti", "the token has an identifier (jti), a UUID to be used once", _REFERENCE)
_IAT: Final = Rule("iat", "the time of issue (iat) is a whole number of seconds, and past", _REFERENCE)
_EXP: Final = Rule("exp", "the token has not expired (exp)", _REFERENCE)
_WINDOW: Final = Rule("window", "exp, if both are there, lies at most 5 min after iat", _REFERENCE)
_NBF: Final = Rule("nbf", "there is no nbf", _REFERENCE)
_GROUPS: Final = Rule("groups", "there are no groups", _REFERENCE)
_SIGNATURE: Final = Rule(
    "signature",
    "the registered key made the signature",
    _REFERENCE,
    "signature validation failed",
    option="--cert-publickey-file",
)
_KEY: Final = Rule(
    "key", "the key is one for RSA of 2048 bits or more, or on P-384", _REFERENCE, option="--cert-publickey-file"
)


class QscloudOauth(Platform):
    """An OAuth client of Qlik Cloud that proves who it is by a token of its own; the key is found by ``kid``."""

    summary = "Qlik Cloud OAuth"
    algorithms = ("RS256", "RS512", "ES384")
    key_id_required = True
    example = (
        "qsjwt create-qscloud-oauth --client-id 0123456789abcdef --tenant https://mytenant.eu.qlikcloud.com "
        "--keyid thumbprint --expires 5m --key file:privatekey.pem"
    )
    rules = (
        *(_ALGORITHM, _KID, _ISS, _SUB, _AUD, _JTI, _IAT, _EXP, _WINDOW, _NBF, _GROUPS),
        *(_SIGNATURE, _KEY),
    )

    def add_options(self, options: OptionGroup) -> None:
        """Add nothing: the token is for the client itself."""

    def add_shared_options(self, options: OptionGroup) -> None:
        """Add the client and its tenant."""
        options.add("--client-id", required=True, metavar="ID", help="client ID of the OAuth client: iss and sub")
        options.add(
            "--tenant",
            required=True,
            metavar="URL",
            help="https://TENANT.REGION.qlikcloud.com; aud is its /oauth/token",
        )

    def build(self, request: TokenRequest, now: int) -> Token:
        """Return the token; ``exp`` is cut to five minutes if the clock skew alone would break them."""
        times, remarks = fitted_time_claims(request, now, WINDOW, _WHO)
        del times["nbf"]
        return Token({}, {**self.expected(request.options), "jti": str(uuid.uuid4()), **times}, remarks=remarks)

    def expected(self, options: Options) -> Mapping[str, Any]:
        """Return the client ID as issuer and subject, and the tenant's token endpoint as audience."""
        claims: dict[str, str] = {}
        if options.client_id is not None:
            claims |= {"iss": options.client_id, "sub": options.client_id}
        if options.tenant is not None:
            claims["aud"] = _endpoint(options.tenant)
        return claims

    def check(self, token: Token, now: float) -> Iterable[Finding]:
        """Yield the rules that *token* breaks, and what Qlik's documents leave open."""
        claims = token.claims
        yield from rules.algorithm(_ALGORITHM, token, self.algorithms, _WHO)
        yield from rules.key_id(_KID, token, _WHO)
        yield from rules.text(_ISS, claims, "iss", _WHO)
        yield from _check_subject(claims)
        yield from _check_audience(claims)
        yield from _check_identifier(claims)
        for rule in (_IAT, _EXP):
            yield from rules.time(rule, claims, rule.name, now, _WHO)
        yield from rules.window(_WINDOW, claims, "iat", WINDOW, _WHO)
        for rule in (_NBF, _GROUPS):
            if rule.name in claims:
                yield rule.broken(f"the token has {rule.name}, which is not among the claims of a client assertion")

    def registration(self, request: TokenRequest, public: PublicKey) -> Mapping[str, Any]:
        """Return the JWK (RFC 7517) for the OAuth client, with all members that Qlik wants."""
        if not rules.is_text(request.key_id):
            raise InputError(
                "--keyid is not given, and a registered key has one",
                hint="give what the tokens are made with; --keyid thumbprint takes the key's own",
            )
        self.expected(request.options)  # what create-qscloud-oauth would refuse is refused here too
        return {"kid": request.key_id, "alg": request.algorithm, "use": "sig", **public.members}


def _endpoint(tenant: str) -> str:
    address = tenant.removesuffix("/").lower()
    if not _TENANT.fullmatch(address):
        raise InputError(
            f"--tenant {quoted(tenant)} is not the address of a tenant",
            hint="write https://TENANT.REGION.qlikcloud.com and no more: no path, no port",
        )
    return f"{address}{_ENDPOINT}"


def _check_subject(claims: Mapping[str, Any]) -> Iterator[Finding]:
    sound = yield from rules.text(_SUB, claims, "sub", _WHO)
    if sound and rules.is_text(claims.get("iss")) and claims["sub"] != claims["iss"]:
        yield _SUB.broken("the claims iss and sub differ, and both are the client ID")


def _check_audience(claims: Mapping[str, Any]) -> Iterator[Finding]:
    if (yield from rules.text(_AUD, claims, "aud", _WHO)):
        tenant, end, rest = claims["aud"].partition(_ENDPOINT)
        if not _TENANT.fullmatch(tenant) or not end or rest:
            yield _AUD.broken(
                f"the claim aud is {quoted(claims['aud'])}, and not https://TENANT{_ENDPOINT} and no more"
            )


def _check_identifier(claims: Mapping[str, Any]) -> Iterator[Finding]:
    if (yield from rules.text(_JTI, claims, "jti", _WHO)) and not _is_uuid(claims["jti"]):
        yield _JTI.unknown("the claim jti is no UUID, as Qlik wants it, but no word says that it is refused for that")


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
