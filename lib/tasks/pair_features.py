"""Pairs of listings as numbers: what two listings share, and how a pair ranks among all pairs.

Where pairs come from is in `matching.py` and `blocking.py`, and so is the classifier of pairs.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.sparse import issparse

from lib.data.catalogue import Catalogue, stack
from lib.encoders import encoder
from lib.encoders.embeddings import Embeddings, embed
from lib.tasks.listing_features import TEXT, listing_features

HEAD = ("title", "attributes", "brand")
CHARACTERS = {"encoder": "tfidf", "analyzer": "char_wb", "sublinear": True}
ENCODERS: dict[str, dict] = {  # whose cosines `pair_features` takes
    "words": {"encoder": "tfidf", "fields": ["title"], "sublinear": True},
    "words_all": {"encoder": "tfidf", "fields": TEXT, "sublinear": True},
    "trigrams": {**CHARACTERS, "fields": ["title"]},
    "trigrams_all": {**CHARACTERS, "fields": TEXT},
    "ngrams": {**CHARACTERS, "fields": HEAD, "ngrams": (2, 5)},
    "minilm": {"encoder": "minilm", "fields": HEAD},
}
RANK_FEATURES = " (rank|margin|crowd) "  # finds the names of what `rank_features` adds to a cosine
NEAREST = 10  # candidates that say how crowded a listing's neighbourhood is
BLOCK_CELLS = 2**23  # similarities held at once
SAME = 1e-6  # cosines nearer than this are ties


def pair_features(
    left: Catalogue,
    right: Catalogue,
    pairs: pd.DataFrame,
    *,
    encoders: Mapping[str, Mapping] = ENCODERS,
) -> pd.DataFrame:
    """Each pair (ids in the columns `left` and `right`) as numbers, (p, features).

    They are `listing_features` of the two listings alone, then `rank_features` of each encoder's
    vectors. NaN where a part is missing. No label is read, but all listings are: they are the
    candidates, and the encoders are fitted on them. Where left and right are one catalogue, no
    listing is its own candidate.
    """
    rows = pair_rows(left, right, pairs)
    both = stack([left.renamed("left"), right.renamed("right")])
    parts = [listing_features(left, right, *rows)]
    for name, options in encoders.items():
        fitted = encoder(**options).fit(both)
        ranks = rank_features(embed(fitted, left), embed(fitted, right), *rows)
        parts.append(ranks.add_prefix(f"{name} "))
    return pd.concat(parts, axis=1).set_axis(pairs.index)


def pair_rows(
    left: Catalogue, right: Catalogue, pairs: pd.DataFrame
) -> tuple[np.ndarray, np.ndarray]:
    """Where the two listings of each pair stand in their catalogues, (p,), (p,)."""
    rows = []
    for catalogue, ids in ((left, pairs["left"]), (right, pairs["right"])):
        found = catalogue.items.index.get_indexer(ids)
        if (found < 0).any():
            lost = ids.iloc[int(np.argmin(found))]
            raise ValueError(
                f"a pair names {lost!r}, which catalogue {catalogue.name!r} does not hold; "
                "give pairs of these catalogues"
            )
        rows.append(found)
    return rows[0], rows[1]


def rank_features(
    left: Embeddings, right: Embeddings, i: np.ndarray, j: np.ndarray
) -> pd.DataFrame:
    """The cosine of left[i] and right[j], and how it ranks among all candidates: (p, 9).

    From either side: `rank` is log(1 + candidates that are nearer); `margin` is the cosine less the
    best other candidate's; `crowd` is the cosine in standard deviations above the mean of the ten
    nearest. `both` sums the ranks and takes the smaller margin. NaN where a vector is zero. Where
    both sides have the same ids, no listing is its own candidate.
    """
    from_left = _one_side(left, right, i, j).add_suffix(" left")
    from_right = _one_side(right, left, j, i).add_suffix(" right")
    cosine = from_right.pop("cosine right").rename("cosine")
    frame = pd.concat([cosine, from_left.drop(columns="cosine left"), from_right], axis=1)
    frame["rank both"] = frame["rank left"] + frame["rank right"]
    frame["margin both"] = frame[["margin left", "margin right"]].min(axis=1)
    frame.loc[~(left.present[i] & right.present[j])] = np.nan
    return frame


def _one_side(own: Embeddings, other: Embeddings, i: np.ndarray, j: np.ndarray) -> pd.DataFrame:
    """Cosine, rank, margin and crowd of own[i] and other[j] among all rows of `other`."""
    found, itself = np.empty((len(i), 4)), np.array_equal(own.ids, other.ids)
    rows, place = np.unique(i, return_inverse=True)
    size = max(1, BLOCK_CELLS // max(len(other), 1))
    for start in range(0, len(rows), size):
        asked = rows[start : start + size]
        block = own.vectors[asked] @ other.vectors.T  # (b, d) @ (d, m) -> (b, m)
        block = block.toarray() if issparse(block) else block
        if itself:
            block[np.arange(len(asked)), asked] = -1
        here = np.flatnonzero((place >= start) & (place < start + size))
        found[here] = _ranked(block, place[here] - start, j[here])
    return pd.DataFrame(found, columns=["cosine", "rank", "margin", "crowd"])


def _ranked(block: np.ndarray, row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """Cosine, rank, margin and crowd of cells of a block of cosines, (b, m) -> (p, 4)."""
    m = block.shape[1]
    cosine = block[row, column]
    nearest = -np.partition(-block, min(NEAREST, m - 1), axis=1)[:, :NEAREST]
    best = np.sort(nearest, axis=1)[:, ::-1]
    runner_up = best[row, 1] if m > 1 else 0
    rival = np.where(cosine >= best[row, 0] - SAME, runner_up, best[row, 0])
    nearer = [(block[r] > c + SAME).sum() for r, c in zip(row, cosine, strict=True)]
    crowd = (cosine - nearest.mean(axis=1)[row]) / (nearest.std(axis=1)[row] + SAME)
    return np.column_stack([cosine, np.log1p(nearer), cosine - rival, crowd])
