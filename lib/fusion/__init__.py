"""Several vectors or rankings become one."""

from lib.fusion.concatenation import concat, tune_weights
from lib.fusion.rankings import rrf, tune_scores, weighted

__all__ = ["concat", "rrf", "tune_scores", "tune_weights", "weighted"]
