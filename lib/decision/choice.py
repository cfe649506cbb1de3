"""Which pipeline to choose by several proxies, how sure that is, and how far to trust them.

The proxies themselves are in `proxies.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from lib.metrics.statistics import cluster_codes, counts, membership

RESAMPLES = 999
TRUST = 0.03  # how far proxies' losses are from the labels', a standard deviation
Clusters = Mapping[str, Sequence | None]


def choose(
    values: Mapping[str, pd.DataFrame],
    *,
    clusters: Clusters | None = None,
    weights: Mapping[str, float] | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """The pipelines by all proxies together, best first, one row each.

    `values` holds for each proxy a frame (q, pipelines) of one metric, a row a query. A pipeline's
    `loss` in a proxy is how far its mean is below the best pipeline's there; over proxies it is the
    weighted mean, equal unless `weights` are given. In each of 999 resamples of the queries, whole
    clusters of every proxy, the losses are taken anew: `low` and `high` hold the middle 95 %,
    `share best` says how often the pipeline came out best, `regret` how much it lost on average to
    the best of the resample. None of them knows whether the proxies ask the right question.

    >>> brand = pd.DataFrame({"words": [1.0, 0, 1, 1], "colour": [0.0, 0, 1, 0]})
    >>> again = pd.DataFrame({"words": [1.0, 1, 0], "colour": [0.0, 1, 1]})
    >>> choose({"brand": brand, "found again": again})[["loss", "share best"]].round(2)
            loss  share best
    words   0.00        0.81
    colour  0.25        0.19
    """
    names = _same_pipelines(values)
    share = np.array([(weights or {}).get(name, 0.0 if weights else 1.0) for name in values])
    if not share.sum() > 0 or (share < 0).any():
        raise ValueError(f"weights need a positive one among {list(values)}, got {weights}")
    whole, drawn = 0, 0
    for number, (proxy, frame) in enumerate(values.items()):
        part = share[number] / share.sum()
        held = (clusters or {}).get(proxy)
        whole = whole + part * _losses(np.nanmean(frame.to_numpy(float), axis=0)[None])[0]
        means = resampled_means(frame.to_numpy(float), held, seed=seed + number)
        drawn = drawn + part * _losses(means)  # (r, m)
    below = drawn - drawn.min(axis=1, keepdims=True)
    best = below <= 1e-12  # ties share the resample
    low, high = np.quantile(below, [0.025, 0.975], axis=0)
    columns = {
        "loss": whole - whole.min(),
        "low": low,
        "high": high,
        "share best": (best / best.sum(axis=1, keepdims=True)).mean(axis=0),
        "regret": below.mean(axis=0),
    }
    return pd.DataFrame(columns, index=names).sort_values("loss", kind="stable")


def after_judging(
    losses: pd.Series, estimates: pd.Series, errors: pd.Series, *, trust: float = TRUST
) -> pd.Series:
    """The losses of some pipelines by proxies and judgements together, the least first.

    `losses` are those of `choose`; `estimates` and `errors` how much better than the first of
    `losses` each of the others was judged to be, and the standard errors. The two are averaged,
    each with the inverse of its squared error as weight (a normal prior; Gelman et al., Bayesian
    Data Analysis, 2013, 2.5); `trust` is the error of the proxies.

    >>> losses = pd.Series({"words": 0.0, "minilm": 0.02})
    >>> after_judging(losses, pd.Series({"minilm": 0.05}), pd.Series({"minilm": 0.02})).round(3)
    minilm   -0.028
    words     0.000
    dtype: float64
    """
    prior, judged = 1 / trust**2, 1 / errors.reindex(losses.index).clip(1e-6) ** 2
    gained = estimates.reindex(losses.index)
    both = (prior * losses - judged * gained) / (prior + judged)
    return both.fillna(losses).sort_values(kind="stable")


def agreement(
    proxy: pd.DataFrame,
    truth: pd.DataFrame,
    *,
    clusters: tuple[Sequence | None, Sequence | None] = (None, None),
    seed: int = 0,
) -> dict[str, float]:
    """How a proxy orders pipelines beside the truth: `tau` with `low`, `high`, and `regret`.

    Both are frames (q, pipelines) of one metric. Kendall's tau-b is taken of the pipelines' means;
    its interval is the middle 95 % of 999 resamples of both sides' queries, and says nothing about
    other pipelines. `regret` is what the proxy's best pipeline loses to the truth's best.
    """
    _same_pipelines({"proxy": proxy, "truth": truth})
    sides = [frame.to_numpy(float) for frame in (proxy, truth)]
    means = [np.nanmean(side, axis=0) for side in sides]  # (m,), (m,)
    drawn = [
        resampled_means(side, held, seed=seed + number)
        for number, (side, held) in enumerate(zip(sides, clusters, strict=True))
    ]
    low, high = np.nanquantile(_taus(*drawn), [0.025, 0.975])
    tau = float(_taus(means[0][None], means[1][None])[0])
    lost = float(means[1].max() - means[1][int(np.argmax(means[0]))])
    return {"tau": tau, "low": float(low), "high": float(high), "regret": lost}


def resampled_means(
    values: np.ndarray, clusters: Sequence | None, *, resamples: int = RESAMPLES, seed: int = 0
) -> np.ndarray:
    """Means of every column, (q, m) -> (r, m), NaN left out, whole clusters drawn together."""
    member = membership(cluster_codes(clusters, len(values)))
    known = ~np.isnan(values)
    total = member @ np.where(known, values, 0)  # (clusters, m)
    count = member @ known.astype(float)
    weights = counts(np.random.default_rng(seed), resamples, len(total))  # (r, clusters)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (weights @ total) / (weights @ count)


def without_each(
    values: Mapping[str, pd.DataFrame], *, weights: Mapping[str, float] | None = None
) -> dict[str, str]:
    """The pipeline that would be chosen without each proxy; empty where there is only one."""
    found = {}
    for left_out in values if len(values) > 1 else ():
        rest = {name: frame for name, frame in values.items() if name != left_out}
        if weights is None or any(weights.get(name, 0) > 0 for name in rest):
            found[left_out] = str(choose(rest, weights=weights).index[0])
    return found


def _losses(means: np.ndarray) -> np.ndarray:
    """How far each pipeline is below the best, (r, m)."""
    return np.nanmax(means, axis=1, keepdims=True) - means


def _taus(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Kendall's tau-b of each row, (r, m), (r, m) -> (r,); NaN where one side ties all."""
    first, second = np.triu_indices(one.shape[1], 1)
    a, b = (np.sign(np.round(s[:, first] - s[:, second], 12)) for s in (one, other))
    scale = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    return np.divide((a * b).sum(axis=1), scale, out=np.full(len(a), np.nan), where=scale > 0)


def _same_pipelines(values: Mapping[str, pd.DataFrame]) -> list[str]:
    columns = [list(frame.columns) for frame in values.values()]
    if not columns or any(other != columns[0] for other in columns):
        raise ValueError(f"every proxy must have the same pipelines, got {columns}")
    return columns[0]
