"""A ranker in two stages: other rankings bring candidates, boosted trees order them by what is known of item and shopper.

Trained on the validation purchase, so that no model whose scores are features was fitted on what it learns to predict.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from scipy.sparse import csr_array, issparse

from lib.catalogue import Task
from lib.embeddings import Embeddings
from lib.metrics import evaluate
from lib.search import Ranking
from lib.tasks.profiles import shared
from lib.tasks.purchases import Purchases
from lib.tasks.recommendation import ranked


@dataclass(frozen=True)
class Candidates:
    """Pairs of shopper and item with their features, sorted by shopper and item."""

    users: int
    rows: np.ndarray  # (c,) shopper
    columns: np.ndarray  # (c,) item
    features: pd.DataFrame  # (c, f) float, NaN where not known

    def of(self, users: np.ndarray) -> Candidates:
        """Those of some shoppers, by ascending position."""
        place = np.full(self.users, -1)
        place[users] = np.arange(len(users))
        kept = place[self.rows] >= 0
        return Candidates(len(users), place[self.rows[kept]], self.columns[kept], self.features[kept])


def candidates(
    rankings: Mapping[str, Ranking],
    history: Purchases,
    counts: np.ndarray,
    *,
    embeddings: Embeddings | None = None,
    floor: int = 1,
) -> Candidates:
    """What any of the rankings lists, with features.

    `<ranking>`: the score there; `similarity`: cosine with the mean of the history; `popularity`: log of `counts` (n,),
    at least `floor`, since in a set that keeps only items with five purchases a rarer one gives away that its others were
    held out; `price`: its log, `price gap`: how far that is from the mean of the history; `category`, `brand`: share of
    the history with the same; `purchases`: how many there are. Columns without any value are left out.
    """
    first = next(iter(rankings.values()))
    users, n = len(first.positions), len(history.items)
    pairs = {name: _pairs(ranking, n) for name, ranking in rankings.items()}
    keys = np.unique(np.concatenate([key for key, _ in pairs.values()]))
    rows, columns = np.divmod(keys, n)
    features = {}
    for name, (key, score) in pairs.items():
        features[name] = np.full(len(keys), np.nan)
        features[name][np.searchsorted(keys, key)] = score
    if embeddings is not None:
        features["similarity"] = _cosine(history, embeddings, rows, columns)
    features["popularity"] = np.log(np.maximum(counts, floor))[columns]
    prices = np.log(history.items.items["price"].where(lambda p: p > 0)).to_numpy(float)
    features["price"] = prices[columns]
    features["price gap"] = np.abs(prices[columns] - _mean_by_user(history, prices)[rows])
    category = [None if c is None else c.split(" > ")[-1] for c in history.items.items["category"]]
    features["category"] = shared(history, category, rows, columns)
    features["brand"] = shared(history, history.items.items["brand"], rows, columns)
    features["purchases"] = np.bincount(history.rows, minlength=users)[rows]
    return Candidates(users, rows, columns, pd.DataFrame(features).dropna(axis=1, how="all"))


class Ranker:
    """Gradient-boosted trees (scikit-learn's HistGradientBoostingClassifier) that say how likely a candidate is bought next.

    `negatives` candidates are drawn for each shopper in training; shoppers whose purchase no ranking brought teach nothing.
    """

    def __init__(self, *, negatives: int = 30, seed: int = 0, **options: object) -> None:
        from sklearn.ensemble import HistGradientBoostingClassifier

        self._negatives, self._seed = negatives, seed
        settings = {"max_iter": 100, "learning_rate": 0.07, "max_leaf_nodes": 8, "min_samples_leaf": 50} | options
        self._trees = HistGradientBoostingClassifier(random_state=seed, early_stopping=False, **settings)

    def fit(self, found: Candidates, task: Task) -> Self:
        """Learn from a task's relevant items. Raises ValueError where the candidates hold none of them."""
        label = np.asarray(task.relevance[found.rows, found.columns] > 0).ravel()
        if not label.any() or label.all():
            raise ValueError(f"{label.sum()} of {len(label)} candidates are relevant; the ranker needs both kinds")
        taught = np.isin(found.rows, found.rows[label])
        chance = self._negatives / np.bincount(found.rows, minlength=found.users)[found.rows]
        drawn = np.random.default_rng(self._seed).random(len(label)) < chance
        kept = label | (taught & drawn)
        self._trees.fit(found.features[kept], label[kept])
        return self

    def rank(self, found: Candidates, k: int) -> Ranking:
        """Each shopper's k best candidates, equal ones in the order of the catalogue."""
        score = self._trees.predict_proba(found.features)[:, 1]
        return ranked("ranker", found.users, found.rows, found.columns, score, k=k)

    def importance(self, found: Candidates, task: Task, metric: str = "ndcg@10", *, shoppers: int = 2000) -> pd.Series:
        """How much of the metric is lost when one feature's values are shuffled (Breiman 2001), largest first.

        On no more than so many `shoppers`, drawn at random.
        """
        k, rng = int(metric.split("@")[1]), np.random.default_rng(self._seed)
        drawn = np.sort(rng.permutation(found.users)[:shoppers])
        found, task = found.of(drawn), task.take(drawn)
        whole = evaluate(self.rank(found, k), task, [metric])[metric].mean()
        lost = {}
        for name in found.features:
            mixed = found.features.assign(**{name: rng.permutation(found.features[name].to_numpy())})
            ranking = self.rank(Candidates(found.users, found.rows, found.columns, mixed), k)
            lost[name] = whole - evaluate(ranking, task, [metric])[metric].mean()
        return pd.Series(lost).sort_values(ascending=False)


def _pairs(ranking: Ranking, n: int) -> tuple[np.ndarray, np.ndarray]:
    """A number for each (shopper, item) that a ranking lists, (c,), and its score."""
    rows, places = np.nonzero(ranking.positions >= 0)
    return rows * n + ranking.positions[rows, places], ranking.scores[rows, places]


def _mean_by_user(history: Purchases, values: np.ndarray) -> np.ndarray:
    """The mean of an item's value over each shopper's history, (u,); NaN where none has one."""
    bought = values[history.columns]
    known = ~np.isnan(bought)
    sums = np.bincount(history.rows[known], bought[known], minlength=len(history.users))
    counts = np.bincount(history.rows[known], minlength=len(history.users))
    return np.divide(sums, counts, out=np.full(len(sums), np.nan), where=counts > 0)


def _cosine(history: Purchases, embeddings: Embeddings, rows: np.ndarray, columns: np.ndarray, size: int = 2**15) -> np.ndarray:
    """The cosine of each pair's item with the mean of the shopper's history, (c,), in blocks."""
    means = Embeddings("means", history.users.ids, history.weights() @ embeddings.vectors).vectors
    values = np.empty(len(rows), np.float32)
    for first in range(0, len(rows), size):
        block = slice(first, first + size)
        left, right = means[rows[block]], embeddings.vectors[columns[block]]
        sparse = issparse(left)
        values[block] = csr_array(left).multiply(right).sum(axis=1) if sparse else np.einsum("cd,cd->c", left, right)
    return values
