"""Training: one loop, objectives by name, batches, and what is fine-tuned. Importing it does no work."""

from lib.training.batches import balanced, grouped, shuffled
from lib.training.logs import tensorboard
from lib.training.loop import Recipe, best_device, precision, train
from lib.training.objectives import OBJECTIVES, class_weights, objective
from lib.training.rates import learning_rate_range

__all__ = [
    "OBJECTIVES", "Recipe", "balanced", "best_device", "class_weights", "grouped", "learning_rate_range", "objective",
    "precision", "shuffled", "tensorboard", "train",
]  # fmt: skip
