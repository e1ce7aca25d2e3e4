"""Cookies: what a server sets, and where it is sent."""

import pytest

from qsjwt.live.cookies import CookieJar
from qsjwt.live.messages import Request, Response

URL = "https://sense.example.com/jwt/qps/csrftoken"


def jar(*lines: str) -> CookieJar:
    made = CookieJar()
    made.keep(Request("GET", URL), Response(200, [("set-cookie", line) for line in lines]))
    return made


@pytest.mark.parametrize(
    ("lines", "path", "sent"),
    [
        (["a=1; Path=/; HttpOnly; Secure", "b=2; path=/jwt"], "/jwt/qps/user", "a=1; b=2"),
        (["a=1; Path=/jwt"], "/jwt", "a=1"),
        (["a=1; Path=/jwt"], "/jwt2/", ""),
        (["a=1"], "/jwt/qps/user", "a=1"),
        (["a=1"], "/other", ""),
        (["a=1; Path=/", "a=2; Path=/"], "/", "a=2"),
        (['a="b c" ; Path=/'], "/", 'a="b c"'),
        (["a=1; Path=/", "a=; Path=/; Max-Age=0"], "/", ""),
        (["a=1; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT"], "/", ""),
        (["a=1; Path=/; Expires=nonsense; Max-Age=x"], "/", "a=1"),
        (
            ["nonsense", "=1", "a=b\tc", "a=b\r\nX: y", "eas.sid=s%3Aabc.d+/=; Domain=example.org; path=/"],
            "/",
            "eas.sid=s%3Aabc.d+/=",
        ),
    ],
)
def test_a_cookie_is_sent_where_it_belongs(lines: list[str], path: str, sent: str) -> None:
    expected = {"Cookie": sent} if sent else {}
    assert jar(*lines).header(f"https://sense.example.com{path}") == expected


def test_a_secure_cookie_is_not_sent_unencrypted() -> None:
    assert jar("a=1; path=/; secure", "b=2; path=/").header("http://localhost/") == {"Cookie": "b=2"}
