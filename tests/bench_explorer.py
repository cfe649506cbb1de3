"""`python -m tests.bench_explorer`: how soon neighbours follow a slider, over 5,000 products and
four encoders.

No test: what it prints depends on the machine and on what else runs there.
"""

import time

import numpy as np
import pandas as pd
from scipy.sparse import csr_array
from scipy.sparse import random as sparse_random

from lib import Catalogue, Embeddings, load
from lib.show.panel import Panel

ROWS, SLIDES = 5000, 50


def main() -> None:
    shop = load("bazaar", rows=600).catalogue.items
    items = (
        pd.concat([shop] * (ROWS // len(shop) + 1))
        .iloc[:ROWS]
        .set_axis([f"p{i}" for i in range(ROWS)])
    )
    catalogue, rng = Catalogue("shop", items), np.random.default_rng(0)
    vectors = {"words": csr_array(sparse_random(ROWS, 4000, 0.003, rng=rng))}
    vectors |= {
        name: rng.normal(size=(ROWS, d))
        for name, d in (("text", 384), ("photo", 1280), ("price", 8))
    }
    panel = Panel(
        catalogue, {name: Embeddings(name, catalogue.ids, v) for name, v in vectors.items()}
    )
    wall, work = [], []
    for weight in np.random.default_rng(1).random(SLIDES):
        start, used = time.perf_counter(), time.process_time()
        panel.weights[0].value = weight
        wall.append(time.perf_counter() - start)
        work.append(time.process_time() - used)
    for name, seconds in (("wall", wall), ("processor", work)):
        median, worst = 1000 * np.median(seconds), 1000 * max(seconds)
        print(f"{name:<10} median {median:.1f} ms, worst {worst:.1f} ms of {SLIDES} slides")


if __name__ == "__main__":
    main()
