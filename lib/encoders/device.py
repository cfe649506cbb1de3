"""Where networks run, and how precisely they multiply: one rule for encoding and for training.

It is not a layer over torch: networks are moved with `.to(best_device())`.
"""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def best_device() -> str:
    """This process's GPU ("cuda:0" where torchrun has not started several), else "cpu"."""
    import torch

    return f"cuda:{os.environ.get('LOCAL_RANK', 0)}" if torch.cuda.is_available() else "cpu"


def device_of(network: torch.nn.Module) -> torch.device:
    """Where a network's weights are."""
    return next(network.parameters()).device


@functools.cache
def has_bfloat16(kind: str = "cpu") -> bool:
    """Whether "cpu" or "cuda" multiplies bfloat16 matrices in hardware.

    Without such units bfloat16 is slower than float32.
    """
    import torch

    if kind == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return bool(torch.cpu.get_capabilities().get("amx_bf16"))


def autocast(device: torch.device | str, precision: str = "auto") -> torch.autocast:
    """A context in which matrix products are rounded to bfloat16; weights stay float32.

    `precision` is "bfloat16", "float32" (nothing is rounded) or "auto": bfloat16 where the device
    has it in hardware.
    """
    import torch

    kind = torch.device(device).type
    rounded = precision == "bfloat16" or (precision == "auto" and has_bfloat16(kind))
    return torch.autocast(kind, torch.bfloat16, enabled=rounded)
