"""Learning from a stream of tasks, one after another: with or without rehearsal, and what is
forgotten meanwhile.

What is learned at each stage is the caller's; this file keeps the memory and the scores.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from lib.training.batches import rows_by_label


class Reservoir:
    """A memory of at most `size` labels' rows, each label as likely to be in it as any other.

    Vitter 1985, algorithm R. Whole labels are kept, since a row without a partner teaches a loss
    over labels nothing.
    """

    def __init__(self, size: int, *, seed: int = 0) -> None:
        if size < 0:
            raise ValueError(f"size counts labels and is at least 0, got {size}")
        self.size, self.seen = size, 0
        self._kept: list[np.ndarray] = []
        self._rng = np.random.default_rng(seed)

    @property
    def rows(self) -> np.ndarray:
        """The rows that are remembered, (n,)."""
        return np.concatenate([np.empty(0, int), *self._kept])

    def add(self, rows: Sequence[int], labels: Sequence) -> None:
        """Show the memory a stage's rows (n,) with their labels (n,); None is passed over."""
        for label, members in rows_by_label(labels, rows).items():
            if label is None:
                continue
            self.seen += 1
            if len(self._kept) < self.size:
                self._kept.append(np.array(members))
            elif (place := int(self._rng.integers(self.seen))) < self.size:
                self._kept[place] = np.array(members)


def learn_stream(
    stages: Sequence[Sequence[int]],
    labels: Sequence,
    fit: Callable[[np.ndarray], object],
    score: Callable[[int], float],
    *,
    memory: Reservoir,
) -> np.ndarray:
    """Learn the stages one after another and score every stage after each, (t, t).

    Entry [i, j] is stage j's score after stage i. A stage is the row numbers that it brings;
    `labels` are of all rows. `fit(rows)` goes on learning from these rows and from those that
    `memory` has of earlier stages; one of size 0 has none. `score(j)` is the metric on held-out
    products of stage j.
    """
    results = []
    for rows in stages:
        fit(np.concatenate([np.asarray(rows, int), memory.rows]))
        memory.add(rows, [labels[row] for row in rows])
        results.append([score(stage) for stage in range(len(stages))])
    return np.array(results)


def backward_transfer(results: np.ndarray) -> float:
    """Mean over the earlier stages of their last score less their first; below 0 is forgetting.

    Lopez-Paz and Ranzato 2017. One stage has nothing to forget: NaN.
    """
    changes = results[-1, :-1] - np.diag(results)[:-1]
    return float(changes.mean()) if len(changes) else float("nan")


def forgetting(results: np.ndarray) -> float:
    """Mean over the earlier stages of their best score less their last; one stage gives NaN.

    Chaudhry et al. 2018.
    """
    lost = results[:-1, :-1].max(axis=0, initial=-np.inf) - results[-1, :-1]
    return float(lost.mean()) if len(lost) else float("nan")
