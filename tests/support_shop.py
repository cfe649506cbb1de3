"""A shop of nine listings that tests of support share, and words that name none of them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lib.data.catalogue import Catalogue

_WORDS = "warm fly moon mug shoe cheaper alternative waterproof take buy instead"
ORDINARY = set(_WORDS.split())

# title, description, brand, category, price, colour, material
_LISTINGS = [
    ("Alder Bocado mug 350ml crimson", "This mug is made of ceramic: dishwasher safe.", "Alder",
     "Mugs", 12.0, "crimson", "ceramic"),
    ("Alder Bocado mug 0.5 l blue", "A mug in ceramic, dishwasher safe.", "Alder",
     "Mugs", 14.0, "blue", "ceramic"),
    ("Alder Tamiko mug 350 ml blue", "A ceramic mug, microwave safe.", "Alder",
     "Mugs", 9.0, "blue", "ceramic"),
    ("Brook Vevemi mug 350 ml", "A stoneware mug, stackable.", "Brook",
     "Mugs", 7.0, None, "stoneware"),
    ("Brook Mihazo shoe EU 42", "Of leather, waterproof.", "Brook",
     "Shoes", 70.0, "black", "leather"),
    ("Brook Mihazo shoe EU 44", "Of leather, waterproof.", "Brook",
     "Shoes", np.nan, "black", "leather"),
    ("Corin Fikodo shoe EU 42", "Of mesh, lightweight.", "Corin",
     "Shoes", 40.0, "red", "mesh"),
    ("Corin Zopelu shoe size M", "Of leather, lightweight.", "Corin",
     "Shoes", 55.0, "grey", "leather"),
    (None, "Without a title.", None, None, 5.0, None, None),
]  # fmt: skip


def support_shop() -> Catalogue:
    columns = ["title", "description", "brand", "category", "price", "colour", "material"]
    items = pd.DataFrame(_LISTINGS, columns=columns, index=[f"p{i}" for i in range(9)])
    stated = items[["material", "colour"]].to_dict("records")
    items["attributes"] = [{k: v for k, v in row.items() if v} or None for row in stated]
    return Catalogue("shop", items.drop(columns=["colour", "material"]))
