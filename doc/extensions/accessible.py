"""Repair what Sphinx and its theme keep from readers without a mouse, or without a screen."""

from typing import Any, Final

from sphinx.application import Sphinx

_AFTER_FURO: Final = 900


def _repair(_app: Sphinx, _page: str, _template: str, context: dict[str, Any], _doctree: object) -> None:
    # The captions of the navigation are headings of no level.
    navigation = context["furo_navigation_tree"]
    context["furo_navigation_tree"] = navigation.replace('role="heading"', 'role="heading" aria-level="2"')
    # A table that is wider than the window is scrolled by keys only if it can have the focus.
    if "body" in context:
        context["body"] = context["body"].replace('<div class="table-wrapper', '<div tabindex="0" class="table-wrapper')


def setup(app: Sphinx) -> dict[str, Any]:
    """Change pages before they are written."""
    app.connect("html-page-context", _repair, priority=_AFTER_FURO)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
