"""The size of a token, before and after it is signed."""

from types import SimpleNamespace
from typing import Any

import pytest
from jwcrypto.jwk import JWK

from qsjwt.api import Broken, Case, Token, Unknown, checks
from qsjwt.keys.signer import LocalSigner
from qsjwt.tokens import jwt
from qsjwt.tokens.size import characters

_HEADER = {"alg": "RS256", "typ": "JWT"}


@pytest.mark.parametrize("claims", [{}, {"a": "b"}, {"name": "Göran 😀"}, {"group": [f"Group {n}" for n in range(99)]}])
def test_the_size_before_signing_is_that_after_it(keys: SimpleNamespace, claims: dict[str, Any]) -> None:
    compact = jwt.sign(Token(_HEADER, claims), LocalSigner(JWK.from_pyca(keys.rsa)), "RS256")
    least, most = characters(Case(_HEADER, claims, 0, "Acme", {}))
    assert least == len(compact)
    assert most == least + 341  # by a key of 4096 bits
    assert characters(Case(_HEADER, claims, 0, "Acme", {}, compact=compact)) == (least, least)


@pytest.mark.parametrize("value", [b"bytes", {1, 2}, float, "\ud800"])
def test_what_cannot_be_signed_has_some_size(value: object) -> None:
    least, most = characters(Case(_HEADER, {"a": value}, 0, "Acme", {}))
    assert 342 < least < most < 1000


@pytest.mark.parametrize(
    ("size", "kinds"), [(8000, []), (8001, [Unknown]), (16_000, [Unknown]), (16_001, [Broken]), (10**6, [Broken])]
)
def test_a_token_that_is_too_long_is_unknown_and_then_broken(size: int, kinds: list[type]) -> None:
    case = Case(_HEADER, {}, 0, "Acme", {}, compact="x" * size)
    assert [type(problem) for problem in checks.size(8000, 16_000)(case)] == kinds
    assert {type(problem) for problem in checks.size(8000)(case)} == ({Unknown} if kinds else set())
