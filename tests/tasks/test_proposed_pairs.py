"""Pairs for a set that has none, by hand."""

import pandas as pd

from lib.data.catalogue import Catalogue
from lib.data.dataset import Dataset
from lib.data.perturbed import found_again
from lib.data.task import Task
from lib.tasks.matching import labelled_pairs
from lib.tasks.proposed_pairs import with_pairs

TITLES = ["red mug", "mug, red", "blue cup", "cup, blue", "garden chair"]


def shop(groups=None) -> Dataset:
    frame = pd.DataFrame({"title": TITLES, "group": groups}, index=list("abcde"))
    one = Catalogue("shop", frame)
    if groups is None:
        return Dataset("shop", {"shop": one}, {"found again": found_again(one)})
    return Dataset("shop", {"shop": one}, {"same product": Task.same_label("s", one, groups)})


def test_pairs_of_groups_come_once_and_no_listing_with_itself():
    made = with_pairs(shop(["m", "m", "c", "c", None]), candidates=1)
    titles = [
        {left["title"], right["title"]} for left, right in made.pairs[["left", "right"]].values
    ]
    assert titles.count({"red mug", "mug, red"}) == 1 and all(len(two) == 2 for two in titles)
    assert made.pairs["label"].sum() == 2
    assert made.tasks["blocking"] is made.tasks["same product"]


def test_without_groups_a_copy_and_its_original_match():
    made = with_pairs(shop(), candidates=2)
    _, right, pairs = labelled_pairs(made)
    assert 0 < pairs["label"].sum() <= 5
    assert pairs.groupby("left")["split"].nunique().max() == 1
    originals = [title for title in right.text() if title in TITLES]
    assert len(originals) == len(right) and pairs["split"].isin(["train", "valid", "test"]).all()


def test_what_a_set_has_stays_as_it_is():
    made = with_pairs(shop())
    again = with_pairs(made)
    assert again.pairs is made.pairs and again.tasks == made.tasks
