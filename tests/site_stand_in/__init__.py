"""A stand-in for Qlik's servers, for tests and trials by hand: no Qlik software, and no proof of what Qlik does.

Qlik Cloud and client-managed Qlik Sense on TLS at loopback, after what Qlik documents; its rules are written
anew here, and another library verifies tokens. What is not documented has a code of its own, ``STAND-IN-…``.
"""

from tests.site_stand_in.certificates import Certificates
from tests.site_stand_in.cloud import Cloud
from tests.site_stand_in.forward_proxy import ForwardProxy
from tests.site_stand_in.messages import Answer, Request
from tests.site_stand_in.qseow import Qseow
from tests.site_stand_in.server import Elsewhere, Site

__all__ = ["Answer", "Certificates", "Cloud", "Elsewhere", "ForwardProxy", "Qseow", "Request", "Site"]
