"""Make man pages of pages that are made for the site: no tables, no long lines, no links but to other man pages."""

import textwrap
from typing import Any, Final

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

from qsjwt.options.help_text import continued

_BEFORE_LINKS_ARE_RESOLVED: Final = 5
_ALWAYS: Final = ("program", "key-providers")
"""Pages that every man page refers to."""

_WIDTH: Final = 70
"""Characters of a line in a code block, which man indents."""


class ManPage(SphinxPostTransform):
    """Turn links into names, tables into lists, and long commands into several lines."""

    default_priority = _BEFORE_LINKS_ARE_RESOLVED
    builders = ("man",)

    def run(self, **_settings: Any) -> None:
        """Change the document."""
        names = {page.rpartition("/")[2]: f"{name}({section})" for page, name, _, _, section in self.config.man_pages}
        (page,) = (node for node in self.document.children if isinstance(node, nodes.section))
        _refer(page, names, self.env.docname.rpartition("/")[2])
        for link in list(self.document.findall(addnodes.pending_xref)):
            name = names.get(_target(link))
            link.replace_self(nodes.strong("", name) if name else link.children)
        for table in list(self.document.findall(nodes.table)):
            table.replace_self(_as_list(table))
        for block in self.document.findall(nodes.literal_block):
            command = block.astext().strip()
            if "\n" not in command and len(command) > _WIDTH:
                block.children = [nodes.Text(textwrap.dedent(continued(command, _WIDTH)))]
        _describe(page)


def _target(link: addnodes.pending_xref) -> str:
    """Return the name of the page that *link* leads to, without its folder."""
    return str(link["reftarget"]).partition("#")[0].removesuffix(".md").rpartition("/")[2]


def _refer(page: nodes.section, names: dict[str, str], own: str) -> None:
    """Let *page* end with the names of man pages, those that its last section leads to among them."""
    last = page.children[-1]
    linked: set[str] = set()
    if isinstance(last, nodes.section) and last[0].astext() == "See also":
        linked = {_target(link) for link in last.findall(addnodes.pending_xref)}
        page.remove(last)
    others = sorted(name for target, name in names.items() if target in {*linked, *_ALWAYS} - {own})
    text = [node for name in others for node in (nodes.Text(", "), nodes.strong("", name))][1:]
    page += nodes.section("", nodes.title("", "See also"), nodes.paragraph("", "", *text), ids=["see-also"])


def _describe(page: nodes.section) -> None:
    """Put what stands before the first section where man pages have it: under a heading, behind the synopsis."""
    sections = [index for index, node in enumerate(page.children) if isinstance(node, nodes.section)]
    first = sections[0] if sections else len(page)
    described = nodes.section("", nodes.title("", "Description"), *page.children[1:first], ids=["description"])
    page.children[1:first] = []
    has_synopsis = len(page) > 1 and page.children[1].children[0].astext() == "Synopsis"
    page.insert(2 if has_synopsis else 1, described)


def _as_list(table: nodes.table) -> nodes.definition_list:
    listed = nodes.definition_list()
    (head,) = (row for head in table.findall(nodes.thead) for row in head.findall(nodes.row))
    labels = [entry.astext() for entry in head.findall(nodes.entry)]
    for body in table.findall(nodes.tbody):
        for row in body.findall(nodes.row):
            first, *rest = row.findall(nodes.entry)
            term = nodes.term("", "", *_words(first))
            definition = nodes.definition()
            for number, entry in enumerate(rest, 1):
                if entry.astext():
                    label = [nodes.Text(f"{labels[number]}: ")] if number > 1 else []
                    definition += nodes.paragraph("", "", *label, *_words(entry))
            listed += nodes.definition_list_item("", term, definition)
    return listed


def _words(entry: nodes.entry) -> list[nodes.Node]:
    return [child for paragraph in entry.findall(nodes.paragraph) for child in paragraph.children]


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the transform."""
    app.add_post_transform(ManPage)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
