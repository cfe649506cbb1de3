"""A saved figure leaves vector, PNG and the numbers behind it; widths are a paper's columns; bytes repeat."""

import io

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from lib import plots
from lib.figures import draw, numbers, save_figure

mpl.use("Agg")


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("AKIN_RUN", str(tmp_path))
    return tmp_path / "figures"


def test_a_figure_leaves_svg_pdf_png_and_csv_and_the_same_bytes_twice(run):
    written = []
    for _ in range(2):
        save_figure("line", plots.bars(pd.Series({"a": 1.5, "b, c": 2.0}), xlabel="seconds", size="one"))
        written.append({f.name: f.read_bytes() for f in sorted(run.iterdir())})
    assert list(written[0]) == ["line.csv", "line.pdf", "line.png", "line.svg"]
    assert written[0] == written[1]
    assert written[0]["line.csv"].decode() == 'name,seconds\na,1.5\n"b, c",2.0\n'
    assert written[0]["line.svg"].startswith(b"<?xml") and b"<svg" in written[0]["line.svg"]
    assert written[0]["line.pdf"].startswith(b"%PDF") and b"/Type3" not in written[0]["line.pdf"]


@pytest.mark.parametrize(("size", "inches"), [("one", 3.35), ("two", 7.0)])
def test_files_are_as_wide_as_the_column(run, size, inches):
    save_figure("f", plots.curves({"a long name of a line": pd.Series([1.0, 2.0], [1, 2])}, size=size))
    with Image.open(run / "f.png") as picture:
        assert picture.width == pytest.approx(300 * inches, abs=1)
    assert f'width="{72 * inches:g}pt"' in (run / "f.svg").read_text()


def test_photos_leave_jpg_and_pdf(run):
    ax = plt.figure().subplots()
    ax.imshow(np.zeros((4, 4, 3), np.uint8))
    save_figure("photo", ax, kind="jpg")
    assert sorted(f.name for f in run.iterdir()) == ["photo.csv", "photo.jpg", "photo.pdf"]
    Image.open(run / "photo.jpg").verify()


def test_outside_a_run_nothing_is_written_and_a_wrong_kind_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("AKIN_RUN", raising=False)
    monkeypatch.chdir(tmp_path)
    save_figure("f", plt.figure().subplots())
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match=r'"svg" or "jpg".*got \'gif\''):
        save_figure("f", plt.figure().subplots(), kind="gif")


def test_numbers_of_foreign_axes_are_read_off_their_marks():
    ax = plt.figure().subplots()
    ax.plot([0, 1], [2.0, 3.0], label="line")
    ax.scatter([5], [6])
    ax.bar([1], [4.0], width=2.0)
    ax.imshow([[7.0, 8.0]])
    table = numbers(ax.figure)
    rows = {(r.mark, r.x, r.y) for r in table.itertuples()}
    assert {("line", 0, 2), ("line", 1, 3), ("dot", 5, 6), ("bar", 2, 4), ("cell", 1, 0)} == rows - {("cell", 0, 0)}
    assert table.loc[table["mark"] == "cell", "value"].tolist() == [7, 8]


def test_panels_are_told_apart():
    left, right = plt.figure().subplots(1, 2)
    plots.bars(pd.Series({"a": 1}), left)
    plots.bars(pd.Series({"b": 2}), right)
    assert numbers(left.figure).to_dict("list") == {"name": ["a", "b"], "value": [1, 2], "panel": [0, 1]}
    assert numbers(plt.figure()).empty


def test_a_figure_without_a_layout_is_cut_to_what_is_drawn():
    ax = plt.figure(figsize=(9, 9)).add_axes((0.4, 0.4, 0.1, 0.1))
    with Image.open(io.BytesIO(draw(ax.figure, "png", dpi=100))) as picture:
        assert picture.width < 300
