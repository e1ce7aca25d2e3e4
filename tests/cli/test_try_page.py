"""The page how-to/try.md does what it says, at sites with the names that it has."""

import json
import shutil
from pathlib import Path

import pytest

from tests.conftest import Run, posix
from tests.pages import Page, in_bash, reader_environment
from tests.site_stand_in import Cloud, ForwardProxy, Qseow

PAGE = Page("how-to/try.md")
README = (Path(__file__).parent.parent.parent / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def reader(
    qseow_site: Qseow, cloud_site: Cloud, forward_proxy: ForwardProxy, run: Run, tmp_path: Path
) -> dict[str, str]:
    """Return the variables of a reader who has done what the pages for the start say."""
    assert run("create-key", "--cert-file-prefix", "qlik_", "--cert-key-size", "2048").exit_code == 0
    shutil.copy("qlik_privatekey.pem", "first_privatekey.pem")
    certificate = Path("qlik_publickey.cer").read_text(encoding="ascii")
    qseow_site.register("scripts", certificate, websocketCrossOriginWhiteList=["qlik.example.com"])
    cloud_site.register("https://idp.example.com", "my-key", certificate)
    cloud_site.tenant.host_names.add("mytenant.eu.qlikcloud.com")
    forward_proxy.routes["qlik.example.com:443"] = qseow_site.port
    forward_proxy.routes["mytenant.eu.qlikcloud.com:443"] = cloud_site.port
    curl = tmp_path / "curl"
    curl.mkdir()
    (curl / ".curlrc").write_text(f'connect-to = "::127.0.0.1:{cloud_site.port}"\nnoproxy = "*"\n', encoding="utf-8")
    ca_file = str(qseow_site.certificates.ca_file)
    trusted = {"SSL_CERT_FILE": ca_file, "CURL_CA_BUNDLE": ca_file, "CURL_HOME": str(curl)}
    return reader_environment(tmp_path / "programs", **trusted, HTTPS_PROXY=forward_proxy.url)


@pytest.mark.needs("curl")
def test_a_reader_with_bash_sees_what_the_page_shows(reader: dict[str, str], qseow_site: Qseow, tmp_path: Path) -> None:
    output = PAGE.run_bash(tmp_path, reader, quiet=False)
    assert output.startswith(PAGE.blocks("text")[0].text)
    assert "\n✓ accepted by https://mytenant.eu.qlikcloud.com\n" in output
    assert "\n1. the user ID (claim 'userId') is missing" in output
    assert "\nnot accepted: 6\n" in output
    assert json.loads(output.splitlines()[-1])["subject"] == "anna"
    assert not qseow_site.open_sessions


@pytest.mark.needs("pwsh")
@pytest.mark.parametrize("as_5_1", [False, True])
def test_a_reader_with_powershell_sees_the_same(
    as_5_1: bool, reader: dict[str, str], qseow_site: Qseow, tmp_path: Path
) -> None:
    output = PAGE.run_powershell(tmp_path, reader, quiet=False, strict=False, as_5_1=as_5_1)
    assert "not accepted: 6" in output
    assert "anna@example.com" in output
    assert not qseow_site.open_sessions


@posix("bash")
def test_the_readme_shows_the_beginning_of_it(reader: dict[str, str], tmp_path: Path) -> None:
    command, _, shown = README.partition("```text\n$ ")[2].partition("```")[0].partition("\n")
    assert command.startswith("qsjwt try qseow ")
    assert in_bash(command, tmp_path, reader).startswith(shown)
