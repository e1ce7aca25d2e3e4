"""The key provider keeps the contract of qsjwt, and stays in its folder."""

import pytest
from jwcrypto.jwk import JWK

from qsjwt.api import InputError, KeyUnavailable, Secrets, open_signer
from qsjwt.testing import KeyProviderContract

PASSPHRASE = "correct horse"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A folder with a new key in two files, one of them encrypted; nothing of it stays."""
    folder = tmp_path_factory.mktemp("store")
    (folder / "qlik").mkdir()
    key = JWK.generate(kty="RSA", size=2048)
    for name, passphrase in (("plain", None), ("locked", PASSPHRASE.encode())):
        (folder / "qlik" / name).write_bytes(key.export_to_pem(private_key=True, password=passphrase))
    (folder / "qlik" / "secret.gpg").write_bytes(b"\x85\x02")
    return folder


@pytest.fixture(autouse=True)
def _variables(store, monkeypatch):
    monkeypatch.setenv("PASSWORD_STORE_DIR", str(store))
    monkeypatch.setenv("STORE_PASSPHRASE", PASSPHRASE)


class TestPlain(KeyProviderContract):
    scheme = "pass"
    algorithms = ("RS256", "PS384")

    def reference(self):
        return "qlik/plain"

    def missing_reference(self):
        return "qlik/none"


class TestLocked(TestPlain):
    secrets = (PASSPHRASE,)

    def reference(self):
        return "qlik/locked"

    def where_secrets_are(self):
        return Secrets(variable="STORE_PASSPHRASE")


@pytest.mark.parametrize("reference", ["", ".", "../key", "qlik/../../key", "/etc/hosts"])
def test_a_path_that_leads_out_of_the_folder_is_refused(reference):
    with pytest.raises(InputError, match="not a path below"):
        open_signer(f"pass:{reference}", Secrets())


def test_a_key_that_gpg_encrypted_is_told_apart():
    with pytest.raises(KeyUnavailable, match="encrypted with gpg"):
        open_signer("pass:qlik/secret", Secrets())


def test_the_folder_in_the_home_is_the_one_without_the_variable(store, tmp_path, monkeypatch):
    (tmp_path / ".password-store").symlink_to(store)
    monkeypatch.delenv("PASSWORD_STORE_DIR")
    for home in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(home, str(tmp_path))
    with open_signer("pass:qlik/plain", Secrets()) as signer:
        assert "RS256" in signer.algorithms
