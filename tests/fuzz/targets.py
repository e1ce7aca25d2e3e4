"""What is fuzzed: four readers of what users and others give, and what may come of an input."""

import base64
import json
import os
import tempfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

from jwcrypto.common import base64url_encode

from qsjwt.batch.columns import Columns
from qsjwt.batch.prepared import PreparedRequest
from qsjwt.batch.rows import RowReader
from qsjwt.errors import InputError, KeyUnavailable, QsJwtError, SigningFailed, VerificationFailed
from qsjwt.keys.public import validity_problem
from qsjwt.keys.reference import Secrets, open_signer
from qsjwt.keys.signer import LocalSigner
from qsjwt.options import key as key_options
from qsjwt.options.parser import Parser
from qsjwt.options.request import RequestOptions
from qsjwt.redaction import holds_secret, printable
from qsjwt.tokens import jwt
from qsjwt.tokens.claim_names import claim_names
from qsjwt.tokens.create import Creator, load_platform
from qsjwt.tokens.judge import Registered, as_record, judge
from qsjwt.tokens.jwt import Token
from qsjwt.tokens.platform import PLATFORMS, command_of, examine
from qsjwt.tokens.request import Options
from tests.fuzz import seeds

NOW: Final = 1_800_000_000
"""A NumericDate, in seconds, so that a run can be repeated."""

MAX_SENTENCE_CHARACTERS: Final = 1000
SIGNED_SHARE: Final = 16
"""One input of so many is signed, or its signature verified, which takes as long as reading twenty."""

MAX_ROWS: Final = 16
"""Of one input: what is to be found in a row is found in the first ones."""

_PLATFORMS: Final = tuple(sorted(PLATFORMS.names()))


@dataclass(frozen=True)
class Target:
    """One reader.

    :ivar read: takes an input, and raises nothing but *errors*.
    :ivar errors: the classes of error that say what is wrong with an input.
    :ivar seeds: makes the inputs to begin with.
    :ivar words: what such inputs contain, for the fuzzer to put where it likes.
    """

    read: Callable[[bytes], object]
    errors: tuple[type[QsJwtError], ...]
    seeds: Callable[[], Sequence[bytes]]
    words: Sequence[bytes]

    def attempt(self, data: bytes) -> None:
        """Read *data*.

        :raises AssertionError: if the error that comes of it is no sentence that may be shown.
        :raises Exception: whatever else goes wrong, which nothing may.
        """
        try:
            self.read(data)
        except QsJwtError as error:
            if type(error) not in self.errors:
                raise
            require_sentence(error)


def require_sentence(error: QsJwtError) -> None:
    """Return if the words of *error* are on one line, not endless, and show no secret."""
    for text in (error.message, error.hint):
        assert text == printable(text), "a message moves the cursor"
        assert len(text) <= MAX_SENTENCE_CHARACTERS, "a message is endless"
        assert not holds_secret(text), "a message shows a secret"
    assert error.message.strip(" .") == error.message != "", "a message is no sentence without a full stop"


class _KnownPassphrase(Secrets):
    def passphrase(self) -> bytes | None:
        return seeds.PASSPHRASE


_FOLDER: Final = tempfile.TemporaryDirectory(
    prefix="qsjwt-fuzz-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None
)
_FILE: Final = Path(_FOLDER.name) / "key"


def read_private_key(data: bytes) -> None:
    """Open a private key in any form, and sign with some: a damaged one may load, but gives no token that is wrong."""
    if data[:1] == b"\x30" and b"\x02\x01\x03" in data[:8]:
        _FILE.write_bytes(data)
        reference = f"pkcs12:{_FILE}"
    else:
        reference = f"inline:{data.decode('utf-8', 'surrogateescape')}"
    with open_signer(reference, _KnownPassphrase()) as signer:
        if signer.algorithms and _is_to_be_signed(data):
            algorithm = signer.algorithms[0]
            jwt.decode(jwt.sign(Token({"alg": algorithm}, {"sub": "anna"}), signer, algorithm))
        if signer.certificates:
            key_options.private_material(signer)


def read_public_key(data: bytes) -> None:
    """Read public keys and certificates, and show what ``show-key`` and ``registration`` show of one."""
    _FILE.write_bytes(data)
    options = Options({"cert_publickey": None, "cert_publickey_file": [str(_FILE)]})
    public = key_options.one_public_key(options, None, key_options.public_material(options), "k1")
    record = public.described(NOW)
    json.dumps([record, public.members, public.pem, public.certificate_pem], allow_nan=False).encode("utf-8")
    if public.certificate is not None:
        validity_problem(public.certificate, NOW)


def _is_to_be_signed(data: bytes) -> bool:
    return zlib.crc32(data) % SIGNED_SHARE == 0


_SIGNER: Final = LocalSigner(seeds.ec_jwk())
_REGISTERED: Final = Registered([_SIGNER.public_key, seeds.rsa_jwk().public()], [seeds.x509_certificate()])
_JUDGES: Final = [(name, load_platform(name)) for name in _PLATFORMS]
_EXPECTED: Final = Token({"kid": "k1"}, {"iss": "https://idp.example.com", "aud": "qlik.api/login/jwt-session"})


def read_token(data: bytes) -> None:
    """Take a token apart, verify it, and judge it as a platform does; two lines, header and claims, get signed."""
    token = jwt.decode(_signed(data) if b"\n" in data else data.decode("utf-8", "surrogateescape"))
    registered = _REGISTERED if _is_to_be_signed(data) else None
    for failure in (*jwt.time_failures(token, NOW), *jwt.expected_failures(token, "aud", "iss")):
        require_sentence(failure)
    if registered is not None:
        try:
            jwt.verify_signature(token, registered.keys)
        except VerificationFailed as failure:
            require_sentence(failure)
    name, platform = _JUDGES[len(data) % len(_JUDGES)]
    with PLATFORMS.guard(name, "check the token"):
        found = examine(platform, token, NOW, claim_names(platform, _COMMON[name]))
    findings = judge(platform, found, token, NOW, expected=_EXPECTED, registered=registered)
    for finding in findings:
        assert finding.message, "a finding says nothing"
    json.dumps([as_record(finding) for finding in findings], allow_nan=False)


def _signed(data: bytes) -> str:
    header, _, claims = data.partition(b"\n")
    signing_input = f"{base64url_encode(header)}.{base64url_encode(claims)}"
    signature = _SIGNER.sign(signing_input.encode("ascii"), "ES256") if _is_to_be_signed(data) else bytes(64)
    return f"{signing_input}.{base64url_encode(signature)}"


def _columns(name: str) -> tuple[Creator, Columns, Columns]:
    """Return what makes tokens for the platform *name*, and what makes requests of CSV's and of JSON Lines' rows."""
    creator = Creator(name, load_platform(name))
    parser = Parser(command_of(name), "")
    known = RequestOptions(parser, creator.platform)
    known.add_key_id(parser.group("key"))
    common = parser.defaults()
    of_csv, of_json = (
        PreparedRequest(creator, known, parser.declared, common, {}, separator=separator)
        .over({"expires": "5m"})
        .columns
        for separator in (";", "")
    )
    _COMMON[name] = common
    return creator, of_csv, of_json


_COMMON: Final[dict[str, Options]] = {}
_CREATORS: Final = [_columns(name) for name in _PLATFORMS]


def read_rows(data: bytes) -> None:
    """Read rows, and make a token of each; the first byte chooses the platform, and whether the format is given."""
    chosen = data[0] if data else 0
    creator, of_csv, of_json = _CREATORS[chosen % len(_CREATORS)]
    form = {0: "csv", 1: "jsonl", 2: "json"}.get(chosen >> 4 & 3)
    reader = RowReader(BytesIO(data[1:]), "the batch file 'rows'", form)
    columns = of_csv if reader.form == "csv" else of_json
    columns.require_known(reader.columns or ())
    for _, row in zip(range(MAX_ROWS), (row for row in reader if row is not None), strict=False):
        try:
            if row.problem:
                raise InputError(row.problem)
            with PLATFORMS.guard(creator.name, "read its options"):
                request = columns.request(row.values)
            token = creator.build(request, NOW)
            if not _is_to_be_signed(data):
                continue
            made = jwt.sign(Token({**token.header, "alg": "ES256"}, token.claims), _SIGNER, "ES256")
        except InputError as error:
            require_sentence(error)
        else:
            assert jwt.decode(made).claims == token.claims, "what was signed is not what was meant"


def _with_base64(data: Sequence[bytes]) -> list[bytes]:
    return [*data, *map(base64.b64encode, data[:2])]


TARGETS: Final = {
    "private-keys": Target(
        read_private_key,
        (KeyUnavailable, SigningFailed),
        lambda: _with_base64(seeds.private_keys()),
        (*seeds.PEM_WORDS, *seeds.DER_WORDS, *seeds.JWK_WORDS),
    ),
    "public-keys": Target(
        read_public_key,
        (KeyUnavailable,),
        lambda: _with_base64(seeds.public_keys()),
        (*seeds.PEM_WORDS, *seeds.DER_WORDS, *seeds.JWK_WORDS),
    ),
    "tokens": Target(read_token, (VerificationFailed,), lambda: seeds.tokens(_signed), seeds.TOKEN_WORDS),
    "rows": Target(read_rows, (InputError,), lambda: seeds.rows(len(_CREATORS)), seeds.ROW_WORDS),
}
