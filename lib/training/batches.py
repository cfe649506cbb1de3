"""Which rows a training step sees: functions of a random generator that yield an epoch's batches of row numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd


def shuffled(rows: np.ndarray, size: int) -> Callable[[np.random.Generator], Iterator[np.ndarray]]:
    """Batches of at most `size` rows in random order; a last batch of one row, which has no partner, is left out."""

    def epoch(rng: np.random.Generator) -> Iterator[np.ndarray]:
        order = rng.permutation(rows)
        for first in range(0, len(order), size):
            batch = order[first : first + size]
            if len(batch) > 1 or len(order) == 1:
                yield batch

    return epoch


def grouped(
    labels: np.ndarray, rows: np.ndarray, *, groups: int, members: int
) -> Callable[[np.random.Generator], Iterator[np.ndarray]]:
    """Batches of `groups` labels with up to `members` rows each, so that every row has a partner in its batch.

    Rows whose label occurs once, or is None, teach nothing here and are left out.
    """
    found: dict[object, list[int]] = {}
    for row in rows:
        if labels[row] is not None:
            found.setdefault(labels[row], []).append(int(row))
    usable = [m for m in found.values() if len(m) > 1]

    def epoch(rng: np.random.Generator) -> Iterator[np.ndarray]:
        queue = [part for rows_ in usable for part in _parts(rng.permutation(rows_), members)]
        order = rng.permutation(len(queue))
        for first in range(0, len(order), groups):
            yield np.concatenate([queue[i] for i in order[first : first + groups]])

    return epoch


def balanced(labels: np.ndarray, rows: np.ndarray, size: int) -> Callable[[np.random.Generator], Iterator[np.ndarray]]:
    """Batches of `size` rows in which every label is as likely as any other: rare ones come again, frequent ones less often.

    An epoch draws as many rows as there are with a label, with replacement; rows whose label is None are left out.
    """
    rows = np.array([row for row in rows if labels[row] is not None], int)
    code = pd.factorize(labels[rows])[0]
    counts = np.bincount(code)
    chance = 1 / (len(counts) * counts[code])  # (rows,)

    def epoch(rng: np.random.Generator) -> Iterator[np.ndarray]:
        for first in range(0, len(rows), size):
            yield rng.choice(rows, min(size, len(rows) - first), p=chance)

    return epoch


def mined(
    labels: np.ndarray, rows: np.ndarray, neighbours: np.ndarray, *, groups: int, members: int
) -> Callable[[np.random.Generator], Iterator[np.ndarray]]:
    """Batches as of `grouped`, whose groups are near each other: hard negatives (Xiong et al. 2021).

    `neighbours` (n, k) holds each row's nearest rows, by an encoder before or during training; -1 pads. A batch starts with a
    random group and takes in the groups of its rows' neighbours, and theirs, until it is full; every group comes once an epoch.
    """
    found: dict[object, list[int]] = {}
    for row in rows:
        if labels[row] is not None:
            found.setdefault(labels[row], []).append(int(row))
    found = {label: m for label, m in found.items() if len(m) > 1}

    def epoch(rng: np.random.Generator) -> Iterator[np.ndarray]:
        left = dict.fromkeys(list(found)[i] for i in rng.permutation(len(found)))
        while left:
            batch = [next(iter(left))]
            del left[batch[0]]
            for label in batch:  # grows while it is read
                near = dict.fromkeys(labels[n] for row in found[label] for n in neighbours[row] if n >= 0)
                taken = [n for n in near if n in left][: groups - len(batch)]
                batch += taken
                for n in taken:
                    del left[n]
            while left and len(batch) < groups:  # the neighbourhood is used up
                batch.append(next(iter(left)))
                del left[batch[-1]]
            yield np.concatenate([rng.permutation(found[label])[:members] for label in batch])

    return epoch


def _parts(rows: np.ndarray, size: int) -> list[np.ndarray]:
    parts = [rows[i : i + size] for i in range(0, len(rows), size)]
    if len(parts) > 1 and len(parts[-1]) == 1:  # a row alone has no partner
        parts[-2] = np.concatenate(parts[-2:])
        parts.pop()
    return parts
