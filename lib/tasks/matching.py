"""Matching: the same product among listings. Candidate pairs from a ranking, and a classifier of pairs.

What a pair looks like in numbers is in `pairs.py`, what is decided from scores in `decisions.py`. Pairs are a frame with
the ids `left` and `right`; scores and decisions are arrays beside it, (p,).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lib.catalogue import Catalogue, Task
from lib.metrics import best_threshold, gain_matrix, pair_f1
from lib.search import Ranking

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


def candidate_pairs(ranking: Ranking, task: Task, *, k: int | None = None) -> pd.DataFrame:
    """Each query's first k candidates as pairs: `left` (query id), `right` (corpus id), `score`, `label` (1: relevant).

    Where a catalogue is searched in itself, every pair comes once, whichever of the two found the other.
    """
    positions = ranking.positions[:, :k]
    row, place = np.nonzero(positions >= 0)
    col = positions[row, place]
    labels = gain_matrix(ranking, task.relevance)[row, place] > 0
    frame = pd.DataFrame({"row": row, "col": col, "score": ranking.scores[row, place], "label": labels.astype(int)})
    if np.array_equal(task.queries.ids, task.corpus.ids):
        frame[["row", "col"]] = np.sort(frame[["row", "col"]], axis=1)
        frame = frame[frame["row"] < frame["col"]].drop_duplicates(["row", "col"])
    ids = {"left": task.queries.ids[frame["row"]], "right": task.corpus.ids[frame["col"]]}
    return pd.DataFrame(ids).assign(score=frame["score"].to_numpy(), label=frame["label"].to_numpy())


def recall_of_candidates(ranking: Ranking, task: Task, *, cut: str = "k") -> pd.DataFrame:
    """The share of all matches among the candidates kept, one row for each cut, tightest first: `kept` pairs, `recall`.

    `cut="k"` keeps the first k of every query, indexed by k; `cut="score"` keeps all pairs that score at least so much,
    indexed by that score, down to where a ranking that was cut off at its depth no longer holds them all. Queries without a
    match cost candidates as well. A query that finds fewer than k keeps what it finds.
    """
    gains, found = gain_matrix(ranking, task.relevance) > 0, ranking.positions >= 0
    if cut == "k":
        at, kept, hits = np.arange(1, ranking.k + 1), found.sum(axis=0), gains.sum(axis=0)
    elif cut == "score":
        scores = ranking.scores[found]
        more = len(task.corpus) - np.diff(task.exclude.indptr) > found.sum(axis=1)  # (q,): something lies below the depth
        hidden = ranking.scores[found.all(axis=1) & more, -1].max(initial=-np.inf)
        order = np.argsort(-scores, kind="stable")
        at, last = np.unique(-scores[order], return_index=True)
        at, last = -at, np.append(last[1:], len(order))  # equal scores are kept together
        kept, hits = np.diff(last, prepend=0), np.diff(gains[found][order].cumsum()[last - 1], prepend=0)
        at, kept, hits = at[at > hidden], kept[at > hidden], hits[at > hidden]
    else:
        raise ValueError(f'cut is "k" or "score", got {cut!r}')
    recall = hits.cumsum() / task.relevance.nnz if task.relevance.nnz else np.full(len(kept), np.nan)
    return pd.DataFrame({"kept": kept.cumsum(), "recall": recall}, index=pd.Index(at, name=cut))


def candidates_at(ranking: Ranking, task: Task, *, recall: float = 0.99, cut: str = "k") -> dict[str, float]:
    """How many candidates must be kept for this recall: `at` (k, or the score), pairs `kept`, `per_query`, `recall`.

    The cut is chosen on the task's own matches: it says what a method can do, not what a shop would know to choose.
    All but `recall`, then the ranking's highest, are NaN where it never gets there: search deeper.
    """
    curve = recall_of_candidates(ranking, task, cut=cut)
    enough = curve[curve["recall"] >= recall - 1e-9]
    if enough.empty:
        return {"at": np.nan, "kept": np.nan, "per_query": np.nan, "recall": float(curve["recall"].max() if len(curve) else 0)}
    first = enough.iloc[0]
    per_query = first["kept"] / len(task.queries)
    return {"at": float(enough.index[0]), "kept": int(first["kept"]), "per_query": per_query, "recall": first["recall"]}


def split_pairs(
    pairs: pd.DataFrame,
    left: Catalogue,
    right: Catalogue,
    fractions: Mapping[str, float],
    *,
    by: str = "group",
    seed: int = 0,
) -> np.ndarray:
    """The part that both listings of a pair fall into, (p,), None where they fall apart: see `Catalogue.split`."""
    parts = []
    for side, catalogue in (("left", left), ("right", right)):
        of = {i: name for name, part in catalogue.split(fractions, by=by, seed=seed).items() for i in part.ids}
        parts.append(pairs[side].map(of).to_numpy(dtype=object))
    return np.where(parts[0] == parts[1], parts[0], None)


def fit_matcher(features: pd.DataFrame, labels: Sequence[int], *, seed: int = 0, trees: int = 500) -> Pipeline:
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
    random = ExtraTreesClassifier(trees, min_samples_leaf=2, max_features=0.3, random_state=seed)
    filled = make_pipeline(SimpleImputer(strategy="constant", fill_value=-9), random)  # below every feature's range
    vote = VotingClassifier([("boosted", boosted), ("random", filled)], voting="soft")
    return make_pipeline(ColumnTransformer([("telling", "passthrough", list(telling))]), vote).fit(features, list(labels))


def matcher_scores(features: pd.DataFrame, pairs: pd.DataFrame, *, seed: int = 0, trees: int = 500) -> np.ndarray:
    """The score of every pair, (p,), by a matcher fitted on those whose `split` is "train"."""
    train = (pairs["split"] == "train").to_numpy()
    matcher = fit_matcher(features[train], pairs["label"][train].to_numpy(), seed=seed, trees=trees)
    return matcher.predict_proba(features)[:, 1]


def split_f1(pairs: pd.DataFrame, scores: np.ndarray) -> dict[str, float]:
    """Precision, recall and F1 on the "test" pairs, with the threshold that is best on the "valid" ones."""
    valid, test = ((pairs["split"] == split).to_numpy() for split in ("valid", "test"))
    labels = pairs["label"].to_numpy()
    threshold = best_threshold(labels[valid], scores[valid])
    return {"threshold": threshold, **pair_f1(labels[test], scores[test], threshold)}
