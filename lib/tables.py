"""`compare()` tables for people: styled in a notebook, as LaTeX and Markdown in a paper, and found again in metrics.json.

What the numbers mean is in `statistics.py`; here they are only set.
"""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from pandas.io.formats.style import Styler

LEVEL = 0.05  # a p below it gets a star
BAR = "rgba(0, 114, 178, 0.25)"  # lets a light and a dark page shine through
LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\{",
        "}": r"\}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        "\n": " ",
        **{c: "\\" + c for c in "&%$#_"},
    }
)  # fmt: skip - all in one pass, so that nothing is escaped twice


def styled(table: pd.DataFrame) -> Styler:
    """A `compare()` table, or a part or several of it, as a notebook shows it: best mean bold, bars, p < .05 starred.

    The last index level names methods; within each combination of the others one mean is the best.
    """
    from pandas.io.formats.style import Styler

    _require(table)
    shown = pd.DataFrame({"mean": table["mean"].astype(float), "interval": _intervals(table, "")}, index=table.index)
    if "difference" in table:
        shown["difference"] = [_signed(v) for v in table["difference"]]
        shown["its interval"] = _intervals(table, "difference_")
    if "p" in table:
        shown["p"] = [_p(v) for v in table["p"]]
    if "queries" in table and table[["queries", "empty"]].drop_duplicates().shape[0] > 1:
        shown["queries"] = table["queries"].astype(int)
    best = _best(table)
    key = hashlib.sha256(shown.to_csv().encode()).hexdigest()[:8]  # the same table gives the same page
    style = Styler(shown, uuid=key).format({"mean": _number}).format_index(lambda name: html.escape(str(name)))
    low, high = min(0.0, shown["mean"].min()), max(1.0, shown["mean"].max())
    style = style.set_caption(_caption(table)).bar(subset=["mean"], color=BAR, vmin=low, vmax=high)
    style = style.apply(lambda column: np.where(best, "font-weight: bold", ""), subset=["mean"])
    left = [{"selector": "th.row_heading", "props": "text-align: left; vertical-align: top; font-weight: normal"}]
    foot = [{"selector": "caption", "props": "caption-side: bottom; text-align: left; padding-top: .4em"}]
    return style.set_table_styles(left + foot)


def table_latex(table: pd.DataFrame, *, metrics: Sequence[str] | None = None, caption: str = "", label: str = "") -> str:
    r"""A `compare()` table as LaTeX with booktabs: methods by metrics, mean [low, high], best bold, p < .05 starred.

    Names and caption are escaped. Needs \usepackage{booktabs}.
    """
    rows, names = _cells(table, metrics, bold=r"\textbf{{{}}}", star="$^{*}$")
    lines = [r"\begin{table}", r"\centering", rf"\begin{{tabular}}{{l{'r' * len(names)}}}", r"\toprule"]
    lines += [" & ".join(["method", *(name.translate(LATEX) for name in names)]) + r" \\", r"\midrule"]
    lines += [" & ".join([method.translate(LATEX), *cells]) + r" \\" for method, cells in rows.items()]
    says = f"{caption.rstrip('.')}. {_note(table)}" if caption else _note(table)
    lines += [r"\bottomrule", r"\end{tabular}", rf"\caption{{{says.translate(LATEX)}}}"]
    lines += [rf"\label{{{label}}}"] if label else []
    return "\n".join([*lines, r"\end{table}", ""])


def table_markdown(table: pd.DataFrame, *, metrics: Sequence[str] | None = None) -> str:
    """A `compare()` table as Markdown: methods by metrics, mean [low, high], best bold, p < .05 starred."""
    rows, names = _cells(table, metrics, bold="**{}**", star=r" \*")
    lines = ["| " + " | ".join(["method", *map(_markdown, names)]) + " |", "|---|" + "---:|" * len(names)]
    lines += ["| " + " | ".join([_markdown(method), *cells]) + " |" for method, cells in rows.items()]
    return "\n".join([*lines, "", _markdown(_note(table)), ""])


def recorded_tables(results: Mapping, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], pd.DataFrame]]:
    """The `compare()` tables among a metrics.json's results, each with the keys that lead to it."""
    children = [v for v in results.values() if isinstance(v, Mapping)]
    cells = [cell for child in children for cell in child.values()]
    if cells and all(isinstance(cell, Mapping) and {"mean", "low", "high"} <= set(cell) for cell in cells):
        methods = {name: child for name, child in results.items() if isinstance(child, Mapping)}
        metrics = dict.fromkeys(metric for child in methods.values() for metric in child)
        index = [(metric, name) for metric in metrics for name, child in methods.items() if metric in child]
        frame = pd.DataFrame([methods[name][metric] for metric, name in index])
        frame = frame.set_index(pd.MultiIndex.from_tuples(index, names=["metric", "method"])).astype(float)
        yield path, frame.astype({c: int for c in ("queries", "empty") if c in frame and frame[c].notna().all()})
        return
    for key, value in results.items():
        if isinstance(value, Mapping):
            yield from recorded_tables(value, (*path, str(key)))


def _require(table: pd.DataFrame) -> None:
    lacking = [c for c in ("mean", "low", "high") if c not in table]
    if lacking:
        raise ValueError(f"needs a table of compare(), with mean, low and high; this one has {list(table.columns)}")


def _cells(table: pd.DataFrame, metrics: Sequence[str] | None, *, bold: str, star: str) -> tuple[dict, list[str]]:
    """Each method's cells as text, and the metrics that are their columns."""
    _require(table)
    if list(table.index.names) != ["metric", "method"]:
        raise ValueError(f"needs compare()'s whole table, indexed by metric and method; got {list(table.index.names)}")
    known = list(dict.fromkeys(table.index.get_level_values("metric")))
    for name in metrics or ():
        if name not in known:
            raise ValueError(f"the table has no metric {name!r}; it has {', '.join(known)}")
    names = list(metrics or known)
    best = pd.Series(_best(table), table.index)
    texts = {}
    for key, row in table.iterrows():
        mean = bold.format(_number(row["mean"])) if best[key] else _number(row["mean"])
        p = row.get("p", np.nan)
        texts[key] = " ".join(filter(None, [mean, _interval(row["low"], row["high"])])) + (star if p < LEVEL else "")
    methods = dict.fromkeys(table.index.get_level_values("method"))
    return {str(m): [texts.get((name, m), "–") for name in names] for m in methods}, [str(n) for n in names]


def _best(table: pd.DataFrame) -> np.ndarray:
    """Which means are the highest of their metric, as they are printed, (n,) bool: ties are all bold."""
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
    if "queries" not in table or table[["queries", "empty"]].drop_duplicates().shape[0] > 1:
        return html.escape(_note(table))
    queries, empty = (int(table[c].iloc[0]) for c in ("queries", "empty"))
    return html.escape(f"{_note(table)} {queries} queries" + (f", {empty} more with nothing relevant." if empty else "."))


def _intervals(table: pd.DataFrame, prefix: str) -> list[str]:
    return [_interval(low, high) for low, high in zip(table[f"{prefix}low"], table[f"{prefix}high"], strict=True)]


def _interval(low: float, high: float) -> str:
    return "" if pd.isna(low) or pd.isna(high) else f"[{low:.3f}, {high:.3f}]"


def _number(value: float) -> str:
    return "–" if pd.isna(value) else f"{value:.3f}"


def _signed(value: float) -> str:
    return "" if pd.isna(value) else f"{value:+.3f}"


def _p(value: float) -> str:
    return "" if pd.isna(value) else f"{value:.4f}" + (" *" if value < LEVEL else "")


def _markdown(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]<>#|~$&])", r"\\\1", text.replace("\n", " "))
