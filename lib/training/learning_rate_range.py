"""Where to start the learning rate: the range test. How it moves afterwards is in `recipe.py`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, count

import numpy as np
import torch
from torch import nn

from lib.encoders.device import autocast, device_of
from lib.training.batches import shuffled
from lib.training.checkpoint import changed_weights, trainable
from lib.training.recipe import Batches, Loss, Recipe, seeded


def learning_rate_range(
    module: nn.Module,
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
    four times its least; the module's weights stay as they were.
    """
    batches = rows if callable(rows) else shuffled(np.asarray(rows), recipe.batch)
    epochs = (batches(np.random.default_rng([recipe.seed, epoch])) for epoch in count())
    before, smooth, found = changed_weights(module), 0.0, {}
    weights = trainable(module).values()
    optimiser = torch.optim.AdamW(weights, lr=low, weight_decay=recipe.weight_decay)
    generator = torch.Generator().manual_seed(recipe.seed)
    module.train()
    with seeded(recipe.seed):  # dropout draws from torch's own generator
        for step, batch in zip(range(steps), chain.from_iterable(epochs), strict=False):
            rate = low * (high / low) ** (step / max(1, steps - 1))
            optimiser.param_groups[0]["lr"] = rate
            with autocast(device_of(module), recipe.precision):
                value = loss(module, torch.as_tensor(batch), generator)
            if not value.isfinite():
                break
            optimiser.zero_grad()
            value.backward()
            optimiser.step()
            smooth = 0.9 * smooth + 0.1 * value.item()
            found[rate] = smooth / (1 - 0.9 ** (step + 1))  # as Adam corrects its means
            if found[rate] > 4 * min(found.values()):
                break
    module.load_state_dict(before, strict=False)
    module.eval()
    return found
