"""Akin: which products are alike? The core's public names; importing it does no work."""

from lib.data import Catalogue, Dataset, Task, load, published, stack
from lib.encoders import Embeddings, Encoder, cost, embed, encoder
from lib.fusion import concat
from lib.metrics import (
    best_threshold,
    bootstrap_interval,
    compare,
    compare_f1,
    compare_methods,
    coverage,
    diversity,
    evaluate,
    holm,
    pair_f1,
    randomisation_test,
)
from lib.search import MEASURES, Ranking, distributions, pairwise, rank, search

__all__ = [
    "MEASURES",
    "Catalogue",
    "Dataset",
    "Embeddings",
    "Encoder",
    "Ranking",
    "Task",
    "best_threshold",
    "bootstrap_interval",
    "compare",
    "compare_f1",
    "compare_methods",
    "concat",
    "cost",
    "coverage",
    "distributions",
    "diversity",
    "embed",
    "encoder",
    "evaluate",
    "holm",
    "load",
    "pair_f1",
    "pairwise",
    "published",
    "randomisation_test",
    "rank",
    "search",
    "stack",
]
