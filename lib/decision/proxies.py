"""Proxies: tasks that a catalogue answers by itself, where nobody has said what is alike.

Each is an ordinary `Task`, so that search, evaluate and compare work on it unchanged. How well they
order pipelines, and how a choice is made of several, is in `choice.py`; how listings are changed
for "found again" is in `differences.py`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from lib.data.alike import caveat
from lib.data.catalogue import Catalogue
from lib.data.dataset import Dataset
from lib.data.perturbed import found_again
from lib.data.purchases import Purchases
from lib.data.task import Task
from lib.decision.differences import Differences, perturbed, sure_pairs
from lib.encoders.embeddings import Embeddings

LEAST = 50  # queries that a proxy needs: fewer say too little


def proxies(
    data: Dataset,
    *,
    views: Sequence[Embeddings] = (),
    queries: int = 500,
    joint: bool = False,
    seed: int = 0,
) -> dict[str, Task]:
    """Every proxy that the catalogue allows, by name: a task over `data.listings`.

    - "found again": a listing, changed as this shop's listings of one product differ, finds its
      original. The changes are learned from the surest mutual nearest neighbours in `views`,
      embeddings of the listings.
    - "found again, fixed": the same by the fixed recipe of `lib.data.perturbed`.
    - "category", "brand": the lowest category level that repeats, or the brand. The queries' brand
      is taken out of their text and column, so that it cannot be found by its name.
    - "co-purchase": what the same shopper bought; the listing itself is excluded.
    - "photo by title": only with `joint`, for encoders of texts and photos in one space.

    At most `queries` listings, drawn by `seed`, are queries. Left out is what fewer than 50
    listings can ask.

    >>> shop = load("bazaar", rows=240, photos=False)
    >>> list(proxies(shop, queries=60))
    ['found again, fixed', 'category', 'brand', 'co-purchase']
    """
    listings = data.listings
    items, rng = listings.items, np.random.default_rng(seed)

    def drawn(able: np.ndarray) -> np.ndarray:
        rows = np.flatnonzero(able)
        return np.sort(rng.permutation(rows)[:queries])

    made: dict[str, Task] = {}
    titled = items["title"].notna().to_numpy()
    rows = drawn(titled)
    if len(views):
        pairs, learned = learn_differences(data, views)
        if learned is not None:
            made["found again"] = copies_found(listings, rows, learned, pairs, seed=seed)
    if titled.any():
        made["found again, fixed"] = found_again(listings, queries=queries, seed=seed)
    labels = {"category": lowest_categories(listings), "brand": items["brand"].to_numpy()}
    for name, values in labels.items():
        counts = pd.Series(values, dtype=object).map(pd.Series(values).value_counts())
        made[name] = _same_label(name, listings, values, drawn((counts > 1).to_numpy()))
    if data.interactions is not None and data.interactions["item"].isin(listings.ids).all():
        made["co-purchase"] = co_purchase(listings, data.interactions, queries, rng)
    if joint:
        made["photo by title"] = _photo_by_title(
            listings, drawn(titled & items["image"].notna().to_numpy())
        )
    return {name: task for name, task in made.items() if len(task.queries) >= LEAST}


def learn_differences(
    data: Dataset, views: Sequence[Embeddings]
) -> tuple[np.ndarray, Differences | None]:
    """The surest pairs (p, 2) of the listings and how they differ; None of too few pairs.

    Two listings of one of two shops are not taken for the same product.
    """
    listings = data.listings
    two = len(listings) != len(data.catalogue)
    shops = np.array([i.partition("/")[0] for i in listings.ids]) if two else None
    pairs = sure_pairs(views, listings, sources=shops)
    return pairs, Differences.learned(listings, pairs)


def judged_task(data: Dataset, name: str = "") -> Task | None:
    """The task that a choice is held to: by name, else the first that somebody has judged.

    None where there is none whose queries have a text. Raises ValueError for a name that the set
    does not have.
    """
    known = [data.task(name)] if name else [t for t in data.tasks.values() if not caveat(t.name)]
    return next((t for t in known if t.queries.items["title"].notna().any()), None)


def copies_found(
    listings: Catalogue,
    rows: np.ndarray,
    differences: Differences,
    pairs: np.ndarray | None = None,
    *,
    seed: int = 0,
) -> Task:
    """Changed copies of some listings are the queries; each one's original is its answer.

    The photo would give a copy away. A query has the photo of its partner in `pairs` (p, 2), which
    is excluded; without a partner it has none.
    """
    copies = perturbed(listings, rows, differences, seed=seed)
    photos, exclude = _partners_photos(listings, rows, pairs)
    queries = Catalogue("copies", copies.items.assign(image=photos))
    return Task("found again", queries, listings, _cells(rows, len(listings)), exclude)


def co_purchase(
    listings: Catalogue, interactions: pd.DataFrame, queries: int, rng: np.random.Generator
) -> Task:
    """Products bought by a shopper who bought this one, too; at most `queries` products ask."""
    bought = Purchases.read(interactions, listings).bought  # (u, n)
    pairs = bought[np.diff(bought.indptr) > 1]  # a shopper's only product has no company
    rows = np.flatnonzero(np.asarray(pairs.sum(axis=0)).ravel() > 0)
    rows = np.sort(rng.permutation(rows)[:queries])
    together = csr_array(pairs[:, rows].T @ pairs > 0, dtype=np.float32)  # (q, u) @ (u, n)
    itself = _cells(rows, len(listings))
    relevance = together - together.multiply(itself)
    return Task("co-purchase", listings.take(rows), listings, csr_array(relevance), itself)


def lowest_categories(listings: Catalogue) -> np.ndarray:
    """Each listing's category path up to the lowest level that another listing shares, (n,)."""
    paths = [(path or "").split(" > ") if path else [] for path in listings.items["category"]]
    prefixes = [[" > ".join(path[: i + 1]) for i in range(len(path))] for path in paths]
    counts = pd.Series([p for row in prefixes for p in row], dtype=object).value_counts()
    shared = [[p for p in row if counts[p] > 1] for row in prefixes]
    return np.array([row[-1] if row else None for row in shared], dtype=object)


def _same_label(name: str, listings: Catalogue, labels: np.ndarray, rows: np.ndarray) -> Task:
    codes = pd.factorize(labels)[0]
    same = codes[rows, None] == codes  # (q, n)
    itself = _cells(rows, len(listings))
    relevance = csr_array(same.astype(np.float32))
    queries = listings.take(rows)
    if name == "brand":
        queries, listings = _without_brand(queries), _blank(listings, ["brand"])
    return Task(name, queries, listings, relevance - relevance.multiply(itself), itself)


def _without_brand(listings: Catalogue) -> Catalogue:
    items = listings.items.copy()
    for field in ("title", "description"):
        texts = zip(items[field], items["brand"], strict=True)
        items[field] = [t and (re.sub(re.escape(b), " ", t, flags=re.I) or None) for t, b in texts]
    return Catalogue(listings.name, items.assign(brand=None, attributes=None))


def _photo_by_title(listings: Catalogue, rows: np.ndarray) -> Task:
    queries = _blank(listings.take(rows), ["image"])
    photos = Catalogue(listings.name, listings.items[["image"]])
    nothing = csr_array((len(rows), len(listings)))
    return Task("photo by title", queries, photos, _cells(rows, len(listings)), nothing)


def _partners_photos(
    listings: Catalogue, rows: np.ndarray, pairs: np.ndarray | None
) -> tuple[np.ndarray, csr_array]:
    """The photo of each query's partner, (q,), and the partners to exclude, (q, n)."""
    partner = np.full(len(listings), -1)
    if pairs is not None and len(pairs):
        partner[pairs[:, 0]], partner[pairs[:, 1]] = pairs[:, 1], pairs[:, 0]
    found = partner[rows]
    images = listings.items["image"].to_numpy()
    photos = np.where(found >= 0, images[found], None)
    lent = np.flatnonzero((found >= 0) & (photos != None))  # noqa: E711
    cells = np.ones(len(lent)), (lent, found[lent])
    return photos, csr_array(cells, shape=(len(rows), len(listings)))


def _blank(listings: Catalogue, fields: Sequence[str]) -> Catalogue:
    return Catalogue(listings.name, listings.items.assign(**dict.fromkeys(fields)))


def _cells(rows: np.ndarray, n: int) -> csr_array:
    """Query i's own listing is rows[i], (q, n)."""
    q = len(rows)
    return csr_array((np.ones(q, np.float32), (np.arange(q), rows)), shape=(q, n))
