"""The platform keeps the contract of qsjwt."""

from qsjwt.testing import PlatformContract


class TestAcme(PlatformContract):
    name = "acme"
    options = {"user": "anna", "issuer": "https://portal.acme.example"}
    registration_options = {"site": "north"}
