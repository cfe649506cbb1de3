"""Support put to the test in a generated shop: a part of the stock is gone, and customers ask about
all of it in three forms.

What answers is in `support.py`; the questions are made up in `bazaar/questions.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.sparse import block_diag, csr_array, diags_array, vstack

from lib.data.catalogue import Catalogue, stack
from lib.data.dataset import Dataset
from lib.data.task import Task
from lib.search.exact import Ranking

# form -> the column that words it
FORMS = {"generated": "title", "reworded": "reworded", "elsewhere": "elsewhere"}


def support_questions(
    shop: Dataset, *, seed: int, parts: Mapping[str, float], not_stocked: float = 0.1
) -> Task:
    """All questions about a shop that was generated with `seed`, in every form, as one task over
    its stock.

    The share `not_stocked` of families is taken out of the stock: no question about them has an
    answer. Questions have the columns `form`, `part` (one of `parts`, "test" among them, cut by
    family), `intent`, `asked`, `family`, `differs` (what the family's products differ in) and
    `cluster`, the family by a name that no other shop has. "generated" holds all questions as the
    generator words them. "reworded" and "elsewhere" hold odd wordings in the test and even ones in
    the other parts.
    """
    items, task = shop.catalogue.items, shop.tasks["questions"]
    shares = {"stocked": 1 - not_stocked, "gone": not_stocked}
    stock = shop.catalogue.split(shares, by="family", seed=seed + 1)["stocked"]
    asked = task.queries.items.reset_index(names="question")
    asked = asked.join(pd.DataFrame(asked["attributes"].tolist())[["about", "intent", "asked"]])
    asked[["family", "differs"]] = items.loc[asked["about"], ["family", "differs"]].to_numpy()
    asked["cluster"] = [f"{seed}/{family}" for family in asked["family"]]
    for part, own in shop.catalogue.split(parts, by="family", seed=seed).items():
        asked.loc[asked["family"].isin(own.items["family"]), "part"] = part
    known = asked["family"].isin(stock.items["family"]).to_numpy(float)
    right = csr_array(diags_array(known) @ task.relevance[:, items.index.isin(stock.ids)])
    worded = (asked["wording"] == "odd") == (asked["part"] == "test")
    frames, gains = [], []
    for form, column in FORMS.items():
        rows = np.flatnonzero(worded | (form == "generated"))
        own = asked.iloc[rows].assign(form=form, title=asked[column])
        if form == "elsewhere":
            own["intent"] = form
        frames.append(own.set_axis([f"{seed}/{form}/{question}" for question in own["question"]]))
        gains.append(right[rows] * float(form != "elsewhere"))
    relevance = csr_array(vstack(gains))
    queries = Catalogue("questions", pd.concat(frames))
    return Task("questions", queries, stock, relevance, csr_array(relevance.shape))


def pooled(tasks: Sequence[Task]) -> Task:
    """One task of several shops: all their questions, over all their stocks."""
    corpus = stack([task.corpus.renamed(str(shop)) for shop, task in enumerate(tasks)])
    queries = Catalogue("questions", pd.concat([task.queries.items for task in tasks]))
    relevance = csr_array(block_diag([task.relevance for task in tasks]))
    return Task("questions", queries, corpus, relevance, csr_array(relevance.shape))


def pooled_ranking(rankings: Sequence[Ranking], tasks: Sequence[Task]) -> Ranking:
    """The rankings of several shops as one of their pooled task."""
    starts = np.cumsum([0, *(len(task.corpus) for task in tasks)])
    positions = [
        np.where(ranking.positions < 0, -1, ranking.positions + start)
        for ranking, start in zip(rankings, starts, strict=False)
    ]
    scores = np.vstack([ranking.scores for ranking in rankings])
    return Ranking(rankings[0].name, np.vstack(positions), scores)
