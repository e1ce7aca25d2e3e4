"""What shells, editors, mail and CI systems do to the text of a key is undone, alone and one after the other."""

import base64
import html
import json
import re
from collections.abc import Callable
from itertools import product
from types import SimpleNamespace
from urllib.parse import quote, quote_plus

import pytest
from cryptography.hazmat.primitives import serialization

from qsjwt.errors import KeyUnavailable
from qsjwt.keys.load import load_private_key
from tests.conftest import pem

TEXT: dict[str, Callable[[str], str]] = {
    "line ends as %0A": lambda text: text.replace("\n", "%0A"),
    "line ends as %0D%0A": lambda text: text.replace("\n", "%0d%0a"),
    "URL-encoded": lambda text: quote(text, safe=""),
    "URL-encoded but for slashes": quote,
    "URL-encoded as a form": quote_plus,
    "URL-encoded twice": lambda text: quote(quote(text)),
    "no-break spaces": lambda text: text.replace(" ", "\u00a0").replace("\n", "\u00a0\n"),
    "zero-width spaces": lambda text: "\u200b" + text.replace("\n", "\u200b\n"),
    "line separators": lambda text: text.replace("\n", "\u2028"),
    "typographic dashes": lambda text: text.replace("-----", "\u2014\u2013-"),
    "quoted in a mail": lambda text: re.sub("(?m)^", "> ", text),
    "quoted twice": lambda text: re.sub("(?m)^", ">> ", text),
    "quoted, then on one line": lambda text: re.sub("(?m)^", "> ", text).replace("\n", " "),
    "commented out": lambda text: re.sub("(?m)^", "# ", text),
    "lines continued by backslashes": lambda text: text.replace("\n", "\\\n"),
    "lines continued as in PowerShell": lambda text: text.replace("\n", " `\r\n"),
    "PowerShell's line ends spelled out": lambda text: text.replace("\n", "`r`n"),
    "JSON of .NET": lambda text: json.dumps(text).replace("+", "\\u002B"),
    "JSON of PHP": lambda text: json.dumps(text).replace("/", "\\/"),
    "an XML attribute": lambda text: html.escape(text).replace("\n", "&#10;").replace("+", "&#43;"),
    "strings joined in JavaScript": lambda text: " +\n".join(json.dumps(f"{line}\n") for line in text.splitlines()),
}
CODED: dict[str, Callable[[bytes], bytes]] = {
    "as it is": lambda data: data,
    "base64": base64.b64encode,
    "base64 twice": lambda data: base64.b64encode(base64.encodebytes(data)),
    "a data URL": lambda data: b"data:application/x-pem-file;base64," + base64.b64encode(data),
    "base64, URL-encoded": lambda data: quote(base64.b64encode(data), safe="").encode(),
}


@pytest.mark.parametrize("text", TEXT)
def test_a_mangled_key_is_the_same_key(keys: SimpleNamespace, text: str) -> None:
    for data, code in product((pem(keys.rsa), pem(keys.ec, "TraditionalOpenSSL")), CODED.values()):
        mangled = code(TEXT[text](data.decode("ascii")).encode("utf-8"))
        assert load_private_key(mangled, "the key", lambda: None) == load_private_key(data, "the key", lambda: None)


@pytest.mark.parametrize("end", ["", " ", "\r", "\\n", "%0A", " > "])
@pytest.mark.parametrize("cipher", ["AES-256-CBC", "DES-EDE3-CBC"])
def test_an_encrypted_key_with_headers_needs_no_line_ends(keys: SimpleNamespace, end: str, cipher: str) -> None:
    mangled = _traditional(keys.rsa, cipher).replace("\n", end).encode()
    assert (
        load_private_key(mangled, "the key", lambda: b"s3cret")["n"]
        == load_private_key(pem(keys.rsa), "the key", lambda: None)["n"]
    )
    with pytest.raises(KeyUnavailable, match="wrong passphrase"):
        load_private_key(mangled, "the key", lambda: b"wrong")


def _traditional(key: object, cipher: str) -> str:
    """Return *key* encrypted as OpenSSL does by its traditional headers (RFC 1421), with the passphrase s3cret."""
    import hashlib

    from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.padding import PKCS7

    iv = bytes(range(16 if cipher.startswith("AES") else 8))
    derived, block = b"", b""
    while len(derived) < 32:
        block = hashlib.md5(block + b"s3cret" + iv[:8]).digest()  # noqa: S324 - EVP_BytesToKey
        derived += block
    how = algorithms.AES(derived[:32]) if cipher.startswith("AES") else TripleDES(derived[:24])
    padder = PKCS7(8 * len(iv)).padder()
    der = key.private_bytes(  # type: ignore[attr-defined]
        serialization.Encoding.DER, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    encryptor = Cipher(how, modes.CBC(iv)).encryptor()
    body = base64.encodebytes(encryptor.update(padder.update(der) + padder.finalize()) + encryptor.finalize()).decode()
    headers = f"Proc-Type: 4,ENCRYPTED\nDEK-Info: {cipher},{iv.hex().upper()}\n\n"
    return f"-----BEGIN RSA PRIVATE KEY-----\n{headers}{body}-----END RSA PRIVATE KEY-----\n"


def test_json_that_is_no_pem_is_left_alone(keys: SimpleNamespace) -> None:
    jwk = {**json.loads(load_private_key(pem(keys.ec), "k", lambda: None).export()), "kid": "50%25 + a`nb > c"}
    assert load_private_key(json.dumps(jwk).encode(), "the key", lambda: None)["kid"] == "50%25 + a`nb > c"


PARTS = (
    *(
        " ",
        "\\",
        '"',
        '" ',
        '"+ ',
        "'\n+ ",
        "> ",
        "# ",
        "` ",
        "^",
        "\\\n",
        " \\",
        "%0A",
        "%25",
        "&",
        "&#1",
        "&amp;",
        "\\u00",
    ),
    *(
        "\xa0",
        "\u2010",
        "\u200b",
        "\u2014BEGIN A",
        "data:",
        "\t\t\t\n",
        "\r",
        "=",
        "AB=",
        "\\\\n",
        "BEGIN+%0A",
        "-----END A",
    ),
)


@pytest.mark.parametrize("part", PARTS)
def test_a_million_characters_take_no_longer_than_they_must(part: str) -> None:
    for start, end in product(("", "-----BEGIN A-----\\&\"'\xa0", "data:"), ("", "x")):
        text = start + part * (1_000_000 // len(part)) + end
        with pytest.raises(KeyUnavailable):  # quadratic work would take hours
            load_private_key(text.encode(), "it", lambda: None)


def test_a_character_of_more_digits_than_there_are_is_no_bug() -> None:
    with pytest.raises(KeyUnavailable):
        load_private_key(f"-----BEGIN &#{'1' * 5000};".encode(), "it", lambda: None)
