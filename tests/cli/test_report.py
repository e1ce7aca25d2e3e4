"""check and decode -f html: what the file says, what it never holds, and what a browser makes of hostile tokens."""

import itertools
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import jwt as pyjwt
import pytest

from tests.browser import CHROMIUM, complaints, requested, set_media, set_width
from tests.conftest import Run

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

NOW = 1_795_000_000
CLAIMS = {"userId": "anna", "userDirectory": "LAB", "nbf": NOW - 3600, "exp": NOW + 3600}

HOSTS = {"community.qlik.com", "github.com", "help.qlik.com", "www.rfc-editor.org"}

HOSTILE = {
    "script": "<script>document.title = 'hit'</script>",
    "image": "<img src=https://evil.example/x onerror=\"document.title='hit'\">",
    "attribute": "\" onmouseover=\"document.title='hit'\" x='",
    "style": "</style><style>* { display: none }</style>",
    "css": "};body{background:url(https://evil.example/x)}",
    "comment": "--><!--",
    "entity": "&lt;b&gt; &amp; &#60;",
    "cdata": "]]><script>document.title = 'hit'</script>",
    "link": "javascript:document.title='hit'",
    "address": "https://evil.example/apis/rest/login",
    "textarea": "</textarea></title></script></svg></dd>",
    "template": "{{7*7}} ${7*7} %(x)s {0}",
    "bidi": "\u202enimda\u2066\u2069\u200f",
    "nul": "a\0b\x1b[31m\r\n\u2028c",
    "half": "\ud800",
    "long": "<b>" * 34_000,
    "unbroken": "W" * 900,
    "nested": {"<i>": [{"</dl>": "<script>document.title = 'hit'</script>"}] * 3},
    "<svg onload=\"document.title='hit'\">": 1,
    "": "nameless",
    "base": "<base href=https://evil.example/><meta http-equiv=refresh content='0;url=https://evil.example/'>",
}


class Document(HTMLParser):
    """What is in a document: its elements with their attributes, and what a reader sees of it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._in_style = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._in_style = tag == "style"

    def handle_endtag(self, tag: str) -> None:
        self._in_style = False

    def handle_data(self, data: str) -> None:
        if not self._in_style:
            self.text += data


def _token(keys: SimpleNamespace, claims: dict[str, Any], **header: Any) -> str:
    return pyjwt.encode(claims, keys.rsa, "RS256", headers=header)


@pytest.fixture
def checked(run: Run, keys: SimpleNamespace) -> Run:
    """Run ``check qseow`` at :data:`NOW` on a token with the claims that are given."""
    at = ("--at", str(NOW))
    return lambda claims, *more: run("check", "qseow", "--jwt", _token(keys, claims), *at, *more)


def test_the_report_of_check_says_what_its_json_says(checked: Run) -> None:
    claims = {**CLAIMS, "exp": NOW - 60, "iss": "https://idp"}
    report, record = checked(claims, "-f", "html"), checked(claims, "-f", "json")
    assert report.exit_code == record.exit_code == 6
    assert report.stderr == record.stderr
    text = Document(report.stdout).text
    for rule in json.loads(record.stdout)["rules"]:
        for member in ("rule", "message", "hint", "source", "answer"):
            assert rule[member] in text
    assert text.index("would refuse") < text.index("Broken rules (1)") < text.index("Undecided rules")
    assert text.index("Undecided rules") < text.index("Claims") < text.index("Kept rules")


def test_the_report_of_decode_says_why_and_what_is_in_the_token(run: Run, keys: SimpleNamespace) -> None:
    token = _token(keys, {**CLAIMS, "groups": ["a", "b"], "email_verified": "true"}, kid="k1")
    key = ("--cert-publickey-file", keys.public)
    valid = run("decode", "--jwt", token, *key, "--at", NOW, "-f", "html")
    assert (valid.exit_code, valid.stderr) == (0, "")
    text = Document(valid.stdout).text
    for said in ("The token is valid", '["a", "b"]', '"true"', '"k1"', "2026-11-18 12:06 UTC"):
        assert said in text
    assert "The token is not verified" in Document(run("decode", token, "--at", NOW, "-f", "html").stdout).text


def test_the_report_of_decode_names_each_fault_with_its_way_out_and_what_members_mean(
    run: Run, keys: SimpleNamespace
) -> None:
    token = _token(keys, {**CLAIMS, "iss": "https://idp"})
    report = run("decode", token, "--at", NOW + 7200, "--expected-issuer", "https://other", "-f", "html")
    assert report.exit_code == 6
    text = Document(report.stdout).text
    for said in (
        *("The token is not valid: 2 faults", "the token expired at", "Way out: create a new one", "'https://other'"),
        *("To decide it: use --cert-publickey-file", "user directory, for Qlik Sense", "expired 1 h ago"),
    ):
        assert said in text


def test_a_token_that_cannot_be_read_has_a_report_too(run: Run) -> None:
    report = run("check", "qseow", "--jwt", "a.b.c", "-f", "html")
    assert report.exit_code == 6
    text = Document(report.stdout).text
    assert "RFC 7519, section 7.2" in text
    assert "This file holds nothing of the token" in text
    assert "Claims" not in text


def test_the_file_holds_neither_the_token_nor_a_part_of_it_nor_what_looks_secret(
    run: Run, keys: SimpleNamespace
) -> None:
    inner = _token(keys, CLAIMS)
    token = _token(keys, {**CLAIMS, "act": inner, "link": f"https://x/?access_token={'q7Zr' * 12}"})
    for command in (("check", "qseow"), ("decode",)):
        text = run(*command, "--jwt", token, "--at", NOW, "-f", "html").stdout
        for part in (*token.split("."), *inner.split("."), "q7Zr"):
            assert part not in text
        assert "(a token)" in text
        assert "neither the token nor its signature" in Document(text).text


def test_the_file_is_ascii_so_that_no_shell_or_mail_spoils_it(checked: Run) -> None:
    report = checked({**CLAIMS, "name": "Ångström 王 😀"}, "-f", "html").stdout
    assert report.isascii()
    assert '"Ångström 王 😀"' in Document(report).text


def test_every_rule_in_the_file_leads_to_where_it_is_written_and_nothing_else_leads_anywhere(checked: Run) -> None:
    document = Document(checked({**CLAIMS, **HOSTILE, "exp": NOW - 60}, "-f", "html").stdout)
    links = [attributes for tag, attributes in document.elements if tag == "a"]
    assert len(links) >= document.text.count("Source: ") > 8
    for link in links:
        assert urlsplit(str(link["href"])).scheme == "https"
        assert urlsplit(str(link["href"])).hostname in HOSTS
        assert link["rel"] == "noreferrer noopener"
    allowed = {"aria-hidden", "aria-label", "aria-labelledby", "charset", "class", "content", "height", "href", "id"}
    allowed |= {"http-equiv", "lang", "name", "preserveaspectratio", "rel", "role", "viewbox", "width", "x", "y"}
    assert {name for _, attributes in document.elements for name in attributes} <= allowed
    assert not {tag for tag, _ in document.elements} & {"script", "img", "iframe", "link", "base", "form", "object"}


def test_a_report_may_load_and_run_nothing(checked: Run) -> None:
    head = [attributes for tag, attributes in Document(checked(CLAIMS, "-f", "html").stdout).elements if tag == "meta"]
    (policy,) = [meta["content"] for meta in head if meta.get("http-equiv") == "Content-Security-Policy"]
    # The digest is that of the style sheet: a browser shows the report with it.
    assert re.sub("sha256-[^']+", "…", str(policy)) == (
        "default-src 'none'; style-src '…'; base-uri 'none'; form-action 'none'"
    )


def test_a_report_has_one_title_one_main_part_and_headings_in_order(checked: Run) -> None:
    document = Document(checked({**CLAIMS, "exp": NOW - 60}, "-f", "html").stdout)
    tags = [tag for tag, _ in document.elements]
    for tag in ("html", "title", "header", "main", "footer", "h1"):
        assert tags.count(tag) == 1
    assert ("html", {"lang": "en"}) in document.elements
    levels = [int(tag[1]) for tag in tags if tag in {"h1", "h2", "h3"}]
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    ids = [attributes["id"] for _, attributes in document.elements if "id" in attributes]
    assert len(ids) == len(set(ids))


# In a browser.


@pytest.fixture(params=[("check", "qseow"), ("decode",)], ids=["check", "decode"])
def report(request: pytest.FixtureRequest, run: Run, keys: SimpleNamespace) -> str:
    """The report of a token all of whose claims are hostile, those that rules are about too."""
    claims = {**CLAIMS, **HOSTILE, "userId": f"{HOSTILE['script']}\\", "group": {"<b>": 1}, "email": "<b>"}
    return run(*request.param, "--jwt", _token(keys, claims), "--at", NOW, "-f", "html").stdout


@pytest.fixture
def browser(report: str, tmp_path: Path, chromium: "Chrome") -> Iterator["Chrome"]:
    """A browser with the report; afterwards it has asked for nothing else, and nothing was forbidden or has run."""
    (tmp_path / "report.html").write_text(report, encoding="ascii")
    url = (tmp_path / "report.html").as_uri()
    requested(chromium)
    chromium.get(url)
    yield chromium
    assert set(requested(chromium)) <= {url, chromium.current_url}
    assert complaints(chromium) == []
    assert "hit" not in chromium.title


@pytest.mark.needs(*CHROMIUM)
def test_hostile_claims_are_text_in_a_browser(browser: "Chrome") -> None:
    script = """return Object.fromEntries([...document.querySelectorAll(".pairs > div")].map(
        pair => [pair.querySelector("dt").textContent, [...pair.querySelectorAll("dd code")].pop().textContent]))"""
    values = browser.execute_script(script)
    for name, value in HOSTILE.items():
        shown = json.dumps(value, ensure_ascii=False)
        assert values[name] == "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in shown)
    count = "return document.querySelectorAll('script, img, iframe, object, embed, base, form, i, b, link').length"
    assert browser.execute_script(count) == 0
    assert "evil.example" not in browser.execute_script("return [...document.links].map(link => link.href).join()")


@pytest.mark.needs(*CHROMIUM)
def test_nothing_is_wider_than_the_screen_of_a_phone_or_a_desktop(browser: "Chrome") -> None:
    for details in browser.find_elements("tag name", "summary"):
        details.click()
    for width in (320, 1280):
        set_width(browser, width)
        assert browser.execute_script("return [innerWidth, document.documentElement.scrollWidth]") == [width, width]
        # Nor does a box hide what is too wide for it.
        right = "return Math.max(...[...document.querySelectorAll('body *')].map(e => e.getBoundingClientRect().right))"
        assert browser.execute_script(right) <= width + 1


_CONTRASTS = """
const luminance = colour => {
    const [r, g, b] = colour.match(/[\\d.]+/g).map(part => part / 255)
        .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
}
const paper = luminance(getComputedStyle(document.body).backgroundColor)
return [...document.querySelectorAll("body, body *:not(svg *)")].map(element => {
    const ink = luminance(getComputedStyle(element).color)
    return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05)
})
"""


@pytest.mark.needs(*CHROMIUM)
def test_text_stands_out_in_light_and_dark_and_on_paper(browser: "Chrome") -> None:
    papers = []
    for media, dark in (("screen", False), ("screen", True), ("print", True)):
        set_media(browser, media, dark=dark)
        assert min(browser.execute_script(_CONTRASTS)) >= 4.5  # WCAG 2.2, 1.4.3, level AA
        papers.append(browser.execute_script("return getComputedStyle(document.body).backgroundColor"))
    assert papers == ["rgb(255, 255, 255)", "rgb(13, 17, 23)", "rgb(255, 255, 255)"]


@pytest.mark.needs(*CHROMIUM)
def test_a_file_that_powershell_5_has_written_is_the_same(browser: "Chrome", report: str, tmp_path: Path) -> None:
    script = "return [document.body.innerText, getComputedStyle(document.body).maxWidth, document.characterSet]"
    text, width, charset = browser.execute_script(script)
    assert (width, charset) == ("896px", "UTF-8")
    # With ">" it takes bytes for text in the console's code page, and writes lines in UTF-16 with a byte order mark.
    lines = report.encode("ascii").decode("cp437").splitlines()
    redirected = "".join(f"{line}\r\n" for line in ("\ufeff" + lines[0], *lines[1:]))
    (tmp_path / "redirected.html").write_bytes(redirected.encode("utf-16-le"))
    browser.get((tmp_path / "redirected.html").as_uri())
    assert browser.execute_script(script) == [text, width, "UTF-16LE"]
