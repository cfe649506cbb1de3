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
    labels: np.ndarray, rows: np.ndarray, *, groups: int, members: int, alone: bool = False
) -> Callable[[np.random.Generator], Iterator[np.ndarray]]:
    """Batches of `groups` labels with up to `members` rows each, so that every row has a partner in its batch.

    Rows whose label occurs once, or is None, teach a loss over labels nothing and are left out; `alone=True` keeps
    them, for a loss beside it that asks for no partner, and fills batches up to `groups` times `members` rows.
    """
    found: dict[object, list[int]] = {}
    for row in rows:
        label = labels[row]
        found.setdefault(("row", row) if label is None else label, []).append(int(row))
    usable = [m for m in found.values() if alone or len(m) > 1]

    def epoch(rng: np.random.Generator) -> Iterator[np.ndarray]:
        queue = [part for rows_ in usable for part in _parts(rng.permutation(rows_), members)]
        queue = [queue[i] for i in rng.permutation(len(queue))]
        # by rows where some are alone, else batches of them would be small
        sizes = np.cumsum([len(part) if alone else members for part in queue], dtype=int)
        batch = (sizes - 1) // (groups * members)
        for number in range(batch.max(initial=-1) + 1):
            chosen = np.concatenate([queue[i] for i in np.flatnonzero(batch == number)])
            if len(chosen) > 1:  # a row alone in its batch teaches nothing
                yield chosen

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
    random group and takes in its rows' neighbours' groups, and theirs, until it is full. Every group of several rows comes
    once an epoch; a row alone, which is a hard negative where it is near, and may come several times.
    """
    found: dict[object, list[int]] = {}
    for row in rows:
        if labels[row] is not None:
            found.setdefault(labels[row], []).append(int(row))
    several = [label for label, m in found.items() if len(m) > 1]

    def epoch(rng: np.random.Generator) -> Iterator[np.ndarray]:
        left = dict.fromkeys(several[i] for i in rng.permutation(len(several)))
        while left:
            batch = [next(iter(left))]
            for label in batch:  # grows while it is read
                near = dict.fromkeys(labels[n] for row in found[label] for n in neighbours[row] if n >= 0)
                fresh = [n for n in near if n in left or len(found.get(n, ())) == 1]
                batch += [n for n in fresh if n not in batch][: groups - len(batch)]
            batch += [label for label in left if label not in batch][: groups - len(batch)]  # the neighbourhood is used up
            for label in batch:
                left.pop(label, None)
            yield np.concatenate([rng.permutation(found[label])[:members] for label in batch])

    return epoch


def _parts(rows: np.ndarray, size: int) -> list[np.ndarray]:
    parts = [rows[i : i + size] for i in range(0, len(rows), size)]
    if len(parts) > 1 and len(parts[-1]) == 1:  # a row alone has no partner
        parts[-2] = np.concatenate(parts[-2:])
        parts.pop()
    return parts
