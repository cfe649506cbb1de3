"""Vectors in two or three dimensions, to look at: PCA and t-SNE. To search in fewer dimensions there is the encoder lsa."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array, issparse

METHODS = ("pca", "tsne")
BEFORE_TSNE = 50  # dimensions that van der Maaten and Hinton (2008) leave t-SNE: fewer are faster and less noisy


def projection(vectors: np.ndarray | csr_array, method: str = "pca", *, dimensions: int = 2, seed: int = 0) -> np.ndarray:
    """Rows in fewer dimensions, by scikit-learn, (n, d) -> (n, dimensions) float32; all-zero rows (missing) give NaN.

    "pca" keeps the directions of largest variance, also of sparse rows without making them dense; "tsne" (van der
    Maaten and Hinton 2008, started from PCA, perplexity 30 or a third of the rows) keeps who is near whom: its distances
    between clusters, and their sizes, mean nothing. Raises ValueError for an unknown method or too few rows or columns.
    """
    if method not in METHODS:
        raise ValueError(f"no projection {method!r}; there are {', '.join(METHODS)}")
    present = np.asarray((vectors != 0).sum(axis=1)).ravel() > 0
    rows = vectors[present]
    if min(rows.shape) <= dimensions:
        raise ValueError(f"{rows.shape} rows that are not zero and columns: more than {dimensions} of each are needed")
    points = np.full((vectors.shape[0], dimensions), np.nan, np.float32)
    points[present] = _tsne(rows, dimensions, seed) if method == "tsne" else _linear(rows, dimensions, seed)
    return points


def _linear(rows: np.ndarray | csr_array, dimensions: int, seed: int) -> np.ndarray:
    from sklearn.decomposition import PCA

    solver = "arpack" if issparse(rows) else "auto"  # the only one that centres sparse rows without filling them
    return PCA(dimensions, svd_solver=solver, random_state=seed).fit_transform(rows)


def _tsne(rows: np.ndarray | csr_array, dimensions: int, seed: int) -> np.ndarray:
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    if issparse(rows) or rows.shape[1] > BEFORE_TSNE:
        rows = _linear(rows, min(BEFORE_TSNE, min(rows.shape) - 1), seed)
    perplexity = min(30.0, (len(rows) - 1) / 3)
    with threadpool_limits(1):  # its threads meet a thousand times: on a busy machine two took four times as long as one
        return TSNE(dimensions, init="pca", perplexity=perplexity, random_state=seed).fit_transform(rows)
