"""Search in a shop: what surrounds the ranking of products for a query.

Filters that hold before anything is ranked, texts that find photos through a learned map, and a shopper's history that
shifts the order. The rankings themselves are made by `search.py`, `bm25.py`, `fusion.py` and `rerank.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from scipy.sparse import csr_array, issparse

from lib.catalogue import Catalogue, Task
from lib.embeddings import Embeddings
from lib.rerank import reorder
from lib.search import Ranking
from lib.tasks.purchases import Purchases, leave_last_out

FIELDS = ("title", "description", "brand", "category", "attributes")  # all that a shop writes of a product


def filters(
    catalogue: Catalogue,
    *,
    price: tuple[float | None, float | None] | None = None,
    brand: str | Sequence[str] | None = None,
    category: str | None = None,
) -> np.ndarray:
    """Which products meet every constraint that is given, (n,) bool.

    `price` is (low, high), ends included, None where it is open; `brand` one or several names, `category` the beginning of a
    path ("Home > Kitchen"), both whatever their case. A product whose value is unknown does not meet a constraint on it.
    """
    kept = np.ones(len(catalogue), bool)
    if price is not None:
        low, high = (edge if given is None else given for given, edge in zip(price, (-np.inf, np.inf), strict=True))
        if low > high:
            raise ValueError(f"price is (low, high), got {price}")
        prices = catalogue.items["price"].to_numpy(float)
        kept &= (prices >= low) & (prices <= high)  # NaN is neither
    if brand is not None:
        wanted = {b.casefold() for b in ([brand] if isinstance(brand, str) else brand)}
        kept &= np.array([b is not None and b.casefold() in wanted for b in catalogue.items["brand"]], bool)
    if category is not None:
        start = f"{category} > ".casefold()
        kept &= np.array([f"{c or ''} > ".casefold().startswith(start) for c in catalogue.items["category"]], bool)
    return kept


def barred(masks: Sequence[np.ndarray], exclude: csr_array | None = None) -> csr_array:
    """The `exclude` (q, n) of a search in which each query keeps only what its mask (n,) lets pass."""
    outside = csr_array(~np.stack(masks))
    return outside if exclude is None else csr_array(outside + (exclude > 0))


def keep(ranking: Ranking, masks: Sequence[np.ndarray]) -> Ranking:
    """What is left of a ranking that is filtered when it is done: the same order, shorter. `barred` loses nothing."""
    passing = np.take_along_axis(np.stack(masks), np.maximum(ranking.positions, 0), axis=1)  # (q, n) -> (q, k)
    left = Ranking(ranking.name, np.where(passing, ranking.positions, -1), ranking.scores)
    return reorder(left, ranking.scores, name=f"filtered({ranking.name})")


class Bridge:
    """A linear map from one space of vectors to another by scikit-learn's ridge regression, learned from products with both.

    It lets a text find photos without a joint encoder: photos are mapped to where their texts would be. Mapping that way,
    what is searched into the space of what asks, makes fewer hubs than the other (Shigeto et al. 2015).
    """

    def __init__(self, *, alpha: float = 1.0) -> None:
        self.alpha = alpha
        self._map: Any = None

    def fit(self, source: Embeddings, target: Embeddings) -> Self:
        """Learn from the products that have both. Raises ValueError where ids differ, a side is sparse or none has both."""
        from sklearn.linear_model import Ridge

        if not np.array_equal(source.ids, target.ids):
            raise ValueError(f"{source.name!r} and {target.name!r} hold different products, or in another order")
        if issparse(source.vectors) or issparse(target.vectors):
            raise ValueError(f"a bridge needs dense vectors: encode {source.name!r} and {target.name!r} with dense encoders")
        both = source.present & target.present
        if not both.any():
            raise ValueError(f"no product has both {source.name!r} and {target.name!r}")
        self._mean = target.vectors[both].mean(axis=0)  # (d,): what all have in common says nothing
        self._map = Ridge(alpha=self.alpha).fit(source.vectors[both], target.vectors[both] - self._mean)
        return self

    def __call__(self, source: Embeddings) -> Embeddings:
        """Where the map puts these, (n, target's d); zero where the source is missing."""
        mapped = self._learned().predict(source.vectors) * source.present[:, None]  # (n, s) @ (s, d) -> (n, d)
        return Embeddings(f"mapped({source.name})", source.ids, mapped)

    def beside(self, target: Embeddings) -> Embeddings:
        """Vectors of the target space, less the mean that the map leaves out: what to compare mapped ones with."""
        self._learned()
        return Embeddings(target.name, target.ids, (target.vectors - self._mean) * target.present[:, None])

    def _learned(self) -> Any:
        if self._map is None:
            raise RuntimeError("this bridge has learned nothing yet; call fit(source, target) first")
        return self._map


def next_purchases(purchases: Purchases, asked: Sequence[str | None]) -> tuple[Task, Purchases]:
    """Each shopper's newest purchase as a search: a task, and what its shoppers bought before.

    The query is what `asked` (n,) says of the product bought, such as its category's name; right is that product alone, and
    what the shopper had already is excluded. It measures whether one of many products that fit the words is *this* shopper's.
    Left out: shoppers with one purchase, with the same again, or with nothing asked.
    """
    history, task = leave_last_out(purchases)
    users, bought = task.relevance.nonzero()  # one each
    known = np.diff(history.weights().indptr)[users] > 0
    users, bought = (side[known & np.array([bool(asked[item]) for item in bought], bool)] for side in (users, bought))
    titles = pd.DataFrame({"title": [asked[item] for item in bought]}, index=purchases.users.ids[users])
    queries = Catalogue("next purchases", titles)
    return Task("next purchases", queries, task.corpus, task.relevance[users], task.exclude[users]), history.of(users)


def means(corpus: Embeddings, weights: csr_array, *, ids: Sequence[str]) -> Embeddings:
    """Weighted mean vectors, (u, n) @ (n, d) -> (u, d): of each shopper's history, of each photo's neighbours."""
    return Embeddings(f"mean({corpus.name})", np.asarray(ids), weights @ corpus.vectors)


def blend(queries: Embeddings, history: Embeddings, weight: float) -> Embeddings:
    """Query vectors moved towards the shoppers' histories: (1 - weight) · query + weight · history, both unit length."""
    if not 0 <= weight <= 1:
        raise ValueError(f"weight is from 0 to 1, got {weight}")
    mixed = queries.vectors * (1 - weight) + history.vectors * weight
    return Embeddings(f"{1 - weight:.2g}·{queries.name} + {weight:.2g}·{history.name}", queries.ids, mixed)


def by_likeness(ranking: Ranking, queries: Embeddings, corpus: Embeddings) -> Ranking:
    """A ranking's candidates by their cosine with other vectors of the queries: a shopper's history, a photo."""
    scores = np.zeros(ranking.positions.shape, np.float32)
    for row, positions in enumerate(ranking.positions):
        cosines = corpus.vectors[np.maximum(positions, 0)] @ queries.vectors[[row]].T  # (k, d) @ (d, 1) -> (k, 1)
        scores[row] = (cosines.toarray() if issparse(cosines) else cosines)[:, 0]
    return reorder(ranking, scores, name=f"{ranking.name} by {queries.name}")


def by_value(ranking: Ranking, values: np.ndarray, *, name: str) -> Ranking:
    """A ranking's candidates by a value (n,) that each product has: how often it was bought, what it costs."""
    return reorder(ranking, np.asarray(values, float)[np.maximum(ranking.positions, 0)], name=f"{ranking.name} by {name}")
