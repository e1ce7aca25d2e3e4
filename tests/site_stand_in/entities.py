"""Client-managed Qlik Sense: the entities of the repository, and the limits of their members."""

import copy
import uuid
from collections.abc import Mapping
from typing import Any

from tests.site_stand_in.messages import Unreadable

Entity = dict[str, Any]
CENTRAL_HOST = "localhost"
JWT_METHOD = 4

# The longest text of each member, and the smallest and largest number: of QRS 38.22 (November 2022).
_LONGEST = {
    "prefix": 100,
    "description": 500,
    "sessionCookieHeaderName": 256,
    "jwtAttributeUserId": 255,
    "jwtAttributeUserDirectory": 255,
    "jwtAudience": 255,
    "jwtPublicKeyCertificate": 100_000,
}
_REQUIRED = ("sessionCookieHeaderName", "sessionInactivityTimeout", "defaultVirtualProxy")
_TIMEOUT_MINUTES = range(1, 71_583)
_NODE_OF_PROXY = ("id", "name", "hostName", "isCentral", "proxyEnabled")
_DEFAULTS: Mapping[str, Any] = {
    "prefix": "",
    "description": "",
    "authenticationModuleRedirectUri": "",
    "sessionModuleBaseUri": "",
    "loadBalancingModuleBaseUri": "",
    "useStickyLoadBalancing": False,
    "loadBalancingServerNodes": [],
    "authenticationMethod": 0,
    "headerAuthenticationMode": 0,
    "headerAuthenticationHeaderName": "",
    "anonymousAccessMode": 0,
    "windowsAuthenticationEnabledDevicePattern": "Windows",
    "sessionInactivityTimeout": 30,
    "extendedSecurityEnvironment": False,
    "websocketCrossOriginWhiteList": [],
    "additionalResponseHeaders": "",
    "jwtAttributeUserId": "",
    "jwtAttributeUserDirectory": "",
    "jwtAudience": "",
    "jwtPublicKeyCertificate": "",
    "jwtAttributeMap": [],
    "tags": [],
    "privileges": None,
    "schemaPath": "VirtualProxyConfig",
}


class Invalid(Exception):
    """An entity breaks the definition."""


def new_node(host: str, *, central: bool) -> Entity:
    """Return a node of the site."""
    return {
        "name": "Central" if central else host,
        "hostName": host,
        "isCentral": central,
        "nodePurpose": 2,
        "engineEnabled": True,
        "proxyEnabled": True,
        "printingEnabled": True,
        "schedulerEnabled": True,
        "serviceCluster": {"id": str(uuid.uuid4()), "name": "ServiceCluster", "privileges": None},
        "tags": [],
        "privileges": None,
        "schemaPath": "ServerNodeConfiguration",
    }


def new_proxy(node: Entity) -> Entity:
    """Return the proxy on *node*."""
    return {
        "customProperties": [],
        "settings": {
            "id": str(uuid.uuid4()),
            "listenPort": 443,
            "allowHttp": False,
            "authenticationListenPort": 4244,
            "kerberosAuthentication": False,
            "sslBrowserCertificateThumbprint": "",
            "keepAliveTimeoutSeconds": 10,
            "maxHeaderSizeBytes": 16384,
            "maxHeaderLineBytes": 8192,
            "restListenPort": 4243,
            "virtualProxies": [],
            "schemaPath": "ProxyService.Settings",
        },
        "serverNodeConfiguration": {name: node[name] for name in _NODE_OF_PROXY},
        "tags": [],
        "privileges": None,
        "schemaPath": "ProxyService",
    }


def checked_virtual_proxy(body: object, nodes: Mapping[str, Entity]) -> Entity:
    """Return the whole entity of what was sent; raise :class:`Invalid`.

    The required members are those of the definition. A page of the documentation names fewer (prefix, description
    and sessionCookieHeaderName): what a client must send to be safe is what is asked for here.
    """
    if not isinstance(body, dict):
        raise Unreadable("the body is not an object")
    for name in _REQUIRED:
        if body.get(name) is None:
            raise Invalid(f"{name} is required")
    entity: Entity = {**copy.deepcopy(dict(_DEFAULTS)), **copy.deepcopy(body)}
    for name, longest in _LONGEST.items():
        if not isinstance(entity[name], str) or len(entity[name]) > longest:
            raise Invalid(f"{name} must be a string of at most {longest} characters")
    if not entity["sessionCookieHeaderName"]:
        raise Invalid("sessionCookieHeaderName is empty")
    if entity["sessionInactivityTimeout"] not in _TIMEOUT_MINUTES:
        raise Invalid("sessionInactivityTimeout is outside 1 to 71582")
    entity["loadBalancingServerNodes"] = [_node(one, nodes) for one in entity["loadBalancingServerNodes"]]
    entity["jwtAttributeMap"] = [_attribute(one) for one in entity["jwtAttributeMap"]]
    return entity


def _node(reference: object, nodes: Mapping[str, Entity]) -> Entity:
    node = nodes.get(str(reference.get("id"))) if isinstance(reference, dict) else None
    if node is None:
        raise Invalid("loadBalancingServerNodes names a node that is not there")
    return {name: node[name] for name in ("id", "name", "hostName", "serviceCluster")}


def _attribute(row: object) -> Entity:
    if not isinstance(row, dict):
        raise Invalid("jwtAttributeMap holds objects")
    for name in ("jwtAttribute", "senseAttribute", "isMandatory"):
        if name not in row:
            raise Invalid(f"jwtAttributeMap: {name} is required")
    # Whether a stored row has an ID is not documented; a client that compares must not mind members it did not send.
    return {"id": str(uuid.uuid4()), **row}
