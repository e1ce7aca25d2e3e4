"""A tenant of Qlik Cloud, or what stands in for one."""

import secrets
from typing import Any

from tests.site_stand_in.certificates import Certificates, signing_certificate
from tests.site_stand_in.cloud_administration import Administration
from tests.site_stand_in.cloud_login import Login
from tests.site_stand_in.cloud_oauth import OAuth
from tests.site_stand_in.messages import Answer, Request, routed
from tests.site_stand_in.server import Site
from tests.site_stand_in.tenant import TENANT_ADMIN, Session, Tenant, User


class Cloud(Site):
    """A tenant at :attr:`url`; called by :attr:`other_url` it is a host without a tenant (LOGIN-2).

    :ivar tenant: its state: users, what is registered, and the switches.
    :ivar oauth: the switch ``manner`` for the look of access tokens' answers.
    :ivar api_key: of an administrator.
    :ivar plain_api_key: of a user without the role TenantAdmin.
    """

    def __init__(self, certificates: Certificates | None = None) -> None:
        super().__init__(certificates)
        self.tenant = Tenant(self.now)
        self.oauth = OAuth(self.tenant, self.refusals)
        self._administration = Administration(self.tenant)
        login = Login(self.tenant, self.refusals)
        self._routes = [*login.routes, *self.oauth.routes, *self._administration.routes]
        self.api_key = self._key_of(User("stand-in|administrator", "Administrator", roles=[TENANT_ADMIN]))
        self.plain_api_key = self._key_of(User("stand-in|reader", "Reader"))

    def _key_of(self, user: User) -> str:
        key = f"eyJ{secrets.token_urlsafe(40)}"
        self.tenant.users.append(user)
        self.tenant.bearers[key] = user
        return key

    def answer(self, request: Request) -> Answer:
        """Return what the tenant says to *request*."""
        return routed(self._routes, request, request.path) or Answer.undocumented(404, "Not found")

    def register(
        self, issuer: str = "https://idp", key_id: str = "k1", pem: str | None = None, **more: Any
    ) -> dict[str, Any]:
        """Register an identity provider as if by hand: for tokens that the run's key signs if no *pem* is given.

        :param more: members of its JSON, like ``clockToleranceSec``.
        """
        options = {"issuer": issuer, "staticKeys": [{"kid": key_id, "pem": pem or signing_certificate()}]}
        return self._administration.add_provider(
            {"protocol": "jwtAuth", "provider": "external", "options": options, **more}
        )

    def register_client(
        self, jwk: dict[str, Any], name: str = "a client", client_id: str | None = None, **more: Any
    ) -> str:
        """Register an OAuth client for private_key_jwt as if by hand, and return its ID."""
        body = {
            "appType": "web",
            "clientName": name,
            "publicKeys": [jwk],
            "allowedAuthMethods": ["private_key_jwt"],
            "allowedGrantTypes": ["client_credentials"],
            "connectionConfig": {"consentMethod": "trusted"},
            **more,
        }
        return str(self._administration.add_client(body, client_id)["clientId"])

    def add_user(self, subject: str, name: str, email: str | None = None, **more: Any) -> User:
        """Add a user; *more* are fields of :class:`User`."""
        user = User(subject, name, email, **more)
        self.tenant.users.append(user)
        return user

    @property
    def open_sessions(self) -> list[Session]:
        """The sessions that tokens opened; no way to end one over the API is documented."""
        return list(self.tenant.sessions.values())
