"""The generated shop as a data set: its catalogue with photos, its tasks and its labelled pairs."""

from __future__ import annotations

import bazaar
import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from lib.data.catalogue import Catalogue
from lib.data.cells import missing
from lib.data.dataset import Dataset
from lib.data.task import Task
from lib.files import DATA

PAIR_FIELDS = ["title", "description", "brand", "price"]
PAIR_SPLITS = {"train": 0.6, "valid": 0.2, "test": 0.2}


def generated_shop(*, photos: bool = True, **options: object) -> Dataset:
    """The generated shop; the options are those of `bazaar.shop`.

    Photos are drawn once, into data/cache/bazaar.
    """
    shop = bazaar.shop(**options)
    items = shop.items.copy()
    if photos:
        files = bazaar.write_photos(shop.photos, DATA / "cache" / "bazaar")
        items["image"] = [str(files[i]) if i in files else None for i in items.index]
    items["all_fields"] = Catalogue("bazaar", items).text(PAIR_FIELDS)
    catalogue = Catalogue("bazaar", items)
    queries = Catalogue("queries", shop.queries)
    questions = Catalogue("questions", shop.questions)
    blocking = _blocking(catalogue)
    return Dataset(
        "bazaar",
        {"bazaar": catalogue, "queries": queries, "questions": questions},
        {
            "same product": Task.same_label("same product", catalogue, catalogue.items["group"]),
            "category": Task.same_label("category", catalogue, catalogue.category(2)),
            "blocking": blocking,
            "search": Task.from_matches("search", queries, catalogue, shop.judgements),
            "questions": Task.from_matches("questions", questions, catalogue, shop.answers),
        },
        interactions=shop.interactions,
        pairs=_family_pairs(blocking),
    )


def _blocking(catalogue: Catalogue) -> Task:
    """Odd and even sellers form two shops.

    Each listing of an odd seller is a query; the corpus holds the even sellers' listings.
    """
    odd = np.array([int(seller.split()[1]) % 2 == 1 for seller in catalogue.items["seller"]])
    same = Task.same_label("blocking", catalogue, catalogue.items["group"])
    relevance = same.relevance[odd][:, ~odd]
    nothing = csr_array(relevance.shape)
    return Task("blocking", catalogue.take(odd), catalogue.take(~odd), relevance, nothing)


def _family_pairs(task: Task) -> pd.DataFrame:
    """Every pair of a family's listings in the two shops, labelled; a family is in one split."""
    parts = task.queries.split(PAIR_SPLITS, by="family")
    queries = pd.concat([part.items.assign(split=name) for name, part in parts.items()])
    pairs = _with_record(queries).merge(
        _with_record(task.corpus.items), on="family", suffixes=("", "_found")
    )
    label = (pairs["group"] == pairs["group_found"]).astype(int)
    sides = {"left": pairs["record"], "right": pairs["record_found"]}
    return pd.DataFrame({"split": pairs["split"], **sides, "label": label})


def _with_record(items: pd.DataFrame) -> pd.DataFrame:
    """The listings, each with its fields as a dict of texts; a missing field is ""."""
    records = items[PAIR_FIELDS].to_dict("records")
    texts = [{f: "" if missing(v) else str(v) for f, v in row.items()} for row in records]
    return items.assign(record=texts)
