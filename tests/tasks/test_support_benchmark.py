"""Support put to the test: what is gone, who asks what in which part, and which answers count."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lib.data import Dataset, load
from lib.data.task import Task
from lib.metrics import evaluate
from lib.search.exact import Ranking
from lib.tasks.support_benchmark import (
    FORMS,
    SupportBenchmark,
    joined,
    pooled,
    pooled_ranking,
    support_benchmark,
)

PARTS = {"train": 0.3, "valid": 0.3, "test": 0.4}


@pytest.fixture(scope="module")
def shop() -> Dataset:
    return load("bazaar", rows=300, seed=4, questions=200, photos=False)


@pytest.fixture(scope="module")
def held(shop: Dataset) -> SupportBenchmark:
    return support_benchmark(shop, seed=4, parts=PARTS, not_stocked=0.2)


def test_families_are_gone_whole_and_leave_no_answer(shop: Dataset, held: SupportBenchmark) -> None:
    families = set(shop.catalogue.items["family"])
    stocked = set(held.stock.items["family"])
    assert 0.05 < 1 - len(stocked) / len(families) < 0.4
    assert len(held.stock) == shop.catalogue.items["family"].isin(stocked).sum()
    for part in PARTS:
        task = held.parts[part]["generated"]
        gone = ~task.queries.items["family"].isin(stocked).to_numpy()
        assert gone.any() and not np.diff(task.relevance.indptr)[gone].any()
        assert np.diff(task.relevance.indptr)[~gone].any()


def test_right_answers_are_those_of_the_shop(shop: Dataset, held: SupportBenchmark) -> None:
    asked = shop.tasks["questions"]
    at = {question: row for row, question in enumerate(asked.queries.ids)}
    for part in PARTS:
        task = held.parts[part]["reworded"]
        for row, question in enumerate(task.queries.ids):
            right = set(held.stock.ids[task.relevance[[row]].indices])
            whole = set(
                shop.catalogue.ids[asked.relevance[[at[question.removeprefix("4/")]]].indices]
            )
            stocked = task.queries.items["family"].iloc[row] in set(held.stock.items["family"])
            assert right == (whole & set(held.stock.ids) if stocked else set())
        assert not held.parts[part]["elsewhere"].relevance.nnz


def test_parts_share_no_family_and_the_test_no_wording(held: SupportBenchmark) -> None:
    families = {part: set(held.parts[part]["generated"].queries.items["family"]) for part in PARTS}
    assert not families["valid"] & families["test"] and not families["train"] & families["test"]
    for part, tasks in held.parts.items():
        for form, task in tasks.items():
            asked = task.queries.items
            worded = {"odd"} if part == "test" else {"even"}
            assert set(asked["wording"]) == ({"even", "odd"} if form == "generated" else worded)
            assert form == "generated" or (asked["title"] == asked[form]).all()


def test_validation_holds_every_form(held: SupportBenchmark) -> None:
    counts = [len(held.parts["valid"][form].queries) for form in FORMS]
    assert len(held.valid.queries) == sum(counts)
    assert held.valid.relevance.nnz == sum(
        held.parts["valid"][form].relevance.nnz for form in FORMS
    )
    assert not held.valid.relevance[counts[0] + counts[1] :].nnz  # from elsewhere


def test_two_shops_are_pooled(shop: Dataset, held: SupportBenchmark) -> None:
    small = load("bazaar", rows=60, seed=5, questions=40, photos=False)
    other = support_benchmark(small, seed=5, parts=PARTS)
    tasks = [held.parts["test"]["generated"], other.parts["test"]["generated"]]
    both = pooled(tasks)
    assert both.relevance.shape == tuple(np.sum([task.relevance.shape for task in tasks], axis=0))
    found, expected = [], []
    for task in tasks:  # each question finds what is right for it, and nothing else
        size = (len(task.queries), 3)
        right = Ranking("r", np.full(size, -1), np.full(size, -np.inf, np.float32))
        for row in range(size[0]):
            own = task.relevance[[row]].indices[:3]
            right.positions[row, : len(own)] = own
        found.append(right)
        expected.append(evaluate(right, task, ["precision@3"]))
    whole = evaluate(pooled_ranking(found, tasks), both, ["precision@3"])
    pd.testing.assert_frame_equal(whole, pd.concat(expected))
    assert not set(tasks[0].queries.items["cluster"]) & set(tasks[1].queries.items["cluster"])
    assert set(both.queries.items["differs"]) <= {"text", "photo", "both"}


def test_joined_by_hand(held: SupportBenchmark) -> None:
    one, two = (
        held.parts["test"]["generated"].take([0, 1]),
        held.parts["test"]["reworded"].take([2]),
    )
    both: Task = joined([one, two])
    assert both.queries.text() == [*one.queries.text(), *two.queries.text()]
    assert both.queries.ids[2] == f"reworded/{two.queries.ids[0]}"
    assert both.corpus is held.stock
    np.testing.assert_array_equal(both.relevance[[2]].toarray(), two.relevance.toarray())
