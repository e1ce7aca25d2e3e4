"""How Sphinx builds the site and the man pages out of the Markdown here."""

import sys
from pathlib import Path

from qsjwt import __version__

sys.path.insert(0, str(Path(__file__).parent / "extensions"))

project = "qsjwt"
author = "the developers of qsjwt"
copyright = author
release = version = __version__
language = "en"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx_copybutton",
    "sphinx_design",
    "program_reference",
    "shell_tabs",
]
exclude_patterns = ["_build", "examples", "man"]

html_theme = "furo"
html_title = "qsjwt"
html_show_sourcelink = False
html_copy_source = False

myst_heading_anchors = 3
