"""Reading what users point at."""

import codecs
import io
import os
import sys
from pathlib import Path

import pytest

from qsjwt.errors import InputError, KeyUnavailable
from qsjwt.io.read import (
    FileRefused,
    decode_text,
    os_error_reason,
    read_file,
    read_standard_input,
    read_text,
    read_variable,
    whole_number,
)
from tests.conftest import posix


@pytest.mark.parametrize(
    "data",
    [
        "Göran\r\n".encode(),
        codecs.BOM_UTF8 + "Göran\r\n".encode(),
        "Göran\r\n".encode("utf-16"),
        codecs.BOM_UTF16_LE + "Göran\r\n".encode("utf-16-le"),
        codecs.BOM_UTF16_BE + "Göran\r\n".encode("utf-16-be"),
        "Göran\r\n".encode("utf-16-le"),
        "Göran\r\n".encode("utf-16-be"),
    ],
)
def test_text_is_read_in_every_encoding_that_shells_write(data: bytes) -> None:
    assert decode_text(data) == "Göran\r\n"


def test_bytes_that_are_no_text_are_no_text() -> None:
    with pytest.raises(UnicodeDecodeError):
        decode_text(b"G\xf6ran")


def test_a_file_may_have_any_name(tmp_path: Path) -> None:
    path = tmp_path / ("a#b%20 ö.pem" if os.name == "nt" else "a?b#c:d%20 ö.pem")
    path.write_bytes(b"content")
    assert read_file(str(path), "key file") == b"content"


def test_a_leading_tilde_is_the_home_folder(home: Path) -> None:
    (home / "key").write_bytes(b"content")
    assert read_file("~/key", "key file") == b"content"


@posix("/dev/zero")
def test_a_file_that_never_ends_is_refused() -> None:
    with pytest.raises(KeyUnavailable, match="larger than 1 MiB"):
        read_file("/dev/zero", "key file", error=KeyUnavailable)


@pytest.mark.parametrize("name", ["x\0y", "x" * 5000])
def test_a_name_that_no_file_can_have_is_refused(name: str) -> None:
    with pytest.raises(KeyUnavailable, match="key file"):
        read_file(name, "key file", error=KeyUnavailable)


@posix("permission bits")
def test_a_file_without_permission_says_so(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"content")
    path.chmod(0)
    tmp_path.chmod(0o755)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        with pytest.raises(KeyUnavailable, match="permission denied"):
            read_file(str(path), "key file", error=KeyUnavailable)
    finally:
        if root:
            os.seteuid(0)


def test_standard_input_is_read_once_and_the_second_reader_is_told_of_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"data")))
    assert read_standard_input("--claims-file -") == b"data"
    with pytest.raises(InputError, match=r"--claims-file - and --key stdin: both read standard input"):
        read_standard_input("--key stdin:")


def test_closed_standard_input_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(InputError, match="closed"):
        read_standard_input("--key stdin:")


def test_endless_standard_input_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"x" * (2 << 20))))
    with pytest.raises(InputError, match="more than 1 MiB"):
        read_standard_input("--key stdin:")


def test_standard_input_that_fails_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(b""))
    monkeypatch.setattr(sys, "stdin", stream)
    stream.buffer.close()
    with pytest.raises(InputError, match="cannot read standard input"):
        read_standard_input("--key stdin:")


def test_a_variable_gives_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QLIK_KEY", "Göran")
    assert read_variable("QLIK_KEY", "private key", error=KeyUnavailable) == "Göran".encode()


@pytest.mark.parametrize(("value", "word"), [(None, "not set"), ("", "empty"), (" \n", "empty")])
def test_a_variable_without_a_value_is_an_error(value: str | None, word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QLIK_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("QLIK_KEY", value)
    with pytest.raises(KeyUnavailable, match=f"'QLIK_KEY' for the private key is {word}"):
        read_variable("QLIK_KEY", "private key", error=KeyUnavailable)


def test_a_secret_given_as_the_name_of_a_variable_is_not_repeated() -> None:
    with pytest.raises(InputError) as refusal:
        read_variable("s3cret!", "passphrase", error=KeyUnavailable)
    assert "s3cret" not in str(refusal.value)


def test_an_empty_name_and_a_content_instead_of_a_name_are_told_apart() -> None:
    with pytest.raises(InputError, match="the name of the key file is empty"):
        read_file("", "key file")
    for content in ('{"kty": "RSA"}', "-----BEGIN PRIVATE KEY-----"):
        with pytest.raises(InputError, match="expected the name of the key file, got its content") as refusal:
            read_file(content, "key file")
        assert content not in refusal.value.message


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        (FileRefused("is a symbolic link", hint="remove it"), "is a symbolic link"),
        (FileExistsError(), "exists already"),
        (IsADirectoryError(), "is a folder"),
        (PermissionError(13, "Permission denied", os.curdir), "is a folder"),
        (OSError(5, "Input/output error"), "is not accessible: input/output error"),
        (ValueError("embedded null byte"), "is not a valid file name"),
    ],
)
def test_what_went_wrong_with_a_file_ends_a_sentence(cause: OSError | ValueError, reason: str) -> None:
    assert os_error_reason(cause) == reason


def test_text_is_read_from_a_file_or_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "claims").write_bytes("ä".encode("utf-16"))
    assert read_text(str(tmp_path / "claims"), "claims file", "--claims-file") == "ä"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff")))
    with pytest.raises(InputError, match="standard input is neither UTF-8 nor UTF-16 text"):
        read_text("-", "claims file", "--claims-file")


@pytest.mark.parametrize(
    ("text", "words"), [("5x", "a whole number"), ("1" * 10, "too large"), ("7", "between 1 and 5")]
)
def test_a_number_is_whole_and_within_its_bounds(text: str, words: str) -> None:
    assert whole_number("5", "size", range(1, 6)) == 5
    with pytest.raises(InputError, match=words):
        whole_number(text, "size", range(1, 6))
