"""Ranking metrics equal trec_eval's, pair metrics scikit-learn's, and both what a person works out
by hand.
"""

from __future__ import annotations

from math import log2

import ir_measures
import numpy as np
import pandas as pd
import pytest
from ir_measures import AP, RR, P, R, Success, nDCG
from scipy.sparse import csr_array
from sklearn.metrics import f1_score, ndcg_score, precision_score, recall_score

from lib.data.catalogue import Catalogue
from lib.data.task import Task
from lib.encoders.embeddings import Embeddings
from lib.metrics import best_threshold, coverage, diversity, evaluate, evaluation, novelty, pair_f1
from lib.search.exact import Ranking, gain_matrix

METRICS = ("recall", "precision", "hit", "ndcg", "map", "mrr")
CUT = (R, P, Success, nDCG, AP)  # trec_eval has no reciprocal rank at k: the run itself is cut
DEPTHS = (1, 3, 10, 20)


def catalogue(ids: list[str]) -> Catalogue:
    return Catalogue("c", pd.DataFrame(index=ids))


def task(gains: list[list[float]] | np.ndarray) -> Task:
    """A task from its (q, n) gains; ids are q0, q1, … and d99, d98, …"""
    gains = np.asarray(gains, np.float32)
    queries, corpus = (
        catalogue([f"q{i}" for i in range(len(gains))]),
        catalogue(doc_ids(gains.shape[1])),
    )
    return Task("t", queries, corpus, csr_array(gains), csr_array(gains.shape))


def doc_ids(n: int) -> list[str]:
    """Ids that fall as positions rise: trec_eval breaks ties by the larger id, Akin by the earlier
    position.
    """
    return [f"d{99 - i}" for i in range(n)]


def ranking(*rows: list[int]) -> Ranking:
    """A ranking from its positions, its scores falling by 1 a place."""
    positions = np.array(rows)
    scores = np.where(positions >= 0, -np.arange(positions.shape[1], dtype=np.float32), -np.inf)
    return Ranking("r", positions, scores.astype(np.float32))


def random_run(seed: int) -> tuple[Ranking, Task, np.ndarray]:
    """A graded run with tied scores, documents that were not retrieved, and queries without results
    or relevance.
    """
    rng = np.random.default_rng(seed)
    q, n = 6, int(rng.integers(4, 25))
    gains = rng.integers(0, 4, (q, n)) * (rng.random((q, n)) < 0.4)
    gains[0] = 0
    scores = (rng.integers(0, 5, (q, n)) / 4).astype(np.float32)  # five values: ties in every row
    scores[rng.random((q, n)) < 0.3] = -np.inf
    scores[1] = -np.inf
    order = np.argsort(-scores, axis=1, kind="stable")
    ranked = np.take_along_axis(scores, order, axis=1)
    return Ranking("r", np.where(np.isfinite(ranked), order, -1), ranked), task(gains), gains


def trec_eval(run: Ranking, gains: np.ndarray, measures: list) -> np.ndarray:
    """The values that trec_eval gives, (q, measures)."""
    ids = doc_ids(gains.shape[1])
    qrels = [
        ir_measures.Qrel(f"q{q}", ids[d], int(g))
        for q, row in enumerate(gains)
        for d, g in enumerate(row)
    ]
    found = [
        ir_measures.ScoredDoc(f"q{q}", ids[d], float(s))
        for q in range(len(gains))
        for d, s in zip(run.positions[q], run.scores[q], strict=True)
        if d >= 0
    ]
    values = {
        (v.query_id, v.measure): v.value
        for v in ir_measures.pytrec_eval.iter_calc(measures, qrels, found)
    }
    return np.array([[values[f"q{q}", m] for m in measures] for q in range(len(gains))])


def cut(run: Ranking, k: int) -> Ranking:
    return Ranking("r", run.positions[:, :k], run.scores[:, :k])


def test_metrics_equal_trec_eval_on_200_graded_runs() -> None:
    names = [f"{metric}@{k}" for metric in METRICS for k in DEPTHS]
    ties = 0
    for seed in range(200):
        run, judged, gains = random_run(seed)
        ours = evaluate(run, judged, names)
        theirs = [trec_eval(run, gains, [measure @ k for measure in CUT for k in DEPTHS])]
        theirs += [trec_eval(cut(run, k), gains, [RR]) for k in DEPTHS]
        relevant = (gains > 0).any(axis=1)
        assert ours[~relevant].isna().all(axis=None) and not relevant.all()
        expected = np.hstack(theirs)[relevant]
        np.testing.assert_allclose(
            ours[relevant], expected, rtol=0, atol=1e-9, err_msg=f"seed {seed}"
        )
        ties += run.ties
    assert ties > 1000  # the runs did put the tie rule to the test


def test_a_query_by_hand() -> None:
    # relevant are document 0 (gain 3), 2 (gain 1) and 4 (gain 2); the ranking finds 2 first and 0
    # third
    judged = task([[3, 0, 1, 0, 2]])
    values = evaluate(ranking([2, 1, 0, 3, -1]), judged, [f"{m}@3" for m in METRICS]).loc["q0"]
    ideal = 3 + 2 / log2(3) + 1 / 2
    assert values["recall@3"] == pytest.approx(2 / 3)
    assert values["precision@3"] == pytest.approx(2 / 3)
    assert values["hit@3"] == 1
    assert values["ndcg@3"] == pytest.approx((1 + 3 / 2) / ideal)
    assert values["mrr@3"] == 1
    assert values["map@3"] == pytest.approx((1 / 1 + 2 / 3) / 3)


def test_the_first_hit_decides_the_reciprocal_rank() -> None:
    judged = task([[0, 0, 1], [0, 0, 1]])
    values = evaluate(ranking([0, 1, 2], [0, 1, -1]), judged, ["mrr@3", "mrr@2", "hit@2", "hit@3"])
    assert values["mrr@3"].tolist() == [pytest.approx(1 / 3), 0]
    assert values["mrr@2"].tolist() == [0, 0]
    assert values["hit@2"].tolist() == [0, 0] and values["hit@3"].tolist() == [1, 0]


def test_a_metric_of_ones_own_is_entered_in_one_place(monkeypatch: pytest.MonkeyPatch) -> None:
    def first_gain(
        gains: np.ndarray, ideal: np.ndarray, relevant: np.ndarray, k: int
    ) -> np.ndarray:
        return gains[:, 0]

    monkeypatch.setitem(evaluation.METRICS, "first_gain", first_gain)
    judged = task([[3, 0, 1], [0, 0, 0], [0, 2, 0]])
    values = evaluate(ranking([2, 0], [0, 1], [0, 1]), judged, ["first_gain@1"])["first_gain@1"]
    assert values.tolist() == [1, pytest.approx(np.nan, nan_ok=True), 0]


def test_ndcg_equals_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    gains = rng.integers(0, 5, (30, 12))
    scores = rng.permuted(np.tile(np.arange(12.0), (30, 1)), axis=1)
    order = np.argsort(-scores, axis=1)
    run = Ranking("r", order, np.take_along_axis(scores, order, axis=1))
    ours = evaluate(run, task(gains), ["ndcg@7"])["ndcg@7"].mean()
    assert ours == pytest.approx(ndcg_score(gains, scores, k=7), abs=1e-9)


def test_a_query_with_nothing_relevant_has_no_value() -> None:
    values = evaluate(ranking([0, 1], [0, 1]), task([[0, 0], [0, 1]]), [f"{m}@2" for m in METRICS])
    assert values.loc["q0"].isna().all()
    assert values.loc["q1"].notna().all()


def test_one_row_a_query_indexed_by_its_id() -> None:
    values = evaluate(ranking([0, 1]), task([[1, 0]]), ["recall@2", "mrr@1"])
    assert values.index.tolist() == ["q0"] and values.index.name == "query"
    assert values.columns.tolist() == ["recall@2", "mrr@1"]
    assert (values == 1).all(axis=None)


def test_k_larger_than_the_corpus_counts_empty_places_as_irrelevant() -> None:
    values = evaluate(
        ranking([1, 0]), task([[1, 1]]), ["recall@10", "precision@10", "ndcg@10", "map@10"]
    ).loc["q0"]
    assert values.tolist() == [1, 0.2, 1, 1]


def test_an_unfound_query_scores_zero_and_not_nothing() -> None:
    values = evaluate(ranking([-1, -1]), task([[1, 0]]), [f"{m}@2" for m in METRICS]).loc["q0"]
    assert (values == 0).all()


def test_padding_has_no_gain_though_the_last_document_is_relevant() -> None:
    assert gain_matrix(ranking([0, -1]), task([[1, 2]]).relevance).tolist() == [[1, 0]]


@pytest.mark.parametrize(
    "metric",
    ["recal@10", "recall", "recall@0", "recall@-1", "recall@1.5", "Recall@10", "recall@10 "],
)
def test_an_unknown_metric_is_an_error_that_lists_the_known(metric: str) -> None:
    with pytest.raises(
        ValueError, match=r"no metric .*recall@k, precision@k, hit@k, ndcg@k, mrr@k, map@k"
    ):
        evaluate(ranking([0, 1]), task([[1, 0]]), [metric])


def test_a_metric_alone_is_an_error_that_shows_a_list() -> None:
    with pytest.raises(ValueError, match=r"a list such as .* got 'hit@1'"):
        evaluate(ranking([0, 1]), task([[1, 0]]), "hit@1")


@pytest.mark.parametrize("values", [1.0, [1.0], [[1.0], [1.0]]])
def test_a_metric_of_the_wrong_shape_is_named(
    values: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(evaluation.METRICS, "F-1", lambda *given: np.array(values))
    asked = task([[1, 0], [0, 1]])
    with pytest.raises(ValueError, match=r"metric 'F-1' gives shape .*needs one number a query"):
        evaluate(ranking([0, 1], [1, 0]), asked, ["F-1@2"])


def test_a_metric_deeper_than_the_ranking_is_an_error() -> None:
    with pytest.raises(ValueError, match="search with k=3"):
        evaluate(ranking([0, 1]), task([[1, 0, 0]]), ["recall@1", "ndcg@3"])


def test_other_errors_of_evaluate() -> None:
    with pytest.raises(ValueError, match="2 rankings for 1 queries"):
        evaluate(ranking([0, 1], [0, 1]), task([[1, 0]]), ["ndcg@2"])


def test_pair_f1_by_hand() -> None:
    # called at 0.5: 0.9 (right), 0.5 (wrong); missed: 0.2
    assert pair_f1([1, 0, 1, 0], [0.9, 0.5, 0.2, 0.1], 0.5) == {
        "precision": 0.5,
        "recall": 0.5,
        "f1": 0.5,
    }
    assert pair_f1([1, 0], [0.1, 0.2], 0.9) == {
        "precision": 0,
        "recall": 0,
        "f1": 0,
    }  # nothing is called


def test_pair_f1_and_best_threshold_equal_scikit_learn() -> None:
    rng = np.random.default_rng(2)
    for _ in range(20):
        labels = rng.integers(0, 2, 40) | np.eye(1, 40, dtype=int)[0]  # at least one positive
        scores = rng.integers(0, 10, 40) / 10  # tied scores stand on one side of a threshold
        threshold = best_threshold(labels, scores)
        called = scores >= threshold
        found = pair_f1(labels, scores, threshold)
        assert found["precision"] == pytest.approx(precision_score(labels, called))
        assert found["recall"] == pytest.approx(recall_score(labels, called))
        assert found["f1"] == pytest.approx(
            max(f1_score(labels, scores >= t) for t in np.unique(scores))
        )


def test_best_threshold_by_hand() -> None:
    assert (
        best_threshold([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]) == 0.35
    )  # F1 2/3, 0.5, 0.8, 2/3 at .1, .4, .35, .8
    assert best_threshold([1, 1], [0.3, 0.3]) == 0.3  # everything tied
    with pytest.raises(ValueError, match="no positive pair"):
        best_threshold([0, 0], [0.1, 0.2])


def test_coverage_counts_each_document_once() -> None:
    assert coverage(ranking([0, 1], [1, -1]), 4) == 0.5
    assert coverage(ranking([-1, -1]), 4) == 0


def vectors(rows: list[list[float]], *, sparse: bool) -> Embeddings:
    return Embeddings(
        "v",
        np.arange(len(rows)).astype(str),
        csr_array(np.array(rows)) if sparse else np.array(rows),
    )


@pytest.mark.parametrize("sparse", [False, True])
def test_diversity_by_hand(sparse: bool) -> None:
    corpus = vectors([[1, 0], [0, 1], [-1, 0], [2, 0]], sparse=sparse)
    run = ranking([0, 1, 2], [0, 3, -1], [1, -1, -1], [-1, -1, -1])
    # cosines 0, -1, 0 have mean -1/3; documents 0 and 3 point the same way; fewer than two say
    # nothing
    np.testing.assert_allclose(diversity(run, corpus), [4 / 3, 0, np.nan, np.nan], atol=1e-6)


def test_diversity_of_a_candidate_without_the_modality() -> None:
    corpus = vectors([[1, 0], [1, 0], [0, 0]], sparse=False)
    # by cosine 0 with the rest: 1 - (1 + 0 + 0) / 3; left out: 0
    assert diversity(ranking([0, 1, 2]), corpus)[0] in (pytest.approx(2 / 3), pytest.approx(0))


def test_no_queries_and_no_metrics() -> None:
    empty = Catalogue("none", pd.DataFrame(index=[]))
    corpus = Catalogue("c", pd.DataFrame(index=["a"]))
    task = Task("t", empty, corpus, csr_array((0, 1)), csr_array((0, 1)))
    ranking = Ranking("r", np.zeros((0, 1), int), np.zeros((0, 1), np.float32))
    assert evaluate(ranking, task, ["hit@1"]).shape == (0, 1)
    with pytest.raises(ValueError, match="metrics is a list"):
        evaluate(ranking, task, [])


def test_novelty_by_hand() -> None:
    # of 8 users 8, 4, 1 and 0 bought an item: 0, 1, 3 and, as if one had, 3 bits
    found = novelty(ranking([0, 1, -1], [2, 3, 1], [-1, -1, -1]), np.array([8, 4, 1, 0]), 8)
    np.testing.assert_allclose(found, [0.5, 7 / 3, np.nan])


def test_a_score_of_nan_is_below_every_threshold():
    assert best_threshold([1, 0, 1, 0], [0.9, 0.2, np.nan, np.nan]) == 0.9
    with pytest.raises(ValueError, match="all 2 scores are NaN"):
        best_threshold([1, 0], [np.nan, np.nan])


def test_a_corpus_of_nothing_cannot_be_covered():
    with pytest.raises(ValueError, match="0 rows cannot be covered"):
        coverage(Ranking("r", np.zeros((0, 1), int), np.zeros((0, 1))), 0)
