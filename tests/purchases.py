"""Small shops that several test files share: items a, b, c … and who bought them in which order."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lib.data.catalogue import Catalogue
from lib.data.purchases import Purchases


def catalogue(n: int = 6, **columns: object) -> Catalogue:
    return Catalogue(
        "shop",
        pd.DataFrame(
            {"title": [f"item {i}" for i in range(n)], **columns},
            index=list("abcdefghijklmnop"[:n]),
        ),
    )


def purchases(baskets: dict[str, str], n: int = 6, **columns: object) -> Purchases:
    """{"ann": "abc"}: ann bought a, then b, then c."""
    rows = [(user, item) for user, items in baskets.items() for item in items]
    return Purchases.read(pd.DataFrame(rows, columns=["user", "item"]), catalogue(n, **columns))


def drawn(users: int, n: int, seed: int) -> Purchases:
    """Random baskets of two to eight different items."""
    rng = np.random.default_rng(seed)
    rows = [
        (f"u{u}", str(i)) for u in range(users) for i in rng.permutation(n)[: rng.integers(2, 9)]
    ]
    items = Catalogue("drawn", pd.DataFrame(index=[str(i) for i in range(n)]))
    return Purchases.read(pd.DataFrame(rows, columns=["user", "item"]), items)
