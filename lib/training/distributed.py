"""Several processes for one training: `torchrun --nproc-per-node 2 script.py`.

accelerate knows the processes and torch averages their gradients.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from lib.training.recipe import Loss

if TYPE_CHECKING:
    import torch
    from accelerate import PartialState


def processes() -> PartialState:
    """The processes of this training: how many there are, which is this one, which is the main."""
    import torch
    from accelerate import PartialState

    return PartialState(cpu=not torch.cuda.is_available())  # else torchrun's are not seen on a CPU


def share(batch: np.ndarray) -> np.ndarray:
    """The part of a batch that this process sees: neighbours, since listings of one product are."""
    all_of_them = processes()
    if len(batch) < all_of_them.num_processes:
        raise ValueError(
            f"a batch of {len(batch)} rows cannot be shared by {all_of_them.num_processes} "
            "processes; make it larger"
        )
    return np.array_split(batch, all_of_them.num_processes)[all_of_them.process_index]


def averaged(module: torch.nn.Module, loss: Loss) -> Callable:
    """The loss as `(rows, generator) -> scalar`, its gradients averaged over the processes."""
    import torch

    class Losses(torch.nn.Module):
        """DistributedDataParallel averages after `forward`, and losses call other methods too."""

        def __init__(self) -> None:
            super().__init__()
            self.inner = module

        def forward(self, rows: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
            return loss(self.inner, rows, generator)

    if processes().num_processes == 1:
        return Losses()
    # a batch without photos leaves a tower's weights unused
    return torch.nn.parallel.DistributedDataParallel(Losses(), find_unused_parameters=True)
