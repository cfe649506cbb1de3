"""Search in a shop: filters, the map from photos to texts, next purchases and what a history changes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from lib import Catalogue, Embeddings, Ranking, search
from lib.tasks.recommendation import Purchases
from lib.tasks.retrieval import Bridge, barred, blend, by_likeness, by_value, filters, keep, means, next_purchases

ITEMS = pd.DataFrame(
    {
        "title": ["mug", "cup", "teapot", "lamp", "vase"],
        "price": [10, 20, 30, np.nan, 50],
        "brand": ["Alder", "alder", "Brook", "Brook", None],
        "category": ["Home > Kitchen > Mugs", "Home > Kitchen > Mugs", "Home > Kitchenware", None, "Home > Living"],
    },
    index=list("abcde"),
)
SHOP = Catalogue("shop", ITEMS)


def embeddings(vectors: list | np.ndarray, name: str = "e") -> Embeddings:
    return Embeddings(name, np.arange(len(vectors)).astype(str), np.asarray(vectors, np.float32))


@pytest.mark.parametrize(
    ("constraints", "kept"),
    [
        ({}, "abcde"),
        ({"price": (10, 30)}, "abc"),  # ends included, an unknown price is not within
        ({"price": (None, 20)}, "ab"),
        ({"price": (20.5, None)}, "ce"),
        ({"price": (None, None)}, "abce"),
        ({"brand": "ALDER"}, "ab"),
        ({"brand": ["Alder", "Brook"]}, "abcd"),
        ({"category": "home > kitchen"}, "ab"),  # no kitchenware
        ({"category": "Home"}, "abce"),
        ({"category": "Home > Kitchen > Mugs", "price": (15, None)}, "b"),
        ({"brand": "Nobody"}, ""),
    ],
)
def test_filters_keep_what_meets_every_constraint(constraints: dict, kept: str) -> None:
    assert "".join(SHOP.ids[filters(SHOP, **constraints)]) == kept


def test_a_price_range_the_wrong_way_round_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(low, high\), got \(30, 10\)"):
        filters(SHOP, price=(30, 10))


def test_filtered_products_make_room_for_others() -> None:
    corpus = embeddings([[1, 0], [0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0, 1]])
    masks = [filters(SHOP, brand="Brook"), filters(SHOP)]
    exclude = csr_array(np.array([[0, 0, 1, 0, 0], [1, 0, 0, 0, 0]], np.float32))
    found = search(embeddings([[1, 0], [1, 0]]), corpus, 2, exclude=barred(masks, exclude))
    assert found.positions.tolist() == [[3, -1], [1, 2]]
    assert search(embeddings([[1, 0]]), corpus, 2, exclude=barred(masks[:1])).positions.tolist() == [[2, 3]]


def test_filtering_afterwards_leaves_less() -> None:
    scores = np.array([[4, 3, 2, 1], [4, 3, -np.inf, -np.inf]], np.float32)
    found = Ranking("r", np.array([[2, 0, 3, 1], [0, 4, -1, -1]]), scores)
    left = keep(found, [filters(SHOP, brand="Brook"), filters(SHOP, category="Home")])
    assert left.positions.tolist() == [[2, 3, -1, -1], [0, 4, -1, -1]]
    assert left.scores[0].tolist() == [4, 2, -np.inf, -np.inf]


def photos_and_texts(rng: np.random.Generator, n: int = 200) -> tuple[Embeddings, Embeddings]:
    """Photos that are an unknown linear map of what the texts say, with a little noise and a common offset."""
    texts = rng.normal(size=(n, 6))
    photos = texts @ rng.normal(size=(6, 12)) + 0.1 * rng.normal(size=(n, 12)) + 2
    return embeddings(photos, "photos"), embeddings(texts + 1, "texts")


def test_a_bridge_finds_the_photos_of_texts_it_never_saw() -> None:
    photos, texts = photos_and_texts(np.random.default_rng(0))
    seen, new = np.arange(150), np.arange(150, 200)
    bridge = Bridge(alpha=0.1).fit(photos.take(seen), texts.take(seen))
    found = search(bridge.beside(texts.take(new)), bridge(photos.take(new)), 1).positions[:, 0]
    assert (found == np.arange(50)).mean() > 0.8
    shuffled = Bridge(alpha=0.1).fit(photos.take(seen), Embeddings("t", seen.astype(str), texts.vectors[seen[::-1]]))
    lost = search(shuffled.beside(texts.take(new)), shuffled(photos.take(new)), 1).positions[:, 0]
    assert (lost == np.arange(50)).mean() < 0.2


def test_a_bridge_is_ridge_regression_on_centred_targets() -> None:
    photos, texts = photos_and_texts(np.random.default_rng(1), 40)
    x, y = photos.vectors.astype(float), texts.vectors.astype(float)
    a, b = x - x.mean(0), y - y.mean(0)
    weights = np.linalg.solve(a.T @ a + 2 * np.eye(12), a.T @ b)  # the normal equations
    expected = a @ weights
    found = Bridge(alpha=2).fit(photos, texts)(photos).vectors
    np.testing.assert_allclose(found, expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=1e-4)


def test_a_bridge_learns_from_products_with_both_and_maps_missing_to_missing() -> None:
    photos, texts = photos_and_texts(np.random.default_rng(2), 50)
    holed = photos.vectors.copy()
    holed[:10] = 0
    some = Embeddings("photos", photos.ids, holed)
    mapped = Bridge().fit(some, texts)(some)
    assert mapped.present.tolist() == [False] * 10 + [True] * 40
    rest = Bridge().fit(photos.take(np.arange(10, 50)), texts.take(np.arange(10, 50)))
    np.testing.assert_allclose(mapped.vectors[10:], rest(some).vectors[10:], atol=1e-6)


def test_bridges_say_what_they_need() -> None:
    photos, texts = photos_and_texts(np.random.default_rng(3), 10)
    with pytest.raises(RuntimeError, match="call fit"):
        Bridge()(photos)
    with pytest.raises(RuntimeError, match="call fit"):
        Bridge().beside(texts)
    with pytest.raises(ValueError, match="other order"):
        Bridge().fit(photos, texts.take(np.arange(10)[::-1]))
    with pytest.raises(ValueError, match="dense"):
        Bridge().fit(photos, Embeddings("sparse", texts.ids, csr_array(texts.vectors)))
    with pytest.raises(ValueError, match="no product has both"):
        Bridge().fit(photos, Embeddings("none", texts.ids, np.zeros((10, 3))))


def purchases(rows: list[tuple[str, str]]) -> Purchases:
    return Purchases.read(pd.DataFrame(rows, columns=["user", "item"]), SHOP)


def test_next_purchases_are_the_last_ones_with_what_came_before() -> None:
    bought = purchases([("u", "a"), ("v", "b"), ("u", "c"), ("w", "d"), ("v", "c"), ("u", "e")])
    task, history = next_purchases(bought, ["mugs", "mugs", "teapots", "lamps", "vases"])
    assert task.queries.ids.tolist() == ["u", "v"]  # w bought once
    assert task.queries.text() == ["vases", "teapots"]
    assert task.relevance.toarray().tolist() == [[0, 0, 0, 0, 1], [0, 0, 1, 0, 0]]
    assert history.weights().toarray().tolist() == [[1, 0, 1, 0, 0], [0, 1, 0, 0, 0]]
    assert (task.exclude.toarray() == history.weights().toarray()).all()
    assert history.counts.tolist() == [1, 1, 1, 0, 0]


def test_what_is_bought_again_and_what_nothing_names_is_left_out() -> None:
    bought = purchases([("u", "a"), ("u", "b"), ("u", "a"), ("v", "a"), ("v", "d"), ("w", "a"), ("w", "c")])
    task, history = next_purchases(bought, ["mugs", "mugs", "teapots", None, ""])
    assert task.queries.ids.tolist() == ["w"]
    assert history.users.ids.tolist() == ["w"]


@pytest.mark.parametrize("make", [np.asarray, csr_array])
def test_means_are_directions_and_blends_go_from_query_to_history(make) -> None:
    vectors = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32)
    corpus = Embeddings("words", np.array(list("abc")), make(vectors))
    history = means(corpus, csr_array(np.array([[1, 1, 0], [0, 0, 0]], np.float32)), ids=["u", "v"])
    queries = Embeddings("asked", np.array(["u", "v"]), make(vectors[[2, 2]]))
    dense = [np.asarray(csr_array(blend(queries, history, w).vectors).todense()) for w in (0, 0.5, 1)]
    np.testing.assert_allclose(dense[0], vectors[[2, 2]], atol=1e-6)
    np.testing.assert_allclose(dense[1][0], np.array([0.5**0.5, 0.5**0.5, 1]) / 2**0.5, atol=1e-6)
    np.testing.assert_allclose(dense[1][1], [0, 0, 1], atol=1e-6)  # no history: the query as it was
    np.testing.assert_allclose(dense[2], [[0.5**0.5, 0.5**0.5, 0], [0, 0, 0]], atol=1e-6)
    with pytest.raises(ValueError, match="from 0 to 1, got 2"):
        blend(queries, history, 2)

    found = Ranking("r", np.array([[2, 0, 1], [1, -1, -1]]), np.array([[3, 2, 1], [1, -np.inf, -np.inf]], np.float32))
    liked = by_likeness(found, history, corpus)
    assert liked.positions.tolist() == [[0, 1, 2], [1, -1, -1]]
    np.testing.assert_allclose(liked.scores[0], [0.5**0.5, 0.5**0.5, 0], atol=1e-6)
    assert by_value(found, np.array([5, 9, 7]), name="sales").positions.tolist() == [[1, 2, 0], [1, -1, -1]]
