"""The options of commands that talk to a server."""

import pytest

from qsjwt.errors import InputError
from qsjwt.live.options import add_server_options, connection
from qsjwt.options.parser import Parser
from qsjwt.tokens.request import Options

DIGITS = "0123456789abcdef" * 4
WITH_COLONS = ":".join(DIGITS[place : place + 2] for place in range(0, 64, 2)).upper()


def parsed(*words: str) -> Options:
    parser = Parser("qsjwt test", "")
    add_server_options(parser, "the server")
    return parser.parse_args(["--url", "https://localhost/jwt", *words])


@pytest.mark.parametrize("text", [DIGITS, DIGITS.upper(), WITH_COLONS, f"sha256 Fingerprint={WITH_COLONS}"])
def test_a_fingerprint_is_read_as_openssl_prints_it(text: str) -> None:
    made = connection(parsed("--server-fingerprint", text, "--timeout", "2m"))
    assert (made.fingerprint, made.timeout, made.address.path) == (DIGITS, 120, "/jwt")


@pytest.mark.parametrize("text", ["", DIGITS[:-2], f"{DIGITS}00", DIGITS.replace("0", "g"), DIGITS[:40]])
def test_what_is_no_sha_256_fingerprint_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="must be a SHA-256 fingerprint"):
        parsed("--server-fingerprint", text)


def test_one_certificate_is_trusted_or_those_that_a_ca_issued() -> None:
    with pytest.raises(InputError, match="--ca-file"):
        parsed("--server-fingerprint", DIGITS, "--ca-file", "root.pem")
