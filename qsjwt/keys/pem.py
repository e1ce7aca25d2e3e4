"""Find PEM blocks (RFC 7468) in whatever shape a key arrives; what is in a block decides what it is, not its label."""

import base64
import binascii
import re
from typing import Final, NamedTuple

from qsjwt.errors import KeyUnavailable
from qsjwt.io.read import decode_text
from qsjwt.keys.der import BITS, INTEGER, OCTETS, SEQUENCE, first_value, is_der, value_at

BEGIN: Final = "-----BEGIN"
CANNOT_READ: Final = "give it in PEM: text that begins with -----BEGIN"

# RFC 7468, section 2. A block ends before the next begins, or a file of BEGIN lines would be searched over and over.
_ARMOUR: Final = r"-----BEGIN ([A-Z0-9 ]{1,64})-----((?:(?!-----BEGIN ).)*?)-----END \1-----"
# A private key begins here, if these letters are not a word in a sentence: one that is cut off has no END line.
_PRIVATE_BEGINNING: Final = (
    r"-----BEGIN [A-Z0-9 ]{0,52}PRIVATE KEY-----[\s\"',>]*(?:Proc-Type:|(?:[A-Za-z0-9+/][\s\"',>]*){32})"
)
# RFC 1421, section 4.6: the headers of a private key that OpenSSL encrypted the traditional way. The initialization
# vector is as long as a block of the cipher, 8 or 16 bytes, and tells so where line ends are lost.
_ENCRYPTION_HEADERS: Final = (
    r"[\s\"'>]*Proc-Type:\s*4,\s*ENCRYPTED[\s\"'>]*DEK-Info:\s*"
    r"(?P<cipher>(?P<short>(?:DES|RC2|IDEA|BF|CAST5)[A-Z0-9-]*)|[A-Z0-9-]+),"
    r"(?P<iv>(?(short)[0-9A-Fa-f]{16}|[0-9A-Fa-f]{32}))"
)
_NOISE: Final = r"[\s\"',>\\]+"
_NOT_BASE64: Final = r"[^A-Za-z0-9+/=]"
_OPENSSH: Final = "OPENSSH PRIVATE KEY"
OPENSSH_MAGIC: Final = b"openssh-key-v1\0"
_OPENSSH_PLAIN: Final = "none"
"""The name of the cipher of an OpenSSH key that is not encrypted (PROTOCOL.key)."""

_MARKS_OF_MANGLING: Final = "%&\\`>|#\"'"
"""One of them is there, or a letter beyond ASCII, if a text was mangled in a way that takes more than its blanks."""

PKCS12: Final = "PKCS12"
"""The label of PKCS#12 (RFC 7292) here; as text it has none of its own."""

ENCRYPTED: Final = "ENCRYPTED PRIVATE KEY"
_LABELS: Final = {
    (INTEGER, SEQUENCE): "PRIVATE KEY",  # PKCS#8: RFC 5958, section 2
    (INTEGER, INTEGER): "RSA PRIVATE KEY",  # PKCS#1: RFC 8017, appendix A.1.2
    (INTEGER, OCTETS): "EC PRIVATE KEY",  # RFC 5915, section 3
    (SEQUENCE, OCTETS): ENCRYPTED,  # RFC 5958, section 3
    (SEQUENCE, BITS): "PUBLIC KEY",  # RFC 5280, section 4.1
    (SEQUENCE, SEQUENCE): "CERTIFICATE",  # RFC 5280, section 4.1
}
"""Tags of the first two members of a DER sequence to what it is."""

_VERSIONS: Final = (b"\0", b"\1")
_PKCS12_VERSION: Final = b"\3"
_TOLD_BY_CONTENT: Final = ("PRIVATE KEY", "PUBLIC KEY", "CERTIFICATE")
"""Ends of labels that tools put on what is something else; not DSA's, whose keys look like those of RSA."""


class Block(NamedTuple):
    """One armoured text, not read any further.

    :ivar label: what it is, such as "PRIVATE KEY".
    :ivar source: where it comes from, for messages.
    """

    label: str
    source: str
    content: str

    def __repr__(self) -> str:
        return f"<Block {self.label} of {self.source}>"

    @property
    def is_private(self) -> bool:
        """Whether it is a private key, or a file that holds some."""
        return self.label.endswith("PRIVATE KEY") or self.label == PKCS12

    @property
    def is_certificate(self) -> bool:
        """Whether it is a certificate (RFC 7468, section 5.1)."""
        return self.label.endswith("CERTIFICATE")

    @property
    def encrypted(self) -> bool:
        """Whether a passphrase is needed to read it."""
        if self.label == _OPENSSH:
            return self.openssh_cipher != _OPENSSH_PLAIN
        return self.label == ENCRYPTED or self.cipher is not None

    @property
    def cipher(self) -> str | None:
        """What OpenSSL's traditional header calls the cipher, such as "AES-256-CBC"; None if there is no header."""
        headers = self._encryption_headers()
        return headers["cipher"] if headers else None

    @property
    def openssh_cipher(self) -> str:
        """What OpenSSH calls the cipher, such as "aes256-ctr"; the name stands behind the magic (PROTOCOL.key)."""
        rest = self.der()[len(OPENSSH_MAGIC) :]
        return rest[4 : 4 + int.from_bytes(rest[:4], "big")][:64].decode("ascii", "replace")

    @property
    def is_openssh(self) -> bool:
        """Whether it is in the format of OpenSSH's own."""
        return self.label == _OPENSSH

    @property
    def pem(self) -> bytes:
        """The same in the form of RFC 7468.

        :raises KeyUnavailable: if it holds more than base64.
        """
        headers = self._encryption_headers()
        preamble = f"Proc-Type: 4,ENCRYPTED\nDEK-Info: {headers['cipher']},{headers['iv']}\n\n" if headers else ""
        if self.label == "TRUSTED CERTIFICATE":  # OpenSSL's own: a certificate, and what it is trusted for
            return armoured(first_value(self.der()), "CERTIFICATE").encode("ascii")
        return _wrapped(self._body(), self.label, preamble).encode("ascii")

    def der(self) -> bytes:
        """Return the bytes that it is the armour of.

        :raises KeyUnavailable: if its base64 is damaged.
        """
        try:
            return base64.b64decode(self._body(), validate=True)
        except binascii.Error as cause:
            raise KeyUnavailable(f"{self.source} is damaged: its base64 is not whole") from cause

    def _encryption_headers(self) -> re.Match[str] | None:
        return re.match(_ENCRYPTION_HEADERS, self.content) if "Proc-Type:" in self.content else None

    def _body(self) -> str:
        headers = self._encryption_headers()
        body = re.sub(_NOISE, "", self.content[headers.end() :] if headers else self.content)
        if re.search(_NOT_BASE64, body):
            raise KeyUnavailable(f"{self.source} is damaged: there is more than base64 between its BEGIN and END lines")
        return body

    def told_by_content(self) -> "Block":
        """Return the same under the label that goes with its content: tools that convert keys like to leave the old."""
        if self.cipher is not None or not self.label.endswith(_TOLD_BY_CONTENT) or self.label.startswith("DSA "):
            return self
        try:
            der = self.der()
        except KeyUnavailable:
            return self  # which is told whoever reads it
        label = _OPENSSH if der.startswith(OPENSSH_MAGIC) else _label_of(der)
        if label is None or (label == "CERTIFICATE" and self.is_certificate):
            return self
        return self._replace(label=label)


def text_of(data: bytes, source: str) -> str:
    """Return the PEM or JSON text that *data* holds, in UTF-8 or UTF-16, in base64, or as DER that is armoured here.

    :param source: where *data* comes from, for messages, such as "the private key file 'k.pem'".
    :raises KeyUnavailable: if there is none.
    """
    if not data.strip():
        raise KeyUnavailable(f"{source} is empty")
    if is_der(data):
        return _from_der(data, source)
    try:
        text = _repaired(decode_text(data))
    except UnicodeDecodeError as cause:
        if BEGIN.encode() not in data:
            raise _not_a_key(data, f"{source} is not text, nor DER that can be read", source) from cause
        text = _repaired(data.decode("latin-1"))  # what is not ASCII is a remark around the key
    if BEGIN in text or is_json(text):
        return text
    from qsjwt.keys.mangled import from_base64

    inner = from_base64(text)
    return text if inner is None else text_of(inner, source)


def _repaired(text: str) -> str:
    if text.isascii() and not any(mark in text for mark in _MARKS_OF_MANGLING):
        return text
    from qsjwt.keys.mangled import repaired

    return repaired(text)


def is_json(text: str) -> bool:
    """Tell whether *text*, which holds no PEM, is a JSON object."""
    return text.lstrip("\ufeff \t\r\n\"'").startswith("{") and BEGIN not in text


def blocks(text: str, source: str) -> list[Block]:
    """Return the blocks in *text*, in their order; there is one at least.

    :param text: as :func:`text_of` returns it.
    :raises KeyUnavailable: if there is none.
    """
    labelled = [Block(label, source, content) for label, content in re.findall(_ARMOUR, text, re.DOTALL)]
    if len(re.findall(_PRIVATE_BEGINNING, text)) > sum(block.is_private for block in labelled):
        raise KeyUnavailable(f"{source} is cut off: a private key in it has a BEGIN line, and no END line of its own")
    if labelled:
        return [block.told_by_content() for block in labelled]
    if BEGIN in text:
        raise KeyUnavailable(f"{source} is cut off: it has a BEGIN line and no END line that goes with it")
    raise _not_a_key(text.encode("utf-8", "replace"), f"{source} is not a key in PEM", source)


def named(block: Block) -> str:
    """Return what *block* is, for a message."""
    from qsjwt.keys.other_formats import LABELS

    return LABELS.get(block.label) or f"a block of the label {block.label!r}"


def armoured(der: bytes, label: str) -> str:
    """Return *der* as PEM."""
    return _wrapped(base64.b64encode(der).decode("ascii"), label)


def _not_a_key(data: bytes, otherwise: str, source: str) -> KeyUnavailable:
    from qsjwt.keys.other_formats import other_format

    if found := other_format(data):
        return KeyUnavailable(f"{source} is {found.name}, which qsjwt does not read", hint=found.way_out)
    return KeyUnavailable(otherwise, hint=CANNOT_READ)


def _wrapped(body: str, label: str, preamble: str = "") -> str:
    lines = "".join(f"{body[i : i + 64]}\n" for i in range(0, len(body), 64))
    return f"-----BEGIN {label}-----\n{preamble}{lines}-----END {label}-----\n"


def _from_der(data: bytes, source: str) -> str:
    der = first_value(data)
    if not der:
        raise KeyUnavailable(f"{source} is cut off: it is DER, and shorter than it says")
    label = _label_of(der)
    if label is None:
        raise KeyUnavailable(f"{source} is DER, and neither a key nor a certificate", hint=CANNOT_READ)
    return armoured(der, label)


def _label_of(der: bytes) -> str | None:
    if not is_der(der):
        return None
    first = value_at(der, value_at(der).start)
    second = value_at(der, first.end)
    if first.tag == INTEGER and first.content not in _VERSIONS:
        if first.content == _PKCS12_VERSION:
            return PKCS12
        return "RSA PUBLIC KEY" if second.tag == INTEGER else None  # PKCS#1: RFC 8017, appendix A.1.1
    return _LABELS.get((first.tag, second.tag))
