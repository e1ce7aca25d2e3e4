"""Tokens: sign, take apart, verify."""

import json
from types import SimpleNamespace
from typing import Any

import joserfc.jwt
import jwt as pyjwt
import pytest
from joserfc.jwk import RSAKey
from jwcrypto.common import base64url_encode
from jwcrypto.jwk import JWK

from qsjwt.errors import InputError, SigningFailed, VerificationFailed
from qsjwt.io.read import MAX_BYTES
from qsjwt.keys.signer import LocalSigner, Signer
from qsjwt.tokens import jwt
from qsjwt.tokens.jwt import Token
from tests.conftest import public_pem
from tests.unit.keys.test_load import corrupt_rsa

NOW = 1_795_461_156


def _token(**claims: Any) -> Token:
    return Token({"alg": "RS256", "typ": "JWT"}, {"userId": "göran", "exp": NOW + 60, **claims})


def _compact(header: object, claims: object, signature: str = "c2ln") -> str:
    parts = [part if isinstance(part, str) else json.dumps(part) for part in (header, claims)]
    return f"{base64url_encode(parts[0])}.{base64url_encode(parts[1])}.{signature}"


def test_other_libraries_verify_a_signed_token(keys: SimpleNamespace) -> None:
    token = _token(name="Göran Sänder 😀", groups=["a", "b"])
    compact = jwt.sign(token, LocalSigner(JWK.from_pyca(keys.rsa)), "RS256")
    options: Any = {"verify_exp": False}
    assert pyjwt.decode(compact, keys.rsa.public_key(), ["RS256"], options) == token.claims
    assert joserfc.jwt.decode(compact, RSAKey.import_key(public_pem(keys.rsa))).claims == token.claims


def test_a_token_of_another_library_is_verified(keys: SimpleNamespace) -> None:
    compact = pyjwt.encode({"sub": "anna"}, keys.rsa, "RS512", headers={"kid": "k1"})
    token = jwt.decode(compact)
    jwt.verify_signature(token, [JWK.from_pyca(keys.rsa.public_key())])
    assert (token.header["kid"], token.claims) == ("k1", {"sub": "anna"})


class _Faulty(Signer):
    """A stand-in for a service that answers wrongly."""

    def __init__(self, public_key: JWK, answer: Any) -> None:
        self.public_key = public_key
        self._answer = answer

    def sign(self, data: bytes, algorithm: str) -> bytes:
        answer: bytes = self._answer(data) if callable(self._answer) else self._answer
        return answer

    def verify(self, *_unused: object) -> bool:
        """Verify as its service does, which is not asked."""
        return True


def test_a_signature_that_does_not_verify_is_never_given_out(keys: SimpleNamespace) -> None:
    public = JWK.from_pyca(keys.rsa.public_key())
    signer, other = LocalSigner(JWK.from_pyca(keys.rsa)), LocalSigner(JWK.from_pyca(keys.other))
    wrong = [
        lambda data: other.sign(data, "RS256"),  # another key
        lambda data: signer.sign(data, "PS256"),  # another padding
        lambda data: signer.sign(data, "RS512"),  # another digest
    ]
    for answer in (*wrong, b"", b"banana", None, bytearray(256), "text"):
        with pytest.raises(SigningFailed, match="does not verify"):
            jwt.sign(_token(), _Faulty(public, answer), "RS256")


def test_a_signer_that_crashes_is_a_failure_to_sign(keys: SimpleNamespace) -> None:
    def crash(_data: bytes) -> bytes:
        raise RuntimeError("the PIN is 1234")

    with pytest.raises(SigningFailed, match="could not sign: RuntimeError") as failure:
        jwt.sign(_token(), _Faulty(JWK.from_pyca(keys.rsa.public_key()), crash), "RS256")
    assert "1234" not in failure.value.message


def test_a_signer_says_itself_why_it_refused(keys: SimpleNamespace) -> None:
    def refuse(_data: bytes) -> bytes:
        raise SigningFailed("the service said AccessDenied")

    with pytest.raises(SigningFailed, match="AccessDenied"):
        jwt.sign(_token(), _Faulty(JWK.from_pyca(keys.rsa.public_key()), refuse), "RS256")


def test_an_rsa_key_whose_private_exponents_are_damaged_signs_nothing(keys: SimpleNamespace) -> None:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    both = corrupt_rsa(keys.rsa, "exponent")
    key = JWK()
    key.unsafe_skip_rsa_key_validation = True
    key.import_from_pyca(load_pem_private_key(both, None, unsafe_skip_rsa_key_validation=True))
    numbers = keys.rsa.private_numbers()
    key["dp"] = base64url_encode((numbers.dmp1 ^ 6).to_bytes(128, "big"))
    with pytest.raises(SigningFailed):
        jwt.sign(_token(), LocalSigner(key), "RS256")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, b"bytes"])
def test_claims_that_are_no_json_are_refused(keys: SimpleNamespace, value: Any) -> None:
    with pytest.raises(InputError, match="cannot be written as JSON"):
        jwt.sign(_token(x=value), LocalSigner(JWK.from_pyca(keys.rsa)), "RS256")


def _nested(levels: int) -> Any:
    value: Any = []
    for _ in range(levels - 1):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "reason"),
    [(_nested(64), "nested too deeply"), (10**308, "a number is too large"), ({1: 0, "1": 0}, "appears twice")],
)
def test_no_token_is_given_out_that_decode_would_not_read(keys: SimpleNamespace, value: Any, reason: str) -> None:
    with pytest.raises(InputError, match=rf"cannot be written as JSON: 'x' \(.*{reason}"):
        jwt.sign(_token(x=value), LocalSigner(JWK.from_pyca(keys.rsa)), "RS256")


@pytest.mark.parametrize("value", [_nested(63), 10**308 - 1, {"1": 0, "2": 0}, "x" * 780_000])
def test_the_last_value_that_is_signed_is_read_by_decode(keys: SimpleNamespace, value: Any) -> None:
    compact = jwt.sign(_token(x=value), LocalSigner(JWK.from_pyca(keys.rsa)), "RS256")
    assert len(compact) <= MAX_BYTES
    assert jwt.decode(compact).claims["x"] == value


def test_a_token_that_is_larger_than_what_is_read_is_not_signed(keys: SimpleNamespace) -> None:
    with pytest.raises(InputError, match="larger than 1 MiB"):
        jwt.sign(_token(x="x" * 790_000), LocalSigner(JWK.from_pyca(keys.rsa)), "RS256")


def test_claims_that_are_no_unicode_are_refused(keys: SimpleNamespace) -> None:
    with pytest.raises(InputError, match="not all Unicode text"):
        jwt.sign(_token(x="G\udcf6ran"), LocalSigner(JWK.from_pyca(keys.rsa)), "RS256")


GOOD = _compact({"alg": "RS256"}, {})


@pytest.mark.parametrize(
    ("compact", "word"),
    [
        ("a.b.c.d.e", "encrypted"),
        ("banana", "has 1"),
        ("a.b", "has 2"),
        (GOOD + ".x", "has 4"),
        (_compact({"alg": "none"}, {}), "not signed"),
        (_compact({"alg": "nOnE"}, {}), "not signed"),
        (_compact({}, {}), "names no algorithm"),
        (_compact({"alg": "RS256"}, {}, ""), "not signed"),
        (_compact({"alg": "RS256", "b64": False, "crit": ["b64"]}, {}), "demands an extension"),
        (_compact({"alg": "RS256", "crit": []}, {}), "demands an extension"),
        (_compact({"alg": "RS256", "crit": ["alg"]}, {}), "demands an extension"),
        (_compact({"alg": "RS256", "b64": 0}, {}), "demands an extension"),
        (_compact({"alg": 7}, {}), "names no algorithm"),
        (_compact({"alg": ["RS256"]}, {}), "names no algorithm"),
        (_compact('{"alg":"RS256","alg":"none"}', {}), "appears twice"),
        (_compact({"alg": "RS256"}, '{"exp":1,"exp":9999999999}'), "appears twice"),
        (_compact({"alg": "RS256"}, "[]"), "not a JSON object"),
        (_compact("7", {}), "not a JSON object"),
        (_compact({"alg": "RS256"}, "{"), "cannot be read"),
        (_compact({"alg": "RS256"}, "NaN"), "cannot be read"),
        (f"{base64url_encode(b'{' + bytes([255]) + b'}')}.e30.c2ln", "not UTF-8"),
        (GOOD.replace("c2ln", "c2l+"), "not base64url"),
        (GOOD.replace("c2ln", "c2lnA"), "not base64url"),
        (GOOD.replace("c2ln", "c2lnAB"), "not base64url"),
        (GOOD.replace("c2ln", "c2lnAA=="), "not base64url"),
        (GOOD.replace("c2ln", "c2 ln"), "not base64url"),
        (GOOD.replace("c2ln", "ö"), "not base64url"),
    ],
)
def test_a_token_that_is_malformed_is_refused(compact: str, word: str) -> None:
    with pytest.raises(VerificationFailed, match=word):
        jwt.decode(compact)


def _jwks(keys: SimpleNamespace) -> list[JWK]:
    first, second = JWK.from_pyca(keys.rsa.public_key()), JWK.from_pyca(keys.other.public_key())
    first["kid"], second["kid"] = "k1", "k2"
    return [first, second]


@pytest.mark.parametrize("header", [None, {"kid": "k2"}])
def test_of_several_keys_the_right_one_verifies(keys: SimpleNamespace, header: Any) -> None:
    jwt.verify_signature(jwt.decode(pyjwt.encode({}, keys.other, "RS256", headers=header)), _jwks(keys))


@pytest.mark.parametrize(
    ("header", "word"), [({"kid": "k1"}, "does not match"), ({"kid": "k3"}, "other key IDs than the token's, 'k3'")]
)
def test_of_several_keys_the_key_id_decides(keys: SimpleNamespace, header: Any, word: str) -> None:
    token = jwt.decode(pyjwt.encode({}, keys.other, "RS256", headers=header))
    with pytest.raises(VerificationFailed, match=word):
        jwt.verify_signature(token, _jwks(keys))


def test_a_signature_of_another_key_or_over_other_claims_is_refused(keys: SimpleNamespace) -> None:
    public = [JWK.from_pyca(keys.rsa.public_key())]
    head, _, signature = pyjwt.encode({"a": 1}, keys.rsa, "RS256").split(".")
    for compact in (pyjwt.encode({}, keys.other, "RS256"), f"{head}.{base64url_encode('{}')}.{signature}"):
        with pytest.raises(VerificationFailed, match="does not match"):
            jwt.verify_signature(jwt.decode(compact), public)


@pytest.mark.parametrize("algorithm", ["HS256", "HS512"])
def test_a_public_key_never_verifies_a_shared_secret_algorithm(keys: SimpleNamespace, algorithm: Any) -> None:
    public = public_pem(keys.rsa)
    with pytest.raises(VerificationFailed, match="does not go with that"):
        jwt.verify_signature(jwt.decode(_compact({"alg": algorithm}, {})), [JWK.from_pem(public)])


@pytest.mark.parametrize(
    ("algorithm", "word"),
    [
        ("ES256", "needs an EC key"),
        *((name, "not an algorithm") for name in ("banana", "EdDSA", "RSA1_5", "RS999", "RS256 ", "R" * 5000)),
    ],
)
def test_an_algorithm_that_is_not_the_keys_is_refused(keys: SimpleNamespace, algorithm: str, word: str) -> None:
    with pytest.raises(VerificationFailed, match=word):
        jwt.verify_signature(jwt.decode(_compact({"alg": algorithm}, {})), [JWK.from_pyca(keys.rsa.public_key())])


def test_a_key_that_is_registered_for_another_algorithm_is_refused(keys: SimpleNamespace) -> None:
    key = JWK.from_pyca(keys.rsa.public_key())
    key["alg"] = "RS512"
    with pytest.raises(VerificationFailed, match="meant for 'RS512'"):
        jwt.verify_signature(jwt.decode(pyjwt.encode({}, keys.rsa, "RS256")), [key])


@pytest.mark.parametrize(("member", "value"), [("use", "enc"), ("key_ops", ["sign"])])
def test_a_key_for_another_purpose_verifies_nothing(keys: SimpleNamespace, member: str, value: Any) -> None:
    key = JWK.from_pyca(keys.rsa.public_key())
    key[member] = value
    with pytest.raises(VerificationFailed, match=r"not meant (to verify|for signatures)"):
        jwt.verify_signature(jwt.decode(pyjwt.encode({}, keys.rsa, "RS256")), [key])


def test_of_several_keys_one_without_a_key_id_counts_as_well(keys: SimpleNamespace) -> None:
    named, nameless = _jwks(keys)
    del nameless["kid"]
    token = jwt.decode(pyjwt.encode({}, keys.other, "RS256", headers={"kid": "mine"}))
    jwt.verify_signature(token, [named, nameless])


def test_the_header_never_names_another_algorithm_than_the_signers(keys: SimpleNamespace) -> None:
    signer = LocalSigner(JWK.from_pyca(keys.rsa))
    for header in ({"alg": "none"}, {"alg": "RS512"}, {}):
        with pytest.raises(SigningFailed, match="another algorithm"):
            jwt.sign(Token(header, {}), signer, "RS256")


@pytest.mark.parametrize(
    ("claims", "word"),
    [
        ({"exp": NOW}, "expired at 2026-11-23T19:12:36Z"),
        ({"exp": NOW - 0.5}, "expired"),
        ({"exp": -1e300}, "exp' is before the year 1"),
        ({"exp": -62_135_596_800}, "expired at 0001-01-01T00:00:00Z"),
        ({"exp": 1e300}, "exp' is after the year 9999"),
        ({"nbf": NOW * 1000}, "nbf' is after the year 9999: it must be in seconds, not milliseconds"),
        ({"nbf": NOW + 1}, "not valid before 2026-11-23T19:12:37Z"),
        ({"exp": str(NOW + 60)}, "exp' must be a number of seconds, not a string"),
        ({"exp": True}, "exp' must be a number of seconds, not a boolean"),
        ({"exp": None}, "exp' must be a number of seconds, not null"),
        ({"nbf": []}, "nbf' must be a number of seconds, not an array"),
        ({"iat": "now"}, "iat' must be a number of seconds, not a string"),
    ],
)
def test_a_time_that_fails_is_named(claims: dict[str, Any], word: str) -> None:
    (failure,) = jwt.time_failures(Token({}, claims), NOW)
    assert word in failure.message


@pytest.mark.parametrize(
    "claims", [{}, {"exp": NOW + 1}, {"exp": NOW + 0.5, "nbf": NOW, "iat": NOW + 100}, {"exp": 253_402_300_799}]
)
def test_a_time_that_holds_passes(claims: dict[str, Any]) -> None:
    assert [*jwt.time_failures(Token({}, claims), NOW)] == []


@pytest.mark.parametrize("claims", [{"aud": "a"}, {"aud": ["b", "a"]}])
def test_an_expected_audience_is_one_of_the_tokens(claims: dict[str, Any]) -> None:
    assert [*jwt.expected_failures(Token({}, {**claims, "iss": "i"}), "a", "i")] == []


@pytest.mark.parametrize(
    ("claims", "word"),
    [
        ({"iss": "i"}, "audience is missing, not 'a'"),
        ({"aud": ["b"], "iss": "i"}, "not 'a' as expected"),
        ({"aud": "ab", "iss": "i"}, "audience is 'ab'"),
        ({"aud": "a", "iss": "I"}, "issuer is 'I', not 'i'"),
        ({"aud": "a"}, "issuer is missing"),
    ],
)
def test_an_expected_value_that_differs_is_named(claims: dict[str, Any], word: str) -> None:
    (failure,) = jwt.expected_failures(Token({}, claims), "a", "i")
    assert word in failure.message


def test_everything_that_fails_is_named() -> None:
    claims = {"exp": NOW - 1, "nbf": NOW + 1, "iat": "now", "aud": "b", "iss": "j"}
    messages = [failure.message for failure in jwt.time_failures(Token({}, claims), NOW)]
    assert [message.split("2026")[0] for message in messages[:2]] == [
        "the token expired at ",
        "the token is not valid before ",
    ]
    assert messages[2] == "the claim 'iat' must be a number of seconds, not a string"
    assert len([*jwt.expected_failures(Token({}, claims), "a", "i")]) == 2
