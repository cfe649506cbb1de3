"""Judgements between a task and a file: what TREC's and BEIR's formats have in common."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from scipy.sparse import coo_array, csr_array

from lib.data.catalogue import Catalogue
from lib.data.lines import Where
from lib.data.task import Task

Judged = tuple[Where, str, str, str]  # a line, its query's id, its product's id, its number
Pairs = dict[tuple[int, int], float]  # a number by the rows of query and product


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


def read_pairs(
    lines: Iterable[Judged],
    queries: Catalogue,
    corpus: Catalogue,
    *,
    number: Callable[[str], float],
    rule: str,
) -> Pairs:
    """The lines' numbers, read by `number`, which must be finite.

    Raises ValueError that names the line of an unknown id, of a pair that stood in an earlier line,
    and of a number that breaks the `rule`.
    """
    known = [{product: row for row, product in enumerate(side.ids)} for side in (queries, corpus)]
    pairs: Pairs = {}
    for where, query, product, text in lines:
        for rows, wanted in zip(known, (query, product), strict=True):
            if wanted not in rows:
                raise where.error(f"the catalogue has no product with id {wanted!r}")
        pair = known[0][query], known[1][product]
        if pair in pairs:
            raise where.error(f"product {product!r} occurs twice for query {query!r}")
        try:
            with np.errstate(over="ignore"):
                pairs[pair] = number(text)
        except ValueError:
            pairs[pair] = math.nan
        if not math.isfinite(pairs[pair]):
            raise where.error(f"{rule}, got {text!r}")
    return pairs


def gains(lines: Iterable[Judged], queries: Catalogue, corpus: Catalogue) -> csr_array:
    """The relevance (q, n) that lines of judgements give; 0 and less are not relevant."""
    rule = "the gain must be a whole number"
    pairs = read_pairs(lines, queries, corpus, number=int, rule=rule)
    rows, columns = np.array(list(pairs), int).reshape(-1, 2).T
    values = np.maximum(list(pairs.values()), 0)
    return csr_array(coo_array((values, (rows, columns)), shape=(len(queries), len(corpus))))
