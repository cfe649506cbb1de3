"""What training minimises: metric-learning losses by name, and CLIP's loss over two towers.

Which rows meet in a batch is decided in `batches.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from pytorch_metric_learning import distances, losses
from torch import Tensor, nn

OBJECTIVES = ("infonce", "triplet", "multi-similarity", "contrastive", "arcface")
TEMPERATURE = 0.07  # where CLIP starts, and Wu et al. 2018 before it
SHARPEST = 100.0  # CLIP's bound on 1 / temperature: beyond it training becomes unstable


def objective(
    name: str,
    *,
    classes: int | None = None,
    dimensions: int | None = None,
    weights: Sequence[float] | None = None,
) -> nn.Module:
    """A metric-learning loss `(vectors (b, d), labels (b,)) -> scalar` by name.

    They are pytorch-metric-learning's. "infonce" is its supervised form (Khosla et al. 2020), which
    is NT-Xent (SimCLR, Chen et al. 2020) where each label has two rows; "triplet" takes semi-hard
    triplets (Schroff et al. 2015); "multi-similarity" is Wang et al. 2019; "contrastive" Hadsell et
    al. 2006. "arcface" (Deng et al. 2019) needs the number of `classes`, labelled from 0, and the
    vectors' `dimensions`. It learns a vector a class, so train it together with the network,
    `nn.ModuleDict({"network": …, "loss": …})`. Its `weights` count classes more or less. The other
    losses ignore all three.

    >>> vectors = torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.1, 1.0]])
    >>> for labels in ([0, 0, 1, 1], [0, 1, 0, 1]):
    ...     print(f"{objective('infonce')(vectors, torch.tensor(labels)):.3f}")
    0.000
    12.800
    """
    if name not in OBJECTIVES:
        raise ValueError(f"no objective {name!r}; there are {', '.join(OBJECTIVES)}")
    if name == "arcface":
        if not classes or not dimensions:
            raise ValueError(
                f"'arcface' needs classes=… and dimensions=…, got {classes} and {dimensions}"
            )
        # the paper's scale of 64 suits 10^5 classes of faces
        loss = losses.ArcFaceLoss(classes, dimensions, scale=32)
        if weights is not None:
            each = torch.as_tensor(weights, dtype=torch.float32)
            loss.cross_entropy = nn.CrossEntropyLoss(each, reduction="none")
        return loss
    cosine = distances.CosineSimilarity()
    return {
        "infonce": losses.SupConLoss(temperature=TEMPERATURE),
        "triplet": losses.TripletMarginLoss(margin=0.2, distance=cosine, triplets_per_anchor=20),
        "multi-similarity": losses.MultiSimilarityLoss(),
        "contrastive": losses.ContrastiveLoss(pos_margin=1, neg_margin=0.4, distance=cosine),
    }[name]


class ClipLoss(nn.Module):
    """CLIP's symmetric loss (Radford et al. 2021): each text finds its photo in the batch, and each
    photo its text.

    The temperature is learned, 1 / temperature clamped to 100. With `labels`, rows of one product
    are no negatives of one another but share the target (UniCL, Yang et al. 2022); label -1 stands
    for a product of its own.
    """

    def __init__(self, *, temperature: float = TEMPERATURE) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(-math.log(temperature)))

    def forward(self, texts: Tensor, photos: Tensor, labels: Tensor | None = None) -> Tensor:
        """(b, d), (b, d), (b,) -> scalar; row i of both shows one listing.

        A batch of none gives 0.
        """
        if not len(texts):
            return (texts.sum() + photos.sum()) * self.log_scale
        scale = self.log_scale.clamp(max=math.log(SHARPEST)).exp()
        texts, photos = (nn.functional.normalize(v.float(), dim=1) for v in (texts, photos))
        scores = scale * texts @ photos.T  # (b, d) @ (d, b) -> (b, b)
        target = torch.eye(len(scores), device=scores.device)
        if labels is not None:
            labels = labels.to(scores.device)
            same = (labels[:, None] == labels) & (labels[:, None] >= 0)
            target = target.maximum(same.float())
        target = target / target.sum(1, keepdim=True)  # symmetric: one target for both directions
        cross_entropy = nn.functional.cross_entropy
        return (cross_entropy(scores, target) + cross_entropy(scores.T, target)) / 2
