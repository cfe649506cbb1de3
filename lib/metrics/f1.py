"""Pairs predicted as a match or not become precision, recall and F1, with a tested comparison.

F1 is a ratio of counts, not a mean over queries, so pairs are resampled here, not values. Rankings
are evaluated in `evaluation.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from lib.metrics.statistics import (
    RESAMPLES,
    bca_interval,
    cluster_codes,
    comparison_table,
    counts,
    draws,
    membership,
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
    sums = []
    for own in called.values():
        own = np.broadcast_to(own, (seeds, len(labels)))
        sums.append((member @ (2 * (own & labels)).T, member @ (own.astype(float) + labels).T))
    base = list(called).index(baseline)
    size = member.shape[0]
    drawn = np.concatenate([_f1(weights, sums) for weights in draws(counts, size, seed)])  # (r, m)
    swapped = [_swapped_gaps(sums, base, sign) for sign in draws(signs, size, seed)]
    f1 = _f1(np.ones((1, size)), sums)[0]  # (m,)
    without = _f1_without(sums)  # (clusters, m)
    gaps, drawn_gaps, without_gaps = (x - x[..., [base]] for x in (f1, drawn, without))
    as_large = (np.abs(np.concatenate(swapped)) >= np.abs(gaps) - 1e-12).sum(axis=0)
    table = comparison_table(
        list(called),
        baseline,
        means=(f1, *bca_interval(drawn, f1, without)),
        gaps=(gaps, *bca_interval(drawn_gaps, gaps, without_gaps)),
        p=(as_large + 1) / (RESAMPLES + 1),
        queries=len(labels),
        empty=0,
        clusters=member.shape[0],
    )
    return pd.concat({"f1": table}, names=["metric", "method"])


def _f1(weights: np.ndarray, sums: Sequence[Sums]) -> np.ndarray:
    """Each method's F1 under weights of the clusters, mean over seeds, (b, clusters) -> (b, m)."""
    with np.errstate(invalid="ignore"):
        f1 = [np.nan_to_num((weights @ hits) / (weights @ both)) for hits, both in sums]
    return np.stack(f1).mean(axis=2).T


def _f1_without(sums: Sequence[Sums]) -> np.ndarray:
    """Each method's F1 without each cluster, mean over seeds, (clusters, m)."""
    with np.errstate(invalid="ignore"):
        f1 = [(hits.sum(0) - hits) / (both.sum(0) - both) for hits, both in sums]
    return np.nan_to_num(np.stack(f1)).mean(axis=2).T


def _swapped_gaps(sums: Sequence[Sums], base: int, sign: np.ndarray) -> np.ndarray:
    """Differences to the baseline where clusters of sign -1 swap predictions with it, (b, m)."""
    swap = (1 - sign) / 2
    kept = 1 - swap
    theirs = sums[base]
    gaps = []
    for own in sums:
        first, second = (
            (kept @ one[0] + swap @ other[0]) / (kept @ one[1] + swap @ other[1])
            for one, other in ((own, theirs), (theirs, own))
        )
        gaps.append(np.nan_to_num(first).mean(axis=1) - np.nan_to_num(second).mean(axis=1))
    return np.stack(gaps, axis=1)
