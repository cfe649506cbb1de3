"""Customers' questions in the generated shop, and which listings answer them; some have no answer.

Their words are in `words.py`. Nothing here reads a question.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from bazaar.products import Product, Wording
from bazaar.rewordings import reword, sentence
from bazaar.words import COLOURS, KINDS, QUESTIONS


def ask(
    items: pd.DataFrame,
    products: list[Product],
    wording: Wording,
    count: int,
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, list[tuple[str, str, float]]]:
    """`count` questions, each naming the family of one listing, and their answers as (question,
    item, gain).

    A question's attributes say what it was made of: its `intent`, the listing it is `about`, the
    words `noun`, `brand`, `series` and, but for "cheaper", what was `asked`. In English, `reworded`
    says the same in words written by hand, and `elsewhere` asks about the same product what no
    catalogue answers; `wording` is "even" or "odd", and `sentence` is what `reworded` was made of.
    """
    truth = pd.DataFrame([(p.family, p.kind, p.material, p.colour, p.value) for p in products])
    truth = truth.set_axis(["family", "kind", "material", "colour", "size"], axis=1).assign(
        price=items["price"].to_numpy()
    )
    rows, answers = {}, []
    for number in range(count):
        row = int(rng.integers(len(items)))
        about, kind = products[row], KINDS[products[row].kind]
        intent = str(rng.choice(["cheaper", "colour", "size", "feature"]))
        wanted = {"colour": str(rng.choice(list(COLOURS))), "size": str(rng.choice(kind.values))}
        wanted["feature"] = int(rng.integers(len(kind.features)))
        facts = wording.facts(about, rng) | {"colour": wording.colour(wanted["colour"], rng)}
        facts |= {
            "size": wording.spec(kind, wanted["size"]),
            "feature": wording.feature(kind, wanted["feature"]),
        }
        said = {"noun": facts["noun"], "brand": about.brand, "series": about.series}
        said |= {"asked": facts[intent]} if intent in facts else {}
        question = f"question{number}"
        rows[question] = {
            "title": QUESTIONS[wording.language][intent].format(**facts),
            "attributes": {"intent": intent, "about": items.index[row], **said},
        }
        if wording.language == "en":
            rows[question] |= {
                k: reword(by, number, said)
                for k, by in (("reworded", intent), ("elsewhere", "elsewhere"))
            }
            rows[question]["wording"] = "odd" if number % 2 else "even"
            rows[question]["sentence"] = sentence(intent, number, said)
        answers += [
            (question, item, 1.0)
            for item in items.index[_fits(truth, products, about, intent, wanted)]
        ]
    return pd.DataFrame.from_dict(rows, orient="index"), answers


def _fits(
    truth: pd.DataFrame, products: list[Product], about: Product, intent: str, wanted: dict
) -> np.ndarray:
    """Which listings answer, (n,) bool: those of the family with what is wanted; or what is of its
    kind and material and costs less than its cheapest listing.
    """
    family = truth["family"] == about.family
    if intent == "cheaper":
        alike = (truth["kind"] == about.kind) & (truth["material"] == about.material)
        return (alike & (truth["price"] < truth.loc[family, "price"].min())).to_numpy()
    if intent == "feature":
        return (family & (wanted["feature"] in about.features)).to_numpy()
    return (family & (truth[intent] == wanted[intent])).to_numpy()
