"""What a tenant of Qlik Cloud holds: users, sessions, API keys; and who it is that calls."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.site_stand_in.messages import Answer, Request
from tests.site_stand_in.verification import iso

TENANT_ADMIN = "TenantAdmin"


@dataclass(eq=False)
class User:
    """A user; *status* is one of Qlik's: active, invited, disabled, deleted, provisioned.

    :ivar client_id: of the OAuth client whose bot the user is.
    :ivar invitation_expired: goes with the status ``invited``.
    """

    subject: str
    name: str
    email: str | None = None
    status: str = "active"
    groups: list[str] = field(default_factory=list)
    roles: list[str] = field(default_factory=list)
    client_id: str | None = None
    invitation_expired: bool = False
    id: str = field(default_factory=lambda: secrets.token_hex(12))


@dataclass(eq=False)
class Session:
    """A session that a token opened, with its cookies.

    :ivar csrf_token: None for one without, as for a kind of login that has none.
    """

    user: User
    sid: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    signature: str = field(default_factory=lambda: secrets.token_urlsafe(20))
    csrf_token: str | None = field(default_factory=lambda: secrets.token_urlsafe(27))
    csrf_signature: str = field(default_factory=lambda: secrets.token_urlsafe(20))


@dataclass(eq=False)
class Caller:
    """Who calls, and by what: a session or, without one, a bearer token."""

    user: User
    session: Session | None = None


@dataclass(eq=False)
class Tenant:
    """The state of a tenant.

    :ivar bearers: API keys and access tokens, with their users.
    :ivar strangers: subjects that are no members of the tenant, though their tokens are good.
    :ivar required_claims: without which a token gets INTERNAL-TOKEN-1; whether ``name`` and ``email`` belong here
        is not documented, so they do not.
    :ivar creation_of_groups: the switch of that name in the settings.
    :ivar csrf_tokens: whether sessions get one.
    :ivar page_size: how many items a list has without ``limit``.
    """

    now: Callable[[], float]
    id: str = "Stand-InTenant0000000000000000xx"
    host_names: set[str] = field(default_factory=lambda: {"localhost"})
    users: list[User] = field(default_factory=list)
    sessions: dict[str, Session] = field(default_factory=dict)
    bearers: dict[str, User] = field(default_factory=dict)
    identity_providers: dict[str, dict[str, Any]] = field(default_factory=dict)
    oauth_clients: dict[str, dict[str, Any]] = field(default_factory=dict)
    strangers: set[str] = field(default_factory=set)
    required_claims: tuple[str, ...] = ("iss", "aud", "sub", "subType", "jti", "iat", "nbf", "exp")
    creation_of_groups: bool = True
    csrf_tokens: bool = True
    page_size: int = 20
    used_token_ids: set[str] = field(default_factory=set)

    def caller(self, request: Request) -> Caller | None:
        """Return who calls; None if nobody is logged in. A bearer token goes before a cookie."""
        if request.bearer is not None:
            user = self.bearers.get(request.bearer)
            return Caller(user) if user and user.status == "active" else None
        cookies = request.cookies
        session = self.sessions.get(cookies.get("eas.sid", ""))
        if session and cookies.get("eas.sid.sig") == session.signature:
            return Caller(session.user, session)
        return None

    def administrator(self, request: Request) -> Answer | None:
        """Return the refusal of a caller who is no administrator; None for one who is."""
        caller = self.caller(request)
        if caller is None:
            return unauthenticated()
        token = caller.session.csrf_token if caller.session else None
        if token and request.method != "GET" and request.headers.get("qlik-csrf-token") != token:
            return Answer.undocumented(403, "Forbidden")
        return None if TENANT_ADMIN in caller.user.roles else Answer.undocumented(403, "Forbidden")

    def page(self, request: Request, items: list[dict[str, Any]]) -> Answer:
        """Return one page of *items*, with links to this and the next one."""
        query = request.query
        start, size = int(query.get("next", "0")), int(query.get("limit", str(self.page_size)))
        base = f"https://{request.headers['host']}{request.path}"
        links = {"self": {"href": f"https://{request.headers['host']}{request.target}"}}
        if start + size < len(items):
            links["next"] = {"href": f"{base}?limit={size}&next={start + size}"}
        return Answer.of(200, {"data": items[start : start + size], "links": links})

    def time(self) -> str:
        """Return the time as it stands in answers."""
        return iso(self.now())


def unauthenticated() -> Answer:
    """Return the answer to a call without a login; its text is not documented."""
    return Answer.undocumented(401, "Unauthorized")
