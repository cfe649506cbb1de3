"""What a run keeps to look at: figures for a page and a paper, the numbers behind them, galleries.

Outside a run nothing is written. What figures show is in `plots.py` and `gallery.py`, how they look in `style.py`.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lib.files import run_folder, write_atomically
from lib.style import settings

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lib.gallery import Gallery

KINDS = {"svg": ("svg", "pdf", "png"), "jpg": ("jpg", "pdf")}  # photos would make an SVG of many megabytes
DPI = {"svg": 300, "jpg": 160}  # 300 is what journals ask of lines; thumbnails hold no more than 160


def save_figure(name: str, ax: Axes, *, kind: str = "svg") -> None:
    """Keep a figure in the run's figures/ as <name>.svg, .pdf, .png and the numbers behind it as <name>.csv.

    `kind="jpg"`, for photos, leaves <name>.jpg and .pdf. The same figure gives the same bytes.
    """
    if kind not in KINDS:
        raise ValueError(f'kind is "svg" or "jpg" (for photos), got {kind!r}')
    folder = run_folder()
    if folder is None:
        return
    for suffix in KINDS[kind]:
        write_atomically(folder / "figures" / f"{name}.{suffix}", draw(ax.figure, suffix, dpi=DPI[kind], salt=name))
    table = numbers(ax.figure)
    write_atomically(folder / "figures" / f"{name}.csv", table.to_csv(index=False, lineterminator="\n").encode())


def save_gallery(name: str, gallery: Gallery) -> None:
    """Keep a gallery as figures/<name>.html, a page of its own, in the run's folder."""
    folder = run_folder()
    if folder is not None:
        write_atomically(folder / "figures" / f"{name}.html", gallery.page().encode())


def draw(figure: Figure, suffix: str, *, dpi: int = 300, salt: str = "") -> bytes:
    """The figure as a file's bytes, without a date and with ids from `salt`, so that equal figures are equal."""
    undated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
    options: dict = {"metadata": undated[suffix]} if suffix in undated else {}
    if suffix == "jpg":
        options["pil_kwargs"] = {"quality": 85}
    if figure.get_layout_engine() is None or suffix == "jpg":  # else the width is the column's, to the point
        options["bbox_inches"] = "tight"
    data = io.BytesIO()
    with settings(**{"svg.hashsalt": salt}):
        figure.savefig(data, format=suffix, dpi=dpi, **options)
    return data.getvalue()


def numbers(figure: Figure) -> pd.DataFrame:
    """The table behind a figure: what its axes carry as `akin_data`, else what can be read off their marks."""
    tables = []
    for panel, ax in enumerate(figure.axes):
        table = getattr(ax, "akin_data", None)
        if table is None:
            table = pd.DataFrame(_marks(ax), columns=["mark", "label", "x", "y", "value"]).dropna(axis=1, how="all")
        tables.append(table.assign(panel=panel) if len(figure.axes) > 1 else table)
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _marks(ax: Axes) -> Iterator[tuple]:
    """Lines, dots, bars and images of foreign axes as (mark, label, x, y, value); photos are left out."""
    for line in ax.lines:
        yield from (("line", line.get_label(), x, y, np.nan) for x, y in zip(*line.get_data(), strict=True))
    for dots in ax.collections:
        yield from (("dot", dots.get_label(), x, y, np.nan) for x, y in np.asarray(dots.get_offsets()))
    for bar in ax.patches:
        if hasattr(bar, "get_width"):
            yield "bar", bar.get_label(), bar.get_x() + bar.get_width(), bar.get_y() + bar.get_height(), np.nan
    for image in ax.images:
        cells = np.asarray(image.get_array())
        if cells.ndim == 2:
            yield from (("cell", "", x, y, cells[y, x]) for y, x in np.ndindex(cells.shape))
