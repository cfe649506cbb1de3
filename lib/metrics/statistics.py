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
from scipy.stats import norm, t

RESAMPLES = 9_999
LEVEL = 0.95  # of every interval
BLOCK = 2**24  # random numbers held at once
GAP = ("difference", "difference_low", "difference_high", "p")
Interval = tuple[np.ndarray, np.ndarray, np.ndarray]  # values, lower ends, upper ends
Weights = Callable[[np.random.Generator, int, int], np.ndarray]


def bootstrap_interval(values: np.ndarray, *, seed: int = 0) -> tuple[float, float]:
    """The 95 % bootstrap interval for the mean of (n,) values; see `bca_interval`.

    NaN are left out. Fewer than two values give (NaN, NaN): one query says nothing about the
    spread.
    """
    low, high = _bootstrap(np.asarray(values, float)[:, None], np.arange(len(values)), seed)
    return float(low[0]), float(high[0])


def crossed_interval(
    values: np.ndarray, one: Sequence, other: Sequence, *, seed: int = 0
) -> tuple[float, float]:
    """The 95 % interval for the mean of (n,) values that two things move, such as shops and
    sentences: (n,) labels each.

    Each of the two is resampled by itself (the pigeonhole bootstrap, Owen 2007); the ends are those
    of `bca_interval` over the first. NaN are left out.
    """
    known = ~np.isnan(values)
    sides = [pd.factorize(np.asarray(side, object)[known])[0] for side in (one, other)]
    shape = [side.max() + 1 for side in sides]
    total, count = np.zeros(shape), np.zeros(shape)  # (a, b)
    np.add.at(total, tuple(sides), values[known])
    np.add.at(count, tuple(sides), 1)
    rng = np.random.default_rng(seed)
    first, second = (counts(rng, RESAMPLES, n) for n in shape)  # (r, a), (r, b)
    sums, sizes = (((first @ cells) * second).sum(axis=1) for cells in (total, count))
    drawn = np.divide(sums, sizes, out=np.full(RESAMPLES, np.nan), where=sizes > 0)
    total, count = total.sum(axis=1), count.sum(axis=1)
    with np.errstate(invalid="ignore"):  # a single shop leaves nothing behind
        without = (total.sum() - total) / (count.sum() - count)
    low, high = bca_interval(drawn, total.sum() / count.sum(), without)
    return float(low), float(high)


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
                    mean   low   high  difference      p
    metric method
    hit@1  old     0.375  0.00  0.875         NaN    NaN
           new     0.875  0.25  1.000         0.5  0.118
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
            clusters=len(np.unique(codes)),
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
    known, code = np.unique(codes, return_inverse=True)
    cells = np.ones(len(code)), (code, np.arange(len(code)))
    return csr_array(cells, shape=(len(known), len(code)))


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


def bca_interval(drawn: np.ndarray, whole: np.ndarray, without: np.ndarray) -> np.ndarray:
    """The 95 % interval's two ends for every column, (2, …): BCa (Efron 1987), widened.

    `drawn` (r, …) are resampled values, NaN left out; `whole` (…) the value of the whole sample;
    `without` (c, …) its value without each cluster, which tells how skewed it is. Of few clusters
    even BCa's intervals are too narrow: their levels are moved out by sqrt(c / (c - 1)) and
    Student's t (Hesterberg 2015). Fewer than two clusters give NaN.
    """
    clusters = len(without)
    if clusters < 2:
        return np.full((2, *np.shape(whole)), np.nan)
    edge = math.sqrt(clusters / (clusters - 1)) * t.ppf((1 + LEVEL) / 2, clusters - 1)
    known = (~np.isnan(drawn)).sum(axis=0)
    # sums of the same numbers in another order differ in the last digits
    equal = np.isclose(drawn, whole, rtol=1e-9, atol=1e-12)
    below = ((drawn < whole) & ~equal).sum(axis=0) + equal.sum(axis=0) / 2
    bias = norm.ppf((below + 0.5) / (known + 1))
    gaps = without.mean(axis=0) - without
    spread = 6 * ((gaps**2).sum(axis=0)) ** 1.5
    skew = np.divide((gaps**3).sum(axis=0), spread, out=np.zeros_like(spread), where=spread > 0)
    z = np.stack([bias - edge, bias + edge])
    return _quantiles(drawn, norm.cdf(bias + z / np.maximum(1 - skew * z, 1e-9)), known)


def _quantiles(drawn: np.ndarray, shares: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The values at each column's own shares, interpolated, (r, …), (2, …) -> (2, …)."""
    ordered = np.sort(drawn, axis=0)  # NaN come last
    place = shares * np.maximum(known - 1, 0)
    first = np.floor(place).astype(int)
    low, high = (np.take_along_axis(ordered, i, 0) for i in (first, np.ceil(place).astype(int)))
    return low + (place - first) * (high - low)


def _bootstrap(values: np.ndarray, codes: np.ndarray, seed: int) -> np.ndarray:
    """Interval ends for the mean of every column, (n, …) -> (2, …)."""
    total, count = _by_cluster(values, codes)
    drawn_total, drawn_count = _resampled(total, count, seed, counts)
    with np.errstate(invalid="ignore", divide="ignore"):
        drawn = drawn_total / drawn_count  # (r, …)
        without = (total.sum(axis=0) - total) / (count.sum(axis=0) - count)  # (clusters, …)
        whole = total.sum(axis=0) / count.sum(axis=0)
    few = count.sum(axis=0) < 2
    return np.where(few, np.nan, bca_interval(drawn, whole, np.where(few, 0.0, without)))


def _sign_flips(gaps: np.ndarray, codes: np.ndarray, seed: int) -> np.ndarray:
    """p of every column, (n, …) -> (…)."""
    total, count = _by_cluster(gaps, codes)
    observed = np.abs(total.sum(axis=0))
    flipped = np.abs(_resampled(total, count, seed, signs)[0])  # (r, …)
    # sums of the same numbers in another order differ in the last digits
    as_large = (flipped >= observed - 1e-12 * np.nansum(np.abs(gaps), axis=0)).sum(axis=0)
    p = (as_large + 1) / (RESAMPLES + 1)
    return np.where(np.isnan(gaps).all(axis=0), np.nan, p)


def _by_cluster(values: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every column's sum in each cluster and how many values it has there, NaN left out.

    (n, …) -> (clusters, …), (clusters, …). Rows without any value would only thin the resamples.
    """
    shape = values.shape[1:]
    values = values.reshape(len(values), math.prod(shape))
    known = ~np.isnan(values)
    rows = known.any(axis=1)
    member = membership(codes[rows])
    total = member @ np.where(known, values, 0.0)[rows]
    count = member @ known[rows].astype(float)
    return total.reshape(len(total), *shape), count.reshape(len(total), *shape)


def _resampled(
    total: np.ndarray, count: np.ndarray, seed: int, weights: Weights
) -> tuple[np.ndarray, np.ndarray]:
    """Sums and counts under random weights of the clusters, (clusters, …) -> (r, …), (r, …)."""
    shape, clusters = total.shape[1:], len(total)
    if not clusters:
        return (np.full((RESAMPLES, *shape), np.nan),) * 2
    flat = [part.reshape(clusters, -1) for part in (total, count)]
    drawn = [[w @ part for part in flat] for w in draws(weights, clusters, seed)]
    totals, sizes = (
        np.vstack(part).reshape(RESAMPLES, *shape) for part in zip(*drawn, strict=True)
    )
    return totals, sizes


def _means(values: np.ndarray) -> np.ndarray:
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.where(known, values, 0).sum(axis=0) / known.sum(axis=0)
