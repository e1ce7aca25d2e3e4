"""The platform keeps the contract of qsjwt."""

from qsjwt.api import Response
from qsjwt.testing import PlatformContract, PresentationContract


class TestAcme(PlatformContract):
    name = "acme"
    options = {"user": "anna", "issuer": "https://portal.acme.example"}
    registration_options = {"site": "north"}


class TestAcmeServer(PresentationContract):
    name = "acme"
    options = TestAcme.options
    answers = [Response(200, body=b'{"user": "anna"}')]
    user = {"user": "anna"}
