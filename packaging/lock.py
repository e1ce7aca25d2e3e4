"""Write ``requirements/`` from setup.cfg: each version with its hashes, in a file for qsjwt, each extra and each tool.

What is written there stays where it still fits. Arguments are those of ``uv pip compile``, such as ``--upgrade``.
"""

import configparser
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
FOLDER: Final = ROOT / "packaging" / "requirements"
TOOLS: Final = {"build": "setuptools>=77", "program": "pyinstaller", "release": "build\ncyclonedx-bom"}
"""What builds the wheel, makes programs of it, and makes a release."""

HEAD: Final = """\
# Written by "tox run -e lock": {text}.
# Wheels alone, since building anything else would install what is not listed here.
--only-binary :all:
"""


def main() -> None:
    """Resolve everything at once, so that any of the files go together, and write a file for each part."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    extras = config["options.extras_require"]
    parts = {"qsjwt": config["options"]["install_requires"]}
    parts |= {name: extras[name] for name in sorted(extras) if name != "all"} | TOOLS
    known = "".join(path.read_text("ascii") for path in sorted(FOLDER.glob("*.txt")))
    whole = resolved("\n".join(parts.values()), *sys.argv[1:], known="".join(text for _, text in pinned(known)))
    needed = {name for name, _ in pinned(resolved(parts["qsjwt"], known=whole))}
    for part, wanted in parts.items():
        found = pinned(resolved(wanted, known=whole))
        if part in extras:
            added = [lines for name, lines in found if name not in needed]
            write(f"qsjwt-{part}", f"what the extra {part} adds to qsjwt.txt", added)
        else:
            write(part, f"what {part} needs", [lines for _, lines in found])
    write("qsjwt-all", "all extras", [f"--requirement qsjwt-{part}.txt\n" for part in parts if part in extras])


def resolved(wanted: str, *arguments: str, known: str) -> str:
    """Return what *wanted* needs, on any system and Python, as requirements with hashes; *known* ones are preferred."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "requirements.txt"
        output.write_text(known, "ascii")
        command = ["uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11", "--generate-hashes"]
        form = ["--no-header", "--no-annotate", "--only-binary", ":all:", "--output-file", output, *arguments, "-"]
        subprocess.run([*command, *form], input=wanted, encoding="utf-8", check=True)  # noqa: S603 - all of it is from here
        return output.read_text("ascii")


def pinned(text: str) -> list[tuple[str, str]]:
    """Return the name and the lines of each requirement in *text*; a name may be there once for each of two systems."""
    return [(found[1], found[0]) for found in re.finditer(r"^([a-z0-9.-]+)==(?:.*\\\n)*.*\n", text, re.MULTILINE)]


def write(name: str, text: str, lines: list[str]) -> None:
    """Write the file *name* with *text* in its head."""
    (FOLDER / f"{name}.txt").write_text("".join([HEAD.format(text=text), *lines]), "ascii", newline="\n")


if __name__ == "__main__":
    main()
