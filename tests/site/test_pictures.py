"""The pictures are what the program shows today, and everybody can see them, or read what they show."""

import re
from xml.etree import ElementTree

import pytest
from pytest_socket import enable_socket, socket_allow_hosts

from tests.pages import README, Page
from tests.pictures import FOLDER, PICTURES, pictures

SVG = "{http://www.w3.org/2000/svg}"
PAGE = Page("start/what-it-looks-like.md")


@pytest.fixture(scope="module", name="made")
def _made() -> dict[str, str]:
    """Return all pictures, made anew; the server that they call is at loopback."""
    enable_socket()
    socket_allow_hosts(["127.0.0.1"], allow_unix_socket=True)
    return dict(pictures())


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_what_a_run_shows(name: str, made: dict[str, str]) -> None:
    kept = (FOLDER / f"{name}.svg").read_text(encoding="utf-8")
    assert kept.splitlines() == made[name].splitlines(), "run tox -e pictures, and look at what has changed"


def test_there_is_no_picture_that_nothing_makes() -> None:
    assert sorted(path.name for path in FOLDER.glob("*.svg")) == sorted(f"{name}.svg" for name in PICTURES)


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_small_fetches_nothing_and_says_what_it_shows(name: str) -> None:
    text = (FOLDER / f"{name}.svg").read_text(encoding="utf-8")
    assert len(text.encode()) < 60_000
    assert re.findall(r"=\"(https?:[^\"]*)\"", text) == [SVG[1:-1]]
    assert not re.search(r"@import|@font-face|url\(|<script|href|foreignObject", text)
    picture = ElementTree.fromstring(text)  # noqa: S314 - it is ours
    title = picture.find(f"{SVG}title")
    assert title is not None and title.text == PICTURES[name].text
    assert (picture.get("role"), picture.get("aria-labelledby")) == ("img", title.get("id"))


def test_the_readme_has_one_picture_of_those() -> None:
    ((text, name),) = re.findall(r"!\[(.*)\]\(doc/_static/pictures/(\w+)\.svg\)", Page(README).text)
    assert PICTURES[name].text == text


def test_the_page_shows_each_picture_with_what_it_shows_in_words() -> None:
    shown = dict(re.findall(r"!\[(?P<text>[^]]*)\]\(\.\./_static/pictures/([\w-]+)\.svg\)", PAGE.text))
    assert {name: text for text, name in shown.items()} == {name: each.text for name, each in PICTURES.items()}
