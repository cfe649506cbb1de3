"""Scores of tuned encoders beside other scores: fitted without the pairs they score, or joined on
validation pairs.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from lib.data.catalogue import Catalogue, stack
from lib.encoders.embeddings import embed
from lib.encoders.text import TextEncoder
from lib.search.row_cosines import row_cosines
from lib.tasks.pair_features import pair_rows, rank_features
from lib.training.recipe import Recipe
from lib.training.tuned_text_encoder import TunedTextEncoder


def cross_fitted(
    start: TextEncoder,
    recipe: Recipe,
    left: Catalogue,
    right: Catalogue,
    pairs: pd.DataFrame,
    *,
    folds: int = 3,
    mine: int = 20,
    folder: Path | str | None = None,
    watch: Callable[[dict], None] | None = None,
) -> tuple[pd.DataFrame, TunedTextEncoder]:
    """How each pair ranks by tuned encoders, and the one that is tuned on the whole train split.

    Encoders are tuned on the matches among the pairs whose `split` is "train", with the other
    listings of that split as negatives. Training pairs are scored fold by fold (a hash of the left
    listing) by encoders tuned on the other folds; all further pairs by the one tuned on the whole
    split, which `watch` sees. What is scored: see `rank_features`.
    """
    train = (pairs["split"] == "train").to_numpy()
    fold = np.array([zlib.crc32(str(i).encode()) % folds for i in pairs["left"]])
    rows = pair_rows(left, right, pairs)

    def tuned(known: np.ndarray, **kept: Callable | None) -> tuple[pd.DataFrame, TunedTextEncoder]:
        one = TunedTextEncoder(start, recipe, mine=mine)
        one.fit(_matched(left, right, pairs[known]), folder=folder, **kept)
        return rank_features(embed(one, left), embed(one, right), *rows), one

    fitted, whole = tuned(train, watch=watch)
    for number in range(folds):
        inside = train & (fold == number)
        if inside.any():
            fitted[inside] = tuned(train & ~inside)[0][inside]
    return fitted.set_axis(pairs.index), whole


def pair_cosines(
    encoder: TextEncoder, left: Catalogue, right: Catalogue, pairs: pd.DataFrame
) -> np.ndarray:
    """The cosine of the two listings of each pair, (p,)."""
    i, j = pair_rows(left, right, pairs)
    return row_cosines(embed(encoder, left), i, embed(encoder, right), j)


def blend(scores: Sequence[np.ndarray], pairs: pd.DataFrame) -> np.ndarray:
    """Several scores in [0, 1] of the same pairs, (p,) each, as one.

    A logistic regression over logits is fitted on "valid": classifiers that have seen the training
    pairs say nothing of themselves there.
    """
    from scipy.special import logit
    from sklearn.linear_model import LogisticRegression

    valid = (pairs["split"] == "valid").to_numpy()
    columns = logit(np.clip(np.stack(scores, axis=1), 1e-4, 1 - 1e-4))  # (p, scores)
    model = LogisticRegression().fit(columns[valid], pairs["label"][valid])
    return model.predict_proba(columns)[:, 1]


def _matched(left: Catalogue, right: Catalogue, pairs: pd.DataFrame) -> Catalogue:
    """The listings that the pairs name, grouped by what their matches join."""
    both = stack([left.renamed("left"), right.renamed("right")])
    first, second = pair_rows(left, right, pairs)
    rows = np.stack([first, second + len(left)])  # (2, p)
    edges = rows[:, pairs["label"] == 1]
    graph = csr_array((np.ones(edges.shape[1]), edges), shape=(len(both), len(both)))
    product = connected_components(graph, directed=False)[1]
    several = np.bincount(product)[product] > 1
    groups = np.where(several, [f"product {p}" for p in product], None)
    return Catalogue(both.name, both.items.assign(group=groups)).take(np.unique(rows))
