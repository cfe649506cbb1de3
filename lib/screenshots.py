"""The README's pictures, taken of pages over runs on the generated shop. Needs Chromium and Playwright, which tests bring.

Nothing here knows what a page looks like beyond the names on its controls: a scene is an address and what to press.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lib.encoders.base import require
from lib.files import REPORTS, ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PICTURES = ROOT / "reports" / "reference" / "screenshots"
WORK = REPORTS / "screens" / "runs"  # kept, so that a second call runs nothing anew; too deep to be in the page over all runs
BIGGEST = 300_000  # bytes of a picture
RUNS = {  # what is on the pictures: grids by notebook
    "01_catalogue": {},
    "02_encoders": {},
    "00_quickstart": {"ROWS": [500, 1000, 2000], "FIELDS": [["title"], ["title", "description"]]},
}


@dataclass(frozen=True)
class Scene:
    """One picture: what is opened below the folder of runs, what is done there, and how the window is."""

    name: str
    page: str
    act: Callable[[Page], None] = lambda page: None
    size: tuple[int, int] = (1280, 860)
    scheme: str = "light"


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Headless Chromium as the system installed it. Raises RuntimeError where there is none."""
    playwright = require("playwright.sync_api", "playwright")
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        raise RuntimeError("screenshots need Chromium: apt-get install chromium")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=found, args=["--no-sandbox"])  # root has no sandbox
        yield browser
        browser.close()


def take(browser: Browser, runs: Path, scenes: Sequence[Scene], *, target: Path = PICTURES) -> list[Path]:
    """Open every scene and keep what the window shows as <name>.png; returns the files.

    Raises ValueError for a picture above 300 kB.
    """
    target.mkdir(parents=True, exist_ok=True)
    return [_take(browser.new_page(color_scheme=scene.scheme), runs, scene, target) for scene in scenes]


def shop_runs(folder: Path = WORK) -> Path:
    """Runs on the generated shop with the page over them; what is there already is not run again. Returns their folder."""
    from lib.index import write_index
    from lib.sweep import sweep

    for notebook, grid in RUNS.items():
        table = sweep(notebook, grid, jobs=2, reports=folder)
        if not (table["status"] == "done").all():
            raise RuntimeError(f"{notebook} failed; see {folder}")
    write_index(folder)
    return folder


def _take(page: Page, runs: Path, scene: Scene, target: Path) -> Path:
    page.set_viewport_size({"width": scene.size[0], "height": scene.size[1]})
    page.goto((runs / scene.page).as_uri())
    scene.act(page)
    file = target / f"{scene.name}.png"
    page.screenshot(path=file)
    page.close()
    if file.stat().st_size > BIGGEST:
        raise ValueError(f"{file} has {file.stat().st_size} bytes, more than {BIGGEST}; show less")
    return file


def _compare(page: Page) -> None:
    page.get_by_label("Search runs").fill("00_quickstart rows=2000")
    page.locator("th[data-name=parameters] button").click()  # in an order that does not hang on which run ended first
    for box in page.locator("tr.run input").all():
        box.check()
    page.locator("#go-compare").click()
    page.get_by_text("adjusted by Holm").wait_for()


SCENES = [
    Scene("index", "index.html"),
    Scene("comparison", "index.html", _compare, (1280, 1000)),
    Scene("sweep", "index.html", lambda page: page.locator("#tab-sweeps").click(), (1280, 700), "dark"),
]
