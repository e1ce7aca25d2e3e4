"""Pictures of a terminal for the pages and the README, as SVG: ``python -m tests.pictures FOLDER`` writes them.

Each is a real run in a terminal of its own. Its clock stands still and its key is always the same, so that another run
tells whether the picture is still true.
"""

import contextlib
import datetime
import fcntl
import hashlib
import html
import io
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
import textwrap
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from unittest import mock

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from tests.pages import ROOT, reader_environment, stand_in
from tests.site_stand_in import Certificates, Cloud, ForwardProxy, Qseow

FOLDER: Final = ROOT / "doc" / "_static" / "pictures"
COLUMNS: Final = 80
NOW: Final = datetime.datetime(2026, 11, 23, 19, 13, tzinfo=datetime.UTC)
"""When everything in the pictures happens."""

_SECONDS: Final = 0.7
"""How long a batch takes by the clock of the pictures."""

_USERS: Final = 1000


@dataclass(frozen=True)
class Picture:
    """What a picture shows.

    :ivar text: what it shows to those who do not see it.
    :ivar command: what is run, as it is shown; a line that ends with a backslash goes on.
    """

    text: str
    command: str


PICTURES: Final[Mapping[str, Picture]] = {
    "token": Picture(
        "qsjwt create-qseow prints a token, and nothing else.",
        """
        qsjwt create-qseow --userdir LAB --userid anna --groups Sales --expires 8h \\
            --key qlik_privatekey.pem
        """,
    ),
    "decode": Picture(
        "qsjwt decode shows whether a token is valid, its header, its claims and its times.",
        """
        qsjwt decode token.txt --cert-publickey-file qlik_publickey.cer
        """,
    ),
    "check": Picture(
        "qsjwt check finds that Qlik Cloud would refuse a token, why, and what to do about it.",
        """
        qsjwt check qscloud cloud-token.txt
        """,
    ),
    "try": Picture(
        "qsjwt try presents a token to Qlik Sense, and shows whom the server sees.",
        """
        qsjwt try qseow --url https://qlik.example.com/scripts \\
            --userdir LAB --userid anna --key qlik_privatekey.pem
        """,
    ),
    "refused": Picture(
        "qsjwt try explains why Qlik Cloud refuses a token, and what to do about it.",
        """
        qsjwt try qscloud --url https://mytenant.eu.qlikcloud.com \\
            --issuer https://idp.example.com --keyid my-key --key qlik_privatekey.pem \\
            --subject anna --username "Anna Andersson" \\
            --useremail anna@example.com --useremail-verified true
        """,
    ),
    "batch": Picture(
        "qsjwt creates a token for each row of a CSV file, and says which row failed, and why.",
        """
        qsjwt create-qseow --userdir LAB --expires 8h --key qlik_privatekey.pem \\
            --batch users.csv --output tokens.jsonl
        """,
    ),
}


def pictures() -> Iterator[tuple[str, str]]:
    """Run what there is a picture of; give the name and the SVG of each."""
    with tempfile.TemporaryDirectory(prefix="pictures-") as folder, _place(Path(folder)) as environment:
        for name, picture in PICTURES.items():
            script = _script(picture)
            yield name, _svg(name, picture.text, script, _screen(_in_terminal(script, Path(folder), environment)))


def _script(picture: Picture) -> str:
    return textwrap.dedent(picture.command).strip()


@contextlib.contextmanager
def _place(folder: Path) -> Iterator[dict[str, str]]:
    """Put into *folder* what the commands need, and start what they call; give the variables to run them with."""
    programs = folder / "programs"
    stand_in(
        programs,
        "qsjwt",
        f"""
        import itertools, time

        ticks = itertools.chain([0.0], itertools.repeat({_SECONDS}))
        time.time = lambda: {NOW.timestamp()} - int(os.environ.get("SECONDS_AGO", 0))
        time.monotonic = lambda: next(ticks)
        from qsjwt.cli.process import program

        program()
        """,
    )
    certificate = _write_key(folder)
    vector = ROOT / "tests" / "vectors" / "qs-jwt-1.14.1" / "qscloud-365d-groups.jwt"
    (folder / "cloud-token.txt").write_bytes(vector.read_bytes())
    rows = [f"user{number}" if number != 417 else "" for number in range(1, _USERS + 1)]
    (folder / "users.csv").write_text("\n".join(["userid,groups", *(f"{row},Sales" for row in rows), ""]), "ascii")
    clock = mock.patch.object(time, "time", NOW.timestamp)  # for the server; certificates are not valid by this one
    with clock, Qseow(Certificates(folder)) as site, Cloud(site.certificates) as tenant, ForwardProxy() as proxy:
        site.register("scripts", certificate, websocketCrossOriginWhiteList=["qlik.example.com"])
        tenant.register("https://idp.example.com", "my-key", certificate)
        tenant.tenant.host_names.add("mytenant.eu.qlikcloud.com")
        tenant.tenant.strangers.add("anna")
        proxy.routes = {"qlik.example.com:443": site.port, "mytenant.eu.qlikcloud.com:443": tenant.port}
        environment = reader_environment(
            programs,
            HTTPS_PROXY=proxy.url,
            SSL_CERT_FILE=str(site.certificates.ca_file),
            TERM="xterm-256color",
            LANG="C.UTF-8",
            TZ="CET-1CEST,M3.5.0,M10.5.0/3",
        )
        for variable in ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "COLUMNS", "LINES", "LC_ALL", "NO_PROXY", "no_proxy"):
            environment.pop(variable, None)
        script = f"{_script(PICTURES['token'])} --output token.txt"
        earlier = {**environment, "SECONDS_AGO": "9240"}
        subprocess.run(["bash", "-c", script], cwd=folder, env=earlier, check=True)
        yield environment


def _write_key(folder: Path) -> str:
    """Write a key that is the same whenever it is made, and return its certificate.

    Nothing about it is secret: each prime is the first one from a number on that everybody can make.
    """
    p, q = _number("qsjwt p") + 194, _number("qsjwt q") + 154
    exponent = 65537
    d = pow(exponent, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(exponent, p * q)
    numbers = rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), rsa.rsa_crt_iqmp(p, q), public)
    key = numbers.private_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "qsjwt")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(NOW).not_valid_after(NOW + datetime.timedelta(days=365))
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "qlik_privatekey.pem").touch(0o600)
    (folder / "qlik_privatekey.pem").write_bytes(private)
    (folder / "qlik_publickey.cer").write_bytes(certificate)
    return certificate.decode("ascii")


def _number(word: str) -> int:
    """Return an odd number of 1024 bits that *word* leads to."""
    digests = [hashlib.sha512(f"{word} {part}".encode()).digest() for part in range(2)]
    return int.from_bytes(b"".join(digests)) | 3 << 1022 | 1


def _in_terminal(script: str, folder: Path, environment: Mapping[str, str]) -> str:
    """Run *script* by bash in a terminal of its own, and return all that was written to it."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
    process = subprocess.Popen(
        ["bash", "-c", script], cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    written = b""
    with contextlib.suppress(OSError):  # EIO: nobody writes to it any more
        while piece := os.read(ours, 65536):
            written += piece
    os.close(ours)
    process.wait()
    return written.decode("utf-8")


def _screen(written: str) -> str:
    """Return what is left on the screen of what was *written*: a bar that is drawn again and again is gone at last."""
    lines, row = [""], 0
    for token in re.findall(r"\x1b\[[?\d;]*[A-Za-z]|\r\n|\r|\n|[^\x1b\r\n]+", written):
        if token in ("\n", "\r\n"):
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif token.endswith("A") and token.startswith("\x1b"):
            row -= int(token[2:-1] or 1)
        elif token in ("\r", "\x1b[2K"):
            lines[row] = ""
        elif not token.startswith("\x1b[") or token.endswith("m"):
            lines[row] += token
    return "\n".join(lines).rstrip("\n")


def _colours(text: str) -> list[tuple[int, int, int]]:
    return [(colour[0], colour[1], colour[2]) for colour in map(bytes.fromhex, text.split())]


_THEME: Final = TerminalTheme(
    (0x18, 0x1A, 0x1F),
    (0xDE, 0xE1, 0xE6),
    _colours("282c34 f07178 7ec77b e5c07b 6eaaf5 c692e9 62c8d4 c8ccd4"),
    _colours("7d8491 ff8b92 98db94 f5d28f 8abeff daa8fa 78dce8 ffffff"),
)
"""Light on dark, which can be read on a light page and on a dark one."""

_FORMAT: Final = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-labelledby="NAME">
<title id="NAME">TEXT</title>
<style>
.matrix {{
font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: {char_height}px
}}
{styles}
</style>
{chrome}
{backgrounds}
<g class="matrix" transform="translate({terminal_x}, 40)">
{matrix}
</g>
</svg>
"""
"""What rich fills in: no font that is fetched, and a title for those who do not see the picture."""


def _svg(name: str, text: str, script: str, screen: str) -> str:
    """Return the picture of a terminal in which *script* was run."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), color_system="truecolor", force_terminal=True)
    prompt = Text.assemble(("$ ", "bright_black"), (script, "bold bright_white"), "\n")
    shown = prompt.append_text(Text.from_ansi(screen))
    for line in shown.split("\n"):
        for part in line.divide(range(COLUMNS, len(line), COLUMNS)):
            console.print(part, soft_wrap=True)
    form = _FORMAT.replace("NAME", name).replace("TEXT", html.escape(text))
    made = console.export_svg(title="", theme=_THEME, code_format=form, unique_id=name)
    made = re.sub(rf' clip-path="url\(#{name}-line-\d+\)"', "", made).replace("&#160;", "\N{NO-BREAK SPACE}")
    made = re.sub(r"<text[^>]*>\n</text>", "", made).replace("</text><", "</text>\n<")
    return re.sub(r"[ \t]+$", "", made, flags=re.MULTILINE)


def main() -> None:
    """Write the pictures into the folder that is given."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in pictures():
        (folder / f"{name}.svg").write_text(picture, encoding="utf-8", newline="\n")
        print(folder / f"{name}.svg", len(picture))


if __name__ == "__main__":
    main()
