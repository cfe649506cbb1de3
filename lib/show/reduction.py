"""Vectors in two dimensions, to look at: PCA and t-SNE.

To search in fewer dimensions there is the encoder lsa.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array, issparse

METHODS = ("pca", "tsne")
# dimensions that van der Maaten and Hinton (2008) leave t-SNE: fewer are faster and less noisy
BEFORE_TSNE = 50


def projection(
    vectors: np.ndarray | csr_array, method: str = "pca", *, seed: int = 0
) -> np.ndarray:
    """Rows in two dimensions, (n, d) -> (n, 2) float32; all-zero rows (missing) give NaN.

    "pca" keeps the directions of largest variance. "tsne" (van der Maaten and Hinton 2008) keeps
    which rows are near each other: distances between its clusters, and their sizes, mean nothing.
    It starts from PCA with a perplexity of 30, or a third of the rows. Both are scikit-learn's.
    Raises ValueError for an unknown method or too few rows or columns.
    """
    if method not in METHODS:
        raise ValueError(f"no projection {method!r}; there are {', '.join(METHODS)}")
    present = np.asarray((vectors != 0).sum(axis=1)).ravel() > 0
    rows = vectors[present]
    if min(rows.shape) <= 2:
        raise ValueError(
            f"got {rows.shape} rows that are not zero and columns; more than 2 of each are needed"
        )
    points = np.full((vectors.shape[0], 2), np.nan, np.float32)
    points[present] = _tsne(rows, seed) if method == "tsne" else _pca(rows, 2, seed)
    return points


def _pca(rows: np.ndarray | csr_array, dimensions: int, seed: int) -> np.ndarray:
    from sklearn.decomposition import PCA

    solver = "arpack" if issparse(rows) else "auto"  # arpack alone centres rows that stay sparse
    return PCA(dimensions, svd_solver=solver, random_state=seed).fit_transform(rows)


def _tsne(rows: np.ndarray | csr_array, seed: int) -> np.ndarray:
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    if issparse(rows) or rows.shape[1] > BEFORE_TSNE:
        rows = _pca(rows, min(BEFORE_TSNE, min(rows.shape) - 1), seed)
    perplexity = min(30.0, (len(rows) - 1) / 3)
    tsne = TSNE(init="pca", perplexity=perplexity, random_state=seed)
    # t-SNE's threads wait for each other a thousand times; on a busy machine two took four times
    # as long as one
    with threadpool_limits(1):
        return tsne.fit_transform(rows)
