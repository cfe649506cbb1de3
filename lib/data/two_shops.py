"""The published sets of two shops that sell partly the same products."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import block_array
from scipy.sparse.csgraph import connected_components

from lib.data.catalogue import Catalogue
from lib.data.cells import Columns
from lib.data.dataset import Dataset
from lib.data.sources import fetch
from lib.data.tables import read_table
from lib.data.task import Task


class TwoShops(NamedTuple):
    """How a set's files are read."""

    corpus: str
    queries: str
    sep: str
    columns: Columns


TWO_SHOPS = {
    "abt-buy": TwoShops(
        "abt", "buy", "|", {"title": "name", "description": "description", "price": "price"}
    ),
    "amazon-google": TwoShops(
        "amazon",
        "gp",
        "#",
        {"title": "title", "description": "description", "brand": "manufacturer", "price": "price"},
    ),
    "walmart-amazon": TwoShops(
        "walmart",
        "amazon",
        "|",
        {
            "title": "title",
            "brand": "brand",
            "price": "price",
            "attributes": ["modelno", "shipweight", "dimensions"],
        },
    ),
}


def two_shops(name: str) -> Dataset:
    """Two shops that sell partly the same: the second's items are looked for in the first.

    The column `all_fields` joins every column after the id as it stands in the file: the text of
    the published blocking protocol. `group` names the product of matched items; the others have
    none.
    """
    folder, form = fetch(name), TWO_SHOPS[name]
    corpus, queries = (_shop(folder, shop, form) for shop in (form.corpus, form.queries))
    pairs = read_table(folder / "gt.csv", sep=form.sep)[["D2", "D1"]]
    matches = pairs.itertuples(index=False, name=None)
    task = _with_groups(Task.from_matches("blocking", queries, corpus, matches))
    catalogues = {form.corpus: task.corpus, form.queries: task.queries}
    return Dataset(name, catalogues, {"blocking": task}, pairs=_labelled_pairs(folder / "pairs"))


def _shop(folder: Path, shop: str, form: TwoShops) -> Catalogue:
    frame = read_table(folder / f"{shop}.csv", sep=form.sep)
    texts = frame.drop(columns="id").itertuples(index=False)
    frame["all_fields"] = [" ".join(filter(None, row)) for row in texts]
    columns = {"id": "id", "all_fields": "all_fields", **form.columns}
    return Catalogue.read(frame, name=shop, columns=columns)


def _with_groups(task: Task) -> Task:
    """The same task with groups.

    Listings joined by matches, directly or through others, are one product.
    """
    matches = task.relevance
    graph = block_array([[None, matches], [matches.T, None]])
    _, product = connected_components(graph, directed=False)
    labels = [f"product {p}" for p in product]
    asked = np.where(matches.sum(axis=1) > 0, labels[: len(task.queries)], None)
    found = np.where(matches.sum(axis=0) > 0, labels[len(task.queries) :], None)
    queries = Catalogue(task.queries.name, task.queries.items.assign(group=asked))
    corpus = Catalogue(task.corpus.name, task.corpus.items.assign(group=found))
    return Task(task.name, queries, corpus, task.relevance, task.exclude)


def _labelled_pairs(folder: Path) -> pd.DataFrame:
    rows = []
    for split in ("train", "valid", "test"):
        for line in (folder / f"{split}.txt").read_text(encoding="utf-8").splitlines():
            left, right, label = line.split("\t")
            rows.append((split, _fields(left), _fields(right), int(label)))
    return pd.DataFrame(rows, columns=["split", "left", "right", "label"])


def _fields(serialised: str) -> dict[str, str]:
    """ "COL name VAL sony tv COL price VAL 9" becomes {"name": "sony tv", "price": "9"}."""
    parts = re.split(r"\s*COL (\S+) VAL\s*", serialised)[1:]
    return dict(zip(parts[::2], map(str.strip, parts[1::2]), strict=True))
