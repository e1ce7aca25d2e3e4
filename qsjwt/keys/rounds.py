"""How often a passphrase is hashed to open a key: its file says so, and must not keep the program busy for hours."""

import math
from collections.abc import Iterator
from typing import Final

from qsjwt.errors import KeyUnavailable
from qsjwt.keys.der import CONSTRUCTED, INTEGER, OCTETS, SEQUENCE
from qsjwt.keys.pem import OPENSSH_MAGIC

MAX_ROUNDS: Final = 1 << 22
"""Of PBKDF2 and its kin, all of a file together, which take a second or so; careful programs write a million."""

MAX_BCRYPT_ROUNDS: Final = 1 << 8
"""Of the key derivation of OpenSSH, which take two seconds; ssh-keygen writes 24."""

_ROUNDS_PER_BLOCK: Final = 4
"""What a block of scrypt counts for; so many blocks as are allowed take 128 MiB."""

_MAX_DEPTH: Final = 32
"""Of values within each other; OpenSSL reads no more than 30."""

_MAX_LEVELS: Final = 8
"""Of values within octet strings, each within the next; PKCS#12 has two, and the extensions of a certificate one."""

_LONG_TAG, _LONG_FORM = 0x1F, 0x80


def require_bounded(data: bytes, source: str) -> None:
    """Return if the passphrase of *data*, a PKCS#8 or PKCS#12 in DER or BER, or an OpenSSH key, can be tried soon.

    :param source: where *data* comes from, for messages.
    :raises KeyUnavailable: if not.
    """
    if data.startswith(OPENSSH_MAGIC):
        rounds, most, way_out = _bcrypt_rounds(data), MAX_BCRYPT_ROUNDS, "ssh-keygen -p -a 100 -f COPY"
    else:
        try:
            rounds = sum(_rounds(data))
        except ValueError as cause:
            raise KeyUnavailable(f"{source} is damaged: {cause}") from cause
        most, way_out = MAX_ROUNDS, "openssl pkcs8 -topk8 -iter 600000 -in FILE -out NEW"
    if rounds > most:
        raise KeyUnavailable(
            f"{source} is encrypted with more than {most} rounds of hashing the passphrase, which would take too long",
            hint=f"encrypt it again with fewer: {way_out}",
        )


def _bcrypt_rounds(data: bytes) -> int:
    """Return the rounds of an OpenSSH key (PROTOCOL.key): cipher, KDF, and the KDF's options, a salt and a number."""
    at = len(OPENSSH_MAGIC)
    for _ in ("cipher", "KDF"):
        at += 4 + int.from_bytes(data[at : at + 4], "big")
    end = at + 4 + int.from_bytes(data[at : at + 4], "big")
    at += 8 + int.from_bytes(data[at + 4 : at + 8], "big")
    return int.from_bytes(data[at : min(at + 4, end)], "big")


def _rounds(data: bytes) -> Iterator[int]:
    """Yield what each key derivation in *data* costs, and that of PKCS#12's MAC.

    All of them are an OCTET STRING, the salt, and INTEGERs after it: the rounds, and maybe the length of the key (RFC
    8018, appendix A; RFC 7292, section 4 and appendix C); those of scrypt are its N, r and p (RFC 7914, section 7).

    :raises ValueError: if values are nested deeper than any program writes them.
    """
    pending = [(data, 0)]
    while pending:
        content, level = pending.pop()
        if level > _MAX_LEVELS:
            raise ValueError("it is nested too deeply")
        for found in _salted_numbers(content):
            if isinstance(found, list):
                yield found[0] if len(found) < len("Nrp") else _ROUNDS_PER_BLOCK * math.prod(found[: len("Nrp")])
            elif found[:1] == bytes([SEQUENCE]) and _head(found, 0)[2] in (None, len(found)):
                pending.append((found, level + 1))


class _Frame:
    """A constructed value that is being read.

    :ivar end: where it ends; None if end-of-contents octets mark that.
    :ivar pieces: of the OCTET STRING that it is, or is part of; None if it is none.
    :ivar numbers: the INTEGERs since its last OCTET STRING; None if there is none, or other values came after it.
    """

    def __init__(self, end: int | None, pieces: list[bytes] | None = None) -> None:
        self.end = end
        self.pieces = pieces
        self.numbers: list[int] | None = None

    def take(self, tag: int, content: bytes) -> Iterator[bytes]:
        """Take a member that is not constructed; yield what is in an OCTET STRING that is whole."""
        if tag == INTEGER and self.numbers is not None:
            self.numbers.append(int.from_bytes(content, "big"))
        elif tag != OCTETS:
            self.numbers = None
        elif self.pieces is not None:
            self.pieces.append(content)
        else:
            self.numbers = []
            yield content


def _salted_numbers(data: bytes) -> Iterator[list[int] | bytes]:
    """Yield the INTEGERs after each OCTET STRING, and what is in the OCTET STRINGs, in one pass over DER or BER."""
    frames = [_Frame(len(data))]
    at = 0
    while frames:
        frame = frames[-1]
        marked = frame.end is None and data[at : at + 2] == b"\0\0"  # X.690, section 8.1.5
        if marked or at >= min(len(data) if frame.end is None else frame.end, len(data)):
            at += 2 * marked
            frames.pop()
            if frame.numbers:
                yield frame.numbers
            if frames and frame.pieces is not None and frames[-1].pieces is None:
                yield b"".join(frame.pieces)
                frames[-1].numbers = []
            continue
        tag, start, end = _head(data, at)
        if frame.numbers and tag != INTEGER:
            yield frame.numbers
            frame.numbers = None
        if tag & CONSTRUCTED:
            if len(frames) > _MAX_DEPTH:
                raise ValueError("it is nested too deeply")
            at = start
            is_octets = tag == OCTETS | CONSTRUCTED
            frames.append(_Frame(end, (frame.pieces if frame.pieces is not None else []) if is_octets else None))
            continue
        at = len(data) if end is None else end
        yield from frame.take(tag, data[start:at])


def _head(data: bytes, at: int) -> tuple[int, int, int | None]:
    """Return the first byte of the value at *at*, where its content begins and ends, None if that is marked."""
    tag = data[at]
    at += 1
    if tag & _LONG_TAG == _LONG_TAG:  # X.690, section 8.1.2.4
        while at < len(data) and data[at] & _LONG_FORM:
            at += 1
        at += 1
    length = data[at] if at < len(data) else 0
    start = at + 1
    if length == _LONG_FORM:
        return tag, start, None
    if length & _LONG_FORM:
        start += length ^ _LONG_FORM
        length = int.from_bytes(data[at + 1 : start], "big")
    return tag, start, start + length
