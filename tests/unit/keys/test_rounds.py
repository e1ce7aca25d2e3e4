"""How long a passphrase may take to try, as the file of the key says it."""

import base64
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from cryptography.hazmat.primitives.serialization.pkcs12 import PBES, serialize_key_and_certificates

from qsjwt.errors import KeyUnavailable
from qsjwt.keys.load import load_private_key
from qsjwt.keys.rounds import MAX_BCRYPT_ROUNDS, MAX_ROUNDS, require_bounded
from tests.conftest import self_signed
from tests.programs import run_program

HOURS = 2**31 - 1
USUAL = 2048


def _number(value: int) -> bytes:
    return b"\x02\x04" + value.to_bytes(4, "big")


def _pkcs8(keys: SimpleNamespace) -> bytes:
    """Return a PKCS#8 as cryptography encrypts it, the rounds of which are a number of four bytes."""
    plain = keys.ec.private_bytes(Encoding.DER, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    return _longer(plain, b"\x02\x02\x08\x00", _number(USUAL))


def _pkcs12(keys: SimpleNamespace, scheme: PBES, rounds: int = USUAL) -> bytes:
    """Return a PKCS#12 with a key and a certificate, which are encrypted each by itself; its MAC takes 2048 rounds."""
    encryption = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(rounds).key_cert_algorithm(scheme)
    certificate = x509.load_pem_x509_certificate(self_signed(keys.ec, "name"))
    made: bytes = serialize_key_and_certificates(
        b"name", keys.ec, certificate, None, encryption.hmac_hash(hashes.SHA256()).build(b"secret")
    )
    return made


def _longer(der: bytes, old: bytes, new: bytes) -> bytes:
    """Return *der* with *new* for the last *old*, and the lengths of what that is in put right."""
    at = der.rindex(old)

    def rebuilt(start: int, end: int) -> bytes:
        made = b""
        while start < end:
            size, head = der[start + 1], 2
            if size & 0x80:
                head += size & 0x7F
                size = int.from_bytes(der[start + 2 : start + head], "big")
            stop = start + head + size
            if start == at:
                made += new
            elif start < at < stop:
                content = rebuilt(start + head, stop)
                made += der[start : start + 1] + b"\x84" + len(content).to_bytes(4, "big") + content
            else:
                made += der[start:stop]
            start = stop
        return made

    return rebuilt(0, len(der))


def _openssh(keys: SimpleNamespace, rounds: int) -> bytes:
    """Return an OpenSSH key, encrypted, that says of itself that it takes so many rounds."""
    text = keys.ec.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, BestAvailableEncryption(b"secret"))
    data = base64.b64decode(b"".join(text.splitlines()[1:-1]))
    at = data.index(b"bcrypt") + len(b"bcrypt") + 4 + 4 + 16
    data = data[:at] + rounds.to_bytes(4, "big") + data[at + 4 :]
    return b"-----BEGIN OPENSSH PRIVATE KEY-----\n" + base64.encodebytes(data) + b"-----END OPENSSH PRIVATE KEY-----\n"


def _refused(data: bytes) -> None:
    before = time.process_time()
    with pytest.raises(KeyUnavailable, match=r"more than [0-9]+ rounds of hashing the passphrase") as caught:
        load_private_key(data, "the file", lambda: b"secret")
    assert time.process_time() - before < 1
    assert "encrypt it again" in caught.value.hint


def test_a_pkcs8_that_takes_hours_is_refused_before_it_is_tried(keys: SimpleNamespace) -> None:
    data = _pkcs8(keys)
    assert load_private_key(data, "the file", lambda: b"secret")["kty"] == "EC"
    _refused(data.replace(_number(USUAL), _number(HOURS)))
    _refused(data.replace(_number(USUAL), _number(MAX_ROUNDS + 1)))


@pytest.mark.parametrize("place", ["its key", "its MAC"])
@pytest.mark.parametrize("scheme", PBES)
def test_a_pkcs12_that_takes_hours_is_refused_before_it_is_tried(
    keys: SimpleNamespace, scheme: PBES, place: str
) -> None:
    data = _pkcs12(keys, scheme)
    short = b"\x02\x02" + USUAL.to_bytes(2, "big")
    _refused(
        _longer(data, short, _number(HOURS))
        if place == "its MAC"
        else _pkcs12(keys, scheme, 200_000).replace(b"\x02\x03\x03\x0d\x40", b"\x02\x03\x7f\xff\xff")
    )


def test_the_rounds_of_all_parts_count_together(keys: SimpleNamespace) -> None:
    _refused(_pkcs12(keys, PBES.PBESv2SHA256AndAES256CBC, MAX_ROUNDS // 2 + 1))


def test_a_pkcs12_in_pieces_of_marked_length_is_looked_through_too(keys: SimpleNamespace) -> None:
    inner = _pkcs8(keys).replace(_number(USUAL), _number(HOURS))
    pieces = b"".join(b"\x04\x05" + inner[at : at + 5] for at in range(0, len(inner) - len(inner) % 5, 5))
    rest = inner[len(inner) - len(inner) % 5 :]
    pieces += b"\x04" + bytes([len(rest)]) + rest
    with pytest.raises(KeyUnavailable, match="more than"):
        require_bounded(b"\x30\x80\x24\x80" + pieces + b"\0\0\0\0", "the file")


@pytest.mark.needs("openssl")
@pytest.mark.parametrize(
    "scheme", [("-v1", "PBE-SHA1-3DES"), ("-v2", "aes128", "-v2prf", "hmacWithSHA512"), ("-v2", "des3"), ()]
)
def test_every_scheme_of_openssl_is_looked_at(keys: SimpleNamespace, tmp_path: Path, scheme: tuple[str, ...]) -> None:
    made = ("openssl", "pkcs8", "-topk8", "-in", keys.files["ec"], "-passout", "pass:secret", *scheme)
    run_program(*made, "-iter", USUAL, "-out", tmp_path / "bounded.pem")
    run_program(*made, "-iter", MAX_ROUNDS + 1, "-out", tmp_path / "unbounded.pem")
    _refused((tmp_path / "unbounded.pem").read_bytes())
    assert load_private_key((tmp_path / "bounded.pem").read_bytes(), "the file", lambda: b"secret")["kty"] == "EC"


@pytest.mark.needs("openssl")
def test_the_memory_and_the_time_of_scrypt_are_bounded(keys: SimpleNamespace, tmp_path: Path) -> None:
    made = ("openssl", "pkcs8", "-topk8", "-in", keys.files["ec"], "-passout", "pass:secret", "-scrypt")
    run_program(*made, "-out", tmp_path / "usual.pem")
    assert load_private_key((tmp_path / "usual.pem").read_bytes(), "the file", lambda: b"secret")["kty"] == "EC"
    der = base64.b64decode("".join((tmp_path / "usual.pem").read_text().splitlines()[1:-1]))
    usual = b"\x02\x02\x40\x00\x02\x01\x08\x02\x01\x01"  # N, r, p
    assert usual in der
    _refused(_longer(der, usual[:4], _number(1 << 18)))
    _refused(_longer(der, usual[-3:], _number(1 << 20)))


def test_an_openssh_key_that_takes_hours_is_refused_before_it_is_tried(keys: SimpleNamespace) -> None:
    for rounds in (HOURS, MAX_BCRYPT_ROUNDS + 1):
        _refused(_openssh(keys, rounds))
    assert load_private_key(_openssh(keys, 16), "the file", lambda: b"secret")["kty"] == "EC"


@pytest.mark.parametrize("opening", [b"\x30\x80", b"\x24\x80", b"\x30\x84\x7f\xff\xff\xff", b"\xa0\x80"])
def test_what_is_nested_without_end_is_refused(opening: bytes) -> None:
    with pytest.raises(KeyUnavailable, match="nested too deeply"):
        require_bounded(opening * 100_000, "the file")


@pytest.mark.parametrize(
    "data", [b"", b"\x30", b"\x30\x80", b"\x04\x84\xff", b"\x1f" + b"\xff" * 9, b"\0\0", b"openssh-key-v1\0\xff\xff"]
)
def test_what_is_cut_off_has_no_rounds(data: bytes) -> None:
    require_bounded(data, "the file")
