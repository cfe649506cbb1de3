"""JupyterLab itself, started by `make lab`: the quickstart opens, runs, and its gallery and
explorer work on the screen.
"""

from __future__ import annotations

import hashlib
import shutil

import pytest

from lib.report.parameters import find_notebook
from tests.lab import EXPLORER, jupyterlab, run_all, slide


def digest():
    return hashlib.sha256(find_notebook("00_quickstart").read_bytes()).hexdigest()


def order(page) -> list[str]:
    return page.locator(".jupyter-widgets .akin-gallery li").evaluate_all(
        "items => items.map(i => i.dataset.product)"
    )


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_quickstart_runs_in_jupyterlab_and_a_slider_moves_the_neighbours(page):
    page.allowed = ("http://127.0.0.1", "ws://127.0.0.1", "data:", "blob:", "about:")
    before = digest()
    with jupyterlab(["00_quickstart"]) as address:
        assert run_all(page, address, "00_quickstart") == []

        gallery = page.locator(".jp-RenderedHTML .akin-gallery")
        gallery.scroll_into_view_if_needed()
        assert gallery.locator("section:visible .akin-column").count() == 3
        assert gallery.locator("section:visible .akin-mark").first.is_visible()
        shown = gallery.locator("section:visible .akin-query .akin-title").inner_text()
        gallery.get_by_role("button", name="next").click()
        assert gallery.locator("section:visible .akin-query .akin-title").inner_text() != shown

        explorer = page.locator(EXPLORER).first
        explorer.scroll_into_view_if_needed()
        first = order(page)
        assert len(first) == 12
        for name in ("words", "minilm"):  # what is left is the photo alone
            slide(page, name, "Home")
        page.wait_for_function("document.body.innerText.includes('1.00 · photo')")
        assert order(page) != first
        explorer.get_by_placeholder("part of a title or id").fill("mug")
        title = ".jupyter-widgets .akin-query .akin-title"
        page.wait_for_function(f"/mug/i.test(document.querySelector('{title}').textContent)")
        page.goto("about:blank")  # before the server goes
    assert digest() == before, "the tracked notebook was changed"
