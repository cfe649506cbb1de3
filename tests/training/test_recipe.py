"""Learning rates: the schedules' shapes, and the range test that leaves the module as it was."""

import numpy as np
import pytest
import torch

from lib.training import Recipe, learning_rate_range, train
from lib.training.recipe import schedule


def rates(recipe, steps=20):
    optimiser = torch.optim.AdamW([torch.zeros(1, requires_grad=True)], lr=recipe.learning_rate)
    turning, found = schedule(optimiser, recipe, steps), []
    for _ in range(steps):
        found.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        turning.step()
    return np.array(found)


def test_cosine_rises_and_falls_to_nothing():
    found = rates(Recipe(learning_rate=1.0, warmup=0.2))
    np.testing.assert_allclose(found[:4], [0.25, 0.5, 0.75, 1])
    assert (np.diff(found[4:]) < 0).all()
    assert found[-1] < 0.02


def test_constant_stays_after_its_warm_up():
    found = rates(Recipe(learning_rate=0.5, warmup=0.1, schedule="constant"))
    np.testing.assert_allclose(found[2:], 0.5)


def test_one_cycle_peaks_at_the_recipe_s_rate():
    found = rates(Recipe(learning_rate=1.0, schedule="onecycle"))
    assert 4 <= found.argmax() <= 7
    assert found.max() == pytest.approx(1, abs=0.05)
    assert found[0] < 0.1 > found[-1]


@pytest.mark.parametrize(
    "wrong", [{"schedule": "linear"}, {"precision": "half"}, {"epochs": 0}, {"accumulate": 0}]
)
def test_a_recipe_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Recipe(**wrong)


def square(module, rows, generator):
    return ((module(torch.ones(len(rows), 1)) - 2) ** 2).mean()


def test_the_range_test_sees_the_loss_fall_and_rise_and_changes_nothing():
    torch.manual_seed(0)
    module = torch.nn.Linear(1, 1)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    found = learning_rate_range(
        module, square, range(16), Recipe(batch=4), low=1e-4, high=100.0, steps=80
    )
    best = min(found, key=found.get)
    assert list(found) == sorted(found)
    assert 1e-3 < best < 30
    assert len(found) < 80, "ends where the loss has grown fourfold"
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())


def test_accumulated_batches_make_the_step_of_their_union():
    def learned(**how):
        torch.manual_seed(0)
        return train(
            torch.nn.Linear(1, 1), square, range(12), Recipe(epochs=2, learning_rate=0.1, **how)
        ).weight

    torch.testing.assert_close(learned(batch=4, accumulate=3), learned(batch=12))
