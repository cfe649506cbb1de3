"""Cosines of chosen pairs of rows, where a search over all pairs would be too much."""

from __future__ import annotations

import numpy as np
from scipy.sparse import issparse

from lib.encoders.embeddings import Embeddings

BLOCK = 2**15  # pairs whose vectors are held at once


def row_cosines(left: Embeddings, i: np.ndarray, right: Embeddings, j: np.ndarray) -> np.ndarray:
    """The cosines of left[i] and right[j], (p,), (p,) -> (p,), of dense or of sparse vectors."""
    cosines = np.empty(len(i), np.float32)
    for first in range(0, len(i), BLOCK):
        block = slice(first, first + BLOCK)
        u, v = left.vectors[i[block]], right.vectors[j[block]]  # (b, d) each
        cosines[block] = u.multiply(v).sum(axis=1) if issparse(u) else np.einsum("pd,pd->p", u, v)
    return cosines
