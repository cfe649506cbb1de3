"""How a shop's listings of one product differ, learned from its surest neighbours, and copies of
listings that differ so.

Noise for training is in `lib/training/augment.py`; typing errors are made by
`lib/data/misspelling.py`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import eye_array

from lib.data.catalogue import Catalogue
from lib.data.misspelling import misspell
from lib.encoders.embeddings import Embeddings
from lib.encoders.lexical import words
from lib.search.exact import search

TEXTS = ("title", "description")
SURE = 1 / 3  # of the mutual pairs, those with the widest margin
FEWEST = 20  # pairs, or there is nothing to learn from
BORDER = re.compile(r"(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])")
NEAR = 0.75  # of difflib's ratio: a word lost and a word added this near are one, misspelt


@dataclass(frozen=True)
class Differences:
    """What pairs of listings have in common: each array has one entry a pair, (p,).

    `kept` and `added` are shares of a text's words, by field and by whether the word has a digit;
    `misspelt` and `respaced` ("PS-LX350" for "PSLX350") are shares of a title's words, the latter
    of those with a digit; `missing` says by field whether the other lacks it.
    """

    kept: Mapping[tuple[str, bool], np.ndarray]
    added: Mapping[str, np.ndarray]
    misspelt: np.ndarray
    respaced: np.ndarray
    missing: Mapping[str, np.ndarray]

    @classmethod
    def learned(cls, listings: Catalogue, pairs: np.ndarray) -> Differences | None:
        """What pairs (p, 2) of rows show; None of fewer than 20."""
        if len(pairs) < FEWEST:
            return None
        both = np.vstack([pairs, pairs[:, ::-1]])  # each is the other's other
        items, kept, added = listings.items, {}, {}
        for field in TEXTS:
            cut = [words(text or "") for text in items[field]]
            met = [_meeting(cut[a], cut[b]) for a, b in both]
            for digit in (False, True):
                kept[field, digit] = np.array([m.kept[digit] for m in met])
            added[field] = np.array([m.added for m in met])
            if field == "title":
                misspelt = np.array([m.misspelt for m in met])
                respaced = np.array([m.respaced for m in met])
        missing = {}
        for field in ("description", "brand", "price", "attributes"):
            has = items[field].map(bool) & items[field].notna()
            one, other = has.to_numpy()[both[:, 0]], has.to_numpy()[both[:, 1]]
            missing[field] = np.where(one, (~other).astype(float), np.nan)
        return cls(kept, added, misspelt, respaced, missing)

    def summary(self) -> pd.Series:
        """The mean of each, for a notebook to show."""
        shares = {
            f"{field} {'words with a digit' if digit else 'other words'} kept": values
            for (field, digit), values in self.kept.items()
        }
        shares |= {f"{field} words added": values for field, values in self.added.items()}
        shares |= {"title words misspelt": self.misspelt}
        shares |= {"title words with a digit respaced": self.respaced}
        shares |= {f"{field} missing": values for field, values in self.missing.items()}
        known = {name: values[~np.isnan(values)] for name, values in shares.items()}
        return pd.Series({name: v.mean() for name, v in known.items() if len(v)}, name="share")


@dataclass(frozen=True)
class _Met:
    kept: dict[bool, float]
    added: float
    misspelt: float
    respaced: float


def _meeting(one: list[str], other: list[str]) -> _Met:
    """What is left of one text's words in the other's; NaN where one of the two has none."""
    if not one or not other:
        return _Met({False: np.nan, True: np.nan}, np.nan, np.nan, np.nan)
    there, here, joined = set(other), set(one), "".join(other)
    lost, new = [w for w in one if w not in there], [w for w in other if w not in here]
    spaced = {w for w in lost if _digit(w) and len(w) > 3 and w in joined}
    typed = {w for w in lost if difflib.get_close_matches(w, new, n=1, cutoff=NEAR)} - spaced
    kept, there = {}, there | spaced | typed
    for digit in (False, True):
        some = [w for w in one if _digit(w) == digit]
        kept[digit] = sum(w in there for w in some) / len(some) if some else np.nan
    coded = sum(map(_digit, one))
    added = max(0, len(new) - len(typed) - len(spaced)) / len(one)
    return _Met(kept, added, len(typed) / len(one), len(spaced) / coded if coded else np.nan)


def sure_pairs(
    views: Sequence[Embeddings], listings: Catalogue, *, sources: np.ndarray | None = None
) -> np.ndarray:
    """Rows (p, 2) of the surest mutual nearest neighbours whose titles are not identical.

    Pairs that are mutual in any of the views count; in each view the third with the widest margin
    over the next neighbour is kept. Listings of one of `sources` (n,), such as a shop, are no
    copies of each other.
    """
    if sources is None:
        exclude = eye_array(len(listings), format="csr")
    titles = [" ".join(words(title or "")) for title in listings.items["title"]]
    found: set[tuple[int, int]] = set()
    for view in views:
        if sources is None:
            ranking = search(view, view, 2, exclude=exclude)
            nearest, scores = ranking.positions, ranking.scores
        else:
            nearest, scores = _across(view, sources)
        found |= _mutual(nearest, scores, titles)
    return np.array(sorted(found), dtype=int).reshape(-1, 2)


def _mutual(nearest: np.ndarray, scores: np.ndarray, titles: list[str]) -> set[tuple[int, int]]:
    first, rows = nearest[:, 0], np.arange(len(nearest))
    mutual = (first > rows) & (nearest[first, 0] == rows)
    mutual &= np.array([titles[i] != titles[j] for i, j in enumerate(first)])
    found = rows[mutual]
    margin = np.subtract(*scores.T, where=np.isfinite(scores[:, 1]), out=np.zeros(len(scores)))
    gap = np.minimum(margin, margin[first])[found]
    best = found[np.argsort(-gap, kind="stable")[: round(SURE * len(found))]]
    return set(zip(best.tolist(), first[best].tolist(), strict=True))


def _across(view: Embeddings, sources: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two nearest listings of other sources, (n, 2), and their scores."""
    nearest, scores = np.full((len(view), 2), -1), np.full((len(view), 2), -np.inf)
    for source in np.unique(sources):
        here, there = np.flatnonzero(sources == source), np.flatnonzero(sources != source)
        found = search(view.take(here), view.take(there), 2)
        nearest[here] = np.where(found.positions >= 0, there[found.positions], -1)
        scores[here] = found.scores
    return nearest, scores


def perturbed(
    listings: Catalogue, rows: np.ndarray, differences: Differences, *, seed: int = 0
) -> Catalogue:
    """Copies of some listings, each changed as one pair, drawn at random, differs.

    Words are dropped, words of other listings' same field are added, others are misspelt, and
    fields go missing. At least one word of a title stays. Columns that Akin does not know, such as
    a text of all fields, are left out.
    """
    rng = np.random.default_rng(seed)
    cut = {field: [(text or "").split() for text in listings.items[field]] for field in TEXTS}
    copies = listings.take(rows).items.copy()
    made = {field: [] for field in TEXTS}
    for row in rows:
        for field in TEXTS:
            other = cut[field][rng.integers(len(listings))]
            made[field].append(_changed(cut[field][row], other, field, differences, rng))
    for field in TEXTS:
        copies[field] = made[field]
    for field, missing in differences.missing.items():
        gone = rng.random(len(rows)) < _mean(missing)
        blank = np.nan if field == "price" else None
        copies[field] = [blank if g else v for g, v in zip(gone, copies[field], strict=True)]
    known = ["title", "description", "brand", "price", "attributes", "category", "group"]
    copies.index = [f"copy of {i}" for i in copies.index]
    return Catalogue("copies", copies[known])


def _changed(
    text: list[str],
    other: list[str],
    field: str,
    differences: Differences,
    rng: np.random.Generator,
) -> str | None:
    if not text:
        return None
    if len(text) == 1 and len(text[0]) > 20:  # Chinese and Japanese: no blanks
        text, other, glue = list(text[0]), list("".join(other)), ""
    else:
        glue = " "
    drawn = rng.integers(len(differences.kept[field, False]))
    share = {d: _one(differences.kept[field, d], drawn) for d in (False, True)}
    kept = [w for w in text if rng.random() < share[_digit(w)]] or [text[rng.integers(len(text))]]
    added = round(_one(differences.added[field], drawn % len(differences.added[field])) * len(text))
    kept += list(rng.permutation(other)[:added]) if other else []
    respaced = _one(differences.respaced, drawn % len(differences.respaced), 0.0)
    kept = [_respaced(w) if _digit(w) and rng.random() < respaced else w for w in kept]
    share = _one(differences.misspelt, drawn % len(differences.misspelt))
    return misspell(glue.join(kept), min(1.0, share), seed=int(rng.integers(2**31)))


def _respaced(word: str) -> str:
    """A code as another shop writes it: without its hyphen, or cut where letters meet digits."""
    bare = word.replace("-", "").replace("/", "")
    return bare if bare != word else BORDER.sub(" ", word, count=1)


def _one(values: np.ndarray, drawn: int, empty: float = 1.0) -> float:
    """The pair's own value, or the mean of all where it has none; `empty` where nobody has."""
    return float(values[drawn]) if not np.isnan(values[drawn]) else _mean(values, empty)


def _mean(values: np.ndarray, empty: float = 0.0) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else empty


def _digit(word: str) -> bool:
    return any(letter.isdigit() for letter in word)
