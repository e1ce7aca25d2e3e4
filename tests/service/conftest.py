"""Programs of other houses that the tests here need."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import unavailable


@pytest.fixture(scope="session")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which Node finds ``jsonwebtoken`` and ``jose``, fresh from npm."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        unavailable("Node and npm are not installed")
    folder = tmp_path_factory.mktemp("node")
    packages = ["jsonwebtoken", "jose"]
    subprocess.run(["npm", "install", "--silent", "--prefix", folder, *packages], check=True, cwd=folder)
    return folder
