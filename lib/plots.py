"""Figures, each a function `(data, ax=None) -> ax`. Numbers are made elsewhere; nothing here is saved."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lib.catalogue import Catalogue, Task
from lib.search import Ranking

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's colours: told apart with any colour vision
BLUE, ORANGE, GREEN, PURPLE, SKY, RED = "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00"
GREY = "#8A8F98"
SHAPES = "osD^vPX"  # beside the colours of a map, for print and for any eye
TILE = 128  # pixels of a photo in a strip


def intervals(
    table: pd.DataFrame, metric: str, ax: Axes | None = None, *, references: Mapping[str, float] | None = None
) -> Axes:
    """One metric of a `compare()` table: a dot a method with its 95 % interval, best at the top.

    `references` are further values without an interval, such as published ones.
    """
    rows = table.loc[metric, ["mean", "low", "high"]].copy()
    rows["ours"] = True
    for name, value in (references or {}).items():
        rows.loc[name] = [value, np.nan, np.nan, False]
    rows = rows.astype({"mean": float}).sort_values("mean")
    ax = ax or _axes(6.4, 0.8 + 0.28 * len(rows))
    for y, (mean, low, high, ours) in enumerate(rows.itertuples(index=False)):
        if ours and not np.isnan(low):
            ax.plot([low, high], [y, y], color=BLUE, lw=2, solid_capstyle="round")
        ax.plot(mean, y, "o" if ours else "D", color=BLUE if ours else GREY, ms=6 if ours else 4)
        right = mean if not ours or np.isnan(low) else high
        ax.annotate(f"{mean:.3f}", (right, y), xytext=(6, 0), textcoords="offset points", va="center", fontsize=8, color="#444")
    ax.set_yticks(range(len(rows)), [_wrapped(name) for name in rows.index], fontsize=8.5)
    ax.set_xlabel(metric)
    ax.margins(x=0.12)
    return _clean(ax)


def differences(table: pd.DataFrame, metric: str, ax: Axes | None = None) -> Axes:
    """One metric of a `compare()` table as differences to its baseline, largest at the top; filled where p is below .05."""
    rows = table.loc[metric].dropna(subset="difference").sort_values("difference")
    ax = ax or _axes(6.4, 0.8 + 0.28 * len(rows))
    ax.axvline(0, color=GREY, lw=1)
    for y, (_, row) in enumerate(rows.iterrows()):
        ax.plot([row["difference_low"], row["difference_high"]], [y, y], color=BLUE, lw=2, solid_capstyle="round")
        ax.plot(row["difference"], y, "o", color=BLUE, ms=6, mfc=BLUE if row["p"] < 0.05 else "white")
        side = (row["difference_high"], y)
        ax.annotate(f"{row['difference']:+.3f}", side, xytext=(6, 0), textcoords="offset points", va="center", fontsize=8)
    ax.set_yticks(range(len(rows)), [_wrapped(name) for name in rows.index], fontsize=8.5)
    ax.set_xlabel(f"{metric}, difference to {table.loc[metric].index[table.loc[metric, 'difference'].isna()][0]}")
    ax.margins(x=0.12)
    return _clean(ax)


def curves(lines: Mapping[str, pd.Series], ax: Axes | None = None, *, xlabel: str = "k", ylabel: str = "") -> Axes:
    """Lines over a common index, numbers or names, each named at its end rather than in a box."""
    ax = ax or _axes(6.4, 3.6)
    ends = []
    for colour, (name, line) in zip(_colours(len(lines)), lines.items(), strict=True):
        numeric = pd.api.types.is_numeric_dtype(line.index)
        x = line.index.to_numpy() if numeric else np.arange(len(line))
        ax.plot(x, line.to_numpy(float), "o-", color=colour, lw=1.8, ms=4)
        if not numeric:
            ax.set_xticks(x, line.index)
        ends.append((float(line.iloc[-1]), name, colour))
    low, high = ax.get_ylim()
    edge = ax.get_xlim()[1]
    below = -np.inf
    for y, name, colour in sorted(ends):  # names that would overlap move apart
        below = max(y, below + 0.06 * (high - low))
        ax.text(edge, below, name, color=colour, va="center", fontsize=8.5)
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    return _clean(ax)


def bars(values: pd.Series, ax: Axes | None = None, *, xlabel: str = "") -> Axes:
    """One bar a name, in the order given from the top, each with its value."""
    ax = ax or _axes(6.4, 0.8 + 0.26 * len(values))
    drawn = ax.barh(range(len(values)), values.to_numpy(), color=BLUE, height=0.7)
    whole = pd.api.types.is_integer_dtype(values)
    ax.bar_label(drawn, fmt="%d" if whole else "%.3f", padding=3, fontsize=8, color="#444")
    ax.set_yticks(range(len(values)), [_wrapped(str(name)) for name in values.index], fontsize=8.5)
    ax.invert_yaxis()
    ax.set_xlabel(xlabel)
    ax.margins(x=0.1)
    return _clean(ax)


def scatter(points: pd.DataFrame, ax: Axes | None = None, *, xlabel: str = "", ylabel: str = "") -> Axes:
    """Named points: the frame's index beside a dot at columns `x` and `y`, with the interval `low` to `high` if it has one."""
    ax = ax or _axes(6.4, 4.2)
    for name, row in points.iterrows():
        if "low" in points:
            ax.plot([row["x"], row["x"]], [row["low"], row["high"]], color=BLUE, lw=1.5, alpha=0.5)
        ax.plot(row["x"], row["y"], "o", color=BLUE, ms=6)
        ax.annotate(_literal(str(name)), (row["x"], row["y"]), xytext=(7, 3), textcoords="offset points", fontsize=8.5)
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    ax.margins(x=0.15)
    return _clean(ax)


def heatmap(table: pd.DataFrame, ax: Axes | None = None, *, label: str = "") -> Axes:
    """A table of shares as shaded cells, each with its number."""
    ax = ax or _axes(1.6 + 1.1 * table.shape[1], 0.8 + 0.32 * len(table))
    values = table.to_numpy(float)
    ax.imshow(values, cmap="Blues", vmin=0, vmax=max(1.0, float(np.nanmax(values))), aspect="auto")
    for y, x in np.ndindex(values.shape):
        ink = "white" if values[y, x] > 0.55 else "#222"
        ax.text(x, y, f"{values[y, x]:.2f}", ha="center", va="center", fontsize=8.5, color=ink)
    ax.set_xticks(range(table.shape[1]), [_wrapped(str(c), 14) for c in table.columns], fontsize=8.5)
    ax.set_yticks(range(len(table)), [_wrapped(str(i)) for i in table.index], fontsize=8.5)
    ax.set_title(label, fontsize=9, loc="left")
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    return ax


def catalogue_map(points: np.ndarray, labels: Sequence, ax: Axes | None = None, *, title: str = "") -> Axes:
    """Products as dots, (n, 2), by label (n,): the seven most frequent in a colour and shape of their own, the rest grey.

    The legend stands beside the data and counts. Rows with NaN (modality missing) are not drawn, but counted there.
    """
    ax = ax or _axes(7.2, 4.6)
    labels = np.array(["" if label is None else str(label) for label in labels], dtype=object)
    seen = np.isfinite(points).all(axis=1)
    names = pd.Series(labels[seen & (labels != "")]).value_counts().index[: len(SHAPES)]
    for name, colour, shape in zip(names, [*_colours(6), "#333333"], SHAPES, strict=False):
        dots = points[seen & (labels == name)]
        ax.scatter(*dots.T, s=13, color=colour, marker=shape, lw=0, alpha=0.75, label=f"{_wrapped(name)} ({len(dots)})")
    rest = points[seen & ~np.isin(labels, names)]
    if len(rest):
        ax.scatter(*rest.T, s=9, color="#c5c9cf", marker="o", lw=0, zorder=0, label=f"other ({len(rest)})")
    note = "" if seen.all() else f"not drawn: {(~seen).sum()} without a vector"
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), title=note, alignment="left", frameon=False, markerscale=1.8,
              fontsize=8.5, title_fontsize=8.5, handletextpad=0.2)  # fmt: skip
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_color("#d5d9de")
    ax.set_title(title, fontsize=10, loc="left")
    return ax


def neighbours(
    task: Task, rankings: Mapping[str, Ranking] | Ranking, query: Sequence[int], ax: Axes | None = None, *, k: int = 6
) -> Axes:
    """Photo strips: a query on the left, then its k nearest by each ranking; hits framed in green, misses in orange.

    `query` holds positions in the task's queries; every query gets one row per ranking.
    """
    by_name = {"": rankings} if isinstance(rankings, Ranking) else rankings
    strips = [(row, name, ranking) for row in query for name, ranking in by_name.items()]
    ax = ax or _axes(1.15 * (k + 2.2), 1.36 * len(strips) + 0.4)
    for line, (row, name, ranking) in enumerate(strips):
        _tile(ax, task.queries, row, 0, line, frame=None)
        ax.text(-0.12, line + 0.5, name, ha="right", va="center", fontsize=8.5)
        for place, position in enumerate(ranking.positions[row, :k]):
            if position >= 0:
                hit = task.relevance[row, position] > 0
                _tile(ax, task.corpus, position, place + 1.3, line, frame=GREEN if hit else ORANGE)
    ax.set_xlim(-0.1, k + 1.4)
    ax.set_ylim(len(strips) + 0.3, -0.12)
    ax.set_aspect(1.0 / 0.82)
    ax.axis("off")
    legend = "left: the query · framed green: relevant · framed orange: not"
    ax.text((k + 1.3) / 2, len(strips) + 0.28, legend, ha="center", va="bottom", fontsize=8, color="#555")
    return ax


def sample(catalogue: Catalogue, ax: Axes | None = None, *, columns: int = 8, rows: int = 3) -> Axes:
    """The catalogue's first products as a sheet of photos with titles."""
    ax = ax or _axes(1.15 * columns, 1.4 * rows)
    for i in range(min(len(catalogue), columns * rows)):
        _tile(ax, catalogue, i, 1.04 * (i % columns), i // columns, frame=None)
    ax.set_xlim(-0.05, 1.04 * columns)
    ax.set_ylim(rows + 0.22, -0.05)
    ax.set_aspect(1.0 / 0.82)
    ax.axis("off")
    return ax


def _tile(ax: Axes, catalogue: Catalogue, row: int, x: float, y: float, *, frame: str | None) -> None:
    from matplotlib.patches import Rectangle

    item = catalogue.items.iloc[row]
    ax.imshow(_thumbnail(item["image"]), extent=(x, x + 0.96, y + 0.78, y), aspect="auto", interpolation="lanczos", zorder=1)
    if frame:
        ax.add_patch(Rectangle((x, y), 0.96, 0.78, fill=False, ec=frame, lw=2.5, zorder=2))
    title = textwrap.shorten(item["title"] or "(no title)", 46, placeholder=" …")
    ax.text(
        x + 0.48,
        y + 0.80,
        textwrap.fill(_literal(title), 23),
        ha="center",
        va="top",
        fontsize=5.5,
        color="#333",
        linespacing=1.0,
    )


def _thumbnail(path: str | None) -> np.ndarray:
    from PIL import Image, ImageDraw, ImageOps

    from lib.encoders.image import open_photo

    if path:
        return np.asarray(ImageOps.pad(open_photo(path), (TILE, TILE), color="white"))
    blank = Image.new("RGB", (TILE, TILE), "#eceff2")
    ImageDraw.Draw(blank).text((TILE / 2, TILE / 2), "no photo", fill="#667", anchor="mm")
    return np.asarray(blank)


def _axes(width: float, height: float) -> Axes:
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(width, height), layout="constrained")[1]


def _clean(ax: Axes) -> Axes:
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="x", color="#e3e6ea", lw=0.8)
    ax.set_axisbelow(True)
    return ax


def _colours(n: int) -> list[str]:
    cycle = [BLUE, ORANGE, GREEN, RED, PURPLE, SKY, GREY]
    return [cycle[i % len(cycle)] for i in range(n)]


def _wrapped(name: str, width: int = 42) -> str:
    return textwrap.fill(_literal(name), width)


def _literal(text: str) -> str:
    return text.replace("$", r"\$")  # a shop's price is no formula
