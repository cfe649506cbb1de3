"""A saved figure leaves vector, PNG and its numbers, as wide as a paper's column; bytes repeat."""

import io

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from lib.show import plots
from lib.show.figures import draw, save_figure
from lib.show.style import ONE_COLUMN, TWO_COLUMNS, new_axes

mpl.use("Agg")


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("AKIN_RUN", str(tmp_path))
    return tmp_path / "figures"


def test_a_figure_leaves_svg_pdf_png_and_csv_and_the_same_bytes_twice(run):
    written = []
    for _ in range(2):
        save_figure("line", plots.bars(pd.Series({"a": 1.5, "b, c": 2.0}), xlabel="seconds"))
        written.append({f.name: f.read_bytes() for f in sorted(run.iterdir())})
    assert list(written[0]) == ["line.csv", "line.pdf", "line.png", "line.svg"]
    assert written[0] == written[1]
    assert written[0]["line.csv"].decode() == 'name,seconds\na,1.5\n"b, c",2.0\n'
    assert written[0]["line.svg"].startswith(b"<?xml") and b"<svg" in written[0]["line.svg"]
    assert written[0]["line.pdf"].startswith(b"%PDF") and b"/Type3" not in written[0]["line.pdf"]


@pytest.mark.parametrize("inches", [ONE_COLUMN, TWO_COLUMNS])
def test_files_are_as_wide_as_the_column(run, inches):
    lines = {"a long name of a line": pd.Series([1.0, 2.0], [1, 2])}
    save_figure("f", plots.curves(lines, new_axes(2.0, inches)))
    with Image.open(run / "f.png") as picture:
        assert picture.width == pytest.approx(300 * inches, abs=1)
    assert f'width="{72 * inches:g}pt"' in (run / "f.svg").read_text()


def test_photos_leave_jpg_and_pdf(run):
    ax = plt.figure().subplots()
    ax.imshow(np.zeros((4, 4, 3), np.uint8))
    save_figure("photo", ax, kind="jpg")
    assert sorted(f.name for f in run.iterdir()) == ["photo.jpg", "photo.pdf"]
    Image.open(run / "photo.jpg").verify()


def test_outside_a_run_nothing_is_written_and_a_wrong_kind_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("AKIN_RUN", raising=False)
    monkeypatch.chdir(tmp_path)
    save_figure("f", plt.figure().subplots())
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match=r'"svg" or "jpg".*got \'gif\''):
        save_figure("f", plt.figure().subplots(), kind="gif")


def test_a_figure_without_a_layout_is_cut_to_what_is_drawn():
    ax = plt.figure(figsize=(9, 9)).add_axes((0.4, 0.4, 0.1, 0.1))
    with Image.open(io.BytesIO(draw(ax.figure, "png", dpi=100))) as picture:
        assert picture.width < 300
