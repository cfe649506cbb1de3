"""The style is one for all figures, leaves the session's settings alone, and can be read with any
colour vision.
"""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from skimage.color import deltaE_ciede2000, rgb2lab

from lib.show import style

mpl.use("Agg")

# Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB
VISION = {
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
    "full colour": np.eye(3),
}


def seen(colours, matrix):
    """The colours as CIELAB, (n, 3), through such eyes."""
    rgb = np.array([to_rgb(c) for c in colours])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4) @ np.transpose(
        matrix
    )
    linear = linear.clip(0, 1)
    return rgb2lab(
        np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    )


@pytest.mark.parametrize("vision", VISION)
def test_every_two_colours_differ_with_any_colour_vision(vision):
    lab = seen(style.PALETTE, VISION[vision])
    for i in range(len(lab)):
        for j in range(i):
            assert deltaE_ciede2000(lab[i], lab[j]) > 9, (style.PALETTE[i], style.PALETTE[j])


def test_the_check_would_catch_a_bad_palette():
    red, green = seen(["#cc5500", "#8a8a00"], VISION["deuteranopia"])
    assert deltaE_ciede2000(red, green) < 9


@pytest.mark.parametrize(
    ("colour", "readable"), [*style.READABLE.items(), (style.GREY, style.GREY)]
)
def test_text_in_a_colour_is_readable_on_white_and_keeps_its_hue(colour, readable):
    rgb = np.array(to_rgb(readable))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    assert 1.05 / (linear @ [0.2126, 0.7152, 0.0722] + 0.05) >= 4.45  # hex rounds
    before = np.array(to_rgb(colour))
    np.testing.assert_allclose(rgb / rgb.max(), before / before.max(), atol=0.02)


def test_a_styled_function_draws_in_the_style_and_leaves_the_session_as_it_was():
    @style.in_style()
    def draw():
        assert mpl.rcParams["font.size"] == style.RC["font.size"]
        return style.new_axes(2.0, 3.0)

    with mpl.rc_context({"font.size": 31, "axes.spines.top": True}):
        ax = draw()
        assert mpl.rcParams["font.size"] == 31 and mpl.rcParams["axes.spines.top"]
    assert not ax.spines["top"].get_visible()
    assert ax.figure.get_size_inches().tolist() == [3.0, 2.0]


def test_what_a_notebook_switches_on_at_its_first_figure_stays_on():
    with mpl.rc_context({"interactive": False}):
        style.in_style()(lambda: mpl.rcParams.update(interactive=True))()
        # rc_context would have switched it off, and figures were not shown
        assert mpl.rcParams["interactive"]


def test_a_session_s_settings_come_back_after_an_error():
    size = mpl.rcParams["font.size"]
    with pytest.raises(ZeroDivisionError), style.in_style():
        1 / 0  # noqa: B018
    assert mpl.rcParams["font.size"] == size


def test_dollars_are_no_formula():
    fig = plt.figure()
    text = fig.text(0, 0, style.literal("$5 or $6"))
    fig.canvas.draw()  # a broken formula would raise
    assert text.get_text().replace("\\", "") == "$5 or $6"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0123, "0.012"), (0.0, "0.000"), (-0.5, "-0.500"), (17298.0, "17,298"), (2.1e-4, "2.1e-04")],
)
def test_tables_print_numbers_for_people(value, text):
    assert style.number(value) == text
    with pd.option_context("display.float_format", style.number):
        assert text in pd.DataFrame({"x": [value]}).to_string()
