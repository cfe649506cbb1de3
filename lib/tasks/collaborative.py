"""Collaborative filtering: what shoppers with like baskets bought, from purchases alone.

Each function here fits a model on purchases. A model's `scores` take any histories (u, n), so a
shopper who came after the fit, or bought since, needs no new fit. Content and popularity are in
`recommendation.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg
from scipy.sparse import csr_array, diags_array

from lib.data.purchases import Purchases
from lib.tasks.recommendation import Scores, recommend

FAINT = 0.01  # a transition that counts less is left out
STEPS = 3  # of conjugate gradients in each half of a round of ALS (Takács et al. 2011)
EXACT = 40  # steps after which the factors of a new history no longer change


@dataclass(frozen=True)
class ItemModel:
    """An item-to-item matrix (n, n): row a says how much a purchase of a speaks for each item."""

    name: str
    matrix: np.ndarray | csr_array

    def scores(self, weights: csr_array) -> Scores:
        """The scores for histories (u, n)."""
        return Scores(self.name, weights, self.matrix)


def item_knn(history: Purchases, k: int = 100) -> ItemModel:
    """Each item's k nearest by the cosine of who bought them, itself among them."""
    bought = history.weights()  # (u, n)
    norms = np.sqrt(bought.multiply(bought).sum(axis=0))
    unit = csr_array(bought @ diags_array(1 / np.maximum(norms, 1e-12)))
    nearest = recommend(Scores("cosine", csr_array(unit.T), unit), k)
    rows, places = np.nonzero(nearest.positions >= 0)
    cells = (rows, nearest.positions[rows, places])
    shape = (len(history.items), len(history.items))
    return ItemModel("item-kNN", csr_array((nearest.scores[rows, places], cells), shape=shape))


def transitions(history: Purchases, fade: float = 0.8, *, damping: float = 0.5) -> ItemModel:
    """What is bought after what: row a, column b counts b after a, `fade` times as much for each
    purchase between.

    With `fade` 0 only the next purchase counts, which is a first-order Markov chain. Row a is
    divided by the `damping`-th power of its sum. 0 leaves counts and 1 gives probabilities; between
    them, what was bought often says more, but not in proportion.
    """
    if not (0 <= fade < 1 and 0 <= damping <= 1):
        raise ValueError(f"fade is in [0, 1) and damping in [0, 1], got {fade} and {damping}")
    n = len(history.items)
    counts = csr_array((n, n), dtype=np.float32)
    gap = 1
    while gap < len(history) and fade ** (gap - 1) >= FAINT:
        same = history.rows[gap:] == history.rows[:-gap]
        values = np.full(same.sum(), fade ** (gap - 1), np.float32)
        cells = (history.columns[:-gap][same], history.columns[gap:][same])
        counts = counts + csr_array((values, cells), shape=(n, n))
        gap += 1
    out = np.asarray(counts.sum(axis=1), float)
    scale = np.power(out, -damping, where=out > 0, out=np.zeros(n))
    return ItemModel("transitions", csr_array(diags_array(scale.astype(np.float32)) @ counts))


def ease(history: Purchases, penalty: float = 200.0) -> ItemModel:
    """EASE (Steck 2019): the matrix B with a zero diagonal whose XB is nearest to X, the purchases
    (u, n), by least squares.

    With P = (X'X + penalty I)^-1, B is -P with each column divided by its diagonal element. It
    needs memory for n² float32 numbers (12,000 items: 0.6 GB) and one Cholesky decomposition.
    """
    if not penalty > 0:
        raise ValueError(f"penalty must be above 0, got {penalty}")
    bought = history.weights()
    gram = (bought.T @ bought).astype(np.float32).toarray(order="F")  # (n, u) @ (u, n) -> (n, n)
    diagonal = np.arange(len(gram))
    gram[diagonal, diagonal] += penalty
    inverse = linalg.inv(gram, overwrite_a=True, assume_a="pos", lower=True)
    inverse /= -inverse[diagonal, diagonal]
    inverse[diagonal, diagonal] = 0
    return ItemModel("EASE", inverse)


@dataclass(frozen=True)
class Factors:
    """A factor a dimension for each item, (n, f); a shopper's own are solved from the history."""

    items: np.ndarray
    confidence: float
    penalty: float

    def scores(self, weights: csr_array) -> Scores:
        """The scores for histories (u, n)."""
        start = np.zeros((weights.shape[0], self.items.shape[1]), np.float32)
        users = _solve(self.confidence * weights, self.items, start, self.penalty, EXACT)
        return Scores("ALS", users, self.items.T)


def als(
    history: Purchases,
    confidence: float = 10.0,
    *,
    factors: int = 64,
    penalty: float = 0.05,
    rounds: int = 15,
    seed: int = 0,
) -> Factors:
    """Matrix factorisation by alternating least squares for purchases without ratings (Hu, Koren
    and Volinsky 2008).

    A purchase counts `confidence` times as much as an item that was not bought.
    """
    weights = csr_array(confidence * history.weights())  # (u, n)
    rng = np.random.default_rng(seed)
    users, items = (0.01 * rng.random((m, factors), np.float32) for m in weights.shape)
    for _ in range(rounds):
        users = _solve(weights, items, users, penalty, STEPS)
        items = _solve(csr_array(weights.T), users, items, penalty, STEPS)
    return Factors(items, confidence, penalty)


def _solve(
    weights: csr_array, other: np.ndarray, start: np.ndarray, penalty: float, steps: int
) -> np.ndarray:
    """The factors of one side where the `other` side's are held, (u, f), by conjugate gradients.

    Row x of a shopper solves A x = b with A = Y'CY + penalty I and b = Y'C p: Y are the other
    side's factors (n, f), C says how much each cell counts (1 where nothing was bought), p is 1
    where something was.
    """
    gram = other.T @ other + penalty * np.eye(other.shape[1], dtype=np.float32)
    rows = np.repeat(np.arange(weights.shape[0]), np.diff(weights.indptr))

    def product(x: np.ndarray) -> np.ndarray:  # A x for every row at once, (u, f)
        dots = np.einsum("mf,mf->m", x[rows], other[weights.indices])
        beyond = ((weights.data - 1) * dots, weights.indices, weights.indptr)
        return x @ gram + csr_array(beyond, shape=weights.shape) @ other

    x = start * (np.diff(weights.indptr) > 0)[:, None]  # nothing bought: all zero
    residual = weights @ other - product(x)
    direction, size = residual, _squares(residual)
    for _ in range(steps):
        along = product(direction)
        step = size / np.maximum(np.einsum("uf,uf->u", direction, along), 1e-20)
        x += step[:, None] * direction
        residual = residual - step[:, None] * along
        size, before = _squares(residual), size
        direction = residual + (size / np.maximum(before, 1e-20))[:, None] * direction
    return x


def _squares(rows: np.ndarray) -> np.ndarray:
    return np.einsum("uf,uf->u", rows, rows)
