"""Pairs of listings as numbers: what two listings share, and how a pair stands among all pairs of two catalogues.

It holds no classifier and no decision; those are in `matching.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from scipy.sparse import csr_array, issparse

from lib.catalogue import Catalogue, stack
from lib.datasets import Dataset
from lib.embeddings import embed
from lib.encoders import encoder
from lib.tasks.listings import TEXT, listing_features

HEAD = ("title", "attributes", "brand")
CHARACTERS = {"analyzer": "char_wb", "sublinear": True}
# name -> (encoder, options): the similarities of `pair_features`
ENCODERS: dict[str, tuple[str, Mapping[str, object]]] = {
    "words": ("tfidf", {"fields": ["title"], "sublinear": True}),
    "words_all": ("tfidf", {"fields": TEXT, "sublinear": True}),
    "trigrams": ("tfidf", {"fields": ["title"], **CHARACTERS}),
    "trigrams_all": ("tfidf", {"fields": TEXT, **CHARACTERS}),
    "ngrams": ("tfidf", {"fields": HEAD, "ngrams": (2, 5), **CHARACTERS}),
    "minilm": ("minilm", {"fields": HEAD}),
}
NEAREST = 10  # candidates that say how crowded a listing's neighbourhood is
BLOCK_CELLS = 2**23  # similarities held at once
SAME = 1e-6  # cosines nearer than this are ties
Vectors = np.ndarray | csr_array


def labelled_pairs(dataset: Dataset) -> tuple[Catalogue, Catalogue, pd.DataFrame]:
    """The distinct records of a set's labelled pairs as two catalogues, and the pairs by id: split, left, right, label.

    Records of all splits are in the catalogues, without labels. On the three two-shop sets at least 93 % of their titles
    stand in the shops' own files too, less spelling; those files lack the records' categories, so the records serve.
    """
    if dataset.pairs is None:
        raise ValueError(f"{dataset.name!r} has no labelled pairs; the two-shop sets do")
    sides, ids = [], {}
    for side in ("left", "right"):
        keys = [json.dumps(record, sort_keys=True) for record in dataset.pairs[side]]
        known = {key: f"{side} {i}" for i, key in enumerate(dict.fromkeys(keys))}
        sides.append(_catalogue(side, {known[key]: json.loads(key) for key in known}))
        ids[side] = [known[key] for key in keys]
    return sides[0], sides[1], dataset.pairs.assign(**ids)


def _catalogue(name: str, records: Mapping[str, Mapping[str, str]]) -> Catalogue:
    rows = [
        {
            "title": r.get("title", r.get("name")) or None,
            "description": r.get("description") or None,
            "brand": r.get("brand", r.get("manufacturer")) or None,
            "category": r.get("category") or None,
            "price": float(r["price"]) if r.get("price") else np.nan,
            "attributes": {"modelno": r["modelno"]} if r.get("modelno") else None,
        }
        for r in records.values()
    ]
    return Catalogue(name, pd.DataFrame(rows, index=list(records)))


def pair_features(
    left: Catalogue,
    right: Catalogue,
    pairs: pd.DataFrame,
    *,
    encoders: Mapping[str, tuple[str, Mapping[str, object]]] = ENCODERS,
    whole: bool = True,
    extra: Mapping[str, np.ndarray] | None = None,
) -> pd.DataFrame:
    """Each pair (ids in the columns `left` and `right`) as numbers, (pairs, features); NaN where a part is missing.

    From the two listings alone: cosines, shared words, model numbers and numbers, brand, price, lengths. With `whole`
    also how each cosine stands among all candidates: see `standing`. `extra` joins further scores of these pairs, such as
    a fine-tuned encoder's, with their `standing_among` the pairs given. No label is read, but the listings of every
    split are: they are the candidates, and term weights are fitted on them, with and without `whole`. Where left and right
    are one catalogue, no listing is its own candidate.
    """
    rows = left.items.index.get_indexer(pairs["left"]), right.items.index.get_indexer(pairs["right"])
    for side, catalogue, found in zip(("left", "right"), (left, right), rows, strict=True):
        if (found < 0).any():
            lost = pairs[side].iloc[int(np.argmin(found))]
            raise ValueError(f"catalogue {catalogue.name!r} has no product with id {lost!r}, which a pair names")
    both = stack([left.renamed("left"), right.renamed("right")])
    itself = np.array_equal(left.ids, right.ids)
    parts = [listing_features(left, right, *rows)]
    for name, (spec, options) in encoders.items():
        fitted = encoder(spec, **options).fit(both)
        stands = standing(embed(fitted, left).vectors, embed(fitted, right).vectors, *rows, itself=itself)
        parts.append((stands if whole else stands[["cosine"]]).add_prefix(f"{name} "))
    for name, scores in (extra or {}).items():
        stands = standing_among(pairs, scores)
        parts.append((stands if whole else stands[["score"]]).add_prefix(f"{name} "))
    return pd.concat([part.set_axis(pairs.index) for part in parts], axis=1)


def standing(left: Vectors, right: Vectors, i: np.ndarray, j: np.ndarray, *, itself: bool = False) -> pd.DataFrame:
    """The cosine of left[i] and right[j], (n, d), (m, d), (p,), (p,), and how it stands among all candidates of both.

    From either side: `rank`, log(1 + candidates that are nearer); `margin`, the cosine less the best other candidate's;
    `crowd`, the cosine in standard deviations above the mean of the ten nearest. NaN where a vector is zero.
    `itself` says that both sides are one catalogue, where no listing is its own candidate.
    """
    columns: dict[str, np.ndarray] = {"cosine": np.empty(len(i))}
    for side, (own, other, asked, given) in {"left": (left, right, i, j), "right": (right, left, j, i)}.items():
        rank, margin, crowd = (np.empty(len(i)) for _ in range(3))
        for here, values in _candidates(own, other, asked):
            if itself:
                values[asked[here[0]]] = -1
            cosine = values[given[here]]
            best = -np.partition(-values, min(NEAREST, len(values) - 1))[:NEAREST]
            top = np.sort(best)[::-1][:2]
            columns["cosine"][here] = cosine
            rank[here] = np.log1p((values > cosine[:, None] + SAME).sum(axis=1))
            margin[here] = cosine - np.where(cosine >= top[0] - SAME, top[-1] if len(values) > 1 else 0, top[0])
            crowd[here] = (cosine - best.mean()) / (best.std() + SAME)
        columns |= {f"rank {side}": rank, f"margin {side}": margin, f"crowd {side}": crowd}
    frame = pd.DataFrame(columns)
    frame["rank both"] = frame["rank left"] + frame["rank right"]
    frame["margin both"] = frame[["margin left", "margin right"]].min(axis=1)
    frame.loc[~(_present(left)[i] & _present(right)[j])] = np.nan
    return frame


def _candidates(own: Vectors, other: Vectors, asked: np.ndarray) -> Iterable[tuple[np.ndarray, np.ndarray]]:
    """For each row that some pair asks about: those pairs' places, and the row's cosine with every candidate."""
    order = np.argsort(asked, kind="stable")
    rows, first = np.unique(asked[order], return_index=True)
    places = np.split(order, first[1:])
    size = max(1, BLOCK_CELLS // max(other.shape[0], 1))
    for start in range(0, len(rows), size):
        block = own[rows[start : start + size]] @ other.T  # (b, d) @ (d, m) -> (b, m)
        block = block.toarray() if issparse(block) else block
        yield from zip(places[start : start + size], block, strict=True)


def standing_among(pairs: pd.DataFrame, scores: np.ndarray) -> pd.DataFrame:
    """A score of each pair, (p,), with its rank and margin among the given pairs that share its left or its right listing.

    `rank` is log(1 + pairs that score higher), `margin` the score less the best other pair's, NaN where there is none.
    A pair given twice is no rival of itself: its first score counts.
    """
    every = pairs[["left", "right"]].reset_index(drop=True).assign(score=np.asarray(scores, float))
    frame = every.drop_duplicates(["left", "right"])
    for side in ("left", "right"):
        of = frame["score"].groupby(frame[side])
        rank = of.rank(method="first", ascending=False)
        best = frame[side].map(of.max())
        second = frame[side].map(frame["score"][rank == 2].groupby(frame[side]).max())  # NaN where it is alone
        rival = best.where(rank > 1, second)
        frame = frame.assign(
            **{f"rank {side}": np.log1p(of.rank(method="min", ascending=False) - 1), f"margin {side}": frame["score"] - rival}
        )
    found = every[["left", "right"]].merge(frame, on=["left", "right"], how="left")
    return found.drop(columns=["left", "right"]).set_axis(pairs.index)


def _present(vectors: Vectors) -> np.ndarray:
    return np.asarray(abs(vectors).sum(axis=1)).ravel() > 0
