"""One training loop for everything that learns here; a run that was killed goes on where it was.

What is learned (a fusion, an LSTM, a tower, a pair classifier) is a module of its own file; this
one only updates its weights. accelerate's `Accelerator` is not used: where batches differ in size
it would not weigh them by their rows.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from lib.encoders.device import autocast, device_of
from lib.training.adapters import adaloras, orthogonality
from lib.training.batches import shuffled
from lib.training.checkpoint import FILE, State, fingerprint, trainable
from lib.training.distributed import averaged, processes, share
from lib.training.recipe import Batches, Loss, Recipe, schedule, seeded

Validate = Callable[[nn.Module], float]


def train(
    module: nn.Module,
    loss: Loss,
    rows: Sequence[int] | Batches,
    recipe: Recipe,
    *,
    validate: Validate | None = None,
    name: str = "training",
    folder: Path | str | None = None,
    content: Mapping[str, Any] | None = None,
    watch: Callable[[dict], None] | None = None,
) -> nn.Module:
    """Change the module's weights by AdamW until `loss` is small; the best epoch's are kept.

    `loss(module, rows, generator)` gives the loss of a batch of row numbers (b,). `rows` are the
    row numbers, drawn in random batches, or a function of a random generator that yields an epoch's
    batches. `validate` gives a number to maximise after each epoch; without it all epochs run. The
    seed fixes the result on one machine. `watch` is called after each epoch with {"epoch", "loss",
    "score", "seconds"}; a list's `append` will do.

    With a `folder`, each epoch ends in a checkpoint there. Its name is a hash of first weights,
    recipe, batches and `content` (what else decides the result): the same call goes on with a run
    that was killed, and of a finished run it only loads the weights. Under torchrun every process
    sees its share of each batch; losses that compare rows then compare those of one process.

    Raises ValueError for no rows or a validation of NaN; FloatingPointError for a loss or gradient
    that is not finite and MemoryError for a batch too large, after which the module has its best
    weights so far and the folder the last checkpoint.

    >>> import torch
    >>> x = torch.linspace(-1, 1, 64)[:, None]
    >>> def loss(line, rows, generator):
    ...     return ((line(x[rows]) - (3 * x[rows] + 1)) ** 2).mean()
    >>> recipe = Recipe(epochs=200, batch=16, learning_rate=0.05, weight_decay=0)
    >>> line = train(torch.nn.Linear(1, 1), loss, range(64), recipe)
    >>> print(f"{line.weight.item():.2f} x + {line.bias.item():.2f}")
    3.00 x + 1.00
    """
    batches = rows if callable(rows) else shuffled(np.asarray(rows), recipe.batch)
    first = list(batches(np.random.default_rng([recipe.seed, 0])))
    if not first:
        raise ValueError(
            f"{name}: nothing to train on; the training part is empty, or its rows have no partner "
            "in a batch"
        )
    # later epochs may have a batch more or less; the last rate is then kept
    steps = recipe.epochs * math.ceil(len(first) / recipe.accumulate)
    with seeded(recipe.seed):  # dropout draws from torch's own generator
        call = averaged(module, loss)
        optimiser = torch.optim.AdamW(
            trainable(module).values(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
        )
        generator = torch.Generator().manual_seed(recipe.seed)
        rates = schedule(optimiser, recipe, steps)
        state, path = State(module, recipe, optimiser, rates, generator), None
        if folder is not None:
            about = {"validated": validate is not None, **(content or {})}
            path = Path(folder) / fingerprint(module, recipe, first, about) / FILE
            if path.exists():
                state.load(path)
        for entry in state.history if watch else ():
            watch(entry)
        epochs = range(len(state.history), recipe.epochs)
        for epoch in tqdm(epochs, desc=name, unit="epoch", disable=not sys.stderr.isatty()):
            if state.finished:
                break
            start = time.perf_counter()
            module.train()  # validation leaves it in evaluation mode
            # drawn from the epoch's number, so that a run which goes on needs no history
            order = iter(batches(np.random.default_rng([recipe.seed, epoch])))
            with _explained(f"{name}, epoch {epoch + 1}", state, path):
                mean = _epoch(order, call, state, steps)
            score = _validated(module, validate)
            state.note(mean, score, time.perf_counter() - start)
            if path and processes().is_main_process:
                state.save(path)
            if watch:
                watch(state.history[-1])
    state.restore_best()
    return module.eval()


def _epoch(order: Iterator[np.ndarray], call: Callable, state: State, steps: int) -> float:
    """Train on every batch once; the mean loss of a row."""
    total, rows = 0.0, 0
    while group := list(itertools.islice(order, state.recipe.accumulate)):
        total += _step(group, call, state)
        rows += sum(map(len, group))
        if state.rates.last_epoch < steps:
            state.rates.step()
    return total / rows


def _step(group: list[np.ndarray], call: Callable, state: State) -> float:
    """One step of the optimiser over a group of batches; the sum of their rows' losses."""
    device = device_of(state.module)
    count, rows, total = processes().num_processes, sum(map(len, group)), 0.0
    for batch in group:
        own = share(batch)
        with autocast(device, state.recipe.precision):
            value = call(torch.as_tensor(own), state.generator) + orthogonality(state.module)
            _check(value, "the loss")
            # a loss is a mean: weighed by rows, unequal batches and shares add up to one mean
            (value * (len(own) * count / rows)).backward()
        total += value.item() * len(batch)
    # one odd batch must not throw the weights far
    norm = nn.utils.clip_grad_norm_(trainable(state.module).values(), 1.0)
    _check(norm, "a gradient")
    state.optimiser.step()
    for model in adaloras(state.module):  # moves its rank to where the gradients ask for it
        model.update_and_allocate(state.rates.last_epoch)
    state.optimiser.zero_grad()
    return total


def _validated(module: nn.Module, validate: Validate | None) -> float | None:
    if validate is None:
        return None
    module.eval()
    with torch.inference_mode():
        score = float(validate(module))
    if math.isnan(score):
        raise ValueError("the validation score is NaN: has any of its queries something to find?")
    return score


def _check(value: Tensor, what: str) -> None:
    if not value.isfinite():
        raise FloatingPointError(f"{what} is {value.item()}")


@contextlib.contextmanager
def _explained(where: str, state: State, path: Path | None) -> Iterator[None]:
    """Errors of numbers and of memory say what to do, after the best weights are back."""
    try:
        yield
    except (FloatingPointError, MemoryError, RuntimeError) as error:
        said, recipe = str(error).partition("\n")[0], state.recipe
        # the GPU's allocator has an error of its own, the processor's raises a plain one
        out_of_memory = (MemoryError, torch.OutOfMemoryError)
        if isinstance(error, FloatingPointError):
            kind, advice = FloatingPointError, f"{said}; lower the learning rate"
            advice += f" ({recipe.learning_rate:g})"
        elif isinstance(error, out_of_memory) or "allocate memory" in str(error):
            kind = MemoryError
            advice = (
                f"a batch of {recipe.batch} rows needs more memory than there is ({said}); lower "
                "`batch` and raise `accumulate`, or cut the texts shorter"
            )
        else:
            raise
        state.restore_best()
        kept = f"; the last good checkpoint is in {path}" if path and state.history else ""
        raise kind(f"{where}: {advice}{kept}") from error
