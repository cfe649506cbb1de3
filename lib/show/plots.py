"""Figures of results, each a function `(data, ax=None) -> ax`. They draw numbers made elsewhere.

Figures are as wide as a paper's two columns. For one column give axes of that width:
`plots.bars(values, new_axes(2.0, ONE_COLUMN))`, both names from `lib.show.style`. The numbers that
a figure shows are kept in `ax.akin_data`; `save_figure` writes them beside the picture. Figures
with photos and maps of products are in `product_plots.py` and can be called from here as well.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lib.show.product_plots import catalogue_map, neighbours, sample  # noqa: F401 for notebooks
from lib.show.style import (
    BLUE,
    GREY,
    INK,
    PALETTE,
    READABLE,
    SHAPES,
    SMALL,
    TWO_COLUMNS,
    in_style,
    literal,
    new_axes,
    wrapped,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 16  # rows or columns of a heat map, fifteen and "other": more cannot be read
DASHES = ("-", "--", "-.")  # tell lines apart beyond the seventh colour
BESIDE = {"textcoords": "offset points", "va": "center", "fontsize": SMALL}


@in_style()
def intervals(
    table: pd.DataFrame,
    metric: str,
    ax: Axes | None = None,
    *,
    references: Mapping[str, float] | None = None,
) -> Axes:
    """One metric of a `compare()` table: a dot a method with its interval, best at the top.

    `references` are values without an interval, such as published ones; they get a diamond.
    """
    rows = table.loc[metric, ["mean", "low", "high"]].assign(kind="measured")
    for name, value in (references or {}).items():
        rows.loc[name] = [value, np.nan, np.nan, "reference"]
    rows = rows.astype({"mean": float}).sort_values("mean").rename_axis("method")
    ax = _named_rows(rows.index, ax, xlabel=metric)
    for y, (value, low, high, kind) in enumerate(rows.itertuples(index=False)):
        look = {} if kind == "measured" else {"marker": "D", "color": GREY, "ms": 4}
        _dot(ax, y, value, low, high, f"{value:.3f}", **look)
    ax.akin_data = rows[::-1].reset_index().assign(metric=metric)
    return ax


@in_style()
def differences(table: pd.DataFrame, metric: str, ax: Axes | None = None) -> Axes:
    """One metric of a `compare()` table as differences to its baseline, largest at the top.

    A dot is filled where p is below 0.05.
    """
    rows = table.loc[metric]
    (baseline,) = rows.index[rows["difference"].isna()]
    rows = rows.drop(baseline).sort_values("difference")
    ax = _named_rows(rows.index, ax, xlabel=f"{metric}, difference to {baseline}")
    ax.axvline(0, color=GREY, lw=1)
    for y, row in enumerate(rows.itertuples()):
        filling = BLUE if row.p < 0.05 else "white"
        ends = row.difference_low, row.difference_high
        _dot(ax, y, row.difference, *ends, f"{row.difference:+.3f}", mfc=filling)
    ax.akin_data = rows[::-1].reset_index().assign(metric=metric)
    return ax


@in_style()
def curves(
    lines: Mapping[str, pd.Series],
    ax: Axes | None = None,
    *,
    xlabel: str = "",
    ylabel: str = "",
    references: Mapping[str, float] | None = None,
) -> Axes:
    """Lines over a common index of numbers or names, each named at its end rather than in a box.

    `references` are values that the index does not change; they are drawn dotted.
    """
    ax = ax or new_axes(0.52 * TWO_COLUMNS)
    ends = []
    for i, (name, line) in enumerate(lines.items()):
        colour = PALETTE[i % len(PALETTE)]
        dashes = DASHES[i // len(PALETTE) % len(DASHES)]
        ax.plot(line.index, line, color=colour, marker=SHAPES[i % len(SHAPES)], ls=dashes)
        ends.append((line.iloc[-1], wrapped(name, ax), READABLE[colour]))
    flat = {name: pd.Series([value], [None]) for name, value in (references or {}).items()}
    for name, (value,) in flat.items():
        ax.axhline(value, ls=":", color=GREY, lw=1.2)
        ends.append((value, wrapped(name, ax), GREY))
    _name_ends(ax, ends)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.grid()
    values = pd.concat({**lines, **flat}, names=["line", xlabel or "x"])
    ax.akin_data = values.rename(ylabel or "y").reset_index()
    return ax


@in_style()
def bars(values: pd.Series, ax: Axes | None = None, *, xlabel: str = "") -> Axes:
    """One bar a name, in the order given from the top, each with its value."""
    ax = _named_rows(values.index, ax, xlabel=xlabel)
    drawn = ax.barh(range(len(values)), values, color=BLUE, height=0.7)
    whole = pd.api.types.is_integer_dtype(values)
    ax.bar_label(drawn, fmt="%d" if whole else "%.3f", padding=3, fontsize=SMALL, color=INK)
    ax.invert_yaxis()
    ax.akin_data = pd.DataFrame({"name": values.index, xlabel or "value": values.to_numpy()})
    return ax


@in_style()
def scatter(
    points: pd.DataFrame, ax: Axes | None = None, *, xlabel: str = "", ylabel: str = ""
) -> Axes:
    """Named points at columns `x` and `y`, with the interval `low` to `high` upright.

    Names stand beside the axes, for points of equal value would hide each other's names.
    """
    ax = ax or new_axes(0.5 * TWO_COLUMNS)
    for i, (name, row) in enumerate(points.iterrows()):
        colour = PALETTE[(i + i // len(PALETTE)) % len(PALETTE)]
        marker = SHAPES[i % len(SHAPES)]
        ax.plot([row["x"], row["x"]], [row["low"], row["high"]], color=colour, lw=1)
        label = wrapped(name, ax)
        ax.plot(row["x"], row["y"], marker, color=colour, ms=6, alpha=0.85, label=label)
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.grid()
    ax.akin_data = points.reset_index()
    return ax


@in_style()
def heatmap(table: pd.DataFrame, ax: Axes | None = None, *, label: str = "") -> Axes:
    """A table of shares as shaded cells, each with its number.

    Of a longer table the first 16 rows and columns are drawn, and the title says so.
    """
    shown = table.iloc[:MOST, :MOST]
    if shown.shape != table.shape:
        label += f" (the first {MOST} of {max(table.shape)})"
    values = shown.to_numpy(float)
    ax = ax or new_axes(0.7 + 0.3 * len(shown), min(TWO_COLUMNS, 1.8 + shown.shape[1]))
    darkest = max(1.0, float(np.nanmax(values)))
    ax.imshow(values, cmap="Blues", vmin=0, vmax=darkest, aspect="auto")
    for (y, x), value in np.ndenumerate(values):
        if not np.isnan(value):
            colour = "white" if value > 0.55 * darkest else INK
            ax.text(x, y, f"{value:.2f}", ha="center", va="center", fontsize=7.5, color=colour)
    columns = [textwrap.fill(literal(name), 14) for name in shown.columns]
    ax.set_xticks(range(len(columns)), columns)
    ax.set_yticks(range(len(shown)), [wrapped(name, ax) for name in shown.index])
    ax.set_title(label)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    ax.akin_data = table.rename_axis(index="name", columns=None).reset_index()
    return ax


def _named_rows(names: Sequence[str], ax: Axes | None, *, xlabel: str) -> Axes:
    """Axes with one line a name, the first at the bottom."""
    ax = ax or new_axes(0.7 + 0.26 * len(names))
    ax.set_yticks(range(len(names)), [wrapped(name, ax) for name in names])
    ax.set_ylim(-0.6, len(names) - 0.4)
    ax.set_xlabel(xlabel)
    ax.margins(x=0.12)
    ax.grid(axis="x")
    return ax


def _dot(
    ax: Axes, y: int, value: float, low: float, high: float, text: str, **look: object
) -> None:
    """A dot on its interval, which may be NaN, and its number to the right of both."""
    ax.plot([low, high], [y, y], color=BLUE, lw=2)
    ax.plot(value, y, **{"marker": "o", "color": BLUE, "ms": 6} | look)
    ax.annotate(text, (np.fmax(value, high), y), xytext=(6, 0), color=INK, **BESIDE)


def _name_ends(ax: Axes, ends: Sequence[tuple[float, str, str]]) -> None:
    """Names right of the axes where lines end, (y, name, colour); they move apart to be read."""
    low, high = ax.get_ylim()
    line = (high - low) * 0.14 / (ax.get_position().height * ax.figure.get_figheight())  # 0.14 inch
    top = -np.inf
    for y, name, colour in sorted(ends):
        half = line * (name.count("\n") + 1) / 2
        middle = max(y, top + half)
        top = middle + half
        at = {"xy": (1, middle), "xycoords": ax.get_yaxis_transform(), "annotation_clip": False}
        ax.annotate(name, xytext=(4, 0), color=colour, **at, **BESIDE)
