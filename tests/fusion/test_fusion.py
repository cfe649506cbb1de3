"""The cosine of a concatenation is the weighted mean of its blocks' cosines, also where a modality
is missing.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array, issparse

from lib.data.catalogue import Catalogue
from lib.data.task import Task
from lib.encoders.embeddings import Embeddings
from lib.fusion import concat, concatenation, rrf, tune_scores, tune_weights, weighted
from lib.metrics.evaluation import evaluate
from lib.search.exact import Ranking, search

IDS = np.array(["a", "b", "c", "d"])


def part(vectors: np.ndarray | list, name: str = "text", *, sparse: bool = False) -> Embeddings:
    vectors = np.asarray(vectors, np.float32)
    return Embeddings(name, IDS[: len(vectors)], csr_array(vectors) if sparse else vectors)


def cosines(embeddings: Embeddings) -> np.ndarray:
    vectors = embeddings.vectors.toarray() if issparse(embeddings.vectors) else embeddings.vectors
    return vectors @ vectors.T


def random_parts(sparse: tuple[bool, bool]) -> list[Embeddings]:
    rng = np.random.default_rng(0)
    return [
        part(rng.normal(size=(4, d)), f"e{d}", sparse=s)
        for d, s in zip((5, 3), sparse, strict=True)
    ]


KINDS = [(False, False), (True, True), (False, True), (True, False)]


@pytest.mark.parametrize("sparse", KINDS)
@pytest.mark.parametrize("weights", [None, (0.5, 0.5), (0.8, 0.2), (1, 0), (3, 1)])
def test_cosine_is_the_weighted_mean_of_cosines(
    sparse: tuple[bool, bool], weights: tuple | None
) -> None:
    text, image = random_parts(sparse)
    fused = concat([text, image], weights)
    first, second = np.array(weights or (1, 1)) / sum(weights or (1, 1))
    np.testing.assert_allclose(
        cosines(fused), first * cosines(text) + second * cosines(image), atol=1e-6
    )
    assert fused.vectors.shape == (4, 8)
    assert issparse(fused.vectors) == any(sparse)
    assert fused.ids.tolist() == IDS.tolist()


def test_three_parts_by_hand() -> None:
    one = part([[1, 0], [1, 0]])
    other = part([[1, 0], [0, 1]])
    opposite = part([[1, 0], [-1, 0]])
    assert cosines(concat([one, other, opposite], [2, 1, 1]))[0, 1] == pytest.approx(
        (2 * 1 + 0 - 1) / 4
    )


@pytest.mark.parametrize("sparse", KINDS)
def test_a_missing_modality_leaves_its_weight_to_the_others(sparse: tuple[bool, bool]) -> None:
    text = part([[1, 0], [1, 1], [0, 0]], sparse=sparse[0])
    image = part([[1, 0], [0, 0], [0, 1]], sparse=sparse[1])
    fused = concat([text, image], [0.75, 0.25])
    vectors = cosines(fused)
    np.testing.assert_allclose(np.diag(vectors), 1, atol=1e-6)
    # b has text alone, so its text weighs 1: sqrt(.75) sqrt(1) cos(a, b)
    assert vectors[0, 1] == pytest.approx(np.sqrt(0.75) * np.sqrt(0.5))
    assert vectors[1, 2] == 0  # nothing in common
    both = fused.vectors.toarray() if issparse(fused.vectors) else fused.vectors
    np.testing.assert_allclose(both[1], [np.sqrt(0.5), np.sqrt(0.5), 0, 0], atol=1e-6)


def test_a_product_that_lacks_everything_stays_zero() -> None:
    fused = concat([part([[1, 0], [0, 0]]), part([[0, 1], [0, 0]])])
    assert fused.present.tolist() == [True, False]
    assert (fused.vectors[1] == 0).all()


def test_a_product_whose_only_modality_weighs_nothing_is_zero() -> None:
    fused = concat([part([[1, 0], [0, 0]]), part([[0, 1], [0, 1]])], [1, 0])
    assert fused.present.tolist() == [True, False]


@pytest.mark.parametrize("sparse", [False, True])
def test_only_the_proportion_of_weights_counts(sparse: bool) -> None:
    parts = random_parts((sparse, False))
    small, large = concat(parts, [0.3, 0.7]), concat(parts, [30, 70])
    np.testing.assert_allclose(cosines(small), cosines(large), atol=1e-6)
    assert small.name == large.name == "0.3·e5 + 0.7·e3"


def test_one_part_stays_as_it_is() -> None:
    text = part([[3, 4], [0, 0]])
    np.testing.assert_allclose(concat([text], [7]).vectors, text.vectors, atol=1e-7)


def test_concat_refuses_what_does_not_fit() -> None:
    text, image = part([[1, 0], [0, 1]]), part([[1, 0], [0, 1]], "image")
    with pytest.raises(ValueError, match="at least one Embeddings"):
        concat([])
    with pytest.raises(ValueError, match="'image' and 'text' hold different products"):
        concat([text, image.take([1, 0])])
    with pytest.raises(ValueError, match="'image' and 'text' hold different products"):
        concat([text, image.take([0])])
    for weights in ([1], [1, 1, 1], [1, -0.1], [0, 0], [np.nan, 1]):
        with pytest.raises(ValueError, match="weights must be 2 numbers >= 0 with a positive sum"):
            concat([text, image], weights)


def ranking(positions: list[list[int]], scores: list[list[float]], name: str = "r") -> Ranking:
    return Ranking(name, np.array(positions), np.array(scores, np.float32))


def test_reciprocal_ranks_by_hand() -> None:
    first = ranking([[4, 2, -1]], [[3, 2, -np.inf]])
    second = ranking([[2, 7]], [[9, 1]])
    fused = rrf([first, second], k=60)
    assert fused.positions.tolist() == [[2, 4, 7]]
    np.testing.assert_allclose(fused.scores, [[1 / 62 + 1 / 61, 1 / 61, 1 / 62]], rtol=1e-6)


def test_equal_points_come_in_corpus_order_and_padding_stays_out() -> None:
    fused = rrf([ranking([[9, -1]], [[1, -np.inf]]), ranking([[3, -1]], [[1, -np.inf]])])
    assert fused.positions.tolist() == [[3, 9]]
    assert rrf([ranking([[-1]], [[-np.inf]])]).positions.tolist() == [[-1]]


def test_weighted_scores_are_scaled_within_each_query() -> None:
    first = ranking([[0, 1, 2]], [[100, 50, 0]])
    second = ranking([[2, 1, 0]], [[0.3, 0.2, 0.1]])
    assert weighted([first, second], [3, 1]).positions.tolist() == [[0, 1, 2]]
    np.testing.assert_allclose(weighted([first, second], [3, 1]).scores, [[3, 2, 1]], rtol=1e-5)
    with pytest.raises(ValueError, match="2 rankings need as many weights"):
        weighted([first, second], [1])
    with pytest.raises(ValueError, match="all of the same queries"):
        rrf([first, ranking([[0], [1]], [[1], [1]])])


def test_unscaled_scores_are_summed_as_they_are() -> None:
    strong = Ranking("strong", np.array([[0, 1], [0, 1]]), np.array([[8, 2], [1, 0.5]], np.float32))
    other = Ranking(
        "other", np.array([[1, 2], [2, -1]]), np.array([[3, 1], [1.5, -np.inf]], np.float32)
    )
    fused = weighted([strong, other], [1, 2], scaled=False)
    assert fused.positions.tolist() == [
        [0, 1],
        [2, 0],
    ]  # the second query is poorly matched by the strong one
    np.testing.assert_allclose(fused.scores, [[8, 8], [3, 1]])
    assert weighted([strong, other], [1, 0.9]).positions[1].tolist() == [
        0,
        2,
    ]  # scaled, it is matched as well as the first
    deep = weighted(
        [
            strong,
            Ranking(
                "deep",
                np.array([[1, 2, 5]] * 2),
                np.array([[3, 1, 0.1], [1, 0.2, 0.1]], np.float32),
            ),
        ]
    )
    assert deep.positions.shape == (2, 3)


def test_each_query_may_have_its_own_weights() -> None:
    first = Ranking("first", np.array([[0, 1], [0, 1]]), np.array([[1, 0.5]] * 2, np.float32))
    second = Ranking("second", np.array([[2, 1], [2, 1]]), np.array([[1, 0.5]] * 2, np.float32))
    fused = weighted([first, second], np.array([[1, 0], [0.4, 1]]), scaled=False)
    assert fused.positions.tolist() == [[0, 1], [2, 1]]
    np.testing.assert_allclose(fused.scores, [[1, 0.5], [1, 0.7]])
    with pytest.raises(ValueError, match="2 rankings need as many weights"):
        weighted([first, second], np.ones((3, 2)))


@pytest.mark.parametrize("scaled", [True, False])
def test_tuned_scores_find_the_ranking_that_helps(scaled: bool) -> None:
    products = Catalogue(
        "c",
        pd.DataFrame(
            {"group": np.repeat(np.arange(20), 2).astype(str)}, index=np.arange(40).astype(str)
        ),
    )
    task = Task.same_label("t", products, products.items["group"])
    task = replace(task, exclude=csr_array((40, 40)))  # noise ranks each product itself as well
    rng = np.random.default_rng(0)
    noise = Ranking(
        "noise",
        rng.permuted(np.tile(np.arange(40), (40, 1)), axis=1),
        np.sort(rng.random((40, 40)))[:, ::-1] * 100,
    )
    partner = np.arange(40) ^ 1
    good = Ranking(
        "good", np.stack([partner, (partner + 7) % 40], axis=1), np.tile([0.9, 0.1], (40, 1))
    )
    weights = tune_scores([noise, good], task, scaled=scaled)
    found = [weighted([noise, good], w, scaled=scaled) for w in (weights, [9, 1])]
    best, loud = (evaluate(ranking, task, ["ndcg@10"])["ndcg@10"].mean() for ranking in found)
    assert best == pytest.approx(1)
    assert loud < 0.7


def labelled(gone: float) -> tuple[list[Embeddings], Task]:
    """A part that tells 20 labels of 4 products apart, and noise; some rows of each are missing."""
    rng = np.random.default_rng(0)
    label = np.repeat(np.arange(20), 4)
    ids = np.arange(80).astype(str).astype(object)
    good, noise = np.eye(20)[label] + 0.2 * rng.normal(size=(80, 20)), rng.normal(size=(80, 20))
    for vectors in (good, noise):
        vectors[rng.random(80) < gone] = 0
    parts = [Embeddings("noise", ids, noise), Embeddings("good", ids, csr_array(good))]
    return parts, Task.same_label("t", Catalogue("c", pd.DataFrame(index=ids)), label)


def test_tuned_weights_find_the_part_that_helps_dense_or_sparse() -> None:
    parts, task = labelled(gone=0)
    weights = tune_weights(parts, task)
    assert weights.sum() == pytest.approx(1)
    assert weights[1] > 0.8


def test_tuning_scores_every_trial_as_search_does(monkeypatch: pytest.MonkeyPatch) -> None:
    parts, task = labelled(gone=0.3)
    tried = {}

    def ascend(score, start, *_):
        for weights in (start, np.array([0.2, 0.8]), np.array([1.0, 0])):
            tried[tuple(weights)] = score(weights)
        return start

    monkeypatch.setattr(concatenation, "ascend", ascend)
    tune_weights(parts, task)
    assert len(tried) == 3
    for weights, value in tried.items():
        fused = concat(parts, weights)
        ranking = search(fused, fused, 10, exclude=task.exclude)
        assert value == pytest.approx(evaluate(ranking, task, ["ndcg@10"])["ndcg@10"].mean())


@pytest.mark.parametrize("scores", [-np.inf, -3.0], ids=["nothing found", "logits"])
def test_a_part_that_found_nothing_or_scores_below_zero_does_not_silence_the_others(
    scores: float,
) -> None:
    rng = np.random.default_rng(0)
    task = Task.same_label(
        "t",
        Catalogue("c", pd.DataFrame(index=np.arange(60).astype(str))),
        np.repeat(np.arange(30), 2),
    )
    partner = np.arange(60) ^ 1
    halves = []
    for right in (
        np.arange(60) % 2 == 0,
        np.arange(60) % 2 == 1,
    ):  # each knows every second query's answer
        first = np.where(right, partner, (partner - 7) % 60)
        sure = np.where(right[:, None], [0.45, 0.1], [0.25, 0.1])
        halves.append(Ranking("half", np.stack([first, (partner + 9) % 60], axis=1), sure))
    positions = np.full((60, 2), -1) if np.isinf(scores) else rng.integers(60, size=(60, 2))
    poor = Ranking("poor", positions, np.full((60, 2), scores))
    weights = tune_scores([*halves, poor], task, "ndcg@2", scaled=False)
    found = evaluate(weighted([*halves, poor], weights, scaled=False), task, ["hit@1"])[
        "hit@1"
    ].mean()
    assert found == pytest.approx(1)


def test_weights_that_are_no_numbers_are_refused() -> None:
    ranking = Ranking("r", np.array([[0]]), np.array([[1.0]]))
    with pytest.raises(ValueError, match="weights must be finite"):
        weighted([ranking], [np.nan])
    with pytest.raises(ValueError, match="k must be at least 0, got -1"):
        rrf([ranking], k=-1)
