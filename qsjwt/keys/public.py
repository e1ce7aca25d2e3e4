"""Public keys: what verifies tokens and is registered, and the X.509 certificate that may come with it."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from jwcrypto.jwk import JWK

from qsjwt.errors import KeyUnavailable
from qsjwt.keys.foreign import reading
from qsjwt.keys.jwk import jwk_of, own_members
from qsjwt.keys.signer import key_bits

if TYPE_CHECKING:
    from cryptography import x509

_DAY: Final = 86_400


class PublicKey(NamedTuple):
    """A public key, and its certificate if it has one.

    :ivar jwk: the public half alone, with a ``kid`` only if its own file gives one.
    :ivar certificate: a certificate of this very key.
    """

    jwk: JWK
    certificate: "x509.Certificate | None" = None

    @property
    def thumbprint(self) -> str:
        """The SHA-256 thumbprint of RFC 7638, in base64url."""
        thumbprint: str = self.jwk.thumbprint()
        return thumbprint

    @property
    def pem(self) -> str:
        """The key as SubjectPublicKeyInfo in PEM (RFC 7468, section 13)."""
        text: str = self.jwk.export_to_pem().decode("ascii")
        return text

    @property
    def members(self) -> dict[str, str]:
        """The members of the JWK that make up the key (RFC 7518, section 6): ``kty`` and its own, no other."""
        exported = self.jwk.export_public(as_dict=True)
        return {name: exported[name] for name in ("kty", "crv", "n", "e", "x", "y", "pub") if name in exported}

    @property
    def certificate_pem(self) -> str | None:
        """The certificate in PEM (RFC 7468, section 5), or None."""
        from cryptography.hazmat.primitives.serialization import Encoding

        return None if self.certificate is None else self.certificate.public_bytes(Encoding.PEM).decode("ascii")

    def described(self, now: float) -> dict[str, Any]:
        """Return what people and scripts want to know of the key, under stable names.

        :param now: the time as a NumericDate, in seconds, by which the certificate's days are counted.
        """
        record: dict[str, Any] = {"kind": self.jwk["kty"], "size": key_bits(self.jwk)}
        if "crv" in self.jwk:
            record["curve"] = self.jwk["crv"]
        record["key_thumbprint"] = self.thumbprint
        record |= own_members(self.jwk)
        if self.certificate is not None:
            record["certificate"] = _described(self.certificate, now)
        return record

    def require_certificate_pem(self, who: str) -> str:
        """Return the certificate in PEM.

        :param who: who requires it, for the message.
        :raises KeyUnavailable: if there is none.
        """
        if (text := self.certificate_pem) is None:
            raise KeyUnavailable(
                f"{who} needs an X.509 certificate, and this key has none",
                hint="give the certificate with --cert-publickey-file, or make one with --key and --cert-self-signed",
            )
        return text


def _described(certificate: "x509.Certificate", now: float) -> dict[str, Any]:
    from cryptography.hazmat.primitives.hashes import SHA1, SHA256

    from qsjwt.times import iso_time

    return {
        "subject": certificate.subject.rfc4514_string(),
        "issuer": certificate.issuer.rfc4514_string(),
        "valid_from": iso_time(certificate.not_valid_before_utc.timestamp()),
        "expires_at": iso_time(certificate.not_valid_after_utc.timestamp()),
        "days_left": days_left(certificate, now),
        "sha1_thumbprint": certificate.fingerprint(SHA1()).hex().upper(),  # noqa: S303 - what Windows and Qlik show
        "sha256_thumbprint": certificate.fingerprint(SHA256()).hex().upper(),
    }


def days_left(certificate: "x509.Certificate", now: float) -> int:
    """Return the days that *certificate* is still valid, one that has begun counted whole; 0 or less if it has expired.

    A new one for 365 days has 365, and one with N days left expires within N days and not within N - 1.
    """
    return -int((now - certificate.not_valid_after_utc.timestamp()) // _DAY)


def is_certificate_of(certificate: "x509.Certificate", key: JWK) -> bool:
    """Tell whether *certificate* is one of *key*."""
    try:
        with reading("the key of the certificate cannot be read"):
            public = jwk_of(certificate.public_key())
    except KeyUnavailable:
        return False  # a key of a kind that signs no token
    return bool(public.thumbprint() == key.thumbprint())


def certificate_of(key: JWK, certificates: Iterable["x509.Certificate"], source: str) -> "x509.Certificate | None":
    """Return the one of *certificates* that is of *key*; None if there are none at all.

    :param source: where they come from, for the message.
    :raises KeyUnavailable: if there are some, and all of them are of other keys.
    """
    known = list(certificates)
    own = certificate_among(known, key)
    if known and own is None:
        raise KeyUnavailable(f"the certificate in {source} is not that of the key")
    return own


def certificate_among(certificates: Iterable["x509.Certificate"], key: JWK) -> "x509.Certificate | None":
    """Return the one of *certificates* that is of *key*, of several the one that lasts longest; None if none is."""
    own = [certificate for certificate in certificates if is_certificate_of(certificate, key)]
    return longest_lasting(own) if own else None


def longest_lasting(certificates: "Iterable[x509.Certificate]") -> "x509.Certificate":
    """Return the one of *certificates*, of which there is one at least, that expires last: the renewed one."""
    return max(certificates, key=lambda certificate: certificate.not_valid_after_utc)


def validity_problem(certificate: "x509.Certificate", now: float) -> str:
    """Return why *certificate* is not valid at the time *now*, a NumericDate; empty if it is (RFC 5280, 4.1.2.5)."""
    from qsjwt.times import iso_time

    first, last = certificate.not_valid_before_utc.timestamp(), certificate.not_valid_after_utc.timestamp()
    if now > last:
        return f"the certificate expired at {iso_time(last)}"
    return f"the certificate is not valid before {iso_time(first)}" if now < first else ""


def leaves(certificates: "Sequence[x509.Certificate]") -> "list[x509.Certificate]":
    """Return those of *certificates* that issued none of the others: of a chain, the one that it is for."""
    issuers = {other.issuer for other in certificates if other.issuer != other.subject}
    return [certificate for certificate in certificates if certificate.subject not in issuers] or list(certificates)


def the_only(keys: Sequence[JWK], source: str, key_id: str | None = None) -> JWK:
    """Return the key that *keys* all are.

    :param key_id: chooses one of a JWK Set, if that is needed.
    :raises KeyUnavailable: if they are several.
    """
    named = [key for key in keys if key_id is not None and key_id in (key.get("kid"), key.thumbprint())]
    candidates = named or keys
    if len({key.thumbprint() for key in candidates}) > 1:
        raise KeyUnavailable(
            f"{source} holds {len(candidates)} keys, and it is not said which one is meant",
            hint="give a file with one key, or a JWK Set and --keyid",
        )
    return candidates[0]
