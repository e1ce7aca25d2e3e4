"""How a program that needs no Python, such as PyInstaller makes, starts itself as a worker of a batch."""

from typing import Final

WORKER: Final = "--as-worker-of-a-batch"
"""The one argument with which such a program is started for that."""

command: list[str] | None = None
"""What starts it; None if it does not know that argument, as a program of somebody else that imports qsjwt."""
