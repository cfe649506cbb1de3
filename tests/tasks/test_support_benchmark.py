"""Support put to the test: what is gone, who asks what in which part, and which answers count."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lib.data import Dataset, load
from lib.data.task import Task
from lib.metrics import evaluate
from lib.search.exact import Ranking
from lib.tasks.support_benchmark import FORMS, pooled, pooled_ranking, support_questions

PARTS = {"train": 0.3, "valid": 0.3, "test": 0.4}


@pytest.fixture(scope="module")
def shop() -> Dataset:
    return load("bazaar", rows=300, seed=4, questions=200, photos=False)


@pytest.fixture(scope="module")
def held(shop: Dataset) -> Task:
    return support_questions(shop, seed=4, parts=PARTS, not_stocked=0.2)


def chosen(task: Task, **values: str) -> Task:
    """The questions whose columns have these values."""
    asked = task.queries.items
    return task.take((asked[list(values)] == pd.Series(values)).all(axis=1))


def test_families_are_gone_whole_and_leave_no_answer(shop: Dataset, held: Task) -> None:
    families = set(shop.catalogue.items["family"])
    stocked = set(held.corpus.items["family"])
    assert 0.05 < 1 - len(stocked) / len(families) < 0.4
    assert len(held.corpus) == shop.catalogue.items["family"].isin(stocked).sum()
    for part in PARTS:
        task = chosen(held, form="generated", part=part)
        gone = ~task.queries.items["family"].isin(stocked).to_numpy()
        assert gone.any() and not np.diff(task.relevance.indptr)[gone].any()
        assert np.diff(task.relevance.indptr)[~gone].any()


def test_right_answers_are_those_of_the_shop(shop: Dataset, held: Task) -> None:
    asked = shop.tasks["questions"]
    at = {question: row for row, question in enumerate(asked.queries.ids)}
    task = chosen(held, form="reworded")
    for row, question in enumerate(task.queries.ids):
        right = set(held.corpus.ids[task.relevance[[row]].indices])
        whole = asked.relevance[[at[question.removeprefix("4/reworded/")]]].indices
        stocked = task.queries.items["family"].iloc[row] in set(held.corpus.items["family"])
        known = set(shop.catalogue.ids[whole]) & set(held.corpus.ids)
        assert right == (known if stocked else set())
    assert not chosen(held, form="elsewhere").relevance.nnz


def test_every_question_is_asked_as_its_form_words_it(shop: Dataset, held: Task) -> None:
    original = shop.tasks["questions"].queries.items
    for form, column in FORMS.items():
        own = chosen(held, form=form).queries.items
        assert own["title"].tolist() == original.loc[own["question"], column].tolist()
    assert set(chosen(held, form="elsewhere").queries.items["intent"]) == {"elsewhere"}
    assert len(chosen(held, form="generated").queries) == len(original)


def test_parts_share_no_family_and_the_test_no_wording(held: Task) -> None:
    families = {part: set(chosen(held, part=part).queries.items["family"]) for part in PARTS}
    assert not families["valid"] & families["test"] and not families["train"] & families["test"]
    for part in PARTS:
        for form in FORMS:
            asked = chosen(held, part=part, form=form).queries.items
            worded = {"odd"} if part == "test" else {"even"}
            assert set(asked["wording"]) == ({"even", "odd"} if form == "generated" else worded)


def test_two_shops_are_pooled(held: Task) -> None:
    small = load("bazaar", rows=60, seed=5, questions=40, photos=False)
    tasks = [held, support_questions(small, seed=5, parts=PARTS)]
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
