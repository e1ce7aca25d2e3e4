"""Build the packages; setup.cfg says what they are."""

import re
from configparser import RawConfigParser
from pathlib import Path

from setuptools import setup

HERE = Path(__file__).parent


def description() -> str:
    """Return the README with full addresses, since PyPI has none of the files that it links to."""
    config = RawConfigParser()
    config.read(HERE / "setup.cfg", encoding="utf-8")
    url = config["metadata"]["url"]
    (version,) = re.findall(r'^__version__.*"(.+)"$', (HERE / "qsjwt" / "__init__.py").read_text("utf-8"), re.MULTILINE)

    def full(match: re.Match[str]) -> str:
        kind = "raw" if match["image"] else "blob"
        return f"{match['image']}[{match['text']}]({url}/{kind}/v{version}/{match['file']})"

    readme = (HERE / "README.md").read_text("utf-8")
    return re.sub(r"(?P<image>!?)\[(?P<text>[^]]*)\]\((?!https?:|#)(?P<file>[^)]+)\)", full, readme)


setup(long_description=description(), long_description_content_type="text/markdown")
