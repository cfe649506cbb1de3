"""Scores of tuned encoders beside other scores: fitted without the pairs they score, or joined on validation pairs."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from lib.catalogue import Catalogue, stack
from lib.embeddings import embed
from lib.encoders.text import TextEncoder
from lib.tasks.pairs import standing
from lib.training.loop import Recipe
from lib.training.tuned import TunedText


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
) -> tuple[pd.DataFrame, TunedText]:
    """How each pair stands among all candidates by tuned encoders (see `standing`), and the one tuned on the whole train split.

    Encoders are tuned on the matches among the pairs whose `split` is "train", with the other listings of that split as
    negatives. Training pairs are scored fold by fold (a hash of the left listing) by encoders tuned on the other folds, all
    further pairs by the one tuned on the whole split, which `watch` sees.
    """
    train = (pairs["split"] == "train").to_numpy()
    fold = np.array([zlib.crc32(str(i).encode()) % folds for i in pairs["left"]])
    rows = left.items.index.get_indexer(pairs["left"]), right.items.index.get_indexer(pairs["right"])

    def tuned(known: np.ndarray, seen: Callable[[dict], None] | None = None) -> tuple[pd.DataFrame, TunedText]:
        one = TunedText(start, recipe, mine=mine).fit(_matched(left, right, pairs[known]), folder=folder, watch=seen)
        return standing(embed(one, left).vectors, embed(one, right).vectors, *rows), one

    fitted, whole = tuned(train, watch)
    for number in range(folds):
        inside = train & (fold == number)
        if inside.any():
            fitted[inside] = tuned(train & ~inside)[0][inside]
    return fitted.set_axis(pairs.index), whole


def blend(scores: Sequence[np.ndarray], pairs: pd.DataFrame) -> np.ndarray:
    """Several scores in [0, 1] of the same pairs, (p,) each, as one: a logistic regression over logits, fitted on "valid".

    For scores of classifiers that have seen the training pairs, where they say nothing of themselves.
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
    places = {side: c.items.index.get_indexer(pairs[side]) for side, c in (("left", left), ("right", right))}
    first, second = places["left"], places["right"] + len(left)
    match = pairs["label"].to_numpy() == 1
    edges = csr_array((np.ones(match.sum()), (first[match], second[match])), shape=(len(both), len(both)))
    product = connected_components(edges, directed=False)[1]
    several = np.bincount(product)[product] > 1
    groups = [f"product {p}" if joined else None for p, joined in zip(product, several, strict=True)]
    return Catalogue(both.name, both.items.assign(group=groups)).take(np.unique(np.concatenate([first, second])))
