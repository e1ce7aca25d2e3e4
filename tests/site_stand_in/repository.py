"""Client-managed Qlik Sense: what the repository holds, and its API (``/qrs``)."""

import copy
import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tests.site_stand_in.entities import CENTRAL_HOST, Invalid, checked_virtual_proxy, new_node, new_proxy
from tests.site_stand_in.messages import Answer, Request, Route, Unreadable, routed
from tests.site_stand_in.verification import iso

Entity = dict[str, Any]
XSRF = "XSRF prevention check failed. Possible XSRF discovered."
_CONDENSED = {
    "virtualproxyconfig": ("id", "description", "prefix", "loadBalancingServerNodes", "privileges"),
    "proxyservice": ("id", "serverNodeConfiguration", "privileges"),
    "servernodeconfiguration": ("id", "name", "hostName", "isCentral", "serviceCluster", "privileges"),
}
_TERM = re.compile(r"([\w.]+) (eq|ne) (?:'([^']*)'|([\w.-]+))", re.IGNORECASE)


def xsrf_refusal(request: Request) -> Answer | None:
    """Return the refusal of a call whose Xrfkey is not the same 16 characters in query and header."""
    key = request.query.get("xrfkey", "")
    if re.fullmatch("[0-9a-zA-Z]{16}", key) and request.headers.get("x-qlik-xrfkey") == key:
        return None
    return Answer.text(403, XSRF)


class Repository:
    """Entities and who may see them.

    :ivar administrators: ``DIRECTORY\\user`` of those who may use more than ``/qrs/about``.
    :ivar conflicts: how many of the next PUTs find that somebody else has saved the entity meanwhile.
    """

    def __init__(self, now: Callable[[], float], proxies: int) -> None:
        self._now = now
        self._saves = 0
        self.administrators = {"INTERNAL\\sa_api"}
        self.conflicts = 0
        self.nodes: dict[str, Entity] = {}
        self.virtual_proxies: dict[str, Entity] = {}
        self.proxies: dict[str, Entity] = {}
        for number in range(proxies):
            host = CENTRAL_HOST if number == 0 else f"rim{number}.example"
            node = self._saved(new_node(host, central=number == 0))
            self.nodes[node["id"]] = node
            proxy = self._saved(new_proxy(node))
            self.proxies[proxy["id"]] = proxy
        self._kinds = {
            "virtualproxyconfig": self.virtual_proxies,
            "proxyservice": self.proxies,
            "servernodeconfiguration": self.nodes,
        }
        kind = f"({'|'.join(self._kinds)})"
        self._routes: list[Route] = [
            ("GET", f"{kind}/?", self._list_condensed),
            ("GET", f"{kind}/full", self._list_full),
            ("GET", f"{kind}/count", self._count),
            ("GET", f"{kind}/([0-9a-f-]{{36}})", self._get),
            ("POST", "virtualproxyconfig/?", self._create),
            ("PUT", f"{kind}/([0-9a-f-]{{36}})", self._put),
            ("DELETE", "virtualproxyconfig/([0-9a-f-]{36})", self._delete),
        ]

    @property
    def central(self) -> Entity:
        """The proxy on the central node, the one that users call."""
        return next(proxy for proxy in self.proxies.values() if proxy["serverNodeConfiguration"]["isCentral"])

    def answer(self, request: Request, path: str, user: str) -> Answer:
        """Return the answer to *request* for *path*, which is what follows ``/qrs/``."""
        refusal = xsrf_refusal(request)
        if refusal:
            return refusal
        if path.lower() == "about" and request.method == "GET":
            return Answer.of(200, _ABOUT)
        if user not in self.administrators:
            return Answer.text(403, "STAND-IN-1: the user may not do this")
        try:
            return routed(self._routes, request, path) or _not_found()
        except (Invalid, Unreadable) as error:
            return Answer.text(400, f"STAND-IN-1: {error}")

    def add_virtual_proxy(self, body: object) -> Entity:
        """Make the virtual proxy that *body* describes, linked to none; raise :class:`Invalid`."""
        entity = checked_virtual_proxy(body, self.nodes)
        self._require_unique(entity)
        entity = self._saved({**entity, "createdDate": iso(self._now())})
        self.virtual_proxies[entity["id"]] = entity
        return entity

    def link(self, virtual_proxy: Entity) -> None:
        """Link it to every proxy, as if by hand."""
        for proxy in self.proxies.values():
            proxy["settings"]["virtualProxies"].append(_condensed("virtualproxyconfig", virtual_proxy))

    def someone_else_saves(self, entity: Entity) -> None:
        """Let *entity* be newer than what anybody has read."""
        entity.update(self._saved(entity))

    def _saved(self, entity: Entity) -> Entity:
        self._saves += 1
        # A millisecond a save: two of them never have the same date, however fast they follow.
        modified = iso(self._now() + self._saves / 1000)
        return {"id": str(uuid.uuid4()), **entity, "modifiedDate": modified, "modifiedByUserName": "INTERNAL\\sa_api"}

    def _require_unique(self, entity: Mapping[str, Any]) -> None:
        for other in self.virtual_proxies.values():
            for name in ("prefix", "sessionCookieHeaderName"):
                if other[name].lower() == entity[name].lower() and other["id"] != entity.get("id"):
                    raise Invalid(f"{name} is that of another virtual proxy")

    def _found(self, request: Request, kind: str) -> list[Entity]:
        return [one for one in self._kinds[kind.lower()].values() if _matches(request.query.get("filter"), one)]

    def _list_condensed(self, request: Request, kind: str) -> Answer:
        return Answer.of(200, [_condensed(kind.lower(), one) for one in self._found(request, kind)])

    def _list_full(self, request: Request, kind: str) -> Answer:
        return Answer.of(200, self._found(request, kind))

    def _count(self, request: Request, kind: str) -> Answer:
        return Answer.of(200, {"value": len(self._found(request, kind))})

    def _get(self, _: Request, kind: str, entity_id: str) -> Answer:
        entity = self._kinds[kind.lower()].get(entity_id)
        return Answer.of(200, entity) if entity else _not_found()

    def _create(self, request: Request) -> Answer:
        return Answer.of(201, self.add_virtual_proxy(request.json()))

    def _put(self, request: Request, kind: str, entity_id: str) -> Answer:
        entities = self._kinds[kind.lower()]
        old = entities.get(entity_id)
        if old is None:
            return _not_found()
        new = request.json()
        if not isinstance(new, dict) or new.get("id") != entity_id or "modifiedDate" not in new:
            raise Invalid("id and modifiedDate of what was read are missing")
        if self.conflicts:
            self.conflicts -= 1
            self.someone_else_saves(old)
        if new["modifiedDate"] < old["modifiedDate"]:
            return Answer.text(409, "Conflict")
        entities[entity_id] = self._saved(self._checked(kind.lower(), old, new))
        return Answer.of(200, entities[entity_id])

    def _checked(self, kind: str, old: Entity, new: Entity) -> Entity:
        """Return what a PUT makes of *old*; raise :class:`Invalid` if *new* is not whole."""
        _require_members(old, new)
        if kind == "virtualproxyconfig":
            entity = checked_virtual_proxy(new, self.nodes)
            self._require_unique(entity)
            return entity
        if kind == "servernodeconfiguration":
            return new
        _require_members(old["settings"], new["settings"])
        linked = [one.get("id") for one in new["settings"]["virtualProxies"]]
        if unknown := [one for one in linked if one not in self.virtual_proxies]:
            raise Invalid(f"there is no virtual proxy {unknown[0]}")
        entity = copy.deepcopy(new)
        entity["settings"]["virtualProxies"] = [
            _condensed("virtualproxyconfig", self.virtual_proxies[one]) for one in dict.fromkeys(linked)
        ]
        return entity

    def _delete(self, _: Request, entity_id: str) -> Answer:
        if self.virtual_proxies.pop(entity_id, None) is None:
            return _not_found()
        for proxy in self.proxies.values():
            linked = proxy["settings"]["virtualProxies"]
            linked[:] = [one for one in linked if one["id"] != entity_id]
        return Answer.empty(204)


# What an answer to a call with a token looked like at a site (client-managed, August 2021).
_ABOUT = {
    "buildVersion": "30.4.0.0",
    "buildDate": "10/8/2021 12:43:37 PM",
    "databaseProvider": "Devart.Data.PostgreSql",
    "nodeType": 1,
    "sharedPersistence": True,
    "requiresBootstrap": False,
    "singleNodeOnly": False,
    "schemaPath": "About",
}


def _not_found() -> Answer:
    return Answer.text(404, "STAND-IN-1: not found")


def _condensed(kind: str, entity: Entity) -> Entity:
    return {name: copy.deepcopy(entity.get(name)) for name in _CONDENSED[kind]}


def _require_members(old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    missing = [name for name in old if name not in new]
    if missing:
        raise Invalid(f"the entity is not whole: {missing[0]} is missing")


def _matches(text: str | None, entity: Entity) -> bool:
    """Return whether *entity* is what a filter asks for: terms like ``prefix eq 'jwt'``, joined by ``and``."""
    if text is None:
        return True
    return all(_holds(term.strip(" ()"), entity) for term in re.split(r"\s+and\s+", text, flags=re.IGNORECASE))


def _holds(term: str, entity: Entity) -> bool:
    match = _TERM.fullmatch(term)
    if match is None:
        raise Invalid(f"filter: the stand-in does not know {term}")
    path, operator, quoted, bare = match.groups()
    value: Any = entity
    for name in path.split("."):
        value = _member(value.items(), name)
    wanted = quoted if quoted is not None else bare
    return (str(value).lower() == wanted.lower()) == (operator.lower() == "eq")


def _member(items: Iterable[tuple[str, Any]], name: str) -> Any:
    for key, value in items:
        if key.lower() == name.lower():
            return value
    raise Invalid(f"filter: there is no property {name}")
