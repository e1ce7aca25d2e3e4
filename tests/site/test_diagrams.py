"""Diagrams are drawn as they are described, for readers with and without eyes."""

import importlib.util
import os
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from sphinx.errors import SphinxError

from tests.pages import DOC, Block, Page

SVG = "{http://www.w3.org/2000/svg}"
CONCEPTS = Page("explanation/concepts.md")
BUILT = (Path(os.environ["QSJWT_SITE"]) / "explanation" / "concepts.html").read_text(encoding="utf-8")
DRAWN = re.findall(r"<svg[^>]* role=\"img\".*?</svg>", BUILT, re.DOTALL)
BOTH = list(zip(CONCEPTS.blocks("mermaid"), DRAWN, strict=True))


@pytest.fixture
def diagrams() -> Any:
    """Return the extension."""
    spec = importlib.util.spec_from_file_location("diagrams", DOC / "extensions" / "sequence_diagrams.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_there_are_diagrams() -> None:
    assert len(BOTH) == 3


@pytest.mark.parametrize(("block", "drawn"), BOTH)
def test_all_that_is_described_is_drawn_within_the_frame(block: Block, drawn: str) -> None:
    root = ElementTree.fromstring(drawn)  # noqa: S314 - it is ours
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    texts = list(root.iter(f"{SVG}text"))
    told = " ".join(text.text or "" for text in texts)
    described = re.findall(r"(?:participant \w+ as |>>\w+: |Note over [\w,]+: )(.+)", block.text)
    assert len(described) >= 8
    assert [words for words in described if words not in told] == []
    for text in texts:
        half = 3.5 * len(text.text or "")
        assert half <= float(text.attrib["x"]) <= width - half
        assert 0 < float(text.attrib["y"]) < height
    assert len(list(root.iter(f"{SVG}path"))) == block.text.count("participant ") + block.text.count(">>") + 1


@pytest.mark.parametrize(("block", "drawn"), BOTH)
def test_a_diagram_tells_in_words_what_it_shows(block: Block, drawn: str) -> None:
    root = ElementTree.fromstring(drawn)  # noqa: S314 - it is ours
    words = {
        element.attrib["id"]: element.text or "" for element in root if element.tag in (f"{SVG}title", f"{SVG}desc")
    }
    title, description = (words[name] for name in root.attrib["aria-labelledby"].split())
    assert (f"accTitle: {title}\n" in block.text, f"accDescr: {description}\n" in block.text) == (True, True)
    assert len(description) > 100


@pytest.mark.parametrize("drawn", DRAWN)
def test_a_diagram_has_no_colours_of_its_own(drawn: str) -> None:
    assert re.findall(r"#[0-9a-f]{3,8}\b|rgb|fill=|stroke=", drawn.replace("url(#", "")) == []


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("participant a as A\n  loop every minute", "not understood: loop every minute"),
        ("participant a as A\n  a->>b: hello", "no participant b"),
        ("participant a as A\n  Note over a,c: hello", "no participant c"),
        ("accTitle: A title\n  participant a as A", "needs accTitle and accDescr"),
    ],
)
def test_what_cannot_be_drawn_is_an_error_of_the_build(diagrams: Any, lines: str, said: str) -> None:
    words = "" if "accTitle" in lines else "accTitle: A title\n  accDescr: What it shows.\n  "
    with pytest.raises(SphinxError, match=said):
        diagrams.read(f"sequenceDiagram\n  {words}{lines}")


def test_what_is_drawn_is_escaped(diagrams: Any) -> None:
    source = "sequenceDiagram\n accTitle: <b>\n accDescr: & more\n participant a as <i>\n Note over a: </svg>"
    drawn = diagrams.svg(diagrams.read(source), "d")
    assert ElementTree.fromstring(drawn).find(f"{SVG}svg")  # noqa: S314 - it is ours
