"""Client-managed Qlik Sense: what a virtual proxy makes of a request, and the proxy's own API (``/qps``)."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.site_stand_in.engine import Engine
from tests.site_stand_in.entities import JWT_METHOD, Entity
from tests.site_stand_in.messages import Answer, Request, Route, routed
from tests.site_stand_in.proxy_sessions import ProxySession, Switches
from tests.site_stand_in.repository import Repository, xsrf_refusal
from tests.site_stand_in.verification import Refused, check_times, public_key, read, seconds, verify

ALGORITHMS = ("RS256", "RS384", "RS512")
_DEFAULT_PATHS = ("qps", "qrs", "app", "hub", "qmc", "resources", "internal_windows_authentication", "qlik-embed")
_PAGE_BYTES = 88_000


class Proxy:
    """The proxy service of the central node."""

    def __init__(self, repository: Repository, now: Callable[[], float], refusals: list[str]) -> None:
        self._repository = repository
        self._now = now
        self._refusals = refusals
        self.switches = Switches()
        self.sessions: dict[str, ProxySession] = {}
        self._engine = Engine(self.switches, self.sessions)

    def answer(self, request: Request) -> Answer:
        """Return what the virtual proxy says whose prefix the path begins with."""
        virtual_proxy, path = self._addressed(request.path)
        if virtual_proxy is None:
            return _incorrect_header()
        limits = self._repository.central["settings"]
        size = sum(len(name) + len(value) + 4 for name, value in request.headers.items())
        longest = max(len(name) + len(value) + 2 for name, value in request.headers.items())
        if size > limits["maxHeaderSizeBytes"] or longest > limits["maxHeaderLineBytes"]:
            return Answer.text(400, "STAND-IN-1: the header is too long")
        if not self._is_allowed(request.host, virtual_proxy):
            return Answer.text(403, "STAND-IN-1: forbidden")
        if request.headers.get("upgrade", "").lower() == "websocket":
            session = self._session_of_cookie(request, virtual_proxy)
            origin_allowed = self._is_origin_allowed(request, virtual_proxy)
            return self._engine.answer(request, path, session, virtual_proxy, origin_allowed=origin_allowed)
        return self._answer_user(request, virtual_proxy, path)

    def end_idle(self) -> None:
        """Forget the sessions that nobody used for as long as their virtual proxy allows."""
        for session in list(self.sessions.values()):
            minutes = self._repository.virtual_proxies[session.virtual_proxy]["sessionInactivityTimeout"]
            if self._now() - session.used > minutes * 60:
                del self.sessions[session.id]

    def _addressed(self, path: str) -> tuple[Entity | None, str]:
        """Return the virtual proxy that *path* addresses, None if none is linked to this proxy, and what follows."""
        first, _, rest = path[1:].partition("/")
        prefix, rest = ("", path[1:]) if first.lower() in _DEFAULT_PATHS else (first.lower(), rest)
        linked = (one["id"] for one in self._repository.central["settings"]["virtualProxies"])
        entities = (self._repository.virtual_proxies[one] for one in linked)
        return next((one for one in entities if one["prefix"].lower() == prefix), None), rest

    def _is_allowed(self, host: str, virtual_proxy: Entity) -> bool:
        listed = {name.lower() for name in virtual_proxy["websocketCrossOriginWhiteList"]}
        return host.lower() in listed | self.switches.own_names

    def _is_origin_allowed(self, request: Request, virtual_proxy: Entity) -> bool:
        origin = request.headers.get("origin")
        if origin is None:
            return not self.switches.origin_required
        return self._is_allowed(origin.partition("://")[2].partition(":")[0], virtual_proxy)

    def _answer_user(self, request: Request, virtual_proxy: Entity, path: str) -> Answer:
        old = self._session_of_cookie(request, virtual_proxy)
        session = old
        if request.bearer is not None and virtual_proxy["authenticationMethod"] == JWT_METHOD:
            try:
                session = self._session_of_token(request.bearer, virtual_proxy, old)
            except Refused as refused:
                self._refusals.append(str(refused))
                return Answer.text(401, "STAND-IN-1: unauthorized")
        if session is None and virtual_proxy["authenticationMethod"] != JWT_METHOD:
            return Answer.empty(302, ("Location", "/internal_windows_authentication/?targetId=stand-in"))
        answer = self._routed(request, path, session)
        if session is not None and session is not old and session.id in self.sessions:
            name = virtual_proxy["sessionCookieHeaderName"]
            answer.headers.append(("Set-Cookie", f"{name}={session.id}; Path=/; HttpOnly; Secure"))
        return answer

    def _session_of_cookie(self, request: Request, virtual_proxy: Entity) -> ProxySession | None:
        self.end_idle()
        session = self.sessions.get(request.cookies.get(virtual_proxy["sessionCookieHeaderName"], ""))
        if session is None or session.virtual_proxy != virtual_proxy["id"]:
            return None
        session.used = self._now()
        return session

    def _session_of_token(self, compact: str, virtual_proxy: Entity, old: ProxySession | None) -> ProxySession:
        """Return the session for the token's user: *old* if it is that user's, or a new one; raise ``Refused``."""
        token = read(compact)
        try:
            key = public_key(virtual_proxy["jwtPublicKeyCertificate"], certificate=True)
        except ValueError as error:
            raise Refused(f"the certificate in the virtual proxy: {error}") from error
        verify(token, key, ALGORITHMS)
        claims = token.claims
        self._check(claims, virtual_proxy)
        directory, user_id = (
            _text(claims, virtual_proxy[name]) for name in ("jwtAttributeUserDirectory", "jwtAttributeUserId")
        )
        new = ProxySession(virtual_proxy["id"], directory, user_id, _mapped(claims, virtual_proxy), self._now())
        if new.user in self.switches.disabled:
            raise Refused("the user is disabled")
        if old is not None and old.user == new.user:
            return old
        self.sessions[new.id] = new
        return new

    def _check(self, claims: Mapping[str, Any], virtual_proxy: Entity) -> None:
        check_times(claims, self._now())
        iat = seconds(claims, "iat")
        if iat is not None and iat > self._now():
            raise Refused("iat is in the future")
        audience, given = virtual_proxy["jwtAudience"], claims.get("aud")
        if audience and audience not in (given if isinstance(given, list) else [given]):
            raise Refused("aud is another")

    def _routed(self, request: Request, path: str, session: ProxySession | None) -> Answer:
        routes: list[Route] = [
            ("GET", "qps/csrftoken", lambda request: self._csrf_token(request, session)),
            ("GET", "qps/user", lambda request: self._user(request, session)),
            ("DELETE", "qps/user", lambda request: self._log_out(request, session)),
            ("GET", "qlik-embed/main.js", lambda _: Answer.text(200, "// a stand-in", "text/javascript")),
        ]
        if path.lower().startswith("qrs/"):
            if session is None:
                return xsrf_refusal(request) or _not_logged_in()
            return self._repository.answer(request, path[4:], session.user)
        return routed(routes, request, path) or Answer.text(404, "STAND-IN-1: not found")

    def _csrf_token(self, request: Request, session: ProxySession | None) -> Answer:
        """Clients of Qlik and others call it without an Xrfkey; a wrong one is refused."""
        if "xrfkey" in request.query and (refusal := xsrf_refusal(request)):
            return refusal
        if session is None:
            return _not_logged_in()
        if self.switches.older:
            return Answer.text(404, "STAND-IN-1: not found")
        return Answer.empty(204, ("qlik-csrf-token", session.csrf_token))

    def _user(self, request: Request, session: ProxySession | None) -> Answer:
        refusal = xsrf_refusal(request)
        if refusal:
            return refusal
        if session is None:
            return Answer.of(200, {"session": "inactive"})
        name = session.attributes.get("name", session.user_id)
        user = {"userDirectory": session.directory, "userId": session.user_id, "userName": name}
        return Answer.of(200, {**user, "logoutUri": f"{request.path}/logout"})

    def _log_out(self, request: Request, session: ProxySession | None) -> Answer:
        """The status is documented, the body is an assumption: that of a user who is not logged in."""
        refusal = xsrf_refusal(request)
        if refusal:
            return refusal
        if session is not None:
            del self.sessions[session.id]
        return Answer.of(200, {"session": "inactive"})


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not value.strip():
        raise Refused(f"the claim {name} is missing, or no string")
    return value.strip()


def _mapped(claims: Mapping[str, Any], virtual_proxy: Entity) -> dict[str, Any]:
    """Return the attributes that a session has, by the names on the right of the attribute map."""
    rows = virtual_proxy["jwtAttributeMap"]
    for row in rows:
        if row["isMandatory"] and row["jwtAttribute"] not in claims:
            raise Refused(f"the mandatory claim {row['jwtAttribute']} is missing")
    return {row["senseAttribute"]: claims[row["jwtAttribute"]] for row in rows if row["jwtAttribute"] in claims}


def _not_logged_in() -> Answer:
    """Return 403, which is what Qlik Sense on Windows answers where 401 is meant; the text is not documented."""
    return Answer.text(403, "STAND-IN-1: forbidden")


def _incorrect_header() -> Answer:
    """Return the page for a prefix that is not there or not linked: that it is long is part of the trouble with it."""
    page = "<!DOCTYPE html><html><body><h1>400</h1><p>The http request header is incorrect</p>{}</body></html>"
    return Answer.text(400, page.format("<!-- stand-in -->" * (_PAGE_BYTES // 17)), "text/html")
