"""What two listings share, read from the two alone: words, model numbers, numbers, brand and price.

How a pair ranks among all others is in `pair_features.py`.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lib.data.catalogue import Catalogue
from lib.encoders.lexical import normalise

TEXT = ("title", "brand", "attributes", "description")
MODEL = ("modelno", "model", "mpn", "sku")  # attributes that hold a model number
_WORD = re.compile(r"[^\W_]+")
_CODE = re.compile(r"[^\W_]+(?:[-./][^\W_]+)*")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_SPLIT = re.compile(r"(?<=\d)\s*\.\s*(?=\d)|(?<=\d) \.(?=\d)")  # tokenizers cut "8 .0"
Words = frozenset[str]
Weights = Mapping[str, float]


@dataclass(frozen=True)
class Listing:
    """What is compared of one listing; "squeezed" text has letters and digits only."""

    title: Words
    text: Words
    codes: Words  # may be model numbers: squeezed words of four characters or more with a digit
    numbers: Words
    trigrams: Words
    squeezed: str
    model: str
    brand: str
    price: float


def listing_features(
    left: Catalogue, right: Catalogue, i: np.ndarray, j: np.ndarray
) -> pd.DataFrame:
    """What left[i] and right[j] share, (p,), (p,) -> (p, features).

    Words and codes are weighted by how rare they are among the listings of both catalogues. NaN
    where a part is missing.
    """
    lefts, rights = _listings(left), _listings(right)
    both = [*lefts, *rights]
    title = _rarity([listing.title for listing in both])
    text = _rarity([listing.text for listing in both])
    codes = _rarity([listing.codes for listing in both])
    rows = []
    for m, n in zip(i, j, strict=True):
        a, b = lefts[m], rights[n]
        rows.append(
            _overlap("title", a.title, b.title, title)
            | _overlap("text", a.text, b.text, text)
            | _codes(a, b, codes)
            | _unweighted(a, b)
        )
    return pd.DataFrame(rows)


def _listings(catalogue: Catalogue) -> list[Listing]:
    items, found = catalogue.items, []
    titles, texts = ([normalise(t) for t in catalogue.text(f)] for f in (("title",), TEXT))
    columns = (titles, texts, items["attributes"], items["brand"], items["price"])
    for title, text, attributes, brand, price in zip(*columns, strict=True):
        codes = map(_squeeze, _CODE.findall(text))
        models = [str(attributes[key]) for key in MODEL if attributes and attributes.get(key)]
        listing = Listing(
            title=frozenset(_WORD.findall(title)),
            text=frozenset(_WORD.findall(text)),
            codes=frozenset(c for c in codes if len(c) >= 4 and re.search(r"\d", c)),
            numbers=frozenset(_NUMBER.findall(_SPLIT.sub(".", title))),
            trigrams=_grams(_squeeze(title), 3),
            squeezed=_squeeze(text),
            model=_squeeze(models[0]) if models else "",
            brand=_squeeze(brand or ""),
            price=price if price > 0 else math.nan,  # shops write 0 where they say none
        )
        found.append(listing)
    return found


def _overlap(name: str, a: Words, b: Words, weight: Weights) -> dict[str, float]:
    """Overlap of two sets of words, plain and weighted by rarity, and the rarest word that is or is
    not shared.
    """
    shared, left, right = (_weigh(words, weight) for words in (a & b, a, b))
    return {
        f"{name} jaccard": _share(len(a & b), len(a | b)),
        f"{name} weighted jaccard": _share(shared, left + right - shared),
        f"{name} in right": _share(shared, left),
        f"{name} in left": _share(shared, right),
        f"{name} rarest shared": _rarest(a & b, weight),
        f"{name} rarest left alone": _rarest(a - b, weight),
        f"{name} rarest right alone": _rarest(b - a, weight),
        f"{name} words left alone": len(a - b),
        f"{name} words right alone": len(b - a),
    }


def _codes(a: Listing, b: Listing, weight: Weights) -> dict[str, float]:
    """Shared model numbers: equal, or within the other's squeezed text; and how near the nearest
    two are.
    """
    in_right = [c for c in a.codes if c in b.squeezed]
    in_left = [c for c in b.codes if c in a.squeezed]
    couples = [(x, y) for x in a.codes for y in b.codes]
    return {
        "codes shared": _weigh(a.codes & b.codes, weight),
        "codes rarest shared": _rarest(a.codes & b.codes, weight),
        "codes longest in right": max(map(len, in_right), default=0),
        "codes longest in left": max(map(len, in_left), default=0),
        "codes in right": _share(_weigh(in_right, weight), _weigh(a.codes, weight)),
        "codes in left": _share(_weigh(in_left, weight), _weigh(b.codes, weight)),
        "codes prefix": max((_prefix(x, y) for x, y in couples), default=math.nan),
        "codes dice": max((_dice(x, y) for x, y in couples), default=math.nan),
        "codes left": len(a.codes),
        "codes right": len(b.codes),
    }


def _unweighted(a: Listing, b: Listing) -> dict[str, float]:
    """What needs no weights: model number, numbers, brand, price, trigrams, lengths."""
    in_right, in_left = _within(a.model, b), _within(b.model, a)
    ratio = math.log(a.price / b.price)
    shared = len(a.trigrams & b.trigrams)
    return {
        "model equal": float(a.model == b.model) if a.model and b.model else math.nan,
        "model prefix": _prefix(a.model, b.model),
        "model dice": _dice(a.model, b.model),
        "model in right": in_right,
        "model in left": in_left,
        "model in either": np.fmax(in_right, in_left),
        "numbers jaccard": _share(len(a.numbers & b.numbers), len(a.numbers | b.numbers)),
        "numbers shared": len(a.numbers & b.numbers),
        "numbers left alone": len(a.numbers - b.numbers),
        "numbers right alone": len(b.numbers - a.numbers),
        "numbers at odds": min(len(a.numbers - b.numbers), len(b.numbers - a.numbers)),
        "brand prefix": _prefix(a.brand, b.brand),
        "brand in right": _within(a.brand, b),
        "brand in left": _within(b.brand, a),
        "price ratio": ratio,
        "price distance": abs(ratio),
        "price left": math.log(a.price),
        "price right": math.log(b.price),
        "trigram jaccard": _share(shared, len(a.trigrams | b.trigrams)),
        "trigrams in right": _share(shared, len(a.trigrams)),
        "trigrams in left": _share(shared, len(b.trigrams)),
        "title words left": len(a.title),
        "title words right": len(b.title),
        "text words left": len(a.text),
        "text words right": len(b.text),
    }


def _rarity(sets: Sequence[Words]) -> dict[str, float]:
    """log(listings / listings with it) of every member."""
    counts = Counter(word for words in sets for word in words)
    return {word: math.log(len(sets) / count) for word, count in counts.items()}


def _weigh(words: Iterable[str], weight: Weights) -> float:
    """The sum of the words' weights, rounded once: a set's order differs between processes."""
    return math.fsum(weight[word] for word in words)


def _rarest(words: Words, weight: Weights) -> float:
    return max((weight[word] for word in words), default=0)


def _share(part: float, of: float) -> float:
    return part / of if of > 0 else math.nan


def _within(text: str, other: Listing) -> float:
    return float(text in other.squeezed) if text else math.nan


def _squeeze(text: str) -> str:
    return re.sub(r"[\W_]+", "", normalise(text))


def _grams(text: str, n: int) -> Words:
    return frozenset(text[start : start + n] for start in range(len(text) - n + 1))


def _dice(a: str, b: str) -> float:
    """Dice's coefficient of the pairs of neighbouring characters; NaN where a text is missing."""
    first, second = _grams(a, 2), _grams(b, 2)
    both = len(first) + len(second) if a and b else 0
    return _share(2 * len(first & second), both)


def _prefix(a: str, b: str) -> float:
    """The length of the common beginning over the longer text's; NaN where a text is missing."""
    same = [x == y for x, y in zip(a, b, strict=False)]
    return [*same, False].index(False) / max(len(a), len(b)) if a and b else math.nan
