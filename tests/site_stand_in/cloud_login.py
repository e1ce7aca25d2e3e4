"""Qlik Cloud: a token becomes a session (``/login/jwt-session``), and who the session's user is."""

from collections.abc import Mapping
from typing import Any

from tests.site_stand_in.messages import Answer, Request, Route
from tests.site_stand_in.tenant import Session, Tenant, User, unauthenticated
from tests.site_stand_in.verification import Refused, Unverified, check_times, public_key, read, seconds, verify

AUDIENCE = "qlik.api/login/jwt-session"
MAX_WINDOW_SECONDS = 3600
DEFAULT_TOLERANCE_SECONDS = 5


class Login:
    """Opens sessions for users of *tenant*; *refusals* gets the cause of each refusal that an answer hides."""

    def __init__(self, tenant: Tenant, refusals: list[str]) -> None:
        self._tenant = tenant
        self._refusals = refusals
        self.routes: list[Route] = [
            ("POST", "/login/jwt-session", self._exchange),
            ("GET", "/api/v1/csrf-token", self._csrf_token),
            ("GET", "/api/v1/users/me", self._me),
            ("GET", "/api/v1/users/([^/]+)", self._user),
        ]

    def _exchange(self, request: Request) -> Answer:
        if request.host not in self._tenant.host_names:
            return Answer.errors(401, "LOGIN-2", "No authentication configured for this hostname")
        try:
            if request.bearer is None:
                raise Refused("there is no Authorization: Bearer")
            token = read(request.bearer)
            provider = self._verified(token)
            missing = [name for name in self._tenant.required_claims if token.claims.get(name) is None]
            if missing:
                detail = f"JWT_LOGIN_VALIDATIONS Missing required claim: {missing[0]}"
                return Answer.errors(400, "INTERNAL-TOKEN-1", "Invalid token request", detail=detail)
            self._check(token.claims, provider)
            return self._admitted(token.claims)
        except Refused as refused:
            self._refusals.append(str(refused))
            return unauthenticated()

    def _verified(self, token: Unverified) -> Mapping[str, Any]:
        """Return the identity provider whose key signed; one that is not told by ``iss`` is looked for by ``kid``."""
        issuer, key_id = token.claims.get("iss"), token.header.get("kid")
        for provider in self._tenant.identity_providers.values():
            options = provider["options"]
            (key,) = options["staticKeys"]
            if provider["active"] and key["kid"] == key_id and issuer in (None, options["issuer"]):
                verify(token, public_key(key["pem"]), ["RS256"])
                return provider
        raise Refused("no identity provider has its issuer and key ID")

    def _check(self, claims: Mapping[str, Any], provider: Mapping[str, Any]) -> None:
        if claims["aud"] != AUDIENCE:
            raise Refused("aud is another")
        if claims["subType"] != "user":
            raise Refused("subType is not user")
        if not isinstance(claims["sub"], str) or not isinstance(claims["jti"], str | int):
            raise Refused("sub or jti is not a string")
        check_times(claims, self._tenant.now(), provider["clockToleranceSec"])
        if (seconds(claims, "exp") or 0) - (seconds(claims, "nbf") or 0) > MAX_WINDOW_SECONDS:
            raise Refused("exp is more than an hour after nbf")
        if str(claims["jti"]) in self._tenant.used_token_ids:
            raise Refused("jti was used before")
        self._tenant.used_token_ids.add(str(claims["jti"]))

    def _admitted(self, claims: Mapping[str, Any]) -> Answer:
        """Find or make the user, by subject and then by a verified e-mail address, and open a session."""
        subject = claims["sub"]
        email = claims.get("email") if claims.get("email_verified") is True else None
        if subject in self._tenant.strangers:
            return Answer.errors(403, "AUTH-5", "Forbidden", detail="User is not a member of tenant")
        users = [user for user in self._tenant.users if user.subject == subject]
        if not users and email:
            users = [user for user in self._tenant.users if user.email == email]
            if len(users) > 1:
                title = "Multiple active users detected with the same e-mail, please contact your administrator"
                return Answer.errors(400, "LOGIN-12", title)
        user = users[0] if users else User(subject, str(claims.get("name", subject)))
        if user.invitation_expired:
            return Answer.errors(403, "USER_INVITE_EXPIRED", "User invitation expired")
        if user.status not in ("active", "invited"):
            raise Refused(f"the user is {user.status}")
        if not users:
            self._tenant.users.append(user)
        self._update(user, claims, email)
        return self._opened(user)

    def _update(self, user: User, claims: Mapping[str, Any], email: object) -> None:
        user.status, user.subject = "active", claims["sub"]
        user.name = str(claims.get("name", user.name))
        user.email = email if isinstance(email, str) else user.email
        if self._tenant.creation_of_groups and isinstance(claims.get("groups"), list):
            user.groups = [str(group) for group in claims["groups"]]

    def _opened(self, user: User) -> Answer:
        session = Session(user)
        if not self._tenant.csrf_tokens:
            session.csrf_token = None
        self._tenant.sessions[session.sid] = session
        cookies = {"eas.sid": session.sid, "eas.sid.sig": session.signature}
        if session.csrf_token:
            cookies |= {"_csrfToken": session.csrf_token, "_csrfToken.sig": session.csrf_signature}
        attributes = "path=/; secure; httponly"
        return Answer.of(200, {}, *(("Set-Cookie", f"{name}={value}; {attributes}") for name, value in cookies.items()))

    def _csrf_token(self, request: Request) -> Answer:
        caller = self._tenant.caller(request)
        if caller is None:
            return unauthenticated()
        if caller.session is None:
            return Answer.errors(400, "CSRF-TOKEN-4", "CSRF token not supported for given authentication type")
        if caller.session.csrf_token is None:
            return Answer.errors(404, "CSRF-TOKEN-3", "No token found")
        return Answer.empty(204, ("qlik-csrf-token", caller.session.csrf_token))

    def _me(self, request: Request) -> Answer:
        caller = self._tenant.caller(request)
        if caller is None:
            return unauthenticated()
        location = f"/api/v1/users/{caller.user.id}"
        page = f'<html><body><a href="{location}">Moved Permanently</a></body></html>'
        return Answer.text(301, page, "text/html", ("Location", location))

    def _user(self, request: Request, user_id: str) -> Answer:
        caller = self._tenant.caller(request)
        if caller is None:
            return unauthenticated()
        found = next((user for user in self._tenant.users if user.id == user_id), None)
        if found is None:
            return Answer.undocumented(404, "Not found")
        return Answer.of(200, self._shown(found, request))

    def _shown(self, user: User, request: Request) -> dict[str, Any]:
        """Return the user as the API tells of one; what is not known is left out."""
        href = f"https://{request.headers['host']}/api/v1/users/{user.id}"
        shown = {
            "id": user.id,
            "tenantId": self._tenant.id,
            "clientId": user.client_id,
            "status": user.status,
            "subject": user.subject,
            "name": user.name,
            "email": user.email,
            "assignedRoles": [{"id": f"role-{name}", "name": name} for name in user.roles],
            "assignedGroups": [{"id": f"group-{name}", "name": name, "providerType": "idp"} for name in user.groups],
            "links": {"self": {"href": href}},
        }
        return {name: value for name, value in shown.items() if value is not None}
