"""Exact search finds what a stable sort of all cosines finds: ties in corpus order, exclusions,
padding.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from lib.encoders.embeddings import Embeddings
from lib.search.exact import Ranking, search, top_k

KINDS = [("dense", "dense"), ("sparse", "sparse"), ("dense", "sparse"), ("sparse", "dense")]


def embeddings(vectors: np.ndarray | list, kind: str = "dense") -> Embeddings:
    vectors = np.asarray(vectors, np.float32)
    return Embeddings(
        kind,
        np.arange(len(vectors)).astype(str),
        csr_array(vectors) if kind == "sparse" else vectors,
    )


def signs(rng: np.random.Generator, n: int, d: int = 16) -> np.ndarray:
    """Unit rows of ±1/4: every cosine is a multiple of 1/8 and exact in any order of summation, so
    ties are real.
    """
    return rng.choice([-0.25, 0.25], (n, d)).astype(np.float32)


def naive(
    queries: Embeddings, corpus: Embeddings, k: int, exclude: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """All cosines in double precision, sorted stably; missing and excluded ones last."""
    q, c = (e.vectors.toarray() if e.name == "sparse" else e.vectors for e in (queries, corpus))
    scores = q.astype(float) @ c.astype(float).T
    scores[~queries.present] = -np.inf
    scores[:, ~corpus.present] = -np.inf
    if exclude is not None:
        scores[exclude] = -np.inf
    scores = np.pad(scores, ((0, 0), (0, max(0, k - scores.shape[1]))), constant_values=-np.inf)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    best = np.take_along_axis(scores, order, axis=1)
    return np.where(np.isfinite(best), order, -1), best


def assert_same(found: Ranking, expected: tuple[np.ndarray, np.ndarray]) -> None:
    np.testing.assert_array_equal(found.positions, expected[0])
    np.testing.assert_allclose(found.scores, expected[1], atol=1e-6)
    assert found.scores.dtype == np.float32


@pytest.mark.parametrize("k", [1, 3, 17, 50])
def test_top_k_equals_a_stable_sort(k: int) -> None:
    scores = (
        np.random.default_rng(k).integers(-3, 4, (40, 50)).astype(np.float32)
    )  # seven values: ties everywhere
    positions, best = top_k(scores, k)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    np.testing.assert_array_equal(positions, order)
    np.testing.assert_array_equal(best, np.take_along_axis(scores, order, axis=1))


def test_top_k_orders_negative_and_infinite_scores() -> None:
    positions, scores = top_k(
        np.array([[-2.0, -1.0, -np.inf, -1e-38, 1e-38, np.inf, -1.0]], np.float32), 7
    )
    assert positions.tolist() == [[5, 4, 3, 1, 6, 0, 2]]
    assert (np.diff(scores[0, 1:-1]) <= 0).all()


def test_top_k_by_hand() -> None:
    assert top_k(np.array([[1.0, 1.0, 1.0]], np.float32), 2)[0].tolist() == [
        [0, 1]
    ]  # everything tied
    assert top_k(np.array([[1.0, 2.0]], np.float32), 9)[0].tolist() == [
        [1, 0]
    ]  # no more than there are


def test_top_k_takes_both_zeros_for_equal() -> None:
    assert top_k(np.array([[-0.0, 0.0, -0.0]], np.float32), 3)[0].tolist() == [[0, 1, 2]]


@pytest.mark.parametrize("kinds", KINDS)
@pytest.mark.parametrize("k", [1, 5, 100, 130])
def test_search_equals_the_naive_reference_with_ties(kinds: tuple[str, str], k: int) -> None:
    rng = np.random.default_rng(k)
    queries, corpus = signs(rng, 30), signs(rng, 100)
    queries[3] = corpus[7] = corpus[60] = 0  # the modality is missing
    exclude = rng.random((30, 100)) < 0.2
    q, c = embeddings(queries, kinds[0]), embeddings(corpus, kinds[1])
    assert_same(search(q, c, k), naive(q, c, k))
    assert_same(search(q, c, k, exclude=csr_array(exclude)), naive(q, c, k, exclude))


@pytest.mark.parametrize("kinds", KINDS)
def test_search_equals_the_naive_reference_on_wide_sparse_rows(kinds: tuple[str, str]) -> None:
    rng = np.random.default_rng(4)
    queries, corpus = (
        np.where(rng.random((n, 300)) < 0.02, rng.random((n, 300)), 0) for n in (20, 200)
    )
    corpus[:, 0] += (
        0.1  # one column that every row uses, as in a dense block fused with a lexical one
    )
    queries[:, 0] += 0.1
    q, c = embeddings(queries, kinds[0]), embeddings(corpus, kinds[1])
    found, (_, scores) = search(q, c, 10), naive(q, c, 10)
    np.testing.assert_allclose(found.scores, scores, atol=1e-6)
    all_scores = naive(q, c, 200)
    where = np.argsort(all_scores[0], axis=1)  # position -> rank
    of_found = np.take_along_axis(
        all_scores[1], np.take_along_axis(where, found.positions, axis=1), axis=1
    )
    np.testing.assert_allclose(of_found, scores, atol=1e-6)  # the scores belong to the positions


def test_search_equals_the_naive_reference_on_any_vectors() -> None:
    rng = np.random.default_rng(5)
    q, c = embeddings(rng.normal(size=(50, 48))), embeddings(rng.normal(size=(3000, 48)))
    assert_same(search(q, c, 20), naive(q, c, 20))


@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_more_duplicates_than_k_come_in_corpus_order(kind: str) -> None:
    corpus = np.array([[0, 1], [1, 0], [0, 1], [0, 1], [0, 1], [0, 1]])
    found = search(embeddings([[0, 1], [1, 0]], kind), embeddings(corpus, kind), 3)
    assert found.positions.tolist() == [[0, 2, 3], [1, 0, 2]]
    assert found.ties == 3  # 0-2 and 2-3 of the first query, 0-2 of the second


@pytest.mark.parametrize("queries", [1, 3])
def test_duplicates_of_any_vector_come_in_corpus_order(queries: int) -> None:
    twins = np.array([0, 3, 5, 25, 48, 49])
    for seed in range(20):
        rng = np.random.default_rng(seed)
        corpus = rng.normal(size=(50, 64))
        corpus[twins] = corpus[0]
        near = corpus[0] + 0.3 * rng.normal(size=(queries, 64))
        assert (
            search(embeddings(near), embeddings(corpus), 3).positions.tolist()
            == [[0, 3, 5]] * queries
        )


def test_everything_tied() -> None:
    found = search(embeddings(np.ones((2, 3))), embeddings(np.ones((40, 3))), 4)
    assert found.positions.tolist() == [[0, 1, 2, 3]] * 2
    assert found.ties == 6


def test_k_larger_than_the_corpus_pads() -> None:
    found = search(embeddings([[1, 0]]), embeddings([[0, 1], [1, 0]]), 4)
    assert found.positions.tolist() == [[1, 0, -1, -1]]
    assert found.scores.tolist() == [[1, 0, -np.inf, -np.inf]]
    assert found.k == 4


@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_excluded_candidates_do_not_take_up_room(kind: str) -> None:
    same = embeddings([[1, 0], [1, 0.1], [1, 0.2], [1, 0.3]], kind)
    itself = search(same, same, 2, exclude=csr_array(np.eye(4)))
    assert itself.positions[0].tolist() == [1, 2]
    most = np.array([[True, True, True, False]] * 3 + [[True] * 4])
    found = search(same, same, 2, exclude=csr_array(most))
    assert found.positions.tolist() == [[3, -1]] * 3 + [[-1, -1]]
    assert np.isneginf(found.scores[:, 1]).all()


def test_excluding_what_is_missing_anyway_changes_nothing() -> None:
    corpus = embeddings([[0, 0], [1, 0], [0, 1]])
    found = search(embeddings([[1, 0]]), corpus, 2, exclude=csr_array(np.array([[1, 0, 0]])))
    assert found.positions.tolist() == [[1, 2]]


@pytest.mark.parametrize("kinds", KINDS)
def test_zero_rows_are_never_found_and_find_nothing(kinds: tuple[str, str]) -> None:
    queries, corpus = (
        embeddings([[0, 0], [-1, 0]], kinds[0]),
        embeddings([[0, 0], [1, 0], [0, 0]], kinds[1]),
    )
    found = search(queries, corpus, 3)
    assert found.positions.tolist() == [
        [-1, -1, -1],
        [1, -1, -1],
    ]  # -1 is below a zero row's 0, yet found
    assert found.scores[1, 0] == -1 and np.isneginf(found.scores[0]).all()


def test_an_empty_corpus_or_no_query() -> None:
    nothing = embeddings(np.zeros((0, 2)))
    assert search(embeddings([[1, 0]]), nothing, 2).positions.tolist() == [[-1, -1]]
    assert search(embeddings([[1, 0]]), embeddings([[0, 0]]), 2).positions.tolist() == [[-1, -1]]
    assert search(nothing, embeddings([[1, 0]]), 2).positions.shape == (0, 2)


def test_wrong_arguments_say_what_is_wrong() -> None:
    two, three = embeddings([[1, 0]]), embeddings([[1, 0, 0]])
    with pytest.raises(ValueError, match=r"2 dimensions.*3: encode both with one encoder"):
        search(two, three, 1)
    with pytest.raises(ValueError, match="k must be at least 1, got 0"):
        search(two, two, 0)
    with pytest.raises(ValueError, match=r"exclude is \(2, 1\).*\(1, 1\)"):
        search(two, two, 1, exclude=csr_array((2, 1)))
    with pytest.raises(ValueError, match="'hnsw9'"):
        search(two, two, 1, index="hnsw9")


def test_a_ranking_needs_a_score_for_every_position() -> None:
    with pytest.raises(ValueError, match="differ"):
        Ranking("r", np.zeros((2, 3), int), np.zeros((2, 2)))
    assert (
        Ranking("r", np.array([[4, -1, -1]]), np.array([[1, -np.inf, -np.inf]])).ties == 0
    )  # padding is no tie


def test_a_rankings_queries_and_places_can_be_picked() -> None:
    ranking = Ranking(
        "r",
        np.array([[1, 0], [2, -1], [0, 2]]),
        np.array([[2, 1], [3, -np.inf], [5, 4]], np.float32),
    )
    assert ranking.take([2, 0]).positions.tolist() == [[0, 2], [1, 0]]
    assert ranking.take(np.array([False, True, False])).scores.tolist() == [[3, -np.inf]]
    assert ranking.first(1).positions.tolist() == [[1], [2], [0]]
    assert ranking.first(9).k == 2
