"""What two listings share, read from the two alone: words, model numbers, numbers, brand and price.

How a pair stands among all others is in `pairs.py`.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lib.catalogue import Catalogue
from lib.encoders.lexical import normalise

TEXT = ("title", "brand", "attributes", "description")
MODEL = ("modelno", "model", "mpn", "sku")  # attributes that hold a model number
_WORD = re.compile(r"[^\W_]+")
_CODE = re.compile(r"[^\W_]+(?:[-./][^\W_]+)*")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_SPLIT = re.compile(r"(?<=\d)\s*\.\s*(?=\d)|(?<=\d) \.(?=\d)")  # tokenizers cut "8 .0"


@dataclass(frozen=True)
class Listing:
    """What is compared of one listing: sets of words, codes and numbers, and text squeezed to letters and digits."""

    title: frozenset[str]
    text: frozenset[str]
    codes: frozenset[str]  # may be model numbers: four characters or more with a digit
    numbers: frozenset[str]
    trigrams: frozenset[str]
    squeezed: str
    model: str
    brand: str
    price: float


def listing_features(left: Catalogue, right: Catalogue, i: np.ndarray, j: np.ndarray) -> pd.DataFrame:
    """What left[i] and right[j] share, (p,), (p,) -> (p, features): words, model numbers, numbers, brand, price, lengths.

    Words and codes are weighted by how rare they are among the listings of both catalogues. NaN where a part is missing.
    """
    lefts, rights = _listings(left), _listings(right)
    rarity = {part: _rarity([getattr(x, part) for x in [*lefts, *rights]]) for part in ("title", "text", "codes")}
    return pd.DataFrame([_compare(lefts[a], rights[b], rarity) for a, b in zip(i, j, strict=True)])


def _listings(catalogue: Catalogue) -> list[Listing]:
    titles, texts = ([normalise(t) for t in catalogue.text(f)] for f in (("title",), TEXT))
    return [
        Listing(
            frozenset(_WORD.findall(title)),
            frozenset(_WORD.findall(text)),
            frozenset(c for c in map(_squeeze, _CODE.findall(text)) if len(c) >= 4 and re.search(r"\d", c)),
            frozenset(_NUMBER.findall(_SPLIT.sub(".", title))),
            _grams(_squeeze(title), 3),
            _squeeze(text),
            _squeeze(next((str(a[k]) for k in MODEL if a.get(k)), "")),
            _squeeze(brand or ""),
            price if price > 0 else np.nan,
        )
        for title, text, a, brand, price in zip(
            titles,
            texts,
            [a or {} for a in catalogue.items["attributes"]],
            catalogue.items["brand"],
            catalogue.items["price"],
            strict=True,
        )
    ]


def _compare(a: Listing, b: Listing, rarity: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    return {
        **_sets("title", a.title, b.title, rarity["title"]),
        **_sets("text", a.text, b.text, rarity["text"]),
        **_codes(a, b, rarity["codes"]),
        **_model(a, b),
        **_numbers(a.numbers, b.numbers),
        **_brand(a, b),
        **_price(a.price, b.price),
        "trigram jaccard": _share(len(a.trigrams & b.trigrams), len(a.trigrams | b.trigrams)),
        "trigrams in right": _share(len(a.trigrams & b.trigrams), len(a.trigrams)),
        "trigrams in left": _share(len(a.trigrams & b.trigrams), len(b.trigrams)),
        "title words left": len(a.title),
        "title words right": len(b.title),
        "text words left": len(a.text),
        "text words right": len(b.text),
    }


def _sets(name: str, a: frozenset[str], b: frozenset[str], weight: Mapping[str, float]) -> dict[str, float]:
    """Overlap of two sets of words, plain and weighted by rarity, and the rarest word that is or is not shared."""
    shared, left, right = (_weigh(words, weight) for words in (a & b, a, b))
    return {
        f"{name} jaccard": _share(len(a & b), len(a | b)),
        f"{name} weighted jaccard": _share(shared, left + right - shared),
        f"{name} in right": _share(shared, left),
        f"{name} in left": _share(shared, right),
        f"{name} rarest shared": max((weight[w] for w in a & b), default=0),
        f"{name} rarest left alone": max((weight[w] for w in a - b), default=0),
        f"{name} rarest right alone": max((weight[w] for w in b - a), default=0),
        f"{name} words left alone": len(a - b),
        f"{name} words right alone": len(b - a),
    }


def _codes(a: Listing, b: Listing, weight: Mapping[str, float]) -> dict[str, float]:
    """Shared model numbers: equal, or standing in the other's squeezed text; and how near the nearest two are."""
    in_right, in_left = [c for c in a.codes if c in b.squeezed], [c for c in b.codes if c in a.squeezed]
    couples = [(x, y) for x in a.codes for y in b.codes]
    return {
        "codes shared": _weigh(a.codes & b.codes, weight),
        "codes rarest shared": max((weight[c] for c in a.codes & b.codes), default=0),
        "codes longest in right": max(map(len, in_right), default=0),
        "codes longest in left": max(map(len, in_left), default=0),
        "codes in right": _share(_weigh(in_right, weight), _weigh(a.codes, weight)),
        "codes in left": _share(_weigh(in_left, weight), _weigh(b.codes, weight)),
        "codes prefix": max((_prefix(x, y) for x, y in couples), default=math.nan),
        "codes dice": max((_dice(x, y) for x, y in couples), default=math.nan),
        "codes left": len(a.codes),
        "codes right": len(b.codes),
    }


def _model(a: Listing, b: Listing) -> dict[str, float]:
    in_right = float(a.model in b.squeezed) if a.model else math.nan
    in_left = float(b.model in a.squeezed) if b.model else math.nan
    both = bool(a.model and b.model)
    return {
        "model equal": float(a.model == b.model) if both else math.nan,
        "model prefix": _prefix(a.model, b.model) if both else math.nan,
        "model dice": _dice(a.model, b.model) if both else math.nan,
        "model in right": in_right,
        "model in left": in_left,
        "model in either": np.fmax(in_right, in_left),
    }


def _numbers(a: frozenset[str], b: frozenset[str]) -> dict[str, float]:
    return {
        "numbers jaccard": _share(len(a & b), len(a | b)),
        "numbers shared": len(a & b),
        "numbers left alone": len(a - b),
        "numbers right alone": len(b - a),
        "numbers at odds": min(len(a - b), len(b - a)),
    }


def _brand(a: Listing, b: Listing) -> dict[str, float]:
    return {
        "brand prefix": _prefix(a.brand, b.brand) if a.brand and b.brand else math.nan,
        "brand in right": float(a.brand in b.squeezed) if a.brand else math.nan,
        "brand in left": float(b.brand in a.squeezed) if b.brand else math.nan,
    }


def _price(a: float, b: float) -> dict[str, float]:
    ratio = math.log(a / b)
    return {"price ratio": ratio, "price distance": abs(ratio), "price left": math.log(a), "price right": math.log(b)}


def _rarity(sets: Sequence[frozenset[str]]) -> dict[str, float]:
    """log(listings / listings with it) of every member."""
    return {word: math.log(len(sets) / n) for word, n in Counter(w for s in sets for w in s).items()}


def _weigh(words: Iterable[str], weight: Mapping[str, float]) -> float:
    """The sum of the words' weights, rounded once: a set's order changes from one process to the next."""
    return math.fsum(weight[w] for w in words)


def _share(part: float, of: float) -> float:
    return part / of if of > 0 else math.nan


def _squeeze(text: str) -> str:
    return re.sub(r"[\W_]+", "", normalise(text))


def _grams(text: str, n: int) -> frozenset[str]:
    return frozenset(text[i : i + n] for i in range(len(text) - n + 1))


def _dice(a: str, b: str) -> float:
    """Dice's coefficient of the pairs of neighbouring characters."""
    first, second = _grams(a, 2), _grams(b, 2)
    return _share(2 * len(first & second), len(first) + len(second))


def _prefix(a: str, b: str) -> float:
    """The length of the common beginning over the longer one's."""
    same = next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    return same / max(len(a), len(b))
