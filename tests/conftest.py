"""Fixtures that several test files share."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Small matrices are slower on several threads, the more so on a busy machine."""
    import torch
    from threadpoolctl import threadpool_limits

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")  # not "session": an asyncio loop lives as long, and other modules may need their own
def browser() -> Iterator[Browser]:
    """Headless Chromium as the system installed it; Playwright's own download is not needed."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=found, args=["--no-sandbox"])  # root has no sandbox
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that fails its test if it asked for anything but local files or wrote an error to the console.

    A test with a local server says so: `page.allowed = ("file:", "http://127.0.0.1")`.
    """
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.allowed = ("file:", "data:", "blob:", "about:")
    asked, errors = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    page.close()
    assert [url for url in asked if not url.startswith(page.allowed)] == []
    assert errors == []
