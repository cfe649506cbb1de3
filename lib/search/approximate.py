"""Approximate nearest neighbours by faiss: HNSW, LSH and IVF-PQ, for `search(..., index=...)`.

An index proposes candidates; their cosines are then computed exactly, so that scores and the order
of what was found are those of exact search. The only error is a neighbour that is missed. Exact
search itself is in `exact.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import faiss

CENTROID_POINTS = 39  # vectors a cell of IVF needs, as faiss asks


def build_index(vectors: np.ndarray, kind: str, *, seed: int = 0, **settings: int) -> faiss.Index:
    """A faiss index over unit rows, (n, d) float32, n at least 1; `kind` is a key of `INDEXES`,
    which documents its settings.

    The same seed and vectors give the same index: HNSW is built on one thread, as its links depend
    on the order of adding.
    """
    return INDEXES[kind](np.ascontiguousarray(vectors, np.float32), seed, **settings)


def candidates(index: faiss.Index, queries: np.ndarray, k: int) -> np.ndarray:
    """The positions that the index finds nearest, (q, d) -> (q, at most k); -1 where it finds
    fewer.
    """
    padded = np.pad(queries, ((0, 0), (0, index.d - queries.shape[1])))  # as `_ivfpq` pads
    return index.search(padded, min(k, index.ntotal))[1]


def _hnsw(
    vectors: np.ndarray,
    seed: int,
    *,
    links: int = 32,
    ef_construction: int = 200,
    ef_search: int = 128,
) -> faiss.Index:
    """Hierarchical navigable small worlds (Malkov and Yashunin 2018): a graph of near neighbours
    that is searched greedily.

    `links` is the most edges a vector has, twice as many on the lowest level. `ef_construction` and
    `ef_search` are the candidates kept while building and searching. Larger values find more and
    take longer.
    """
    import faiss

    index = faiss.IndexHNSWFlat(vectors.shape[1], links, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.rng = faiss.RandomGenerator(seed)
    index.hnsw.efConstruction, index.hnsw.efSearch = ef_construction, ef_search
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        index.add(vectors)
    finally:
        faiss.omp_set_num_threads(threads)
    return index


def _lsh(vectors: np.ndarray, seed: int, *, bits: int = 512) -> faiss.Index:
    """Locality-sensitive hashing (Charikar 2002): the signs of `bits` random projections, compared
    by Hamming distance.

    faiss compares a query with every code. With as many bits as dimensions the codes take 1/32 of
    the memory of float32 vectors; the number of comparisons is the same.
    """
    import faiss

    rotated, trained = True, False  # projections at random, their thresholds at 0
    index = faiss.IndexLSH(vectors.shape[1], bits, rotated, trained)
    index.rrot.init(seed)
    index.add(vectors)
    return index


def _ivfpq(
    vectors: np.ndarray,
    seed: int,
    *,
    cells: int | None = None,
    probes: int = 16,
    parts: int = 48,
    bits: int = 8,
) -> faiss.Index:
    """Inverted lists of product-quantised vectors (Jégou, Douze and Schmid 2011).

    k-means cuts space into `cells` (the root of n by default); a query looks into the `probes`
    nearest. A vector is cut into `parts`, each kept as one of 2^`bits` centroids. Few vectors get
    fewer cells and bits.
    """
    import faiss

    n, d = vectors.shape
    width = math.ceil(d / parts) * parts
    vectors = np.pad(vectors, ((0, 0), (0, width - d)))  # zeros change no inner product
    cells = max(1, min(cells or round(math.sqrt(n)), n // CENTROID_POINTS))
    bits = max(1, min(bits, int(math.log2(n))))
    index = faiss.IndexIVFPQ(
        faiss.IndexFlatIP(width), width, cells, parts, bits, faiss.METRIC_INNER_PRODUCT
    )
    for means in (index.cp, index.pq.cp):
        means.seed, means.min_points_per_centroid = seed, 1  # small catalogues need no warning
    index.nprobe = min(probes, cells)
    # k-means wants as many points as means
    index.train(vectors if n > 1 else np.repeat(vectors, 2, axis=0))
    index.add(vectors)
    return index


INDEXES: dict[str, Callable[..., faiss.Index]] = {"hnsw": _hnsw, "lsh": _lsh, "ivfpq": _ivfpq}
