"""The decision card: what a page says of the pipeline that was chosen, as plain values.

The choice itself is in `choice.py`; how the card looks is in `lib/show/decision.py`.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from lib.data.task import Task
from lib.metrics.statistics import bootstrap_interval
from lib.search.exact import Ranking, gain_matrix

FEWEST = 20  # queries of a group whose mean is shown
BANDS = ("lowest", "second", "third", "highest")  # quarters of the prices


def sentence(
    data: str, table: pd.DataFrame, proxies: Sequence[str], judged: Mapping[str, int] | None = None
) -> str:
    """The answer in one sentence, from the table of `choose`.

    `judged` holds the pipeline that judgements left best and how many there were.
    """
    for best, count in (judged or {}).items():
        return f"For {data}, take {best}, by {count} judgements and {len(proxies)} free proxies."
    best, rest = table.iloc[0], table.iloc[1:]
    share = f"best in {best['share best']:.0%} of resamples"
    by = f"by {len(proxies)} free prox{'y' if len(proxies) == 1 else 'ies'}"
    if rest.empty:
        return f"For {data}, {table.index[0]}: no other pipeline could be tried."
    second = rest.iloc[0]
    near = rest.index[rest["low"] <= 0]
    told = f"{second['loss']:.3f} ahead of {rest.index[0]}, {by}, {share}"
    if len(near):
        told += f"; not told apart from {', '.join(near)}"
    return f"For {data}, take {table.index[0]}: {told}."


def warnings(
    table: pd.DataFrame, changes: Mapping[str, str], proxies: Sequence[str], *, photos: bool
) -> list[str]:
    """What would change the verdict, and what these proxies cannot know.

    `changes` are those of `without_each`; `photos` says whether a pipeline reads photos.
    """
    said = [
        f"Without the proxy {name!r} the choice would be {other}."
        for name, other in changes.items()
        if other != table.index[0]
    ]
    if "category" not in proxies:
        said.append(
            "No proxy asks which products are of one kind, since no categories are known. If that "
            "is the question, judge some pairs: without categories such a choice was wrong before."
        )
    if table["share best"].iloc[0] < 0.95:
        said.append("The choice is not sure: judge some pairs before much depends on it.")
    if photos:
        said.append(
            "Of photos these proxies say little: a changed copy has a neighbour's photo or none."
        )
    said.append(
        "Proxies ask whether listings can be told apart; only a person knows what is alike."
    )
    return said


def worst_group(values: pd.Series, task: Task) -> dict | None:
    """The group of queries that fares worst: a top category, a brand, or a quarter of the prices.

    `values` (q,) is one metric. Groups of fewer than 20 queries are left out; None where no group
    is left. The interval is that of this one group: the worst of several looks worse than it is.
    """
    queries, found = task.queries, []
    prices = queries.items["price"].rank(pct=True)
    bands = [None if np.isnan(p) else BANDS[min(3, int(p * 4))] for p in prices]
    labels = {"category": queries.category(0), "brand": queries.items["brand"], "price": bands}
    for field, label in labels.items():
        grouped = values.groupby(np.asarray(label, dtype=object))
        for group, some in grouped:
            if some.count() >= FEWEST:
                found.append((some.mean(), field, group, some))
    if not found:
        return None
    mean, field, group, some = min(found, key=lambda row: row[0])
    low, high = bootstrap_interval(some.to_numpy())
    named = {"by": field, "group": str(group), "queries": int(some.count())}
    return named | {"mean": float(mean), "low": low, "high": high, "groups": len(found)}


def mistakes(ranking: Ranking, task: Task, *, count: int = 10) -> list[dict]:
    """Queries whose first answer is wrong, the highest scores first: query, found and wanted."""
    wrong = gain_matrix(ranking.first(1), task.relevance)[:, 0] == 0
    wrong &= (ranking.positions[:, 0] >= 0) & (np.diff(task.relevance.indptr) > 0)
    rows = np.flatnonzero(wrong)
    rows = rows[np.argsort(-ranking.scores[rows, 0], kind="stable")][:count]
    asked, titles = task.queries.text(), task.corpus.text()
    wanted = [task.relevance.indices[task.relevance.indptr[row]] for row in rows]
    return [
        {
            "query": asked[row],
            "found": titles[ranking.positions[row, 0]],
            "wanted": titles[one],
            "score": float(ranking.scores[row, 0]),
        }
        for row, one in zip(rows, wanted, strict=True)
    ]


def command(data: str, settings: Sequence[dict], to: str = "applied") -> str:
    """The command line that applies a pipeline; every word is quoted for a shell."""
    given = shlex.quote(json.dumps(list(settings), ensure_ascii=False))
    return f"akin apply {shlex.quote(data)} --pipeline {given} --to {shlex.quote(to)}"
