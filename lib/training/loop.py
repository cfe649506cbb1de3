"""One training loop for everything that learns here, in one process or several, which a killed run takes up again.

What is learned (a fusion, an LSTM, a tower, a pair classifier) is a module of its own file; this one only turns its weights.
"""

from __future__ import annotations

import contextlib
import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lib.training.batches import shuffled
from lib.training.checkpoint import Progress, fingerprint, load, save, trainable
from lib.training.distributed import Step, share
from lib.training.rates import SCHEDULES, schedule

if TYPE_CHECKING:
    import torch

Loss = Callable[["torch.nn.Module", "torch.Tensor", "torch.Generator"], "torch.Tensor"]
Batches = Callable[[np.random.Generator], Iterator[np.ndarray]]


@dataclass(frozen=True)
class Recipe:
    """How to train. The defaults suit small heads over frozen vectors; `patience` counts validations without gain.

    `schedule` is "cosine" (linear warm-up, then half a cosine), "onecycle" (Smith and Topin 2019: the rate rises over 30 % of
    the steps, falls to nothing, AdamW's first momentum does the opposite) or "constant". `accumulate` batches make one step.
    `precision` is "float32", "bfloat16" (weights stay float32, matrix products are rounded), or "auto": bfloat16 where
    the hardware multiplies it.
    """

    epochs: int = 40
    batch: int = 256
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    warmup: float = 0.1  # share of the steps: AdamW's first moments are noise
    patience: int = 8
    seed: int = 0
    schedule: str = "cosine"
    accumulate: int = 1
    precision: str = "float32"

    def __post_init__(self) -> None:
        for field, known in (("schedule", SCHEDULES), ("precision", ("float32", "bfloat16", "auto"))):
            if getattr(self, field) not in known:
                raise ValueError(f"{field} is one of {', '.join(known)}, got {getattr(self, field)!r}")
        for field in ("epochs", "batch", "accumulate"):
            if getattr(self, field) < 1:
                raise ValueError(f"{field} must be at least 1, got {getattr(self, field)}")


def train(
    module: torch.nn.Module,
    loss: Loss,
    rows: Sequence[Sequence[int]] | Batches,
    recipe: Recipe,
    *,
    validate: Callable[[torch.nn.Module], float] | None = None,
    name: str = "training",
    folder: Path | str | None = None,
    content: str = "",
    watch: Callable[[dict], None] | None = None,
) -> torch.nn.Module:
    """Turn the module's weights by AdamW; the best epoch's weights are kept.

    `loss(module, rows, generator)` gives the loss of a batch of row numbers (b,). `rows` are the row numbers, drawn
    in random batches, or a function of a random generator that yields an epoch's batches. `validate` gives a number to
    maximise after each epoch; without it all epochs run. The seed fixes the result on one machine. `watch` is called after each
    epoch with {"epoch", "loss", "score", "seconds"}: a list's `append`, or `tensorboard(folder)`.

    With a `folder`, each epoch ends in a checkpoint there, named by a hash of first weights, recipe, batches and `content`
    (a hash of the data): the same call takes up a killed run and ends as the uninterrupted one would have; of a finished
    run it only loads the weights. Under torchrun every process sees its share of each batch
    (torch's DistributedDataParallel); losses that compare rows of a batch then compare those of one process.

    Raises ValueError for no rows or a validation of NaN; FloatingPointError for a loss or gradient that is not finite, and
    MemoryError for a batch too large, after which the module has its last good weights and the folder the last checkpoint.
    """
    import torch
    from tqdm import tqdm

    batches = rows if callable(rows) else shuffled(np.asarray(rows), recipe.batch)
    first = list(batches(np.random.default_rng([recipe.seed, 0])))
    if not first:
        raise ValueError(f"{name}: nothing to train on; the training part is empty, or its rows have no partner in a batch")
    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)  # for dropout
        content = f"{content} validated: {validate is not None}"
        place = None if folder is None else Path(folder) / fingerprint(module, recipe, first, content)
        run = _Run(module, loss, batches, first, recipe, place)
        for past in run.progress.history:
            if watch:
                watch(past)
        epochs = range(run.progress.epoch, recipe.epochs)
        with tqdm(epochs, desc=name, unit="epoch", disable=not sys.stderr.isatty()) as bar:
            for epoch in bar:
                if run.progress.finished:
                    break
                try:
                    run.epoch(epoch, validate)
                except (FloatingPointError, MemoryError) as error:
                    module.load_state_dict(run.progress.kept, strict=False)
                    kept = f"; the last good checkpoint is in {place}" if place and run.progress.history else ""
                    kind = MemoryError if isinstance(error, MemoryError) else FloatingPointError  # numpy's takes other words
                    raise kind(f"{name}, epoch {epoch + 1}: {error}{kept}") from error
                if watch:
                    watch(run.progress.history[-1])
                bar.set_postfix(best=f"{run.progress.best:.4f}")
    module.load_state_dict(run.progress.kept, strict=False)
    return module.eval()


class _Run:
    """One training under way: the optimiser, its schedule and how far it is."""

    def __init__(
        self,
        module: torch.nn.Module,
        loss: Loss,
        batches: Batches,
        first: list[np.ndarray],
        recipe: Recipe,
        folder: Path | None,
    ) -> None:
        import torch

        self.module, self.batches, self.recipe, self.folder = module, batches, recipe, folder
        self.step = Step(module, loss)
        self.generator = torch.Generator().manual_seed(recipe.seed)
        self.optimiser = torch.optim.AdamW(
            trainable(module).values(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
        )
        self.steps = recipe.epochs * math.ceil(len(first) / recipe.accumulate)  # later epochs may have a batch more or less
        self.rates = schedule(self.optimiser, recipe, self.steps)
        self.progress = Progress.start(module)
        if folder is not None:
            self.progress = load(folder, module, self.optimiser, self.rates, self.generator) or self.progress

    def epoch(self, number: int, validate: Callable[[torch.nn.Module], float] | None) -> None:
        """Train on every batch once, validate, keep what is best, write the checkpoint."""
        start = time.perf_counter()
        self.module.train()
        total, seen = 0.0, 0
        order = self.batches(np.random.default_rng([self.recipe.seed, number]))
        for group in _grouped(order, self.recipe.accumulate):
            total, seen = total + self._update(group), seen + sum(map(len, group))
        score = _validated(self.module, validate)
        self.progress.note(self.module, number, total / seen, score, time.perf_counter() - start, self.recipe.patience)
        self.progress.finished |= number + 1 == self.recipe.epochs
        if self.folder is not None:
            save(self.folder, self.progress, self.module, self.optimiser, self.rates, self.generator)

    def _update(self, group: list[np.ndarray]) -> float:
        """One step of the optimiser over a group of batches; the sum of their rows' losses."""
        import torch

        rows, total = sum(map(len, group)), 0.0
        for batch in group:
            mine = share(batch)
            with _memory_errors(len(mine)), precision(self.module, self.recipe.precision):
                value = self.step(torch.as_tensor(mine), self.generator)
                if not torch.isfinite(value):
                    raise FloatingPointError(
                        f"the loss is {value.item()}; lower the learning rate ({self.recipe.learning_rate:g})"
                    )
                # so that batches of unequal size, and unequal shares of one, count by their rows
                (value * (len(mine) * self.step.world / rows)).backward()
            total += value.item() * len(batch)
        norm = torch.nn.utils.clip_grad_norm_(trainable(self.module).values(), 1.0)
        if not torch.isfinite(norm):
            raise FloatingPointError(f"a gradient is {norm.item()}; lower the learning rate ({self.recipe.learning_rate:g})")
        with _memory_errors(rows):  # AdamW's moments are allocated in its first step
            self.optimiser.step()
        self.step.allocate(self.rates.last_epoch)
        self.optimiser.zero_grad()
        if self.rates.last_epoch < self.steps:
            self.rates.step()
        return total


def precision(module: torch.nn.Module, wanted: str) -> contextlib.AbstractContextManager:
    """Where matrix products are rounded to bfloat16: see `Recipe`."""
    import torch

    from lib.encoders.text import has_bfloat16

    device = next(module.parameters()).device.type
    rounded = wanted == "bfloat16" or (wanted == "auto" and (device != "cpu" or has_bfloat16()))
    return torch.autocast(device, torch.bfloat16, enabled=rounded)


def best_device() -> str:
    """This process's GPU, "cuda:0" where torchrun has not started several, or "cpu" where torch finds none."""
    import torch

    return f"cuda:{os.environ.get('LOCAL_RANK', 0)}" if torch.cuda.is_available() else "cpu"


def _validated(module: torch.nn.Module, validate: Callable[[torch.nn.Module], float] | None) -> float | None:
    import torch

    if validate is None:
        return None
    module.eval()
    with torch.inference_mode():
        score = float(validate(module))
    if math.isnan(score):
        raise ValueError("the validation score is NaN: has any of its queries something to find?")
    return score


def _grouped(batches: Iterator[np.ndarray], size: int) -> Iterator[list[np.ndarray]]:
    group: list[np.ndarray] = []
    for batch in batches:
        group.append(batch)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group


@contextlib.contextmanager
def _memory_errors(size: int) -> Iterator[None]:
    import torch

    try:
        yield
    except RuntimeError as error:  # torch.OutOfMemoryError is one; the CPU's allocator raises a plain one
        if not isinstance(error, torch.OutOfMemoryError) and "allocate memory" not in str(error):
            raise
        raise MemoryError(
            f"a batch of {size} rows needs more memory than there is ({str(error).splitlines()[0]}); lower `batch` and "
            "raise `accumulate`, or cut the texts shorter"
        ) from error
