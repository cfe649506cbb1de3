"""A ranker in two stages: other rankings bring candidates, boosted trees put them in order.

The trees learn from the validation purchase. No model whose scores are features was fitted on it,
so that none of them has seen what the trees learn to predict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd

from lib.data.purchases import Purchases
from lib.data.task import Task
from lib.encoders.embeddings import Embeddings
from lib.metrics.evaluation import depth, evaluate
from lib.search.exact import Ranking
from lib.search.row_cosines import row_cosines
from lib.tasks.recommendation import rank_candidates

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier


@dataclass(frozen=True)
class Candidates:
    """Pairs of shopper and item with their features, sorted by shopper and item."""

    users: int
    rows: np.ndarray  # (c,) shopper
    columns: np.ndarray  # (c,) item
    features: pd.DataFrame  # (c, f) float, NaN where not known

    def of(self, users: np.ndarray) -> Candidates:
        """Those of some shoppers, by ascending position."""
        kept = np.isin(self.rows, users)
        rows = np.searchsorted(users, self.rows[kept])
        return Candidates(len(users), rows, self.columns[kept], self.features[kept])


def candidates(
    rankings: Mapping[str, Ranking],
    history: Purchases,
    counts: np.ndarray,
    *,
    embeddings: Embeddings,
    floor: int = 1,
) -> Candidates:
    """What any of the rankings lists, with its features; those without any value are left out.

    | feature | what it is |
    |---|---|
    | one for each ranking | the score there |
    | similarity | the cosine with the mean of the history |
    | popularity | the log of `counts` (n,), at least `floor` |
    | price, price gap | the price's log, and how far it is from the mean of the history |
    | category, brand | the share of the history with the same |
    | purchases | how many there are |

    `floor`: in a set that keeps only items with five purchases, a smaller count gives away that the
    item's other purchases were held out.
    """
    items = history.items.items
    users, n = len(history.users), len(items)
    lists = {name: _pairs(ranking, n) for name, ranking in rankings.items()}
    features = pd.concat(lists, axis=1).sort_index()  # a row for what any of them lists
    rows, columns = np.divmod(features.index.to_numpy(), n)
    features = features.reset_index(drop=True)
    means = Embeddings("means", history.users.ids, history.weights() @ embeddings.vectors)
    features["similarity"] = row_cosines(means, rows, embeddings, columns)
    features["popularity"] = np.log(np.maximum(counts, floor))[columns]
    prices = np.log(items["price"].where(items["price"] > 0)).to_numpy(float)
    usual = pd.Series(prices[history.columns]).groupby(history.rows).mean()
    features["price"] = prices[columns]
    features["price gap"] = np.abs(prices[columns] - usual.reindex(rows).to_numpy())
    deepest = items["category"].str.split(" > ").str[-1]
    features["category"] = share_with_label(history, deepest, rows, columns)
    features["brand"] = share_with_label(history, items["brand"], rows, columns)
    features["purchases"] = np.bincount(history.rows, minlength=users)[rows]
    return Candidates(users, rows, columns, features.dropna(axis=1, how="all"))


class Ranker:
    """Trees that say how likely a candidate is bought next.

    `negatives` candidates are drawn for each shopper in training. Shoppers whose purchase no
    ranking brought teach nothing.
    """

    def __init__(
        self, trees: HistGradientBoostingClassifier, *, negatives: int, seed: int = 0
    ) -> None:
        self.trees, self.negatives, self.seed = trees, negatives, seed

    def fit(self, found: Candidates, task: Task) -> Self:
        """Learn from a task's relevant items.

        Raises ValueError where the candidates hold none of them.
        """
        label = np.asarray(task.relevance[found.rows, found.columns] > 0).ravel()
        if not label.any() or label.all():
            raise ValueError(
                f"{label.sum()} of {len(label)} candidates are relevant; "
                "the ranker needs relevant and other ones"
            )
        taught = np.isin(found.rows, found.rows[label])
        chance = self.negatives / np.bincount(found.rows, minlength=found.users)[found.rows]
        drawn = np.random.default_rng(self.seed).random(len(label)) < chance
        kept = label | (taught & drawn)
        self.trees.fit(found.features[kept], label[kept])
        return self

    def rank(self, found: Candidates, k: int) -> Ranking:
        """Each shopper's k best candidates; equal ones keep the order of the catalogue."""
        score = self.trees.predict_proba(found.features)[:, 1]
        return rank_candidates("ranker", found.users, found.rows, found.columns, score, k=k)

    def importance(
        self, found: Candidates, task: Task, metric: str = "ndcg@10", *, shoppers: int = 2000
    ) -> pd.Series:
        """How much of the metric is lost when one feature's values are shuffled (Breiman 2001),
        largest first; for at most so many `shoppers`, drawn at random.
        """
        k, rng = depth([metric]), np.random.default_rng(self.seed)
        drawn = np.sort(rng.permutation(found.users)[:shoppers])
        found, task = found.of(drawn), task.take(drawn)
        whole = evaluate(self.rank(found, k), task, [metric])[metric].mean()
        lost = {}
        for name in found.features:
            shuffled = rng.permutation(found.features[name].to_numpy())
            mixed = found.features.assign(**{name: shuffled})
            ranking = self.rank(Candidates(found.users, found.rows, found.columns, mixed), k)
            lost[name] = whole - evaluate(ranking, task, [metric])[metric].mean()
        return pd.Series(lost).sort_values(ascending=False)


def share_with_label(
    history: Purchases, labels: Sequence, rows: np.ndarray, columns: np.ndarray
) -> np.ndarray:
    """The share of a shopper's purchases that have an item's label, for pairs of shopper and item,
    (c,); NaN where the item has no label.
    """
    codes = pd.factorize(np.asarray(labels, dtype=object))[0]  # -1 where there is no label
    bought = pd.Series(1, [history.rows, codes[history.columns]]).groupby(level=[0, 1]).size()
    asked = pd.MultiIndex.from_arrays([rows, codes[columns]])
    counts = bought.reindex(asked, fill_value=0).to_numpy()
    made = np.bincount(history.rows, minlength=len(history.users))
    return np.where(codes[columns] >= 0, counts / np.maximum(made[rows], 1), np.nan)


def _pairs(ranking: Ranking, n: int) -> pd.Series:
    """What a ranking lists: its scores, each at a number that stands for (shopper, item)."""
    rows, places = np.nonzero(ranking.positions >= 0)
    return pd.Series(
        ranking.scores[rows, places], rows * n + ranking.positions[rows, places], dtype=float
    )
