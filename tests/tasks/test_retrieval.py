"""Search in a shop: filters, the map from photos to texts, next purchases and what a history
changes.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from lib import Catalogue, Embeddings, Ranking, encoder, search
from lib.data.purchases import Purchases
from lib.tasks.retrieval import (
    LinearMap,
    VectorSearch,
    by_cosine,
    filters,
    next_purchases,
    postfilter,
    prefilter,
)

ITEMS = pd.DataFrame(
    {
        "title": ["mug", "cup", "teapot", "lamp", "vase"],
        "price": [10, 20, 30, np.nan, 50],
        "brand": ["Alder", "alder", "Brook", "Brook", None],
        "category": [
            "Home > Kitchen > Mugs",
            "Home > Kitchen > Mugs",
            "Home > Kitchenware",
            None,
            "Home > Living",
        ],
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
        ({"price": (0, 20)}, "ab"),
        ({"price": (20.5, np.inf)}, "ce"),
        ({"brand": "ALDER"}, "ab"),
        ({"category": "home > kitchen"}, "ab"),  # no kitchenware
        ({"category": "Home"}, "abce"),
        ({"category": "Home > Kitchen > Mugs", "price": (15, 99)}, "b"),
        ({"brand": "Nobody"}, ""),
    ],
)
def test_filters_keep_what_meets_every_constraint(constraints: dict, kept: str) -> None:
    assert "".join(SHOP.ids[filters(SHOP, **constraints)]) == kept


def test_a_price_range_the_wrong_way_round_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(low, high\), got \(30, 10\)"):
        filters(SHOP, price=(30, 10))


def test_vectors_are_asked_as_bm25_is() -> None:
    queries = Catalogue("queries", pd.DataFrame({"title": ["a lamp", "tea cup"]}))
    model = VectorSearch(encoder("tfidf")).fit(SHOP)
    exclude = csr_array(np.array([[0, 0, 0, 0, 0], [0, 1, 0, 0, 0]]))
    assert model.search(queries, 1).positions.tolist() == [[3], [1]]
    assert model.search(queries, 1, exclude=exclude).positions[1, 0] != 1


def test_filtered_products_make_room_for_others() -> None:
    corpus = embeddings([[1, 0], [0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0, 1]])
    masks = [filters(SHOP, brand="Brook"), filters(SHOP)]
    exclude = csr_array(np.array([[0, 0, 1, 0, 0], [1, 0, 0, 0, 0]], np.float32))
    found = search(embeddings([[1, 0], [1, 0]]), corpus, 2, exclude=prefilter(masks, exclude))
    assert found.positions.tolist() == [[3, -1], [1, 2]]


def test_filtering_afterwards_leaves_less() -> None:
    scores = np.array([[4, 3, 2, 1], [4, 3, -np.inf, -np.inf]], np.float32)
    found = Ranking("r", np.array([[2, 0, 3, 1], [0, 4, -1, -1]]), scores)
    left = postfilter(found, [filters(SHOP, brand="Brook"), filters(SHOP, category="Home")])
    assert left.positions.tolist() == [[2, 3, -1, -1], [0, 4, -1, -1]]
    assert left.scores[0].tolist() == [4, 2, -np.inf, -np.inf]


def photos_and_texts(rng: np.random.Generator, n: int = 200) -> tuple[Embeddings, Embeddings]:
    """Photos that are an unknown linear map of what the texts say, with a little noise and a common
    offset.
    """
    texts = rng.normal(size=(n, 6))
    photos = texts @ rng.normal(size=(6, 12)) + 0.1 * rng.normal(size=(n, 12)) + 2
    return embeddings(photos, "photos"), embeddings(texts + 1, "texts")


def rows(start: int, stop: int) -> np.ndarray:
    return np.arange(start, stop)


def test_a_map_finds_the_photos_of_texts_it_never_saw() -> None:
    photos, texts = photos_and_texts(np.random.default_rng(0))
    seen, new = rows(0, 150), rows(150, 200)
    shuffled = Embeddings("t", texts.ids[seen], texts.vectors[seen[::-1]])
    found = {}
    for name, target in (("learned", texts.take(seen)), ("shuffled", shuffled)):
        to_texts = LinearMap(photos.take(seen), target, alpha=0.1)
        asked, mapped = to_texts.centred(texts.take(new)), to_texts(photos.take(new))
        found[name] = (search(asked, mapped, 1).positions[:, 0] == rows(0, 50)).mean()
    assert found["learned"] > 0.8
    assert found["shuffled"] < 0.2


def test_a_map_is_ridge_regression_on_centred_targets() -> None:
    photos, texts = photos_and_texts(np.random.default_rng(1), 40)
    x, y = photos.vectors.astype(float), texts.vectors.astype(float)
    a, b = x - x.mean(0), y - y.mean(0)
    weights = np.linalg.solve(a.T @ a + 2 * np.eye(12), a.T @ b)  # the normal equations
    expected = a @ weights
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    found = LinearMap(photos, texts, alpha=2)(photos).vectors
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_map_learns_from_products_with_both_and_maps_missing_to_missing() -> None:
    photos, texts = photos_and_texts(np.random.default_rng(2), 50)
    holed = photos.vectors.copy()
    holed[:10] = 0
    some = Embeddings("photos", photos.ids, holed)
    mapped = LinearMap(some, texts)(some)
    assert mapped.present.tolist() == [False] * 10 + [True] * 40
    rest = LinearMap(photos.take(rows(10, 50)), texts.take(rows(10, 50)))
    np.testing.assert_allclose(mapped.vectors[10:], rest(some).vectors[10:], atol=1e-6)


def test_maps_say_what_they_need() -> None:
    photos, texts = photos_and_texts(np.random.default_rng(3), 10)
    with pytest.raises(ValueError, match="differ in products or order"):
        LinearMap(photos, texts.take(rows(0, 10)[::-1]))
    with pytest.raises(ValueError, match="no product has both"):
        LinearMap(photos, Embeddings("none", texts.ids, np.zeros((10, 3))))


def purchases(pairs: list[tuple[str, str]]) -> Purchases:
    return Purchases.read(pd.DataFrame(pairs, columns=["user", "item"]), SHOP)


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
    bought = purchases(
        [("u", "a"), ("u", "b"), ("u", "a"), ("v", "a"), ("v", "d"), ("w", "a"), ("w", "c")]
    )
    task, history = next_purchases(bought, ["mugs", "mugs", "teapots", None, ""])
    assert task.queries.ids.tolist() == ["w"]
    assert history.users.ids.tolist() == ["w"]


@pytest.mark.parametrize("make", [np.asarray, csr_array])
def test_candidates_in_the_order_of_a_history(make) -> None:
    corpus = Embeddings("words", np.array(list("abc")), make(np.eye(3, dtype=np.float32)))
    weights = csr_array(np.array([[1, 1, 0], [0, 0, 0]], np.float32))
    history = Embeddings("history", np.array(["u", "v"]), weights @ corpus.vectors)
    places = np.array([[2, 0, 1], [1, -1, -1]])
    scores = np.array([[3, 2, 1], [1, -np.inf, -np.inf]], np.float32)
    found = Ranking("r", places, scores)
    liked = by_cosine(found, history, corpus)
    assert liked.positions.tolist() == [[0, 1, 2], [1, -1, -1]]
    np.testing.assert_allclose(liked.scores[0], [0.5**0.5, 0.5**0.5, 0], atol=1e-6)
