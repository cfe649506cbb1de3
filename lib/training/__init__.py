"""Training: one loop, objectives by name, batches. Importing it does no work."""

from lib.training.batches import grouped, shuffled
from lib.training.loop import Recipe, train
from lib.training.objectives import OBJECTIVES, objective

__all__ = ["OBJECTIVES", "Recipe", "grouped", "objective", "shuffled", "train"]
