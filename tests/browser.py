"""A real browser: Chromium without a window, which sees the pages of this machine and reaches no other."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.programs import located

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

CHROMIUM: Final = ("chromium", "chromedriver")
"""The programs, for a test's mark ``needs``."""

_ARGUMENTS: Final = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-quic", "--no-proxy-server"),
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)


@contextmanager
def opened_chromium(profile: Path) -> Iterator["Chrome"]:
    """Start Chromium with the empty folder *profile*, and end it."""
    from selenium.webdriver import Chrome, ChromeOptions, ChromeService

    browser, driver = (located(program) for program in CHROMIUM)
    assert browser
    options = ChromeOptions()
    options.binary_location = browser
    for argument in (*_ARGUMENTS, f"--user-data-dir={profile}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    opened = Chrome(options, ChromeService(driver))
    try:
        yield opened
    finally:
        opened.quit()


@pytest.fixture
def chromium(loopback: None, tmp_path: Path) -> Iterator["Chrome"]:
    """Chromium, just started; the test is marked ``needs(*CHROMIUM)``."""
    with opened_chromium(tmp_path / "chromium") as browser:
        yield browser


def set_width(browser: "Chrome", width: int, height: int = 800) -> None:
    """Show pages as wide as a phone does, which no window of a desktop is: *width* in CSS pixels."""
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def set_media(browser: "Chrome", media: str = "", *, dark: bool = False) -> None:
    """Show pages in *media*, ``print`` or ``screen``, to a reader who likes them dark or light."""
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": [scheme]})


def requested(browser: "Chrome") -> list[str]:
    """Return the addresses that pages have asked for since the last time."""
    messages = [json.loads(entry["message"])["message"] for entry in _log(browser, "performance")]
    requests = [message["params"] for message in messages if message["method"] == "Network.requestWillBeSent"]
    # The page that it starts with has requests of its own.
    return [request["request"]["url"] for request in requests if not request["documentURL"].startswith("chrome://")]


def complaints(browser: "Chrome") -> list[str]:
    """Return what the browser has written to its console since the last time, such as what a policy forbids."""
    return [entry["message"] for entry in _log(browser, "browser")]


def _log(browser: "Chrome", kind: str) -> list[dict[str, str]]:
    entries: list[dict[str, str]] = browser.execute("getLog", {"type": kind})["value"]
    return entries
