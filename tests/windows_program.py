"""Make and check ``qsjwt.exe``, under Wine: ``python -m tests.windows_program DIST``.

Windows' Python comes as for :mod:`tests.windows`, with the versions in ``packaging/requirements``, as in any program.
"""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from packaging.markers import Marker

from tests.windows import ROOT, make_environment, started, tools

_REQUIREMENTS: Final = ("qsjwt", "qsjwt-ssh", "program")
_WINDOWS: Final = {
    "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
    "python_full_version": "3.13.5",
    "python_version": "3.13",
    "sys_platform": "win32",
}


def main(dist: Path) -> None:
    """Write both programs to *dist*, and run them.

    :raises CalledProcessError: if one is not made, or lacks anything.
    """
    if (folder := tools()) is None:
        reason = "qsjwt.exe is not made: QSJWT_WINDOWS does not say what makes and runs Windows' Python"
        if os.environ.get("QSJWT_NO_SKIPS"):
            raise SystemExit(reason)
        print(reason)
        return
    make_environment(folder, *locked())
    python = folder / "python"
    form: list[str | Path] = ["--noconfirm", "--log-level", "WARN", "--distpath", dist, "--workpath", dist / "work"]
    with started(folder):
        subprocess.run([python, "-m", "PyInstaller", *form, "packaging/qsjwt.spec"], cwd=ROOT, check=True)
        subprocess.run([python, "tests/service/check_program.py", dist], cwd=ROOT, check=True)


def locked() -> list[str]:
    """Return what goes into the program for Windows, and what makes it, as requirements of one version each."""
    texts = [(ROOT / "packaging" / "requirements" / f"{name}.txt").read_text("ascii") for name in _REQUIREMENTS]
    found = re.findall(r"^([a-z0-9.-]+==[^ ]+)(?: ; (.+))? \\$", "".join(texts), re.MULTILINE)
    return [requirement for requirement, marker in found if not marker or Marker(marker).evaluate({**_WINDOWS})]


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
