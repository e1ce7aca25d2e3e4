"""``pkcs11:…``: a key in an HSM, a smart card or SoftHSM, named by an RFC 7512 URI; it never leaves its token."""

import contextlib
import os
import re
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, TypeVar
from urllib.parse import quote, unquote_to_bytes

import pkcs11
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from jwcrypto.common import base64url_encode
from jwcrypto.jwk import JWK
from pkcs11 import MGF, Attribute, KeyType, Mechanism, ObjectClass, TokenFlag

from qsjwt.api import (
    InputError,
    KeyProvider,
    KeyUnavailable,
    Secrets,
    Signer,
    SigningFailed,
    digest,
    jose_signature,
    load_public_keys,
    quoted,
)
from qsjwt.io.read import os_error_reason, user_path

_TOKEN: Final = ("token", "manufacturer", "serial", "model", "slot-id")
_OBJECT: Final = ("object", "id")
_PATH: Final = (*_TOKEN, *_OBJECT, "type")
_QUERY: Final = ("module-path", "pin-source")
_MODULE_VARIABLES: Final = ("QSJWT_PKCS11_MODULE", "PKCS11_MODULE")
_FORM: Final = (
    f"it is written pkcs11:NAME=VALUE;NAME=VALUE?NAME=VALUE&NAME=VALUE, before the ? out of: {', '.join(_PATH)}; "
    f"after it: {', '.join(_QUERY)}"
)
_NO_MODULE: Final = "a module is a library such as /usr/lib/softhsm/libsofthsm2.so, which comes with the token"
_MAX_LISTED: Final = 5
"""So many tokens or keys are named in a hint."""

_MECHANISMS: Final[Mapping[str, tuple[Mechanism, Any]]] = {
    "RS256": (Mechanism.SHA256_RSA_PKCS, None),
    "RS384": (Mechanism.SHA384_RSA_PKCS, None),
    "RS512": (Mechanism.SHA512_RSA_PKCS, None),
    # RFC 7518, section 3.5: the salt is as long as the digest, and MGF1 uses the same hash.
    "PS256": (Mechanism.SHA256_RSA_PKCS_PSS, (Mechanism.SHA256, MGF.SHA256, 32)),
    "PS384": (Mechanism.SHA384_RSA_PKCS_PSS, (Mechanism.SHA384, MGF.SHA384, 48)),
    "PS512": (Mechanism.SHA512_RSA_PKCS_PSS, (Mechanism.SHA512, MGF.SHA512, 64)),
}
_CURVES: Final[Mapping[bytes, ec.EllipticCurve]] = {
    bytes.fromhex("06082a8648ce3d030107"): ec.SECP256R1(),
    bytes.fromhex("06052b81040022"): ec.SECP384R1(),
    bytes.fromhex("06052b81040023"): ec.SECP521R1(),
}
"""CKA_EC_PARAMS, an object identifier in DER (RFC 5480, section 2.1.1.1), to the curve."""

# Tokens answer differently for an attribute that is not there; what they give may also not be what it should be.
_NOT_THERE: Final = (pkcs11.PKCS11Error, LookupError, ValueError)

T = TypeVar("T")


class Pkcs11Provider(KeyProvider):
    """``pkcs11:token=LABEL;object=LABEL;id=%01?module-path=FILE&pin-source=FILE``, an RFC 7512 URI.

    The token is named by any of ``token``, ``manufacturer``, ``serial``, ``model`` and ``slot-id``, the key by
    ``object`` and ``id``; what is left out matches all, and one token and one key must be left. ``%`` and two
    hexadecimal digits stand for a byte. Without ``module-path``, the variable QSJWT_PKCS11_MODULE or PKCS11_MODULE
    names the module. ``pin-source`` is a file, whose first line counts, or ``env:NAME``; without it, the passphrase
    is the PIN.

    The key needs CKA_SIGN, and CKM_SHA256_RSA_PKCS or similar for RSA, CKM_ECDSA for EC. The user (CKU_USER) needs no
    more than to find it and to sign. RSA keys show their public half themselves; to an EC key belongs a public key or
    a certificate with the same CKA_ID, or with the same label if it has none.
    """

    summary = "pkcs11:URI       a key in an HSM or smart card, by RFC 7512 URI"

    def open(self, reference: str, secrets: Secrets) -> Signer:
        """Log in to the token, find the key and read its public half.

        :raises InputError: if the URI is malformed or holds a PIN, or no module is named.
        :raises KeyUnavailable: if the module cannot be loaded, no token or key matches, or more than one, or the PIN is
            missing, wrong or locked: it is tried once.
        """
        wanted = _parse(reference)
        path, named = _module(wanted)
        pin = _pin(wanted, secrets)
        with _one_at_a_time:
            with _told(f"the PKCS#11 module {quoted(named)}"):
                token = _find_token(_load(path, named), wanted, named)
            title = f"the token {quoted(token.label)}"
            with _told(title):
                session = _log_in(path, token, pin, title)
                try:
                    return Pkcs11Signer(session, _find_key(session.handle, wanted, title), pin, title)
                except BaseException:
                    _leave(session)
                    raise


class Pkcs11Signer(Signer):
    """Lets a token sign; of the key it knows the public half and a handle."""

    def __init__(self, session: "_Session", key: Any, pin: str | None, title: str) -> None:
        """Read the public half of *key*.

        :param pin: is needed again for each signature of a key with CKA_ALWAYS_AUTHENTICATE, as PIV cards have.
        :param title: what messages call the token.
        """
        if not hasattr(key, "sign"):
            raise KeyUnavailable(f"the key of {title} is not for signing (CKA_SIGN is false)")
        certificates = _values(_companions(session.handle, key, ObjectClass.CERTIFICATE))
        self.public_key = _public_key(session.handle, key, certificates, title)
        self.certificates = "".join(certificates).encode("ascii") or None
        self._session, self._key, self._title = session, key, title
        self._pin = pin if _attribute(key, Attribute.ALWAYS_AUTHENTICATE) else None
        self._closed = False

    def sign(self, data: bytes, algorithm: str) -> bytes:
        """Have the token sign *data*, or its digest.

        :raises SigningFailed: if it does not.
        """
        mechanism, parameter = _MECHANISMS.get(algorithm, (Mechanism.ECDSA, None))
        is_ecdsa = mechanism is Mechanism.ECDSA
        if is_ecdsa:
            data = digest(data, algorithm)
        try:
            with _one_at_a_time:
                if self._closed:
                    raise SigningFailed(f"the session with {self._title} is closed")
                raw: bytes = self._key.sign(data, mechanism=mechanism, mechanism_param=parameter, pin=self._pin)
        except pkcs11.PKCS11Error as cause:
            raise SigningFailed(
                f"{self._title} did not sign: {_code(cause)}",
                hint=f"it may not have the mechanism CKM_{mechanism.name}, or not allow it for this key",
            ) from cause
        return _jose(raw, algorithm, self._title) if is_ecdsa else raw

    def close(self) -> None:
        with _one_at_a_time:
            if not self._closed:
                self._closed, self._pin = True, None
                _leave(self._session)


@dataclass
class _Session:
    """A session that is logged in, shared by all signers of a token.

    PKCS#11 logs in a process and not a session: a second login is an error, and a logout would end all of them.
    """

    place: tuple[str, int]
    handle: Any
    users: int = 0


_sessions: Final[dict[tuple[str, int], _Session]] = {}

# python-pkcs11 tells modules that they need not lock (C_Initialize without arguments): two calls at once can crash.
_one_at_a_time: Final = threading.RLock()


def _parse(reference: str) -> dict[str, str]:
    """Return the attributes of an RFC 7512 URI without its scheme, percent-decoded; the bytes of ``id`` as Latin-1.

    :raises InputError: if it is malformed, or has an attribute that is not known, or one twice, or a PIN.
    """
    found: dict[str, str] = {}
    path, _, query = reference.partition("?")
    for part, separator, known in ((path, ";", _PATH), (query, "&", _QUERY)):
        for pair in filter(None, part.split(separator)):
            name, equals, value = pair.partition("=")
            if not equals:  # What stands there is not repeated: it may be a PIN.
                raise InputError("the key reference has a part that is not NAME=VALUE", hint=_FORM)
            if name in ("pin-value", "pin"):
                raise InputError(
                    f"the key reference has a {name}, and a PIN has no place on a command line",
                    hint="use pin-source=FILE, or QSJWT_KEY_PASSPHRASE",
                )
            if name not in known or name in found:
                what = "twice" if name in found else "where it cannot be"
                raise InputError(f"the key reference has the attribute {quoted(name)} {what}", hint=_FORM)
            if re.search(r"%(?![0-9A-Fa-f]{2})", value):
                raise InputError(f"the key reference has a % without two hexadecimal digits in {name}", hint=_FORM)
            data = unquote_to_bytes(value.encode("utf-8", "surrogateescape"))
            try:
                found[name] = data.decode("latin-1" if name == "id" else "utf-8")
            except UnicodeDecodeError:
                raise InputError(f"the key reference has bytes in {name} that are not UTF-8") from None
    if found.pop("type", "private") != "private":
        raise InputError("the key reference is not to a private key", hint="write type=private, or leave it out")
    if (slot := found.get("slot-id")) is not None and not (slot.isascii() and slot.isdigit()):
        raise InputError(f"the key reference has a slot-id that is not a number: {quoted(slot)}")
    return found


def _module(wanted: Mapping[str, str]) -> tuple[str, str]:
    """Return the module's file, and its name as it was given.

    :raises InputError: if none is named.
    :raises KeyUnavailable: if the file is not there.
    """
    named = wanted.get("module-path") or next(filter(None, map(os.environ.get, _MODULE_VARIABLES)), None)
    if named is None:
        raise InputError(
            "no PKCS#11 module is named",
            hint=f"end the key reference with ?module-path=FILE, or set {_MODULE_VARIABLES[0]}",
        )
    # One file has one state in a process, whatever names lead to it.
    path = os.path.realpath(user_path(named))
    if os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):  # a pipe would be waited for
        raise KeyUnavailable(f"the PKCS#11 module {quoted(named)} is not a regular file", hint=_NO_MODULE)
    try:
        with open(path, "rb"):
            pass
    except (OSError, ValueError) as cause:
        raise KeyUnavailable(f"the PKCS#11 module {quoted(named)} {os_error_reason(cause)}", hint=_NO_MODULE) from cause
    return path, named


def _load(path: str, named: str) -> Any:
    try:
        return pkcs11.lib(path)
    except pkcs11.PKCS11Error as cause:
        if type(cause) is not pkcs11.PKCS11Error:  # an answer of the module's own
            raise
        raise KeyUnavailable(f"{quoted(named)} cannot be loaded as a PKCS#11 module", hint=_NO_MODULE) from cause


def _pin(wanted: Mapping[str, str], secrets: Secrets) -> str | None:
    """Return the PIN, or None if none was given.

    :raises InputError: if it has two sources, or one of an unknown kind.
    :raises KeyUnavailable: if it is not there, or not text.
    """
    if (source := wanted.get("pin-source")) is not None:
        if secrets.variable is not None or secrets.file is not None:
            raise InputError(
                "the PIN has two sources", hint="use pin-source, or --key-passphrase-env, or --key-passphrase-file"
            )
        scheme, colon, rest = source.partition(":")
        if not colon or not scheme[1:] or "/" in scheme:
            scheme, rest = "file", source
        if scheme not in ("file", "env") or source.startswith("|"):
            raise InputError("the pin-source of the key reference is neither a file nor env:NAME")
        # file:///run/pin is /run/pin, and file:///C:/pin is C:/pin.
        rest = re.sub(r"\A//(?:localhost)?(?=/)", "", rest) if scheme == "file" else rest
        rest = re.sub(r"\A/(?=[A-Za-z]:)", "", rest)
        secrets = Secrets(file=rest) if scheme == "file" else Secrets(variable=rest)
    try:
        pin = secrets.passphrase()
        return None if pin is None else pin.decode("utf-8")
    except UnicodeDecodeError:
        raise KeyUnavailable("the PIN is not UTF-8 text") from None


def _find_token(module: Any, wanted: Mapping[str, str], named: str) -> Any:
    found = []
    for slot in module.get_slots(token_present=True):
        with contextlib.suppress(pkcs11.TokenNotPresent, pkcs11.TokenNotRecognised):
            token = slot.get_token()
            if TokenFlag.TOKEN_INITIALIZED in token.flags:
                serial = token.serial.decode("utf-8", "replace").rstrip("\0 ")
                values = (token.label, token.manufacturer_id, serial, token.model, str(slot.slot_id))
                found.append((dict(zip(_TOKEN, values, strict=True)), token))
    matching = [
        (traits, token)
        for traits, token in found
        if all(traits[name] == value for name, value in wanted.items() if name in traits)
    ]
    return _the_only(matching, found, wanted, f"the PKCS#11 module {quoted(named)}", "token")


def _find_key(session: Any, wanted: Mapping[str, str], title: str) -> Any:
    template: dict[Attribute, Any] = {Attribute.CLASS: ObjectClass.PRIVATE_KEY}
    everything = dict(template)
    if "object" in wanted:
        template[Attribute.LABEL] = wanted["object"]
    if "id" in wanted:
        template[Attribute.ID] = wanted["id"].encode("latin-1")
    matching = [(_traits(key), key) for key in session.get_objects(template)]
    others = (
        [] if matching else [(_traits(key), key) for key in islice(session.get_objects(everything), _MAX_LISTED + 1)]
    )
    return _the_only(matching, others, wanted, title, "private key")


def _traits(key: Any) -> dict[str, str]:
    label, identity = _attribute(key, Attribute.LABEL), _attribute(key, Attribute.ID)
    return {"object": label or "", "id": (identity or b"").decode("latin-1")}


def _the_only(
    matching: Sequence[tuple[dict[str, str], T]],
    others: Sequence[tuple[dict[str, str], T]],
    wanted: Mapping[str, str],
    place: str,
    what: str,
) -> T:
    """Return the one thing in *matching*.

    :param others: what is there if nothing matches, for the hint.
    :raises KeyUnavailable: if there is none, or more than one; it says what would decide.
    """
    if len(matching) == 1:
        return matching[0][1]
    if not matching:
        there = _listed([_written(traits, [name for name in traits if name in wanted]) for traits, _ in others])
        raise KeyUnavailable(
            f"{place} has no {what} that matches the key reference" if others else f"{place} has no {what}",
            hint=f"there is: {there}" if others else "",
        )
    deciding = [
        name
        for name in matching[0][0]
        if name not in wanted and len({traits[name] for traits, _ in matching}) == len(matching)
    ]
    hint = f"{' and '.join(_TOKEN if what == 'token' else _OBJECT)} do not tell them apart one by one"
    if deciding:
        values = _listed([_written(traits, deciding[:1]) for traits, _ in matching])
        hint = f"{' or '.join(deciding)} would decide; add one of: {values}"
    raise KeyUnavailable(f"{place} has {len(matching)} {what}s that match the key reference", hint=hint)


def _listed(texts: Sequence[str]) -> str:
    return " ".join(map(quoted, texts[:_MAX_LISTED])) + (" …" if len(texts) > _MAX_LISTED else "")


def _written(traits: Mapping[str, str], names: Sequence[str]) -> str:
    """Return the attributes *names* as they are written in a key reference."""
    return ";".join(
        f"{name}={quote(traits[name].encode('latin-1' if name == 'id' else 'utf-8'), safe='')}" for name in names
    )


def _log_in(path: str, token: Any, pin: str | None, title: str) -> _Session:
    """Return the session of *token* in this process, a new one if there is none; :func:`_leave` gives it back."""
    place = (path, token.slot.slot_id)
    session = _sessions.get(place)
    if session is None:
        session = _sessions[place] = _Session(place, _opened(token, pin, title))
    session.users += 1
    return session


def _leave(session: _Session) -> None:
    session.users -= 1
    if session.users == 0:
        del _sessions[session.place]
        with contextlib.suppress(pkcs11.PKCS11Error):  # the token may be gone
            session.handle.close()


def _opened(token: Any, pin: str | None, title: str) -> Any:
    locked = KeyUnavailable(
        f"the PIN of {title} is locked after too many wrong attempts", hint="its security officer can set a new one"
    )
    if pin is None and TokenFlag.LOGIN_REQUIRED in token.flags:
        raise KeyUnavailable(
            f"{title} needs a PIN, and none was given",
            hint="use pin-source=FILE in the key reference, or set QSJWT_KEY_PASSPHRASE, or use --key-passphrase-file",
        )
    if TokenFlag.USER_PIN_LOCKED in token.flags:
        raise locked
    try:
        return token.open(user_pin=pin)
    except pkcs11.UserAlreadyLoggedIn:  # other code of this process did it
        return token.open()
    except pkcs11.PinLocked as cause:
        raise locked from cause
    except (pkcs11.PinIncorrect, pkcs11.PinInvalid, pkcs11.PinLenRange) as cause:
        final = TokenFlag.USER_PIN_FINAL_TRY in token.slot.get_token().flags
        hint = "the next wrong one locks it" if final else "too many wrong ones in a row lock it"
        raise KeyUnavailable(f"the PIN for {title} is wrong; it was tried once", hint=hint) from cause


def _companions(session: Any, key: Any, kind: ObjectClass) -> list[Any]:
    """Return the objects of *kind* that belong to *key*: those with its ID, or with its label if it has none."""
    for attribute in (Attribute.ID, Attribute.LABEL):
        if value := _attribute(key, attribute):
            return list(session.get_objects({Attribute.CLASS: kind, attribute: value}))
    return []


def _values(certificates: Sequence[Any]) -> list[str]:
    """Return *certificates* in PEM; those that are elsewhere, with a URL in their place, are left out."""
    values = (_attribute(certificate, Attribute.VALUE) for certificate in certificates)
    return [ssl.DER_cert_to_PEM_cert(value) for value in values if value]


def _public_key(session: Any, key: Any, certificates: Sequence[str], title: str) -> JWK:
    kind = _attribute(key, Attribute.KEY_TYPE)
    if kind not in (KeyType.RSA, KeyType.EC):
        raise KeyUnavailable(f"the key of {title} is neither an RSA nor an EC key")
    curve = _CURVES.get(_attribute(key, Attribute.EC_PARAMS) or b"") if kind == KeyType.EC else None
    if kind == KeyType.EC and curve is None:
        raise KeyUnavailable(f"the key of {title} is on a curve that no algorithm here goes with")
    for place in (key, *_companions(session, key, ObjectClass.PUBLIC_KEY)):
        with contextlib.suppress(*_NOT_THERE):
            return _rsa_key(place) if curve is None else _ec_key(place, curve)
    for certificate in certificates:
        return load_public_keys(certificate.encode("ascii"), f"the certificate beside the key of {title}")[0]
    raise KeyUnavailable(
        f"{title} does not have the public half of the key",
        hint="write its public key or its certificate to the token, with the same ID (CKA_ID)",
    )


def _rsa_key(place: Any) -> JWK:
    modulus, exponent = place[Attribute.MODULUS].lstrip(b"\0"), place[Attribute.PUBLIC_EXPONENT].lstrip(b"\0")
    if not (modulus and exponent):
        raise ValueError("an RSA key without numbers")
    return JWK(kty="RSA", n=base64url_encode(modulus), e=base64url_encode(exponent))


def _ec_key(place: Any, curve: ec.EllipticCurve) -> JWK:
    point: bytes = place[Attribute.EC_POINT]
    width = (curve.key_size + 7) // 8
    # CKA_EC_POINT is the point in an OCTET STRING; some tokens leave the wrapping out.
    numbers = ec.EllipticCurvePublicKey.from_encoded_point(curve, point[-1 - 2 * width :]).public_numbers()
    coordinates = {name: base64url_encode(getattr(numbers, name).to_bytes(width, "big")) for name in ("x", "y")}
    return JWK(kty="EC", crv=f"P-{curve.key_size}", **coordinates)


def _jose(raw: bytes, algorithm: str, title: str) -> bytes:
    """Return R||S at fixed width; tokens may give both halves shorter (PKCS#11, section "Elliptic curve")."""
    half, odd = divmod(len(raw), 2)
    try:
        if odd or not half:
            raise ValueError("a signature has two halves")
        der = encode_dss_signature(int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big"))
        return jose_signature(der, algorithm)
    except ValueError as cause:
        raise SigningFailed(f"{title} gave something else than an ECDSA signature") from cause


def _attribute(thing: Any, attribute: Attribute) -> Any:
    """Return an attribute of an object; None if the token does not have it, or not in a form that can be read."""
    with contextlib.suppress(*_NOT_THERE):
        return thing[attribute]
    return None


@contextlib.contextmanager
def _told(title: str) -> Iterator[None]:
    """Turn what the token or its module refuses into an error that names it, and the PKCS#11 error."""
    try:
        yield
    except pkcs11.PKCS11Error as cause:
        raise KeyUnavailable(
            f"{title} reports an error: {_code(cause)}", hint="see the configuration and the log of the module itself"
        ) from cause


def _code(cause: pkcs11.PKCS11Error) -> str:
    """Return the error's name as PKCS#11 has it, or the number of a vendor's own."""
    if number := re.search(r"0x[0-9a-f]+", str(cause)):
        return number[0]
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(cause).__name__).upper()
