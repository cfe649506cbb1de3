"""A trial of support: what is gone, who asks what in which part, and which answers count."""

from __future__ import annotations

import numpy as np
import pytest

from lib.catalogue import Task
from lib.datasets import Dataset, load
from lib.tasks.trial import FORMS, Trial, joined, trial

PARTS = {"train": 0.3, "valid": 0.3, "test": 0.4}


@pytest.fixture(scope="module")
def shop() -> Dataset:
    return load("bazaar", rows=300, seed=4, questions=200, photos=False)


@pytest.fixture(scope="module")
def held(shop: Dataset) -> Trial:
    return trial(shop, seed=4, parts=PARTS, not_stocked=0.2)


def test_families_are_gone_whole_and_leave_no_answer(shop: Dataset, held: Trial) -> None:
    families = set(shop.catalogue.items["family"])
    stocked = set(held.stock.items["family"])
    assert 0.05 < 1 - len(stocked) / len(families) < 0.4
    assert len(held.stock) == shop.catalogue.items["family"].isin(stocked).sum()
    for part in PARTS:
        task = held.tasks["generated", part]
        gone = ~task.queries.items["family"].isin(stocked).to_numpy()
        assert gone.any() and not np.diff(task.relevance.indptr)[gone].any()
        assert np.diff(task.relevance.indptr)[~gone].any()


def test_right_answers_are_those_of_the_shop(shop: Dataset, held: Trial) -> None:
    asked = shop.tasks["questions"]
    at = {question: row for row, question in enumerate(asked.queries.ids)}
    for part in PARTS:
        task = held.tasks["reworded", part]
        for row, question in enumerate(task.queries.ids):
            right = set(held.stock.ids[task.relevance[[row]].indices])
            whole = set(shop.catalogue.ids[asked.relevance[[at[question.removeprefix("4/")]]].indices])
            stocked = task.queries.items["family"].iloc[row] in set(held.stock.items["family"])
            assert right == (whole & set(held.stock.ids) if stocked else set())
        assert not held.tasks["elsewhere", part].relevance.nnz


def test_parts_share_no_family_and_the_test_no_wording(held: Trial) -> None:
    families = {part: set(held.tasks["generated", part].queries.items["family"]) for part in PARTS}
    assert not families["valid"] & families["test"] and not families["train"] & families["test"]
    for (form, part), task in held.tasks.items():
        wordings = set(task.queries.items["wording"])
        assert wordings == ({"even", "odd"} if form == "generated" else {"odd"} if part == "test" else {"even"})
        assert (task.queries.items["title"] == task.queries.items["title" if form == "generated" else form]).all()


def test_validation_holds_every_form(held: Trial) -> None:
    counts = [len(held.tasks[form, "valid"].queries) for form in FORMS]
    assert len(held.valid.queries) == sum(counts)
    assert held.valid.relevance.nnz == sum(held.tasks[form, "valid"].relevance.nnz for form in FORMS)
    assert not held.valid.relevance[counts[0] + counts[1] :].nnz  # from elsewhere


def test_two_shops_can_be_pooled(shop: Dataset, held: Trial) -> None:
    other = trial(load("bazaar", rows=60, seed=5, questions=40, photos=False), seed=5, parts=PARTS)
    here, there = (t.tasks["generated", "test"].queries for t in (held, other))
    assert not set(here.ids) & set(there.ids)
    assert not set(here.items["cluster"]) & set(there.items["cluster"])
    assert set(here.items["differs"]) <= {"text", "photo", "both"}


def test_joined_by_hand(held: Trial) -> None:
    one, two = held.tasks["generated", "test"].take([0, 1]), held.tasks["reworded", "test"].take([2])
    both: Task = joined([one, two])
    assert both.queries.text() == [*one.queries.text(), *two.queries.text()]
    assert both.queries.ids[2] == f"reworded/{two.queries.ids[0]}"
    assert both.corpus is held.stock
    np.testing.assert_array_equal(both.relevance[[2]].toarray(), two.relevance.toarray())
