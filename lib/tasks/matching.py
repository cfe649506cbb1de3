"""Matching: the same product among listings. Candidates, decisions, clusters and a classifier of pairs.

What a pair looks like in numbers is in `pairs.py`; what a ranking is worth in `metrics.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lib.metrics import best_threshold, pair_f1

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


def fit_matcher(features: pd.DataFrame, labels: Sequence[int], *, seed: int = 0) -> Pipeline:
    """A classifier of pairs, (p, features) and (p,) labels 0 or 1: the mean of boosted and of randomised trees.

    `predict_proba(features)[:, 1]` of what it returns are scores in [0, 1]. NaN, a missing part, is a value of its own.
    Raises ValueError where one label alone is there.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, VotingClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline

    if len(set(labels)) < 2:
        raise ValueError(f"a matcher needs pairs of both labels, got {len(labels)} of {sorted(set(labels))}")
    telling = features.columns[features.nunique() > 1]  # boosting fails on a column without values
    boosted = HistGradientBoostingClassifier(
        learning_rate=0.05, max_iter=300, max_leaf_nodes=15, min_samples_leaf=15, l2_regularization=1.0, max_features=0.3,
        early_stopping=False, random_state=seed,
    )  # fmt: skip
    random = ExtraTreesClassifier(500, min_samples_leaf=2, max_features=0.3, random_state=seed)
    filled = make_pipeline(SimpleImputer(strategy="constant", fill_value=-9), random)  # below every feature's range
    vote = VotingClassifier([("boosted", boosted), ("random", filled)], voting="soft")
    return make_pipeline(ColumnTransformer([("telling", "passthrough", list(telling))]), vote).fit(features, list(labels))


def matcher_scores(features: pd.DataFrame, pairs: pd.DataFrame, *, seed: int = 0) -> np.ndarray:
    """The score of every pair, (p,), by a matcher fitted on those whose `split` is "train"."""
    train = (pairs["split"] == "train").to_numpy()
    matcher = fit_matcher(features[train], pairs["label"][train].to_numpy(), seed=seed)
    return matcher.predict_proba(features)[:, 1]


def split_f1(pairs: pd.DataFrame, scores: np.ndarray) -> dict[str, float]:
    """Precision, recall and F1 on the "test" pairs, with the threshold that is best on the "valid" ones."""
    valid, test = ((pairs["split"] == split).to_numpy() for split in ("valid", "test"))
    labels = pairs["label"].to_numpy()
    threshold = best_threshold(labels[valid], scores[valid])
    return {"threshold": threshold, **pair_f1(labels[test], scores[test], threshold)}
