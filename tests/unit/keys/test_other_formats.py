"""Formats of other programs are named, with the command that makes a key of them."""

import pytest

from qsjwt.errors import KeyUnavailable
from qsjwt.keys.load import load_private_key, load_public_keys


@pytest.mark.parametrize(
    ("data", "name", "way_out"),
    [
        (b"PuTTY-User-Key-File-3: ssh-rsa\r\nEncryption: none\r\n", "PuTTY's format", "puttygen FILE"),
        (b"---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n---- END SSH2 PUBLIC KEY ----", "RFC 4716", "ssh-keygen -i -f FILE"),
        (b"---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nAAAA", "SSH2", "ssh-keygen -i -f FILE > NEW"),
        (b"ssh-rsa AAAAB3NzaC1yc2E= me@here", "public key for SSH (.pub)", "in the file without .pub"),
        (b"ecdsa-sha2-nistp256 AAAAE2VjZHNh me", "public key for SSH (.pub)", "in the file without .pub"),
        (b"<RSAKeyValue><Modulus>AQAB</Modulus></RSAKeyValue>", ".NET's XML", "FromXmlString"),
        (b'\xef\xbb\xbf<?xml version="1.0"?>\r\n<RSAKeyValue>', ".NET's XML", "FromXmlString"),
        (b"\x1e\xf1\xb5\xb0" + bytes(200), "PVK", "openssl rsa -inform PVK"),
        (b"\x07\x02\x00\x00\x00\xa4\x00\x00RSA2" + bytes(200), "BLOB", "openssl pkey -inform MSBLOB"),
        (b"\xfe\xed\xfe\xed\x00\x00\x00\x02" + b"\xff" * 40, "Java keystore", "keytool -importkeystore"),
        (b"$ANSIBLE_VAULT;1.1;AES256\n6132", "Ansible Vault", "ansible-vault decrypt"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer", "git lfs pull"),
        (b"<!DOCTYPE html><html><body>Sign in", "a web page", "download it again"),
        (
            b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQ==\n-----END PGP PRIVATE KEY BLOCK-----",
            "OpenPGP",
            "PRIVATE KEY",
        ),
        (b"-----BEGIN PKCS7-----\nMIIB\n-----END PKCS7-----", "PKCS#7 (.p7b)", "PRIVATE KEY"),
    ],
)
def test_what_is_nearly_a_key_is_named_with_the_way_out(data: bytes, name: str, way_out: str) -> None:
    with pytest.raises(KeyUnavailable) as refusal:
        load_private_key(data, "the key", lambda: None)
    assert name in refusal.value.message
    assert way_out in refusal.value.hint
    with pytest.raises(KeyUnavailable) as refusal:
        load_public_keys(data, "the key")
    assert name in refusal.value.message
