"""The blocks of the page about ``cmd`` run in ``cmd.exe``, each in a ``.bat`` file."""

import os
import subprocess
import sysconfig
from pathlib import Path
from types import SimpleNamespace

import jwt as pyjwt
import pytest

from tests.conftest import on_windows, self_signed
from tests.pages import Page

BLOCKS = [block.text for block in Page("how-to/cmd.md").blocks("bat")]

pytestmark = on_windows


def _run_bat(script: str) -> "subprocess.CompletedProcess[bytes]":
    Path("page.bat").write_bytes(f"@echo off\n{script}".replace("\n", "\r\n").encode())
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
    command = [os.path.join(os.environ["SYSTEMROOT"], "System32", "cmd.exe"), "/d", "/c", "page.bat"]
    return subprocess.run(command, env={**os.environ, "PATH": path}, capture_output=True, check=False)


@pytest.fixture
def key(keys: SimpleNamespace) -> None:
    """What a reader of the pages for the start has."""
    Path("qlik_privatekey.pem").write_bytes(keys.files["rsa"].read_bytes())
    Path("qlik_publickey.cer").write_bytes(self_signed(keys.rsa, "qsjwt"))


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_a_block_does_what_it_is_there_for(key: None, block: str) -> None:
    done = _run_bat(block)
    assert (done.returncode, done.stderr) == (0, b"")
    lines = done.stdout.decode("utf-8").splitlines()
    tokens = [line for line in lines if line.startswith("eyJ")]
    if "--output" in block:
        tokens = [Path("token.jwt").read_text(encoding="ascii").strip()]
    if "decode" in block:
        assert tokens == []
        assert '  "verdict": "valid",' in lines
        return
    (token,) = tokens
    claims = pyjwt.decode(token, options={"verify_signature": False})
    assert claims["userId"] == "anna"
    assert "Research" not in block or claims["group"] == ["Sales", "Research & Development"]
    assert "100%%" not in block or claims["name"] == "Anna 100%"
    assert "Andersson" not in block or claims["name"] == "Anna Andersson"


@pytest.mark.parametrize("block", [block for block in BLOCKS if "exit /b" in block and "create-qseow" in block])
def test_a_file_ends_where_the_page_says_so_if_the_key_is_not_there(block: str) -> None:
    done = _run_bat(f"{block}echo not here\n")
    assert done.returncode == (3 if "--output" in block else 1)
    assert done.stdout == b""
    assert b"does not exist" in done.stderr
