"""The pages that call Qlik, run with the real curl against a stand-in for Qlik that believes what is registered."""

import shlex
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs

import jwt as pyjwt
import pytest
import yaml
from cryptography.x509 import load_pem_x509_certificate

from qsjwt_platforms.qscloud import WINDOW
from tests.loopback import Answer, Loopback, Request
from tests.pages import Page, add_installers, in_bash, reader_environment
from tests.readers import HERE, prepared
from tests.site_stand_in import ForwardProxy

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

USER_ID = "646e2faf41d790506de740d0"
TENANT = "https://mytenant.eu.qlikcloud.com"
API_KEY = "the API key of an administrator"
REFUSED = Answer(401, {"errors": [{"title": "refused"}]})


class Qlik(Loopback):
    """Does of Qlik Sense and of a tenant what the pages ask for; a token has to be right, and a ``jti`` new.

    :ivar folder: where the reader is, from which the administrator takes what the pages have registered by hand.
    :ivar users: whom it let in.
    """

    names = ("qlik.example.com", "mytenant.eu.qlikcloud.com")

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.folder = Path()
        self.users: list[str] = []
        self.registered: list[Any] = []
        self._identity_providers: dict[str, Any] = {}
        self._used: set[str] = set()

    def reset(self) -> None:
        """Forget who was there, and what is registered."""
        super().reset()
        self.users, self.registered = [], []
        self._identity_providers = {}

    def answer(self, request: Request) -> Answer:
        """Return what Qlik answers."""
        answers: dict[tuple[str, str], Callable[[Request], Answer]] = {
            ("POST", "/api/v1/identity-providers"): self._add_identity_provider,
            ("POST", "/login/jwt-session"): self._log_in,
            ("GET", "/api/v1/users/me"): self._redirect,
            ("GET", f"/api/v1/users/{USER_ID}"): self._who_am_i,
            ("GET", "/api/v1/csrf-token"): lambda _: Answer(204, "", {"qlik-csrf-token": "csrf-1"}),
            ("POST", "/oauth/token"): self._exchange,
            ("GET", "/scripts/qrs/about"): self._about,
            ("GET", "/scripts/qps/csrftoken"): self._protect,
            ("GET", "/scripts/qps/user"): self._user,
            ("DELETE", "/scripts/qps/user"): self._user,
        }
        does = answers.get((request.method, request.path))
        return does(request) if does else Answer(404, {})

    def _add_identity_provider(self, request: Request) -> Answer:
        if request.headers["authorization"] != f"Bearer {API_KEY}":
            return REFUSED
        assert request.headers["content-type"] == "application/json"
        options = request.body["options"]
        self._identity_providers[options["issuer"]] = options["staticKeys"][0]
        self.registered.append(request.body)
        return Answer(201, {"id": "1"})

    def _log_in(self, request: Request) -> Answer:
        token = request.headers["authorization"].removeprefix("Bearer ")
        known = self._identity_providers[pyjwt.decode(token, options={"verify_signature": False})["iss"]]
        label = "-----BEGIN CERTIFICATE-----"
        lines = known["pem"].replace(label, f"{label}\n").replace("-----END", "\n-----END")
        claims = pyjwt.decode(token, _public_key(lines), ["RS256"], audience="qlik.api/login/jwt-session")
        if pyjwt.get_unverified_header(token)["kid"] != known["kid"] or claims["jti"] in self._used:
            return REFUSED
        self._used.add(claims["jti"])
        assert (claims["email_verified"], claims["groups"]) == (True, ["Sales"])
        assert claims["exp"] - claims["nbf"] <= WINDOW
        self.users.append(claims["sub"])
        return Answer(200, {}, {"Set-Cookie": "eas.sid=a-session; Path=/; Secure; HttpOnly"})

    def _who_am_i(self, request: Request) -> Answer:
        if request.headers.get("authorization") == "Bearer an access token":
            return Answer(200, {"clientId": self.users[-1]})
        known = "a-session" in request.headers["cookie"] and "authorization" not in request.headers
        user = {"id": USER_ID, "subject": "anna", "name": "Anna Andersson", "email": "anna@example.com"}
        groups = [{"id": "1", "name": "Sales"}]
        return Answer(200, {**user, "status": "active", "assignedGroups": groups}) if known else REFUSED

    def _redirect(self, request: Request) -> Answer:
        return Answer(301, b"<html></html>", {"Location": f"/api/v1/users/{USER_ID}", "Content-Type": "text/html"})

    def _exchange(self, request: Request) -> Answer:
        form = {name: values[0] for name, values in parse_qs(request.body.decode("ascii")).items()}
        key = pyjwt.PyJWK.from_json((self.folder / "client.jwk").read_text(encoding="utf-8"))
        claims = pyjwt.decode(form["client_assertion"], key.key, [key.algorithm_name], audience=f"{TENANT}/oauth/token")
        assert pyjwt.get_unverified_header(form["client_assertion"])["kid"] == key.key_id
        assert claims["iss"] == claims["sub"] == form["client_id"]
        assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        assert (form["grant_type"], form["scope"]) == ("client_credentials", "user_default")
        self.users.append(claims["sub"])
        return Answer(200, {"access_token": "an access token", "expires_in": 3600})

    def _about(self, request: Request) -> Answer:
        assert request.headers["x-qlik-xrfkey"] == request.query["Xrfkey"][0]
        self._let_in(request)
        return Answer(200, {"buildVersion": "1"})

    def _protect(self, request: Request) -> Answer:
        self._let_in(request)
        return Answer(204, "", {"Set-Cookie": "X-Qlik-Session-scripts=s; Path=/; Secure", "qlik-csrf-token": "csrf-1"})

    def _user(self, request: Request) -> Answer:
        assert request.headers["x-qlik-xrfkey"] == request.query["xrfkey"][0]
        assert "X-Qlik-Session-scripts=s" in request.headers["cookie"]
        return Answer(200, {"userDirectory": "LAB", "userId": "anna", "userName": "Anna Andersson"})

    def _let_in(self, request: Request) -> None:
        """Verify the token of a call of Qlik Sense as the virtual proxy of the pages does."""
        certificate = (self.folder / "qlik_publickey.cer").read_text(encoding="ascii")
        token = request.headers["authorization"].removeprefix("Bearer ")
        claims = pyjwt.decode(token, _public_key(certificate), ["RS256"])
        assert claims["group"] == ["Sales"]
        self.users.append(f"{claims['userDirectory']}\\{claims['userId']}")


def _public_key(certificate: str) -> Any:
    return load_pem_x509_certificate(certificate.encode("ascii")).public_key()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Qlik]:
    """Start it once."""
    service = Qlik(tmp_path_factory.mktemp("qlik"))
    with service.running():
        yield service


@pytest.fixture
def qlik(running: Qlik, tmp_path: Path) -> Qlik:
    """Return it as it is before anything is registered, for a reader in the working folder."""
    running.reset()
    running.folder = tmp_path
    return running


@pytest.fixture
def reader(qlik: Qlik, tmp_path: Path, forward_proxy: ForwardProxy) -> dict[str, str]:
    """Return the variables of a reader; curl reads in its own settings that all names lead to the stand-in."""
    add_installers(tmp_path / "programs")
    settings = tmp_path / "curl"
    settings.mkdir()
    (settings / ".curlrc").write_text(f'connect-to = "::127.0.0.1:{qlik.port}"\nnoproxy = "*"\n', encoding="utf-8")
    shutil.copy(qlik.ca_file, tmp_path / "root.pem")
    chain = (qlik.ca_file.parent / "server.pem").read_text(encoding="ascii")
    certificate, mark, key = chain.partition("-----BEGIN PRIVATE KEY-----")
    (tmp_path / "client.pem").write_text(certificate, encoding="ascii")
    (tmp_path / "client_key.pem").write_text(mark + key, encoding="ascii")
    more = {"CURL_HOME": str(settings), "CURL_CA_BUNDLE": str(qlik.ca_file), "QLIK_API_KEY": API_KEY}
    # What qsjwt calls itself gets there by a proxy.
    more |= {"HTTPS_PROXY": forward_proxy.url, "SSL_CERT_FILE": str(qlik.ca_file)}
    forward_proxy.routes |= {f"{name}:443": qlik.port for name in qlik.names}
    return reader_environment(tmp_path / "programs", **more)


@pytest.fixture
def reader_with_powershell(qlik: Qlik, reader: dict[str, str], forward_proxy: ForwardProxy) -> dict[str, str]:
    """Return the variables of a reader, in whose company a proxy leads all names to the stand-in."""
    forward_proxy.routes.update({f"{name}:443": qlik.port for name in qlik.names})
    return {**reader, "HTTPS_PROXY": forward_proxy.url, "SSL_CERT_FILE": str(qlik.ca_file)}


WHO = {
    "start/qseow.md": ["LAB\\anna", "LAB\\anna"],
    "start/qscloud.md": ["anna", "anna"],
    "how-to/oauth.md": ["0123456789abcdef", "0123456789abcdef"],
    "how-to/websocket.md": ["LAB\\anna"],
}
"""Whom each page gets into Qlik."""


@pytest.mark.needs("curl")
@pytest.mark.parametrize("name", WHO)
def test_a_reader_with_bash_gets_in(
    name: str, qlik: Qlik, reader: dict[str, str], keys: SimpleNamespace, tmp_path: Path
) -> None:
    output = Page(name).run_bash(tmp_path, {**prepared(Page(name), tmp_path, keys.files["rsa"]), **reader})
    _require_in(name, qlik, output)


@pytest.mark.needs("pwsh")
@pytest.mark.parametrize("as_5_1", [False, True])
@pytest.mark.parametrize("name", WHO)
def test_a_reader_with_powershell_gets_in(
    name: str, as_5_1: bool, qlik: Qlik, reader_with_powershell: dict[str, str], keys: SimpleNamespace, tmp_path: Path
) -> None:
    page = Page(name)
    prepared(page, tmp_path, keys.files["rsa"])
    output = page.run_powershell(tmp_path, reader_with_powershell, as_5_1=as_5_1)
    _require_in(name, qlik, output)


def _require_in(name: str, qlik: Qlik, output: str) -> None:
    assert qlik.users == WHO[name]
    assert [line for line in output.splitlines() if line.startswith("broken")] == []
    assert len(qlik.registered) == {"start/qscloud.md": 1}.get(name, 0)
    if name == "start/qseow.md":
        assert "buildVersion" in output
    if name == "how-to/websocket.md":
        assert output.endswith("wss://qlik.example.com/scripts/app/engineData?qlik-csrf-token=csrf-1\n")
    if name == "how-to/oauth.md":
        assert "an access token" in output


@pytest.mark.needs("curl")
def test_the_pages_can_be_followed_one_after_the_other_in_one_folder(
    qlik: Qlik, reader: dict[str, str], keys: SimpleNamespace, tmp_path: Path
) -> None:
    contents = Page("how-to/index.md").blocks("{toctree}")[0].text.split("\n\n")[1].split()
    after = [Page(f"how-to/{name}.md") for name in (*contents, "refused-token")]
    followed = [page for page in after if page in HERE or page.name in WHO]
    done: set[str] = set()
    for page in (Page("start/qseow.md"), Page("start/qscloud.md"), *followed):
        page.run_bash(tmp_path, {**prepared(page, tmp_path, keys.files["rsa"]), **reader}, quiet=False, done=done)
        done |= {block.text for block in page.blocks("shell") if block.text.startswith("qsjwt create-key")}
    assert len(followed) > 10
    assert qlik.users == [user for page in ("start/qseow.md", "start/qscloud.md") for user in WHO[page]] + [
        user for page in followed for user in WHO.get(page.name, ())
    ]


@pytest.mark.needs("curl")
def test_the_job_behind_the_action_gets_in(qlik: Qlik, reader: dict[str, str], tmp_path: Path) -> None:
    Page("start/qscloud.md").run_bash(tmp_path, reader)
    (workflow,) = (yaml.safe_load(block.text) for block in Page("how-to/install.md").blocks("yaml"))
    action, call = workflow["jobs"]["ask-qlik"]["steps"]
    given = shlex.join([f"--subject={action['with']['subject']}", "--groups=Sales"])
    user = "--username CI --useremail ci@example.com --useremail-verified true"
    create = f"qsjwt create-qscloud --issuer https://idp.example.com --keyid my-key {user} {given} --expires 5m"
    token = in_bash(f"{create} --key qlik_privatekey.pem", tmp_path, reader).strip()
    in_bash(call["run"], tmp_path, {**reader, "TOKEN": token, "RUNNER_TEMP": str(tmp_path)})
    assert qlik.users == ["anna", "anna", "ci"]
