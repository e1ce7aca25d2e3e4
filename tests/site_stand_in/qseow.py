"""A site of client-managed Qlik Sense, or what stands in for one."""

import re
from typing import Any

from tests.site_stand_in.certificates import Certificates, signing_certificate
from tests.site_stand_in.entities import JWT_METHOD, Entity
from tests.site_stand_in.messages import Answer, Request
from tests.site_stand_in.proxy_sessions import ProxySession, Switches
from tests.site_stand_in.repository import Repository
from tests.site_stand_in.server import Site
from tests.site_stand_in.virtual_proxy import Proxy


class Qseow(Site):
    """A site whose proxy is at :attr:`url` and whose repository at :attr:`repository_url`.

    Called by :attr:`other_url`, which is an IP address, it is in no host allow list (403). There is the default
    virtual proxy with Windows authentication, and no other.

    :ivar repository: nodes, proxies, virtual proxies; its switches ``administrators`` and ``conflicts``.
    :param proxies: how many nodes with a proxy it has; the first is central.
    """

    def __init__(self, certificates: Certificates | None = None, *, proxies: int = 1) -> None:
        super().__init__(certificates)
        self.repository = Repository(self.now, proxies)
        self._proxy = Proxy(self.repository, self.now, self.refusals)
        self._repository_listener = self.listen(self._answer_certificate, ask_client=True)
        default = {"prefix": "", "description": "Central Proxy (Default)", "defaultVirtualProxy": True}
        session = {"sessionCookieHeaderName": "X-Qlik-Session", "sessionInactivityTimeout": 30}
        self.repository.link(self.repository.add_virtual_proxy({**default, **session}))

    @property
    def repository_url(self) -> str:
        """Where the repository answers those who have the client certificate, as at port 4242."""
        return f"https://localhost:{self._repository_listener.port}"

    @property
    def switches(self) -> Switches:
        """What the site is like."""
        return self._proxy.switches

    @property
    def open_sessions(self) -> list[ProxySession]:
        """The sessions that nobody has ended and that have not run out."""
        self._proxy.end_idle()
        return list(self._proxy.sessions.values())

    def prefix_url(self, prefix: str = "jwt") -> str:
        """Return the address of a virtual proxy, as users have it."""
        return f"{self.url}/{prefix}"

    def register(
        self, prefix: str = "jwt", certificate: str | None = None, *, link: bool = True, **more: Any
    ) -> Entity:
        """Make a virtual proxy as if by hand: for tokens that the run's key signs if no *certificate* is given.

        :param link: whether it is linked to the proxies.
        :param more: members of its JSON that differ.
        """
        entity = self.repository.add_virtual_proxy(
            {
                "prefix": prefix,
                "description": f"JWT {prefix}",
                "sessionCookieHeaderName": f"X-Qlik-Session-{prefix}",
                "sessionInactivityTimeout": 30,
                "defaultVirtualProxy": False,
                "authenticationMethod": JWT_METHOD,
                "jwtPublicKeyCertificate": certificate or signing_certificate(),
                "jwtAttributeUserId": "userId",
                "jwtAttributeUserDirectory": "userDirectory",
                "jwtAttributeMap": [
                    {"jwtAttribute": name, "senseAttribute": name, "isMandatory": False}
                    for name in ("name", "email", "group")
                ],
                "loadBalancingServerNodes": [{"id": next(iter(self.repository.nodes))}],
                **more,
            }
        )
        if link:
            self.repository.link(entity)
        return entity

    def answer(self, request: Request) -> Answer:
        """Return what the proxy says to *request*."""
        return self._proxy.answer(request)

    def _answer_certificate(self, request: Request) -> Answer:
        """Return what the repository says to one with the client certificate; refusals here are not documented."""
        match = re.fullmatch(
            r"UserDirectory=([^;]+);\s*UserId=(.+)", request.headers.get("x-qlik-user", "").strip(), re.IGNORECASE
        )
        if not request.certificate or match is None:
            self.refusals.append(
                "X-Qlik-User names nobody" if request.certificate else "there is no client certificate"
            )
            return Answer.text(403, "STAND-IN-1: forbidden")
        if not request.path.lower().startswith("/qrs/"):
            return Answer.text(404, "STAND-IN-1: not found")
        return self.repository.answer(request, request.path[5:], f"{match[1].strip()}\\{match[2].strip()}")
