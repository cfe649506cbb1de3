"""Catalogues and tasks: what they hold, what they refuse, and that their parts never share a
product.
"""

from __future__ import annotations

import doctest
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from lib.data import catalogue as catalogues
from lib.data import loaders
from lib.data import task as tasks
from lib.data.catalogue import FIELDS, Catalogue, stack
from lib.data.task import Task

MUGS = pd.DataFrame(
    {
        "title": ["red mug", "blue mug", ""],
        "brand": ["NA", None, float("nan")],
        "category": ["Home > Kitchen > Mugs", "Home", None],
        "price": [399.0, 12.5, None],
        "attributes": [{"colour": "red", "size": 3}, None, {}],
        "image": ["shelf/1.jpg", "shelf/2.jpg", None],
    },
    index=["1", "2", "3"],
)


def catalogue(n: int = 4, **columns: list) -> Catalogue:
    """`n` products with ids p0, p1, …"""
    return Catalogue("shop", pd.DataFrame(columns, index=[f"p{i}" for i in range(n)]))


# Catalogue


def test_every_field_is_there_and_missing_cells_are_none() -> None:
    items = Catalogue("mugs", MUGS).items
    assert set(FIELDS) <= set(items)
    assert items["title"].tolist() == ["red mug", "blue mug", None]
    assert items["brand"].tolist() == ["NA", None, None]
    assert items["description"].tolist() == items["group"].tolist() == [None, None, None]
    assert items["price"].dtype == float
    assert np.isnan(items["price"].iloc[2])


def test_a_nullable_pandas_column_is_read_like_any_other() -> None:
    assert catalogue(2, price=pd.array([5, pd.NA], dtype="Int64")).items["price"].iloc[0] == 5.0


def test_a_nullable_text_column_is_read_like_any_other() -> None:
    assert catalogue(2, title=pd.array(["mug", pd.NA], dtype="string")).items["title"].tolist() == [
        "mug",
        None,
    ]


def test_the_frame_handed_in_stays_as_it_was() -> None:
    frame = pd.DataFrame({"title": ["", "b"]}, index=[7, 8])
    held = Catalogue("shop", frame)
    assert held.ids.tolist() == ["7", "8"]
    assert (frame.index.tolist(), list(frame), frame["title"].tolist()) == (
        [7, 8],
        ["title"],
        ["", "b"],
    )


def test_further_columns_are_kept() -> None:
    assert catalogue(2, seller=["a", "b"]).items["seller"].tolist() == ["a", "b"]


@pytest.mark.parametrize("ids", [["a", "b", "a"], [1, "1", 2]])
def test_a_repeated_id_is_refused_by_name(ids: list) -> None:
    with pytest.raises(ValueError, match=f"'shop': id '{ids[0]}' occurs more than once"):
        Catalogue("shop", pd.DataFrame(index=ids))


def test_text_joins_what_is_there() -> None:
    mugs = Catalogue("mugs", MUGS)
    assert mugs.text() == ["red mug", "blue mug", ""]
    assert mugs.text(("brand", "title", "price")) == ["NA red mug 399", "blue mug 12.5", ""]
    assert mugs.text(("attributes",)) == ["red 3", "", ""]
    with pytest.raises(KeyError, match=r"'mugs' has no column 'colour'.*'title'"):
        mugs.text(("title", "colour"))


def test_category_gives_one_level_of_the_path() -> None:
    mugs = Catalogue("mugs", MUGS)
    assert mugs.category().tolist() == ["Home", "Home", None]
    assert mugs.category(2).tolist() == ["Mugs", None, None]
    assert mugs.category(9).tolist() == [None, None, None]


def test_labels_are_a_column_or_a_level_of_the_category() -> None:
    mugs = Catalogue("mugs", MUGS.assign(group=["a", "b", None]))
    assert mugs.labels("group").tolist() == ["a", "b", None]
    assert mugs.labels("category:2").tolist() == ["Mugs", None, None]
    assert mugs.labels("category").tolist() == mugs.items["category"].tolist()
    with pytest.raises(KeyError, match="no column 'tribe'"):
        mugs.labels("tribe")


def test_take_by_position_and_by_mask_keeps_the_order_asked_for() -> None:
    shop = catalogue(4)
    assert shop.take([3, 0]).ids.tolist() == ["p3", "p0"]
    assert shop.take(np.array([False, True, True, False])).ids.tolist() == ["p1", "p2"]
    assert len(shop.take([])) == 0
    assert (shop.take([1]).name, shop.renamed("other").name) == ("shop", "other")


def test_a_catalogue_without_rows_works() -> None:
    empty = Catalogue("none", pd.DataFrame())
    assert (len(empty), empty.text(), empty.category().tolist()) == (0, [], [])
    assert empty.digest != catalogue(1).digest


def test_the_digest_follows_the_cells_and_not_the_photo_folder() -> None:
    mugs = Catalogue("mugs", MUGS)
    moved = Catalogue("elsewhere", MUGS.assign(image=["/tmp/x/1.jpg", "2.jpg", None]))
    assert moved.digest == mugs.digest
    assert (
        Catalogue("mugs", MUGS[list(MUGS)[::-1]]).digest == mugs.digest
    )  # nor the order of columns
    changes = [
        MUGS.assign(title=["red mug", "blue mug", "mug"]),
        MUGS.assign(price=[399.0, 12.5, 0.0]),
        MUGS.assign(attributes=[{"colour": "red", "size": 4}, None, {}]),
        MUGS.assign(image=["shelf/1.jpg", "shelf/3.jpg", None]),
        MUGS.assign(seller="x"),
        MUGS.set_axis(["1", "2", "4"]),
        MUGS.iloc[::-1],
    ]
    assert len({mugs.digest, *(Catalogue("mugs", c).digest for c in changes)}) == 1 + len(changes)


# split


def grouped(n: int) -> Catalogue:
    return catalogue(n, group=[f"g{i // 3}" for i in range(n)])


def test_a_split_is_disjoint_whole_and_near_its_fractions() -> None:
    shop = grouped(3000)
    parts = shop.split({"train": 0.8, "valid": 0.1, "test": 0.1})
    assert sorted(i for p in parts.values() for i in p.ids) == sorted(shop.ids)
    assert (
        abs(len(parts["train"]) - 2400) < 150
    )  # 1,000 groups of three: a deviation of 38 listings is usual
    assert abs(len(parts["test"]) - 300) < 120


def test_listings_of_a_product_never_straddle_two_parts() -> None:
    homes = [set(part.items["group"]) for part in grouped(600).split({"a": 0.5, "b": 0.5}).values()]
    assert all(homes)
    assert not homes[0] & homes[1]


def test_a_group_called_zero_is_a_group() -> None:
    parts = catalogue(40, group=[0] * 40).split({"a": 0.5, "b": 0.5})
    assert sorted(len(p) for p in parts.values()) == [0, 40]


def test_adding_rows_moves_no_old_row() -> None:
    fractions = {"a": 0.5, "b": 0.3, "c": 0.2}
    few, many = grouped(90).split(fractions), grouped(300).split(fractions)
    assert all(set(few[p].ids) <= set(many[p].ids) for p in fractions)


def test_rows_without_a_group_are_split_by_id() -> None:
    parts = catalogue(200).split({"a": 0.5, "b": 0.5})
    assert 60 < len(parts["a"]) < 140


def test_another_seed_splits_otherwise() -> None:
    first, again, other = (
        grouped(300).split({"a": 0.5, "b": 0.5}, seed=s)["a"].ids.tolist() for s in (0, 0, 1)
    )
    assert first == again != other


@pytest.mark.parametrize("fractions", [{"a": 0.5}, {"a": 0.7, "b": 0.7}, {}])
def test_fractions_must_sum_to_one(fractions: dict) -> None:
    with pytest.raises(ValueError, match="sum to 1"):
        catalogue().split(fractions)


def test_negative_fractions_are_refused() -> None:
    with pytest.raises(ValueError, match="fractions"):
        catalogue().split({"a": 1.5, "b": -0.5})


def test_stack_prefixes_ids_with_the_shop() -> None:
    left, right = (
        catalogue(1, title=["mug"]),
        catalogue(1, price=[3.0], seller=["s"]).renamed("other"),
    )
    both = stack([left, right])
    assert both.name == "shop+other"
    assert both.ids.tolist() == ["shop/p0", "other/p0"]
    assert both.items["title"].tolist() == ["mug", None]
    assert both.items["price"].tolist()[1] == 3.0
    assert stack([left], name="all").name == "all"
    with pytest.raises(ValueError, match="occurs more than once"):
        stack([left, left])


# Task


def test_a_task_checks_the_shapes_of_both_matrices() -> None:
    shop = catalogue(4)
    good, bad = csr_array((2, 4)), csr_array((4, 2))
    for matrices in ((bad, good), (good, bad)):
        with pytest.raises(ValueError, match=r"is \(4, 2\), queries and corpus make it \(2, 4\)"):
            Task("t", shop.take([0, 1]), shop, *matrices)


def test_gains_are_positive_and_zeros_are_not_stored() -> None:
    shop = catalogue(2)
    with pytest.raises(ValueError, match="negative gains"):
        Task("t", shop, shop, csr_array([[0, 1], [-1, 0]]), csr_array((2, 2)))
    zeros = csr_array((np.array([0.0, 2.0]), ([0, 1], [1, 0])), shape=(2, 2))
    task = Task("t", shop, shop, zeros, csr_array((2, 2)))
    assert (task.relevance.nnz, task.relevance.dtype) == (1, np.float32)


def test_from_matches_places_each_gain() -> None:
    queries, corpus = catalogue(2), catalogue(3).renamed("corpus")
    task = Task.from_matches("t", queries, corpus, [("p1", "p0"), ("p0", "p2", 3.0)])
    assert task.relevance.toarray().tolist() == [[0, 0, 3], [1, 0, 0]]
    assert task.exclude.nnz == 0
    assert Task.from_matches("t", queries, corpus, []).relevance.shape == (2, 3)
    for match, shop in ((("p9", "p0"), "shop"), (("p0", "p9"), "corpus")):
        with pytest.raises(
            ValueError, match=f"task 't': catalogue '{shop}' has no product with id 'p9'"
        ):
            Task.from_matches("t", queries, corpus, [("p0", "p0"), match])


def test_a_match_listed_twice_counts_once() -> None:
    assert Task.from_matches("t", catalogue(), catalogue(), [("p0", "p1")] * 2).relevance.max() == 1


def test_same_label_leaves_out_the_product_itself_and_unlabelled_ones() -> None:
    task = Task.same_label("t", catalogue(5), ["a", None, "a", "b", float("nan")])
    assert np.argwhere(task.relevance.toarray()).tolist() == [[0, 2], [2, 0]]
    assert task.exclude.toarray().tolist() == np.eye(5).tolist()
    assert Task.same_label("t", catalogue(2), [None, None]).relevance.nnz == 0


@pytest.mark.parametrize("labels", [["a"], ["a"] * 3, ["a"] * 5])
def test_same_label_wants_one_label_a_product(labels: list[str]) -> None:
    with pytest.raises(ValueError, match="labels"):
        Task.same_label("t", catalogue(4), labels)


def test_a_task_takes_some_queries_and_keeps_its_corpus() -> None:
    task = Task.same_label("t", catalogue(4), ["a", "b", "a", "b"])
    for rows in ([3, 0], np.array([True, False, False, True])):
        part = task.take(rows)
        picked = [int(i[1]) for i in part.queries.ids]
        assert len(part.corpus) == 4
        assert (part.relevance.toarray() == task.relevance.toarray()[picked]).all()
        assert (part.exclude.toarray() == np.eye(4)[picked]).all()


def test_a_split_can_keep_another_column_together() -> None:
    items = pd.DataFrame(
        {"family": np.repeat(range(60), 3), "group": [f"g{i}" for i in range(180)]},
        index=map(str, range(180)),
    )
    parts = Catalogue("c", items).split({"train": 0.5, "test": 0.5}, by="family")
    sides = [set(p.items["family"]) for p in parts.values()]
    assert all(sides) and not sides[0] & sides[1]
    with pytest.raises(KeyError, match="no column 'tribe'"):
        Catalogue("c", items).split({"train": 1.0}, by="tribe")


def test_the_examples_in_docstrings_print_what_they_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shop.csv").write_text(
        'sku,name,cost,size\n007,Red mug,"$1,299.00",L\n008,Blue mug,"9,90 €",\n'
    )
    monkeypatch.chdir(tmp_path)
    spaces = doctest.NORMALIZE_WHITESPACE
    run = [doctest.testmod(module, optionflags=spaces) for module in (catalogues, tasks, loaders)]
    assert [(result.attempted, result.failed) for result in run] == [(3, 0), (3, 0), (3, 0)]


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"group": ["g", None], "category": ["x", "y"]}, ["g", None]),
        ({"category": ["x", "y"], "brand": ["a", "a"]}, ["x", "y"]),
        ({"category": ["x", "x"], "brand": ["a", "b"]}, ["a", "b"]),  # one category tells nothing
        ({}, [None, None]),
    ],
)
def test_queries_are_resampled_by_product_else_category_else_brand(columns, expected) -> None:
    items = Catalogue("two", pd.DataFrame({"title": ["mug", "cup"], **columns}))
    assert Task.same_label("alike", items, ["x", "x"]).clusters.tolist() == expected
