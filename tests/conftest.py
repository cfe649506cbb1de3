"""Fixtures that several test files share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pandas as pd
import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# threads that wait by spinning made faiss ten times slower beside the notebooks' runs; OpenMP reads
# this when torch or faiss is first imported
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


@pytest.fixture(autouse=True)
def tables_as_pandas_prints_them() -> Iterator[None]:
    """lib.show gives notebooks' tables their own format; examples print what a reader sees."""
    with pd.option_context("display.float_format", None):
        yield


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


# not "session": an asyncio loop lives as long, and other modules may need their own
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Headless Chromium; where there is none the test is skipped."""
    from tests.screenshots import chromium

    pytest.importorskip("playwright", reason="needs playwright: pip install playwright")
    try:
        with chromium() as started:
            yield started
    except FileNotFoundError as error:
        pytest.skip(str(error))


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page; its test fails if it asked for anything but local files or wrote an error.

    A test with a local server says so: `page.allowed = ("file:", "http://127.0.0.1")`.
    """
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.allowed = ("file:", "data:", "blob:", "about:")
    requests, messages, errors = [], [], []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: messages.append(message))
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    page.close()
    assert [url for url in requests if not url.startswith(page.allowed)] == []
    assert [message.text for message in messages if message.type == "error"] == []
    assert errors == []
