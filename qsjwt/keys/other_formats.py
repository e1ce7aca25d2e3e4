"""Name what is nearly a key: formats of other programs, with the command that converts them."""

import re
from typing import Final, NamedTuple

_JAVA: Final = (
    "keytool -importkeystore -srckeystore FILE -destkeystore NEW.p12 -deststoretype PKCS12, then pkcs12:NEW.p12"
)


class OtherFormat(NamedTuple):
    """A format that is not read here.

    :ivar beginning: what a file of it begins with.
    :ivar name: what it is, to go behind "is".
    :ivar way_out: how to get at a key that is read here.
    """

    beginning: "re.Pattern[bytes]"
    name: str
    way_out: str


def _format(beginning: bytes, name: str, way_out: str) -> OtherFormat:
    return OtherFormat(re.compile(beginning), name, way_out)


FORMATS: Final = (
    _format(rb"PuTTY-User-Key-File-", "in PuTTY's format (.ppk)", "puttygen FILE -O private-openssh -o NEW"),
    _format(
        rb"---- BEGIN SSH2 PUBLIC KEY",
        "a public key for SSH in the form of RFC 4716",
        "ssh-keygen -i -f FILE gives it in one line",
    ),
    _format(rb"---- BEGIN SSH2 [A-Z ]*PRIVATE KEY", "in the format of SSH2", "ssh-keygen -i -f FILE > NEW"),
    _format(
        rb"(?:ssh-|ecdsa-sha2-|sk-)[a-z0-9@.-]+ AAAA",
        "a public key for SSH (.pub)",
        "the private key is in the file without .pub; as a public key, convert it: ssh-keygen -e -m PKCS8 -f FILE",
    ),
    _format(
        rb"(?:<\?xml[^>]*>\s*)?<(?:RSA|EC|DSA)KeyValue",
        "in .NET's XML format",
        "in PowerShell 7: $k = [Security.Cryptography.RSA]::Create(); $k.FromXmlString((Get-Content -Raw FILE)); "
        "$k.ExportPkcs8PrivateKeyPem()",
    ),
    _format(rb"\x1e\xf1\xb5\xb0", "in Windows' format PVK", "openssl rsa -inform PVK -in FILE -out NEW"),
    _format(rb"[\x06\x07]\x02\x00\x00", "a key BLOB of Windows", "openssl pkey -inform MSBLOB -in FILE -out NEW"),
    _format(rb"\xfe\xed\xfe\xed|\xce\xce\xce\xce", "a Java keystore (JKS or JCEKS)", _JAVA),
    _format(rb"\$ANSIBLE_VAULT;", "encrypted by Ansible Vault", "ansible-vault decrypt --output NEW FILE"),
    _format(rb"version https://git-lfs", "a Git LFS pointer", "git lfs pull"),
    _format(
        rb"(?i:<!doctype html|<html)",
        "a web page",
        "download it again: a page that asks to log in was saved in its place",
    ),
    _format(rb"AGE-SECRET-KEY-|age-encryption\.org/", "encrypted by age, or a key of it", "age --decrypt -o NEW FILE"),
)

LABELS: Final = {
    **dict.fromkeys(("CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"), "a certificate"),
    **dict.fromkeys(("PUBLIC KEY", "RSA PUBLIC KEY", "EC PUBLIC KEY"), "a public key"),
    **dict.fromkeys(("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"), "a certificate request"),
    **dict.fromkeys(("PKCS7", "CMS"), "certificates in PKCS#7 (.p7b)"),
    **dict.fromkeys(("PGP PRIVATE KEY BLOCK", "PGP PUBLIC KEY BLOCK", "PGP MESSAGE"), "an OpenPGP key or message"),
    "EC PARAMETERS": "the parameters of a curve",
    "X509 CRL": "a revocation list",
    "PKCS12": "PKCS#12 (.p12, .pfx)",
}
"""Label of a PEM block (RFC 7468) to what it is, for messages."""


def other_format(data: bytes) -> OtherFormat | None:
    """Return the format that *data* has; None if it is none of those that are known."""
    start = data.lstrip(b"\xef\xbb\xbf \t\r\n\"'")[:200]
    return next((known for known in FORMATS if known.beginning.match(start)), None)
