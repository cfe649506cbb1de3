"""Matching: labelled pairs of listings, and a classifier that says which are the same product.

Pairs are a frame with the ids `left` and `right`; scores are an array beside it, (p,). What a pair
looks like in numbers is in `pair_features.py`, what is decided from scores in `decisions.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lib.data.catalogue import Catalogue
from lib.data.dataset import Dataset
from lib.metrics.f1 import best_threshold

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

RECORD = {"name": "title", "manufacturer": "brand"}  # what records call our fields


def labelled_pairs(dataset: Dataset) -> tuple[Catalogue, Catalogue, pd.DataFrame]:
    """The distinct records of a set's labelled pairs as two catalogues, and the pairs by their ids.

    The pairs have split, left, right, label; the catalogues hold the records of all splits. The
    two-shop sets' own files do not serve, since they lack the records' categories.
    """
    if dataset.pairs is None:
        raise ValueError(f"{dataset.name!r} has no labelled pairs; the two-shop sets do")
    catalogues, pairs = [], dataset.pairs.copy()
    for side in ("left", "right"):
        keys = [json.dumps(record, sort_keys=True) for record in pairs[side]]
        number, distinct = pd.factorize(np.array(keys, dtype=object))
        catalogues.append(_catalogue(side, [json.loads(key) for key in distinct]))
        pairs[side] = catalogues[-1].ids[number]
    return *catalogues, pairs


def _catalogue(name: str, records: Sequence[Mapping[str, str]]) -> Catalogue:
    items = pd.DataFrame(records).rename(columns=RECORD)
    if "price" in items:
        items["price"] = pd.to_numeric(items["price"])
    if "modelno" in items:
        items["attributes"] = [{"modelno": m} if m else None for m in items.pop("modelno")]
    return Catalogue(name, items.set_axis([f"{name} {n}" for n in range(len(items))]))


def split_pairs(
    pairs: pd.DataFrame,
    catalogue: Catalogue,
    fractions: Mapping[str, float],
    *,
    by: str = "group",
    seed: int = 0,
) -> np.ndarray:
    """The part that both listings of a pair fall into, (p,); None where they fall apart.

    The parts are those of `Catalogue.split`.
    """
    parts = catalogue.split(fractions, by=by, seed=seed)
    part_of = pd.concat([pd.Series(name, index=part.ids) for name, part in parts.items()])
    left, right = part_of[pairs["left"]].to_numpy(), part_of[pairs["right"]].to_numpy()
    return np.where(left == right, left, None)


def fit_matcher(
    features: pd.DataFrame,
    labels: Sequence[int],
    *,
    seed: int = 0,
    trees: int = 500,
    rounds: int = 300,
    learning_rate: float = 0.05,
) -> Pipeline:
    """A classifier of pairs, (p, features) and (p,) labels 0 or 1: two kinds of trees, averaged.

    The one is boosted, `rounds` trees each learning from the last one's errors; the other is the
    mean of `trees` randomised ones. `predict_proba(features)[:, 1]` are scores in [0, 1]. NaN, a
    missing part, is a value of its own. Raises ValueError where one label alone is there.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import (
        ExtraTreesClassifier,
        HistGradientBoostingClassifier,
        VotingClassifier,
    )
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline

    found = set(labels)
    if len(found) < 2:
        raise ValueError(f"a matcher needs pairs of both labels, got {len(labels)} of {found}")
    boosted = HistGradientBoostingClassifier(
        learning_rate=learning_rate,
        max_iter=rounds,
        max_leaf_nodes=15,
        min_samples_leaf=15,
        l2_regularization=1.0,
        max_features=0.3,
        early_stopping=False,
        random_state=seed,
    )
    forest = ExtraTreesClassifier(trees, min_samples_leaf=2, max_features=0.3, random_state=seed)
    below_all = SimpleImputer(strategy="constant", fill_value=-9)  # less than any feature
    varying = list(features.columns[features.nunique() > 1])  # boosting fails on an empty column
    return make_pipeline(
        ColumnTransformer([("varying", "passthrough", varying)]),
        VotingClassifier(
            [("boosted", boosted), ("forest", make_pipeline(below_all, forest))], voting="soft"
        ),
    ).fit(features, list(labels))


def matcher_scores(features: pd.DataFrame, pairs: pd.DataFrame, **settings: float) -> np.ndarray:
    """The score of every pair, (p,), by a matcher fitted on those whose `split` is "train".

    `settings` are those of `fit_matcher`.
    """
    train = (pairs["split"] == "train").to_numpy()
    matcher = fit_matcher(features[train], pairs["label"][train].to_numpy(), **settings)
    return matcher.predict_proba(features)[:, 1]


def chosen_threshold(pairs: pd.DataFrame, scores: np.ndarray) -> float:
    """The threshold of scores, (p,), with the best F1 on the pairs whose `split` is "valid"."""
    valid = (pairs["split"] == "valid").to_numpy()
    return best_threshold(pairs["label"].to_numpy()[valid], scores[valid])
