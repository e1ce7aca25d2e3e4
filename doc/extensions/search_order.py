"""Let the search of the site find the headings of some pages first, and leave other pages out.

``search_headings_first`` names the pages whose headings are what people look for; ``search_without`` has what
the names of pages begin with that the search leaves out. The sources stay plain Markdown.
"""

from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms import SphinxTransform


class HeadingsAsIndexEntries(SphinxTransform):
    """Make each heading below the title a main entry of the index, which Sphinx's search puts before all else.

    The search takes ``401`` for no word, and ``LOGIN-12`` for two; an entry of the index it compares as a whole.
    """

    default_priority = 600

    def apply(self, **_settings: Any) -> None:
        """Change the document."""
        if self.env.docname not in self.config.search_headings_first:
            return
        for title in self.document.findall(nodes.title):
            section = title.parent
            if isinstance(section, nodes.section) and not isinstance(section.parent, nodes.document):
                names = title.astext().split(", ")
                entries = [("single", name, section["ids"][0], "main", None) for name in names]
                section.insert(1, addnodes.index(entries=entries))


def _leave_out(app: Sphinx, env: BuildEnvironment) -> None:
    for page in env.found_docs:
        if page.startswith(tuple(app.config.search_without)):
            env.metadata[page]["nosearch"] = "true"


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the two settings."""
    app.add_config_value("search_headings_first", [], "env", list)
    app.add_config_value("search_without", [], "env", list)
    app.add_transform(HeadingsAsIndexEntries)
    app.connect("env-updated", _leave_out)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
