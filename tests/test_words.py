"""One thing has one name, in the documents, the help and the messages alike."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pages import pages

ROOT = Path(__file__).parent.parent

OTHER_NAMES = {
    "email": r"(?<!the same )[Ee]-mail",
    "licence": r"[Ll]icense[sd]?\b",
    "log in": r"\b[Ss]ign(?:s|ed|ing)? (?:in|on) (?:to|with|as|at)\b|(?<!single )\b[Ss]ign-(?:in|on)\b",
    "login (the noun), log in (the verb)": r"\b[Ll]og-in\b|\b(?:to|must|can|and|you) login\b",
    "refuse": r"\b[Rr]eject(?:s|ed|ing|ion)?\b",
    "allow list": r"\b[Ww]hite-?list|\b[Aa]llow-?list",
    "key ID, user ID": r"\b(?:[Kk]ey|[Uu]ser|[Cc]lient|[Tt]enant) id\b",
    "time zone, timeout, websocket": r"\b[Tt]imezone|\b[Tt]ime-out|\b[Ww]eb socket",
    "file name": r"\b[Ff]ilename",
    "PowerShell, GitHub, GitLab, OpenSSL, JSON Lines": r"\bPowershell|\bGithub|\bGitlab|\bOpenssl|\bJSON lines",
    "identity provider, virtual proxy": r"\bIDP\b|\bidentity-provider\b|\bvirtual-proxy\b",
    "nothing, or what it is": r"\b(?:[Pp]lease|[Ss]imply|[Ee]asily|[Oo]bviously|[Bb]asically|in order to|utili[sz]e)\b",
}
"""The name to use, and how it is not spelled or called; in code, between backquotes, everything is allowed."""


def _documents() -> Iterator[tuple[str, str]]:
    """Return the text of each document that people read, without its code and the targets of its links."""
    for path in [*ROOT.glob("*.md"), *ROOT.glob(".github/**/*.md"), *ROOT.glob("doc/examples/*/README.md")]:
        yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
    for path in ROOT.glob(".github/ISSUE_TEMPLATE/*.yml"):
        yield path.name, re.sub(r"\burl: .*", "", path.read_text(encoding="utf-8"))
    for page in pages():
        yield page.name, page.text


def _prose(text: str) -> str:
    text = re.sub(r"^ *(```+).*?^ *\1", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"(`+).*?\1|\]\([^)]*\)|\]\[[^]]*\]|https?://\S+|\([\w.-]+\)=", " ", text)


def _messages() -> Iterator[tuple[str, str]]:
    """Return the sentences of the program: help, messages and docstrings."""
    for folder in ("qsjwt", "qsjwt_platforms"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
                    yield f"{path.relative_to(ROOT).as_posix()}:{node.lineno}", node.value


TEXTS = [(place, _prose(text)) for place, text in [*_documents(), *_messages()]]


@pytest.mark.parametrize("name", OTHER_NAMES)
def test_a_thing_has_one_name(name: str) -> None:
    found = [(place, match[0]) for place, text in TEXTS for match in re.finditer(OTHER_NAMES[name], text)]
    assert found == []


def test_it_is_all_read() -> None:
    assert len(TEXTS) > 1000
    assert {"README.md", "start/qseow.md", "1-refused-token.yml"} <= {place for place, _ in TEXTS}
