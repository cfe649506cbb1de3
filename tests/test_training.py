"""The training loop: it learns, keeps the best, repeats by seed, and stops with a clear word."""

import numpy as np
import pytest
import torch

from lib.training import OBJECTIVES, Recipe, grouped, objective, shuffled, train


def line():
    """y = 3x + 1 and a loss for a module that should find it."""
    x = torch.linspace(-1, 1, 64)[:, None]

    def loss(module, rows, generator):
        return ((module(x[rows]) - (3 * x[rows] + 1)) ** 2).mean()

    return x, loss


def linear():
    torch.manual_seed(0)
    return torch.nn.Linear(1, 1)


def test_it_learns_a_line():
    _, loss = line()
    module = train(linear(), loss, range(64), Recipe(epochs=200, batch=16, learning_rate=0.05, weight_decay=0))
    assert module.weight.item() == pytest.approx(3, abs=0.01)
    assert module.bias.item() == pytest.approx(1, abs=0.01)
    assert not module.training


def test_the_seed_fixes_the_result():
    _, loss = line()
    weights = [train(linear(), loss, range(64), Recipe(epochs=3, batch=8, seed=s)).weight.item() for s in (1, 1, 2)]
    assert weights[0] == weights[1] != weights[2]


def test_the_best_epoch_is_kept_and_patience_ends_training():
    _, loss = line()
    seen = []

    def validate(module):
        seen.append(module.weight.item())
        return {0: 0.1, 1: 0.9}.get(len(seen) - 1, 0.2)

    module = train(linear(), loss, range(64), Recipe(epochs=50, batch=16, patience=3), validate=validate)
    assert len(seen) == 5  # the best was the second; three more without gain
    assert module.weight.item() == seen[1]


def test_nothing_to_train_on_and_a_loss_that_is_not_finite():
    _, loss = line()
    with pytest.raises(ValueError, match="training part is empty"):
        train(linear(), loss, [], Recipe())
    with pytest.raises(FloatingPointError, match="epoch 1: the loss is nan; lower the learning rate"):
        train(linear(), lambda m, r, g: m.weight.sum() * float("nan"), range(8), Recipe())


@pytest.mark.parametrize("name", OBJECTIVES)
def test_objectives_prefer_alike_vectors_together(name):
    labels = torch.tensor([0, 0, 1, 1])
    good = torch.nn.functional.normalize(torch.tensor([[1.0, 0.01], [1.0, 0.0], [0.0, 1.0], [0.01, 1.0]]), dim=1)
    assert objective(name)(good, labels) < objective(name)(good, torch.tensor([0, 1, 0, 1]))


def test_an_unknown_objective_lists_the_known():
    with pytest.raises(ValueError, match="there are infonce, triplet"):
        objective("hinge")


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
