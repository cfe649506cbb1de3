"""Fusion of products that lack different modalities: cosines calibrated for what both have.

`concat` scales the other weights up where a modality is missing, so products that lack the same one
look nearer than they are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lib.data.task import Task
from lib.encoders.embeddings import Embeddings
from lib.fusion.concatenation import named, present, scaled, shares, side_by_side


def neutral_cosines(parts: Sequence[Embeddings], task: Task) -> np.ndarray:
    """Each part's cosine that speaks neither for a match nor against it, (m,).

    It lies halfway between the mean of the relevant pairs and the mean of all others, over pairs
    that both have the part. The task is over these products: a training or validation part.
    """
    left, right = task.relevance.nonzero()
    found = []
    for part in parts:
        n = int(part.present.sum())
        both = part.present[left] & part.present[right]
        matching = float((part.vectors[left[both]] * part.vectors[right[both]]).sum())
        everything = float((part.vectors.sum(axis=0) ** 2).sum())  # of all pairs, n with themselves
        others, count = everything - n - matching, n * n - n - both.sum()
        found.append((matching / max(both.sum(), 1) + others / max(count, 1)) / 2)
    return np.array(found)


def calibrated(
    parts: Sequence[Embeddings], weights: Sequence[float], neutral: Sequence[float]
) -> tuple[Embeddings, Embeddings]:
    """(queries, corpus) for `search`: a part that one of the two lacks speaks neither for nor
    against.

    A product scores the sum, over the parts that it and the query have, of weight · (cosine -
    neutral), with `neutral` (m,) from `neutral_cosines`. A query's scores are scaled by a constant
    of its own, which leaves its order. Where all have everything, the order is that of `concat`.
    Vectors are (n, d1 + d2 + … + m + 1); a product that lacks all stays zero. Raises ValueError as
    `concat` does, and unless `neutral` is a number a part.

    >>> from lib import concat
    >>> ids = np.array(["asked", "text alone", "other photo"])
    >>> text = Embeddings("text", ids, np.array([[1.0, 0], [0.6, 0.8], [1, 0]]))
    >>> photo = Embeddings("photo", ids, np.array([[1.0, 0], [0, 0], [0, 1]]))
    >>> both = concat([text, photo])
    >>> print((both.vectors @ both.vectors.T)[0].round(2))  # a wrong photo is better than none
    [1.   0.42 0.5 ]
    >>> queries, corpus = calibrated([text, photo], [1, 1], [0.4, 0.5])
    >>> found = queries.vectors @ corpus.vectors.T
    >>> print((found / found[0, 0])[0].round(2))  # sums 0.55, 0.5 (0.6 - 0.4), 0.05
    [1.   0.18 0.09]
    """
    share, level = shares(parts, weights), np.asarray(neutral, float)
    if level.shape != share.shape or not np.isfinite(level).all():
        raise ValueError(f"neutral must be {len(parts)} finite numbers, got {neutral}")
    here = present(parts) * np.sqrt(share).astype(np.float32)  # (n, m)
    known = [scaled(part.vectors, here[:, m]) for m, part in enumerate(parts)]
    # one more column a part, whose product is -weight · neutral where both have it
    less = (here * np.sqrt(np.abs(level))).astype(np.float32)
    norms = np.sqrt((here**2 + less**2).sum(axis=1))
    # search divides by the corpus's norms: a last column, empty in queries, makes them equal
    rest = np.sqrt(np.maximum(norms.max() ** 2 - norms**2, 0)) * (norms > 0)
    name, ids = f"calibrated {named(parts, share)}", parts[0].ids
    empty = np.zeros((len(ids), 1), np.float32)
    queries = side_by_side([*known, less * np.sign(level).astype(np.float32), empty])
    corpus = side_by_side([*known, -less, rest[:, None].astype(np.float32)])
    return Embeddings(name, ids, queries), Embeddings(name, ids, corpus)
