"""register NAME: what registration prints is registered at the server, once, and what was interrupted is finished."""

import copy
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.conftest import IN_WINE, InstallPlugin, Result, Run, posix, self_signed
from tests.site_stand_in import Answer, Cloud, Elsewhere, Qseow, Request, Site
from tests.site_stand_in.client import Client, cloud_token, qseow_token

Register = Callable[..., Result]
WRITING = ("POST", "PUT", "PATCH", "DELETE")


@pytest.fixture
def certificates(keys: SimpleNamespace, tmp_path: Path) -> SimpleNamespace:
    """Certificate files of two keys."""
    made = {name: tmp_path / f"{name}.cer" for name in ("mine", "other")}
    made["mine"].write_bytes(self_signed(keys.rsa, "mine"))
    made["other"].write_bytes(self_signed(keys.other, "other"))
    return SimpleNamespace(**made)


def _words(name: str, site: Site, certificate: Path) -> list[object]:
    """Return the command line for a site, but for who the administrator is."""
    if isinstance(site, Qseow):
        own: list[object] = ["--url", site.repository_url, "--prefix", "jwt"]
        own += ["--client-cert", site.certificates.client_cert, "--client-key", site.certificates.client_key]
    else:
        own = ["--url", site.url, "--keyid", "k1"]
        own += ["--issuer", "https://idp"] if name == "qscloud" else []
    return ["register", name, *own, "--ca-file", site.certificates.ca_file, "--cert-publickey-file", certificate]


@pytest.fixture
def qseow(run: Run, qseow_site: Qseow, certificates: SimpleNamespace) -> Register:
    """Register at the client-managed site: ``qseow("--replace")``."""
    return lambda *more, certificate=certificates.mine: run(*_words("qseow", qseow_site, certificate), *more)


@pytest.fixture
def cloud(run: Run, cloud_site: Cloud, certificates: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> Register:
    """Register at the tenant: ``cloud("qscloud", "--replace")``."""
    monkeypatch.setenv("QLIK_API_KEY", cloud_site.api_key)
    return lambda name, *more, certificate=certificates.mine: run(*_words(name, cloud_site, certificate), *more)


def _record(result: Result) -> dict[str, Any]:
    assert (result.exit_code, result.stderr) == (0, ""), result.stderr
    record: dict[str, Any] = json.loads(result.stdout)
    return record


def _written(site: Site) -> list[str]:
    return [f"{one.method} {one.path}" for one in site.requests if one.method in WRITING]


def _virtual_proxy(site: Qseow) -> dict[str, Any]:
    (found,) = [one for one in site.repository.virtual_proxies.values() if one["prefix"] == "jwt"]
    return found


def _links(site: Qseow) -> list[int]:
    """Return how often each proxy is linked to the virtual proxy."""
    entity_id = _virtual_proxy(site)["id"]
    linked = [proxy["settings"]["virtualProxies"] for proxy in site.repository.proxies.values()]
    return [sum(one["id"] == entity_id for one in links) for links in linked]


def _timeless(value: Any) -> Any:
    """Return *value* without IDs and dates, which differ from run to run."""
    if isinstance(value, dict):
        dated = ("id", "clientId", "modifiedDate", "createdDate", "created", "createdAt", "updatedAt", "lastUpdated")
        return {name: _timeless(inner) for name, inner in value.items() if name not in dated}
    return [*map(_timeless, value)] if isinstance(value, list) else value


def _state(site: Site) -> Any:
    if isinstance(site, Qseow):
        kept = (site.repository.virtual_proxies, site.repository.proxies, site.repository.nodes)
    else:
        assert isinstance(site, Cloud)
        kept = (site.tenant.identity_providers, site.tenant.oauth_clients, {})
    return _timeless([[*entities.values()] for entities in copy.deepcopy(kept)])


def test_one_command_makes_the_virtual_proxy_that_takes_the_tokens(
    qseow: Register, qseow_site: Qseow, keys: SimpleNamespace, site_certificates: Any
) -> None:
    record = _record(qseow())
    made = _virtual_proxy(qseow_site)
    assert record["status"] == "registered"
    assert record["registered"]["virtualProxy"] == {"id": made["id"], "prefix": "jwt"}
    assert [proxy["id"] for proxy in record["registered"]["proxies"]] == [*qseow_site.repository.proxies]
    assert _links(qseow_site) == [1, 1]
    assert made["websocketCrossOriginWhiteList"] == ["localhost"]
    assert [node["name"] for node in made["loadBalancingServerNodes"]] == ["Central"]
    called = {one.headers.get("x-qlik-user") for one in qseow_site.requests}
    assert called == {"UserDirectory=INTERNAL; UserId=sa_api"}
    answer = Client(site_certificates).call(
        "GET", f"{qseow_site.prefix_url()}/qps/csrftoken", {"Authorization": f"Bearer {qseow_token(keys.rsa)}"}
    )
    assert answer.status == 204


def test_an_identity_provider_is_registered_that_takes_the_tokens(
    cloud: Register, cloud_site: Cloud, keys: SimpleNamespace, site_certificates: Any
) -> None:
    record = _record(cloud("qscloud"))
    (made,) = cloud_site.tenant.identity_providers.values()
    assert record["registered"] == {"identityProvider": {"id": made["id"], "issuer": "https://idp", "kid": "k1"}}
    answer = Client(site_certificates).call(
        "POST", f"{cloud_site.url}/login/jwt-session", {"Authorization": f"Bearer {cloud_token(key=keys.rsa)}"}
    )
    assert answer.status == 200


def test_an_oauth_client_is_registered_and_its_secret_goes_nowhere(cloud: Register, cloud_site: Cloud) -> None:
    result = cloud("qscloud-oauth", "--client-name", "Scripts")
    (made,) = cloud_site.tenant.oauth_clients.values()
    assert _record(result)["registered"] == {"oauthClient": {"clientId": made["clientId"], "kid": "k1"}}
    assert (made["clientName"], made["connectionConfig"]) == ("Scripts", {"consentMethod": "trusted"})
    assert "ecret" not in result.stdout


NAMES = ["qseow", "qscloud", "qscloud-oauth"]


@pytest.fixture
def site_of(request: pytest.FixtureRequest) -> Callable[[str], tuple[Register, Site]]:
    """Return what registers at the site of a platform, and the site."""

    def found(name: str) -> tuple[Register, Site]:
        if name == "qseow":
            return request.getfixturevalue("qseow"), request.getfixturevalue("qseow_site")
        register: Register = request.getfixturevalue("cloud")
        return lambda *more, **how: register(name, *more, **how), request.getfixturevalue("cloud_site")

    return found


SiteOf = Callable[[str], tuple[Register, Site]]


@pytest.mark.parametrize("name", NAMES)
def test_a_second_run_changes_nothing_and_says_what_there_is(site_of: SiteOf, name: str) -> None:
    register, site = site_of(name)
    first, state = _record(register()), _state(site)
    site.requests.clear()
    second = _record(register())
    assert (second["status"], second["done"]) == ("nothing to do", [])
    assert second["registered"] == first["registered"]
    assert (_written(site), _state(site)) == ([], state)


@pytest.mark.parametrize("name", NAMES)
def test_a_dry_run_shows_each_request_and_sends_none_that_writes(site_of: SiteOf, name: str) -> None:
    register, site = site_of(name)
    before = _state(site)
    planned = _record(register("--dry-run"))["requests"]
    assert (_written(site), _state(site)) == ([], before)
    register()
    sent = [one for one in site.requests if one.method in WRITING]
    assert [(one["method"], one["url"].split("?")[0]) for one in planned] == [
        (one.method, f"{site.repository_url if isinstance(site, Qseow) else site.url}{one.path}") for one in sent
    ]
    assert planned[0]["body"] == sent[0].json()
    assert _record(register("--dry-run")) == {
        **_record(register("--dry-run")),
        "status": "nothing to do",
        "requests": [],
    }


@pytest.mark.parametrize("name", NAMES)
def test_what_is_registered_otherwise_is_shown_and_replaced_only_if_that_is_said(
    site_of: SiteOf, certificates: SimpleNamespace, name: str
) -> None:
    register, site = site_of(name)
    _record(register(certificate=certificates.other))
    before = _state(site)
    site.requests.clear()
    register().refused(2, "exists and is different", "--replace")
    register("--dry-run").refused(2, "exists and is different")
    assert (_written(site), _state(site)) == ([], before)
    assert _record(register("--replace"))["status"] == "registered"
    assert _state(site) != before
    assert _record(register())["status"] == "nothing to do"


def test_a_difference_names_the_member_and_both_values(
    qseow: Register, qseow_site: Qseow, cloud: Register, cloud_site: Cloud
) -> None:
    _record(qseow("--audience", "qlik"))
    qseow().refused(2, "'jwtAudience' is 'qlik', not ''")
    qseow("--audience", "qlik", "--userid-claim", "user").refused(2, "'jwtAttributeUserId' is 'userId', not 'user'")
    assert _record(qseow("--replace"))["status"] == "registered"
    assert _virtual_proxy(qseow_site)["jwtAudience"] == ""
    qseow("--claim", "region=x").refused(2, '\'jwtAttributeMap\' lacks \'{"jwtAttribute": "region"')
    qseow("--groups", "x").refused(2, "'jwtAttributeMap' also has '{", "email")
    _record(cloud("qscloud", "--description", "one"))
    cloud("qscloud", "--description", "two").refused(2, "'description' is 'one', not 'two'")
    cloud("qscloud", "--keyid", "k2").refused(2, "'options.staticKeys[].kid' is 'k1', not 'k2'")
    assert _record(cloud("qscloud"))["status"] == "nothing to do", "what nobody gives is not compared"


def test_a_description_alone_is_changed_in_place(cloud: Register, cloud_site: Cloud) -> None:
    first = _record(cloud("qscloud", "--description", "one"))["registered"]
    cloud_site.requests.clear()
    assert _record(cloud("qscloud", "--description", "two", "--replace"))["registered"] == first
    assert [line.split()[0] for line in _written(cloud_site)] == ["PATCH"]


def test_the_new_identity_provider_is_there_before_the_old_one_goes(cloud: Register, cloud_site: Cloud) -> None:
    _record(cloud("qscloud"))
    cloud_site.requests.clear()
    _record(cloud("qscloud", "--keyid", "k2", "--replace"))
    assert [line.split()[0] for line in _written(cloud_site)] == ["POST", "DELETE"]
    (left,) = cloud_site.tenant.identity_providers.values()
    assert left["options"]["staticKeys"][0]["kid"] == "k2"


def test_an_issuer_of_its_own_makes_an_identity_provider_of_its_own(cloud: Register, cloud_site: Cloud) -> None:
    _record(cloud("qscloud"))
    _record(cloud("qscloud", "--issuer", "https://idp/2027", "--keyid", "k2"))
    assert len(cloud_site.tenant.identity_providers) == 2


def test_another_key_stands_beside_the_first_in_an_oauth_client(
    cloud: Register, cloud_site: Cloud, certificates: SimpleNamespace
) -> None:
    client_id = _record(cloud("qscloud-oauth"))["registered"]["oauthClient"]["clientId"]
    more = ("--client-id", client_id, "--keyid", "k2")
    assert _record(cloud("qscloud-oauth", *more, certificate=certificates.other))["status"] == "registered"
    (client,) = cloud_site.tenant.oauth_clients.values()
    assert [key["kid"] for key in client["publicKeys"]] == ["k1", "k2"]
    cloud("qscloud-oauth", "--client-id", "nobody").refused(2, "no OAuth client with the ID 'nobody'")


def test_a_list_is_read_to_its_last_page(cloud: Register, cloud_site: Cloud) -> None:
    for number in range(7):
        cloud_site.register(f"https://idp/{number}", "k")
    _record(cloud("qscloud"))
    cloud_site.tenant.page_size = 3
    assert _record(cloud("qscloud"))["status"] == "nothing to do"


def test_keys_that_a_list_leaves_out_are_not_lost(cloud: Register, cloud_site: Cloud) -> None:
    _record(cloud("qscloud-oauth"))
    (client,) = cloud_site.tenant.oauth_clients.values()

    def shortened(_: Request, own: Callable[[], Answer]) -> Answer:
        page = json.loads(own().body)
        return Answer.of(200, {**page, "data": [{"clientId": client["clientId"], "clientName": client["clientName"]}]})

    cloud_site.faults.instead(shortened, "/api/v1/oauth-clients", times=None)
    assert _record(cloud("qscloud-oauth", "--keyid", "k2"))["status"] == "registered"
    assert [key["kid"] for key in client["publicKeys"]] == ["k1", "k2"]


def test_what_does_not_differ_is_saved_as_it_was_read(qseow: Register, qseow_site: Qseow) -> None:
    _record(qseow())
    before = copy.deepcopy(_virtual_proxy(qseow_site))
    qseow_site.requests.clear()
    _record(qseow("--audience", "qlik", "--replace"))
    (sent,) = [one.json() for one in qseow_site.requests if one.method == "PUT"]
    assert sent == {**before, "jwtAudience": "qlik"}


def test_what_no_token_depends_on_stays_as_an_administrator_has_set_it(qseow: Register, qseow_site: Qseow) -> None:
    _record(qseow())
    set_by_hand = {"description": "Scripts", "sessionInactivityTimeout": 60, "sessionCookieHeaderName": "X-Own"}
    _virtual_proxy(qseow_site).update(set_by_hand)
    assert _record(qseow())["status"] == "nothing to do"
    _record(qseow("--userid-claim", "user", "--replace"))
    assert _virtual_proxy(qseow_site).items() >= set_by_hand.items()
    qseow("--userid-claim", "user", "--description", "Mine").refused(2, "'description' is 'Scripts', not 'Mine'")


# What goes wrong on the way.


def _killed(site: Site, words: list[object], number: int, environment: dict[str, str]) -> bool:
    """Run the program, kill it when the answer to its request *number* is on its way; return whether there was one."""
    started: list[subprocess.Popen[bytes]] = []
    seen = 0

    def kill(_: Request) -> None:
        nonlocal seen
        seen += 1
        if seen == number:
            started[0].kill()
            started[0].wait()

    site.on_answer = kill
    started.append(
        subprocess.Popen(
            [sys.executable, "-m", "qsjwt", *map(str, words)],
            env={**os.environ, **environment},
            stdout=subprocess.DEVNULL,
        )
    )
    started[0].wait(timeout=60)
    site.on_answer = None
    return seen == number


LENGTHS = {"qseow": 8, "qscloud": 2, "qscloud-oauth": 2, "qseow --replace": 4, "qscloud --replace": 3}
"""How many requests a whole run makes."""


def _in_a_process_of_its_own(case: str) -> Any:
    # The same program in Wine reaches a server on Linux with its certificate.
    reason = "a server in Wine drops the connection of another process that shows a certificate"
    return pytest.param(case, marks=pytest.mark.skipif(IN_WINE and case.startswith("qseow"), reason=reason))


@pytest.mark.parametrize("case", [*map(_in_a_process_of_its_own, LENGTHS)])
def test_killed_after_any_request_and_run_again_it_ends_in_the_same_state(
    site_of: SiteOf, certificates: SimpleNamespace, case: str
) -> None:
    name, _, replace = case.partition(" ")
    register, site = site_of(name)
    more = (replace,) if replace else ()
    start = (site.repository.virtual_proxies, site.repository.proxies) if isinstance(site, Qseow) else ()
    start = start or (site.tenant.identity_providers, site.tenant.oauth_clients)  # type: ignore[attr-defined]
    if replace:
        _record(register(certificate=certificates.other))
    clean = copy.deepcopy(start)

    def reset() -> None:
        for entities, kept in zip(start, clean, strict=True):
            entities.clear()
            entities.update(copy.deepcopy(kept))
        site.requests.clear()

    _record(register(*more))
    wanted, length = _state(site), 0
    reset()
    environment = {"QLIK_API_KEY": site.api_key} if isinstance(site, Cloud) else {}
    words = [*_words(name, site, certificates.mine), *more]
    while _killed(site, words, length + 1, environment):
        length += 1
        _record(register(*more))
        assert _state(site) == wanted, f"after request {length}"
        reset()
    assert length == LENGTHS[case]


def test_what_is_done_and_what_is_not_is_said_when_a_request_fails(qseow: Register, qseow_site: Qseow) -> None:
    qseow_site.faults.drop("/qrs/proxyservice/*", acted=False, skip=3, times=None)
    result = qseow()
    done = "done: create the virtual proxy 'jwt', link it to the proxy on 'localhost'"
    result.refused(7, f"{done}; not done: link it to the proxy on 'rim1.example'")
    assert "run the same command again" in result.stderr


def test_an_answer_that_is_lost_leaves_open_whether_it_is_done(qseow: Register, qseow_site: Qseow) -> None:
    qseow_site.faults.drop("/qrs/virtualproxyconfig", acted=True)
    qseow().refused(7, "perhaps done: create the virtual proxy 'jwt'; not done: link it", "ended the connection")
    assert _record(qseow())["done"] == ["link it to the proxy on 'localhost'", "link it to the proxy on 'rim1.example'"]


@posix("signals from os.kill that a program can catch")
def test_ctrl_c_says_what_is_done_and_what_is_not(qseow: Register, qseow_site: Qseow) -> None:
    def interrupt(request: Request) -> None:
        if request.method == "PUT":
            qseow_site.on_answer = None
            os.kill(os.getpid(), signal.SIGINT)

    qseow_site.on_answer = interrupt
    result = qseow()
    assert (result.exit_code, result.stdout) == (130, "")
    assert "done: create the virtual proxy 'jwt'; perhaps done: link it to the proxy on 'localhost'" in result.stderr
    assert "run the same command again" in result.stderr


def test_an_entity_that_somebody_else_has_saved_is_read_and_saved_once_more(qseow: Register, qseow_site: Qseow) -> None:
    qseow_site.repository.conflicts = 1
    assert _record(qseow())["status"] == "registered"
    assert _links(qseow_site) == [1, 1]


def test_a_second_conflict_is_told(qseow: Register, qseow_site: Qseow) -> None:
    qseow_site.repository.conflicts = 2
    qseow().refused(7, "409", "somebody else", "done: create the virtual proxy 'jwt'; not done: link it")
    assert _record(qseow())["status"] == "registered"


def test_a_link_that_somebody_else_makes_meanwhile_is_left_alone(qseow: Register, qseow_site: Qseow) -> None:
    def link(request: Request) -> None:
        if request.method == "GET" and request.path.endswith(qseow_site.repository.central["id"]):
            qseow_site.on_request = None
            qseow_site.repository.link(_virtual_proxy(qseow_site))

    qseow_site.on_request = link
    _record(qseow())
    assert _links(qseow_site) == [1, 1]
    assert [line.split()[0] for line in _written(qseow_site)] == ["POST"]


# Where a virtual proxy belongs.


def test_only_the_proxies_that_are_named_are_linked(qseow: Register, qseow_site: Qseow) -> None:
    _record(qseow("--proxy", "RIM1.example"))
    assert _links(qseow_site) == [0, 1]
    qseow("--proxy", "nowhere").refused(2, "--proxy 'nowhere'", "use --proxy with one of: 'localhost', 'rim1.example'")
    assert _record(qseow())["done"] == ["link it to the proxy on 'localhost'"]


def test_a_proxy_keeps_the_links_that_it_has(qseow: Register, qseow_site: Qseow) -> None:
    before = [len(proxy["settings"]["virtualProxies"]) for proxy in qseow_site.repository.proxies.values()]
    _record(qseow())
    after = [len(proxy["settings"]["virtualProxies"]) for proxy in qseow_site.repository.proxies.values()]
    assert after == [number + 1 for number in before]


def test_nodes_are_found_by_their_names(qseow: Register, qseow_site: Qseow) -> None:
    _record(qseow("--node", "rim1.example", "--node", "central"))
    nodes = _virtual_proxy(qseow_site)["loadBalancingServerNodes"]
    assert [node["name"] for node in nodes] == ["rim1.example", "Central"]
    assert _record(qseow())["status"] == "nothing to do", "nodes that nobody names stay as they are"
    qseow("--node", "nowhere").refused(2, "use --node with one of: 'localhost', 'rim1.example'")


def test_a_central_node_without_an_engine_makes_no_choice(qseow: Register, qseow_site: Qseow) -> None:
    next(iter(qseow_site.repository.nodes.values()))["engineEnabled"] = False
    qseow().refused(2, "the central node has no engine", "use --node with one of")
    assert _written(qseow_site) == []


# Who registers.


def test_the_user_to_act_as_may_be_another(qseow: Register, qseow_site: Qseow) -> None:
    qseow("--as", "LAB\\bo").refused(7, "403", "RootAdmin")
    qseow_site.repository.administrators.add("LAB\\bo")
    assert _record(qseow("--as", "LAB\\bo"))["status"] == "registered"
    assert qseow_site.requests[-1].headers["x-qlik-user"] == "UserDirectory=LAB; UserId=bo"


@pytest.mark.parametrize("user", ["sa_api", "INTERNALsa_api", "\\x", "x\\", "A\\b\\c", "A;UserId=x\\b"])
def test_a_user_without_a_directory_is_refused_before_anything_is_sent(
    qseow: Register, qseow_site: Qseow, user: str
) -> None:
    qseow("--as", user).refused(2, "--as", "must be DIRECTORY\\USER", "put it in quotes")
    assert qseow_site.requests == []


def test_a_token_registers_through_a_virtual_proxy_and_its_session_is_ended(
    run: Run, qseow_site: Qseow, certificates: SimpleNamespace, tmp_path: Path
) -> None:
    qseow_site.register("admin")
    qseow_site.repository.administrators.add("LAB\\anna")
    (tmp_path / "token").write_text(f"Authorization: Bearer {qseow_token()}\n", encoding="ascii")
    words = ["register", "qseow", "--url", qseow_site.prefix_url("admin"), "--ca-file", qseow_site.certificates.ca_file]
    words += ["--prefix", "jwt", "--cert-publickey-file", certificates.mine, "--jwt-file", "token"]
    assert _record(run(*words))["status"] == "registered"
    assert _links(qseow_site) == [1, 1]
    assert qseow_site.open_sessions == []
    assert not any("x-qlik-user" in one.headers for one in qseow_site.requests)


def test_an_api_key_is_read_from_a_variable_or_a_file(
    cloud: Register, cloud_site: Cloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("QLIK_API_KEY")
    cloud("qscloud").refused(2, "no API key is given", "QLIK_API_KEY")
    monkeypatch.setenv("OTHER", f"{cloud_site.api_key}\r\n")
    assert _record(cloud("qscloud", "--api-key-env", "OTHER"))["status"] == "registered"
    (tmp_path / "key.txt").write_bytes(f"{cloud_site.api_key}\r\n".encode("utf-16"))
    assert _record(cloud("qscloud", "--api-key-file", "key.txt"))["status"] == "nothing to do"
    cloud("qscloud", "--api-key-file", "key.txt", "--api-key-env", "OTHER").refused(2, "both say who")
    (tmp_path / "key.txt").write_text("two words", encoding="ascii")
    cloud("qscloud", "--api-key-file", "key.txt").refused(2, "the API key is empty, or has something in it")


def test_nobody_registers_without_a_name(run: Run, qseow_site: Qseow, certificates: SimpleNamespace) -> None:
    words = _words("qseow", qseow_site, certificates.mine)
    place = words.index("--client-key")
    run(*words[:place], *words[place + 2 :]).refused(2, "--client-cert and --client-key go together")
    run(*words[: place - 2], *words[place + 2 :]).refused(
        2, "the administrator's credentials are missing", "--client-cert and --client-key"
    )
    assert qseow_site.requests == []


def test_what_the_server_refuses_is_explained(
    cloud: Register, cloud_site: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QLIK_API_KEY", "wrong")
    cloud("qscloud").refused(7, "401", "the tenant does not take the API key")
    monkeypatch.setenv("QLIK_API_KEY", cloud_site.plain_api_key)
    cloud("qscloud").refused(7, "403", "TenantAdmin")


def test_the_address_of_a_proxy_without_a_prefix_is_not_that_of_the_repository(
    run: Run, qseow_site: Qseow, certificates: SimpleNamespace
) -> None:
    words = _words("qseow", qseow_site, certificates.mine)
    words[words.index("--url") + 1] = qseow_site.url
    run(*words).refused(7, "302", "this is not the repository", "https://HOST:4242")


def test_a_platform_without_a_way_to_register_says_so(
    run: Run, qseow_site: Qseow, certificates: SimpleNamespace
) -> None:
    result = run("register", "nprinting", "--url", qseow_site.url, "--cert-publickey-file", certificates.mine)
    result.refused(2, "Qlik NPrinting has no documented way to register", "registration prints")


@pytest.mark.parametrize("name", NAMES)
def test_no_secret_is_in_any_output(
    site_of: SiteOf, run: Run, certificates: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    _, site = site_of(name)
    secrets = [site.api_key] if isinstance(site, Cloud) else [site.certificates.client_key.read_text().splitlines()[1]]
    words = _words(name, site, certificates.mine)
    results = [run("--debug", *words, "--dry-run"), run("-vvv", *words), run("--debug", *words)]
    site.faults.drop(times=None)
    results.append(run("--debug", *words))
    assert [result.exit_code for result in results] == [0, 0, 0, 7]
    for result in results:
        assert not any(secret in result.stdout + result.stderr for secret in (*secrets, "ecret", "Bearer"))


ACME = """
    from qsjwt.api import Change, Plan, Platform, Request, Token

    class Acme(Platform):
        summary = "Acme"
        administrators = ("api-key",)

        def add_options(self, options):
            options.add("--user", metavar="USER", help="who it is")

        def build(self, request, now):
            return Token({}, {"user": request.options.user})

        def registration(self, request, public):
            return {"key": public.pem}

        def register(self, request, public, site):
            (yield Request("GET", f"{site.url}/keys")).expect(200)

            def add(facts):
                yield Request("POST", f"{site.url}/keys", {}, b"{}")
                return {"key": 1}

            return Plan("the key", {}, [Change("add the key", add)])
"""


def _register_acme(run: Run, site: Elsewhere, certificate: Path, api_key: Path, *more: object) -> Result:
    words = ["register", "acme", "--url", site.url, "--ca-file", site.certificates.ca_file, "--api-key-file", api_key]
    return run(*words, "--cert-publickey-file", certificate, *more)


def test_a_platform_of_another_package_registers_with_two_generators(
    run: Run, installed_plugin: InstallPlugin, elsewhere: Elsewhere, certificates: SimpleNamespace, tmp_path: Path
) -> None:
    installed_plugin("acme", {"qsjwt.platform.v1": "acme = acme:Acme"}, ACME)
    (tmp_path / "key").write_text("a-key", encoding="ascii")
    planned = _record(_register_acme(run, elsewhere, certificates.mine, tmp_path / "key", "--dry-run"))["requests"]
    assert [(one["change"], one["method"]) for one in planned] == [("add the key", "POST")]
    record = _record(_register_acme(run, elsewhere, certificates.mine, tmp_path / "key"))
    assert (record["done"], record["registered"]) == (["add the key"], {"key": 1})
    assert [one.method for one in elsewhere.requests] == ["GET", "GET", "POST"]
    assert {one.headers["authorization"] for one in elsewhere.requests} == {"Bearer a-key"}


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ('(yield Request("GET", f"{site.url}/keys"))', '(yield f"{site.url}/keys")'),
        ('Plan("the key", {}, [Change("add the key", add)])', "None"),
        (".expect(200)", ".json['x']"),
        ('yield Request("POST", f"{site.url}/keys", {}, b"{}")', "yield None"),
    ],
)
def test_what_such_a_platform_does_wrong_is_its_own_fault(
    run: Run,
    installed_plugin: InstallPlugin,
    elsewhere: Elsewhere,
    certificates: SimpleNamespace,
    tmp_path: Path,
    right: str,
    wrong: str,
) -> None:
    assert ACME.count(right) == 1
    installed_plugin("acme", {"qsjwt.platform.v1": "acme = acme:Acme"}, ACME.replace(right, wrong))
    (tmp_path / "key").write_text("a-key", encoding="ascii")
    result = _register_acme(run, elsewhere, certificates.mine, tmp_path / "key")
    result.refused(5, "the platform 'acme' of acme 1.2.3 does not register")


def test_nothing_is_sent_where_a_redirect_leads(cloud: Register, cloud_site: Cloud, elsewhere: Elsewhere) -> None:
    cloud_site.faults.redirect(elsewhere.url, "/api/v1/identity-providers")
    cloud("qscloud").refused(7, "redirects to")
    assert elsewhere.requests == []
