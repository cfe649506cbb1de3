"""Every measure against numbers worked by hand and against scipy and scikit-learn; `rank` against
`search`.
"""

from __future__ import annotations

import dataclasses
import math
import tracemalloc

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.spatial.distance import cdist
from scipy.special import rel_entr
from sklearn.metrics import pairwise_distances

from lib.encoders.embeddings import Embeddings
from lib.search import similarity
from lib.search.exact import search
from lib.search.similarity import MEASURES, distributions, pairwise, rank

KINDS = [np.asarray, csr_array]
DISTANCES = {"euclidean", "kl", "js"}
OF = {name: measure.of for name, measure in MEASURES.items()}


def one(measure: str, a: list, b: list, kind: type = np.asarray) -> float:
    found = pairwise(kind(np.array([a], float)), kind(np.array([b], float)), measure=measure)
    assert found.shape == (1, 1) and found.dtype == np.float32
    return float(found[0, 0])


def rows(measure: str, n: int, d: int = 12, seed: int = 0) -> np.ndarray:
    """Random rows that the measure takes: about half of a set's or distribution's columns are 0."""
    rng = np.random.default_rng(seed)
    if OF[measure] == "vectors":
        return rng.normal(size=(n, d)).astype(np.float32)
    some = rng.random((n, d)) * (rng.random((n, d)) < 0.5)
    some[:, 0] = 0.1  # no row is empty
    return distributions(some) if OF[measure] == "distributions" else some > 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("measure", "same", "orthogonal", "opposite"),
    [
        ("cosine", 1, 0, -1),
        ("cosine01", 1, 0.5, 0),
        ("dot", 25, 0, -25),
        ("euclidean", 0, math.sqrt(50), 10),
        ("euclidean_similarity", 1, 1 / (1 + math.sqrt(50)), 1 / 11),
    ],
)
def test_vectors_by_hand(
    kind: type, measure: str, same: float, orthogonal: float, opposite: float
) -> None:
    assert one(measure, [3, 4], [3, 4], kind) == same
    assert one(measure, [3, 4], [-4, 3], kind) == pytest.approx(orthogonal, abs=1e-7)
    assert one(measure, [3, 4], [-3, -4], kind) == pytest.approx(opposite, abs=1e-7)


def test_length_counts_for_dot_and_distance_and_not_for_cosine() -> None:
    assert one("cosine", [1, 2], [2, 4]) == 1
    assert one("dot", [1, 2], [2, 4]) == 10
    assert one("euclidean", [1, 2], [2, 4]) == pytest.approx(math.sqrt(5))
    assert one("cosine", [1, 0], [1, 1]) == pytest.approx(math.sqrt(0.5))


def test_a_zero_row_has_cosine_0() -> None:
    assert one("cosine", [0, 0], [1, 0]) == one("cosine", [0, 0], [0, 0]) == 0
    assert one("cosine01", [0, 0], [1, 0]) == 0.5


@pytest.mark.parametrize("kind", KINDS)
def test_divergences_by_hand(kind: type) -> None:
    half, quarter = [1 / 2, 1 / 2], [1 / 4, 3 / 4]
    forth = math.log(2) / 2 + math.log(2 / 3) / 2  # 1/2 ln(1/2 : 1/4) + 1/2 ln(1/2 : 3/4)
    back = math.log(1 / 2) / 4 + 3 * math.log(3 / 2) / 4
    assert forth == pytest.approx(0.143841) and back == pytest.approx(0.130812)
    assert one("kl", half, quarter, kind) == pytest.approx(forth)
    assert one("kl", quarter, half, kind) == pytest.approx(back)
    assert one("kl_similarity", half, quarter, kind) == pytest.approx(1 / (1 + forth))
    # the mean is (3/8, 5/8)
    bits = (
        (math.log2(4 / 3) + math.log2(4 / 5)) / 2,
        math.log2(2 / 3) / 4 + 3 * math.log2(6 / 5) / 4,
    )
    js = math.sqrt(sum(bits) / 2)
    assert one("js", half, quarter, kind) == pytest.approx(js) == one("js", quarter, half, kind)
    assert one("js_similarity", half, quarter, kind) == pytest.approx(1 - js)


@pytest.mark.parametrize("kind", KINDS)
def test_divergences_of_equal_and_of_disjoint_distributions(kind: type) -> None:
    for measure, same, disjoint in (
        ("kl", 0, math.inf),
        ("kl_similarity", 1, 0),
        ("js", 0, 1),
        ("js_similarity", 1, 0),
    ):
        assert one(measure, [0.3, 0.7, 0], [0.3, 0.7, 0], kind) == same
        assert one(measure, [0.3, 0.7, 0], [0, 0, 1], kind) == pytest.approx(disjoint)
        assert math.isnan(
            one(measure, [0, 0, 0], [0, 0, 1], kind)
        )  # a missing row diverges from nothing
        assert math.isnan(one(measure, [0, 0, 1], [0, 0, 0], kind))
    assert one("kl", [0, 1], [0.5, 0.5], kind) == pytest.approx(math.log(2))  # 0 ln 0 is 0


def test_js_is_symmetric_and_bounded_and_kl_is_neither() -> None:
    some = distributions(rows("js", 40), smoothing=0)
    js, kl = pairwise(some, some, measure="js"), pairwise(some, some, measure="kl")
    np.testing.assert_array_equal(js, js.T)
    assert js.min() == 0 and js.max() <= 1
    assert (kl != kl.T).any() and kl.max() > 1


@pytest.mark.parametrize("kind", KINDS)
def test_sets_by_hand(kind: type) -> None:
    abc, bcd = [1, 1, 1, 0], [0, 1, 1, 1]
    assert one("jaccard", abc, bcd, kind) == 0.5
    assert one("jaccard", abc, abc, kind) == 1
    assert one("jaccard", abc, [0, 0, 0, 5], kind) == 0
    assert (
        one("jaccard", abc, [0, -2, 0.1, 3], kind) == 0.5
    )  # only what is not 0 counts, not how much
    assert one("jaccard", [0, 0, 0, 0], abc, kind) == 0
    assert (
        one("jaccard", [0, 0, 0, 0], [0, 0, 0, 0], kind) == 1
    )  # as scipy has it; rank() finds no empty set


def test_a_stored_zero_is_no_member() -> None:
    stored = csr_array((np.array([1.0, 0.0]), np.array([0, 1]), np.array([0, 2])), shape=(1, 3))
    assert pairwise(stored, csr_array(np.array([[1, 0, 0]])), measure="jaccard") == 1
    assert pairwise(stored, np.array([[1, 0, 0]]), measure="jaccard") == 1


def references(a: np.ndarray, b: np.ndarray) -> dict[str, np.ndarray]:
    """The measures by scipy and scikit-learn, in double precision."""
    a, b = a.astype(float), b.astype(float)
    found = {
        "cosine": 1 - cdist(a, b, "cosine"),
        "dot": a @ b.T,
        "euclidean": cdist(a, b),
        "jaccard": None,
    }
    if (a >= 0).all() and (b >= 0).all():
        found["kl"] = np.array([[rel_entr(p / p.sum(), q / q.sum()).sum() for q in b] for p in a])
        found["js"] = cdist(a, b, "jensenshannon") / np.sqrt(np.log(2))
        found["jaccard"] = 1 - pairwise_distances(a > 0, b > 0, metric="jaccard")
        found |= {"kl_similarity": 1 / (1 + found["kl"]), "js_similarity": 1 - found["js"]}
    return found | {
        "cosine01": (1 + found["cosine"]) / 2,
        "euclidean_similarity": 1 / (1 + found["euclidean"]),
    }


@pytest.mark.parametrize("kinds", [(a, b) for a in KINDS for b in KINDS])
@pytest.mark.parametrize("measure", MEASURES)
def test_as_scipy_and_sklearn_have_it(measure: str, kinds: tuple[type, type]) -> None:
    a, b = rows(measure, 7), rows(measure, 5, seed=1)
    found = pairwise(kinds[0](a), kinds[1](b), measure=measure)
    np.testing.assert_allclose(found, references(a, b)[measure], rtol=2e-6, atol=2e-7)
    np.testing.assert_array_equal(MEASURES[measure](a, b), pairwise(a, b, measure=measure))


@pytest.mark.parametrize("measure", MEASURES)
def test_a_row_is_nearest_to_itself_and_to_its_copies(measure: str) -> None:
    some = rows(measure, 300, d=64)
    copies = np.vstack([some, some[:150], some[:50]])
    values = pairwise(copies, copies, measure=measure)
    assert (measure in DISTANCES) == (MEASURES[measure].nearer == "smaller")
    if measure != "dot":  # a longer vector has a larger product than the same one
        best = values.min(axis=1) if measure in DISTANCES else values.max(axis=1)
        np.testing.assert_array_equal(best, np.full(500, 0.0 if measure in DISTANCES else 1.0))
    np.testing.assert_array_equal(values[:, :150], values[:, 300:450])  # equal rows, equal values


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("measure", MEASURES)
def test_blocks_equal_the_whole_and_stay_small(
    measure: str, kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = kind(rows(measure, 45, d=20)), kind(rows(measure, 33, d=20, seed=1))
    whole = pairwise(a, b, measure=measure)
    seen = []
    inner = MEASURES[measure].values
    spy = dataclasses.replace(
        MEASURES[measure], values=lambda x, y: seen.append((x.shape[0], y.shape[0])) or inner(x, y)
    )
    monkeypatch.setitem(similarity.MEASURES, measure, spy)
    monkeypatch.setattr(
        similarity, "BLOCK_BYTES", 8 * 20 * 10
    )  # ten dense rows of 20, or 14 x 14 values
    np.testing.assert_allclose(pairwise(a, b, measure=measure), whole, rtol=1e-6, atol=1e-7)
    edge = 14 if kind is csr_array and MEASURES[measure].of != "distributions" else 10
    assert max(seen) == (edge, edge)
    assert len(seen) == math.ceil(45 / edge) * math.ceil(33 / edge)
    ranked = rank(a, b, 5, measure=measure)
    monkeypatch.undo()
    np.testing.assert_array_equal(ranked.positions, rank(a, b, 5, measure=measure).positions)


@pytest.mark.parametrize("measure", MEASURES)
def test_memory_stays_within_eight_blocks(measure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similarity, "BLOCK_BYTES", 2**18)
    few = (
        distributions(rows("js", 1200, d=16))
        if OF[measure] == "distributions"
        else rows(measure, 1200, d=16)
    )
    pairwise(few[:2], few[:2], measure=measure)  # imports
    tracemalloc.start()
    out = pairwise(few, few, measure=measure)
    held = tracemalloc.get_traced_memory()[1] - out.nbytes
    tracemalloc.reset_peak()
    rank(few, few, 3, measure=measure)
    ranked = tracemalloc.get_traced_memory()[1] - out.nbytes
    tracemalloc.stop()
    assert held <= 8 * 2**18
    assert ranked <= 8 * 2**18


def test_distributions_by_hand() -> None:
    exact = distributions(np.array([[1, 3], [0, 0]]), smoothing=0)
    assert exact.tolist() == [[0.25, 0.75], [0, 0]] and exact.dtype == np.float32
    smooth = distributions(csr_array(np.array([[4, 0, 0, 0], [0, 0, 0, 0]])), smoothing=0.2)
    np.testing.assert_allclose(smooth, [[0.85, 0.05, 0.05, 0.05], [0, 0, 0, 0]], atol=1e-7)
    assert (distributions(np.eye(3)) > 0).all()
    # smoothing decides what an empty bin costs: ln 1/(s/2) where all of b lies elsewhere
    for s in (1e-6, 1e-3):
        apart = distributions(np.eye(2), smoothing=s)
        assert one("kl", [1, 0], apart[1]) == pytest.approx(math.log(2 / s), rel=1e-5)


def test_distributions_refuse_what_is_none() -> None:
    with pytest.raises(ValueError, match="distributions: row 1 has a value below 0"):
        distributions(np.array([[1, 2], [3, -1]]))
    with pytest.raises(ValueError, match="row 0 is not finite"):
        distributions(np.array([[np.nan, 1]]))
    for s in (-0.1, 1, np.nan):
        with pytest.raises(ValueError, match=r"smoothing is at least 0 and below 1"):
            distributions(np.eye(2), smoothing=s)


@pytest.mark.parametrize("kind", KINDS)
def test_errors_say_what_is_wrong(kind: type) -> None:
    two = kind(np.eye(2))
    with pytest.raises(
        ValueError, match=r"no measure 'cosin'; there are cosine, .*; did you mean 'cosine'\?"
    ):
        pairwise(two, two, measure="cosin")
    with pytest.raises(ValueError, match=r"rows of equal length.*\(2, 2\) and \(1, 3\)"):
        pairwise(two, kind(np.ones((1, 3))))
    with pytest.raises(ValueError, match=r"got \(2,\) and \(2, 2\)"):
        pairwise(np.ones(2), two)
    with pytest.raises(ValueError, match="cosine: row 1 is not finite"):
        pairwise(two, kind(np.array([[1, 0], [np.inf, 0]])))
    for measure in ("kl", "js", "kl_similarity", "js_similarity"):
        with pytest.raises(
            ValueError, match=rf"{measure}: row 1 does not sum to 1; pass distributions\(vectors\)"
        ):
            pairwise(two, kind(np.array([[1, 0], [1, 1]])), measure=measure)
        with pytest.raises(ValueError, match=f"{measure}: row 0 has a value below 0"):
            pairwise(two, kind(np.array([[-1, 2]])), measure=measure)
    with pytest.raises(ValueError, match="k must be at least 1, got 0"):
        rank(two, two, 0)
    with pytest.raises(ValueError, match=r"exclude is \(2, 1\).*\(2, 2\)"):
        rank(two, two, 1, exclude=csr_array((2, 1)))


def embedded(vectors: np.ndarray, kind: type = np.asarray) -> Embeddings:
    return Embeddings("e", np.arange(len(vectors)).astype(str), kind(vectors.astype(np.float32)))


@pytest.mark.parametrize("kind", KINDS)
def test_rank_by_cosine_equals_search_on_unit_rows(kind: type) -> None:
    rng = np.random.default_rng(0)
    signs = rng.choice(
        [-0.25, 0.25], (60, 16)
    )  # cosines are multiples of 1/8: exact, with many ties
    for vectors in (rng.normal(size=(60, 16)), signs):
        vectors[[3, 8]] = 0
        e = embedded(vectors, kind)
        exclude = csr_array(np.eye(60) + (rng.random((60, 60)) < 0.1))
        expected = search(e, e, 7, exclude=exclude)
        for measure in ("cosine", "dot", "cosine01"):
            found = rank(e.vectors, e.vectors, 7, measure=measure, exclude=exclude)
            np.testing.assert_array_equal(found.positions, expected.positions)
        found = rank(e.vectors, e.vectors, 7, exclude=exclude)
        np.testing.assert_allclose(found.scores, expected.scores, atol=1e-6)
        assert found.name == "cosine"


@pytest.mark.parametrize("kind", KINDS)
def test_on_unit_rows_euclidean_ranks_as_cosine(kind: type) -> None:
    unit = embedded(rows("cosine", 200)).vectors
    by_cosine, by_distance = (
        rank(kind(unit), kind(unit), 10, measure=m) for m in ("cosine", "euclidean")
    )
    np.testing.assert_array_equal(by_cosine.positions, by_distance.positions)
    np.testing.assert_allclose(by_distance.scores**2, 2 - 2 * by_cosine.scores, atol=1e-6)


@pytest.mark.parametrize("measure", MEASURES)
def test_rank_sorts_by_the_measure_with_ties_in_corpus_order(measure: str) -> None:
    queries, some = rows(measure, 6), rows(measure, 20, seed=1)
    corpus = np.vstack([some, some])  # everything twice
    values = pairwise(queries, corpus, measure=measure)
    signed = -values if measure in DISTANCES else values
    order = np.argsort(-signed, axis=1, kind="stable")[:, :9]
    found = rank(queries, corpus, 9, measure=measure)
    np.testing.assert_array_equal(found.positions, order)
    np.testing.assert_array_equal(found.scores, np.take_along_axis(signed, order, axis=1))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("measure", MEASURES)
def test_missing_rows_find_nothing_and_are_not_found(measure: str, kind: type) -> None:
    some = rows(measure, 4).astype(float)
    some[1] = 0
    found = rank(kind(some), kind(some), 4, measure=measure)
    assert found.positions[1].tolist() == [-1] * 4
    assert sorted(found.positions[0].tolist()) == [-1, 0, 2, 3] and found.positions[0, -1] == -1
    assert np.isneginf(found.scores[1]).all()


def test_k_larger_than_the_corpus_one_query_and_nothing_at_all() -> None:
    found = rank(np.array([[1.0, 0]]), np.array([[0.0, 1], [1, 0]]), 4, measure="euclidean")
    assert found.positions.tolist() == [[1, 0, -1, -1]]
    assert found.scores.tolist() == [[0, pytest.approx(-math.sqrt(2)), -np.inf, -np.inf]]
    nothing = np.zeros((0, 2))
    assert rank(np.eye(2), nothing, 2).positions.tolist() == [[-1, -1]] * 2
    assert rank(nothing, np.eye(2), 2).positions.shape == (0, 2)
    assert pairwise(nothing, np.eye(2)).shape == (0, 2)


def test_an_infinite_divergence_comes_last_and_is_found() -> None:
    corpus = np.array([[0, 1.0], [1, 0], [0.5, 0.5]])
    found = rank(np.array([[1.0, 0]]), corpus, 3, measure="kl")
    assert found.positions.tolist() == [[1, 2, 0]]
    excluded = rank(
        np.array([[1.0, 0]]), corpus, 3, measure="kl", exclude=csr_array(np.array([[0, 1, 0]]))
    )
    assert excluded.positions.tolist() == [[2, 0, -1]]
