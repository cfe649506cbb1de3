"""Several processes for one training, by torch's own DistributedDataParallel: `torchrun --nproc-per-node 2 script.py`."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


class Step:
    """A training step of `module` under `loss`, its gradients averaged over the processes where there are several."""

    def __init__(self, module: torch.nn.Module, loss: Callable) -> None:
        self.module, self.world = module, _join()
        self._call: Callable = lambda rows, generator: loss(module, rows, generator)
        if self.world > 1:
            self._call = _distributed(module, loss)
        self._adalora = [part for part in module.modules() if hasattr(type(part), "update_and_allocate")]

    def __call__(self, rows: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """The loss of this process's rows."""
        return self._call(rows, generator) + sum(map(_orthogonal_regulariser, self._adalora))

    def allocate(self, steps: int) -> None:
        """Let AdaLoRA, where there is one, move its rank to where the last gradients ask for it."""
        for part in self._adalora:
            part.update_and_allocate(steps)


def _orthogonal_regulariser(part: torch.nn.Module) -> torch.Tensor:
    """How far AdaLoRA's factors are from orthogonal, weighted (Zhang et al. 2023, equation 4); peft leaves this to the loss."""
    import torch

    gaps = []
    for name, weights in part.named_parameters():
        if "lora_A" in name or "lora_B" in name:  # (r, in), (out, r)
            gram = weights @ weights.T if "lora_A" in name else weights.T @ weights
            gaps.append(torch.linalg.matrix_norm(gram - torch.eye(*gram.shape, device=gram.device)))
    return part.peft_config[part.trainable_adapter_name].orth_reg_weight * torch.stack(gaps).mean()


def share(batch: np.ndarray) -> np.ndarray:
    """The part of a batch that this process sees; all of it where there is one process."""
    world, rank = _world()
    if world == 1:
        return batch
    if len(batch) < world:
        raise ValueError(f"a batch of {len(batch)} rows cannot be shared by {world} processes; make it larger")
    return np.array_split(batch, world)[rank]  # neighbours stay together: listings of one product are


def main_process() -> bool:
    """Whether this process writes files: the only one, or the first of several."""
    return _world()[1] == 0


def _distributed(module: torch.nn.Module, loss: Callable) -> Callable:
    import torch
    from torch.nn.parallel import DistributedDataParallel

    class Losses(torch.nn.Module):
        """The loss as a module's output, so that gradients are averaged whichever of the module's methods it calls."""

        def __init__(self) -> None:
            super().__init__()
            self.inner = module

        def forward(self, rows: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
            return loss(self.inner, rows, generator)

    return DistributedDataParallel(Losses(), find_unused_parameters=True)  # a batch without photos leaves a tower out


def _join() -> int:
    """Join the processes that torchrun has started, if any; how many there are."""
    import torch.distributed as processes

    if int(os.environ.get("WORLD_SIZE", 1)) > 1 and not processes.is_initialized():
        import torch

        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        processes.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    return _world()[0]


def _world() -> tuple[int, int]:
    import torch.distributed as processes

    if not (processes.is_available() and processes.is_initialized()):
        return 1, 0
    return processes.get_world_size(), processes.get_rank()
