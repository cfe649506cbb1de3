"""Training: one loop, objectives by name, batches, and what is trained or fine-tuned.

Importing it does no work.
"""

from lib.training.batches import balanced, grouped, shuffled
from lib.training.learning_rate_range import learning_rate_range
from lib.training.loop import train
from lib.training.objectives import OBJECTIVES, objective
from lib.training.recipe import Recipe

__all__ = [
    "OBJECTIVES",
    "Recipe",
    "balanced",
    "grouped",
    "learning_rate_range",
    "objective",
    "shuffled",
    "train",
]
