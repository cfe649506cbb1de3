"""Networks of the towers, and the loss that holds two of them together. What trains them is in `towers.py`."""

from __future__ import annotations

import math

import torch
from torch import nn

TEMPERATURE = 0.07  # where CLIP starts, and Wu et al. 2018 before it
SHARPEST = 100.0  # CLIP's bound on 1 / temperature: beyond it training becomes unstable


class CrossModal(nn.Module):
    """CLIP's symmetric loss (Radford et al. 2021): each text finds its own photo in the batch, and each photo its text.

    The temperature is learned, 1 / temperature clamped to 100. With `labels`, rows of one product are no negatives of
    one another but share the target (UniCL, Yang et al. 2022); label -1 stands for a product of its own.
    """

    def __init__(self, *, temperature: float = TEMPERATURE) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(-math.log(temperature)))

    def forward(self, texts: torch.Tensor, photos: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        """(b, d), (b, d), (b,) -> scalar; row i of both shows one listing."""
        scale = self.log_scale.clamp(max=math.log(SHARPEST)).exp()
        texts, photos = (nn.functional.normalize(v.float(), dim=1) for v in (texts, photos))
        scores = scale * texts @ photos.T  # (b, d) @ (d, b) -> (b, b)
        target = torch.eye(len(scores), device=scores.device)
        if labels is not None:
            target = target.maximum(((labels[:, None] == labels) & (labels[:, None] >= 0)).float())
        target = target / target.sum(1, keepdim=True)  # equality is symmetric, so one target serves both directions
        cross_entropy = nn.functional.cross_entropy
        return (cross_entropy(scores, target) + cross_entropy(scores.T, target)) / 2
