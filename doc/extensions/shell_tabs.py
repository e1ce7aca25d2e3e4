"""Show a block for bash and the one for PowerShell behind it as tabs; the sources stay plain Markdown."""

from typing import Any, Final

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx_design.shared import create_component

_TWINS: Final = {"bash": "bash", "powershell": "PowerShell"}
"""Language of a block to its label."""

_SAME: Final = "shell"
"""Language of a block that means the same in both."""


class ShellTabs(SphinxTransform):
    """Put twins into a set of tabs; the reader's choice is kept over all pages."""

    default_priority = 500

    def apply(self, **_settings: Any) -> None:
        """Change the document."""
        for block in list(self.document.findall(nodes.literal_block)):
            language, twin = block.get("language"), _block_behind(block)
            if language == _SAME:
                block["language"] = "bash"
            elif language == "bash" and twin and twin.get("language") == "powershell":
                _put_together(block, twin)


def _block_behind(block: nodes.literal_block) -> nodes.literal_block | None:
    behind = block.next_node(descend=False, siblings=True)
    return behind if isinstance(behind, nodes.literal_block) else None


def _put_together(bash: nodes.literal_block, powershell: nodes.literal_block) -> None:
    tabs = create_component("tab-set", classes=["sd-tab-set"])
    bash.parent.replace(bash, tabs)
    for block in (bash, powershell):
        if block is powershell:
            block.parent.remove(block)
        label = nodes.rubric("", _TWINS[block["language"]], classes=["sd-tab-label"])
        label["sync_group"], label["sync_id"] = "shell", block["language"]
        content = create_component("tab-content", classes=["sd-tab-content"], children=[block])
        tabs += create_component("tab-item", classes=["sd-tab-item"], children=[label, content])


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the transform."""
    app.add_transform(ShellTabs)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
