"""Several processes for one training: `torchrun --nproc-per-node 2 script.py`.

accelerate knows the processes and torch averages their gradients.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from accelerate import PartialState
from torch import Generator, Tensor, nn

from lib.training.recipe import Loss


def processes() -> PartialState:
    """The processes of this training: how many there are, which is this one, which is the main."""
    return PartialState(cpu=not torch.cuda.is_available())  # else torchrun's are not seen on a CPU


def share(batch: np.ndarray) -> np.ndarray:
    """The part of a batch that this process sees: neighbours, since listings of one product are."""
    count = processes().num_processes
    if len(batch) < count:
        raise ValueError(
            f"a batch of {len(batch)} rows cannot be shared by {count} processes; make it larger"
        )
    return np.array_split(batch, count)[processes().process_index]


def averaged(module: nn.Module, loss: Loss) -> Callable:
    """The loss as `(rows, generator) -> scalar`, its gradients averaged over the processes."""

    class Losses(nn.Module):
        """DistributedDataParallel averages after `forward`, and losses call other methods too."""

        def __init__(self) -> None:
            super().__init__()
            self.inner = module

        def forward(self, rows: Tensor, generator: Generator) -> Tensor:
            return loss(self.inner, rows, generator)

    if processes().num_processes == 1:
        return Losses()
    # a batch without photos leaves a tower's weights unused
    return nn.parallel.DistributedDataParallel(Losses(), find_unused_parameters=True)
