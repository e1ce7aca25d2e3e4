"""The page how-to/register.md does what it says, at a site with the names that it has."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.conftest import posix
from tests.pages import Page, in_bash, reader_environment
from tests.readers import prepared
from tests.site_stand_in import Cloud, ForwardProxy, Qseow

PAGE = Page("how-to/register.md")


@pytest.fixture
def reader(
    qseow_site: Qseow, cloud_site: Cloud, forward_proxy: ForwardProxy, keys: SimpleNamespace, tmp_path: Path
) -> dict[str, str]:
    """Return the variables of a reader, who has the exported certificates where each shell expects them."""
    prepared(PAGE, tmp_path, keys.files["rsa"])
    files = qseow_site.certificates
    (tmp_path / "certificates").mkdir()
    for path in (files.client_cert, files.client_key, files.ca_file):
        shutil.copy(path, tmp_path / path.name)
        shutil.copy(path, tmp_path / f"certificates\\{path.name}")
    forward_proxy.routes["qlik.example.com:4242"] = int(qseow_site.repository_url.rpartition(":")[2])
    forward_proxy.routes["mytenant.eu.qlikcloud.com:443"] = cloud_site.port
    trusted = {
        "SSL_CERT_FILE": str(files.ca_file),
        "HTTPS_PROXY": forward_proxy.url,
        "QLIK_API_KEY": cloud_site.api_key,
    }
    return reader_environment(tmp_path / "programs", **trusted)


def _require_registered(qseow_site: Qseow, cloud_site: Cloud) -> None:
    (made,) = [one for one in qseow_site.repository.virtual_proxies.values() if one["prefix"] == "scripts"]
    linked = [proxy["settings"]["virtualProxies"] for proxy in qseow_site.repository.proxies.values()]
    assert all(made["id"] in [one["id"] for one in links] for links in linked)
    assert made["websocketCrossOriginWhiteList"] == ["qlik.example.com"]
    assert [one["description"] for one in cloud_site.tenant.identity_providers.values()] == ["Scripts"]
    assert [one["clientName"] for one in cloud_site.tenant.oauth_clients.values()] == ["Scripts"]


@posix("bash")
def test_a_reader_with_bash_registers(
    reader: dict[str, str], qseow_site: Qseow, cloud_site: Cloud, tmp_path: Path
) -> None:
    PAGE.run_bash(tmp_path, reader)
    _require_registered(qseow_site, cloud_site)


@pytest.mark.needs("pwsh")
@pytest.mark.parametrize("as_5_1", [False, True])
def test_a_reader_with_powershell_registers(
    as_5_1: bool,
    reader: dict[str, str],
    qseow_site: Qseow,
    cloud_site: Cloud,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there = r"C:\ProgramData\Qlik\Sense\Repository\Exported Certificates\.Local Certificates"
    assert there in PAGE.text
    monkeypatch.setattr(Page, "text", PAGE.text.replace(there, "certificates"))
    PAGE.run_powershell(tmp_path, reader, as_5_1=as_5_1)
    _require_registered(qseow_site, cloud_site)


@posix("bash")
def test_the_output_on_the_page_has_the_members_of_a_real_one(
    reader: dict[str, str], tmp_path: Path, qseow_site: Qseow
) -> None:
    shown = json.loads(PAGE.blocks("json")[0].text)
    first = next(block for block in PAGE.blocks("bash") if "register qseow" in block.text)
    in_bash(PAGE.blocks("shell")[0].text, tmp_path, reader)
    real = json.loads(in_bash(first.text, tmp_path, reader))
    assert real.keys() == shown.keys()
    assert real["status"] == shown["status"]
    assert set(shown["done"]) <= set(real["done"])
    assert real["registered"].keys() == shown["registered"].keys()
