"""How well vectors answer a task: what picks a training's best epoch."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from lib.data.task import Task
from lib.encoders.embeddings import Embeddings
from lib.metrics.evaluation import depth, evaluate
from lib.search.exact import search


def task_scores(
    queries: Embeddings, corpus: Embeddings, task: Task, metrics: Sequence[str]
) -> pd.DataFrame:
    """Each metric for each query, (q, metrics), of a search for the queries in the corpus."""
    ranking = search(queries, corpus, depth(metrics), exclude=task.exclude)
    return evaluate(ranking, task, metrics)
