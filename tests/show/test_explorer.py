"""The explorer's neighbours equal those of concat and search, its panel reacts, and a gallery takes
its place where nobody can slide.
"""

from __future__ import annotations

import json
import os
import sys

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from lib import Catalogue, Embeddings, Task, concat, search
from lib.files import ROOT
from lib.show import explorer as module
from lib.show.cards import Card
from lib.show.explorer import explore, interactive
from lib.show.neighbourhood import Neighbourhood, with_moves
from lib.show.panel import Panel

N = 60


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    rng = np.random.default_rng(0)
    items = pd.DataFrame(
        {
            "title": [f"mug number {i}" if i % 2 else f"vase number {i}" for i in range(N)],
            "category": ["Home > Mugs" if i % 2 else "Garden > Vases" for i in range(N)],
            "price": np.where(np.arange(N) % 10 == 0, np.nan, np.round(rng.uniform(5, 50, N), 2)),
        },
        index=[f"p{i}" for i in range(N)],
    )
    return Catalogue("toy", items)


@pytest.fixture(scope="module")
def embeddings(catalogue) -> dict[str, Embeddings]:
    """Dense, dense with gaps, sparse: everything that concat takes."""
    rng = np.random.default_rng(1)
    photo = rng.normal(size=(N, 5))
    photo[[3, 7, 20]] = 0  # no photo
    words = np.where(rng.random((N, 30)) < 0.2, rng.random((N, 30)), 0)
    words[[7, 8]] = 0  # product 7 has neither
    return {
        "words": Embeddings("w", catalogue.ids, csr_array(words)),
        "photo": Embeddings("p", catalogue.ids, photo),
        "price": Embeddings("c", catalogue.ids, np.stack([np.ones(N), rng.random(N)], axis=1)),
    }


@pytest.fixture(scope="module")
def task(catalogue) -> Task:
    return Task.same_label("kind", catalogue, catalogue.category(0))


@pytest.mark.parametrize(
    "weights", [(1, 1, 1), (0.2, 0.5, 0.3), (0, 1, 0), (1, 1, 0), (0.05, 0, 0.95), (3, 9, 1)]
)
def test_mixing_rows_equals_concatenating_vectors(catalogue, embeddings, task, weights):
    """The reference builds the fused vectors and searches them, as a notebook would."""
    fused = concat(list(embeddings.values()), weights)
    expected = search(fused, fused, 12, exclude=task.exclude)
    for row in (0, 3, 7, 8, 20, 41):  # with and without photo or words
        found = Neighbourhood(catalogue, embeddings, row, task).nearest(weights)
        kept = expected.positions[row] >= 0
        scores = expected.scores[row][kept]
        assert [c.score for c in found] == pytest.approx(scores.tolist(), abs=2e-6)
        ids = catalogue.ids[expected.positions[row][kept]]
        differ = [i for i, c in enumerate(found) if c.id != ids[i]]
        assert len(differ) <= 2  # ties in rounding
        assert all(abs(scores[i] - found[i].score) < 2e-6 for i in differ)


def test_one_encoder_is_a_weight_of_one(catalogue, embeddings):
    itself = csr_array(np.eye(N))
    alone = search(embeddings["photo"], embeddings["photo"], 12, exclude=itself)
    found = Neighbourhood(catalogue, embeddings, 5).nearest([0, 1, 0])
    assert [c.id for c in found] == list(catalogue.ids[alone.positions[5]])
    without = Neighbourhood(catalogue, embeddings, 3)
    assert without.nearest([0, 1, 0]) == []  # it has no photo
    assert without.nearest([0, 0, 0]) == []  # nothing is weighed


def test_filters_leave_neighbours_of_one_category_and_price(catalogue, embeddings):
    around = Neighbourhood(catalogue, embeddings, 1)
    mugs = around.nearest([1, 1, 1], N, category="Home")
    assert {c.title.split()[0] for c in mugs} == {"mug"}
    assert len(mugs) == N // 2 - 1  # all but itself
    cheap = around.nearest([1, 1, 1], N, price=(5, 20))
    assert cheap and all(5 <= float(c.price) <= 20 for c in cheap)
    assert around.nearest([1, 1, 1], category="Nowhere") == []


def test_hits_are_marked_only_with_a_task(catalogue, embeddings, task):
    found = Neighbourhood(catalogue, embeddings, 1, task).nearest([1, 1, 1])
    assert {c.gain for c in found} == {0.0, 1.0}
    assert all(c.gain == float(c.title.startswith("mug")) for c in found)
    unmarked = Neighbourhood(catalogue, embeddings, 1).nearest([1, 1, 1])
    assert {c.gain for c in unmarked} == {None}


def test_wrong_arguments_say_what_is_wrong(catalogue, embeddings, task):
    with pytest.raises(ValueError, match="'photo': not the products of catalogue 'toy'"):
        explore(catalogue, {"photo": embeddings["photo"].take(range(5))})
    with pytest.raises(ValueError, match="at least one Embeddings"):
        explore(catalogue, {})
    part = Task("t", catalogue.take(range(3)), catalogue, csr_array((3, N)), csr_array((3, N)))
    with pytest.raises(ValueError, match="the task's queries: not the products"):
        explore(catalogue, embeddings, part)


def test_one_product_alone():
    one = Catalogue("one", pd.DataFrame({"title": ["mug"]}, index=["a"]))
    shown = explore(one, {"v": Embeddings("v", one.ids, np.ones((1, 2)))})
    assert "Finds nothing" in shown._repr_html_()


def test_moves_by_hand():
    before = [Card(i, i, "", "") for i in "abc"]
    now = [Card(i, i, "", "") for i in "cxab"]
    assert [c.note for c in with_moves(now, before)] == ["▲ 2", "new", "▼ 2", "▼ 2"]
    assert [c.note for c in with_moves(before, before)] == ["", "", ""]


@pytest.fixture
def panel(catalogue, embeddings, task):
    return Panel(catalogue, embeddings, task)


def shown(panel) -> list[str]:
    return [part.split('"')[0] for part in panel.view.value.split('data-product="')[1:]]


def test_a_slider_moves_the_neighbours(panel):
    before = shown(panel)
    panel.weights[1].value = 1.0
    panel.weights[0].value = 0.0
    panel.weights[2].value = 0.0
    assert shown(panel) != before
    assert shown(panel) == [c.id for c in panel.around.nearest([0, 1, 0])]
    assert "1.00 · photo" in panel.view.value and "▲" in panel.view.value
    panel.weights[1].value = 0.0
    assert shown(panel) == [] and "every weight is 0" in panel.view.value


def test_an_encoder_is_switched_and_its_sliders_rest(panel):
    panel.encoder.value = "words"
    assert shown(panel) == [c.id for c in panel.around.nearest([1, 0, 0])]
    assert all(s.disabled for s in panel.weights)
    panel.encoder.value = panel.encoder.options[0]
    assert not any(s.disabled for s in panel.weights)


def test_searching_offers_and_picks_the_first_match(panel):
    panel.search.value = "MUG 2"  # every word, in any order, in title or id
    labels = [label for label, _ in panel.product.options]
    assert labels and all("mug" in label and "2" in label for label in labels)
    assert panel.product.label == labels[0] and "mug number 21" in panel.view.value
    panel.search.value = "sofa"
    assert "No product matches" in panel.view.value
    panel.search.value = ""
    assert panel.product.value == 0


def test_filters_of_the_panel(panel):
    panel.category.value = "Garden"
    assert all(int(i[1:]) % 2 == 0 for i in shown(panel))
    panel.price.value = (panel.price.min, 20.0)
    prices = panel.catalogue.items["price"][shown(panel)]
    assert len(prices) and (prices <= 20).all()


def test_a_catalogue_without_prices_or_categories_has_a_panel():
    bare = Catalogue(
        "bare", pd.DataFrame({"title": ["<b>one</b>", None, "three"]}, index=list("abc"))
    )
    panel = Panel(bare, {"v": Embeddings("v", bare.ids, np.eye(3) + 0.1)})
    assert panel.price.disabled
    assert len(shown(panel)) == 2 and "<b>one</b>" not in panel.view.value


def test_where_nobody_slides_there_is_a_gallery(catalogue, embeddings, task, monkeypatch):
    monkeypatch.setattr(module, "interactive", lambda: False)
    scenes = explore(catalogue, embeddings, task).scenes
    assert [scene.query.id for scene in scenes] == ["p0", "p1", "p2", "p3"]
    assert list(scenes[1].columns) == ["words", "photo", "price", "equal weights"]
    around = Neighbourhood(catalogue, embeddings, 1, task)
    assert scenes[1].columns["photo"] == around.nearest([0, 1, 0], 6)
    assert scenes[1].columns["equal weights"] == around.nearest([1, 1, 1], 6)
    assert scenes[1].relevant == N // 2 - 1


def test_the_panel_shows_itself_also_without_widgets(catalogue, embeddings, monkeypatch):
    monkeypatch.setattr(module, "interactive", lambda: True)
    bundle = explore(catalogue, embeddings)._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert "akin-gallery" in bundle["text/html"]  # for a front end without the widgets' extension


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, False),  # nbconvert, papermill, a script
        ({"JPY_SESSION_NAME": "a.ipynb"}, True),
        ({"VSCODE_PID": "12"}, True),
        ({"JPY_SESSION_NAME": "a.ipynb", "AKIN_RUN": "reports/x"}, False),
    ],
)
def test_where_widgets_are_on(monkeypatch, variables, expected):
    for name in ("JPY_SESSION_NAME", "VSCODE_PID", "AKIN_RUN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert interactive() is expected


def test_nbconvert_shows_the_static_gallery(tmp_path, catalogue):
    """Executed by nbconvert's own machinery in a kernel of its own, as a person without akin run
    would.
    """
    import subprocess

    import nbformat

    source = """
import numpy as np, pandas as pd
from lib import Catalogue, Embeddings
from lib.show.explorer import explore
items = pd.DataFrame({"title": ["<script>alert(1)</script>", "b", "c"]}, index=list("abc"))
shop = Catalogue("shop", items)
explore(shop, {"v": Embeddings("v", shop.ids, np.eye(3) + 0.1)})
"""
    nbformat.write(
        nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)]), tmp_path / "n.ipynb"
    )
    command = ["-m", "nbconvert", "--execute", "--to", "notebook", "--output", "done", "n.ipynb"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "AKIN_RUN": ""}
    subprocess.run(
        [sys.executable, *command], cwd=tmp_path, env=environment, check=True, capture_output=True
    )
    done = json.loads((tmp_path / "done.ipynb").read_text())
    data = done["cells"][0]["outputs"][0]["data"]
    assert "text/html" in data and "application/vnd.jupyter.widget-view+json" not in data
    assert "widgets" not in done["metadata"]
    assert "<script>alert(1)" not in "".join(data["text/html"])
