"""Make man pages of pages that are made for the site: no tables, and no links but to other man pages."""

from typing import Any, Final

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

_BEFORE_LINKS_ARE_RESOLVED: Final = 5


class ManPage(SphinxPostTransform):
    """Turn links into names and tables into lists."""

    default_priority = _BEFORE_LINKS_ARE_RESOLVED
    builders = ("man",)

    def run(self, **_settings: Any) -> None:
        """Change the document."""
        for link in list(self.document.findall(addnodes.pending_xref)):
            link.replace_self(self._name(link))
        for table in list(self.document.findall(nodes.table)):
            table.replace_self(_as_list(table))
        self._describe()

    def _describe(self) -> None:
        """Put what stands before the first section where man pages have it: under a heading, behind the synopsis."""
        (page,) = (node for node in self.document.children if isinstance(node, nodes.section))
        sections = [index for index, node in enumerate(page.children) if isinstance(node, nodes.section)]
        first = sections[0] if sections else len(page)
        described = nodes.section("", nodes.title("", "Description"), *page.children[1:first], ids=["description"])
        page.children[1:first] = []
        has_synopsis = len(page) > 1 and page.children[1][0].astext() == "Synopsis"
        page.insert(2 if has_synopsis else 1, described)

    def _name(self, link: addnodes.pending_xref) -> list[nodes.Node]:
        """Return the name of the man page that *link* leads to, or else its text."""
        target = str(link["reftarget"]).partition("#")[0].removesuffix(".md").rpartition("/")[2]
        for page, name, _summary, _authors, section in self.config.man_pages:
            if page.rpartition("/")[2] == target:
                return [nodes.strong("", f"{name}({section})")]
        return link.children


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
