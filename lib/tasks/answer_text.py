"""An answer in words, by fixed sentences: names, prices and the passages that it rests on.

What is found is in `support.py`.
"""

from __future__ import annotations

import numpy as np

from lib.data.catalogue import Catalogue
from lib.tasks.support import Answer

# no Yes for a feature: whether "leak-proof" means yes depends on what was asked, "does it leak?" or
# "is it tight?"
OPENINGS = {
    "cheaper": "Alike and cheaper",
    "colour": "Yes, in {colour}",
    "size": "Yes, as {size}",
    "feature": "In the catalogue",
}


def answer_text(answer: Answer, catalogue: Catalogue) -> str:
    """The answer in fixed words; an abstention says why."""
    if answer.abstained:
        return f"That I cannot tell from the catalogue: {answer.reason}."
    products = []
    for row, passage in zip(answer.positions, answer.passages, strict=True):
        item = catalogue.items.iloc[row]
        name = item["title"] or f"{item['brand'] or ''} {passage.product}".strip()
        price = "price unknown" if np.isnan(item["price"]) else f"{item['price']:.2f}"
        said = "" if passage.field in ("price", "title") else f', {passage.field}: "{passage.text}"'
        products.append(f"{name} ({price}{said})")
    request = answer.request
    opening = OPENINGS[request.intent].format(colour=request.colour, size=request.size)
    return f"{opening}: {'; '.join(products)}."
