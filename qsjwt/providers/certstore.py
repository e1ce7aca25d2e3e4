"""``certstore:…``: a key in Windows' certificate store, named by its certificate; it never leaves its provider."""

import contextlib
import hashlib
import logging
import re
import ssl
import time
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple
from urllib.parse import unquote

from cryptography import x509
from jwcrypto.jwk import JWK

from qsjwt.api import (
    InputError,
    KeyProvider,
    KeyUnavailable,
    QsJwtError,
    Secrets,
    Signer,
    SigningFailed,
    digest,
    load_public_keys,
    quoted,
    split_settings,
)
from qsjwt.keys import certificate_store
from qsjwt.keys.certificate_store import LOCATIONS, StoredCertificate, StoredKey
from qsjwt.keys.public import validity_problem
from qsjwt.keys.signer import key_algorithms
from qsjwt.keys.wincrypt import Refusal

_LOG: Final = logging.getLogger("qsjwt.key")

_SETTINGS: Final = ("store-location", "store", "newest")
_NAMES: Final = ("cn", "friendly-name")
_FORM: Final = (
    "write certstore:THUMBPRINT, certstore:cn=NAME or certstore:friendly-name=NAME; "
    f"settings behind it are ?name=value, out of: {', '.join(_SETTINGS)}"
)
_DIGITS: Final = {40: "SHA-1", 64: "SHA-256"}
"""Hexadecimal digits of a thumbprint to its hash."""

_MAX_LISTED: Final = 5
_GRANT: Final = (
    "in the machine's store, an administrator grants it (certlm.msc: All Tasks, Manage Private Keys, Read); "
    "in the user's, import the .pfx file as the account that runs qsjwt"
)
_PIN: Final = "give its PIN with QSJWT_KEY_PASSPHRASE, --key-passphrase-env or --key-passphrase-file"
_LIST: Final = r"Get-ChildItem Cert:\CurrentUser\My, Cert:\LocalMachine\My lists what there is, in PowerShell"
_RENEW: Final = "renew it, and register the new one"
_NO_KEY: Final = "import the certificate with its private key (a .pfx file), or use it on the machine that requested it"
_NO_USE: Final = "its key usage does not have digitalSignature; use another certificate"


@dataclass(frozen=True)
class _Problem:
    """What a code of Windows means for a key.

    :ivar name: that of its header files.
    :ivar says: the end of the sentence "the key of the certificate …".
    """

    name: str
    says: str
    hint: str


_NO_RIGHT: Final = "cannot be used: access is denied to this account"
_ELSEWHERE: Final = "is not where its certificate says, or this account has no right to it (Keyset does not exist)"
_ASKS: Final = "would have to ask for a PIN or a password in a window, and qsjwt opens none"
_WRONG: Final = "has another PIN; it was tried once"
_NO_CARD: Final = "is on a smart card that is not there"
_INSERT: Final = "insert the card, and see whether certutil -scinfo finds it"

_PROBLEMS: Final[Mapping[int, _Problem]] = {
    0x00000005: _Problem("ERROR_ACCESS_DENIED", _NO_RIGHT, _GRANT),
    0x80070005: _Problem("E_ACCESSDENIED", _NO_RIGHT, _GRANT),
    0x80090008: _Problem(
        "NTE_BAD_ALGID",
        "is in a provider that knows no SHA-2 (Invalid algorithm specified)",
        'import its .pfx file again with certutil -csp "Microsoft Software Key Storage Provider" -importpfx FILE',
    ),
    0x8009000D: _Problem("NTE_NO_KEY", _ELSEWHERE, _GRANT),
    0x80090010: _Problem("NTE_PERM", "may not be used for signing, or not by this account", _GRANT),
    0x80090014: _Problem(
        "NTE_BAD_PROV_TYPE",
        "is in a provider that cannot be opened (Invalid provider type specified)",
        "see certutil -store -v My for the provider's name; that of a card or an HSM comes with its own software",
    ),
    0x80090016: _Problem("NTE_BAD_KEYSET", _ELSEWHERE, _GRANT),
    0x80090019: _Problem("NTE_KEYSET_NOT_DEF", "is in a provider that is not on this machine", "install its software"),
    0x80090022: _Problem("NTE_SILENT_CONTEXT", _ASKS, _PIN),
    0x80092004: _Problem("CRYPT_E_NOT_FOUND", "is gone from the store", "try again"),
    0x8009200B: _Problem("CRYPT_E_NO_KEY_PROPERTY", "is not there: the certificate is without one", _NO_KEY),
    0x8010000C: _Problem("SCARD_E_NO_SMARTCARD", _NO_CARD, _INSERT),
    0x8010002E: _Problem("SCARD_E_NO_READERS_AVAILABLE", _NO_CARD, _INSERT),
    0x80100069: _Problem("SCARD_W_REMOVED_CARD", _NO_CARD, _INSERT),
    0x8010006A: _Problem("SCARD_W_SECURITY_VIOLATION", _ASKS, _PIN),
    0x8010006B: _Problem("SCARD_W_WRONG_CHV", _WRONG, "too many wrong ones in a row lock the card"),
    0x8010006C: _Problem("SCARD_W_CHV_BLOCKED", "has a PIN that is locked", "its administrator can unlock the card"),
    0x8010006E: _Problem("SCARD_W_CANCELLED_BY_USER", _ASKS, _PIN),
    0x8010006F: _Problem("SCARD_W_CARD_NOT_AUTHENTICATED", _ASKS, _PIN),
}
"""Codes of winerror.h."""

_ABOUT_PINS: Final = (0x8010006B, 0x8010006C)
"""Any other answer to a PIN comes from a key that has none."""


class _Flaw(NamedTuple):
    """Why a certificate is not signed with: the end of the sentence "the certificate …", and the way out."""

    says: str
    hint: str


@dataclass(frozen=True)
class _Wanted:
    """What a reference asks for.

    :ivar by: "SHA-1" or "SHA-256" for a thumbprint, or else "cn" or "friendly-name".
    :ivar value: hexadecimal digits in capitals, or a name.
    :ivar locations: where to look, in this order.
    """

    by: str
    value: str
    locations: Sequence[str]
    store: str
    newest: bool

    def __str__(self) -> str:
        return (
            f"with the thumbprint {self.value}"
            if self.by in _DIGITS.values()
            else f"with {self.by}={quoted(self.value)}"
        )

    def fits(self, stored: StoredCertificate, certificate: x509.Certificate) -> bool:
        """Tell whether this certificate is meant."""
        match self.by:
            case "SHA-1":
                return _sha1(stored.der).hex().upper() == self.value
            case "SHA-256":
                return hashlib.sha256(stored.der).hexdigest().upper() == self.value
            case "friendly-name":
                return stored.friendly_name.casefold() == self.value.casefold()
            case _:
                names = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
                return any(str(name.value).casefold() == self.value.casefold() for name in names)


@dataclass(frozen=True)
class _Found:
    """A certificate that a reference may mean.

    :ivar location: where its store is, one of :data:`LOCATIONS`.
    :ivar flaw: why it is not signed with; None if it is.
    """

    location: str
    der: bytes
    certificate: x509.Certificate
    flaw: _Flaw | None

    @property
    def thumbprint(self) -> str:
        """The SHA-1 thumbprint, as Windows shows it."""
        return _sha1(self.der).hex().upper()

    def __str__(self) -> str:
        certificate = self.certificate
        dates = f"{certificate.not_valid_before_utc:%Y-%m-%d} to {certificate.not_valid_after_utc:%Y-%m-%d}"
        flaw = f", {self.flaw.says}" if self.flaw else ""
        return f"{self.thumbprint} {quoted(certificate.subject.rfc4514_string())} {dates}{flaw}"


class CertstoreProvider(KeyProvider):
    """``certstore:THUMBPRINT``, ``certstore:cn=NAME`` or ``certstore:friendly-name=NAME``, settings behind a ``?``.

    A thumbprint is SHA-1, as Windows shows it, or SHA-256; spaces, colons and invisible characters in it do not
    count. A name is compared without regard to case, and ``%`` and two hexadecimal digits in it stand for a byte. One
    certificate must have it that is valid and has a private key; ``newest=true`` takes the one that begins last.

    ``store-location=user`` or ``machine`` says where to look; without it, the user's store counts if it has a key that
    fits, and else the machine's. ``store=NAME`` is another store than ``My``.

    The key signs where it is, by PKCS#1 v1.5 or ECDSA: in a key storage provider (CNG), or by CryptoAPI. No window is
    opened: the PIN of a card is the passphrase. The account needs the right to read a key of the machine.
    """

    summary = "certstore:THUMBPRINT  a key in Windows' certificate store"
    needs_windows = True

    def open(self, reference: str, secrets: Secrets) -> Signer:
        """Find the certificate, open its key, and have it sign once, so that what keeps it from that is known.

        :raises InputError: if the reference is malformed.
        :raises KeyUnavailable: if no certificate fits, or several do, or the one has no key, has expired, or is not for
            signing, or the key may not be used, or needs a PIN that is missing or wrong: it is tried once.
        """
        wanted = _parse(reference)
        found = _chosen(wanted, _candidates(wanted))
        _LOG.info("the certificate is %s, in the %s's store %s", found, found.location, quoted(wanted.store))
        title = f"the key of the certificate {found.thumbprint}"
        pem = ssl.DER_cert_to_PEM_cert(found.der).encode("ascii")
        public_key = load_public_keys(pem, f"the certificate {found.thumbprint}")[0]
        pin = _pin(secrets)
        with _told(title, KeyUnavailable):
            key = certificate_store.open_key(found.location, wanted.store, _sha1(found.der))
        signer = CertstoreSigner(key, public_key, pem, title)
        try:
            signer.unlock(pin)
        except BaseException:
            signer.close()
            raise
        return signer


class CertstoreSigner(Signer):
    """Lets a key of Windows sign; of the key it knows the certificate and a handle."""

    def __init__(self, key: StoredKey, public_key: JWK, certificate: bytes, title: str) -> None:
        """Take over *key*, which :meth:`close` gives back.

        :param certificate: in PEM.
        :param title: what messages call the key.
        """
        self.public_key, self.certificates = public_key, certificate
        # No PSS: CryptoAPI has none, nor have some cards and TPMs.
        self.algorithms = [name for name in key_algorithms(public_key) if name.startswith(("RS", "ES"))]
        self._key, self._title = key, title

    def unlock(self, pin: str | None) -> None:
        """Sign once, with the PIN if there is one: a wrong one must not be tried again for each row of a batch.

        :raises KeyUnavailable: if the key cannot sign.
        """
        with _told(self._title, KeyUnavailable):
            if pin is not None:
                try:
                    self._key.set_pin(pin)
                except Refusal as cause:
                    if cause.code in _ABOUT_PINS:
                        raise
            for algorithm in self.algorithms[:1]:
                self._key.sign(digest(b"", algorithm), algorithm)

    def sign(self, data: bytes, algorithm: str) -> bytes:
        """Have Windows sign the digest of *data*.

        :raises SigningFailed: if it does not.
        """
        with _told(self._title, SigningFailed):
            return self._key.sign(digest(data, algorithm), algorithm)

    def close(self) -> None:
        self._key.close()


def _parse(reference: str) -> _Wanted:
    """Return what *reference* asks for.

    :raises InputError: if it is malformed.
    """
    # A text file in the Windows code page has a ? for the invisible character that the certificate's window adds.
    head, settings = split_settings(reference.lstrip("?"), _SETTINGS)
    location, store = settings.get("store-location"), settings.get("store", "My")
    if location is not None and location not in LOCATIONS:
        raise InputError(f"the setting store-location is {' or '.join(LOCATIONS)}, not {quoted(location)}")
    if not store or "\\" in store or not store.isprintable():  # a backslash leads to another machine
        raise InputError(f"the setting store is the name of a store of this machine, such as My, not {quoted(store)}")
    newest = settings.get("newest", "false")
    if newest not in ("true", "false"):
        raise InputError(f"the setting newest is true or false, not {quoted(newest)}")
    name, equals, text = head.partition("=")
    if equals and name in _NAMES and text:
        by, value = name, unquote(text)
    else:
        value = _digits(head)
        if re.search("[^0-9A-F]", value) or not value:
            raise InputError(f"the key reference names no certificate: {quoted(head)} is no thumbprint", hint=_FORM)
        if len(value) not in _DIGITS:
            lengths = " or ".join(f"{length} ({name})" for length, name in _DIGITS.items())
            raise InputError(f"a thumbprint has {lengths} hexadecimal digits, not {len(value)}", hint=_FORM)
        by = _DIGITS[len(value)]
    return _Wanted(by, value, [location] if location else list(LOCATIONS), store, newest == "true")


def _digits(text: str) -> str:
    """Return a thumbprint in capitals, without what Windows and openssl put between its digits and before them."""
    return "".join(c for c in re.sub(r"[\s:-]", "", text) if unicodedata.category(c) != "Cf").upper()


def _candidates(wanted: _Wanted) -> list[_Found]:
    """Return the certificates that *wanted* fits, whether or not they can be signed with.

    :raises KeyUnavailable: if a store cannot be read.
    """
    found = []
    now = time.time()
    for location in wanted.locations:
        try:
            stored = certificate_store.certificates(location, wanted.store)
        except Refusal as cause:
            raise KeyUnavailable(
                f"the {location}'s certificate store {quoted(wanted.store)} cannot be read: "
                f"{cause.function} reports {cause.code:#010x}"
            ) from cause
        for one in stored:
            try:
                certificate = x509.load_der_x509_certificate(one.der)
                if wanted.fits(one, certificate):
                    found.append(_Found(location, one.der, certificate, _flaw(certificate, one.has_key, now)))
            except ValueError:  # others of the store may be of kinds that nobody can read
                continue
    return found


def _flaw(certificate: x509.Certificate, has_key: bool, now: float) -> _Flaw | None:
    if not has_key:
        return _Flaw("has no private key", _NO_KEY)
    if problem := validity_problem(certificate, now):
        return _Flaw(problem.removeprefix("the certificate "), _RENEW)
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return None
    return None if usage.digital_signature else _Flaw("is not for signing", _NO_USE)


def _chosen(wanted: _Wanted, found: Sequence[_Found]) -> _Found:
    """Return the one of *found* to sign with.

    :raises KeyUnavailable: if there is none, or more than one; it says which ones there are.
    """
    for location in wanted.locations:
        fitting = [one for one in found if one.location == location and one.flaw is None]
        if len(fitting) == 1 or (fitting and wanted.newest):
            return max(fitting, key=lambda one: one.certificate.not_valid_before_utc)
        if fitting:
            raise KeyUnavailable(
                f"the {location}'s store {quoted(wanted.store)} has {len(fitting)} certificates {wanted} to sign with",
                hint=f"use the thumbprint, or ?newest=true for the one that begins last; there are: {_listed(fitting)}",
            )
    if not found:
        raise KeyUnavailable(f"there is no certificate {wanted} in {_place(wanted, wanted.locations)}", hint=_LIST)
    if len(found) == 1 and found[0].flaw:
        raise KeyUnavailable(f"the certificate {found[0].thumbprint} {found[0].flaw.says}", hint=found[0].flaw.hint)
    place = _place(wanted, [one.location for one in found])
    raise KeyUnavailable(
        f"none of the {len(found)} certificates {wanted} in {place} can be used", hint=f"there are: {_listed(found)}"
    )


def _place(wanted: _Wanted, locations: Sequence[str]) -> str:
    return " and ".join(f"the {location}'s store {quoted(wanted.store)}" for location in dict.fromkeys(locations))


def _listed(found: Sequence[_Found]) -> str:
    return "; ".join(map(str, found[:_MAX_LISTED])) + (" …" if len(found) > _MAX_LISTED else "")


def _sha1(data: bytes) -> bytes:
    return hashlib.sha1(data, usedforsecurity=False).digest()  # what Windows finds certificates by


def _pin(secrets: Secrets) -> str | None:
    """Return the PIN, or None if none was given.

    :raises KeyUnavailable: if it is not there, or not text.
    """
    pin = secrets.passphrase()
    try:
        return None if pin is None else pin.decode("utf-8")
    except UnicodeDecodeError:
        raise KeyUnavailable("the PIN is not UTF-8 text") from None


@contextlib.contextmanager
def _told(title: str, error: type[QsJwtError]) -> Iterator[None]:
    """Turn what Windows refuses into an *error* that says what it means for the key, and the code as Windows has it."""
    try:
        yield
    except Refusal as cause:
        problem = _PROBLEMS.get(cause.code)
        if problem is None:
            raise error(
                f"{title} cannot be used: {cause.function} reports {cause.code:#010x}",
                hint=f"certutil -error {cause.code:#010x} says what that is",
            ) from cause
        raise error(f"{title} {problem.says} ({problem.name})", hint=problem.hint) from cause
