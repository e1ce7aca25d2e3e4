"""Find PEM blocks (RFC 7468) in whatever shape a key arrives: mangled line ends, encodings, base64, DER."""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final

from qsjwt.errors import KeyUnavailable
from qsjwt.io.read import decode_text

CANNOT_READ: Final = "give it in PEM: text that begins with -----BEGIN"

# RFC 7468, section 2. A block ends before the next begins, or a file of BEGIN lines would be searched over and over.
_ARMOUR: Final = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,64})-----((?:(?!-----BEGIN ).)*?)-----END \1-----", re.DOTALL)
# A private key begins here, if these letters are not a word in a sentence: one that is cut off has no END line.
_PRIVATE_BEGINNING: Final = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,52}PRIVATE KEY-----[\s\"',]*(?:Proc-Type:|(?:[A-Za-z0-9+/][\s\"',]*){32})"
)
# RFC 1421, section 4.6: the headers of a private key that OpenSSL encrypted the traditional way.
_ENCRYPTION_HEADERS: Final = re.compile(
    r"[\s\"']*Proc-Type:\s*4,ENCRYPTED[\s\"']+DEK-Info:\s*([A-Z0-9-]+,[0-9A-Fa-f]+)[\s\"']"
)
_NOT_BASE64: Final = re.compile(r"[^A-Za-z0-9+/=]")
_BASE64URL: Final = str.maketrans("-_", "+/")  # RFC 4648, section 5
_SPELLED_OUT: Final = re.compile(r"(?<!\\)\\+[rn]")
_OPENSSH: Final = "OPENSSH PRIVATE KEY"
_OPENSSH_PLAIN: Final = b"openssh-key-v1\0\0\0\0\4none"
"""What an OpenSSH key begins with that is not encrypted: its magic, and the cipher's name (PROTOCOL.key)."""

_SEQUENCE, _INTEGER, _BITS, _OCTETS = 0x30, 0x02, 0x03, 0x04
_LONG_FORM: Final = 0x80
"""The bit of a length that says that the other seven count its bytes (X.690, section 8.1.3.5)."""

_LABELS: Final = {
    (_INTEGER, _SEQUENCE): "PRIVATE KEY",  # PKCS#8: RFC 5958, section 2
    (_INTEGER, _INTEGER): "RSA PRIVATE KEY",  # PKCS#1: RFC 8017, appendix A.1.2
    (_INTEGER, _OCTETS): "EC PRIVATE KEY",  # RFC 5915, section 3
    (_SEQUENCE, _OCTETS): "ENCRYPTED PRIVATE KEY",  # RFC 5958, section 3
    (_SEQUENCE, _BITS): "PUBLIC KEY",  # RFC 5280, section 4.1
    (_SEQUENCE, _SEQUENCE): "CERTIFICATE",  # RFC 5280, section 4.1
}
"""Tags of the first two members of a DER sequence to what it is."""

_LINE_END: Final = range(3)
"""How many bytes may follow a file's one DER value: those of a line end that an editor or a shell has added."""

_PKCS12_VERSION: Final = b"\x02\x01\x03"
"""RFC 7292, section 4: a PFX begins with it."""


@dataclass(frozen=True, repr=False)
class Block:
    """One armoured text, not read any further.

    :ivar label: what it says it is, such as "PRIVATE KEY".
    :ivar source: where it comes from, for messages.
    """

    label: str
    source: str
    content: str

    @property
    def is_private(self) -> bool:
        """Whether it says that it is a private key."""
        return self.label.endswith("PRIVATE KEY")

    @property
    def is_certificate(self) -> bool:
        """Whether it says that it is a certificate (RFC 7468, section 5.1)."""
        return self.label.endswith("CERTIFICATE")

    @property
    def encrypted(self) -> bool:
        """Whether a passphrase is needed to read it."""
        if self.label == _OPENSSH:
            return not self._der().startswith(_OPENSSH_PLAIN)
        return self.label == "ENCRYPTED PRIVATE KEY" or _ENCRYPTION_HEADERS.match(self.content) is not None

    @property
    def is_openssh(self) -> bool:
        """Whether it is in the format of OpenSSH's own."""
        return self.label == _OPENSSH

    @property
    def pem(self) -> bytes:
        """The same in the form of RFC 7468.

        :raises KeyUnavailable: if it holds more than base64.
        """
        headers = _ENCRYPTION_HEADERS.match(self.content)
        preamble = f"Proc-Type: 4,ENCRYPTED\nDEK-Info: {headers[1]}\n\n" if headers else ""
        if self.label == "TRUSTED CERTIFICATE":  # OpenSSL's own: a certificate, and what it is trusted for
            return armoured(_first_value(self._der()), "CERTIFICATE").encode("ascii")
        label = self.label
        if self.is_private and not self.encrypted and not self.is_openssh:
            label = _label_of(self._der()) or label  # tools that convert keys like to leave the old label
        return _wrapped(self._body(), label, preamble).encode("ascii")

    def _body(self) -> str:
        headers = _ENCRYPTION_HEADERS.match(self.content)
        body = re.sub(r"[\s\"',]+", "", self.content[headers.end() :] if headers else self.content)
        if _NOT_BASE64.search(body):
            raise KeyUnavailable(f"{self.source} is damaged: there is more than base64 between its BEGIN and END lines")
        return body

    def _der(self) -> bytes:
        try:
            return base64.b64decode(self._body(), validate=True)
        except binascii.Error as cause:
            raise KeyUnavailable(f"{self.source} is damaged: its base64 is not whole") from cause


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
        text = decode_text(data)
    except UnicodeDecodeError as cause:
        if b"-----BEGIN" not in data:
            raise KeyUnavailable(f"{source} is not text, nor DER that can be read", hint=CANNOT_READ) from cause
        text = data.decode("latin-1")  # what is not ASCII is a remark around the key
    return text if "-----BEGIN" in text or is_json(text) else _from_base64(text, source)


def is_json(text: str) -> bool:
    """Tell whether *text*, which holds no PEM, is a JSON object."""
    return text.lstrip("\ufeff \t\r\n\"'").startswith("{") and "-----BEGIN" not in text


def is_der(data: bytes) -> bool:
    """Tell whether *data* begins as a DER sequence does, and not as text that begins with a zero."""
    if data[:1] != bytes([_SEQUENCE]):
        return False
    has_integer = data[2:3] == bytes([_INTEGER])  # which is no character of a text
    fits = data[2:3] == bytes([_SEQUENCE]) and len(data) - _value_at(data, 0)[1] in _LINE_END
    return data[1:2] >= b"\x80" or has_integer or fits


def blocks(text: str, source: str) -> list[Block]:
    """Return the blocks in *text*, in their order; there is one at least.

    :raises KeyUnavailable: if there is none.
    """
    # Secrets stores and .env files spell line ends out; PEM has no backslash of its own.
    text = _SPELLED_OUT.sub("\n", text)
    found = [Block(label, source, content) for label, content in _ARMOUR.findall(text)]
    if len(_PRIVATE_BEGINNING.findall(text)) > sum(block.is_private for block in found):
        raise KeyUnavailable(f"{source} is cut off: a private key in it has a BEGIN line, and no END line of its own")
    if found:
        return found
    if "-----BEGIN" in text:
        raise KeyUnavailable(f"{source} is cut off: it has a BEGIN line and no END line that goes with it")
    if text.startswith(("ssh-", "ecdsa-sha2-")):
        raise KeyUnavailable(
            f"{source} is a public key for SSH", hint="convert it with: ssh-keygen -e -m PKCS8 -f FILE"
        )
    raise KeyUnavailable(f"{source} is not a key in PEM", hint=CANNOT_READ)


def armoured(der: bytes, label: str) -> str:
    """Return *der* as PEM."""
    return _wrapped(base64.b64encode(der).decode("ascii"), label)


def _wrapped(body: str, label: str, preamble: str = "") -> str:
    lines = "".join(f"{body[i : i + 64]}\n" for i in range(0, len(body), 64))
    return f"-----BEGIN {label}-----\n{preamble}{lines}-----END {label}-----\n"


def _from_base64(text: str, source: str) -> str:
    """Return the text that *text* is the base64 of, as CI variables have it; *text* if it is not that."""
    plain = "".join(_SPELLED_OUT.sub("", text).split()).strip("\"'").translate(_BASE64URL)
    try:
        inner = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
        if is_der(inner):
            return _from_der(inner, source)
        decoded = decode_text(inner)
    except (binascii.Error, ValueError):
        return text
    return decoded if "-----BEGIN" in decoded or is_json(decoded) else text


def _from_der(data: bytes, source: str) -> str:
    der = _first_value(data)
    if not der:
        raise KeyUnavailable(f"{source} is cut off: it is DER, and shorter than it says")
    if der.startswith(_PKCS12_VERSION, _value_at(der, 0)[0]):
        raise KeyUnavailable(f"{source} is PKCS#12 (.p12, .pfx)", hint="use --key pkcs12:FILE")
    label = _label_of(der)
    if label is None:
        raise KeyUnavailable(f"{source} is DER, and neither a key nor a certificate", hint=CANNOT_READ)
    return armoured(der, label)


def _label_of(der: bytes) -> str | None:
    first = _value_at(der, 0)[0]
    second = _value_at(der, first)[1]
    return _LABELS.get((_tag_at(der, first), _tag_at(der, second)))


def _tag_at(der: bytes, at: int) -> int:
    return der[at] if at < len(der) else 0


def _first_value(data: bytes) -> bytes:
    """Return the first DER value in *data*, whatever follows it; empty if it is cut off."""
    end = _value_at(data, 0)[1]
    return data[:end] if end <= len(data) else b""


def _value_at(data: bytes, at: int) -> tuple[int, int]:
    """Return where the content of the DER value at *at* begins, and where it ends (X.690, section 8.1.3)."""
    length = data[at + 1] if at + 1 < len(data) else 0
    if not length & _LONG_FORM:
        return at + 2, at + 2 + length
    start = at + 2 + (length ^ _LONG_FORM)
    return start, start + int.from_bytes(data[at + 2 : start], "big")
