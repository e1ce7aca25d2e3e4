"""What is compared: this program, and what somebody may use instead, on the same keys and rows."""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.programs import run_program

BENCH: Final = Path(__file__).parent


class Key(NamedTuple):
    """A kind of key: its name, the algorithm (RFC 7518, section 3.1), and what ``openssl speed`` calls it."""

    name: str
    algorithm: str
    openssl: str

    def file(self, folder: Path) -> Path:
        """Return the file of such a key in *folder*, made when it is first asked for."""
        path = folder / f"{self.openssl}.pem"
        if not path.exists():
            size = self.name.split()[-1]
            key = (
                ec.generate_private_key(ec.SECP384R1())
                if size == "P-384"
                else rsa.generate_private_key(65537, int(size))
            )
            plain = serialization.NoEncryption()
            path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
        return path


RSA_2048: Final = Key("RSA 2048", "RS256", "rsa2048")
RSA_4096: Final = Key("RSA 4096", "RS256", "rsa4096")
P_384: Final = Key("P-384", "ES384", "ecdsap384")


class Batch(NamedTuple):
    """A way to sign a token for each of *rows* with *cores* processes."""

    what: str
    key: Key
    rows: int
    cores: int
    command: list[str]
    rows_file: Path

    def run(self) -> None:
        """Run it, with the rows at its standard input, and its output in a file."""
        output = self.rows_file.parent / "output"
        with self.rows_file.open("rb") as rows, output.open("wb") as tokens:
            subprocess.run(self.command, stdin=rows, stdout=tokens, cwd=self.rows_file.parent, check=True)


def program() -> str:
    """Return the path of the program that is installed beside this interpreter."""
    return str(Path(sysconfig.get_path("scripts")) / ("qsjwt.exe" if sys.platform == "win32" else "qsjwt"))


def one_token(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield what starts, makes one token or signature with RSA 2048, and ends; its name comes first."""
    key = str(RSA_2048.file(folder))
    options = ["create-qseow", "--userdir", "LAB", "--userid", "anna", "--expires", "60m"]
    yield "python -c pass", [sys.executable, "-c", "pass"]
    yield "qsjwt create-qseow", [program(), *options, "--key", key]
    yield "qsjwt --version", [program(), "--version"]
    if shutil.which("openssl"):
        data = folder / "signed"
        data.write_bytes(b"a" * 200)
        yield "openssl dgst -sha256 -sign", ["openssl", "dgst", "-sha256", "-sign", key, str(data)]
    if qs_jwt := shutil.which(os.environ.get("QSJWT_QS_JWT", "qs-jwt")):
        yield "qs-jwt create-qseow", [qs_jwt, *options, "--audience", "a", "--cert-privatekey-file", key]


def batches(folder: Path, key: Key, rows: int, cores: int) -> Iterator[Batch]:
    """Yield the ways to sign *rows* tokens; with one core also a bare loop, and Node's library if it is in *folder*."""
    columns, row = "userid,username,groups", "user{n},User {n},sales;dev"
    options = ["create-qseow", "--userdir", "LAB"]
    if key is P_384:  # which of Qlik's products the OAuth clients of Qlik Cloud alone accept
        columns, row = "client-id", "user{n}"
        options = [
            "create-qscloud-oauth",
            "--tenant",
            "https://t.eu.qlikcloud.com",
            "--keyid",
            "k",
            "--algorithm",
            "ES384",
        ]
    path, file = folder / f"{key.openssl}-{rows}.csv", str(key.file(folder))
    if not path.exists():
        with path.open("w", encoding="ascii", newline="\n") as stream:
            stream.write(f"{columns}\n")
            stream.writelines(f"{row.format(n=n)}\n" for n in range(rows))
    ours = [program(), *options, "--expires", "5m", "--key", file, "--batch", "-", "--jobs", str(cores)]
    script = [sys.executable, str(BENCH / "pyjwt_script.py"), "--key", file, "--algorithm", key.algorithm]
    yield Batch("qsjwt --batch", key, rows, cores, ours, path)
    yield Batch("script with PyJWT", key, rows, cores, [*script, "--processes", str(cores)], path)
    if cores > 1:
        return
    loop = [sys.executable, str(BENCH / "bare_loop.py"), "--key", file, "--algorithm", key.algorithm]
    yield Batch("bare loop that signs", key, rows, cores, loop, path)
    yield Batch("bare loop that signs and verifies", key, rows, cores, [*loop, "--verify"], path)
    if (folder / "node_modules").exists():
        node = ["node", str(BENCH / "jsonwebtoken_script.mjs"), file, key.algorithm]
        yield Batch("script with jsonwebtoken", key, rows, cores, node, path)


def install_jsonwebtoken(folder: Path) -> None:
    """Put Node's library into *folder* if there is Node, and npm can get it."""
    if shutil.which("npm"):
        try:
            run_program("npm", "install", "--prefix", folder, "jsonwebtoken", cwd=folder)
        except AssertionError as failure:
            shutil.rmtree(folder / "node_modules", ignore_errors=True)
            print(f"without jsonwebtoken, which npm cannot install: {failure}", file=sys.stderr)
