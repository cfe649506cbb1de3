"""A trial of support in a generated shop: part of its stock is gone, customers ask about all of it in three forms.

Who answers is in `support.py`; how questions are made up is in `bazaar/questions.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from scipy.sparse import csr_array, diags_array, vstack

from lib.catalogue import Catalogue, Task
from lib.datasets import Dataset

FORMS = {"generated": "title", "reworded": "reworded", "elsewhere": "elsewhere"}  # form -> the column that words it


@dataclass(frozen=True)
class Trial:
    """What is in `stock`, and `tasks`, the questions by form and part; `valid` is all of the part "valid".

    Questions have the columns `intent`, `family`, `differs` (what the family's products differ in) and `cluster`, the family
    by a name that no other shop has.
    """

    stock: Catalogue
    tasks: dict[tuple[str, str], Task]

    @property
    def valid(self) -> Task:
        """The validation questions of every form as one task."""
        return joined([self.tasks[form, "valid"] for form in FORMS])


def trial(shop: Dataset, *, seed: int, parts: Mapping[str, float], not_stocked: float = 0.1) -> Trial:
    """A trial in a shop that was generated with `seed`, cut into `parts` ("valid" and "test" among them) by family.

    The share `not_stocked` of families is taken out: every question about them has no answer. "generated" are all questions of
    a part as the generator words them; "reworded" and "elsewhere" only the even wordings, in the test only the odd ones.
    """
    asked, items = shop.tasks["questions"], shop.catalogue.items
    stock = shop.catalogue.split({"stocked": 1 - not_stocked, "gone": not_stocked}, by="family", seed=seed + 1)["stocked"]
    said = _questions(asked.queries, items, seed)
    known = said["family"].isin(stock.items["family"]).to_numpy(float)
    right = csr_array(diags_array(known) @ asked.relevance[:, items.index.isin(stock.ids)])  # (q, n)
    odd = (said["wording"] == "odd").to_numpy()
    tasks = {}
    for part, own in shop.catalogue.split(parts, by="family", seed=seed).items():
        here = said["family"].isin(own.items["family"]).to_numpy()
        for form, column in FORMS.items():
            queries = Catalogue(form, said.assign(title=said[column]))
            relevance = right if form != "elsewhere" else csr_array(right.shape)
            whole = Task(form, queries, stock, relevance, csr_array(right.shape))
            tasks[form, part] = whole.take(here if form == "generated" else here & (odd if part == "test" else ~odd))
    return Trial(stock, tasks)


def joined(tasks: Sequence[Task]) -> Task:
    """Tasks over one corpus as one, the questions' ids prefixed with the name of their task."""
    frames = [t.queries.items.set_axis([f"{t.name}/{i}" for i in t.queries.ids]) for t in tasks]
    relevance, exclude = (csr_array(vstack([getattr(t, field) for t in tasks])) for field in ("relevance", "exclude"))
    return Task("+".join(t.name for t in tasks), Catalogue("questions", pd.concat(frames)), tasks[0].corpus, relevance, exclude)


def _questions(queries: Catalogue, items: pd.DataFrame, seed: int) -> pd.DataFrame:
    said = queries.items.copy()
    made_of = said["attributes"]
    about = items.loc[[a["about"] for a in made_of], ["family", "differs"]]
    said["intent"] = [a["intent"] for a in made_of]
    said["asked"] = [a.get("asked") for a in made_of]
    said[["family", "differs"]] = about.to_numpy()
    said["cluster"] = [f"{seed}/{family}" for family in said["family"]]
    return said.set_axis([f"{seed}/{question}" for question in said.index])
