"""What training minimises, by name; losses come from pytorch-metric-learning and torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

OBJECTIVES = ("infonce", "triplet", "multi-similarity", "contrastive")


def objective(name: str) -> torch.nn.Module:
    """A metric-learning loss `(vectors (b, d), labels (b,)) -> scalar` by name, from pytorch-metric-learning.

    "infonce" is its supervised form (Khosla et al. 2020) at temperature 0.07; "triplet" takes semi-hard triplets
    (Schroff et al. 2015); "multi-similarity" is Wang et al. 2019; "contrastive" Hadsell et al. 2006.
    """
    from pytorch_metric_learning import distances, losses

    cosine = distances.CosineSimilarity()
    made = {
        "infonce": lambda: losses.SupConLoss(temperature=0.07),
        "triplet": lambda: losses.TripletMarginLoss(margin=0.2, distance=cosine, triplets_per_anchor=20),
        "multi-similarity": losses.MultiSimilarityLoss,
        "contrastive": lambda: losses.ContrastiveLoss(pos_margin=1, neg_margin=0.4, distance=cosine),
    }
    if name not in made:
        raise ValueError(f"no objective {name!r}; there are {', '.join(OBJECTIVES)}")
    return made[name]()
