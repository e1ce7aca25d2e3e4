"""Where a rule is written becomes links, in one place for all outputs."""

from urllib.parse import urlsplit

import pytest

from qsjwt.tokens.create import load_platform
from qsjwt.tokens.judge import TOKEN
from qsjwt.tokens.platform import PLATFORMS
from qsjwt.tokens.sources import linked

COMMUNITY = "https://community.qlik.com/t5/-/-/ta-p"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("RFC 7515", [("RFC 7515", "https://www.rfc-editor.org/rfc/rfc7515")]),
        (
            "RFC 5280, section 4.1.2.5",
            [("RFC 5280, section 4.1.2.5", "https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.5")],
        ),
        (
            "qlik.dev/apis/rest/login; community.qlik.com, Qlik Support 2435784",
            [
                ("qlik.dev/apis/rest/login", "https://qlik.dev/apis/rest/login"),
                ("; ", ""),
                ("community.qlik.com, Qlik Support 2435784", f"{COMMUNITY}/2435784"),
            ],
        ),
        (
            "github.com/Informatiqal/qlik-repo-api, interfaces.ts (a report)",
            [
                ("github.com/Informatiqal/qlik-repo-api", "https://github.com/Informatiqal/qlik-repo-api"),
                (", interfaces.ts (a report)", ""),
            ],
        ),
        ("see https://acme.example/jwt?a=b#c.", [("see ", ""), *[("https://acme.example/jwt?a=b#c",) * 2], (".", "")]),
        ("qlik.dev, rate limiting", [("qlik.dev, rate limiting", "")]),
        ("community.qlik.com, Qlik Support 000005527", [("community.qlik.com, Qlik Support 000005527", "")]),
        ("the command line", [("the command line", "")]),
        ("docs/vpconfig.md", [("docs/vpconfig.md", "")]),
        ("", []),
    ],
)
def test_what_is_an_address_in_a_source_is_a_link(source: str, expected: list[tuple[str, str]]) -> None:
    assert list(linked(source)) == expected


@pytest.mark.parametrize("source", ["javascript:alert(1)//a.bc/", "data:text/html,x", "http://a.example/", "\\\\a\\b"])
def test_no_link_leads_anywhere_but_to_a_page(source: str) -> None:
    for _, address in linked(source):
        assert not address or urlsplit(address)[:2] in {("https", "a.bc"), ("https", "a.example")}


def test_each_source_of_a_rule_has_a_link_in_each_of_its_parts() -> None:
    sources = {TOKEN.source, *(rule.source for name in PLATFORMS.names() for rule in load_platform(name).rules)}
    for source in sources:
        for part in source.split("; "):
            assert any(address for _, address in linked(part)), part
