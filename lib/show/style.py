"""How every figure looks: colours, type, and the widths of a paper's columns.

What figures show is in `plots.py` and `product_plots.py`.
"""

from __future__ import annotations

import contextlib
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's colours: told apart with any colour vision
BLUE, ORANGE, GREEN = "#0072B2", "#E69F00", "#009E73"
RED, PURPLE, SKY = "#D55E00", "#CC79A7", "#56B4E9"
GREY, INK = "#6E737C", "#222222"
# each colour of a line, darkened for small text on white until the contrast is 4.5 to 1 (WCAG 2)
READABLE = {
    BLUE: "#0072b2",
    ORANGE: "#996900",
    GREEN: "#00815e",
    RED: "#c05500",
    PURPLE: "#9e5e81",
    SKY: "#39779b",
    INK: "#222222",
}
PALETTE = tuple(READABLE)
SHAPES = "osD^vPX"  # beside the colours, for print and for any eye
ONE_COLUMN, TWO_COLUMNS = 3.35, 7.0  # inches: widths of a paper's figures
SMALL = 7  # points: numbers beside dots and bars
NAMES_PER_INCH = 6.2  # letters of a name before it is broken, by width of the figure
RC = {
    "figure.dpi": 120,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: the same figure on every machine
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 8.5,
    "axes.titlelocation": "left",
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "legend.fontsize": 7.5,
    "axes.linewidth": 0.7,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": "#e3e6ea",
    "grid.linewidth": 0.7,
    "lines.linewidth": 1.6,
    "lines.markersize": 4,
    "lines.solid_capstyle": "round",
    "pdf.fonttype": 42,  # publishers refuse type 3
    "svg.fonttype": "none",
}


@contextlib.contextmanager
def in_style(**more: object) -> Iterator[None]:
    """The style for a block, or for a function that is decorated with `@in_style()`.

    Afterwards the session's settings are back. matplotlib's `rc_context` would also undo what a
    notebook's first figure switches on.
    """
    import matplotlib as mpl

    chosen = RC | more
    before = {name: mpl.rcParams[name] for name in chosen}
    mpl.rcParams.update(chosen)
    try:
        yield
    finally:
        mpl.rcParams.update(before)


@in_style()
def new_axes(height: float, width: float = TWO_COLUMNS) -> Axes:
    """Empty axes on a figure of this height and width, in inches."""
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(width, height), layout="constrained")[1]


def wrapped(name: object, ax: Axes) -> str:
    """A name on at most two lines, as long as the figure's width leaves room for."""
    length = int(NAMES_PER_INCH * ax.figure.get_figwidth())
    return textwrap.fill(literal(name), length, max_lines=2, placeholder=" …")


def literal(text: object) -> str:
    """The text with its dollar signs kept: a shop's price is no formula."""
    return str(text).replace("$", r"\$")


def number(value: float) -> str:
    """A number as tables print it: 0.012, 17,298, 2.1e-04."""
    if value == 0 or 1e-3 <= abs(value) < 1000:
        return f"{value:.3f}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.1e}"
