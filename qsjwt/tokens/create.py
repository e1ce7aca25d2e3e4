"""Create one token: from a request to a token that is built, judged, signed and verified."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from qsjwt.errors import InputError, VerificationFailed
from qsjwt.keys.reference import key_guard
from qsjwt.keys.signer import Signer, choose_algorithm
from qsjwt.redaction import quoted
from qsjwt.times import LAST_SECOND, iso_time
from qsjwt.tokens import jwt
from qsjwt.tokens.examiner import Examiner
from qsjwt.tokens.jwt import Token
from qsjwt.tokens.platform import PLATFORMS, Platform, require_sound
from qsjwt.tokens.request import THUMBPRINT, TokenRequest
from qsjwt.tokens.rules import Case, Status

_NEW_EACH_TIME: Final = ("iat", "nbf", "exp", "jti")


class CreatedToken(NamedTuple):
    """A token that is signed; only :attr:`compact` is as secret as a password, and no ``repr`` shows it.

    :ivar compact: what is sent to Qlik: the JWS in compact serialization (RFC 7515, section 7.1).
    :ivar header: the JOSE header (RFC 7515, section 4).
    :ivar claims: the claims set (RFC 7519, section 4).
    :ivar key_thumbprint: the SHA-256 thumbprint of the public key (RFC 7638), in base64url.
    :ivar remarks: sentences about what the user may not have meant, such as spaces that were left out.
    """

    compact: str
    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    key_thumbprint: str
    remarks: Sequence[str] = ()

    def __repr__(self) -> str:
        shown = (f"{name}={getattr(self, name)!r}" for name in self._fields if name != "compact")
        return f"CreatedToken({', '.join(shown)})"

    @property
    def expires_at(self) -> str | None:
        """The time of ``exp`` in ISO 8601, in UTC; None if the token has none."""
        return iso_time(self.claims.get("exp"))


class _Draft(Token):
    """A token that is built and judged.

    :ivar payload: its claims in base64url; empty if they cannot be written, which is told when they are signed.
    """

    payload: str


class _Header(NamedTuple):
    """A header before the key is known, and its length in base64url; 0 if it cannot be written."""

    members: Mapping[str, Any]
    length: int


class Creator:
    """Makes tokens for one platform, whose name in messages is *name*; from several threads at once, if need be.

    What is the same for token after token is found out with the first.
    """

    def __init__(self, name: str, platform: Platform) -> None:
        self.name = name
        self.platform = platform
        self._product = platform.product or platform.summary
        self._examiner = Examiner(platform.rules)
        self._builds = PLATFORMS.guard(name, "build the claims")
        self._checks = PLATFORMS.guard(name, "check the token")
        self._header: tuple[tuple[str | None, str | None], _Header] | None = None

    def build(self, request: TokenRequest, now: int) -> Token:
        """Return the token that *request* asks for, with nothing in it that the platform refuses.

        :param now: the time as a NumericDate, in seconds.
        :raises InputError: if options do not go together, or the token breaks a rule.
        """
        request = _with_lifetime(request, now)
        with self._builds:
            token = self.platform.build(request, now)
            if not isinstance(token, Token):
                raise TypeError("a token was expected")
            own, remarks = dict(token.header), [*token.remarks]
            claims = {
                name: as_json_value(value) if type(value) is tuple else value for name, value in token.claims.items()
            }
            if remarks and (isinstance(token.remarks, str) or not all(isinstance(remark, str) for remark in remarks)):
                raise TypeError("its remarks are not a sequence of sentences")
        for name, value in request.claims.items():
            if name in token.claims:
                raise InputError(
                    f"the claim {quoted(name)} is set by {self.platform.summary} and cannot be replaced",
                    hint="use the option that sets it, or leave it out",
                )
            claims[name] = value
        header = self._headed(request, own)
        payload = _encoded(claims, "claims")
        unsigned = header.length + len(".") + len(payload) if payload and header.length else 0
        case = Case(header.members, claims, now, self._product, request.claim_names, unsigned=unsigned)
        remarks = [*request.remarks, *self._doubts(case, request), *remarks]
        draft = _Draft(header.members, claims, remarks)
        draft.payload = payload
        return draft

    def _headed(self, request: TokenRequest, own: Mapping[str, Any]) -> _Header:
        """Return the header that *request* asks for, with what is the platform's *own*."""
        asked, known = (request.algorithm, request.key_id), self._header
        if known is not None and known[0] == asked and not own:
            return known[1]
        named = {"alg": request.algorithm or self.platform.algorithms[0], "typ": "JWT"}
        if request.key_id is not None:
            named["kid"] = request.key_id
        # The platform may choose another type, but not what the options say.
        members = {**named, **own, **{name: named[name] for name in named if name != "typ"}}
        header = _Header(members, len(_encoded(members, "header")))
        if not own:
            self._header = asked, header
        return header

    def _doubts(self, case: Case, request: TokenRequest) -> list[str]:
        """Return what the platform may refuse in the token of *case*, or would if it were checked.

        :raises InputError: if it is checked, and breaks a rule.
        """
        with self._checks:
            findings = self._examiner.findings(case)
        for finding in findings:
            if finding.status is Status.BROKEN and request.check:
                raise InputError(finding.message, hint=finding.hint)
        return [finding.message for finding in findings if finding.status is not Status.OK]

    def algorithms(self, chosen: str | None) -> Sequence[str]:
        """Return the JWA names that a token may be signed with: *chosen*, or all that the platform accepts.

        :raises InputError: if the platform does not accept *chosen*.
        """
        accepted = self.platform.algorithms
        if chosen is not None and chosen not in accepted:
            raise InputError(
                f"{quoted(chosen)} is not an algorithm that {self.platform.summary} accepts",
                hint=f"choose from: {', '.join(accepted)}",
            )
        return accepted if chosen is None else [chosen]

    def signing(self, signer: Signer, reference: str, chosen: str | None) -> "Signing":
        """Return what signs a token with the algorithm that *signer* and the platform have in common.

        :param reference: the key's, for the message if its provider fails.
        :param chosen: the JWA name that the user has chosen, or None.
        :raises KeyUnavailable: if they have none in common, or *chosen* is not one.
        """
        algorithm = choose_algorithm(signer.public_key, signer.algorithms, self.platform.algorithms, chosen)
        return Signing(signer, algorithm, reference)


class Signing:
    """Signs tokens with one key and algorithm; what depends on the key in their headers is put there now."""

    def __init__(self, signer: Signer, algorithm: str, reference: str) -> None:
        self._signer = signer
        self._algorithm = algorithm
        self._guard = key_guard(reference, "sign")
        self._own = {"kid": signer.public_key["kid"]} if "kid" in signer.public_key else {}
        self._known: tuple[Mapping[str, Any], dict[str, Any], str] | None = None

    def __call__(self, token: Token) -> CreatedToken:
        """Return *token* signed.

        :raises InputError, SigningFailed: as :func:`qsjwt.tokens.jwt.sign`.
        """
        known = self._known
        if known is None or known[0] is not token.header:
            header = self._headed(token.header)
            known = self._known = token.header, header, jwt.encode(header, "header")
        _, header, encoded = known
        payload = (token.payload if isinstance(token, _Draft) else "") or jwt.encode(token.claims, "claims")
        with self._guard:
            compact = jwt.sign(Token(header, token.claims), self._signer, self._algorithm, (encoded, payload))
        return CreatedToken(compact, header.copy(), token.claims, self._signer.thumbprint, token.remarks)

    def earlier(self, compact: str, token: Token) -> CreatedToken | None:
        """Return the token *compact* if it is *token*, signed with this key earlier: times and ``jti`` may differ."""
        try:
            found = jwt.decode(compact)
            jwt.verify_signature(found, [self._signer.public_key])
        except VerificationFailed:
            return None
        if found.header != self._headed(token.header) or _lasting(found.claims) != _lasting(token.claims):
            return None
        return CreatedToken(compact, found.header, found.claims, self._signer.thumbprint)

    def _headed(self, draft: Mapping[str, Any]) -> dict[str, Any]:
        header = {**self._own, **draft, "alg": self._algorithm}
        if header.get("kid") == THUMBPRINT:
            header["kid"] = self._signer.thumbprint
        return header


def _lasting(claims: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of *claims*, as JSON has them, that are not new with each token."""
    return {name: json.loads(json.dumps(value)) for name, value in claims.items() if name not in _NEW_EACH_TIME}


def _encoded(part: Mapping[str, Any], name: str) -> str:
    """Return *part* in base64url; empty if it cannot be written, which is told when it is signed."""
    try:
        return jwt.encode(part, name)
    except InputError:
        return ""


def load_platform(name: str) -> Platform:
    """Return the platform *name*.

    :raises PluginError: if it is missing, broken, or declares what cannot be.
    """
    platform = PLATFORMS.create(name)
    with PLATFORMS.guard(name, "load"):
        require_sound(platform)
    return platform


def as_json_value(value: Any) -> Any:
    """Return *value*, a tuple as a list: the values of options are tuples, so that nobody changes them."""
    return [*map(as_json_value, value)] if type(value) is tuple else value


def _with_lifetime(request: TokenRequest, now: int) -> TokenRequest:
    """Return *request* with a lifetime, also if a point in time was asked for.

    :raises InputError: if its times lie where no token has them.
    """
    if request.expires_at is not None:
        if request.expires_at <= now:
            raise InputError(f"--expires: {iso_time(request.expires_at)} is in the past", hint="use a later time")
        request = request._replace(expires=request.expires_at - now, expires_at=None)
    if now + request.expires > LAST_SECOND:
        raise InputError(
            "--expires: the token would expire after the year 9999", hint="use a shorter time, such as 365d"
        )
    if request.clock_skew > now:
        raise InputError("--clock-skew: the token would begin before 1970", hint="use a shorter time, such as 30s")
    return request
