"""Streams: the memory is fair, the books are right by hand, and rehearsal keeps what a model would
forget.
"""

import numpy as np
import pytest
import torch

from lib.training import Recipe, train
from lib.training.continual import Reservoir, backward_transfer, forgetting, learn_stream


def test_a_reservoir_holds_whole_labels_and_each_is_as_likely():
    kept = np.zeros(20)
    for seed in range(600):
        memory = Reservoir(5, seed=seed)
        for first in range(0, 40, 10):  # four stages of five labels with two rows each
            rows = np.arange(first, first + 10)
            memory.add(rows, rows // 2)
        assert len(memory.rows) == 10 and memory.seen == 20
        labels, counts = np.unique(memory.rows // 2, return_counts=True)
        assert (counts == 2).all()
        kept[labels] += 1
    assert kept / 600 == pytest.approx([0.25] * 20, abs=0.07)


def test_a_reservoir_keeps_all_while_there_is_room_and_nothing_without():
    memory = Reservoir(9)
    assert memory.rows.tolist() == []
    memory.add([3, 4, 5, 6], ["a", None, "b", "a"])
    assert memory.rows.tolist() == [3, 6, 5]
    nothing = Reservoir(0)
    nothing.add([1, 2], ["a", "a"])
    assert nothing.rows.tolist() == []
    with pytest.raises(ValueError, match="at least 0, got -1"):
        Reservoir(-1)


def test_transfer_and_forgetting_by_hand():
    results = np.array([[0.8, 0.1, 0.0], [0.5, 0.9, 0.2], [0.6, 0.7, 0.9]])
    assert backward_transfer(results) == pytest.approx(((0.6 - 0.8) + (0.7 - 0.9)) / 2)
    assert forgetting(results) == pytest.approx(((0.8 - 0.6) + (0.9 - 0.7)) / 2)
    helped = np.array([[0.5, 0.0], [0.7, 0.9]])
    assert backward_transfer(helped) == pytest.approx(0.2) and forgetting(helped) == pytest.approx(
        -0.2
    )
    assert np.isnan(backward_transfer(np.ones((1, 1)))) and np.isnan(forgetting(np.ones((1, 1))))


def test_the_stream_shows_each_stage_with_what_is_remembered():
    seen = []
    memory = Reservoir(2, seed=0)
    results = learn_stream(
        [[0, 1], [2, 3], [4, 5]],
        "aabbcc",
        lambda rows: seen.append(rows.tolist()),
        lambda j: len(seen) + j / 10,
        memory=memory,
    )
    assert seen[:2] == [[0, 1], [2, 3, 0, 1]] and sorted(seen[2]) == [0, 1, 2, 3, 4, 5]
    np.testing.assert_allclose(results, [[1, 1.1, 1.2], [2, 2.1, 2.2], [3, 3.1, 3.2]])
    seen.clear()
    learn_stream(
        [[0, 1], [2, 3]],
        "aabb",
        lambda rows: seen.append(rows.tolist()),
        lambda j: 0.0,
        memory=Reservoir(0),
    )
    assert seen == [[0, 1], [2, 3]]


def test_rehearsal_forgets_less():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(120, 4, generator=generator)
    y = torch.where(
        torch.arange(120) < 60, x[:, 0] - x[:, 1], x[:, 0] + x[:, 1] + 2
    )  # two stages that disagree
    x = torch.cat([x, (torch.arange(120) < 60).float()[:, None]], dim=1)  # and can be told apart

    def stream(memory):
        torch.manual_seed(0)
        model = torch.nn.Sequential(torch.nn.Linear(5, 32), torch.nn.ReLU(), torch.nn.Linear(32, 1))

        def fit(rows):
            loss = lambda m, r, g: ((m(x[r])[:, 0] - y[r]) ** 2).mean()  # noqa: E731
            train(model, loss, rows, Recipe(epochs=30, batch=30, learning_rate=0.02))

        def score(stage):
            rows = slice(60 * stage, 60 * stage + 60)
            with torch.inference_mode():
                return -float(((model(x[rows])[:, 0] - y[rows]) ** 2).mean())

        return learn_stream([range(60), range(60, 120)], np.arange(120), fit, score, memory=memory)

    without, rehearsed = stream(Reservoir(0)), stream(Reservoir(60))
    assert without[0, 0] == rehearsed[0, 0]
    assert forgetting(without) > 5 * abs(forgetting(rehearsed)) and backward_transfer(without) < -1
