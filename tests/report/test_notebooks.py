"""Every notebook: its form by reading it, its work by running it at the small profile."""

import json
import re

import nbformat
import pytest

from lib.files import REPORTS
from lib.report.parallel import run_all
from lib.report.parameters import NOTEBOOKS as FOLDER
from lib.report.parameters import default_parameters, profiles, resolve
from lib.report.runs import plan

NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
NAMES = [n.stem for n in NOTEBOOKS]


def cells(notebook, kind):
    return [c for c in nbformat.read(notebook, 4).cells if c.cell_type == kind]


def test_every_notebook_has_profiles_and_every_profile_a_notebook():
    assert sorted(profiles()) == NAMES
    for name, by_profile in profiles().items():
        assert {"small", "default"} <= set(by_profile), name
        for profile in by_profile:
            assert resolve(FOLDER / f"{name}.ipynb", profile=profile)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=NAMES)
def test_form(notebook):
    code = cells(notebook, "code")
    assert all(not c.outputs and c.execution_count is None for c in code), "stored with outputs"
    assert len(code) + len(cells(notebook, "markdown")) <= 34
    assert max(len(c.source.splitlines()) for c in code if not c.metadata.get("tags")) <= 40
    assert not re.search(r"^\s*(def|class) ", "\n".join(c.source for c in code), re.M), (
        "what deserves a name lives in lib"
    )
    marked = [c for c in code if "parameters" in c.metadata.get("tags", [])]
    assert len(marked) == 1
    assert default_parameters(notebook)
    assert any("record(" in c.source for c in code)
    assert any("## What was learned" in c.source for c in cells(notebook, "markdown")[-3:])


def small_runs(request, test, folder, **asked):
    """The notebooks that a test is run for, at the small profile, two at a time as `akin report`
    runs them.
    """
    chosen = [
        item.callspec.params["notebook"]
        for item in request.session.items
        if getattr(item, "originalname", "") == test
    ]
    options = {"profile": "small", "name": "small", "reports": folder}
    runs = [plan(notebook, asked, **options) for notebook in chosen]
    ended = run_all([run for (run,) in runs], jobs=2)
    return {run.notebook.stem: (run, metrics) for run, metrics in ended}


@pytest.fixture(scope="module")
def on_the_generated_shop(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("small")
    return small_runs(request, "test_runs_at_its_small_profile", folder)


@pytest.fixture(scope="module")
def on_a_bare_shop(request, tmp_path_factory):
    """Runs on a folder with what shops lack: no photos, groups, categories, brands; Chinese titles,
    some of which are missing; prices that cannot be read.
    """
    shop = tmp_path_factory.mktemp("bare")
    kinds, colours = ("马克杯", "台灯", "双肩背包", "连衣裙", "运动鞋"), ("红色", "蓝色", "黑色")
    lines = ["编号,标题,价格"]
    for i in range(90):
        title = f"{colours[i % 3]}{kinds[i % 5]} 新款 第{i // 15}代 {i}号" if i % 9 else ""
        lines.append(f"{i},{title},{'面议' if i % 3 == 0 else 10 + i}")
    (shop / "catalogue.csv").write_text("\n".join(lines))
    folder = tmp_path_factory.mktemp("runs")
    return small_runs(request, "test_runs_on_a_bare_shop", folder, DATASET=str(shop))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=NAMES)
def test_runs_at_its_small_profile(notebook, on_the_generated_shop):
    run, metrics = on_the_generated_shop[notebook.stem]
    assert metrics["status"] == "done", metrics["error"]
    assert metrics["results"], "nothing recorded"
    assert metrics["data"], "no data set recorded"
    page = (run.folder / "notebook.html").read_text()
    assert "<h1" in page


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=NAMES)
def test_runs_on_a_bare_shop(notebook, on_a_bare_shop):
    run, metrics = on_a_bare_shop[notebook.stem]
    assert metrics["status"] == "done", metrics["error"]
    page = (run.folder / "notebook.html").read_text()
    assert "Reference profile" not in page, "what was learned from other data is on the page"


@pytest.mark.parametrize(
    "file",
    sorted((REPORTS / "reference").glob("*/*/metrics.json")),
    ids=lambda f: f"{f.parts[-3]}-{f.parts[-2]}",
)
def test_reference_results_are_of_notebooks_that_exist(file):
    metrics = json.loads(file.read_text())
    assert metrics["notebook"] == file.parts[-3]
    assert metrics["parameters"]["DATASET"] == file.parts[-2]
    assert metrics["notebook"] in NAMES
    assert metrics["status"] == "done"
    assert all(f.stat().st_size < 1_000_000 for f in file.parent.iterdir())
