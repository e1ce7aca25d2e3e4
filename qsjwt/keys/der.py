"""Take DER values (X.690) apart, as far as is needed to tell what they are."""

from collections.abc import Iterator
from typing import Final, NamedTuple

INTEGER, BITS, OCTETS, OID, SEQUENCE, SET = 0x02, 0x03, 0x04, 0x06, 0x30, 0x31
BMP_STRING: Final = 0x1E
CONSTRUCTED: Final = 0x20
"""The bit of a tag that says that the content is made of values (X.690, section 8.1.2.5)."""

_LONG_FORM: Final = 0x80
"""The bit of a length that says that the other seven count its bytes (X.690, section 8.1.3.5)."""

_MAX_OID_BYTES: Final = 20
"""Bytes of content; those of algorithms have at most 11."""

_LINE_END: Final = range(3)
"""How many bytes may follow a file's one DER value: those of a line end that an editor or a shell has added."""


class Value(NamedTuple):
    """One value.

    :ivar tag: its first byte.
    :ivar start: where its content begins in the data that it was read from.
    :ivar end: where it ends there; beyond the data if it is cut off.
    :ivar content: what is there of its content.
    """

    tag: int
    start: int
    end: int
    content: bytes

    def members(self) -> "list[Value]":
        """Return the values that its content is made of, up to the first that is cut off."""
        return list(values(self.content))


def is_der(data: bytes) -> bool:
    """Tell whether *data* begins as a DER sequence does, and not as text that begins with a zero."""
    if data[:1] != bytes([SEQUENCE]):
        return False
    has_integer = data[2:3] == bytes([INTEGER])  # which is no character of a text
    fits = data[2:3] == bytes([SEQUENCE]) and len(data) - value_at(data).end in _LINE_END
    return data[1:2] >= b"\x80" or has_integer or fits


def value_at(data: bytes, at: int = 0) -> Value:
    """Return the value at *at* (X.690, section 8.1.3); its tag is 0 if there is none."""
    tag = data[at] if at < len(data) else 0
    length = data[at + 1] if at + 1 < len(data) else 0
    start = at + 2
    if length & _LONG_FORM:
        start += length ^ _LONG_FORM
        length = int.from_bytes(data[at + 2 : start], "big")
    return Value(tag, start, start + length, data[start : start + length])


def values(data: bytes) -> Iterator[Value]:
    """Yield the values that stand one after another in *data*, up to the first that is cut off."""
    at = 0
    while at < len(data):
        found = value_at(data, at)
        if found.end > len(data):
            return
        yield found
        at = found.end


def first_value(data: bytes) -> bytes:
    """Return the first value in *data* with its tag and length, whatever follows it; empty if it is cut off."""
    end = value_at(data).end
    return data[:end] if end <= len(data) else b""


def octets(value: Value) -> bytes:
    """Return the content of an OCTET STRING, also of one in pieces, as BER has it (X.690, section 8.7.3)."""
    return b"".join(map(octets, value.members())) if value.tag & CONSTRUCTED else value.content


def oid(value: Value) -> str:
    """Return an OBJECT IDENTIFIER in dotted decimals (X.690, section 8.19); empty if *value* is none, or too long."""
    if value.tag != OID or not 0 < len(value.content) <= _MAX_OID_BYTES:
        return ""
    numbers, number = [], 0
    for byte in value.content:
        number = number << 7 | byte & 0x7F
        if byte < _LONG_FORM:
            numbers.append(number)
            number = 0
    first = min(numbers[0] // 40, 2) if numbers else 0
    return ".".join(map(str, [first, numbers[0] - 40 * first, *numbers[1:]])) if numbers else ""
