"""One training loop for everything that learns here.

What is learned (a fusion, an autoencoder, an LSTM, a tower) is a module of its own file; this one only turns its weights.
"""

from __future__ import annotations

import copy
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lib.training.batches import shuffled

if TYPE_CHECKING:
    import torch

Loss = Callable[["torch.nn.Module", "torch.Tensor", "torch.Generator"], "torch.Tensor"]


@dataclass(frozen=True)
class Recipe:
    """How to train. The defaults suit small heads over frozen vectors; `patience` counts validations without gain."""

    epochs: int = 40
    batch: int = 256
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    warmup: float = 0.1  # share of the steps: AdamW's first moments are noise
    patience: int = 8
    seed: int = 0


def train(
    module: torch.nn.Module,
    loss: Loss,
    rows: Sequence[Sequence[int]] | Callable[[np.random.Generator], Iterator[np.ndarray]],
    recipe: Recipe,
    *,
    validate: Callable[[torch.nn.Module], float] | None = None,
    name: str = "training",
) -> torch.nn.Module:
    """Turn the module's weights by AdamW with warm-up and cosine decay; the best epoch's weights are kept.

    `loss(module, rows, generator)` gives the loss of a batch of row numbers (b,). `rows` are the row numbers, drawn
    in random batches, or a function of a random generator that yields an epoch's batches. `validate` gives a number to
    maximise after each epoch; without it all epochs run. The seed fixes the result on one machine.
    Raises ValueError for no rows, FloatingPointError for a loss that is not finite (the weights stay the last good).
    """
    import torch
    from tqdm import tqdm

    batches = rows if callable(rows) else shuffled(np.asarray(rows), recipe.batch)
    steps = recipe.epochs * sum(1 for _ in batches(np.random.default_rng(recipe.seed)))
    if not steps:
        raise ValueError(f"{name}: nothing to train on; the training part is empty")
    generator = torch.Generator().manual_seed(recipe.seed)
    optimiser = torch.optim.AdamW(module.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, steps, recipe.warmup))
    best, kept, waited = -math.inf, None, 0
    with tqdm(range(recipe.epochs), desc=name, unit="epoch", disable=not sys.stderr.isatty()) as bar:
        for epoch in bar:
            module.train()
            for batch in batches(np.random.default_rng([recipe.seed, epoch])):
                value = loss(module, torch.as_tensor(batch), generator)
                if not torch.isfinite(value):
                    raise FloatingPointError(f"{name}: loss {value.item()} in epoch {epoch + 1}; lower the learning rate")
                optimiser.zero_grad()
                value.backward()
                torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
                optimiser.step()
                schedule.step()
            if validate is None:
                continue
            module.eval()
            with torch.inference_mode():
                score = validate(module)
            if score > best:
                best, kept, waited = score, copy.deepcopy(module.state_dict()), 0
            else:
                waited += 1
            bar.set_postfix(best=f"{best:.4f}")
            if waited >= recipe.patience:
                break
    if kept is not None:
        module.load_state_dict(kept)
    return module.eval()


def _rate(step: int, steps: int, warmup: float) -> float:
    rising = max(1, int(steps * warmup))
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))
