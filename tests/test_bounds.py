"""Work is bounded, not only bytes: what no input below 1 MiB may cost, in processor time and in memory."""

import base64
import datetime
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwcrypto.jwk import JWK

MAX_SECONDS: Final = 2
"""Of CPU, on a machine that takes :data:`REFERENCE_SECONDS` for the loop; one that takes longer gets as much more."""

REFERENCE_SECONDS: Final = 0.05
MAX_MEGABYTES: Final = 200
MAX_INPUT_BYTES: Final = 1 << 20

_CHILD: Final = r"""
import re, resource, sys
from pathlib import Path
from qsjwt.cli.app import main

def seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime

start = seconds()
code = main(sys.argv[1:])
taken = seconds() - start
total = 0
for number in range(1_000_000):  # what the time is compared with
    total += number * number
reference = seconds() - start - taken
# Not ru_maxrss: it counts what the parent had before exec.
peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]
sys.stdout.flush()
print(f"\n{code} {taken} {reference} {int(peak) / 1024}", file=sys.stderr)
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the peak of a process's memory")


def _part(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _token(claims: str, header: str = '{"alg":"RS256"}') -> str:
    return f"{_part(header)}.{_part(claims)}.{_part('x' * 256)}"


def _members(count: int) -> str:
    return ",".join(f'"a{i}":1' for i in range(count))


TOKENS: Final = {
    "many members and one that is long": _token(f'{{{_members(20_000)},"x":"{"y" * 200_000}"}}'),
    "members within long names": _token('{"' + f'":{{"{"a" * 10_000}' * 50 + f'":{{{_members(9_000)}}}' + "}" * 51),
    "a long list": _token(f'{{"aud":[{",".join(["1"] * 370_000)}]}}'),
    "many lists": _token(f'{{"a":[{",".join(["[[[[]]]]"] * 60_000)}]}}'),
    "deep nesting": _token(f'{{"a":{"[" * 300_000}{"]" * 300_000}}}'),
    "control characters": _token(f'{{"a":"{chr(0x7F) * 600_000}"}}'),
    "directions": _token(f'{{"a":"{chr(0x202E) * 200_000}"}}'),
    "many groups": _token(f'{{"group":{json.dumps([f"g{i}" for i in range(60_000)])}}}'),
    "a long key ID": _token("{}", f'{{"alg":"RS256","kid":"{"k" * 700_000}"}}'),
    "large numbers": _token(f'{{"exp":0.{"1" * 700_000}}}'),
    "dots": "." * 1_000_000,
}

ROWS: Final = {
    "many columns": ",".join(f"c{i}" for i in range(140_000)),
    "one column many times": ",".join(["userid"] * 140_000),
    "many claims": f"userid,{','.join(f'claim.c{i}' for i in range(60_000))}\nanna{',x' * 60_000}",
    "one quoted cell": f'userid\n"{"x" * 1_000_000}"',
    "quotes that are opened again and again": "userid\n" + 'x","\n' * 20_000 + f"{'y' * 9_000}\n" * 90,
    "a million commas": f"userid\n{',' * 1_000_000}",
    "empty lines": "userid\n" + "\n" * 1_000_000,
    "many groups": json.dumps({"userid": "anna", "groups": [f"g{i}" for i in range(100_000)]}),
    "unknown names": json.dumps({f"c{i}": 1 for i in range(70_000)}),
    "one long name": json.dumps({"u" * 1_000_000: 1}),
    "a deep claim": f'{{"userid":"anna","claim.x":{"[" * 300_000}',
    "a long lifetime": json.dumps({"userid": "anna", "expires": "1s" * 450_000}),
}


def _certificates(count: int) -> str:
    """Return certificates on different keys, the second half of which issued the first, as text."""
    signing = ec.generate_private_key(ec.SECP256R1())
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)

    def named(number: int) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, str(number))])

    made = (
        x509.CertificateBuilder(named(count // 2 + number % (count // 2)), named(number), _key(), number + 1)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=9999))
        .sign(signing, hashes.SHA256())
        for number in range(count)
    )
    return "".join(each.public_bytes(serialization.Encoding.PEM).decode() for each in made)


def _key() -> ec.EllipticCurvePublicKey:
    return ec.generate_private_key(ec.SECP256R1()).public_key()


def _jwks(entries: Iterable[object]) -> str:
    return json.dumps({"keys": [*entries]})


def _huge(length: int) -> str:
    return base64.urlsafe_b64encode(b"\xff" * length).decode().rstrip("=")


PUBLIC: Final[dict[str, Callable[[], str]]] = {
    "certificates": lambda: _certificates(1600),
    "public keys": lambda: "".join(JWK.from_pyca(_key()).export_to_pem().decode() for _ in range(5000)),
    "JWKs": lambda: _jwks(json.loads(JWK.from_pyca(_key()).export_public()) for _ in range(4000)),
    "JWKs without members": lambda: _jwks([{}] * 250_000),
    "JWKs without numbers": lambda: _jwks([{"kty": "EC"}] * 65_000),
    "JWKs of the same name": lambda: _jwks(
        {"kty": "RSA", "e": "AQAB", "n": _huge(8), "kid": "k"} for _ in range(15_000)
    ),
    "a JWK with a huge n": lambda: json.dumps({"kty": "RSA", "e": "AQAB", "n": _huge(700_000)}),
    "JWKs with a huge e": lambda: _jwks({"kty": "RSA", "e": _huge(2048), "n": _huge(2048)} for _ in range(180)),
    "nested JSON": lambda: '{"keys":' + "[" * 1_000_000,
    "BEGIN lines": lambda: "-----BEGIN CERTIFICATE-----\n" * 37_000,
    "empty blocks": lambda: "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n" * 19_000,
    "backslashes": lambda: "\\" * 1_000_000,
    "line ends spelled out": lambda: "\\n" * 500_000,
    "quotation marks of mail": lambda: "> " * 500_000,
    "percent signs": lambda: "%0A" * 340_000,
    "base64": lambda: "QUFB" * 260_000,
}


Bounded = Callable[..., str]


@pytest.fixture
def bounded() -> Bounded:
    """Run the program in a process of its own, see that it ends as it should and at what cost; return its stderr."""

    def run(*arguments: object, exit_codes: tuple[int, ...] = (0, 2, 3, 6), stdin: bytes = b"") -> str:
        assert len(stdin) + sum(len(str(argument)) + 1 for argument in arguments) <= MAX_INPUT_BYTES
        command = [sys.executable, "-c", _CHILD, *map(str, arguments)]
        # Coverage would trace the child, which takes most of its time then.
        plain = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
        done = subprocess.run(command, input=stdin, capture_output=True, check=True, timeout=120, env=plain)
        said, _, figures = done.stderr.decode().rstrip("\n").rpartition("\n")
        code, seconds, reference, megabytes = map(float, figures.split())
        assert code in exit_codes, said[:1000]
        assert seconds <= MAX_SECONDS * max(1, reference / REFERENCE_SECONDS)
        assert megabytes <= MAX_MEGABYTES
        return said

    return run


@pytest.mark.parametrize("form", ["table", "json", "yaml", "value", "shell"])
@pytest.mark.parametrize("name", [*TOKENS][:6])
def test_any_token_is_shown_or_refused(bounded: Bounded, name: str, form: str) -> None:
    bounded("decode", "-", "-f", form, stdin=TOKENS[name].encode())


@pytest.mark.parametrize("name", TOKENS)
def test_any_token_is_checked(bounded: Bounded, keys: SimpleNamespace, name: str) -> None:
    bounded("check", "qseow", "-", "--cert-publickey-file", keys.public, stdin=TOKENS[name].encode(), exit_codes=(6,))


@pytest.mark.parametrize("name", ROWS)
def test_any_batch_is_read_or_refused(bounded: Bounded, keys: SimpleNamespace, name: str) -> None:
    options = ("--userdir", "LAB", "--expires", "5m", "--key", keys.files["rsa"])
    bounded("create-qseow", *options, "--batch", "-", stdin=ROWS[name].encode())


@pytest.mark.parametrize(
    "words",
    [
        ["--claim", "a=b"] * 30_000,
        ["--groups", *(f"g{i}" for i in range(60_000))],
        ["--groups", "g"] * 30_000,
        [f"--unknown{i}" for i in range(40_000)],
        ["--" + "x" * 100_000],
        ["--key", "file:" + '{"d":"aB3' * 10_000],
        ["--key", f"{'x' * 100_000}:key"],
        ["--keyid", "k" * 100_000],
        ["--expires", "1s" * 60_000],
    ],
    ids=lambda words: " ".join(words)[:24],
)
def test_any_command_line_is_followed_or_refused(bounded: Bounded, keys: SimpleNamespace, words: list[str]) -> None:
    usual = ("--userdir", "LAB", "--userid", "anna", "--key", keys.files["rsa"])
    bounded("create-qseow", *usual, "--expires", "5m", *words)


@pytest.mark.parametrize("name", PUBLIC)
def test_any_public_key_is_read_or_refused(bounded: Bounded, keys: SimpleNamespace, tmp_path: Path, name: str) -> None:
    text = PUBLIC[name]()
    assert len(text) <= MAX_INPUT_BYTES
    (tmp_path / "public").write_text(text)
    bounded("check", "qseow", "--cert-publickey-file", "public", "--jwt", _token("{}"), exit_codes=(3, 6))


@pytest.mark.parametrize("name", PUBLIC)
def test_no_text_is_a_private_key_that_takes_long(bounded: Bounded, tmp_path: Path, name: str) -> None:
    (tmp_path / "private").write_text(PUBLIC[name]().replace("CERTIFICATE-----", "PRIVATE KEY-----"))
    options = ("--userdir", "LAB", "--userid", "anna", "--expires", "5m")
    bounded("create-qseow", *options, "--key", "private", exit_codes=(3,))
