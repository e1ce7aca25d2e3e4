"""Client libraries from npm and PyPI get into the stand-in sites as the page how-to/clients.md says."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import jwt as pyjwt
import pytest

from tests.conftest import Run, require, unavailable
from tests.pages import Page, in_bash, reader_environment, stand_in
from tests.service.conftest import Place
from tests.site_stand_in import Certificates, Cloud, ForwardProxy, Qseow

SHELLS = ("bash", pytest.param("powershell", marks=pytest.mark.needs("pwsh")))

ROUTED = """
const { Socket } = require("net")
const routes = JSON.parse(process.env.ROUTES)
const connect = Socket.prototype.connect
Socket.prototype.connect = function (...words) {
  const options = Array.isArray(words[0]) ? words[0][0] : words[0]
  const port = routes[`${options.host}:${options.port}`]
  if (port) Object.assign(options, { host: "127.0.0.1", port })
  return connect.apply(this, words)
}
"""
"""Leads the names of the page to the sites; Node asks no forward proxy unless a program sees to it."""


@dataclass(frozen=True)
class Section(Page):
    """What follows a heading of the page."""

    heading: str

    @property
    def text(self) -> str:
        """The source."""
        return super().text.partition(f"\n## {self.heading}\n")[2].partition("\n## ")[0]


PAGE = Page("how-to/clients.md")
*LIBRARIES, QLIK_CLI = (Section(PAGE.name, heading) for heading in re.findall(r"^## (.*)$", PAGE.text, re.M))

OPENED = {
    "@qlik/api with Qlik Sense": ["LAB\\anna"],
    "@qlik/api with Qlik Cloud": ["anna"],
    "enigma.js": ["LAB\\anna"],
    "qrs-interact": ["LAB\\anna"],
    "@qlik/sdk": ["anna"],
    "qlik-sdk": [],
}
"""Whose sessions each program leaves open: one, however many calls it makes, and none with an access token."""


@dataclass(frozen=True)
class Installed:
    """What the first block of the page installs: packages for Node below *folder*, and those for Python in *place*."""

    folder: Path
    place: Place


@pytest.fixture(scope="module")
def installed(
    tmp_path_factory: pytest.TempPathFactory, new_place: Callable[[], Place], site_certificates: Certificates
) -> Installed:
    """All libraries, fresh from npm and PyPI; qlik-sdk trusts the CAs in certifi's file, whatever variables say."""
    require("npm")
    made = Installed(tmp_path_factory.mktemp("clients"), new_place())
    (made.folder / "package.json").write_text("{}", encoding="utf-8")
    variables = reader_environment(made.place.scripts, PIP_DISABLE_PIP_VERSION_CHECK="1")
    try:
        in_bash(PAGE.blocks("shell")[0].text, made.folder, variables, quiet=False)
    except AssertionError as failure:
        unavailable(f"npm or pip installs nothing; to have this tested: let them reach their registries\n{failure}")
    trusted = made.place.output("python", "-c", "import certifi; print(certifi.where())").strip()
    Path(trusted).write_bytes(site_certificates.ca_file.read_bytes())
    return made


@pytest.fixture
def reader(
    qseow_site: Qseow, cloud_site: Cloud, forward_proxy: ForwardProxy, run: Run, tmp_path: Path
) -> dict[str, str]:
    """Return the variables of a reader whose key is registered at both sites, which go by the names of the page."""
    assert run("create-key", "--cert-file-prefix", "qlik_", "--cert-key-size", "2048").exit_code == 0
    certificate = Path("qlik_publickey.cer").read_text(encoding="ascii")
    qseow_site.register("scripts", certificate, websocketCrossOriginWhiteList=["qlik.example.com"])
    qseow_site.repository.administrators.add("LAB\\anna")
    cloud_site.tenant.host_names.add("mytenant.eu.qlikcloud.com")
    cloud_site.register("https://idp.example.com", "my-key", certificate)
    jwk = run("registration", "qscloud-oauth", "--keyid", "my-key", "--cert-publickey-file", "qlik_publickey.cer")
    cloud_site.register_client(json.loads(jwk.stdout), client_id="0123456789abcdef")
    routes = {"qlik.example.com:443": qseow_site.port, "mytenant.eu.qlikcloud.com:443": cloud_site.port}
    forward_proxy.routes |= routes
    (tmp_path / "routed.cjs").write_text(ROUTED, encoding="utf-8")
    node = {"ROUTES": json.dumps(routes), "NODE_OPTIONS": f"--require={tmp_path / 'routed.cjs'}"}
    ca_file = str(qseow_site.certificates.ca_file)
    trusted = dict.fromkeys(("NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"), ca_file)
    return reader_environment(tmp_path / "programs", **trusted, **node, HTTPS_PROXY=forward_proxy.url)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("section", LIBRARIES, ids=lambda section: section.heading)
def test_a_library_acts_as_whom_the_token_names(
    section: Section,
    shell: str,
    installed: Installed,
    reader: dict[str, str],
    qseow_site: Qseow,
    cloud_site: Cloud,
    tmp_path: Path,
) -> None:
    (tmp_path / "node_modules").symlink_to(installed.folder / "node_modules")
    path = f"{installed.place.scripts}:{reader['PATH']}"
    (printed,) = section.follow(tmp_path, {**reader, "PATH": path}, shell)
    (shown,) = section.blocks("text")
    assert printed == shown.text
    opened = [*(one.user for one in qseow_site.open_sessions), *(one.user.subject for one in cloud_site.open_sessions)]
    assert opened == OPENED[section.heading]
    assert not [*qseow_site.refusals, *cloud_site.refusals]
    assert {request.status for site in (qseow_site, cloud_site) for request in site.requests} <= {101, 200, 204, 301}


def test_what_the_page_installs_is_what_its_programs_import() -> None:
    programs = [block.text for section in LIBRARIES for block in section.blocks("js", "python")]
    imported = re.findall(r'^import .* from "([^:"]+)"$|^from (qlik_sdk) import', "\n".join(programs), re.M)
    npm, pip = (line.split()[2:] for line in PAGE.blocks("shell")[0].text.splitlines())
    installed = [word.rpartition("@")[0] for word in npm] + [word.partition("~=")[0].replace("-", "_") for word in pip]
    assert {name or module for name, module in imported} == set(installed)
    assert len(programs) == len(LIBRARIES)


@pytest.mark.parametrize("shell", SHELLS)
def test_qlik_cli_is_given_a_token_and_an_identity_provider(
    shell: str, reader: dict[str, str], cloud_site: Cloud, tmp_path: Path
) -> None:
    stand_in(tmp_path / "programs", "qlik", "print(json.dumps(arguments))")
    (printed,) = QLIK_CLI.follow(tmp_path, reader, shell)
    context, created = map(json.loads, printed.splitlines())
    *known, token = context
    assert known == [
        *("context", "create", "scripts", "--server", "https://qlik.example.com/scripts"),
        *("--server-type", "windows", "--api-key"),
    ]
    assert pyjwt.decode(token, options={"verify_signature": False})["userId"] == "anna"
    assert created == ["identity-provider", "create", "jwtauth", "--file", "identity-provider.json"]
    provider = json.loads((tmp_path / "identity-provider.json").read_text(encoding="utf-8"))
    assert (provider["protocol"], provider["options"]["issuer"]) == ("jwtAuth", "https://idp.example.com")
