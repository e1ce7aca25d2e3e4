"""Qlik Cloud: how an identity provider or an OAuth client is registered by the tenant's REST API."""

import json
from collections.abc import Callable, Generator, Mapping
from typing import Any, Final
from urllib.parse import urljoin

from qsjwt.api import (
    Change,
    Changing,
    Difference,
    Explanation,
    Facts,
    InputError,
    JsonObject,
    Plan,
    Request,
    Response,
    ServerUnavailable,
    Site,
    Survey,
    differences,
    quoted,
)

_PROVIDERS: Final = "qlik.dev/apis/rest/identity-providers"
_CLIENTS: Final = "qlik.dev/apis/rest/oauth-clients"
_JSON: Final = {"Content-Type": "application/json"}
_MAX_PAGES: Final = 100
_NEW: Final = "(the ID of the new one)"
_RESPONSE: Final = "the response of the tenant"

EXPLANATIONS: Final = (
    Explanation(
        401,
        "the tenant does not take the API key",
        "it may have expired, or be one of another tenant; make one under Profile settings, API keys",
        _PROVIDERS,
        token=False,
    ),
    Explanation(
        403,
        "the API key is not one of a tenant administrator, or --tenant-id is not this tenant's",
        "use the API key of a user with the role TenantAdmin",
        _PROVIDERS,
        token=False,
    ),
    Explanation(
        400,
        "the tenant does not take what is to be registered",
        "compare it with the definition",
        _PROVIDERS,
        token=False,
    ),
)

Entity = Mapping[str, Any]


def register_provider(body: Entity, site: Site) -> Survey:
    """Return what there is to do for the identity provider *body*: an issuer has one.

    Of an identity provider for tokens nothing but the description can be changed, so another takes its place; the old
    one goes when the new one is there.
    """
    url, issuer = f"{site.url}/api/v1/identity-providers", body["options"]["issuer"]
    found = yield from _all(url)
    same = [one for one in found if one.text("protocol") == body["protocol"] and _issuer(one) == issuer]
    differing = {one.required_text("id"): differences(body, one) for one in same}
    right = [entity_id for entity_id, unlike in differing.items() if not unlike]
    wrong = {entity_id: unlike for entity_id, unlike in differing.items() if unlike}
    title = f"the identity provider for {quoted(issuer)}"
    changes = []
    if not right and len(wrong) == 1 and _names(*wrong.values()) == {"description"}:
        right = [*wrong]
        changes = [
            Change(
                f"change the description of {title}", _patching(f"{url}/{right[0]}", _replacing(body, "description"))
            )
        ]
    else:
        if not right:
            changes.append(Change(f"create {title}", _creating(url, body)))
        changes += [
            Change(f"delete the one with the ID {quoted(entity_id)}", _deleting(f"{url}/{entity_id}"))
            for entity_id in wrong
        ]
    known = _provider(body, right[0] if right else _NEW)
    return Plan(title, known, changes, [each for unlike in wrong.values() for each in unlike])


def register_client(body: Entity, client_id: str | None, site: Site) -> Survey:
    """Return what there is to do so that the OAuth client *body* has its key; other keys of it stay.

    :param client_id: of a client that is there already; None for the one with the name in *body*.
    :raises InputError: if there is no such client, or more than one has the name.
    """
    url, (key,) = f"{site.url}/api/v1/oauth-clients", body["publicKeys"]
    found = yield from _all(url)
    name, value = ("clientId", client_id) if client_id else ("clientName", body["clientName"])
    same = [one for one in found if one.text(name) == value]
    if len(same) > 1:
        raise InputError(
            f"{len(same)} OAuth clients have the name {quoted(value)}", hint="use --client-id with one of them"
        )
    if client_id and not same:
        raise InputError(
            f"the tenant has no OAuth client with the ID {quoted(value)}", hint="leave --client-id out to create one"
        )
    title = f"the OAuth client {quoted(value)}"
    if not same:
        return Plan(title, _client(_NEW, key), [Change(f"create {title}", _creating_client(url, body))])
    # A list need not have all members of each, and the keys that it leaves out would be lost.
    address = f"{url}/{same[0].required_text('clientId')}"
    client = JsonObject(
        (yield Request("GET", address)).expect_object(200, member="clientId"), _RESPONSE, ServerUnavailable
    )
    wanted = {
        name: sorted({*client.texts(name), *body[name]})
        for name in ("allowedAuthMethods", "allowedGrantTypes")
        if not {*body[name]} <= {*client.texts(name)}
    }
    differing = [Difference(name, client.get(name), value) for name, value in wanted.items()]
    keys = client.objects("publicKeys")
    known = [one for one in keys if one.text("kid") == key["kid"]]
    unlike = [each for one in known for each in differences(key, one)]
    if unlike or not known:
        wanted["publicKeys"] = [*(dict(one) for one in keys if one not in known), key]
    changes = [Change(f"add the key to {title}", _patching(address, _replacing(wanted, *wanted)))] if wanted else []
    return Plan(title, _client(client["clientId"], key), changes, [*differing, *unlike])


def _all(url: str) -> Generator[Request, Response, list[JsonObject]]:
    """Return the entities of a list, page by page."""
    entities: list[JsonObject] = []
    address, seen = url, set[str]()
    while address and address not in seen and len(seen) < _MAX_PAGES:
        seen.add(address)
        members = (yield Request("GET", address)).expect_object(200, member="data")
        page = JsonObject(members, _RESPONSE, ServerUnavailable)
        entities += page.objects("data")
        following = page.object("links").object("next").text("href")
        address = following and urljoin(url, following)
    return entities


def _creating(url: str, body: Entity) -> Callable[[Facts], Changing]:
    def create(_: Facts) -> Changing:
        response = yield Request("POST", url, _JSON, json.dumps(body).encode())
        return _provider(body, response.expect_object(200, 201, member="id")["id"])

    return create


def _creating_client(url: str, body: Entity) -> Callable[[Facts], Changing]:
    def create(_: Facts) -> Changing:
        # The answer has a client secret as well, which nobody needs who has a key; it goes nowhere.
        response = yield Request("POST", url, _JSON, json.dumps(body).encode())
        return _client(response.expect_object(200, 201, member="clientId")["clientId"], body["publicKeys"][0])

    return create


def _patching(url: str, operations: list[Entity]) -> Callable[[Facts], Changing]:
    """Return what applies a JSON Patch (RFC 6902)."""

    def patch(_: Facts) -> Changing:
        (yield Request("PATCH", url, _JSON, json.dumps(operations).encode())).expect(200, 204)
        return {}

    return patch


def _replacing(members: Entity, *names: str) -> list[Entity]:
    return [{"op": "replace", "path": f"/{name}", "value": members[name]} for name in names]


def _deleting(url: str) -> Callable[[Facts], Changing]:
    def delete(_: Facts) -> Changing:
        (yield Request("DELETE", url)).expect(200, 204, 404)
        return {}

    return delete


def _issuer(provider: JsonObject) -> str:
    return provider.object("options").text("issuer")


def _names(unlike: list[Difference]) -> set[str]:
    return {each.name for each in unlike}


def _provider(body: Entity, entity_id: str) -> dict[str, Any]:
    options = body["options"]
    return {"identityProvider": {"id": entity_id, "issuer": options["issuer"], "kid": options["staticKeys"][0]["kid"]}}


def _client(client_id: str, key: Entity) -> dict[str, Any]:
    return {"oauthClient": {"clientId": client_id, "kid": key["kid"]}}
