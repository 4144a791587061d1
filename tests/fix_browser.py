"""A real browser for tests marked `browser`: the system's Chromium, driven by Playwright.

A page that logs an error, throws, or asks for anything outside its own machine fails its test.
"""

import os
import shutil
from collections.abc import AsyncIterator
from functools import cache
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, Request, async_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
LOCAL = (None, "127.0.0.1")
"""Hosts that a page may ask: none (a file, or data in the page) and this machine."""
GONE = "net::ERR_CONNECTION_REFUSED"
"""A server on this machine has ended: the test's own doing."""
TIMEOUT_MS = 15_000
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""What keeps the browser to the page it is given; a container and root have no sandbox to enter."""


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("browser") and chromium() is None:
        refuse = pytest.fail if os.environ.get("HARNESS_REQUIRE_BROWSER") == "1" else pytest.skip
        refuse(f"no Chromium: none of {', '.join(NAMES)} is on PATH; apt-get install chromium")


@cache
def chromium() -> str | None:
    """Path of the browser, or None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """The browser, running without a window, in a new and empty profile."""
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield launched
        await launched.close()


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A blank page that fails its test for what a user should never see in the console, and for asking outside."""
    context = await browser.new_context()
    context.set_default_timeout(TIMEOUT_MS)
    page = await context.new_page()
    faults: list[str] = []

    def send(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and GONE not in message.text:
            faults.append(f"console: {message.text}")

    def asked(request: Request) -> None:
        if urlsplit(request.url).hostname not in LOCAL:
            faults.append(f"asked for {request.url}")

    page.on("console", send)
    page.on("pageerror", lambda error: faults.append(f"thrown: {error}"))
    page.on("request", asked)
    yield page
    await context.close()
    assert faults == []
