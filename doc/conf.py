"""How Sphinx builds the site and the man pages out of the Markdown here."""

import sys
from pathlib import Path

from qsjwt import __version__
from qsjwt.cli.index import CommandIndex

sys.path.insert(0, str(Path(__file__).parent / "extensions"))

project = "qsjwt"
author = "The qsjwt developers"
copyright = ""
html_show_copyright = False
release = version = __version__
language = "en"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx_copybutton",
    "sphinx_design",
    "accessible",
    "man_pages",
    "program_reference",
    "sample_report",
    "search_order",
    "sequence_diagrams",
    "shell_options",
    "shell_tabs",
]
exclude_patterns = ["_build", "examples", "man"]

html_theme = "furo"
html_title = "qsjwt"
html_show_sourcelink = False
html_copy_source = False
html_static_path = ["_static"]
html_css_files = ["site.css"]

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

search_headings_first = ["errors", "explanation/concepts"]
search_without = ["decisions/"]

# "man qsjwt create-qseow" finds the page qsjwt-create-qseow.
man_pages = [
    ("reference/program", "qsjwt", "create, check and verify JSON Web Tokens for Qlik", "", 1),
    ("reference/key-providers", "qsjwt-keys", "where the private key is", "", 7),
    *(
        (f"reference/{name}", f"qsjwt-{name}", summary[:1].lower() + summary[1:].rstrip("."), "", 1)
        for name, summary in CommandIndex().summaries().items()
        if summary
    ),
]
today = " "  # the day of the build says nothing, and would make each build another
