"""What may be shown."""

import base64
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives import serialization

from qsjwt.redaction import holds_secret, quoted, redacted, shown, without_secrets
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


@pytest.mark.parametrize(
    "part", ["%22", "{d:", '"', "aB3", "ab \n", "eyJ", "-----BEGIN PRIVATE KEY-----", "aB3defghij1234567890== "]
)
def test_a_million_characters_take_no_longer_than_they_must(part: str) -> None:
    # Quadratic work would take hours here; a second or so is what a linear pass costs.
    assert redacted(part * (1_000_000 // len(part)))
