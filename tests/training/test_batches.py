"""Batches: every row once where it should be, a partner for each, rare labels as often as frequent
ones.
"""

import numpy as np
import pytest

from lib.training import balanced, grouped, shuffled


def test_shuffled_batches_hold_every_row_once_but_no_lonely_one():
    batches = list(shuffled(np.arange(7), 3)(np.random.default_rng(0)))
    assert [len(b) for b in batches] == [3, 3]
    assert len(set(np.concatenate(batches).tolist())) == 6
    assert [b.tolist() for b in shuffled(np.array([5]), 3)(np.random.default_rng(0))] == [[5]]


def test_grouped_batches_give_every_row_a_partner():
    labels = np.array(["a"] * 5 + ["b"] * 2 + ["c"] + [None] * 2, dtype=object)
    batches = list(grouped(labels, np.arange(10), groups=2, members=2)(np.random.default_rng(0)))
    rows = np.concatenate(batches)
    assert sorted(rows.tolist()) == list(range(7))  # c stands alone, None teaches nothing
    for batch in batches:
        found, counts = np.unique(labels[batch].astype(str), return_counts=True)
        assert counts.min() >= 2, found


def test_rows_alone_fill_batches_where_they_are_asked_for():
    labels = np.array(["a"] * 5 + ["b"] * 2 + ["c"] + [None] * 3, dtype=object)
    epoch = grouped(labels, np.arange(11), groups=2, members=2, alone=True)
    batches = [b for seed in range(5) for b in epoch(np.random.default_rng(seed))]
    assert max(len(b) for b in batches) <= 5 and min(len(b) for b in batches) > 1
    seen = np.concatenate(batches)
    assert set(seen.tolist()) == set(range(11))
    assert not list(
        grouped(labels, np.array([], int), groups=2, members=2)(np.random.default_rng(0))
    )


def test_balanced_batches_show_rare_labels_as_often_as_frequent_ones():
    labels = np.array(["often"] * 90 + ["seldom"] * 9 + ["once"] + [None] * 20, dtype=object)
    epoch = balanced(labels, np.arange(120), 32)
    drawn = [list(epoch(np.random.default_rng(seed))) for seed in range(60)]
    assert [len(b) for b in drawn[0]] == [32, 32, 32, 4]
    rows = np.concatenate([b for batches in drawn for b in batches])
    assert rows.max() < 100  # None teaches nothing
    shares = [np.isin(labels[rows], [label]).mean() for label in ("often", "seldom", "once")]
    assert shares == pytest.approx([1 / 3] * 3, abs=0.03)
    assert len(set(rows[rows < 90])) == 90  # all rows of a frequent label have their turn


def test_balanced_batches_repeat_by_seed_and_see_only_the_rows_given():
    labels = np.array([0, 0, 0, 1, 1, 2])
    epoch = balanced(labels, np.array([0, 1, 3]), 2)
    first, again, other = (np.concatenate(list(epoch(np.random.default_rng(s)))) for s in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert set(np.concatenate([first, other])) <= {0, 1, 3} and len(first) == 3
    assert not list(balanced(labels, np.array([], int), 2)(np.random.default_rng(0)))
