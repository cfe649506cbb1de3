"""Features by hand; trees that must find what decides; orders against a sort."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.ensemble import HistGradientBoostingClassifier

from lib.data.catalogue import Catalogue
from lib.data.task import Task
from lib.encoders.embeddings import Embeddings
from lib.metrics.evaluation import evaluate
from lib.search.exact import Ranking
from lib.tasks.ranker import Candidates, Ranker, candidates, share_with_label
from tests.purchases import purchases

SHOP = {
    "category": ["x > m", "m", "s", None],
    "brand": ["Oak", None, "Elm", "Oak"],
    "price": [10.0, 20.0, 40.0, np.nan],
}


@pytest.mark.parametrize("sparse", [False, True])
def test_features_by_hand(sparse: bool) -> None:
    history = purchases({"ann": "ab", "bo": "c"}, 4, **SHOP)
    near = Ranking(
        "near", np.array([[2, 3], [0, -1]]), np.array([[0.9, 0.5], [0.4, -np.inf]], np.float32)
    )
    sold = Ranking(
        "sold", np.array([[3, 2], [3, -1]]), np.array([[8, 7], [6, -np.inf]], np.float32)
    )
    vectors = np.array([[1, 0], [0, 1], [1, 1], [0, 1.0]])
    embeddings = Embeddings("e", history.items.ids, csr_array(vectors) if sparse else vectors)
    found = candidates(
        {"near": near, "sold": sold},
        history,
        np.array([9, 3, 1, 0]),
        embeddings=embeddings,
        floor=2,
    )
    assert list(zip(found.rows, found.columns, strict=True)) == [(0, 2), (0, 3), (1, 0), (1, 3)]
    features = found.features
    np.testing.assert_allclose(features["near"], [0.9, 0.5, 0.4, np.nan], atol=1e-6)
    np.testing.assert_allclose(features["sold"], [7, 8, np.nan, 6])
    np.testing.assert_allclose(
        features["similarity"], [1, np.sqrt(0.5), np.sqrt(0.5), np.sqrt(0.5)], atol=1e-6
    )
    np.testing.assert_allclose(features["popularity"], np.log([2, 2, 9, 2]))
    np.testing.assert_allclose(features["price"], [np.log(40), np.nan, np.log(10), np.nan])
    np.testing.assert_allclose(
        features["price gap"], [np.log(40) - np.log(200) / 2, np.nan, np.log(4), np.nan]
    )
    np.testing.assert_allclose(features["category"], [0, np.nan, 0, np.nan])
    np.testing.assert_allclose(features["brand"], [0, 0.5, 0, 0])
    assert features["purchases"].tolist() == [2, 2, 1, 1]


def test_what_a_catalogue_lacks_is_no_feature() -> None:
    history = purchases({"ann": "ab"})
    ranking = Ranking("r", np.array([[2, 3]]), np.array([[1, 0.5]], np.float32))
    vectors = Embeddings("e", history.items.ids, np.eye(6))
    found = candidates({"r": ranking}, history, history.counts, embeddings=vectors)
    assert list(found.features) == ["r", "similarity", "popularity", "purchases"]


def test_shares_by_hand() -> None:
    history = purchases({"ann": "abc", "bo": "d"}, 4, **SHOP)
    rows, columns = np.array([0, 0, 0, 1, 1]), np.array([0, 2, 3, 0, 3])
    labels = history.items.items
    kinds = share_with_label(history, [None, "m", "s", "m"], rows, columns)
    np.testing.assert_allclose(kinds, [np.nan, 1 / 3, 1 / 3, np.nan, 1], atol=1e-6)
    brands = share_with_label(history, labels["brand"], rows, columns)
    np.testing.assert_allclose(brands, [1 / 3, 1 / 3, 1 / 3, 1, 1], atol=1e-6)
    nobody = history.recent(0)
    assert not share_with_label(nobody, labels["brand"], rows, columns).any()


def shop(users: int, n: int = 12, seed: int = 0) -> tuple[Candidates, Task]:
    """Every item is a candidate; bought next is the one whose feature `tells` is highest; `noise`
    says nothing.
    """
    rng = np.random.default_rng(seed)
    rows, columns = np.divmod(np.arange(users * n), n)
    tells = rng.random((users, n))
    relevance = csr_array(
        (np.ones(users), (np.arange(users), tells.argmax(axis=1))), shape=(users, n)
    )
    features = pd.DataFrame({"tells": tells.ravel(), "noise": rng.random(users * n)})
    queries, corpus = (
        Catalogue("c", pd.DataFrame(index=[str(i) for i in range(m)])) for m in (users, n)
    )
    return Candidates(users, rows, columns, features), Task(
        "t", queries, corpus, relevance, csr_array((users, n))
    )


def made(*, min_samples_leaf: int = 50, negatives: int = 30, seed: int = 0) -> Ranker:
    trees = HistGradientBoostingClassifier(
        max_iter=100, max_leaf_nodes=8, min_samples_leaf=min_samples_leaf, random_state=seed
    )
    return Ranker(trees, negatives=negatives, seed=seed)


def test_the_ranker_finds_the_feature_that_decides() -> None:
    ranker = made(min_samples_leaf=5).fit(*shop(300))
    found, task = shop(100, seed=1)
    assert evaluate(ranker.rank(found, 10), task, ["ndcg@10"])["ndcg@10"].mean() > 0.9
    importance = ranker.importance(found, task)
    assert importance.index[0] == "tells"
    assert importance["tells"] > 0.3 > 0.02 > abs(importance["noise"])
    some = ranker.importance(found, task, shoppers=20)
    assert some["tells"] == pytest.approx(importance["tells"], abs=0.25)
    assert some["tells"] != importance["tells"]


def test_candidates_of_some_shoppers() -> None:
    found, _ = shop(5)
    some = found.of(np.array([1, 3]))
    assert some.users == 2
    assert some.rows.tolist() == [0] * 12 + [1] * 12
    assert (
        some.features["tells"].tolist()
        == found.features["tells"][12:24].tolist() + found.features["tells"][36:48].tolist()
    )


def test_the_ranker_is_reproducible_and_draws_its_negatives_by_its_seed() -> None:
    train, test = shop(200), shop(50, seed=1)[0]
    first, again, other = (
        made(negatives=3, seed=seed).fit(*train).rank(test, 5).scores for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_orders_are_those_of_a_stable_sort_and_empty_rows_stay_empty() -> None:
    ranker = made().fit(*shop(200))
    found, _ = shop(20, seed=2)
    kept = found.rows != 4
    few = Candidates(20, found.rows[kept], found.columns[kept], found.features[kept])
    ranking = ranker.rank(few, 15)
    chance = ranker.trees.predict_proba(found.features)[:, 1].reshape(20, 12).astype(np.float32)
    for row in range(20):
        expected = np.argsort(-chance[row], kind="stable").tolist() + [-1] * 3
        assert ranking.positions[row].tolist() == ([-1] * 15 if row == 4 else expected)


def test_nothing_to_learn_from_is_an_error() -> None:
    found, task = shop(5)
    none = Task("t", task.queries, task.corpus, csr_array(task.relevance.shape), task.exclude)
    with pytest.raises(ValueError, match="0 of 60 candidates are relevant"):
        made().fit(found, none)
