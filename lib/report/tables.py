"""Tables of `compare` for people: styled in a notebook, as LaTeX and Markdown in a paper.

What the numbers mean is in `lib/metrics/statistics.py`; here they are only set.
"""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from pandas.io.formats.style import Styler

LEVEL = 0.05  # a p below it gets a star
BAR = "rgba(0, 114, 178, 0.25)"  # lets a light and a dark page shine through
LOOK = [
    {"selector": "th.row_heading", "props": "text-align: left; font-weight: normal"},
    {"selector": "caption", "props": "caption-side: bottom; text-align: left"},
]
SPECIAL = {c: "\\" + c for c in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "\n": " ",
}
LATEX = str.maketrans(SPECIAL)  # all in one pass, so that nothing is escaped twice


def styled(table: pd.DataFrame) -> Styler:
    """A table of `compare`, or a part of it, as a notebook shows it.

    The best mean of each metric is bold, means have bars, and p < 0.05 has a star. The last index
    level names methods.
    """
    from pandas.io.formats.style import Styler

    _require(table)
    shown = pd.DataFrame({"mean": table["mean"].astype(float), "interval": _intervals(table, "")})
    if "difference" in table:
        shown["difference"] = table["difference"].map(_signed)
        shown["its interval"] = _intervals(table, "difference_")
    if "p" in table:
        shown["p"] = table["p"].map(_p)
    best = np.where(_best(table), "font-weight: bold", "")
    same = hashlib.sha256(shown.to_csv().encode()).hexdigest()[:8]  # no random ids in the page
    low, high = min(0.0, shown["mean"].min()), max(1.0, shown["mean"].max())
    return (
        Styler(shown, uuid=same, caption=html.escape(_caption(table)))
        .format(_number, subset=["mean"])
        .format_index(escape="html")
        .bar(subset=["mean"], color=BAR, vmin=low, vmax=high)
        .apply(lambda _: best, subset=["mean"])
        .set_table_styles(LOOK)
    )


def table_latex(table: pd.DataFrame, *, caption: str = "", label: str = "") -> str:
    r"""A table of `compare` as LaTeX: methods by metrics, mean [low, high], best bold.

    p < 0.05 has a star. Names and caption are escaped. Needs \usepackage{booktabs}.
    """
    cells = _cells(table, bold=r"\textbf{{{}}}", star="$^{*}$", escape=_latex)
    says = f"{caption.rstrip('.')}. {_note(table)}" if caption else _note(table)
    return cells.style.to_latex(
        column_format="l" + "r" * cells.shape[1],
        hrules=True,
        position_float="centering",
        caption=_latex(says),
        label=label or None,
    )


def table_markdown(table: pd.DataFrame) -> str:
    """A table of `compare` as Markdown: methods by metrics, mean [low, high], best bold.

    p < 0.05 has a star.
    """
    cells = _cells(table, bold="**{}**", star=r" \*", escape=_markdown)
    head = [("method", *cells), ("---", *["---:"] * cells.shape[1])]
    lines = [*head, *cells.itertuples(name=None)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines) + f"\n{_markdown(_note(table))}\n"


def _require(table: pd.DataFrame) -> None:
    if not {"mean", "low", "high"} <= set(table):
        raise ValueError(
            f"needs a table of compare(), with mean, low and high; this one has {list(table)}"
        )


def _cells(
    table: pd.DataFrame, *, bold: str, star: str, escape: Callable[[object], str]
) -> pd.DataFrame:
    """Methods by metrics, each cell the text of its mean and interval; names are escaped."""
    _require(table)
    if list(table.index.names) != ["metric", "method"]:
        raise ValueError(
            "needs compare()'s whole table, indexed by metric and method; "
            f"got {list(table.index.names)}"
        )
    texts = []
    for best, (_, row) in zip(_best(table), table.iterrows(), strict=True):
        mean = bold.format(_number(row["mean"])) if best else _number(row["mean"])
        starred = star if row.get("p", np.nan) < LEVEL else ""
        texts.append(f"{mean} {_interval(row['low'], row['high'])}".rstrip() + starred)
    metrics, methods = (table.index.unique(level) for level in ("metric", "method"))
    cells = pd.Series(texts, table.index).unstack("metric", fill_value="–")
    cells = cells.loc[methods, metrics].rename_axis(index=None, columns=None)
    return cells.rename(index=escape, columns=escape)


def _best(table: pd.DataFrame) -> np.ndarray:
    """Which means are their metric's highest, as they are printed, (n,) bool: ties are all bold."""
    means = table["mean"].astype(float).round(3)
    others = list(range(table.index.nlevels - 1))
    top = means.groupby(level=others).transform("max") if others else means.max()
    return (means == top).to_numpy()


def _note(table: pd.DataFrame) -> str:
    says = "Mean [interval]; best in bold"
    if "p" not in table or not (table["p"] < LEVEL).any():
        return f"{says}."
    baseline = set(table.index[table["p"].isna() & table["mean"].notna()].get_level_values(-1))
    against = baseline.pop() if len(baseline) == 1 else "the baseline"
    return f"{says}; * differs from {against}, p < {LEVEL} (paired randomisation test, Holm)."


def _caption(table: pd.DataFrame) -> str:
    if "queries" not in table or len(table[["queries", "empty"]].drop_duplicates()) > 1:
        return _note(table)
    queries, empty = table[["queries", "empty"]].iloc[0].astype(int)
    more = f", {empty} more with nothing relevant" if empty else ""
    clusters = int(table["clusters"].iloc[0]) if "clusters" in table else queries
    together = f" in {clusters} clusters, resampled together" if clusters < queries else ""
    return f"{_note(table)} {queries} queries{together}{more}."


def _intervals(table: pd.DataFrame, prefix: str) -> list[str]:
    return list(map(_interval, table[f"{prefix}low"], table[f"{prefix}high"]))


def _interval(low: float, high: float) -> str:
    return "" if pd.isna(low) or pd.isna(high) else f"[{low:.3f}, {high:.3f}]"


def _number(value: float) -> str:
    return "–" if pd.isna(value) else f"{value:.3f}"


def _signed(value: float) -> str:
    return "" if pd.isna(value) else f"{value:+.3f}"


def _p(value: float) -> str:
    return "" if pd.isna(value) else f"{value:.4f}" + (" *" if value < LEVEL else "")


def _latex(text: object) -> str:
    return str(text).translate(LATEX)


def _markdown(text: object) -> str:
    return re.sub(r"([\\`*_{}\[\]<>#|~$&])", r"\\\1", str(text).replace("\n", " "))
