"""A ranking becomes numbers: one row a query, intervals and paired tests; TREC files."""

from lib.metrics.comparison import Comparison, compare_methods
from lib.metrics.evaluation import METRICS, coverage, diversity, evaluate, novelty
from lib.metrics.f1 import best_threshold, compare_f1, pair_f1
from lib.metrics.statistics import (
    bootstrap_interval,
    compare,
    crossed_interval,
    holm,
    randomisation_test,
)
from lib.metrics.trec import read_qrels, read_run, write_qrels, write_run

__all__ = [
    "METRICS",
    "Comparison",
    "best_threshold",
    "bootstrap_interval",
    "compare",
    "compare_f1",
    "compare_methods",
    "coverage",
    "crossed_interval",
    "diversity",
    "evaluate",
    "holm",
    "novelty",
    "pair_f1",
    "randomisation_test",
    "read_qrels",
    "read_run",
    "write_qrels",
    "write_run",
]
