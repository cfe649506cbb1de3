"""Search in a shop: what surrounds the ranking of products for a query.

Filters that hold before anything is ranked, a learned map by which texts find photos, and a
shopper's history that reorders results. The rankings themselves are made by `lib.search` and
`lib.fusion`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from lib.data.catalogue import Catalogue
from lib.data.purchases import Purchases, leave_last_out
from lib.data.task import Task
from lib.encoders.base import Encoder
from lib.encoders.embeddings import Embeddings, embed
from lib.search.exact import Ranking, search
from lib.search.rerank import reorder
from lib.search.row_cosines import row_cosines

# all that a shop writes of a product
FIELDS = ("title", "description", "brand", "category", "attributes")


class VectorSearch:
    """A catalogue's vectors behind the interface of `Bm25`: fit it, then ask it with queries."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder, self.name = encoder, encoder.name

    def fit(self, corpus: Catalogue) -> Self:
        """Fit the encoder on a catalogue and encode that."""
        self.vectors = embed(self.encoder.fit(corpus), corpus)
        return self

    def search(self, queries: Catalogue, k: int, *, exclude: csr_array | None = None) -> Ranking:
        """The k nearest products of every query."""
        return search(embed(self.encoder, queries), self.vectors, k, exclude=exclude)


def filters(
    catalogue: Catalogue,
    *,
    price: tuple[float, float] = (-np.inf, np.inf),
    brand: str | None = None,
    category: str | None = None,
) -> np.ndarray:
    """Which products meet every constraint that is given, (n,) bool.

    `price` is (low, high), ends included; `category` the beginning of a path ("Home > Kitchen").
    Brand and category count whatever their case. A product whose value is unknown does not meet a
    constraint on it.
    """
    kept = np.ones(len(catalogue), bool)
    low, high = price
    if low > high:
        raise ValueError(f"price is (low, high), got {price}")
    if (low, high) != (-np.inf, np.inf):
        kept &= catalogue.items["price"].between(low, high).to_numpy()
    if brand is not None:
        names = catalogue.items["brand"].fillna("").str.casefold()
        kept &= (names == brand.casefold()).to_numpy()
    if category is not None:
        paths = catalogue.items["category"].fillna("").str.casefold() + " > "
        kept &= paths.str.startswith(f"{category} > ".casefold()).to_numpy()
    return kept


def prefilter(masks: Sequence[np.ndarray], exclude: csr_array) -> csr_array:
    """The `exclude` (q, n) of a search in which each query keeps only what its mask (n,) passes,
    beside what was excluded before.
    """
    return csr_array(~np.stack(masks)) + (exclude > 0)


def postfilter(ranking: Ranking, masks: Sequence[np.ndarray]) -> Ranking:
    """What masks pass of a finished ranking: the same order, shorter. `prefilter` loses less."""
    rows = np.arange(len(masks))[:, None]
    passing = np.stack(masks)[rows, ranking.positions]  # (q, n) -> (q, k)
    positions = np.where(passing, ranking.positions, -1)
    left = Ranking(ranking.name, positions, ranking.scores)
    return reorder(left, ranking.scores, name=f"filtered({ranking.name})")


class LinearMap:
    """A ridge regression from one space of vectors to another, learned from products with both.

    It lets a text find photos without a joint encoder: photos are mapped to where their texts would
    be. Mapping what is searched into the space of the queries makes fewer hubs than the other
    direction (Shigeto et al. 2015).
    """

    def __init__(self, source: Embeddings, target: Embeddings, *, alpha: float = 1.0) -> None:
        from sklearn.linear_model import Ridge

        if not np.array_equal(source.ids, target.ids):
            raise ValueError(f"{source.name!r} and {target.name!r} differ in products or order")
        both = source.present & target.present
        if not both.any():
            raise ValueError(f"no product has both {source.name!r} and {target.name!r}")
        self._mean = target.vectors[both].mean(axis=0)  # what all have in common says nothing
        centred = target.vectors[both] - self._mean
        self._ridge = Ridge(alpha=alpha).fit(source.vectors[both], centred)

    def __call__(self, source: Embeddings) -> Embeddings:
        """Where the map puts these, (n, s) -> (n, d); zero where the source is missing."""
        mapped = self._ridge.predict(source.vectors) * source.present[:, None]
        return Embeddings(f"mapped({source.name})", source.ids, mapped)

    def centred(self, target: Embeddings) -> Embeddings:
        """Vectors of the target space less the learned mean: what to compare mapped ones with."""
        vectors = (target.vectors - self._mean) * target.present[:, None]
        return Embeddings(target.name, target.ids, vectors)


def next_purchases(purchases: Purchases, asked: Sequence[str | None]) -> tuple[Task, Purchases]:
    """Each shopper's newest purchase as a search: a task, and what its shoppers bought before.

    The query is what `asked` (n,) says of the product bought, such as its category's name. That
    product alone is relevant, and what the shopper had already is excluded. So it measures whether
    one of many products that fit the words is *this* shopper's. Left out: shoppers with one
    purchase, with the same again, or with nothing asked.
    """
    history, task = leave_last_out(purchases)
    users, bought = task.relevance.nonzero()  # one each
    words = np.array([asked[item] or "" for item in bought], dtype=object)
    known = (np.diff(history.weights().indptr)[users] > 0) & (words != "")
    users, words = users[known], words[known]
    titles = pd.DataFrame({"title": words}, index=purchases.users.ids[users])
    name, queries = "next purchases", Catalogue("next purchases", titles)
    found = Task(name, queries, task.corpus, task.relevance[users], task.exclude[users])
    return found, history.of(users)


def by_cosine(ranking: Ranking, queries: Embeddings, corpus: Embeddings) -> Ranking:
    """A ranking's candidates by their cosine with other vectors of the queries: histories, say."""
    rows = np.repeat(np.arange(len(ranking.positions)), ranking.k)
    cosines = row_cosines(queries, rows, corpus, ranking.positions.ravel())
    scores = cosines.reshape(ranking.positions.shape)  # (q, k)
    return reorder(ranking, scores, name=f"{ranking.name} by {queries.name}")
