"""Figures, each a function `(data, ax=None) -> ax`. Numbers are made elsewhere; nothing here is saved.

Each takes `size="one"` or `"two"`, the columns of a paper that it fills, and keeps the numbers that it shows in
`ax.akin_data`, a table that `save_figure` writes beside the picture. How all look is in `style.py`.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lib.catalogue import Catalogue, Task
from lib.search import Ranking
from lib.style import BLUE, GREEN, GREY, LABELS, ORANGE, PALETTE, SHAPES, ink, literal, new_axes, styled, width, wrapped
from lib.thumbnails import thumbnail

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SQUEEZE = 0.82  # height of a strip's row, titles included, to its width


@styled
def intervals(
    table: pd.DataFrame,
    metric: str,
    ax: Axes | None = None,
    *,
    references: Mapping[str, float] | None = None,
    size: str = "two",
) -> Axes:
    """One metric of a `compare()` table: a dot a method with its interval, best at the top.

    `references` are further values without an interval, such as published ones.
    """
    rows = table.loc[metric, ["mean", "low", "high"]].assign(kind="measured")
    for name, value in (references or {}).items():
        rows.loc[name] = [value, np.nan, np.nan, "reference"]
    rows = rows.astype({"mean": float}).sort_values("mean").rename_axis("method")
    ax = ax or new_axes(size, 0.7 + 0.26 * len(rows))
    for y, (mean, low, high, kind) in enumerate(rows.itertuples(index=False)):
        ours = kind == "measured"
        if ours and not np.isnan(low):
            ax.plot([low, high], [y, y], color=BLUE, lw=2, solid_capstyle="round")
        ax.plot(mean, y, "o" if ours else "D", color=BLUE if ours else GREY, ms=6 if ours else 4)
        right = mean if not ours or np.isnan(low) else high
        ax.annotate(f"{mean:.3f}", (right, y), xytext=(6, 0), textcoords="offset points", va="center", fontsize=7, color="#444")
    ax.set_yticks(range(len(rows)), [wrapped(name, size) for name in rows.index])
    ax.set_xlabel(metric)
    ax.margins(x=0.12)
    ax.set_ylim(-0.6, len(rows) - 0.4)
    ax.akin_data = rows[::-1].reset_index().assign(metric=metric)
    return _grid(ax)


@styled
def differences(table: pd.DataFrame, metric: str, ax: Axes | None = None, *, size: str = "two") -> Axes:
    """One metric of a `compare()` table as differences to its baseline, largest at the top; filled where p is below .05."""
    rows = table.loc[metric].dropna(subset="difference").sort_values("difference")
    baseline = table.loc[metric].index[table.loc[metric, "difference"].isna()][0]
    ax = ax or new_axes(size, 0.65 + 0.26 * len(rows))
    ax.axvline(0, color=GREY, lw=1)
    for y, (_, row) in enumerate(rows.iterrows()):
        ax.plot([row["difference_low"], row["difference_high"]], [y, y], color=BLUE, lw=2, solid_capstyle="round")
        ax.plot(row["difference"], y, "o", color=BLUE, ms=6, mfc=BLUE if row["p"] < 0.05 else "white")
        at = (row["difference_high"], y)
        ax.annotate(f"{row['difference']:+.3f}", at, xytext=(6, 0), textcoords="offset points", va="center", fontsize=7)
    ax.set_yticks(range(len(rows)), [wrapped(name, size) for name in rows.index])
    ax.set_xlabel(f"{metric}, difference to {baseline}")
    ax.margins(x=0.12)
    ax.akin_data = rows[::-1].reset_index().assign(metric=metric)
    return _grid(ax)


@styled
def curves(
    lines: Mapping[str, pd.Series],
    ax: Axes | None = None,
    *,
    xlabel: str = "k",
    ylabel: str = "",
    references: Mapping[str, float] | None = None,
    size: str = "two",
) -> Axes:
    """Lines over a common index, numbers or names, each named at its end rather than in a box; `references` lie flat."""
    ax = ax or new_axes(size, max(2.3, 0.52 * width(size)))
    ends = []
    for i, (name, line) in enumerate(lines.items()):
        numeric = pd.api.types.is_numeric_dtype(line.index)
        x = line.index.to_numpy() if numeric else np.arange(len(line))
        # past the seventh colour and shape the dashes tell lines apart
        look = {"color": _colour(i), "marker": SHAPES[i % len(SHAPES)], "ls": ("-", "--", "-.")[i // len(PALETTE) % 3]}
        ax.plot(x, line.to_numpy(float), **look)
        if not numeric:
            ax.set_xticks(x, line.index)
        ends.append((float(line.iloc[-1]), wrapped(name, size), ink(_colour(i))))
    for name, value in (references or {}).items():
        ax.axhline(value, ls=":", color=GREY, lw=1.2)
        ends.append((value, wrapped(name, size), GREY))
    _name_ends(ax, ends)
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    table = [pd.DataFrame({"line": n, xlabel or "x": s.index, ylabel or "y": s.to_numpy()}) for n, s in lines.items()]
    flat = [pd.DataFrame({"line": [n], ylabel or "y": [v]}) for n, v in (references or {}).items()]
    ax.akin_data = pd.concat([*table, *flat], ignore_index=True)
    return _grid(ax)


@styled
def bars(values: pd.Series, ax: Axes | None = None, *, xlabel: str = "", size: str = "two") -> Axes:
    """One bar a name, in the order given from the top, each with its value."""
    ax = ax or new_axes(size, 0.65 + 0.24 * len(values))
    drawn = ax.barh(range(len(values)), values.to_numpy(), color=BLUE, height=0.7)
    whole = pd.api.types.is_integer_dtype(values)
    ax.bar_label(drawn, fmt="%d" if whole else "%.3f", padding=3, fontsize=7, color="#444")
    ax.set_yticks(range(len(values)), [wrapped(name, size) for name in values.index])
    ax.invert_yaxis()
    ax.set_xlabel(xlabel)
    ax.margins(x=0.1)
    ax.akin_data = pd.DataFrame({"name": list(values.index), xlabel or "value": values.to_numpy()})
    return _grid(ax)


@styled
def scatter(points: pd.DataFrame, ax: Axes | None = None, *, xlabel: str = "", ylabel: str = "", size: str = "two") -> Axes:
    """Named points: the frame's index beside a dot at columns `x` and `y`, with the interval `low` to `high` if it has one."""
    ax = ax or new_axes(size, 0.55 * width(size))
    for name, row in points.iterrows():
        if "low" in points:
            ax.plot([row["x"], row["x"]], [row["low"], row["high"]], color=BLUE, lw=1.5, alpha=0.5)
        ax.plot(row["x"], row["y"], "o", color=BLUE, ms=6)
        ax.annotate(wrapped(name, size), (row["x"], row["y"]), xytext=(7, 3), textcoords="offset points", fontsize=7)
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    ax.margins(x=0.15)
    ax.akin_data = points.reset_index()
    return _grid(ax)


@styled
def heatmap(table: pd.DataFrame, ax: Axes | None = None, *, label: str = "", size: str = "two") -> Axes:
    """A table of shares as shaded cells, each with its number."""
    ax = ax or new_axes(size, 0.7 + 0.3 * len(table), at_most=1.8 + 1.0 * table.shape[1])
    values = table.to_numpy(float)
    ax.imshow(values, cmap="Blues", vmin=0, vmax=max(1.0, float(np.nanmax(values))), aspect="auto")
    for y, x in np.ndindex(values.shape):
        shade = "white" if values[y, x] > 0.55 else "#222"
        ax.text(x, y, f"{values[y, x]:.2f}", ha="center", va="center", fontsize=7.5, color=shade)
    ax.set_xticks(range(table.shape[1]), [textwrap.fill(literal(str(c)), 14) for c in table.columns])
    ax.set_yticks(range(len(table)), [wrapped(i, size) for i in table.index])
    ax.set_title(label, loc="left")
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    ax.akin_data = table.rename_axis(index=None, columns=None).rename_axis("name").reset_index()
    return ax


@styled
def catalogue_map(points: np.ndarray, labels: Sequence, ax: Axes | None = None, *, title: str = "", size: str = "two") -> Axes:
    """Products as dots, (n, 2), by label (n,): the seven most frequent in a colour and shape of their own, the rest grey.

    The legend stands beside the data and counts. Rows with NaN (modality missing) are not drawn, but counted there.
    """
    ax = ax or new_axes(size, 0.62 * width(size))
    labels = np.array(["" if label is None else str(label) for label in labels], dtype=object)
    seen = np.isfinite(points).all(axis=1)
    names = pd.Series(labels[seen & (labels != "")]).value_counts().index[: len(SHAPES)]
    for name, colour, shape in zip(names, PALETTE, SHAPES, strict=False):
        dots = points[seen & (labels == name)]
        ax.scatter(*dots.T, s=13, color=colour, marker=shape, lw=0, alpha=0.75, label=f"{wrapped(name, size)} ({len(dots)})")
    rest = points[seen & ~np.isin(labels, names)]
    if len(rest):
        ax.scatter(*rest.T, s=9, color="#c5c9cf", marker="o", lw=0, zorder=0, label=f"other ({len(rest)})")
    note = "" if seen.all() else f"not drawn: {(~seen).sum()} without a vector"
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), title=note, alignment="left", frameon=False, markerscale=1.8,
              title_fontsize=7.5, handletextpad=0.2)  # fmt: skip
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(True)
    ax.spines[:].set_color("#d5d9de")
    ax.set_title(title, loc="left")
    ax.akin_data = pd.DataFrame({"x": points[:, 0], "y": points[:, 1], "label": labels})
    return ax


@styled
def neighbours(
    task: Task,
    rankings: Mapping[str, Ranking] | Ranking,
    query: Sequence[int],
    ax: Axes | None = None,
    *,
    k: int = 6,
    size: str = "two",
) -> Axes:
    """Photo strips: a query on the left, then its k nearest by each ranking; hits framed and ticked, misses crossed.

    `query` holds positions in the task's queries; every query gets one row per ranking.
    """
    by_name = {"": rankings} if isinstance(rankings, Ranking) else rankings
    strips = [(row, name, ranking) for row in query for name, ranking in by_name.items()]
    names = {name: textwrap.fill(literal(name), LABELS[size] // 2) for name in by_name}
    beside = 0.065 * max(len(line) for name in names.values() for line in name.split("\n") or [""])  # inches
    tile = (width(size) - beside) / (k + 1.5)
    ax = ax or new_axes(size, tile / SQUEEZE * len(strips) + 0.25)
    found = []
    for line, (row, name, ranking) in enumerate(strips):
        _tile(ax, task.queries, row, 0, line, inches=tile)
        ax.text(-0.12, line + 0.39, names[name], ha="right", va="center", fontsize=7.5)
        for place, position in enumerate(ranking.positions[row, :k]):
            if position >= 0:
                hit = bool(task.relevance[row, position] > 0)
                _tile(ax, task.corpus, position, place + 1.3, line, inches=tile, hit=hit)
                shown = task.queries.ids[row], name, place + 1, task.corpus.ids[position]
                found.append((*shown, ranking.scores[row, place], hit))
    _frameless(ax, k + 1.4, len(strips) + 0.22)
    legend = "left: the query · green, ticked: relevant · orange, crossed: not"
    ax.text((k + 1.3) / 2, len(strips) + 0.1, legend, ha="center", va="top", fontsize=7, color="#555")
    ax.akin_data = pd.DataFrame(found, columns=["query", "ranking", "rank", "product", "score", "relevant"])
    return ax


@styled
def sample(catalogue: Catalogue, ax: Axes | None = None, *, columns: int = 8, rows: int = 3, size: str = "two") -> Axes:
    """The catalogue's first products as a sheet of photos with titles."""
    count = min(len(catalogue), columns * rows)
    tile = width(size) / (1.04 * columns)
    ax = ax or new_axes(size, tile / SQUEEZE * -(-count // columns))
    for i in range(count):
        _tile(ax, catalogue, i, 1.04 * (i % columns), i // columns, inches=tile)
    _frameless(ax, 1.04 * columns, -(-count // columns) + 0.02)
    ax.akin_data = pd.DataFrame({"product": catalogue.ids[:count]})
    return ax


def _tile(ax: Axes, catalogue: Catalogue, row: int, x: float, y: float, *, inches: float, hit: bool | None = None) -> None:
    """One product at (x, y), a photo over a title; `inches` is how wide it will be, `hit` how it is marked."""
    from matplotlib.patches import Rectangle

    item = catalogue.items.iloc[row]
    photo = np.asarray(thumbnail(item["image"]))
    ax.imshow(photo, extent=(x, x + 0.96, y + 0.78, y), aspect="auto", interpolation="lanczos", zorder=1)
    if hit is not None:
        colour = GREEN if hit else ORANGE
        ax.add_patch(Rectangle((x, y), 0.96, 0.78, fill=False, ec=colour, lw=1.5, ls="-" if hit else (0, (3, 1.5)), zorder=2))
        mark = {"boxstyle": "square,pad=0.15", "fc": "white", "ec": colour, "lw": 1}
        look = {"fontsize": 6.5, "color": ink(colour), "bbox": mark, "zorder": 3}
        ax.text(x + 0.05, y + 0.05, "✓" if hit else "✗", ha="left", va="top", **look)
    line = max(10, int(inches / 0.041))  # characters of this size side by side
    text = textwrap.fill(item["title"] or "(no title)", line, max_lines=2, placeholder=" …")
    ax.text(x + 0.48, y + 0.80, literal(text), ha="center", va="top", fontsize=5, color="#333", linespacing=1.0)


def _frameless(ax: Axes, columns: float, rows: float) -> None:
    ax.set_xlim(-0.1, columns)
    ax.set_ylim(rows, -0.08)
    ax.set_aspect(1.0 / SQUEEZE)
    ax.axis("off")


def _name_ends(ax: Axes, ends: Sequence[tuple[float, str, str]]) -> None:
    """Names where their lines end, at (y, name, colour); those that would overlap move apart."""
    low, high = ax.get_ylim()
    edge = ax.get_xlim()[1]
    line = (high - low) * 0.14 / (ax.get_position().height * ax.figure.get_figheight())  # one of text: 0.14 inches
    top = -np.inf
    for y, name, colour in sorted(ends):
        half = line * (name.count("\n") + 1) / 2
        middle = max(y, top + half)
        beside = {"xytext": (4, 0), "textcoords": "offset points", "annotation_clip": False}  # drawn also above the axes
        ax.annotate(name, (edge, middle), **beside, color=colour, va="center", fontsize=7.5)
        top = middle + half


def _grid(ax: Axes) -> Axes:
    ax.grid(axis="x")
    return ax


def _colour(i: int) -> str:
    return PALETTE[i % len(PALETTE)]
