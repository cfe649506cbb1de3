"""Learning from a stream of tasks, one after another: with or without rehearsal, and what is forgotten meanwhile.

What is learned at each stage is the caller's; this file keeps the memory and the books.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np


class Reservoir:
    """A memory of at most `size` labels' rows, each label seen so far equally likely to be in it (Vitter 1985, algorithm R).

    Whole labels are kept, since a row without a partner teaches a loss over labels nothing.
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
        """Show the memory these rows (n,) of a stage, with their labels (n,); rows whose label is None are passed over."""
        by_label: dict[object, list[int]] = {}
        for row, label in zip(rows, labels, strict=True):
            if label is not None:
                by_label.setdefault(label, []).append(int(row))
        for members in by_label.values():
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
    memory: Reservoir | None = None,
) -> np.ndarray:
    """Learn the stages one after another and score every stage after each; R (t, t), R[i, j] stage j's score after stage i.

    A stage is the row numbers that it brings; `labels` are of all rows. `fit(rows)` goes on learning from these rows,
    with `memory` also from the rows that it remembers of earlier stages. `score(j)` is the metric on
    held-out products of stage j.
    """
    results = np.full((len(stages), len(stages)), np.nan)
    for now, rows in enumerate(stages):
        rows = np.asarray(rows, int)
        fit(rows if memory is None else np.concatenate([rows, memory.rows]))
        if memory is not None:
            memory.add(rows, [labels[row] for row in rows])
        results[now] = [score(stage) for stage in range(len(stages))]
    return results


def backward_transfer(results: np.ndarray) -> float:
    """Mean over the earlier stages of R[last, j] - R[j, j] (Lopez-Paz and Ranzato 2017); below 0 is forgetting.

    One stage has nothing to forget: NaN.
    """
    return float(np.mean(results[-1, :-1] - np.diag(results)[:-1])) if len(results) > 1 else float("nan")


def forgetting(results: np.ndarray) -> float:
    """Mean over the earlier stages of the best score ever had less the last (Chaudhry et al. 2018); one stage gives NaN."""
    return float(np.mean(results[:-1, :-1].max(axis=0) - results[-1, :-1])) if len(results) > 1 else float("nan")
