"""Draw a block of Mermaid's ``sequenceDiagram`` as SVG that takes its colours from the page.

Where the source is shown, whatever shows it draws the same block. Mermaid itself draws in the reader's browser, or
wants one for the build; what is understood of it here is in :data:`_LINE`, and any other line is an error.
"""

import html
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import SphinxError
from sphinx.transforms import SphinxTransform

_LINE: Final = re.compile(
    r"accTitle: (?P<title>.+)"
    r"|accDescr: (?P<description>.+)"
    r"|participant (?P<key>\w+) as (?P<name>.+)"
    r"|(?P<sender>\w+)(?P<arrow>--?>>)(?P<receiver>\w+): (?P<said>.+)"
    r"|Note over (?P<where>\w+(?:,\w+)?): (?P<note>.+)"
)
_COLUMN: Final = 190
_BOX: Final = _COLUMN - 16
_CHARACTER: Final = 7.2
"""How wide one is at most, on average, in pixels."""
_TEXT_LINE: Final = 17
_HEAD: Final = 34


@dataclass
class Diagram:
    """What is drawn.

    :ivar title: what a screen reader says first.
    :ivar description: what it says of the content.
    :ivar participants: key to name, from left to right.
    :ivar steps: matches of :data:`_LINE`, from top to bottom.
    """

    title: str = ""
    description: str = ""
    participants: dict[str, str] = field(default_factory=dict)
    steps: list[dict[str, str]] = field(default_factory=list)


def read(source: str) -> Diagram:
    """Return the diagram that *source* describes.

    :raises SphinxError: for a line that is not understood, an unknown participant, and a diagram without a title or a
        description.
    """
    diagram = Diagram()
    for line in map(str.strip, source.strip().splitlines()[1:]):
        match = _LINE.fullmatch(line)
        if match is None:
            raise SphinxError(f"a sequence diagram has a line that is not understood: {line}")
        found = {name: value for name, value in match.groupdict().items() if value}
        if "key" in found:
            diagram.participants[found["key"]] = found["name"]
        elif "title" in found or "description" in found:
            diagram.__dict__.update(found)
        else:
            diagram.steps.append(found)
    if not (diagram.title and diagram.description):
        raise SphinxError("a sequence diagram needs accTitle and accDescr, for readers who do not see it")
    known = {*diagram.participants}
    for step in diagram.steps:
        named = [step["sender"], step["receiver"]] if "sender" in step else step["where"].split(",")
        if unknown := {*named} - known:
            raise SphinxError(f"a sequence diagram has no participant {', '.join(sorted(unknown))}")
    return diagram


def svg(diagram: Diagram, name: str) -> str:
    """Return *diagram* as SVG to be put into a page.

    :param name: what the IDs in it begin with.
    """
    columns = {key: (number + 0.5) * _COLUMN for number, key in enumerate(diagram.participants)}
    width = _COLUMN * len(columns)
    drawn, y = [], _HEAD + 12.0
    for step in diagram.steps:
        parts, y = _note(step, columns, y) if "note" in step else _message(step, columns, y)
        drawn += parts
    height = y + 12
    title, description = html.escape(diagram.title), html.escape(diagram.description)
    lines = [
        f'<div class="sequence-diagram" tabindex="0" role="region" aria-label="{title}">',
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height:.0f}" role="img" '
        f'aria-labelledby="{name}-title {name}-description" '
        f'style="min-width:{width * 0.8:.0f}px; max-width:{width}px">',
        f'<title id="{name}-title">{title}</title>',
        f'<desc id="{name}-description">{description}</desc>',
        f'<defs><marker id="{name}-end" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" '
        'orient="auto"><path d="M0 0 8 4 0 8z"/></marker></defs>',
    ]
    for key, label in diagram.participants.items():
        x = columns[key]
        lines += [
            f'<path class="life" d="M{x:.0f} {_HEAD}V{height:.0f}"/>',
            f'<rect class="who" x="{x - _BOX / 2:.0f}" y="1" width="{_BOX}" height="{_HEAD - 2}" rx="4"/>',
            _text(x, _HEAD / 2 + 4.5, label, "name"),
        ]
    lines += [part.replace("#end", f"#{name}-end") for part in drawn]
    return "\n".join([*lines, "</svg>", "</div>"])


def _message(step: dict[str, str], columns: dict[str, float], y: float) -> tuple[list[str], float]:
    start, end = columns[step["sender"]], columns[step["receiver"]]
    parts, y = _lines(step["said"], (start + end) / 2, abs(end - start) - 16, y + 8, "said")
    kind = "answer" if step["arrow"].startswith("--") else "call"
    return [*parts, f'<path class="{kind}" marker-end="url(#end)" d="M{start:.0f} {y + 3:.0f}H{end:.0f}"/>'], y + 10


def _note(step: dict[str, str], columns: dict[str, float], y: float) -> tuple[list[str], float]:
    ends = [columns[key] for key in step["where"].split(",")]
    left, right = min(ends) - _BOX / 2, max(ends) + _BOX / 2
    parts, bottom = _lines(step["note"], (left + right) / 2, right - left - 12, y + 8, "noted")
    box = (
        f'<rect class="note" x="{left:.0f}" y="{y + 6:.0f}" width="{right - left:.0f}" height="{bottom - y - 4:.0f}"/>'
    )
    return [box, *parts], bottom + 6


def _lines(text: str, x: float, width: float, y: float, kind: str) -> tuple[list[str], float]:
    """Return *text* in lines around *x*, and where they end."""
    wrapped = textwrap.wrap(text, int(width / _CHARACTER), break_long_words=False)
    lines = [_text(x, y + (number + 0.75) * _TEXT_LINE, line, kind) for number, line in enumerate(wrapped)]
    return lines, y + len(wrapped) * _TEXT_LINE


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x:.0f}" y="{y:.1f}">{html.escape(text)}</text>'


class SequenceDiagrams(SphinxTransform):
    """Put a drawing where the block is."""

    default_priority = 500

    def apply(self, **_settings: Any) -> None:
        """Change the document."""
        for number, block in enumerate(_blocks(self.document), 1):
            drawing = svg(read(block.astext()), f"diagram-{number}")
            block.replace_self(nodes.raw("", drawing, format="html"))


def _blocks(document: nodes.document) -> Iterator[nodes.literal_block]:
    yield from [block for block in document.findall(nodes.literal_block) if block.get("language") == "mermaid"]


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the transform."""
    app.add_transform(SequenceDiagrams)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
