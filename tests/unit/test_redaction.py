"""What may be shown."""

import base64
import random
import re
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from qsjwt.redaction import holds_secret, printable, quoted, redacted, shown, without_secrets
from tests.conftest import pem


def _shapes(text: str) -> list[str]:
    one_line = text.replace("\n", "\\n")
    body = "".join(text.splitlines()[1:-1])
    return [
        text,
        text[: len(text) // 2],
        one_line,
        text.replace("\n", " "),
        body,
        base64.b64encode(text.encode()).decode(),
    ]


def test_no_shape_of_a_private_key_survives_redaction(keys: SimpleNamespace) -> None:
    for form in ("PKCS8", "TraditionalOpenSSL"):
        text = pem(keys.rsa, form).decode()
        secret = text.splitlines()[5]
        for shape in _shapes(text):
            assert secret[:20] not in redacted(f"cannot open {shape}")
            assert secret[:20] not in quoted(shape)


def test_a_token_is_never_shown() -> None:
    token = "eyJhbGciOiJSUzI1NiJ9.eyJ1c2VySWQiOiJ1In0.c2lnbmF0dXJl"
    assert redacted(f"Bearer {token}!") == "Bearer (a token)!"
    assert token not in quoted(token)


def test_the_private_part_of_a_jwk_is_never_shown() -> None:
    assert "c2VjcmV0" not in redacted('{"kty":"RSA","d":"c2VjcmV0c2VjcmV0c2VjcmV0c2Vj","n":"AQAB"}')


def test_one_line_of_a_key_is_not_shown_and_neither_is_a_jwk_without_its_quotes(keys: SimpleNamespace) -> None:
    for line in pem(keys.rsa).decode().splitlines()[1:-2]:
        assert line not in redacted(f"expected one argument, not {line!r}")
        assert line not in quoted(line)
    for jwk in (
        "{kty:EC,d:c2VjcmV0c2VjcmV0c2VjcmV0c2Vj}",
        '{\\"kty\\":\\"EC\\",\\"d\\":\\"c2VjcmV0c2VjcmV0c2VjcmV0c2Vj\\"}',
    ):
        assert "c2VjcmV0" not in redacted(jwk)


def test_a_thumbprint_a_fingerprint_and_a_path_are_public() -> None:
    for text in (
        "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
        "9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08",
        "/home/Anna/projects2026/QlikSense/keys/production/PrivateKey/number1",
        "My-Very-Long-Key-File-Name-2026-for-the-production-environment",
        "/srv/QlikSenseEnterprise2023/CertificatesExported/LocalMachine/privatekey.pem",
        "builds/ProjectNameWithLongCamelCase2024/ProductionDeployment/keys.pem",
        "/srv/ADMINISTRATION/keys/clientmanaged/production/environment/europe/north/privatekey.pem",
        "ADMINISTRATORS of the Qlik Sense production environment in Stockholm and Uppsala",
        "d:/qlikkeys/key.pem",
        "k:privatekeys.pem",
    ):
        assert redacted(text) == text
        assert quoted(text) == f"'{text}'"
    assert quoted("d:\\qlikkeys\\longer_name_of_a_folder\\key.pem").startswith("'d:")


def test_rarer_shapes_of_a_key_are_not_shown_either(keys: SimpleNamespace) -> None:
    from urllib.parse import quote

    from jwcrypto.jwk import JWK

    jwk = JWK.from_pyca(keys.ec)
    assert jwk["d"] not in redacted(quote(jwk.export()))
    der = keys.ec.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for digits in (der.hex(), der.hex().upper()):
        assert digits[20:60] not in redacted(digits)
    assert "eyJ" not in redacted("A_eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9")
    assert "2/MUXrOMuaQmV8Ml2pFTreg" not in quoted("2/MUXrOMuaQmV8Ml2pFTreg=")


def test_a_key_is_not_shown_for_a_long_tail_that_makes_it_look_like_a_name(keys: SimpleNamespace) -> None:
    der = keys.rsa.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    text = base64.b64encode(der).decode("ascii")[100:250]
    assert text[:60] not in quoted(text + "s" * 2000)


def test_a_quoted_value_does_not_look_like_a_secret_for_its_escapes() -> None:
    text = 'a;"nern]d\0nSdmoaSSStSuSeSrSSSSeSSSS-SSSSiSSSissuerSSserijsir'
    assert not holds_secret(text)
    assert not holds_secret(quoted(text))


def test_a_number_is_shown_as_it_is_unless_a_key_would_be_hidden_that_is_so_long() -> None:
    assert (shown(5), shown(True), shown(None), shown(1e300)) == ("5", "true", "null", "1e+300")
    assert shown(int("9" * 70)) == quoted("9" * 70) == "(hidden, as it looks like a key or a token)"


def test_a_message_is_one_line_that_cannot_move_the_cursor() -> None:
    assert redacted("a\nb\x1b[2Jc\x9b\u202e") == r"a\nb\x1b[2Jc\x9b\u202e"


def test_a_traceback_keeps_its_lines() -> None:
    assert without_secrets("one\ntwo") == "one\ntwo"


@pytest.mark.parametrize("value", ["göran", "C:\\keys\\k.pem", "a b", "/home/anna/MIT/keys.pem"])
def test_a_plain_value_is_shown_as_it_is(value: str) -> None:
    assert quoted(value) == f"'{value}'"


def test_a_long_value_is_shortened() -> None:
    assert quoted("x" * 200) == f"'{'x' * 200}'"
    assert quoted("x" * 201) == f"'{'x' * 200}…'"
    assert len(quoted("\U0010ffff" * 10_000)) < 250


SETTINGS = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
ENDS = ("\n", "\r\n", " ", "\\n", "\\r\\n", "\n    ", "\n> ", " \\\n", '"\n"', "%0A", "\t", "\\\\n")
AROUND = ("", " ", "'", '"', "cannot open ", "(", ": ", "\n", "=", "key: ")


def _pieces(text: str, width: int, end: str) -> str:
    return end.join(text[at : at + width] for at in range(0, len(text), width))


def _hides(secret: str, message: str) -> None:
    """Assert that no 20 characters of *secret* on end are shown, however what is shown is put together again."""
    for text in (redacted(message), quoted(message)):
        together = re.sub(r"\\[nrt]|%0A|[^A-Za-z0-9+/=_-]", "", text)
        windows = {secret[at : at + 20] for at in range(len(secret) - 19)}
        assert not [window for window in windows if window in together], text


def _random(seed: int, length: int) -> bytes:
    return random.Random(seed).randbytes(length)  # noqa: S311 - it is to be the same again


@st.composite
def _der(draw: st.DrawFn) -> bytes:
    """A private key on a curve, in PKCS#8 or SEC 1."""
    curve = draw(st.sampled_from([ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()]))
    form = draw(st.sampled_from([serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL]))
    number = int.from_bytes(_random(draw(st.integers()), curve.key_size // 8), "big") >> 1
    key = ec.derive_private_key(number, curve)
    data: bytes = key.private_bytes(serialization.Encoding.DER, form, serialization.NoEncryption())
    return data


@SETTINGS
@given(
    _der(), st.integers(20, 80), st.sampled_from(ENDS), st.sampled_from(AROUND), st.sampled_from(AROUND), st.booleans()
)
def test_no_base64_of_a_key_is_shown_however_it_is_wrapped(
    der: bytes, width: int, end: str, before: str, after: str, twice: bool
) -> None:
    text = base64.b64encode(der)
    body = (base64.b64encode(text) if twice else text).decode()
    _hides(body, before + _pieces(body, width, end) + after)


@SETTINGS
@given(
    _der(),
    st.sampled_from(["{}", "0x{}", "X'{}'", "bytes.fromhex('{}')"]),
    st.booleans(),
    st.integers(20, 80),
    st.sampled_from(ENDS[:4]),
)
def test_no_hexadecimal_of_a_key_is_shown_however_it_is_written(
    der: bytes, form: str, upper: bool, width: int, end: str
) -> None:
    digits = der.hex().upper() if upper else der.hex()
    _hides(digits, form.format(digits))
    _hides(digits, form.format(_pieces(digits, width, end)))
    for pairs in (":", " ", ", 0x", ":\n    "):
        assert redacted(_pieces(digits, 2, pairs)) == "(key material)"


@SETTINGS
@given(
    st.integers().map(lambda seed: int.from_bytes(_random(seed, 32), "big") | 1 << 255),
    st.sampled_from(["0x{:x}", "0x{:064X}", "d=0x{:x}", "{:d}", "d={:d}", "priv:\n    {}"]),
    st.sampled_from(AROUND),
)
def test_no_private_number_of_a_curve_is_shown(number: int, form: str, before: str) -> None:
    if "{}" in form:
        text = redacted(before + form.format(_pieces(f"{number:064x}", 2, ":")))
        assert "(key material)" in text
        assert len(text) < len(before) + 40
    else:
        _hides(form.format(number).removeprefix("d="), before + form.format(number))


@SETTINGS
@given(
    st.tuples(st.integers(), st.sampled_from([32, 48, 66, 128])).map(lambda drawn: _random(*drawn)),
    st.sampled_from(["d", "k", "p", "q", "dp", "dq", "qi"]),
    st.sampled_from(["=", " = ", ":", ": ", "%3D", "=>", '":"', '": "', '\\":\\"']),
    st.sampled_from(["", "?", "&", " ", "{", "--", ", ", "\n"]),
)
def test_no_private_member_of_a_jwk_is_shown_however_it_is_assigned(
    number: bytes, name: str, equals: str, before: str
) -> None:
    value = base64.urlsafe_b64encode(number).decode().rstrip("=")
    quote = '"' if '"' in equals else ""
    _hides(value, f"{before}{quote}{name}{equals}{value}")


WORDS = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="&'\"\\/@"), min_size=6, max_size=40
)


@SETTINGS
@given(
    WORDS,
    st.sampled_from(
        [
            *("key.pem?passphrase={}", "key.p12?alias=a&password={}", "pkcs11:token=T;object=k?pin-value={}"),
            *("?PASSWORD={}", "QSJWT_KEY_PASSPHRASE={}", "x?client_secret={}&y=z", "%3Fpassphrase%3D{}", "'passwd={}'"),
            *("https://user:{}@host/path", "vault:user:{}@host", "user:{}@host", "http://:{}@proxy:8080", "//u:{}@h"),
            *('{{"passphrase": "{}"}}', "{{'password':'{}'}}", "first:last:{}@[::1]:8200/x"),
        ]
    ),
)
def test_no_password_in_a_reference_is_shown(word: str, form: str) -> None:
    assume(word not in form and word not in "(hidden)")
    for text in (redacted(f"cannot open {form.format(word)} now"), quoted(form.format(word))):
        assert word not in text


def test_the_rest_of_a_reference_is_shown() -> None:
    assert quoted("key.p12?alias=a&passphrase=correct horse") == "'key.p12?alias=a&passphrase=(hidden)'"
    assert quoted("vault:anna:p@ss@vault.example/key") == "'vault:(hidden)@vault.example/key'"
    assert redacted("of https://anna:secret@host/a and b@c") == "of https://anna:(hidden)@host/a and b@c"


@pytest.mark.parametrize(
    "text",
    [
        *(
            "mailto:anna@example.com",
            "file:keys/anna@example.com.pem",
            "file:anna@example.pem",
            "C:\\anna@work\\key.pem",
        ),
        *(
            "pkcs11:token=LABEL;object=key?pin-source=pin.txt",
            "--key-passphrase-env=NAME",
            "the passphrase: it is wrong",
        ),
        *("anna@example.com", "http://host:8080/@anna", "12:30@office", "q=some-long-name-of-a-thing", "d=2026-11-28"),
        "SHA256:NzbLsXh8uDCcd+6MNwXF4W/7noWXFZAfHkxZsRGC9Xs",
        "9F:86:D0:81:88:4C:7D:65:9A:2F:EA:A0:C5:5A:D0:15:A3:BF:4F:1B:2B:0B:82:2C:D1:5D:6C:15:B0:F0:0A:08",
        "QlikSenseEnterprise2023 CertificatesExported LocalMachine PrivateKey",
        "0x1f2e3d4c5b6a79880a1b2c3d4e5f60718293a4b5",
    ],
)
def test_what_only_looks_like_a_secret_is_shown(text: str) -> None:
    assert redacted(text) == text


@given(
    st.text()
    | st.lists(st.sampled_from(["d=", "?password=", "aB3dE5", "a:", "@", "0x", "\n", "//", "f00f"])).map("".join)
)
def test_what_is_hidden_once_is_not_hidden_again(text: str) -> None:
    once = redacted(printable(text))
    assert redacted(once) == once


PARTS = (
    *("%22", "{d:", '"', "aB3", "ab \n", "eyJ", "-----BEGIN PRIVATE KEY-----", "aB3defghij1234567890== ", "ab:", "a:b"),
    *("user:", "//", "//u:", "@", "password=", "?pin=a&", "0x", "0xab, ", "ab" * 8 + " ", "priv:", "d=", "d= ", "%0A"),
    *("aB3dE5gH ", "aB3dE5gHiJ\\n", "%2F", 'passphrase": "', "\\", "\\n", " ", "\n", "'", "ab:" * 31 + "x", "=", "f"),
)


@pytest.mark.parametrize("part", PARTS)
def test_a_million_characters_take_no_longer_than_they_must(part: str) -> None:
    # Quadratic work would take hours here; a second or so is what a linear pass costs.
    assert redacted(part * (1_000_000 // len(part)))
