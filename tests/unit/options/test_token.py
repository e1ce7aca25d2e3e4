"""The text that holds a token: what is around it, and what it was wrapped with."""

import json
import textwrap

import pytest

from qsjwt.errors import InputError
from qsjwt.options.token import compact_of
from tests.conftest import VECTORS

TOKEN = (VECTORS / "qseow-365d.jwt").read_text(encoding="ascii").strip()
HEADER, CLAIMS, SIGNATURE = TOKEN.split(".")
WRAPPED = textwrap.wrap(TOKEN, 64)


@pytest.mark.parametrize(
    "text",
    [
        TOKEN,
        f"  \r\n{TOKEN} \n",
        f"\ufeff{TOKEN}\r\n",
        f"Bearer {TOKEN}",
        f"bearer\n{TOKEN}",
        f"BEARER  {TOKEN}",
        f"Authorization: Bearer {TOKEN}",
        f"authorization: bearer {TOKEN}",
        f"AUTHORIZATION:Bearer {TOKEN}\r\n",
        f"authorization = 'Bearer {TOKEN}'",
        f"-H 'Authorization: Bearer {TOKEN}'",
        f'"Authorization": "Bearer {TOKEN}",',
        f'"{TOKEN}"',
        f"“{TOKEN}”",
        f"<{TOKEN}>",
        json.dumps({"token": TOKEN, "header": {"alg": "RS256"}, "claims": {"token": "no"}}, indent=2),
        json.dumps({"row": 1, "userid": "anna", "token": TOKEN}) + "\n",
        json.dumps({"access_token": TOKEN, "token_type": "Bearer"}),
        json.dumps({"Authorization": f"Bearer {TOKEN}"}),
    ],
)
def test_what_is_around_a_token_is_left_out(text: str) -> None:
    assert compact_of(text, "standard input", pytest.fail) == TOKEN


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(WRAPPED),
        "\r\n".join(WRAPPED),
        "  \n\t".join(WRAPPED),
        " ".join(WRAPPED),
        "\xa0".join(WRAPPED),
        "\u200b".join(WRAPPED),
        "\\n".join(WRAPPED),
        "\\\n  ".join(WRAPPED),
        "=\n".join(WRAPPED),
        "> " + "\n> ".join(WRAPPED),
        ">> " + "\n>> ".join(WRAPPED),
        f"{HEADER}.\n{CLAIMS}.\n{SIGNATURE}",
        "Authorization: Bearer " + "\n ".join(WRAPPED),
        json.dumps({"token": "\n".join(WRAPPED)}),
    ],
)
def test_a_token_that_was_wrapped_is_put_together_with_a_word(text: str) -> None:
    remarks: list[str] = []
    assert compact_of(text, "standard input", remarks.append) == TOKEN
    assert remarks == ["line breaks and spaces within the token are left out; Qlik would refuse it with them"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the token is empty"),
        ("Bearer ", "the token is empty"),
        ("authorization: bearer", "the token is empty"),
        (f"{TOKEN}\n{TOKEN}\n", "the token file has more than one token"),
        (f"Bearer {TOKEN} {TOKEN}", "the token file has more than one token"),
        ('{"row": 1, "token": "a.b.c"}\n{"row": 2, "token": "a.b.c"}\n', "the token file has 2 JSON objects"),
        ('{"jwt": "a.b.c"}', "a JSON object without a token"),
        ('{"token": 7}', "a JSON object without a token"),
        ('{"token": "a.b.c"', "cannot be read: it is not JSON"),
        ('{"token": "a.b.c", "token": "d.e.f"}', "appears twice"),
    ],
)
def test_none_and_several_are_refused(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as refused:
        compact_of(text, "the token file", pytest.fail)
    assert "a.b.c" not in refused.value.message


def test_what_does_not_belong_into_a_token_is_left_for_those_who_judge_it() -> None:
    damaged = f"{HEADER}.{CLAIMS}+.{SIGNATURE}="
    assert compact_of(damaged, "--jwt", pytest.fail) == damaged
