"""Which rows a training step sees: functions of a generator that yield an epoch's batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from lib.training.recipe import Batches


def shuffled(rows: np.ndarray, size: int) -> Batches:
    """Batches of at most `size` rows in random order.

    A last batch of one row, which has no partner, is left out.
    """

    def epoch(rng: np.random.Generator) -> Iterator[np.ndarray]:
        order = rng.permutation(rows)
        for first in range(0, len(order), size):
            batch = order[first : first + size]
            if len(batch) > 1 or len(order) == 1:
                yield batch

    return epoch


def grouped(
    labels: np.ndarray, rows: np.ndarray, *, groups: int, members: int, alone: bool = False
) -> Batches:
    """Batches of `groups` labels with up to `members` rows each: every row has a partner.

    Rows whose label occurs once, or is None, teach a loss over labels nothing and are left out;
    `alone=True` keeps them, for a loss beside it that asks for no partner, and fills batches up to
    `groups` times `members` rows.
    """
    labels = [("row", row) if labels[row] is None else labels[row] for row in rows]
    usable = [found for found in rows_by_label(labels, rows).values() if alone or len(found) > 1]

    def epoch(rng: np.random.Generator) -> Iterator[np.ndarray]:
        parts = [part for found in usable for part in _parts(rng.permutation(found), members)]
        parts = [parts[i] for i in rng.permutation(len(parts))]
        # filled by rows where some are alone: batches of as many labels would be small
        sizes = [len(part) if alone else members for part in parts]
        batch = (np.cumsum(sizes, dtype=int) - 1) // (groups * members)
        for number in range(batch.max(initial=-1) + 1):
            chosen = np.concatenate([parts[i] for i in np.flatnonzero(batch == number)])
            if len(chosen) > 1:  # a row alone in its batch teaches nothing
                yield chosen

    return epoch


def balanced(labels: np.ndarray, rows: np.ndarray, size: int) -> Batches:
    """Batches of `size` rows in which every label is as likely as any other.

    An epoch draws as many rows as there are with a label, with replacement; rows whose label is
    None are left out.
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
) -> Batches:
    """Batches as of `grouped`, whose groups are near each other: hard negatives.

    `neighbours` (n, k) holds each row's nearest rows by some encoder; -1 pads (Xiong et al. 2021).
    A batch starts with a random group and takes in its rows' neighbours' groups, and theirs, until
    it is full. Every group of several rows comes once an epoch; a row alone, which is a hard
    negative where it is near, may come several times.
    """
    rows = [row for row in rows if labels[row] is not None]
    found = rows_by_label(labels[rows], rows)
    several = [label for label, own in found.items() if len(own) > 1]

    def near(label: object) -> dict[object, None]:
        around = neighbours[found[label]]  # (rows, k)
        return dict.fromkeys(labels[around[around >= 0]])

    def epoch(rng: np.random.Generator) -> Iterator[np.ndarray]:
        left = dict.fromkeys(several[i] for i in rng.permutation(len(several)))
        while left:
            batch = [next(iter(left))]
            for label in batch:  # grows while it is read
                fresh = [
                    other
                    for other in near(label)
                    if other not in batch and (other in left or len(found.get(other, ())) == 1)
                ]
                batch += fresh[: groups - len(batch)]
            rest = [label for label in left if label not in batch]  # the neighbourhood is used up
            batch += rest[: groups - len(batch)]
            for label in batch:
                left.pop(label, None)
            yield np.concatenate([rng.permutation(found[label])[:members] for label in batch])

    return epoch


def rows_by_label(labels: Sequence, rows: Sequence[int]) -> dict[object, list[int]]:
    """The rows (n,) of each of their labels (n,), both in the order in which they come."""
    found: dict[object, list[int]] = {}
    for label, row in zip(labels, rows, strict=True):
        found.setdefault(label, []).append(int(row))
    return found


def _parts(rows: np.ndarray, size: int) -> list[np.ndarray]:
    parts = [rows[i : i + size] for i in range(0, len(rows), size)]
    if len(parts) > 1 and len(parts[-1]) == 1:  # a row alone has no partner
        parts[-2] = np.concatenate(parts[-2:])
        parts.pop()
    return parts
