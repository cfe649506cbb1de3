"""Figures of products, each a function `(data, ax=None) -> ax`: strips of photos, and maps.

They are drawn for a paper. What a person clicks through is in `gallery.py` and `explorer.py`.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lib.data.catalogue import Catalogue
from lib.data.task import Task
from lib.search.exact import Ranking
from lib.show.style import (
    GREEN,
    INK,
    ORANGE,
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
from lib.show.thumbnails import thumbnail

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHAPE = 0.82  # width of a tile to its height: a square photo over two lines of title
COLUMNS = 8  # photos beside each other on a sheet
LETTER = 0.049  # inches: width of a title's letter


@in_style()
def catalogue_map(
    points: np.ndarray, labels: Sequence, ax: Axes | None = None, *, title: str = ""
) -> Axes:
    """Products as dots, (n, 2), by label (n,); the seven most frequent labels have a colour each.

    The legend beside the map counts each label's products. A row of NaN (modality missing) is not
    drawn, but counted there as well.
    """
    ax = ax or new_axes(0.62 * TWO_COLUMNS)
    labels = pd.Series(labels, dtype=object).fillna("").astype(str)
    seen = np.isfinite(points).all(axis=1)
    names = labels[seen & (labels != "")].value_counts().index[: len(SHAPES)]
    codes = names.get_indexer(labels)  # -1, which is also the last of a list: any other label
    colours, shapes = [*PALETTE, "#c5c9cf"], [*SHAPES, "o"]
    for code in [*range(len(names)), -1]:
        dots = points[seen & (codes == code)]
        if len(dots):
            legend = f"{wrapped([*names, 'other'][code], ax)} ({len(dots)})"
            look = {"color": colours[code], "marker": shapes[code], "label": legend}
            ax.scatter(*dots.T, s=13, lw=0, alpha=0.75, zorder=1 + (code >= 0), **look)
    ax.legend(
        loc="center left",
        bbox_to_anchor=(1.01, 0.5),
        title="" if seen.all() else f"not drawn: {(~seen).sum()} without a vector",
        title_fontsize=SMALL,
        alignment="left",
        frameon=False,
        markerscale=1.8,
    )
    ax.set(xticks=[], yticks=[], title=title)
    ax.spines[:].set(visible=True, color="#d5d9de")
    ax.akin_data = pd.DataFrame({"x": points[:, 0], "y": points[:, 1], "label": labels})
    return ax


@in_style()
def neighbours(
    task: Task,
    rankings: Mapping[str, Ranking],
    queries: Sequence[int],
    ax: Axes | None = None,
    *,
    k: int = 6,
) -> Axes:
    """Strips of photos: a query on the left, then the k nearest that a ranking finds for it.

    `queries` are positions in the task's queries; each gets one strip a ranking. Relevant products
    have a green frame and a tick, others an orange dashed frame and a cross.
    """
    strips = [(query, name) for query in queries for name in rankings]
    names = {name: textwrap.fill(literal(name), 21) for name in rankings}
    longest = max(len(line) for name in names.values() for line in name.split("\n"))
    width = ax.figure.get_figwidth() if ax else TWO_COLUMNS
    tile = (width - 0.065 * longest) / (k + 1.5)  # inches
    ax = ax or new_axes(tile / SHAPE * len(strips) + 0.25)
    found = []
    for y, (query, name) in enumerate(strips):
        ranking = rankings[name]
        _tile(ax, task.queries, query, 0, y, inches=tile)
        ax.text(-0.12, y + 0.39, names[name], ha="right", va="center", fontsize=7.5)
        for place, position in enumerate(ranking.positions[query, :k]):
            if position >= 0:
                hit = bool(task.relevance[query, position] > 0)
                _tile(ax, task.corpus, position, place + 1.3, y, inches=tile)
                _mark(ax, place + 1.3, y, hit)
                ids = task.queries.ids[query], task.corpus.ids[position]
                found.append((ids[0], name, place + 1, ids[1], ranking.scores[query, place], hit))
    legend = "left: the query · ✓ relevant · ✗ not relevant"
    below = len(strips) + 0.1
    ax.text((k + 1.3) / 2, below, legend, ha="center", va="top", fontsize=SMALL, color=INK)
    _frameless(ax, k + 1.4, len(strips) + 0.22)
    columns = ["query", "ranking", "rank", "product", "score", "relevant"]
    ax.akin_data = pd.DataFrame(found, columns=columns)
    return ax


@in_style()
def sample(catalogue: Catalogue, ax: Axes | None = None, *, rows: int = 3) -> Axes:
    """The catalogue's first products as a sheet of photos with titles, eight a row."""
    count = min(len(catalogue), COLUMNS * rows)
    filled = -(-count // COLUMNS)
    step = 1.04  # tiles and the gaps between them
    tile = TWO_COLUMNS / (step * COLUMNS)
    ax = ax or new_axes(tile / SHAPE * filled)
    for i in range(count):
        _tile(ax, catalogue, i, step * (i % COLUMNS), i // COLUMNS, inches=tile)
    _frameless(ax, step * COLUMNS, filled + 0.02)
    ax.akin_data = pd.DataFrame({"product": catalogue.ids[:count]})
    return ax


def _tile(ax: Axes, catalogue: Catalogue, row: int, x: float, y: float, *, inches: float) -> None:
    """One product at (x, y), a photo over a title; `inches` is how wide it will be."""
    item = catalogue.items.iloc[row]
    photo, place = np.asarray(thumbnail(item["image"])), (x, x + 0.96, y + 0.78, y)
    ax.imshow(photo, extent=place, aspect="auto", interpolation="lanczos", zorder=1)
    title = item["title"] or "(no title)"
    text = textwrap.fill(title, max(10, int(inches / LETTER)), max_lines=2, placeholder=" …")
    look = {"ha": "center", "va": "top", "fontsize": 6, "color": INK, "linespacing": 1.0}
    ax.text(x + 0.48, y + 0.80, literal(text), **look)


def _mark(ax: Axes, x: float, y: float, hit: bool) -> None:
    """A frame around the photo at (x, y), and a tick or a cross in its corner."""
    from matplotlib.patches import Rectangle

    colour, mark, dashes = (GREEN, "✓", "-") if hit else (ORANGE, "✗", (0, (3, 1.5)))
    frame = Rectangle((x, y), 0.96, 0.78, fill=False, ec=colour, lw=1.5, ls=dashes, zorder=2)
    ax.add_patch(frame)
    box = {"boxstyle": "square,pad=0.15", "fc": "white", "ec": colour, "lw": 1}
    look = {"fontsize": 6.5, "color": READABLE[colour], "bbox": box, "zorder": 3}
    ax.text(x + 0.05, y + 0.05, mark, ha="left", va="top", **look)


def _frameless(ax: Axes, columns: float, rows: float) -> None:
    ax.set_xlim(-0.1, columns)
    ax.set_ylim(rows, -0.08)
    ax.set_aspect(1.0 / SHAPE)
    ax.axis("off")
