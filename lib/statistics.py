"""How sure a number is: intervals, paired tests and `compare()`, from per-query rows.

All methods of a comparison share the same resamples, drawn once: paired, and fast because a thousand means
are one matrix product.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

RESAMPLES = 9_999
BLOCK = 2**24  # random numbers held at once


@dataclass(frozen=True, eq=False)  # pandas compares attrs where it joins tables: only the same one is equal
class Compared:
    """What a table of `compare()` was made of: each method's rows, and the cluster of every query, (q,)."""

    results: dict[str, pd.DataFrame]
    clusters: np.ndarray

    def __deepcopy__(self, memo: dict) -> Compared:
        return self  # pandas copies attrs into every slice


def bootstrap_interval(values: np.ndarray, *, level: float = 0.95, seed: int = 0) -> tuple[float, float]:
    """A percentile bootstrap interval for the mean of (n,) values (Efron 1979); NaN are left out.

    Fewer than two values give (NaN, NaN): one query says nothing of the spread.
    """
    low, high = _bootstrap(np.asarray(values, float)[:, None], np.arange(len(values)), level, seed)
    return float(low[0]), float(high[0])


def randomisation_test(differences: np.ndarray, *, seed: int = 0) -> float:
    """Two-sided p of a paired randomisation (sign-flip) test: is the mean of (n,) differences 0?

    9,999 random sign patterns and the observed one (Smucker, Allan and Carterette 2007), so p is at least
    0.0001. NaN are left out; without any difference p is 1, without any pair NaN.
    """
    return float(_sign_flips(np.asarray(differences, float)[:, None], np.arange(len(differences)), seed)[0])


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
    level: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Every method against the baseline on the same queries, one row a metric and method.

    Columns: `mean` with its bootstrap interval `low`, `high`; `difference` to the baseline, paired by query,
    with `difference_low`, `difference_high`; `p` of the paired randomisation test, adjusted by Holm over the methods
    of one metric; `queries` that count and `empty` ones, which have nothing relevant.
    Queries that answer one another (listings of one product) are not independent: with `clusters`, a label for each query,
    whole clusters are drawn and flipped; a query labelled None is its own. Without, each query stands alone.
    `attrs["compared"]` holds the rows that were compared, for `record`.
    Raises ValueError where the frames do not hold the same queries.
    """
    if baseline not in results:
        raise ValueError(f"baseline {baseline!r} is not among {list(results)}")
    base = results[baseline]
    for method, frame in results.items():
        if not frame.index.equals(base.index) or list(frame.columns) != list(base.columns):
            raise ValueError(f"{method!r} and {baseline!r} hold other queries or metrics; evaluate both on one task")
    codes = _codes(clusters, len(base))
    tables = {metric: _compare_metric(results, metric, baseline, codes, level, seed) for metric in base.columns}
    table = pd.concat(tables, names=["metric", "method"])
    table.attrs["compared"] = Compared(dict(results), codes)
    return table


def _compare_metric(
    results: Mapping[str, pd.DataFrame], metric: str, baseline: str, codes: np.ndarray, level: float, seed: int
) -> pd.DataFrame:
    values = np.stack([frame[metric].to_numpy(float) for frame in results.values()], axis=1)  # (q, m)
    gaps = values - values[:, [list(results).index(baseline)]]
    low, high = _bootstrap(values, codes, level, seed)
    gap_low, gap_high = _bootstrap(gaps, codes, level, seed)
    counted = (~np.isnan(values)).sum(axis=0)
    table = pd.DataFrame(
        {
            "mean": _means(values),
            "low": low,
            "high": high,
            "difference": _means(gaps),
            "difference_low": gap_low,
            "difference_high": gap_high,
            "p": _sign_flips(gaps, codes, seed),
            "queries": counted,
            "empty": len(values) - counted,
        },
        index=list(results),
    )
    table.loc[baseline, ["difference", "difference_low", "difference_high", "p"]] = np.nan
    table["p"] = holm(table["p"].to_numpy())
    return table


def _bootstrap(values: np.ndarray, codes: np.ndarray, level: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Interval ends for the mean of every column, (n, m) -> (m,), (m,)."""
    draws = _resampled(values, codes, seed, _counts, lambda total, count: total / count)  # (r, m)
    few = (~np.isnan(values)).sum(axis=0) < 2
    draws[:, few] = 0.0  # no interval, and no warning about it
    with np.errstate(invalid="ignore"):
        low, high = np.nanquantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return np.where(few, np.nan, low), np.where(few, np.nan, high)


def _sign_flips(gaps: np.ndarray, codes: np.ndarray, seed: int) -> np.ndarray:
    """p of every column, (n, m) -> (m,)."""
    observed = np.abs(np.nansum(gaps, axis=0))
    flipped = np.abs(_resampled(gaps, codes, seed, _signs, lambda total, count: total))  # (r, m)
    # sums of the same numbers in another order differ in the last digits
    as_large = (flipped >= observed - 1e-12 * np.nansum(np.abs(gaps), axis=0)).sum(axis=0)
    p = (as_large + 1) / (len(flipped) + 1)
    return np.where(np.isnan(gaps).all(axis=0), np.nan, p)


def _resampled(values: np.ndarray, codes: np.ndarray, seed: int, weights: Callable, combine: Callable) -> np.ndarray:
    """Weighted sums of every column under random weights of the clusters, NaN left out, (n, m) -> (resamples, m)."""
    known = ~np.isnan(values)
    if not known.any():
        return np.full((RESAMPLES, values.shape[1]), np.nan)
    rows = known.any(axis=1)  # queries without any value would only thin the resamples
    _, code = np.unique(codes[rows], return_inverse=True)
    member = csr_array((np.ones(len(code)), (code, np.arange(len(code)))))  # (clusters, n)
    filled, known = member @ np.where(known, values, 0.0)[rows], member @ known[rows].astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.vstack([combine(w @ filled, w @ known) for w in _blocks(weights, len(filled), seed)])


def _codes(clusters: Sequence | None, n: int) -> np.ndarray:
    if clusters is None:
        return np.arange(n)
    if len(clusters) != n:
        raise ValueError(f"{len(clusters)} cluster labels for {n} queries")
    codes = pd.factorize(np.asarray(clusters, dtype=object), use_na_sentinel=True)[0]
    return np.where(codes >= 0, codes, codes.max(initial=0) + 1 + np.arange(n))


def _blocks(weights: Callable, n: int, seed: int) -> Iterator[np.ndarray]:
    rng = np.random.default_rng(seed)
    size = max(1, BLOCK // n)
    for first in range(0, RESAMPLES, size):
        yield weights(rng, min(size, RESAMPLES - first), n)  # (b, n)


def _counts(rng: np.random.Generator, b: int, n: int) -> np.ndarray:
    """How often each of n rows is drawn in b resamples with replacement, (b, n)."""
    drawn = rng.integers(0, n, (b, n)) + n * np.arange(b)[:, None]
    return np.bincount(drawn.ravel(), minlength=b * n).reshape(b, n).astype(float)


def _signs(rng: np.random.Generator, b: int, n: int) -> np.ndarray:
    return rng.integers(0, 2, (b, n), dtype=np.int8).astype(float) * 2 - 1


def _means(values: np.ndarray) -> np.ndarray:
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.where(known, values, 0).sum(axis=0) / known.sum(axis=0)


def compare_f1(
    labels: np.ndarray,
    calls: Mapping[str, np.ndarray],
    *,
    baseline: str,
    clusters: Sequence | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """`compare`'s table for the F1 of calls, (n,) or (seeds, n) bool, on the same labelled pairs, (n,) 0 or 1.

    F1 is a ratio of counts, so pairs (or whole `clusters` of them, such as those of one listing) are resampled, not values;
    over several seeds it is their mean. p is of approximate randomisation, which swaps two methods' calls (Yeh 2000).
    """
    labels = np.asarray(labels, bool)
    _, code = np.unique(_codes(clusters, len(labels)), return_inverse=True)
    member = csr_array((np.ones(len(code)), (code, np.arange(len(code)))))  # (clusters, n)
    sizes = {method: np.atleast_2d(c).shape[0] for method, c in calls.items()}
    seeds = max(sizes.values())
    if set(sizes.values()) - {1, seeds}:
        raise ValueError(f"methods are compared seed by seed; give each as many seeds as the others, or one: got {sizes}")
    counts = {}
    for method, called in calls.items():
        called = np.broadcast_to(np.atleast_2d(np.asarray(called, bool)), (seeds, len(labels)))
        counts[method] = member @ (2 * (called & labels)).T, member @ (called.astype(float) + labels).T  # (clusters, s) each
    rows = {}
    for method, own in counts.items():
        gap = _f1_gaps(own, counts[baseline], level, seed) if method != baseline else (np.nan,) * 4
        draws = np.concatenate([_f1(w, *own) for w in _blocks(_counts, len(own[0]), seed)])
        low, high = np.nanquantile(draws, [(1 - level) / 2, (1 + level) / 2])
        rows[method] = [_f1(np.ones((1, len(own[0]))), *own)[0], low, high, *gap, len(labels), 0]
    columns = ["mean", "low", "high", "difference", "difference_low", "difference_high", "p", "queries", "empty"]
    table = pd.DataFrame.from_dict(rows, "index", columns=columns)
    table["p"] = holm(table["p"].to_numpy(float))
    return pd.concat({"f1": table}, names=["metric", "method"])


def _f1(weights: np.ndarray, hits: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """F1 under weights of the clusters, mean over seeds: (b, c), (c, s), (c, s) -> (b,)."""
    with np.errstate(invalid="ignore"):
        return np.nan_to_num((weights @ hits) / (weights @ sizes)).mean(axis=1)


def _f1_gaps(own: tuple, base: tuple, level: float, seed: int) -> tuple[float, float, float, float]:
    """The difference to the baseline, its interval and the p of swapped calls."""
    clusters = len(own[0])
    ones = np.ones((1, clusters))
    observed = float((_f1(ones, *own) - _f1(ones, *base))[0])
    draws = np.concatenate([_f1(w, *own) - _f1(w, *base) for w in _blocks(_counts, clusters, seed)])
    low, high = np.nanquantile(draws, [(1 - level) / 2, (1 + level) / 2])
    as_large = drawn = 0
    for signs in _blocks(_signs, clusters, seed):  # (b, c): -1 swaps
        swap = (1 - signs) / 2
        kept = 1 - swap
        first = np.nan_to_num((kept @ own[0] + swap @ base[0]) / (kept @ own[1] + swap @ base[1])).mean(axis=1)
        second = np.nan_to_num((kept @ base[0] + swap @ own[0]) / (kept @ base[1] + swap @ own[1])).mean(axis=1)
        as_large += int((np.abs(first - second) >= abs(observed) - 1e-12).sum())
        drawn += len(signs)
    return observed, float(low), float(high), (as_large + 1) / (drawn + 1)
