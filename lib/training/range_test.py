"""Where to start the learning rate: the range test. How it moves afterwards is in `recipe.py`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, count, islice
from typing import TYPE_CHECKING

import numpy as np

from lib.encoders.device import autocast
from lib.training.batches import shuffled
from lib.training.checkpoint import trainable
from lib.training.recipe import Batches, Loss, Recipe

if TYPE_CHECKING:
    import torch


def learning_rate_range(
    module: torch.nn.Module,
    loss: Loss,
    rows: Sequence[int] | Batches,
    recipe: Recipe,
    *,
    low: float = 1e-6,
    high: float = 1e-1,
    steps: int = 60,
) -> dict[float, float]:
    """The smoothed loss by learning rate, while that grows from `low` to `high` (Smith 2017).

    A good rate is a third to a tenth of where the loss is lowest. The test ends where the loss is
    four times its least; the module stays as it was.
    """
    import torch

    batches = rows if callable(rows) else shuffled(np.asarray(rows), recipe.batch)
    epochs = (batches(np.random.default_rng([recipe.seed, epoch])) for epoch in count())
    kept = {name: weights.detach().clone() for name, weights in module.state_dict().items()}
    was, device = module.training, next(module.parameters()).device
    weights = trainable(module).values()
    optimiser = torch.optim.AdamW(weights, lr=low, weight_decay=recipe.weight_decay)
    generator = torch.Generator().manual_seed(recipe.seed)
    found: dict[float, float] = {}
    smooth = 0.0
    module.train()
    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)  # dropout draws from torch's own generator
        for step, batch in enumerate(islice(chain.from_iterable(epochs), steps)):
            rate = low * (high / low) ** (step / max(1, steps - 1))
            optimiser.param_groups[0]["lr"] = rate
            with autocast(device, recipe.precision):
                value = loss(module, torch.as_tensor(batch), generator)
            if not torch.isfinite(value):
                break
            optimiser.zero_grad()
            value.backward()
            optimiser.step()
            smooth = 0.9 * smooth + 0.1 * value.item()
            found[rate] = smooth / (1 - 0.9 ** (step + 1))  # as Adam corrects its means
            if found[rate] > 4 * min(found.values()):
                break
    module.load_state_dict(kept)
    module.train(was)
    return found
