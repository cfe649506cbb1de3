"""Training curves for TensorBoard; every curve is also in what `train` hands to `watch`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


def tensorboard(folder: Path | str) -> Callable[[dict], None]:
    """A `watch` for `train` that writes TensorBoard's event files: `tensorboard --logdir folder` shows them."""
    from lib.encoders.base import require

    require("tensorboard", 'tensorboard (pip install -e ".[logs]")')
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(folder))

    def watch(epoch: dict) -> None:
        for field in ("loss", "score", "seconds"):
            if epoch[field] is not None:
                writer.add_scalar(field, epoch[field], epoch["epoch"])
        writer.flush()

    return watch
