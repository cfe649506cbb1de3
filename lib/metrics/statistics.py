"""How certain a result is: intervals, paired tests and `compare()`, from per-query rows.

All methods of a comparison share the same resamples, drawn once. The tests are therefore paired,
and a thousand means cost one matrix product. F1 of pairs, a ratio, is compared in `f1.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

RESAMPLES = 9_999
LEVEL = 0.95  # of every interval
BLOCK = 2**24  # random numbers held at once
GAP = ("difference", "difference_low", "difference_high", "p")
Interval = tuple[np.ndarray, np.ndarray, np.ndarray]  # values, lower ends, upper ends
Weights = Callable[[np.random.Generator, int, int], np.ndarray]


def bootstrap_interval(values: np.ndarray, *, seed: int = 0) -> tuple[float, float]:
    """The 95 % percentile bootstrap interval for the mean of (n,) values (Efron 1979).

    NaN are left out. Fewer than two values give (NaN, NaN): one query says nothing about the
    spread.
    """
    low, high = _bootstrap(np.asarray(values, float)[:, None], np.arange(len(values)), seed)
    return float(low[0]), float(high[0])


def randomisation_test(differences: np.ndarray, *, seed: int = 0) -> float:
    """Two-sided p of a paired randomisation (sign-flip) test: is the mean of (n,) differences 0?

    9,999 random sign patterns and the observed one (Smucker, Allan and Carterette 2007), so p is at
    least 0.0001. NaN are left out. p is 1 where all differences are 0, and NaN where no pair is
    left.
    """
    column = np.asarray(differences, float)[:, None]
    return float(_sign_flips(column, np.arange(len(column)), seed)[0])


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's step-down adjustment (1979) of (m,) p-values; NaN stay NaN and are not counted."""
    p = np.asarray(p, float)
    adjusted = np.full_like(p, np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    steps = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return adjusted


def compare(
    results: Mapping[str, pd.DataFrame],
    *,
    baseline: str,
    clusters: Sequence | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Every method against the baseline on the same queries, one row a metric and method.

    Columns: `mean` with its 95 % bootstrap interval `low`, `high`; `difference` to the baseline,
    paired by query, with `difference_low`, `difference_high`; `p` of the paired randomisation test,
    adjusted by Holm over the methods of one metric. `queries` is the number of queries that count,
    `empty` that of queries with nothing relevant.

    Queries of one product are not independent. `clusters` gives a label for each query; whole
    clusters are then resampled and flipped. A query labelled None is a cluster of its own, as is
    every query without `clusters`. Raises ValueError where the frames do not hold the same queries.

    >>> old = pd.DataFrame({"hit@1": [0, 0, 1, 0, 1, 0, 0, 1.0]})
    >>> new = pd.DataFrame({"hit@1": [1, 1, 1, 0, 1, 1, 1, 1.0]})
    >>> table = compare({"old": old, "new": new}, baseline="old")
    >>> table[["mean", "low", "high", "difference", "p"]].round(3)
                    mean    low  high  difference      p
    metric method
    hit@1  old     0.375  0.125  0.75         NaN    NaN
           new     0.875  0.625  1.00         0.5  0.118
    """
    if baseline not in results:
        raise ValueError(f"baseline {baseline!r} is not among {list(results)}")
    base = results[baseline]
    for method, frame in results.items():
        if not frame.index.equals(base.index) or list(frame.columns) != list(base.columns):
            raise ValueError(
                f"{method!r} and {baseline!r} hold other queries or metrics; "
                "evaluate both on one task"
            )
    # (q, k, m): queries, metrics, methods
    values = np.stack([frame.to_numpy(float) for frame in results.values()], axis=2)
    gaps = values - values[:, :, [list(results).index(baseline)]]
    codes = cluster_codes(clusters, len(base))
    ends = _bootstrap(np.stack([values, gaps], axis=1), codes, seed)  # (2, 2, k, m)
    p = _sign_flips(gaps, codes, seed)  # (k, m)
    counted = (~np.isnan(values)).sum(axis=0)
    tables = {
        metric: comparison_table(
            list(results),
            baseline,
            means=(_means(values[:, i]), *ends[:, 0, i]),
            gaps=(_means(gaps[:, i]), *ends[:, 1, i]),
            p=p[i],
            queries=counted[i],
            empty=len(base) - counted[i],
        )
        for i, metric in enumerate(base.columns)
    }
    return pd.concat(tables, names=["metric", "method"])


def comparison_table(
    methods: list[str],
    baseline: str,
    *,
    means: Interval,
    gaps: Interval,
    p: np.ndarray,
    **sizes: np.ndarray | int,
) -> pd.DataFrame:
    """The table of one metric that `compare` and `compare_f1` return, a row a method.

    `means` and `gaps` are values with the two ends of their intervals, (m,) each; the p are raw.
    """
    columns = dict(zip(("mean", "low", "high"), means, strict=True))
    columns |= dict(zip(GAP, (*gaps, p), strict=True))
    table = pd.DataFrame(columns | sizes, index=methods)
    table.loc[baseline, [*GAP]] = np.nan
    table["p"] = holm(table["p"].to_numpy())
    return table


def cluster_codes(clusters: Sequence | None, n: int) -> np.ndarray:
    """A number for each of n queries' clusters; one without a label is its own."""
    if clusters is None:
        return np.arange(n)
    if len(clusters) != n:
        raise ValueError(f"{len(clusters)} cluster labels for {n} queries")
    codes = pd.factorize(np.asarray(clusters, dtype=object), use_na_sentinel=True)[0]
    return np.where(codes >= 0, codes, codes.max(initial=0) + 1 + np.arange(n))


def membership(codes: np.ndarray) -> csr_array:
    """Which of n rows belong to which cluster, (clusters, n): it sums rows by cluster."""
    _, code = np.unique(codes, return_inverse=True)
    return csr_array((np.ones(len(code)), (code, np.arange(len(code)))))


def draws(weights: Weights, clusters: int, seed: int) -> Iterator[np.ndarray]:
    """Random weights of the clusters, block by block, (b, clusters): RESAMPLES rows in all.

    `weights` is `counts` for the bootstrap, `signs` for a test.
    """
    rng = np.random.default_rng(seed)
    size = max(1, BLOCK // clusters)
    for first in range(0, RESAMPLES, size):
        yield weights(rng, min(size, RESAMPLES - first), clusters)


def counts(rng: np.random.Generator, b: int, n: int) -> np.ndarray:
    """How often each of n rows is drawn in b resamples with replacement, (b, n)."""
    drawn = rng.integers(0, n, (b, n)) + n * np.arange(b)[:, None]
    return np.bincount(drawn.ravel(), minlength=b * n).reshape(b, n).astype(float)


def signs(rng: np.random.Generator, b: int, n: int) -> np.ndarray:
    """1 or -1 at random for each of n rows, (b, n)."""
    return rng.integers(0, 2, (b, n), dtype=np.int8).astype(float) * 2 - 1


def percentiles(drawn: np.ndarray) -> np.ndarray:
    """The interval's two ends from (r,) or (r, m) resampled values, NaN left out."""
    return np.nanquantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)


def _bootstrap(values: np.ndarray, codes: np.ndarray, seed: int) -> np.ndarray:
    """Interval ends for the mean of every column, (n, …) -> (2, …)."""
    total, count = _resampled(values, codes, seed, counts)
    with np.errstate(invalid="ignore", divide="ignore"):
        drawn = total / count  # (r, …)
    few = (~np.isnan(values)).sum(axis=0) < 2
    drawn[:, few] = 0.0  # no interval, and no warning about it
    return np.where(few, np.nan, percentiles(drawn))


def _sign_flips(gaps: np.ndarray, codes: np.ndarray, seed: int) -> np.ndarray:
    """p of every column, (n, …) -> (…)."""
    observed = np.abs(np.nansum(gaps, axis=0))
    flipped = np.abs(_resampled(gaps, codes, seed, signs)[0])  # (r, …)
    # sums of the same numbers in another order differ in the last digits
    as_large = (flipped >= observed - 1e-12 * np.nansum(np.abs(gaps), axis=0)).sum(axis=0)
    p = (as_large + 1) / (len(flipped) + 1)
    return np.where(np.isnan(gaps).all(axis=0), np.nan, p)


def _resampled(
    values: np.ndarray, codes: np.ndarray, seed: int, weights: Weights
) -> tuple[np.ndarray, np.ndarray]:
    """Every column's sum, and how many values it has, under random weights of the clusters.

    NaN are left out, (n, …) -> (r, …), (r, …).
    """
    shape = values.shape[1:]
    values = values.reshape(len(values), math.prod(shape))
    known = ~np.isnan(values)
    rows = known.any(axis=1)  # queries without any value would only thin the resamples
    if not rows.any():
        return (np.full((RESAMPLES, *shape), np.nan),) * 2
    member = membership(codes[rows])
    total = member @ np.where(known, values, 0.0)[rows]  # (clusters, m)
    count = member @ known[rows].astype(float)
    drawn = [(w @ total, w @ count) for w in draws(weights, len(total), seed)]
    totals, sizes = (
        np.vstack(part).reshape(RESAMPLES, *shape) for part in zip(*drawn, strict=True)
    )
    return totals, sizes


def _means(values: np.ndarray) -> np.ndarray:
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.where(known, values, 0).sum(axis=0) / known.sum(axis=0)
