"""Several vectors or rankings become one."""

from lib.fusion.concatenation import concat, tune_weights
from lib.fusion.missing import calibrated, neutral_cosines
from lib.fusion.rankings import rrf, tune_scores, weighted

__all__ = [
    "calibrated",
    "concat",
    "neutral_cosines",
    "rrf",
    "tune_scores",
    "tune_weights",
    "weighted",
]
