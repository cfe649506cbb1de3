"""Support put to the test in a generated shop: a part of the stock is gone, and customers ask about
all of it in three forms.

What answers is in `support.py`; the questions are made up in `bazaar/questions.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import block_diag, csr_array, diags_array, vstack

from lib.data.catalogue import Catalogue
from lib.data.dataset import Dataset
from lib.data.task import Task
from lib.search.exact import Ranking

# form -> the column that words it
FORMS = {"generated": "title", "reworded": "reworded", "elsewhere": "elsewhere"}


@dataclass(frozen=True)
class SupportBenchmark:
    """What is in `stock`, and the questions: one task a form, for each part.

    Questions have the columns `intent`, `asked`, `family`, `differs` (what the family's products
    differ in) and `cluster`, the family by a name that no other shop has.
    """

    stock: Catalogue
    parts: dict[str, dict[str, Task]]

    @property
    def valid(self) -> Task:
        """The validation questions of every form as one task."""
        return joined(list(self.parts["valid"].values()))


def support_benchmark(
    shop: Dataset, *, seed: int, parts: Mapping[str, float], not_stocked: float = 0.1
) -> SupportBenchmark:
    """The benchmark in a shop that was generated with `seed`, cut into `parts` ("valid" and "test"
    among them) by family.

    The share `not_stocked` of families is taken out: no question about them has an answer.
    "generated" holds all questions of a part as the generator words them. "reworded" and
    "elsewhere" hold odd wordings in the test and even ones in the other parts.
    """
    items, task = shop.catalogue.items, shop.tasks["questions"]
    shares = {"stocked": 1 - not_stocked, "gone": not_stocked}
    stock = shop.catalogue.split(shares, by="family", seed=seed + 1)["stocked"]
    asked = _questions(task.queries, items, seed)
    known = asked["family"].isin(stock.items["family"]).to_numpy(float)
    right = csr_array(diags_array(known) @ task.relevance[:, items.index.isin(stock.ids)])
    nothing = csr_array(right.shape)
    odd = (asked["wording"] == "odd").to_numpy()
    tasks: dict[str, dict[str, Task]] = {part: {} for part in parts}
    for part, own in shop.catalogue.split(parts, by="family", seed=seed).items():
        here = asked["family"].isin(own.items["family"]).to_numpy()
        worded = here & (odd if part == "test" else ~odd)
        for form, column in FORMS.items():
            queries = Catalogue(form, asked.assign(title=asked[column]))
            relevance = nothing if form == "elsewhere" else right
            whole = Task(form, queries, stock, relevance, nothing)
            tasks[part][form] = whole.take(here if form == "generated" else worded)
    return SupportBenchmark(stock, tasks)


def joined(tasks: Sequence[Task]) -> Task:
    """Tasks over one corpus as one, the questions' ids prefixed with the name of their task."""
    frames = [t.queries.items.set_axis([f"{t.name}/{i}" for i in t.queries.ids]) for t in tasks]
    relevance = csr_array(vstack([task.relevance for task in tasks]))
    queries = Catalogue("questions", pd.concat(frames))
    name = "+".join(task.name for task in tasks)
    return Task(name, queries, tasks[0].corpus, relevance, csr_array(relevance.shape))


def pooled(tasks: Sequence[Task]) -> Task:
    """One task of several shops: all their questions, over all their stocks."""
    stocks = []
    for shop, task in enumerate(tasks):
        stocks.append(task.corpus.items.set_axis([f"{shop}/{i}" for i in task.corpus.ids]))
    queries = Catalogue("questions", pd.concat([task.queries.items for task in tasks]))
    relevance = csr_array(block_diag([task.relevance for task in tasks]))
    corpus = Catalogue("stock", pd.concat(stocks))
    return Task(tasks[0].name, queries, corpus, relevance, csr_array(relevance.shape))


def pooled_ranking(rankings: Sequence[Ranking], tasks: Sequence[Task]) -> Ranking:
    """The rankings of several shops as one of their pooled task."""
    positions, start = [], 0
    for ranking, task in zip(rankings, tasks, strict=True):
        positions.append(np.where(ranking.positions < 0, -1, ranking.positions + start))
        start += len(task.corpus)
    scores = np.vstack([ranking.scores for ranking in rankings])
    return Ranking(rankings[0].name, np.vstack(positions), scores)


def _questions(queries: Catalogue, items: pd.DataFrame, seed: int) -> pd.DataFrame:
    about = pd.DataFrame(queries.items["attributes"].tolist())
    families = items.loc[about["about"], ["family", "differs"]].to_numpy()
    asked = queries.items.assign(
        intent=about["intent"].to_numpy(),
        asked=about["asked"].to_numpy(),
        family=families[:, 0],
        differs=families[:, 1],
    )
    asked["cluster"] = [f"{seed}/{family}" for family in asked["family"]]
    return asked.set_axis([f"{seed}/{question}" for question in asked.index])
