"""Closed forms, loops written out and the wrapped library's own recommendations."""

from __future__ import annotations

import implicit
import numpy as np
import pytest
from scipy.sparse import csr_array, csr_matrix

from lib.tasks import collaborative
from lib.tasks.collaborative import als, bpr, ease, item_knn, transitions
from lib.tasks.purchases import leave_last_out
from lib.tasks.recommendation import Scores, recommend
from tests.purchases import drawn, purchases


def test_transitions_by_hand() -> None:
    history = purchases({"u": "abc", "v": "ab", "w": "d"}, 4)
    counts = transitions(history, fade=0.5, damping=0).toarray()
    assert counts.tolist() == [[0, 2, 0.5, 0], [0, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]]  # a then b twice, a .. c once
    np.testing.assert_allclose(transitions(history, fade=0, damping=1).toarray()[0], [0, 1, 0, 0])  # a Markov chain
    np.testing.assert_allclose(transitions(history, fade=0.5).toarray()[0], np.array([0, 2, 0.5, 0]) / np.sqrt(2.5))


def test_transitions_equal_a_loop_over_pairs() -> None:
    history, n = drawn(50, 15, 0), 15
    expected = np.zeros((n, n))
    for row in range(50):
        items = history.columns[history.rows == row]
        for i in range(len(items)):
            for j in range(i + 1, len(items)):
                expected[items[i], items[j]] += 0.7 ** (j - i - 1)
    found = transitions(history, fade=0.7, damping=1).toarray()
    np.testing.assert_allclose(found, expected / expected.sum(axis=1, keepdims=True), atol=1e-5)


def test_one_purchase_each_has_no_transition() -> None:
    assert transitions(purchases({"u": "a", "v": "b"})).nnz == 0
    with pytest.raises(ValueError, match=r"fade is in \[0, 1\)"):
        transitions(purchases({"u": "ab"}), fade=1)


@pytest.mark.parametrize("block", [4, 1024])
def test_ease_is_the_closed_form(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collaborative._mirror, "__defaults__", (block,))  # several blocks, the last one short
    bought = drawn(60, 11, 1).weights()
    x = bought.toarray().astype(float)
    p = np.linalg.inv(x.T @ x + 3 * np.eye(11))
    expected = -p / np.diag(p)
    np.fill_diagonal(expected, 0)
    np.testing.assert_allclose(ease(bought, penalty=3), expected, atol=1e-5)


def test_ease_solves_the_problem_that_it_states() -> None:
    """No change of an element off the diagonal lowers |X - XB|² + penalty |B|²."""
    bought = drawn(40, 6, 2).weights()
    x, b = bought.toarray().astype(float), ease(bought, penalty=2.0).astype(float)
    gradient = x.T @ (x @ b - x) + 2 * b
    np.testing.assert_allclose(gradient[~np.eye(6, dtype=bool)], 0, atol=1e-4)


def test_an_item_that_nobody_bought_gets_nothing_from_ease() -> None:
    bought = csr_array(np.array([[1, 1, 0], [1, 0, 0]], np.float32))
    assert not ease(bought, penalty=1.0)[2].any()
    with pytest.raises(ValueError, match="penalty must be above 0"):
        ease(bought, penalty=0)


@pytest.mark.filterwarnings("ignore:Method expects CSR input")
def test_item_knn_recommends_what_implicit_does() -> None:
    history, task = leave_last_out(drawn(60, 20, 3))
    bought = history.weights()
    model = implicit.nearest_neighbours.CosineRecommender(K=8, num_threads=1)
    model.fit(csr_matrix(bought), show_progress=False)
    _, points = model.recommend(np.arange(60), csr_matrix(bought), N=3, filter_already_liked_items=True)
    ours = recommend(Scores("knn", bought, item_knn(bought, k=8)), 3, exclude=task.exclude)
    there = points > 0
    np.testing.assert_allclose(ours.scores[there], points[there], atol=1e-5)  # by score: ties stand in another order


def test_item_knn_is_the_cosine() -> None:
    bought = drawn(60, 20, 4).weights()
    x = bought.toarray()
    norms = np.linalg.norm(x, axis=0)
    np.testing.assert_allclose(item_knn(bought, k=20).toarray(), x.T @ x / np.outer(norms, norms), atol=1e-5)


def test_als_recommends_what_implicit_does_and_folds_new_histories_in() -> None:
    known = drawn(60, 20, 5)
    history, _ = leave_last_out(known)
    model = implicit.als.AlternatingLeastSquares(
        factors=4, regularization=0.05, alpha=10.0, iterations=15, num_threads=1, random_state=7
    )
    model.fit(csr_matrix(history.weights()), show_progress=False)
    theirs, points = model.recommend(np.arange(60), csr_matrix(known.weights()), N=5, recalculate_user=True)
    fitted = als(history.weights(), factors=4, seed=7)
    ours = recommend(fitted(known.weights()), 5, exclude=known.weights())
    np.testing.assert_array_equal(ours.positions, theirs)
    np.testing.assert_allclose(ours.scores, points, rtol=1e-3)
    one = fitted(known.weights()[[3]])  # a shopper's score hangs on no other shopper
    np.testing.assert_allclose(one.block(slice(0, 1))[0], fitted(known.weights()).block(slice(3, 4))[0], rtol=1e-4, atol=1e-5)


def test_bpr_puts_what_goes_together_together_and_is_reproducible() -> None:
    baskets = {f"u{i}": "".join(np.random.default_rng(i).permutation(list("abcd" if i % 2 else "efgh"))[:3]) for i in range(80)}
    history = purchases(baskets, 8)
    scores = bpr(history.weights(), factors=8, iterations=200, seed=1)
    whole = scores.block(slice(0, 80))
    own = np.where(np.arange(80) % 2, whole[:, :4].mean(axis=1), whole[:, 4:].mean(axis=1))
    other = np.where(np.arange(80) % 2, whole[:, 4:].mean(axis=1), whole[:, :4].mean(axis=1))
    assert (own > other).all()
    again = bpr(history.weights(), factors=8, iterations=200, seed=1)
    np.testing.assert_array_equal(scores.left, again.left)


def test_without_implicit_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "implicit", None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install -e "\.\[recommend\]"'):
        item_knn(csr_array((2, 2), dtype=np.float32))
