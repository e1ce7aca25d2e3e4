"""The site leads everywhere and has all there is; the man pages in the source are what is built."""

import html
import os
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from qsjwt.cli.app import Application
from qsjwt.cli.index import CommandIndex
from qsjwt.errors import QsJwtError
from qsjwt.keys.reference import KEY_PROVIDERS
from qsjwt.live.explain import EVERYWHERE
from qsjwt.options.parser import Parser
from qsjwt.tokens.create import load_platform
from qsjwt.tokens.platform import PLATFORMS
from qsjwt.tokens.sources import linked
from tests.pages import DOC, Page, pages

SITE = Path(os.environ["QSJWT_SITE"])
MAN = Path(os.environ["QSJWT_MAN"])


class Document(HTMLParser):
    """What of a page of the site is looked at.

    :ivar ids: where links may lead to.
    :ivar links: where its links lead.
    :ivar content_links: those of its text, without navigation.
    :ivar sources: what it loads.
    :ivar text: what a reader sees of it, and its scripts.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.content_links: list[str] = []
        self.is_content = False
        self.sources: list[str] = []
        self.text = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.ids.add(found.get("id") or "")
        self.is_content = self.is_content or tag == "article"
        if tag == "a" and (target := found.get("href")):
            self.links.append(target)
            if self.is_content and "headerlink" not in (found.get("class") or ""):
                self.content_links.append(target)
        if source := found.get("src") or (found.get("href") if tag == "link" else None):
            self.sources.append(source)

    def handle_endtag(self, tag: str) -> None:
        self.is_content = self.is_content and tag != "article"

    def handle_data(self, data: str) -> None:
        self.text += data


DOCUMENTS = {path: Document(path) for path in sorted(SITE.rglob("*.html"))}


def _typed(path: Path) -> str:
    """Return the text of a page with the quotation marks that were typed."""
    return DOCUMENTS[path].text.translate({0x2018: "'", 0x2019: "'", 0x201C: '"', 0x201D: '"'})


def _reference(name: str) -> str:
    return _typed(SITE / "reference" / f"{name}.html")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(SITE).as_posix())
def test_every_link_within_the_site_leads_somewhere(path: Path) -> None:
    for link in DOCUMENTS[path].links:
        url = urlsplit(link)
        if url.scheme:
            continue
        target = path if not url.path else (path.parent / unquote(url.path)).resolve()
        assert target.exists(), link
        if url.fragment and target in DOCUMENTS:
            assert unquote(url.fragment) in DOCUMENTS[target].ids, link


def test_nothing_is_loaded_from_elsewhere() -> None:
    for path, document in DOCUMENTS.items():
        assert [source for source in document.sources if urlsplit(source).netloc] == [], path


def test_every_page_can_be_reached_from_the_first() -> None:
    reached, new = set(), {SITE / "index.html"}
    while new:
        reached |= new
        links = ((path.parent / urlsplit(link).path).resolve() for path in new for link in DOCUMENTS[path].links)
        new = {target for target in links if target in DOCUMENTS} - reached
    assert {SITE / page.name.replace(".md", ".html") for page in pages()} <= reached


@pytest.mark.parametrize(
    "sought",
    [
        pytest.param("start/qseow.html#register-the-certificate", id="what to register at Qlik Sense"),
        pytest.param("how-to/register.html", id="how to register it with a command"),
        pytest.param("how-to/refused-token.html", id="why a token is refused"),
        pytest.param("errors.html#status-401", id="what a 401 means"),
        pytest.param("how-to/powershell.html#call-qlik", id="how to call from PowerShell"),
        pytest.param("explanation/concepts.html#virtual-proxy", id="what a virtual proxy is"),
        pytest.param("keys/choosing.html", id="where to keep the key"),
    ],
)
def test_a_reader_who_starts_at_the_first_page_and_reads_finds_it_in_three_clicks(sought: str) -> None:
    page, _, place = sought.partition("#")
    assert {place} - {""} <= DOCUMENTS[SITE / page].ids
    reached, new = set[Path](), {SITE / "index.html"}
    for _ in range(3):
        links = (
            (path.parent / urlsplit(link).path).resolve() for path in new for link in DOCUMENTS[path].content_links
        )
        new = {target for target in links if target in DOCUMENTS}
        reached |= new
    assert SITE / page in reached


def test_every_explanation_of_an_answer_is_on_the_page_of_errors_with_a_place_to_link_to() -> None:
    shown, places = _typed(SITE / "errors.html"), DOCUMENTS[SITE / "errors.html"].ids
    explained = [row for name in PLATFORMS.names() for row in load_platform(name).explanations()]
    assert len(explained) > 40
    for row in (*explained, *EVERYWHERE):
        for words in (row.reason, row.hint, row.source):
            assert words in shown, words
        wanted = row.code or row.text.strip('"') or f"status-{row.status}"
        assert re.sub(r"[^a-z0-9]+", "-", wanted.lower()) in places, wanted
    for name in PLATFORMS.names():
        assert [row.reason for row in load_platform(name).register_explanations() if row.reason not in shown] == []


def _parsers() -> Iterator[tuple[str, Parser]]:
    yield "", Application().parser
    yield from CommandIndex().each_parser(lambda words, parser: (words, parser))


@pytest.mark.parametrize(("words", "parser"), [pytest.param(*found, id=found[0]) for found in _parsers()])
def test_every_option_is_on_the_page_of_its_command_and_can_be_linked_to(words: str, parser: Parser) -> None:
    page = DOCUMENTS[SITE / "reference" / f"{words.partition(' ')[0] or 'program'}.html"]
    programs = ["-".join(["cmdoption-qsjwt", *words.split()[:count]]) for count in range(len(words.split()) + 1)]
    for name in parser.option_names():
        assert name in page.text
        assert {f"{program}-{name.strip('-')}" for program in programs} & page.ids


@pytest.mark.parametrize("command", ["check", "exchange", "register", "registration", "try"])
def test_an_option_that_a_command_has_for_every_platform_is_described_once(command: str) -> None:
    places = DOCUMENTS[SITE / "reference" / f"{command}.html"].ids
    for shared in ("key", "cert-publickey-file", "loglevel"):
        assert f"cmdoption-qsjwt-{command}-{shared}" in places
        assert {f"cmdoption-qsjwt-{command}-{name}-{shared}" for name in PLATFORMS.names()} & places == set()


def test_every_command_exit_code_and_key_provider_is_in_the_reference() -> None:
    for command in CommandIndex().summaries():
        assert command in _reference("program")
    kinds: list[type[QsJwtError]] = [QsJwtError, *QsJwtError.__subclasses__()]
    for error in kinds:
        assert re.search(rf"\b{error.exit_code}\b", _reference("program"))
        assert error.__name__ in _reference("program")
    for scheme in KEY_PROVIDERS.names():
        assert f"{scheme}:" in _reference("key-providers")
        assert DOCUMENTS[SITE / "keys" / f"{scheme}.html"].text


@pytest.mark.parametrize("name", PLATFORMS.names())
def test_every_rule_of_a_platform_is_in_the_reference(name: str) -> None:
    text = _reference("rules")
    links = DOCUMENTS[SITE / "reference" / "rules.html"].links
    for rule in load_platform(name).rules:
        assert rule.requirement in text
        assert rule.source in text
        assert {url for _, url in linked(rule.source) if url} <= set(links)


def test_blocks_for_both_shells_are_tabs() -> None:
    for page in pages():
        twins = len(page.blocks("bash"))
        text = (SITE / page.name.replace(".md", ".html")).read_text(encoding="utf-8")
        assert text.count('data-sync-id="powershell"') == twins, page.name


def test_options_in_commands_are_marked_and_what_is_in_quotes_is_not() -> None:
    text = (SITE / "how-to" / "powershell.html").read_text(encoding="utf-8")
    assert text.count('<span class="na">--cert-publickey-file</span>') >= 4
    assert '<span class="na">-Raw</span>' in text
    moving = (SITE / "moving-from-qs-jwt.html").read_text(encoding="utf-8")
    assert '<span class="na">--cert-privatekey-file</span>' in moving
    exec_page = (SITE / "keys" / "exec.html").read_text(encoding="utf-8")
    assert '<span class="na">-field' not in exec_page


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_a_block_that_is_copied_from_the_site_is_what_the_page_says(page: Page) -> None:
    text = (SITE / page.name.replace(".md", ".html")).read_text(encoding="utf-8")
    shown = re.findall(r'<div class="highlight-(?:bash|powershell) .*?<pre>(.*?)</pre>', text, re.DOTALL)
    copied = [html.unescape(re.sub(r"<[^>]*>", "", block)) for block in shown]
    for block in page.blocks("shell", "bash", "powershell"):
        assert block.text in copied


def _words(path: Path) -> list[str]:
    """Return the words of a man page without its markup, which each release of docutils writes otherwise."""
    text = re.sub(r"^(\.\\\"|'\\\").*$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    text = re.sub(r"^\.\w+|\\f(?:\w|\[\w*\])|\\\(\w\w|\\\[\w+\]|\\", " ", text, flags=re.MULTILINE)
    return re.findall(r"\w{2,}", text)


def test_the_man_pages_in_the_source_are_what_is_built() -> None:
    built = {path.name: _words(path) for path in MAN.glob("qsjwt*")}
    assert len(built) > 10
    assert {path.name: _words(path) for path in (DOC / "man").iterdir()} == built, "run: tox run -e man"
