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
    row, column = np.nonzero(found)[0], ranking.positions[found]
    label = (gain_matrix(ranking, task.relevance)[found] > 0).astype(int)
    frame = pd.DataFrame({"score": ranking.scores[found], "label": label})
    if np.array_equal(task.queries.ids, task.corpus.ids):
        row, column = np.minimum(row, column), np.maximum(row, column)
        twice = pd.DataFrame({"row": row, "column": column}).duplicated().to_numpy()
        kept = (row < column) & ~twice
        row, column, frame = row[kept], column[kept], frame[kept]
    ids = pd.DataFrame({"left": task.queries.ids[row], "right": task.corpus.ids[column]})
    return ids.join(frame.reset_index(drop=True))


def recall_by_depth(ranking: Ranking, task: Task) -> pd.DataFrame:
    """What the first k candidates of every query hold, k from 1: pairs `kept`, `recall`.

    Recall is the share of all matches. Queries without a match cost candidates as well.
    """
    kept = (ranking.positions >= 0).sum(axis=0).cumsum()
    hits = (gain_matrix(ranking, task.relevance) > 0).sum(axis=0).cumsum()
    recall = hits / (task.relevance.nnz or np.nan)
    return pd.DataFrame({"kept": kept, "recall": recall}, index=np.arange(1, ranking.k + 1))


def recall_by_score(ranking: Ranking, task: Task) -> pd.DataFrame:
    """What all pairs that reach a score hold, highest score first: pairs `kept`, `recall`.

    It ends where the ranking, which was cut off at its depth, no longer holds all such pairs.
    """
    found = ranking.positions >= 0
    hits = gain_matrix(ranking, task.relevance)[found] > 0
    table = pd.DataFrame({"kept": 1, "recall": hits}).groupby(ranking.scores[found])
    curve = table.sum().sort_index(ascending=False).cumsum()
    curve["recall"] /= task.relevance.nnz or np.nan
    candidates = len(task.corpus) - np.diff(task.exclude.indptr)
    cut_off = found.all(axis=1) & (candidates > ranking.k)
    return curve[curve.index > ranking.scores[cut_off, -1].max(initial=-np.inf)]


def candidates_needed(curve: pd.DataFrame, recall: float = 0.99) -> dict[str, float]:
    """The first row of a curve with this recall: `at` (k, or the score), `kept`, `recall`.

    It is chosen with the matches known: it says what a method can do, not what a shop would know
    to choose. NaN, beside the highest recall, where the curve never gets there: search deeper.
    """
    enough = curve[curve["recall"] >= recall - 1e-9]
    if enough.empty:
        return {"at": np.nan, "kept": np.nan, "recall": curve["recall"].max()}
    return {"at": float(enough.index[0]), **enough.iloc[0]}
