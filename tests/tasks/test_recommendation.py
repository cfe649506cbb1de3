"""Rankings against a full sort, backfilling and content by hand, settings against plain numpy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from lib.data.purchases import leave_last_out
from lib.encoders.embeddings import Embeddings
from lib.metrics.evaluation import evaluate
from lib.search.exact import Ranking
from lib.tasks import recommendation
from lib.tasks.recommendation import (
    Scores,
    backfill,
    content,
    recommend,
    same_for_all,
    score_settings,
)
from tests.purchases import drawn, purchases


def listed(ranking: Ranking, row: int = 0) -> str:
    return "".join("-" if p < 0 else "abcdefghijklmnop"[p] for p in ranking.positions[row])


@pytest.mark.parametrize("exclude", [False, True])
@pytest.mark.parametrize("sparse", [(False, False), (True, True), (True, False), (False, True)])
@pytest.mark.parametrize("k", [1, 7, 60])
def test_recommend_equals_a_full_stable_sort(
    sparse: tuple[bool, bool], k: int, exclude: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(k)
    parts = []
    for shape, as_sparse in zip(((30, 4), (4, 50)), sparse, strict=True):
        part = (rng.integers(-2, 3, shape) * (rng.random(shape) < 0.4)).astype(np.float32)
        parts.append(csr_array(part) if as_sparse else part)
    barred = rng.random((30, 50)) < 0.3 if exclude else np.zeros((30, 50), bool)
    whole = np.asarray(csr_array(parts[0]) @ csr_array(parts[1]).toarray(), float)
    whole[barred | (whole == 0)] = -np.inf  # whole numbers: ties everywhere, and many zeros
    order = np.argsort(-whole, axis=1, kind="stable")[:, :k]
    best = np.take_along_axis(whole, order, axis=1)
    order = np.where(np.isfinite(best), order, -1)
    pad = ((0, 0), (0, k - order.shape[1]))
    # blocks of seven shoppers, the last shorter
    monkeypatch.setattr(recommendation, "BLOCK_BYTES", 4 * 50 * 7)
    for share in (0, 2):  # sparse blocks are made dense, and are left sparse
        monkeypatch.setattr(recommendation, "DENSE", share)
        found = recommend(Scores("s", *parts), k, exclude=csr_array(barred) if exclude else None)
        np.testing.assert_array_equal(found.positions, np.pad(order, pad, constant_values=-1))
        np.testing.assert_array_equal(found.scores, np.pad(best, pad, constant_values=-np.inf))


def test_popularity_by_hand_and_what_nobody_bought_is_left_out() -> None:
    history = purchases({"u": "ab", "v": "b", "w": "bc"})
    found = recommend(same_for_all("popularity", history.counts, 3), 6)
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


def test_backfill_by_hand() -> None:
    positions = np.array([[3, -1, -1], [-1, -1, -1], [1, 0, 2]])
    points = np.where(positions < 0, -np.inf, [[0.5, 0, 0], [0, 0, 0], [3, 2, 1]])
    ranking = Ranking("r", positions, points.astype(np.float32))
    exclude = csr_array(np.array([[0, 1, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]]))
    sold = same_for_all("popularity", np.array([2, 9, 2, 8, 0]), 3)
    found = backfill(ranking, recommend(sold, 3, exclude=exclude), k=3)
    # b is barred for the first; e was never sold
    assert [listed(found, row) for row in range(3)] == ["dac", "bda", "bac"]
    assert (np.diff(found.scores, axis=1) < 0).all()
    # deeper than the ranking goes, and less deep
    assert listed(backfill(ranking, recommend(sold, 4), k=4), 2) == "bacd"
    assert listed(backfill(ranking, recommend(sold, 2), k=2), 2) == "ba"
    nothing = recommend(same_for_all("nothing", np.zeros(5), 3), 3)
    assert listed(backfill(ranking, nothing, k=3), 1) == "---"


def test_a_shopper_who_has_everything_is_recommended_nothing() -> None:
    history, task = leave_last_out(purchases({"u": "abca", "v": "ab"}, 3))
    scores = same_for_all("popularity", history.counts, 2)
    popular = recommend(scores, 2, exclude=task.exclude)
    found = backfill(popular, popular, k=2)
    assert [listed(found, row) for row in (0, 1)] == ["--", "bc"]
    assert np.isnan(evaluate(found, task, ["hit@2"]).iloc[0, 0])


@pytest.mark.parametrize("sparse", [False, True])
def test_content_by_hand(sparse: bool) -> None:
    vectors = np.array([[1, 0], [0.8, 0.6], [0, 1], [-1, 0]])
    embeddings = Embeddings("e", np.array(list("abcd")), csr_array(vectors) if sparse else vectors)
    history = purchases({"u": "a"}, 4)
    found = recommend(content(history.weights(), embeddings), 4, exclude=history.weights())
    # c is at a right angle, which says nothing; d points away and comes last
    assert listed(found) == "bd--"
    np.testing.assert_allclose(found.scores[0, :2], [0.8, -1], atol=1e-6)


def test_settings_score_what_plain_numpy_gives() -> None:
    history, task = leave_last_out(drawn(40, 12, 3))
    matrix = np.random.default_rng(0).random((12, 12)).astype(np.float32)
    settings = {decay: Scores("s", history.weights(decay), matrix) for decay in (1.0, 0.5)}
    found = score_settings(settings, task, "hit@3")
    assert list(found.index) == [1.0, 0.5]
    whole = history.weights(0.5).toarray() @ matrix
    whole[history.weights().toarray() > 0] = -np.inf
    best = np.argsort(-whole, axis=1)[:, :3]
    newest = task.relevance.indices
    assert found[0.5] == pytest.approx(np.mean([newest[u] in best[u] for u in range(40)]))
