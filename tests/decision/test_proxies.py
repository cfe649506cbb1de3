"""Proxies on catalogues small enough to check by hand, and on the generated shop."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lib import load
from lib.data.catalogue import Catalogue
from lib.data.dataset import Dataset
from lib.data.task import Task
from lib.decision import proxies as module
from lib.decision.differences import Differences, perturbed, sure_pairs
from lib.decision.proxies import co_purchase, copies_found, judged_task, lowest_categories, proxies
from lib.encoders.embeddings import Embeddings


def shop(**columns: list) -> Catalogue:
    n = len(next(iter(columns.values())))
    return Catalogue("shop", pd.DataFrame(columns, index=[f"p{i}" for i in range(n)]))


def view(rows: list[list[float]]) -> Embeddings:
    return Embeddings("view", np.array([f"p{i}" for i in range(len(rows))], object), np.array(rows))


def nothing_changes() -> Differences:
    one, zero = np.ones(1), np.zeros(1)
    kept = {(f, d): one for f in ("title", "description") for d in (False, True)}
    return Differences(kept, {"title": zero, "description": zero}, zero, zero, {})


def a_third_is_lost() -> Differences:
    kept = {(f, d): np.array([2 / 3]) for f in ("title", "description") for d in (False, True)}
    missing = {field: np.array([0.5]) for field in ("description", "brand")}
    zero = np.zeros(1)
    return Differences(kept, {"title": zero, "description": zero}, zero, zero, missing)


def test_the_surest_pairs_are_mutual_and_not_identical() -> None:
    listings = shop(title=["red mug", "mug in red", "cup", "cup", "sofa", "lamp"])
    close = view([[1, 0], [0.99, 0.1], [0.7, 0.7], [0.7, 0.71], [0, 1], [-1, 0]])
    # cup and cup have the same title; red mug and mug in red are each other's nearest
    assert sure_pairs([close], listings).tolist() in ([[0, 1]], [])
    many = shop(title=[f"{a} {i}" for i in range(6) for a in ("old", "new")])
    angles = np.repeat(np.arange(6), 2) + np.tile([0, 0.01], 6)
    found = sure_pairs([view(np.stack([np.cos(angles), np.sin(angles)], 1).tolist())], many)
    assert len(found) == 2  # a third of six
    assert all(b == a + 1 and a % 2 == 0 for a, b in found)


def test_listings_of_one_shop_are_no_copies_of_each_other() -> None:
    listings = shop(title=["mug a", "mug b", "mug c"])
    close = view([[1, 0], [1, 0.01], [0.9, 0.4]])
    found = sure_pairs([close] * 3, listings, sources=np.array(["one", "one", "two"]))
    assert not {(0, 1)} & {tuple(p) for p in found.tolist()}


def test_what_differs_is_learned_by_hand() -> None:
    ones = [f"sony camera x{i}-100 black" for i in range(20)]
    others = [f"camera x{i}100 blck" for i in range(20)]
    titles = [t for pair in zip(ones, others, strict=True) for t in pair]
    given = ["yes", None] * 20
    pairs = np.arange(40).reshape(20, 2)
    learned = Differences.learned(shop(title=titles, description=given), pairs)
    found = learned.summary()
    # of sony camera black: camera stays, black is misspelt; back from the other, both stay
    assert found["title other words kept"] == pytest.approx((2 / 3 + 1) / 2)
    assert found["description missing"] == 1.0  # where the one has it, the other has not
    assert Differences.learned(shop(title=titles), pairs[:5]) is None


def test_copies_differ_as_told() -> None:
    words = " ".join(f"word{chr(97 + i)}" for i in range(20))
    listings = shop(title=[words] * 200, description=["long text"] * 200, brand=["b"] * 200)
    copies = perturbed(listings, np.arange(200), a_third_is_lost()).items
    kept = np.mean([len(t.split()) for t in copies["title"]]) / 20
    assert kept == pytest.approx(2 / 3, abs=0.02)
    assert copies["description"].isna().mean() == pytest.approx(0.5, abs=0.1)
    assert copies["brand"].isna().mean() == pytest.approx(0.5, abs=0.1)
    again = perturbed(listings, np.arange(200), a_third_is_lost()).items
    assert copies["title"].equals(again["title"])


def test_nothing_learned_changes_nothing() -> None:
    listings = shop(title=["red mug 20cl", "天猫正品保湿水乳套装女士专用补水护肤品大礼盒"])
    copies = perturbed(listings, np.arange(2), nothing_changes())
    assert copies.items["title"].tolist() == listings.items["title"].tolist()


def test_chinese_titles_lose_characters() -> None:
    title = "天猫正品保湿水乳套装女士专用补水护肤品大礼盒"
    copies = perturbed(shop(title=[title] * 50), np.arange(50), a_third_is_lost())
    kept = np.mean([len(t) for t in copies.items["title"]]) / len(title)
    assert kept == pytest.approx(2 / 3, abs=0.05)


def test_a_copy_has_its_partners_photo_which_cannot_be_found() -> None:
    listings = shop(title=["a", "b", "c"], image=["a.jpg", "b.jpg", None])
    pairs = np.array([[0, 1]])
    task = copies_found(listings, np.array([0, 2]), nothing_changes(), pairs)
    assert task.queries.items["image"].tolist() == ["b.jpg", None]
    assert task.exclude.toarray().tolist() == [[0, 1, 0], [0, 0, 0]]
    assert task.relevance.toarray().tolist() == [[1, 0, 0], [0, 0, 1]]


def test_co_purchase_by_hand() -> None:
    listings = shop(title=list("abcd"))
    rows = [("u", "p0"), ("u", "p1"), ("v", "p1"), ("v", "p2"), ("w", "p3")]
    bought = pd.DataFrame(rows, columns=["user", "item"])
    task = co_purchase(listings, bought, 10, np.random.default_rng(0))
    assert list(task.queries.ids) == ["p0", "p1", "p2"]  # p3 has no company
    assert task.relevance.toarray().tolist() == [[0, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 0]]


def test_the_lowest_category_that_repeats() -> None:
    paths = ["Home > Mugs > Red", "Home > Mugs > Blue", "Home > Beds", None]
    assert lowest_categories(shop(category=paths)).tolist() == ["Home > Mugs"] * 2 + ["Home", None]


def test_brands_cannot_be_found_by_their_name(monkeypatch) -> None:
    monkeypatch.setattr(module, "LEAST", 1)
    listings = shop(title=["Acme mug", "cup by ACME", "Zeta mug"], brand=["Acme", "Acme", "Zeta"])
    task = proxies(Dataset("shop", {"shop": listings}))["brand"]
    assert [" ".join(t.split()) for t in task.queries.items["title"]] == ["mug", "cup by"]
    assert task.corpus.items["brand"].isna().all()
    assert task.relevance.toarray().tolist() == [[0, 1, 0], [1, 0, 0]]


def test_what_a_catalogue_cannot_ask_is_left_out() -> None:
    bare = shop(title=[f"thing {i}" for i in range(60)])
    assert list(proxies(Dataset("bare", {"bare": bare}))) == ["found again, fixed"]
    none = shop(description=["x"] * 60)
    assert proxies(Dataset("none", {"none": none})) == {}


def test_the_generated_shop_has_them_all() -> None:
    data = load("bazaar", rows=240, photos=False)
    made = proxies(data, queries=60)
    assert list(made) == ["found again, fixed", "category", "brand", "co-purchase"]
    for task in made.values():
        assert len(task.queries) <= 60
        assert (task.relevance.sum(axis=1) > 0).all()
    again = proxies(data, queries=60)
    assert all(made[name].digest == again[name].digest for name in made)


def test_the_truth_is_the_first_judged_task_that_asks_with_a_text() -> None:
    listings = shop(title=["mug", "cup"])
    users = Catalogue("users", pd.DataFrame(index=["u"]))
    bought = Task.from_matches("next item", users, listings, [("u", "p0")])
    same = [Task.same_label(name, listings, ["a", "a"]) for name in ("category", "same product")]
    tasks = {"next item": bought, "category": same[0], "same product": same[1]}
    data = Dataset("shop", {"shop": listings}, tasks)
    assert judged_task(data) is same[1]
    assert judged_task(data, "category") is same[0]
    assert judged_task(data, "next item") is None
    with pytest.raises(ValueError, match="no task 'blocking'; it has next item, category, same"):
        judged_task(data, "blocking")
