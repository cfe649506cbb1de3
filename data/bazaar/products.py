"""Families of products and the sellers' listings of them; no queries, no purchases and no drawing.

A family's products differ in their text only, in their photo only, or in both.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from bazaar import words
from bazaar.looks import PATTERNS, Look, Shot
from bazaar.words import BRANDS, COLOURS, KINDS, Kind

DIFFERS = ("text", "photo", "both")


@dataclass(frozen=True)
class Product:
    """What is true of a product, whether or not a seller's text or photo shows it."""

    kind: str
    brand: str
    series: str
    code: str
    colour: str
    material: int
    value: str
    features: tuple[int, ...]
    price: float
    look: Look
    family: int
    differs: str
    number: int  # among the family's products


class Listing(NamedTuple):
    """One seller's offer of a product: its cells, its photo, and the draws that decide what is
    missing.
    """

    product: Product
    cells: dict
    shot: Shot
    luck: np.ndarray  # (3,) uniform: title, photo, price


class Wording:
    """How one language says what a product is."""

    def __init__(self, language: str) -> None:
        self.language, self._at = language, words.LANGUAGES.index(language)

    def facts(self, product: Product, rng: np.random.Generator) -> dict[str, str]:
        """The product in words that vary from seller to seller."""
        kind = KINDS[product.kind]
        gap = "" if self.language == "zh" else rng.choice(["", " "])
        features = [self.feature(kind, f) for f in product.features]
        return {
            "brand": product.brand,
            "series": product.series,
            "code": product.code,
            "noun": str(rng.choice(kind.nouns[self._at])),
            "material": kind.materials[product.material][self._at],
            "colour": self.colour(product.colour, rng),
            "spec": self.spec(kind, product.value, gap),
            "features": (", " if self.language == "en" else "、").join(features),
        }

    def colour(self, colour: str, rng: np.random.Generator) -> str:
        """One of the names that sellers give a colour."""
        return str(rng.choice(COLOURS[colour][1 + self._at]))

    def feature(self, kind: Kind, feature: int) -> str:
        """A feature's name."""
        return kind.features[feature][self._at]

    def category(self, kind: Kind) -> str:
        """The path in the category tree."""
        return kind.category[self._at]

    def spec(self, kind: Kind, value: str, gap: str = " ") -> str:
        """The number that distinguishes variants, with its unit."""
        unit = kind.unit[self._at]
        return f"{unit}{gap or ' '}{value}" if unit in ("EU", "size") else f"{value}{gap}{unit}"

    def write(self, templates: dict, rng: np.random.Generator, facts: dict[str, str]) -> str:
        """One template filled in; parts that are empty leave no gap."""
        text = str(rng.choice(templates[self.language])).format(**facts)
        text = re.sub(r"(\s*,)+", ",", " ".join(text.split()))
        return re.sub(r"( -)+", " -", text).strip(" ,-")


def listings(family: int, seed: int, wording: Wording) -> dict[str, Listing]:
    """What two or three sellers offer of each of a family's products, by id."""
    rng = np.random.default_rng([seed, 0, family])
    found = {}
    for product in _family(family, rng):
        for seller in rng.permutation(40)[: rng.integers(2, 4)]:
            key = hashlib.blake2b(
                f"{seed}/{family}/{product.number}/{seller}".encode(), digest_size=5
            ).hexdigest()
            cells = _listing(product, int(seller), wording, rng)
            found[key] = Listing(product, cells, Shot.sample(rng), rng.random(3))
    return found


def _family(family: int, rng: np.random.Generator) -> list[Product]:
    name = str(rng.choice(list(KINDS)))
    kind = KINDS[name]
    count, differs = int(rng.integers(2, 5)), str(rng.choice(DIFFERS))
    colours = [str(c) for c in rng.permutation(list(COLOURS))[: count + 1]]
    patterns = [str(p) for p in rng.permutation(PATTERNS)]
    code = _code(rng)
    base = Product(
        kind=name,
        brand=str(rng.choice(BRANDS)),
        series="".join(rng.choice(words.SYLLABLES, 3)).capitalize(),
        code=code,
        colour=colours[0],
        material=int(rng.integers(len(kind.materials))),
        value=kind.values[0],
        features=tuple(
            int(f) for f in np.sort(rng.permutation(len(kind.features))[: rng.integers(1, 3)])
        ),
        price=kind.price * float(np.exp(rng.normal(0, 0.35))),
        look=Look(
            name,
            COLOURS[colours[0]][0],
            COLOURS[colours[-1]][0],
            patterns[0],
            tuple(float(f) for f in rng.random(3)),
        ),
        family=family,
        differs=differs,
        number=0,
    )
    values = rng.permutation(kind.values)
    variants = []
    for n in range(count):
        variant = replace(base, number=n, value=str(values[0]))
        if differs in ("text", "both"):
            variant = replace(variant, value=str(values[n]), code=_code(rng))
        if differs in ("photo", "both"):
            rgb = COLOURS[colours[n]][0]
            variant = replace(
                variant, colour=colours[n], look=replace(base.look, colour=rgb, pattern=patterns[n])
            )
        variants.append(variant)
    return variants


def _listing(product: Product, seller: int, wording: Wording, rng: np.random.Generator) -> dict:
    facts = wording.facts(product, rng)
    if product.differs == "photo":
        facts["colour"] = ""  # the text must not tell what only the photo shows
    title, description = (wording.write(t, rng, facts) for t in (words.TITLES, words.DESCRIPTIONS))
    stated = {"material": facts["material"], "size": facts["spec"], "colour": facts["colour"]}
    return {
        "title": title,
        "description": description,
        "brand": product.brand,
        "category": wording.category(KINDS[product.kind]),
        "price": round(product.price * float(np.exp(rng.normal(0, 0.06))), 2),
        "attributes": {k: v for k, v in stated.items() if v},
        "group": f"{product.family}-{product.number}",
        "seller": f"seller {seller}",
        "family": product.family,
        "differs": product.differs,
    }


def _code(rng: np.random.Generator) -> str:
    letters = "".join(rng.choice(list("BCDFGHKLMNPRSTVXZ"), 2))
    return f"{letters}-{rng.integers(100, 999)}"
