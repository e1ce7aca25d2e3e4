"""Client-managed Qlik Sense: a virtual proxy is made in the repository, and linked to the proxies of the site."""

import json
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, urlsplit

from qsjwt.api import (
    Change,
    Changing,
    Explanation,
    Facts,
    InputError,
    JsonObject,
    Options,
    Plan,
    PublicKey,
    Request,
    Response,
    ServerUnavailable,
    Site,
    Survey,
    TokenRequest,
    differences,
    merged,
    quoted,
)
from qsjwt_platforms.qseow_session import XRFKEY, XSRF
from qsjwt_platforms.virtual_proxy import virtual_proxy

_KEPT: Final = (
    *("sessionCookieHeaderName", "sessionInactivityTimeout"),
    *("windowsAuthenticationEnabledDevicePattern", "headerAuthenticationMode"),
)
"""What an administrator may have set as they like: no option says it, and no token depends on it."""

_CONFLICT: Final = 409
_ATTEMPTS: Final = 2
_API: Final = "help.qlik.com, Repository Service API"

EXPLANATIONS: Final = (
    XSRF,
    Explanation(
        403,
        "the user may not do this, or the client certificate is not one of this site",
        "use --as with a user who is RootAdmin, and the certificate that the QMC of this site exports",
        _API,
        token=False,
    ),
    Explanation(
        401,
        "the server takes neither the certificate nor the token",
        "see what try says of the token",
        _API,
        token=False,
    ),
    *(
        Explanation(
            status,
            "this is not the repository, and not a virtual proxy that takes the token",
            "give https://HOST:4242 with --client-cert, or https://HOST/PREFIX with --jwt-file",
            _API,
            token=False,
        )
        for status in (301, 302, 303, 307, 308, 404)
    ),
    Explanation(
        400,
        "the repository does not take the virtual proxy",
        "its prefix and its session cookie must be its own, and each node ID must be one of the site",
        _API,
        token=False,
    ),
    Explanation(
        _CONFLICT,
        "somebody else has saved the same entity twice",
        "run it again",
        f"{_API}, conflict handling",
        token=False,
    ),
)


CENTRAL: Final = "INTERNAL\\sa_api"
"""The user that Qlik's own services act as: help.qlik.com, Repository Service API, Connecting with certificates."""


def acting_user(text: str) -> tuple[str, str]:
    """Return directory and ID of a user; errors continue "invalid value for --as:"."""
    directory, backslash, user = (part.strip() for part in text.partition("\\"))
    if not (directory and backslash and user) or ";" in text or "\\" in user:
        raise InputError(
            f"{quoted(text)} (must be DIRECTORY\\USER)", hint="put it in quotes: a shell may take the backslash away"
        )
    return directory, user


def register(request: TokenRequest, public: PublicKey, site: Site) -> Survey:
    """Return what there is to do: the virtual proxy itself, then a link for each proxy that has none."""
    repository = _Repository(site, request.options)
    prefix = request.options.prefix
    entity = f"the virtual proxy {quoted(prefix)}"
    found = yield from repository.read("virtualproxyconfig/full", f"prefix eq '{prefix}'")
    existing = next((one for one in found if one.text("prefix").casefold() == prefix), None)
    chosen = {
        **request.options,
        "node_id": (yield from _nodes(repository, request.options, existing)),
        "allowed_host": request.options.allowed_host or _hosts(site, existing),
    }
    request = request._replace(options=Options(chosen, request.options.given))
    body = virtual_proxy(request, public)
    # Without an audience of its own the virtual proxy takes any token; one that has another takes none without it.
    kept = _KEPT if request.options.description else (*_KEPT, "description")
    wanted = {"jwtAudience": "", **{name: value for name, value in body.items() if name not in kept}}
    differing = [] if existing is None else differences(wanted, existing)
    known, changes = _facts(prefix, "(the ID of the new one)" if existing is None else existing.required_text("id")), []
    if existing is None:
        changes.append(Change(f"create {entity}", repository.creating(body)))
    elif differing:
        changes.append(Change(f"change {entity}", repository.changing(existing, wanted)))
    proxies = yield from _proxies(repository, request.options)
    for proxy in proxies:
        if existing is None or existing["id"] not in _linked(proxy):
            changes.append(Change(f"link it to the proxy on {quoted(_host(proxy))}", repository.linking(proxy)))
    linked = {"proxies": [{"id": proxy["id"], "hostName": _host(proxy)} for proxy in proxies]}
    return Plan(entity, {**known, **linked}, changes, differing)


class _Repository:
    """The Repository Service API of a site, and who calls it.

    With the client certificate the caller names the user; through a virtual proxy the token does.
    """

    def __init__(self, site: Site, options: Options) -> None:
        self._url = f"{site.url}/qrs"
        self._headers = {"X-Qlik-Xrfkey": XRFKEY}
        if site.way == "client-certificate":
            directory, user = options.acting_user
            self._headers["X-Qlik-User"] = f"UserDirectory={directory}; UserId={user}"

    def request(self, method: str, path: str, body: Mapping[str, Any] | None = None, condition: str = "") -> Request:
        query = f"?xrfkey={XRFKEY}" + (f"&filter={quote(condition)}" if condition else "")
        if body is None:
            return Request(method, f"{self._url}/{path}{query}", self._headers, follow=False)
        headers = {**self._headers, "Content-Type": "application/json"}
        return Request(method, f"{self._url}/{path}{query}", headers, json.dumps(body).encode(), follow=False)

    def read(self, path: str, condition: str = "") -> Generator[Request, Response, list[JsonObject]]:
        """Return the entities that a list has."""
        response = yield self.request("GET", path, condition=condition)
        entities = response.expect(200).json
        if not isinstance(entities, list) or not all(isinstance(one, dict) and one.get("id") for one in entities):
            raise ServerUnavailable(
                f"the response to GET /qrs/{path} is not a list",
                hint="give the URL of the repository, https://HOST:4242, or that of a virtual proxy, https://HOST/PREFIX",
            )
        return [JsonObject(one, f"the response to GET /qrs/{path}", ServerUnavailable) for one in entities]

    def creating(self, body: Mapping[str, Any]) -> Callable[[Facts], Changing]:
        """Return what makes the virtual proxy *body*."""

        def create(_: Facts) -> Changing:
            response = yield self.request("POST", "virtualproxyconfig", body)
            return _facts(body["prefix"], response.expect_object(200, 201, member="id")["id"])

        return create

    def changing(self, existing: JsonObject, wanted: Mapping[str, Any]) -> Callable[[Facts], Changing]:
        """Return what gives the virtual proxy the members of *wanted*, where it has others."""

        def change(_: Facts) -> Changing:
            yield from self._save(f"virtualproxyconfig/{existing['id']}", lambda found: merged(found, wanted))
            return {}

        return change

    def linking(self, proxy: JsonObject) -> Callable[[Facts], Changing]:
        """Return what links the virtual proxy, which is known by then, to a proxy."""

        def link(facts: Facts) -> Changing:
            new = facts["virtualProxy"]["id"]

            def linked(found: JsonObject) -> Mapping[str, Any]:
                if new in _linked(found):
                    return found
                settings = found.object("settings")
                links = [*settings.get("virtualProxies", ()), {"id": new}]
                return {**found, "settings": {**settings, "virtualProxies": links}}

            yield from self._save(f"proxyservice/{proxy['id']}", linked)
            return {}

        return link

    def _save(
        self, path: str, changed: Callable[[JsonObject], Mapping[str, Any]]
    ) -> Generator[Request, Response, None]:
        """Read an entity and save it as *changed* makes it; once more if somebody else has saved it in between."""
        for attempt in range(1, _ATTEMPTS + 1):
            members = (yield self.request("GET", path)).expect_object(200, member="id")
            found = JsonObject(members, f"the response to GET /qrs/{path}", ServerUnavailable)
            wanted = changed(found)
            if wanted == members:
                return
            response = yield self.request("PUT", path, wanted)
            if response.status != _CONFLICT or attempt == _ATTEMPTS:
                response.expect(200)
                return


def _facts(prefix: str, entity_id: str) -> dict[str, Any]:
    return {"virtualProxy": {"id": entity_id, "prefix": prefix}}


def _nodes(
    repository: _Repository, options: Options, existing: JsonObject | None
) -> Generator[Request, Response, Sequence[str]]:
    """Return the IDs of the nodes to balance load to: those that are named, or are there, or the central one.

    :raises InputError: if a name is none of a node, or the central node has no engine.
    """
    if options.node_id and not options.node:
        ids: Sequence[str] = options.node_id
        return ids
    if existing is not None and not options.node and (kept := existing.objects("loadBalancingServerNodes")):
        return [node.required_text("id") for node in kept]
    nodes = yield from repository.read("servernodeconfiguration/full")
    if options.node:
        return [
            *(options.node_id or ()),
            *(node["id"] for node in _named(nodes, options.node, "--node", lambda one: one)),
        ]
    for node in nodes:
        if node.get("isCentral") and node.get("engineEnabled"):
            return [node["id"]]
    raise InputError(
        "the central node has no engine, so it cannot be the node to balance load to", hint=_choose(nodes, "--node")
    )


def _hosts(site: Site, existing: JsonObject | None) -> Sequence[str]:
    """Return the host allow list: that which is there, or the name by which the site is called here."""
    kept = [] if existing is None else existing.texts("websocketCrossOriginWhiteList")
    host = urlsplit(site.url).hostname or ""
    return kept or ([] if ":" in host or host.replace(".", "").isdigit() else [host])


def _proxies(repository: _Repository, options: Options) -> Generator[Request, Response, Sequence[JsonObject]]:
    """Return the proxies that are named, or all.

    :raises InputError: if a name is none of a proxy.
    """
    proxies = yield from repository.read("proxyservice/full")
    if not options.proxy:
        return proxies
    return _named(proxies, options.proxy, "--proxy", _node)


def _named(
    entities: Sequence[JsonObject], names: Sequence[str], option: str, node_of: Callable[[JsonObject], JsonObject]
) -> list[JsonObject]:
    found = []
    for name in names:
        same = [
            one
            for one in entities
            if name.casefold() in {str(each).casefold() for each in (one["id"], *_names(node_of(one)))}
        ]
        if not same:
            raise InputError(
                f"{option} {quoted(name)}: the site has none of that name",
                hint=_choose([node_of(one) for one in entities], option),
            )
        found += same
    return found


def _choose(nodes: Sequence[JsonObject], option: str) -> str:
    return f"use {option} with one of: {', '.join(quoted(node.text('hostName')) for node in nodes)}"


def _node(proxy: JsonObject) -> JsonObject:
    return proxy.object("serverNodeConfiguration")


def _names(node: JsonObject) -> list[str]:
    return [node[name] for name in ("name", "hostName") if node.text(name)]


def _host(proxy: JsonObject) -> str:
    return (_names(_node(proxy)) or [proxy.required_text("id")])[-1]


def _linked(proxy: JsonObject) -> list[str]:
    """Return the IDs of the virtual proxies of a proxy."""
    return [one.required_text("id") for one in proxy.object("settings").objects("virtualProxies")]
