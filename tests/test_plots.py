"""Figures show the numbers they are given; that they are pleasant to look at, people check."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from lib import Catalogue, Ranking, Task, plots

mpl.use("Agg")


@pytest.fixture
def table():
    index = pd.MultiIndex.from_product([["hit@1"], ["words", "photo"]], names=["metric", "method"])
    return pd.DataFrame({"mean": [0.5, 0.2], "low": [0.4, np.nan], "high": [0.6, np.nan]}, index=index)


def labels(ax):
    return [t.get_text() for t in ax.get_yticklabels()]


def test_intervals_sort_methods_and_draw_references_apart(table):
    ax = plots.intervals(table, "hit@1", references={"theirs": 0.45})
    assert labels(ax) == ["photo", "theirs", "words"]
    assert [t.get_text() for t in ax.texts] == ["0.200", "0.450", "0.500"]
    spans = [line.get_xdata().tolist() for line in ax.lines if len(line.get_xdata()) == 2]
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
        {"one": pd.Series([0.1, 0.2], index=["least", "most"]), "two": pd.Series([0.2, 0.2], index=["least", "most"])}
    )
    assert [t.get_text() for t in ax.get_xticklabels()] == ["least", "most"]
    heights = [t.get_position()[1] for t in ax.texts]
    assert heights[1] > heights[0]  # equal ends, yet the names do not overlap
    assert plots.curves({"x": pd.Series([1.0, 2.0], index=[1, 10])}).lines[0].get_xdata().tolist() == [1, 10]


def test_heatmap_writes_every_cell():
    ax = plots.heatmap(pd.DataFrame({"text": [0.25], "photo": [0.75]}, index=["words"]))
    assert [t.get_text() for t in ax.texts] == ["0.25", "0.75"]


def test_strip_frames_hits_and_misses_and_survives_missing_photos(tmp_path):
    Image.new("RGB", (20, 10), "red").save(tmp_path / "a.png")
    items = pd.DataFrame(
        {"title": ["cup $9 and $10", None, "mug"], "image": [str(tmp_path / "a.png"), None, None]}, index=list("abc")
    )
    task = Task.same_label("t", Catalogue("c", items), ["x", "x", "y"])
    ranking = Ranking("r", np.array([[1, 2], [0, -1], [0, 1]]), np.zeros((3, 2), np.float32))
    ax = plots.neighbours(task, ranking, [0], k=2)
    frames = [mpl.colors.to_hex(p.get_edgecolor(), keep_alpha=False).upper() for p in ax.patches]
    assert frames == [plots.GREEN, plots.ORANGE]
    assert len(ax.images) == 3
    ax.figure.canvas.draw()  # "$9 and $10" is no formula
    assert len(plots.sample(task.corpus).images) == 3


def test_a_map_names_the_seven_most_frequent_labels_and_counts_all():
    sizes = dict(zip("abcdefghi", range(12, 3, -1), strict=True)) | {None: 2}
    points = np.random.default_rng(0).normal(size=(sum(sizes.values()), 2))
    points[0] = np.nan  # an "a" without a vector
    ax = plots.catalogue_map(points, [label for label, n in sizes.items() for _ in range(n)])
    legend = ax.get_legend()
    expected = [f"{label} ({n})" for label, n in zip("abcdefg", [11, 11, 10, 9, 8, 7, 6], strict=True)]
    assert [t.get_text() for t in legend.get_texts()] == [*expected, "other (11)"]
    assert legend.get_title().get_text() == "not drawn: 1 without a vector"
    drawn = [c.get_offsets() for c in ax.collections]
    assert sum(map(len, drawn)) == len(points) - 1
    colours = {mpl.colors.to_hex(c.get_facecolor()[0]) for c in ax.collections}
    assert len(colours) == 8
    ax.figure.canvas.draw()
    assert legend.get_window_extent().x0 > ax.get_window_extent().x1  # beside the data


def test_a_map_of_few_labels_has_no_other():
    ax = plots.catalogue_map(np.eye(3, 2), ["x", "$5", "x"], mpl.figure.Figure().subplots(), title="t")
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["x (2)", r"\$5 (1)"]
    assert ax.get_title(loc="left") == "t" and ax.get_legend().get_title().get_text() == ""
