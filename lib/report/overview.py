"""The committed results as one page, reports/README.md: every table, no number typed by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from lib.data.published import published
from lib.files import ROOT, write_atomically
from lib.report.results import read_metrics, recorded_tables
from lib.report.tables import table_markdown

REFERENCE = ROOT / "reports" / "reference"  # the committed results of the reference runs
PAGE = ROOT / "reports" / "README.md"
# whose published numbers stand below a notebook's own
PUBLISHED = {
    "05_finetuning": ["matching"],
    "07_matching": ["blocking", "matching"],
    "09_recommendation": ["next-item"],
}
HEAD = """# What has been measured

`akin report --profile reference` wrote this page from the files in `reference/`, where the figures
are. Means have 95 % intervals. Published numbers are as their papers give them; read the notebook
on whether the protocols are the same.

| notebook | data | seconds | commit |
| --- | --- | ---: | --- |
"""


def write_overview() -> None:
    """Write the page over all committed results."""
    write_atomically(PAGE, overview().encode())


def overview(reference: Path = REFERENCE) -> str:
    """The page's Markdown: a row a run, then every run's tables and what others published."""
    runs = [read_metrics(file) for file in sorted(reference.glob("*/*/metrics.json"))]
    rows, parts = [], []
    for run in runs:
        notebook, dataset = run["notebook"], run["parameters"]["DATASET"]
        place = f"reference/{notebook}/{dataset}"
        rows.append(
            f"| [{notebook}]({place}) | {dataset} | {run['seconds']:.0f} | {run['commit']} |"
        )
        tables = [*_own(run["results"]), *_published(notebook, dataset)]
        if tables:
            parts += [f"\n## {notebook}, {dataset}\n", *tables]
    rows.append(f"| together | | {sum(run['seconds'] for run in runs):.0f} | |")
    return HEAD + "\n".join([*rows, *parts]) + "\n"


def _own(results: dict) -> Iterator[str]:
    for path, table in recorded_tables(results):
        yield f"**{', '.join(path) or 'results'}**\n\n{table_markdown(table)}"


def _published(notebook: str, dataset: str) -> Iterator[str]:
    for task in PUBLISHED.get(notebook, ()):
        try:
            table = published(dataset, task)
        except ValueError:  # nothing is known of this set
            continue
        yield f"**{task}, as published**\n\n{_markdown(table)}"


def _markdown(table: pd.DataFrame) -> str:
    """A table of published numbers, best first; sources last."""
    table = table.sort_values(table.columns[0], ascending=False)
    lines = [["method", *table.columns], ["---"] * (table.shape[1] + 1)]
    lines += [[name, *map(_cell, row)] for name, row in zip(table.index, table.values, strict=True)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(value: object) -> str:
    return "" if pd.isna(value) else str(value)
