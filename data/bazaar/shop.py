"""The generated shop: its listings, queries, questions and purchases as tables, from one seed.

A controlled experiment: a family's products differ in their text only, in their photo only, or in
both, so it is known what an encoder must look at. Products and listings are made in `products.py`,
photos are drawn in `photos.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bazaar import words
from bazaar.looks import Photo
from bazaar.products import Listing, Product, Wording, listings
from bazaar.questions import ask


@dataclass(frozen=True)
class Shop:
    """The generated tables; `photos` by product id, `judgements` and `answers` as (query, item,
    gain).
    """

    items: pd.DataFrame
    photos: dict[str, Photo]
    interactions: pd.DataFrame
    queries: pd.DataFrame
    judgements: list[tuple[str, str, float]]
    questions: pd.DataFrame
    answers: list[tuple[str, str, float]]


def shop(
    *,
    rows: int = 2000,
    seed: int = 0,
    language: str = "en",
    missing_title: float = 0.03,
    missing_photo: float = 0.03,
    missing_price: float = 0.05,
    photo_size: int = 160,
    questions: int | None = None,
) -> Shop:
    """A shop of `rows` listings. The same arguments give the same shop; more rows add families to
    those of fewer.

    The rates say what share of listings lacks a title, a photo or a price. `language` is "en" or
    "zh". `questions` is how many customers ask, by default one per twenty listings and at least
    twenty.
    """
    if language not in words.LANGUAGES:
        raise ValueError(f"language is one of {words.LANGUAGES}, got {language!r}")
    if not all(0 <= rate <= 1 for rate in (missing_title, missing_photo, missing_price)):
        raise ValueError(
            "missing_title, missing_photo and missing_price are shares between 0 and 1"
        )
    if rows < 20:
        raise ValueError(f"a shop needs at least 20 rows, got {rows}")
    wording = Wording(language)
    chosen = _choose(rows, seed, wording)
    products = [listing.product for listing in chosen.values()]
    items = pd.DataFrame(
        [listing.cells for listing in chosen.values()], index=pd.Index(list(chosen), name="id")
    )
    rates = (missing_title, missing_photo, missing_price)
    hide = np.array([listing.luck for listing in chosen.values()]) < rates  # (n, 3)
    items.loc[hide[:, 0], "title"] = None
    items.loc[hide[:, 2], "price"] = np.nan
    photos = {}
    for listing in items.index[~hide[:, 1]]:
        photos[listing] = Photo(chosen[listing].product.look, chosen[listing].shot, photo_size)
    count = max(20, rows // 20) if questions is None else questions
    queries, judgements = _queries(items, products, wording, np.random.default_rng([seed, 2]))
    asked, answers = ask(items, products, wording, count, np.random.default_rng([seed, 3]))
    interactions = _interactions(items, products, np.random.default_rng([seed, 4]))
    return Shop(items, photos, interactions, queries, judgements, asked, answers)


def _choose(rows: int, seed: int, wording: Wording) -> dict[str, Listing]:
    """The first `rows` listings by id; ids are hashes, so their order says nothing of families."""
    found: dict[str, Listing] = {}
    for family in range(rows):  # a family has at least one listing, so this suffices
        found |= listings(family, seed, wording)
        if len(found) >= rows:
            break
    return dict(sorted(list(found.items())[:rows], key=lambda listing: listing[0]))


def _queries(
    items: pd.DataFrame, products: list[Product], wording: Wording, rng: np.random.Generator
) -> tuple[pd.DataFrame, list[tuple[str, str, float]]]:
    """Shoppers' queries: gain 3 for the kind of product with all that is asked, 2 with half of it,
    1 for the kind.
    """
    texts, judgements = {}, []
    for number in range(max(20, len(items) // 20)):
        wanted = products[rng.integers(len(products))]
        asked = sorted(
            rng.permutation(["colour", "material", "brand", "value"])[: rng.integers(1, 3)]
        )
        facts = wording.facts(wanted, rng)
        facts |= {fact: "" for fact in ("colour", "material", "brand") if fact not in asked}
        facts["spec"] = facts["spec"] if "value" in asked else ""
        query = f"q{number}"
        texts[query] = wording.write(words.QUERIES, rng, facts)
        for item, product in zip(items.index, products, strict=True):
            if product.kind == wanted.kind:
                met = np.mean([getattr(product, a) == getattr(wanted, a) for a in asked])
                judgements.append((query, item, 1.0 + int(2 * met)))
    return pd.DataFrame({"title": texts}), judgements


def _interactions(
    items: pd.DataFrame, products: list[Product], rng: np.random.Generator
) -> pd.DataFrame:
    """Dated purchases: each shopper has a taste in kinds, colours and brands, and all share what is
    popular.
    """
    codes = [
        pd.factorize(np.array([getattr(p, a) for p in products]))[0]
        for a in ("kind", "colour", "brand")
    ]
    popular = rng.gumbel(0, 1, len(items))
    rows = []
    for shopper in range(len(items) // 4):
        taste = popular.copy()
        for code, strength in zip(codes, (3.0, 1.5, 1.5), strict=True):
            taste += strength * rng.normal(0, 1, code.max() + 1)[code]
        # the largest of utility + Gumbel noise is a draw by softmax, without replacement
        bought = np.argsort(-(taste + rng.gumbel(0, 1, len(items))))[: rng.integers(4, 15)]
        days = np.sort(rng.integers(0, 365, len(bought)))
        rows += [
            (f"u{shopper}", items.index[i], d)
            for i, d in zip(rng.permutation(bought), days, strict=True)
        ]
    table = pd.DataFrame(rows, columns=["user", "item", "time"])
    return table.assign(time=pd.Timestamp("2025-01-01") + pd.to_timedelta(table["time"], unit="D"))
