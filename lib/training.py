"""One training loop for everything that learns here, and the objectives by name.

What is learned (a fusion, an autoencoder, an LSTM) is a module of its own file; this one only turns its
weights. Losses come from pytorch-metric-learning and torch.
"""

from __future__ import annotations

import copy
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

Loss = Callable[["torch.nn.Module", "torch.Tensor", "torch.Generator"], "torch.Tensor"]

OBJECTIVES = ("infonce", "triplet", "multi-similarity", "contrastive")


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


def objective(name: str) -> torch.nn.Module:
    """A metric-learning loss `(vectors (b, d), labels (b,)) -> scalar` by name, from pytorch-metric-learning.

    "infonce" is its supervised form (Khosla et al. 2020) at temperature 0.07; "triplet" takes semi-hard triplets
    (Schroff et al. 2015); "multi-similarity" is Wang et al. 2019; "contrastive" Hadsell et al. 2006.
    """
    from pytorch_metric_learning import distances, losses

    cosine = distances.CosineSimilarity()
    made = {
        "infonce": lambda: losses.SupConLoss(temperature=0.07),
        "triplet": lambda: losses.TripletMarginLoss(margin=0.2, distance=cosine, triplets_per_anchor=20),
        "multi-similarity": losses.MultiSimilarityLoss,
        "contrastive": lambda: losses.ContrastiveLoss(pos_margin=1, neg_margin=0.4, distance=cosine),
    }
    if name not in made:
        raise ValueError(f"no objective {name!r}; there are {', '.join(OBJECTIVES)}")
    return made[name]()


def shuffled(rows: np.ndarray, size: int) -> Callable[[np.random.Generator], Iterator[np.ndarray]]:
    """Batches of at most `size` rows in random order; a last batch of one row, which has no partner, is left out."""

    def epoch(rng: np.random.Generator) -> Iterator[np.ndarray]:
        order = rng.permutation(rows)
        for first in range(0, len(order), size):
            batch = order[first : first + size]
            if len(batch) > 1 or len(order) == 1:
                yield batch

    return epoch


def grouped(
    labels: np.ndarray, rows: np.ndarray, *, groups: int, members: int
) -> Callable[[np.random.Generator], Iterator[np.ndarray]]:
    """Batches of `groups` labels with up to `members` rows each, so that every row has a partner in its batch.

    Rows whose label occurs once, or is None, teach nothing here and are left out.
    """
    found: dict[object, list[int]] = {}
    for row in rows:
        if labels[row] is not None:
            found.setdefault(labels[row], []).append(int(row))
    usable = [m for m in found.values() if len(m) > 1]

    def epoch(rng: np.random.Generator) -> Iterator[np.ndarray]:
        queue = [part for rows_ in usable for part in _parts(rng.permutation(rows_), members)]
        order = rng.permutation(len(queue))
        for first in range(0, len(order), groups):
            yield np.concatenate([queue[i] for i in order[first : first + groups]])

    return epoch


def _parts(rows: np.ndarray, size: int) -> list[np.ndarray]:
    parts = [rows[i : i + size] for i in range(0, len(rows), size)]
    if len(parts) > 1 and len(parts[-1]) == 1:  # a row alone has no partner
        parts[-2] = np.concatenate(parts[-2:])
        parts.pop()
    return parts


def _rate(step: int, steps: int, warmup: float) -> float:
    rising = max(1, int(steps * warmup))
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))
