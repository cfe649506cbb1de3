"""Learning rates: the schedules of a training, and the range test that finds where to start."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lib.training.batches import shuffled

if TYPE_CHECKING:
    import torch

    from lib.training.loop import Loss, Recipe

SCHEDULES = ("cosine", "onecycle", "constant")


def schedule(optimiser: torch.optim.Optimizer, recipe: Recipe, steps: int) -> torch.optim.lr_scheduler.LRScheduler:
    """The recipe's schedule over that many steps."""
    from torch.optim.lr_scheduler import LambdaLR, OneCycleLR

    if recipe.schedule == "onecycle":
        return OneCycleLR(optimiser, recipe.learning_rate, total_steps=steps + 1)
    return LambdaLR(optimiser, lambda step: _rate(step, steps, recipe.warmup, recipe.schedule))


def _rate(step: int, steps: int, warmup: float, schedule: str) -> float:
    rising = max(1, int(steps * warmup))
    if step < rising:
        return (step + 1) / rising
    if schedule == "constant":
        return 1.0
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))


def learning_rate_range(
    module: torch.nn.Module,
    loss: Loss,
    rows: Sequence[int] | Callable,
    recipe: Recipe,
    *,
    low: float = 1e-6,
    high: float = 1e-1,
    steps: int = 60,
) -> dict[float, float]:
    """The smoothed loss by learning rate, while that grows from `low` to `high` (Smith 2017); the module stays as it was.

    A good rate is a third to a tenth of where the loss is lowest. The test ends where the loss is four times its least.
    """
    import torch

    from lib.training.checkpoint import trainable
    from lib.training.loop import precision

    kept = {name: weights.detach().clone() for name, weights in module.state_dict().items()}
    batches = rows if callable(rows) else shuffled(np.asarray(rows), recipe.batch)
    optimiser = torch.optim.AdamW(trainable(module).values(), lr=low, weight_decay=recipe.weight_decay)
    generator = torch.Generator().manual_seed(recipe.seed)
    found: dict[float, float] = {}
    smooth = 0.0
    was = module.training
    module.train()
    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)  # for dropout
        for at, batch in enumerate(_endless(batches, recipe.seed, steps)):
            rate = low * (high / low) ** (at / max(1, steps - 1))
            optimiser.param_groups[0]["lr"] = rate
            with precision(module, recipe.precision):
                value = loss(module, torch.as_tensor(batch), generator)
            if not torch.isfinite(value):
                break
            optimiser.zero_grad()
            value.backward()
            optimiser.step()
            smooth = 0.9 * smooth + 0.1 * value.item()
            found[rate] = smooth / (1 - 0.9 ** (at + 1))
            if found[rate] > 4 * min(found.values()):
                break
    module.load_state_dict(kept)
    module.train(was)
    return found


def _endless(batches: Callable, seed: int, steps: int) -> Iterator[np.ndarray]:
    done = epoch = 0
    while done < steps:
        for batch in batches(np.random.default_rng([seed, epoch])):
            yield batch
            done += 1
            if done == steps:
                return
        epoch += 1
