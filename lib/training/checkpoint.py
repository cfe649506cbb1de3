"""Checkpoints of a training: one safetensors file, replaced whole after each epoch. How one is trained is in `loop.py`.

Only what is trained is kept: a LoRA's checkpoint is small.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from lib.files import write_atomically
from lib.training.distributed import main_process

if TYPE_CHECKING:
    import torch

FILE = "checkpoint.safetensors"


@dataclass
class Progress:
    """How far a training is: epochs done, the best validation and its weights, and what each epoch gave."""

    kept: dict[str, torch.Tensor]
    epoch: int = 0
    best: float = -math.inf
    waited: int = 0
    finished: bool = False
    history: list[dict] = field(default_factory=list)

    @classmethod
    def start(cls, module: torch.nn.Module) -> Self:
        """Nothing trained yet: the best weights are the first ones."""
        return cls(kept=_copied(module))

    def note(
        self, module: torch.nn.Module, epoch: int, loss: float, score: float | None, seconds: float, patience: int
    ) -> None:
        """Enter an epoch; without a score the latest weights are the best."""
        self.epoch = epoch + 1
        self.history.append({"epoch": epoch + 1, "loss": loss, "score": score, "seconds": seconds})
        if score is None or score > self.best:
            self.best, self.kept, self.waited = self.best if score is None else score, _copied(module), 0
        else:
            self.waited += 1
        self.finished = self.waited >= patience


def trainable(module: torch.nn.Module) -> dict[str, torch.nn.Parameter]:
    """The parameters that training turns, by name."""
    return {name: weights for name, weights in module.named_parameters() if weights.requires_grad}


def fingerprint(module: torch.nn.Module, recipe: Any, batches: Sequence[np.ndarray], content: str = "") -> str:
    """A hash of what decides a training: the module with all its weights, recipe, the first epoch's batches, and `content`."""
    total = hashlib.sha256(json.dumps([dataclasses.asdict(recipe), content, repr(module)], sort_keys=True).encode())
    trained = trainable(module)
    for name, weights in sorted(module.state_dict().items()):  # the frozen ones decide as well
        total.update(f"{name} {name in trained}".encode() + weights.detach().cpu().numpy().tobytes())
    for batch in batches:
        total.update(np.asarray(batch).tobytes())
    return total.hexdigest()[:16]


def described(**settings: object) -> str:
    """Settings as text, for a fingerprint. Raises ValueError where one looks different in every process, as functions do."""
    for name, value in settings.items():
        if " at 0x" in repr(value):
            raise ValueError(
                f"a checkpoint cannot tell one {name} from another by {value!r}; give an object with a repr of its own"
            )
    return repr(settings)


def save(
    folder: Path,
    progress: Progress,
    module: torch.nn.Module,
    optimiser: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    generator: torch.Generator,
) -> None:
    """Replace the folder's checkpoint; of a finished training only the best weights are kept."""
    import torch
    from safetensors.torch import save as to_bytes

    if not main_process():
        return
    tensors = {f"best.{name}": weights for name, weights in progress.kept.items()}
    about: dict[str, Any] = {f.name: getattr(progress, f.name) for f in dataclasses.fields(progress) if f.name != "kept"}
    if not progress.finished:
        state = optimiser.state_dict()
        tensors |= {f"last.{name}": weights for name, weights in _copied(module).items()}
        tensors |= {f"optimiser.{i}.{n}": torch.as_tensor(v) for i, s in state["state"].items() for n, v in s.items()}
        tensors |= {"random.generator": generator.get_state(), "random.torch": torch.get_rng_state()}
        if torch.cuda.is_available():
            tensors["random.cuda"] = torch.cuda.get_rng_state()
        about |= {"groups": state["param_groups"], "schedule": _plain(schedule.state_dict())}
    metadata = {"progress": json.dumps(about)}
    contiguous = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
    write_atomically(folder / FILE, to_bytes(contiguous, metadata))


def load(
    folder: Path,
    module: torch.nn.Module,
    optimiser: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    generator: torch.Generator,
) -> Progress | None:
    """Take up the folder's checkpoint, None where there is none."""
    import torch
    from safetensors import safe_open

    path = folder / FILE
    if not path.exists():
        return None
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - safe_open is no dict
    about = json.loads(metadata["progress"])
    groups, rates = about.pop("groups", None), about.pop("schedule", None)
    progress = Progress(kept=_part(tensors, "best."), **about)
    if not progress.finished:
        if any(hasattr(type(part), "update_and_allocate") for part in module.modules()):
            raise ValueError(
                f"{path}: AdaLoRA's averages are not kept, so a run that was stopped cannot go on; delete the file"
            )
        module.load_state_dict(_part(tensors, "last."), strict=False)
        state: dict[int, dict] = {}
        for name, value in _part(tensors, "optimiser.").items():
            number, _, what = name.partition(".")
            state.setdefault(int(number), {})[what] = value
        optimiser.load_state_dict({"state": state, "param_groups": groups})
        schedule.load_state_dict(rates)
        generator.set_state(tensors["random.generator"])
        torch.set_rng_state(tensors["random.torch"])
        if "random.cuda" in tensors and torch.cuda.is_available():
            torch.cuda.set_rng_state(tensors["random.cuda"])
    return progress


def _copied(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    """What training changes: trained parameters and buffers, as copies."""
    frozen = {name for name, weights in module.named_parameters() if not weights.requires_grad}
    return {name: value.detach().clone() for name, value in module.state_dict().items() if name not in frozen}


def _part(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _plain(state: dict) -> dict:
    return {name: value for name, value in state.items() if isinstance(value, (int, float, str, bool, list, type(None)))}
