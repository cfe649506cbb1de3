"""How every figure looks: colours, type, and the widths of a paper's columns. What figures show is in `plots.py`."""

from __future__ import annotations

import contextlib
import functools
import textwrap
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, ParamSpec

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

P = ParamSpec("P")

# Okabe and Ito's colours: told apart with any colour vision
BLUE, ORANGE, GREEN, PURPLE, SKY, RED = "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00"
GREY, INK = "#6E737C", "#222222"
PALETTE = (BLUE, ORANGE, GREEN, RED, PURPLE, SKY, INK)
SHAPES = "osD^vPX"  # beside the colours, for print and for any eye
WIDTHS = {"one": 3.35, "two": 7.0}  # inches: one column of a paper, and both
LABELS = {"one": 22, "two": 42}  # characters of a method's name before it is broken
RC = {
    "figure.dpi": 120,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: the same figure on every machine
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 8.5,
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
    "pdf.fonttype": 42,  # publishers refuse type 3
    "svg.fonttype": "none",
}


def styled(draw: Callable[P, Axes]) -> Callable[P, Axes]:
    """A drawing function in the package's one style, whatever the session's own."""

    @functools.wraps(draw)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> Axes:
        with settings():
            return draw(*args, **kwargs)

    return wrapper


@contextlib.contextmanager
def settings(**more: object) -> Iterator[None]:
    """The style for a while. matplotlib's `rc_context` would also undo what a notebook's first figure switches on."""
    import matplotlib as mpl

    chosen = RC | more
    before = {name: mpl.rcParams[name] for name in chosen}
    mpl.rcParams.update(chosen)
    try:
        yield
    finally:
        mpl.rcParams.update(before)


def new_axes(size: str, height: float, *, at_most: float = np.inf) -> Axes:
    """Empty axes as wide as `size` says, "one" or "two" columns, or `at_most` inches; `height` in inches."""
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(min(width(size), at_most), height), layout="constrained")[1]


def width(size: str) -> float:
    """A figure's width in inches, by the columns that it fills."""
    if size not in WIDTHS:
        raise ValueError(f'size is "one" or "two", the columns that a figure fills, got {size!r}')
    return WIDTHS[size]


def ink(colour: str) -> str:
    """The colour, darkened until small text in it is readable on white (contrast 4.5 to 1, WCAG 2)."""
    from matplotlib.colors import to_hex, to_rgb

    rgb = np.array(to_rgb(colour))
    while 1.05 / (_luminance(rgb) + 0.05) < 4.5:
        rgb *= 0.95
    return to_hex(rgb)


def wrapped(name: object, size: str = "two") -> str:
    """A name broken over lines, as long as the figure's size leaves room for."""
    return textwrap.fill(literal(str(name)), LABELS[size])


def literal(text: str) -> str:
    """The text with its dollar signs kept: a shop's price is no formula."""
    return text.replace("$", r"\$")


def _luminance(rgb: np.ndarray) -> float:
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])
