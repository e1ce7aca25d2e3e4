"""What .NET makes of the tokens and the certificates, as a client-managed Qlik Sense does.

``QSJWT_DOTNET_VERIFY`` names a program that takes a token's file, a key's or a certificate's, and an audience. It tells
of the certificate as X509Certificate2 reads it, of each library whether it accepts the token, and of the claims as they
read them; it ends with 0 if all accept it, with 6 if none does.
"""

import json
import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from qsjwt.tokens.platform import PLATFORMS
from tests.conftest import Run
from tests.powershell import surroundings
from tests.programs import located

pytestmark = pytest.mark.needs("dotnet-verify")

LIBRARIES = {
    *("System.IdentityModel.Tokens.Jwt 5", "System.IdentityModel.Tokens.Jwt 8"),
    "Microsoft.IdentityModel.JsonWebTokens 8",
}
"""Those of an old site, and today's."""

OPTIONS = {
    "qseow": ("--userdir", "LAB", "--userid", "anna", "--username", "Göran Sänder 😀", "--groups", "Sales", "Ö"),
    "qscloud": (
        *("--issuer", "https://idp", "--keyid", "k1", "--subject", "anna", "--username", "Anna"),
        *("--useremail", "anna@example.com", "--useremail-verified", "true", "--groups", "Sales"),
    ),
    "qscloud-oauth": ("--client-id", "0123456789abcdef", "--tenant", "https://t.eu.qlikcloud.com", "--keyid", "k1"),
    "nprinting": ("--useremail", "anna@example.com"),
}
AUDIENCES = {"qscloud": "qlik.api/login/jwt-session", "qscloud-oauth": "https://t.eu.qlikcloud.com/oauth/token"}
SIZES = (2048, 3072, 4096)


@dataclass(frozen=True)
class Verdict:
    """What .NET says of a token.

    :ivar accepted: whether all libraries accept it; if not, none does.
    :ivar libraries: their names, and the first digits of their versions.
    :ivar claims: as the libraries read them.
    :ivar text: all that was said.
    """

    accepted: bool
    libraries: set[str]
    claims: set[str]
    text: str


def verified(token: str, key: object, *audience: str) -> Verdict:
    """Return what .NET says of *token*, with the public key or the certificate in the file *key*."""
    Path("token.jwt").write_text(token, encoding="ascii")
    command = [str(located("dotnet-verify")), "token.jwt", str(key), *audience]
    done = subprocess.run(command, env=surroundings(os.environ), capture_output=True, encoding="utf-8", check=False)
    assert done.returncode in (0, 6), done.stdout + done.stderr
    libraries = {*re.findall(r"^(?:accepted|refused ) (\S+ \d)", done.stdout, re.MULTILINE)}
    claims = {*re.findall(r"^claim (.*) \(\w+\)$", done.stdout, re.MULTILINE)}
    return Verdict(done.returncode == 0, libraries, claims, done.stdout)


def changed(token: str) -> str:
    """Return *token* with one byte of its signature changed."""
    head, _, signature = token.rpartition(".")
    middle = len(signature) // 2
    letter = "B" if signature[middle] == "A" else "A"
    return f"{head}.{signature[:middle]}{letter}{signature[middle + 1 :]}"


def _matrix() -> list[tuple[str, str, str]]:
    """Return each platform with each of its algorithms, and with each size of a key."""
    cases = []
    for name in PLATFORMS.names():
        for algorithm in PLATFORMS.load(name).algorithms:
            sizes = ("384",) if algorithm.startswith("ES") else SIZES if algorithm == "RS256" else SIZES[:1]
            cases += [(name, algorithm, str(size)) for size in sizes]
    return cases


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the keys are that several tests use."""
    return tmp_path_factory.mktemp("keys")


@pytest.fixture
def key_of(run: Run, folder: Path) -> Callable[[str], str]:
    """Return what gives the beginning of the names of a key's three files."""

    def make(size: str) -> str:
        prefix = f"{folder}/{size}_"
        if not Path(f"{prefix}privatekey.pem").exists():
            kind = ("--kind", "ec") if size == "384" else ()
            run("create-key", "--cert-file-prefix", prefix, "--cert-key-size", size, *kind)
        return prefix

    return make


@pytest.mark.parametrize(("platform", "algorithm", "size"), _matrix())
def test_dotnet_accepts_every_token_and_refuses_it_with_a_byte_changed(
    run: Run, key_of: Callable[[str], str], platform: str, algorithm: str, size: str
) -> None:
    key = key_of(size)
    make = (f"create-{platform}", *OPTIONS[platform], "--expires", "5m", "--key", f"{key}privatekey.pem")
    token = run(*make, "--algorithm", algorithm).token
    audience = [AUDIENCES[platform]] if platform in AUDIENCES else []
    verdict = verified(token, f"{key}publickey.cer", *audience)
    assert (verdict.accepted, verdict.libraries) == (True, LIBRARIES), verdict.text
    assert not verified(changed(token), f"{key}publickey.cer", *audience).accepted
    if platform == "qseow":
        assert {"name=Göran Sänder 😀", "group=Sales", "group=Ö"} <= verdict.claims


@pytest.mark.parametrize("platform", AUDIENCES)
def test_dotnet_refuses_another_audience_and_verifies_with_the_public_key_alone(
    run: Run, key_of: Callable[[str], str], platform: str
) -> None:
    key = key_of("2048")
    make = (f"create-{platform}", *OPTIONS[platform], "--expires", "5m", "--key", f"{key}privatekey.pem")
    token = run(*make).token
    assert verified(token, f"{key}publickey.pem", AUDIENCES[platform]).accepted
    assert not verified(token, f"{key}publickey.pem", "another").accepted


NAME = 'Qlik tokens, Göran & "Söner" 2027'


@pytest.mark.parametrize("way", ["create-key", "create-key ec", "create", "registration"])
def test_a_certificate_is_to_dotnet_what_we_say_it_is(run: Run, key_of: Callable[[str], str], way: str) -> None:
    user = ("--userdir", "LAB", "--userid", "anna", "--expires", "5m")
    how = ("--cert-common-name", NAME, "--cert-create-expires-days", 90)
    key, certificate = Path("x_privatekey.pem"), Path("x_publickey.cer")
    match way:
        case "create-key":
            run("create-key", "--cert-file-prefix", "x_", *how)
        case "create-key ec":
            run("create-key", "--kind", "ec", "--cert-file-prefix", "x_", *how)
        case "create":
            run("create-qseow", *user, "--cert-create", "--cert-file-prefix", "x_", *how)
        case "registration":
            key = Path(f"{key_of('3072')}privatekey.pem")
            registered = run("registration", "qseow", "--key", key, "--cert-self-signed", *how).stdout
            certificate.write_text(json.loads(registered)["jwtPublicKeyCertificate"], encoding="ascii")
    if way.endswith("ec"):
        make = ("create-qscloud-oauth", *OPTIONS["qscloud-oauth"], "--expires", "5m", "--key", key)
    else:
        make = ("create-qseow", *user, "--key", key)
    verdict = verified(run(*make).token, certificate)
    assert verdict.accepted, verdict.text
    shown = json.loads(run("show-key", "--cert-publickey-file", certificate, "-f", "json").stdout)["certificate"]
    read = re.search(
        r"subject=(.*) issuer=(.*) from=(\S+) to=(\S+) serial=\w+ signature=(\S+) thumbprint=(\w+)", verdict.text
    )
    assert read
    quoted = NAME.replace('"', '""')
    assert read.groups()[:2] == (f'CN="{quoted}"', f'CN="{quoted}"')
    assert read.groups()[2:4] == (shown["valid_from"], shown["expires_at"])
    assert read[5] == ("sha384ECDSA" if way.endswith("ec") else "sha256RSA")
    assert read[6] == shown["sha1_thumbprint"]
