"""Other people's numbers, to stand beside ours: facts from the papers that `published.csv` names."""

from __future__ import annotations

from pathlib import Path

import pandas as pd


def published(dataset: str, task: str) -> pd.DataFrame:
    """One row a method, one column a metric, and `source`. Raises ValueError where nothing is known.

    Tasks: "blocking" (recall@1, 5, 10 of the second shop's items in the first), "matching" (pair f1),
    "next-item" (hit@10 and ndcg@10 over all unseen items).
    """
    table = pd.read_csv(Path(__file__).with_name("published.csv"))
    rows = table[(table["dataset"] == dataset) & (table["task"] == task)]
    if rows.empty:
        known = sorted({(d, t) for d, t in zip(table["dataset"], table["task"], strict=True)})
        raise ValueError(f"nothing published for {dataset!r}, {task!r}; there is {known}")
    values = [dict(part.split("=") for part in text.split()) for text in rows["values"]]
    frame = pd.DataFrame(values, index=pd.Index(rows["method"], name="method")).astype(float)
    return frame.assign(source=rows["source"].to_numpy())
