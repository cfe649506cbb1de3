"""What training minimises, by name; losses come from pytorch-metric-learning and torch.

Which rows meet in a batch is decided in `batches.py`; CLIP's loss over two towers is in `networks.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

OBJECTIVES = ("infonce", "triplet", "multi-similarity", "contrastive", "arcface")


def objective(
    name: str, *, classes: int | None = None, dimensions: int | None = None, weights: Sequence[float] | None = None
) -> torch.nn.Module:
    """A metric-learning loss `(vectors (b, d), labels (b,)) -> scalar` by name, from pytorch-metric-learning.

    "infonce" is its supervised form (Khosla et al. 2020) at temperature 0.07, which is NT-Xent (SimCLR, Chen et al.
    2020) where each label has two rows; "triplet" takes semi-hard triplets (Schroff et al. 2015); "multi-similarity" is
    Wang et al. 2019; "contrastive" Hadsell et al. 2006. "arcface" (Deng et al. 2019) needs the number of `classes`,
    labelled from 0, and the vectors' `dimensions`; it learns a vector a class, so train it together with the network,
    `nn.ModuleDict({"network": …, "loss": …})`. Its `weights` count classes more or less (see `class_weights`).
    """
    from pytorch_metric_learning import distances, losses

    cosine = distances.CosineSimilarity()
    made = {
        "infonce": lambda: losses.SupConLoss(temperature=0.07),
        "triplet": lambda: losses.TripletMarginLoss(margin=0.2, distance=cosine, triplets_per_anchor=20),
        "multi-similarity": losses.MultiSimilarityLoss,
        "contrastive": lambda: losses.ContrastiveLoss(pos_margin=1, neg_margin=0.4, distance=cosine),
        "arcface": lambda: _arcface(classes, dimensions, weights),
    }
    if name not in made:
        raise ValueError(f"no objective {name!r}; there are {', '.join(OBJECTIVES)}")
    if name != "arcface" and not classes is dimensions is weights is None:
        raise ValueError(f"{name!r} learns no class vectors: classes, dimensions and weights are for 'arcface'")
    return made[name]()


def _arcface(classes: int | None, dimensions: int | None, weights: Sequence[float] | None) -> torch.nn.Module:
    import torch
    from pytorch_metric_learning.losses import ArcFaceLoss

    if not classes or not dimensions:
        raise ValueError(f"'arcface' needs classes=… and dimensions=…, got {classes} and {dimensions}")
    loss = ArcFaceLoss(classes, dimensions, scale=32)  # the paper's 64 suits 10^5 classes of faces
    if weights is not None:
        if len(weights) != classes:
            raise ValueError(f"{len(weights)} weights for {classes} classes")
        loss.cross_entropy = torch.nn.CrossEntropyLoss(torch.as_tensor(weights, dtype=torch.float32), reduction="none")
    return loss


def class_weights(labels: Sequence[int]) -> np.ndarray:
    """A weight a class, (classes,), inverse to how often it occurs, of mean 1 over the rows; labels count from 0."""
    counts = np.bincount(np.asarray(labels, int))
    if not counts.size or not counts.all():
        raise ValueError(f"classes must be numbered 0 to {len(counts) - 1} without gaps to be weighed, got counts {counts}")
    return counts.sum() / (len(counts) * counts)
