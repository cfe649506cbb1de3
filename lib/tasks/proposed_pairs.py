"""Labelled pairs for a set that has none: candidates of a search, labelled by what is alike.

What is done with pairs is in `matching.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from lib.data.alike import with_copies
from lib.data.catalogue import Catalogue
from lib.data.dataset import Dataset
from lib.data.task import Task
from lib.encoders import embed, encoder
from lib.search import search
from lib.tasks.blocking import candidate_pairs

FIELDS = ("title", "description", "brand", "category", "price")
SPLITS = {"train": 0.6, "valid": 0.2, "test": 0.2}


def with_pairs(data: Dataset, *, candidates: int = 5, copies: int = 400, seed: int = 0) -> Dataset:
    """The set with `pairs` and a task "blocking"; what it has already stays as it is.

    Without product labels, as many as `copies` listings look for their own originals after their
    words were disturbed (`with_copies`). Pairs are the first candidates of a search by trigrams; a
    pair is in the split of its left listing's group.
    """
    task = data.tasks.get("blocking") or data.tasks.get("same product")
    task = task or with_copies(data.catalogue, queries=copies)
    pairs = data.pairs
    if pairs is None:
        pairs = proposed_pairs(task, candidates=candidates, seed=seed)
    return replace(data, tasks=data.tasks | {"blocking": task}, pairs=pairs)


def proposed_pairs(
    task: Task, *, candidates: int = 5, fractions: Mapping[str, float] = SPLITS, seed: int = 0
) -> pd.DataFrame:
    """The first candidates of each query as `Dataset.pairs` has them: split, left, right, label."""
    letters = encoder("tfidf", analyzer="char_wb", sublinear=True).fit(task.corpus)
    sides = embed(letters, task.queries), embed(letters, task.corpus)
    pairs = candidate_pairs(search(*sides, candidates, exclude=task.exclude), task)
    pairs = pairs.drop(columns="score")
    for part, some in task.queries.split(fractions, seed=seed).items():
        pairs.loc[pairs["left"].isin(some.ids), "split"] = part
    for side, catalogue in (("left", task.queries), ("right", task.corpus)):
        pairs[side] = pairs[side].map(_records(catalogue))
    return pairs[["split", "left", "right", "label"]]


def _records(catalogue: Catalogue) -> dict[str, dict[str, str]]:
    """Each listing's fields as texts, by id."""
    texts = pd.DataFrame({field: catalogue.text([field]) for field in FIELDS}, catalogue.ids)
    return texts.to_dict("index")
