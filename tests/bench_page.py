"""`python -m tests.bench_page`: how long the page over 500 runs takes to open and to sort, in
headless Chromium.

No test: what it prints depends on the machine and on what else runs there.
"""

from __future__ import annotations

import json
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

from lib.report.index_page import write_index
from tests.report.test_index import CELL, RUN

METHODS = [f"encoder {i}" for i in range(12)]
METRICS = ("ndcg@10", "precision@10", "hit@1")
TRIES = 7
SORTED = """async (name) => {
    const start = performance.now();
    document.querySelector(`th[data-name=${name}] button`).click();
    await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
    return performance.now() - start;
}"""


DRAWN = """() => new Promise(
    (drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))
)"""


def main() -> None:
    """Write 500 runs of 12 methods and 3 metrics each, open them some times, sort by each column,
    and print medians.
    """
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page_file = write_runs(Path(folder), 500)
        print(
            f"500 runs, page of {page_file.stat().st_size / 1e6:.1f} MB, median (worst) of {TRIES}"
        )
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        opened, sorts = [], []
        for _ in range(TRIES):
            page = chromium.new_page(viewport={"width": 1280, "height": 900})
            start = time.perf_counter()
            page.goto(page_file.as_uri())
            page.evaluate(DRAWN)
            opened.append(time.perf_counter() - start)
            assert page.locator("#count").inner_text() == "500 runs"
            sorts += [
                page.evaluate(SORTED, name)
                for name in ("seconds", "result", "notebook", "parameters")
            ]
            page.close()
        chromium.close()
    print(f"opens in {statistics.median(opened):.2f} s ({max(opened):.2f} s)")
    print(f"sorts in {statistics.median(sorts):.0f} ms ({max(sorts):.0f} ms)")


def write_runs(reports: Path, n: int) -> Path:
    """Runs like a real sweep's, with as many figures as the page takes in; returns the page over
    them.
    """
    rng = np.random.default_rng(0)
    for i in range(n):
        asked = {
            "SEED": i % 10,
            "ROWS": 500 * (1 + i % 7),
            "ENCODERS.words.encoder": f"encoder {i % 5}",
        }
        means = rng.random((len(METHODS), len(METRICS))).round(6)
        table = {
            m: {k: CELL | {"mean": means[a, b]} for b, k in enumerate(METRICS)}
            for a, m in enumerate(METHODS)
        }
        changes = {
            "asked": asked,
            "parameters": asked | {"TASK": "same product"},
            "seconds": round(float(rng.uniform(1, 60)), 1),
        }
        folder = reports / f"default,{i}" / f"{i % 9:02}_notebook"
        (folder / "figures").mkdir(parents=True)
        (folder / "figures" / "one.svg").write_bytes(b"<svg/>" + rng.bytes(30_000))
        metrics = (
            RUN
            | changes
            | {"notebook": folder.name, "results": {"bazaar": {"same product": table}}}
        )
        (folder / "metrics.json").write_text(json.dumps(metrics))
    return write_index(reports)


if __name__ == "__main__":
    main()
