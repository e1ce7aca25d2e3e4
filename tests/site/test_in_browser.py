"""The site in a real browser: what its search finds first, and whether everybody can read it."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.browser import CHROMIUM, complaints, requested, set_media, set_width
from tests.conftest import from_npm

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

pytestmark = pytest.mark.needs(*CHROMIUM)

SITE: Final = Path(os.environ["QSJWT_SITE"]).resolve()
SECONDS: Final = 30
PHONE: Final = 390
DESKTOP: Final = 1280
READ_MOST: Final = ("index", "start/qseow", "explanation/concepts", "errors", "reference/check")


def found(browser: "Chrome", query: str) -> list[str]:
    """Return where the results of the search lead, the first one first, from the top of the site on."""
    from selenium.webdriver.support.wait import WebDriverWait

    browser.get(f"{(SITE / 'search.html').as_uri()}?q={query.replace(' ', '+')}")

    def has_ended(browser: "Chrome") -> bool:
        said = " ".join(summary.text for summary in browser.find_elements("css selector", ".search-summary"))
        return "finished" in said or "did not match" in said

    WebDriverWait(browser, SECONDS).until(has_ended)
    links = browser.find_elements("css selector", "#search-results li > a")
    return [str(link.get_attribute("href")).removeprefix(f"{SITE.as_uri()}/") for link in links]


def test_the_search_finds_what_people_type_where_it_is_explained(chromium: "Chrome") -> None:
    expected = {
        "401": "errors.html#status-401",
        "403": "errors.html#status-403",
        "LOGIN-12": "errors.html#login-12",
        "login-12": "errors.html#login-12",
        "AUTH-5": "errors.html#auth-5",
        "invalid_client": "errors.html#invalid-client",
        "expired": "errors.html#expired",
        "virtual proxy": "explanation/concepts.html#virtual-proxy",
        "audience": "explanation/concepts.html#audience",
    }
    first = {query: (found(chromium, query) or [""])[0] for query in expected}
    assert {query: place.startswith(expected[query]) for query, place in first.items()} == dict.fromkeys(first, True), (
        first
    )


def test_the_search_leaves_decisions_out(chromium: "Chrome") -> None:
    assert [link for link in found(chromium, "decision") if link.startswith("decisions/")] == []


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The script of axe, which looks for what keeps people from reading a page."""
    folder = from_npm(tmp_path_factory.mktemp("axe"), "axe-core")
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_axe_finds_nothing_serious_on_the_pages_that_are_read_most(
    axe: str, chromium: "Chrome", width: int, dark: bool
) -> None:
    set_width(chromium, width)
    set_media(chromium, dark=dark)
    faults: dict[str, Any] = {}
    for page in READ_MOST:
        chromium.get((SITE / f"{page}.html").as_uri())
        chromium.execute_script(axe)
        result = chromium.execute_async_script("axe.run().then(arguments[arguments.length - 1])")
        assert len(result["passes"]) > 10
        faults |= {
            f"{page}: {fault['id']}": [node["html"] for node in fault["nodes"]]
            for fault in result["violations"]
            if fault["impact"] in ("serious", "critical")
        }
    assert faults == {}


@pytest.mark.parametrize("page", READ_MOST)
def test_a_page_fits_a_phone_and_fetches_nothing_from_elsewhere(chromium: "Chrome", page: str) -> None:
    set_width(chromium, PHONE)
    chromium.get((SITE / f"{page}.html").as_uri())
    assert chromium.execute_script("return document.documentElement.scrollWidth") <= PHONE
    assert [url for url in requested(chromium) if not url.startswith((SITE.as_uri(), "data:"))] == []
    assert complaints(chromium) == []


def test_a_diagram_follows_the_reader_from_light_to_dark(chromium: "Chrome") -> None:
    chromium.get((SITE / "explanation" / "concepts.html").as_uri())
    colour = "return getComputedStyle(document.querySelector('.sequence-diagram .said')).fill"
    colours = []
    for dark in (False, True):
        set_media(chromium, dark=dark)
        colours.append(chromium.execute_script(colour))
    assert colours[0] != colours[1]
