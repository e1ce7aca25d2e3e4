"""Print what CHANGELOG.md says of a version, as the notes of its release: ``python packaging/notes.py 0.1.0``."""

import re
import sys
from pathlib import Path
from typing import Final

CHANGELOG: Final = Path(__file__).parent.parent / "CHANGELOG.md"


def notes(changelog: str, version: str) -> str:
    """Return the section about *version*, without its heading.

    :raises LookupError: there is none, it has no date yet, or it is empty.
    """
    heading = rf"^## \[{re.escape(version)}\] - (?P<date>.*)\n"
    section = re.search(rf"{heading}(?P<text>(?:(?!## ).*\n?)*)", changelog, re.MULTILINE)
    if not section:
        raise LookupError(f"CHANGELOG.md has no section about {version}")
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", section["date"]):
        raise LookupError(f"the section about {version} in CHANGELOG.md is not dated: {section['date']}")
    if not section["text"].strip():
        raise LookupError(f"the section about {version} in CHANGELOG.md is empty")
    return section["text"].strip() + "\n"


if __name__ == "__main__":
    try:
        found = notes(CHANGELOG.read_text(encoding="utf-8"), sys.argv[1])
    except LookupError as error:
        sys.exit(str(error))
    sys.stdout.buffer.write(found.encode("utf-8"))
