"""Closed forms and loops written out."""

from __future__ import annotations

import numpy as np
import pytest

from lib.tasks.collaborative import als, ease, item_knn, transitions
from lib.tasks.recommendation import recommend
from tests.purchases import drawn, purchases


def test_transitions_by_hand() -> None:
    history = purchases({"u": "abc", "v": "ab", "w": "d"}, 4)
    counts = transitions(history, 0.5, damping=0).matrix.toarray()
    # a then b twice, a then c once with b between
    assert counts.tolist() == [[0, 2, 0.5, 0], [0, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    chain = transitions(history, 0, damping=1).matrix.toarray()  # a Markov chain
    np.testing.assert_allclose(chain[0], [0, 1, 0, 0])
    damped = transitions(history, 0.5).matrix.toarray()
    np.testing.assert_allclose(damped[0], np.array([0, 2, 0.5, 0]) / np.sqrt(2.5))


def test_transitions_equal_a_loop_over_pairs() -> None:
    history, n = drawn(50, 15, 0), 15
    expected = np.zeros((n, n))
    for row in range(50):
        items = history.columns[history.rows == row]
        for i in range(len(items)):
            for j in range(i + 1, len(items)):
                expected[items[i], items[j]] += 0.7 ** (j - i - 1)
    found = transitions(history, 0.7, damping=1).matrix.toarray()
    np.testing.assert_allclose(found, expected / expected.sum(axis=1, keepdims=True), atol=1e-5)


def test_one_purchase_each_has_no_transition() -> None:
    assert transitions(purchases({"u": "a", "v": "b"})).matrix.nnz == 0
    with pytest.raises(ValueError, match=r"fade is in \[0, 1\)"):
        transitions(purchases({"u": "ab"}), 1)


def test_ease_is_the_closed_form() -> None:
    history = drawn(60, 11, 1)
    x = history.weights().toarray().astype(float)
    p = np.linalg.inv(x.T @ x + 3 * np.eye(11))
    expected = -p / np.diag(p)
    np.fill_diagonal(expected, 0)
    np.testing.assert_allclose(ease(history, 3).matrix, expected, atol=1e-5)


def test_ease_solves_the_problem_that_it_states() -> None:
    """No change of an element off the diagonal lowers |X - XB|² + penalty |B|²."""
    history = drawn(40, 6, 2)
    x, b = history.weights().toarray().astype(float), ease(history, 2.0).matrix.astype(float)
    gradient = x.T @ (x @ b - x) + 2 * b
    np.testing.assert_allclose(gradient[~np.eye(6, dtype=bool)], 0, atol=1e-4)


def test_an_item_that_nobody_bought_gets_nothing_from_ease() -> None:
    assert not ease(purchases({"u": "ab", "v": "a"}, 3), 1.0).matrix[2].any()
    with pytest.raises(ValueError, match="penalty must be above 0"):
        ease(purchases({"u": "ab"}), 0)


def test_item_knn_is_the_cosine_of_the_nearest() -> None:
    history = drawn(60, 20, 4)
    x = history.weights().toarray()
    norms = np.linalg.norm(x, axis=0)
    cosines = x.T @ x / np.outer(norms, norms)
    np.testing.assert_allclose(item_knn(history, 20).matrix.toarray(), cosines, atol=1e-5)
    few = item_knn(history, 5).matrix.toarray()
    assert ((few > 0).sum(axis=1) == 5).all()
    np.testing.assert_allclose(np.sort(few)[:, -5:], np.sort(cosines)[:, -5:], atol=1e-5)


def test_als_solves_the_problem_that_it_states() -> None:
    """After many rounds each side's factors solve their normal equations, the other side's held."""
    history = drawn(60, 20, 5)
    model = als(history, 10.0, factors=4, rounds=200)
    scores = model.scores(history.weights())
    users, items = scores.left.astype(float), model.items.astype(float)
    bought = history.weights().toarray()
    for weights, own, other in ((bought, users, items), (bought.T, items, users)):
        for row, factors in zip(weights, own, strict=True):
            counts = np.where(row > 0, 10.0 * row, 1.0)
            system = (other.T * counts) @ other + 0.05 * np.eye(4)
            expected = np.linalg.solve(system, other.T @ (counts * (row > 0)))
            np.testing.assert_allclose(factors, expected, rtol=2e-2, atol=2e-3)


def test_als_folds_new_histories_in_and_puts_together_what_goes_together() -> None:
    baskets = {}
    for user in range(80):
        own = list("abcd" if user % 2 else "efgh")
        baskets[f"u{user}"] = "".join(np.random.default_rng(user).permutation(own)[:3])
    model = als(purchases(baskets, 8), factors=2, seed=1)
    new = purchases({"ann": "ab", "bo": "g"}, 8)
    found = recommend(model.scores(new.weights()), 8, exclude=new.weights())
    assert set(found.positions[0, :2]) == {2, 3}
    assert set(found.positions[1, :3]) == {4, 5, 7}
    alone = model.scores(new.weights()[[1]])  # no shopper's score depends on another's
    np.testing.assert_allclose(alone.left[0], model.scores(new.weights()).left[1], atol=1e-6)


def test_als_follows_its_seed_and_knows_nothing_of_an_empty_history() -> None:
    history = drawn(30, 10, 6)
    one, same, other = (als(history, factors=4, seed=seed).items for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()
    empty = als(history, factors=4).scores(history.recent(0).weights())
    assert not empty.left.any()
