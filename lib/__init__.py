"""Akin: which products are alike? The whole public surface; importing it does no work."""

from lib import plots
from lib.catalogue import Catalogue, Task, stack
from lib.datasets import Dataset, load
from lib.datasets.published import published
from lib.embeddings import Embeddings, embed
from lib.encoders import Encoder, cost, encoder
from lib.explorer import explore
from lib.figures import save_figure, save_gallery
from lib.fusion import concat
from lib.gallery import gallery
from lib.metrics import best_threshold, coverage, diversity, evaluate, pair_f1
from lib.reduction import projection
from lib.report import record
from lib.search import Ranking, search
from lib.similarity import MEASURES, distributions, pairwise, rank
from lib.statistics import bootstrap_interval, compare, compare_f1, holm, randomisation_test
from lib.tables import styled, table_latex, table_markdown

__all__ = [
    "MEASURES", "Catalogue", "Dataset", "Embeddings", "Encoder", "Ranking", "Task", "best_threshold",
    "bootstrap_interval", "compare", "compare_f1", "concat", "cost", "coverage", "distributions", "diversity", "embed",
    "encoder", "evaluate", "explore", "gallery", "holm", "load", "pair_f1", "pairwise", "plots", "projection",
    "published", "randomisation_test", "rank", "record", "save_figure", "save_gallery", "search", "stack", "styled",
    "table_latex", "table_markdown",
]  # fmt: skip
