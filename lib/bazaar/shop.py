"""The generated shop: families of products, listings of sellers, shoppers, queries and questions, from one seed.

A controlled experiment: a family's products differ in their text only, in their photo only, or in both, so it
is known what an encoder must look at. Words are in `words.py`, photos are drawn by `photos.py`.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from lib.bazaar import words
from lib.bazaar.looks import PATTERNS, Look, Shot
from lib.bazaar.questions import questions as _questions
from lib.bazaar.words import BRANDS, COLOURS, KINDS, Kind

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


@dataclass(frozen=True)
class Photo:
    """All that a photo is drawn from."""

    look: Look
    shot: Shot
    size: int


class Listing(NamedTuple):
    """One seller's offer of a product: its cells, its photo, and the draws that decide what is missing."""

    product: Product
    cells: dict
    shot: Shot
    luck: np.ndarray  # (3,) uniform: title, photo, price


@dataclass(frozen=True)
class Shop:
    """The generated tables; `photos` by product id, `judgements` and `answers` as (query, item, gain)."""

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
    """A shop of `rows` listings. The same arguments give the same shop; more rows add families to those of fewer.

    The rates say what share of listings lacks a title, a photo or a price. `language` is "en" or "zh". `questions` is
    how many customers ask, by default one per twenty listings and at least twenty.
    """
    if language not in words.LANGUAGES:
        raise ValueError(f"language is one of {words.LANGUAGES}, got {language!r}")
    if not all(0 <= rate <= 1 for rate in (missing_title, missing_photo, missing_price)):
        raise ValueError("missing_title, missing_photo and missing_price are shares between 0 and 1")
    if rows < 20:
        raise ValueError(f"a shop needs at least 20 rows, got {rows}")
    wording = Wording(language)
    listings: dict[str, Listing] = {}
    for family in range(rows):  # a family has at least one listing, so this suffices
        listings |= _listings(family, seed, wording)
        if len(listings) >= rows:
            break
    chosen = sorted(list(listings)[:rows])  # ids are hashes, so their order says nothing of families
    products = [listings[i].product for i in chosen]
    items = pd.DataFrame([listings[i].cells for i in chosen], index=pd.Index(chosen, name="id"))
    hide = np.array([listings[i].luck for i in chosen]) < (missing_title, missing_photo, missing_price)  # (n, 3)
    items.loc[hide[:, 0], "title"] = None
    items.loc[hide[:, 2], "price"] = np.nan
    shown = [listings[i] for i in items.index[~hide[:, 1]]]
    photos = {i: Photo(s.product.look, s.shot, photo_size) for i, s in zip(items.index[~hide[:, 1]], shown, strict=True)}
    queries, judgements = _queries(items, products, wording, np.random.default_rng([seed, 2]))
    count = max(20, rows // 20) if questions is None else questions
    asked, answers = _questions(items, products, wording, count, np.random.default_rng([seed, 3]))
    interactions = _interactions(items, products, np.random.default_rng([seed, 4]))
    return Shop(items, photos, interactions, queries, judgements, asked, answers)


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


def _listings(family: int, seed: int, wording: Wording) -> dict[str, Listing]:
    rng = np.random.default_rng([seed, 0, family])
    found = {}
    for product in _family(family, rng):
        for seller in rng.permutation(40)[: rng.integers(2, 4)]:
            key = hashlib.blake2b(f"{seed}/{family}/{product.number}/{seller}".encode(), digest_size=5).hexdigest()
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
        features=tuple(int(f) for f in np.sort(rng.permutation(len(kind.features))[: rng.integers(1, 3)])),
        price=kind.price * float(np.exp(rng.normal(0, 0.35))),
        look=Look(name, COLOURS[colours[0]][0], COLOURS[colours[-1]][0], patterns[0], tuple(float(f) for f in rng.random(3))),
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
            variant = replace(variant, colour=colours[n], look=replace(base.look, colour=rgb, pattern=patterns[n]))
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


def _queries(
    items: pd.DataFrame, products: list[Product], wording: Wording, rng: np.random.Generator
) -> tuple[pd.DataFrame, list[tuple[str, str, float]]]:
    """Shoppers' queries: gain 3 for the kind of product with all that is asked, 2 with half of it, 1 for the kind."""
    texts, judgements = {}, []
    for number in range(max(20, len(items) // 20)):
        wanted = products[rng.integers(len(products))]
        asked = sorted(rng.permutation(["colour", "material", "brand", "value"])[: rng.integers(1, 3)])
        facts = wording.facts(wanted, rng)
        facts |= {k: "" for k in ("colour", "material", "brand") if k not in asked}
        facts["spec"] = facts["spec"] if "value" in asked else ""
        query = f"q{number}"
        texts[query] = wording.write(words.QUERIES, rng, facts)
        for item, product in zip(items.index, products, strict=True):
            if product.kind == wanted.kind:
                met = np.mean([getattr(product, a) == getattr(wanted, a) for a in asked])
                judgements.append((query, item, 1.0 + int(2 * met)))
    return pd.DataFrame({"title": texts}), judgements


def _interactions(items: pd.DataFrame, products: list[Product], rng: np.random.Generator) -> pd.DataFrame:
    """Dated purchases: each shopper has a taste in kinds, colours and brands, and all share what is popular."""
    codes = [pd.factorize(np.array([getattr(p, a) for p in products]))[0] for a in ("kind", "colour", "brand")]
    popular = rng.gumbel(0, 1, len(items))
    rows = []
    for shopper in range(len(items) // 4):
        taste = popular.copy()
        for code, strength in zip(codes, (3.0, 1.5, 1.5), strict=True):
            taste += strength * rng.normal(0, 1, code.max() + 1)[code]
        # the largest of utility + Gumbel noise is a draw by softmax, without replacement
        bought = np.argsort(-(taste + rng.gumbel(0, 1, len(items))))[: rng.integers(4, 15)]
        days = np.sort(rng.integers(0, 365, len(bought)))
        rows += [(f"u{shopper}", items.index[i], d) for i, d in zip(rng.permutation(bought), days, strict=True)]
    table = pd.DataFrame(rows, columns=["user", "item", "time"])
    return table.assign(time=pd.Timestamp("2025-01-01") + pd.to_timedelta(table["time"], unit="D"))
