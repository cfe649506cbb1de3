"""How often 95 % intervals hold the truth: `python -m tests.bench_coverage` prints a table.

Clusters of one to six queries, as products have listings; the queries of a cluster hit with one
chance, drawn for it. The truth is the mean chance. Percentiles are what the widened BCa replaced.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from tqdm import tqdm

from lib.metrics import compare
from lib.metrics.statistics import counts

TRIALS = 1000
CHANCES = {"0.9": (4.5, 0.5), "0.2": (1, 4)}  # beta distributions by their mean


def percentiles(hits: np.ndarray, clusters: np.ndarray, seed: int) -> np.ndarray:
    """The plain percentile interval, clusters resampled whole."""
    sums, sizes = (np.bincount(clusters, weights) for weights in (hits, np.ones(len(hits))))
    drawn = counts(np.random.default_rng(seed), 9_999, len(sums))
    return np.quantile((drawn @ sums) / (drawn @ sizes), [0.025, 0.975])


def coverage(clusters: int, chance: str) -> dict[str, float]:
    """The share of trials in which each interval holds the truth, and how wide it is."""
    rng = np.random.default_rng(clusters)
    found = []
    for trial in tqdm(range(TRIALS), desc=f"{clusters} clusters, {chance}", leave=False):
        labels = np.repeat(np.arange(clusters), rng.integers(1, 7, clusters))
        hits = (rng.random(len(labels)) < rng.beta(*CHANCES[chance], clusters)[labels]).astype(
            float
        )
        frame = pd.DataFrame({"hit@1": hits})
        table = compare({"a": frame}, baseline="a", clusters=labels, seed=trial)
        ends = percentiles(hits, labels, trial), table.loc[("hit@1", "a"), ["low", "high"]]
        found.append([e for low, high in ends for e in (low <= float(chance) <= high, high - low)])
    means = np.mean(np.array(found, float), axis=0)
    names = ("percentiles", "their width", "widened BCa", "its width")
    return dict(zip(names, means, strict=True))


if __name__ == "__main__":
    rows = {(n, chance): coverage(n, chance) for n in (12, 40, 200) for chance in CHANCES}
    print(pd.DataFrame(rows).T.rename_axis(["clusters", "mean"]).round(3))
