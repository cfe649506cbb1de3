"""What counts as alike where nobody said which listings show one product.

A proxy is taken by the same rule everywhere, and `caveat` says so.
"""

from __future__ import annotations

import pandas as pd

from lib.data.catalogue import Catalogue, stack
from lib.data.dataset import Dataset
from lib.data.perturbed import found_again
from lib.data.task import Task

LABELS = ("group", "category", "brand")  # the surest first
COPY = "copy"
AGAIN = "a listing's copy with disturbed words stands for another listing of the product"
CAVEATS = {
    "category": "products of one category stand for alike ones",
    "brand": "products of one brand stand for alike ones",
    COPY: AGAIN,
    "found again": AGAIN,
}


def labelled(data: Dataset, label: str = "group") -> tuple[Catalogue, str]:
    """One catalogue, and the label by which its products are alike.

    It is `label`, or the first of group, category and brand that some products share and others
    do not. Where there is none, each listing has a disturbed copy beside it, and both have one
    `group` and one "copy". If the first task is between two catalogues that both have the label,
    they are stacked. Raises ValueError where there is neither a label nor a title.

    >>> from lib.data.perturbed import found_again
    >>> mugs = Catalogue("mugs", pd.DataFrame({"title": ["red mug", "cup"], "brand": ["A", "A"]}))
    >>> found, label = labelled(Dataset("mugs", {"mugs": mugs}, {"again": found_again(mugs)}))
    >>> label, list(found.ids)
    ('copy', ['copies/copy of 0', 'copies/copy of 1', 'mugs/0', 'mugs/1'])
    """
    task = data.task()
    one = task.queries is task.corpus or task.name == "found again"
    sides = [data.catalogue] if one else [task.queries, task.corpus]
    for name in dict.fromkeys((label, *LABELS)):
        known = [side for side in sides if _has(side, name)]
        if not known:
            continue
        whole = known[0] if len(known) == 1 else stack(known, name=data.name)
        largest = pd.Series(whole.labels(name)).value_counts().iloc[0]
        if 1 < largest < len(whole):
            return whole, name
    again = with_copies(data.catalogue)
    return stack([again.queries, again.corpus], name=data.name), COPY


def with_copies(catalogue: Catalogue, *, queries: int = 1000) -> Task:
    """`found_again`, where a listing and its disturbed copy are one `group` of their own."""
    task = found_again(catalogue, queries=queries)
    sides = []
    for name, side in (("copies", task.queries), (catalogue.name, task.corpus)):
        ids = side.items.index.to_series()
        sides.append(Catalogue(name, side.items.assign(**{"group": ids, COPY: ids})))
    renamed = sides[0].items.set_axis([f"copy of {i}" for i in sides[0].ids])
    return Task(task.name, Catalogue("copies", renamed), sides[1], task.relevance, task.exclude)


def caveat(name: str) -> str:
    """What a task or label stands for that nobody judged, in words; "" for product labels.

    >>> caveat("category:0")
    'products of one category stand for alike ones'
    """
    return CAVEATS.get(name.partition(":")[0], "")


def _has(catalogue: Catalogue, label: str) -> bool:
    column = label.partition(":")[0]
    return column in catalogue.items and pd.notna(catalogue.labels(label)).any()
