"""Approximate search finds nearly what exact search finds, with exact scores, and never what must
not be found.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from lib.encoders.embeddings import Embeddings
from lib.search.approximate import INDEXES, build_index
from lib.search.exact import search

KINDS = list(INDEXES)


def embeddings(vectors: np.ndarray | list) -> Embeddings:
    vectors = np.asarray(vectors, np.float32)
    return Embeddings("e", np.arange(len(vectors)).astype(str), vectors)


def clouds(n: int, d: int = 48, seed: int = 0) -> np.ndarray:
    """Points around fifty centres, as products lie around kinds."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(50, d))[rng.integers(50, size=n)] + 0.5 * rng.normal(size=(n, d))


def shared(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.mean([len(set(x) & set(y)) / len(y) for x, y in zip(a, b, strict=True)]))


@pytest.mark.parametrize("kind", KINDS)
def test_nearly_everything_is_found_with_exact_scores_in_order(kind: str) -> None:
    queries, corpus = embeddings(clouds(60)), embeddings(clouds(2000))
    exact, found = search(queries, corpus, 10), search(queries, corpus, 10, index=kind)
    assert shared(found.positions, exact.positions) > 0.9
    cosines = np.einsum("qd,qkd->qk", queries.vectors, corpus.vectors[found.positions])
    np.testing.assert_allclose(found.scores, cosines, atol=1e-6)
    assert (np.diff(found.scores, axis=1) <= 0).all()
    assert found.scores.dtype == np.float32


@pytest.mark.parametrize(
    ("kind", "weak", "strong"),
    [
        ("hnsw", {"links": 4, "ef_search": 1, "ef_construction": 8}, {"ef_search": 256}),
        ("lsh", {"bits": 16, "refine": 1}, {"bits": 2048}),
        ("ivfpq", {"probes": 1, "parts": 6, "refine": 1}, {"probes": 44}),
    ],
)
def test_settings_trade_recall(kind: str, weak: dict, strong: dict) -> None:
    queries, corpus = embeddings(clouds(60)), embeddings(clouds(2000))
    exact = search(queries, corpus, 10).positions
    low, high = (
        shared(search(queries, corpus, 10, index=kind, **s).positions, exact)
        for s in (weak, strong)
    )
    assert low + 0.05 < high
    assert high > 0.95


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_fixes_the_result(kind: str) -> None:
    queries, corpus = embeddings(clouds(40)), embeddings(clouds(600))
    coarse = {
        "hnsw": {"links": 4, "ef_search": 1},
        "lsh": {"bits": 16, "refine": 1},
        "ivfpq": {"probes": 1, "refine": 1},
    }[kind]
    first, again, other = (
        search(queries, corpus, 5, index=kind, seed=s, **coarse).positions for s in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize("kind", KINDS)
def test_excluded_rows_never_come_back_and_take_up_no_room(kind: str) -> None:
    vectors = embeddings(clouds(300))
    nearest = search(vectors, vectors, 4).positions
    exclude = csr_array(
        (np.ones(1200), (np.repeat(np.arange(300), 4), nearest.ravel())), shape=(300, 300)
    )
    found = search(vectors, vectors, 5, exclude=exclude, index=kind).positions
    for row, banned in zip(found, nearest, strict=True):
        assert not set(row) & set(banned)
    exact = search(vectors, vectors, 5, exclude=exclude).positions
    assert shared(found, exact) > 0.9


@pytest.mark.parametrize("kind", KINDS)
def test_missing_rows_are_never_found_and_find_nothing(kind: str) -> None:
    vectors = clouds(200)
    vectors[::2] = 0
    some = embeddings(vectors)
    found = search(some, some, 150, index=kind)
    assert (found.positions[::2] == -1).all()
    assert np.isneginf(found.scores[::2]).all()
    assert set(found.positions[1::2].ravel()) <= {-1, *range(1, 200, 2)}
    assert (found.positions[1::2, 0] == np.arange(1, 200, 2)).mean() > 0.95  # itself


@pytest.mark.parametrize("kind", KINDS)
def test_one_product_or_none(kind: str) -> None:
    one, none = embeddings([[3, 4]]), embeddings(np.zeros((0, 2)))
    found = search(one, one, 3, index=kind)
    assert found.positions.tolist() == [[0, -1, -1]]
    assert found.scores[0, 0] == pytest.approx(1)
    assert search(one, none, 3, index=kind).positions.tolist() == [[-1, -1, -1]]
    assert search(none, one, 3, index=kind).positions.shape == (0, 3)


@pytest.mark.parametrize("kind", KINDS)
def test_equal_products_come_in_corpus_order(kind: str) -> None:
    found = search(
        embeddings([[1, 0]]), embeddings([[0, 1], [1, 0], [1, 0], [1, 0]]), 4, index=kind
    )
    assert found.positions[0].tolist() == [1, 2, 3, 0]


def test_few_products_get_few_cells() -> None:
    index = build_index(embeddings(clouds(100)).vectors, "ivfpq")
    assert (index.nlist, index.pq.nbits, index.ntotal) == (2, 6, 100)
    wide = build_index(embeddings(clouds(100, d=50)).vectors, "ivfpq")
    assert wide.d == 96  # padded to a multiple of the 48 parts


def test_wrong_arguments_say_what_to_do() -> None:
    dense, sparse = embeddings([[1, 0]]), Embeddings("s", np.array(["0"]), csr_array([[1.0, 0.0]]))
    with pytest.raises(ValueError, match="sparse: encode with lsa"):
        search(sparse, dense, 1, index="hnsw")
    with pytest.raises(ValueError, match=r"'hnsw' or 'lsh' or 'ivfpq', got 'annoy'"):
        search(sparse, dense, 1, index="annoy")
    with pytest.raises(TypeError, match="exact search has no settings, got ef_search"):
        search(dense, dense, 1, ef_search=3)
    with pytest.raises(TypeError, match="efsearch"):
        search(dense, dense, 1, index="hnsw", efsearch=3)
