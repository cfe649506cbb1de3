"""Blocking: which pairs of listings are compared at all, and how many matches are among them.

The ranking that proposes the candidates comes from `lib.search`. What is decided about a pair is
in `matching.py` and `decisions.py`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from lib.data.task import Task
from lib.search.exact import Ranking, gain_matrix


def candidate_pairs(ranking: Ranking, task: Task) -> pd.DataFrame:
    """Every ranked candidate as a pair: `left` (query id), `right` (corpus id), `score`, `label`.

    Label 1 is a match. Where a catalogue is searched in itself, every pair comes once, whichever
    of its two listings found the other.
    """
    found = ranking.positions >= 0
    left, right = np.nonzero(found)[0], ranking.positions[found]
    if np.array_equal(task.queries.ids, task.corpus.ids):
        left, right = np.minimum(left, right), np.maximum(left, right)
    pairs = pd.DataFrame({"left": left, "right": right, "score": ranking.scores[found]})
    pairs["label"] = (gain_matrix(ranking, task.relevance)[found] > 0).astype(int)
    pairs = pairs.drop_duplicates(["left", "right"], ignore_index=True)
    pairs["left"] = task.queries.ids[pairs["left"]]
    pairs["right"] = task.corpus.ids[pairs["right"]]
    return pairs


def recall_by_depth(ranking: Ranking, task: Task) -> pd.Series:
    """The share of all matches that the first k candidates of every query hold, for k from 1."""
    hits = (gain_matrix(ranking, task.relevance) > 0).sum(axis=0).cumsum()
    k = np.arange(1, ranking.k + 1)
    return pd.Series(hits / (task.relevance.nnz or np.nan), k, name="recall")


def candidates_needed(curve: pd.Series, recall: float = 0.99) -> float:
    """The first k of `recall_by_depth` with this recall; NaN where no depth reaches it.

    It is chosen with the matches known: it says what a method can do, not what a shop would know
    to choose.
    """
    return float(curve.index[curve >= recall - 1e-9].min())
