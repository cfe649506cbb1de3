"""Checkpoints of a training: one safetensors file, replaced whole after each epoch.

Only what is trained is kept: a LoRA's checkpoint is small. accelerate's are not used, since they
are pickles, which run code when they are read.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lib.files import write_atomically
from lib.training.recipe import Recipe

if TYPE_CHECKING:
    import torch

FILE = "checkpoint.safetensors"
NUMBERS = ("epoch", "score", "waited", "finished", "history")


@dataclass
class State:
    """All that a training changes, so that a run which was stopped goes on as if it had not been.

    `best` are the weights of the best epoch, which had `score`; `waited` counts epochs since.
    """

    module: torch.nn.Module
    optimiser: torch.optim.Optimizer
    rates: torch.optim.lr_scheduler.LRScheduler
    generator: torch.Generator
    best: dict[str, torch.Tensor] = field(init=False)
    epoch: int = 0
    score: float = -math.inf
    waited: int = 0
    finished: bool = False
    history: list[dict] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.best = changed_weights(self.module)

    def note(self, loss: float, score: float | None, seconds: float, recipe: Recipe) -> None:
        """Enter an epoch that has ended; without a score the latest weights are the best."""
        self.epoch += 1
        entry = {"epoch": self.epoch, "loss": loss, "score": score, "seconds": seconds}
        self.history.append(entry)
        self.waited += 1
        if score is None or score > self.score:
            self.best, self.waited = changed_weights(self.module), 0
            self.score = self.score if score is None else score
        self.finished = self.waited >= recipe.patience or self.epoch == recipe.epochs

    def restore_best(self) -> None:
        """Give the module the weights of the best epoch."""
        self.module.load_state_dict(self.best, strict=False)  # the frozen ones are not kept

    def save(self, path: Path) -> None:
        """Replace the checkpoint; of a finished training only the best weights are kept."""
        import torch
        from safetensors.torch import save

        about = {name: getattr(self, name) for name in NUMBERS}
        tensors = _named("best", self.best)
        if not self.finished:
            optimiser = self.optimiser.state_dict()
            about |= {"groups": optimiser["param_groups"], "rates": _plain(self.rates.state_dict())}
            tensors |= _named("last", changed_weights(self.module))
            for number, moments in optimiser["state"].items():
                tensors |= _named(f"optimiser.{number}", moments)
            tensors |= _named("random", self._random())
        tensors = {name: torch.as_tensor(t).cpu().contiguous() for name, t in tensors.items()}
        write_atomically(path, save(tensors, {"state": json.dumps(about)}))

    def load(self, path: Path) -> None:
        """Go on from a checkpoint.

        Raises ValueError where AdaLoRA was stopped: its running means are no tensors of the model.
        """
        import torch
        from safetensors import safe_open

        with safe_open(path, "pt") as file:
            about = json.loads(file.metadata()["state"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        for name in NUMBERS:
            setattr(self, name, about[name])
        self.best = _part(tensors, "best")
        if self.finished:
            return
        if any(hasattr(type(part), "update_and_allocate") for part in self.module.modules()):
            raise ValueError(
                f"{path}: AdaLoRA's averages are not kept, so a run that was stopped cannot go on; "
                "delete the file"
            )
        self.module.load_state_dict(_part(tensors, "last"), strict=False)
        numbers = {name.split(".")[1] for name in tensors if name.startswith("optimiser.")}
        moments = {int(number): _part(tensors, f"optimiser.{number}") for number in numbers}
        self.optimiser.load_state_dict({"state": moments, "param_groups": about["groups"]})
        self.rates.load_state_dict(about["rates"])
        random = _part(tensors, "random")
        self.generator.set_state(random["generator"])
        torch.set_rng_state(random["torch"])
        if "cuda" in random and torch.cuda.is_available():
            torch.cuda.set_rng_state(random["cuda"])

    def _random(self) -> dict[str, torch.Tensor]:
        import torch

        states = {"generator": self.generator.get_state(), "torch": torch.get_rng_state()}
        if torch.cuda.is_available():
            states["cuda"] = torch.cuda.get_rng_state()
        return states


def trainable(module: torch.nn.Module) -> dict[str, torch.nn.Parameter]:
    """The parameters that training changes, by name."""
    return {name: weights for name, weights in module.named_parameters() if weights.requires_grad}


def changed_weights(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Copies of what training changes: trained parameters and buffers."""
    frozen = {name for name, weights in module.named_parameters() if not weights.requires_grad}
    state = module.state_dict().items()
    return {name: value.detach().clone() for name, value in state if name not in frozen}


def fingerprint(
    module: torch.nn.Module,
    recipe: Recipe,
    batches: Sequence[np.ndarray],
    content: Mapping[str, Any],
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
    total = hashlib.sha256(repr([asdict(recipe), sorted(content.items()), module]).encode())
    trained = trainable(module)
    for name, weights in sorted(module.state_dict().items()):  # the frozen ones decide as well
        total.update(f"{name} {name in trained}".encode())
        total.update(weights.detach().cpu().numpy().tobytes())
    for batch in batches:
        total.update(np.asarray(batch).tobytes())
    return total.hexdigest()[:16]


def _named(prefix: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{prefix}.{name}": value for name, value in values.items()}


def _part(tensors: Mapping[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    start = f"{prefix}."
    return {n.removeprefix(start): value for n, value in tensors.items() if n.startswith(start)}


def _plain(state: Mapping[str, Any]) -> dict[str, Any]:
    kinds = (int, float, str, bool, list, type(None))
    return {name: value for name, value in state.items() if isinstance(value, kinds)}
