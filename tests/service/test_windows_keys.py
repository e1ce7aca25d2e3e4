"""Keys that Windows' own PowerShell makes: in the certificate store, not exportable, and protected by DPAPI.

These are for Windows itself, as the workflow of CI has it: Wine has no PowerShell, nor certificates for CNG.
"""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import jwt as pyjwt
import pytest

from qsjwt.testing import KeyProviderContract
from tests.conftest import IN_WINE, Run
from tests.programs import run_program

pytestmark = pytest.mark.skipif(os.name != "nt" or IN_WINE, reason="needs Windows itself")

_NEW = (
    "(New-SelfSignedCertificate -Subject 'CN=qsjwt test' -FriendlyName 'qsjwt test' -Type Custom "
    "-CertStoreLocation Cert:\\CurrentUser\\My -KeyUsage DigitalSignature -KeyExportPolicy NonExportable "
    "-NotAfter (Get-Date).AddDays(1) {}).Thumbprint"
)
_REMOVE = "Remove-Item -DeleteKey Cert:\\CurrentUser\\My\\{}"


def _powershell(command: str) -> str:
    """Run *command* in Windows PowerShell, and return what it prints."""
    program = shutil.which("powershell") or "powershell"
    return run_program(program, "-NoProfile", "-NonInteractive", "-Command", command).stdout.strip()


class TestRsa(KeyProviderContract):
    scheme = "certstore"
    algorithms: ClassVar[tuple[str, ...]] = ("RS256", "RS384", "RS512")
    made = "-KeyAlgorithm RSA -KeyLength 2048 -HashAlgorithm SHA256"

    @pytest.fixture(autouse=True)
    def _certificate(self) -> Iterator[None]:
        self.thumbprint = _powershell(_NEW.format(self.made))
        yield
        _powershell(_REMOVE.format(self.thumbprint))

    def reference(self) -> str:
        return self.thumbprint

    def missing_reference(self) -> str:
        return "0" * 40


class TestP384(TestRsa):
    algorithms: ClassVar[tuple[str, ...]] = ("ES384",)
    made = "-KeyAlgorithm ECDSA_nistP384 -CurveExport CurveName -HashAlgorithm SHA384"


class TestOldProvider(TestRsa):
    made = (
        "-Provider 'Microsoft Enhanced Cryptographic Provider v1.0' -KeySpec KeyExchange "
        "-KeyAlgorithm RSA -KeyLength 2048 -HashAlgorithm SHA256"
    )


def test_the_newest_of_two_is_registered_and_signs(run: Run, qseow: Run) -> None:
    made = [_powershell(_NEW.format(f"{TestRsa.made} -NotBefore (Get-Date).AddDays(-{days})")) for days in (3, 2)]
    key = ("--key", "certstore:friendly-name=qsjwt test?newest=true")
    try:
        assert json.loads(run("show-key", *key).stdout)["certificate"]["sha1_thumbprint"] == made[-1]
        token = qseow(*key).token
        Path("token").write_text(token, encoding="ascii")
        checked = run("check", "qseow", "--jwt-file", "token", *key)
        assert checked.exit_code == 0, checked.stdout
        qseow("--key", "certstore:friendly-name=qsjwt test").refused(3, *made)
    finally:
        for thumbprint in made:
            _powershell(_REMOVE.format(thumbprint))


def test_what_convert_from_secure_string_prints_is_read(qseow: Run, keys: SimpleNamespace) -> None:
    _powershell(
        f"Get-Content -Raw '{keys.files['rsa']}' | ConvertTo-SecureString -AsPlainText -Force | "
        "ConvertFrom-SecureString > key.dpapi"
    )
    token = qseow("--key", "dpapi:key.dpapi").token
    assert pyjwt.decode(token, keys.rsa.public_key(), ["RS256"])["userId"] == "anna"
