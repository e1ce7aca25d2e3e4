"""Certificates for the site: its own, and each kind that a client must not accept."""

import datetime
import functools
import ipaddress
import ssl
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

NAMES = ("localhost", "127.0.0.1", "qlik.example.com", "mytenant.eu.qlikcloud.com")
"""Those of the sites, and those of the pages, to which :class:`ForwardProxy` leads."""
_PEM = serialization.Encoding.PEM
_DAY = datetime.timedelta(days=1)


class _Authority:
    """Issues certificates in its own name."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        self.certificate = self.issue(self._name, self._key.public_key(), ca=True)

    def issue(
        self,
        subject: x509.Name,
        public_key: ec.EllipticCurvePublicKey,
        names: Sequence[str] = (),
        *,
        ca: bool = False,
        expired: bool = False,
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        others = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
        usage = dict.fromkeys((*others, "encipher_only", "decipher_only"), False)
        issuer_key = self._key.public_key()
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 2 * _DAY)
            .not_valid_after(now - _DAY if expired else now + _DAY)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(
                x509.KeyUsage(digital_signature=not ca, key_cert_sign=ca, crl_sign=ca, **usage), critical=True
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
        )
        if names:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False
            )
        return builder.sign(self._key, hashes.SHA256())


class Certificates:
    """Files and TLS contexts for one or more sites; all keys but the one for tokens are on P-256, which takes no time.

    :ivar ca_file: issued the site's certificate, and the client's.
    :ivar client_cert, client_key: as Qlik exports them (``client.pem``, ``client_key.pem``).
    :ivar fingerprint: SHA-256 of the site's certificate, in hexadecimal digits.
    :ivar signing_key_file: the private key whose certificate the sites register if none is given.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ca, self._stranger = _Authority("the stand-in site's CA"), _Authority("a CA that nobody knows")
        self.ca_file = folder / "root.pem"
        self.ca_file.write_bytes(self._ca.certificate.public_bytes(_PEM))
        self.client_cert, self.client_key = folder / "client.pem", folder / "client_key.pem"
        self._contexts: dict[tuple[str, bool], ssl.SSLContext] = {}
        self.fingerprint = self._write(self._ca, "server", NAMES)
        self._write(self._ca, "client", ())
        self.signing_key_file = folder / "signing_key.pem"
        self.signing_key_file.touch(0o600)
        self.signing_key_file.write_bytes(_private_pem(signing_key()))

    def context(self, kind: str = "server", *, ask_client: bool = False) -> ssl.SSLContext:
        """Return the context of a server whose certificate is ``server``, or has a fault.

        The faults: ``unknown issuer``, ``wrong name``, ``expired``.

        :param ask_client: whether the client may show a certificate; one of another CA ends the handshake.
        """
        found = self._contexts.get((kind, ask_client))
        if found is None:
            found = self._contexts[kind, ask_client] = self._made(kind, ask_client)
        return found

    def _made(self, kind: str, ask_client: bool) -> ssl.SSLContext:
        if kind != "server":
            authority = self._stranger if kind == "unknown issuer" else self._ca
            names = ("another-host.example",) if kind == "wrong name" else NAMES
            self._write(authority, kind, names, expired=kind == "expired")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._folder / f"{kind}.pem", self._folder / f"{kind}_key.pem")
        if ask_client:
            context.verify_mode = ssl.CERT_OPTIONAL
            context.load_verify_locations(self.ca_file)
        return context

    def _write(self, authority: _Authority, kind: str, names: Sequence[str], *, expired: bool = False) -> str:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = authority.issue(
            _name(names[0] if names else "QlikClient"), key.public_key(), names, expired=expired
        )
        (self._folder / f"{kind}.pem").write_bytes(certificate.public_bytes(_PEM))
        (self._folder / f"{kind}_key.pem").write_bytes(_private_pem(key))
        return certificate.fingerprint(hashes.SHA256()).hex()


@functools.cache
def signing_key() -> rsa.RSAPrivateKey:
    """Return the RSA key of 2048 bits that a run signs with; it is made once."""
    return rsa.generate_private_key(65537, 2048)


@functools.cache
def signing_certificate() -> str:
    """Return a certificate of :func:`signing_key` in PEM."""
    now = datetime.datetime.now(datetime.UTC)
    name = _name("a signer of tokens")
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(signing_key().public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + _DAY)
        .sign(signing_key(), hashes.SHA256())
    )
    return certificate.public_bytes(_PEM).decode()


def _private_pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
