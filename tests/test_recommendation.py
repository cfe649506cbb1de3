"""The protocol by hand, rankings against a full sort, the weights of a history against their formulas."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from lib.embeddings import Embeddings
from lib.metrics import evaluate
from lib.search import Ranking
from lib.tasks import recommendation
from lib.tasks.purchases import Purchases, leave_last_out
from lib.tasks.recommendation import (
    Scores,
    attention,
    backfill,
    constant,
    content,
    hot,
    neighbours,
    popularity,
    recommend,
    worth,
)
from tests.purchases import catalogue, drawn, purchases


def listed(ranking: Ranking, row: int = 0) -> str:
    return "".join("-" if p < 0 else "abcdefghijklmnop"[p] for p in ranking.positions[row])


@pytest.mark.parametrize("exclude", [False, True])
@pytest.mark.parametrize("kinds", [("dense", "dense"), ("sparse", "sparse"), ("sparse", "dense"), ("dense", "sparse")])
@pytest.mark.parametrize("k", [1, 7, 60])
def test_recommend_equals_a_full_stable_sort(
    kinds: tuple[str, str], k: int, exclude: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(k)
    left, right = (rng.integers(-2, 3, shape) * (rng.random(shape) < 0.4) for shape in ((30, 4), (4, 50)))
    barred = rng.random((30, 50)) < 0.3 if exclude else np.zeros((30, 50), bool)
    whole = (left @ right).astype(float)  # whole numbers: ties everywhere, and many zeros
    whole[barred | (whole == 0)] = -np.inf
    order = np.argsort(-whole, axis=1, kind="stable")[:, :k]
    best = np.pad(np.take_along_axis(whole, order, axis=1), ((0, 0), (0, k - order.shape[1])), constant_values=-np.inf)
    order = np.where(np.isfinite(best), np.pad(order, ((0, 0), (0, k - order.shape[1]))), -1)
    parts = [
        csr_array(m.astype(np.float32)) if kind == "sparse" else m.astype(np.float32)
        for m, kind in zip((left, right), kinds, strict=True)
    ]
    monkeypatch.setattr(recommendation, "BLOCK_BYTES", 4 * 50 * 7)  # blocks of seven shoppers, the last shorter
    for full in (1, 10**9):  # sparse blocks left sparse, and made dense
        monkeypatch.setattr(recommendation, "FULL", full)
        found = recommend(Scores("s", *parts), k, exclude=csr_array(barred) if exclude else None)
        np.testing.assert_array_equal(found.positions, order)
        np.testing.assert_array_equal(found.scores, best)


def test_a_shopper_who_has_everything_is_recommended_nothing() -> None:
    history, task = leave_last_out(purchases({"u": "abca", "v": "ab"}, 3))
    found = backfill(recommend(popularity(history), 2, exclude=task.exclude), history.counts, k=2, exclude=task.exclude)
    assert [listed(found, row) for row in (0, 1)] == ["--", "bc"]
    assert np.isnan(evaluate(found, task, ["hit@2"]).iloc[0, 0])


def test_popularity_by_hand_and_what_nobody_bought_is_left_out() -> None:
    history = purchases({"u": "ab", "v": "b", "w": "bc"})
    found = recommend(popularity(history), 6)
    assert listed(found) == "bac---"
    assert found.scores[0, :3].tolist() == [3, 1, 1]


def test_no_shopper_and_bad_requests() -> None:
    nothing = Scores("none", np.zeros((0, 2), np.float32), np.zeros((2, 5), np.float32))
    assert recommend(nothing, 3).positions.shape == (0, 3)
    scores = Scores("s", np.ones((2, 1), np.float32), np.ones((1, 5), np.float32))
    with pytest.raises(ValueError, match="k must be at least 1"):
        recommend(scores, 0)
    with pytest.raises(ValueError, match=r"exclude is \(2, 4\); 2 shoppers and 5 items"):
        recommend(scores, 1, exclude=csr_array((2, 4)))
    with pytest.raises(ValueError, match="do not fit"):
        Scores("s", np.ones((2, 3)), np.ones((2, 5)))
    assert scores.of(np.array([1])).left.shape == (1, 1)


def test_backfill_by_hand() -> None:
    ranking = Ranking(
        "r", np.array([[3, -1, -1], [-1, -1, -1], [1, 0, 2]]), np.array([[0.5, 0, 0], [0, 0, 0], [3, 2, 1.0]], np.float32)
    )
    exclude = csr_array(np.array([[0, 1, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]]))
    found = backfill(ranking, np.array([2, 9, 2, 8, 0]), k=3, exclude=exclude)
    assert [listed(found, row) for row in range(3)] == ["dac", "bda", "bac"]  # b is barred; e was never sold
    assert (np.diff(found.scores, axis=1) < 0).all()
    assert listed(backfill(ranking, np.zeros(5), k=3), 1) == "---"
    assert listed(backfill(ranking, np.array([2, 9, 2, 8, 0]), k=4), 2) == "bacd"  # deeper than the ranking goes
    assert listed(backfill(ranking, np.array([2, 9, 2, 8, 0]), k=2), 2) == "ba"


def test_hot_list_by_hand() -> None:
    days = pd.to_datetime(["2025-01-11", "2025-01-01", "2025-01-06", "2025-01-11"])
    history = Purchases.read(pd.DataFrame({"user": list("uuvv"), "item": list("abbc"), "time": days}), catalogue(4))
    np.testing.assert_allclose(hot(history, half_life=5), [1, 0.75, 1, 0])
    np.testing.assert_allclose(hot(history, half_life=5, now=history.days.min()), [0, 1, 0, 0])  # the future is not known
    assert listed(recommend(constant("hot", hot(history, half_life=5), 2), 3)) == "acb"
    with pytest.raises(ValueError, match="half_life is a number of days above 0"):
        hot(history, half_life=0)
    with pytest.raises(ValueError, match="needs the time of every purchase"):
        hot(purchases({"u": "ab"}), half_life=5)


@pytest.mark.parametrize("sparse", [False, True])
def test_attention_is_the_softmax_of_cosines_with_the_newest_purchase(sparse: bool) -> None:
    history = drawn(20, 12, 0)
    vectors = np.random.default_rng(1).normal(size=(12, 5)).astype(np.float32)
    vectors[3] = 0  # lacks the modality
    embeddings = Embeddings("e", history.items.ids, csr_array(vectors) if sparse else vectors)
    weights = attention(history, embeddings, temperature=0.3).toarray()
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    for row in range(20):
        items = history.columns[history.rows == row]
        strength = np.exp(unit[items] @ unit[items[-1]] / 0.3)
        expected = np.zeros(12)
        expected[items] = strength / strength.sum()
        np.testing.assert_allclose(weights[row], expected, atol=1e-5)


def test_attention_between_its_ends() -> None:
    history = purchases({"u": "abc", "v": ""} | {"w": "a"}, 3)
    embeddings = Embeddings("e", history.items.ids, np.array([[1, 0.2], [0, 1], [1, 0]]))
    np.testing.assert_allclose(attention(history, embeddings, temperature=1e6).toarray()[0], [1 / 3] * 3, atol=1e-4)
    np.testing.assert_allclose(attention(history, embeddings, temperature=1e-4).toarray()[0], [0, 0, 1], atol=1e-4)
    with pytest.raises(ValueError, match="temperature must be above 0"):
        attention(history, embeddings, temperature=0)


@pytest.mark.parametrize("sparse", [False, True])
def test_content_and_neighbours_by_hand(sparse: bool) -> None:
    vectors = np.array([[1, 0], [0.8, 0.6], [0, 1], [-1, 0]])
    embeddings = Embeddings("e", np.array(list("abcd")), csr_array(vectors) if sparse else vectors)
    history = purchases({"u": "a"}, 4)
    found = recommend(content("c", history.weights(), embeddings), 4, exclude=history.weights())
    assert listed(found) == "bd--"  # c is at a right angle and d points away: the one says nothing, the other comes last
    np.testing.assert_allclose(found.scores[0, :2], [0.8, -1], atol=1e-6)
    near = neighbours(embeddings, 1).toarray()
    np.testing.assert_allclose(near, [[0, 0.8, 0, 0], [0.8, 0, 0, 0], [0, 0.6, 0, 0], [0, 0, 0, 0]], atol=1e-6)


def test_worth_gives_what_evaluating_each_gives() -> None:
    history, task = leave_last_out(drawn(40, 12, 3))
    matrix = np.random.default_rng(0).random((12, 12)).astype(np.float32)
    histories = {decay: history.weights(decay) for decay in (1.0, 0.5)}
    found = worth(lambda weights: Scores("s", weights, matrix), histories, task, metric="hit@3")
    assert list(found.index) == [1.0, 0.5]
    whole = history.weights(0.5).toarray() @ matrix
    whole[history.weights().toarray() > 0] = -np.inf
    best = np.argsort(-whole, axis=1)[:, :3]
    newest = task.relevance.indices
    assert found[0.5] == pytest.approx(np.mean([newest[u] in best[u] for u in range(40)]))
