"""The training loop: it learns, keeps the best, repeats by seed, and stops with a clear word."""

import numpy as np
import pytest
import torch

from lib.training import Recipe, train


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
    module = train(
        linear(), loss, range(64), Recipe(epochs=200, batch=16, learning_rate=0.05, weight_decay=0)
    )
    assert module.weight.item() == pytest.approx(3, abs=0.01)
    assert module.bias.item() == pytest.approx(1, abs=0.01)
    assert not module.training


def test_the_seed_fixes_the_result():
    _, loss = line()
    weights = [
        train(linear(), loss, range(64), Recipe(epochs=3, batch=8, seed=s)).weight.item()
        for s in (1, 1, 2)
    ]
    assert weights[0] == weights[1] != weights[2]


def test_the_best_epoch_is_kept_and_patience_ends_training():
    _, loss = line()
    seen = []

    def validate(module):
        seen.append(module.weight.item())
        return {0: 0.1, 1: 0.9}.get(len(seen) - 1, 0.2)

    module = train(
        linear(), loss, range(64), Recipe(epochs=50, batch=16, patience=3), validate=validate
    )
    assert len(seen) == 5  # the best was the second; three more without gain
    assert module.weight.item() == seen[1]


def test_nothing_to_train_on_and_a_loss_that_is_not_finite():
    _, loss = line()
    with pytest.raises(ValueError, match="training part is empty"):
        train(linear(), loss, [], Recipe())
    with pytest.raises(
        FloatingPointError, match="epoch 1: the loss is nan; lower the learning rate"
    ):
        train(linear(), lambda m, r, g: m.weight.sum() * float("nan"), range(8), Recipe())


def test_a_validation_of_nan_is_an_error():
    module = linear()
    with pytest.raises(ValueError, match="validation score is NaN"):
        train(module, squared, range(8), Recipe(epochs=2, batch=4), validate=lambda _: float("nan"))


def squared(module, rows, generator):
    return (module(rows[:, None].float()) ** 2).mean()


def test_a_gradient_that_is_not_finite_leaves_the_last_good_weights():
    class Steep(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x

        @staticmethod
        def backward(ctx, slope):
            return slope * torch.inf

    module = linear()
    before = {name: weights.clone() for name, weights in module.state_dict().items()}
    with pytest.raises(FloatingPointError, match="a gradient is"):
        train(
            module,
            lambda m, rows, g: Steep.apply(squared(m, rows, g)),
            range(8),
            Recipe(epochs=2, batch=4),
        )
    assert all(torch.equal(weights, before[name]) for name, weights in module.state_dict().items())


@pytest.mark.parametrize("schedule", ["onecycle", "cosine"])
def test_later_epochs_may_have_more_batches(schedule):
    sizes = iter([2, 2, 4, 4, 4])  # the first is drawn twice, to count and to train

    def batches(rng):
        for _ in range(next(sizes)):
            yield np.arange(4)

    history = []
    train(
        linear(),
        squared,
        batches,
        Recipe(epochs=4, batch=4, schedule=schedule),
        watch=history.append,
    )
    assert len(history) == 4
