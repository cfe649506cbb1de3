"""Collaborative filtering: what shoppers with like baskets bought, from purchases alone.

Item-to-item models give a matrix (n, n) for `Scores(name, history, matrix)`, so that a shopper who came after fitting, or
bought since, needs no new fit. Content and popularity are in `recommendation.py`.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
from scipy.sparse import csr_array, csr_matrix, diags_array
from threadpoolctl import threadpool_limits

from lib.encoders.base import require
from lib.tasks.purchases import Purchases
from lib.tasks.recommendation import Scores

FAINT = 0.01  # a transition that counts less is left out


def transitions(history: Purchases, *, fade: float = 0.8, damping: float = 0.5) -> csr_array:
    """What is bought after what, (n, n): row a, column b counts b after a, `fade` times as much for each purchase between.

    With `fade` 0 only the next purchase counts, which is a first-order Markov chain. Row a is divided by the `damping`-th
    power of its sum: 0 leaves counts, 1 gives probabilities, between them what was bought often says more, but not
    in proportion.
    """
    if not (0 <= fade < 1 and 0 <= damping <= 1):
        raise ValueError(f"fade is in [0, 1) and damping in [0, 1], got {fade} and {damping}")
    n = len(history.items)
    total = csr_array((n, n), dtype=np.float32)
    gap = 1
    while gap < len(history) and fade ** (gap - 1) >= FAINT:
        same = history.rows[gap:] == history.rows[:-gap]
        cells = (history.columns[:-gap][same], history.columns[gap:][same])
        total = total + csr_array((np.full(same.sum(), fade ** (gap - 1), np.float32), cells), shape=(n, n))
        gap += 1
    out = np.asarray(total.sum(axis=1), float)
    scale = np.power(out, -damping, where=out > 0, out=np.zeros(n))
    return csr_array(diags_array(scale.astype(np.float32)) @ total)


def ease(bought: csr_array, *, penalty: float = 200.0) -> np.ndarray:
    """EASE (Steck 2019): the (n, n) float32 matrix B with a zero diagonal that least-squares predicts X from X B.

    With P = (X'X + penalty I)^-1, B is -P with each column divided by its diagonal element; `bought` (u, n) is X.
    In memory: n² numbers, once (12,000 items: 0.6 GB), by Cholesky on all threads.
    """
    from scipy.linalg import lapack

    if not penalty > 0:
        raise ValueError(f"penalty must be above 0, got {penalty}")
    gram = (bought.T @ bought).astype(np.float32).toarray(order="F")  # (n, u) @ (u, n) -> (n, n)
    diagonal = np.arange(len(gram))
    gram[diagonal, diagonal] += penalty
    factor, failed = lapack.spotrf(gram, lower=1, overwrite_a=1)
    inverse, failed_too = lapack.spotri(factor, lower=1, overwrite_c=1)
    if failed or failed_too:
        raise ValueError(f"the Gram matrix cannot be inverted in float32; use a penalty above {penalty}")
    _mirror(inverse)
    inverse /= -inverse[diagonal, diagonal]
    inverse[diagonal, diagonal] = 0
    return inverse


def item_knn(bought: csr_array, *, k: int = 100) -> csr_array:
    """Each item's k nearest by the cosine of who bought them, (n, n), itself among them; by `implicit`."""
    nearest = _implicit("nearest_neighbours").CosineRecommender(K=k, num_threads=1)
    with warnings.catch_warnings():  # about a conversion inside the library
        warnings.filterwarnings("ignore", message="Method expects CSR input")
        nearest.fit(csr_matrix(bought), show_progress=False)
    return csr_array(nearest.similarity, dtype=np.float32)


def als(
    bought: csr_array,
    *,
    factors: int = 64,
    regularisation: float = 0.05,
    confidence: float = 10.0,
    iterations: int = 15,
    seed: int = 0,
) -> Callable[[csr_array], Scores]:
    """Weighted matrix factorisation by alternating least squares (Hu, Koren and Volinsky 2008); by `implicit`.

    A purchase counts `confidence` times as much as a missing one. The result takes any histories (u, n) to scores: their
    factors are solved with the items' factors held.
    """
    options = {"regularization": regularisation, "alpha": confidence, "iterations": iterations}
    with threadpool_limits(1, "blas"):  # the library's own threads and BLAS's would wait for each other
        model = _implicit("als").AlternatingLeastSquares(factors=factors, num_threads=1, random_state=seed, **options)
        model.fit(csr_matrix(bought), show_progress=False)
    return functools.partial(_fold_in, model)


def _fold_in(model: Any, history: csr_array) -> Scores:
    users = model.recalculate_user(np.arange(history.shape[0]), csr_matrix(history))
    return Scores(f"als({model.factors})", np.asarray(users), np.asarray(model.item_factors).T)


def bpr(
    bought: csr_array,
    *,
    factors: int = 64,
    rate: float = 0.05,
    regularisation: float = 0.01,
    iterations: int = 100,
    seed: int = 0,
) -> Scores:
    """Factors trained so that what was bought scores above what was not (BPR, Rendle et al. 2009); by `implicit`.

    For the shoppers of `bought` only: what came later changes nothing. On one thread: several race, and the result would
    differ from run to run.
    """
    options = {"regularization": regularisation, "learning_rate": rate, "iterations": iterations}
    with threadpool_limits(1, "blas"):
        model = _implicit("bpr").BayesianPersonalizedRanking(factors=factors, num_threads=1, random_state=seed, **options)
        model.fit(csr_matrix(bought), show_progress=False)
    return Scores(f"bpr({factors})", np.asarray(model.user_factors), np.asarray(model.item_factors).T)


def _mirror(matrix: np.ndarray, size: int = 1024) -> None:
    """Copy the lower triangle to the upper, in place and a block at a time."""
    for first in range(0, len(matrix), size):
        here, below = slice(first, first + size), slice(first + size, None)
        corner = np.tril(matrix[here, here])
        matrix[here, here] = corner + np.tril(corner, -1).T
        matrix[here, below] = matrix[below, here].T


def _implicit(module: str) -> ModuleType:
    require("implicit", '-e ".[recommend]"')
    return require(f"implicit.{module}")
