"""Where the source of a rule can be read: what in its text is an address, for every output that has links."""

import re
from collections.abc import Iterator
from typing import Final

_HELP: Final = {
    "NPrinting, JWT authentication": "nprinting/Content/NPrinting/DeployingQVNprinting/JWT-authentication.htm",
    "Proxy Service API, Ticket: Add": (
        "sense-developer/Subsystems/ProxyServiceAPI/Content/Sense_ProxyServiceAPI/"
        "ProxyServiceAPI-ProxyServiceAPI-Authentication-Ticket-Add.htm"
    ),
    "Repository Service API": (
        "sense-developer/Subsystems/RepositoryServiceAPI/Content/Sense_RepositoryServiceAPI/"
        "RepositoryServiceAPI-Introduction.htm"
    ),
    "Sense admin, JWT authentication": (
        "sense-admin/Subsystems/DeployAdministerQSE/Content/Sense_DeployAdminister/QSEoW/Administer_QSEoW/"
        "Managing_QSEoW/JWT-authentication.htm"
    ),
}
"""The pages of Qlik's help, whose addresses are too long for a line of text, by what sources call them."""

_ADDRESS: Final = re.compile(
    r"RFC (?P<rfc>\d+)(?:, section (?P<section>\d+(?:\.\d+)*))?"
    rf"|help\.qlik\.com, (?P<help>{'|'.join(map(re.escape, _HELP))})"
    r"|community\.qlik\.com, Qlik Support (?P<article>[1-9]\d*)"
    r"|(?P<scheme>https://)?\b(?P<page>(?:[a-z0-9-]+\.)+[a-z]{2,}/[\w./~%?=&#+-]*[\w/])",
    re.ASCII,
)


def linked(source: str) -> Iterator[tuple[str, str]]:
    """Yield the pieces of *source*, each with the address where it can be read; empty if it is no reference.

    References are an RFC and its section, an article of Qlik Support, a page of Qlik's help, and a host with a path,
    such as "qlik.dev/apis/rest/login". All addresses begin with ``https://``.

    :param source: as :attr:`qsjwt.tokens.rules.Finding.source`.
    """
    end = 0
    for found in _ADDRESS.finditer(source):
        if found.start() > end:
            yield source[end : found.start()], ""
        yield found[0], _address(found)
        end = found.end()
    if end < len(source):
        yield source[end:], ""


def _address(found: re.Match[str]) -> str:
    if found["rfc"]:
        anchor = f"#section-{found['section']}" if found["section"] else ""
        return f"https://www.rfc-editor.org/rfc/rfc{found['rfc']}{anchor}"
    if found["help"]:
        return f"https://help.qlik.com/en-US/{_HELP[found['help']]}"
    if found["article"]:
        return f"https://community.qlik.com/t5/-/-/ta-p/{found['article']}"  # the number alone decides
    return f"https://{found['page']}"
