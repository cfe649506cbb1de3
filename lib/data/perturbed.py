"""A task that needs no labels: find a listing again after its words were disturbed."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from lib.data.catalogue import Catalogue
from lib.data.misspelling import misspell
from lib.data.task import Task


def found_again(
    catalogue: Catalogue,
    *,
    queries: int = 1000,
    drop: float = 0.35,
    misspelt: float = 0.1,
    seed: int = 0,
) -> Task:
    """Up to `queries` listings ask, disturbed; the listing itself is the answer.

    A query has lost the share `drop` of its title's words; half of the queries have lost their
    description, half their brand, half their attributes, all of them price and photo; `misspelt`
    words have a typing error. It is a proxy: listings of one product differ in other ways as well.
    Raises ValueError where no product has a title.

    >>> import pandas as pd
    >>> shop = Catalogue("shop", pd.DataFrame({"title": ["big red mug", "blue cup"]}))
    >>> found_again(shop, seed=1).queries.text()
    ['big mug', 'cup']
    """
    rng = np.random.default_rng(seed)
    titled = np.flatnonzero([bool(text) for text in catalogue.text()])
    if not len(titled):
        raise ValueError(f"{catalogue.name!r} has no titles, and nothing says what is alike")
    rows = np.sort(rng.permutation(titled)[:queries])
    items = catalogue.items.iloc[rows].assign(image=None, price=np.nan)
    titles = []
    for text in items["title"]:
        words = np.array(text.split() if " " in text else list(text))
        kept = words[rng.random(len(words)) >= drop]
        joined = (" " if " " in text else "").join(kept if len(kept) else words[:1])
        titles.append(misspell(joined, misspelt, seed=seed))
    items = items.assign(title=titles)
    for field in ("description", "brand", "attributes"):
        items[field] = items[field].where(rng.random(len(rows)) < 0.5, None)
    shape = (len(rows), len(catalogue))
    right = csr_array((np.ones(len(rows)), (np.arange(len(rows)), rows)), shape=shape)
    return Task("found again", Catalogue("disturbed", items), catalogue, right, csr_array(shape))
