"""Checkpoints of a training: one safetensors file, replaced whole after each epoch.

Only what is trained is kept: a LoRA's checkpoint is small. accelerate's are not used, since they
are pickles, which run code when they are read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lib.encoders.base import digest_state
from lib.files import write_atomically
from lib.training.adapters import adaloras
from lib.training.recipe import Recipe

FILE = "checkpoint.safetensors"
Tensors = dict[str, Tensor]


@dataclass
class State:
    """All that a training changes, so that a run which was stopped goes on as if it had not been.

    `history` has an entry for each epoch, `best` the weights of the best one.
    """

    module: nn.Module
    recipe: Recipe
    optimiser: torch.optim.Optimizer
    rates: torch.optim.lr_scheduler.LRScheduler
    generator: torch.Generator
    best: Tensors = field(init=False)
    history: list[dict] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.best = changed_weights(self.module)

    @property
    def best_epoch(self) -> int:
        """The first epoch with the highest score; without scores the latest."""
        scores = [entry["score"] for entry in self.history]
        if None in scores:
            return len(scores)
        return scores.index(max(scores)) + 1

    @property
    def finished(self) -> bool:
        """Whether all epochs are over, or the last ones have not been better."""
        epochs = len(self.history)
        return bool(epochs) and (
            epochs >= self.recipe.epochs or epochs - self.best_epoch >= self.recipe.patience
        )

    def note(self, loss: float, score: float | None, seconds: float) -> None:
        """Enter an epoch that has ended, and keep its weights where it is the best."""
        epoch = len(self.history) + 1
        self.history.append({"epoch": epoch, "loss": loss, "score": score, "seconds": seconds})
        if self.best_epoch == epoch:
            self.best = changed_weights(self.module)

    def restore_best(self) -> None:
        """Give the module the weights of the best epoch."""
        self.module.load_state_dict(self.best, strict=False)  # the frozen ones are not kept

    def save(self, path: Path) -> None:
        """Replace the checkpoint; of a finished training only the best weights are kept."""
        from safetensors.torch import save

        parts, about = {"best": self.best}, {"history": self.history}
        if not self.finished:
            optimiser = self.optimiser.state_dict()
            about |= {"groups": optimiser["param_groups"], "step": self.rates.last_epoch}
            parts["last"] = changed_weights(self.module)
            parts["optimiser"] = _joined(optimiser["state"])
            parts["random"] = {"generator": self.generator.get_state()}
            parts["random"]["torch"] = torch.get_rng_state()
            if torch.cuda.is_available():
                parts["random"]["cuda"] = torch.cuda.get_rng_state()
        tensors = {n: torch.as_tensor(t).cpu().contiguous() for n, t in _joined(parts).items()}
        write_atomically(path, save(tensors, {"state": json.dumps(about)}))

    def load(self, path: Path) -> None:
        """Go on from a checkpoint.

        A stopped AdaLoRA begins anew: its running means are no tensors of the model.
        """
        from safetensors import safe_open

        with safe_open(path, "pt") as file:
            about = json.loads(file.metadata()["state"])
            parts = _parted({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
        begun = self.history, self.best
        self.history, self.best = about["history"], parts["best"]
        if self.finished:
            return
        if adaloras(self.module):
            self.history, self.best = begun
            return
        self.module.load_state_dict(parts["last"], strict=False)
        moments = {int(n): values for n, values in _parted(parts["optimiser"]).items()}
        self.optimiser.load_state_dict({"state": moments, "param_groups": about["groups"]})
        self.rates.last_epoch = about["step"]
        self.generator.set_state(parts["random"]["generator"])
        torch.set_rng_state(parts["random"]["torch"])
        if "cuda" in parts["random"] and torch.cuda.is_available():
            torch.cuda.set_rng_state(parts["random"]["cuda"])


def trainable(module: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters that training changes, by name."""
    return {name: weights for name, weights in module.named_parameters() if weights.requires_grad}


def changed_weights(module: nn.Module) -> Tensors:
    """Copies of what training changes: trained parameters and buffers."""
    frozen = {name for name, weights in module.named_parameters() if not weights.requires_grad}
    state = module.state_dict().items()
    return {name: value.detach().clone() for name, value in state if name not in frozen}


def fingerprint(
    module: nn.Module, recipe: Recipe, batches: Sequence[np.ndarray], content: Mapping[str, Any]
) -> str:
    """A hash of what decides a training: all weights, recipe, first batches, and `content`.

    Raises ValueError where some content looks different in every process, as functions do.
    """
    for name, value in content.items():
        if " at 0x" in repr(value):
            raise ValueError(
                f"a checkpoint cannot tell one {name} from another by {value!r}; "
                "give an object with a repr of its own"
            )
    rows = [np.asarray(batch).tolist() for batch in batches]
    trained = list(trainable(module))  # the frozen weights decide as well
    about = asdict(recipe), sorted(content.items()), module, trained, rows
    return digest_state(module, *about)[:16]


def _joined(parts: Mapping[Any, Mapping[str, Any]]) -> dict[str, Any]:
    """{"best": {"weight": …}} -> {"best.weight": …}."""
    return {f"{part}.{name}": value for part, own in parts.items() for name, value in own.items()}


def _parted(tensors: Mapping[str, Tensor]) -> dict[str, Tensors]:
    """{"best.weight": …} -> {"best": {"weight": …}}."""
    parts: dict[str, Tensors] = {}
    for name, value in tensors.items():
        part, _, rest = name.partition(".")
        parts.setdefault(part, {})[rest] = value
    return parts
