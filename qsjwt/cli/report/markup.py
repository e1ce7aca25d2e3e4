"""HTML as a tree of elements, in which text is never anything but text; a document that runs and loads nothing."""

import base64
import hashlib
from importlib import resources
from typing import Final, TypeAlias
from xml.etree.ElementTree import Element, tostring

from qsjwt.redaction import printable, redacted

Child: TypeAlias = str | Element
"""Text, from wherever it comes, or an element."""

_INLINE: Final = frozenset({"a", "b", "code", "span", "time"})
"""What stands within a line; a line of the file ends after anything else."""


def element(tag: str, *children: Child, **attributes: object) -> Element:
    """Return an element of HTML.

    :param children: a text is redacted, shown as :func:`qsjwt.redaction.printable` has it, and escaped.
    :param attributes: by names with ``_`` for ``-``, and ``class_`` for a word that Python has for itself.
    :raises ValueError: for a link that leads elsewhere than to a page of the web or within the document.
    """
    made = Element(tag)
    for name, value in attributes.items():
        made.set(name.rstrip("_").replace("_", "-"), printable(str(value)))
    if not made.get("href", "#").startswith(("https://", "#")):
        raise ValueError("a link leads to https:// or within the document")
    last = None
    for child in children:
        if isinstance(child, Element):
            made.append(child)
            last = child
        elif last is None:
            made.text = f"{made.text or ''}{redacted(child)}"
        else:
            last.tail = f"{last.tail or ''}{redacted(child)}"
    if tag not in _INLINE:
        made.tail = "\n"
    return made


def document(title: str, *body: Element) -> str:
    """Return a document of HTML in ASCII, which arrives through any shell, code page and mail.

    Its policy (Content Security Policy Level 3) allows its own style sheet and nothing else: no script, and no request.
    """
    style = Element("style")
    style.text = resources.files(__package__).joinpath("report.css").read_text("ascii")
    digest = base64.b64encode(hashlib.sha256(style.text.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        element("meta", name="robots", content="noindex"),
        element("title", title),
        style,
    )
    html = element("html", head, element("body", *body), lang="en")
    return f"<!DOCTYPE html>\n{tostring(html, 'us-ascii', 'html').decode('ascii')}"
