"""Figures show the numbers they are given; that they are pleasant to look at, people check."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from lib import Catalogue, Ranking, Task
from lib.show import plots
from lib.show.figures import draw
from lib.show.style import BLUE, GREEN, ONE_COLUMN, ORANGE, TWO_COLUMNS, new_axes

mpl.use("Agg")


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


@pytest.fixture
def table():
    index = pd.MultiIndex.from_product([["hit@1"], ["words", "photo"]], names=["metric", "method"])
    return pd.DataFrame(
        {"mean": [0.5, 0.2], "low": [0.4, np.nan], "high": [0.6, np.nan]}, index=index
    )


def labels(ax):
    return [t.get_text() for t in ax.get_yticklabels()]


def test_intervals_sort_methods_and_draw_references_apart(table):
    ax = plots.intervals(table, "hit@1", references={"theirs": 0.45})
    assert labels(ax) == ["photo", "theirs", "words"]
    assert [t.get_text() for t in ax.texts] == ["0.200", "0.450", "0.500"]
    spans = [line.get_xdata().tolist() for line in ax.lines if np.ptp(line.get_xdata()) > 0]
    assert spans == [[0.4, 0.6]]  # without an interval there is only a dot


def test_given_axes_are_used(table):
    ax = mpl.figure.Figure().subplots()
    assert plots.intervals(table, "hit@1", ax) is ax
    assert plots.bars(pd.Series({"a": 1}), ax) is ax


def test_bars_keep_order_and_show_values():
    ax = plots.bars(pd.Series({"b": 2, "a": 5}))
    assert labels(ax) == ["b", "a"]
    assert [t.get_text() for t in ax.texts] == ["2", "5"]


def test_curves_take_names_and_numbers_on_the_axis():
    ax = plots.curves(
        {
            "one": pd.Series([0.1, 0.2], index=["least", "most"]),
            "two": pd.Series([0.2, 0.2], index=["least", "most"]),
        }
    )
    assert [t.get_text() for t in ax.get_xticklabels()] == ["least", "most"]
    heights = [t.xy[1] for t in ax.texts]
    assert heights[1] > heights[0]  # equal ends, yet the names do not overlap
    numbers = plots.curves({"x": pd.Series([1.0, 2.0], index=[1, 10])})
    assert numbers.lines[0].get_xdata().tolist() == [1, 10]


def test_heatmap_writes_every_cell():
    ax = plots.heatmap(pd.DataFrame({"text": [0.25], "photo": [0.75]}, index=["words"]))
    assert [t.get_text() for t in ax.texts] == ["0.25", "0.75"]


def test_a_long_heatmap_is_cut_and_says_so_but_keeps_its_numbers():
    ax = plots.heatmap(pd.DataFrame(np.zeros((40, 2)), columns=["a", "b"]), label="hit@1")
    assert len(labels(ax)) == 16 and ax.get_title(loc="left") == "hit@1 (the first 16 of 40)"
    assert len(ax.akin_data) == 40


def test_differences_leave_out_the_baseline_and_fill_what_is_significant():
    index = pd.MultiIndex.from_product([["hit@1"], ["base", "up", "down"]])
    columns = ["difference", "difference_low", "difference_high", "p"]
    values = [[np.nan] * 4, [0.2, 0.1, 0.3, 0.01], [-0.1, -0.2, 0.1, 0.3]]
    ax = plots.differences(pd.DataFrame(values, index, columns), "hit@1")
    assert labels(ax) == ["down", "up"] and ax.get_xlabel() == "hit@1, difference to base"
    dots = [line for line in ax.lines if line.get_marker() == "o"]
    assert [dot.get_markerfacecolor() for dot in dots] == ["white", BLUE]


def test_strip_frames_hits_and_misses_and_survives_missing_photos(tmp_path):
    Image.new("RGB", (20, 10), "red").save(tmp_path / "a.png")
    items = pd.DataFrame(
        {"title": ["cup $9 and $10", None, "mug"], "image": [str(tmp_path / "a.png"), None, None]},
        index=list("abc"),
    )
    task = Task.same_label("t", Catalogue("c", items), ["x", "x", "y"])
    ranking = Ranking("r", np.array([[1, 2], [0, -1], [0, 1]]), np.zeros((3, 2), np.float32))
    ax = plots.neighbours(task, {"r": ranking}, [0], k=2)
    frames = [mpl.colors.to_hex(p.get_edgecolor(), keep_alpha=False).upper() for p in ax.patches]
    assert frames == [GREEN, ORANGE]
    assert len(ax.images) == 3
    ax.figure.canvas.draw()  # "$9 and $10" is no formula
    assert len(plots.sample(task.corpus).images) == 3


def test_a_map_names_the_seven_most_frequent_labels_and_counts_all():
    sizes = dict(zip("abcdefghi", range(12, 3, -1), strict=True)) | {None: 2}
    points = np.random.default_rng(0).normal(size=(sum(sizes.values()), 2))
    points[0] = np.nan  # an "a" without a vector
    ax = plots.catalogue_map(points, [label for label, n in sizes.items() for _ in range(n)])
    legend = ax.get_legend()
    expected = [
        f"{label} ({n})" for label, n in zip("abcdefg", [11, 11, 10, 9, 8, 7, 6], strict=True)
    ]
    assert [t.get_text() for t in legend.get_texts()] == [*expected, "other (11)"]
    assert legend.get_title().get_text() == "not drawn: 1 without a vector"
    drawn = [c.get_offsets() for c in ax.collections]
    assert sum(map(len, drawn)) == len(points) - 1
    colours = {mpl.colors.to_hex(c.get_facecolor()[0]) for c in ax.collections}
    assert len(colours) == 8
    ax.figure.canvas.draw()
    assert legend.get_window_extent().x0 > ax.get_window_extent().x1  # beside the data


def test_a_map_of_few_labels_has_no_other():
    ax = plots.catalogue_map(
        np.eye(3, 2), ["x", "$5", "x"], mpl.figure.Figure().subplots(), title="t"
    )
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["x (2)", r"\$5 (1)"]
    assert ax.get_title(loc="left") == "t" and ax.get_legend().get_title().get_text() == ""


@pytest.mark.parametrize("width", [ONE_COLUMN, TWO_COLUMNS])
def test_every_figure_keeps_its_numbers_and_fits_its_column(table, width):
    """Nothing is drawn past the edge, whatever the names are like."""
    long = "a method with a rather long name, all text and photo"
    items = pd.DataFrame({"title": ["mug " * 9, "cup"]}, index=["a", "b"])
    task = Task.same_label("t", Catalogue("c", items), ["x", "x"])
    found = Ranking(long, np.array([[1], [0]]), np.ones((2, 1), np.float32))
    lines = {long: pd.Series([0.1, 0.2], [1, 2]), "other": pd.Series([0.3, 0.2], [1, 2])}
    shares = pd.DataFrame({"text": [0.25], "photo": [0.75]}, index=[long])
    points = pd.DataFrame({"x": 1.0, "y": 0.5, "low": 0.4, "high": 0.6}, index=[long, "a"])

    def ax():
        return new_axes(2.5, width)

    drawn = {
        plots.intervals(table.rename({"words": long}), "hit@1", ax(), references={"b": 0.3}): 3,
        plots.curves(lines, ax(), xlabel="k", ylabel="m", references={"flat": 0.15}): 5,
        plots.bars(pd.Series({long: 2, "a": 5}), ax()): 2,
        plots.heatmap(shares, ax()): 1,
        plots.scatter(points, ax()): 2,
        plots.catalogue_map(np.eye(3, 2), [long, long, "y"], ax()): 3,
        plots.neighbours(task, {long: found}, [0], ax(), k=3): 1,
        plots.sample(task.corpus, ax()): 2,
    }
    for ax, rows in drawn.items():
        assert len(ax.akin_data) == rows
        ax.figure.canvas.draw()
        edge = ax.figure.get_tightbbox()
        assert edge.x0 > -0.05 and edge.x1 < width + 0.05


def test_the_numbers_behind_figures_by_hand(table):
    shown = plots.intervals(table, "hit@1", references={"theirs": 0.45}).akin_data
    assert shown["method"].tolist() == ["words", "theirs", "photo"]
    assert shown["kind"].tolist() == ["measured", "reference", "measured"]
    lines = plots.curves(
        {"a": pd.Series([0.1, 0.2], [1, 5])}, xlabel="k", ylabel="ndcg", references={"flat": 0.3}
    ).akin_data
    assert lines.to_dict("list")["ndcg"] == [0.1, 0.2, 0.3] and lines["k"].tolist()[:2] == [1, 5]
    cells = plots.heatmap(pd.DataFrame({"text": [0.25]}, index=["words"])).akin_data
    assert cells.to_dict("list") == {"name": ["words"], "text": [0.25]}


def test_more_lines_than_colours_are_told_apart_by_shape_and_dash():
    ax = plots.curves({str(i): pd.Series([i, i], [1, 2]) for i in range(14)})
    looks = {(line.get_color(), line.get_marker(), line.get_linestyle()) for line in ax.lines}
    assert len(looks) == 14
    heights = sorted(t.xy[1] for t in ax.texts)
    assert min(np.diff(heights)) > 0


def test_every_line_is_named_also_where_names_pile_up():
    ax = plots.curves(
        {f"method {i}": pd.Series([0.1 * i, 1.0], [1, 2]) for i in range(9)},
        references={"best": 1.0},
    )
    page = draw(ax.figure, "svg").decode()
    assert all(f">{name}</text>" in page for name in ("best", *(f"method {i}" for i in range(9))))
