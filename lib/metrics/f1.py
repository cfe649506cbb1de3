"""Pairs predicted as a match or not become precision, recall and F1, with a tested comparison.

F1 is a ratio of counts, not a mean over queries, so pairs are resampled here, not values. Rankings
are evaluated in `evaluation.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from lib.metrics.statistics import (
    cluster_codes,
    counts,
    draws,
    holm,
    membership,
    percentiles,
    signs,
)

# of each cluster and seed: twice the hits; predicted matches + positives
Sums = tuple[np.ndarray, np.ndarray]


def pair_f1(labels: np.ndarray, scores: np.ndarray, threshold: float) -> dict[str, float]:
    """Precision, recall and F1 where a score >= threshold predicts a match.

    `labels` (n,) are 0 or 1. Precision without any predicted match is 0, as in scikit-learn.
    """
    from sklearn.metrics import precision_recall_fscore_support

    predicted = np.asarray(scores) >= threshold
    found = precision_recall_fscore_support(
        np.asarray(labels, int), predicted, average="binary", zero_division=0
    )
    return dict(zip(("precision", "recall", "f1"), map(float, found[:3]), strict=True))


def best_threshold(labels: np.ndarray, scores: np.ndarray) -> float:
    """The threshold with the best F1 on these pairs: choose it on validation, report on test.

    A score of NaN is below all.
    """
    from sklearn.metrics import precision_recall_curve

    if not np.asarray(labels).any():
        raise ValueError(
            "no positive pair: a threshold cannot be chosen; check the labels or the split"
        )
    scores = np.asarray(scores, float)
    if np.isnan(scores).all():
        raise ValueError(f"all {len(scores)} scores are NaN: a threshold cannot be chosen")
    least = np.nanmin(scores)
    scores = np.where(np.isnan(scores), least - 1, scores)
    precision, recall, thresholds = precision_recall_curve(labels, scores)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    reached = thresholds >= least  # below it are the NaN, which are never predicted
    return float(thresholds[reached][int(np.argmax(f1[:-1][reached]))])


def compare_f1(
    labels: np.ndarray,
    calls: Mapping[str, np.ndarray],
    *,
    baseline: str,
    clusters: Sequence | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """`compare`'s table for the F1 of predictions on the same labelled pairs, (n,) 0 or 1.

    `calls` are each method's predictions: (n,) bool, or (seeds, n). Several seeds count with their
    mean F1. F1 is a ratio of counts, so pairs are resampled, or whole `clusters` of them, such as
    all pairs of one listing. p comes from approximate randomisation, which swaps the predictions of
    two methods (Yeh 2000).
    """
    labels = np.asarray(labels, bool)
    member = membership(cluster_codes(clusters, len(labels)))  # (clusters, n)
    called = {method: np.atleast_2d(np.asarray(c, bool)) for method, c in calls.items()}
    sizes = {method: len(c) for method, c in called.items()}
    seeds = max(sizes.values())
    if set(sizes.values()) - {1, seeds}:
        raise ValueError(
            "methods are compared seed by seed; give each as many seeds as the others, or one: "
            f"got {sizes}"
        )
    rows, sums = {}, {}
    for method, own in called.items():
        own = np.broadcast_to(own, (seeds, len(labels)))
        sums[method] = member @ (2 * (own & labels)).T, member @ (own.astype(float) + labels).T
    whole = np.ones((1, member.shape[0]))
    for method, own in sums.items():
        drawn = np.concatenate([_f1(w, own) for w in draws(counts, member.shape[0], seed)])
        low, high = percentiles(drawn)
        rows[method] = {"mean": _f1(whole, own)[0], "low": low, "high": high}
        if method != baseline:
            rows[method] |= _gap(own, sums[baseline], seed)
        rows[method] |= {"queries": len(labels), "empty": 0}
    gap = ["difference", "difference_low", "difference_high", "p"]
    columns = ["mean", "low", "high", *gap, "queries", "empty"]
    table = pd.DataFrame.from_dict(rows, "index").reindex(columns=columns)
    table["p"] = holm(table["p"].to_numpy(float))
    return pd.concat({"f1": table}, names=["metric", "method"])


def _f1(weights: np.ndarray, own: Sums) -> np.ndarray:
    """F1 under weights of the clusters, mean over seeds, (b, clusters) -> (b,)."""
    with np.errstate(invalid="ignore"):
        return np.nan_to_num((weights @ own[0]) / (weights @ own[1])).mean(axis=1)


def _gap(own: Sums, base: Sums, seed: int) -> dict[str, float]:
    """The difference to the baseline, its interval and the p of swapped predictions."""
    clusters = len(own[0])
    whole = np.ones((1, clusters))
    observed = float((_f1(whole, own) - _f1(whole, base))[0])
    drawn = [_f1(w, own) - _f1(w, base) for w in draws(counts, clusters, seed)]
    low, high = percentiles(np.concatenate(drawn))
    swapped = [_swapped_gap(own, base, sign) for sign in draws(signs, clusters, seed)]
    as_large = np.abs(np.concatenate(swapped)) >= abs(observed) - 1e-12
    p = (as_large.sum() + 1) / (len(as_large) + 1)
    return {"difference": observed, "difference_low": low, "difference_high": high, "p": p}


def _swapped_gap(own: Sums, base: Sums, sign: np.ndarray) -> np.ndarray:
    """The difference where clusters of sign -1 swap predictions, (b, clusters) -> (b,)."""
    swap = (1 - sign) / 2
    kept = 1 - swap
    first = (kept @ own[0] + swap @ base[0]) / (kept @ own[1] + swap @ base[1])
    second = (kept @ base[0] + swap @ own[0]) / (kept @ base[1] + swap @ own[1])
    return np.nan_to_num(first).mean(axis=1) - np.nan_to_num(second).mean(axis=1)
