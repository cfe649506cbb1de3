"""How to train: the settings of a run, the learning rate that they ask for at each step, and the
seed.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator, Tensor, nn
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR

CHOICES = {
    "schedule": ("cosine", "onecycle", "constant"),
    "precision": ("float32", "bfloat16", "auto"),
}
Loss = Callable[[nn.Module, Tensor, Generator], Tensor]
Batches = Callable[[np.random.Generator], Iterator[np.ndarray]]


@dataclass(frozen=True)
class Recipe:
    """How to train; the defaults suit small networks over frozen vectors.

    `schedule` is "cosine" (a linear warm-up, then half a cosine down to 0), "constant" (after the
    same warm-up) or "onecycle" (Smith and Topin 2019: up for 30 % of the steps, then down to 0,
    while AdamW's first momentum does the opposite). `precision` is "float32", "bfloat16" (weights
    stay float32, matrix products are rounded) or "auto": bfloat16 where the hardware has it.

    >>> Recipe(epochs=2, schedule="linear")
    Traceback (most recent call last):
    ValueError: schedule is one of cosine, onecycle, constant, got 'linear'
    """

    epochs: int = 40
    batch: int = 256
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    warmup: float = 0.1  # share of the steps: AdamW's first moments are noise
    patience: int = 8  # epochs without a better validation before training ends
    seed: int = 0
    schedule: str = "cosine"
    accumulate: int = 1  # batches that make one step
    precision: str = "float32"

    def __post_init__(self) -> None:
        for field, known in CHOICES.items():
            given = getattr(self, field)
            if given not in known:
                raise ValueError(f"{field} is one of {', '.join(known)}, got {given!r}")
        for field in ("epochs", "batch", "accumulate"):
            if getattr(self, field) < 1:
                raise ValueError(f"{field} must be at least 1, got {getattr(self, field)}")


def schedule(optimiser: torch.optim.Optimizer, recipe: Recipe, steps: int) -> LRScheduler:
    """The recipe's schedule over that many steps.

    transformers' `get_scheduler` starts its warm-up at 0, which wastes the first step.
    """
    if recipe.schedule == "onecycle":
        return OneCycleLR(optimiser, recipe.learning_rate, total_steps=steps + 1)
    rising = max(1, int(steps * recipe.warmup))

    def factor(step: int) -> float:
        if step < rising:
            return (step + 1) / rising
        if recipe.schedule == "constant":
            return 1.0
        return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))

    return LambdaLR(optimiser, factor)


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Inside, torch draws by this seed; afterwards its own generator is as it was."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield
