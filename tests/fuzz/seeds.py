"""Inputs to begin with: keys in every form that is read, tokens, rows. The keys are new in each process."""

import datetime
import json
from collections.abc import Callable, Sequence
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    pkcs12,
)
from jwcrypto.jwk import JWK

PASSPHRASE: Final = b"a passphrase"

PEM_WORDS: Final = (
    *(b"-----BEGIN ", b"-----END ", b"PRIVATE KEY-----", b"CERTIFICATE-----", b"PUBLIC KEY-----", b"RSA ", b"EC "),
    *(b"ENCRYPTED ", b"OPENSSH ", b"TRUSTED ", b"Proc-Type: 4,ENCRYPTED", b"DEK-Info: AES-256-CBC,", b"DES-EDE3-CBC,"),
    *(b"\\n", b"\\r\\n", b"\r\n", b"\xef\xbb\xbf", b"\xff\xfe", b"%0A", b"ssh-rsa "),
)
DER_WORDS: Final = (
    *(b"\x30\x80", b"\x30\x82", b"\x30\x84\xff\xff\xff\xff", b"\x02\x01\x00", b"\x02\x01\x03", b"\x03\x02\x00"),
    *(b"\x04\x00", b"\x05\x00", b"\xa0\x03\x02\x01\x02", b"\xa3", b"\x17\x0d", b"\x18\x0f", b"\x1e\x02", b"\x0c\x01"),
    *(b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01", b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"),  # RSA, PSS
    *(b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01", b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"),  # EC, P-256
    *(b"\x06\x09\x2b\x24\x03\x03\x02\x08\x01\x01\x07", b"\x06\x05\x2b\x81\x04\x00\x0a"),  # Brainpool, secp256k1
    *(b"\x06\x03\x2b\x65\x70", b"\x06\x03\x2b\x65\x6e", b"openssh-key-v1\0", b"ecdsa-sha2-nistp256", b"aes256-ctr"),
)
JWK_WORDS: Final = (
    *(b'"kty":"RSA"', b'"kty":"EC"', b'"kty":"OKP"', b'"kty":"oct"', b'"crv":"P-256"', b'"crv":"secp256k1"', b'"d":'),
    *(b'"keys":[', b'"kid":', b'"use":"enc"', b'"key_ops":["sign"]', b'"alg":"RS512"', b'"x5c":[', b"null", b"{", b"}"),
)
TOKEN_WORDS: Final = (
    *(b"Bearer ", b"Authorization: ", b".", b"..", b"=", b"eyJ", b"\n", b'"alg":"none"', b'"alg":"HS256"'),
    *(b'"b64":false', b'"crit":["x"]', b'"kid":', b'"typ":"JWT"', b'"exp":', b'"nbf":', b'"iat":', b"1e308", b"-1"),
    *(b"null", b"[[[[", b'"iss":', b'"sub":', b'"aud":[', b'"jti":', b'"groups":["', b'"email_verified":', b"{}"),
    *(b'"userId":', b"\\ud800"),
)
ROW_WORDS: Final = (
    *(b"userid", b"userdir", b"groups", b"subject", b"issuer", b"keyid", b"expires", b"clock-skew", b"claim.x"),
    *(b"claim-json.x", b"useremail", b"useremail-verified", b"username", b"client-id", b"domain", b"userid-claim"),
    *(b'"', b'""', b",", b";", b"\t", b"\r\n", b"\n", b"sep=;", b"\xef\xbb\xbf", b"\xff\xfe", b"\0", b"null", b"true"),
    *(b"1e400", b"[", b"{", b'{"', b'":', b"}", b"\\u0000", b"\\ud800", b"NaN", b"9999999d", b"5m", b"-1s"),
)

_RSA: Final = rsa.generate_private_key(65537, 2048)
_EC: Final = ec.generate_private_key(ec.SECP256R1())
_OTHER_CURVES: Final = (ec.SECP384R1, ec.SECP521R1, ec.SECP256K1, ec.BrainpoolP256R1)


def _jwk(key: Any) -> JWK:
    jwk = JWK()
    jwk.import_from_pyca(key)
    return jwk


def ec_jwk() -> JWK:
    """Return the key on P-256 that tokens and rows are signed with."""
    return _jwk(_EC)


def rsa_jwk() -> JWK:
    """Return an RSA key of 2048 bits."""
    return _jwk(_RSA)


def x509_certificate(key: Any = _RSA) -> x509.Certificate:
    """Return a certificate of *key*, with extensions."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "qsjwt"), _organization()])
    first = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    return (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, serial_number=1, public_key=key.public_key())
        .not_valid_before(first)
        .not_valid_after(datetime.datetime(2060, 1, 1, tzinfo=datetime.UTC))  # in GeneralizedTime, as it is after 2049
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )


def _organization() -> x509.NameAttribute[str]:
    return x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Göran & Söner")


def private_keys() -> list[bytes]:
    """Return private keys: PEM and DER of each kind, OpenSSH's format, encrypted PEM, JWK and JWK Set, PKCS#12."""
    made = []
    keys: list[Any] = [_EC, _RSA, *(ec.generate_private_key(curve()) for curve in _OTHER_CURVES)]
    for key in keys:
        made += [key.private_bytes(Encoding.PEM, form, NoEncryption()) for form in _forms(key)]
        made.append(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
    edwards = ed25519.Ed25519PrivateKey.generate()
    for form in (PrivateFormat.PKCS8, PrivateFormat.OpenSSH):
        made.append(edwards.private_bytes(Encoding.PEM, form, NoEncryption()))
    locked = BestAvailableEncryption(PASSPHRASE)
    made.append(_EC.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, locked))
    made.append(_few_rounds(_EC.private_bytes(Encoding.DER, PrivateFormat.PKCS8, locked)))
    made.append(made[0] + x509_certificate(_EC).public_bytes(Encoding.PEM))
    for key in (_EC, _RSA):
        jwk = _jwk(key).export(private_key=True, as_dict=True)
        made += [json.dumps(jwk).encode("ascii"), json.dumps({"keys": [jwk]}).encode("ascii")]
    # One of RSA would have its arithmetic validated each time, which takes as long as reading two hundred.
    store = pkcs12.serialize_key_and_certificates(b"q", _EC, x509_certificate(_EC), None, _one_round())
    return [*made, store, _without_mac(store)]


def _forms(key: Any) -> list[PrivateFormat]:
    known = [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL]
    named = getattr(getattr(key, "curve", None), "name", "")
    return known if "k1" in named or "brainpool" in named else [*known, PrivateFormat.OpenSSH]


def _one_round() -> Any:
    """Return what encrypts PKCS#12 so that it is opened fast."""
    return (
        PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(1)
        .key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC)
        .hmac_hash(hashes.SHA256())
        .build(PASSPHRASE)
    )


def _without_mac(pkcs12_store: bytes) -> bytes:
    """Return *pkcs12_store* without its last member, macData (RFC 7292, section 4), which would stop every change."""
    start = 4 + 3  # a sequence with a length of two bytes, and the version
    body = pkcs12_store[4 : start + 4 + int.from_bytes(pkcs12_store[start + 2 : start + 4], "big")]
    return b"\x30\x82" + len(body).to_bytes(2, "big") + body


def _few_rounds(pkcs8: bytes) -> bytes:
    """Return *pkcs8*, which is encrypted, saying one round of PBKDF2 (RFC 8018): a wrong passphrase, found fast."""
    at = pkcs8.index(b"\x02\x02", pkcs8.index(b"\x04\x10"))
    return pkcs8[: at + 2] + b"\x00\x01" + pkcs8[at + 4 :]


def public_keys() -> list[bytes]:
    """Return public keys and certificates: PEM and DER of each kind, PKCS#1, chains, JWK and JWK Set."""
    made = []
    for key in (_EC, _RSA):
        for encoding in (Encoding.PEM, Encoding.DER):
            made.append(x509_certificate(key).public_bytes(encoding))
            made.append(key.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo))
        public = _jwk(key).export_public(as_dict=True)
        made += [json.dumps(public).encode("ascii"), json.dumps({"keys": [public, {"kty": "x"}]}).encode("ascii")]
    made.append(_RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1))
    others: list[Any] = [ec.generate_private_key(curve()) for curve in _OTHER_CURVES]
    for other in (*others, ed25519.Ed25519PrivateKey.generate()):
        made.append(other.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    made.append(made[0] + made[6])
    made.append(made[0].replace(b"CERTIFICATE", b"TRUSTED CERTIFICATE"))
    return made


def tokens(signed: Callable[[bytes], str]) -> list[bytes]:
    """Return tokens, and the header and the claims of some on two lines.

    :param signed: makes a token of the latter.
    """
    header = {"alg": "ES256", "typ": "JWT", "kid": "k1"}
    times = {"iat": 1_799_999_000, "nbf": 1_799_999_000, "exp": 1_800_000_600}
    claims: list[dict[str, Any]] = [
        {"userId": "anna", "userDirectory": "LAB", "groups": ["a", "b"], "iss": "i", "aud": "a", **times},
        {
            **{"sub": "anna", "subType": "user", "name": "Anna", "email": "a@example.com", "email_verified": True},
            **{"groups": ["a"], "iss": "https://idp.example.com", "aud": "qlik.api/login/jwt-session", "jti": "1"},
            **times,
        },
        {"iss": "c", "sub": "c", "aud": ["https://tenant.eu.qlikcloud.com/oauth/token"], "jti": "1", **times},
        {"email": "anna@example.com", "domain": "LAB\\anna", "exp": 1.5e300, "iat": -1, "x": [{"y": None}]},
    ]
    lines = [f"{json.dumps(header)}\n{json.dumps(payload)}".encode() for payload in claims]
    made = [signed(line).encode("ascii") for line in lines]
    other = signed(b'{"alg":"RS256"}\n{}').encode("ascii")
    return [*lines, *made, other, b"Authorization: Bearer " + made[0], made[0] + b".x.y", b'{"alg":"none"}\n{}']


def rows(platforms: int) -> list[bytes]:
    """Return batches in CSV and JSON Lines, with a first byte for each of so many *platforms*."""
    texts: Sequence[str] = (
        "userid,userdir,username,groups,claim.x,claim-json.y\nanna,LAB,Anna,a;b,z,[1]\nbo,LAB,,,,\n",
        'userid;userdir\n"a""n\nna";LAB\n',
        "issuer,keyid,subject,username,useremail,useremail-verified,expires,groups\ni,k,s,n,a@b,true,5m,x;y\n",
        "client-id,keyid,tenant,issuer,aud\nc,k,https://t.eu.qlikcloud.com,i,a\n",
        "domain\tusername\tclock-skew\nLAB\tanna\t0s\n",
        '{"userid":"anna","userdir":"LAB","groups":["a"],"claim.x":1,"claim-json.y":{"z":[null]}}\n{"userid":null}\n',
        '{"issuer":"i","keyid":"k","subject":"s","useremail":"a@b","useremail-verified":true,"expires":"5m"}\n[]\n',
        '{"client-id":"c","keyid":"k"}\n{"domain":"LAB","username":"anna"}\n',
    )
    encoded = [text.encode() for text in texts] + [texts[0].encode("utf-16")]
    return [bytes([first]) + text for text in encoded for first in range(platforms)]
