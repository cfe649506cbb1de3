"""Judgements between a task and a file: what TREC's and BEIR's formats have in common."""

from __future__ import annotations

from collections.abc import Iterator

from lib.data.catalogue import Catalogue
from lib.data.lines import Pairs
from lib.data.task import Task


def numbered(catalogue: Catalogue) -> dict[str, int]:
    """Each id's row."""
    return {product: row for row, product in enumerate(catalogue.ids)}


def judgements(task: Task) -> Iterator[tuple[str, str, int]]:
    """Every (query id, product id, gain) of a task.

    Raises ValueError for a gain that is no whole number.
    """
    relevance = task.relevance.tocoo()
    for row, column, gain in zip(relevance.row, relevance.col, relevance.data, strict=True):
        query, product = task.queries.ids[row], task.corpus.ids[column]
        if gain != int(gain):
            raise ValueError(
                f"task {task.name!r}: query {query!r}, product {product!r} have gain {gain:g}, and "
                "these files hold whole numbers only; multiply the gains, or round them"
            )
        yield query, product, int(gain)


def to_task(name: str, queries: Catalogue, corpus: Catalogue, pairs: Pairs) -> Task:
    """A task from gains by pair; 0 and less are not relevant."""
    relevant = [(*pair, float(gain)) for pair, gain in pairs.items() if gain > 0]
    return Task.from_matches(name, queries, corpus, relevant)
