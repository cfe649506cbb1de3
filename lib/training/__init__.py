"""Training: one loop, objectives by name, batches. Importing it does no work."""

from lib.training.batches import balanced, grouped, shuffled
from lib.training.loop import Recipe, train
from lib.training.objectives import OBJECTIVES, class_weights, objective

__all__ = ["OBJECTIVES", "Recipe", "balanced", "class_weights", "grouped", "objective", "shuffled", "train"]
