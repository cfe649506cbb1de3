"""Results that others published, with their papers, from `published.csv`."""

from __future__ import annotations

from pathlib import Path

import pandas as pd


def published(dataset: str, task: str) -> pd.DataFrame:
    """One row a method, one column a metric, `kind` of method and `source`. Raises ValueError where
    nothing is known.

    Tasks: "blocking" (recall@1, 5, 10 of the second shop's items in the first), "matching" (pair
    f1), "next-item" (hit@10 and ndcg@10 over all unseen items).
    """
    table = pd.read_csv(Path(__file__).with_name("published.csv"))
    rows = table[(table["dataset"] == dataset) & (table["task"] == task)]
    if rows.empty:
        known = sorted(set(zip(table["dataset"], table["task"], strict=True)))
        raise ValueError(f"nothing published for {dataset!r}, {task!r}; there is {known}")
    values = [dict(part.split("=") for part in text.split()) for text in rows["values"]]
    frame = pd.DataFrame(values, index=pd.Index(rows["method"], name="method")).astype(float)
    return frame.assign(kind=rows["kind"].to_numpy(), source=rows["source"].to_numpy())


def references(dataset: str, task: str, metric: str) -> dict[str, float]:
    """The highest published value of each kind of method; empty where none is known."""
    try:
        known = published(dataset, task)
    except ValueError:
        return {}
    best = known.groupby("kind")[metric].idxmax()
    return known.loc[best, metric].rename("{} (published)".format).to_dict()
