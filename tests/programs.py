"""Other programs: how a test runs one, and its Debian package; ``python -m`` prints the packages that are missing."""

import shlex
import shutil
import subprocess
from typing import Any, Final

PACKAGES: Final = {
    "bash": "bash",
    "curl": "curl",
    "dbus-daemon": "dbus",
    "fish": "fish",
    "gnome-keyring-daemon": "gnome-keyring",
    "keytool": "default-jre-headless",
    "openssl": "openssl",
    "pkcs11-tool": "opensc",
    "softhsm2-util": "softhsm2",
    "zsh": "zsh",
}
"""The Debian package of each program that a machine with Python and git may lack."""


def run_program(*command: object, **how: Any) -> "subprocess.CompletedProcess[str]":
    """Run *command* to its end, as :func:`subprocess.run` does with *how*; its two streams are captured as text.

    :raises AssertionError: if it ends with another code than 0; the message has all that the program said.
    """
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, encoding="utf-8", errors="replace", check=False, **how)
    if done.returncode != 0:
        said = f"--- stdout\n{done.stdout}\n--- stderr\n{done.stderr}"
        raise AssertionError(f"{shlex.join(words)}\nended with code {done.returncode}\n{said}")
    return done


def missing(*programs: str) -> list[str]:
    """Return those of *programs* that are not on the path."""
    return [name for name in programs if shutil.which(name) is None]


if __name__ == "__main__":
    print(*sorted({PACKAGES[name] for name in missing(*PACKAGES)}))
