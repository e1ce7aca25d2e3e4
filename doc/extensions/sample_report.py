"""Put a report of ``check`` into the site, as the program writes it when the site is built."""

import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from sphinx.application import Sphinx

from qsjwt.errors import VerificationFailed

_TOKEN: Final = Path("tests", "vectors", "qs-jwt-1.14.1", "qscloud-365d-groups.jwt")
_WHEN: Final = "2026-11-23T19:13:00Z"


def _write(app: Sphinx, failure: Exception | None) -> None:
    if failure is not None or app.builder.format != "html":
        return
    token = Path(app.confdir).parent / _TOKEN
    command = [sys.executable, "-m", "qsjwt", "check", "qscloud", str(token), "--at", _WHEN, "--format", "html"]
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - all of it is written above
    if done.returncode != VerificationFailed.exit_code:
        raise RuntimeError(f"the sample report is not written: {done.stderr.decode(errors='replace')}")
    (Path(app.outdir) / "_static" / "report.html").write_bytes(done.stdout)


def setup(app: Sphinx) -> dict[str, Any]:
    """Write the report at the end of a build."""
    app.connect("build-finished", _write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
