"""A key for people, as ``show-key`` and ``create-key`` show it: what it is, thumbprints, certificate, files."""

from collections.abc import Mapping
from typing import Final

from qsjwt.cli.look import Mark, Page, Piece
from qsjwt.keys.public import PublicKey, validity_problem
from qsjwt.keys.signer import described_key
from qsjwt.tokens.facts import told_time

_OWN: Final = ("kind", "size", "curve")
_FILES: Final = {"private_key": "private key", "public_key": "public key", "certificate": "certificate"}
_NO_FILES: Final[Mapping[str, str]] = {}


def key_page(public: PublicKey, now: float, files: Mapping[str, str] = _NO_FILES) -> Page:
    """Return what *public* is.

    :param now: the time as a NumericDate, by which the certificate's days are counted.
    :param files: what the key has been written to, by what is in them.
    """
    page = Page()
    record = public.described(now)
    certificate = record.pop("certificate", {})
    thumbprint = record.pop("key_thumbprint")
    mark, until = Mark.GOOD, ""
    if public.certificate is not None:
        problem = validity_problem(public.certificate, now)
        mark, until = Mark.BAD if problem else Mark.GOOD, f"; {problem or _days(certificate['days_left'])}"
    what = described_key(public.jwk)
    page.verdict(mark, f"{what[0].upper()}{what[1:]}{until}")
    own = {name: record.pop(name) for name in _OWN if name in record}
    page.section("Key")
    page.fields([(name, _text(value)) for name, value in (*own.items(), *record.items())])
    page.section("Thumbprints")
    thumbprints: list[tuple[str, list[Piece]]] = [("RFC 7638", [thumbprint, ("the key's", "faint")])]
    for name in ("SHA-1", "SHA-256") if certificate else ():
        value = certificate[f"{name.replace('-', '').lower()}_thumbprint"]
        thumbprints.append((name, [value, ("the certificate's", "faint")]))
    page.fields(thumbprints)
    if public.certificate is not None:
        page.section("Certificate")
        first, last = public.certificate.not_valid_before_utc, public.certificate.not_valid_after_utc
        page.fields(
            [
                ("subject", certificate["subject"]),
                ("issuer", certificate["issuer"]),
                ("from", told_time("nbf", first.timestamp(), now)),
                ("to", told_time("exp", last.timestamp(), now)),
            ]
        )
    if files:
        page.section("Files")
        page.fields([(_FILES.get(name, name), path) for name, path in files.items()])
    return page


def _days(left: int) -> str:
    return f"its certificate has {'1 day' if left == 1 else f'{left} days'} left"


def _text(value: object) -> Piece:
    return value if isinstance(value, str) else ", ".join(map(str, value)) if isinstance(value, list) else str(value)
