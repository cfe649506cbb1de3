"""What a run keeps to look at: figures for a page and a paper, their numbers, and galleries.

Outside a run nothing is written. Figures are drawn in `plots.py` and `product_plots.py`.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from lib.files import run_folder, write_atomically
from lib.show.style import in_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lib.show.gallery import Gallery

# photos would make an SVG of many megabytes
SUFFIXES = {"svg": ("svg", "pdf", "png"), "jpg": ("jpg", "pdf")}
# journals ask for 300 dots an inch of lines; thumbnails hold no more than 160
DPI = {"svg": 300, "jpg": 160}
UNDATED = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}


def save_figure(name: str, ax: Axes, *, kind: str = "svg") -> None:
    """Keep a figure in the run's figures/ as <name>.svg, .pdf and .png, its numbers as <name>.csv.

    `kind="jpg"`, for photos, leaves <name>.jpg and .pdf. The same figure gives the same bytes. Axes
    of your own leave a CSV where `ax.akin_data` holds a table.
    """
    if kind not in SUFFIXES:
        raise ValueError(f'kind is "svg" or "jpg" (for photos), got {kind!r}')
    folder = run_folder()
    if folder is None:
        return
    for suffix in SUFFIXES[kind]:
        drawn = draw(ax.figure, suffix, dpi=DPI[kind], salt=name)
        write_atomically(folder / "figures" / f"{name}.{suffix}", drawn)
    if hasattr(ax, "akin_data"):
        table = ax.akin_data.to_csv(index=False, lineterminator="\n")
        write_atomically(folder / "figures" / f"{name}.csv", table.encode())


def save_gallery(name: str, gallery: Gallery) -> None:
    """Keep a gallery in the run's figures/ as <name>.html, a page of its own."""
    folder = run_folder()
    if folder is not None:
        write_atomically(folder / "figures" / f"{name}.html", gallery.page().encode())


def draw(figure: Figure, suffix: str, *, dpi: int = 300, salt: str = "") -> bytes:
    """The figure as a file's bytes; without a date, and with an SVG's ids made from `salt`."""
    options: dict = {"metadata": UNDATED.get(suffix)}
    if suffix == "jpg":
        options["pil_kwargs"] = {"quality": 85}
    if suffix == "jpg" or figure.get_layout_engine() is None:
        options["bbox_inches"] = "tight"  # else the width is the column's, to the point
    data = io.BytesIO()
    with in_style(**{"svg.hashsalt": salt}):
        figure.savefig(data, format=suffix, dpi=dpi, **options)
    return data.getvalue()
