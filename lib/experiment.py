"""The chain that every notebook shares, as one call: search, evaluate, compare, record, draw.

`00_quickstart` writes its steps out one by one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lib.data.task import Task
from lib.metrics.comparison import Comparison, Method, compare_methods
from lib.report.recording import record
from lib.show import plots
from lib.show.figures import save_figure


def experiment(
    name: str,
    methods: Mapping[str, Method],
    task: Task,
    metrics: Sequence[str] = ("ndcg@10",),
    *,
    baseline: str | None = None,
    clusters: Sequence | None = None,
    references: Mapping[str, float] | None = None,
) -> Comparison:
    """Compare methods on a task, record the comparison and draw its first metric, all as `name`.

    `references` are other people's numbers, drawn as dotted lines. The other arguments are those
    of `compare_methods`.
    """
    found = compare_methods(methods, task, metrics, baseline=baseline, clusters=clusters)
    record(**{name: found})
    save_figure(name, plots.intervals(found.table, metrics[0], references=references))
    return found
