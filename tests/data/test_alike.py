"""What counts as alike, by hand: real labels first, then proxies, then disturbed copies."""

import pandas as pd
import pytest

from lib.data.alike import caveat, labelled, with_copies
from lib.data.catalogue import Catalogue
from lib.data.dataset import Dataset
from lib.data.perturbed import found_again
from lib.data.task import Task

TITLES = {"title": ["red mug", "blue mug", "garden chair"]}


def shop(**columns) -> Dataset:
    one = Catalogue("shop", pd.DataFrame(TITLES | columns))
    return Dataset("shop", {"shop": one}, {"found again": found_again(one)})


@pytest.mark.parametrize(
    ("columns", "taken"),
    [
        ({"group": ["a", "a", None], "brand": ["x", "x", "y"]}, "group"),
        ({"group": ["a", "b", "c"], "brand": ["x", "x", "y"]}, "brand"),  # no product twice
        ({"category": ["Home"] * 3, "brand": ["x", "x", "y"]}, "brand"),  # all are of one kind
        ({"category": ["Home > Mugs", "Home > Mugs", "Garden"]}, "category"),
    ],
)
def test_the_surest_label_that_tells_products_apart(columns, taken):
    found, label = labelled(shop(**columns))
    assert (label, len(found)) == (taken, 3)


def test_a_label_that_is_asked_for_comes_first_and_an_unknown_one_is_passed_over():
    data = shop(group=["a", "a", "b"], category=["Home > Mugs", "Home > Mugs", "Garden"])
    assert labelled(data, "category:0")[1] == "category:0"
    assert labelled(data, "family")[1] == "group"


def test_without_any_label_each_listing_has_its_copy():
    found, label = labelled(shop())
    assert label == "copy"
    alike = Task.same_label("copy", found, found.labels(label)).relevance
    assert alike.sum(axis=1).tolist() == [1] * 6
    parts = found.split({"train": 0.5, "test": 0.5})
    assert not set(parts["train"].items["group"]) & set(parts["test"].items["group"])


def test_two_shops_are_stacked_and_queries_without_labels_are_not():
    left, right = (Catalogue(n, pd.DataFrame(TITLES | {"group": list("abc")})) for n in "lr")
    texts = Catalogue("queries", pd.DataFrame({"title": ["mug"]}))
    between = Task.from_matches("blocking", left, right, [("0", "0")])
    search = Task.from_matches("search", texts, right, [("0", "0")])
    kinds = Catalogue("r", right.items.assign(group=None, brand=["x", "x", "y"]))
    asked = Task.from_matches("search", texts, kinds, [("0", "0")])
    assert len(labelled(Dataset("two", {"l": left, "r": right}, {"b": between}))[0]) == 6
    assert labelled(Dataset("one", {"r": right}, {"search": search}))[1] == "copy"
    found, label = labelled(Dataset("one", {"r": kinds}, {"search": asked}))
    assert (label, list(found.ids)) == ("brand", ["0", "1", "2"])


def test_a_proxy_is_called_one():
    assert caveat("brand") and caveat("copy") == caveat("found again")
    assert not caveat("group") and not caveat("same product")
    copies = with_copies(shop().catalogue)
    assert list(copies.queries.ids) == ["copy of 0", "copy of 1", "copy of 2"]
    assert list(copies.corpus.items["group"]) == list(copies.queries.items["group"])
