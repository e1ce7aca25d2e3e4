"""What reports are made of: elements whose texts stay texts, and the bar of a token's life."""

from typing import Any

import pytest

from qsjwt.cli.report.lifetime import bar
from qsjwt.cli.report.markup import document, element
from qsjwt.cli.report.pages import check_report
from qsjwt.tokens.dates import life_of


def test_a_text_stays_a_text_wherever_it_stands() -> None:
    text = "<b>&amp;</b>\0\u202e"
    made = document(text, element("p", text, element("b", text), text, class_="\"'><b>"))
    assert "<title>&lt;b&gt;&amp;amp;&lt;/b&gt;\\x00\\u202e</title>" in made
    assert made.count("<b>") == 1
    assert made.count("&lt;b&gt;&amp;amp;&lt;/b&gt;\\x00\\u202e") == 4
    assert 'class="&quot;\'&gt;<b&gt;"' in made  # where "<" is a character as any (HTML, 13.1.2.3)


def test_a_secret_is_left_out_wherever_it_stands() -> None:
    token = "eyJhbGciOiJSUzI1NiJ9.eyJhIjoxfQ.c2lnbmF0dXJl"
    made = document(token, element("p", token, element("b", token), token))
    assert token not in made
    assert made.count("(a token)") == 4


@pytest.mark.parametrize("href", ["javascript:alert(1)", "http://a.example/", "//a.example/", "data:text/html,x", ""])
def test_a_link_leads_to_a_page_of_the_web_or_nowhere(href: str) -> None:
    with pytest.raises(ValueError, match="https://"):
        element("a", "here", href=href)


@pytest.mark.parametrize(
    ("claims", "life"),
    [
        ({"nbf": 1, "iat": 0, "exp": 9}, (1, 9)),
        ({"iat": 0, "exp": 9.5}, (0, 9.5)),
        ({"exp": 9}, None),
        ({"nbf": 1}, None),
        ({"nbf": 9, "exp": 9}, None),
        ({"nbf": "1", "exp": 9}, None),
        ({"nbf": True, "exp": 9}, None),
        ({"nbf": 1, "exp": 10**300}, None),
    ],
)
def test_a_token_has_a_life_if_it_begins_before_it_ends(claims: dict[str, Any], life: Any) -> None:
    assert life_of(claims) == life


@pytest.mark.parametrize(
    ("now", "track", "spent", "mark"),
    [
        (0, (0, 1000), 0, 0),
        (50, (0, 1000), 500, 500),
        (100, (0, 1000), 1000, 1000),
        (-100, (500, 500), 0, 0),
        (300, (0, 333.3), 333.3, 1000),
        (10**9, (0, 8), 8, 1000),
        (-(10**9), (992, 8), 0, 0),
    ],
)
def test_the_bar_shows_where_in_its_life_a_token_is(
    now: float, track: tuple[float, float], spent: float, mark: float
) -> None:
    drawn = bar(0, 100, now, "life")
    parts = {str(part.get("class")): part for part in drawn}
    assert (float(parts["track"].get("x", "")), float(parts["track"].get("width", ""))) == track
    assert float(parts["spent"].get("width", "")) == spent
    assert float(parts["now"].get("x", "")) == min(max(mark - 4, 0), 992)
    assert (drawn.get("role"), drawn.get("aria-label")) == ("img", "life")


def test_a_secret_that_looks_like_an_option_in_part_is_left_out_as_a_whole() -> None:
    rule = {"rule": "x", "status": "broken", "hint": "", "source": "", "answer": ""}
    secret = "eyJhbGciOiJSUzI1NiJ9--ab.eyJh--cd.c2ln--ef"
    record = {"platform": "p", "verdict": "broken", "rules": [{**rule, "message": f"use {secret} with --key"}]}
    made = check_report(record, "P", None, 0)
    for part in ("--ab", "--cd", "--ef"):
        assert part not in made
    assert '<code class="option">--key</code>' in made
