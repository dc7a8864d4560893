"""Debian's Chromium, driven by Playwright, for pages that are opened from the disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page, Route

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
AXE = Path(__file__).parents[2] / ".browser" / "node_modules" / "axe-core" / "axe.min.js"
REQUIRED = "NPUPERF_REQUIRE_BROWSER"
"""Where this variable is set, what is missing fails the tests instead of skipping them."""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _missing("Playwright for Python: pip install playwright")
    if not CHROMIUM.exists():
        _missing(f"Debian's Chromium at {CHROMIUM}: apt-get install chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS])
        yield started
        started.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """The script of axe-core, which finds what keeps people from using a page."""
    if not AXE.exists():
        _missing(f"axe-core at {AXE}: npm install --prefix .browser axe-core")
    return AXE.read_text()


@pytest.fixture
def complaints() -> list[str]:
    """What pages logged, raised or asked a network for; it has to be empty in the end."""
    return []


@pytest.fixture
def open_page(browser: Browser, complaints: list[str]) -> Iterator[Callable[..., Page]]:
    """Opens a file in a window of its own, made with the given settings of a context."""
    contexts: list[BrowserContext] = []

    def opened(path: Path, **settings: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **settings})
        contexts.append(context)
        page = context.new_page()

        def only_beside_it(route: Route) -> None:
            if route.request.url.startswith(f"{path.parent.as_uri()}/"):
                route.continue_()
            else:
                complaints.append(route.request.url)
                route.abort()

        context.route("**/*", only_beside_it)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
        page.goto(path.as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


def _missing(what: str) -> NoReturn:
    if os.environ.get(REQUIRED):
        pytest.fail(f"needs {what} ({REQUIRED} is set)")
    pytest.skip(f"needs {what}")
