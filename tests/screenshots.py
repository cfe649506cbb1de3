"""`python -m tests.screenshots`: take the README's pictures, in reports/reference/screenshots.

They show runs on the generated shop, which are made first and kept in data/cache/screenshots, and
the quickstart in JupyterLab. Needs Chromium. `python -m tests.screenshots FOLDER` puts the pictures
into another folder.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lib.files import DATA, ROOT
from lib.report.index_page import write_index
from lib.report.sweep import sweep
from tests.lab import EXPLORER, jupyterlab, run_all, slide

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PICTURES = ROOT / "reports" / "reference" / "screenshots"
RUNS = DATA / "cache" / "screenshots"
BIGGEST = 300_000  # bytes of a picture that is committed
GRIDS = {  # what the pictures show: the values of parameters by notebook
    "01_catalogue": {},
    "02_encoders": {},
    "18_decision": {},
    "00_quickstart": {"ROWS": [400, 800, 1200], "FIELDS": [["title"], ["title", "description"]]},
}


@dataclass(frozen=True)
class Scene:
    """One picture of a page: what is pressed before it is taken, and how the window is.

    With `element`, a CSS selector, only that is in it.
    """

    name: str
    press: Callable[[Page], None]
    height: int
    scheme: str = "light"
    element: str = "body"


def nothing(page: Page) -> None:
    """The page as it opens."""


def comparison(page: Page) -> None:
    """Two runs side by side."""
    page.get_by_label("Search runs").fill("00_quickstart rows=1200")
    # an order that does not depend on which run ended first
    page.locator("th[data-name=parameters] button").click()
    for box in page.locator("tr.run input").all():
        box.check()
    page.locator("#go-compare").click()
    page.get_by_text("adjusted by Holm").wait_for()


def sweeps(page: Page) -> None:
    """The tab with the results of a grid of parameters."""
    page.locator("#tab-sweeps").click()


def decision(page: Page) -> None:
    """The page of the decision."""
    page.get_by_role("link", name="18 decision").first.click()


SCENES = [
    Scene("index", nothing, 860),
    Scene("decision", decision, 1000, element=".akin-decision"),
    Scene("comparison", comparison, 1000),
    Scene("sweep", sweeps, 700, "dark"),
]


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Headless Chromium as the system installed it; Playwright's own download is not needed.

    Raises FileNotFoundError where there is none.
    """
    from playwright.sync_api import sync_playwright

    names = "chromium", "chromium-browser", "google-chrome"
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        raise FileNotFoundError("no Chromium is installed: apt-get install chromium")
    with sync_playwright() as started:
        # root has no sandbox
        browser = started.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


def shop_runs() -> Path:
    """Runs on the generated shop and the page over them; finished runs are not repeated."""
    for notebook, grid in GRIDS.items():
        table = sweep(notebook, grid, jobs=2, reports=RUNS)
        if not (table["status"] == "done").all():
            raise RuntimeError(f"{notebook} failed; see {RUNS}")
    return write_index(RUNS)


def take(browser: Browser, address: str, scene: Scene, folder: Path) -> Path:
    """Open a page, press what the scene says, and keep what the window shows."""
    page = browser.new_page(
        color_scheme=scene.scheme, viewport={"width": 1280, "height": scene.height}
    )
    page.goto(address)
    scene.press(page)
    file = folder / f"{scene.name}.png"
    if scene.element == "body":
        page.screenshot(path=file)  # what the window shows
    else:
        page.locator(scene.element).screenshot(path=file)
    page.close()
    if file.stat().st_size > BIGGEST:
        raise ValueError(f"{file} has {file.stat().st_size} bytes, more than {BIGGEST}; show less")
    return file


def take_in_jupyterlab(page: Page, folder: Path, *, profile: str = "default") -> list[Path]:
    """Run the quickstart in JupyterLab; keep its gallery, and its explorer with sliders moved."""
    files = [folder / "gallery.jpg", folder / "explorer.jpg"]
    with jupyterlab(["00_quickstart"], profile=profile) as address:
        errors = run_all(page, address, "00_quickstart")
        if errors:
            raise RuntimeError(f"00_quickstart fails in JupyterLab: {errors[0][:500]}")
        page.keyboard.press("Control+b")  # the list of files takes up room
        gallery = page.locator(".jp-RenderedHTML .akin-gallery")
        gallery.get_by_label("Query product", exact=True).select_option("6")
        gallery.screenshot(path=files[0], quality=85)
        explorer = page.locator(EXPLORER).first
        explorer.get_by_role("option").nth(6).click()
        slide(page, "minilm", "Home")
        slide(page, "photo", "End")
        page.get_by_text("0.67 · photo").wait_for()
        explorer.scroll_into_view_if_needed()
        page.wait_for_timeout(500)  # photos are decoded
        page.screenshot(path=files[1], quality=85)
        page.goto("about:blank")  # before the server ends
    return files


def take_judging(page: Page, folder: Path) -> Path:
    """Run the decision in JupyterLab and keep the panel in which a person judges."""
    file = folder / "judging.jpg"
    with jupyterlab(["18_decision"], profile="default") as address:
        errors = run_all(page, address, "18_decision")
        if errors:
            raise RuntimeError(f"18_decision fails in JupyterLab: {errors[0][:500]}")
        panel = page.locator(".jupyter-widgets:has(.akin-judging)").first
        panel.scroll_into_view_if_needed()
        page.wait_for_timeout(500)  # photos are decoded
        panel.screenshot(path=file, quality=85)
        page.goto("about:blank")  # before the server ends
    return file


def main(folder: Path) -> None:
    """Take all pictures and print where they are."""
    folder.mkdir(parents=True, exist_ok=True)
    address = shop_runs().as_uri()
    with chromium() as browser:
        for scene in SCENES:
            print(take(browser, address, scene, folder))
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        print(*take_in_jupyterlab(page, folder), take_judging(page, folder), sep="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURES)
